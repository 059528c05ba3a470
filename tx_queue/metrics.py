"""What the queue counts for Prometheus."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from tx_queue.store import Backlog

_BATCH_SIZES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)


class Metrics:
    """The queue's metrics, in a registry of the application."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._depth = Gauge("queue_depth", "Commands taken and not settled.", registry=registry)
        self._oldest_age_s = Gauge("queue_oldest_age_seconds", "Age of the oldest of them.", registry=registry)
        self.taken = Counter("queue_taken", "Commands brought to the store.", ["acceptance"], registry=registry)
        self.refused = Counter("queue_refused", "Commands refused at the door.", ["code"], registry=registry)
        self.settled = Counter("queue_settled", "Commands decided.", ["status", "code"], registry=registry)
        self.retries = Counter("queue_retries", "Attempts that have to be repeated.", ["reason"], registry=registry)
        self.batch_size = Histogram(
            "queue_batch_commands", "Commands per transaction.", buckets=_BATCH_SIZES, registry=registry
        )
        self.commit_s = Histogram("queue_commit_seconds", "From submit to commit.", registry=registry)
        self.streams = Gauge("event_streams", "Open event streams.", ["transport"], registry=registry)

    def show_backlog(self, backlog: Callable[[], Backlog]) -> None:
        """Ask for the backlog whenever the metrics are read."""
        self._depth.set_function(lambda: backlog().depth)
        self._oldest_age_s.set_function(lambda: backlog().oldest_age_ms / 1000)
