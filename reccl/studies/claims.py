"""Claims: which method the data shows to be above which, on which data sets, by how much, and where it does not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from reccl.evaluation.bootstrap import LEVEL, Difference, adjust_holm, draw_difference
from reccl.evaluation.resplits import Runs, draw_over_splits
from reccl.lazy import np

ABOVE, BELOW, UNDECIDED = "above", "below", "undecided"
ALPHA = 1 - LEVEL


@dataclass(frozen=True)
class Measured:
    """A method on a data set: the users' values of its runs."""

    runs: Runs
    """For each split, a table (user, value) of each run."""
    test_share: float = 0.0
    """Test rows over all other rows."""


@dataclass(frozen=True)
class Finding:
    """A pair of methods on one data set."""

    difference: Difference
    p_holm: float
    """Adjusted for all pairs on all data sets of the study."""

    @property
    def verdict(self) -> str:
        """Whether the first is above the second."""
        if self.p_holm >= ALPHA:
            return UNDECIDED
        return ABOVE if self.difference.relative > 0 else BELOW


@dataclass(frozen=True)
class Effect:
    """A relative difference with its interval."""

    relative: float
    low: float
    high: float

    def describe(self) -> str:
        """In percent.

        >>> Effect(0.008, 0.003, 0.013).describe()
        '+0.8 % [+0.3, +1.3]'
        """
        return f"{100 * self.relative:+.1f} % [{100 * self.low:+.1f}, {100 * self.high:+.1f}]"


@dataclass(frozen=True)
class Claim:
    """What the data says about two methods."""

    first: str
    second: str
    findings: Mapping[str, Finding]
    """Data set -> what was found there."""
    missing: Mapping[str, str]
    """Data set -> why the two are not compared there."""
    effect: Effect | None
    """The mean of the relative differences over the data sets of `findings`."""

    def on(self, verdict: str) -> list[str]:
        """The data sets with this verdict."""
        return [name for name, finding in self.findings.items() if finding.verdict == verdict]

    def sentence(self) -> str:
        """In one line, with all data sets."""
        number = len(self.findings) + len(self.missing)
        above, below, undecided = (self.on(verdict) for verdict in (ABOVE, BELOW, UNDECIDED))
        rest = [f"below on {len(below)} ({', '.join(below)})"] if below else []
        rest += [f"undecided on {len(undecided)} ({', '.join(undecided)})"] if undecided else []
        rest += [f"not compared on {len(self.missing)} ({', '.join(self.missing)})"] if self.missing else []
        effect = f"; effect {self.effect.describe()}" if self.effect else ""
        if not above and not below:
            if not self.findings:
                why = next(iter(self.missing.values()), "")
                return f"{self.first} and {self.second} are not compared: {why}"
            places = of_data_sets(len(undecided), number)
            beside = f", {rest[-1]}" if self.missing else ""
            return f"{self.first} and {self.second}: the data does not say which is better on {places}{beside}{effect}"
        named = f" ({', '.join(above)})" if 0 < len(above) < number else ""
        places = above[0] if number == 1 else of_data_sets(len(above), number) + named
        return ", ".join([f"{self.first} above {self.second} on {places}", *rest]) + effect

    def as_json(self) -> dict[str, Any]:
        """For scripts."""
        findings = {
            name: {**asdict(found.difference), "p_holm": found.p_holm, "verdict": found.verdict}
            for name, found in self.findings.items()
        }
        effect = asdict(self.effect) if self.effect else None
        return {
            "first": self.first,
            "second": self.second,
            "sentence": self.sentence(),
            "effect": effect,
            "data": findings,
            "missing": dict(self.missing),
        }


def of_data_sets(few: int, number: int) -> str:
    """So many of so many.

    >>> of_data_sets(3, 4), of_data_sets(1, 1)
    ('3 of 4 data sets', '1 data set')
    """
    return "1 data set" if number == 1 else f"{few} of {number} data sets"


def make_claims(
    measured: Mapping[tuple[str, str], Measured | str], pairs: Sequence[tuple[str, str]], data: Sequence[str]
) -> list[Claim]:
    """The claims about pairs of methods, those that are shown on most data sets first.

    Args:
        measured: (data set, method) -> the users' values, or why there are none.
        pairs: methods that are compared.
        data: data sets, in the order in which they are named.

    Each pair is drawn in both directions, since a relative difference has another base in each, and has the larger of
    the two p-values. On a data set a method is above another where it, adjusted by Holm for all pairs on all data sets,
    is below 1 - LEVEL. Of a pair the first is the one that is above on more data sets; where that is
    equal, the one with the higher mean effect.

    """
    drawn: dict[tuple[tuple[str, str], str], tuple[Difference, Any]] = {}
    missing: dict[tuple[tuple[str, str], str], str] = {}
    for pair in pairs:
        for number, name in enumerate(data):
            one, other = (measured[name, method] for method in pair)
            if isinstance(one, str) or isinstance(other, str):
                why = [f"{method} {of}" for method, of in zip(pair, (one, other), strict=True) if isinstance(of, str)]
                missing[pair, name] = "; ".join(why)
            elif (forth := draw(one, other, seed=number)) and (back := draw(other, one, seed=number)):
                drawn[pair, name], drawn[pair[::-1], name] = forth, back
            else:
                missing[pair, name] = "they have no users in common, or one of them is 0"
    both = {(pair, name): max(drawn[pair, name][0].p, drawn[pair[::-1], name][0].p)
            for pair in pairs for name in data if (pair, name) in drawn}  # fmt: skip
    adjusted = dict(zip(both, adjust_holm(list(both.values())), strict=True))
    claims = []
    for pair in pairs:
        p = {name: adjusted[pair, name] for name in data if (pair, name) in adjusted}
        apart = {name: missing[pair, name] for name in data if (pair, name) in missing}
        ways = [claim(way, {name: drawn[way, name] for name in p}, p, apart) for way in (pair, pair[::-1])]
        claims.append(max(ways, key=rank))  # of equal ones the first
    return sorted(claims, key=rank, reverse=True)


def draw(one: Measured, other: Measured, seed: int) -> tuple[Difference, Any] | None:
    """The difference of two methods on one data set, and draws of it; with one split over seeds, else over splits."""
    if len(one.runs) == 1:
        return draw_difference(one.runs[0], other.runs[0], seed)
    return draw_over_splits(one.runs, other.runs, one.test_share, seed)


def claim(
    pair: tuple[str, str], drawn: Mapping[str, tuple[Difference, Any]], p: Mapping[str, float], why: Mapping[str, str]
) -> Claim:
    """A pair's claim; its effect is the mean over data sets, which are drawn independently."""
    effect = None
    if drawn:
        means = np.mean([ratios for _, ratios in drawn.values()], 0)  # [R]
        low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
        relative = float(np.mean([found.relative for found, _ in drawn.values()]))
        effect = Effect(relative, float(low), float(high))
    findings = {name: Finding(found, p[name]) for name, (found, _) in drawn.items()}
    return Claim(*pair, findings, why, effect)


def rank(claim: Claim) -> tuple[int, int, float]:
    """What is shown on most data sets, then what is contradicted on fewest, then what is largest."""
    return len(claim.on(ABOVE)), -len(claim.on(BELOW)), claim.effect.relative if claim.effect else float("-inf")
