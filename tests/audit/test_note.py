"""Signed notes and checkpoints."""

from __future__ import annotations

import pytest

from hub.audit.merkle import EMPTY_ROOT
from hub.audit.note import Checkpoint, Note, sign_checkpoint, verify_checkpoint
from hub.errors import VerificationError
from hub.keys.note import parse_note_verifier

from .audit_world import ORIGIN, SIGNER, log_key

SPEC = """\
example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5\
/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
"""
CHECKPOINT = Checkpoint(ORIGIN, 7, b"\x07" * 32)


def test_the_example_of_the_specification_reads_as_a_checkpoint() -> None:
    note = Note.parse(SPEC)
    checkpoint = Checkpoint.parse(note.text)
    assert (checkpoint.origin, checkpoint.size) == ("example.com/behind-the-sofa", 20852163)
    assert checkpoint.text() == note.text
    assert note.signatures[0].key_hash.hex() == "033de0ae"


def test_a_signed_checkpoint_verifies_with_its_verifier_key_string() -> None:
    note = sign_checkpoint(CHECKPOINT, SIGNER)
    assert verify_checkpoint(note, parse_note_verifier(str(SIGNER.verifier))) == CHECKPOINT


def test_extension_lines_are_signed_and_kept() -> None:
    checkpoint = Checkpoint(ORIGIN, 0, EMPTY_ROOT, ("first", "second"))
    assert verify_checkpoint(sign_checkpoint(checkpoint, SIGNER), SIGNER.verifier) == checkpoint


def test_a_line_by_an_unknown_key_is_passed_over() -> None:
    note = sign_checkpoint(CHECKPOINT, SIGNER)
    other = sign_checkpoint(CHECKPOINT, log_key(2)).rpartition("\n\n")[2]
    assert verify_checkpoint(note + other, SIGNER.verifier) == CHECKPOINT


def test_a_bad_line_under_a_known_key_spoils_the_note() -> None:
    note = sign_checkpoint(CHECKPOINT, SIGNER)
    bad = sign_checkpoint(Checkpoint(ORIGIN, 8, b"\x08" * 32), SIGNER).rpartition("\n\n")[2]
    with pytest.raises(VerificationError):
        verify_checkpoint(note + bad, SIGNER.verifier)


REFUSED = {
    "another size": lambda n: n.replace("\n7\n", "\n8\n"),
    "another origin": lambda n: "x" + n,
    "no signature": lambda n: n.partition("\n\n")[0] + "\n\n",
    "no blank line": lambda n: n.replace("\n\n", "\n"),
    "no newline at the end": lambda n: n[:-1],
    "a control character": lambda n: n.replace("\n7\n", "\n7\r\n"),
    "a hyphen for the dash": lambda n: n.replace("—", "-"),
    "base64 with a line break": lambda n: n[:-9] + "\n" + n[-9:],
    "base64 that is not canonical": lambda n: n.replace("\n\n— " + ORIGIN + " ", "\n\n— " + ORIGIN + " ="),
    "a hundred and one signatures": lambda n: n + ("— a AAAAAAAA\n" * 101),
    "nothing": lambda n: "",
}


@pytest.mark.parametrize("change", REFUSED.values(), ids=REFUSED.keys())
def test_a_changed_note_is_refused(change) -> None:
    with pytest.raises(VerificationError):
        verify_checkpoint(change(sign_checkpoint(CHECKPOINT, SIGNER)), SIGNER.verifier)


def test_another_key_does_not_verify() -> None:
    with pytest.raises(VerificationError):
        verify_checkpoint(sign_checkpoint(CHECKPOINT, SIGNER), log_key(2).verifier)


@pytest.mark.parametrize(
    "text", ["a\n07\n{}\n", "a\n-1\n{}\n", "\n1\n{}\n", "a\n1\nAAAA\n", "a\n1\n{}\n\nx\n", "a\n", ""]
)
def test_a_text_that_is_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(VerificationError):
        Checkpoint.parse(text.format("BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc="))
