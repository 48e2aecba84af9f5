"""The offline verifier holds an emergency grant to what the entry records, as it does a consent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
from world import NOW

from hub.audit import offline, offline_pack
from hub.audit.entry import subject_ref
from hub.catalog.loader import load_catalog
from hub.clock import to_millis
from hub.consent.emergency import Approved, emergency_grant
from hub.keys.ring import create_ring, load_ring
from hub.policies.files import load_policies

ROOT = Path(__file__).parents[2]
SUBJECT = b"\x01" * 16
PERSON = {"client": "c", "institution": "i", "operator": "op_1"}


def _pack(folder: Path) -> tuple[dict[str, bytes], dict[str, Any], str]:
    """Members, entry and id of a disclosure under an emergency grant."""
    create_ring(folder / "ring", demo=True, now=NOW)
    ring = load_ring(folder / "ring", demo=True)
    policy = load_policies(ROOT / "policies", load_catalog(ROOT / "schema"))
    approved = Approved(
        "e_1", SUBJECT, "EMERGENCY", "91460000DEM00001X9", "LIFE", "急2026-演7", PERSON, PERSON
    )
    grant = emergency_grant(ring, approved, policy, NOW)
    part = {
        "subject": subject_ref(SUBJECT), "outcome": "DISCLOSED",
        "basis": {"kind": "EMERGENCY", "consent": "e_1", "consentVersion": 1},
    }  # fmt: skip
    entry = {
        "subjects": [part], "institution": approved.grantee, "purpose": "EMERGENCY", "at": to_millis(NOW),
    }  # fmt: skip
    members = {
        "keys/public.json": orjson.dumps(ring.public().document(ring.manifest.keys)),
        "consent/e_1.json": orjson.dumps(dict(grant.artefact)),
    }
    return members, entry, "consent/e_1.json"


def test_a_grant_verifies_for_what_it_was_given(tmp_path: Path) -> None:
    members, entry, name = _pack(tmp_path)
    said: list[str] = []
    offline_pack.check_consents(members, entry, {}, said.append)
    assert said == [f"ok  授权 {name}: signed, and given for this subject, recipient, purpose and time"]


@pytest.mark.parametrize("what", ["institution", "purpose", "at"])
def test_a_grant_for_something_else_is_refused(what: str, tmp_path: Path) -> None:
    members, entry, _ = _pack(tmp_path)
    entry[what] = entry[what] + 10**9 if what == "at" else "another"
    with pytest.raises(offline.NotVerifiedError, match="not given for"):
        offline_pack.check_consents(members, entry, {}, lambda _: None)


def test_a_grant_that_was_altered_is_refused(tmp_path: Path) -> None:
    members, entry, name = _pack(tmp_path)
    members[name] = members[name].replace(b'"maxUses":20', b'"maxUses":99')
    with pytest.raises(offline.NotVerifiedError):
        offline_pack.check_consents(members, entry, {}, lambda _: None)
