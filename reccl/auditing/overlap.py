"""Overlap: pairs that are in more than one part, and test rows of users and items that nothing is known of."""

from collections.abc import Iterator

from reccl.auditing.finding import Finding, grade
from reccl.data.columns import ITEM, TEST, USER, VALIDATION
from reccl.data.dataset import Dataset, Hide

TWICE, UNSEEN = (1e-9, 0.001, 0.05), (0.001, 0.05, 0.5)
"""Shares of test rows from which on it is a note, a warning, serious."""


def find_overlap(data: Dataset, hide: Hide) -> Iterator[Finding]:
    """Duplicates across parts, and users and items of test that no model was trained on."""
    for part in (VALIDATION, TEST):
        rows = data.part(part)
        if rows.is_empty():
            continue
        before = data.known_before(part).select(USER, ITEM).unique()
        twice = rows.join(before, on=[USER, ITEM], how="semi").height / rows.height
        counted = hide == "none"
        yield Finding(
            f"duplicates, {part}",
            grade(twice, TWICE) if counted else ("note" if twice else "ok"),
            twice,
            f"share of {part} rows",
            f"pairs that are known before {part}"
            + ("; they count as hits, as evaluation.hide=none says" if counted and twice else "")
            + ("; left out of lists and not counted" if twice and not counted else ""),
            "data.duplicates=sum (one row a pair), or say that repeats are predicted" if twice else "",
        )
    for side in (USER, ITEM):
        if data.test.is_empty():
            return
        trained = data.train[side].unique()
        unseen = data.test.filter(~data.test[side].is_in(trained.implode()))
        share = unseen.height / data.test.height
        given = " (their given rows are folded in)" if side == USER and TEST in data.given else ""
        yield Finding(
            f"unseen {side}s",
            "ok" if given else grade(share, UNSEEN),
            share,
            "share of test rows",
            f"of {unseen[side].n_unique():,} {side}s without a training row{given}",
            f"read warm and cold {side}s apart (reccl cold), or data.split.keep_cold=false"
            if share >= UNSEEN[0] and not given
            else "",
        )
