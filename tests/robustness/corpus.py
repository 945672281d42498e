"""Bad inputs: configs, overrides, tables, files of ids, stored models, caches and stores, each with its words.

A case is a command in a folder with a trained run, what is laid there first, and a word that the answer must hold.
"""

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

GOOD = """\
name: good
data: {pipeline: table, interactions: buys.csv}
encoder: {kind: matrix_factorization, dimension: 4}
objective:
  ranking: {kind: ranking, loss: {kind: info_nce, temperature: 0.2}}
training: {epochs: 1, batch_size: 512}
"""
POPULAR = "name: a\ndata: {{pipeline: table, interactions: t.csv{keys}}}\nscorer: {{kind: popularity}}\n"
Lay = Callable[[Path], object]


@dataclass(frozen=True)
class Case:
    """One bad input."""

    name: str
    words: tuple[str, ...]
    says: str = ""
    lay: Lay = lambda _: None
    environment: dict[str, str] = field(default_factory=dict)
    apart: bool = False
    """In a process of its own: what libraries keep open in this one would hide the damage."""


def cases() -> Iterator[Case]:
    """All of them."""
    for make in (configs, overrides, tables, id_files, models, stores):
        yield from make()


def write(name: str, content: str | bytes) -> Lay:
    """Lays a file."""
    return lambda folder: (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())


