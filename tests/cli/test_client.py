from __future__ import annotations

import asyncio
import json

import pytest

from hub.demo import story_facts
from hub.keys.jwk import generate_client_key
from hub.store.database import Database

from .conftest import Shell

GOOD = {
    "--name-zh": "某某银行（演示）", "--institution": story_facts.BANK_HKB, "--role": "bank",
    "--purpose": "LOAN_APPLICATION",
}  # fmt: skip


def add(shell: Shell, *, private: bool = False, **changes: str) -> int:
    secret, public = generate_client_key()
    file = shell.folder / "jwks.json"
    file.write_text(json.dumps({"keys": [secret if private else public]}), encoding="utf-8")
    options = GOOD | {f"--{name.replace('_', '-')}": value for name, value in changes.items()}
    flat = [part for pair in options.items() for part in pair]
    return shell("client", "add", "bank-new", "--jwks", str(file), *flat).code


def test_a_client_is_added_listed_and_disabled_and_each_act_is_recorded(shell: Shell) -> None:
    assert add(shell) == 0
    assert "bank-new" in shell.done("client", "list")
    shell.done("client", "disable", "bank-new")
    assert "DISABLED" in shell.done("client", "list")
    entries = shell.done("audit", "list", "--json", "--kind", "ADMIN")
    assert "client.register" in entries
    assert "client.disable" in entries


def test_a_client_is_replaced_only_when_that_is_asked_for(shell: Shell) -> None:
    assert add(shell) == 0
    assert add(shell) == 2


def test_a_client_sends_text_of_its_own_only_when_it_was_registered_for_it(shell: Shell) -> None:
    assert add(shell) == 0
    assert shell.count("client WHERE client_id = 'bank-new' AND ad_hoc") == 0
    jwks = ["--jwks", str(shell.folder / "jwks.json"), "--ad-hoc", "--replace"]
    shell.done("client", "add", "bank-new", *jwks, *[part for pair in GOOD.items() for part in pair])
    assert shell.count("client WHERE client_id = 'bank-new' AND ad_hoc") == 1


async def as_administrator(shell: Shell, statement: str) -> None:
    database = await Database.open(shell.database_url, pool_size=1)
    async with database.connection() as connection:
        await connection.execute(statement)
    await database.close()


def tamper(shell: Shell, statement: str) -> None:
    asyncio.run(as_administrator(shell, statement))


def entered(shell: Shell) -> None:
    """Only clients that were registered at the command line; those of the shell were not entered into its log."""
    tamper(shell, "DELETE FROM client")
    assert add(shell) == 0


def test_the_register_is_held_to_the_log_and_the_reading_is_recorded(shell: Shell) -> None:
    entered(shell)
    shell.done("client", "disable", "bank-new")
    assert "All 1 clients" in shell.done("client", "check")
    assert '"client.check"' in shell.done("audit", "list", "--json")


TAMPERED = {
    "UPDATE client SET roles = '{regulator}'": "CHANGED",
    "DELETE FROM client": "GONE",
    "UPDATE client SET client_id = 'bank-mine'": "ADDED",
}


@pytest.mark.parametrize("statement", TAMPERED)
def test_what_was_altered_in_the_database_is_named_with_exit_code_1_and_by_the_daily_jobs(
    shell: Shell, statement: str
) -> None:
    entered(shell)
    tamper(shell, statement)
    ran = shell("client", "check")
    assert ran.code == 1
    assert TAMPERED[statement] in ran.out
    (line,) = [x for x in shell.done("jobs").splitlines() if "client check" in x]
    assert f"bank-new {TAMPERED[statement]}" in line or "bank-mine ADDED" in line


def test_a_disabled_client_whose_old_row_was_put_back_is_named_and_registered_again(shell: Shell) -> None:
    entered(shell)
    tamper(shell, "CREATE TABLE kept AS SELECT * FROM client")
    shell.done("client", "disable", "bank-new")
    tamper(shell, "DELETE FROM client; INSERT INTO client SELECT * FROM kept")
    assert "SET_BACK" in shell("client", "check").out
    assert add(shell) == 2, "it is there, so it is replaced and not added"
    flat = [part for pair in GOOD.items() for part in pair]
    again = ["client", "add", "bank-new", "--jwks", str(shell.folder / "jwks.json"), "--replace", *flat]
    assert shell(*again).code == 2, "where it is was altered, too, for all that is known"
    shell.done(*again, "--country", "CN")
    assert "✓" in shell.done("client", "check")


