"""Memory: amounts as they are written, limits of machine and container, phases, refusals, and what each part tells."""

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch

import reccl
from reccl.bundle import available
from reccl.config import Experiment, load
from reccl.data.dataset import Dataset
from reccl.data.graph_memory import graph_memory
from reccl.errors import ConfigError, TrainingError
from reccl.forecast import forecast, forecast_fit, sizes_of
from reccl.memory import (
    MemoryEstimate,
    Need,
    Phase,
    Room,
    Sizes,
    available_memory,
    held_memory,
    one_after_another,
    parse_amount,
    peak_memory,
    require_room,
    within,
)
from reccl.recommend.scoring_memory import forecast_loading, forecast_scoring
from reccl.scorers import Ease, Random
from reccl.scorers.selection import Blend, GridSearch
from reccl.training.terms import L2, FullSoftmax, Ranking

GIB = 2**30
CPU = torch.device("cpu")
CONFIGS = [name for name in available("configs", ".yaml") if not name.startswith(("data/", "spaces/", "studies/"))]
SIZES = Sizes(num_users=1_000, num_items=500, interactions=20_000, known=22_000, batch=256, dimension=8)


class TestAmount:
    @pytest.mark.parametrize(
        ("text", "amount"),
        [
            ("4GiB", 4 * GIB),
            ("512 MiB", GIB // 2),
            ("0.5gib", GIB // 2),
            ("1.5GB", 1_500_000_000),
            ("100000000B", 10**8),
        ],
    )
    def test_is_read_with_its_unit(self, text: str, amount: int) -> None:
        assert parse_amount(text) == amount

    @pytest.mark.parametrize("text", ["", "4", "GiB", "4 Gigs", "-4GiB", "1e3GiB", "4GiB8", "nan GiB", "0GiB", "٤GiB"])
    def test_of_no_meaning_is_refused_in_a_line(self, text: str) -> None:
        with pytest.raises(ConfigError, match="such as 4GiB") as told:
            parse_amount(text)
        assert "\n" not in str(told.value)


class TestAvailableMemory:
    def test_of_this_process_is_more_than_it_holds(self) -> None:
        there = available_memory()
        assert there is None or there > held_memory() > 2**20
        assert peak_memory() >= held_memory() - 2**20

    def machine(self, root: Path, group: str, files: dict[str, str]) -> Path:
        (root / "proc/self").mkdir(parents=True)
        (root / "proc/meminfo").write_text("MemTotal:  33554432 kB\nMemAvailable:  16777216 kB\n")
        (root / "proc/self/cgroup").write_text(group)
        for name, text in files.items():
            path = root / "sys/fs/cgroup" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return root

    def left(self, root: Path) -> int:
        there = available_memory(root)
        assert there is not None
        return there - held_memory()

    def test_without_a_limit_is_the_machines(self, tmp_path: Path) -> None:
        root = self.machine(tmp_path, "0::/user.slice\n", {"user.slice/memory.max": "max\n"})
        assert abs(self.left(root) - 16 * GIB) < 2**20

    def test_in_a_container_is_what_its_limit_leaves_without_the_cache_of_files(self, tmp_path: Path) -> None:
        files = {
            "memory.max": f"{4 * GIB}",
            "memory.current": f"{3 * GIB}",
            "memory.stat": f"inactive_file {2 * GIB}\n",
        }
        root = self.machine(tmp_path, "0::/\n", files)
        assert abs(self.left(root) - 3 * GIB) < 2**20

    def test_of_nested_groups_the_tightest_counts(self, tmp_path: Path) -> None:
        inner = {"job/step/memory.max": f"{8 * GIB}", "job/step/memory.current": "0", "job/step/memory.stat": ""}
        outer = {"job/memory.max": f"{2 * GIB}", "job/memory.current": f"{GIB}", "job/memory.stat": ""}
        root = self.machine(tmp_path, "0::/job/step\n", inner | outer)
        assert abs(self.left(root) - GIB) < 2**20

    def test_knows_the_first_version_of_control_groups(self, tmp_path: Path) -> None:
        names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "memory.stat")
        values = (f"{6 * GIB}", f"{2 * GIB}", f"total_inactive_file {GIB}\n")
        files = {f"memory/docker/{name}": value for name, value in zip(names, values, strict=True)}
        root = self.machine(tmp_path, "9:cpu,cpuacct:/docker\n4:memory:/docker\n", files)
        assert abs(self.left(root) - 5 * GIB) < 2**20

    def test_is_unknown_where_nothing_says(self, tmp_path: Path) -> None:
        assert available_memory(tmp_path) is None


class TestAnEstimate:
    def test_is_the_sum_of_its_fullest_phase(self) -> None:
        one = Phase("training", (Need("a", 5), Need("b", 1, 9)))
        other = Phase("evaluation", (Need("a", 5), Need("c", 3)))
        estimate = MemoryEstimate((one, other))
        assert (estimate.bytes, estimate.fullest, estimate.largest.part) == (15, one, "b")

    def test_counts_what_works_one_after_another_once(self) -> None:
        needs = one_after_another([Need("a", 1, 5), Need("b", 2, 9), Need("c", 3)])
        assert sum(need.bytes for need in needs) == 1 + 2 + 3 + 9

    def test_that_fits_passes_and_one_that_does_not_says_what_is_large_and_what_to_lower(self) -> None:
        needs = (Need("libraries", GIB), *within("scorer", [Need("parts.items", 8 * GIB, smaller=("max_items",))]))
        estimate = MemoryEstimate((Phase("evaluation", needs),))
        require_room(estimate, Room(9 * GIB))
        require_room(estimate, Room(int(7.5 * GIB)))  # within what the estimate may be too high by
        with pytest.raises(TrainingError, match=r"and 7\.5 GiB are allowed"):
            require_room(estimate, Room(int(7.5 * GIB), "allowed"))
        require_room(estimate, Room(None))
        with pytest.raises(TrainingError) as told:
            require_room(estimate, Room(4 * GIB))
        assert str(told.value) == (
            "not enough memory: evaluation would take about 9.0 GiB, and 4.0 GiB are available; the largest part is "
            "scorer.parts.items 8.0 GiB: lower scorer.max_items; or --memory-limit, if there is more"
        )

    def test_says_what_there_is(self) -> None:
        estimate = MemoryEstimate((Phase("training", (Need("all", 2 * GIB),)),))
        assert estimate.describe(Room(4 * GIB)) == "memory: about 2.0 GiB of 4.0 GiB available"
        assert estimate.describe(Room(4 * GIB, "allowed")) == "memory: about 2.0 GiB of 4.0 GiB allowed"
        assert estimate.describe(Room(None)) == "memory: about 2.0 GiB"


class TestParts:
    def test_lightgcn_holds_its_table_and_passes_through_its_layers(self) -> None:
        encoder = load("methods/lightgcn").encoder
        assert encoder is not None
        (need,) = encoder.memory(SIZES)  # 64 components, 3 layers
        table = 1_500 * 64 * 4
        assert (need.held, need.working) == (table, 4 * table)

    def test_adam_keeps_gradients_two_moments_and_the_best_epochs_copy(self) -> None:
        kept, order = load("methods/lightgcn").training.memory(SIZES, 1_000)
        assert (kept.held, kept.working, order.held) == (4_000, 2_000, 8 * 20_000)

    def test_sgl_passes_three_times_and_lists_directed_edges_once(self) -> None:
        experiment = load("methods/sgl-ed")
        needs = {need.part: need for phase in self.phases(experiment) for need in phase.needs}
        assert needs["encoder's passes"].held == 3 * 4 * 1_500 * 64 * 4
        assert sum(need.part == "directed edges" for need in self.phases(experiment)[0].needs) == 1
        left = round(2 * 0.9 * 20_000)
        assert needs["objective.contrast.first"].held == needs["objective.contrast.second"].held == 8 * left

    def phases(self, experiment: Experiment) -> list[Phase]:
        return forecast_fit("", experiment, SIZES, 1_000, (Need("here", 1),))

    def test_a_graph_has_three_numbers_a_row_and_two_entries(self) -> None:
        assert graph_memory(SIZES).held == 12 * 20_000 + 16 * 20_000 + 40 * 1_500

    def test_ease_holds_one_square_and_works_with_another(self) -> None:
        (need,) = Ease().memory(Sizes(10**6, 20_000, 10**6))
        assert (need.held, need.working, need.smaller) == (4 * 20_000**2, 4 * 20_000**2, ("max_items",))

    def test_ease_beyond_its_catalog_needs_nothing_since_it_is_refused(self) -> None:
        assert Ease(max_items=100).memory(SIZES) == ()

    def test_a_blend_names_its_parts_and_leaves_out_what_does_not_fit(self) -> None:
        blend = Blend(parts={"items": GridSearch(scorer=Ease(), grid={"l2": [1.0, 2.0]}), "none": Ease(max_items=10)})
        first, *_ = blend.memory(SIZES)
        assert (first.part, first.smaller) == ("parts.items.scorer", ("parts.items.scorer.max_items",))
        assert not any("none" in need.part for need in blend.memory(SIZES))

    def test_a_refit_selects_nothing_so_that_no_scores_of_parts_are_held(self) -> None:
        blend = Blend(parts={"items": GridSearch(scorer=Ease(), grid={"l2": [1.0, 2.0]}), "random": Random()})
        settled = blend.selected()
        assert blend.memory(SIZES)[-1].working > 0
        assert settled.memory(SIZES)[-1].working == 0
        assert settled.memory(SIZES)[0] == replace(
            blend.memory(SIZES)[0], working=Ease().memory(SIZES)[0].working
        )  # one square beside its own, and none of another l2

    def test_candidates_bound_a_full_softmax(self) -> None:
        large = Sizes(10**6, 10**6, 10**7, batch=4096, dimension=64)
        whole, some = (FullSoftmax(candidates=number).memory(large)[0].working for number in (None, 1_000))
        assert some < whole

    def test_a_full_softmax_has_rows_of_interactions_only_where_it_masks_known_ones(self) -> None:
        of_all, masked = (
            FullSoftmax.model_validate({"known": known}).memory(replace(SIZES, batch=100_000))[0].working
            for known in ("negative", "masked")
        )
        assert masked - of_all == 4 * 4 * 100_000 * SIZES.dimension  # rows, directions, and gradients of both

    def test_rows_that_are_compared_by_their_products_have_no_directions(self) -> None:
        dot, cosine = (
            Ranking.model_validate({"loss": {"kind": "bpr", "similarity": kind}}).memory(SIZES)[0].working
            for kind in ("dot", "cosine")
        )
        rows = 2 * SIZES.batch + Ranking.model_validate({"loss": {"kind": "bpr"}}).negatives.count(SIZES.batch)[0]
        assert cosine - dot == 2 * 4 * rows * SIZES.dimension

    def test_l2_looks_up_two_rows_of_an_interaction(self) -> None:
        assert L2().memory(SIZES)[0].working == 2 * (4 * 2 * SIZES.batch * SIZES.dimension)

    def test_negatives_of_every_row_need_rows_of_their_own(self) -> None:
        few, many = (
            Ranking.model_validate({"negatives": {"kind": "uniform", "number": number}}).memory(SIZES)[0].working
            for number in (1, 100)
        )
        assert many - few >= 16 * 99 * 256 * 8

    @pytest.mark.parametrize("name", CONFIGS)
    def test_of_every_config_grow_with_every_size(self, name: str) -> None:
        experiment = load(name)

        def estimate(sizes: Sizes) -> int:
            phases = forecast_fit("", experiment, sizes, sizes.num_users, (Need("here", 1),))
            return MemoryEstimate(tuple(phases)).bytes

        small = estimate(SIZES)
        assert small > graph_memory(SIZES).bytes
        for field in ("num_users", "num_items", "interactions", "known", "batch", "dimension"):
            larger = estimate(Sizes(**{**vars(SIZES), field: 2 * getattr(SIZES, field)}))
            assert larger >= small, field
        one = ("on_gpu", "processes", "leads")
        grown = Sizes(**{name: 2 * value for name, value in vars(SIZES).items() if name not in one})
        assert estimate(grown) > small


@pytest.fixture(scope="module")
def data() -> Dataset:
    pairs = itertools.product(range(40), range(12))
    rows = [(user, (user % 4) + 4 * item) for user, item in pairs if (user + item) % 3]
    return Dataset.from_frame(pl.DataFrame(rows, schema=["user", "item"], orient="row"))


class TestARun:
    def test_says_what_it_expects_and_records_it(self, data: Dataset) -> None:
        model = reccl.train("methods/ease", data, progress=False)
        expected = model.timing["estimated_memory_gib"]
        assert 0 < expected < 4
        assert model.timing["peak_memory_gib"] < 4

    def test_that_is_allowed_less_is_refused_before_anything_is_built(
        self, data: Dataset, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def build(*_: object, **__: object) -> None:
            raise AssertionError("it was built")

        monkeypatch.setattr(Dataset, "build_graph", build)
        with pytest.raises(TrainingError, match=r"not enough memory: .* and 50 MiB are allowed; the largest part is"):
            reccl.train("methods/lightgcn", data, memory_limit="50MiB", progress=False)
        with pytest.raises(ConfigError, match="memory_limit 'much'"):
            reccl.train("methods/lightgcn", data, memory_limit="much", progress=False)

    def test_with_a_refit_has_phases_of_its_own(self, data: Dataset) -> None:
        experiment = load("methods/lightgcn")
        names = [phase.name for phase in forecast(experiment, data, CPU).phases]
        assert names == ["training", "evaluation", "refit: training", "refit: evaluation"]
        assert sizes_of(experiment, data).interactions == data.train.height

    def test_does_not_count_what_the_process_held_before_and_gave_back(self, data: Dataset) -> None:
        experiment = load("methods/popularity")
        before = forecast(experiment, data, CPU).bytes
        passing = np.ones(2**26)  # 512 MiB
        del passing
        after = forecast(experiment, data, CPU).bytes
        assert after - before < 2**28
        assert peak_memory() > before

    def test_with_a_pilot_counts_its_candidates(self, data: Dataset) -> None:
        names = [phase.name for phase in forecast(load("best"), data, CPU).phases]
        assert "pilot.candidates.sharp: training" in names


class TestScoring:
    @pytest.fixture(scope="class")
    def model(self, data: Dataset) -> reccl.Recommender:
        return reccl.train("methods/svd", data, progress=False)

    def test_of_all_users_is_refused_where_it_does_not_fit(self, model: reccl.Recommender, tmp_path: Path) -> None:
        with pytest.raises(TrainingError, match="not enough memory: scoring would take"):
            model.write_recommendations(tmp_path / "lists", memory_limit="10MB")
        assert not (tmp_path / "lists").exists()
        model.write_recommendations(tmp_path / "lists", k=3, memory_limit="64GiB")
        assert len(list((tmp_path / "lists").iterdir())) == 1

    def test_from_a_folder_counts_the_model_that_is_not_loaded_yet(
        self, model: reccl.Recommender, tmp_path: Path
    ) -> None:
        model.save(tmp_path / "model")
        loading, scoring = forecast_loading(tmp_path / "model", 20), forecast_scoring(model.model, 20)
        there = {need.part for need in scoring.fullest.needs}
        (whole,) = (need for need in loading.fullest.needs if need.part not in there)
        assert whole.part == "the model"
        assert whole.held >= (tmp_path / "model" / "model.safetensors").stat().st_size

    def test_from_a_damaged_folder_leaves_the_error_to_loading(self, tmp_path: Path) -> None:
        (tmp_path / "model.json").write_text('{"users": 3, "items": 4}')
        (tmp_path / "model.safetensors").write_bytes(b"\xff" * 64)
        assert forecast_loading(tmp_path, 20).fullest.name == "scoring"
