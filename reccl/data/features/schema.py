"""Schema: which kind of feature each column of the tables of users and items is."""

from typing import Annotated, Any

from pydantic import Field, SerializeAsAny, field_validator

from reccl.data.features.bins import Bins
from reccl.data.features.categorical import Categorical
from reccl.data.features.date import Date
from reccl.data.features.feature import FeatureSettings
from reccl.data.features.multi_hot import MultiHot
from reccl.data.features.numeric import Numeric
from reccl.data.features.prefix import Prefix
from reccl.data.features.rbf import RBF
from reccl.data.features.text import Text
from reccl.data.features.title_tfidf import TitleTfidf
from reccl.data.features.vector import Vector
from reccl.settings import Settings, outside

AnyFeature = Annotated[
    SerializeAsAny[
        Annotated[
            Bins | RBF | Categorical | Date | MultiHot | Numeric | Prefix | Text | Vector | TitleTfidf,
            Field(discriminator="kind"),
        ]
    ],
    outside(FeatureSettings),
]


class FeatureSchema(Settings):
    """Kinds of columns by name. Columns that are not named are inferred from their type, except text that is mostly
    unique, which is left out; `name: null` leaves a column out. Nested columns are left out, too; a field
    of structs, or of lists of structs, is named by its path (`details.brand`). `title: text` is short for
    `title: {kind: text}`.

    >>> FeatureSchema(items={"title": "text", "year": None}).items["title"].kind
    'text'
    """

    users: dict[str, AnyFeature | None] = Field(default_factory=dict)
    """Columns of the user table."""
    items: dict[str, AnyFeature | None] = Field(default_factory=dict)
    """Columns of the item table."""

    @field_validator("users", "items", mode="before")
    @classmethod
    def _kinds_by_name(cls, columns: Any) -> Any:
        """A kind by its name alone has its defaults."""
        if not isinstance(columns, dict):
            return columns
        return {name: {"kind": kind} if isinstance(kind, str) else kind for name, kind in columns.items()}
