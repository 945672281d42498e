"""Memory of several processes: what parts divide among them, what rank 0 has beside, and what all have together."""

import pickle
from dataclasses import replace
from typing import Any

import pytest
import torch

from reccl.config import load
from reccl.data.dataset import Dataset
from reccl.data.graph_memory import graph_memory
from reccl.distributed import Group
from reccl.distributed.gathered import AT_ONCE, hop_bytes
from reccl.errors import TrainingError
from reccl.forecast import forecast, forecast_fit, require_memory
from reccl.memory import MemoryEstimate, Need, Phase, Share, Sizes, find_room, require_room, sum_estimates, write_amount
from reccl.training.terms import FullSoftmax, Ranking
from reccl.views import Noise

CPU, GIB = torch.device("cpu"), 2**30
ONE = Sizes(num_users=1_000, num_items=500, interactions=20_000, known=22_000, batch=256, dimension=64)
LEADING = replace(ONE, processes=2)
HELPING = replace(LEADING, leads=False)
TABLE = 4 * 1_500 * 64


def phases(sizes: Sizes, config: str = "methods/lightgcn") -> dict[str, Phase]:
    return {phase.name: phase for phase in forecast_fit("", load(config), sizes, 1_000, (Need("here", 1),))}


class TestParts:
    def test_rows_of_embeddings_and_layers_are_divided(self) -> None:
        encoder = load("methods/lightgcn").encoder
        assert encoder is not None
        table, hop = encoder.memory(LEADING)
        assert (table.held, table.working) == (TABLE / 2, 4 * TABLE / 2)
        assert hop.working == 2 * TABLE  # all columns at once, in gloo's buffer and in ours

    def test_a_large_gathered_table_comes_some_columns_at_a_time(self) -> None:
        large = Sizes(2**24, 2**24, 2**30, processes=8)
        assert hop_bytes(large, 64) == 2 * 2 * large.own_table(64)
        assert hop_bytes(replace(large, processes=64), 64) == 2 * 2 * large.own_table(64) / 8
        assert hop_bytes(replace(large, processes=1024), 64) == 2 * 4 * AT_ONCE

    def test_moments_and_copies_are_those_of_own_rows_and_rank_0_gathers_them_for_a_checkpoint(self) -> None:
        training = load("methods/lightgcn").training
        kept, order, checkpoint = training.memory(LEADING, TABLE // 2)
        assert (kept.held, order.held) == (4 * TABLE / 2, 8 * ONE.interactions)
        assert checkpoint.working == 4 * TABLE + 3 * TABLE / 2
        assert len(training.memory(HELPING, TABLE // 2)) == len(training.memory(ONE, TABLE)) == 2
        none = training.model_copy(update={"checkpoint_seconds": None})
        assert none.memory(LEADING, TABLE // 2)[-1].working == 3 * TABLE / 2  # the best epoch's, a piece at a time

    def test_edges_are_everywhere_and_entries_of_the_matrix_divided(self) -> None:
        assert graph_memory(ONE).held - graph_memory(LEADING).held == 8 * ONE.interactions

    def test_random_rows_of_noise_are_everywhere(self) -> None:
        assert Noise().memory(LEADING) == Noise().memory(ONE)

    def test_rows_of_a_batch_are_everywhere_and_once_more_on_their_way(self) -> None:
        bpr = Ranking.model_validate({"loss": {"kind": "bpr"}, "negatives": {"kind": "uniform", "number": 1}})
        one, two = (bpr.memory(sizes)[0].working for sizes in (ONE, LEADING))
        assert two - one == 4 * 3 * ONE.batch * ONE.dimension

    def test_full_softmax_compares_its_part_of_the_users_with_all_items(self) -> None:
        large = replace(ONE, num_users=10**6, num_items=10**4, batch=2**17)
        one, four = (FullSoftmax().memory(replace(large, processes=number))[0].working for number in (1, 4))
        looked_up = 4 * (2**17 + 10**4) * ONE.dimension
        assert one - four == 16 * ONE.dimension * 2**17 * 3 / 4 - looked_up


class TestARank:
    def test_beside_rank_0_neither_ranks_nor_gathers_a_state(self) -> None:
        def parts(sizes: Sizes) -> set[str]:
            return {need.part for phase in phases(sizes).values() for need in phase.needs}

        assert parts(LEADING) - parts(HELPING) == {"scorer", "known interactions", "evaluation's lists", "a checkpoint"}
        assert phases(LEADING).keys() == phases(HELPING).keys()

    @pytest.mark.parametrize("config", ["methods/lightgcn", "methods/sgl-ed", "methods/simgcl", "methods/softmax-mf"])
    def test_holds_less_with_every_other_one_and_all_together_hold_more(self, config: str) -> None:
        large = replace(ONE, num_users=10**6, num_items=10**5, interactions=10**7, known=10**7)

        def training(processes: int) -> int:
            return phases(replace(large, processes=processes, leads=False), config)["training"].bytes

        assert training(1) > training(2) > training(4)
        assert training(1) < 2 * training(2) < 4 * training(4)

    def test_makes_all_rows_before_it_keeps_its_own(self) -> None:
        beginning = phases(HELPING)["beginning"]
        assert max(need.bytes for need in beginning.needs if "first rows" in need.part) == 2 * TABLE


def share(place: str, left: int | None, held: int, estimate: int, launcher: int = 0) -> Share:
    return Share(place, left, held, launcher, MemoryEstimate((Phase("training", (Need("all", estimate),)),)))


class TestTogether:
    def test_ranks_of_one_machine_share_what_is_left_beside_what_they_hold(self) -> None:
        here = [share("a", 10, 2, 20, launcher=1), share("a", 9, 3, 30, launcher=1)]
        assert find_room(here, None).bytes == 9 + 2 + 3 + 1
        assert find_room(here, 7).bytes == 7
        assert find_room([share("a", None, 2, 20)], None).bytes is None
        assert sum_estimates(here).bytes == 20 + 30 + 1

    def test_phases_are_summed_side_by_side(self) -> None:
        def rank(training: int, evaluation: int) -> Share:
            needs = {"training": training, "evaluation": evaluation}
            made = tuple(Phase(name, (Need("rows", number, 1, ("batch",)),)) for name, number in needs.items())
            return Share("", None, 0, 0, MemoryEstimate(made))

        whole = sum_estimates([rank(5, 9), rank(6, 1)])
        assert (whole.fullest.name, whole.bytes, whole.advice) == ("training", 5 + 6 + 2, ("batch",))

    def test_what_does_not_fit_says_for_how_many_processes(self) -> None:
        whole = sum_estimates([share("a", 0, 0, 3 * GIB), share("a", 0, 0, 2 * GIB)])
        with pytest.raises(TrainingError) as told:
            require_room(whole, find_room([share("a", 4 * GIB, 0, 0)], 4 * GIB))
        assert str(told.value) == (
            "not enough memory: training would take about 5.0 GiB in 2 processes, and 4.0 GiB are allowed; the largest "
            "part is all 5.0 GiB: give less data; start fewer processes; or raise --memory-limit"
        )

    def test_ranks_say_what_they_hold_and_are_refused_on_every_rank_for_the_fullest_machine(
        self, planted_dataset: Dataset, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Four ranks, of which two are on a machine that has nothing left."""
        experiment, said = load("methods/lightgcn"), list[str]()
        other = replace(share("elsewhere", 0, 0, 0), estimate=forecast(experiment, planted_dataset, CPU, Group(2, 4)))
        phases = tuple(replace(phase, needs=(Need("all", 2 * GIB),)) for phase in other.estimate.phases)
        others: list[Share] = []

        def each(group: Group, value: Any) -> Any:
            """As it comes back from all ranks: copies, also of what is its own."""
            return pickle.loads(pickle.dumps([value, replace(value, estimate=fuller), *others] if value else [None]))

        monkeypatch.setattr(Group, "each", each)
        fuller = MemoryEstimate(phases)
        known = require_memory(experiment, planted_dataset, CPU, None, Group(0, 4), said.append)
        assert known["all"] == known["own"] + 2 * GIB
        assert "in 2 processes of" in said[0]
        assert said[0].endswith(f"{write_amount(known['own'])} in rank 0, 2.0 GiB at most in others")
        others = [other, other]
        with pytest.raises(TrainingError, match=r"in 2 processes, and 0 MiB are available"):
            require_memory(experiment, planted_dataset, CPU, None, Group(0, 4), said.append)
