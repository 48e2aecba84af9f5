"""`hub check`: everything that can be checked before the hub serves, one line for each check.

A check that needs something an earlier one did not find is skipped and says so; it counts as failed.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated

import typer

from hub.catalog.loader import load_catalog
from hub.catalog.types import SubjectKind
from hub.cli import documents
from hub.cli.console import say
from hub.cli.desk import open_database
from hub.cli.group import NOT_VERIFIED
from hub.cli.places import with_demo_keys
from hub.cli.policy import run_policy_cases
from hub.cli.trusted import check_documents
from hub.config import Settings
from hub.disclosure.rules import Rules
from hub.errors import HubError, PolicyError
from hub.folders import locate
from hub.identity.clients import ClientRegistry, unverified_clients
from hub.loading import load_rules, open_ring
from hub.policies.cases import load_cases
from hub.policies.lint import warnings
from hub.policies.reference import CasbinReference

_SAMPLES = 300
_WHOLE = 10
"""Every so many-th sample is put to Casbin over all rows; the others over those that can match, see `confirms`."""
Check = tuple[str, Callable[[], str]]


def check(
    fix: Annotated[bool, typer.Option("--fix", help="Write the generated documents of a checkout.")] = False,
    verbose: Annotated[
        bool, typer.Option("-v", "--verbose", help="Print what deserves a look, too.")
    ] = False,
) -> None:
    """Check everything before the hub serves.

    Settings, catalogue, policy and its cases, the same by Casbin, and, where there are any: key ring, database,
    generated documents of a checkout. Exit code 0: all hold; 1: one does not.
    """
    settings = with_demo_keys(Settings.from_environment())
    failed = not _run("settings", lambda: f"{len(Settings.__dataclass_fields__)} known")
    failed |= not _run("catalogue", lambda: _catalogue(settings))
    loaded: list[Rules] = []
    failed |= not _run("policy", lambda: _policy(settings, loaded, verbose=verbose))
    for name, run in _later(settings, loaded[0] if loaded else None, fix=fix):
        failed |= not _run(name, run)
    if failed:
        raise typer.Exit(NOT_VERIFIED)


def _later(settings: Settings, rules: Rules | None, *, fix: bool) -> Iterator[Check]:
    """The checks that need catalogue and policy, and those that apply to this set-up only."""
    yield "policy cases", lambda: _cases(settings, _need(rules))
    yield "policy by Casbin", lambda: _casbin(_need(rules))
    yield "trusted documents", lambda: check_documents(settings, _need(rules))
    if settings.keys_dir:
        yield "key ring", lambda: _ring(settings)
    if settings.database_url:
        yield "database", lambda: asyncio.run(_database(settings))
    root = documents.checkout()
    if root is not None and not (settings.schema_dir or settings.policies_dir):
        yield "generated documents", lambda: _documents(root, _need(rules), fix=fix)


def _run(name: str, run: Callable[[], str]) -> bool:
    try:
        say(f"✓ {name}: {run()}")
    except HubError as error:
        say(f"✗ {name}: {error}")
        return False
    return True


def _need(rules: Rules | None) -> Rules:
    if rules is None:
        raise PolicyError("Skipped, because the policy did not load.")
    return rules


def _catalogue(settings: Settings) -> str:
    catalog = load_catalog(locate("schema", settings.schema_dir))
    return f"{len(catalog.datasets)} datasets, {sum(1 for _ in catalog.fields())} fields"


def _policy(settings: Settings, loaded: list[Rules], *, verbose: bool) -> str:
    rules = load_rules(settings)
    loaded.append(rules)
    notes = [*warnings(rules.policy, rules.catalog), *_unasked(settings, rules)]
    if verbose:
        for note in notes:
            say(f"  {note}")
    look = f", {len(notes)} deserve a look (-v)" if notes and not verbose else ""
    policy = rules.policy
    templates = f"{len(policy.fair_use)} fair-use templates"
    return f"{len(policy.rules)} rules, {len(policy.purposes)} purposes, {templates}{look}"


def _unasked(settings: Settings, rules: Rules) -> Iterator[str]:
    """Datasets about which the policy says nothing of their own: only rules for more than one decide, or no case asks.

    A field that a wide rule opens by accident is seen in no test otherwise.
    """
    cases = load_cases(locate("policies", settings.policies_dir), rules.policy, rules.catalog)
    asked = {field.rpartition(".")[0] for case in cases for field in case.fields}
    named = {rule.pattern.rpartition(".")[0] for rule in rules.policy.rules}
    for dataset in rules.catalog:
        if dataset.id not in asked:
            ruled = (
                "" if dataset.id in named else ", and no rule names it: only rules for more than it decide"
            )
            yield f"cases.toml: no case asks about {dataset.id}{ruled}."


def _cases(settings: Settings, rules: Rules) -> str:
    report = run_policy_cases(settings, rules, by_casbin=False)  # `hub policy test` asks Casbin as well
    if report.failures:
        raise PolicyError(str(report.failures[0]), hint=f"{len(report.failures)} failed: `hub policy test`.")
    if report.unexercised:
        raise PolicyError(
            f"No case is decided by {', '.join(report.unexercised)}.", hint="Add a case to cases.toml."
        )
    return f"{len(report.cases)} hold, {report.denials} of them denials"


def _casbin(rules: Rules) -> str:
    """A sample of decisions, the same for the same policy, by table and by Casbin."""
    reference = CasbinReference(rules.policy)
    draw = random.Random(rules.policy.revision)  # noqa: S311 - a sample, not a secret
    fields, purposes = list(rules.catalog.fields()), list(rules.policy.purposes.values())
    for number in range(_SAMPLES):
        purpose, field, kind = draw.choice(purposes), draw.choice(fields), draw.choice(list(SubjectKind))
        role = draw.choice([*purpose.holders, draw.choice(sorted(rules.policy.roles))])
        roles = frozenset({role})
        found = rules.table(roles, purpose.code, kind)[field.id].outcome
        question = (roles, purpose.code, field, kind)
        if number % _WHOLE and reference.confirms(*question, found):
            continue
        meant = reference.decide(*question)
        if found is not meant:
            raise PolicyError(
                f"{role} for {purpose.code} of {field.id} is {found.name}, but {meant.name} by Casbin.",
                hint="Report this as a fault.",
            )
    return f"{_SAMPLES} sampled decisions agree"


def _ring(settings: Settings) -> str:
    ring = open_ring(settings)
    return f"{len(ring.manifest.keys)} keys, {ring.suite.name}{', demo' if ring.demo else ''}"


async def _database(settings: Settings) -> str:
    database = await open_database(settings.database_url)
    try:
        if not settings.keys_dir:
            return f"at the newest schema, {len(await unverified_clients(database))} clients, not verified"
        registry = await ClientRegistry.load(database, open_ring(settings).client_seal())
    finally:
        await database.close()
    if registry.altered:
        raise PolicyError(
            f"These clients are not as the hub registered them: {', '.join(registry.altered)}.",
            hint="Look at them with `hub client check`; register them anew with `hub client add --replace`.",
        )
    if registry.unreadable:
        raise PolicyError(
            f"The keys of these clients cannot be read: {', '.join(registry.unreadable)}.",
            hint="Register them anew with `hub client add --replace`.",
        )
    return f"at the newest schema, {len(registry.listed())} clients"


def _documents(root: Path, rules: Rules, *, fix: bool) -> str:
    if fix:
        documents.write(root, rules)
    stale = documents.stale(root, rules)
    if stale:
        raise PolicyError(f"Not up to date: {', '.join(stale)}.", hint="Run `hub check --fix`.")
    return "schema/hub.graphql, docs/catalogue and README are up to date"