def test_an_altered_client_is_not_disabled_because_that_would_seal_what_was_altered(shell: Shell) -> None:
    entered(shell)
    tamper(shell, "UPDATE client SET institution = '91460000DEM00102X8'")
    before = shell.count("log_entry")
    ran = shell("client", "disable", "bank-new")
    assert ran.code == 2
    assert "altered" in ran.err
    assert shell.count("log_entry") == before


def test_check_before_serving_names_altered_clients(shell: Shell) -> None:
    tamper(shell, "UPDATE client SET country = 'SG' WHERE client_id = 'bank-hkb'")
    ran = shell("check")
    assert ran.code == 1
    assert "not as the hub registered them: bank-hkb." in ran.out


def test_a_consent_is_not_granted_to_an_institution_whose_row_was_altered(shell: Shell) -> None:
    shell.ingest(shell.penalties())
    assert shell.grant().code == 0
    tamper(shell, "UPDATE client SET name_zh = '别家银行（演示）' WHERE client_id = 'bank-hkb'")
    assert shell.grant().code == 2
    assert shell.count("consent") == 1


REFUSED = {
    "with its private key": {"private": True},
    "with an unknown role": {"role": "bnk"},
    "with a purpose its role may not hold": {"purpose": "GOV_APPROVAL"},
    "with a code that is no USCC": {"institution": "1234"},
}


@pytest.mark.parametrize("changes", REFUSED.values(), ids=REFUSED)
def test_a_client_is_refused_and_nothing_is_stored(shell: Shell, changes: dict[str, str]) -> None:
    before = shell.count("client"), shell.count("log_entry")
    assert add(shell, **changes) == 2  # type: ignore[arg-type]
    assert (shell.count("client"), shell.count("log_entry")) == before


def test_an_unknown_client_cannot_be_disabled(shell: Shell) -> None:
    ran = shell("client", "disable", "bank-hkc")
    assert ran.code == 2
    assert "bank-hkb" in ran.err


ABROAD = {
    "country": "hk",
    "permit": "STANDARD_CONTRACT",
    "permit_number": "演1号",
    "permit_until": "2027-12-31",
}


def test_a_client_abroad_is_registered_with_its_permit_and_the_entry_says_so(shell: Shell) -> None:
    assert add(shell, **ABROAD) == 0  # type: ignore[arg-type]
    assert shell.count("client WHERE country = 'HK' AND permit_until = '2027-12-31'") == 1
    assert "HK" in shell.done("client", "list")
    (line,) = [x for x in shell.done("audit", "list", "--json").splitlines() if "client.register" in x]
    detail = json.loads(line)["entry"]["detail"]
    assert detail["at"] == "HK"
    assert detail["permit"] == {"kind": "STANDARD_CONTRACT", "number": "演1号", "until": "2027-12-31"}


def test_a_client_that_is_replaced_stays_where_it_is_unless_told_and_its_permit_must_be_stated_again(
    shell: Shell,
) -> None:
    assert add(shell, **ABROAD) == 0  # type: ignore[arg-type]
    jwks = ["--jwks", str(shell.folder / "jwks.json"), "--replace"]
    flat = [part for pair in GOOD.items() for part in pair]
    shell.done("client", "add", "bank-new", *jwks, *flat)
    assert shell.count("client WHERE country = 'HK' AND permit_kind IS NULL") == 1
    shell.done("client", "add", "bank-new", *jwks, *flat, "--country", "CN")
    assert shell.count("client WHERE client_id = 'bank-new' AND country = 'CN'") == 1
    assert '"from":"HK"' in shell.done("audit", "list", "--json", "--limit", "2")


NOT_ABROAD = {
    "in a country that is none": {"country": "ZZ"},
    "in a country written out": {"country": "Singapore"},
    "abroad as a body of state": {"country": "SG", "role": "department", "purpose": "GOV_APPROVAL"},
    "with a permit that has no number": {k: v for k, v in ABROAD.items() if k != "permit_number"},
    "with a permit that has no last day": {k: v for k, v in ABROAD.items() if k != "permit_until"},
    "with a permit whose last day is none": {**ABROAD, "permit_until": "always"},
    "with a number of a person as permit": {**ABROAD, "permit_number": "469999199001011234"},
    "with a permit and in the mainland": {**ABROAD, "country": "CN"},
}


@pytest.mark.parametrize("changes", NOT_ABROAD.values(), ids=NOT_ABROAD)
def test_a_country_or_permit_is_refused_and_nothing_is_stored(shell: Shell, changes: dict[str, str]) -> None:
    before = shell.count("client"), shell.count("log_entry")
    assert add(shell, **changes) == 2  # type: ignore[arg-type]
    assert (shell.count("client"), shell.count("log_entry")) == before
