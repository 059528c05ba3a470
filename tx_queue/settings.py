"""The queue's settings: those of every service, those of its ledger, and its own."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from http_service import ServiceSettings
from ledger.settings import LedgerSettings
from tx_queue.backoff import Backoff
from tx_queue.pace import Pace
from tx_queue.store import BatchLimits


class QueueSettings(ServiceSettings, LedgerSettings):
    """From the environment (``ENERGY_MARKET_QUEUE_CAPACITY`` and so on), overridden by flags."""

    model_config = SettingsConfigDict(env_prefix="ENERGY_MARKET_")

    port: int = Field(8080, ge=0, le=65535, description="port to listen on; 0 takes a free one")
    queue_capacity: int = Field(100_000, ge=1, description="commands that may wait before new ones get 429")
    queue_retention_hours: float = Field(
        168.0, ge=0, description="how long the answer to a settled command is kept; then it is on the ledger only"
    )
    queue_batch_commands: int = Field(1000, ge=1, description="most commands in one transaction")
    queue_batch_bytes: int = Field(2_000_000, ge=1, description="most bytes of commands in one transaction")
    queue_batch_seconds: float = Field(
        60.0, gt=0, description="how long one transaction may take before it is tried again, in the end by halves"
    )
    queue_retry_first_seconds: float = Field(0.05, gt=0, description="first pause before something is tried again")
    queue_retry_longest_seconds: float = Field(5.0, gt=0, description="the pauses double up to this one")
    queue_max_body_bytes: int = Field(4_000_000, ge=1000, description="largest body of a request")
    queue_events_kept: int = Field(4096, ge=1, description="newest events kept in memory for the streams")
    queue_keep_alive_seconds: int = Field(15, ge=1, description="pause between two keep-alives of an event stream")

    @property
    def retention_ms(self) -> int:
        """How long the answer to a settled command is kept."""
        return round(self.queue_retention_hours * 3_600_000)

    @property
    def pace(self) -> Pace:
        """How the worker goes about it."""
        limits = BatchLimits(self.queue_batch_commands, self.queue_batch_bytes)
        return Pace(limits, self.queue_batch_seconds, self.backoff)

    @property
    def backoff(self) -> Backoff:
        """How long to wait before something is tried again."""
        return Backoff(self.queue_retry_first_seconds, self.queue_retry_longest_seconds)

    @property
    def queue_file(self) -> Path:
        """The durable store."""
        return self.home / "queue.sqlite"
