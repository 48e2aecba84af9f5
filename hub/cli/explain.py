"""`hub explain`: may this caller, for this purpose, see this field, and which rule says so."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated

import typer

from hub.catalog.types import SubjectKind
from hub.cli.console import say
from hub.cli.desk import open_database
from hub.cli.names import known
from hub.config import Settings
from hub.demo.clients import DEMO_CLIENTS
from hub.disclosure.rules import Rules
from hub.identity.clients import unverified_clients
from hub.loading import load_rules
from hub.policies.explain import explain as explain_decision
from hub.policies.model import FairUse, Rate


@dataclass(frozen=True)
class _Caller:
    """Whoever asks: a role by itself, or a client with its roles and purposes."""

    roles: frozenset[str]
    purposes: frozenset[str] | None
    """None for a role, which holds whatever the register says."""


def explain(
    caller: Annotated[str, typer.Argument(help="Client id, or a role such as bank.")],
    field: Annotated[str, typer.Argument(help="domain.dataset.field, for example financial.loan.balance.")],
    purpose: Annotated[str, typer.Argument(help="Purpose code, for example LOAN_APPLICATION.")],
    kind: Annotated[
        SubjectKind | None, typer.Option(help="Kind of subject; default: the dataset's first.")
    ] = None,
) -> None:
    """Explain why a field is shown or not.

    Prints outcome, deciding rule and reason, and every rule that speaks to the case.
    """
    settings = Settings.from_environment()
    rules = load_rules(settings)
    asked = _caller(caller, settings, rules)
    known(field, (f.id for f in rules.catalog.fields()), "field", "字段")
    known(purpose, rules.policy.purposes, "purpose", "用途")
    chosen = kind or rules.catalog.datasets[field.rpartition(".")[0]].subjects[0]
    explanation = explain_decision(rules.policy, rules.catalog, asked.roles, field, purpose, chosen)
    say(explanation.text())
    entry = rules.policy.purposes[purpose]
    if entry.consent_required:
        say(f"The purpose {purpose} also needs the subject's consent for this dataset.")
    if entry.grant_required:
        say(f"The purpose {purpose} also needs an emergency grant for the subject.")
    if entry.matter_required:
        say(f"The purpose {purpose} also needs a matter of the published list.")
    if entry.reference_required:
        say(f"The purpose {purpose} also needs the caller's case or file number (reference).")
    for template in rules.policy.fair_use_for(purpose):
        say(f"Fair use under {template.id}: {_caps(template, field.rpartition('.')[0])}.")
    if asked.purposes is not None and purpose not in asked.purposes:
        say(f"Refused all the same: the client {caller} does not hold {purpose} (PURPOSE_NOT_HELD).")


def _caps(template: FairUse, dataset: str) -> str:
    """What a template allows of a dataset, in one line."""
    own = template.datasets.get(dataset)
    months, days = template.range_months_of(dataset), template.data_life_days_of(dataset)
    parts = [
        f"the last {months} months" if months else "any age of data",
        f"kept {days} days at most" if days else "kept by the recipient's own law",
        f"subjects a request: {template.subjects_per_request}",
        *_rates(template.reads_of_subject, "reads of a subject"),
        *_rates(own.reads_of_subject if own else (), "of them of this dataset"),
        *_rates(template.reads_in_all, "reads of all subjects"),
    ]
    return ", ".join(parts)


def _rates(rates: Iterable[Rate], what: str) -> list[str]:
    return [f"{rate.most} {what} a {rate.unit.value.lower()}" for rate in rates]


def _caller(name: str, settings: Settings, rules: Rules) -> _Caller:
    if name in rules.policy.roles:
        return _Caller(frozenset({name}), None)
    clients = {c.client_id: _Caller(frozenset(c.roles), frozenset(c.purposes)) for c in DEMO_CLIENTS}
    if settings.database_url:
        clients |= asyncio.run(_registered(settings.database_url))
    return clients[known(name, [*clients, *rules.policy.roles], "client or role", "客户端或角色")]


async def _registered(url: str) -> dict[str, _Caller]:
    database = await open_database(url)
    try:
        clients = await unverified_clients(database)
        return {c.client_id: _Caller(frozenset(c.roles), frozenset(c.purposes)) for c in clients}
    finally:
        await database.close()
