"""The key ring: every key of one hub, made by a command, loaded whole or not at all.

Rules:

- A folder (0700) holds `ring.json`, one private file per key (0600), and `public.json` for publication.
- Loading is strict. A file that is missing, unreadable, open to others, truncated, altered, swapped, not
  listed, or that disagrees with `public.json` stops the hub; no key is skipped.
- A ring made for the demo is refused outside the demo: its keys may have been published.
- Nothing is ever overwritten; a ring is replaced by making another one elsewhere.

Example:
    >>> ring = create_ring(folder, demo=True, now=clock.now())
    >>> ring = load_ring(folder, demo=True)
    >>> kek_id, wrapped = ring.sealer().new_data_key(ring.indexer().subject_id("ORG", uscc))
"""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from hub.config import Settings
from hub.errors import KeyRingError, UnavailableError, VerificationError
from hub.keys import files
from hub.keys.client_seal import ClientSeal
from hub.keys.facts import SIGNING, KeyFacts, KeyPurpose, KeySet, KeyStatus
from hub.keys.index import Indexer
from hub.keys.manifest import FILE, Manifest, key_document, parse_key, parse_manifest
from hub.keys.note import NoteVerifier, is_note_name
from hub.keys.provider import FileKeyProvider
from hub.keys.public import PUBLIC_FILE, PublicRing, parse_public
from hub.keys.sealing import Sealer
from hub.keys.secrets import (
    SECRET_BYTES,
    BlindIndexRoot,
    ContentIndexKey,
    Kek,
    RecordIndexKey,
    SubjectIndexKey,
    SymmetricKey,
    fingerprint_id,
)
from hub.keys.signing import (
    ConsentSigningKey,
    LogSigningKey,
    NoticeSigningKey,
    SigningKey,
    TokenSigningKey,
    signing_id,
)
from hub.keys.suites import Suite, require

_logger = logging.getLogger(__name__)
S = TypeVar("S", bound=SymmetricKey | SigningKey[Any])


Stamp = tuple[int, int, int] | None


@dataclass(frozen=True, slots=True)
class _Source:
    """Where a ring was loaded from, and the state of its list of keys then."""

    folder: Path
    demo: bool
    stamp: Stamp


class _Follower:
    """Notices that a ring was changed since it was loaded, or since it was asked last."""

    def __init__(self, source: _Source, manifest: Manifest) -> None:
        self._source, self._seen, self._manifest = source, source.stamp, manifest
        self._file = str(source.folder / FILE)
        self._told: Stamp = None

    def newer(self) -> KeySet[Kek] | None:
        """The key-encryption keys that are there now; None: as before.

        Raises:
            UnavailableError: when what is there now does not load, or is another ring.
        """
        stamp = _stamp(self._file)
        if stamp == self._seen:
            return None
        try:
            ring = load_ring(self._source.folder, demo=self._source.demo)
        except KeyRingError as error:
            raise self._shut(stamp, f"it does not load: {error.message}") from error
        if not ring.manifest.continues(self._manifest):
            raise self._shut(stamp, "another one lies in its place")
        self._seen = stamp
        return ring.keks

    def _shut(self, stamp: Stamp, why: str) -> UnavailableError:
        if stamp != self._told:
            _logger.error("The key ring was changed, and no new data key is made: %s", why)
        self._told = stamp
        return UnavailableError(
            "No key for new data can be made: the key ring was changed and cannot be used.",
            hint="Whoever keeps the keys must put the ring in order; nothing was stored.",
            message_zh="密钥环已变动且无法使用，暂不能为新数据生成密钥，未存入任何数据。",
        )


def _stamp(file: str) -> Stamp:
    try:
        facts = os.stat(file)
    except OSError:
        return None
    return facts.st_ino, facts.st_mtime_ns, facts.st_size


