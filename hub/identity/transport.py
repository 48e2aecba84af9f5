"""Which URLs may carry tokens and keys: https, or http on the loopback interface for development."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from hub.errors import ConfigurationError


def require_secure(url: str, name: str) -> str:
    """Check that `url` is https, or http to this very machine, without user, query or fragment.

    Args:
        url: the URL to check.
        name: what the URL is, in English, for the message ("issuer URL").

    Returns:
        `url` unchanged.

    Raises:
        ConfigurationError: when it is anything else (RFC 8414 section 2, RFC 9700 section 2.6).
    """
    if not _secure(url):
        raise ConfigurationError(
            f"The {name} is not an https URL without user, query or fragment.",
            hint="Write https://host; plain http is taken for 127.0.0.1, ::1 and localhost only.",
        )
    return url


def require_issuer(url: str) -> str:
    """Check the hub's own issuer URL: secure, and scheme and host only, as the metadata lies at the root.

    Raises:
        ConfigurationError: when it is not secure, or has a path (RFC 8414 section 3).
    """
    require_secure(url, "issuer URL")
    if urlsplit(url).path:
        raise ConfigurationError(
            "The issuer URL has a path.", hint="Write https://host without a final slash."
        )
    return url


def _secure(url: str) -> bool:
    try:
        parts = urlsplit(url)
        host = parts.hostname
        _ = parts.port
    except ValueError:
        return False
    if not host or parts.username is not None or "?" in url or "#" in url:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and _loopback(host))


def _loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
