"""Settings of a study: what stands in study.yaml."""

import re
from collections.abc import Sequence
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from reccl.errors import did_you_mean, shorten
from reccl.settings import Settings

NAME = re.compile(r"\w[\w.+-]{0,29}")
NOTHING = "none"
"""What `space` says of a method that has nothing to tune."""
AnyTree = dict[str, Any]
"""Keys of a config, dotted, nested or both."""


def check_short_name(name: str) -> str:
    """A name of a study, a method or a data set: part of file names and heads of tables."""
    if not NAME.fullmatch(name):
        raise ValueError(f"{shorten(name)} is no name; use letters, digits, _, -, + and . (at most 30)")
    return name


def name_entries(written: Any) -> Any:
    """A list of names as a map: methods/ease is called ease; what is no list stays."""
    if not isinstance(written, list):
        return written
    named = {str(each).rpartition("/")[2].removesuffix(".yaml"): each for each in written}
    if len(named) < len(written):
        raise ValueError("two entries have the same name: write a map, name: entry")
    return named


def read_method(written: Any) -> Any:
    """A config by its name alone."""
    return {"config": written} if isinstance(written, str) else written


def read_data(written: Any) -> Any:
    """A data set by its name alone."""
    return {"data": written} if isinstance(written, str) else written


class StudyMethod(Settings):
    """A method: a config, and what its tuning searches over."""

    config: str | AnyTree
    """A bundled config, a YAML file, or the same keys."""
    space: str | AnyTree | None = None
    """Of `reccl tune`: a file, a name of configs/spaces/, or the same keys; empty: the space of the config's name;
    `none`: there is nothing to tune."""
    set: AnyTree = Field(default_factory=dict)
    """Keys of this config to set, such as encoder.dimension."""


class StudyData(Settings):
    """A data set, perhaps split in another way."""

    data: str | AnyTree
    """A name of `reccl data list`, a file of configs/data/, or a data section."""
    set: AnyTree = Field(default_factory=dict)
    """Keys to set for every method on this data, such as data.split.kind or training.epochs."""


class Budget(Settings):
    """What the tuning of every method may spend on every split of every data set."""

    trials: Annotated[int, Field(ge=0)] = 0
    """Trials of `reccl tune`; 0: methods run as they are configured."""
    minutes: Annotated[float | None, Field(gt=0)] = None
    """No trial begins after so long; empty: no limit."""

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if self.minutes is not None and not self.trials:
            raise ValueError("minutes without trials: set how many trials there are at most")
        return self

    def describe(self) -> str:
        """In a few words.

        >>> Budget(trials=20, minutes=30).describe(), Budget().describe()
        ('20 trials or 30 minutes', 'none: as configured')
        """
        if not self.trials:
            return "none: as configured"
        return f"{self.trials} trial{'s' * (self.trials > 1)}" + (
            f" or {self.minutes:g} minutes" if self.minutes else ""
        )


Name = Annotated[str, AfterValidator(check_short_name)]
Method = Annotated[StudyMethod, BeforeValidator(read_method)]
NamedData = Annotated[StudyData, BeforeValidator(read_data)]


class StudySettings(Settings):
    """Everything that decides a study."""

    name: Name
    """Of the study, which is kept in mlruns/studies/NAME."""
    metrics: Annotated[tuple[str, ...], Field(min_length=1)] = ("ndcg_at_10",)
    """Metrics of the table. The first is the one that epochs and trials are chosen by on validation rows, and that the
    claims are about."""
    data: Annotated[dict[Name, NamedData], BeforeValidator(name_entries), Field(min_length=1)]
    """Data sets: a list of names, or name: entry."""
    configs: Annotated[dict[Name, Method], BeforeValidator(name_entries), Field(min_length=1)]
    """Methods: a list of configs, or name: entry."""
    seeds: Annotated[tuple[int, ...], Field(min_length=1)] = (42,)
    """Seeds of training."""
    splits: Annotated[tuple[int, ...] | None, Field(min_length=1)] = None
    """Seeds of splits, or numbers of the windows of a `sliding_window`: every method is tuned on each, and trained with
    every seed; empty: the split of the data set."""
    resplit: bool = False
    """true: each seed also splits the data anew, in place of `splits`."""
    budget: Budget = Budget()
    """Of the tuning."""
    baseline: str | None = None
    """The method that the others are compared with; empty: all with all."""
    set: AnyTree = Field(default_factory=dict)
    """Keys to set in every config, such as training.epochs or evaluation.cutoffs."""

    @model_validator(mode="after")
    def _agree(self) -> Self:
        for name, numbers in (("seeds", self.seeds), ("splits", self.splits or ()), ("metrics", self.metrics)):
            if twice := next((each for place, each in enumerate(numbers) if each in numbers[:place]), None):
                raise ValueError(f"{name}: {twice} stands twice")
        if self.resplit and self.splits is not None:
            raise ValueError("resplit splits by the seeds: leave splits out")
        if self.baseline is not None and self.baseline not in self.configs:
            near = did_you_mean(self.baseline, self.configs)
            raise ValueError(f"baseline {self.baseline!r} is none of the configs{near}")
        return self

    def draws(self) -> list[tuple[int | None, list[int]]]:
        """(seed of the split, seeds of training); None: the split that the data set has."""
        if self.resplit:
            return [(seed, [seed]) for seed in self.seeds]
        splits: Sequence[int | None] = self.splits or (None,)
        return [(split, list(self.seeds)) for split in splits]

    def pairs(self) -> list[tuple[str, str]]:
        """The methods that are compared with each other."""
        names = list(self.configs)
        if self.baseline is not None:
            return [(name, self.baseline) for name in names if name != self.baseline]
        return [(one, other) for place, one in enumerate(names) for other in names[place + 1 :]]