@dataclass(frozen=True, slots=True)
class KeyRing:
    """Every key of one hub."""

    manifest: Manifest
    keks: KeySet[Kek]
    subject: SubjectIndexKey
    record: RecordIndexKey
    content: ContentIndexKey
    blind: BlindIndexRoot
    token: KeySet[TokenSigningKey]
    log: KeySet[LogSigningKey]
    consent: KeySet[ConsentSigningKey]
    notice: KeySet[NoticeSigningKey]
    source: _Source | None = field(default=None, compare=False, repr=False)
    """Where it was loaded from; None: made in memory."""

    @property
    def demo(self) -> bool:
        """Whether the ring was made for the demo."""
        return self.manifest.demo

    @property
    def suite(self) -> Suite:
        """The suite under which this ring seals."""
        return self.manifest.suite

    def sealer(self) -> Sealer:
        """A sealer over the key-encryption keys in the ring's files; follows their rotation."""
        if self.source is None:
            return Sealer(FileKeyProvider(self.keks, self.suite), self.suite)
        return Sealer(
            FileKeyProvider(self.keks, self.suite, _Follower(self.source, self.manifest).newer), self.suite
        )

    def indexer(self) -> Indexer:
        """The keyed hashes of this ring."""
        return Indexer(self.subject, self.record, self.content, self.blind)

    def client_seal(self) -> ClientSeal:
        """The seal on the register of clients."""
        return ClientSeal(self.content)

    def note_verifier(self) -> NoteVerifier:
        """The active log key under the log's origin, as witnesses want it."""
        return NoteVerifier(self.manifest.log_origin, self.log.active.public)

    def public(self) -> PublicRing:
        """The public half, verify-only keys included."""
        return PublicRing(
            demo=self.demo,
            log_origin=self.manifest.log_origin,
            token={key_id: key.public for key_id, key in self.token.by_id.items()},
            log={key_id: key.public for key_id, key in self.log.by_id.items()},
            consent={key_id: key.public for key_id, key in self.consent.by_id.items()},
            notice={key_id: key.public for key_id, key in self.notice.by_id.items()},
        )

    def public_document(self) -> dict[str, Any]:
        """The content of `public.json`."""
        return self.public().document(self.manifest.keys)


def list_keys(ring: KeyRing) -> tuple[KeyFacts, ...]:
    """The open facts about every key, in the order the keys were made."""
    return ring.manifest.keys


def create_ring(
    folder: Path,
    *,
    demo: bool,
    now: datetime,
    suite: Suite = Suite.AES_256_GCM,
    log_origin: str = Settings.log_origin,
) -> KeyRing:
    """Make a ring in a folder that does not exist yet (or is empty), with one active key of each purpose.

    Raises:
        KeyRingError: when the folder holds anything or cannot be made, when the machine lacks the suite, or
            when `log_origin` is no name for a signed note.
    """
    require(suite)
    if not is_note_name(log_origin):
        raise KeyRingError("The log's origin holds a blank or a plus sign.", hint="Correct HUB_LOG_ORIGIN.")
    made = [generate(purpose, now) for purpose in KeyPurpose]
    facts = tuple(fact for fact, _ in made)
    created_at = now.astimezone(UTC).replace(microsecond=0)
    manifest = Manifest(demo, suite, log_origin, created_at, facts)
    ring = assemble(manifest, {fact.id: secret for fact, secret in made})
    folder = folder.expanduser().absolute()
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        building = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))  # 0700 by itself
        try:
            for fact, secret in made:
                files.write_new(building / f"{fact.id}.json", key_document(fact, secret, demo=demo))
            files.write_new(building / PUBLIC_FILE, ring.public_document(), mode=0o644)
            files.write_new(building / FILE, manifest.document())
            files.sync_folder(building)
            building.rename(folder)  # onto nothing or an empty folder; anything else fails, untouched
        finally:
            shutil.rmtree(building, ignore_errors=True)
        files.sync_folder(folder.parent)
    except OSError:
        raise KeyRingError(
            "The key ring folder holds something already or cannot be made; nothing was changed.",
            hint="Choose a folder that does not exist yet, in a place where you may write.",
        ) from None
    return ring


