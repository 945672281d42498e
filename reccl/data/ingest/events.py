"""Events: kinds of interactions (view, cart, purchase), what each of them weighs, and which are to be predicted."""

from typing import Annotated, Literal, Self

import polars as pl
from pydantic import Field, model_validator

from reccl.data.columns import EVENT, TARGET, WEIGHT
from reccl.data.ingest.checks import Step, require_columns
from reccl.data.ingest.conversions import Conversion
from reccl.errors import did_you_mean, join_names
from reccl.settings import Settings

Factor = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Events(Settings):
    """The column that says what kind of event a row is, and the weight of each kind."""

    column: str
    """Column with the kind of event, such as view, cart, purchase."""
    weights: Annotated[dict[str, Factor], Field(min_length=1)]
    """Weight of a row by its kind; a column of weights (`weight`) is multiplied by it."""
    unknown: Literal["drop", "error"] = "error"
    """Rows of a kind without a weight: an error, or dropped with a count."""
    targets: tuple[str, ...] = ()
    """Kinds that are to be predicted: held-out rows of other kinds are dropped. Empty: all."""

    @model_validator(mode="after")
    def _known_targets(self) -> Self:
        for name in self.targets:
            if name not in self.weights:
                near = did_you_mean(name, self.weights) or f"; there are: {join_names(self.weights)}"
                raise ValueError(f"target {name!r} is no kind of event with a weight{near}")
        return self


def require_known_events(events: Events) -> Conversion:
    """The column of events as text; a kind that has no weight, and a missing one, is an error."""

    def expression(values: pl.Expr, _: pl.DataType) -> pl.Expr:
        text = event_text(values)
        return pl.when(text.is_in(list(events.weights))).then(text)

    meaning = f"an event with a weight ({join_names(events.weights)})"
    return Conversion(EVENT, expression, meaning, "give it one in events.weights, or set events.unknown: drop", True)


def weigh_events(events: Events) -> Step:
    """Rows of kinds that have a weight, with that weight times their own, and whether they are to be predicted.

    >>> rows = pl.LazyFrame({"event": ["view", "buy", "share"]})
    >>> weigh_events(Events(column="event", weights={"view": 1, "buy": 10}))(rows).collect()["weight"].to_list()
    [1.0, 10.0]
    """

    def step(frame: pl.LazyFrame) -> pl.LazyFrame:
        present = require_columns(EVENT)(frame).collect_schema().names()
        kind = event_text(pl.col(EVENT))
        of_kind = kind.replace_strict(events.weights, default=None, return_dtype=pl.Float64)
        weighed = frame.filter(of_kind.is_not_null()).with_columns(
            (of_kind * pl.col(WEIGHT) if WEIGHT in present else of_kind).alias(WEIGHT),
            *([kind.is_in(list(events.targets)).alias(TARGET)] if events.targets else []),
        )
        return weighed.drop(EVENT)

    return step


def event_text(values: pl.Expr) -> pl.Expr:
    """Kinds of events as text without blanks around them."""
    return values.cast(pl.String).str.strip_chars()
