"""Your own CSV to recommendations with titles: put your files and your column names in place of these.

python examples/own_csv.py
"""

from pathlib import Path

import reccl

folder = Path(__file__).parent  # holds a made-up shop: orders.csv and products.csv
columns = {"user": "customer", "item": "sku", "timestamp": "ordered_at"}
data = reccl.Dataset.from_frame(folder / "orders.csv", **columns, items=folder / "products.csv")
model = reccl.train("best", data)
print(model)
print(model.recommend(users=["c1042", "c1007"], k=5, item_columns=["name", "price"]))
