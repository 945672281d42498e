"""Training: the config of the loop."""

from typing import Annotated, Literal

from pydantic import Field

from reccl.data.batches import Grouping
from reccl.settings import Settings
from reccl.training.schedule import Schedule


class Training(Settings):
    """How parameters are fitted."""

    epochs: Annotated[int, Field(ge=1)] = 100
    """Most passes over the training interactions."""
    batch_size: Annotated[int, Field(ge=1)] = 2048
    """Interactions in a step (B)."""
    batch_by: Grouping = "interaction"
    """user: a step has all interactions of its users, about `batch_size` in all. Cheap with full_softmax, which then
    ranks the catalog for a user once an epoch, not once a step in which the user occurs."""
    learning_rate: Annotated[float, Field(gt=0)] = 1e-3
    """Step size of the optimizer at its highest."""
    optimizer: Literal["adam", "adamw"] = "adam"
    """Adam, or Adam with decoupled weight decay."""
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    """Decay of all parameters but single numbers at every step; see also the objective's l2 term."""
    schedule: Schedule = "constant"
    """Learning rate over time: constant, cosine or linear, down to zero at `epochs`."""
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of all steps over which the learning rate rises."""
    max_grad_norm: Annotated[float, Field(gt=0)] | None = None
    """Longest gradient (norm over all parameters); empty: no clipping."""
    ema_decay: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of itself that a moving average of the encoder's parameters keeps at a step; that average is then what is
    validated, tested and kept (Polyak and Juditsky 1992; the EMA of deep learning). 0: no average."""
    amp: bool = False
    """bfloat16 autocast, on CUDA only; graph products and softmax sums stay float32."""
    metric: str = "ndcg_at_10"
    """Validation metric that chooses the epoch."""
    evaluate_every: Annotated[int, Field(ge=1)] = 1
    """Epochs between two validations."""
    patience: Annotated[int, Field(ge=1)] | None = 10
    """Stop after this many validations without a better metric; empty: never."""
    refit: bool = False
    """After the epoch is chosen, train anew on train and validation rows for that long; test reads that model."""
    checkpoint_seconds: Annotated[float, Field(ge=0)] | None = 10.0
    """Seconds between two checkpoints, from which a run that was killed goes on (`reccl train --resume`): written after
    an epoch, and less often where writing would take more than a fiftieth of the time. 0: after every epoch; empty:
    none."""
    best_on_test: bool = False
    """Also look at the test rows every `evaluate_every` epochs of the fit that is tested, and report the best look as
    best_on_test/..., as many papers do. It chooses nothing, and flatters: for comparisons with published numbers."""
