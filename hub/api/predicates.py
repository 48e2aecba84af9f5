"""Yes/no questions in the schema: the enumeration of their codes is made from `policies/predicates.toml`.

An answer of null says that the question was not answered; why is explained under `extensions.disclosure`.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Annotated, Any

import strawberry
from strawberry.tools import create_type

from hub.api.scalars import Date
from hub.policies.predicates import Answer, Predicate

_ANSWERS = {
    Answer.YES: "是。Yes.",
    Answer.NO: "否。No.",
    Answer.UNKNOWN: "现有记录无法判断。The records do not settle it.",
}


def predicate_fields(predicates: Mapping[str, Predicate]) -> list[Any]:
    """The field `predicates` of a credit subject; none when no question is declared."""
    if not predicates:
        return []
    codes = _enum(
        "PredicateCode",
        {p.code: _about(p) for p in predicates.values()},
        "已登记的是否问题。The declared yes/no questions.",
    )
    answers = _enum(
        "PredicateAnswerValue", {a.value: text for a, text in _ANSWERS.items()}, "问题的答案。An answer."
    )
    question = create_type(
        "PredicateQuestion",
        [
            strawberry.field(name="code", graphql_type=codes, description="问题代码。Code of the question."),
            strawberry.field(
                name="threshold",
                graphql_type=str | None,
                default=None,
                description="门槛代码，仅限该问题登记的门槛。Code of a threshold declared for the question.",
            ),
        ],
        is_input=True,
        description="一个是否问题。A yes/no question.",
    )
    answer = create_type(
        "PredicateAnswer",
        [
            strawberry.field(name="code", graphql_type=codes, description="问题代码。Code of the question."),
            strawberry.field(
                name="threshold", graphql_type=str | None, description="所问的门槛。Threshold as asked."
            ),
            strawberry.field(
                name="answer",
                graphql_type=answers | None,
                description="答案；未回答为空。The answer; null when it is not answered.",
            ),
            strawberry.field(
                name="asOf",
                graphql_type=Date | None,
                description="截至日期；未回答为空。Civil date of the answer; null when it is not answered.",
            ),
        ],
        description="是否问题的答案。The answer to a yes/no question.",
    )
    return [
        strawberry.field(
            name="predicates",
            resolver=_asking(question, answer),
            description="可用不可见：不看内容，只问已登记的是否问题，答案与问题同序；次数与门槛有限额。"
            "Declared yes/no questions about fields that are not shown, answered in order, within a budget.",
        )
    ]


def _asking(question: Any, answer: Any) -> Any:
    """A resolver signature with `ask`; the answers are finished before execution starts."""

    def predicates(ask: Any) -> Any:
        raise NotImplementedError

    described = strawberry.argument(description="问题，每次最多20个。The questions, at most 20 at once.")
    predicates.__annotations__.update(
        {"ask": Annotated[list[question], described], "return": list[answer] | None}
    )
    return predicates


def _enum(name: str, codes: Mapping[str, str], description: str) -> Any:
    make: Any = Enum
    members = {code: strawberry.enum_value(code, description=text) for code, text in codes.items()}
    return strawberry.enum(make(name, members), name=name, description=description)


def _about(predicate: Predicate) -> str:
    levels = f" 门槛 thresholds: {', '.join(predicate.thresholds)}." if predicate.thresholds else ""
    return f"{predicate.title.zh}。{predicate.title.en}.{levels}"
