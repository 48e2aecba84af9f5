"""The server as an operator starts it: another process, a real port, a real database."""

from __future__ import annotations

import base64
import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from hub.cli.serve import server_options
from hub.config import Settings
from hub.store.embedded import EmbeddedServer

from .conftest import COMPANY, Shell


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextmanager
def serving(*options: str) -> Iterator[str]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "hub", "serve", "--port", str(port), *options]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        wait_for(url, process)
        yield url
    finally:
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=60)
    assert "Traceback" not in errors


def wait_for(url: str, process: subprocess.Popen[str]) -> None:
    for _ in range(600):
        if process.poll() is not None:
            raise AssertionError(process.communicate()[1])
        try:
            if httpx.get(f"{url}/readyz").status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise AssertionError("the server did not come up")


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_bank_asks_with_a_token_of_the_command_line_and_verifies_the_saved_answer(
    shell: Shell, workers: str
) -> None:
    shell.ingest(shell.penalties())
    consent = shell.grant().out.strip()
    with serving("--workers", workers) as url:
        asked = ("--purpose", "LOAN_APPLICATION", "--subject", COMPANY, "--consent", consent, "--url", url)
        token = shell.done("token", "bank-hkb", *asked)
        assert token.count("\n") == 1
        two = ("--subject", COMPANY, "--subject", f"sub_{'f' * 32}", "--consent", consent, "--consent", "c_2")
        more = ("--template", "FU-LOAN-1", "--url", url)
        body = shell.done("token", "bank-hkb", "--purpose", "LOAN_APPLICATION", *two, *more).split(".")[1]
        (detail,) = json.loads(base64.urlsafe_b64decode(body + "==="))["authorization_details"]
        assert (detail["consents"], detail["template"]) == ([consent, "c_2"], "FU-LOAN-1")
        query = "query Q($u: USCC!) { organization(uscc: $u) { government { penalties { nodes { documentNo } } } } }"
        answer = httpx.post(
            f"{url}/graphql",
            json={"query": query, "variables": {"u": COMPANY}},
            headers={"authorization": f"Bearer {token.strip()}"},
        )
    assert "server" not in answer.headers
    assert answer.json()["data"]["organization"]["government"]["penalties"]["nodes"]
    check_saved_answer(shell, answer.content)


def check_saved_answer(shell: Shell, content: bytes) -> None:
    file = shell.folder / "answer.json"
    file.write_bytes(content)
    ran = shell("verify", str(file))
    assert ran.code == 0, ran
    assert ran.out.count("✓") == 3
    public = json.loads((shell.places.ring / "public.json").read_bytes())
    assert shell("verify", str(file), "--key", public["log_verifiers"][0]).code == 0
    assert "1 earlier checkpoint" in shell.done("audit", "verify", "--from", str(file))
    altered = json.loads(content)
    altered["data"]["organization"]["government"]["penalties"]["nodes"] = []
    file.write_text(json.dumps(altered), encoding="utf-8")
    ran = shell("verify", str(file))
    assert ran.code == 1
    assert "✗" in ran.out


def test_without_keys_it_refuses_with_exit_code_two_and_says_what_to_do(bare: Shell) -> None:
    ran = subprocess.run([sys.executable, "-m", "hub", "serve"], capture_output=True, text=True, timeout=120)
    assert ran.returncode == 2
    assert "hub keys init" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert not (bare.folder / "state").exists()


def test_demo_keys_are_refused_outside_the_demo(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB_DEMO", "0")
    ran = shell("serve")
    assert ran.code == 2
    assert "HUB_DEMO=1" in ran.err
    monkeypatch.setenv("HUB_KEYS_DIR", str(shell.places.ring))
    assert "made for the demo" in shell("serve").err


def test_a_database_that_does_not_answer_is_one_clean_message(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUB_DATABASE_URL", f"postgresql://hub@127.0.0.1:{free_port()}/hub")
    for command in (["serve"], ["migrate"], ["audit", "list"]):
        ran = shell(*command)
        assert ran.code == 2
        assert "does not answer" in ran.err


def test_a_database_without_the_newest_schema_asks_for_migrate(
    shell: Shell, postgres: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUB_DATABASE_URL", postgres.url("postgres"))
    ran = shell("serve")
    assert ran.code == 2
    assert "hub migrate" in ran.err


def test_migrate_says_at_which_revision_the_database_is(shell: Shell) -> None:
    assert "revision 0001" in shell.done("migrate")


def test_without_a_database_url_the_embedded_server_runs_as_long_as_the_command(
    bare: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    ring = bare.folder / "ring"
    bare.done("keys", "init", str(ring))
    monkeypatch.setenv("HUB_KEYS_DIR", str(ring))
    embedded = EmbeddedServer(bare.folder / "state" / "postgres")
    try:
        with serving() as url:
            assert embedded.running
            assert httpx.get(f"{url}/healthz").status_code == 200
        assert not embedded.running
        assert "index" in bare.done("audit", "list")
        assert not embedded.running
    finally:
        embedded.remove()


def test_the_server_tells_nothing_about_itself_and_trusts_no_proxy() -> None:
    options = server_options(Settings())
    assert not options["server_header"]
    assert not options["proxy_headers"]
    assert not options["access_log"]


def test_a_token_without_a_running_hub_is_refused_with_an_empty_stdout(shell: Shell) -> None:
    ran = shell(
        "token", "bank-hkb", "--purpose", "LOAN_APPLICATION", "--url", f"http://127.0.0.1:{free_port()}"
    )
    assert (ran.code, ran.out) == (2, "")
    assert "hub serve" in ran.err


def test_a_token_of_an_unknown_client_names_the_clients(shell: Shell) -> None:
    ran = shell("token", "bank-zzz", "--purpose", "LOAN_APPLICATION")
    assert ran.code == 2
    assert "bank-hkb" in ran.err


def test_a_response_that_is_no_json_has_exit_code_two(shell: Shell) -> None:
    file = shell.folder / "x.json"
    file.write_text("nothing", encoding="utf-8")
    assert shell("verify", str(file)).code == 2


def test_a_port_in_use_is_said_before_a_database_is_started(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUB_DATABASE_URL", "postgresql://nobody@127.0.0.1:9/nowhere")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ran = shell("serve", "--port", str(taken.getsockname()[1]))
    assert ran.code == 2
    assert "cannot listen on 127.0.0.1" in ran.err
