"""Another library's recommendations measured by reccl's protocol: popularity, and the ALS of `implicit` if installed.

python examples/evaluate_other_library.py        # pip install implicit, to see more
"""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import polars as pl
from scipy.sparse import csr_matrix

import reccl

K = 10
columns = {"user": "customer", "item": "sku", "timestamp": "ordered_at"}
data = reccl.Dataset.from_frame(Path(__file__).parent / "orders.csv", **columns)

# What is known before the test, with raw ids, as a matrix: all that another library needs.
known = pl.concat([data.to_frame("train"), data.to_frame("validation")])
users, items = known["user"].unique().sort(), known["item"].unique().sort()  # [U], [I]
row, column = users.search_sorted(known["user"]).to_numpy(), items.search_sorted(known["item"]).to_numpy()
matrix = csr_matrix((np.ones(len(known), np.float32), (row, column)), shape=(len(users), len(items)))


def lists_of(best: np.ndarray) -> pl.DataFrame:
    """Columns [U, K] of the best items, as a table with raw ids."""
    return pl.DataFrame({"user": users.gather(np.repeat(np.arange(len(users)), K)), "item": items.gather(best.ravel())})


popular = np.tile(np.asarray(matrix.sum(0)), (len(users), 1))  # [U, I]
popular[row, column] = -np.inf  # what a user has is left out
lists = {"popularity": lists_of(np.argsort(-popular, axis=1)[:, :K])}

if find_spec("implicit"):
    from implicit.als import AlternatingLeastSquares

    als = AlternatingLeastSquares(factors=16, random_state=0, num_threads=1)
    als.fit(matrix, show_progress=False)
    lists["implicit ALS"] = lists_of(als.recommend(np.arange(len(users)), matrix, N=K)[0])

lists["reccl best"] = reccl.train("best", data, progress=False).recommend(k=K)
for name, table in lists.items():
    print(f"{name}:\n{reccl.evaluate(table, data, metrics=['ndcg', 'recall', 'coverage'], k=K)}\n")
