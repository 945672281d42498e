"""Separated: text that holds several words a row, such as Action|Comedy."""

import re

import polars as pl

SEPARATORS = ("|", ";", ",")
LISTS = 0.2
"""Share of the rows that hold a separator where a column is a list of words."""
REPEATED = 0.5
"""Most distinct words as a share of all: words of lists come again."""
LONGEST = 20
"""Mean length of a word from which on text is sentences."""


def separator_in(values: pl.Series) -> str | None:
    """What separates the words of a column of lists as text; None where it is no such column.

    >>> separator_in(pl.Series(["Action|Comedy", "Comedy", "Action|Drama", "Drama|Comedy|Action", "Drama"]))
    '|'
    >>> separator_in(pl.Series(["Alien", "Antz", "Babe, the pig"]))
    """
    known = values.drop_nulls()
    for separator in SEPARATORS:
        if (known.str.contains(re.escape(separator)).mean() or 0) > LISTS:  # type: ignore[operator]
            words = known.str.split(separator).explode().str.strip_chars()
            short = (words.str.len_chars().mean() or 0) <= LONGEST  # type: ignore[operator]
            if short and words.n_unique() <= REPEATED * len(words) and words.n_unique() < known.n_unique():
                return separator
    return None
