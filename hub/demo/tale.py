"""The story: ten things that happen around one loan application, played against a running hub over HTTP.

Each step asserts what it shows: if the hub answers otherwise, the story stops with an error instead of telling it.
"""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zipfile import ZipFile

from hub.audit import offline
from hub.catalog.types import Catalog
from hub.demo import questions as q
from hub.demo import story_facts as facts
from hub.demo.clients import DEMO_CLIENTS
from hub.demo.dirty import FileKind, write_department_file
from hub.demo.generator import Generator
from hub.demo.server import hub_command
from hub.demo.teller import Teller
from hub.demo.visitor import Door, Reply, Visit
from hub.errors import HubError

STEPS = 10
MATTER = "SV-RANDOM-INSPECTION"
LOAN = "LOAN_APPLICATION"
_COMPANY = {"uscc": facts.COMPANY_USCC}
_SUBJECT = (facts.COMPANY_USCC,)
_LEFT_OUT = "financial.guarantee"
"""What the company does not consent to, so that the story shows a field that is withheld for that."""
_INSTITUTIONS = {client.institution: client.name_zh for client in reversed(DEMO_CLIENTS)}
_CALLERS = {client.client_id: client.name_zh for client in DEMO_CLIENTS}
_NOBODY = "–"
_ROWS, _WRONG = 40, 3
"""Rows of the department's file, and how many of them are wrong."""
_SHOWN = "DISCLOSED"
_IN_PART = 3
"""Exit code of `hub ingest` when some rows are in quarantine."""
_NOTICE_CHARACTERS = 150
_NOTICE_LETTERS = 260
_CHECKER = ("verify.py", "offline.py")
"""What an evidence pack is checked with: the program and its other half, both in the pack."""


class StoryError(HubError):
    """The hub did not do what the story says."""

    code = "STORY"


