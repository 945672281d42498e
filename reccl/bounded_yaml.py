"""Bounded YAML: text to plain values in bounded time and memory, keys as they are written, errors with their line."""

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

import yaml
from typing_extensions import override

from reccl.errors import ConfigError

MAX_CHARACTERS = 2**20
"""Longest text; the longest bundled config has a hundredth of it."""
MAX_DEPTH = 32
"""Deepest nesting; the deepest bundled config has 6."""
MAX_VALUES = 20_000
"""Most values, where each alias counts as the whole that it stands for."""
TAG = "tag:yaml.org,2002:"
MAX_DIGITS = 1000
"""Longest number; base 60 and base 16 take long to read, or to show, beyond what decimals may have."""


class TooManyValuesError(Exception):
    """A text has more values than MAX_VALUES."""


class Loader(yaml.SafeLoader):
    """A safe loader that tells the line of every value that it cannot read, and stops where there are too many."""

    values = 0

    @override
    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        self.values += 1
        if self.values > MAX_VALUES:
            raise TooManyValuesError
        return super().compose_node(parent, index)

    @override
    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except (ValueError, OverflowError) as error:  # 2024-99-99, a number of 5,000 digits
            raise yaml.constructor.ConstructorError(None, None, str(error), node.start_mark) from None


def parse_yaml(text: str, where: str) -> tuple[Any, yaml.Node | None]:
    """The values of a YAML text, and its nodes, which know their lines. `where` is what errors call the text.

    Keys are text as it is written: `no`, `1` and `2024-01-01` may be names of columns. Raises ConfigError.

    >>> parse_yaml("no: [1, off]", "config.yaml")[0]
    {'no': [1, False]}
    """
    if len(text) > MAX_CHARACTERS:
        raise ConfigError(f"{where} has {len(text):,} characters; a config has at most {MAX_CHARACTERS:,}")
    try:
        loader = Loader(text)
        node = loader.get_single_node()
        if node is None:
            return None, None
        check_size(node, node_children, where)
        for each in nodes(node):
            check_node(each, where)
        return loader.construct_document(node), node
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise ConfigError(
            f"{where}:{line}: not valid YAML: character {name_character(chr(error.character))} cannot stand here"
        ) from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ConfigError(f"{where}:{line}: not valid YAML: {error.problem}") from None
    except TooManyValuesError:
        raise too_many(where) from None
    except RecursionError:
        raise too_deep(where) from None


def check_size(root: Any, children: Callable[[Any], Collection[Any]], where: str) -> None:
    """Refuse a tree that is too deep, has too many values, or is no tree at all because it contains itself."""
    sizes: dict[int, int] = {}  # id -> values below, an alias counted as often as it is named
    open_above: set[int] = set()

    def size(value: Any, depth: int) -> int:
        if (known := sizes.get(id(value))) is not None:
            return known
        if id(value) in open_above:
            raise ConfigError(f"{where}: a value contains itself; write it out")
        if depth > MAX_DEPTH:
            raise too_deep(where)
        open_above.add(id(value))
        total = 1
        for child in children(value):
            total += size(child, depth + 1)
            if total > MAX_VALUES:
                raise too_many(where)
        open_above.discard(id(value))
        sizes[id(value)] = total
        return total

    size(root, 0)


def too_many(where: str) -> ConfigError:
    """The error for a text with too many values."""
    return ConfigError(f"{where} has more than {MAX_VALUES:,} values, its aliases (*name) written out")


def too_deep(where: str) -> ConfigError:
    """The error for a text or value that is nested too deeply."""
    return ConfigError(f"{where} is nested more than {MAX_DEPTH} levels deep; no config needs so many")


def node_children(node: yaml.Node) -> list[yaml.Node]:
    """The nodes right below one."""
    if isinstance(node, yaml.MappingNode):
        return [part for pair in node.value for part in pair]
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def value_children(value: Any) -> Collection[Any]:
    """The values right below one, of plain values."""
    return value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else ()


def nodes(node: yaml.Node) -> Iterator[yaml.Node]:
    """A node and all nodes below it."""
    yield node
    for child in node_children(node):
        yield from nodes(child)


def check_node(node: yaml.Node, where: str) -> None:
    """Refuse keys that are no text, and text that no file, database or terminal takes. Keys become text."""
    line = node.start_mark.line + 1
    if isinstance(node, yaml.ScalarNode):
        bad = next((letter for letter in node.value if letter == "\0" or "\ud800" <= letter <= "\udfff"), None)
        if bad:
            raise ConfigError(f"{where}:{line}: character {name_character(bad)} cannot stand in a config")
        if node.tag == f"{TAG}int" and len(node.value) > MAX_DIGITS:
            size = f"{len(node.value):,} digits; no key takes more than {MAX_DIGITS:,}"
            raise ConfigError(f"{where}:{line}: a number of {size}")
        if node.tag == f"{TAG}value":  # `=`, which may separate fields
            node.tag = f"{TAG}str"
    elif isinstance(node, yaml.MappingNode):
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise ConfigError(f"{where}:{line}: a key is one word, not a list or a map")
            if key.tag != f"{TAG}merge":
                key.tag = f"{TAG}str"


def name_character(letter: str) -> str:
    """A character by its number, such as U+0000.

    >>> name_character("a")
    'U+0061'
    """
    return f"U+{ord(letter):04X}"
