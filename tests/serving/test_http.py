"""`mlflow models serve` by HTTP: lists are those of `reccl recommend`, and a bad request is one line, status 400."""

import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import polars as pl
import pytest
from polars.testing import assert_frame_equal

import reccl

NEW = {"item": [9001, 9002], "group": ["g1", "g2"], "tags": [["t1"], ["t2"]], "size": [1.0, None], "title": ["A", "B"]}


def post(server: str, rows: list[dict[str, Any]], body: bytes | None = None, **params: Any) -> tuple[int, Any]:
    """Status and body of an answer."""
    sent = body or json.dumps({"dataframe_records": rows, "params": params}).encode()
    request = Request(f"{server}/invocations", sent, {"Content-Type": "application/json"})
    try:
        with urlopen(request, timeout=60) as answer:
            return answer.status, json.load(answer)
    except HTTPError as error:
        return error.code, json.load(error)


def lists(server: str, rows: list[dict[str, Any]], **params: Any) -> pl.DataFrame:
    """A good answer as a table."""
    status, answer = post(server, rows, **params)
    assert status == 200, answer
    return pl.DataFrame(answer["predictions"], infer_schema_length=None)


def recommend(tmp_path, *options: str) -> pl.DataFrame:
    """What the command line writes."""
    out = tmp_path / "lists.parquet"
    command = [sys.executable, "-c", "from reccl.cli.app import main; main()", "recommend", "--out", str(out)]
    done = subprocess.run([*command, *options], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return pl.read_parquet(out)


def assert_same(found: pl.DataFrame, expected: pl.DataFrame) -> None:
    """The same users, items, ranks and sources, and scores to float rounding."""
    typed = found.cast({name: kind for name, kind in expected.schema.items() if not kind.is_nested()})
    assert_frame_equal(typed.sort("user", "rank"), expected.sort("user", "rank"), rel_tol=1e-5, abs_tol=1e-6)


def test_lists_are_those_of_the_command_line_and_mistakes_are_one_line(
    server: str, recorded: reccl.Recommender, tmp_path
) -> None:
    histories = {"zoe": [10, 22, 34], "u007": [13, 25]}
    rows = [{"user": user, "history": items} for user, items in histories.items()]
    rows += [{"user": "u003"}, {"user": "stranger"}]
    pl.DataFrame([{"user": u, "item": i} for u, items in histories.items() for i in items]).write_csv("today.csv")
    pl.DataFrame(NEW).write_parquet("new.parquet")
    (tmp_path / "asked.txt").write_text("\n".join(row["user"] for row in rows))
    rules = {"where": "size > 1 or 't2' in tags", "deny": [16, 31], "at_most": {"group": 2}}
    expected = recommend(
        tmp_path,
        *("--users", str(tmp_path / "asked.txt"), "--history", "today.csv", "--new-items", "new.parquet", "--k", "7"),
        *("--where", rules["where"], "--deny", "16,31", "--at-most", "group=2", "--item-columns", "title,tags"),
    )
    found = lists(server, rows, k=7, new_items=NEW, rules=rules, item_columns=["title", "tags"])
    assert_same(found, expected)
    assert found["user"].unique(maintain_order=True).to_list() == [row["user"] for row in rows]
    assert set(found["source"]) >= {"fold_in", "model", "popularity"}
    for rows, params, said in (
        ([{"usr": "u003"}], {}, "no column 'usr'; there are: user, history"),
        ([{"user": "u003"}], {"where": "size > 1"}, "no parameter 'where'; there are: k, "),
        ([{"user": "u003", "history": "10"}], {}, "history of user 'u003' is '10': give a list"),
        ([{"user": "u003"}], {"rules": {"where": "price > 1"}}, "no column 'price'"),
        ([{"user": "u003"}], {"k": 0}, "k: input should be greater than or equal to 1"),
    ):
        status, answer = post(server, rows, **params)
        assert (status, set(answer)) == (400, {"error_code", "message"})
        assert said in answer["message"]
        assert "\n" not in answer["message"]
    for body in (
        b"{",
        b"[]",
        b"{}",
        b'{"dataframe_records": 5}',
        b'{"dataframe_records": [{"user": "a"}], "params": 3}',
    ):
        status, answer = post(server, [], body)
        assert status == 400
        assert "Traceback" not in json.dumps(answer)
    assert lists(server, [{"user": "u003"}], k=2)["rank"].to_list() == [1, 2]  # it goes on


def memory_below(process: int) -> int:
    """KiB of the descendants of a process that are in memory."""
    found = 0
    for child in Path(f"/proc/{process}/task/{process}/children").read_text().split():
        status = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{child}/status").read_text())
        found += int(status[1] if status else 0) + memory_below(int(child))
    return found


@pytest.mark.slow
def test_thousands_of_requests_from_several_clients_need_no_more_memory(
    server: str, recorded: reccl.Recommender
) -> None:
    users = recorded.user_ids.to_list()
    rules = {"where": "size > 1", "at_most": {"group": 2}}
    kinds = [
        lambda user: lists(server, [{"user": user}], k=5),
        lambda user: lists(server, [{"user": f"new {user}", "history": [10, 22, 34]}], k=5, explain=2),
        lambda user: lists(server, [{"user": user}], k=5, rules=rules, new_items=NEW, item_columns=["title"]),
        lambda user: post(server, [{"user": user}], k=0),
    ]
    sizes = []
    with ThreadPoolExecutor(4) as clients:
        for _ in range(4):
            for kind in kinds:
                answers = list(clients.map(kind, users * 2))
                assert all(one[0] == 400 if isinstance(one, tuple) else one.height == 5 for one in answers)
            sizes.append(memory_below(os.getpid()))
    assert sizes[-1] < 1.05 * sizes[0]
