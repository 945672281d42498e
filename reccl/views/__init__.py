"""Views, an index: ways of looking at the training graph."""

from typing import Annotated

from pydantic import Field, SerializeAsAny

from reccl.settings import outside
from reccl.views.edge_drop import EdgeDrop
from reccl.views.plain import Plain
from reccl.views.view import View, ViewSettings

AnyView = Annotated[
    SerializeAsAny[Annotated[EdgeDrop | Plain, Field(discriminator="kind")]],
    outside(ViewSettings),
]

__all__ = ["AnyView", "EdgeDrop", "Plain", "View", "ViewSettings"]
