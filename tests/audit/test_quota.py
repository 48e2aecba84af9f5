"""Quotas are counted in the same commit as the entry, or not at all, and never overdrawn."""

from __future__ import annotations

import asyncio
import os
import random
import sys
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from hub.audit import log as log_module
from hub.audit import store
from hub.audit.batch import Appended
from hub.audit.log import AuditLog
from hub.audit.quota import KEEP, KEEP_YEAR, QuotaCounts
from hub.audit.reservation import (
    ConsentUse,
    QuotaUse,
    Refusal,
    ReservationRefusedError,
    UseCounter,
    sum_quotas,
)
from hub.clock import CST
from hub.errors import DisclosureRefusedError, UnavailableError
from hub.model.calendar import window_end, window_start
from hub.model.outcome import Reason

from .audit_world import A_DAY, ACME, NOW, OTHER, administrator, an_entry, grant, open_log
from .test_log import KILL

USE = ConsentUse(ACME, "c_1", 1)
IN_ALL = A_DAY._replace(subject_id=b"", most=1000)
A_MONTH = A_DAY._replace(unit="MONTH", window_start=datetime(2026, 3, 1, tzinfo=CST), most=500)
LOANS = A_DAY._replace(dataset="financial.loan", most=5)


async def counts(url: str) -> dict[Any, int]:
    rows = await administrator(url, "SELECT * FROM quota_count")
    return {tuple(row)[:6]: row["used"] for row in rows}


async def entries(url: str) -> int:
    return len(await administrator(url, "SELECT 1 FROM log_entry"))


async def use_up(log: AuditLog, quota: QuotaUse, left: int = 0) -> None:
    await log.append(an_entry(), (), [quota._replace(uses=quota.most - left)])


def test_uses_are_counted_with_their_entry_each_under_its_own_key(database_url: str) -> None:
    async def scenario() -> None:
        async with open_log(database_url) as (database, log):
            await grant(database, "c_1")
            wanted = [IN_ALL, A_DAY, A_MONTH, LOANS]
            await log.append(an_entry(), [USE], wanted)
            await asyncio.gather(*(log.append(an_entry(), [USE], wanted[:3]) for _ in range(4)))
            await log.append(an_entry(), [], [A_DAY._replace(uses=3)])
            await log.append(an_entry(), [USE])
            expected = {IN_ALL.key: 5, A_DAY.key: 8, A_MONTH.key: 5, LOANS.key: 1}
            assert await counts(database_url) == expected
            assert await entries(database_url) == 7
            assert (await administrator(database_url, "SELECT used_count FROM consent"))[0][0] == 6

    asyncio.run(scenario())


def test_a_quota_allows_its_last_use_and_refuses_the_next_and_nothing_is_written(database_url: str) -> None:
    async def scenario() -> None:
        async with open_log(database_url) as (_, log):
            await use_up(log, A_DAY, left=1)
            await log.append(an_entry(), (), [A_DAY])
            before = await counts(database_url)
            with pytest.raises(ReservationRefusedError) as refused:
                await log.append(an_entry(), (), [IN_ALL, A_DAY])
            assert isinstance(refused.value, DisclosureRefusedError)
            assert refused.value.reason == "FAIR_USE_FREQUENCY"
            assert refused.value.refusals == (Refusal(A_DAY, Reason.FAIR_USE_FREQUENCY, 0),)
            assert refused.value.use == A_DAY
            assert (await entries(database_url), await counts(database_url)) == (2, before)
            assert (await log.append(an_entry())).index == 2

    asyncio.run(scenario())


OTHER_KEYS: dict[str, dict[str, Any]] = {
    "another subject": {"subject_id": OTHER},
    "all subjects together": {"subject_id": b""},
    "another institution": {"institution": "91460000DEM00002XX"},
    "an institution without a code": {"institution": ""},
    "another purpose": {"purpose": "RENEWAL"},
    "one dataset": {"dataset": "financial.loan"},
    "another unit that begins at the same instant": {"unit": "HOUR"},
    "the next window": {"window_start": A_DAY.window_start + timedelta(days=1)},
    "a larger limit": {"most": 51},
}


@pytest.mark.parametrize("change", OTHER_KEYS.values(), ids=OTHER_KEYS.keys())
def test_a_spent_quota_leaves_others_alone(database_url: str, change: dict[str, Any]) -> None:
    async def scenario() -> None:
        async with open_log(database_url) as (_, log):
            await use_up(log, A_DAY)
            other = A_DAY._replace(**change)
            await log.append(an_entry(), (), [other])
            expected = {A_DAY.key: 51} if other.key == A_DAY.key else {A_DAY.key: 50, other.key: 1}
            assert await counts(database_url) == expected

    asyncio.run(scenario())


