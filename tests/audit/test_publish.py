"""The published log: what anybody can check without the hub, and what an administrator cannot get published."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from hub.audit.cosignatures import cosigned, require_quorum
from hub.audit.merkle import leaf_hash, verify_consistency, verify_inclusion
from hub.audit.note import verify_checkpoint
from hub.audit.publish import CHECKPOINT, Published, Publisher, WitnessPlace
from hub.audit.tiles import TileTree
from hub.audit.witness import Witness
from hub.clock import FixedClock
from hub.errors import HubError, IntegrityError, UnavailableError, VerificationError
from hub.gateway.witness import witness_app
from hub.keys.cosign import ML_DSA_44, CosignKey
from hub.store.database import Database

from .audit_world import ORIGIN, SIGNER, administrator, an_entry, open_log

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
ONE, TWO = CosignKey("w1.example", bytes(32)), CosignKey("w2.example", bytes([1]) * 32)


class Net(httpx.AsyncBaseTransport):
    """Witnesses that are reached by host name, over ASGI."""

    def __init__(self, folder: Path, *keys: CosignKey) -> None:
        names = {key.name: [one for one in keys if one.name == key.name] for key in keys}
        self.witnesses = {
            n: Witness(folder / n, own, {ORIGIN: [SIGNER.verifier]}) for n, own in names.items()
        }
        self.asked = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked += 1
        witness = self.witnesses.get(request.url.host)
        if witness is None:
            raise httpx.ConnectError("nobody there")
        app = httpx.ASGITransport(witness_app(witness, FixedClock(NOW)))
        return await app.handle_async_request(request)


def places(*keys: CosignKey) -> list[WitnessPlace]:
    return [WitnessPlace(f"https://{key.name}/", key.verifier) for key in keys]


Publish = Callable[[], Awaitable[Published]]
Append = Callable[[int], Awaitable[None]]


def play(
    url: str,
    folder: Path,
    act: Callable[[Publish, Append, Net], Awaitable[None]],
    keys: tuple[CosignKey, ...] = (),
    **options: object,
) -> None:
    """A log, a folder it is published into, and witnesses."""

    async def scenario() -> None:
        net = Net(folder, *keys)
        async with open_log(url) as (database, log), httpx.AsyncClient(transport=net) as client:
            publisher = Publisher(folder / "log", [SIGNER.verifier], places(*keys), **options)  # type: ignore[arg-type]

            async def publish() -> Published:
                return await publisher.publish(database, client, lambda _done, _all: None)

            async def append(count: int) -> None:
                await asyncio.gather(*(log.append(an_entry()) for _ in range(count)))

            await act(publish, append, net)

    asyncio.run(scenario())


def tree_of(folder: Path) -> tuple[TileTree, str]:
    """What a stranger makes of the folder: the checkpoint's tree, its root checked."""
    note = (folder / "log" / CHECKPOINT).read_text(encoding="utf-8")
    checkpoint = verify_checkpoint(note, SIGNER.verifier)
    tree = TileTree(checkpoint.size, lambda tile: (folder / "log" / tile.path).read_bytes())
    assert tree.root() == checkpoint.root
    return tree, note


def test_a_stranger_finds_every_entry_in_the_files_and_that_history_only_grew(
    database_url: str, tmp_path: Path
) -> None:
    async def act(publish: Publish, append: Append, _net: Net) -> None:
        roots = []
        for count in (0, 3, 250, 10, 600):
            await append(count)
            done = await publish()
            tree, _ = tree_of(tmp_path)
            assert done.size == tree.size
            roots.append((tree.size, tree.root()))
            for size, root in roots:
                verify_consistency(size, tree.size, root, tree.root(), tree.consistency(size))
        again = await publish()
        assert (again.size, again.before, again.tiles) == (863, 863, 2)  # the partial tiles of the same size
        database = await Database.open(database_url, pool_size=1)
        rows = await database.pool.fetch("SELECT idx, body FROM log_entry ORDER BY idx")
        await database.close()
        for row in rows[::37]:
            leaf = leaf_hash(row["body"])
            verify_inclusion(leaf, row["idx"], tree.size, tree.inclusion(row["idx"]), tree.root())
        files = [p for p in (tmp_path / "log").rglob("*") if p.is_file()]
        assert not [p for p in files if p.suffix == ".new"]
        assert not (tmp_path / "log" / "tile" / "0" / "000.p").exists()
        assert not any(b'"caller"' in p.read_bytes() for p in files)

    play(database_url, tmp_path, act)


