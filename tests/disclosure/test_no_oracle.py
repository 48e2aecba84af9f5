"""Two worlds that differ only in what the caller may not see give the same bytes for the same work.

A pair of worlds shares key ring, policy and clock. World B differs from A in every withheld field (value and
length, also absent), and in the number of records of datasets that are withheld as a whole. The same documents
go to both; answers, errors, SQL statements and openings of ciphertext must be the same. Two planted oracles show
that the harness would notice.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from world import COMPANY, World, open_world

from hub.catalog.types import Field, FieldType, SubjectKind
from hub.demo import story_facts as facts
from hub.demo.record import DemoRecord
from hub.disclosure import plan as plan_module
from hub.disclosure.leaves import build_leaf
from hub.disclosure.rows import Shown
from hub.disclosure.selection import Selected
from hub.disclosure.shapes import Changed
from hub.model.outcome import Outcome

from .documents import Written, write
from .gate_world import DOCUMENTS, Counts, closed, counted, hidden_fields, load, story

_RANDOM_OF_RECEIPT = ("id", "commitment")


def normal(answer: dict[str, Any], consent: str) -> str:
    """The answer without what is random in its receipt."""
    receipt = answer["extensions"].pop("receipt")
    entry = json.loads(receipt["entry"])
    for name in _RANDOM_OF_RECEIPT:
        entry.pop(name)
    answer["entry"] = entry
    answer["size"] = receipt["treeSize"]
    return json.dumps(answer, ensure_ascii=False).replace(consent, "c_")


def _other(item: Field, value: Any) -> Any:
    """Another value of the field's type, of another length where it has one."""
    if item.type is FieldType.TEXT:
        return str(value)[:-1] if len(str(value)) > 3 else f"{value}改"
    if item.type in (FieldType.MONEY, FieldType.INTEGER):
        return int(value) + 13_570_000
    if item.type is FieldType.BOOLEAN:
        return not value
    return value


def altered(world: World, records: Iterable[DemoRecord], purpose: str, role: str) -> list[DemoRecord]:
    """The records of world B."""
    catalog = world.hub.rules.catalog
    found: list[DemoRecord] = []
    changed = 0
    for number, record in enumerate(records):
        dataset = catalog.datasets[record.dataset]
        hidden = hidden_fields(world, role, purpose, record.kind)
        if closed(dataset, hidden):
            changed += 1
            if number % 2:
                continue  # the record does not exist in world B
        values = dict(record.values)
        for name in hidden.get(dataset.id, ()):
            item = dataset.by_name[name]
            if name not in values or name in dataset.natural_key or name == dataset.event_date or item.role:
                continue
            changed += 1
            if item.required == "Y" or number % 3:
                values[name] = _other(item, values[name])
            else:
                del values[name]
        found.append(record._replace(values=values))
    assert changed > 20
    return found


async def _play(
    url: str, folder: Path, counts: Counts, documents: list[Written], change: Callable[[World, Any], Any] | None,
    client: str, purpose: str,
) -> list[tuple[str, tuple[int, int]]]:  # fmt: skip
    async with open_world(url, folder, pool_size=2) as world:
        records = [r for r in story() if r.identifier in (COMPANY, facts.PERSON_ID)]
        await load(world, change(world, records) if change else records)
        found = []
        for number, document in enumerate(documents):
            if number % 6 == 0:
                consent = await world.consent() if client.startswith("bank") else "-"
                more = {"consent": consent} if consent != "-" else {"matter": "SV-GRADED"}
                token = await world.token(client, purpose, **more)
            counts.take()
            answer = await world.ask(token, document.text, document.variables)
            found.append((normal(answer, consent), counts.take()))
        return found


def _pair(
    urls: tuple[str, str], folder: Path, patch: pytest.MonkeyPatch, *, client: str, purpose: str, role: str,
    number: int = DOCUMENTS,
) -> list[str]:  # fmt: skip
    """The documents whose answers or work differ."""
    from hub.api.schema import build_schema, core
    from hub.app import load_rules
    from hub.config import Settings

    rules = load_rules(Settings(demo=True))
    schema = core(build_schema(rules.catalog, rules.policy.questionnaire.predicates))
    documents = [write(schema, 50_000 + seed, COMPANY) for seed in range(number)]

    def change(world: World, records: list[DemoRecord]) -> list[DemoRecord]:
        return altered(world, records, purpose, role)

    with counted(patch) as counts:
        first = asyncio.run(_play(urls[0], folder, counts, documents, None, client, purpose))
        second = asyncio.run(_play(urls[1], folder, counts, documents, change, client, purpose))
    assert any('"data"' in text and '"name"' in text for text, _ in first)
    assert sum(work[1] for _, work in first) > 0
    return [_difference(d, a, b) for d, a, b in zip(documents, first, second, strict=True) if a != b]


def _difference(document: Written, one: tuple[str, Any], other: tuple[str, Any]) -> str:
    """Where two answers part."""
    at = next((i for i, (x, y) in enumerate(zip(one[0], other[0], strict=False)) if x != y), -1)
    a, b = (text[max(0, at - 200) : at + 100] if at >= 0 else "same" for text in (one[0], other[0]))
    return f"{document.text[:200]}\n A {one[1]} {a}\n B {other[1]} {b}"


def test_hidden_values_change_neither_the_bytes_nor_the_work_of_a_bank(
    two_database_urls: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = _pair(
        two_database_urls, tmp_path, monkeypatch, client="bank-hkb", purpose="LOAN_APPLICATION", role="bank"
    )
    assert not found, f"{len(found)} differ\n" + "\n".join(found[:4])


def test_hidden_values_change_neither_the_bytes_nor_the_work_of_a_department(
    two_database_urls: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = _pair(
        two_database_urls, tmp_path, monkeypatch, client="dept-amr", purpose="GOV_SUPERVISION",
        role="department", number=DOCUMENTS // 2,
    )  # fmt: skip
    assert not found, f"{len(found)} differ\n" + "\n".join(found[:4])


def _leaky(item: Field, kind: SubjectKind, outcome: Outcome, selected: Selected, shown: Shown) -> Any:
    """A leaf that shows how long a withheld value is."""
    if outcome >= Outcome.MASKED or item.is_sealed(kind):
        return build_leaf(item, kind, outcome, selected, shown)
    return Changed(shown.place(item.name, sealed=False), lambda value: len(str(value)))


def _eager(item: Field, kind: SubjectKind, outcome: Outcome, selected: Selected, shown: Shown) -> Any:
    """A leaf that opens a withheld value and throws it away."""
    if outcome >= Outcome.MASKED or not item.is_sealed(kind):
        return build_leaf(item, kind, outcome, selected, shown)
    return Changed(shown.place(item.name, sealed=True), lambda _value: None)


@pytest.mark.parametrize(
    ("oracle", "what"),
    [(_leaky, "length in the answer"), (_eager, "openings of ciphertext")],
    ids=["length", "work"],
)
def test_the_harness_finds_a_planted_oracle(
    oracle: Any,
    what: str,
    two_database_urls: tuple[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(plan_module, "build_leaf", oracle)
    found = _pair(
        two_database_urls,
        tmp_path,
        monkeypatch,
        client="bank-hkb",
        purpose="LOAN_APPLICATION",
        role="bank",
        number=36,
    )
    assert found, what
