"""What several processes cannot train is refused in one line, before anything is started."""

from typing import Any

import pytest
from typer.testing import CliRunner

from reccl.cli.app import app
from reccl.config import resolve
from reccl.errors import ConfigError
from reccl.processes import check_processes

LIGHTGCN = {"kind": "lightgcn"}
MIXING = {"mix": {"kind": "hop_mixing"}}
DROPOUT = {"kind": "contrast", "first": {"kind": "dropout"}}
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "an encoder": ({"encoder": {"kind": "ngcf"}, "objective": {"ranking": {"kind": "ranking"}}}, r"encoder \(ngcf\)"),
    "dropout of a tower": (
        {"encoder": {"kind": "two_tower", "id_dropout": 0.5}, "objective": {"ranking": {"kind": "ranking"}}},
        r"encoder \(id_dropout of two_tower\)",
    ),
    "a term": (
        {"encoder": LIGHTGCN, "objective": {"mix": {"kind": "hop_mixing"}}},
        r"objective.mix \(term hop_mixing\)",
    ),
    "a view": ({"encoder": LIGHTGCN, "objective": {"two": DROPOUT}}, r"objective.two \(view dropout\)"),
    "no encoder": ({"encoder": None, "objective": {}, "scorer": {"kind": "ease"}}, "encoder is empty"),
}


def experiment_of(given: dict[str, Any]) -> Any:
    return resolve({"name": "planted", "data": {"pipeline": "table", "interactions": "buys.csv"}, **given}, {})


@pytest.mark.parametrize("what", REFUSED)
def test_it_is_refused_by_name(what: str) -> None:
    given, message = REFUSED[what]
    check_processes(experiment_of(given), 1)
    with pytest.raises(ConfigError, match=message):
        check_processes(experiment_of(given), 2)


def test_a_term_of_weight_zero_is_no_hindrance() -> None:
    objective = {"ranking": {"kind": "ranking"}, "two": {**DROPOUT, "weight": 0}}
    check_processes(experiment_of({"encoder": LIGHTGCN, "objective": objective}), 2)


def test_the_message_names_what_can_be_used() -> None:
    with pytest.raises(ConfigError) as refused:
        check_processes(experiment_of(REFUSED["an encoder"][0]), 2)
    encoders, terms, views = str(refused.value).partition(" or use ")[2].split("; ")
    assert set(encoders.replace(",", "").split()) >= {"lightgcn", "matrix_factorization", "two_tower"}
    assert "ngcf" not in encoders
    assert set(terms.replace(",", "").split()) >= {"ranking", "contrast", "cross_layer", "full_softmax", "l2"}
    assert "hop_mixing" not in terms
    assert set(views.replace(",", "").split()) >= {"plain", "edge_drop", "node_drop", "random_walk", "noise"}
    assert "dropout" not in views


def test_the_command_line_refuses_before_it_starts_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reccl.distributed.launch.launch", lambda *_: pytest.fail("started"))
    result = CliRunner().invoke(app, ["train", "--config", "methods/ngcf.yaml", "--workers", "2"])
    assert result.exit_code == 2
    (line,) = result.stderr.splitlines()
    assert line.startswith(
        "error: encoder (ngcf) cannot be trained by 2 processes: train in one, or use encoder lightgcn"
    )
