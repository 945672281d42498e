"""Tower settings: what encoders over ids and features have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from reccl.data.features import FeatureTables
from reccl.data.graph import Graph
from reccl.encoders.encoder import EncoderSettings
from reccl.encoders.initialization import AnyInitialization, Normal
from reccl.lazy import torch

if TYPE_CHECKING:
    from reccl.encoders.input_tower import InputTower


class TowerSettings(EncoderSettings):
    """The config of an encoder that starts from an input tower for each side."""

    dimension: Annotated[int, Field(ge=1)] = 64
    """Components of an embedding (D)."""
    feature_dimension: Annotated[int, Field(ge=1)] = 16
    """Components of each feature's embedding."""
    user_features: tuple[str, ...] | None = None
    """Columns of the user table; empty takes all but mostly unique text, [] none."""
    item_features: tuple[str, ...] | None = None
    """Columns of the item table; likewise."""
    initialization: AnyInitialization = Normal()
    """How the id and feature embeddings start."""

    def build_towers(
        self,
        graph: Graph,
        features: FeatureTables,
        generator: torch.Generator,
        *,
        hidden: tuple[int, ...] = (),
        dropout: float = 0.0,
        id_dropout: float = 0.0,
    ) -> tuple[InputTower, InputTower]:
        """The towers of users and items; see `InputTower`."""
        from reccl.encoders.input_tower import InputTower

        tables = self.initialization.sample_tables(graph, self.dimension, generator)
        encoded = features.encode_users(self.user_features), features.encode_items(self.item_features)
        trained = features.trained_users, features.trained_items
        users, items = (
            InputTower(
                *side,
                self.initialization,
                generator,
                feature_dimension=self.feature_dimension,
                hidden=hidden,
                dropout=dropout,
                id_dropout=id_dropout,
            )
            for side in zip(tables, encoded, trained, strict=True)
        )
        return users, items
