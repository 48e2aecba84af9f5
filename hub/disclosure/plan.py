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
from typing import Any

from hub.catalog.types import Catalog, Dataset, Domain, Field, Nature, SubjectKind
from hub.disclosure.cursors import Position, decode_cursor, encode_cursor
from hub.disclosure.leaves import Leaf, RowFunction, Shown, as_function, build_leaf, build_object
from hub.disclosure.questions import MOST_ROWS, NO_QUESTION, Question, answerer, open_question, question_shape
from hub.disclosure.rows import Row, SlotReader
from hub.disclosure.selection import Selected
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
    needs: Shown = field(default_factory=Shown, compare=False)
    """The stored fields that the answer shows; complete once the plan is."""

    def reader(self) -> SlotReader:
        """Decodes the rows of this slot."""
        return SlotReader(self.dataset, self.needs.clear, self.needs.sealed)


@dataclass(frozen=True)
class Shaping:
    """What a shape works on: the rows of each slot."""

    subject: str
    rows: list[list[Row]]
    today: date = date.min
    """Civil date of the request, for questions."""
    shut: Collection[int] = ()
    """Numbers of the plan's open questions that this request may not have answered."""


Shape = Callable[[Shaping], Any]


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
    shape: Shape = lambda _: None


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
        """The plan of one root field.

        Raises:
            InputError: when a page size or cursor does not fit.
        """
        plan = RootPlan(root.key, KIND_OF_ROOT[root.name])
        plan.shape = self._subject(plan, root)
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

    def _subject(self, plan: RootPlan, root: Selected) -> Shape:
        profile = self.catalog.profile(plan.kind)
        tree = field_tree(profile)
        asked = any(child.name in tree for child in root.children)
        slot = self._slot(plan, profile, 1, 1, None) if asked and self._opens(profile) else None
        entries: list[tuple[str, Shape]] = []
        for child in root.children:
            path = f"{plan.key}.{child.key}"
            if child.name == "__typename":
                entries.append((child.key, _constant(TYPE_OF_KIND[plan.kind])))
            elif child.name == "id":
                entries.append((child.key, lambda s: s.subject))
            elif child.name == "kind":
                entries.append((child.key, _constant(plan.kind.value)))
            elif child.name == "predicates":
                entries.append((child.key, self._questions(plan, child, path)))
            elif child.name in _DOMAINS:
                entries.append((child.key, self._domain(plan, Domain(child.name), child, path)))
            else:
                shown = Shown() if slot is None else plan.slots[slot].needs
                leaf = self._value(plan, tree[child.name], child, path, shown)
                entries.append((child.key, _of_profile(slot, as_function(leaf))))
        return _object(entries)

    def _questions(self, plan: RootPlan, node: Selected, path: str) -> Shape:
        asked = node.arguments["ask"]
        if len(asked) > MOST_QUESTIONS:
            raise InputError(
                f"At most {MOST_QUESTIONS} questions can be asked at once.",
                hint="Ask the others in another request.",
                message_zh=f"一次最多提出 {MOST_QUESTIONS} 个问题。",
            )
        shapes = [self._question(plan, node, one, f"{path}.{number}") for number, one in enumerate(asked)]
        return lambda shaping: [shape(shaping) for shape in shapes]

    def _question(self, plan: RootPlan, node: Selected, asked: Mapping[str, Any], path: str) -> Shape:
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

    def _domain(self, plan: RootPlan, domain: Domain, node: Selected, path: str) -> Shape:
        datasets = {d.field_name: d for d in self.catalog if d.domain is domain and not d.profile}
        entries: list[tuple[str, Shape]] = []
        for child in node.children:
            if child.name == "__typename":
                entries.append((child.key, _constant(node.type_name)))
            else:
                entries.append(
                    (child.key, self._list(plan, datasets[child.name], child, f"{path}.{child.key}"))
                )
        return _object(entries)

    def _list(self, plan: RootPlan, dataset: Dataset, node: Selected, path: str) -> Shape:
        asked = node.arguments.get("first")
        limit = DEFAULT_PAGE if asked is None else asked
        if not 0 <= limit <= self.max_page:
            raise InputError(
                f"`first` must lie between 0 and {self.max_page}.",
                hint="Page with `after` for more.",
                message_zh=f"first 必须在 0 到 {self.max_page} 之间。",
            )
        if plan.kind not in dataset.subjects:
            return _Connection(node, -1, 0, False, self._nothing).shape
        if not self._opens(dataset):
            self._closed(plan, dataset, path)
            return _constant(None)
        looks_ahead = any(child.name == "pageInfo" for child in node.children)
        index = self._slot(plan, dataset, limit + looks_ahead, limit, node.arguments.get("after"))
        shown = plan.slots[index].needs

        def record_shape(child: Selected, where: str) -> RowFunction:
            return self._record(plan, dataset, child, f"{path}.{where}", shown)

        return _Connection(node, index, limit, plan.slots[index].dated, record_shape).shape

    @staticmethod
    def _nothing(_node: Selected, _where: str) -> RowFunction:
        return lambda _row: None

    def _record(
        self, plan: RootPlan, dataset: Dataset, node: Selected, path: str, shown: Shown
    ) -> RowFunction:
        tree = field_tree(dataset)
        entries: list[tuple[str, Leaf]] = []
        for child in node.children:
            if child.name == "__typename":
                entries.append((child.key, _constant(dataset.type_name)))
            elif child.name == "id":
                entries.append((child.key, lambda row: "rec_" + row.record_id.hex()))
            else:
                entries.append(
                    (child.key, self._value(plan, tree[child.name], child, f"{path}.{child.key}", shown))
                )
        return build_object(entries)

    def _value(self, plan: RootPlan, item: Any, node: Selected, path: str, shown: Shown) -> Leaf:
        """A field, or an object that groups several."""
        if not isinstance(item, Field):
            entries: list[tuple[str, Leaf]] = []
            for child in node.children:
                if child.name == "__typename":
                    entries.append((child.key, _constant(node.type_name)))
                else:
                    entries.append(
                        (child.key, self._value(plan, item[child.name], child, f"{path}.{child.key}", shown))
                    )
            return build_object(entries)
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

    def _slot(self, plan: RootPlan, dataset: Dataset, limit: int, shown: int, after: str | None) -> int:
        dated = (
            not dataset.profile and self.decide(dataset.by_name[dataset.event_date]).outcome is Outcome.CLEAR
        )
        ranged = not dataset.profile and dataset.nature is not Nature.BASIC
        position = decode_cursor(after, dated=dated) if after is not None else Position()
        plan.slots.append(Slot(dataset.id, limit, shown, position, dated, ranged))
        return len(plan.slots) - 1


