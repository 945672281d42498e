"""Checkpoints: the newest two states of a training on disk, from which it goes on where it stopped."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError

from reccl.atomic import atomic_path
from reccl.errors import TrainingError
from reccl.lazy import torch
from reccl.training import checkpoint
from reccl.training.state import TrainingState, Values
from reccl.version import __version__

if TYPE_CHECKING:
    from torch import Tensor

FORMAT = 1
MANIFEST, TENSORS, VALUES = "manifest.json", "tensors.safetensors", "values.json"
FINISHED = "finished"
SHARE = 50
"""The next checkpoint comes no sooner than this many times the seconds that the last one took: a share of 2 %."""
SPEED = 2e8
"""Bytes a second at which the first checkpoint is expected to be written."""


@dataclass
class Checkpoints:
    """A folder with the newest two checkpoints of one training; each a folder that appears whole or not at all.

    Args:
        folder: theirs alone; made when the first one is written.
        identity: what they belong to (config, data); those of another are refused.
        seconds: between two of them, at least; 0: one after every epoch. The first may come sooner.
        log: hears of what is resumed, and of checkpoints that cannot be read or written.

    """

    folder: Path
    identity: str
    seconds: float
    log: Callable[[str], None] = lambda _: None
    cost: float | None = None  # seconds that the last one took

    def __post_init__(self) -> None:
        self.started = self.last = time.monotonic()
        self.earlier, self.written, self.failed = 0.0, False, False

    def restore(self, state: TrainingState) -> None:
        """Give the state what the newest readable checkpoint holds; nothing where there is none.

        Raises TrainingError where it belongs to another training.
        """
        if found := self.find():
            self.give(state, *found)

    def find(self) -> tuple[Path, dict[str, Tensor], Values] | None:
        """The newest readable checkpoint, its tensors and what is said of it; None where there is none."""
        for folder in newest_first(self.folder):
            try:
                tensors, values = read(folder)
            except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
                self.log(f"checkpoint {folder} is corrupt ({str(error) or type(error).__name__}); using an older one")
                continue
            if values["identity"] != self.identity:
                raise TrainingError(
                    f"checkpoint {folder} belongs to another config, data set or version of reccl (it is of "
                    f"{values['reccl']}, this is {__version__}); train anew, or use the reccl that wrote it"
                )
            return folder, tensors, values
        return None

    def give(self, state: TrainingState, folder: Path, tensors: Mapping[str, Tensor], values: Values) -> None:
        """Give the state what was found."""
        try:
            state.restore(tensors, values["state"])
        except (KeyError, RuntimeError, TypeError, ValueError) as error:
            raise TrainingError(
                f"checkpoint {folder} of reccl {values['reccl']} does not fit reccl {__version__} "
                f"({str(error).splitlines()[0]}); train anew, or use the reccl that wrote it"
            ) from None
        self.earlier = state.fit.earlier_seconds = values["seconds"]
        self.tell(state, values)

    def tell(self, state: TrainingState, values: Values) -> None:
        """Say from where training goes on, and what may keep it from being the same to the last bit."""
        if not state.finished:
            epoch, written = len(state.fit.history), datetime.fromtimestamp(values["time"])
            self.log(f"resuming after epoch {epoch}, from the checkpoint of {written:%Y-%m-%d %H:%M:%S}")
        before, now = {"processes": 1, **values}, {"processes": 1, **environment(state)}
        changed = [f"{name} {before.get(name)} -> {now[name]}" for name in now if before.get(name) != now[name]]
        if changed:
            self.log(f"note: {', '.join(changed)} since then; results may differ in the last digits")

    def save_when_due(self, state: TrainingState) -> None:
        """Write a checkpoint where enough time has passed since the last one."""
        if self.is_due(state):
            self.save(state, number_of(state))

    def is_due(self, state: TrainingState) -> bool:
        """Whether enough time has passed since the last checkpoint."""
        if self.cost is None:
            self.cost = state.num_bytes / SPEED
        wait = max(self.seconds, SHARE * self.cost) if self.written else SHARE * self.cost
        return not self.seconds or time.monotonic() - self.last >= wait

    def finish(self, state: TrainingState) -> None:
        """Write the outcome, so that whoever resumes skips this training."""
        if not state.finished:
            state.finished = True
            self.save(state, FINISHED)

    def save(self, state: TrainingState, name: str) -> None:
        """Write one, and remove all but the newest two; a folder that cannot be written to is said once."""
        started = time.monotonic()
        tensors, values = state.capture()
        about = {
            "identity": self.identity,
            "seconds": self.earlier + started - self.started,
            "time": time.time(),
            "reccl": __version__,
            **environment(state),
        }
        try:
            write(self.folder / name, tensors, {**about, "state": values})
            for old in newest_first(self.folder)[2:]:
                shutil.rmtree(old, ignore_errors=True)
        except (OSError, SafetensorError) as error:
            if not self.failed:
                reason = getattr(error, "strerror", None) or error
                self.log(f"no checkpoint could be written to {self.folder}: {reason}; training goes on without")
            self.failed = True
        self.written, self.last = True, time.monotonic()
        self.cost = self.last - started


def environment(state: TrainingState) -> dict[str, Any]:
    """What the last bits of results depend on beside the config."""
    device, processes = state.objective.graph.device.type, state.objective.group.size
    return {
        "torch": str(torch.__version__),
        "threads": torch.get_num_threads(),
        "device": device,
        **({"processes": processes} if processes > 1 else {}),
    }


def number_of(state: TrainingState) -> str:
    """The name of a checkpoint after an epoch."""
    return f"{len(state.fit.history):06}"


def newest_first(folder: Path) -> list[Path]:
    """The checkpoints of a folder."""
    names = [path for path in folder.iterdir() if not path.name.startswith(".")] if folder.is_dir() else []
    return sorted(names, key=lambda path: path.name, reverse=True)  # "finished" comes after all digits


def write(folder: Path, tensors: dict[str, Tensor], values: Values) -> None:
    """A folder with tensors, JSON and the digests of both."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(folder) as draft:
        draft.mkdir()
        checkpoint.save(tensors, draft / TENSORS)
        (draft / VALUES).write_text(json.dumps(values))
        digests = {name: digest(draft / name) for name in (TENSORS, VALUES)}
        (draft / MANIFEST).write_text(json.dumps({"format": FORMAT, "sha256": digests}))


def read(folder: Path) -> tuple[dict[str, Tensor], Values]:
    """What `write` wrote. Raises ValueError and others where it is not whole."""
    manifest = json.loads((folder / MANIFEST).read_text())
    if manifest["format"] != FORMAT:
        raise TrainingError(f"checkpoint {folder} has format {manifest['format']}, and this reccl reads {FORMAT}")
    for name in (TENSORS, VALUES):
        if digest(folder / name) != manifest["sha256"][name]:
            raise ValueError(f"{name} is not what was written")
    return checkpoint.load(folder / TENSORS), json.loads((folder / VALUES).read_text())


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
