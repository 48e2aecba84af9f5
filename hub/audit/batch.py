"""A batch on its way into the log: the tree it would make, signed, and what its waiters are told."""

from __future__ import annotations

from asyncio import Future
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from hub.audit.entry import EncodedEntry
from hub.audit.merkle import Frontier, Proof
from hub.audit.note import Checkpoint, NoteSigner, sign_checkpoint
from hub.audit.reservation import ConsentUse, QuotaUse, ReservationRefusedError, group_uses, sum_quotas


@dataclass(slots=True)
class Appended:
    """Where an entry stands in the log, and the proof of it."""

    entry_id: str
    body: bytes
    index: int
    tree_size: int
    proof: Proof
    checkpoint: str
    """Signed note over the tree of `tree_size` entries."""


class Pending(NamedTuple):
    """An entry that waits to be appended."""

    entry: EncodedEntry
    leaf: bytes
    uses: Sequence[ConsentUse] = ()
    quotas: Sequence[QuotaUse] = ()
    future: Future[Appended] | None = None
    """Who waits for it."""

    @property
    def weight(self) -> int:
        """How many rows it adds to a statement, about."""
        return 1 + len(self.uses) + len(self.quotas)


class Plan:
    """The log as it would be after a batch.

    The checkpoint is signed before it is stored, so that the stored state is always under a signature. One
    that is not stored in the end is dropped and never given to anybody.
    """

    def __init__(
        self,
        head: Frontier,
        items: Sequence[Pending],
        origin: str,
        signer: NoteSigner,
        at: datetime,
        *,
        judged: bool = False,
    ) -> None:
        """Plan a batch.

        Args:
            head: the log's right edge before it.
            items: the entries.
            origin: first line of the checkpoint.
            signer: signs it.
            at: when the state changes.
            judged: each entry was found to be within its own limits, under the log's lock. Then the largest limit
                of a quota holds for the batch, else the smallest.
        """
        self.items = items
        self.at = at
        self.leaves = [pending.leaf for pending in items]
        self._extension = head.extend(self.leaves)
        self.frontier = self._extension.frontier
        self.root = self._extension.root
        self.old_size, self.new_size = head.size, self.frontier.size
        self.checkpoint = sign_checkpoint(Checkpoint(origin, self.new_size, self.root), signer)
        self.uses = group_uses((use, p.entry.at) for p in items if p.uses for use in p.uses)
        self.quotas = sum_quotas((use for p in items if p.quotas for use in p.quotas), max if judged else min)

    def positions(self) -> dict[str, int]:
        """Index of each entry by entry id."""
        return {p.entry.entry_id: self.old_size + n for n, p in enumerate(self.items)}

    def appended(self, number: int) -> Appended:
        """The result for the batch's entry of this number, counted from 0."""
        entry, index = self.items[number].entry, self.old_size + number
        proof = self._extension.proof(index)
        return Appended(entry.entry_id, entry.body, index, self.new_size, proof, self.checkpoint)


class Attempt(NamedTuple):
    """A plan that was sent, and those of the batch that could not have what they use."""

    plan: Plan
    refused: Sequence[tuple[Pending, ReservationRefusedError]] = ()

    def settle(self) -> None:
        """Tell the waiters; those who left are passed over."""
        for number, pending in enumerate(self.plan.items):
            if pending.future is not None and not pending.future.done():
                pending.future.set_result(self.plan.appended(number))
        for pending, error in self.refused:
            if pending.future is not None and not pending.future.done():
                pending.future.set_exception(error)
