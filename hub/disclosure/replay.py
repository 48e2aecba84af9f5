"""What recorded operations would have shown under another policy. No value is read: only the log and the rules.

- Recorded for each subject: who asked, for what, on what basis, and each field asked for with its outcome. Under
  the other policy the same question is decided again, within what the consent names.
- A field opens when it would be shown more than it was, closes when less. A subject that was shown and would be
  refused counts every shown field as closing; a refusal that would fall away is one opening, as the log does not
  say which fields were asked for.
- Roles are not in the log. Those that the client has now are used. Refusals for age and for the token's subjects
  stay; whether a refused matter is listed cannot be told, as a refusal does not record it.
- Memory is bounded: entries are read page by page, and only different effects are kept, at most `MOST_EFFECTS`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from hub.audit.entry import BasisKind, EntryOutcome
from hub.catalog.types import Catalog, SubjectKind
from hub.disclosure.rules import Rules
from hub.identity.clients import Client
from hub.model.outcome import Decision, Outcome, Reason

MOST_EFFECTS = 50_000
EXAMPLES = 5
_WORDS = {outcome.name.casefold(): outcome for outcome in Outcome}
_CONSENT_REASONS = frozenset(
    {
        Reason.CONSENT_REQUIRED,
        Reason.CONSENT_EXPIRED,
        Reason.CONSENT_WITHDRAWN,
        Reason.CONSENT_EXHAUSTED,
        Reason.CONSENT_NOT_YET_VALID,
    }
)
_NOTHING = Decision(Outcome.WITHHELD, "DEFAULT", Reason.NO_RULE)
Items = Mapping[str, frozenset[str]]
"""Datasets a consent names, each with the fields it names (empty: all)."""


class Effect(NamedTuple):
    """One difference, for one caller and purpose."""

    opens: bool
    caller: str
    institution: str
    purpose: str
    kind: str
    field: str
    """Field id, `dataset.*` for a whole list, or `*` for a whole subject."""
    before: str
    after: str
    rule: str
    """The rule of the other policy that decides; a reason code where no rule does."""


@dataclass
class Tally:
    """How often an effect was found."""

    count: int = 0
    examples: list[int] = field(default_factory=list)
    """Indices of the first entries."""

    def add(self, index: int) -> None:
        """Count one subject of one entry."""
        self.count += 1
        if len(self.examples) < EXAMPLES and index not in self.examples:
            self.examples.append(index)


@dataclass
class Replay:
    """What was found over all entries."""

    policy: str
    entries: int = 0
    subjects: int = 0
    """Subjects of entries that were decided again."""
    opening: int = 0
    """Entries of which anything would open."""
    closing: int = 0
    withheld: int = 0
    """Entries whose body is withheld; nothing can be said of them."""
    unknown: int = 0
    """Subjects not decided again, because the client or the kind of subject is not known any more."""
    effects: dict[Effect, Tally] = field(default_factory=dict)
    left_out: int = 0
    """Findings not kept because there were more than `MOST_EFFECTS` different ones."""

    def counted(self, *, opens: bool) -> list[tuple[Effect, Tally]]:
        """Effects of one direction, the most frequent first."""
        found = [(e, t) for e, t in self.effects.items() if e.opens is opens]
        return sorted(found, key=lambda pair: (-pair[1].count, pair[0]))


class Asked(NamedTuple):
    """One subject of one entry, with what had to be looked up."""

    part: Mapping[str, Any]
    kind: SubjectKind | None
    items: Items | None
    """What the consent of the time names; None when there was none."""


class Replayer:
    """Decides recorded operations under other rules."""

    def __init__(self, rules: Rules, clients: Mapping[str, Client]) -> None:
        """Set up.

        Args:
            rules: the other policy over the catalogue of now.
            clients: all registered clients by id; their roles of now are used.
        """
        self._rules = rules
        self._clients = clients
        self.found = Replay(rules.policy.revision)

    def take(self, index: int, body: Mapping[str, Any], asked: Iterable[Asked]) -> None:
        """Decide one entry again.

        Args:
            index: of the entry.
            body: the entry.
            asked: its subjects.
        """
        self.found.entries += 1
        directions = set()
        for one in asked:
            client = self._clients.get(body["caller"])
            if client is None or one.kind is None:
                self.found.unknown += 1
                continue
            self.found.subjects += 1
            for effect in self._effects(body, client, one, one.kind):
                directions.add(effect.opens)
                self._keep(index, effect)
        self.found.opening += True in directions
        self.found.closing += False in directions

    def _keep(self, index: int, effect: Effect) -> None:
        tally = self.found.effects.get(effect)
        if tally is None:
            if len(self.found.effects) >= MOST_EFFECTS:
                self.found.left_out += 1
                return
            tally = self.found.effects[effect] = Tally()
        tally.add(index)

    def _effects(
        self, body: Mapping[str, Any], client: Client, one: Asked, kind: SubjectKind
    ) -> Iterator[Effect]:
        roles, purpose = frozenset(client.roles), one.part.get("purpose") or body["purpose"]
        table = self._rules.table(roles, purpose, kind)
        if one.part["outcome"] != EntryOutcome.DISCLOSED:
            falls = self._falls(one.part["reason"], client, purpose, table)
            found = [("*", f"REFUSED {one.part['reason']}", "may be shown", "", True)] if falls else []
        elif (refusal := self._refusal(roles, purpose, one.part, table)) is not None:
            found = [
                (name, was.name, f"REFUSED {refusal}", refusal.value, False)
                for name, was in _recorded(one.part)
                if was is not Outcome.WITHHELD
            ]
        else:
            found = list(self._fields(one, purpose, table))
        for name, before, after, rule, opens in found:
            yield Effect(
                opens, body["caller"], body["institution"], purpose, kind.value, name, before, after, rule
            )

    def _fields(
        self, one: Asked, purpose: str, table: Mapping[str, Decision]
    ) -> Iterator[tuple[str, str, str, str, bool]]:
        items = one.items if self._rules.policy.purposes[purpose].artefact_required else None
        for name, was in _recorded(one.part):
            now = decided_again(self._rules.catalog, name, table, items) or _NOTHING
            after = now.outcome if now.outcome is not Outcome.PREDICATE else Outcome.WITHHELD
            if after is not was:  # a field on which questions may be asked is withheld itself
                yield name, was.name, after.name, now.rule, after > was

    def _refusal(
        self, roles: frozenset[str], purpose: str, part: Mapping[str, Any], table: Mapping[str, Decision]
    ) -> Reason | None:
        """Why a subject that was shown would be refused; None when it would not."""
        policy = self._rules.policy
        entry = policy.purposes.get(purpose)
        if entry is None or not policy.fair_use_for(purpose) or not policy.holds(roles, purpose):
            return Reason.PURPOSE_NOT_HELD
        basis = part.get("basis") or {}
        if entry.matter_required:
            matter = policy.matters.get(basis.get("matter", ""))
            if matter is None or matter.purpose != purpose or not roles & set(matter.roles):
                return Reason.MATTER_NOT_LISTED
        if entry.reference_required and not basis.get("reference"):
            return Reason.REFERENCE_REQUIRED
        if entry.consent_required and basis.get("kind") != BasisKind.CONSENT:
            return Reason.CONSENT_REQUIRED
        if entry.grant_required and basis.get("kind") != BasisKind.EMERGENCY:
            return Reason.GRANT_REQUIRED
        return None if _shows(table) else Reason.NO_RULE

    def _falls(self, reason: str, client: Client, purpose: str, table: Mapping[str, Decision]) -> bool:
        """Whether a recorded refusal rests on something that the other policy does not ask for."""
        policy = self._rules.policy
        entry = policy.purposes.get(purpose)
        held = policy.fair_use_for(purpose) and policy.holds(client.roles, purpose)
        if entry is None or not held or not _shows(table):
            return False
        if reason == Reason.PURPOSE_NOT_HELD:
            return purpose in client.purposes
        if reason in _CONSENT_REASONS:
            return not entry.consent_required
        if reason == Reason.GRANT_REQUIRED:
            return not entry.grant_required
        if reason == Reason.MATTER_NOT_LISTED:
            return not entry.matter_required
        if reason == Reason.REFERENCE_REQUIRED:
            return not entry.reference_required
        return reason == Reason.NO_RULE


def _recorded(part: Mapping[str, Any]) -> Iterator[tuple[str, Outcome]]:
    """Fields asked for, each with the outcome that was recorded."""
    for word, by_dataset in (part.get("fields") or {}).items():
        outcome = _WORDS.get(word, Outcome.WITHHELD)
        for dataset, names in by_dataset.items():
            for name in names:
                yield f"{dataset}.{name}", outcome


def _shows(table: Mapping[str, Decision]) -> bool:
    """Whether anything at all may be seen, be it the answer to a question."""
    return any(decision.outcome is not Outcome.WITHHELD for decision in table.values())


def decided_again(
    catalog: Catalog, name: str, table: Mapping[str, Decision], items: Items | None
) -> Decision | None:
    """The decision on a field that an entry names, within what a consent names.

    Args:
        catalog: of the table.
        name: field id, or `dataset.*` for a whole list: withheld unless some field of it would be shown.
        table: decisions by field id.
        items: what the consent names; None: no consent limits it.

    Returns:
        The decision; None for a field that the catalogue does not have.
    """
    dataset, _, last = name.rpartition(".")
    if last != "*":
        return within(table[name], dataset, last, items) if name in table else None
    known = catalog.datasets.get(dataset)
    best = _NOTHING
    for item in known.fields if known else ():
        decision = within(table[item.id], dataset, item.name, items)
        if decision.outcome >= Outcome.GENERALISED and decision.outcome > best.outcome:
            best = decision
    return best


def within(decision: Decision, dataset: str, name: str, items: Items | None) -> Decision:
    """The decision within what the consent names."""
    if items is None or decision.outcome is Outcome.WITHHELD:
        return decision
    named = items.get(dataset)
    if named is None or (named and name not in named):
        return Decision(Outcome.WITHHELD, decision.rule, Reason.CONSENT_SCOPE)
    return decision
