"""The locks: everything that is installed is named once, with hashes, and comes from no address of its own."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LOCKS = {
    name: (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
    for name in ("build", "run", "dev")
}
NEEDED = {
    "run": PROJECT["project"]["dependencies"],
    "build": [*PROJECT["build-system"]["requires"], *PROJECT["dependency-groups"]["build"]],
    "dev": [
        *PROJECT["project"]["dependencies"],
        *(d for d in PROJECT["dependency-groups"]["dev"] if isinstance(d, str)),
    ],
}


def blocks(lock: str) -> dict[str, str]:
    """Every pinned requirement with the lines that belong to it, by normalised name."""
    found = re.findall(r"^([A-Za-z0-9._-]+)==(\S+)((?:.*\\\n)(?:    .*\n?)+)", lock, re.MULTILINE)
    return {re.sub(r"[-_.]+", "-", name).lower(): f"{version}{rest}" for name, version, rest in found}


def without_marker(pin: str) -> str:
    return re.sub(r" ; .*? \\\n", " ", pin).replace(" \\\n", " ", 1)


@pytest.mark.parametrize("name", LOCKS)
def test_every_dependency_of_the_project_is_locked_at_a_version_that_satisfies_it(name: str) -> None:
    locked = blocks(LOCKS[name])
    for text in NEEDED[name]:
        need = Requirement(text)
        key = re.sub(r"[-_.]+", "-", need.name).lower()
        assert key in locked, f"{key} is missing: run `make lock`"
        assert need.specifier.contains(locked[key].split()[0], prereleases=True), key


@pytest.mark.parametrize("name", LOCKS)
def test_every_line_of_a_lock_is_a_pin_or_a_sha256(name: str) -> None:
    for line in LOCKS[name].splitlines():
        assert re.fullmatch(r"[A-Za-z0-9._-]+==\S+( ; .+)? \\|    --hash=sha256:[0-9a-f]{64}( \\)?", line), (
            line
        )


@pytest.mark.parametrize("name", LOCKS)
def test_no_lock_names_an_address(name: str) -> None:
    assert "://" not in LOCKS[name]
    assert "index" not in LOCKS[name]


def test_the_locks_agree_with_each_other() -> None:
    run, dev, build = (blocks(LOCKS[name]) for name in ("run", "dev", "build"))
    for name, pinned in (run | build).items():
        assert name not in dev or without_marker(dev[name]) == without_marker(pinned), name
