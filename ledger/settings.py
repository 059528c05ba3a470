"""Which ledger, and where: the settings that every program with a ledger shares."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator
from pydantic_settings import BaseSettings, SettingsConfigDict

from energy_market_chaincode import public_key_from_text
from market_files import DEFAULT_HOME


class LedgerKind(StrEnum):
    """The ledgers there are."""

    EMBEDDED = "embedded"
    FABRIC = "fabric"


def _public_key(text: str) -> str:
    public_key_from_text(text)
    return text


class LedgerSettings(BaseSettings):
    """From the environment (``ENERGY_MARKET_LEDGER`` and so on).

    Attributes
    ----------
    home
        The folder of the embedded ledger's file.
    operator, operator_public_key
        The first operator and its Ed25519 key in base64, entered when the ledger is created.
    fabric_profile
        The Fabric network's connection profile.
    """

    model_config = SettingsConfigDict(env_prefix="ENERGY_MARKET_")

    ledger: LedgerKind = LedgerKind.EMBEDDED
    home: Path = DEFAULT_HOME
    operator: str = "operator"
    operator_public_key: Annotated[str, AfterValidator(_public_key)] | None = None
    fabric_profile: Path | None = None

    @property
    def ledger_file(self) -> Path:
        """The embedded ledger's file."""
        return self.home / "ledger.sqlite"
