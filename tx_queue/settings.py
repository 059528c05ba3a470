"""The queue's settings: those of every service, those of its ledger, and its own."""

from pathlib import Path

import stamina
from pydantic import Field
from pydantic_settings import SettingsConfigDict

from http_service import ServiceSettings
from ledger import LedgerSettings
from tx_queue.store import TransactionLimits


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
    def transaction_limits(self) -> TransactionLimits:
        """How much may go into one transaction."""
        return TransactionLimits(self.queue_batch_commands, self.queue_batch_bytes, self.queue_batch_seconds)

    @property
    def retrying(self) -> stamina.AsyncRetryingCaller:
        """How something is tried again that has to work in the end."""
        first_s, longest_s = self.queue_retry_first_seconds, self.queue_retry_longest_seconds
        return stamina.AsyncRetryingCaller(
            attempts=None, timeout=None, wait_initial=first_s, wait_max=longest_s, wait_jitter=first_s / 2
        )

    @property
    def queue_file(self) -> Path:
        """The durable store."""
        return self.home / "queue.sqlite"
