"""`hub policy`: run the cases of the policy folder, and ask who may see a field."""

from __future__ import annotations

from typing import Annotated

import typer

from hub.app import load_rules
from hub.catalog.types import SubjectKind
from hub.cli.console import say, show_table
from hub.cli.group import NOT_VERIFIED
from hub.cli.names import known
from hub.config import Settings
from hub.disclosure.rules import Rules
from hub.folders import locate
from hub.model.outcome import Outcome
from hub.policies.cases import CaseReport, load_cases, run_cases
from hub.policies.reference import CasbinReference

app = typer.Typer(
    help="Test and query the policy.", no_args_is_help=True, rich_markup_mode=None, add_completion=False
)


@app.command()
def test() -> None:
    """Run every case of cases.toml, by the decision tables and by Casbin."""
    settings = Settings.from_environment()
    report = run_policy_cases(settings, load_rules(settings))
    for failure in report.failures:
        say(f"✗ {failure}")
    say(
        f"{len(report.cases)} cases, {report.denials} of them denials; {report.checks} decisions, "
        f"{len(report.failures)} failed."
    )
    if report.unexercised:
        say(f"No case is decided by: {', '.join(report.unexercised)}.")
    if report.failures:
        raise typer.Exit(NOT_VERIFIED)


@app.command()
def who(
    field: Annotated[str, typer.Argument(help="domain.dataset.field.")],
    kind: Annotated[
        SubjectKind | None, typer.Option(help="Kind of subject; default: the dataset's first.")
    ] = None,
) -> None:
    """List roles and purposes that see anything of a field, and by which rule."""
    rules = load_rules(Settings.from_environment())
    known(field, (f.id for f in rules.catalog.fields()), "field", "字段")
    chosen = kind or rules.catalog.datasets[field.rpartition(".")[0]].subjects[0]
    show_table(("role", "purpose", "outcome", "rule"), _viewers(rules, field, chosen))
    if reason := rules.policy.closed.get(field):
        say(f"closed to everyone: {reason}")


def run_policy_cases(settings: Settings, rules: Rules) -> CaseReport:
    """All cases of the policy folder, by table and by Casbin.

    Raises:
        PolicyError: when the cases cannot be read.
    """
    cases = load_cases(locate("policies", settings.policies_dir), rules.policy, rules.catalog)
    return run_cases(rules.policy, rules.catalog, cases, CasbinReference(rules.policy))


def _viewers(rules: Rules, field: str, kind: SubjectKind) -> list[tuple[str, str, str, str]]:
    rows = []
    for purpose in rules.policy.purposes.values():
        for role in purpose.holders:
            decision = rules.table(frozenset({role}), purpose.code, kind)[field]
            if decision.outcome is not Outcome.WITHHELD:
                rows.append((role, purpose.code, decision.outcome.name, decision.rule))
    return rows
