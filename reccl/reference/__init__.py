"""Reference, an index: every config key with its type, default and meaning, written from the classes themselves."""

from reccl.reference.chapters import reference
from reccl.reference.rooms import members

__all__ = ["members", "reference"]
