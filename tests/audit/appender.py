"""A process that appends under load until it is killed: `python appender.py DATABASE-URL WAITERS`.

Each acknowledged entry goes to stdout as one line, written at once: index, entry id, tree size, root.
"""

from __future__ import annotations

import asyncio
import os
import sys

from audit.audit_world import SIGNER, an_entry, open_log

from hub.audit.log import AuditLog
from hub.audit.note import verify_checkpoint
from hub.errors import UnavailableError


async def client(log: AuditLog) -> None:
    while True:
        try:
            done = await log.append(an_entry())
        except UnavailableError:
            await asyncio.sleep(0.02)
            continue
        root = verify_checkpoint(done.checkpoint, SIGNER.verifier).root
        os.write(1, f"{done.index} {done.entry_id} {done.tree_size} {root.hex()}\n".encode())


async def main(url: str, waiters: int) -> None:
    async with open_log(url, capacity=100_000) as (_, log):
        os.write(1, b"ready\n")
        await asyncio.gather(*(client(log) for _ in range(waiters)))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
