"""Sharded: an encoder over the nodes of one rank, which answers for the nodes of all."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from reccl.data.columns import ITEM, USER
from reccl.distributed.collect import collect, hand_out
from reccl.distributed.exchange import SharedRows
from reccl.distributed.shard import Shard
from reccl.encoders.encoder import Embeddings, Rows, lookup_in
from reccl.errors import TrainingError
from reccl.views import LayerNoise, View

if TYPE_CHECKING:
    from reccl.encoders.modules.encoder import Encoder


def shard_encoder(encoder: Encoder, shard: Shard) -> None:
    """Let an encoder hold the rows of one rank, in place.

    Inside it everything is as with one process, on fewer rows: hops are those of a `GraphShard`'s views. Two hooks
    stand around its forward pass: noise is that of its nodes, and lookups of its embeddings are answered by all ranks.
    All ranks begin with rank 0's numbers. Parameters without a row for each node are the same on every rank.
    """

    def see_own_nodes(module: Any, inputs: tuple[View]) -> tuple[View]:
        return (noise_of_own(inputs[0], shard),)

    def answer_for_all(module: Any, inputs: tuple[View], embeddings: Embeddings) -> Embeddings:
        return share_rows(embeddings, shard)

    rows, first = encoder.node_tables(), {name: table.detach() for name, table in encoder.named_parameters()}
    encoder.keep_rows(shard)
    for name, parameter in encoder.named_parameters():
        if name in rows:
            hand_out(first[name], parameter.detach(), rows[name], shard)
        else:
            torch.distributed.broadcast(parameter.detach(), src=0)
    encoder.register_forward_pre_hook(see_own_nodes)
    encoder.register_forward_hook(answer_for_all)


def noise_of_own(view: View, shard: Shard) -> View:
    """The view with its noise for the rows of this rank's nodes."""
    sample = view.noise_sampler
    if sample is None:
        return view

    def sample_own() -> LayerNoise:
        noise = sample()

        def add(x: Tensor, rows: Tensor | None) -> Tensor:
            nodes = shard.nodes.to(x.device)
            return noise(x, nodes if rows is None else nodes[rows])

        return add

    return replace(view, noise_sampler=sample_own)


def share_rows(embeddings: Embeddings, shard: Shard) -> Embeddings:
    """The same embeddings, with rows of the nodes of all ranks."""
    return replace(
        embeddings,
        users=SharedRows(embeddings.users, shard.users),
        items=SharedRows(embeddings.items, shard.items),
        initial_users=SharedRows(embeddings.initial_users, shard.users),
        initial_items=SharedRows(embeddings.initial_items, shard.items),
        layers=tuple(share_rows(layer, shard) for layer in embeddings.layers),
    )


@torch.no_grad()
def collect_embeddings(embeddings: Embeddings, shard: Shard | None) -> Embeddings | None:
    """Tables of all nodes on rank 0, None on the others: what items are ranked by. Of one process, the same."""
    if shard is None:
        return embeddings
    users, items = (
        collect(own_rows(rows), (side,), shard) for rows, side in ((embeddings.users, USER), (embeddings.items, ITEM))
    )
    if users is None or items is None:
        return None
    return Embeddings(
        lookup_in(users),
        lookup_in(items),
        not_collected,
        not_collected,
        towers=embeddings.towers,
        users_by_features=embeddings.users_by_features,
        items_by_features=embeddings.items_by_features,
    )


def own_rows(rows: Rows) -> Tensor:
    """[n, D] those of this rank."""
    assert isinstance(rows, SharedRows)
    return rows.own(None)


def not_collected(rows: Tensor | None) -> Tensor:
    """Stands for rows that ranking does not need, and that rank 0 therefore does not have."""
    raise TrainingError("initial rows are not on rank 0 once training is over: train in one process")
