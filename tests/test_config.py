"""Settings: read from the environment, frozen, and refused when they cannot be meant."""

from __future__ import annotations

import pytest

from hub.config import Settings
from hub.errors import ConfigurationError

REFUSED: dict[str, tuple[str, str]] = {
    "an unknown name": ("HUB_PORTT", "8080"),
    "a port that does not exist": ("HUB_PORT", "99999"),
    "a negative port": ("HUB_PORT", "-1"),
    "a port in words": ("HUB_PORT", "eighty"),
    "no server process": ("HUB_WORKERS", "0"),
    "a depth below what introspection needs": ("HUB_MAX_DEPTH", "-1"),
    "a timeout of nothing": ("HUB_REQUEST_TIMEOUT", "0"),
    "a timeout that is no number": ("HUB_REQUEST_TIMEOUT", "nan"),
    "a switch that is neither on nor off": ("HUB_DEMO", "maybe"),
}


@pytest.mark.parametrize("case", REFUSED, ids=lambda c: c)
def test_it_refuses(case: str) -> None:
    name, text = REFUSED[case]
    with pytest.raises(ConfigurationError, match=name):
        Settings.from_environment({name: text})


def test_an_option_of_a_command_is_held_to_the_same_bounds() -> None:
    with pytest.raises(ConfigurationError, match="HUB_PORT"):
        Settings.from_environment({}, port=99999)


def test_what_is_set_is_read_and_the_rest_keeps_its_default() -> None:
    settings = Settings.from_environment({"HUB_PORT": " 9000 ", "HUB_DEMO": "yes", "PATH": "/bin"})
    assert (settings.port, settings.demo, settings.workers) == (9000, True, 1)


def test_the_database_password_does_not_show() -> None:
    assert "secret" not in repr(Settings(database_url="postgresql://hub:secret@db/hub"))