def test_a_checkpoint_is_published_when_enough_witnesses_have_cosigned_it(
    database_url: str, tmp_path: Path
) -> None:
    async def act(publish: Publish, append: Append, net: Net) -> None:
        for count in (5, 300):
            await append(count)
            done = await publish()
            assert set(done.witnesses) == {"w1.example", "w2.example"}
            _, note = tree_of(tmp_path)
            assert len(require_quorum(note, [ONE.verifier, TWO.verifier], 2)) == 2
        before = (tmp_path / "log" / CHECKPOINT).read_bytes()
        del net.witnesses["w2.example"]
        await append(1)
        with pytest.raises(UnavailableError, match="1 witnesses cosigned"):
            await publish()
        assert (tmp_path / "log" / CHECKPOINT).read_bytes() == before

    play(database_url, tmp_path, act, (ONE, TWO), quorum=2)


def test_where_the_operator_chose_to_be_warned_fewer_are_published_and_named(
    database_url: str, tmp_path: Path
) -> None:
    async def act(publish: Publish, append: Append, net: Net) -> None:
        del net.witnesses["w2.example"]
        await append(5)
        done = await publish()
        assert done.witnesses == ("w1.example",)
        assert list(done.missing) == ["w2.example"]
        tree_of(tmp_path)

    play(database_url, tmp_path, act, (ONE, TWO), quorum=2, strict=False)


def test_a_witness_that_fell_behind_is_caught_up_from_what_it_knows(
    database_url: str, tmp_path: Path
) -> None:
    async def act(publish: Publish, append: Append, net: Net) -> None:
        away = net.witnesses.pop("w2.example")
        for count in (5, 9, 400):
            await append(count)
            await publish()
        net.witnesses["w2.example"] = away
        await append(2)
        assert (await publish()).missing == {}
        latest = away.latest(ORIGIN)
        assert latest is not None
        assert latest.size == 416

    play(database_url, tmp_path, act, (ONE, TWO), quorum=1)


# What an administrator does to the database after ten entries were published, and twenty are there.
REWRITES = {
    "a published entry changed": "UPDATE log_entry SET leaf_hash = sha256('x') WHERE idx = 3",
    "a new entry changed": "UPDATE log_entry SET leaf_hash = sha256('x') WHERE idx = 15",
    "a new entry deleted": "DELETE FROM log_entry WHERE idx = 15",
    "the newest deleted": "DELETE FROM log_entry WHERE idx = 19",
    "two new ones swapped": "UPDATE log_entry SET leaf_hash = (SELECT leaf_hash FROM log_entry b WHERE b.idx ="
    " 31 - log_entry.idx) WHERE idx IN (15, 16)",
}


@pytest.mark.parametrize("name", REWRITES)
def test_what_an_administrator_rewrites_is_not_published(
    name: str, database_url: str, tmp_path: Path
) -> None:
    async def act(publish: Publish, append: Append, _net: Net) -> None:
        await append(10)
        await publish()
        await append(10)
        before = {p: p.read_bytes() for p in (tmp_path / "log").rglob("*") if p.is_file()}
        await administrator(database_url, REWRITES[name])
        if (
            name == "a published entry changed"
        ):  # the files hold what was signed; `hub audit verify` finds the row
            assert (await publish()).size == 20
            tree_of(tmp_path)
            return
        with pytest.raises(IntegrityError, match="does not hold the log"):
            await publish()
        after = {
            p: p.read_bytes() for p in (tmp_path / "log").rglob("*") if p.is_file() and p.suffix != ".new"
        }
        assert after == before

    play(database_url, tmp_path, act)


def test_a_log_that_is_set_back_and_signed_anew_is_refused_by_the_folder_and_by_every_witness(
    database_url: str, tmp_path: Path
) -> None:
    async def act(publish: Publish, append: Append, net: Net) -> None:
        await append(10)
        await publish()
        witness = net.witnesses["w1.example"]
        known = witness.latest(ORIGIN)
        await administrator(database_url, "DELETE FROM log_entry", "DELETE FROM log_state")
        async with open_log(database_url) as (database, log), httpx.AsyncClient(transport=net) as client:
            for count in (4, 20):
                for _ in range(count):
                    await log.append(an_entry(caller="somebody else"))
                with pytest.raises(HubError):
                    await Publisher(tmp_path / "log", [SIGNER.verifier], places(ONE), quorum=1).publish(
                        database, client, lambda _done, _all: None
                    )
                fresh = Publisher(tmp_path / f"fresh{count}", [SIGNER.verifier], places(ONE), quorum=1)
                with pytest.raises(UnavailableError, match="0 witnesses cosigned"):
                    await fresh.publish(database, client, lambda _done, _all: None)
                assert not (tmp_path / f"fresh{count}" / CHECKPOINT).exists()
        assert witness.latest(ORIGIN) == known

    play(database_url, tmp_path, act, (ONE,), quorum=1)