@dataclass
class Tale:
    """The story and what it remembers from step to step."""

    door: Door
    teller: Teller
    titles: Mapping[str, str]
    """Titles of purposes by code."""
    catalog: Catalog
    generator: Generator
    papers: Path
    """Folder for receipts and files."""
    log_key: str
    """The log's verifier key, known beforehand, as outsiders know it."""
    environment: Mapping[str, str]
    """`HUB_…` variables for `hub ingest`."""
    consent: str = field(default="", init=False)

    async def play(self) -> None:
        """All steps.

        Raises:
            StoryError: when the hub does something else than the story says.
        """
        self.papers.mkdir(parents=True, exist_ok=True, mode=0o700)
        await self._refused_without_consent()
        await self._company_consents()
        loan_file = await self._bank_reads()
        self._receipt_verifies(loan_file)
        await self._department_reads()
        await self._officer_lists()
        await self._company_looks()
        await self._consent_withdrawn()
        self._file_taken_in()
        self._evidence_packed()

    async def grant(self) -> str:
        """Id of a consent that the company gives the bank."""
        reply = await self.door.ask(
            Visit("subject-org", "SELF_QUERY", _SUBJECT), q.GRANT, {"input": _terms(await self._template())}
        )
        return str(_expect(reply, "grantConsent")["id"])

    async def _refused_without_consent(self) -> None:
        self.teller.heading(
            "银行未经授权查询：被拒绝，并告知原因", "A bank without consent is refused, and told why"
        )
        await self._refusal(Visit("bank-hkb", LOAN, _SUBJECT), "CONSENT_REQUIRED")

    async def _company_consents(self) -> None:
        self.teller.heading("企业阅读告知书后授权", "The company reads the notice and grants consent")
        visit = Visit("subject-org", "SELF_QUERY", _SUBJECT)
        self._sent(visit, q.NOTICE)
        template = await self._template()
        self._notice(template["notice"])
        terms = _terms(template)
        self._sent(visit, q.GRANT, {"input": {**terms, "datasets": f"[全部，除 all but {_LEFT_OUT}]"}})
        reply = await self.door.ask(visit, q.GRANT, {"input": terms})
        granted = _expect(reply, "grantConsent")
        self.consent = str(granted["id"])
        items = granted["items"]
        apart = sum(item["separate"] for item in items)
        self.teller.line(f"← {granted['status']} {self.consent}", "green")
        self.teller.line(f"  {len(items)} 类信息 kinds of data, 其中 {apart} 类单独同意 agreed to separately")
        self.teller.line(
            f"  数据自 data from {granted['rangeFrom']} · 有效至 valid until {granted['validTo'][:10]}"
            f" · 最多 {granted['maxUses']} 次 uses · 保存 {granted['dataLifeDays']} 天 days"
        )
        self.teller.receipt(reply)

    def _notice(self, notice: Mapping[str, str]) -> None:
        self.teller.line("← 告知书 the notice", "green")
        self.teller.line(f"  {notice['zh'][:_NOTICE_CHARACTERS]}…")
        self.teller.line(f"  {notice['en'][:_NOTICE_LETTERS].rpartition(' ')[0]} …")

    async def _bank_reads(self) -> Reply:
        self.teller.heading(
            "银行凭授权再次查询：只得到这笔贷款所需的部分",
            "The bank asks again with the consent, and gets its slice",
        )
        visit = Visit("bank-hkb", LOAN, _SUBJECT, {"consent": self.consent})
        self._sent(visit, q.LOAN_FILE, _COMPANY)
        reply = await self.door.ask(visit, q.LOAN_FILE, _COMPANY)
        _expect(reply, "organization")
        self.teller.answered(reply)
        outcomes = {note["outcome"] for note in reply.notes}
        reasons = {note["reason"] for note in reply.notes}
        _require({"MASKED", "WITHHELD"} <= outcomes, "nothing was masked or withheld from the bank")
        _require("CONSENT_SCOPE" in reasons, "what the consent leaves out was not withheld")
        return reply

    def _receipt_verifies(self, reply: Reply) -> None:
        self.teller.heading(
            "收据离线核验；改动一个字就不成立", "The receipt verifies offline; a changed copy does not"
        )
        answer, changed = self.papers / "loan-file.json", self.papers / "loan-file-changed.json"
        answer.write_bytes(reply.raw)
        body = json.loads(reply.raw)
        body["data"]["organization"]["financial"]["loans"]["nodes"][0]["overdueDays"] = 30
        changed.write_text(json.dumps(body, ensure_ascii=False), encoding="utf-8")
        good = self._verify(answer, Path(offline.__file__))
        self.teller.line("改动 changed: overdueDays 0 → 30")
        bad = self._verify(changed, Path(offline.__file__))
        _require((good, bad) == (0, 1), "the receipt did not verify as it should")

    def _verify(self, file: Path, checker: Path) -> int:
        """Run the checker as outsiders do: by itself, without the hub."""
        self.teller.line(f"$ python {checker.name} {file.name} {self.log_key[:40]}…", "cyan")
        arguments = [sys.executable, str(checker), file.name, self.log_key]
        result = _run(arguments, self.papers, self.environment)
        self.teller.output(result.stdout + result.stderr)
        return result.returncode

    async def _department_reads(self) -> None:
        self.teller.heading(
            "监管部门凭清单事项查询同一企业：看到的是另一部分",
            "A department with a listed matter sees another slice of the same company",
        )
        visit = Visit("dept-amr", "GOV_SUPERVISION", _SUBJECT, {"matter": MATTER})
        self._sent(visit, q.SHORT)
        reply = await self.door.ask(visit, q.LOAN_FILE, _COMPANY)
        seen = _expect(reply, "organization")
        self.teller.answered(reply)
        _require(not (seen["financial"] or {}).get("loans"), "the department was shown loans")

    async def _officer_lists(self) -> None:
        self.teller.heading("隐私专员查看：谁看了什么", "The privacy officer lists who saw what")
        visit = Visit("officer-privacy", "AUDIT_REVIEW")
        self._sent(visit, q.ENTRIES, _COMPANY)
        reply = await self.door.ask(visit, q.ENTRIES, _COMPANY)
        nodes = _expect(reply, "auditEntries")["nodes"]
        rows = [
            [str(n["index"]), n["at"][11:19], n["caller"], n["purpose"], n["operation"] or "–", _outcome(n)]
            for n in nodes
        ]
        self.teller.line(
            "← 企业以假名出现，不含任何字段值 the company is a pseudonym here; no field values", "green"
        )
        self.teller.rows(
            ("#", "时间 at", "谁 caller", "用途 purpose", "操作 operation", "结果 outcome"), rows
        )

    async def _company_looks(self) -> None:
        self.teller.heading("企业在自己的台账里看到同样的记录", "The company sees the same in its own ledger")
        visit = Visit("subject-org", "SELF_QUERY", _SUBJECT)
        self._sent(visit, q.LEDGER)
        nodes = _expect(await self.door.ask(visit, q.LEDGER, {}), "accessLedger")["nodes"]
        self.teller.line("←", "green")
        rows = [[str(n["index"]), n["at"][11:19], _institution(n), n["purpose"], _outcome(n)] for n in nodes]
        self.teller.rows(("#", "时间 at", "机构 institution", "用途 purpose", "结果 outcome"), rows)
        banks = [n for n in nodes if n["institution"] == facts.BANK_HKB and n["outcome"] == _SHOWN]
        _require(bool(banks), "the bank is missing in the ledger")
        self.teller.line(f"  {banks[0]['sentence']['zh']}")
        self.teller.line(f"  {banks[0]['sentence']['en']}")

    async def _consent_withdrawn(self) -> None:
        self.teller.heading(
            "企业撤回授权：下一次查询即被拒绝", "Consent is withdrawn, and the next request is refused"
        )
        visit = Visit("subject-org", "SELF_QUERY", _SUBJECT)
        self._sent(visit, q.WITHDRAW, {"id": self.consent})
        withdrawn = _expect(await self.door.ask(visit, q.WITHDRAW, {"id": self.consent}), "withdrawConsent")
        self.teller.line(f"← {withdrawn['status']} {withdrawn['revokedAt'][:19]}", "green")
        await self._refusal(Visit("bank-hkb", LOAN, _SUBJECT, {"consent": self.consent}), "CONSENT_WITHDRAWN")

    def _file_taken_in(self) -> None:
        self.teller.heading(
            "部门报送文件：合格的入库，不合格的退回修改",
            "A department sends a file: good rows land, bad rows come back to be mended",
        )
        file = self.papers / "penalties-gbk.csv"
        write_department_file(
            file, self.generator, self.catalog, "government.penalty",
            rows=_ROWS, kind=FileKind.CSV_GBK, share=_WRONG / _ROWS,
        )  # fmt: skip
        arguments = ["ingest", file.name, "--dataset", "government.penalty", "--source", "dept-amr"]
        self.teller.line("$ hub " + " ".join(arguments), "cyan")
        result = _run([*hub_command(), *arguments], self.papers, self.environment)
        self.teller.output(result.stdout + result.stderr)
        quarantine = next((Path(line) for line in result.stdout.splitlines() if line.endswith(".csv")), None)
        if quarantine is not None and quarantine.is_file():
            self._quarantine(quarantine)
        _require(result.returncode == _IN_PART, "the file was not taken in as it should")

    def _quarantine(self, path: Path) -> None:
        with path.open(encoding="utf-8-sig", newline="") as file:
            for number, column, code, message, hint, *_ in list(csv.reader(file))[1:]:
                self.teller.line(f"  第 {number} 行 row {number} · {column} · {code}")
                self.teller.line(f"    {message} {hint}")

    def _evidence_packed(self) -> None:
        self.teller.heading(
            "隐私专员出具证据包：任何人脱离枢纽即可核验",
            "The officer makes an evidence pack, which anybody verifies without the hub",
        )
        pack = self.papers / "evidence.zip"
        pack.unlink(missing_ok=True)
        arguments = ["evidence", "pack", "--response", "loan-file.json", "--out", pack.name]
        self.teller.line("$ hub " + " ".join(arguments), "cyan")
        made = _run([*hub_command(), *arguments], self.papers, self.environment)
        self.teller.output(made.stdout + made.stderr)
        _require(made.returncode == 0, "the evidence pack was not made")
        with ZipFile(pack) as members:
            self.teller.line("  " + " · ".join(sorted(members.namelist())))
            self.teller.line(f"$ unzip {pack.name} {' '.join(_CHECKER)}", "cyan")
            for name in _CHECKER:
                members.extract(name, self.papers)
        _require(self._verify(pack, self.papers / _CHECKER[0]) == 0, "the evidence pack did not verify")

    async def _refusal(self, visit: Visit, reason: str) -> None:
        self._sent(visit, q.SHORT)
        reply = await self.door.ask(visit, q.LOAN_FILE, _COMPANY)
        self.teller.refused(reply)
        reasons = [e["extensions"].get("reason") for e in reply.body.get("errors", ())]
        _require(
            reasons == [reason] and not any(reply.data.values()), f"the bank was not refused with {reason}"
        )

    def _sent(self, visit: Visit, query: str, variables: Mapping[str, Any] | None = None) -> None:
        self.teller.sent(visit, self.titles.get(visit.purpose, ""), query, variables or {})

    async def _template(self) -> Mapping[str, Any]:
        reply = await self.door.ask(Visit("subject-org", "SELF_QUERY", _SUBJECT), q.NOTICE, {})
        templates: list[Mapping[str, Any]] = next(
            p["consentTemplates"] for p in reply.data["purposes"] if p["code"] == LOAN
        )
        return next(t for t in templates if t["kind"] == "ORG")


