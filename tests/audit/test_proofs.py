"""Proofs made later, from the stored leaf hashes."""

from __future__ import annotations

import asyncio
import random

import pytest

from hub.audit.merkle import leaf_hash, verify_consistency, verify_inclusion
from hub.audit.note import verify_checkpoint
from hub.audit.proofs import consistency, proof, stored_checkpoint
from hub.errors import UnavailableError, VerificationError
from hub.store.database import Database

from .audit_world import SIGNER, administrator, an_entry, open_log


def test_inclusion_and_consistency_proofs_hold_against_checkpoints_handed_out(database_url: str) -> None:
    async def scenario() -> None:
        async with open_log(database_url, batch_size=7) as (database, log):
            results = await asyncio.gather(*(log.append(an_entry()) for _ in range(60)))
            notes = {r.tree_size: verify_checkpoint(r.checkpoint, SIGNER.verifier) for r in results}
            newest = verify_checkpoint(await stored_checkpoint(database), SIGNER.verifier)
            assert newest.size == 60
            for result in random.Random(3).sample(results, 12):
                for size in (result.tree_size, None):
                    made = await proof(database, result.index, size)
                    root = notes[made.size].root
                    assert made.leaf == leaf_hash(result.body)
                    verify_inclusion(made.leaf, made.index, made.size, made.hashes, root)
                assert (await proof(database, result.index, result.tree_size)).hashes == result.proof
                old = notes[result.tree_size]
                hashes = await consistency(database, old.size, newest.size)
                verify_consistency(old.size, newest.size, old.root, newest.root, hashes)

    asyncio.run(scenario())


def test_an_inclusion_proof_still_holds_when_the_body_is_withheld(database_url: str) -> None:
    async def scenario() -> None:
        async with open_log(database_url) as (database, log):
            results = [await log.append(an_entry()) for _ in range(6)]
            await administrator(database_url, "UPDATE log_entry SET body = NULL WHERE idx = 2")
            newest = verify_checkpoint(results[-1].checkpoint, SIGNER.verifier)
            made = await proof(database, 2)
            verify_inclusion(leaf_hash(results[2].body), 2, made.size, made.hashes, newest.root)

    asyncio.run(scenario())


def test_there_is_no_proof_of_what_is_not_there(database_url: str) -> None:
    async def scenario() -> None:
        bare = await Database.open(database_url, pool_size=1)
        with pytest.raises(UnavailableError):
            await stored_checkpoint(bare)
        await bare.close()
        async with open_log(database_url) as (database, log):
            for _ in range(6):
                await log.append(an_entry())
            for refused in (proof(database, 6), proof(database, 2, 9), consistency(database, 4, 3)):
                with pytest.raises(VerificationError):
                    await refused
            await administrator(database_url, "DELETE FROM log_entry WHERE idx = 3")
            for refused in (proof(database, 1), consistency(database, 3, 6)):
                with pytest.raises(VerificationError):
                    await refused

    asyncio.run(scenario())
