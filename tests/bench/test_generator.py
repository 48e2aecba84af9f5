"""The load generator counts what it gets, and takes a wrong answer for an error."""

import asyncio
import os
from collections.abc import Callable
from itertools import cycle, islice

import pytest

from hub.bench.generator import Tally, order, percentile, run_for, run_once

REQUEST = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"
GOOD = b'HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{"data": 1}'
ANSWERS = {
    "a good answer is no error": (GOOD, 0),
    "another status is an error": (b"HTTP/1.1 503 No\r\ncontent-length: 2\r\n\r\n{}", 1),
    "a refusal with status 200 is an error": (
        b'HTTP/1.1 200 OK\r\ncontent-length: 13\r\n\r\n{"errors": 1}',
        1,
    ),
    "an answer without a body is complete": (b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", 0),
}


def _against(answer: bytes, act: Callable[[int], object], pieces: int = 1):
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                step = -(-len(answer) // pieces)
                for at in range(0, len(answer), step):
                    writer.write(answer[at : at + step])
                    await writer.drain()
                    await asyncio.sleep(0)
        except asyncio.IncompleteReadError:
            writer.close()

    async def play():
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server:
            return await act(server.sockets[0].getsockname()[1])

    return asyncio.run(play())


def _once(requests: int):
    tally = Tally(iter([REQUEST] * requests), b'"errors"')
    return lambda port: run_once(tally, {"ports": [port], "connections": 3, "pids": [os.getpid()]})


@pytest.mark.parametrize("rule", ANSWERS)
def test_answers_are_judged(rule: str):
    answer, errors = ANSWERS[rule]
    result = _against(answer, _once(1))
    assert (result["requests"], result["errors"]) == (1, errors)
    assert bool(result["sample"]) == bool(errors)


def test_a_measurement_too_short_for_an_answer_waits_for_the_first():
    async def act(port: int):
        times = {"warmup": 0, "seconds": 0}
        command = {"ports": [port], "connections": 2, "pids": [os.getpid()], **times}
        return await run_for(Tally(cycle([REQUEST]), b""), command)

    result = _against(GOOD, act)
    assert result["requests"] > 0
    assert result["p50_ms"] > 0
    assert result["errors"] == 0


def test_every_request_is_sent_once():
    assert _against(GOOD, _once(50))["requests"] == 50


def test_an_answer_that_comes_in_pieces_is_one_answer():
    result = _against(GOOD, _once(5), pieces=7)
    assert (result["requests"], result["errors"], result["bytes"]) == (5, 0, 11)


def test_connections_stay_busy_until_the_time_is_over():
    command = {"connections": 2, "pids": [os.getpid()], "seconds": 0.1, "warmup": 0.0}
    result = _against(GOOD, lambda port: run_for(Tally(cycle([REQUEST]), b""), {**command, "ports": [port]}))
    assert result["requests"] > 2
    assert result["errors"] == 0


def test_percentiles_are_of_the_nearest_rank():
    ordered = [n / 1000 for n in range(1, 101)]
    assert percentile(ordered, 0.5) == pytest.approx(50)
    assert percentile(ordered, 0.99) == pytest.approx(99)
    assert percentile([], 0.5) is None


def test_connections_are_dealt_out_to_the_servers_in_turn():
    taken = [0, 0]

    async def play() -> None:
        def taker(number: int):
            async def take(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                taken[number] += 1
                writer.close()

            return take

        servers = [await asyncio.start_server(taker(number), "127.0.0.1", 0) for number in (0, 1)]
        ports = [server.sockets[0].getsockname()[1] for server in servers]
        command = {"ports": ports, "connections": 5, "pids": [os.getpid()]}
        await run_once(Tally(cycle([REQUEST]), b""), command)
        for server in servers:
            server.close()

    asyncio.run(play())
    assert taken == [3, 2]


def test_requests_without_a_seed_come_in_turn():
    assert list(islice(order([b"a", b"b"], None), 5)) == [b"a", b"b", b"a", b"b", b"a"]


def test_requests_drawn_at_random_are_the_same_for_the_same_seed_and_others_for_another():
    requests = [bytes([n]) for n in range(100)]
    drawn = [list(islice(order(requests, seed), 200)) for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1]
    assert drawn[0] != drawn[2]
    assert len(set(drawn[0])) > 50


def test_cpu_of_several_servers_is_not_known_when_that_of_one_is_not():
    tally = Tally(iter([REQUEST]), b"")
    command = {"connections": 1, "pids": [os.getpid(), 2**22 + 1]}
    assert _against(GOOD, lambda port: run_once(tally, {**command, "ports": [port]}))["cpu_seconds"] is None