def configs() -> Iterator[Case]:
    """Config files."""
    changes = {
        "unknown section": ("name: good", "name: good\nmodel: 5", "model"),
        "unknown kind": ("matrix_factorization", "matrix_factorisation", "did you mean 'matrix_factorization'"),
        "unknown loss": ("info_nce", "infonce", "info_nce"),
        "unknown term": ("kind: ranking", "kind: rank", "rank"),
        "unknown pipeline": ("pipeline: table", "pipeline: tabel", "did you mean 'table'"),
        "unknown key of a pipeline": ("interactions:", "interaction:", "did you mean 'interactions'"),
        "no name": ("name: good\n", "", "name"),
        "no data": ("data: {pipeline: table, interactions: buys.csv}\n", "", "data"),
        "no pipeline": ("pipeline: table, ", "", "pipeline"),
        "no kind": ("kind: matrix_factorization, ", "", "kind"),
        "no objective": (GOOD[GOOD.index("objective") : GOOD.index("training")], "", "objective"),
        "no encoder": ("encoder: {kind: matrix_factorization, dimension: 4}\n", "", "encoder"),
        "a key twice": ("name: good", "name: good\nname: better", "given twice"),
        "a tab": ("objective:\n", "objective:\n\t", "YAML"),
        "open bracket": ("dimension: 4}", "dimension: 4", "YAML"),
        "a NUL": ("good", "go\0od", "U+0000"),
        "a bell": ("good", "go\aod", "U+0007"),
        "an escaped NUL": ("name: good", 'name: "go\\0od"', "U+0000"),
        "half a surrogate": ("name: good", 'name: "\\ud800"', "U+D800"),
        "two lines": ("name: good", 'name: "a\\nb"', "name"),
        "empty name": ("name: good", "name: ''", "name"),
        "spaces alone": ("name: good", "name: '   '", "name"),
        "long name": ("good", "long" * 100, "name"),
        "list as key": ("name: good", "[name]: good", "key"),
        "map as key": ("name: good", "? {a: 1}\n: good", "key"),
        "a set": ("name: good", "name: !!set {a, b}", "name"),
        "an object of Python": ("name: good", "name: !!python/object/apply:os.getcwd []", "YAML"),
        "binary": ("epochs: 1", "epochs: !!binary aGVsbG8=", "epochs"),
        "no such day": ("name: good", "name: 2024-99-99", "month"),
        "5,000 digits": ("epochs: 1", f"epochs: {'9' * 5000}", "digits"),
        "contains itself": ("training: {", "training: &me {me: *me, ", "itself"),
        "unknown alias": ("epochs: 1", "epochs: *nothing", "nothing"),
        "nested 1,500 deep": ("epochs: 1", f"epochs: {'[' * 1500}{']' * 1500}", "deep"),
        "nested 40 deep": ("epochs: 1", f"epochs: {'{a: ' * 40}1{'}' * 40}", "deep"),
        "two documents": ("name: good", "--- 1\n--- 2\n", "document"),
        "merge of a number": ("name: good", "name: good\n<<: 5", "merg"),
        "relative class": ("kind: matrix_factorization", "class: .foo.Bar", "class"),
        "class without a module": ("kind: matrix_factorization", "class: Bar", "class"),
        "class of nobody": ("kind: matrix_factorization", "class: no_such_package.Bar", "no_such_package"),
        "class that is none": ("kind: matrix_factorization", "class: os.path.join", "os.path.join"),
        "class as a list": ("kind: matrix_factorization", "class: [a]", "class"),
        "class that raises": ("kind: matrix_factorization", "class: raising_part.Bar", "raising_part"),
        "class that exits": ("kind: matrix_factorization", "class: exiting_part.Bar", "exiting_part"),
        "term with a bang": ("ranking: {kind", "ran!king: {kind", "ran!king"),
        "term with a line": ("ranking: {kind", '"a\\nb": {kind', "name a term"),
        "empty term": ("ranking: {kind", "'': {kind", "name a term"),
        "cutoffs are words": ("training:", "evaluation: {cutoffs: [ten]}\ntraining:", "cutoffs"),
        "no cutoffs": ("training:", "evaluation: {cutoffs: []}\ntraining:", "cutoffs"),
        "299 cutoffs": ("training:", f"evaluation: {{cutoffs: {list(range(1, 300))}}}\ntraining:", "cutoffs"),
        "unknown metric": ("epochs: 1", "epochs: 1, metric: ndgc_at_10", "ndcg_at_10"),
        "metric of another length": ("epochs: 1", "epochs: 1, metric: ndcg_at_7", "ndcg_at_7"),
        "a list for a map": ("training: {epochs: 1, batch_size: 512}", "training: [1]", "training"),
        "a word for a map": ("training: {epochs: 1, batch_size: 512}", "training: fast", "training"),
        "null for a number": ("epochs: 1", "epochs: null", "epochs"),
        "true for a number": ("temperature: 0.2", "temperature: [0.2]", "temperature"),
        "unknown data set": ("data: {pipeline: table, interactions: buys.csv}", "data: ml-100", "ml-100"),
        "data is a number": ("data: {pipeline: table, interactions: buys.csv}", "data: 5", "data"),
        "data is empty": ("data: {pipeline: table, interactions: buys.csv}", "data: ''", "data"),
        "a million characters": ("name: good", f"# {'x' * 2**20}\nname: good", "characters"),
        "30,000 values": ("epochs: 1", f"epochs: [{'1,' * 30_000}]", "values"),
    }
    for name, (right, wrong, says) in changes.items():
        assert right in GOOD, name
        yield Case(
            f"config: {name}", ("train", "--config", "bad.yaml"), says, write("bad.yaml", GOOD.replace(right, wrong))
        )
    lines = ["a0: &a0 {x: 1}"]
    lines += [f"a{n}: &a{n} {{{', '.join(f'k{i}: *a{n - 1}' for i in range(9))}}}" for n in range(1, 9)]
    lines += [f"b{n}: &b{n} [{', '.join([f'*b{n - 1}'] * 9)}]" if n else "b0: &b0 [1]" for n in range(9)]
    wholes: dict[str, str | bytes] = {
        "nothing": "",
        "a list": "- 1\n",
        "a word": "word",
        "a number": "5",
        "null": "null",
        "bytes": b"\xff\xfe\x00\x9f",
        "UTF-16": GOOD.encode("utf-16"),
        "a picture": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
        "aliases of aliases": "\n".join(lines),
        "merges of merges": "a0: &a0 {x: 1}\n"
        + "\n".join(f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}" for n in range(1, 9)),
    }
    for name, text in wholes.items():
        yield Case(f"config: {name}", ("config", "show", "bad.yaml"), "bad.yaml", write("bad.yaml", text))
    for name in ("no-such-config", "", "a" * 300, "../../etc/passwd", "data/ml-100k.yaml", "nowhere/x.yaml"):
        yield Case(f"config named {name[:20]!r}", ("train", "--config", name), "config")
    pipelines = {
        "raises when imported": ("1 / 0", "ZeroDivisionError"),
        "exits when imported": ("import sys; sys.exit(0)", "SystemExit"),
        "is no Python": ("def f(:", "SyntaxError"),
        "has no function": ("x = 5", "pipeline"),
        "takes two positions": ("def pipeline(raw, other): ...", "other"),
        "takes nothing": ("def pipeline(): ...", "folder"),
        "takes anything": ("def pipeline(raw, **others): ...", "others"),
        "takes a reserved key": ("def pipeline(raw, *, split=1): ...", "split"),
        "gives nothing": ("def pipeline(raw): ...", "NoneType"),
        "gives a table": ("import polars as pl\ndef pipeline(raw): return pl.DataFrame()", "DataFrame"),
        "raises": ("def pipeline(raw): raise KeyError('no such column')", "no such column"),
        "exits": ("import sys\ndef pipeline(raw): sys.exit(0)", "SystemExit"),
        "lists files that are not there": (
            "def pipeline(raw): ...\ndef inputs(raw): return ['nowhere.csv']",
            "nowhere",
        ),
        "lists a number": ("def pipeline(raw): ...\ndef inputs(raw): return 5", "inputs"),
    }
    for name, (code, says) in pipelines.items():
        words = ("train", "--config", "good.yaml", "--set", "data.pipeline=./own.py")
        yield Case(f"a pipeline that {name}", words, says, write("own.py", code))


