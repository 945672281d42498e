"""Model: a trained scorer with its ids and known interactions, as a folder of safetensors, Parquet and JSON."""

import json
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import torch
from safetensors import SafetensorError
from torch import Tensor

from reccl import __version__
from reccl.data.dataset import Dataset
from reccl.data.ids import IdMap
from reccl.errors import RunError
from reccl.evaluation import ByUser
from reccl.scorers import Scorer
from reccl.training import checkpoint

FORMAT = 1
MANIFEST = "model.json"


@dataclass(frozen=True)
class Model:
    """All that is needed to recommend, without the training code, the graph, or the raw data."""

    scorer: Scorer
    users: IdMap  # [U]
    items: IdMap  # [I]
    known: ByUser  # interactions known at training time, hidden from recommendations
    popularity: Tensor  # [I] training interactions of each item, for users who are not known

    @classmethod
    def of(cls, scorer: Scorer, data: Dataset) -> "Model":
        """A scorer that was trained on `data`."""
        rows = data.known_before("test")
        known = ByUser.of(rows, len(data.users), len(data.items))
        popularity = torch.bincount(known.item, minlength=len(data.items)).float()
        return cls(scorer.to(torch.device("cpu")), data.users, data.items, known, popularity)

    def to(self, device: torch.device) -> "Model":
        """The same model with its tensors on another device."""
        return Model(self.scorer.to(device), self.users, self.items, self.known.to(device), self.popularity.to(device))


def save(model: Model, folder: Path) -> None:
    """Write to a temporary folder beside `folder`, then rename."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        tensors = {
            **model.scorer.tensors(),
            "known_start": model.known.start,
            "known_item": model.known.item,
            "popularity": model.popularity,
        }
        checkpoint.save(tensors, draft / "model.safetensors")
        model.users.ids.to_frame().write_parquet(draft / "users.parquet")
        model.items.ids.to_frame().write_parquet(draft / "items.parquet")
        manifest = {"format": FORMAT, "reccl": __version__, "users": len(model.users), "items": len(model.items)}
        (draft / MANIFEST).write_text(json.dumps(manifest, indent=2))
        shutil.rmtree(folder, ignore_errors=True)
        draft.rename(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def load(folder: Path) -> Model:
    """Read what `save` wrote. Raises RunError where it is not such a folder."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text())
        if manifest["format"] != FORMAT:
            raise RunError(f"model {folder} has format {manifest['format']}, and this reccl reads {FORMAT}")
        tensors = checkpoint.load(folder / "model.safetensors")
        users, items = (IdMap(pl.read_parquet(folder / f"{side}.parquet").to_series()) for side in ("users", "items"))
    except (OSError, ValueError, KeyError, SafetensorError, pl.exceptions.PolarsError) as error:
        raise RunError(f"no usable model in {folder} ({type(error).__name__}); train it again") from None
    known = ByUser(tensors["known_start"], tensors["known_item"], len(items))
    return Model(Scorer.from_tensors(tensors), users, items, known, tensors["popularity"])
