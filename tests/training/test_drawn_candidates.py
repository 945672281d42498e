"""Full softmax to drawn candidates looks up the rows that it compares alone, whatever the size of the catalog."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize

from reccl.data.batches import Batch
from reccl.data.graph import Graph
from reccl.encoders import Embeddings, Encoder
from reccl.encoders.encoder import Rows
from reccl.losses.sampled_softmax import draw_candidates
from reccl.training import FullSoftmax
from reccl.training.terms import Step
from reccl.views import View

TERM = FullSoftmax(candidates=30, popularity=0.5, user_exponent=0.5, temperature=0.3)


def counted(rows: Rows, asked: list[int]) -> Rows:
    """The same rows, which are not given all at once."""

    def look_up(places: Tensor | None) -> Tensor:
        assert places is not None, "all rows are looked up"
        asked.append(len(places))
        return rows(places)

    return look_up


def compute(term: FullSoftmax, embeddings: Embeddings, batch: Batch, graph: Graph, view: View) -> Tensor:
    step = Step(batch, graph, lambda _: embeddings, torch.Generator().manual_seed(4))
    return term.compute_loss(step, (view,))


@pytest.fixture
def view(planted_graph: Graph) -> View:
    return View((planted_graph.adjacency,))


@pytest.mark.parametrize("reverse", [0.0, 0.2])
def test_only_rows_of_anchors_positives_and_drawn_candidates_are_looked_up(
    reverse: float, encoder: Encoder, batch: Batch, planted_graph: Graph, view: View
) -> None:
    whole, asked = encoder(view), []
    rows = {"users": counted(whole.users, asked), "items": counted(whole.items, asked)}
    term = TERM.model_copy(update={"reverse": reverse})
    compute(term, replace(whole, **rows), batch, planted_graph, view).backward()
    assert len(asked) == (4 if reverse else 2)
    assert all(number <= 64 + 2 * 30 for number in asked)
    with pytest.raises(AssertionError, match="all rows"):
        compute(FullSoftmax(), replace(whole, **rows), batch, planted_graph, view)


def test_the_value_is_that_of_the_formula_over_whole_tables(
    encoder: Encoder, batch: Batch, planted_graph: Graph, view: View
) -> None:
    embeddings = encoder(view)
    weight = planted_graph.item_degree.clamp(min=1).float() ** 0.5
    drawn, log_factor = (x.numpy() for x in draw_candidates(weight, 30, torch.Generator().manual_seed(4)))
    users, items = (normalize(rows(None)).detach().numpy() for rows in (embeddings.users, embeddings.items))
    logits = users @ items.T / 0.3  # [U, I]
    sums = np.log(np.exp(logits[:, drawn] + log_factor).sum(1))  # [U]
    user, item = batch.user.numpy(), batch.item.numpy()
    share = planted_graph.user_degree.numpy()[user] ** -0.5
    expected = (share * (sums[user] - logits[user, item])).sum() / share.sum()
    assert compute(TERM, embeddings, batch, planted_graph, view).item() == pytest.approx(expected, rel=1e-5)