def overrides() -> Iterator[Case]:
    """`--set` of `reccl train`."""
    texts = {
        "encoder.dimention=8": "dimension",
        "encoder.dimension": "key=value",
        "=5": "key=value",
        "": "key=value",
        "encoder.dimension=[1": "YAML",
        "encoder.dimension=many": "dimension",
        "encoder.dimension=1.5": "dimension",
        "encoder.dimension=": "dimension",
        "encoder.kind=lightgnc": "lightgcn",
        "encoder=5": "encoder",
        "encoder={kind: nothing}": "nothing",
        "a.b.c=1": "a",
        ".=1": "unknown",
        "encoder..dimension=1": "encoder",
        f"{'a.' * 50}b=1": "parts",
        "data=ml-100": "ml-100",
        "data=null": "data",
        "data.pipeline=nothing": "nothing",
        "data.pipeline=/etc/passwd": "passwd",
        "data.split.kind=nothing": "nothing",
        "data.split.test=2": "test",
        "data.split.test=-0.5": "test",
        "data.features.items.nothing={kind: numeric}": "nothing",
        "data.since=yesterday": "yesterday",
        "data.since=99999999999999999999": "time window",
        "data.user=nobody": "nobody",
        "data.minimum_rating=3": "rating",
        "data.interactions=nowhere.csv": "nowhere.csv",
        "data.interactions=/": "/",
        "data.format=xls": "format",
        "data.separator=ab": "separator",
        "data.database=postgresql://h/x": "query",
        "data.source=nowhere": "nowhere",
        "data.user=item": "both",
        "objective={}": "objective",
        "objective.ranking.weight=0": "weight",
        "objective.ranking.loss.temperature=0": "temperature",
        "objective.ranking.negatives.kind=all": "all",
        "objective.ranking=null": "ranking",
        "objective.l2={kind: l2, weight: -1}": "weight",
        "encoder={kind: alpharec}": "alpharec embeds items by their features, and the data has none",
        "encoder={kind: content_aligned, base: {kind: alpharec}}": "and the data has none",
        "pilot={candidates: {text: {encoder: {kind: alpharec}}}}": "and the data has none",
        "scorer.kind=ease3": "ease",
        "scorer={kind: blend, parts: {}}": "parts",
        "scorer={kind: blend, weights: {nobody: 1}}": "nobody",
        "training.epochs=0": "epochs",
        "training.optimizer=sgdd": "optimizer",
        "training.schedule=up": "schedule",
        "training.metric=accuracy": "accuracy",
        "training.learning_rate=1e30": "learning_rate",
        "training.precision=half": "input should be 'float32' or 'bfloat16'",
        "evaluation.cutoffs=10": "cutoffs",
        "evaluation.hide=all": "hide",
        "seed=1.5": "seed",
        "seed=-1": "seed",
    }
    for text, says in texts.items():
        yield Case(f"--set {text[:40]}", ("train", "--config", "good.yaml", "--set", text), says)


