"""The disclosure plan of one subject root: computed once, run many times.

* A plan is made for (operation, variables other than the subject, roles, purpose, kind of subject, consent
  items, policy and catalogue revision). Nothing about a particular subject goes into it.
* It holds which datasets to read, what becomes of each field, how the answer is shaped, what the caller is
  told about fields and questions that are not clear, and what the audit entry says about fields.
* A dataset of which the caller may see nothing is not read at all: its list is null, whatever is stored.
* A list is ordered by date only if the caller may see that date; else by record id.

Worked example: for a bank and LOAN_APPLICATION, `taxPayments { nodes { period amount { amount } } }` becomes
one `Slot` (dataset government.tax_payment, 21 rows at most, by date) and a shape that opens `amount`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import date
from operator import attrgetter
from typing import Any

from hub.catalog.types import Catalog, Dataset, Domain, Field, Nature, SubjectKind
from hub.disclosure import marks
from hub.disclosure.connection import list_shape
from hub.disclosure.cursors import Position, decode_cursor
from hub.disclosure.leaves import build_leaf, of_profile
from hub.disclosure.questions import MOST_ROWS, NO_QUESTION, Question, answerer, open_question, question_shape
from hub.disclosure.rows import MARKS, RECORD_ID, Row, Shown, SlotReader
from hub.disclosure.selection import Selected
from hub.disclosure.shapes import Fields, Fixed, Made, Node, compile_shape
from hub.errors import InputError
from hub.model.outcome import Decision, Outcome, Reason
from hub.policies.predicates import Questionnaire

DEFAULT_PAGE = 20
MOST_QUESTIONS = 20
"""Yes/no questions in one selection of `predicates`."""
_DOMAINS = frozenset(domain.value for domain in Domain)
_WORDS: Mapping[Outcome, str] = {
    Outcome.CLEAR: "clear",
    Outcome.MASKED: "masked",
    Outcome.GENERALISED: "generalised",
}
KIND_OF_ROOT: Mapping[str, SubjectKind] = {"organization": SubjectKind.ORG, "person": SubjectKind.PERSON}
TYPE_OF_KIND: Mapping[SubjectKind, str] = {
    SubjectKind.ORG: "Organization",
    SubjectKind.PERSON: "NaturalPerson",
}


@dataclass(frozen=True)
class Scope:
    """Everything but the document that a plan depends on."""

    roles: frozenset[str]
    purpose: str
    kind: SubjectKind
    items: Mapping[str, frozenset[str]] | None = None
    """Datasets the consent names, each with the fields it names (empty: all); None when no consent is needed."""


@dataclass(frozen=True)
class Slot:
    """One read of one dataset."""

    dataset: str
    limit: int
    """Rows read at most."""
    shown: int
    """Rows shown at most; a list that is asked for its page info reads one more, to know of a next page."""
    position: Position
    dated: bool
    ranged: bool
    """Whether the consent's range of data applies; it does not to profiles and basic facts."""
    asked: bool = False
    """Whether it is read to answer questions: its records show nowhere, the audit entry included."""
    path: str = ""
    """Where the list stands below the root."""
    needs: Shown = field(default_factory=Shown, compare=False)
    """The stored fields that the answer shows; complete once the plan is."""

    def reader(self) -> SlotReader:
        """Decodes the rows of this slot."""
        return SlotReader(self.dataset, self.needs)


@dataclass(slots=True)
class Shaping:
    """What a plan's shape works on: the rows of each slot."""

    subject: bytes
    rows: list[list[Row]]
    profile: Row = field(default_factory=list)
    """The row of the subject's profile; one without values where there is none."""
    today: date = date.min
    """Civil date of the request, for questions."""
    shut: Collection[int] = ()
    """Numbers of the plan's open questions that this request may not have answered."""


@dataclass(frozen=True)
class Note:
    """What the caller is told about one masked or withheld field or list."""

    path: str
    outcome: Outcome
    decision: Decision


@dataclass
class RootPlan:
    """The plan of one subject root."""

    key: str
    kind: SubjectKind
    slots: list[Slot] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    fields: dict[str, dict[str, list[str]]] = field(
        default_factory=lambda: {word: {} for word in (*_WORDS.values(), "predicate", "withheld")}
    )
    """Requested fields: outcome, dataset, names; for the audit entry."""
    questions: list[Question] = field(default_factory=list)
    profile: int | None = None
    """The slot of the subject's profile, if it is read."""
    shape: Callable[[Shaping], Any] = lambda _: None
    """Takes what was read to the subject's data."""


Decide = Callable[[Field], Decision]