def _run(
    arguments: Sequence[str], folder: Path, environment: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603
        arguments, cwd=folder, env=dict(environment), capture_output=True, text=True, check=False
    )


def _terms(template: Mapping[str, Any]) -> dict[str, Any]:
    """What the company grants: the template, less what it leaves out."""
    return {
        "grantee": facts.BANK_HKB,
        "purpose": LOAN,
        "datasets": sorted(set(template["items"]) - {_LEFT_OUT}),
        "separateConsent": True,
        "adverseNoticeAcknowledged": True,
    }


def _expect(reply: Reply, name: str) -> Any:
    """The answer of one root field."""
    value = reply.data.get(name)
    problem = next((e["message"] for e in reply.body.get("errors", ())), "no data")
    _require(value is not None, f"{name} was not answered: {problem}")
    return value


def _require(holds: bool, problem: str) -> None:
    if not holds:
        raise StoryError(
            f"The story went wrong: {problem.rstrip('.')}.", hint="Report this as a fault of the hub."
        )


def _institution(node: Mapping[str, Any]) -> str:
    return _INSTITUTIONS.get(node["institution"]) or _CALLERS.get(node["caller"]) or _NOBODY


def _outcome(node: Mapping[str, Any]) -> str:
    kinds = len({item["dataset"] for item in node.get("items", ())})
    return f"{node['outcome']} {node['reason'] or (f'{kinds} 类 kinds' if kinds else '')}".strip()
