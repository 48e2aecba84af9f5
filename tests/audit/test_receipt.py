"""Receipts: what they prove, checked by the hub's own code and by the standalone verifier."""

from __future__ import annotations

import asyncio
import json
import py_compile
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.audit import offline, offline_archive, offline_pack
from hub.audit.batch import Pending, Plan
from hub.audit.entry import EntryOutcome, canonical
from hub.audit.merkle import Frontier, leaf_hash
from hub.audit.receipt import commit, covered, new_salt, receipt_json, verify_receipt
from hub.errors import VerificationError
from hub.keys.note import parse_note_verifier

from .audit_world import NOW, ORIGIN, SIGNER, an_entry, log_key, open_log

DATA = {
    "organization": {"name": "示范公司", "government": {"penalties": {"nodes": [{"fine": "100.00"}, None]}}}
}
VKEY = str(SIGNER.verifier)


def a_response(
    data: Any = DATA, *, before: int = 5, after: int = 3, committed: bool = True
) -> dict[str, Any]:
    """A response as a client saves it, with its entry in the middle of a batch."""
    salt = new_salt() if committed else None
    outcome = EntryOutcome.DISCLOSED if committed else EntryOutcome.REFUSED
    entry = an_entry(
        outcome=outcome, commitment=commit(canonical(covered({"data": data})), salt) if salt else ""
    ).encode()
    old = Frontier.empty().extend([leaf_hash(bytes([n])) for n in range(before)]).frontier
    items = [Pending(e, leaf_hash(e.body), ()) for e in (entry, *(an_entry().encode() for _ in range(after)))]
    appended = Plan(old, items, ORIGIN, SIGNER, NOW).appended(0)
    receipt = json.loads(receipt_json(appended, salt))
    return {"data": data if committed else None, "extensions": {"receipt": receipt}}


def both(response: dict[str, Any], vkey: str = VKEY) -> bool:
    """Whether it verifies; the hub's code and the standalone verifier must agree."""
    try:
        verify_receipt(response["extensions"]["receipt"], response, parse_note_verifier(vkey))
        ours = True
    except VerificationError:
        ours = False
    try:
        offline.verify(response, vkey, lambda _: None)
        theirs = True
    except offline.NotVerifiedError:
        theirs = False
    assert ours == theirs
    return ours


@pytest.mark.parametrize("before", [0, 1, 5, 8])
@pytest.mark.parametrize("after", [0, 1, 6])
def test_a_receipt_verifies_against_its_answer(before: int, after: int) -> None:
    assert both(a_response(before=before, after=after))


def test_a_receipt_tells_what_was_logged() -> None:
    response = a_response()
    verified = verify_receipt(response["extensions"]["receipt"], response, SIGNER.verifier)
    assert verified.covers_data
    assert (verified.index, verified.checkpoint.size) == (5, 9)
    assert verified.entry["purpose"] == "LOAN_APPLICATION"


def test_a_refusal_has_a_receipt_too_and_it_covers_no_data() -> None:
    response = a_response(committed=False)
    assert both(response)
    assert not verify_receipt(response["extensions"]["receipt"], response, SIGNER.verifier).covers_data
    response["data"] = DATA
    assert not both(response)


def test_a_receipt_covers_the_notes_and_the_errors_too() -> None:
    response = a_response()
    assert both(response)
    note = {"path": "organization.name", "outcome": "CLEAR"}
    for part in ({"errors": [{"message": "invented"}]}, {"extensions": {"disclosure": {"fields": [note]}}}):
        changed = {**response, **part}
        changed["extensions"] = {**changed["extensions"], "receipt": response["extensions"]["receipt"]}
        assert not both(changed)


def test_the_order_of_keys_in_the_answer_does_not_matter() -> None:
    response = a_response({"b": 1, "a": {"d": None, "c": "中"}})
    response["data"] = {"a": {"c": "中", "d": None}, "b": 1}
    assert both(response)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner),
    max_leaves=10,
)


@given(st.dictionaries(st.text(st.characters(codec="utf-8")), JSON))
def test_any_answer_verifies_after_a_round_trip_through_json(data: dict[str, Any]) -> None:
    response = offline.read_json(json.dumps(a_response(data), ensure_ascii=False))
    assert both(response)


