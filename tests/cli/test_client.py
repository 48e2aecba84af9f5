from __future__ import annotations

import json

import pytest

from hub.demo import story_facts
from hub.keys.jwk import generate_client_key

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
