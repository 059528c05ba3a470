"""Where an operator's market is, and as whom the operator speaks."""

from pathlib import Path

from pydantic_settings import BaseSettings, SettingsConfigDict

from ledger import LedgerKind
from market_files import DEFAULT_HOME
from prosumer_client import Identity, MarketClient, Patience

PATIENCE = Patience(total_s=10, longest_delay_s=1)
"""Somebody sits at the terminal and waits."""


class OperatorSettings(BaseSettings):
    """From the environment (``ENERGY_MARKET_HOME`` and so on).

    Attributes
    ----------
    home
        The folder that holds the keys, and the embedded ledger and the queue if they run here.
    ledger_id
        The ledger that commands are for; None: the one that the queue names.
    operator
        Whose key signs; ``<home>/keys/<operator>.pem``.
    """

    model_config = SettingsConfigDict(env_prefix="ENERGY_MARKET_")

    home: Path = DEFAULT_HOME
    ledger: LedgerKind = LedgerKind.EMBEDDED
    ledger_id: str | None = None
    operator: str = "operator"
    queue_url: str = "http://127.0.0.1:8080"
    clock_url: str = "http://127.0.0.1:8082"

    @property
    def keys(self) -> Path:
        """The folder of keys."""
        return self.home / "keys"

    def market(self) -> MarketClient:
        """Return a client that speaks as the operator; raises KeyFileError."""
        identity = Identity.load(self.operator, self.keys)
        return MarketClient(self.queue_url, identity, patience=PATIENCE, ledger=self.ledger_id)

    def reader(self) -> MarketClient:
        """Return a client that only reads."""
        return MarketClient(self.queue_url, patience=PATIENCE)
