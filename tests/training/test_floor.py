"""Whatever the encoder and the loss, training finds the planted blocks: it beats popularity by far."""

import pytest
import torch

from reccl.data.dataset import Dataset
from reccl.data.graph import Graph
from reccl.encoders import EGCF, NGCF, AlphaRec, EncoderSettings, LightGCN, MatrixFactorization, TwoTower
from reccl.evaluation import Evaluation, evaluate
from reccl.losses import BPR, BilateralSoftmax, InfoNCE, SupCon
from reccl.negatives import Hard, InBatch, Uniform
from reccl.scorers import EmbeddingScorer, Popularity, Scorer
from reccl.training import Contrast, FullSoftmax, Objective, Ranking, TermSettings, Training, fit
from reccl.training.temperatures import Adaptive, Learnable, Scheduled
from reccl.training.terms import (
    Bootstrap,
    Bottleneck,
    FeatureContrast,
    HopMixing,
    MixedRanking,
    MixingContrast,
    NeighborhoodAggregation,
    SoftmaxAtK,
)
from reccl.views import EdgeDrop, FeatureMask, Plain

ENCODERS = {
    "matrix_factorization": MatrixFactorization(dimension=16),
    "lightgcn": LightGCN(dimension=16, layers=2),
    "two_tower": TwoTower(dimension=16, hidden=(32,), feature_dimension=4),
}
CORRECTED = InfoNCE(popularity_correction=1.0)
OBJECTIVES: dict[str, dict[str, TermSettings]] = {
    "info_nce": {"ranking": Ranking(loss=CORRECTED)},
    "bpr": {"ranking": Ranking(loss=BPR(), negatives=Uniform(number=4))},
    "full_softmax": {"ranking": FullSoftmax()},
    "sgl": {"ranking": Ranking(loss=CORRECTED), "contrast": Contrast()},
}

REMEMBERING: dict[str, dict[str, TermSettings]] = {
    "learnable temperature": {"ranking": Ranking(loss=CORRECTED, temperature=Learnable())},
    "scheduled temperature": {"ranking": Ranking(loss=CORRECTED, temperature=Scheduled())},
    "adap-tau": {"ranking": Ranking(loss=CORRECTED, temperature=Adaptive())},
    "queue": {"ranking": Ranking(loss=CORRECTED, queue=512)},
    "moco": {"ranking": Ranking(loss=CORRECTED), "contrast": Contrast(momentum=0.9, queue=256)},
    "buir": {"bootstrap": Bootstrap(momentum=0.9, online=EdgeDrop(), target=EdgeDrop())},
    "selfcf": {"bootstrap": Bootstrap()},
    "recdcl": {
        "features": FeatureContrast(),
        "bootstrap": Bootstrap(weight=5, history=0.1, target=Plain(), rank_by="embeddings"),
    },
}
"""Objectives that learn or remember something beside the encoder."""

