"""Gathers what belongs into an evidence pack: from the database, from a published folder, from a saved response."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hub.audit import offline, proofs
from hub.audit.evidence import (
    Material,
    StoredEntry,
    consents_named,
    response_member,
    stored_entry,
)
from hub.audit.merkle import leaf_hash, verify_inclusion
from hub.audit.note import verify_checkpoint
from hub.audit.publish import Publisher
from hub.audit.tiles import TileTree
from hub.cli.desk import Desk
from hub.consent import store as consents
from hub.errors import InputError, IntegrityError, VerificationError
from hub.keys.note import NoteVerifier
from hub.policies import store as policies


def read_saved(path: Path) -> tuple[bytes, dict[str, Any]]:
    """A saved response or partial disclosure: its bytes, and what they say; nothing is verified yet.

    Raises:
        InputError: when the file cannot be read, or is none.
    """
    try:
        raw = path.expanduser().read_bytes()
        response: dict[str, Any] = offline.read_response(raw)
        receipt = response["extensions"]["receipt"]
        if isinstance(receipt["index"], int) and isinstance(receipt["entry"], str):
            return raw, response
    except (*offline.MALFORMED, offline.NotVerifiedError):
        pass
    raise InputError(
        "The file is not a saved response with a receipt.",
        hint="Give the response exactly as it was received.",
        message_zh="该文件不是带收据的应答。",
    )


async def gather(desk: Desk, wanted: str, saved: Path | None, tiles: Path | None) -> Material:
    """Everything that a pack about one entry holds.

    Args:
        desk: database and keys.
        wanted: index or id of the entry; empty: that of the response.
        saved: file with the response; None: the pack is about the entry alone.
        tiles: folder of the published log; None: the newest checkpoint of the database.

    Raises:
        InputError: when there is no such entry, or it is not published yet.
        VerificationError, IntegrityError: when something that would go into the pack does not hold.
    """
    response = None
    if saved is not None:
        raw, document = read_saved(saved)
        _hold(document, desk.ring.public().note_verifiers())
        wanted, response = str(document["extensions"]["receipt"]["index"]), response_member(raw)
    async with desk.database.connection() as connection:
        entry = await stored_entry(connection, wanted)
        if saved is not None and document["extensions"]["receipt"]["entry"].encode() != entry.body:
            raise IntegrityError(
                "The log has another entry than the one in the receipt.",
                hint="Keep both, and run `hub audit verify`.",
                message_zh="日志条目与收据不一致。",
            )
        policy, artefacts, absent = await _texts(connection, entry)
    size, note, proof = await _proof(desk, entry, tiles)
    keys = desk.ring.public_document()
    return Material(entry, proof, size, note, keys, response, policy, artefacts, absent)


def sizes(material: Material) -> list[int]:
    """Tree sizes of the checkpoints in a pack whose consistency with the log is to be shown."""
    found = [material.tree_size]
    if material.response is not None:
        receipt = offline.read_response(material.response[1])["extensions"]["receipt"]
        found.append(receipt["treeSize"])
    return found


def _hold(response: dict[str, Any], verifiers: Sequence[NoteVerifier]) -> None:
    try:
        offline.verify(response, " ".join(str(verifier) for verifier in verifiers), lambda _: None)
    except offline.NotVerifiedError as error:
        raise VerificationError(
            f"The response does not verify: {error}.",
            hint="Nothing was packed. Look at it with `hub verify`.",
            message_zh="应答未通过核验，未制作证据包。",
        ) from error


async def _texts(
    connection: Any, entry: StoredEntry
) -> tuple[dict[str, str], dict[str, dict[str, Any]], dict[str, str]]:
    """Policy and consents that the entry names, and what of them is not stored."""
    said = entry.data
    absent: dict[str, str] = {}
    policy = await policies.files(connection, said["policy"]) if said["policy"] else {}
    if policy is None:
        absent["policy"] = "this revision was never published"
    named = list(consents_named(said))
    stored = await consents.get_many(connection, [(subject, consent) for subject, consent, _ in named])
    found = {(c.subject_id, c.consent_id, c.version): dict(c.artefact) for c in stored}
    for key in named:
        if key not in found:
            absent[f"consent/{key[1]}.json"] = "it is not stored any more"
    return policy or {}, {consent: artefact for (_, consent, _), artefact in found.items()}, absent


async def _proof(desk: Desk, entry: StoredEntry, tiles: Path | None) -> tuple[int, str, tuple[bytes, ...]]:
    """Tree size, checkpoint and inclusion proof."""
    verifiers = desk.ring.public().note_verifiers()
    if tiles is None:
        note = await proofs.stored_checkpoint(desk.database)
        checkpoint = verify_checkpoint(note, *verifiers)
        hashes = (await proofs.proof(desk.database, entry.index, checkpoint.size)).hashes
    else:
        publisher = Publisher(tiles, verifiers)
        published = publisher.published()
        if published is None or published[0].size <= entry.index:
            raise InputError(
                "The entry is not published in this folder.",
                hint="Run `hub audit publish` first, or leave --tiles out.",
                message_zh="该目录尚未发布此条目。",
            )
        checkpoint, note = published
        hashes = TileTree(checkpoint.size, publisher.read_tile).inclusion(entry.index)
    verify_inclusion(leaf_hash(entry.body), entry.index, checkpoint.size, hashes, checkpoint.root)
    return checkpoint.size, note, hashes
