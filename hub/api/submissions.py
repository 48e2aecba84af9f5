"""Supplying data by request: source units submit records, subjects declare data about themselves."""

from __future__ import annotations

from typing import Any

import strawberry

from hub.api.context import RequestContext
from hub.api.registers import BilingualText
from hub.api.scalars import RecordRow
from hub.audit.entry import Entry, EntryOutcome, Kind, new_entry_id
from hub.audit.log import AuditLog
from hub.catalog.types import Dataset
from hub.errors import InputError, UnavailableError
from hub.identity.details import Grant
from hub.intake.report import IntakeReport, entry_detail
from hub.intake.submission import Log, Request, Submissions, Submitted
from hub.intake.suppliers import declaring_subject, source_unit_supplier
from hub.intake.target import find_dataset
from hub.keys.pseudonym import pseudonym

Info = strawberry.Info[RequestContext, Any]
_SUPPLY = "DATA_SUPPLY"


@strawberry.type(name="RowFault", description="一行中的一处问题。What is wrong with a row.")
class RowFaultInfo:
    """A fault of a row."""

    row: int = strawberry.field(description="行号，从1起。Number of the row, from 1.")
    field: str = strawberry.field(description="字段名；整行有误时为空。Field; empty for the row as a whole.")
    column: str = strawberry.field(description="报送时的列名。The column as it was sent.")
    code: str = strawberry.field(description="错误码。Stable code.")
    message: BilingualText = strawberry.field(
        description="说明，不含所填内容。What is wrong, without the value."
    )
    hint: str = strawberry.field(description="处理建议。What to do.")


@strawberry.type(description="报送结果。What became of submitted rows.")
class SubmissionResult:
    """What became of a submission."""

    request_id: str = strawberry.field(description="请求编号。The request's id.")
    batch: strawberry.ID = strawberry.field(description="批次。Intake batch.")
    dataset: str = strawberry.field(description="数据集。Dataset.")
    source_unit: str = strawberry.field(
        description="数据源单位代码；自主申报为主体假名。Source unit; a declaring subject's pseudonym."
    )
    rows: int = strawberry.field(description="行数，等于以下四项之和。Rows; the sum of the next four.")
    accepted: int = strawberry.field(description="新入库。New records.")
    updated: int = strawberry.field(description="更新。Records with a new version.")
    unchanged: int = strawberry.field(description="已有且相同。Rows that were there already.")
    quarantined: int = strawberry.field(
        description="隔离，须更正后重报。Refused rows, to be mended and sent again."
    )
    faults: list[RowFaultInfo] = strawberry.field(
        description="问题清单，至多200条。What is wrong, up to 200."
    )
    more_faults: bool = strawberry.field(description="是否还有更多问题。Whether there are more.")
    log_index: int = strawberry.field(description="审计日志序号。Place of the entry in the audit log.")
    replayed: bool = strawberry.field(
        description="是否为同一请求先前的结果。Whether it is the answer that the same request got before."
    )


@strawberry.input(description="报送记录。Records to be supplied.")
class SubmitRecordsInput:
    """Records of one dataset."""

    request_id: str = strawberry.field(
        description="请求编号，8至64位，每次请求不同；重发时相同。Fresh for every request, the same when it is repeated."
    )
    dataset: str = strawberry.field(description="数据集标识。Dataset id, for example government.penalty.")
    rows: list[RecordRow] = strawberry.field(
        description="至多1000行，键为官方列名、列代码或字段名。Up to 1,000, by official column, code or field."
    )
    edition: str | None = strawberry.field(
        default=None, description="目录版本；不填为现行版本。Edition; the one in force when left out."
    )


@strawberry.input(description="自主申报。Data that a subject declares about itself.")
class DeclareRecordsInput(SubmitRecordsInput):
    """Declared records of one dataset."""

    commitment: str = strawberry.field(
        default="",
        description="所作真实性承诺的标识，见 datasets.selfDeclaration.id。Id of the commitment that is made, from `datasets { selfDeclaration { id } }`.",
    )