def test_a_refusal_names_all_that_cannot_be_had_and_what_is_left_can_then_be_had(database_url: str) -> None:
    async def scenario() -> None:
        async with open_log(database_url) as (database, log):
            gone = ConsentUse(OTHER, "c_2", 1)
            await grant(database, "c_1")
            await grant(database, "c_2", OTHER, status="REVOKED")
            await use_up(log, IN_ALL, left=3)
            await use_up(log, LOANS)
            before = await counts(database_url)
            five = IN_ALL._replace(uses=5)
            with pytest.raises(ReservationRefusedError) as refused:
                await log.append(an_entry(), [USE, gone], [five, A_DAY, LOANS])
            assert refused.value.refusals == (
                Refusal(gone, Reason.CONSENT_WITHDRAWN, 0),
                Refusal(five, Reason.FAIR_USE_FREQUENCY, 3),
                Refusal(LOANS, Reason.FAIR_USE_FREQUENCY, 0),
            )
            assert (refused.value.reason, refused.value.use) == ("CONSENT_WITHDRAWN", gone)
            assert await counts(database_url) == before
            await log.append(an_entry(), [USE], [IN_ALL._replace(uses=3), A_DAY])
            assert await counts(database_url) == before | {IN_ALL.key: 1000, A_DAY.key: 1}

    asyncio.run(scenario())


MESSAGES = {
    "a day of one subject": (
        Refusal(A_DAY, Reason.FAIR_USE_FREQUENCY, 0),
        "The limit of 50 answers about one subject in a day for this purpose is used up.",
        "Ask again from 2026-03-06 (UTC+8).",
        "本目的下贵机构每日查询同一信息主体以50次为限，已用完，请于2026年3月6日（北京时间）起再行查询。",
    ),
    "a month of a dataset of one subject": (
        Refusal(A_MONTH._replace(dataset="financial.loan"), Reason.FAIR_USE_FREQUENCY, 0),
        "The limit of 500 answers about financial.loan of one subject in a month for this purpose is used up.",
        "Ask again from 2026-04-01 (UTC+8).",
        "本目的下贵机构每月查询同一信息主体的 financial.loan 数据以500次为限，已用完，"
        "请于2026年4月1日（北京时间）起再行查询。",
    ),
    "an hour of all subjects, of which some is left": (
        Refusal(
            IN_ALL._replace(unit="HOUR", window_start=datetime(2026, 12, 31, 23, tzinfo=CST), uses=9),
            Reason.FAIR_USE_FREQUENCY,
            3,
        ),
        "The limit of 1000 answers about all subjects together in an hour for this purpose has 3 left, fewer than"
        " this request needs.",
        "Ask again from 2027-01-01 00:00 (UTC+8).",
        "本目的下贵机构每小时查询全部信息主体合计以1000次为限，仅余3次，不足本次查询，"
        "请于2027年1月1日0时（北京时间）起再行查询。",
    ),
    "a consent": (
        Refusal(USE, Reason.CONSENT_EXPIRED, 0),
        "The consent can no longer be used for this request.",
        "Ask the subject for a consent that is in force.",
        "该授权已不能用于本次查询，请向信息主体重新取得授权。",
    ),
}


@pytest.mark.parametrize(("refusal", "text", "hint", "text_zh"), MESSAGES.values(), ids=MESSAGES.keys())
def test_a_refusal_says_what_the_limit_is_and_from_when_to_ask_again(
    refusal: Refusal, text: str, hint: str, text_zh: str
) -> None:
    error = ReservationRefusedError([refusal])
    assert (error.message, error.hint, error.message_zh) == (text, hint, text_zh)


def test_of_a_batch_only_as_many_pass_as_uses_are_left_and_the_others_are_untouched(
    database_url: str,
) -> None:
    async def scenario() -> None:
        async with open_log(database_url) as (_, log):
            wanted = [log.append(an_entry(), (), [IN_ALL, LOANS]) for _ in range(8)]
            others = [log.append(an_entry(), (), [IN_ALL]) for _ in range(8)]
            done = await asyncio.gather(*wanted, *others, return_exceptions=True)
            assert [isinstance(r, Appended) for r in done] == [True] * 5 + [False] * 3 + [True] * 8
            assert await counts(database_url) == {LOANS.key: 5, IN_ALL.key: 13}
            assert await entries(database_url) == 13

    asyncio.run(scenario())


