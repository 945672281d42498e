"""A config either means one thing, or the answer says where it is wrong and what was meant."""

import sys
import time
from pathlib import Path

import pytest

from reccl.config import dump, flatten, load, loads
from reccl.encoders import LightGCN, MatrixFactorization
from reccl.encoders.initialization import Normal
from reccl.errors import ConfigError
from reccl.scorers import EmbeddingScorer, Popularity

GOOD = """\
# A config.
name: good
data:
  pipeline: table
  interactions: buys.csv
encoder:
  kind: lightgcn
  dimension: 16
objective:
  ranking:
    kind: ranking
    loss: {kind: info_nce, temperature: 0.2}
training:
  epochs: 2
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "good.yaml").write_text(GOOD)
    return tmp_path


def refused(*overrides: str, text: str = GOOD) -> str:
    """The answer to a config that cannot mean anything."""
    Path("config.yaml").write_text(text)
    with pytest.raises(ConfigError) as failure:
        load("config.yaml", overrides)
    assert failure.value.exit_code == 2
    return str(failure.value)


class TestFinding:
    def test_a_path_a_local_name_and_a_bundled_name_are_found_in_that_order(self, folder: Path) -> None:
        assert load(folder / "good.yaml").name == "good"
        assert load("smoke").name == load("smoke.yaml").name == "smoke"
        (folder / "configs").mkdir()
        (folder / "configs" / "smoke.yaml").write_text(GOOD.replace("good", "mine"))
        assert load("smoke").name == "mine"
        (folder / "smoke.yaml").write_text(GOOD.replace("good", "here"))
        assert load("smoke").name == "here"

    def test_a_missing_config_lists_near_names_and_places_and_how_to_list_all(self) -> None:
        with pytest.raises(ConfigError) as failure:
            load("movielen.yaml")
        answer = str(failure.value)
        assert answer.startswith("no config 'movielen.yaml'; did you mean 'movielens'")
        assert "tried movielen.yaml, configs/movielen.yaml, /" in answer
        assert answer.endswith("; see reccl config list")
        assert "\n" not in answer

    def test_an_empty_file_and_a_list_are_not_configs(self) -> None:
        for text in ("", "- 1\n- 2\n", "only words"):
            assert refused(text=text) == "config.yaml is not a config: it needs keys such as name, data, encoder"

    def test_a_file_that_is_not_text_is_named(self, folder: Path) -> None:
        (folder / "binary.yaml").write_bytes(b"\xff\xfe\x00\x9f")
        with pytest.raises(ConfigError, match=r"cannot read config binary\.yaml"):
            load("binary.yaml")


class TestMistakes:
    @pytest.mark.parametrize(
        ("right", "wrong", "answer"),
        [
            (
                "dimension: 16",
                "dimention: 16",
                "config.yaml:8: encoder: unknown key 'dimention'; did you mean 'dimension'?",
            ),
            ("epochs: 2", "zzz: 2", "config.yaml:14: training: unknown key 'zzz'; allowed: batch_by, batch_size"),
            ("training:", "trainin:", "config.yaml:13: unknown key 'trainin'; did you mean 'training'?"),
            (
                "temperature: 0.2",
                "temprature: 0.2",
                "config.yaml:12: objective.ranking.loss: unknown key 'temprature'; did you mean 'temperature'?",
            ),
            (
                "interactions: buys.csv",
                "interactoins: buys.csv",
                "config.yaml:5: data: unknown key 'interactoins'; did you mean 'interactions'?",
            ),
            ("dimension: 16", "dimension: many", "config.yaml:8: encoder.dimension: input should be a valid integer"),
            ("dimension: 16", "dimension: 0", "config.yaml:8: encoder.dimension: input should be greater than or"),
            ("epochs: 2", "learning_rate: .inf", "config.yaml:14: training.learning_rate: input should be a finite"),
            (
                "kind: lightgcn",
                "kind: lightgnc",
                "config.yaml:7: encoder: unknown kind 'lightgnc'; did you mean 'lightgcn'?; there are: ",
            ),
            ("  kind: lightgcn\n", "", "config.yaml:6: encoder: needs a key 'kind' that says which part it is"),
            ("name: good\n", "", "config.yaml: name: this key is missing"),
            (
                "pipeline: table",
                "pipeline: tables",
                "config.yaml:4: data: no pipeline 'tables'; did you mean 'table'?; known: adjacency, frame, ",
            ),
            (
                "  pipeline: table\n",
                "",
                "config.yaml:3: data: needs a key 'pipeline' that says how the raw files are read; there",
            ),
            ("epochs: 2", "epochs: 2\n  epochs: 3", "config.yaml:15: key 'epochs' is given twice"),
            ("epochs: 2", "epochs: [2", "config.yaml:15: not valid YAML: "),
            ("encoder:", "ignored:\n  1: 2\nencoder:", "config.yaml:6: unknown key 'ignored'"),
        ],
    )
    def test_the_answer_names_file_line_key_and_what_was_meant(self, right: str, wrong: str, answer: str) -> None:
        assert right in GOOD
        assert refused(text=GOOD.replace(right, wrong)).startswith(answer)

    @pytest.mark.parametrize(
        ("right", "wrong", "answer"),
        [
            ("name: good", "name: go\0od", "config.yaml:2: not valid YAML: character U+0000 cannot stand here"),
            ("name: good", 'name: "go\\0od"', "config.yaml:2: character U+0000 cannot stand in a config"),
            ("name: good", 'name: "\\ud800"', "config.yaml:2: character U+D800 cannot stand in a config"),
            ("name: good", 'name: "a\\nb"', "config.yaml:2: name: name 'a\\nb' has characters that cannot be shown"),
            ("name: good", f"name: {'long' * 99}", "config.yaml:2: name: string should have at most 200 characters"),
            ("name: good", "[name]: good", "config.yaml:2: a key is one word, not a list or a map"),
            ("name: good", "? {name: 1}\n: good", "config.yaml:2: a key is one word, not a list or a map"),
            ("name: good", "name: 2024-99-99", "config.yaml:2: not valid YAML: month must be in 1..12"),
            ("epochs: 2", f"epochs: {'9' * 5000}", "config.yaml:14: a number of 5,000 digits"),
            ("training:\n", "training: &me\n  me: *me\n", "config.yaml: a value contains itself; write it out"),
            ("epochs: 2", f"deep: {'[' * 1500}{']' * 1500}", "config.yaml is nested more than 32 levels deep"),
            ("epochs: 2", f"deep: {'[' * 40}{']' * 40}", "config.yaml is nested more than 32 levels deep"),
            ("epochs: 2", f"deep: [{'1,' * 30_000}]", "config.yaml has more than 20,000 values, its aliases (*name)"),
            ("name: good", f"# {'long' * 300_000}", "config.yaml has 1,048,577 characters; a config has at most "),
            ("  ranking:", "  a b!:", "config.yaml:10: objective.a b!: 'a b!' cannot name a term; use letters, digits"),
        ],
    )
    def test_what_no_config_needs_is_refused_at_once(self, right: str, wrong: str, answer: str) -> None:
        assert refused(text=GOOD.replace(right, wrong)).startswith(answer)

    def test_a_few_lines_of_aliases_cost_nothing(self) -> None:
        lines = [f"a{n}: &a{n} {{{', '.join(f'k{i}: *a{n - 1}' for i in range(9))}}}" for n in range(1, 9)]
        start = time.perf_counter()
        assert "more than 20,000 values" in refused(text="\n".join(["a0: &a0 {x: 1}", *lines]))
        assert time.perf_counter() - start < 2

    def test_keys_are_text_as_they_are_written(self) -> None:
        columns = "{no: {kind: categorical}, 2024: {kind: numeric}}"
        Path("config.yaml").write_text(GOOD.replace("encoder:", f"  features: {{items: {columns}}}\nencoder:"))
        assert list(load("config.yaml").data.features.items) == ["no", "2024"]

    @pytest.mark.parametrize(
        ("override", "answer"),
        [
            ("encoder.dimension=4097", "encoder.dimension: 4,097 is more than 4,096: memory and time grow with it"),
            ("encoder.layers=1000", "encoder.layers: 1,000 is more than 64: embeddings of so many layers are all"),
            ("seed=-1", "seed: -1 is less than 0: generators of NumPy"),
            (f"seed={10**60}", "seed: 1e+60 is more than 4,294,967,295"),
            ("training.learning_rate=1e30", "training.learning_rate: 1e+30 is more than 100: parameters would explode"),
            ("evaluation.cutoffs=[10, 99999]", "evaluation.cutoffs: 99,999 is more than 10,000: lists of so many"),
            (f"evaluation.cutoffs={list(range(1, 300))}", "evaluation.cutoffs: 299 numbers are more than 64"),
            (f"{'a.' * 40}b=1", "the key has 41 parts; no key has more than 32"),
        ],
    )
    def test_numbers_beyond_reason_are_refused_with_the_reason(self, override: str, answer: str) -> None:
        assert answer in refused(override)

    def test_every_mistake_of_a_file_is_answered_at_once_one_line_each(self) -> None:
        text = GOOD.replace("dimension: 16", "dimension: 16\n  layer: 3").replace("epochs: 2", "epochs: -1")
        assert [line.split(": ")[0] for line in refused(text=text).splitlines()] == ["config.yaml:9", "config.yaml:15"]

    def test_a_metric_that_chooses_no_epoch_needs_no_list_of_its_length(self, folder: Path) -> None:
        alone = ("evaluation.cutoffs=[5]", "encoder=null", "objective={}", "scorer.kind=popularity")
        assert load(folder / "good.yaml", alone).training.metric == "ndcg_at_10"
        assert "is not measured" in refused(*alone, "training.metric=ndcg_at_x")
        assert "is not measured" in refused("evaluation.cutoffs=[5]")

    def test_parts_that_do_not_fit_together_are_refused(self) -> None:
        assert "training.metric 'ndcg_at_11' is not measured; did you mean 'ndcg_at_10'" in refused(
            "training.metric=ndcg_at_11"
        )
        assert "Or add 11 to evaluation.cutoffs" in refused("training.metric=ndcg_at_11")
        assert "scorer 'embedding' needs an encoder section" in refused("encoder=null")
        assert "at least one term of weight > 0" in refused("objective.ranking.weight=0")


class TestOverrides:
    def test_values_are_yaml_and_validated_by_the_same_model(self) -> None:
        changed = load("good", ["encoder.dimension=8", "training.patience=null", "evaluation.cutoffs=[5, 10]"])
        assert isinstance(changed.encoder, LightGCN)
        assert (changed.encoder.dimension, changed.training.patience) == (8, None)
        assert changed.evaluation.cutoffs == (5, 10)

    @pytest.mark.parametrize(
        ("override", "answer"),
        [
            ("encoder.dimention=8", "--set encoder.dimention=8: encoder: unknown key 'dimention'; did you mean 'dim"),
            ("encoder.dimension=x", "--set encoder.dimension=x: encoder.dimension: input should be a valid integer"),
            ("enc.dimension=8", "--set enc.dimension=8: unknown key 'enc'"),
            ("encoder.kind=lightgc", "--set encoder.kind=lightgc: encoder: unknown kind 'lightgc'; did you mean"),
            ("encoder.dimension", "--set 'encoder.dimension': write key=value, e.g. --set encoder.dimension=128"),
            ("=8", "--set '=8': write key=value"),
            ("encoder.dimension=[1", "--set 'encoder.dimension=[1': the value is not valid YAML"),
            ("data=gowala", "no data set 'gowala'; did you mean 'gowalla'?; see those in data/ of reccl config list"),
        ],
    )
    def test_a_mistake_names_the_override(self, override: str, answer: str) -> None:
        assert refused(override).startswith(answer)

    @pytest.mark.parametrize(
        ("key", "text"),
        [
            *(("data.user", text) for text in ("no", "#user", "1", "1e5", "@id", "[a]", "2024-01-01", "007", "*")),
            *(("data.separator", text) for text in ("|", "::", "\t", "\\t", ">", "#", "~~")),
            *(("data.interactions", text) for text in ("2024", "2024-01-01", "on")),
            ("name", "007"),
        ],
    )
    def test_a_key_of_text_takes_the_text_as_it_is_written(self, key: str, text: str) -> None:
        value = load("good", [f"{key}={text}"])
        for name in key.split("."):
            value = getattr(value, name)
        assert str(value) == text

    def test_keys_of_other_types_take_what_yaml_makes_of_it(self) -> None:
        data = load("good", ["data.timestamp=null", "data.since=2024-01-01", "data.users_id='no'", "data.weight="]).data
        assert (data.timestamp, str(data.since), data.users_id, data.weight) == (None, "2024-01-01", "no", None)

    def test_a_data_set_by_name_takes_the_place_of_the_whole_section(self) -> None:
        data = load("good", ["data=gowalla"]).data
        assert (data.pipeline, data.source) == ("adjacency", "gowalla")
        assert data.split is not None
        assert data.split.kind == "predefined"

    def test_keys_of_a_data_set_can_be_overridden_in_any_order(self) -> None:
        for overrides in (["data=gowalla", "data.split.seed=7"], ["data.split.seed=7", "data=gowalla"]):
            split = load("good", overrides).data.split
            assert split is not None
            assert split.seed == 7

    def test_choosing_another_part_starts_its_section_afresh(self) -> None:
        changed = load("good", ["encoder.dimension=8", "encoder.kind=matrix_factorization"])
        assert changed.encoder == MatrixFactorization(dimension=8)
        assert load("good", ["encoder.kind=matrix_factorization"]).encoder == MatrixFactorization()
        assert load("good", ["encoder.kind=lightgcn"]).encoder == load("good").encoder
        assert load("good", ["data.pipeline=movielens"]).data.arguments().get("interactions") is None

    def test_a_pipeline_chosen_beside_named_data_reads_other_files(self) -> None:
        own = ["data.pipeline=adjacency", "data.train=mine/train.txt"]
        for named in ("gowalla", "ml-100k"):  # of this pipeline, and of another
            data = load("good", [f"data={named}", *own]).data
            assert (data.source, data.split) == (None, None)
            assert data.arguments()["train"] == Path("mine/train.txt")
        assert load("good", [*own, "data=gowalla"]).data == load("good", ["data=gowalla", own[1]]).data
        assert load("good", ["data=gowalla", own[1]]).data.source == "gowalla"

    def test_keys_of_a_default_part_need_no_kind(self) -> None:
        assert load("good", ["scorer.similarity=cosine"]).scorer == EmbeddingScorer(similarity="cosine")
        assert load("good", ["encoder.initialization.deviation=1"]).encoder == LightGCN(
            dimension=16, initialization=Normal(deviation=1)
        )

    def test_a_section_can_be_given_whole(self) -> None:
        changed = load("good", ["encoder=null", "objective={}", "scorer={kind: popularity}"])
        assert (changed.encoder, changed.objective, changed.scorer) == (None, {}, Popularity())


class TestRoundTrip:
    def test_a_dump_holds_every_default_and_loads_to_an_equal_experiment(self) -> None:
        experiment = load("good", ["training.max_grad_norm=1", "scorer.similarity=cosine"])
        assert loads(dump(experiment)) == experiment
        assert "patience: 10" in dump(experiment)

    def test_flat_has_every_leaf_by_its_dotted_key(self) -> None:
        leaves = flatten(load("good"))
        assert leaves["objective.ranking.loss.temperature"] == 0.2
        assert leaves["data.interactions"] == "buys.csv"
        assert leaves["data.split"] is None

    def test_an_experiment_cannot_be_changed_after_loading(self) -> None:
        experiment = load("good")
        with pytest.raises(ValueError, match="frozen"):
            experiment.seed = 1  # type: ignore[misc]


class TestOutsideParts:
    """A part that lives in somebody else's package, named by its class."""

    @pytest.fixture(autouse=True)
    def package(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (folder / "shop_parts.py").write_text(
            "from reccl.encoders import MatrixFactorization\n"
            "from reccl.scorers.popularity import Popularity\n"
            "class Small(MatrixFactorization):\n"
            "    dimension: int = 2\n"
            "    extra: float = 0.5\n"
            "    '''Something of its own.'''\n"
            "class Stranger:\n"
            "    pass\n"
        )
        monkeypatch.syspath_prepend(folder)
        monkeypatch.delitem(sys.modules, "shop_parts", raising=False)

    def test_it_loads_validates_and_comes_back_from_its_dump(self) -> None:
        experiment = load("good", ["encoder.class=shop_parts.Small", "encoder.extra=0.25"])
        assert type(experiment.encoder).__name__ == "Small"
        assert "class: shop_parts.Small" in dump(experiment)
        again = loads(dump(experiment))
        assert again == experiment
        assert type(again.encoder) is type(experiment.encoder)
        assert flatten(experiment)["encoder.extra"] == 0.25

    @pytest.mark.parametrize(
        ("override", "answer"),
        [
            ("encoder.class=shop_parts.Stranger", "shop_parts.Stranger is not a subclass of EncoderSettings"),
            ("encoder.class=shop_parts.Popularity", "shop_parts.Popularity is not a subclass of EncoderSettings"),
            ("encoder.class=shop_parts.Nothing", "cannot import shop_parts.Nothing: "),
            ("encoder.class=no_such_package.Part", "cannot import no_such_package.Part: No module named"),
            ("encoder.class=word", "class 'word' is not a dotted path such as my_package.module.MySettings"),
            ("encoder.class=.shop_parts.Small", "class '.shop_parts.Small' is not a dotted path"),
            ("encoder={class: shop_parts.Small, extre: 1}", "encoder: unknown key 'extre'; did you mean 'extra'?"),
        ],
    )
    def test_what_is_no_such_part_is_refused(self, override: str, answer: str) -> None:
        told = refused(override)
        assert answer in told
        assert told.startswith("--set encoder")
        assert "\n" not in told
