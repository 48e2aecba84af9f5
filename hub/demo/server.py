"""Runs the real server for the demo: `hub serve` in a process of its own, stopped when the block ends."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx

from hub.errors import ConfigurationError, UnavailableError

HOST = "127.0.0.1"
_START_SECONDS = 60.0
_STOP_SECONDS = 15.0
_TAIL_LINES = 5


def free_port() -> int:
    """A TCP port of the loopback address that nobody listens on now."""
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        return int(listener.getsockname()[1])


def hub_command() -> list[str]:
    """The command `hub` of this installation."""
    script = Path(sys.executable).with_name("hub")
    return [str(script)] if script.exists() else [sys.executable, "-m", "hub"]


@contextmanager
def running_server(environment: Mapping[str, str], port: int, log: Path) -> Iterator[str]:
    """Start the server and wait until it is ready; gives its URL.

    Args:
        environment: `HUB_…` variables, added to those of this process; secrets go this way, never by arguments.
        port: port of the loopback address.
        log: file for what the server prints.

    Raises:
        ConfigurationError: when the port is taken.
        UnavailableError: when the server ends or is not ready in time.
    """
    _refuse_taken(port)
    url = f"http://{HOST}:{port}"
    arguments = [*hub_command(), "serve", "--host", HOST, "--port", str(port)]
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603
            arguments,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for the demo, which stops the server in order
        )
        try:
            _wait(process, url, log)
            yield url
        finally:
            _stop(process)


def _refuse_taken(port: int) -> None:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
        except OSError:
            raise ConfigurationError(
                f"Port {port} is taken.", hint="Choose another with --port.", message_zh="端口已被占用。"
            ) from None


def _wait(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    until = time.monotonic() + _START_SECONDS
    with httpx.Client(trust_env=False, timeout=2) as http:
        while time.monotonic() < until:
            if process.poll() is not None:
                break
            try:
                if http.get(f"{url}/readyz").status_code == httpx.codes.OK:
                    return
            except httpx.HTTPError:
                pass
            time.sleep(0.05)
    tail = " / ".join(log.read_text(errors="replace").strip().splitlines()[-_TAIL_LINES:])
    raise UnavailableError(
        f"The server did not start ({tail}).", hint="Mend what it says and run the demo again."
    )


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
