"""TitleTfidf: a short text as its words, one by one, and its style."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import polars as pl
from pydantic import Field
from typing_extensions import override

from reccl.data.features.feature import FeatureSettings, FeatureState
from reccl.data.features.text import fit_vectorizer, to_texts
from reccl.lazy import np, torch

if TYPE_CHECKING:
    from torch import Tensor

if TYPE_CHECKING:
    from sklearn.feature_extraction.text import TfidfVectorizer

MARKS = {
    "words": r"\w+",
    "characters": r".",
    "brackets": r"[(\[]",
    "commas": r",",
    "colons": r"[:;]",
    "digits": r"\d+",
    "capitals": r"\b[A-Z]{2,}\b",
    "foreign": r"[^\x00-\x7f]",
    "apostrophes": r"'",
    "exclamations": r"[!?]",
}
"""What is counted in a text."""


class TitleTfidf(FeatureSettings):
    """TF-IDF of every word that several trained rows have, rows of length 1; and log(1 + count) of words, characters,
    brackets, commas, colons, numbers, words in capitals, characters beyond ASCII, apostrophes and exclamation marks,
    standardized over the trained rows, then divided by the square root of their number. All 0 where there is no text.

    For titles, which are too short for the few components of kind `text`: a rare word in common shows that two of them
    belong together ("Trek"), and the style shows what sort each is (a sequel's number, a foreign title in brackets).
    """

    kind: Literal["title_tfidf"] = "title_tfidf"
    vocabulary: Annotated[int, Field(ge=1)] = 2000
    """Most frequent words that are kept."""
    min_count: Annotated[int, Field(ge=1)] = 2
    """Least trained rows of a word."""
    marks: Annotated[float, Field(ge=0)] = 1.0
    """Factor of the style's columns."""

    @override
    def fit(self, trained: pl.Series) -> FeatureState:
        texts = to_texts(trained).filter(self.is_known(trained))
        words, weights = fit_vectorizer(self.make_vectorizer(), texts.to_list())
        counts = count_marks(texts)  # [t, M]
        middle = counts.mean(0) if len(counts) else np.zeros(len(MARKS))
        spread = counts.std(0) if len(counts) else np.ones(len(MARKS))
        tensors = {"idf": weights, "middle": middle, "spread": np.where(spread > 0, spread, np.inf)}
        return FeatureState({"words": words}, {name: torch.from_numpy(array) for name, array in tensors.items()})

    def name_columns(self, name: str, state: FeatureState) -> list[str]:
        """`title=star`, `title~digits`."""
        return [*(f"{name}={word}" for word in state.values["words"]), *(f"{name}~{mark}" for mark in MARKS)]

    @override
    def transform(self, column: pl.Series, state: FeatureState) -> Tensor:
        texts, words = to_texts(column).fill_null(""), state.values["words"]
        middle, spread = (state.tensors[name].numpy() for name in ("middle", "spread"))
        marks = self.marks * (count_marks(texts) - middle) / spread / np.sqrt(len(MARKS))  # [n, M]
        made = np.concatenate([self.weigh(texts.to_list(), words, state), marks], 1)
        return torch.from_numpy((made * self.is_known(column).to_numpy()[:, None]).astype(np.float32))

    def weigh(self, texts: list[str], words: list[str], state: FeatureState) -> np.ndarray:
        """TF-IDF [n, V], rows of length 1."""
        if not words or not texts:
            return np.zeros((len(texts), len(words)))
        vectorizer = self.make_vectorizer().set_params(vocabulary={word: place for place, word in enumerate(words)})
        vectorizer.idf_ = state.tensors["idf"].numpy()
        found: np.ndarray = vectorizer.transform(texts).toarray()
        return found

    def is_known(self, column: pl.Series) -> pl.Series:
        """See `FeatureSettings.known`; an empty text has no value."""
        return to_texts(column).str.strip_chars().fill_null("") != ""

    def make_vectorizer(self) -> TfidfVectorizer:
        """Not fitted."""
        from sklearn.feature_extraction.text import TfidfVectorizer

        shared = {"max_features": self.vocabulary, "min_df": self.min_count, "strip_accents": "unicode"}
        return TfidfVectorizer(token_pattern=r"(?u)\b\w+\b", sublinear_tf=True, **shared)


def count_marks(texts: pl.Series) -> np.ndarray:
    """log(1 + count) of every mark: [n, M]."""
    counts = [texts.str.count_matches(pattern).fill_null(0).to_numpy() for pattern in MARKS.values()]
    return np.log1p(np.stack(counts, 1, dtype=np.float64))
