"""Finding: what one check measured, how bad it is, and what to do about it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

Severity = Literal["ok", "note", "warning", "serious"]
SEVERITIES: tuple[Severity, ...] = ("ok", "note", "warning", "serious")


@dataclass(frozen=True)
class Finding:
    """One check."""

    check: str
    severity: Severity
    number: float | None
    """What was measured; None where it cannot be."""
    unit: str
    """What the number is, in a few words."""
    says: str
    """What it means here."""
    remedy: str = ""
    """What to do; empty where nothing is to be done."""

    def shown(self) -> str:
        """The number for people: shares in percent."""
        if self.number is None:
            return "-"
        return f"{self.number:.1%}" if self.unit.startswith("share") else f"{self.number:.3g}"


@dataclass(frozen=True)
class Report:
    """All checks of one data set and split."""

    data: str
    """Sizes in one line."""
    split: str
    """The kind of the split."""
    digest: str
    """`SplitDigest.test`."""
    published: str
    """The published split that this is; empty where it is none."""
    findings: tuple[Finding, ...]

    def __getitem__(self, check: str) -> Finding:
        """A finding by the name of its check."""
        return next(finding for finding in self.findings if finding.check == check)

    @property
    def worst(self) -> Severity:
        """The worst severity that was found."""
        return max((finding.severity for finding in self.findings), key=SEVERITIES.index, default="ok")

    def count(self) -> str:
        """How many findings of each severity, the worst first.

        >>> Report("", "", "", "", (Finding("x", "ok", 0.0, "share", ""), Finding("y", "note", None, "", ""))).count()
        '1 note, 1 ok'
        """
        found = [finding.severity for finding in self.findings]
        return ", ".join(f"{found.count(each)} {each}" for each in reversed(SEVERITIES) if each in found)

    def as_json(self) -> dict[str, Any]:
        """For scripts and for the run that keeps it."""
        return {**asdict(self), "worst": self.worst}


def grade(number: float, bounds: Sequence[float]) -> Severity:
    """`ok` below all bounds, which are those of note, warning and serious.

    >>> grade(0.0, (0.01, 0.05, 0.5)), grade(0.05, (0.01, 0.05, 0.5)), grade(1.0, (0.01, 0.05, 0.5))
    ('ok', 'warning', 'serious')
    """
    return SEVERITIES[sum(number >= bound for bound in bounds)]
