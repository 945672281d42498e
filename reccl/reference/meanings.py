"""Meanings: what docstrings say of a part and of a pipeline's keys, as Markdown."""

import inspect
import re
import sys
from collections.abc import Iterable

from reccl.settings import Settings

LISTED = re.compile(r"(?P<names>\w+(?:, \w+)*): (?P<meaning>.+)")
REFERS = re.compile(r"See `(?:(?P<module>[\w.]+)\.)?(?P<name>\w+)`\.?\s*")
EQUATION = re.compile(r"\S[^=.]{0,40} = ")
SECTION = re.compile(r"(Args|Returns|Raises|Example|Examples|Yields):$")


def of_class(cls: type[Settings]) -> str:
    """The docstring of a part; "See `info_nce`." is replaced by what the function of that name says."""
    text = inspect.cleandoc(cls.__doc__ or "")
    refers = REFERS.match(text)
    module = sys.modules.get(refers["module"] or cls.__module__) if refers else None
    function = getattr(module, refers["name"], None) if refers else None
    if refers and function is not None and function.__doc__:
        text = f"{inspect.cleandoc(function.__doc__)}\n\n{text[refers.end() :]}"
    return markdown(text)


def markdown(text: str) -> str:
    """A docstring without what is for readers of the code (arguments, doctests); equations become blocks."""
    kept = []
    for paragraph in re.split(r"\n\s*\n", text.strip()):
        lines = paragraph.splitlines()
        if SECTION.match(lines[0]) or lines[0].startswith(">>>"):
            continue
        kept.append(f"```text\n{paragraph}\n```" if is_equation(paragraph) else paragraph)
    return "\n\n".join(kept)


def is_equation(paragraph: str) -> bool:
    """Whether a paragraph is one or more lines of equation, and not a sentence with an equals sign."""
    sentence = paragraph.endswith(".") or ". " in paragraph
    return not paragraph.startswith(" ") and not sentence and all(map(EQUATION.match, paragraph.splitlines()))


def of_pipeline(docstring: str, keys: Iterable[str]) -> tuple[str, dict[str, str]]:
    r"""What a pipeline's docstring says of the whole, and of each key.

    A line `key, other: meaning` is for keys that the pipeline has; indented lines carry it on.

    >>> of_pipeline("Read rows.\n\nuser, item: columns of the\n  ids.\nNulls are dropped.", ["user", "item"])
    ('Read rows.\n\nNulls are dropped.', {'user': 'Columns of the ids.', 'item': 'Columns of the ids.'})
    """
    known, meanings, prose = set(keys), dict[str, str](), []
    names: list[str] = []
    for line in inspect.cleandoc(docstring).splitlines():
        found = LISTED.match(line)
        if found and known.issuperset(found["names"].split(", ")):
            names = found["names"].split(", ")
            meanings |= dict.fromkeys(names, found["meaning"][0].upper() + found["meaning"][1:])
        elif names and line.startswith(" "):
            meanings |= {name: f"{meanings[name]} {line.strip()}" for name in names}
        else:
            names = []
            prose.append(line)
    return "\n".join(prose).strip(), meanings