def test_of_limits_that_disagree_each_entry_is_held_to_its_own(database_url: str) -> None:
    async def scenario() -> None:
        async with open_log(database_url) as (_, log):
            small, large = A_DAY._replace(most=2), A_DAY._replace(most=6)
            wanted = [small, small, small, large, large, large, large, large]
            done = await asyncio.gather(
                *(log.append(an_entry(), (), [quota]) for quota in wanted), return_exceptions=True
            )
            assert [isinstance(r, Appended) for r in done] == [True] * 2 + [False] + [True] * 4 + [False]
            assert await counts(database_url) == {A_DAY.key: 6}

    asyncio.run(scenario())


def test_summed_uses_hold_to_the_smallest_limit_or_once_judged_to_the_largest() -> None:
    wanted = [A_DAY, IN_ALL, A_DAY._replace(uses=4, most=9), A_DAY]
    assert sum_quotas(wanted) == [A_DAY._replace(uses=6, most=9), IN_ALL]
    assert sum_quotas(wanted, max) == [A_DAY._replace(uses=6, most=50), IN_ALL]
    assert sum_quotas([]) == []


def test_an_entry_that_names_a_quota_twice_is_judged_by_both_together() -> None:
    counter = UseCounter([], {A_DAY.key: 48})
    error = counter.take([], [A_DAY, A_DAY, A_DAY], NOW)
    assert error is not None
    assert error.refusals == (Refusal(A_DAY, Reason.FAIR_USE_FREQUENCY, 0),)
    assert counter.take([], [A_DAY, A_DAY], NOW) is None
    assert counter.take([], [A_DAY], NOW) is not None


async def hammer(log: AuditLog, quotas: Sequence[QuotaUse], times: int) -> int:
    done = 0
    for _ in range(times):
        try:
            await log.append(an_entry(), (), quotas)
            done += 1
        except ReservationRefusedError:
            continue
    return done


def test_two_writers_never_overdraw_a_quota(database_url: str) -> None:
    async def scenario() -> None:
        async with open_log(database_url) as (_, one), open_log(database_url) as (_, other):
            done = await asyncio.gather(*(hammer(log, [A_DAY], 25) for log in (one, other) for _ in range(4)))
            assert sum(done) == 50
            assert await counts(database_url) == {A_DAY.key: 50}
            assert await entries(database_url) == 50

    asyncio.run(scenario())


def test_processes_never_overdraw_a_quota(database_url: str) -> None:
    tests = Path(__file__).parents[1]

    async def scenario() -> None:
        async with open_log(database_url):
            command = [sys.executable, "-m", "audit.quota_client", database_url, "100"]
            environment = os.environ | {"PYTHONPATH": f"{tests.parent}{os.pathsep}{tests}"}
            clients = [
                await asyncio.create_subprocess_exec(
                    *command, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
                )
                for _ in range(2)
            ]
            outputs = [await client.communicate() for client in clients]
            assert sum(int(out) for out, _ in outputs) == 50, outputs
            assert await counts(database_url) == {A_DAY.key: 50}
            assert await entries(database_url) == 50

    asyncio.run(scenario())


def test_writers_with_several_quotas_count_exactly_what_they_were_given(database_url: str) -> None:
    async def scenario() -> None:
        dice = random.Random(3)
        keys = [A_DAY._replace(subject_id=bytes([n]) * 16, most=20) for n in range(6)]
        given = dict.fromkeys([key.key for key in keys] + [IN_ALL.key], 0)
        async with open_log(database_url) as (database, one), open_log(database_url) as (_, other):
            await grant(database, "c_1", max_uses=60)

            async def client(log: AuditLog) -> None:
                for _ in range(20):
                    wanted = [key._replace(uses=dice.randint(1, 3)) for key in dice.sample(keys, 2)]
                    quotas = [IN_ALL._replace(uses=2, most=90), *wanted]
                    try:
                        await log.append(an_entry(), [USE], quotas)
                    except ReservationRefusedError:
                        continue
                    for quota in quotas:
                        given[quota.key] += quota.uses

            await asyncio.gather(*(client(log) for log in (one, other) for _ in range(4)))
            assert await counts(database_url) == {key: used for key, used in given.items() if used}
            assert max(given[key.key] for key in keys) <= 20
            assert given[IN_ALL.key] <= 90
            (used,) = await administrator(database_url, "SELECT used_count FROM consent")
            assert used[0] * 2 == given[IN_ALL.key]

    asyncio.run(scenario())


