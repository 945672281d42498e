"""Student: vectors of users and items that learn the lists of a teacher."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from reccl.data.user_items import UserItemCSR
from reccl.lazy import functional, torch
from reccl.scorers.teacher_lists import TeacherLists

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Lessons:
    """How a student is trained."""

    epochs: int
    batch_size: int  # users
    learning_rate: float  # of Adam at the start; it falls to 0 along a cosine
    candidates: int  # items drawn for a batch's normalizing sums, beside each list
    seed: int


def teach(lists: TeacherLists, hidden: UserItemCSR | None, how: Lessons) -> tuple[Tensor, Tensor]:
    """User vectors [n, D] and item vectors [I, D] of the least mean cross-entropy with the lists: see `list_loss`."""
    device = lists.users.device
    generator = torch.Generator().manual_seed(how.seed)
    tables = [table.clone().requires_grad_() for table in (lists.user_vectors, lists.item_vectors)]
    users, items = tables
    optimizer = torch.optim.Adam(tables, lr=how.learning_rate)
    batches = -(-len(users) // how.batch_size)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, max(1, how.epochs * batches))
    with torch.enable_grad():
        for _ in range(how.epochs):
            for places in torch.randperm(len(users), generator=generator).to(device).split(how.batch_size):
                drawn = None
                if how.candidates < len(items):
                    drawn = torch.randperm(len(items), generator=generator)[: how.candidates].to(device)
                pairs = None if hidden is None else hidden.gather_pairs(lists.users[places])
                optimizer.zero_grad()
                best, shares = lists.items[places].long(), lists.shares[places]
                list_loss(users[places], items, best, shares, pairs, drawn).backward()
                optimizer.step()
                schedule.step()
    return users.detach(), items.detach()


def list_loss(
    users: Tensor,
    items: Tensor,
    lists: Tensor,
    shares: Tensor,
    hidden: tuple[Tensor, Tensor] | None = None,
    drawn: Tensor | None = None,
) -> Tensor:
    """- mean over users of sum_k q_uk log p_u(i_uk),   p_u(i) = exp(e_u . e_i) / sum_j exp(e_u . e_j)

    with j over all items that are not hidden from u. With `drawn` items, those of the list are in the sum, and the
    drawn ones that are neither there nor hidden stand for the rest.

    Args:
        users: [b, D] e_u.
        items: [I, D] e_i.
        lists: [b, K] the items i_uk, none of them hidden; -1 where a list is shorter.
        shares: [b, K] q_uk; 0 there.
        hidden: pairs of (place among the users, item).
        drawn: [M] distinct items; None: all.

    >>> user, items = torch.tensor([[1.0]]), torch.tensor([[0.0], [2.0], [0.0]])
    >>> list_loss(user, items, torch.tensor([[1, 0]]), torch.tensor([[0.75, 0.25]]))  # log(1 + e^2 + 1) - .75 x 2
    tensor(0.7395)

    """
    there = lists >= 0  # [b, K]
    places = lists.clamp(min=0)
    if drawn is None:
        logits = users @ items.T  # [b, I]
        own = logits.gather(1, places)  # [b, K]
        if hidden is not None:
            logits = logits.index_put(hidden, logits.new_tensor(-torch.inf))
        normalizer = torch.logsumexp(logits, 1)  # [b]
    else:
        taken = torch.zeros(len(users), len(items), dtype=torch.bool, device=users.device)  # [b, I]
        if hidden is not None:
            taken[hidden] = True
        taken[there.nonzero()[:, 0], lists[there]] = True
        out = taken[:, drawn]  # [b, M]
        left, stand_ins = (~taken).sum(1), (~out).sum(1).clamp(min=1)  # [b] the rest, and those who stand for it
        rest = users @ items[drawn].T + (left / stand_ins).log()[:, None]  # [b, M]
        own = (users[:, None] @ functional.embedding(places, items).mT).squeeze(1)  # [b, K]; its gradient is fast
        every = torch.cat([own.masked_fill(~there, -torch.inf), rest.masked_fill(out, -torch.inf)], 1)
        normalizer = torch.logsumexp(every, 1)
    return (normalizer - (shares * own).sum(1)).mean()
