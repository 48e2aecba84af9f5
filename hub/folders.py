"""Where `schema/` and `policies/` are found: explicit setting, then the copy in the wheel, then the checkout.

The current directory is never looked at, so a stray folder cannot change what the hub discloses.
"""

from __future__ import annotations

from pathlib import Path

from hub.errors import ConfigurationError

_PACKAGE = Path(__file__).resolve().parent


def locate(name: str, explicit: str = "") -> Path:
    """The folder `name` (`schema` or `policies`).

    Raises:
        ConfigurationError: when the explicit folder does not exist, or none is found.
    """
    if explicit:
        path = Path(explicit).expanduser().resolve()
        if not path.is_dir():
            raise ConfigurationError(
                f"The {name} folder that was set does not exist.", hint=f"Correct HUB_{name.upper()}_DIR."
            )
        return path
    for candidate in (_PACKAGE / "_data" / name, _PACKAGE.parent / name):
        if candidate.is_dir():
            return candidate
    raise ConfigurationError(
        f"There is no {name} folder.", hint=f"Set HUB_{name.upper()}_DIR or reinstall the package."
    )
