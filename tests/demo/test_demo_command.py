"""`hub demo` from nothing, in a small world: the whole story over HTTP, again, interrupted, and side by side."""

import fcntl
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from rich.cells import cell_len

from hub.cli.documents import block
from hub.store.embedded import EmbeddedServer

ROOT = Path(__file__).parents[2]


@dataclass
class Stand:
    """A folder to run demos in, and what they printed."""

    state: Path
    outputs: dict[str, str] = field(default_factory=dict)

    def run(self, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
        variables = {k: v for k, v in os.environ.items() if not k.startswith("HUB_")}
        variables |= {"HUB_STATE_DIR": str(self.state), "PYTHONPATH": str(ROOT), **environment}
        return subprocess.run(
            [sys.executable, "-m", "hub", "demo", "--organizations", "8", "--persons", "5", *options],
            env=variables, capture_output=True, text=True, timeout=300, check=False, cwd="/",
        )  # fmt: skip

    @property
    def server(self) -> EmbeddedServer:
        return EmbeddedServer(self.state / "demo" / "postgres")


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    made = Stand(tmp_path_factory.mktemp("a folder with spaces") / "state")
    first, second = made.run(), made.run()
    made.outputs = {"first": first.stdout, "second": second.stdout}
    assert first.returncode == 0, first.stdout + first.stderr
    assert second.returncode == 0, second.stdout + second.stderr
    yield made
    made.server.remove()


TOLD = {
    "a bank without consent is refused and told why": "拒绝 refused: CONSENT_REQUIRED",
    "the company grants consent": "← ACTIVE c_",
    "the bank gets fields in clear": "legalRepresentative.name            符海澜",
    "the bank gets masked fields with their rule": "469999********9993  规则 rule B-LOAN-02",
    "what a rule shuts is withheld with the rule": "规则 rule B-LOAN-22",
    "what the consent leaves out is withheld for that": "主体的授权未包含此类信息。",
    "the receipt verifies without the hub": "ok  data, disclosure notes and errors are those the entry commits to",
    "a changed copy does not verify": "BAD the data, notes or errors are not those that the log entry commits to",
    "a department is not shown loans": "规则 rule X-DEPT-01",
    "the officer sees who looked": "dept-amr     GOV_SUPERVISION   LoanFile        DISCLOSED",
    "the company sees who looked": "海口示范银行（演示）            LOAN_APPLICATION  DISCLOSED",
    "its ledger says so in words": "asked for “Decision on a loan",
    "after withdrawal the bank is refused": "拒绝 refused: CONSENT_WITHDRAWN",
    "wrong rows of a file come back": "CHECKSUM_MISMATCH",
    "an evidence pack verifies without the hub": "ok  一致 consistency: all checkpoints in the pack are of one log",
}


@pytest.mark.parametrize("case", TOLD)
def test_the_story_shows_that(stand: Stand, case: str) -> None:
    assert TOLD[case] in stand.outputs["first"]
    assert TOLD[case] in stand.outputs["second"]


def test_the_full_identity_number_of_the_representative_is_printed_nowhere(stand: Stand) -> None:
    assert "469999198506159993" not in stand.outputs["first"]


def test_detection_finds_nothing_in_the_story(stand: Stand) -> None:
    variables = {k: v for k, v in os.environ.items() if not k.startswith("HUB_")}
    variables |= {"HUB_STATE_DIR": str(stand.state), "PYTHONPATH": str(ROOT), "HUB_DEMO": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "hub", "audit", "detect"],
        env=variables, capture_output=True, text=True, timeout=120, check=False, cwd="/",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"0 findings over \d\d+ entries, 0 of them withheld\.\n", done.stdout)


def test_a_second_run_loads_nothing(stand: Stand) -> None:
    assert "用时 loaded in" in stand.outputs["first"]
    assert "已在库中 already there" in stand.outputs["second"]


def test_output_fits_one_hundred_columns_and_has_no_control_codes(stand: Stand) -> None:
    told = stand.outputs["first"].split("【1/10】")[1].split("【9/10】")[0].rstrip("\n").splitlines()
    assert [line for line in told if cell_len(line) > 100 and "sub_" not in line] == []
    assert "\x1b" not in stand.outputs["first"]
    assert [line for line in told if line != line.rstrip()] == []


def test_everything_that_was_started_is_stopped(stand: Stand) -> None:
    assert not stand.server.running


def test_an_interrupted_load_is_repaired(stand: Stand) -> None:
    (stand.state / "demo" / "loaded.json").unlink()
    again = stand.run()
    assert again.returncode == 0, again.stderr
    assert "用时 loaded in" in again.stdout


def test_records_that_the_demo_did_not_load_are_never_mixed_with_its_own(
    stand: Stand, database_url: str
) -> None:
    ring = stand.state / "demo" / "ring"
    elsewhere = Stand(stand.state.parent / "other")
    try:
        assert elsewhere.run(HUB_DATABASE_URL=database_url).returncode == 0
        refused = stand.run(HUB_DATABASE_URL=database_url)
        assert refused.returncode == 2
        assert "records that this demo has not loaded" in refused.stderr
        fresh = elsewhere.run("--fresh", HUB_DATABASE_URL=database_url)
        assert fresh.returncode == 2
        assert "never emptied" in fresh.stderr
        assert ring.is_dir()
    finally:
        elsewhere.server.remove()


def test_two_demos_do_not_share_a_folder(stand: Stand) -> None:
    with (stand.state / "demo" / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        refused = stand.run()
    assert refused.returncode == 2
    assert "Another demo runs in this folder" in refused.stderr


def test_fresh_begins_anew_with_new_keys(stand: Stand) -> None:
    before = (stand.state / "demo" / "ring" / "public.json").read_bytes()
    fresh = stand.run("--fresh")
    assert fresh.returncode == 0, fresh.stderr
    assert "用时 loaded in" in fresh.stdout
    assert (stand.state / "demo" / "ring" / "public.json").read_bytes() != before


def test_the_output_in_the_readme_is_what_the_demo_prints(stand: Stand) -> None:
    def normal(line: str) -> str:
        return re.sub(r"\d+", "0", line)

    printed = {normal(line) for line in stand.outputs["first"].splitlines()}
    shown = block((ROOT / "README.md").read_text(encoding="utf-8"), "story").splitlines()
    lines = [line for line in shown if line.strip() not in ("", "…") and not line.startswith("```")]
    assert len(lines) > 30
    assert [line for line in lines if normal(line) not in printed] == []
