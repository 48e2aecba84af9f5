"""Plans that are ready to run: with everything serialised or computed that does not depend on the subject."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from hub.audit.entry import BasisKind, fields_fragment
from hub.catalog.types import SubjectKind
from hub.disclosure.basis import Ground, refusal
from hub.disclosure.explain import notes_json
from hub.disclosure.fair_use import Counter, counters
from hub.disclosure.operations import Prepared
from hub.disclosure.plan import PlanCompiler, RootPlan, Scope, Slot
from hub.disclosure.read import SlotArrays
from hub.disclosure.rows import LOOKED_AHEAD, Row, SlotReader
from hub.disclosure.rules import Rules
from hub.disclosure.selection import Selected
from hub.identity.tokens import Caller
from hub.model.outcome import Outcome, Reason
from hub.policies.model import FairUse

_PLANS = 1024
_SAYS_IT_IS_THERE = (BasisKind.CONSENT, BasisKind.SELF)
"""Grounds that the subject itself gave; any other shows it only where a record of it shows."""


@dataclass(frozen=True, eq=False)
class CompiledRoot:
    """A root's plan, ready to run."""

    plan: RootPlan
    arrays: SlotArrays
    readers: tuple[SlotReader, ...]
    notes: tuple[bytes, ...]
    """What the caller is told about fields that are not clear."""
    fields: orjson.Fragment
    """Fields by outcome, for the audit entry."""
    datasets: tuple[str, ...]
    """Datasets that are read, each once."""
    terms: bytes
    """What the fair-use template asks of the recipient."""
    blank_profile: Row
    """Stands for the profile where it is not read or there is none."""
    narrower: tuple[Slot, ...]
    """Lists that the fair-use template or the consent cuts further than the others."""
    counters: tuple[Counter, ...]
    """What an answer counts against."""


class CompiledPlans:
    """Compiled plans, remembered."""

    def __init__(self, max_page: int) -> None:
        self._max_page = max_page
        self._known: OrderedDict[Any, CompiledRoot] = OrderedDict()

    def get(
        self,
        rules: Rules,
        caller: Caller,
        prepared: Prepared,
        selected: Selected,
        kind: SubjectKind,
        ground: Ground,
    ) -> CompiledRoot:
        """The plan of a root for subjects of a kind under a ground.

        Raises:
            DisclosureRefusedError: NO_RULE, when nothing of the subject could show.
            InputError: when a page size or cursor does not fit.
        """
        items = ground.consent.scope_key if ground.consent is not None else None
        key = (
            rules,
            prepared,
            selected.key,
            kind,
            caller.roles,
            ground.grant.purpose,
            ground.fair_use.id,
            items,
            ground.consent.caps_key if ground.consent is not None else None,
        )
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._compile(rules, caller, selected, kind, ground)
            if len(self._known) > _PLANS:
                self._known.popitem(last=False)
        return found

    def _compile(
        self, rules: Rules, caller: Caller, selected: Selected, kind: SubjectKind, ground: Ground
    ) -> CompiledRoot:
        roles = frozenset(caller.roles)
        scope = Scope(roles, ground.grant.purpose, kind, ground.consent.items if ground.consent else None)
        table = rules.table(roles, scope.purpose, kind)
        questionnaire = rules.policy.questionnaire
        compiler = PlanCompiler(rules.catalog, table, scope, self._max_page, questionnaire)
        plan = compiler.compile(selected)
        shows = any(decision.outcome >= Outcome.GENERALISED for decision in table.values())
        if not shows and all(question.refusal is not None for question in plan.questions):
            raise refusal(rules.policy, Reason.NO_RULE)  # else the subject's existence alone would show
        readers = tuple(slot.reader() for slot in plan.slots)
        datasets = tuple(dict.fromkeys(slot.dataset for slot in plan.slots))
        signed_months = ground.consent.range_months if ground.consent else {}
        known_by = None if ground.basis.kind in _SAYS_IT_IS_THERE else compiler.opened()
        return CompiledRoot(
            plan,
            SlotArrays(plan.slots, ground.fair_use, signed_months, known_by),
            readers,
            tuple(
                orjson.dumps(note, option=orjson.OPT_SORT_KEYS)
                for note in notes_json(plan.notes, rules.policy)
            ),
            fields_fragment(plan.fields),
            datasets,
            _terms(plan.key, ground, datasets),
            readers[plan.profile].blank if plan.profile is not None else LOOKED_AHEAD,
            tuple(
                slot
                for slot in plan.slots
                if slot.ranged and not slot.asked
                and (slot.dataset in signed_months or _has_own_range(slot, ground.fair_use))
            ),
            counters(
                ground.fair_use,
                rules.policy.fair_use_for(scope.purpose),
                datasets,
                ground.consent.frequency if ground.consent else {},
            ),
        )  # fmt: skip


def _has_own_range(slot: Slot, fair_use: FairUse) -> bool:
    return fair_use.range_months_of(slot.dataset) != fair_use.range_months


def _terms(path: str, ground: Ground, datasets: tuple[str, ...]) -> bytes:
    """The template, and after how many days the recipient deletes what it got (0: by its own law).

    Of the template and what the consent says, the shorter time.
    """
    fair_use = ground.fair_use
    signed: Mapping[str, int] = ground.consent.data_life if ground.consent is not None else {}

    def life(dataset: str) -> int:
        capped, agreed = fair_use.data_life_days_of(dataset), signed.get(dataset, signed.get("", 0))
        return min(capped, agreed) if capped and agreed else capped or agreed

    days = life("")
    shorter = {d: life(d) for d in datasets}
    terms: dict[str, Any] = {"dataLifeDays": days, "path": path, "template": fair_use.id}
    if own := {dataset: life for dataset, life in shorter.items() if life != days}:
        terms["datasets"] = own
    return orjson.dumps(terms, option=orjson.OPT_SORT_KEYS)