def tables() -> Iterator[Case]:
    """Tables of interactions and of features."""
    head = "user,item\n"
    contents: dict[str, tuple[str | bytes, str]] = {
        "is empty": ("", "t.csv"),
        "has a header alone": (head, "row"),
        "lacks a column": ("user,thing\n1,2\n", "item"),
        "has another separator": ("user;item\n1;2\n", "user"),
        "is Parquet": (b"PAR1\x15\x04\x15\x10PAR1", "t.csv"),
        "is bytes": (bytes(range(256)) * 9, "t.csv"),
        "is a zip": (b"PK\x03\x04" + b"\0" * 60, "t.csv"),
        "has nulls alone": (f"{head}" + ",\n" * 5, "row"),
        "has short rows": (f"{head}1,2\n3\n4,5\n", ""),
        "has long rows": (f"{head}1,2\n3,4,5\n", "t.csv"),
    }
    for name, (content, says) in contents.items():
        keys = ", duplicates: error" if name == "has short rows" else ""
        text = POPULAR.format(keys=keys)

        def lay(folder: Path, content: str | bytes = content, text: str = text) -> None:
            write("t.csv", content)(folder)
            write("t.yaml", text)(folder)

        yield Case(f"a table that {name}", ("train", "--config", "t.yaml"), says, lay)
    rows = "".join(f"{user},{item},3,100\n" for user in range(20) for item in range(8))
    settings: dict[str, tuple[str, str, str]] = {
        "rating is a word": ("user,item,rating\n1,2,good\n", ", minimum_rating: 3", "good"),
        "no rating": ("user,item\n1,2\n", ", minimum_rating: 3", "rating"),
        "no time": ("user,item\n1,2\n", ", since: 2024-01-01", "timestamp"),
        "time is a word": ("user,item,timestamp\n1,2,soon\n", ", timestamp: timestamp", "soon"),
        "no time that late": (f"user,item,rating,timestamp\n{rows}", ", since: 2030-01-01", "time window"),
        "until before since": (
            f"user,item,rating,timestamp\n{rows}",
            ", since: 2024-01-01, until: 2023-01-01",
            "since",
        ),
        "core of a million": (f"user,item,rating,timestamp\n{rows}", ", user_core: 1000000", "core"),
        "nulls are errors": ("user,item\n1,2\n,3\n", ", nulls: error", "row"),
        "duplicates are errors": ("user,item\n1,2\n1,2\n", ", duplicates: error", "duplicates"),
        "ids are integers": ("user,item\na,2\n", ", ids: integer", "'a'"),
        "part is a word": ("user,item,part\n1,2,nowhere\n", ", part: part", "nowhere"),
        "no column": (f"user,item,rating,timestamp\n{rows}", ", user: customer", "customer"),
        "the same column twice": (f"user,item,rating,timestamp\n{rows}", ", item: user", "both"),
        "time format": ("user,item,timestamp\n1,2,31/12/2024\n", ", timestamp: timestamp, time_format: '%Y'", "%Y"),
        "no users": (f"user,item,rating,timestamp\n{rows}", ", users: nowhere.csv", "nowhere.csv"),
        "items without an id": (f"user,item,rating,timestamp\n{rows}", ", items: empty.csv", "item"),
        "separator of two": (f"user,item,rating,timestamp\n{rows}", ", separator: '::::'", "separator"),
    }
    for name, (content, keys, says) in settings.items():
        text = POPULAR.format(keys=keys)

        def lay_both(folder: Path, content: str = content, text: str = text) -> None:
            write("t.csv", content)(folder)
            write("t.yaml", text)(folder)
            write("empty.csv", "thing,size\n1,2\n")(folder)

        yield Case(f"a table where {name}", ("train", "--config", "t.yaml"), says, lay_both)


