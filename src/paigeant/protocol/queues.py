"""Queues of activities, as they are shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from paigeant.model.plan import WorkerCard
from paigeant.model.stored.overview import QueueView


def with_workers(queues: Iterable[QueueView], workers: Iterable[WorkerCard]) -> list[QueueView]:
    """Return the queues, by name, each with the number of workers that serve it."""
    serving = Counter(topic for card in workers for topic in card.served)
    found = (queue.model_copy(update={"workers": serving[queue.activity]}) for queue in queues)
    return sorted(found, key=lambda queue: queue.activity)
