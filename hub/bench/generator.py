"""The load generator as a process: `python -m hub.bench.generator`, commands and results as lines of JSON.

- HTTP/1.1 on raw sockets with keep-alive: one request in flight per connection, the next one sent as soon as
  the answer is complete. It knows no more of HTTP than status, length and body.
- An answer counts as an error when its status is not 200, or its body holds a text that it must not hold
  (`"errors"`, because GraphQL refuses with status 200).
- The CPU time of the servers is read at the very start and end of the measured time, the warm-up left out.
- Connections are dealt out to the ports of the servers in turn. Requests are sent in the order in which they were
  loaded, or, with a seed, drawn at random.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from base64 import b64decode
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import cycle, islice
from random import Random
from time import perf_counter
from typing import Any, cast

import orjson
import uvloop

from hub.bench.machine import cpu_seconds

_HEAD_END = b"\r\n\r\n"
_LENGTH = b"\r\ncontent-length:"
_SAMPLE = 400
_DRAIN_SECONDS = 15


@dataclass
class Tally:
    """What is counted while `recording` is on."""

    requests: Iterator[bytes]
    must_not_hold: bytes
    recording: bool = False
    stopped: bool = False
    latencies: list[float] = field(default_factory=list)
    answered: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once something was recorded."""
    errors: int = 0
    received: int = 0
    sample: str = ""
    """The beginning of the first answer that was an error."""

    def done(self, seconds: float, answer: bytes | bytearray, head: int) -> None:
        """Count one answer."""
        wrong = not answer.startswith(b"HTTP/1.1 200") or (
            bool(self.must_not_hold) and answer.find(self.must_not_hold, head) >= 0
        )
        if wrong:
            self.errors += 1
            self.sample = self.sample or answer[:_SAMPLE].decode(errors="replace")
        if self.recording:
            self.latencies.append(seconds)
            self.answered.set()
            self.received += len(answer) - head


class Connection(asyncio.Protocol):
    """One keep-alive connection."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._buffer = bytearray()
        self._head = 0
        self._end = 0
        self._sent = 0.0
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the first request."""
        self._transport = cast("asyncio.Transport", transport)
        self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        """Count a connection that the server has closed as an error."""
        if not self._tally.stopped and not self._transport.is_closing():
            self._tally.errors += 1
            self._tally.sample = self._tally.sample or "The server closed a connection."
        if not self.closed.done():
            self.closed.set_result(None)

    def data_received(self, data: bytes) -> None:
        """Take a piece of an answer; when it is complete, count it and send the next request."""
        buffer = self._buffer
        buffer += data
        if not self._end:
            head = buffer.find(_HEAD_END)
            if head < 0:
                return
            self._head = head + len(_HEAD_END)
            at = buffer[:head].lower().find(_LENGTH) + len(_LENGTH)
            line_end = buffer.find(b"\r\n", at)
            self._end = self._head + int(buffer[at:line_end])
        if len(buffer) >= self._end:
            self._tally.done(perf_counter() - self._sent, buffer, self._head)
            self._buffer, self._end = bytearray(), 0
            self._next()

    def _next(self) -> None:
        request = None if self._tally.stopped else next(self._tally.requests, None)
        if request is None:
            self._transport.close()
            return
        self._sent = perf_counter()
        self._transport.write(request)


async def _connect(tally: Tally, ports: Sequence[int], count: int) -> list[Connection]:
    loop = asyncio.get_running_loop()
    connections: list[Connection] = []
    for port in islice(cycle(ports), count):
        _, connection = await loop.create_connection(
            lambda: Connection(tally), "127.0.0.1", port, family=socket.AF_INET
        )
        connections.append(connection)
    return connections


async def run_for(tally: Tally, command: dict[str, Any]) -> dict[str, Any]:
    """Keep the connections busy for a time; give counts and latencies of that time.

    Where no answer came in that time, it goes on to the first one: a measurement without any has nothing to compare.
    """
    connections = await _connect(tally, command["ports"], command["connections"])
    await asyncio.sleep(command["warmup"])
    tally.recording = True
    cpu, started = _cpu(command["pids"]), perf_counter()
    await asyncio.sleep(command["seconds"])
    with suppress(TimeoutError):
        await asyncio.wait_for(tally.answered.wait(), _DRAIN_SECONDS)
    tally.recording = False
    return await _finish(tally, connections, command["pids"], cpu, started)


async def run_once(tally: Tally, command: dict[str, Any]) -> dict[str, Any]:
    """Send every request once."""
    tally.recording = True
    cpu, started = _cpu(command["pids"]), perf_counter()
    connections = await _connect(tally, command["ports"], command["connections"])
    await asyncio.wait([c.closed for c in connections])
    return await _finish(tally, connections, command["pids"], cpu, started)


async def _finish(
    tally: Tally, connections: list[Connection], pids: Sequence[int], cpu: float | None, started: float
) -> dict[str, Any]:
    seconds, cpu_end = perf_counter() - started, _cpu(pids)
    tally.stopped = True
    await asyncio.wait([c.closed for c in connections], timeout=_DRAIN_SECONDS)
    done = sorted(tally.latencies)
    return {
        "requests": len(done),
        "errors": tally.errors,
        "sample": tally.sample,
        "seconds": seconds,
        "cpu_seconds": None if cpu is None or cpu_end is None else cpu_end - cpu,
        "p50_ms": percentile(done, 0.50),
        "p99_ms": percentile(done, 0.99),
        "bytes": tally.received // len(done) if done else 0,
    }


def _cpu(pids: Sequence[int]) -> float | None:
    """CPU seconds of some processes together; None when one is not known."""
    used = [cpu_seconds(pid) for pid in pids]
    return None if None in used else sum(filter(None, used))


def order(requests: Sequence[bytes], seed: int | None) -> Iterator[bytes]:
    """The requests over and over: in turn, or drawn at random, the same ones for the same seed."""
    if seed is None:
        return cycle(requests)
    draw = Random(seed)  # noqa: S311 - a sample, not a secret
    return iter(lambda: draw.choice(requests), None)


def percentile(ordered: list[float], share: float) -> float | None:
    """The value below which this share of the latencies lies, in milliseconds (nearest rank)."""
    return ordered[max(0, -(-int(share * 1000) * len(ordered) // 1000) - 1)] * 1000 if ordered else None


def main() -> None:
    """Obey commands until the input ends."""
    requests: dict[str, list[bytes]] = {}
    forbidden: dict[str, bytes] = {}
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        for line in sys.stdin.buffer:
            command = orjson.loads(line)
            name = command["name"]
            if command["do"] == "load":
                requests[name] = [b64decode(text) for text in command["requests"]]
                forbidden[name] = command["must_not_hold"].encode()
                result: dict[str, Any] = {"loaded": len(requests[name])}
            elif command["do"] == "once":
                result = runner.run(run_once(Tally(iter(requests[name]), forbidden[name]), command))
            else:
                wanted = order(requests[name], command.get("seed"))
                result = runner.run(run_for(Tally(wanted, forbidden[name]), command))
            sys.stdout.buffer.write(orjson.dumps(result) + b"\n")
            sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
