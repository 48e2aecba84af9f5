"""Rotation: a new active key beside the old one, which from then on only unwraps or verifies.

- The public half is published first, then the private file is written, then `ring.json` makes the key active;
  a rotation that is cut off leaves the old keys active, and loading says which file to move away.
- Index keys do not rotate: ids in the database follow from them.
- After `add_kek` data keys are still wrapped under the old key until they are wrapped anew (`hub keys rewrap`); sealed
  values need no change. Running processes follow: they look at `ring.json` before they wrap another key. Signing keys
  are taken up at their next start.
- A key-encryption key that wraps nothing any more can be destroyed, once its successor is a day old: whatever was
  wrapped under it before that is stored or lost by then.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from hub.errors import KeyRingError
from hub.keys import files
from hub.keys.facts import SIGNING, KeyFacts, KeyPurpose, KeyStatus
from hub.keys.manifest import FILE, key_document
from hub.keys.public import PUBLIC_FILE
from hub.keys.ring import KeyRing, assemble, generate, load_ring, read_secrets


def add_kek(folder: Path, now: datetime) -> KeyFacts:
    """Make a new key-encryption key active; the old ones still unwrap.

    Raises:
        KeyRingError: when the ring does not load, is being changed, or cannot be written.
    """
    return _add(folder, KeyPurpose.KEK, now)


def add_signing_key(folder: Path, purpose: KeyPurpose, now: datetime) -> KeyFacts:
    """Make a new signing key of the purpose `token`, `log`, `consent` or `notice` active; old ones still verify.

    Raises:
        KeyRingError: when the purpose is another, or as for `add_kek`.
    """
    if purpose not in SIGNING:
        raise KeyRingError(
            f"Keys of purpose {purpose} do not sign.", hint=f"Choose one of {', '.join(SIGNING)}."
        )
    return _add(folder, purpose, now)


SETTLED: Final = timedelta(days=1)
"""How old the active key-encryption key must be before an older one is destroyed."""


def check_destroyable(ring: KeyRing, key_id: str, now: datetime) -> None:
    """Check that a key of the ring may be destroyed, as far as the ring tells.

    Raises:
        KeyRingError: when it is not there, no key-encryption key, active, or its successor too young.
    """
    facts = next((key for key in ring.manifest.keys if key.id == key_id), None)
    if facts is None or facts.purpose is not KeyPurpose.KEK or facts.status is KeyStatus.ACTIVE:
        raise KeyRingError(
            "Only a key-encryption key that is active no more can be destroyed.",
            hint="`hub keys list` shows ids, purposes and states; `hub keys rotate kek` makes a successor.",
        )
    if now < ring.keks.active.facts.created_at + SETTLED:
        raise KeyRingError(
            "The active key-encryption key is less than a day old; something may still be on its way under the old.",
            hint="Wait for a day after the rotation, and run `hub keys rewrap` once more.",
        )


def destroy_kek(folder: Path, key_id: str, now: datetime) -> None:
    """Take a key-encryption key out of the ring for good; what it wrapped can never be opened again.

    The caller has made sure that nothing is wrapped under it.

    Raises:
        KeyRingError: as `check_destroyable`, or when the ring does not load or cannot be written.
    """
    folder = folder.expanduser()
    files.check_folder(folder)
    with files.locked(folder):
        ring = load_ring(folder, demo=True)
        check_destroyable(ring, key_id, now)
        left = replace(ring.manifest, keys=tuple(key for key in ring.manifest.keys if key.id != key_id))
        secrets = read_secrets(folder, left)
        files.replace(folder / PUBLIC_FILE, assemble(left, secrets).public_document(), mode=0o644)
        private, aside = folder / f"{key_id}.json", folder / f"{key_id}.destroyed"
        private.rename(aside)  # before the list changes: who looks at the new list finds no file beside it
        try:
            files.replace(folder / FILE, left.document())
        except KeyRingError:
            aside.rename(private)
            raise
        aside.unlink()
        files.sync_folder(folder)


def _add(folder: Path, purpose: KeyPurpose, now: datetime) -> KeyFacts:
    folder = folder.expanduser()
    files.check_folder(folder)
    with files.locked(folder):
        old = load_ring(folder, demo=True).manifest
        facts, secret = generate(purpose, now)
        retired = (
            replace(key, status=KeyStatus.VERIFY_ONLY) if key.purpose is purpose else key for key in old.keys
        )
        manifest = replace(old, keys=(*retired, facts))
        ring = assemble(manifest, {**read_secrets(folder, old), facts.id: secret})
        files.replace(folder / PUBLIC_FILE, ring.public_document(), mode=0o644)
        private = folder / f"{facts.id}.json"
        files.write_new(private, key_document(facts, secret, demo=old.demo))
        try:
            files.replace(folder / FILE, manifest.document())
        except KeyRingError:
            private.unlink()  # never active, so nothing depends on it
            raise
    return facts
