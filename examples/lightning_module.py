"""reccl's encoder, objective and batches in PyTorch Lightning: `pip install lightning`.

python examples/lightning_module.py
"""

import sys

import polars as pl
import torch
from torch.utils.data import DataLoader, IterableDataset

import reccl
from reccl.data.batches import Batch, iterate_batches
from reccl.training import Contrast, Objective, Ranking
from reccl.views import EdgeDrop

try:
    import lightning
except ImportError:
    sys.exit("this example needs PyTorch Lightning: pip install lightning")


class Batches(IterableDataset):
    """The training interactions of one epoch, in a new random order each time."""

    def __init__(self, graph, size, seed):
        self.graph, self.size, self.generator = graph, size, torch.Generator().manual_seed(seed)

    def __iter__(self):
        for batch in iterate_batches(self.graph, self.size, self.generator):
            yield batch.user, batch.item  # Lightning takes no frozen dataclass


class Recommender(lightning.LightningModule):
    """Any encoder and any objective."""

    def __init__(self, data, encoder, terms, seed=0):
        super().__init__()
        graph, generator = data.build_graph(), torch.Generator().manual_seed(seed)
        self.encoder = encoder.build(graph, data.build_feature_tables(), generator)
        self.objective = Objective(terms, graph, generator)
        self.objective.build(self.encoder)
        self.term_modules = self.objective.term_modules  # what terms learn is trained and saved too
        self.batches = Batches(graph, 512, seed)

    def train_dataloader(self):
        return DataLoader(self.batches, batch_size=None)

    def on_train_epoch_start(self):
        self.objective.begin_epoch(self.current_epoch / max(self.trainer.max_epochs - 1, 1))

    def training_step(self, batch, _):
        losses = self.objective(self.encoder, Batch(*batch))
        self.log_dict(losses, on_step=False, on_epoch=True, batch_size=len(batch[0]))
        return sum(losses.values())

    def on_train_batch_end(self, *_):
        self.objective.after_step(self.encoder)

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=0.01)


generator = torch.Generator().manual_seed(0)
same_taste = torch.arange(300)[:, None] % 3 == torch.arange(120) % 3  # [300, 120]
likes = (torch.rand(300, 120, generator=generator) < torch.where(same_taste, 0.3, 0.03)).nonzero()  # [E, 2]
data = reccl.Dataset.from_frame(pl.DataFrame(likes.numpy(), schema=["user", "item"]))
terms = {"ranking": Ranking(), "contrast": Contrast(first=EdgeDrop(rate=0.2), second=EdgeDrop(rate=0.2))}
model = Recommender(data, reccl.encoders.LightGCN(dimension=32, layers=2), terms)
quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "enable_model_summary": False}
trainer = lightning.Trainer(max_epochs=5, accelerator="cpu", **quiet)
trainer.fit(model)
print({name: round(value.item(), 4) for name, value in trainer.logged_metrics.items()})
