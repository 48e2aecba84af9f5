"""What an operation has come to so far: one part for each subject it asks about, by root.

Nothing of it has left yet. A part that was shown can still be taken back, up to the moment its entry is written.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import orjson

from hub.audit.entry import EntryOutcome, SubjectPart
from hub.audit.reservation import ConsentUse, QuotaUse
from hub.disclosure.compiled import CompiledRoot
from hub.disclosure.explain import error_json
from hub.disclosure.text import NULLS, Both, both_list
from hub.errors import DisclosureRefusedError, HubError


class Spool(Protocol):
    """Keeps texts aside, in order."""

    def append(self, text: bytes) -> None:
        """Keep a text."""
        ...

    def __iter__(self) -> Iterator[bytes]:
        """The texts, in order; as often as asked."""
        ...

    def close(self) -> None:
        """Forget everything."""
        ...


@dataclass(slots=True)
class Part:
    """One subject that an operation asks about, and what becomes of it."""

    path: tuple[str | int, ...]
    """Where it stands in the answer: the root's response key, and its number in a list of subjects."""
    subject_id: bytes
    text: Both = NULLS
    """The subject's data; null while nothing is shown."""
    error: Mapping[str, Any] | None = None
    entry: SubjectPart | None = None
    """What the audit entry says of it; None: not decided."""
    compiled: CompiledRoot | None = None
    """The plan it was shown by; None: it is not shown."""
    notes: tuple[bytes, ...] = ()
    """What the caller is told beyond the plan's notes."""
    ranges: tuple[Mapping[str, Any], ...] = ()
    """Ranges of data that lists were cut to, so that they do not look complete."""
    marked: tuple[Mapping[str, Any], ...] = ()
    """Records that are marked, so that no answer can be without their marks."""
    use: ConsentUse | None = None
    quotas: tuple[QuotaUse, ...] = ()
    purpose: str = ""
    """Of the token's grant; empty: none names the subject."""
    questioned: int = 0
    """Sealed values opened behind the answers to questions; in no entry, since the caller holds it."""
    spooled: bool = False
    """Whether its text was put aside; also when it was taken back afterwards."""

    @property
    def shown(self) -> bool:
        """Whether the subject is shown."""
        return self.compiled is not None

    @property
    def decided(self) -> SubjectPart:
        """What the audit entry says of it; a part that nothing was decided about was not shown."""
        return self.entry or SubjectPart(self.subject_id, EntryOutcome.REFUSED)

    def refuse(self, error: HubError) -> None:
        """Give null and a reason, also when it had been shown already."""
        reason = error.reason if isinstance(error, DisclosureRefusedError) else error.code
        self.void(reason)
        self.error = error_json(error, self.path)

    def spool(self) -> None:
        """The text was put aside, line by line, and is not kept here."""
        self.text, self.spooled = NULLS, True

    def void(self, reason: str = "") -> None:
        """Take it back without a word to the caller."""
        if not reason and self.entry is not None:
            reason = self.entry.reason
        self.entry = SubjectPart(self.subject_id, EntryOutcome.REFUSED, reason)
        self.text, self.compiled, self.notes, self.ranges, self.marked = NULLS, None, (), (), ()
        self.use, self.quotas = None, ()


@dataclass
class Report:
    """All subject roots of one operation, by response key."""

    roots: dict[str, Part | list[Part]] = field(default_factory=dict)
    """A root that reads one subject has one part; `subjects` has a list."""
    purposes: list[str] = field(default_factory=list)
    operators: list[str] = field(default_factory=list)
    unsealed: int = 0
    spool: Spool | None = None
    """Takes the texts of a list of subjects that is sent line by line."""

    def parts(self) -> Iterator[Part]:
        """All parts, in the order of the answer."""
        for root in self.roots.values():
            if isinstance(root, Part):
                yield root
            else:
                yield from root

    def texts(self) -> dict[str, Both]:
        """The text of each root."""
        return {
            key: root.text if isinstance(root, Part) else both_list([part.text for part in root])
            for key, root in self.roots.items()
        }

    def finished(self) -> dict[str, Any]:
        """The roots as plain data, by response key."""
        return {key: orjson.loads(text[0]) for key, text in self.texts().items()}

    def void(self, reason: str = "") -> None:
        """Take everything back: the answer's data is null as a whole, or there is none."""
        for part in self.parts():
            part.void(reason)
            part.error = None
