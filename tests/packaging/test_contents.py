"""What the wheel and the sdist hold: what was meant to ship, and no key or stray file."""

import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SHIPPED = re.compile(
    r"hub/(?!_data/)(\w+/)*\w+\.py|hub/py\.typed|hub/store/migrations/script\.py\.mako|hub/bench/\w+\.graphql|hub/model/countries\.csv"
    r"|hub/_data/schema/(\w+/)*\w+\.(toml|graphql)"
    r"|hub/_data/schema/documents/[\w-]+(\.graphql|\.certificate\.json)|hub/_data/schema/documents/manifest\.json"
    r"|hub/_data/policies/\w+\.(toml|csv|conf)|credit_hub-[\d.]+\.dist-info/.+"
)
SOURCES = re.compile(
    r"(hub|tests)/(\w+/)*[\w]+\.(py|toml|csv|json|graphql)|hub/py\.typed|hub/store/migrations/script\.py\.mako"
    r"|schema/documents/[\w-]+(\.graphql|\.certificate\.json)|schema/documents/manifest\.json"
    r"|schema/(\w+/)*\w+\.(toml|graphql)|policies/\w+\.(toml|csv|conf)|docs/([\w-]+/)*[\w.-]+\.md"
    r"|requirements/\w+\.txt|keys/README\.md|\.ci/run|\.gitignore|Makefile|LICENSE|PKG-INFO|pyproject\.toml|\w+(\.zh)?\.md"
)
PRIVATE_KEY = re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----|\"d\":\s*\"[A-Za-z0-9_-]{43}\"")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Wheel and sdist, built from a copy of the checkout that has strays and keys lying about."""
    folder = tmp_path_factory.mktemp("build")
    ignored = shutil.ignore_patterns(
        ".git", ".venv", ".hub", ".*_cache", ".hypothesis", "__pycache__", "dist", "build"
    )
    copy = folder / "checkout"
    shutil.copytree(ROOT, copy, ignore=ignored)
    for stray in (
        "hub/notes.txt",
        "hub/keys/secret.jwk",
        "hub/keys/key.pem",
        "schema/ring.json",
        "policies/x.pem",
        "stray.py",
    ):
        (copy / stray).write_text("stray", encoding="utf-8")
    private = copy / "keys" / "private"
    private.mkdir(parents=True)
    (private / "ring.json").write_text("{}", encoding="utf-8")
    for kind in ("wheel", "sdist"):
        script = f"from hatchling.build import build_{kind} as b; b({str(folder)!r})"
        done = subprocess.run(
            [sys.executable, "-c", script], cwd=copy, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
    return folder


def wheel(built: Path) -> zipfile.ZipFile:
    return zipfile.ZipFile(next(built.glob("*.whl")))


def sdist(built: Path) -> dict[str, bytes]:
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        files = [member for member in archive if member.isfile()]
        return {m.name.partition("/")[2]: archive.extractfile(m).read() for m in files}  # type: ignore[union-attr]


def test_the_wheel_holds_nothing_that_is_not_on_the_list(built: Path) -> None:
    with wheel(built) as archive:
        assert [name for name in archive.namelist() if not SHIPPED.fullmatch(name)] == []


def test_the_sdist_holds_nothing_that_is_not_on_the_list(built: Path) -> None:
    assert [name for name in sdist(built) if not SOURCES.fullmatch(name)] == []


def test_neither_holds_a_private_key(built: Path) -> None:
    with wheel(built) as archive:
        packed = {name: archive.read(name) for name in archive.namelist()}
    for name, content in {**packed, **sdist(built)}.items():
        assert name.endswith("test_contents.py") or not PRIVATE_KEY.search(content), name


def test_the_wheel_holds_all_code_and_every_file_of_schema_and_policies(built: Path) -> None:
    with wheel(built) as archive:
        names = set(archive.namelist())
    wanted = {str(path.relative_to(ROOT)) for path in (ROOT / "hub").rglob("*.py")}
    for folder in ("schema", "policies"):
        files = [path for path in (ROOT / folder).rglob("*") if path.is_file()]
        wanted |= {f"hub/_data/{path.relative_to(ROOT)}" for path in files}
    assert wanted - names == set()


def test_the_sdist_can_be_built_and_tested_by_others(built: Path) -> None:
    names = set(sdist(built))
    assert {
        "pyproject.toml",
        "Makefile",
        "requirements/dev.txt",
        "tests/conftest.py",
        "policies/rules.csv",
    } <= names


def test_an_installed_wheel_finds_its_own_copy_of_schema_and_policies(built: Path, tmp_path: Path) -> None:
    with wheel(built) as archive:
        archive.extractall(tmp_path)
    script = "from hub.folders import locate; print(locate('schema')); print(locate('policies'))"
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd="/",
        env={"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == [str(tmp_path / "hub/_data/schema"), str(tmp_path / "hub/_data/policies")]
