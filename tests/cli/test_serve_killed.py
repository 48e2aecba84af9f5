"""A hub that is killed while it answers: no answer that anybody got is without its entry in the log."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from typing import Any

import httpx

from .conftest import COMPANY, Shell
from .test_serve import free_port, wait_for

KILLS = max(2, int(os.environ.get("HUB_CRASHES", "4")) // 10)
CLIENTS = 8
QUERY = "query Q($u: USCC!) { organization(uscc: $u) { government { penalties { nodes { documentNo } } } } }"


def ask_until_it_dies(url: str, token: str, answers: list[dict[str, Any]], stop: threading.Event) -> None:
    body = {"query": QUERY, "variables": {"u": COMPANY}}
    with httpx.Client(headers={"authorization": f"Bearer {token}"}) as client:
        while not stop.is_set():
            try:
                answers.append(client.post(f"{url}/graphql", json=body).json())
            except (httpx.TransportError, json.JSONDecodeError):
                return


def one_life(shell: Shell, consent: str, dice: random.Random) -> list[dict[str, Any]]:
    """Start a hub, ask it from many sides, kill it; the answers that came back whole."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    process = subprocess.Popen(
        [sys.executable, "-m", "hub", "serve", "--port", str(port)], stderr=subprocess.PIPE, text=True
    )
    answers: list[dict[str, Any]] = []
    stop = threading.Event()
    try:
        wait_for(url, process)
        asked = ("--purpose", "LOAN_APPLICATION", "--subject", COMPANY, "--consent", consent, "--url", url)
        token = shell.done("token", "bank-hkb", *asked).strip()
        clients = [
            threading.Thread(target=ask_until_it_dies, args=(url, token, answers, stop))
            for _ in range(CLIENTS)
        ]
        for client in clients:
            client.start()
        wanted = dice.randint(5, 60)
        while len(answers) < wanted and process.poll() is None:
            time.sleep(0.001)
    finally:
        process.send_signal(signal.SIGKILL)
        stop.set()
        process.communicate()
    for client in clients:
        client.join()
    return answers


def test_every_answer_of_a_hub_that_was_killed_has_its_entry_where_its_receipt_says(shell: Shell) -> None:
    shell.ingest(shell.penalties())
    consent = shell.grant().out.strip()
    dice = random.Random(23)
    answers = [answer for _ in range(KILLS) for answer in one_life(shell, consent, dice)]
    receipts = [answer["extensions"]["receipt"] for answer in answers]
    assert len(receipts) >= 5 * KILLS
    lines = shell.done("audit", "list", "--json", "--limit", "1000").splitlines()
    logged = {line["index"]: line["entry"] for line in map(json.loads, lines)}
    for receipt in receipts:
        assert logged[receipt["index"]] == json.loads(receipt["entry"])
    assert len({receipt["index"] for receipt in receipts}) == len(receipts)
    newest = max(receipts, key=lambda receipt: int(receipt["treeSize"]))
    kept = shell.folder / "receipt.json"
    kept.write_text(json.dumps(newest), encoding="utf-8")
    shell.done("audit", "fsck")
    assert "continues 1 earlier" in shell.done("audit", "verify", "--from", str(kept))