def id_files() -> Iterator[Case]:
    """Files of users, new users, new items and history."""
    recommend = ("recommend", "--run", "planted", "--out", "lists.csv")
    contents: dict[str, dict[str, tuple[str | bytes, str]]] = {
        "--users": {
            "is empty": ("", "new.csv"),
            "has two columns": ("a,b\n1,2\n", "user"),
            "names nobody": ("user\nnobody\n", "nobody"),
            "has a header alone": ("user\n", "users"),
            "is ragged": ("user,age\nu001,1\nu002,2,3\n", "new.csv"),
            "is bytes": (bytes(range(256)) * 9, ""),
            "is Parquet cut short": (b"PAR1", ""),
        },
        "--history": {
            "is empty": ("", "new.csv"),
            "lacks items": ("user\nu001\n", "item"),
            "lacks users": ("item\n10\n", "user"),
            "has words for items": ("user,item\nu001,x\n", "x"),
            "has unknown items": ("user,item\nu001,99999\n", "99999"),
            "is ragged": ("user,item\nu001,10\nu002\nu003,10,5,6\n", "new.csv"),
            "is bytes": (bytes(range(256)) * 9, ""),
            "has another separator": ("user;item\nu001;10\n", "user"),
        },
        "--new-users": {
            "is empty": ("", "new.csv"),
            "lacks users": ("name\na\n", "user"),
            "has one twice": ("user\na\na\n", "twice"),
            "has one without an id": ("user,size\n,1\n", "id"),
            "is bytes": (bytes(range(256)) * 9, ""),
        },
        "--new-items": {
            "is empty": ("", "new.csv"),
            "lacks items": ("name\na\n", "item"),
            "has a word": ("item\nx\n", "x"),
            "has one twice": ("item\n7\n7\n", "twice"),
            "cannot be placed": ("item,size\n7,1\n", "item"),
            "has half an item": ("item\n7.5\n", "7.5"),
            "has a huge item": ("item\n99999999999999999999999\n", "9999"),
        },
    }
    for option, files in contents.items():
        for name, (content, says) in files.items():
            yield Case(
                f"a file of {option} that {name}", (*recommend, option, "new.csv"), says, write("new.csv", content)
            )
    for name in ("new.parquet", "new.jsonl", "new.arrow", "new.tsv", "new.xlsx"):
        lay = write(name, b"\x00nonsense\xff" * 20)
        yield Case(f"nonsense as {name}", (*recommend, "--history", name), "", lay)