class _Connection:
    """Shape of a list: nodes, edges and page info over the rows of one slot."""

    def __init__(
        self,
        node: Selected,
        slot: int,
        limit: int,
        dated: bool,
        record_shape: Callable[[Selected, str], RowFunction],
    ) -> None:
        self._slot = slot
        self._limit = limit
        self._dated = dated
        self._entries: list[tuple[str, Callable[[list[Row], bool], Any]]] = []
        for child in node.children:
            if child.name == "nodes":
                shape = record_shape(child, child.key)
                self._entries.append((child.key, lambda rows, _more, shape=shape: [shape(r) for r in rows]))  # type: ignore[misc]
            elif child.name == "edges":
                self._entries.append((child.key, self._edges(child, record_shape)))
            elif child.name == "pageInfo":
                self._entries.append((child.key, self._page_info(child)))
            else:
                self._entries.append((child.key, lambda _rows, _more, name=node.type_name: name))  # type: ignore[misc]

    def shape(self, shaping: Shaping) -> dict[str, Any]:
        found = shaping.rows[self._slot] if self._slot >= 0 else []
        rows, more = found[: self._limit], len(found) > self._limit
        return {key: build(rows, more) for key, build in self._entries}

    def _cursor(self, row: Row) -> str:
        return encode_cursor(Position(row.event_date, row.record_id), dated=self._dated)

    def _edges(
        self, node: Selected, record_shape: Callable[[Selected, str], RowFunction]
    ) -> Callable[[list[Row], bool], Any]:
        entries: list[tuple[str, Leaf]] = []
        for child in node.children:
            if child.name == "cursor":
                entries.append((child.key, self._cursor))
            elif child.name == "node":
                entries.append((child.key, record_shape(child, f"{node.key}.{child.key}")))
            else:
                entries.append((child.key, _constant(node.type_name)))
        shape = build_object(entries)
        return lambda rows, _more: [shape(r) for r in rows]

    def _page_info(self, node: Selected) -> Callable[[list[Row], bool], Any]:
        values: Mapping[str, Callable[[list[Row], bool], Any]] = {
            "hasNextPage": lambda _rows, more: more,
            "hasPreviousPage": lambda _rows, _more: False,
            "startCursor": lambda rows, _more: self._cursor(rows[0]) if rows else None,
            "endCursor": lambda rows, _more: self._cursor(rows[-1]) if rows else None,
            "__typename": lambda _rows, _more: node.type_name,
        }
        entries = [(c.key, values[c.name]) for c in node.children]
        return lambda rows, more: {key: build(rows, more) for key, build in entries}


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


def _constant(value: Any) -> Callable[[Any], Any]:
    return lambda _: value


def _object(entries: list[tuple[str, Callable[[Any], Any]]]) -> Callable[[Any], dict[str, Any]]:
    return lambda source: {key: build(source) for key, build in entries}


def _of_profile(slot: int | None, leaf: RowFunction) -> Shape:
    """A profile field: read from the profile's one row; null (or an object of nulls) without one."""
    if slot is None:
        return _constant(None)

    def shape(shaping: Shaping) -> Any:
        rows = shaping.rows[slot]
        return leaf(rows[0]) if rows else None

    return shape