def test_a_commit_whose_answer_was_lost_is_not_counted_again(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    genuine, losses = store.append, iter([True, False, True, True, False])

    async def lossy(connection: Any, plan: Any) -> bool:
        done = await genuine(connection, plan)
        if not connection.is_in_transaction() and next(losses, False):
            raise ConnectionResetError
        return done

    async def scenario() -> None:
        async with open_log(database_url) as (database, log):
            await grant(database, "c_1", max_uses=10)
            monkeypatch.setattr(store, "append", lossy)
            ten = A_DAY._replace(most=10)
            results = [await log.append(an_entry(), [USE], [ten]) for _ in range(10)]
            assert [r.index for r in results] == list(range(10))
            with pytest.raises(ReservationRefusedError):
                await log.append(an_entry(), [], [ten])
            assert await counts(database_url) == {ten.key: 10}
            assert (await administrator(database_url, "SELECT used_count FROM consent"))[0][0] == 10

    asyncio.run(scenario())


def test_a_locked_commit_whose_answer_was_lost_is_found_and_those_it_refused_stay_refused(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    genuine, losses = store.LogConnection.transaction, iter([True])

    def lossy(self: store.LogConnection) -> Any:
        from contextlib import asynccontextmanager

        @asynccontextmanager
        async def transaction() -> Any:
            async with genuine(self) as connection:
                yield connection
            if next(losses, False):
                raise ConnectionResetError

        return transaction()

    async def scenario() -> None:
        async with open_log(database_url) as (_, log):
            monkeypatch.setattr(store.LogConnection, "transaction", lossy)
            done = await asyncio.gather(
                *(log.append(an_entry(), (), [LOANS]) for _ in range(7)), return_exceptions=True
            )
            assert [isinstance(r, Appended) for r in done] == [True] * 5 + [False] * 2
            assert all(isinstance(r, ReservationRefusedError) for r in done[5:])
            assert next(losses, None) is None
            assert (await counts(database_url), await entries(database_url)) == ({LOANS.key: 5}, 5)

    asyncio.run(scenario())


def test_connections_killed_in_mid_append_count_each_entry_once(database_url: str) -> None:
    async def scenario() -> None:
        async with open_log(database_url) as (_, log), open_log(database_url) as (_, other):
            stop = asyncio.Event()
            done = 0

            async def client(log: AuditLog) -> None:
                nonlocal done
                while not stop.is_set():
                    try:
                        await log.append(
                            an_entry(), (), [A_DAY._replace(most=10**9), IN_ALL._replace(most=10**9)]
                        )
                        done += 1
                    except UnavailableError:
                        await asyncio.sleep(0.01)

            clients = [asyncio.create_task(client(log)) for log in (log, other) for _ in range(6)]
            dice, kills = random.Random(11), 0
            for _ in range(10):
                wanted = done + dice.randint(1, 40)
                while done < wanted:
                    await asyncio.sleep(dice.random() * 0.003)
                kills += len(await administrator(database_url, KILL))
            stop.set()
            await asyncio.gather(*clients)
            assert kills >= 5
            written = await entries(database_url)
            assert written >= done
            assert await counts(database_url) == {A_DAY.key: written, IN_ALL.key: written}

    asyncio.run(scenario())


def test_the_entry_of_a_waiter_who_leaves_is_counted_like_any_other(database_url: str) -> None:
    async def scenario() -> None:
        async with open_log(database_url) as (_, log):
            tasks = [asyncio.create_task(log.append(an_entry(), (), [A_DAY])) for _ in range(60)]
            for turn, task in enumerate(tasks):
                if turn % 3 == 0:
                    await asyncio.sleep(0)
                    task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await log.append(an_entry())
            assert await entries(database_url) == 51
            assert await counts(database_url) == {A_DAY.key: 50}

    asyncio.run(scenario())


def test_acts_in_between_committed_or_not_leave_the_counts_right(database_url: str) -> None:
    async def scenario() -> None:
        async with open_log(database_url) as (database, log):
            clients = [asyncio.create_task(hammer(log, [A_DAY], 20)) for _ in range(4)]
            for turn in range(20):
                async with database.connection() as connection:
                    transaction = connection.transaction()
                    await transaction.start()
                    await log.append_in(connection, [an_entry()])
                    await (transaction.rollback() if turn % 2 else transaction.commit())
            assert sum(await asyncio.gather(*clients)) == 50
            assert await counts(database_url) == {A_DAY.key: 50}
            assert await entries(database_url) == 60

    asyncio.run(scenario())


def test_an_entry_may_use_a_thousand_consents_and_three_thousand_quotas(database_url: str) -> None:
    async def scenario() -> None:
        async with open_log(database_url) as (database, log):
            subjects = [n.to_bytes(16, "big") for n in range(1000)]
            await grant(database, "c_0", subjects[0])
            await administrator(
                database_url,
                "INSERT INTO consent SELECT decode(lpad(to_hex(n), 32, '0'), 'hex'), 'c_' || n, version, status, grantee,"
                " purpose, valid_from, valid_to, 1, used_count, artefact, granted_at FROM consent, generate_series(1, 999) n",
            )
            uses = [ConsentUse(s, f"c_{n}", 1) for n, s in enumerate(subjects)]
            quotas = [q._replace(subject_id=s, most=1) for s in subjects for q in (A_DAY, A_MONTH, LOANS)]
            await log.append(an_entry(), uses, quotas)
            assert set((await counts(database_url)).values()) == {1}
            with pytest.raises(ReservationRefusedError) as refused:
                await log.append(an_entry(), uses, quotas)
            assert [r.use for r in refused.value.refusals] == [*uses[1:], *quotas]
            assert await entries(database_url) == 1

    asyncio.run(scenario())


def test_entries_that_use_much_are_not_all_committed_together(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> None:
        monkeypatch.setattr(log_module, "BATCH_WEIGHT", 10)
        many = [A_DAY._replace(subject_id=bytes([n]) * 16) for n in range(20)]
        async with open_log(database_url) as (_, log):
            wanted = [many, many[:4], many[:4], many[:1], (), many]
            done = await asyncio.gather(*(log.append(an_entry(), (), quotas) for quotas in wanted))
            assert [r.tree_size for r in done] == [1, 3, 3, 5, 5, 6]
            assert sum((await counts(database_url)).values()) == 49

    asyncio.run(scenario())


def test_the_writer_finds_every_row_by_its_key_also_when_planned_on_small_tables(database_url: str) -> None:
    async def scenario() -> None:
        async with open_log(database_url) as (database, log):
            await grant(database, "c_1")
            await log.append(an_entry(), [USE], [A_DAY])
            await administrator(database_url, "VACUUM ANALYZE consent", "VACUUM ANALYZE quota_count")
            connection = await log._connection.get()
            for text, places in ((store._APPEND, 21), (store._APPEND_COUNTING, 29), (store._READ_QUOTAS, 8)):
                await connection.execute(f"PREPARE planned_{places} AS {text}")
                nulls = ", ".join(["NULL"] * places)
                rows = await connection.fetch(f"EXPLAIN EXECUTE planned_{places}({nulls})")
                plan = "\n".join(row[0] for row in rows)
                assert ("using quota_count_pkey" in plan) == (text != store._APPEND)
                assert "quota_count_window" not in plan
                assert "Seq Scan" not in plan

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("unit", "keep"), [("HOUR", KEEP), ("DAY", KEEP), ("MONTH", KEEP), ("YEAR", KEEP_YEAR)]
)
def test_a_count_is_kept_for_a_year_after_its_window_to_the_second(
    database_url: str, unit: str, keep: timedelta
) -> None:
    async def scenario() -> None:
        async with open_log(database_url) as (database, log):
            counts = QuotaCounts(database)
            await log.append(
                an_entry(), (), [A_DAY._replace(unit=unit, window_start=window_start(unit, NOW))]
            )
            forgotten = window_end(unit, NOW) + keep
            assert await counts.purge(forgotten - timedelta(seconds=1)) == 0
            assert await counts.purge(forgotten) == 1

    asyncio.run(scenario())


def test_old_counts_are_forgotten_a_bounded_number_at_once_and_the_others_stay(database_url: str) -> None:
    async def scenario() -> None:
        async with open_log(database_url) as (database, log):
            old = [
                A_DAY._replace(window_start=A_DAY.window_start - timedelta(days=n)) for n in range(400, 407)
            ]
            await log.append(an_entry(), (), [A_DAY, IN_ALL, *old])
            assert [await QuotaCounts(database).purge(NOW, 3) for _ in range(4)] == [3, 3, 1, 0]
            assert await counts(database_url) == {A_DAY.key: 1, IN_ALL.key: 1}

    asyncio.run(scenario())
