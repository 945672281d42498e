"""Docstrings: what mkdocstrings needs to know of this house's docstrings (an extension of griffe).

- An equation or a doctest that stands as a paragraph of its own becomes a block of code.
- `name` in backticks becomes a link where it names something that the reference documents.
- The comment behind a field, such as `# [B, D]`, is the field's documentation where it has none; so `kind` gets one.
"""

import re
from typing import Any

import griffe

EQUATION = re.compile(r"\S[^=.]{0,40} = ")
"""A short left side, then an equals sign."""
QUOTED = re.compile(r"(?<![`\w])`([A-Za-z_][\w.]*)`(?!`)")
COMMENT = re.compile(r"[^#]*?#\s*(?!noqa|type:)(?P<text>.+)$")


class Docstrings(griffe.Extension):
    """Called by griffe for everything that it has read."""

    def on_attribute_instance(self, *, attr: griffe.Attribute, **_: Any) -> None:
        """Take the comment behind an undocumented field for its docstring."""
        if attr.docstring is None and attr.parent is not None and attr.parent.is_class and attr.lineno:
            found = COMMENT.match(line_of(attr))
            text = escape(found["text"]) if found else "Chooses this part in a config." if attr.name == "kind" else ""
            if text:
                attr.docstring = griffe.Docstring(text, lineno=attr.lineno, parent=attr)

    def on_package(self, *, pkg: griffe.Module, **_: Any) -> None:
        """Rewrite every docstring once the whole package is known, so that names can be looked up."""
        rewrite(pkg)


def rewrite(parent: griffe.Object) -> None:
    """Rewrite the docstring of an object and of all that it holds."""
    if parent.docstring is not None:
        parent.docstring.value = markdown(parent.docstring.value, parent)
    for member in parent.members.values():
        if not member.is_alias:
            rewrite(member)  # type: ignore[arg-type]


def markdown(text: str, owner: griffe.Object) -> str:
    """A docstring as Markdown that shows as it was meant."""
    return "\n\n".join(shown(paragraph, owner) for paragraph in text.split("\n\n"))


def shown(paragraph: str, owner: griffe.Object) -> str:
    """A paragraph: an equation or a doctest as a block of code, anything else with its links."""
    if is_equation(paragraph):
        return f"```text\n{paragraph}\n```"
    return f"```pycon\n{paragraph}\n```" if paragraph.startswith(">>>") else linked(paragraph, owner)


def is_equation(paragraph: str) -> bool:
    """Whether a paragraph is one or more lines of equation, and not a sentence with an equals sign."""
    lines = paragraph.splitlines()
    sentence = paragraph.endswith(".") or ". " in paragraph
    return not paragraph.startswith(" ") and not sentence and all(EQUATION.match(line) for line in lines)


def linked(paragraph: str, owner: griffe.Object) -> str:
    """A paragraph whose names in backticks link to what they name; code blocks stay as they are."""
    if paragraph.startswith(("    ", "```")):
        return paragraph

    def link(found: re.Match[str]) -> str:
        path = resolve(found[1], owner)
        return f'<autoref identifier="{path}" optional><code>{found[1]}</code></autoref>' if path else found[0]

    return QUOTED.sub(link, paragraph)


def resolve(name: str, owner: griffe.Object) -> str | None:
    """The full path of a name as seen from `owner`, or None where it is not one of reccl's."""
    try:
        path = name if name.startswith("reccl.") else owner.resolve(name)
        found = owner.modules_collection[path]
    except (griffe.NameResolutionError, KeyError, ValueError):
        return None
    try:
        path = found.canonical_path
    except (griffe.AliasResolutionError, griffe.CyclicAliasError):
        return None
    return path if path.startswith("reccl.") and path != owner.canonical_path else None


def line_of(attr: griffe.Attribute) -> str:
    """The source line of an attribute that takes one line, else ''."""
    return attr.lines[0] if len(attr.lines) == 1 else ""


def escape(text: str) -> str:
    """Comment as Markdown: no emphasis, no HTML."""
    return text.replace("*", "\\*").replace("<", "&lt;")
