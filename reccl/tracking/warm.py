"""Warm: the parameters of a recorded run, for another training to begin with."""

from collections.abc import Callable

from reccl.bounded_yaml import parse_yaml
from reccl.errors import RunError
from reccl.recommend import load
from reccl.recommend.record import read_record
from reccl.tracking.artifacts import artifact_of
from reccl.tracking.find import find, model_folder
from reccl.training import checkpoint
from reccl.warm_start import WarmStart

CHECKPOINT, PREFIX = "checkpoint/checkpoint.safetensors", "encoder."


def warm_start_of(name: str, log: Callable[[str], None] = lambda _: None) -> WarmStart:
    """The run of this id, prefix, name or address as a start. Raises RunError where it kept no parameters."""
    run = find(name, log)
    folder = model_folder(run)
    config, _ = parse_yaml(read_record(folder).config, "the config of the earlier run")
    encoder = config.get("encoder") if isinstance(config, dict) else None
    state = {}
    if encoder:
        try:
            held = checkpoint.load(artifact_of(run, CHECKPOINT))
        except Exception as error:  # a file may hold anything
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise RunError(f"run {run.info.run_id} has no readable {CHECKPOINT} to start from ({reason})") from None
        state = {key.removeprefix(PREFIX): tensor for key, tensor in held.items() if key.startswith(PREFIX)}
    return WarmStart(run.info.run_id, str(run.info.run_name), encoder or {}, state, load(folder))
