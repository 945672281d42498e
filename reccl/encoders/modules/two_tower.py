"""Two-tower encoder: a tower for each side."""

from collections.abc import Mapping
from functools import partial

from typing_extensions import override

from reccl.data.columns import ITEM, USER
from reccl.data.features import FittedFeatures
from reccl.distributed.shard import Shard
from reccl.encoders.encoder import Embeddings
from reccl.encoders.input_tower import InputTower
from reccl.encoders.modules.encoder import Encoder
from reccl.encoders.tower import Towers
from reccl.views import View


class TwoTowerEncoder(Encoder):
    """A tower for users and one for items. Of a view it uses the perturbation of inputs only."""

    def __init__(self, users: InputTower, items: InputTower) -> None:
        super().__init__()
        self.users, self.items = users, items

    @override
    def node_tables(self) -> Mapping[str, tuple[str, ...]]:
        return {"users.ids": (USER,), "items.ids": (ITEM,)}

    @override
    def keep_rows(self, shard: Shard) -> None:
        self.users.keep_rows(shard.users.own)
        self.items.keep_rows(shard.items.own)

    @override
    def fitted_features(self) -> Mapping[str, FittedFeatures]:
        towers = ((USER, self.users), (ITEM, self.items))
        return {side: tower.fitted for side, tower in towers if tower.fitted is not None and tower.reads_features}

    @override
    def forward(self, view: View) -> Embeddings:
        users = partial(self.users, perturb=view.input_perturbation_from(0))
        items = partial(self.items, perturb=view.input_perturbation_from(len(self.users.ids)))
        towers = Towers() if self.training else Towers(self.users.export(), self.items.export())
        return Embeddings(
            users,
            items,
            self.users.initial,
            self.items.initial,
            towers=towers,
            users_by_features=self.users.reads_features,
            items_by_features=self.items.reads_features,
        )