@dataclass
class PlanCompiler:
    """Compiles root selections under one scope."""

    catalog: Catalog
    table: Mapping[str, Decision]
    scope: Scope
    max_page: int
    questionnaire: Questionnaire = field(default_factory=Questionnaire)

    def compile(self, root: Selected) -> RootPlan:
        """The plan of one root field, for subjects of the scope's kind.

        Raises:
            InputError: when a page size or cursor does not fit.
        """
        plan = RootPlan(root.key, self.scope.kind)
        root = root.of_type(TYPE_OF_KIND[plan.kind])
        plan.shape = compile_shape(self._subject(plan, root), attrgetter("profile"))
        return plan

    def decide(self, item: Field) -> Decision:
        """Policy first, then the consent's items: both must open a field."""
        decision = self.table[item.id]
        items = self.scope.items
        if decision.outcome is Outcome.WITHHELD or items is None:
            return decision
        named = items.get(item.dataset)
        if named is None or (named and item.name not in named):
            return Decision(Outcome.WITHHELD, decision.rule, Reason.CONSENT_SCOPE)
        return decision

    def opened(self) -> list[tuple[str, bool]]:
        """Datasets of which something may show, the profile first, and whether the range of data applies to each."""
        profile = self.catalog.profile(self.scope.kind)
        found = [d for d in self.catalog if self.scope.kind in d.subjects and self._opens(d)]
        return [(d.id, _is_ranged(d)) for d in sorted(found, key=lambda d: d is not profile)]

    def _subject(self, plan: RootPlan, root: Selected) -> Fields:
        profile = self.catalog.profile(plan.kind)
        tree = field_tree(profile)
        if any(child.name in tree or child.name == marks.FIELD for child in root.children) and self._opens(
            profile
        ):
            plan.profile = self._slot(plan, profile, 1, 1, None)
        entries: list[tuple[str, Node]] = []
        for child in root.children:
            path = f"{plan.key}.{child.key}"
            if child.name == "__typename":
                node: Node = Fixed(TYPE_OF_KIND[plan.kind])
            elif child.name == "id":
                node = Made(lambda shaping: "sub_" + shaping.subject.hex())
            elif child.name == "kind":
                node = Fixed(plan.kind.value)
            elif child.name == marks.FIELD:
                if plan.profile is not None:
                    self._show_statements(profile, child, plan.slots[plan.profile].needs)
                node = of_profile(_marks(child))
            elif child.name == "predicates":
                node = Made(self._questions(plan, child, path))
            elif child.name in _DOMAINS:
                node = self._domain(plan, Domain(child.name), child, path)
            else:
                shown = Shown() if plan.profile is None else plan.slots[plan.profile].needs
                leaf = self._value(plan, tree[child.name], child, path, shown)
                node = Fixed() if plan.profile is None else of_profile(leaf)
            entries.append((child.key, node))
        return Fields(tuple(entries))

    def _questions(self, plan: RootPlan, node: Selected, path: str) -> Callable[[Shaping], Any]:
        asked = node.arguments["ask"]
        if len(asked) > MOST_QUESTIONS:
            raise InputError(
                f"At most {MOST_QUESTIONS} questions can be asked at once.",
                hint="Ask the others in another request.",
                message_zh=f"一次最多提出 {MOST_QUESTIONS} 个问题。",
            )
        shapes = [self._question(plan, node, one, f"{path}.{number}") for number, one in enumerate(asked)]
        return lambda shaping: [shape(shaping) for shape in shapes]

    def _question(
        self, plan: RootPlan, node: Selected, asked: Mapping[str, Any], path: str
    ) -> Callable[[Shaping], Any]:
        question = open_question(self.catalog, self.questionnaire, plan.kind, self.decide, asked, path)
        number = len(plan.questions)
        plan.questions.append(question)
        if question.predicate is None or question.refusal is not None:
            plan.notes.append(Note(path, Outcome.WITHHELD, question.refusal or NO_QUESTION))
            return question_shape(node, question, number)
        dataset = self.catalog.datasets[question.predicate.dataset]
        names = plan.fields["predicate"].setdefault(dataset.id, [])
        names += [name for name in question.predicate.reads(dataset) if name not in names]
        slot = self._asked_slot(plan, dataset)
        answer = answerer(self.catalog, question, plan.kind, plan.slots[slot].needs)
        return question_shape(node, question, number, slot, answer)

    def _asked_slot(self, plan: RootPlan, dataset: Dataset) -> int:
        """The one read of a dataset that all questions about it share."""
        found = [n for n, slot in enumerate(plan.slots) if slot.asked and slot.dataset == dataset.id]
        if not found:
            rows, ranged = MOST_ROWS, dataset.nature is not Nature.BASIC
            plan.slots.append(Slot(dataset.id, rows + 1, rows, Position(), True, ranged, asked=True))
        return found[0] if found else len(plan.slots) - 1

    def _domain(self, plan: RootPlan, domain: Domain, node: Selected, path: str) -> Fields:
        datasets = {d.field_name: d for d in self.catalog if d.domain is domain and not d.profile}
        return Fields(
            tuple(
                (
                    child.key,
                    Fixed(node.type_name)
                    if child.name == "__typename"
                    else self._list(plan, datasets[child.name], child, f"{path}.{child.key}"),
                )
                for child in node.children
            )
        )

    def _list(self, plan: RootPlan, dataset: Dataset, node: Selected, path: str) -> Node:
        asked = node.arguments.get("first")
        limit = DEFAULT_PAGE if asked is None else asked
        if not 0 <= limit <= self.max_page:
            raise InputError(
                f"`first` must lie between 0 and {self.max_page}.",
                hint="Page with `after` for more.",
                message_zh=f"first 必须在 0 到 {self.max_page} 之间。",
            )
        if plan.kind not in dataset.subjects:
            return Made(list_shape(node, None, 0, dated=False, record_shape=lambda _node, _where: Fields(())))
        if not self._opens(dataset):
            self._closed(plan, dataset, path)
            return Fixed()
        looks_ahead = any(child.name == "pageInfo" for child in node.children)
        after, where = node.arguments.get("after"), path[len(plan.key) + 1 :]
        index = self._slot(plan, dataset, limit + looks_ahead, limit, after, where)
        slot = plan.slots[index]

        def record_shape(child: Selected, where: str) -> Fields:
            return self._record(plan, dataset, child, f"{path}.{where}", slot.needs)

        return Made(list_shape(node, index, limit, dated=slot.dated, record_shape=record_shape))

    def _record(self, plan: RootPlan, dataset: Dataset, node: Selected, path: str, shown: Shown) -> Fields:
        tree = field_tree(dataset)
        entries: list[tuple[str, Node]] = []
        for child in node.children:
            if child.name == "__typename":
                entries.append((child.key, Fixed(dataset.type_name)))
            elif child.name == "id":
                entries.append((child.key, Made(lambda row: "rec_" + row[RECORD_ID].hex())))
            elif child.name == marks.FIELD:
                self._show_statements(dataset, child, shown)
                entries.append((child.key, _marks(child)))
            else:
                entries.append(
                    (child.key, self._value(plan, tree[child.name], child, f"{path}.{child.key}", shown))
                )
        return Fields(tuple(entries))

    def _show_statements(self, dataset: Dataset, node: Selected, shown: Shown) -> None:
        """Have statements opened where they are asked for; they are held to what the caller sees in clear."""
        if marks.asks_for_statement(node):
            shown.statement_beside = frozenset(
                f.name for f in dataset.fields if self.decide(f).outcome is Outcome.CLEAR
            )

    def _value(self, plan: RootPlan, item: Any, node: Selected, path: str, shown: Shown) -> Node:
        """A field, or an object that groups several."""
        if not isinstance(item, Field):
            return Fields(
                tuple(
                    (
                        child.key,
                        Fixed(node.type_name)
                        if child.name == "__typename"
                        else self._value(plan, item[child.name], child, f"{path}.{child.key}", shown),
                    )
                    for child in node.children
                )
            )
        decision = self.decide(item)
        self._account(plan, item, decision, path)
        return build_leaf(item, plan.kind, decision.outcome, node, shown)

    def _account(self, plan: RootPlan, item: Field, decision: Decision, path: str) -> None:
        word = _WORDS.get(decision.outcome, "withheld")
        names = plan.fields[word].setdefault(item.dataset, [])
        if item.name not in names:
            names.append(item.name)
        if decision.outcome is not Outcome.CLEAR:
            plan.notes.append(Note(path, decision.outcome, decision))

    def _closed(self, plan: RootPlan, dataset: Dataset, path: str) -> None:
        """Note a list of which nothing may be seen."""
        decisions = [self.decide(f) for f in dataset.fields]
        decision = next((d for d in decisions if d.reason is Reason.CONSENT_SCOPE), decisions[0])
        plan.fields["withheld"].setdefault(dataset.id, ["*"])
        plan.notes.append(Note(path, Outcome.WITHHELD, decision))

    def _opens(self, dataset: Dataset) -> bool:
        return any(self.decide(f).outcome >= Outcome.GENERALISED for f in dataset.fields)

    def _slot(
        self, plan: RootPlan, dataset: Dataset, limit: int, shown: int, after: str | None, path: str = ""
    ) -> int:
        dated = (
            not dataset.profile and self.decide(dataset.by_name[dataset.event_date]).outcome is Outcome.CLEAR
        )
        ranged = _is_ranged(dataset)
        position = decode_cursor(after, dated=dated) if after is not None else Position()
        plan.slots.append(Slot(dataset.id, limit, shown, position, dated, ranged, path=path))
        return len(plan.slots) - 1


def _marks(node: Selected) -> Made:
    shape = marks.marks_shape(node)
    return Made(lambda row: shape(row[MARKS]))


def _is_ranged(dataset: Dataset) -> bool:
    """Whether the range of data applies; it does not to profiles and basic facts."""
    return not dataset.profile and dataset.nature is not Nature.BASIC


def field_tree(dataset: Dataset) -> dict[str, Any]:
    """A dataset's fields by GraphQL path: a field, or a dict of them where a path has several steps."""
    tree: dict[str, Any] = {}
    for item in dataset.fields:
        *steps, name = item.graphql_path
        branch = tree
        for step in steps:
            branch = branch.setdefault(step, {})
        branch[name] = item
    return tree
