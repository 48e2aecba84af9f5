"""`public.json`: the public half of a ring, enough to verify tokens, checkpoints, receipts, consents and notices.

Members: `format`, `demo`, `log_origin`, `keys` (JWKs of RFC 8037 with `purpose`, `status` and `created_at`)
and `log_verifiers` (C2SP signed-note verifier keys under the log's origin, as witnesses want them).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from hub.errors import VerificationError
from hub.keys import files
from hub.keys.facts import SIGNING, KeyFacts
from hub.keys.manifest import facts_document
from hub.keys.note import NoteVerifier, is_note_name
from hub.keys.signing import ConsentVerifyKey, LogVerifyKey, NoticeVerifyKey, TokenVerifyKey, VerifyKey

PUBLIC_FILE = "public.json"
_FORMAT = 1

V = TypeVar("V", bound=VerifyKey)


@dataclass(frozen=True, slots=True)
class PublicRing:
    """Public keys by purpose and key id."""

    demo: bool
    """Whether the private half was made for the demo: then its signatures vouch for nothing."""
    log_origin: str
    token: Mapping[str, TokenVerifyKey]
    log: Mapping[str, LogVerifyKey]
    consent: Mapping[str, ConsentVerifyKey]
    notice: Mapping[str, NoticeVerifyKey]

    def note_verifiers(self) -> tuple[NoteVerifier, ...]:
        """The log's keys under the log's origin."""
        return tuple(NoteVerifier(self.log_origin, key) for key in self.log.values())

    def document(self, facts: Iterable[KeyFacts]) -> dict[str, Any]:
        """The JSON form, with what `facts` says about each key."""
        keys = {**self.token, **self.log, **self.consent, **self.notice}
        return {
            "format": _FORMAT,
            "demo": self.demo,
            "log_origin": self.log_origin,
            "keys": [keys[f.id].public_jwk() | _open_facts(f) for f in facts if f.id in keys],
            "log_verifiers": [str(verifier) for verifier in self.note_verifiers()],
        }


def parse_public(document: Mapping[str, Any]) -> PublicRing:
    """Read a public ring.

    Raises:
        VerificationError: when it is not one, or a key in it is malformed.
    """
    try:
        if document["format"] != _FORMAT or not is_note_name(document["log_origin"]):
            raise ValueError
        ring = PublicRing(
            demo=bool(document["demo"]),
            log_origin=document["log_origin"],
            token=_keys(TokenVerifyKey, document["keys"]),
            log=_keys(LogVerifyKey, document["keys"]),
            consent=_keys(ConsentVerifyKey, document["keys"]),
            notice=_keys(NoticeVerifyKey, document["keys"]),
        )
        if set(document["log_verifiers"]) != {str(verifier) for verifier in ring.note_verifiers()}:
            raise ValueError
    except (AttributeError, KeyError, TypeError, ValueError):
        raise VerificationError(
            "A public key ring does not have the members it must have.",
            hint="Fetch it again from its publisher.",
        ) from None
    return ring


def load_public(path: Path) -> PublicRing:
    """Read a public ring from a file.

    Raises:
        KeyRingError: when the file is missing, unreadable, writable by other users, or not whole.
        VerificationError: when it is not a public ring.
    """
    return parse_public(files.read_public(path))


def _keys(kind: type[V], jwks: Iterable[Mapping[str, Any]]) -> Mapping[str, V]:
    if any(jwk["purpose"] not in SIGNING for jwk in jwks):
        raise ValueError
    keys = [kind.from_jwk(jwk) for jwk in jwks if jwk["purpose"] == kind.purpose]
    return MappingProxyType({key.kid: key for key in keys})


def _open_facts(facts: KeyFacts) -> dict[str, str]:
    return {name: value for name, value in facts_document(facts).items() if name != "id"}
