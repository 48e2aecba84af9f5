"""A ledger line as a sentence for its subject, Chinese and English: who, when, for what, on what basis, which items.

Every title is that of the registers in force when the ledger is read; a code that no register knows stands for itself.
Nothing comes from stored data, so no sentence can hold a value.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hub.audit.entry import BasisKind, EntryOutcome, Kind
from hub.audit.ledger import REPORT, LedgerLine
from hub.catalog.types import Catalog, Label
from hub.clock import CST
from hub.model.countries import MAINLAND, country_named
from hub.model.outcome import Reason
from hub.policies.model import PolicySet

WHOLE = "*"
"""In an entry: the dataset as a whole."""
_HERE = Label("", "")
_NO_PURPOSE = Label("未说明的用途", "a purpose that was not stated")
_ACTS = (
    ("consent.grant", Label("登记授权", "recorded a consent")),
    ("consent.withdraw", Label("登记撤回授权", "recorded the withdrawal of a consent")),
    ("lifecycle.repair.", Label("办理信用修复", "handled an application for repair")),
    ("lifecycle.objection.", Label("办理异议", "handled an objection")),
    ("lifecycle.withdrawal.", Label("撤下记录", "withdrew a record")),
    ("lifecycle.shield.", Label("办理重整屏蔽", "handled a shield ordered by a court")),
    ("lifecycle.mark.", Label("标注记录", "marked a record")),
    ("lifecycle.hold.", Label("保全记录", "placed or released a hold on a record")),
    ("lifecycle.notice.", Label("送达或签收告知书", "delivered or acknowledged a notice")),
    ("emergency.notice", Label("告知您一次紧急查询", "told you of an emergency access")),
    ("emergency.", Label("申请或办理紧急查询", "requested or handled an emergency access")),
    ("recall.", Label("发出或办理召回", "issued or handled a recall")),
    ("records.", Label("按期限归档或删除记录", "archived or deleted records when their time was over")),
    ("subject.", Label("查阅或维护主体登记", "read or kept the register of subjects")),
    ("match.", Label("核对主体名称", "matched the name of a subject")),
    ("audit.case.", Label("办理审查案件", "handled a review case")),
    (
        "audit.relation.declare",
        Label("申报其经办人应对您回避", "declared that a person of its staff must stand aside from you"),
    ),
    (
        "audit.relation.end",
        Label("撤销其经办人对您的回避申报", "ended a declaration that a person must stand aside from you"),
    ),
    ("audit.watch.", Label("维护重点关注名单", "kept the list of watched subjects")),
    ("audit.", Label("查阅日志", "read the log")),
)
_OTHER_ACT = Label("办理事项", "acted at the hub")
_READ_LOG = Label("查阅台账或日志", "read the ledger or the log")
_SHOWN = (
    ("clear", Label("原文看到", "seen in clear")),
    ("masked", Label("脱敏看到", "seen masked")),
    ("generalised", Label("概括看到", "seen in general terms")),
    ("predicate", Label("仅供是否问答", "open to yes/no questions only")),
    ("withheld", Label("未披露", "withheld")),
)
_REPORTED = {
    "GRANTED": Label("准予", "granted"),
    "REFUSED": Label("不予", "refused"),
    "ABANDONED": Label("终止", "abandoned"),
    "OTHER": Label("其他", "other"),
}

_ARCHIVED = Label(
    "的一次操作，保存期已满，内容已归档",
    "did something; its details were kept for their term and are archived",
)


@dataclass(frozen=True)
class LedgerWords:
    """Puts lines into words, by the registers of one policy and one catalogue."""

    policy: PolicySet
    catalog: Catalog

    def sentence(self, line: LedgerLine, who: Label) -> Label:
        """The whole line as one sentence; `who` is the name of whoever called."""
        at = line.at.astimezone(CST)
        did, place = self._did(line), self._place(line)
        return Label(
            f"{at:%Y年%m月%d日 %H:%M}，{who.zh}{place.zh}{did.zh}。",
            f"On {at:%Y-%m-%d} at {at:%H:%M} (UTC+8), {who.en}{place.en} {did.en}.",
        )

    def _place(self, line: LedgerLine) -> Label:
        """Where the caller is, when that is not the mainland."""
        if line.country in ("", MAINLAND):
            return _HERE
        place = country_named(line.country)
        return Label(f"（位于{place.zh}）", f" (in {place.en})")

    def purpose(self, line: LedgerLine) -> Label:
        """For what."""
        known = self.policy.purposes.get(line.purpose)
        if known is not None:
            return known.title
        return Label(line.purpose, line.purpose) if line.purpose else _NO_PURPOSE

    def basis(self, line: LedgerLine) -> Label | None:
        """On what ground; None where nothing was asked for on any."""
        if line.basis is None:
            return None
        match line.basis["kind"]:
            case BasisKind.CONSENT:
                consent = line.basis["consent"]
                return Label(f"您的授权（{consent}）", f"your consent {consent}")
            case BasisKind.EMERGENCY:
                return self._emergency(line)
            case BasisKind.MATTER:
                return self._matter(line.basis["matter"])
            case BasisKind.SELF:
                return Label("本人（本单位）查询", "the right to read one's own file")
        purpose = self.policy.purposes.get(line.purpose)
        source = purpose.source if purpose is not None else line.purpose
        return Label(f"法律法规（{source}）", f"the law ({source})")

    def dataset(self, dataset: str) -> Label:
        """The title of a dataset."""
        known = self.catalog.datasets.get(dataset)
        return known.title if known is not None else Label(dataset, dataset)

    def field(self, dataset: str, name: str) -> Label:
        """The label of a field; of the whole dataset where it says so."""
        if name == WHOLE:
            return Label("全部", "all of it")
        known = self.catalog.datasets.get(dataset)
        found = known.by_name.get(name) if known is not None else None
        return found.label if found is not None else Label(name, name)

    def question(self, code: str) -> Label:
        """The title of a yes/no question."""
        known = self.policy.questionnaire.predicates.get(code)
        return known.title if known is not None else Label(code, code)

    def _emergency(self, line: LedgerLine) -> Label:
        assert line.basis is not None
        grant, known = line.basis["consent"], self.policy.purposes.get(line.purpose)
        source = known.source if known is not None else line.purpose
        return Label(
            f"紧急查询批准（{grant}）（{source}），未经您的授权",
            f"emergency access {grant} that a second person approved ({source}), without your consent",
        )

    def _matter(self, code: str) -> Label:
        matter = self.policy.matters.get(code)
        if matter is None:
            return Label(f"应用清单事项（{code}）", f"the listed matter {code}")
        return Label(
            f"应用清单事项“{matter.title.zh}”（{matter.legal_basis}）",
            f"the listed matter “{matter.title.en}” ({matter.legal_basis})",
        )

    def _did(self, line: LedgerLine) -> Label:
        if line.archived:
            return _ARCHIVED
        if line.withheld:
            return Label("的一次操作，内容已依法封存", "did something of which the log no longer tells")
        if line.outcome == EntryOutcome.DISCLOSED:  # first, whatever else the operation did
            return self._saw(line)
        if line.outcome == EntryOutcome.REFUSED:
            return self._refused(line)
        if line.kind == Kind.AUDIT_READ:
            return _READ_LOG
        return self._acted(line)

    def _acted(self, line: LedgerLine) -> Label:
        if line.operation == REPORT and line.reported:
            said, purpose = (
                _REPORTED.get(line.reported, Label(line.reported, line.reported)),
                self.purpose(line),
            )
            return Label(
                f"报告了“{purpose.zh}”的使用结果：{said.zh}",
                f"reported what came of “{purpose.en}”: {said.en}",
            )
        if line.kind == Kind.ADMIN:
            return next((label for act, label in _ACTS if line.operation.startswith(act)), _OTHER_ACT)
        return _OTHER_ACT

    def _refused(self, line: LedgerLine) -> Label:
        purpose, reason = self.purpose(line), Label(line.reason, line.reason)
        if line.reason in list(Reason):
            reason = self.policy.messages[Reason(line.reason)]
        return Label(
            f"为“{purpose.zh}”提出查询，未获披露" + (f"（{reason.zh.rstrip('。')}）" if reason.zh else ""),
            f"asked for “{purpose.en}” and was shown nothing"
            + (f" ({reason.en.rstrip('.')})" if reason.en else ""),
        )

    def _saw(self, line: LedgerLine) -> Label:
        purpose, basis = self.purpose(line), self.basis(line)
        said = [Label(f"为“{purpose.zh}”查询", f"asked for “{purpose.en}”")]
        if basis is not None:
            said[0] = Label(f"{said[0].zh}，依据：{basis.zh}", f"{said[0].en}, on the basis of {basis.en}")
        said += [self._items(line, outcome, how) for outcome, how in _SHOWN if line.fields.get(outcome)]
        if line.predicates:
            asked = [self.question(code) for code in dict.fromkeys(q["code"] for q in line.predicates)]
            said.append(
                Label(
                    f"提问：{_zh(asked)}（台账不含答案）",
                    f"questions asked: {_en(asked)} (answers are not kept)",
                )
            )
        return Label("；".join(part.zh for part in said), "; ".join(part.en for part in said))

    def _items(self, line: LedgerLine, outcome: str, how: Label) -> Label:
        groups = [
            (self.dataset(dataset), [self.field(dataset, name) for name in names])
            for dataset, names in line.fields[outcome].items()
        ]
        return Label(
            f"{how.zh}：" + "，".join(f"{title.zh}（{_zh(names)}）" for title, names in groups),
            f"{how.en}: " + ", ".join(f"{title.en} ({_en(names)})" for title, names in groups),
        )


def _zh(labels: Iterable[Label]) -> str:
    return "、".join(label.zh for label in labels)


def _en(labels: Iterable[Label]) -> str:
    return ", ".join(label.en for label in labels)
