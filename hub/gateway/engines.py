"""The executor that fits the rules of a request: rules and schema are swapped together.

A policy declares the questions that may be asked, and so a part of the schema; the trusted documents are verified
against both. When the rules change, the executor for the new ones is made beside the running one, before the
swap. If the documents do not fit, making it fails, and the new rules are refused.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from hub.api.schema import HubSchema
from hub.disclosure.rules import Rules
from hub.gateway.execute import Executed, Executor
from hub.gateway.wire import WireRequest
from hub.identity.tokens import Caller

_KEPT = 2
"""Executors kept: of the rules in force, and of those before for requests that have just begun."""


class Engines:
    """Executors by the rules they fit."""

    def __init__(
        self,
        rules: Rules,
        schema: Callable[[Rules], HubSchema],
        build: Callable[[Rules, HubSchema], Executor],
    ) -> None:
        """Make the executor of the rules to begin with.

        Args:
            rules: in force at the start.
            schema: builds the schema of rules.
            build: makes an executor of rules and their schema; raises when trusted documents do not fit.
        """
        self._make_schema = schema
        self._build = build
        self._schema, self._schema_rules = schema(rules), rules
        self._made: dict[Rules, Executor] = {rules: build(rules, self._schema)}

    def prepare(self, rules: Rules) -> None:
        """Make the executor of rules that will be in force; the schema is built anew only if it changes.

        Raises:
            DocumentsError: when a trusted document does not fit them.
        """
        if rules in self._made:
            return
        before = self._schema_rules
        same = (
            rules.catalog is before.catalog
            and rules.policy.questionnaire.predicates == before.policy.questionnaire.predicates
        )
        schema = self._schema if same else self._make_schema(rules)
        executor = self._build(rules, schema)
        self._schema, self._schema_rules = schema, rules
        kept = list(self._made.items())[-(_KEPT - 1) :]
        self._made = dict([*kept, (rules, executor)])

    async def execute(
        self, rules: Rules, caller: Caller, request: WireRequest, now: datetime, *, lines: bool = False
    ) -> Executed:
        """Run a request under these rules, see `Executor.execute`.

        Raises:
            UnavailableError: when database or log cannot serve; nothing was disclosed.
        """
        executor = self._made.get(rules)
        if executor is None:
            self.prepare(rules)
            executor = self._made[rules]
        return await executor.execute(rules, caller, request, now, lines=lines)
