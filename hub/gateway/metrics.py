"""Counters and timings for operators in the Prometheus text format; labels never name subject or caller."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

_BUCKETS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

CONTENT_TYPE = CONTENT_TYPE_LATEST


class Metrics:
    """Metrics of one process."""

    def __init__(self, log_waiting: Callable[[], int], log_size: Callable[[], int]) -> None:
        self._registry = CollectorRegistry()
        operations = Counter(
            "hub_operations_total", "GraphQL operations by outcome", ["outcome"], registry=self._registry
        )
        self._outcomes = {
            o: operations.labels(o) for o in ("DISCLOSED", "REFUSED", "INVALID", "DONE", "UNAVAILABLE")
        }
        self._rejected = Counter(
            "hub_rejected_total",
            "Requests rejected before an operation began, by HTTP status",
            ["status"],
            registry=self._registry,
        )
        self._policy_refused = Counter(
            "hub_policy_refused", "Published policies that this process refused", registry=self._registry
        )
        self._unsealed = Counter(
            "hub_unsealed_total", "Sealed fields opened for disclosure", registry=self._registry
        )
        self._outside = Counter(
            "hub_unsealed_outside_total",
            "Sealed values opened for no disclosure, by the act or what for",
            ["act"],
            registry=self._registry,
        )
        self._seconds = Histogram(
            "hub_operation_seconds",
            "Seconds from request to answer",
            buckets=_BUCKETS,
            registry=self._registry,
        )
        Gauge("hub_audit_waiting", "Entries waiting for the audit log", registry=self._registry).set_function(
            log_waiting
        )
        Gauge("hub_audit_size", "Entries in the audit log", registry=self._registry).set_function(log_size)

    def operation(self, outcome: str, seconds: float, unsealed: int = 0) -> None:
        """Count one operation."""
        self._outcomes[outcome].inc()
        self._seconds.observe(seconds)
        if unsealed:
            self._unsealed.inc(unsealed)

    def opened(self, act: str, values: int) -> None:
        """Count sealed values that were opened outside a disclosure.

        Args:
            act: name of an administrative act, `question` or `text`.
            values: how many.
        """
        if values:
            self._outside.labels(act).inc(values)

    def rejected(self, status: int) -> None:
        """Count a request that was no operation."""
        self._rejected.labels(str(status)).inc()

    def policy_refused(self) -> None:
        """Count a published policy that does not hold; the old one stays in force."""
        self._policy_refused.inc()

    def text(self) -> bytes:
        """All metrics in the exposition format."""
        return generate_latest(self._registry)
