"""`hub policy`: test, query, compare, replay and publish policies."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

import orjson
import typer

from hub.catalog.types import SubjectKind
from hub.cli.console import say, show_table
from hub.cli.group import NOT_VERIFIED
from hub.cli.names import known
from hub.cli.policy_compare import diff, replay
from hub.cli.policy_publish import activate, list_revisions, publish, show
from hub.config import Settings
from hub.disclosure.rules import Rules
from hub.folders import locate
from hub.loading import load_rules
from hub.model.outcome import Outcome
from hub.policies.cases import CaseReport, load_cases, run_cases
from hub.policies.model import LawfulBasis, PolicySet, Purpose
from hub.policies.reference import CasbinReference

WHO = ("role", "purpose", "kind", "outcome", "rule", "needs")

app = typer.Typer(
    help="Test, compare, replay and publish the policy.",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
)
app.command("diff")(diff)
app.command("replay")(replay)
app.command("publish")(publish)
app.command("activate")(activate)
app.command("list")(list_revisions)
app.command("show")(show)


@app.command("test")
def run_tests(
    min_fields: Annotated[
        float, typer.Option(min=0, max=100, help="Fail when cases name less than this percentage of fields.")
    ] = 0.0,
) -> None:
    """Run every case of cases.toml, by the decision tables and by Casbin, and say what no case exercises.

    Exit code 0: all cases hold; 1: one does not, or fewer fields are named than asked for.
    """
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
    say(
        f"{report.fields - len(report.unnamed)} of {report.fields} fields are named by a case "
        f"({report.field_coverage:.0f} %)."
    )
    for dataset, names in _by_dataset(report.unnamed).items():
        say(f"  without a case: {dataset}: {', '.join(names)}")
    if report.failures or report.field_coverage < min_fields:
        raise typer.Exit(NOT_VERIFIED)


@app.command()
def who(
    field: Annotated[str, typer.Argument(help="domain.dataset.field.")],
    kind: Annotated[
        SubjectKind | None, typer.Option(help="Kind of subject; default: every kind the dataset is about.")
    ] = None,
    json_output: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Say who could ever see anything of a field: role, purpose, kind, outcome, rule, and what else is needed.

    A caller with several roles sees at most what one of its roles sees, as a rule that shuts holds for all.
    """
    rules = load_rules(Settings.from_environment())
    known(field, (f.id for f in rules.catalog.fields()), "field", "字段")
    found = viewers(rules, field, kind)
    if json_output:
        document = [dict(zip(WHO, row, strict=True)) for row in found]
        say(orjson.dumps({"field": field, "viewers": document}, option=orjson.OPT_INDENT_2).decode())
        return
    show_table(WHO, found)
    if not found:
        say("Nobody sees anything of it.")
    if reason := rules.policy.closed.get(field):
        say(f"closed to everyone: {reason}")


def run_policy_cases(settings: Settings, rules: Rules, *, by_casbin: bool = True) -> CaseReport:
    """All cases of the policy folder, by table and, unless told otherwise, by Casbin, which takes seconds.

    Raises:
        PolicyError: when the cases cannot be read.
    """
    cases = load_cases(locate("policies", settings.policies_dir), rules.policy, rules.catalog)
    reference = CasbinReference(rules.policy) if by_casbin else None
    return run_cases(rules.policy, rules.catalog, cases, reference)


def _by_dataset(fields: Iterable[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for field in fields:
        dataset, _, name = field.rpartition(".")
        found.setdefault(dataset, []).append(name)
    return found


def viewers(rules: Rules, field: str, kind: SubjectKind | None = None) -> list[tuple[str, ...]]:
    """Everyone who could see anything of a field, as rows of `WHO`, the most open first."""
    dataset = rules.catalog.datasets[field.rpartition(".")[0]]
    rows = []
    for purpose in rules.policy.purposes.values():
        for role in purpose.holders:
            for about in dataset.subjects if kind is None else (kind,):
                decision = rules.table(frozenset({role}), purpose.code, about)[field]
                if decision.outcome is not Outcome.WITHHELD:
                    needed = needs(rules.policy, purpose, role, about, dataset.id)
                    outcome = decision.outcome.name
                    if decision.outcome is Outcome.PREDICATE:
                        outcome += f" ({', '.join(_asking(rules, field)) or 'no question'})"
                    cells = (role, purpose.code, about.value, outcome, decision.rule, needed)
                    rows.append((-decision.outcome, cells))
    return [cells for _, cells in sorted(rows)]


def _asking(rules: Rules, field: str) -> list[str]:
    """Codes of the declared questions that read a field."""
    dataset, _, name = field.rpartition(".")
    known = rules.catalog.datasets[dataset]
    questions = rules.policy.questionnaire.predicates.values()
    return [q.code for q in questions if q.dataset == dataset and name in q.reads(known)]


def needs(policy: PolicySet, purpose: Purpose, role: str, kind: SubjectKind, dataset: str) -> str:
    """What a request needs besides role and purpose."""
    if not policy.fair_use_for(purpose.code):
        return "never: the purpose reads no subject"
    if purpose.consent_required:
        templates = [t.id for t in policy.templates_for(purpose.code) if t.kind is kind]
        asking = [
            t.id for t in policy.templates_for(purpose.code) if t.kind is kind and dataset in t.datasets
        ]
        return (
            f"consent ({', '.join(asking)})" if asking or not templates else "never: no consent asks for it"
        )
    if purpose.grant_required:
        return "emergency grant, and a case or file number"
    if purpose.matter_required:
        matters = [m.code for m in policy.matters.values() if m.purpose == purpose.code and role in m.roles]
        also = ", and a case or file number" if purpose.reference_required else ""
        return (
            f"matter ({', '.join(matters)}){also}" if matters else "never: no matter is listed for the role"
        )
    return "to be the subject" if purpose.basis is LawfulBasis.SELF else f"nothing more ({purpose.basis})"
