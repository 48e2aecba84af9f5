"""What callers are called: by the registers, never by a person's name, and by their code where no register knows them."""

from __future__ import annotations

import asyncio

from hub.audit.callers import CallerNames, read_names
from hub.catalog.types import Label
from hub.store.database import Database

from .audit_world import ACME, administrator
from .test_ledger import catalog

BANK, UNIT = "91460000DEM00001XX", "11460000DEM800011T"
CLIENTS = """
INSERT INTO client (client_id, name_zh, name_en, roles, institution, subject_id, purposes, jwks, status, demo, ad_hoc, created_at, act, mac)
VALUES
  ('bank-app', '示范银行手机银行', 'Bank app', '{{bank}}', '{bank}', NULL, '{{}}', '{{}}', 'DISABLED', true, true, '2026-02-01', 0, ''),
  ('bank', '示范银行', 'Bank', '{{bank}}', '{bank}', NULL, '{{}}', '{{}}', 'ACTIVE', true, true, '2026-01-01', 0, ''),
  ('company', '某某公司', 'Some company', '{{subject}}', '{bank}', '\\x{acme}', '{{}}', '{{}}', 'ACTIVE', true, true, '2025-01-01', 0, ''),
  ('mother', '王小红', 'Wang Xiaohong', '{{guardian}}', '{bank}', '\\x{acme}', '{{}}', '{{}}', 'ACTIVE', true, true, '2025-01-01', 0, '')
"""


def test_each_caller_has_the_name_of_the_registers(database_url: str) -> None:
    async def scenario() -> CallerNames:
        await administrator(database_url, CLIENTS.format(bank=BANK, acme=ACME.hex()))
        database = await Database.open(database_url, pool_size=1)
        try:
            callers = ["bank", "bank-app", "company", "mother", "gone"]
            return await read_names(database, callers, {BANK, UNIT}, catalog().units)
        finally:
            await database.close()

    names = asyncio.run(scenario())
    assert names.of("bank", BANK) == Label("示范银行", "Bank")
    assert names.of("bank-app", BANK).zh == "示范银行手机银行"
    assert names.of("company", BANK).zh == "本人（本单位）"
    assert names.of("mother", BANK) == Label("监护人", "the guardian")
    assert names.of("gone", BANK).zh == "示范银行", (
        "the oldest client of the institution that acts for no subject"
    )
    assert names.of("bank", "91460000DEM00009XX").zh == "91460000DEM00009XX", "registered elsewhere since"
    assert names.of("gone", UNIT) == next(unit.title for unit in catalog().units if unit.includes(UNIT))
    assert names.of("gone") == Label("gone", "gone")
    assert names.of("cli:root").zh == "平台运维人员"
    assert names.of("").zh == "未能识别的调用方"
