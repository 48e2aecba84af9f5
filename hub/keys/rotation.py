"""Rotation: a new active key beside the old one, which from then on only unwraps or verifies.

- The public half is published first, then the private file is written, then `ring.json` makes the key active;
  a rotation that is cut off leaves the old keys active, and loading says which file to move away.
- Index keys do not rotate: ids in the database follow from them.
- After `add_kek` every subject's data key is still wrapped under the old key until it is wrapped anew
  (`Sealer.rewrap`); sealed values need no change. Running processes keep the ring they loaded at start.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path

from hub.errors import KeyRingError
from hub.keys import files
from hub.keys.facts import SIGNING, KeyFacts, KeyPurpose, KeyStatus
from hub.keys.manifest import FILE, key_document
from hub.keys.public import PUBLIC_FILE
from hub.keys.ring import assemble, generate, load_ring, read_secrets


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
