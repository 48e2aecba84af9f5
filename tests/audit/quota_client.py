"""A process of its own that appends entries against one quota: `python -m audit.quota_client URL TIMES`."""

from __future__ import annotations

import asyncio
import sys

from hub.audit.reservation import ReservationRefusedError

from .audit_world import A_DAY, an_entry, open_log


async def _main(url: str, times: int) -> int:
    done = 0
    async with open_log(url) as (_, log):

        async def client() -> None:
            nonlocal done
            for _ in range(times // 4):
                try:
                    await log.append(an_entry(), (), [A_DAY])
                    done += 1
                except ReservationRefusedError:
                    continue

        await asyncio.gather(*(client() for _ in range(4)))
    return done


if __name__ == "__main__":
    print(asyncio.run(_main(sys.argv[1], int(sys.argv[2]))))
