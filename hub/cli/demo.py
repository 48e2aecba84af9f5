"""`hub demo`: sets the stage, starts the real server, and plays the story against it over HTTP."""

from __future__ import annotations

import asyncio
import os
import shlex
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, NoReturn

import httpx
import typer
from rich.console import Console

from hub.cli.console import progress_bar, say
from hub.cli.places import Places
from hub.clock import SystemClock
from hub.config import Settings
from hub.demo import story_facts as facts
from hub.demo.generator import DEFAULT_ORGANISATIONS, DEFAULT_PERSONS, Generator
from hub.demo.load import LoadProgress
from hub.demo.policy import put_folder_in_force
from hub.demo.server import free_port, hub_command, running_server
from hub.demo.stage import SEED, Progress, Stage, StageFolders, set_stage
from hub.demo.tale import LOAN, MATTER, STEPS, Tale
from hub.demo.teller import WIDTH, Teller
from hub.demo.visitor import Door
from hub.disclosure.rules import Rules
from hub.loading import load_rules

_QUERY = (
    f'{{"query":"{{ organization(uscc: \\"{facts.COMPANY_USCC}\\")'
    ' { name government { taxGrades { nodes { year grade } } } } }"}'
)
_REVIEW = '{"query":"{ auditEntries(first: 5) { nodes { index at caller purpose outcome reason } } }"}'
_LOADED_LINE_EVERY = 1_000


def demo(
    serve: Annotated[
        bool, typer.Option("--serve", help="Keep the hub running afterwards, until Ctrl-C.")
    ] = False,
    port: Annotated[
        int | None, typer.Option(help="Port; default: a free one, with --serve that of HUB_PORT.")
    ] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Remove what an earlier demo left, and begin anew.")
    ] = False,
    organizations: Annotated[
        int, typer.Option(min=5, help="Synthetic organisations.")
    ] = DEFAULT_ORGANISATIONS,
    persons: Annotated[int, typer.Option(min=5, help="Synthetic persons.")] = DEFAULT_PERSONS,
) -> None:
    """Show the whole hub on synthetic data: a story of one loan application, over HTTP.

    Everything lies in HUB_STATE_DIR/demo: an embedded PostgreSQL, demo keys, 100,000 synthetic records.
    """
    settings = Settings.from_environment()
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGHUP, _stop)
    rules, clock, places = load_rules(settings), SystemClock(), Places.of_demo(settings)
    folders = StageFolders(places.home, places.database, places.ring, places.clients)
    chosen = port or (settings.port if serve else free_port())
    began = time.monotonic()
    size = (organizations, persons)
    say("准备数据库、密钥与演示数据 Setting up database, keys and synthetic data")
    with (
        _progress(sum(size)) as progress,
        set_stage(
            folders, settings.database_url, rules.catalog, clock, size, fresh=fresh, progress=progress
        ) as stage,
    ):
        _report(stage, time.monotonic() - began)
        asyncio.run(put_folder_in_force(stage.url, stage.ring, rules, clock))
        environment = _environment(settings, stage)
        with running_server(environment, chosen, folders.home / "server.log") as url:
            say(f"服务已启动 The hub is running: {url}/graphql")
            try:
                asyncio.run(_tell(url, stage, rules, clock, environment, serve=serve))
            except KeyboardInterrupt:
                say("\n已停止 stopped")
                return
    say(f"\n共 {time.monotonic() - began:.0f} 秒，数据与收据在 {folders.home}")
    say(f"{time.monotonic() - began:.0f} s in all; data and receipts are in that folder.")


async def _tell(
    url: str, stage: Stage, rules: Rules, clock: SystemClock, environment: dict[str, str], *, serve: bool
) -> None:
    console = Console(highlight=False, markup=False, emoji=False, soft_wrap=False)
    console.width = WIDTH if not console.is_terminal else min(WIDTH, console.width)
    titles = {code: f"{p.title.zh} {p.title.en}" for code, p in rules.policy.purposes.items()}
    world = stage.world
    async with httpx.AsyncClient(trust_env=False, timeout=30) as http:
        tale = Tale(
            Door(http, url, stage.folders.clients, clock),
            Teller(console, STEPS),
            titles,
            rules.catalog,
            Generator(world.organisations, world.persons, SEED, world.today),
            stage.folders.papers,
            stage.log_key,
            {**os.environ, **environment},
        )
        await tale.play()
        if serve:
            _curl_lines(url, stage, await tale.grant())
            await asyncio.Event().wait()


def _environment(settings: Settings, stage: Stage) -> dict[str, str]:
    return {
        "HUB_DEMO": "1",
        "HUB_STATE_DIR": str(settings.state_path),
        "HUB_KEYS_DIR": str(stage.folders.ring),
        "HUB_DATABASE_URL": stage.url,
        "HUB_WORKERS": "1",
        "HUB_ISSUER": "",
        "HUB_EXTERNAL_ISSUER": "",
        "HUB_LOG_ORIGIN": stage.ring.manifest.log_origin,
    }


@contextmanager
def _progress(total: int) -> Iterator[Progress]:
    """A bar on a terminal, a line now and then elsewhere."""
    with progress_bar("主体 subjects") as bar:
        task = bar.add_task("加载 loading", total=total, visible=False)

        def moved(state: LoadProgress) -> None:
            bar.update(task, completed=state.subjects, total=state.total, visible=True)
            if bar.disable and state.subjects % _LOADED_LINE_EVERY == 0:
                say(f"  {state.subjects}/{state.total} 主体 subjects, {state.records} 记录 records")
            if state.subjects >= state.total:
                bar.update(task, visible=False)

        yield moved


def _report(stage: Stage, seconds: float) -> None:
    world = stage.world
    how = f"用时 loaded in {seconds:.1f} s" if stage.loaded else "已在库中 already there"
    say(
        f"  {world.organisations} 家组织 organisations · {world.persons} 位个人 persons ·"
        f" {world.records} 条记录 records · {how}"
    )


def _curl_lines(url: str, stage: Stage, consent: str) -> None:
    state = shlex.quote(str(stage.folders.home.parent))
    hub = f"HUB_STATE_DIR={state} {shlex.join(hub_command())}"
    say(
        "\n服务继续运行，可在另一终端试用（Ctrl-C 停止） The hub keeps running; try it from another terminal:"
    )
    asks = (
        (
            "银行 the bank",
            f"bank-hkb --purpose {LOAN} --subject {facts.COMPANY_USCC} --consent {consent}",
            _QUERY,
        ),
        (
            "部门 the department",
            f"dept-amr --purpose GOV_SUPERVISION --subject {facts.COMPANY_USCC} --matter {MATTER}",
            _QUERY,
        ),
        ("隐私专员 the officer", "officer-privacy --purpose AUDIT_REVIEW", _REVIEW),
    )
    for who, token, body in asks:
        say(f"\n# {who}")
        say(f"curl -s {url}/graphql -H 'Content-Type: application/json' \\")
        say(f'  -H "Authorization: Bearer $({hub} token {token} --url {url})" \\')
        say(f"  -d {shlex.quote(body)}; echo")


def _stop(number: int, _frame: object) -> NoReturn:
    raise SystemExit(128 + number)  # as shells count a program that a signal ended