def models() -> Iterator[Case]:
    """Damage to the stored model of a run."""

    def stored(folder: Path) -> Path:
        return next((folder / "mlruns" / "artifacts").rglob("model.json")).parent

    def damage(name: str, change: Callable[[bytes], bytes | None]) -> Lay:
        def lay(folder: Path) -> None:
            path = stored(folder) / name
            content = change(path.read_bytes())
            path.unlink() if content is None else path.write_bytes(content)

        return lay

    changes: dict[str, Callable[[bytes], bytes | None]] = {
        "gone": lambda _: None,
        "empty": lambda _: b"",
        "cut in half": lambda whole: whole[: len(whole) // 2],
        "longer": lambda whole: whole + b"x",
        "flipped in the middle": lambda whole: flip(whole, len(whole) // 2),
        "flipped at the start": lambda whole: flip(whole, 3),
        "nonsense": lambda _: b"\x00\xff nonsense",
    }
    for name in ("model.json", "model.safetensors", "users.parquet", "items.parquet"):
        for how, change in changes.items():
            words = ("recommend", "--run", "planted", "--out", "lists.csv")
            yield Case(f"stored {name} {how}", words, "model", damage(name, change))
    for text in ("[]", "5", '{"model.json": 5}', '{"../../x": "abc"}', "nonsense"):
        words = ("recommend", "--run", "planted", "--out", "lists.csv")
        yield Case(f"digests are {text}", words, "model", damage("digests.json", lambda _, text=text: text.encode()))
    for manifest in ({"format": 99}, {"format": 1, "users": 3}, []):

        def lay(folder: Path, manifest: object = manifest) -> None:
            (stored(folder) / "digests.json").unlink()
            (stored(folder) / "model.json").write_text(json.dumps(manifest))

        yield Case(f"manifest is {manifest}", ("recommend", "--users", "u001", "--out", "lists.csv"), "model", lay)
    yield Case("the config of the run is gone", ("evaluate", "--run", "planted"), "its config", drop("config.yaml"))
    yield Case("the config of the run is nonsense", ("evaluate",), "config", replace_config("\x00"))
    yield Case("the config of the run is a list", ("evaluate",), "config", replace_config("- 1"))
    yield Case(
        "the config of the run names code", ("evaluate",), "code", replace_config(GOOD.replace("table", "./own.py"))
    )
    yield Case("the config of the run names a class", ("cold",), "code", replace_config(with_class()))


def with_class() -> str:
    """A config with a part of its own."""
    return GOOD.replace("kind: matrix_factorization", "class: raising_part.Bar")


def drop(name: str) -> Lay:
    """Removes a file of the run."""
    return lambda folder: [path.unlink() for path in run_files(folder, name)]


def run_files(folder: Path, name: str) -> list[Path]:
    """The files of this name of runs, not those of their models."""
    found = (folder / "mlruns" / "artifacts").rglob(name)
    return [path for path in found if not (path.parent / "model.json").is_file()]


def replace_config(text: str) -> Lay:
    """Writes another config into the run, and the pipeline that it may name."""

    def lay(folder: Path) -> None:
        write("own.py", "def pipeline(raw): raise SystemExit(0)")(folder)
        for path in run_files(folder, "config.yaml"):
            path.write_text(text)

    return lay


def stores() -> Iterator[Case]:
    """Where runs are recorded."""
    uris = {
        "nonsense": "",
        "ftp://host/x": "",
        "postgresql://ann:hunter2@host/x": "",
        "mysql://host/x": "",
    }
    for uri, says in uris.items():
        yield Case(f"store {uri}", ("runs",), says, environment={"MLFLOW_TRACKING_URI": uri})

    def garbage(folder: Path) -> None:
        (folder / "mlruns" / "mlflow.db").write_bytes(b"nonsense " * 999)

    def replaced(folder: Path) -> None:
        shutil.rmtree(folder / "mlruns")
        (folder / "mlruns").write_text("a file")

    for command in ("runs", "compare", "evaluate"):
        yield Case(f"mlruns is a file: {command}", (command,), "mlruns", replaced)
        yield Case(f"the database is nonsense: {command}", (command,), "mlruns", garbage, apart=True)


def flip(whole: bytes, place: int) -> bytes:
    """The bytes with one changed."""
    return whole[:place] + bytes([whole[place] ^ 64]) + whole[place + 1 :]
