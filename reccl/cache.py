"""Cache: the folder that outlives a run."""

import os
from pathlib import Path

from platformdirs import user_cache_dir

from reccl.errors import DataError


def cache_folder() -> Path:
    """Where downloads and prepared data are kept: `$RECCL_CACHE`, or the user's cache folder."""
    folder = Path(os.environ.get("RECCL_CACHE") or user_cache_dir("reccl")).expanduser()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        writable = os.access(folder, os.W_OK)
    except OSError:
        writable = False
    if not writable:
        raise DataError(f"cannot write to the cache folder {folder}; set RECCL_CACHE to a folder that you may write to")
    return folder
