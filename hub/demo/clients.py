"""The clients of the demo: who they are, what they may ask for, and where their private keys lie."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import asyncpg
import orjson

from hub.audit.entry import Entry, EntryOutcome, Kind
from hub.audit.log import AuditLog
from hub.demo import story_facts as facts
from hub.errors import InputError
from hub.identity.clients import Act, Client, ClientRegistry, Enter
from hub.keys.index import Indexer
from hub.keys.jwk import generate_client_key
from hub.model.countries import MAINLAND

_BANK = ("LOAN_APPLICATION", "LOAN_REVIEW_POST", "GUARANTEE", "RENEWAL")
_DEPARTMENT = (
    "GOV_APPROVAL", "GOV_SUPERVISION", "GOV_FUNDING", "PUBLIC_RESOURCE_TRADING", "DATA_SUPPLY", "EMERGENCY",
)  # fmt: skip


@dataclass(frozen=True)
class DemoClient:
    """One client of the demo."""

    client_id: str
    name_zh: str
    name_en: str
    roles: tuple[str, ...]
    institution: str
    purposes: tuple[str, ...]
    acts_for: tuple[str, str] | None = None
    """Kind and identifier of the subject that the client is or acts for."""
    country: str = MAINLAND
    """ISO 3166-1 alpha-2."""


DEMO_CLIENTS: tuple[DemoClient, ...] = (
    DemoClient(
        "bank-hkb", "海口示范银行（演示）", "Haikou Demonstration Bank", ("bank",), facts.BANK_HKB, _BANK
    ),
    DemoClient(
        "bank-qzb", "琼州示范银行（演示）", "Qiongzhou Demonstration Bank", ("bank",), facts.BANK_QZB, _BANK
    ),
    DemoClient(
        "dept-amr", "海南省市场监督管理局（演示）", "Administration for Market Regulation",
        ("department", "source_unit"), facts.DEPT_AMR, _DEPARTMENT,
    ),
    DemoClient(
        "dept-tax", "国家税务总局海南省税务局（演示）", "Hainan Tax Service",
        ("department", "source_unit"), facts.DEPT_TAX, _DEPARTMENT,
    ),
    DemoClient(
        "officer-privacy", "隐私专员（演示）", "Privacy officer", ("officer",), facts.OFFICER,
        ("AUDIT_REVIEW", "EMERGENCY_REVIEW"),
    ),
    DemoClient(
        "operator-main", "平台运维（演示）", "Platform operator", ("operator",), facts.OPERATOR, ("OPERATION",)
    ),
    DemoClient(
        "subject-org", facts.COMPANY_NAME, "The company of the story", ("subject",), facts.COMPANY_USCC,
        ("SELF_QUERY",), ("ORG", facts.COMPANY_USCC),
    ),
    DemoClient(
        "subject-person", f"{facts.PERSON_NAME}（演示）", "The legal representative of the story", ("subject",),
        facts.COMPANY_USCC, ("SELF_QUERY",), ("PERSON", facts.PERSON_ID),
    ),
)  # fmt: skip


async def register_demo_clients(
    registry: ClientRegistry, indexer: Indexer, folder: Path, now: datetime, enters: Callable[[Client], Enter]
) -> None:
    """Register every demo client that is not as it should be.

    Args:
        registry: of the demo's database.
        indexer: makes pseudonyms of whom clients act for.
        folder: their keys, made on first use (mode 0700, files 0600).
        now: the instant.
        enters: gives what appends the entry of a registration, see `registrations`.
    """
    keys = _public_keys(folder)
    for demo in DEMO_CLIENTS:
        subject_id = indexer.subject_id(*demo.acts_for) if demo.acts_for else None
        client = Client(
            demo.client_id, demo.name_zh, demo.name_en, demo.roles, demo.institution, demo.purposes,
            {"keys": [keys[demo.client_id]]}, subject_id, demo=True, ad_hoc=True, country=demo.country,
        )  # fmt: skip
        if registry.get(demo.client_id) != client:
            await registry.register(client, now, enters(client))


def registrations(log: AuditLog, now: datetime) -> Callable[[Client], Enter]:
    """What appends the entries of registrations by the demo."""
    return lambda client: _enters(log, client, now)


def _enters(log: AuditLog, client: Client, now: datetime) -> Enter:

    async def enter(connection: asyncpg.Connection, done: Act) -> None:
        detail = {"client": client.client_id, "roles": list(client.roles), "purposes": list(client.purposes)}
        entry = Entry(
            done.entry_id, now, Kind.ADMIN, EntryOutcome.DONE, "demo", purpose="OPERATION",
            operation="client.register", detail={**detail, "state": done.state},
        )  # fmt: skip
        await log.append_in(connection, [entry])

    return enter


def unsafe_demo_key(folder: Path, client_id: str) -> Mapping[str, Any]:
    """The private key of a demo client.

    Raises:
        InputError: when there is no such demo client here.
    """
    path = folder / f"{client_id}.jwk"
    if client_id not in {c.client_id for c in DEMO_CLIENTS} or not path.exists():
        names = ", ".join(c.client_id for c in DEMO_CLIENTS)
        raise InputError(
            f"There is no demo client {client_id!r} here.",
            hint=f"Run `hub demo` first; the clients are {names}.",
        )
    pair: dict[str, dict[str, Any]] = orjson.loads(path.read_bytes())
    return pair["private"]


def _public_keys(folder: Path) -> dict[str, Mapping[str, Any]]:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return {c.client_id: _public_key(folder / f"{c.client_id}.jwk") for c in DEMO_CLIENTS}


def _public_key(path: Path) -> Mapping[str, Any]:
    if not path.exists():
        private, public = generate_client_key()
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(orjson.dumps({"private": private, "public": public}))
    pair: dict[str, dict[str, Any]] = orjson.loads(path.read_bytes())
    return pair["public"]