def load_ring(folder: Path, *, demo: bool = False) -> KeyRing:
    """The ring in a folder, every key of it. `demo` says whether a ring made for the demo will do.

    Raises:
        KeyRingError: on any fault at all, naming the file and what to do.
    """
    folder = folder.expanduser()
    files.check_folder(folder)
    source = _Source(folder, demo, _stamp(str(folder / FILE)))
    manifest = parse_manifest(files.read_private(folder / FILE))
    if manifest.demo and not demo:
        raise KeyRingError(
            "This key ring was made for the demo and is refused outside it.",
            hint="Make a ring with `hub keys init` and set HUB_KEYS_DIR to it.",
        )
    require(manifest.suite)
    _refuse_strays(folder, manifest.keys)
    ring = assemble(manifest, read_secrets(folder, manifest))
    _check_public(folder, ring)
    return replace(ring, source=source)


def read_secrets(folder: Path, manifest: Manifest) -> dict[str, bytes]:
    """The secret of every key that the manifest lists, by key id.

    Raises:
        KeyRingError: when a key's file is missing, unreadable, open to others, or another key's.
    """
    return {
        facts.id: parse_key(files.read_private(folder / f"{facts.id}.json"), facts, demo=manifest.demo)
        for facts in manifest.keys
    }


def assemble(manifest: Manifest, secrets: Mapping[str, bytes]) -> KeyRing:
    """A ring from its parts.

    Raises:
        KeyRingError: when a key's material does not fit its id, or a purpose has no single active key.
    """

    def every(kind: type[S], purpose: KeyPurpose) -> list[S]:
        return [kind(facts, secrets[facts.id]) for facts in manifest.keys if facts.purpose is purpose]

    return KeyRing(
        manifest=manifest,
        keks=KeySet.of(KeyPurpose.KEK, every(Kek, KeyPurpose.KEK)),
        subject=KeySet.of(KeyPurpose.SUBJECT, every(SubjectIndexKey, KeyPurpose.SUBJECT)).active,
        record=KeySet.of(KeyPurpose.RECORD, every(RecordIndexKey, KeyPurpose.RECORD)).active,
        content=KeySet.of(KeyPurpose.CONTENT, every(ContentIndexKey, KeyPurpose.CONTENT)).active,
        blind=KeySet.of(KeyPurpose.BLIND, every(BlindIndexRoot, KeyPurpose.BLIND)).active,
        token=KeySet.of(KeyPurpose.TOKEN, every(TokenSigningKey, KeyPurpose.TOKEN)),
        log=KeySet.of(KeyPurpose.LOG, every(LogSigningKey, KeyPurpose.LOG)),
        consent=KeySet.of(KeyPurpose.CONSENT, every(ConsentSigningKey, KeyPurpose.CONSENT)),
        notice=KeySet.of(KeyPurpose.NOTICE, every(NoticeSigningKey, KeyPurpose.NOTICE)),
    )


def generate(purpose: KeyPurpose, now: datetime) -> tuple[KeyFacts, bytes]:
    """A fresh active key: its facts and its secret."""
    secret = os.urandom(SECRET_BYTES)
    if purpose in SIGNING:
        public = Ed25519PrivateKey.from_private_bytes(secret).public_key()
        key_id = signing_id(purpose, public.public_bytes_raw())
    else:
        key_id = fingerprint_id(purpose, secret)
    return KeyFacts(key_id, purpose, KeyStatus.ACTIVE, now.astimezone(UTC).replace(microsecond=0)), secret


def _refuse_strays(folder: Path, keys: Iterable[KeyFacts]) -> None:
    expected = {FILE, PUBLIC_FILE, *(f"{facts.id}.json" for facts in keys)}
    for path in sorted(folder.glob("*.json")):
        if path.name not in expected:
            raise KeyRingError(
                f"The key ring holds a file {path.name} that {FILE} does not list.",
                hint="If a rotation is running, try again; if one was cut off, move that file away.",
            )


def _check_public(folder: Path, ring: KeyRing) -> None:
    try:
        published, own = parse_public(files.read_public(folder / PUBLIC_FILE)), ring.public()
        complete = (
            own.token.items() <= published.token.items()
            and own.log.items() <= published.log.items()
            and own.consent.items() <= published.consent.items()
            and own.notice.items() <= published.notice.items()
            and (own.demo, own.log_origin) == (published.demo, published.log_origin)
        )
    except VerificationError:
        complete = False
    if not complete:
        raise KeyRingError(
            f"The key ring's {PUBLIC_FILE} does not hold the public halves of its keys.",
            hint="Restore it from a backup of the ring.",
        )
