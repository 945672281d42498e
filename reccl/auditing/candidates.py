"""Candidates: do the methods that were tried stand in one order on validation and on test?"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy.stats import kendalltau, spearmanr

from reccl.auditing.finding import Finding, Severity

FEW = 5
"""Candidates below which an agreement says little."""
REGRET = (0.005, 0.02, 0.05)
"""Relative losses on test, by choosing on validation, from which on it is a note, a warning, serious."""


@dataclass(frozen=True)
class Candidate:
    """A recorded run of the same data."""

    name: str
    validation: float
    test: float


def find_agreement(candidates: Sequence[Candidate], metric: str) -> Iterator[Finding]:
    """Kendall's tau-b of validation and test over the candidates, and what choosing on validation costs on test."""
    if len(candidates) < 3:
        yield Finding(
            "agreement",
            "note",
            None,
            "Kendall's tau",
            f"{len(candidates)} recorded run{'s' * (len(candidates) != 1)} of this very data with {metric} on "
            "validation and test: too few to say whether validation chooses what test would",
            "train three methods or more on it (reccl methods; reccl tune), then audit again",
        )
        return
    validation, test = (np.array([getattr(each, part) for each in candidates]) for part in ("validation", "test"))
    tau, rho = (float(np.nan_to_num(measure(validation, test).statistic)) for measure in (kendalltau, spearmanr))
    turned = sum((a.validation - b.validation) * (a.test - b.test) < 0 for a, b in combinations(candidates, 2))
    severity: Severity = "ok" if tau >= 0.8 else "note" if tau >= 0.6 else "warning" if tau >= 0.3 else "serious"
    few = len(candidates) < FEW
    yield Finding(
        "agreement",
        min(severity, "note", key=("ok", "note", "warning", "serious").index) if few else severity,
        tau,
        "Kendall's tau",
        f"of {metric} on validation and on test over {len(candidates)} recorded runs (Spearman {rho:.2f}); {turned} of "
        f"{len(candidates) * (len(candidates) - 1) // 2} pairs change places" + ("; few runs, so a rough number" * few),
        "a validation part like the test (data.split.kind=global_timeline), more validation rows, more seeds"
        if severity != "ok"
        else "",
    )
    chosen, best = candidates[int(validation.argmax())], candidates[int(test.argmax())]
    regret = 1 - chosen.test / best.test if best.test else 0.0
    bad: Severity = ("ok", "note", "warning", "serious")[sum(regret >= bound for bound in REGRET)]
    yield Finding(
        "regret",
        bad,
        regret,
        f"share of the best {metric}",
        f"is lost on test by choosing on validation: {chosen.name} is chosen ({chosen.test:.4f})"
        + (f", {best.name} has {best.test:.4f}" if chosen is not best else ", and it is the best"),
        "never report the best on test; see the agreement for what helps validation" if bad != "ok" else "",
    )
