"""History: what each node's embedding was at the last step that it took part in."""

from torch import Tensor
from typing_extensions import override

from reccl.encoders import Embeddings, Encoder
from reccl.training.term_module import TermModule


class History(TermModule):
    """A target between a node's embedding now and at its last step: share * last + (1 - share) * now, a constant.

    RecDCL, Zhang et al., WWW 2024; https://arxiv.org/abs/2401.15635. Where we differ: it begins with the embeddings of
    the untrained encoder, where the authors' code begins with noise.
    """

    users: Tensor
    items: Tensor

    def __init__(self, embeddings: Embeddings, share: float) -> None:
        super().__init__()
        self.share = share
        self.register_buffer("users", embeddings.users(None).detach().float().clone())  # [U, D]
        self.register_buffer("items", embeddings.items(None).detach().float().clone())  # [I, D]
        self.pending: list[tuple[Tensor, Tensor, Tensor]] = []

    def mix_users(self, rows: Tensor, now: Tensor) -> Tensor:
        """Targets of users: their rows [B] and embeddings now [B, D] -> [B, D]."""
        return self.mix(self.users, rows, now.detach())

    def mix_items(self, rows: Tensor, now: Tensor) -> Tensor:
        """Targets of items, likewise."""
        return self.mix(self.items, rows, now.detach())

    def mix(self, table: Tensor, rows: Tensor, now: Tensor) -> Tensor:
        """Targets of one side; `now` is what its table holds after the step."""
        self.pending.append((table, rows, now))
        return self.share * table[rows] + (1 - self.share) * now

    @override
    def after_step(self, encoder: Encoder) -> None:
        for table, rows, now in self.pending:
            table[rows] = now.to(table)
        self.pending = []
