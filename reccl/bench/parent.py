"""Parent: the run that the bench's runs are children of."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from reccl import tracking


@contextmanager
def parent_run(name: str, tags: Mapping[str, str]) -> Iterator[tracking.Run]:
    """Record a run without data and model; it ends FINISHED, KILLED by Ctrl-C, or FAILED by an exception."""
    api = tracking.client()
    about = {"reccl.version": tracking.version_of("reccl"), **tracking.process_tags(), **tracking.commit(), **tags}
    run = tracking.Run(api.create_run(tracking.experiment_id(api), run_name=name, tags=about).info.run_id, api)
    status = "FAILED"
    try:
        yield run
        status = "FINISHED"
    except KeyboardInterrupt:
        status = "KILLED"
        raise
    finally:
        api.set_terminated(run.id, status)
