"""A witness as its own process, and a log that is published under its cosignature."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import sys
import time

import httpx

from hub.audit.cosignatures import require_quorum
from hub.audit.note import verify_checkpoint
from hub.audit.tiles import TileTree
from hub.cli.public_keys import log_verifiers
from hub.config import Settings
from hub.keys.cosign import parse_cosign_verifier

from .conftest import Shell


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_log_is_published_under_the_cosignature_of_a_witness_in_another_process(shell: Shell) -> None:
    key, folder, port = shell.folder / "w.key", shell.folder / "witness", _free_port()
    post_quantum, verifier = shell.done("witness", "init", "witness.example/w1", "--key", str(key)).split()
    assert key.stat().st_mode & 0o777 == 0o600
    assert shell.done("witness", "show", "--key", str(key)).split() == [post_quantum, verifier]
    assert shell("witness", "init", "witness.example/w1", "--key", str(key)).code != 0
    (log,) = log_verifiers(Settings.from_environment())
    process = subprocess.Popen(
        [sys.executable, "-m", "hub", "witness", "serve", "--log", str(log), "--key", str(key),
         "--folder", str(folder), "--port", str(port)],
    )  # fmt: skip
    try:
        url = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                httpx.get(f"{url}/healthz", trust_env=False)
                break
            except httpx.ConnectError:
                time.sleep(0.1)
        out = shell.folder / "log"
        for entries in (1, 3):
            shell.done("audit", "list")
            named = ("--witness", f"{url}={verifier}", "--witness", f"{url}={post_quantum}")
            said = shell.done("audit", "publish", str(out), *named)
            assert f"{entries} entries" in said
            assert "witness.example/w1.\n" in said
            shell.done("audit", "list")
        note = (out / "checkpoint").read_text(encoding="utf-8")
        for one in (verifier, post_quantum):
            require_quorum(note, [parse_cosign_verifier(one)], 1)
        checkpoint = verify_checkpoint(note, log)
        tree = TileTree(checkpoint.size, lambda tile: (out / tile.path).read_bytes())
        assert tree.root() == checkpoint.root
        proof = shell.folder / "proof.json"
        proof.write_text(shell.done("audit", "proof", "1", "--tiles", str(out)), encoding="utf-8")
        assert "entry 1" in shell.done("verify", str(proof))
        assert "witness.example/w1" in shell.done("audit", "proof", "1", "--tiles", str(out), "--tlog")
        assert shell("audit", "proof", "9", "--tiles", str(out)).code != 0
        tile = next(p for p in (out / "tile" / "0").rglob("*") if p.name == str(checkpoint.size))
        tile.write_bytes(bytes(tile.stat().st_size))
        assert "not in the tree" in shell("audit", "proof", "1", "--tiles", str(out)).err
        shutil.rmtree(out)
        out.mkdir()
        assert shell("audit", "proof", "1", "--tiles", str(out)).code == 2
        shell.done("audit", "publish", str(out), "--witness", f"{url}={verifier}")
        note = (out / "checkpoint").read_text(encoding="utf-8")
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
    shell.done("audit", "list")
    ran = shell("audit", "publish", str(out), "--witness", f"{url}={verifier}")
    assert ran.code != 0
    assert (out / "checkpoint").read_text(encoding="utf-8") == note
    assert shell("audit", "publish", str(out), "--witness", f"{url}={verifier}", "--warn").code == 1


def test_more_witnesses_than_are_named_cannot_be_asked_for(shell: Shell) -> None:
    assert shell("audit", "publish", str(shell.folder / "log"), "--quorum", "1").code == 2
    assert shell("audit", "publish", str(shell.folder / "log"), "--witness", "nowhere").code == 2