def _shown(found: Submitted) -> SubmissionResult:
    return SubmissionResult(
        request_id=found.request_id,
        batch=strawberry.ID(found.batch),
        dataset=found.dataset,
        source_unit=found.source_unit,
        rows=found.rows,
        accepted=found.accepted,
        updated=found.updated,
        unchanged=found.unchanged,
        quarantined=found.quarantined,
        faults=[
            RowFaultInfo(
                row=fault.row,
                field=fault.field,
                column=fault.column,
                code=fault.code,
                message=BilingualText(zh=fault.message_zh, en=fault.message_en),
                hint=fault.hint,
            )
            for fault in found.faults
        ],
        more_faults=found.more_faults,
        log_index=found.log_index,
        replayed=found.replayed,
    )


def _services(context: RequestContext) -> tuple[Submissions, AuditLog]:
    services = context.services
    if services.submissions is None or services.log is None:
        raise UnavailableError("This process takes no data in.", message_zh="本进程不接收报送。")
    return services.submissions, services.log


def _log(context: RequestContext, log: AuditLog, grant: Grant, act: str, **detail: str) -> Log:
    caller, rules = context.caller, context.rules
    person = context.services.lifecycle.person(caller.institution, grant.operator)

    async def append(report: IntakeReport) -> int:
        entry = Entry(
            new_entry_id(), context.now, Kind.ADMIN, EntryOutcome.DONE, caller.client.client_id,
            institution=caller.institution, operator=person, purpose=grant.purpose, operation=act,
            policy=rules.policy.revision, catalogue=rules.catalog.revision, detail={**entry_detail(report), **detail},
            country=caller.client.country, roles=caller.roles,
        )  # fmt: skip
        return (await log.append(entry)).index

    return append


def _request(input: SubmitRecordsInput) -> Request:
    return Request(input.request_id, input.dataset, input.edition or "", input.rows)


async def submit_records(info: Info, input: SubmitRecordsInput) -> SubmissionResult:
    """A source unit supplies records."""
    context = info.context
    grant = context.require(_SUPPLY)
    submissions, log = _services(context)
    catalog, unit = context.rules.catalog, context.caller.institution

    def supplier(dataset: Dataset) -> Any:
        return source_unit_supplier(catalog, dataset, unit)

    logged = _log(context, log, grant, "intake.submit")
    return _shown(
        await submissions.submit(
            _request(input), catalog, context.rules.policy.clocks, unit, supplier, logged
        )
    )


async def declare_records(info: Info, input: DeclareRecordsInput) -> SubmissionResult:
    """A subject declares data about itself."""
    context = info.context
    subject_id = context.own_subject()
    grant = next(g for g in context.caller.grants if subject_id in g.subject_ids)
    submissions, log = _services(context)
    catalog, indexer = context.rules.catalog, submissions.worker.intake.indexer
    dataset = find_dataset(catalog, input.dataset)
    supplier = declaring_subject(dataset, indexer, subject_id)
    if input.commitment != dataset.commitment_id:
        raise InputError(
            "The commitment that data are true was not made, or in another wording.",
            hint="Show the declarant `datasets { id selfDeclaration { id text { zh } } }` and send that id.",
            message_zh="须先作出真实性承诺：请展示现行承诺文本并提交其标识。",
        )
    logged = _log(context, log, grant, "intake.declare", commitment=input.commitment)
    found = await submissions.submit(
        _request(input),
        catalog,
        context.rules.policy.clocks,
        pseudonym(subject_id),
        lambda _dataset: supplier,
        logged,
    )
    context.did(subject_id)
    return _shown(found)


def mutations() -> list[Any]:
    """The mutation fields of this module."""
    return [
        strawberry.mutation(
            name="submitRecords",
            resolver=submit_records,
            description="报送记录，限数据源单位及目录列明的数据集；逐行校验，有误的行隔离并列明。Supply records, for source units and the datasets listed for them; wrong rows are named and quarantined.",
        ),
        strawberry.mutation(
            name="declareRecords",
            resolver=declare_records,
            description="自主申报并作真实性承诺，注明为自主申报，不取代数据源单位报送的记录。Declare data about oneself with a promise that they are true; shown as self-declared, never in place of a source unit's record.",
        ),
    ]
