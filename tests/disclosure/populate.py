"""Fills two paired worlds for a caller: records, consents, tokens, and what other institutions did in one of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from graphql import GraphQLSchema
from world import COMPANY, ISSUER, NOW, World

from hub import app
from hub.api.schema import core
from hub.catalog.types import Catalog, FieldType, SubjectKind
from hub.demo import story_facts as facts
from hub.demo.record import DemoRecord
from hub.identity.assertion import request_token
from hub.identity.clients import Client
from hub.keys.jwk import generate_client_key

from .askers import PERSON, RANGE_FROM, Asker
from .beside import emergency, even_logs, grant, other_institutions, unseen
from .common_records import SECOND, pieces, shadows
from .curious import Reach
from .gate_world import TODAY, load
from .paired import Pair, open_pair
from .reach import CHILD, SHADOW, SHADOW_PERSON, UNKNOWN, UNKNOWN_PERSON, UNTOLD, cursors_of, reach_of
from .sight import Piece, Sight
from .variation import Variation


@dataclass(frozen=True)
class Prepared:
    """Two filled databases and what it takes to ask about them."""

    asker: Asker
    urls: tuple[str, str]
    folder: Path
    policies: Path
    tokens: tuple[list[str], list[str]]
    names: dict[str, str]
    schema: GraphQLSchema
    reach: Reach
    varied: Counter[str]


async def prepare(
    asker: Asker,
    urls: tuple[str, str],
    folder: Path,
    policies: Path,
    patch: pytest.MonkeyPatch,
    seed: int = 1,
) -> Prepared:
    """Fill two empty databases with worlds that differ in what the caller may not see, and in nothing else."""
    async with open_pair(urls, folder, policies, patch) as pair:
        hub = pair.worlds[0].hub
        sight, rng = Sight(hub.rules, asker, hub.indexer, TODAY), Random(seed)
        mine = pieces(sight, rng)
        variation = Variation(sight, rng)
        theirs = variation.other(mine)
        pair.name_records(variation.renamed, variation.redated)
        others = [
            replace(p, record=p.record._replace(identifier=UNTOLD))
            for p in mine
            if p.record.identifier == SECOND
        ]
        far = _elsewhere(mine) if asker.role == "county_tenant" else []
        await _store(pair.worlds[0], [*mine, *others, *(far or shadows(sight, SHADOW, SHADOW_PERSON))])
        await _store(pair.worlds[1], [*theirs, *others[::2]], former=1)
        for world in pair.worlds:
            await _settle(world)
        await unseen(pair.worlds[1])
        await _mark(pair.worlds[1], sight)
        clients = await _clients(pair, asker)
        consents = [await _consents(world, asker) for world in pair.worlds]
        pair.names.update(zip(consents[1].values(), consents[0].values(), strict=True))
        await other_institutions(pair.worlds[1])
        await even_logs(pair.worlds)
        first, second = [
            await _tokens(world, asker, clients, granted)
            for world, granted in zip(pair.worlds, consents, strict=True)
        ]
        schema = core(app.build_schema(hub.rules.catalog, hub.rules.policy.questionnaire.predicates))
        return Prepared(
            asker,
            urls,
            folder,
            policies,
            (first, second),
            pair.names,
            schema,
            reach_of(sight, cursors_of(sight, mine)),
            variation.varied,
        )


def _elsewhere(found: Sequence[Piece]) -> list[Piece]:
    """All that there is of the company and the person, once more, of two who belong to another county."""
    twins = {COMPANY: SHADOW, facts.PERSON_ID: SHADOW_PERSON}
    return [
        replace(p, record=p.record._replace(identifier=twins[p.record.identifier]))
        for p in found
        if p.record.identifier in twins
    ]


async def _settle(world: World) -> None:
    """Give every subject a division: that of the county which asks, but to the shadows another one."""
    ids = [world.hub.indexer.subject_id(k, i) for k, i in (("ORG", SHADOW), ("PERSON", SHADOW_PERSON))]
    async with world.hub.database.connection() as connection:
        await connection.execute(
            "UPDATE subject SET division_code = CASE WHEN subject_id = ANY($1) THEN '469005' ELSE '460106' END",
            ids,
        )


async def _store(world: World, found: Sequence[Piece], former: int = 0) -> None:
    """Store pieces as intake would, versions before them first."""
    catalog = world.hub.rules.catalog
    for version in range(2, -1, -1):
        await load(
            world, [_earlier(catalog, p.record, version) for p in found if version < p.former + former]
        )
    await load(world, [piece.record for piece in found])
    sight = Sight(world.hub.rules, Asker("", "", "", ""), world.hub.indexer, TODAY)
    hidden = [
        (
            world.hub.indexer.subject_id(p.record.kind, p.record.identifier),
            p.record.dataset,
            sight.key(p).record_id,
            p.state,
            TODAY if p.expired else None,
        )
        for p in found
        if p.state != "VALID" or p.expired
    ]
    async with world.hub.database.connection() as connection:
        await connection.executemany(
            "UPDATE record SET state = $4, visible_until = coalesce($5, visible_until)"
            " WHERE subject_id = $1 AND dataset = $2 AND record_id = $3",
            hidden,
        )


_MARKED = '[{"id":"m_1","kind":"DISPUTED","since":"2026-11-01"}]'


async def _mark(world: World, sight: Sight) -> None:
    """Mark every record that the caller may not see, in the second world only."""
    closed = [
        (kind, dataset.id)
        for dataset in sight.catalog
        for kind in SubjectKind
        if kind in dataset.subjects and not sight.opens(kind, dataset)
    ]
    hidden = """UPDATE record r SET marks = $1 FROM subject s WHERE s.subject_id = r.subject_id AND (
        r.state <> 'VALID' OR r.visible_until <= $2
        OR (s.kind, r.dataset) IN (SELECT * FROM unnest($3::text[], $4::text[])))"""
    async with world.hub.database.connection() as connection:
        await connection.execute(
            hidden, _MARKED, TODAY, [str(kind) for kind, _ in closed], [name for _, name in closed]
        )


def _earlier(catalog: Catalog, record: DemoRecord, version: int) -> DemoRecord:
    """What the record said before it was corrected; its key is the same."""
    dataset, values = catalog.datasets[record.dataset], dict(record.values)
    for name, value in record.values.items():
        kind = dataset.by_name[name].type
        if name in dataset.natural_key:
            continue
        if kind is FieldType.TEXT:
            values[name] = f"{value}旧{version}"
        elif kind is FieldType.MONEY and isinstance(value, int):
            values[name] = value + version + 1
    return record._replace(values=values)


async def _consents(world: World, asker: Asker) -> dict[str, str]:
    """Ids of consents or emergency grants by identifier of the subject."""
    found: dict[str, str] = {}
    if asker.emergency:
        return {
            identifier: await emergency(world, kind, identifier, asker.institution, asker.purpose)
            for identifier, kind in (
                (COMPANY, SubjectKind.ORG), (SECOND, SubjectKind.ORG), (facts.PERSON_ID, PERSON),
                (SHADOW, SubjectKind.ORG), (UNKNOWN, SubjectKind.ORG), (SHADOW_PERSON, PERSON),
            )
        }  # fmt: skip
    if not asker.consent:
        return found
    for identifier in (COMPANY, SECOND, facts.PERSON_ID):
        kind = PERSON if identifier == facts.PERSON_ID else SubjectKind.ORG
        if kind in asker.kinds:
            items = asker.items.get(kind, {})
            found[identifier] = await grant(
                world, kind, identifier, asker.institution, asker.purpose,
                datasets=tuple(items), fields=items, range_from=RANGE_FROM, range_to=asker.range_to,
            )  # fmt: skip
    return found


async def _clients(pair: Pair, asker: Asker) -> list[tuple[Mapping[str, Any], Client, str]]:
    """The caller's clients with their private keys, registered in both worlds."""
    found = []
    for kind, own in (asker.acts_for or {SubjectKind.ORG: ""}).items():
        private, public = generate_client_key()
        subject_id = pair.worlds[0].hub.indexer.subject_id(kind, own) if own else None
        client = Client(
            f"{asker.client}-{kind}", "演示", "Paired", (asker.role,), asker.institution, (asker.purpose,),
            {"keys": [public]}, subject_id, demo=True, ad_hoc=True,
        )  # fmt: skip
        for world in pair.worlds:
            await world.register(client)
        found.append((private, client, own))
    return found


async def _tokens(
    world: World,
    asker: Asker,
    clients: Sequence[tuple[Mapping[str, Any], Client, str]],
    consents: Mapping[str, str],
) -> list[str]:
    """A token of each client."""
    found = []
    for private, client, own in clients:
        answer = await request_token(
            world.http, f"{ISSUER}/oauth/token", unsafe_private_jwk=private, client_id=client.client_id,
            issuer=ISSUER, details=[_details(asker, own, consents)], now=NOW,
        )  # fmt: skip
        found.append(str(answer["access_token"]))
    return found


def _details(asker: Asker, own: str, consents: Mapping[str, str]) -> dict[str, Any]:
    subjects = (
        [own]
        if own
        else [COMPANY, SECOND, facts.PERSON_ID, SHADOW, UNKNOWN, SHADOW_PERSON, UNKNOWN_PERSON, CHILD]
    )
    details: dict[str, Any] = {"type": "credit_disclosure", "purpose": asker.purpose, "subjects": subjects}
    if asker.emergency:
        details["reference"] = "急2026-演7"
    if asker.consent or asker.emergency:
        details["consents"] = [consents.get(identifier) for identifier in subjects]
    if asker.matter:
        details |= {"matter": asker.matter, "reference": "演2026-118"}
    return details
