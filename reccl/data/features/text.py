"""Text: titles and descriptions as a few components of their words."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Self

import polars as pl
from pydantic import Field, model_validator
from typing_extensions import override

from reccl.data.features.feature import FeatureSettings, FeatureState
from reccl.data.features.sentences import encode_sentences
from reccl.data.svd import truncated_svd
from reccl.lazy import functional, np, torch

if TYPE_CHECKING:
    from torch import Tensor

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix
    from sklearn.feature_extraction.text import TfidfVectorizer

ROUNDING = 1e-6
"""Below this, the part of a text of length 1 that lies within the components counts as 0."""
SHORTEST = 3
"""Characters of the shortest character n-gram."""


class Text(FeatureSettings):
    """Latent semantic analysis: TF-IDF of the trained rows' words, their first singular vectors, rows of length 1.

    Indexing by Latent Semantic Analysis, Deerwester et al., JASIS 41(6), 1990. Z = X V, V the `dimension` first right
    singular vectors of the trained X, no mean taken off; z / |z|; all 0 for a text without a known word. With `model`
    X is what a sentence-transformers model makes of the text. Lists of words are joined.
    """

    kind: Literal["text"] = "text"
    dimension: Annotated[int, Field(ge=1)] = 32
    """Components, at most: no more than there are words or training nodes."""
    words: Annotated[int, Field(ge=0)] = 1
    """Words of the longest word n-gram; 0 for none."""
    characters: Annotated[int, Field(ge=0)] = 0
    """Characters of the longest character n-gram, from 3; 0 for none. Finds parts of words."""
    vocabulary: Annotated[int, Field(ge=1)] = 20_000
    """Size of the vocabulary of words, and of that of characters, at most: the most frequent n-grams."""
    min_count: Annotated[int, Field(ge=1)] = 1
    """Least number of training nodes that have an n-gram."""
    seed: int = 42
    """Seed of the randomized singular vectors."""
    model: Path | None = None
    """Folder of a sentence-transformers model, instead of TF-IDF; nothing is downloaded."""

    @model_validator(mode="after")
    def _require_grams(self) -> Self:
        """Refuse settings that read nothing of a text."""
        if self.model is None and not (self.words or self.characters):
            raise ValueError("words and characters are both 0: nothing of the text is read")
        return self

    @override
    def fit(self, trained: pl.Series) -> FeatureState:
        texts = to_texts(trained).filter(self.is_known(trained)).to_list()
        values, tensors = {}, {}
        if self.model is None:
            for kind, vectorizer in self.make_vectorizers().items():
                grams, weights = fit_vectorizer(vectorizer, texts)
                values[kind], tensors[f"idf_{kind}"] = grams, torch.from_numpy(weights)
        counts = self.weigh(texts, FeatureState(values, tensors))  # [t, V]
        tensors["components"] = torch.from_numpy(find_components(counts, self.dimension, self.seed))  # [V, F]
        return FeatureState(values, tensors)

    def name_columns(self, name: str, state: FeatureState) -> list[str]:
        """`title~1`, `title~2`."""
        return [f"{name}~{place}" for place in range(1, state.tensors["components"].shape[1] + 1)]

    @override
    def transform(self, column: pl.Series, state: FeatureState) -> Tensor:
        components = state.tensors["components"]  # [V, F]
        if not (len(column) and components.numel()):
            return torch.zeros(len(column), components.shape[1])
        counts = self.weigh(to_texts(column).fill_null("").to_list(), state)  # [n, V]
        made = torch.from_numpy(np.asarray(counts @ components.numpy()))  # [n, F]
        known = torch.from_numpy(self.is_known(column).to_numpy(writable=True))
        return functional.normalize(made, dim=1, eps=ROUNDING).float() * known[:, None]

    def is_known(self, column: pl.Series) -> pl.Series:
        """See `FeatureSettings.known`; an empty text has no value."""
        return to_texts(column).str.strip_chars().fill_null("") != ""

    def count_words(self, state: FeatureState) -> int | None:
        """See `FeatureSettings.size`; the n-grams."""
        return None if self.model else sum(len(grams) for grams in state.values.values())

    def make_vectorizers(self) -> dict[str, TfidfVectorizer]:
        """One for n-grams of words and one for those of characters, not fitted."""
        from sklearn.feature_extraction.text import TfidfVectorizer

        made = {}
        shared = {"max_features": self.vocabulary, "min_df": self.min_count, "strip_accents": "unicode"}
        if self.words:
            made["words"] = TfidfVectorizer(ngram_range=(1, self.words), token_pattern=r"(?u)\b\w+\b", **shared)
        if self.characters:
            lengths = (min(SHORTEST, self.characters), self.characters)
            made["characters"] = TfidfVectorizer(analyzer="char_wb", ngram_range=lengths, **shared)
        return made

    def weigh(self, texts: list[str], state: FeatureState) -> csr_matrix | np.ndarray:
        """TF-IDF [n, V], rows of length 1 for n-grams of words and of characters each; or the model's vectors."""
        from scipy.sparse import csr_matrix, hstack

        if self.model is not None:
            return encode_sentences(self.model, texts)
        blocks = [csr_matrix((len(texts), 0))]
        for kind, vectorizer in self.make_vectorizers().items():
            if state.values[kind] and texts:
                vectorizer.set_params(vocabulary={gram: at for at, gram in enumerate(state.values[kind])})
                vectorizer.idf_ = state.tensors[f"idf_{kind}"].numpy()
                blocks.append(vectorizer.transform(texts))
        return hstack(blocks, format="csr")


def to_texts(column: pl.Series) -> pl.Series:
    """[n] text; lists are joined by spaces."""
    if isinstance(column.dtype, pl.List):
        return column.cast(pl.List(pl.String)).list.join(" ")
    return column.cast(pl.String)


def fit_vectorizer(vectorizer: TfidfVectorizer, texts: list[str]) -> tuple[list[str], np.ndarray]:
    """The n-grams that are kept, in order, and their inverse document frequencies; none where no text has one."""
    try:
        vectorizer.fit(texts)
    except ValueError:  # what scikit-learn raises where no n-gram remains
        return [], np.zeros(0)
    return vectorizer.get_feature_names_out().tolist(), vectorizer.idf_


def find_components(rows: csr_matrix | np.ndarray, dimension: int, seed: int) -> np.ndarray:
    """The first right singular vectors [V, F] of [t, V], F the smallest of dimension, V and t; seeded."""
    svd = truncated_svd(rows, dimension, iterations=10, seed=seed)
    kept = svd.values > ROUNDING * svd.values.max(initial=0)  # beyond the rank there is only rounding
    return np.ascontiguousarray(svd.right[:, kept], dtype=np.float64)
