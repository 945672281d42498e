"""A training loop of your own from reccl's parts: SGL (LightGCN, InfoNCE, edge-drop views) in plain PyTorch.

python examples/training_loop.py
"""

import polars as pl
import torch

import reccl
from reccl.data.batches import iterate_batches
from reccl.encoders import LightGCN
from reccl.evaluation import Evaluation, evaluate
from reccl.losses import InfoNCE, Pairs, SameIdMask
from reccl.scorers import EmbeddingScorer
from reccl.views import EdgeDrop, Plain

# 300 users of three tastes and 120 items. Any table with a column of users and a column of items will do.
generator = torch.Generator().manual_seed(0)
same_taste = torch.arange(300)[:, None] % 3 == torch.arange(120) % 3  # [300, 120]
likes = (torch.rand(300, 120, generator=generator) < torch.where(same_taste, 0.3, 0.03)).nonzero()  # [E, 2]
split = reccl.splits.RandomPerUser(test=0.2, validation=0)
data = reccl.Dataset.from_frame(pl.DataFrame(likes.numpy(), schema=["user", "item"]), split=split)

graph = data.build_graph()
encoder = LightGCN(dimension=32, layers=2).build(graph, data.build_feature_tables(), generator)
optimizer = torch.optim.Adam(encoder.parameters(), lr=0.01)
loss, plain, drop = InfoNCE(temperature=0.2), Plain().sample(graph, generator), EdgeDrop(rate=0.2)

for epoch in range(10):
    views = [drop.sample(graph, generator) for _ in range(2)]  # new ones every epoch
    values = []
    for batch in iterate_batches(graph, 512, generator):
        whole, first, second = (encoder(view) for view in (plain, *views))
        users, items = whole.users(batch.user), whole.items(batch.item)  # [B, D], [B, D]
        value = loss(Pairs(users, items, items, SameIdMask(batch.item, batch.item)))  # in-batch negatives
        for rows, one, other in (
            (batch.user.unique(), first.users, second.users),
            (batch.item.unique(), first.items, second.items),
        ):  # a node in one view against all nodes of the batch in the other
            value = value + 0.1 * loss(Pairs(one(rows), other(rows), other(rows), SameIdMask(rows, rows)))
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        values.append(value.item())
    print(f"epoch {epoch + 1:2d}  loss {sum(values) / len(values):.4f}")

with torch.no_grad():
    scorer = EmbeddingScorer(similarity="cosine").build(graph, encoder(plain))
result = evaluate(scorer, data.test, data.train, Evaluation(cutoffs=(10,)))
print(f"test recall@10 {result.means()['recall_at_10']:.3f}")
