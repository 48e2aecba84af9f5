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
