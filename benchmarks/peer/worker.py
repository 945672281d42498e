"""Worker: fits one method of one library in a process of its own, and writes its lists, times and peak memory.

python worker.py TASK.json     in the Python that has the library; reccl need not be there
python worker.py PEER.py       is the library there? Prints its version, else ends with the reason

After every setting of the task the results so far are written, so that a process that is ended keeps what it has.
"""

import importlib
import importlib.metadata
import importlib.util
import json
import sys
import time
from pathlib import Path
from types import ModuleType

import numpy as np
from method import Rows
from scipy.sparse import csr_matrix


def main() -> None:
    given = Path(sys.argv[1])
    if given.suffix == ".py":
        print(start(given)[1])
        return
    task = json.loads(given.read_text())
    peer, version = start(Path(task["module"]))  # imports are no part of the times
    method = peer.METHODS[task["method"]]
    rows, users = read_rows(Path(task["rows"]), task["final"])
    out, done, lists = Path(task["out"]), [], {}
    for place, settings in enumerate(task["settings"]):
        started = time.perf_counter()
        try:
            recommend = method.fit(rows, settings, task["seed"], task["threads"])
            fitted = time.perf_counter()
            lists[f"lists_{place}"] = recommend(users, task["k"]).astype(np.int64)  # [n, k]
            done.append({"fit_s": fitted - started, "score_s": time.perf_counter() - fitted})
        except Exception as error:  # a trial that fails is a row with its reason
            done.append({"error": f"{type(error).__name__}: {error}".splitlines()[0]})
        np.savez(out.with_suffix(".npz"), users=users, **lists)
        out.with_suffix(".json").write_text(json.dumps({"version": version, "peak_gib": peak_memory(), "done": done}))


def start(path: Path) -> tuple[ModuleType, str]:
    """A peer's file with the library behind it imported, and the library's version."""
    peer = load(path)
    for name in peer.MODULES:
        importlib.import_module(name)
    return peer, importlib.metadata.version(peer.PACKAGE) if peer.PACKAGE else "this checkout"


def load(path: Path) -> ModuleType:
    """A peer's file as a module: PACKAGE, what pip calls it, MODULES that it imports, and METHODS by name."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def read_rows(path: Path, final: bool) -> tuple[Rows, np.ndarray]:
    """What is learned from, and the users [n] who need lists: of test after a final fit, else of validation."""
    with np.load(path) as held:
        size = tuple(held["size"])
        train, validation = (
            csr_matrix((np.ones(len(pairs), np.float32), pairs.T), shape=size)
            for pairs in (held["train"], held["validation"])
        )
        users = held["test_users" if final else "validation_users"]
    learned = csr_matrix(train + validation) if final else train
    learned.data[:] = 1
    return Rows(learned, train, validation, final), users


def peak_memory() -> float:
    """GiB of this process at its largest. Linux's VmHWM: ru_maxrss of a child begins with its parent's."""
    status = Path("/proc/self/status")
    if status.exists():
        (line,) = [line for line in status.read_text().splitlines() if line.startswith("VmHWM")]
        return int(line.split()[1]) / 2**20
    import resource  # not on Windows

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2 ** (30 if sys.platform == "darwin" else 20)


if __name__ == "__main__":
    main()
