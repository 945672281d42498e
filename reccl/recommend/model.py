"""Model: a trained scorer with its ids and known interactions, as a folder of safetensors, Parquet and JSON."""

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import polars as pl
import torch
from torch import Tensor

from reccl.atomic import atomic_path
from reccl.cold_start.feature_prior import FeaturePrior
from reccl.cold_start.sources import Sources, rank_unknown_by_popularity
from reccl.data.columns import USER, WEIGHT
from reccl.data.dataset import Dataset
from reccl.data.features import FittedFeatures
from reccl.data.ids import IdMap
from reccl.data.weights import sum_by_item
from reccl.encoders.tower import Tower, Towers
from reccl.errors import RecclError, RunError, describe_error
from reccl.evaluation import UserItemCSR
from reccl.recommend.verify import (
    DamageError,
    check_digests,
    check_finite,
    check_ids,
    check_scorer,
    check_shape,
    check_sources,
    check_user_items,
    seal,
)
from reccl.scorers import Scorer
from reccl.training import checkpoint
from reccl.version import __version__

FORMAT = 1
MANIFEST, TENSORS, SIDES = "model.json", "model.safetensors", ("users", "items")


@dataclass(frozen=True)
class Model:
    """All that is needed to recommend, without the training code, the graph, or the raw data."""

    scorer: Scorer
    user_ids: IdMap  # [U]
    item_ids: IdMap  # [I]
    known: UserItemCSR  # interactions known at training time, hidden from recommendations
    popularity: Tensor  # [I] known interactions of each item, or their weight, for users who are not known
    sources: Sources  # what the scores of each user and item rest on
    towers: Towers = field(default_factory=Towers)  # embed new users and items from their features
    feature_prior: FeaturePrior | None = None  # how accurate the users' tower is
    lists_seen: bool = False  # whether lists hold what a user had, as where repeats were measured

    @property
    def ranker(self) -> Scorer:
        """The scorer, with popularity for users and items about which nothing is known."""
        return rank_unknown_by_popularity(self.scorer, self.sources, self.popularity)

    @classmethod
    def of(
        cls,
        scorer: Scorer,
        data: Dataset,
        towers: Towers | None = None,
        sources: Sources | None = None,
        *,
        lists_seen: bool = False,
    ) -> "Model":
        """A scorer that was trained on `data`, and the towers that embed nodes from features, where there are some.

        Without `sources`, users and items with known rows count as trained.
        """
        rows = data.known_before("test")
        known = UserItemCSR.from_interactions(rows, len(data.user_ids), len(data.item_ids))
        degree = torch.bincount(known.item, minlength=len(data.item_ids)).float()
        popularity = degree
        if WEIGHT in rows.columns:
            popularity = torch.from_numpy(sum_by_item(data.scale_rows(rows), len(data.item_ids))).float()
        scorer, towers = scorer.to(torch.device("cpu")), towers or Towers()
        feature_prior = None
        if towers.users is not None and data.user_table is not None:
            trained = torch.from_numpy(data.train[USER].unique().to_numpy(writable=True)).long()
            feature_prior = FeaturePrior.of(
                towers.users.embed(data.user_table).cpu()[trained], scorer.user_embeddings[trained]
            )
        sources = sources or Sources.of_degrees(
            known.counts,
            degree,
            users_by_features=towers.users is not None,
            items_by_features=towers.items is not None,
        )
        return cls(
            scorer,
            data.user_ids,
            data.item_ids,
            known,
            popularity,
            sources.to(torch.device("cpu")),
            towers,
            feature_prior,
            lists_seen,
        )

    def to(self, device: torch.device) -> "Model":
        """The same model with its tensors on another device."""
        return replace(
            self,
            scorer=self.scorer.to(device),
            known=self.known.to(device),
            popularity=self.popularity.to(device),
            feature_prior=None if self.feature_prior is None else self.feature_prior.to(device),
            sources=self.sources.to(device),
        )


