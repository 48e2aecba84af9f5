"""Recalls as webhooks (Standard Webhooks 1.0.0): the signed document of the feed, posted to its recipient.

- The feed is the truth and the webhook a bell: it holds the same document and no value. The answer's body is not
  read, redirects are not followed, and only an acknowledgement closes a notice.
- Signed with the ring's `notice` key as `v1a` (Ed25519) over `id.timestamp.body`. The id is that of the recall, which
  begins with `r_`, so what is signed here is never what `hub.keys.signing` signs with the same key.
- The notices themselves are the outbox: they are stored with the act that issues them. A delivery is claimed first,
  with the time of its next attempt, then posted: cut off anywhere, it is posted again. So it comes at least once.
- What is not taken (2xx) is tried again after ever longer times; after the last it is left to the feed.
"""

from __future__ import annotations

import asyncio
from base64 import b64encode
from datetime import datetime, timedelta
from typing import NamedTuple
from urllib.parse import urlsplit

import httpx
import orjson

from hub.clock import to_millis
from hub.errors import InputError
from hub.keys.ring import KeyRing
from hub.recall.endpoints import Reach
from hub.store.database import Database

STEPS = tuple(timedelta(minutes=m) for m in (1, 5, 30, 120, 300, 600, 840, 1440, 1440, 1440))
"""Time from each attempt to the next; after the last there is none."""
TIMEOUT_SECONDS = 10.0
"""For one delivery as a whole, so that whoever answers drop by drop holds up nobody."""
_AT_ONCE = 20
_CLAIM = """
WITH due AS (
  SELECT n.subject_id, n.recall_id, n.institution, n.document, e.url, coalesce(d.attempts, 0) + 1 AS attempt
  FROM recall_notice n JOIN recall_endpoint e USING (institution)
    LEFT JOIN recall_delivery d USING (subject_id, recall_id, institution)
  WHERE n.acknowledged_at IS NULL AND (d.recall_id IS NULL OR d.delivered_at IS NULL AND d.next_at <= $1)
    AND n.institution <> ALL($4::text[])
  ORDER BY n.position, n.recall_id, n.institution LIMIT $2 FOR UPDATE OF n SKIP LOCKED
), claimed AS (
  INSERT INTO recall_delivery (subject_id, recall_id, institution, attempts, next_at)
  SELECT subject_id, recall_id, institution, attempt, $1 + ($3::interval[])[attempt] FROM due
  ON CONFLICT (subject_id, recall_id, institution) DO UPDATE
    SET attempts = excluded.attempts, next_at = excluded.next_at
)
SELECT subject_id, recall_id, institution, document, url FROM due
"""
_DONE = """UPDATE recall_delivery SET delivered_at = $4, next_at = NULL
    WHERE subject_id = $1 AND recall_id = $2 AND institution = $3"""


class Delivered(NamedTuple):
    """What a round came to."""

    delivered: int
    failed: int
    """Attempts that were not taken; each is made again later, unless it was the last."""


def open_client() -> httpx.AsyncClient:
    """A client for deliveries: without proxies of the environment, and with a time limit."""
    return httpx.AsyncClient(timeout=TIMEOUT_SECONDS, trust_env=False, follow_redirects=False)


class Courier:
    """Posts what is due."""

    def __init__(self, database: Database, ring: KeyRing, http: httpx.AsyncClient, reach: Reach) -> None:
        self._database, self._ring, self._http, self._reach = database, ring, http, reach

    async def run(self, now: datetime) -> Delivered:
        """Post every notice that is due once; an institution that did not take one is left alone for the rest.

        A few are posted at once, so that one that does not answer holds up nobody else.

        Args:
            now: the instant; decides what is due, and is signed.

        Raises:
            UnavailableError: when the database is away; what was posted then is posted again.
        """
        delivered = failed = 0
        down: set[str] = set()
        while True:
            async with self._database.connection() as connection, connection.transaction():
                claimed = await connection.fetch(_CLAIM, now, _AT_ONCE, list(STEPS), list(down))
            taken = await asyncio.gather(
                *(self._post(row["url"], row["recall_id"], row["document"], now) for row in claimed)
            )
            for row, done in zip(claimed, taken, strict=True):
                if not done:
                    failed += 1
                    down.add(row["institution"])
                    continue
                delivered += 1
                async with self._database.connection() as connection:
                    await connection.execute(
                        _DONE, row["subject_id"], row["recall_id"], row["institution"], now
                    )
            if len(claimed) < _AT_ONCE:
                return Delivered(delivered, failed)

    async def _post(self, url: str, recall_id: str, document: str, now: datetime) -> bool:
        """Whether the endpoint took it."""
        body = orjson.dumps(
            {"type": "recall.issued", "timestamp": to_millis(now), "data": orjson.loads(document)},
            option=orjson.OPT_SORT_KEYS,
        )
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                return await self._send(url, recall_id, body, now)
        except (httpx.HTTPError, httpx.InvalidURL, InputError, OSError):
            return False

    async def _send(self, url: str, recall_id: str, body: bytes, now: datetime) -> bool:
        address = await self._reach.resolve(url)
        target, parts = httpx.URL(url), urlsplit(url)
        headers = {"host": parts.netloc, "content-type": "application/json"}
        request = self._http.build_request(
            "POST", target.copy_with(host=address), content=body,
            headers=headers | self._signed(recall_id, now, body),
            extensions={"sni_hostname": str(parts.hostname)},
        )  # fmt: skip
        response = await self._http.send(request, stream=True)
        await response.aclose()
        return response.is_success

    def _signed(self, recall_id: str, now: datetime, body: bytes) -> dict[str, str]:
        seconds = str(int(now.timestamp()))
        signature = self._ring.notice.active.sign(b".".join((recall_id.encode(), seconds.encode(), body)))
        return {
            "webhook-id": recall_id,
            "webhook-timestamp": seconds,
            "webhook-signature": "v1a," + b64encode(signature).decode(),
        }
