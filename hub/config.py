"""Settings, read once from `HUB_…` environment variables, frozen, and handed down as an argument."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from hub.errors import ConfigurationError


def _setting(
    default: Any, text: str, *, secret: bool = False, least: float | None = None, most: float | None = None
) -> Any:
    return field(default=default, metadata={"help": text, "least": least, "most": most}, repr=not secret)


@dataclass(frozen=True)
class Settings:
    """Everything an operator can set. Each field `name` is read from `HUB_NAME`."""

    database_url: str = _setting("", "PostgreSQL URL; empty: the embedded server", secret=True)
    state_dir: str = _setting(
        "~/.local/state/credit-hub", "folder for embedded database, demo keys and quarantine"
    )
    keys_dir: str = _setting(
        "", "private key ring made by `hub keys init`; no default: unset refuses to start"
    )
    schema_dir: str = _setting("", "catalogue folder; empty: packaged copy, then the checkout's schema/")
    policies_dir: str = _setting("", "policy folder; empty: packaged copy, then the checkout's policies/")
    issuer: str = _setting("", "issuer URL of access tokens; empty: http://HOST:PORT of this server")
    external_issuer: str = _setting("", "URL of an external OAuth issuer; empty: the embedded one")
    external_jwks_url: str = _setting("", "JWKS URL of the external issuer")
    external_audience: str = _setting(
        "", "audience required in tokens of the external issuer; empty: this hub's issuer URL"
    )
    host: str = _setting("127.0.0.1", "address to listen on")
    port: int = _setting(8080, "port to listen on", least=0, most=65535)
    workers: int = _setting(1, "server processes", least=1, most=256)
    pool_size: int = _setting(
        16, "database connections of each process on the request path", least=1, most=1000
    )
    token_lifetime: int = _setting(300, "seconds an access token lives", least=10, most=86400)
    max_body_bytes: int = _setting(65536, "largest request body in bytes", least=1024)
    max_submission_bytes: int = _setting(
        4_194_304, "largest request body of a token for supplying data, in bytes", least=1024
    )
    max_upload_bytes: int = _setting(
        268_435_456, "largest file that a department's system may upload, in bytes", least=1024
    )
    max_depth: int = _setting(12, "deepest nesting of a GraphQL document", least=8)
    max_tokens: int = _setting(2000, "most lexical tokens in a GraphQL document", least=100)
    max_aliases: int = _setting(30, "most aliases in a GraphQL document", least=0)
    max_page_size: int = _setting(100, "largest `first` of a list", least=1, most=1000)
    max_queue: int = _setting(1024, "requests waiting for the audit log before new ones are refused", least=1)
    request_timeout: float = _setting(10.0, "seconds after which a request is given up", least=0.1)
    export_timeout: float = _setting(
        120.0, "seconds after which an export of many subjects is given up", least=0.1
    )
    webhook_networks: str = _setting(
        "",
        "private networks that webhooks of recalls may reach, as CIDR, separated by commas; none by default",
    )
    max_answer_bytes: int = _setting(
        33_554_432, "most bytes of data in one answer that is not an export", least=1024
    )
    log_origin: str = _setting("credit-hub.example/audit", "origin line of audit checkpoints")
    demo: bool = _setting(False, "accept synthetic identifiers and demo keys; never in production")
    trusted_documents: str = _setting(
        "", "`required`: registered documents only; `optional`: any; empty: optional in the demo alone"
    )
    introspection: bool = _setting(True, "answer introspection queries of authenticated callers")

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None, **overrides: Any) -> Settings:
        """Read the settings.

        Raises:
            ConfigurationError: on an unknown `HUB_…` variable or a value that does not fit.
        """
        source = os.environ if environment is None else environment
        known = {f"HUB_{f.name.upper()}": f for f in fields(cls)}
        values: dict[str, Any] = {}
        for name, text in source.items():
            if not name.startswith("HUB_"):
                continue
            if name not in known:
                raise ConfigurationError(
                    f"There is no setting {name}.", hint="`hub serve --help` lists the settings."
                )
            setting = known[name]
            values[setting.name] = _read(name, text, type(setting.default))
        values.update({k: v for k, v in overrides.items() if v is not None})
        for name, setting in known.items():
            if setting.name in values:
                _check_range(name, values[setting.name], setting.metadata)
        return cls(**values)

    @property
    def documents_required(self) -> bool:
        """Whether clients may send registered documents only.

        Raises:
            ConfigurationError: when the setting is neither `required` nor `optional`.
        """
        if self.trusted_documents not in ("", "required", "optional"):
            raise ConfigurationError(
                "HUB_TRUSTED_DOCUMENTS must be `required` or `optional`.",
                hint="Correct the variable and start again.",
            )
        return self.trusted_documents == "required" or not (self.trusted_documents or self.demo)

    @property
    def state_path(self) -> Path:
        """`state_dir` as an absolute path."""
        return Path(self.state_dir).expanduser().resolve()

    @property
    def home_path(self) -> Path:
        """The folder in `state_dir` that these settings work in; the demo has one of its own."""
        return self.state_path / "demo" if self.demo else self.state_path


def _read(name: str, text: str, kind: type) -> Any:
    try:
        if kind is bool:
            return {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False, "": False}[
                text.strip().lower()
            ]
        return kind(text.strip())
    except (KeyError, ValueError) as error:
        zh, en = _KINDS[kind]
        raise ConfigurationError(
            f"{name} must be {en}.",
            hint="Correct the variable and start again.",
            message_zh=f"{name} 应为{zh}。",
        ) from error


_KINDS: Mapping[type, tuple[str, str]] = {
    bool: ("1 或 0", "1 or 0"),
    int: ("整数", "a whole number"),
    float: ("数字", "a number"),
    str: ("文本", "a text"),
}


def _check_range(name: str, value: Any, metadata: Mapping[str, Any]) -> None:
    """Refuse a number that the setting cannot mean."""
    least, most = metadata["least"], metadata["most"]
    if least is not None and not least <= value <= (most if most is not None else value):
        bounds = f"{least} to {most}" if most is not None else f"at least {least}"
        raise ConfigurationError(
            f"{name} is out of range: {bounds}.",
            hint="Correct the variable and start again.",
            message_zh=f"{name} 超出范围（{bounds}）。",
        )
