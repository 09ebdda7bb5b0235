"""Metrics hooks: counts of a worker's events. Labels are bounded: no ids, no tenants."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, ClassVar, Final, TypeVar

from paigeant.abc import Hooks
from paigeant.errors import Unavailable
from paigeant.model.entries.entry import FLOW
from paigeant.model.events import (
    CallReplayed,
    CallsRecorded,
    Committed,
    ConnectionLost,
    Event,
    HeartbeatLate,
    LeaseGranted,
    LeaseLost,
    MessageHeld,
    Published,
    RunDispatched,
    RunEnded,
    SetAside,
    StepEnded,
    Swept,
    Trouble,
)
from paigeant.model.hops import Verdict
from paigeant.model.runs import Direction, StepStatus, WaitReason
from paigeant.telemetry.metrics.instruments import (
    COUNTS,
    Bounded,
    Count,
    Counter,
    Histogram,
    HistogramValue,
    Instrument,
)

K = TypeVar("K")
V = TypeVar("V")

NAMES: Final = 1_000
"""Limit of distinct workflows, and of distinct activities."""

ERRORS: Final = 200
"""Limit of distinct types of errors."""


_COUNTED: Final[Mapping[type[Event], str]] = {
    RunDispatched: "_on_dispatched",
    RunEnded: "_on_run_ended",
    LeaseGranted: "_on_leased",
    StepEnded: "_on_step_ended",
    LeaseLost: "_on_lost",
    HeartbeatLate: "_on_late",
    Committed: "_on_committed",
    Published: "_on_published",
    Trouble: "_on_trouble",
    ConnectionLost: "_on_connection_lost",
    Swept: "_on_swept",
    SetAside: "_on_set_aside",
    MessageHeld: "_on_held",
    CallsRecorded: "_on_recorded",
    CallReplayed: "_on_replayed",
}
"""Method that counts each kind of event."""


class MetricsHooks(Hooks):
    """Counts and measures. Called in the event loop; the counts may be read from any thread."""

    wanted_events: ClassVar[Collection[type[Event]] | None] = frozenset(_COUNTED)

    def __init__(self) -> None:
        """Start with zero counts."""
        self._workflow, self._activity, self._error = Bounded(NAMES), Bounded(NAMES), Bounded(ERRORS)
        self._dispatched = Counter("paigeant.runs.dispatched", "Runs that were recorded here.", ["workflow"])
        self._ended = Counter(
            "paigeant.runs.ended", "Runs that ended in a commit of this worker.", ["workflow", "status"]
        )
        self._steps = Counter("paigeant.steps", "Executions of steps.", ["activity", "direction", "status"])
        self._retries = Counter("paigeant.step.retries", "Executions that failed and are tried again.", ["activity"])
        self._faults = Counter("paigeant.step.faults", "Errors of steps.", ["activity", "error.type"])
        self._lost = Counter("paigeant.leases.lost", "Leases that were lost while their step ran.", ["activity"])
        self._late = Counter("paigeant.heartbeats.late", "Leases given up because the store did not answer.")
        self._commits = Counter("paigeant.commits", "Transactions of finished hops.")
        self._published = Counter("paigeant.published", "Messages that the broker has taken.", ["activity"])
        self._publish_failures = Counter("paigeant.publish.failures", "Messages that the broker did not take.")
        self._store_failures = Counter("paigeant.store.failures", "Times that the store did not answer.")
        self._connections = Counter("paigeant.connections.lost", "Connections that were lost.", ["server"])
        self._swept = Counter("paigeant.swept", "What the sweeper has done.", ["chore"])
        self._letters = Counter("paigeant.dead_letters", "Messages set aside.", ["reason"])
        self._refused = Counter("paigeant.messages.refused", "Leased messages that were not executed.", ["reason"])
        self._tampered = Counter("paigeant.tampered", "Messages that are not those of their rows.")
        self._calls = Counter("paigeant.checkpoints", "Recorded calls within steps.", ["kind"])
        self._tokens = Counter("paigeant.tokens", "Tokens that models were given and gave.", ["model", "kind"])
        self._cost = Counter("paigeant.cost", "US dollars that requests to models cost, as far as known.", ["model"])
        self._model = Bounded(NAMES)
        self._duration = Histogram("paigeant.step.duration", "Seconds of one execution.", ["activity", "direction"])
        self._wait = Histogram("paigeant.step.wait", "Seconds between due and leased.", ["activity"])
        self._run = Histogram("paigeant.run.duration", "Seconds from dispatch to end.", ["workflow", "status"])
        self._commit = Histogram("paigeant.commit.duration", "Seconds of one transaction of hops.")
        self._counted: dict[type[Event], Callable[[Any], None]] = {
            kind: getattr(self, name) for kind, name in _COUNTED.items()
        }
        self._executions: dict[tuple[str, Direction, StepStatus], tuple[Count, HistogramValue]] = {}
        self._waits: dict[str, HistogramValue] = {}
        self._hops = Histogram("paigeant.commit.hops", "Hops in one transaction.", unit="", bounds=COUNTS)

    @property
    def instruments(self) -> list[Instrument]:
        """All instruments."""
        return [each for each in vars(self).values() if isinstance(each, Counter | Histogram)]

    def on_event(self, event: Event) -> None:
        """Count one event."""
        self._counted[type(event)](event)

    def _on_dispatched(self, event: RunDispatched) -> None:
        if event.fresh:
            self._dispatched.add(self._workflow(event.workflow))

    def _on_run_ended(self, event: RunEnded) -> None:
        workflow = "unknown" if event.headers is None else self._workflow(event.headers.workflow)
        self._ended.add(workflow, str(event.status))
        if event.seconds is not None:
            self._run.record(event.seconds, workflow, str(event.status))

    def _on_leased(self, event: LeaseGranted) -> None:
        topic = event.grant.topic
        if (kept := self._waits.get(topic)) is None:
            if topic == FLOW:
                return
            kept = self._keep(self._waits, topic, self._wait.of(self._activity(topic)))
        kept.record(max(event.grant.waited, 0.0))

    def _on_step_ended(self, event: StepEnded) -> None:
        topic = event.leased.message.topic
        if topic == FLOW or event.verdict in {Verdict.FENCED, Verdict.CLOSED}:
            return
        hop, direction = event.transition.hop, event.leased.message.headers.direction
        key = (topic, direction, hop.status)
        if (kept := self._executions.get(key)) is None:
            labels = (self._activity(topic), str(direction))
            of_key = (self._steps.of(*labels, str(hop.status)), self._duration.of(*labels))
            kept = self._keep(self._executions, key, of_key)
        kept[0].value += 1
        kept[1].record(event.seconds)
        if hop.status is StepStatus.RETRYING:
            self._retries.add(self._activity(topic))
        if hop.fault is not None:
            self._faults.add(self._activity(topic), self._error(hop.fault.type))

    @staticmethod
    def _keep(kept: dict[K, V], key: K, value: V) -> V:
        """Keep what is asked for at each step, without bounds for labels to be asked; as much as there are names."""
        if len(kept) < NAMES:
            kept[key] = value
        return value

    def _on_lost(self, event: LeaseLost) -> None:
        self._lost.add(self._activity(event.leased.message.topic))

    def _on_late(self, event: HeartbeatLate) -> None:
        del event
        self._late.add()

    def _on_committed(self, event: Committed) -> None:
        self._hops.record(event.hops)
        self._commit.record(event.seconds)
        self._commits.add()

    def _on_published(self, event: Published) -> None:
        self._published.add(self._activity(event.topic))

    def _on_trouble(self, event: Trouble) -> None:
        if event.doing.startswith("announcing"):
            self._publish_failures.add()
        elif isinstance(event.error, Unavailable):
            self._store_failures.add()

    def _on_connection_lost(self, event: ConnectionLost) -> None:
        self._connections.add(event.name.partition("://")[0])

    def _on_swept(self, event: Swept) -> None:
        self._swept.add(event.chore, amount=event.count)

    def _on_recorded(self, event: CallsRecorded) -> None:
        self._calls.add("executed", amount=event.executed)
        for charge in event.charges:
            model = self._model(charge.model)
            self._tokens.add(model, "input", amount=charge.input_tokens)
            self._tokens.add(model, "output", amount=charge.output_tokens)
            if charge.cost is not None:
                self._cost.add(model, amount=float(charge.cost))

    def _on_replayed(self, event: CallReplayed) -> None:
        del event
        self._calls.add("replayed")

    def _on_set_aside(self, event: SetAside) -> None:
        self._letters.add(str(event.rejected.reason))

    def _on_held(self, event: MessageHeld) -> None:
        self._refused.add(str(event.reason))
        if event.reason == WaitReason.TAMPERED:
            self._tampered.add()
