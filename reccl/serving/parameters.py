"""Parameters: what a request may say beside its table; closed, so that a misspelt rule is an error."""

from collections.abc import Mapping
from typing import Any, Self

from pydantic import Field, ValidationError

from reccl.config_errors import explain_errors
from reccl.errors import ConfigError
from reccl.recommend.rules import Calibrated, Diversity, Mmr, Rules
from reccl.settings import Settings

Id = str | int | float
"""An id of an item, as JSON has it."""


class MmrSettings(Settings):
    """Maximal marginal relevance: less of the same; `reccl.recommend.rules.diversity.Mmr`."""

    weight: float = Field(0.3, ge=0, le=1)
    """That of diversity against scores."""
    by: str | None = None
    """Column by which items are alike; null: by embeddings."""


class CalibratedSettings(Settings):
    """Shares of labels as in the user's past; `reccl.recommend.rules.diversity.Calibrated`."""

    by: str
    """Column of labels."""
    weight: float = Field(0.5, ge=0, le=1)
    """That of calibration against scores."""


class RuleSettings(Settings):
    """Rules for all users of a request, as in `reccl.Rules`; `exclude` and `candidates` are columns of its table."""

    where: str | None = None
    """Condition on the items' columns, such as `price < 50 and in_stock`."""
    allow: list[Id] | None = None
    """The only items that may be listed; null: all."""
    deny: list[Id] | None = None
    """Items that may not be listed."""
    at_most: Mapping[str, int] = Field(default_factory=dict)
    """Column -> how many items of one of its values a list holds at most."""
    mmr: MmrSettings | None = None
    """Another order, with less of the same."""
    calibrate: CalibratedSettings | None = None
    """Another order, with shares of labels as in the user's past."""
    new_item_share: float = Field(0.0, ge=0, le=1)
    """Share of every list for items without training rows."""
    new_item_boost: float = Field(0.0, ge=0)
    """What their scores are raised by, in standard deviations of the user's best."""

    def read(self) -> Rules:
        """The rules. Raises ConfigError for those that exclude each other."""
        if self.mmr and self.calibrate:
            raise ConfigError("rules: mmr and calibrate are two ways to put a list together: choose one")
        diversity: Diversity | None = None
        if self.mmr:
            diversity = Mmr(self.mmr.weight, self.mmr.by)
        if self.calibrate:
            diversity = Calibrated(self.calibrate.by, self.calibrate.weight)
        return Rules(
            where=self.where,
            allow=self.allow,
            deny=self.deny,
            at_most=self.at_most,
            diversity=diversity,
            new_item_share=self.new_item_share,
            new_item_boost=self.new_item_boost,
        )


class Parameters(Settings):
    """The `params` of a request."""

    k: int = Field(20, ge=1)
    """Items for each user; fewer where fewer are left."""
    include_seen: bool | None = None
    """Whether lists hold what a user already has; null: as the model was measured."""
    item_columns: tuple[str, ...] = ()
    """Columns of the item table to add to each row, such as `title`."""
    explain: int = Field(0, ge=0)
    """How many of the user's items to name beside each row, those that carry its score; 0: none."""
    rules: RuleSettings = RuleSettings()
    """What may stand in a list, and how it is put together."""
    new_items: Mapping[str, list[Any]] = Field(default_factory=dict)
    """Items since training, which join everybody's candidates: `item` and features, a list of values each."""

    @classmethod
    def read(cls, params: Mapping[str, Any]) -> Self:
        """Parameters as MLflow passes them on. Raises ConfigError, one line, for those that cannot be."""
        plain = dict(params)
        try:
            return cls(**plain)
        except ValidationError as error:
            raise ConfigError(next(explain_errors(error, plain, {}, "params"))) from None