def test_an_altered_tile_in_the_folder_is_found_before_anything_is_built_on_it(
    database_url: str, tmp_path: Path
) -> None:
    async def act(publish: Publish, append: Append, _net: Net) -> None:
        await append(10)
        await publish()
        await append(1)
        (tile,) = (tmp_path / "log").rglob("000.p/10")
        good = tile.read_bytes()
        for bad in (good[:-1] + b"x", good[:-1]):
            tile.write_bytes(bad)
            with pytest.raises(VerificationError):
                await publish()
        tile.write_bytes(good)
        assert (await publish()).size == 11

    play(database_url, tmp_path, act)


def test_a_run_that_was_cut_off_is_completed_by_the_next(database_url: str, tmp_path: Path) -> None:
    async def act(publish: Publish, append: Append, net: Net) -> None:
        await append(300)
        kept = net.witnesses.pop("w1.example")
        with pytest.raises(UnavailableError):
            await publish()  # tiles are there, the checkpoint is not
        assert not (tmp_path / "log" / CHECKPOINT).exists()
        net.witnesses["w1.example"] = kept
        await append(300)
        assert (await publish()).size == 600
        tree_of(tmp_path)

    play(database_url, tmp_path, act, (ONE,), quorum=1)


@pytest.mark.parametrize("size", ["9" * 5_000, "007", "٣", "-1", ""])
def test_a_witness_that_answers_with_no_proper_size_is_passed_over(
    size: str, database_url: str, tmp_path: Path
) -> None:
    class Odd(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            return httpx.Response(409, content=size.encode(), headers={"content-type": "text/x.tlog.size"})

    async def scenario() -> None:
        async with open_log(database_url) as (database, log), httpx.AsyncClient(transport=Odd()) as client:
            await log.append(an_entry())
            publisher = Publisher(tmp_path / "log", [SIGNER.verifier], places(ONE), strict=False)
            done = await publisher.publish(database, client, lambda _done, _all: None)
            assert done.missing == {"w1.example": "it answers 409"}

    asyncio.run(scenario())


@pytest.mark.parametrize("pause", [0.0, 0.02])
def test_a_witness_whose_answer_does_not_end_is_passed_over(
    pause: float, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.audit.publish.WITNESS_SECONDS", 0.2 if pause else 10)

    class Endless(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            while True:
                await asyncio.sleep(pause)
                yield b"x" if pause else b"x" * 10_000

    class Odd(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            return httpx.Response(200, stream=Endless())

    async def scenario() -> None:
        async with open_log(database_url) as (database, log), httpx.AsyncClient(transport=Odd()) as client:
            await log.append(an_entry())
            publisher = Publisher(tmp_path / "log", [SIGNER.verifier], places(ONE), strict=False)
            done = await publisher.publish(database, client, lambda _done, _all: None)
            why = "it does not answer (TimeoutError)" if pause else "its answer is too long"
            assert done.missing == {"w1.example": why}

    asyncio.run(scenario())


def test_a_witness_with_two_keys_is_asked_once_and_counts_once(database_url: str, tmp_path: Path) -> None:
    keys = (ONE, CosignKey(ONE.name, bytes(32), ML_DSA_44))

    async def act(publish: Publish, append: Append, net: Net) -> None:
        await append(3)
        done = await publish()
        assert (done.witnesses, done.missing) == ((ONE.name,), {})
        assert net.asked == 2  # it says what it knows, and gets the proof from there
        _, note = tree_of(tmp_path)
        assert len(cosigned(note, [key.verifier for key in keys])) == 2

    play(database_url, tmp_path, act, keys, quorum=1)

    async def refused(publish: Publish, _append: Append, _net: Net) -> None:
        with pytest.raises(UnavailableError, match="1 witnesses cosigned"):
            await publish()

    play(database_url, tmp_path, refused, keys, quorum=2)
