"""The demo always plays by the policy folder it came with, also on a database that an earlier version has left."""

from __future__ import annotations

from hub.audit.log import AuditLog
from hub.audit.note import LogKeySigner
from hub.clock import Clock
from hub.disclosure.live import recorder
from hub.disclosure.rules import Rules
from hub.keys.ring import KeyRing
from hub.policies import store
from hub.policies.publish import Publisher
from hub.store.database import Database


async def put_folder_in_force(url: str, ring: KeyRing, rules: Rules, clock: Clock) -> bool:
    """Publish the folder's policy if another one is in force; says whether it did.

    Args:
        url: the demo's database.
        ring: the demo's keys.
        rules: catalogue and policy from their folders.
        clock: read for the instant of the change.

    Raises:
        UnavailableError: when database or log is away.
    """
    database = await Database.open(url, pool_size=2)
    try:
        async with database.connection() as connection:
            active = await store.active(connection)
        if active is None or active.revision == rules.policy.revision:
            return False
        origin, verifiers = ring.manifest.log_origin, ring.public().note_verifiers()
        signer = LogKeySigner(origin, ring.log.active)
        log = await AuditLog.open(database, origin, signer, clock, verifiers=verifiers)
        try:
            publisher = Publisher(database, recorder(log, rules.catalog))
            await publisher.publish(rules.policy, by="demo", note="the folder of this demo", now=clock.now())
        finally:
            await log.close()
    finally:
        await database.close()
    return True
