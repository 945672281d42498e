"""Training: the config of the loop."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, ModelWrapValidatorHandler, model_validator

from reccl.data.batches import Grouping
from reccl.distributed.gathered import collect_bytes
from reccl.memory import ENCODER, Need, Sizes
from reccl.settings import Settings
from reccl.training.schedule import Schedule


class Training(Settings):
    """How parameters are fitted."""

    epochs: Annotated[int, Field(ge=1)] = 100
    """Maximum number of passes over the training interactions."""
    batch_size: Annotated[int, Field(ge=1)] = 2048
    """Interactions in a step (B)."""
    batch_by: Grouping = "interaction"
    """user: a step has all interactions of its users, about `batch_size` in all. Cheap with full_softmax, which then
    scores the catalog for a user once an epoch, not in every step in which the user occurs."""
    learning_rate: Annotated[float, Field(gt=0)] = 1e-3
    """Highest step size of the optimizer."""
    optimizer: Literal["adam", "adamw"] = "adam"
    """Adam, or Adam with decoupled weight decay."""
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    """Decay at every step of all parameters except single numbers; see also the objective's l2 term."""
    schedule: Schedule = "constant"
    """Learning rate over time: constant, cosine or linear, down to zero at `epochs`."""
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of all steps over which the learning rate rises."""
    max_grad_norm: Annotated[float, Field(gt=0)] | None = None
    """Gradients are clipped to this norm over all parameters; empty: no clipping."""
    ema_decay: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of itself that a moving average of the encoder's parameters keeps at a step; which is then validated,
    tested and kept in place of the parameters (Polyak and Juditsky 1992; the EMA of deep learning). 0: no average."""
    precision: Literal["float32", "bfloat16"] = "float32"
    """Numbers that layers of towers and convolutions are multiplied in (autocast). Parameters, products of the graph,
    similarities and losses are float32 with both: bfloat16 rounds a logit at temperature .08 by up to .05."""
    metric: str = "ndcg_at_10"
    """Validation metric that selects the epoch."""
    evaluate_every: Annotated[int, Field(ge=1)] = 1
    """Epochs between two validations."""
    patience: Annotated[int, Field(ge=1)] | None = 10
    """Stop after this many validations without a better metric; empty: never."""
    refit: bool = False
    """Once the epoch is selected, train a new model for as long on train and validation rows, and test that one."""
    checkpoint_seconds: Annotated[float, Field(ge=0)] | None = 10.0
    """Seconds between two checkpoints, from which a run that was killed goes on (`reccl train --resume`): written after
    an epoch, the first as soon as that takes a fiftieth of the time, and none more often than so. 0: after every epoch;
    empty: none."""
    best_on_test: bool = False
    """Also measure the test rows every `evaluate_every` epochs of the fit that is tested, and report the best result as
    best_on_test/..., as many papers do. It selects nothing, and is too optimistic: for comparisons with published
    numbers only."""

    @model_validator(mode="wrap")
    @classmethod
    def _takes_the_earlier_key(cls, values: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Version 0.1.0 wrote `amp: true` for bfloat16, and for float32 false."""
        if isinstance(values, dict) and isinstance(values.get("amp"), bool) and "precision" not in values:
            kept = {name: value for name, value in values.items() if name != "amp"}
            return handler({**kept, "precision": "bfloat16" if values["amp"] else "float32"})
        return handler(values)

    def memory(self, sizes: Sizes, parameters: int) -> tuple[Need, ...]:
        """Bytes of what training keeps beside so many bytes of parameters: gradients, two moments of the optimizer and
        the best epoch's copy (and a moving average); two more of them in an optimizer's step, or where the next
        copy is made; and the order of an epoch's interactions. Of several processes rank 0 has a whole state beside
        that while it writes a checkpoint.
        """
        order = 8 * sizes.interactions
        grouped = 3 * order if self.batch_by == "user" else 0
        copies = (4 + bool(self.ema_decay)) * parameters
        kept = (
            Need("gradients, moments and the best epoch's copy", copies, 2 * parameters, (ENCODER,)),
            Need("the order of an epoch", order, grouped),
        )
        if sizes.processes == 1 or not sizes.leads:
            return kept
        whole = 0 if self.checkpoint_seconds is None else copies * sizes.processes
        return (*kept, Need("a checkpoint", 0, whole + collect_bytes(sizes, parameters), (ENCODER,)))
