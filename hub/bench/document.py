"""The report document, and the plan of it that the floor borrows its SQL parameters from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import orjson

from hub.api.schema import build_schema, core
from hub.catalog.types import SubjectKind
from hub.disclosure.documents import DocumentCache
from hub.disclosure.limits import Limits
from hub.disclosure.operations import Preparer
from hub.disclosure.plan import PlanCompiler, RootPlan, Scope
from hub.disclosure.read import SlotArrays
from hub.disclosure.rules import Rules

CLIENT = "bank-hkb"
PURPOSE = "LOAN_APPLICATION"
KIND = SubjectKind.ORG
_ROLES = frozenset({"bank"})
_ROOT = "organization(uscc: $uscc) {"


@dataclass(frozen=True)
class ReadPlan:
    """What the hub reads for the report: parameters of the one statement, and a dataset for every slot."""

    arrays: SlotArrays
    datasets: tuple[str, ...]
    unsealed: int
    """Sealed values that the hub opens for one answer, every list being full."""


def report_text() -> str:
    """The GraphQL document."""
    return files("hub.bench").joinpath("report.graphql").read_text(encoding="utf-8")


def body_for(uscc: str) -> bytes:
    """The body of a GraphQL request for the report of one company."""
    return orjson.dumps({"query": report_text(), "variables": {"uscc": uscc}})


def batch_text() -> str:
    """A document that asks for the same selection of many companies."""
    _, _, rest = report_text().partition(_ROOT)
    selection = rest.rpartition("}")[0].rpartition("}")[0].rstrip()
    return (
        "query BenchBatch($ids: [SubjectIdentifier!]!) {\n"
        f"  subjects(ids: $ids) {{\n    ... on Organization {{{selection}\n    }}\n  }}\n}}\n"
    )


def batch_body(codes: Sequence[str]) -> bytes:
    """The body of a GraphQL request for the reports of companies."""
    return orjson.dumps({"query": batch_text(), "variables": {"ids": list(codes)}})


def read_plan(rules: Rules, max_page: int, uscc: str) -> ReadPlan:
    """The plan that the hub makes of the report for a bank.

    Args:
        rules: catalogue and policy.
        max_page: largest page of a list.
        uscc: any company; the plan is the same for all.
    """
    schema = core(build_schema(rules.catalog, rules.policy.questionnaire.predicates))
    operation = DocumentCache(schema, Limits()).get(report_text()).operation(None)
    preparer = Preparer(schema)
    variables = preparer.variables(operation, {"uscc": uscc})
    root = preparer.prepare(operation, variables).subjects[0].selected
    scope = Scope(_ROLES, PURPOSE, KIND)
    table = rules.table(_ROLES, PURPOSE, KIND)
    plan = PlanCompiler(rules.catalog, table, scope, max_page).compile(root)
    unsealed = sum(slot.shown * _sealed_fields(rules, plan, slot.dataset) for slot in plan.slots)
    return ReadPlan(SlotArrays(plan.slots), tuple(slot.dataset for slot in plan.slots), unsealed)


def _sealed_fields(rules: Rules, plan: RootPlan, dataset: str) -> int:
    known = rules.catalog.datasets[dataset].by_name
    shown = (*plan.fields["clear"].get(dataset, ()), *plan.fields["masked"].get(dataset, ()))
    return sum(known[name].is_sealed(KIND) for name in shown)


def leaves(data: Any, path: str = "") -> dict[str, Any]:
    """The leaves of an answer by path, for example `organization.financial.loans.nodes.0.lender`."""
    if isinstance(data, dict):
        pairs = data.items()
    elif isinstance(data, list):
        pairs = enumerate(data)  # type: ignore[assignment]
    else:
        return {path: data}
    found: dict[str, Any] = {}
    for key, value in pairs:
        found |= leaves(value, f"{path}.{key}" if path else str(key))
    return found