def save(model: Model, folder: Path) -> None:
    """Write the folder, whole or not at all; an older one is replaced."""
    tensors = {
        **model.scorer.tensors(),
        "known_start": model.known.start,
        "known_item": model.known.item,
        "popularity": model.popularity,
        "user_source": model.sources.users,
        "item_source": model.sources.items,
    }
    features = {}
    for side, tower in list_towers(model.towers):
        assert isinstance(tower.features, FittedFeatures)
        features[side], learned = tower.features.to_state()
        tensors |= {f"{side}_tower.{name}": tensor for name, tensor in tower.tensors().items()}
        tensors |= {f"{side}_features.{name}": tensor for name, tensor in learned.items()}
    if model.feature_prior is not None:
        tensors |= {f"feature_prior.{name}": tensor for name, tensor in vars(model.feature_prior).items()}
    folder.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(folder) as draft:
        draft.mkdir()
        checkpoint.save(tensors, draft / TENSORS)
        model.user_ids.ids.to_frame().write_parquet(draft / "users.parquet")
        model.item_ids.ids.to_frame().write_parquet(draft / "items.parquet")
        sizes = {"users": len(model.user_ids), "items": len(model.item_ids)}
        manifest = {"format": FORMAT, "reccl": __version__, **sizes, "features": features}
        manifest["lists_seen"] = model.lists_seen
        (draft / MANIFEST).write_text(json.dumps(manifest, indent=2))
        seal(draft, MANIFEST, TENSORS, *(f"{side}.parquet" for side in SIDES))


def load(folder: Path) -> Model:
    """Read what `save` wrote. Raises RunError where it is not such a folder, or not as it was written.

    Every file is compared with its digest, and shapes, types, counts and values are checked, so that a damaged model
    is an error, not a wrong list.
    """
    try:
        manifest = json.loads((folder / MANIFEST).read_text())
        if manifest["format"] != FORMAT:
            raise RunError(
                f"model {folder} has format {manifest['format']}, and this reccl reads format {FORMAT}; "
                "train it again, or use the reccl that wrote it"
            )
        check_digests(folder)
        return read(folder, manifest, checkpoint.load(folder / TENSORS))
    except RunError:
        raise
    except (Exception, pl.exceptions.PanicException) as error:  # a file may hold anything, each reader has its errors
        reason = error if isinstance(error, DamageError | RecclError) else describe_error(error, where=False)
        raise RunError(f"no usable model in {folder} ({reason}); train it again") from error


def read(folder: Path, manifest: dict[str, Any], tensors: dict[str, Tensor]) -> Model:
    """The model, with all that can be checked."""
    check_finite(tensors)
    users, items = (
        IdMap(check_ids(pl.read_parquet(folder / f"{side}.parquet"), side, manifest[side])) for side in SIDES
    )
    known = UserItemCSR(tensors["known_start"], tensors["known_item"], len(items))
    check_user_items("known", known, len(users), len(items))
    scorer, popularity = Scorer.from_tensors(tensors), tensors["popularity"]
    check_scorer(scorer, len(users), len(items))
    check_shape("popularity", popularity, (len(items),), torch.float32)
    towers = Towers(**{side: read_tower(state, tensors, side) for side, state in manifest["features"].items()})
    prior = select_prefix(tensors, "feature_prior.")
    feature_prior = FeaturePrior(**prior) if prior else None
    sources = Sources(tensors["user_source"], tensors["item_source"])
    check_sources("user_source", sources.users, len(users))
    check_sources("item_source", sources.items, len(items))
    seen = bool(manifest.get("lists_seen", False))
    return Model(scorer, users, items, known, popularity, sources, towers, feature_prior, seen)


def list_towers(towers: Towers) -> list[tuple[str, Tower]]:
    """The towers that there are, by side."""
    return [(side, tower) for side, tower in (("users", towers.users), ("items", towers.items)) if tower is not None]


def read_tower(state: dict[str, Any], tensors: dict[str, Tensor], side: str) -> Tower:
    """The tower of one side as `save` wrote it."""
    features = FittedFeatures.from_state(state, select_prefix(tensors, f"{side}_features."))
    return Tower.from_tensors(features, select_prefix(tensors, f"{side}_tower."))


def select_prefix(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The tensors whose names have this prefix, named without it."""
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
