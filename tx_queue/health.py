"""How the queue is: whether it can do its work, what stands in the way, and what it counts for Prometheus."""

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from ledger import Ledger
from tx_queue.store import Backlog

_LOOK_S = 1.0
"""An outage is known five seconds after it began at the latest; a ledger may take two to look at itself."""
_LONGEST_LOOK_S = 3.5

LONGEST_RETRY_S = 60
_LATELY_S = 10.0
_BATCH_SIZES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)


class Readiness:
    """The obstacles that parts of the service have met; ready when there are none."""

    def __init__(self) -> None:
        self._obstacles: dict[str, str] = {}

    def lacks(self, part: str, reason: str) -> None:
        """Note why a part cannot go on."""
        self._obstacles[part] = reason

    def has(self, part: str) -> None:
        """Note that a part goes on."""
        self._obstacles.pop(part, None)

    @property
    def obstacle(self) -> str | None:
        """All obstacles as one sentence, None if there are none."""
        return "; ".join(f"{part}: {reason}" for part, reason in sorted(self._obstacles.items())) or None


async def watch(ledger: Ledger, readiness: Readiness) -> None:
    """Look again and again whether the ledger could commit, so that an outage shows before somebody's command waits."""
    while True:
        try:
            async with asyncio.timeout(_LONGEST_LOOK_S):
                obstacle = await ledger.obstacle()
        except TimeoutError:
            obstacle = f"the ledger has not answered for {_LONGEST_LOOK_S} s"
        if obstacle is None:
            readiness.has("commits")
        else:
            readiness.lacks("commits", obstacle)
        await asyncio.sleep(_LOOK_S)


class DrainRate:
    """How fast the queue drains, from what was decided lately."""

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        self._now_s = now_s
        self._since = now_s()
        self._decided: deque[tuple[float, int]] = deque()
        self._nr_decided = 0

    def note(self, commands: int) -> None:
        """Note that so many commands were decided."""
        self._decided.append((self._now_s(), commands))
        self._nr_decided += commands
        self._look_back()

    def seconds_for(self, commands: int) -> int:
        """Return in how many whole seconds so many will have been decided, 1 to 60; 60 if none was lately."""
        self._look_back()
        if self._nr_decided == 0:
            return LONGEST_RETRY_S
        seconds = max(self._now_s() - self._since, 0.001)
        return min(max(math.ceil(commands * min(seconds, _LATELY_S) / self._nr_decided), 1), LONGEST_RETRY_S)

    def _look_back(self) -> None:
        since = self._now_s() - _LATELY_S
        while self._decided and self._decided[0][0] < since:
            self._nr_decided -= self._decided.popleft()[1]


class Metrics:
    """The queue's metrics, in a registry of the application; whenever they are read, ``backlog`` is asked."""

    def __init__(self, registry: CollectorRegistry, backlog: Callable[[], Backlog]) -> None:
        depth = Gauge("queue_depth", "Commands taken and not settled.", registry=registry)
        depth.set_function(lambda: backlog().depth)
        oldest_age_s = Gauge("queue_oldest_age_seconds", "Age of the oldest of them.", registry=registry)
        oldest_age_s.set_function(lambda: backlog().oldest_age_ms / 1000)
        self.taken = Counter("queue_taken", "Commands brought to the store.", ["acceptance"], registry=registry)
        self.refused = Counter("queue_refused", "Commands refused at the door.", ["code"], registry=registry)
        self.settled = Counter("queue_settled", "Commands decided.", ["status", "code"], registry=registry)
        self.retries = Counter("queue_retries", "Attempts that have to be repeated.", ["reason"], registry=registry)
        self.batch_size = Histogram(
            "queue_batch_commands", "Commands per transaction.", buckets=_BATCH_SIZES, registry=registry
        )
        self.commit_s = Histogram("queue_commit_seconds", "From submit to commit.", registry=registry)
        self.drain = DrainRate()
        self.streams = Gauge("event_streams", "Open event streams.", ["transport"], registry=registry)
