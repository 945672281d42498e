"""Methods: the page that maps methods of the field to parts, written from configs/methods/*.yaml.

python scripts/methods.py        # writes docs/methods.md, which is tracked; a test says when it is old
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "methods.md"
OPENING = """\
# How a method of the field maps to parts

A paper is a YAML over parts, so each row below is a config, and its columns are the keys that make it what it is.
`reccl train --config methods/sgl-ed.yaml --set data=gowalla` runs one on any data, `reccl methods` lists them, and
`reccl config show methods/sgl-ed` prints one with every default. What each reaches is in [Results](results.md); what
every part does, with its equation and where it differs from the paper, is in the [config reference](config.md).

Swap a column and you have another method: SimGCL is SGL with the views `noise`, MoCo is SGL with `momentum` and a
`queue`, BSL is softmax MF with another loss. "Style" means that the idea is the paper's and the backbone is ours.

Column by column: the **encoder** makes embeddings; the **loss** ranks a user's item above the **negatives**; **further
terms** are added to it, each with a weight; **views** are what the terms see of the graph, where it is not the plain
graph; the **scorer** ranks items once training is over.
"""
GROUPS = {
    "Graph encoders": {"convolution", "egcf", "lightgcn", "ngcf"},
    "Matrix factorization": {"matrix_factorization"},
    "Features, towers and cold start": {"alpharec", "content_aligned", "two_tower", "cold_start"},
    "Closed forms and baselines": {"none"},
}
"""The tables of the page, by encoder."""
COLUMNS = ("config and method", "encoder", "loss", "negatives", "further terms", "views", "scorer")
EMPTY = "-"
RANKING = ("bootstrap", "full_softmax", "hop_mixing", "mixed_ranking", "ranking", "softmax_at_k")
"""Terms that rank a user's items; the others are added to them."""


@dataclass(frozen=True)
class Method:
    """One file of configs/methods/."""

    name: str
    about: str  # its first line of comment
    paper: str  # e.g. Wu et al., SIGIR 2021, https://...
    config: Mapping[str, Any]

    @property
    def group(self) -> str:
        """The title of the table that the method is in."""
        kind = "cold_start" if self.config.get("cold_start") else self.encoder
        return next(title for title, kinds in GROUPS.items() if kind.strip("`") in kinds)

    @property
    def encoder(self) -> str:
        """The kind of the encoder, and of the one inside it."""
        encoder = self.config.get("encoder")
        return str(encoder["kind"]) if encoder else "none"


def read(path: Path) -> Method:
    """A method from its YAML file and the comments that it begins with."""
    text = path.read_text()
    comments = [line.removeprefix("#").strip() for line in text.splitlines() if line.startswith("#")]
    paper = next((line.removeprefix("Paper:").strip() for line in comments if line.startswith("Paper:")), "")
    return Method(path.stem, comments[0], paper, yaml.safe_load(text))


def methods() -> list[Method]:
    """Every method that comes as a config."""
    return [read(path) for path in sorted((ROOT / "configs" / "methods").glob("*.yaml"))]


def page() -> str:
    """The whole page as Markdown."""
    lines = [OPENING]
    for title in GROUPS:
        lines += [f"## {title}\n", *table([cells(method) for method in methods() if method.group == title]), ""]
    return "\n".join(lines)


def table(rows: list[list[str]]) -> Iterator[str]:
    """Rows as Markdown, without the columns that are empty in all of them."""
    kept = [place for place in range(len(COLUMNS)) if any(row[place] != EMPTY for row in rows)]
    for row in [list(COLUMNS), ["---"] * len(COLUMNS), *rows]:
        yield f"| {' | '.join(row[place] for place in kept)} |"


def cells(method: Method) -> list[str]:
    """One row of a table."""
    terms: dict[str, Any] = method.config.get("objective") or {}
    return [
        f"**`{method.name}`**<br>{method.about.rstrip('.').replace('|', '/')}{cited(method.paper)}",
        encoder(method.config),
        join(losses(terms)),
        join(negatives(terms)),
        join(further(terms)),
        join(views(terms)),
        scorer(method.config),
    ]


def cited(paper: str) -> str:
    """A paper as a link, where there is an address."""
    found = re.fullmatch(r"(?P<text>.*?),? (?P<address>https?://\S+)", paper)
    return f" ([{found['text']}]({found['address']}))" if found else ""


def encoder(config: Mapping[str, Any]) -> str:
    """The encoder, with the choices that make it a method's own."""
    part = config.get("encoder")
    if not part:
        return EMPTY
    told = {key: value for key, value in part.items() if key in ("operator", "base", "id_dropout", "unit_norm")}
    if not part.get("initial_weight", 1):
        told["initial_weight"] = 0
    return with_keys(part["kind"], {key: value["kind"] if key == "base" else value for key, value in told.items()})


def losses(terms: Mapping[str, Any]) -> Iterator[str]:
    """The losses of what ranks items."""
    for term in terms.values():
        if term["kind"] == "ranking":
            temperature = {"temperature": term["temperature"]["kind"]} if "temperature" in term else {}
            yield with_keys(term["loss"]["kind"], temperature)
        elif term["kind"] == "hop_mixing":
            yield f"`{term['loss']['kind']}` in `hop_mixing`"
        elif term["kind"] in RANKING:
            yield with_keys(term["kind"], {key: term[key] for key in ("momentum", "predictor") if key in term})


def negatives(terms: Mapping[str, Any]) -> Iterator[str]:
    """Where negatives come from."""
    for term in terms.values():
        if term["kind"] == "full_softmax":
            yield "whole catalog"
        elif "negatives" in term:
            drawn = term["negatives"]
            of = f" of {drawn['pool']['number']} `{drawn['pool']['kind']}`" if "pool" in drawn else ""
            yield f"{drawn['number']} `{drawn['kind']}`{of}" if "number" in drawn else f"`{drawn['kind']}`"


def further(terms: Mapping[str, Any]) -> Iterator[str]:
    """What the objective has beside the ranking; the L2 penalty, which nearly all have, goes without saying."""
    for term in terms.values():
        if term["kind"] not in (*RANKING, "l2"):
            yield with_keys(term["kind"], {key: term[key] for key in ("momentum", "queue") if key in term})


def views(terms: Mapping[str, Any]) -> Iterator[str]:
    """What the terms see of the graph, where it is not the plain graph."""
    for term in terms.values():
        for key in ("view", "first", "second", "online", "target"):
            if key in term and term[key]["kind"] != "plain":
                yield f"`{term[key]['kind']}`"


def scorer(config: Mapping[str, Any]) -> str:
    """What ranks items, and what places cold ones."""
    part = config.get("scorer", {"kind": "embedding"})
    keys = {key: part[key] for key in ("popularity", "cutoff") if key in part}
    shown = ", ".join([with_keys(part["kind"], keys), *([part["similarity"]] if "similarity" in part else [])])
    cold = config.get("cold_start") or {}
    placed = list(dict.fromkeys(cold[side]["kind"] for side in ("items", "users") if cold.get(side)))
    return shown + "".join(f"; cold start: `{kind}`" for kind in placed)


def with_keys(kind: str, keys: Mapping[str, Any]) -> str:
    """A kind and the keys that matter, as YAML has them."""
    shown = ", ".join(f"{key}: {str(value).lower()}" for key, value in keys.items())
    return f"`{kind}` ({shown})" if shown else f"`{kind}`"


def join(parts: Iterator[str]) -> str:
    """Several parts in one cell; a dash where there is none."""
    return ", ".join(dict.fromkeys(parts)) or EMPTY


if __name__ == "__main__":
    PAGE.write_text(page())
