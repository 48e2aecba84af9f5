"""The processes of a run: servers and the load generator, started by us, pinned, and stopped by us."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any

import orjson

from hub.bench.machine import pin
from hub.config import Settings
from hub.errors import UnavailableError

_START_SECONDS = 60.0
_STOP_SECONDS = 15.0
_ANSWER_SECONDS = 120.0


def environment(settings: Settings) -> dict[str, str]:
    """The environment that gives a process these settings."""
    given = {k: v for k, v in os.environ.items() if not k.startswith("HUB_")}
    default = Settings()
    for name, value in vars(settings).items():
        if value != getattr(default, name):
            given[f"HUB_{name.upper()}"] = str(value)
    return given


class ServerProcess:
    """One server."""

    def __init__(self, application: str, settings: Settings, cores: Sequence[int], *, name: str = "") -> None:
        """Start it.

        Args:
            application: what it runs, one of `hub.bench.server.CONTESTANTS`.
            settings: given to it by its environment.
            cores: where it is kept; empty: anywhere.
            name: what it is called; empty: like the application.
        """
        self.name = name or application
        with socket.create_server(("127.0.0.1", 0), backlog=256) as listener:
            self.port: int = listener.getsockname()[1]
            self._process = subprocess.Popen(  # noqa: S603
                [sys.executable, "-m", "hub.bench.server", application, str(listener.fileno())],
                env=environment(settings),
                pass_fds=[listener.fileno()],
                stdin=subprocess.DEVNULL,
            )
        pin([self.pid], cores)

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    def wait_until_up(self) -> None:
        """Wait for the first answer, whatever it is.

        Raises:
            UnavailableError: when the process ends or does not answer.
        """
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/healthz", timeout=5):
                    return
            except urllib.error.HTTPError:
                return
            except OSError:
                time.sleep(0.1)
        raise UnavailableError(
            f"The server of the benchmark ({self.name}) does not start.", hint="What it said stands above."
        )

    def ask(self, path: str, body: bytes | None = None, token: str = "") -> dict[str, Any]:
        """One request, outside of any measurement.

        Args:
            path: with a leading slash.
            body: JSON to be posted; None: the request is a GET.
            token: access token; empty: none.

        Raises:
            UnavailableError: when there is no answer with status 200.
        """
        headers = {"content-type": "application/json"} | (
            {"authorization": f"Bearer {token}"} if token else {}
        )
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", body, headers)
        try:
            with urllib.request.urlopen(request, timeout=_ANSWER_SECONDS) as response:  # noqa: S310
                answer: dict[str, Any] = orjson.loads(response.read())
        except OSError as error:
            raise UnavailableError(
                f"The server of the benchmark ({self.name}) does not answer.", hint="Run the tests first."
            ) from error
        return answer

    def stop(self) -> None:
        """End the process."""
        self._process.terminate()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def __enter__(self) -> ServerProcess:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class GeneratorProcess:
    """The load generator."""

    def __init__(self, cores: Sequence[int]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "hub.bench.generator"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        pin([self._process.pid], cores)

    def load(self, name: str, requests: Sequence[bytes], must_not_hold: str = "") -> None:
        """Hand over the requests of a contestant, ready to be sent.

        Args:
            name: the contestant.
            requests: whole HTTP requests.
            must_not_hold: a text that no good answer holds.
        """
        encoded = [b64encode(request).decode() for request in requests]
        self.tell({"do": "load", "name": name, "requests": encoded, "must_not_hold": must_not_hold})

    def tell(self, command: Mapping[str, Any]) -> dict[str, Any]:
        """Give a command and wait for its result.

        Raises:
            UnavailableError: when the load generator has ended.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(orjson.dumps(command) + b"\n")
            self._process.stdin.flush()
        except OSError:
            pass
        line = self._process.stdout.readline()
        if not line:
            raise UnavailableError("The load generator has ended.", hint="What it said stands above.")
        result: dict[str, Any] = orjson.loads(line)
        return result

    def __enter__(self) -> GeneratorProcess:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._process.communicate(timeout=_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()


def http_request(method: str, path: str, body: bytes = b"", token: str = "") -> bytes:
    """A whole HTTP/1.1 request as a client library would send it."""
    lines = [
        f"{method} {path} HTTP/1.1",
        "host: 127.0.0.1",
        "accept: application/json",
        "user-agent: hub-bench",
    ]
    if body:
        lines += ["content-type: application/json", f"content-length: {len(body)}"]
    if token:
        lines.append(f"authorization: Bearer {token}")
    return "\r\n".join((*lines, "", "")).encode() + body