OTHERS: dict[str, tuple[EncoderSettings, dict[str, TermSettings]]] = {
    "ngcf": (NGCF(dimension=32, layers=1), {"ranking": Ranking(loss=CORRECTED)}),
    "egcf": (EGCF(dimension=16, layers=2), {"ranking": Ranking(loss=CORRECTED)}),
    "sup_con": (
        LightGCN(dimension=16, layers=2),
        {"ranking": Ranking(loss=SupCon(popularity_correction=1), negatives=InBatch(mask_known=True))},
    ),
    "bsl over several positives": (
        MatrixFactorization(dimension=16),
        {"ranking": Ranking(loss=BilateralSoftmax(positives="several"), negatives=Uniform(number=16))},
    ),
    "softmax at k": (MatrixFactorization(dimension=16), {"ranking": SoftmaxAtK(negatives=Uniform(number=16))}),
    "hardest of a pool": (
        MatrixFactorization(dimension=16),
        {"ranking": Ranking(loss=BPR(), negatives=Hard(pool=Uniform(number=4)))},
    ),
    "mixgcf": (LightGCN(dimension=16, layers=1), {"ranking": HopMixing(negatives=Uniform(number=4))}),
    "lightccf": (
        MatrixFactorization(dimension=16),
        {"ranking": Ranking(loss=BPR(), negatives=Uniform()), "aggregation": NeighborhoodAggregation(weight=0.3)},
    ),
    "mixrec": (
        LightGCN(dimension=16, layers=2, initial_weight=0),
        {"ranking": MixedRanking(), "contrast": MixingContrast(weight=0.05)},
    ),
    "alpharec": (AlphaRec(dimension=16, layers=1, hidden=(32,)), {"ranking": Ranking(loss=InfoNCE())}),
    "feature masks": (
        TwoTower(dimension=16, hidden=(), feature_dimension=4),
        {
            "ranking": Ranking(loss=CORRECTED),
            "contrast": Contrast(first=FeatureMask(), second=FeatureMask(complement=True)),
        },
    ),
    "bottleneck": (
        LightGCN(dimension=16, layers=1),
        {"ranking": Ranking(loss=CORRECTED, view=EdgeDrop()), "bottleneck": Bottleneck(first=Plain())},
    ),
}
"""One encoder an objective, one objective an encoder."""


def trained(settings: EncoderSettings, terms: dict[str, TermSettings], data: Dataset, graph: Graph) -> Scorer:
    random = torch.Generator().manual_seed(0)
    encoder = settings.build(graph, data.build_feature_tables(), random)
    objective = Objective(terms, graph, random)
    fit(encoder, objective, graph, Training(epochs=15, batch_size=512, learning_rate=0.01), seed=0)
    with torch.no_grad():
        return EmbeddingScorer().build(graph, objective.transform_for_ranking(encoder(Plain().sample(graph, random))))


def ndcg(scorer: Scorer, data: Dataset) -> float:
    return evaluate(scorer, data.test, data.known_before("test"), Evaluation()).means()["ndcg_at_10"]


@pytest.fixture(scope="module")
def popularity(planted_dataset: Dataset, planted_graph: Graph) -> float:
    return ndcg(Popularity().build(planted_graph, None), planted_dataset)


@pytest.mark.parametrize("terms", OBJECTIVES)
@pytest.mark.parametrize("encoder", ENCODERS)
def test_ndcg_is_more_than_twice_that_of_popularity(
    encoder: str, terms: str, planted_dataset: Dataset, planted_graph: Graph, popularity: float
) -> None:
    found = ndcg(trained(ENCODERS[encoder], OBJECTIVES[terms], planted_dataset, planted_graph), planted_dataset)
    assert found > 2 * popularity


@pytest.mark.parametrize("terms", REMEMBERING)
def test_an_objective_that_remembers_more_than_doubles_popularity_too(
    terms: str, planted_dataset: Dataset, planted_graph: Graph, popularity: float
) -> None:
    found = ndcg(trained(ENCODERS["lightgcn"], REMEMBERING[terms], planted_dataset, planted_graph), planted_dataset)
    assert found > 2 * popularity


@pytest.mark.parametrize("name", OTHERS)
def test_ndcg_of_every_other_part_is_more_than_twice_that_of_popularity(
    name: str, planted_dataset: Dataset, planted_graph: Graph, popularity: float
) -> None:
    settings, terms = OTHERS[name]
    assert ndcg(trained(settings, terms, planted_dataset, planted_graph), planted_dataset) > 2 * popularity


def test_an_untrained_encoder_does_not_pass_the_floor(
    planted_dataset: Dataset, planted_graph: Graph, popularity: float
) -> None:
    random = torch.Generator().manual_seed(0)
    encoder = ENCODERS["matrix_factorization"].build(planted_graph, planted_dataset.build_feature_tables(), random)
    with torch.no_grad():
        scorer = EmbeddingScorer().build(planted_graph, encoder(Plain().sample(planted_graph, random)))
    assert ndcg(scorer, planted_dataset) < 2 * popularity
