"""Keyed hashes: subject ids, record ids, content hashes, alias hashes and blind-index tokens.

All are HMAC-SHA-256 (RFC 2104) under keys of the ring, so nobody without the ring can test a guess against
the database. Each use has its own key; the blind index has one key per field, derived from its root by HKDF
(RFC 5869) with the field's id, so the same value in two fields gives two unrelated tokens.

Callers normalise first: identifiers in upper case and without blanks, values in their canonical JSON form.
"""

from __future__ import annotations

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC

from hub.keys.secrets import BlindIndexRoot, ContentIndexKey, RecordIndexKey, SubjectIndexKey
from hub.keys.suites import Suite, derive

ID_BYTES = 16
"""Length in bytes of subject ids, record ids, alias hashes and blind-index tokens."""


class Indexer:
    """Computes every keyed hash of the database."""

    def __init__(
        self,
        subject: SubjectIndexKey,
        record: RecordIndexKey,
        content: ContentIndexKey,
        blind: BlindIndexRoot,
    ) -> None:
        self._subject = _keyed(subject.secret)
        self._alias = _keyed(derive(Suite.AES_256_GCM, subject.secret, b"credit-hub/alias/v1", 32))
        self._record = _keyed(record.secret)
        self._content = _keyed(content.secret)
        self._blind = blind.secret
        self._fields: dict[str, HMAC] = {}

    def subject_id(self, kind: str, identifier: str) -> bytes:
        """16 bytes for a subject: `kind` ORG or PERSON, `identifier` its normalised USCC or resident id."""
        return _short(self._subject, f"{kind}:{identifier}".encode())

    def record_id(self, subject_id: bytes, dataset: str, natural_key: bytes) -> bytes:
        """16 bytes for a record: its subject, its dataset and the canonical JSON of its natural key."""
        return self.record_id_at(record_place(subject_id, dataset), natural_key)

    def record_id_at(self, place: bytes, natural_key: bytes) -> bytes:
        """As `record_id`, with what `record_place` gives for subject and dataset."""
        return _short(self._record, place + natural_key)

    def content_hash(self, record_id: bytes, content: bytes) -> bytes:
        """32 bytes for the canonical content of a record.

        The record's id goes in, so that equal contents of two records cannot be told from the database.
        """
        return _digest(self._content, _framed(record_id) + content)

    def blind_token(self, field_id: str, value: bytes) -> bytes:
        """16 bytes for the canonical value of a searchable field such as `government.registration.uscc`."""
        return _short(self._fields.get(field_id) or self._field_key(field_id), value)

    def alias_hash(self, scheme: str, code: str) -> bytes:
        """16 bytes for a renamed, legacy or merged code of a subject under its numbering scheme."""
        return _short(self._alias, _framed(scheme.encode()) + code.encode())

    def _field_key(self, field_id: str) -> HMAC:
        info = f"credit-hub/blind/v1/{field_id}".encode()
        return self._fields.setdefault(field_id, _keyed(derive(Suite.AES_256_GCM, self._blind, info, 32)))


def record_place(subject_id: bytes, dataset: str) -> bytes:
    """Subject and dataset as they enter the ids of all records of the one in the other."""
    return _framed(subject_id) + _framed(dataset.encode())


def _keyed(key: bytes) -> HMAC:
    """The hash with the key in it and no message yet; each message continues a copy, so the key is set up once."""
    return HMAC(key, SHA256())


def _digest(keyed: HMAC, message: bytes) -> bytes:
    copy = keyed.copy()
    copy.update(message)
    return copy.finalize()


def _short(keyed: HMAC, message: bytes) -> bytes:
    return _digest(keyed, message)[:ID_BYTES]


def _framed(part: bytes) -> bytes:
    """The part after its length in two bytes, so that no two lists of parts look alike."""
    return len(part).to_bytes(2, "big") + part