def receipt_change(name: str, value: Any) -> Any:
    def change(response: dict[str, Any]) -> None:
        receipt = response["extensions"]["receipt"]
        receipt[name] = value(receipt[name])

    return change


def data_change(response: dict[str, Any]) -> None:
    response["data"] = json.loads(json.dumps(DATA).replace("100.00", "1.00"))


CHANGES = {
    "the data": data_change,
    "data left out": lambda r: r.update(data=None),
    "the entry's purpose": receipt_change(
        "entry", lambda e: e.replace("LOAN_APPLICATION", "LOAN_REVIEW_POST")
    ),
    "the index": receipt_change("index", lambda n: n + 1),
    "a negative index": receipt_change("index", lambda n: -1),
    "an index that is a text": receipt_change("index", str),
    "an index that is a bool": receipt_change("index", lambda n: True),
    "the tree size": receipt_change("treeSize", lambda n: n + 1),
    "a shorter proof": receipt_change("inclusionProof", lambda p: p[:-1]),
    "a longer proof": receipt_change("inclusionProof", lambda p: [*p, p[0]]),
    "a proof in another order": receipt_change("inclusionProof", lambda p: p[::-1]),
    "a proof that is no base64": receipt_change("inclusionProof", lambda p: ["*", *p[1:]]),
    "the checkpoint's size": receipt_change("checkpoint", lambda c: c.replace("\n9\n", "\n8\n")),
    "a checkpoint without signature": receipt_change("checkpoint", lambda c: c.split("—")[0]),
    "the salt": receipt_change("commitment", lambda c: {**c, "salt": "00" * 32}),
    "the commitment's algorithm": receipt_change("commitment", lambda c: {**c, "algorithm": "none"}),
    "no commitment": receipt_change("commitment", lambda c: None),
    "a salt with another ending": receipt_change("commitment", lambda c: {**c, "salt": c["salt"] + "00"}),
    "a member more in the receipt": lambda r: r["extensions"]["receipt"].update(grantedTo="nobody"),
    "the format": receipt_change("format", lambda f: "other/1"),
    "no receipt": lambda r: r["extensions"].update(receipt={}),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_a_changed_response_does_not_verify(change: Any) -> None:
    response = a_response()
    change(response)
    assert not both(response)


def test_another_logs_key_does_not_verify() -> None:
    assert not both(a_response(), str(log_key(2).verifier))


def test_the_receipt_of_one_answer_does_not_serve_another() -> None:
    one, other = a_response(), a_response({"organization": None})
    one["extensions"] = other["extensions"]
    assert not both(one)


@pytest.mark.parametrize(
    "vkey", ["", "a", "a+b", "a+b+c", "a+00000000+AQ==", VKEY[:-4], VKEY.replace("+", "-")]
)
def test_a_broken_verifier_key_is_refused(vkey: str) -> None:
    with pytest.raises(offline.NotVerifiedError):
        offline.verify(a_response(), vkey, lambda _: None)


def test_a_verifier_key_that_is_cut_off_is_named_as_such_and_not_the_response() -> None:
    for vkey in ("", "a+b", VKEY[:-1], VKEY + "A", "keys.txt"):
        with pytest.raises(offline.NotVerifiedError, match="verifier key"):
            offline.verify(a_response(), vkey or "?", lambda _: None)


def save(folder: Path, text: str) -> Path:
    path = folder / "response.json"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_file_check_says_each_step_and_answers_with_an_exit_code(tmp_path: Path) -> None:
    said: list[str] = []
    good = json.dumps(a_response())
    assert offline_pack.verify_file(save(tmp_path, good), VKEY, said.append) == 0
    assert [line[:4] for line in said] == ["ok  ", "ok  ", "ok  ", "    "]
    assert "LOAN_APPLICATION" in said[-1]
    bad = {
        "a changed value": (good.replace("100.00", "100.01"), 1),
        "a doubled key": (good.replace('{"data":', '{"data": 1, "data":'), 1),
        "a fraction": (good.replace('"100.00"', "100.00"), 1),
        "not JSON": (good[:-1], 2),
        "nested without end": ("[" * 100_000, 2),
        "another JSON": ("[]", 1),
    }
    for name, (text, code) in bad.items():
        said.clear()
        assert offline_pack.verify_file(save(tmp_path, text), VKEY, said.append) == code, name
        assert said[-1][:4] in {"BAD ", "ERR "}
    assert offline_pack.verify_file(tmp_path / "nothing", VKEY, said.append) == 2


def test_the_verifier_runs_alone_without_the_hub(tmp_path: Path) -> None:
    alone = tmp_path / "verifier.py"
    alone.write_bytes(Path(offline.__file__).read_bytes())
    file = save(tmp_path, json.dumps(a_response()))
    command = [sys.executable, "-I", str(alone), str(file), VKEY]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "hub" not in {
        line.split()[1] for line in alone.read_text().splitlines() if line.startswith(("import", "from"))
    }


def run_alone(module: ModuleType, folder: Path, *arguments: str, **environment: str) -> tuple[int, str, str]:
    """Run a verifier as a file of its own, with its neighbour."""
    alone = folder / "alone.py"
    alone.write_bytes(Path(str(module.__file__)).read_bytes())
    (folder / "offline.py").write_bytes(Path(offline.__file__).read_bytes())
    done = subprocess.run(
        [sys.executable, str(alone), *arguments],
        capture_output=True, check=False, cwd=folder, env=environment,
    )  # fmt: skip
    return done.returncode, done.stdout.decode(), done.stderr.decode()


@pytest.mark.parametrize("module", [offline, offline_pack, offline_archive])
def test_a_verifier_says_how_it_is_used_where_a_word_is_missing(module: ModuleType, tmp_path: Path) -> None:
    for arguments in ((), ("file",), ("file", VKEY, "--witness"), ("--witness", VKEY, "file")):
        code, said, error = run_alone(module, tmp_path, *arguments)
        assert (code, said, error[:6], "Traceback" in error) == (2, "", "usage:", False), arguments


@pytest.mark.parametrize("module", [offline_pack, offline_archive])
def test_a_verifier_runs_no_code_of_its_folder_but_the_offline_py_that_can_be_read(
    module: ModuleType, tmp_path: Path
) -> None:
    """A folder that came from outside may hold modules under the names of standard ones, and compiled ones."""
    alone, beside = tmp_path / "verify.py", tmp_path / "offline.py"
    alone.write_bytes(Path(str(module.__file__)).read_bytes())
    command = [sys.executable, "-I", str(alone), str(tmp_path / "none"), VKEY]
    lacking = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert (lacking.returncode, lacking.stdout, lacking.stderr) == (
        2,
        "ERR offline.py must stand beside this file\n",
        "",
    )
    evil = "import sys\nprint('ok  all is well')\nsys.exit(0)\n"
    (tmp_path / "hmac.py").write_text(evil)
    beside.write_text(evil)
    py_compile.compile(str(beside), invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
    beside.write_bytes(Path(offline.__file__).read_bytes())
    ran = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert (ran.returncode, ran.stdout[:4], ran.stderr) in ((1, "BAD ", ""), (2, "ERR ", ""))


def test_a_console_that_has_no_chinese_does_not_make_a_good_file_a_bad_one(tmp_path: Path) -> None:
    file = save(tmp_path, json.dumps(a_response()))
    code, said, error = run_alone(offline, tmp_path, str(file), VKEY, PYTHONIOENCODING="ascii")
    assert (code, error) == (0, "")
    code, said, error = run_alone(offline, tmp_path, str(file), f"日志{VKEY}", PYTHONIOENCODING="ascii")
    assert (code, said[:4], error) == (1, "BAD ", "")
    code, said, error = run_alone(
        offline, tmp_path, str(file), VKEY, "--witness", "证", PYTHONIOENCODING="ascii"
    )
    assert (code, said.splitlines()[-1][:4], error) == (1, "BAD ", "")


def test_a_receipt_from_the_log_itself_verifies(database_url: str) -> None:
    async def scenario() -> None:
        async with open_log(database_url) as (_, log):
            salt = new_salt()
            await asyncio.gather(*(log.append(an_entry()) for _ in range(5)))
            appended = await log.append(an_entry(commitment=commit(canonical(covered({"data": DATA})), salt)))
            receipt = json.loads(receipt_json(appended, salt))
            assert both({"data": DATA, "extensions": {"receipt": receipt}})

    asyncio.run(scenario())
