"""How the worker goes about its work."""

from dataclasses import dataclass, field

from tx_queue.backoff import Backoff
from tx_queue.store import BatchLimits


@dataclass(frozen=True, slots=True)
class Pace:
    """The worker's limits.

    Attributes
    ----------
    limits
        How much goes into one transaction.
    submit_s
        How long the ledger may take for one transaction, in seconds, before it counts as unavailable.
    backoff
        How long to wait before the same is tried again.
    """

    limits: BatchLimits = field(default_factory=BatchLimits)
    submit_s: float = 60.0
    backoff: Backoff = field(default_factory=Backoff)
