"""As served: a model's lists from memory, from disk, and by the script that serves it without reccl."""

from pathlib import Path

import numpy as np
import pandas as pd

from reccl.data.ingest.pipelines import import_file
from reccl.recommend import Model, load, recommend, save
from reccl.tracking import SERVED


def require_same_lists(model: Model, folder: Path, tolerance: float = 1e-4) -> None:
    """Save the model in the folder; fail where it lists otherwise once loaded, or scores otherwise as served."""
    save(model, folder / "model")
    before, after = (next(recommend(each, None, 5)) for each in (model, load(folder / "model")))
    assert before.equals(after)
    served = import_file(SERVED).PlainLists(folder / "model")
    lists = served.answer(pd.DataFrame({"user": model.user_ids.ids.to_list()}), {"k": 5})
    np.testing.assert_allclose(lists["score"], before["score"], rtol=tolerance, atol=tolerance)
