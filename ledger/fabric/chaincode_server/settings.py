"""What a chaincode server has to know, from environment variables with Fabric's usual names."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class ChaincodeServerSettings(BaseSettings):
    """``CHAINCODE_ID``, ``CHAINCODE_SERVER_ADDRESS``, ``CHAINCODE_TLS_KEY`` and so on."""

    model_config = SettingsConfigDict(env_prefix="CHAINCODE_", frozen=True)

    id: Annotated[str, Field(min_length=1)]
    """The package id under which the peers installed the chaincode."""
    server_address: Annotated[str, Field(pattern=r"^\S+:\d{1,5}$")]
    """``host:port`` to listen on; port 0 takes a free one."""
    tls_key: Path | None = None
    tls_cert: Path | None = None
    client_ca_cert: Path | None = None
    """PEM of the authorities whose certificates a connecting peer may show."""
    tls_disabled: bool = False
    """Let anyone connect, unencrypted; for tests."""
    workers: Annotated[int, Field(ge=1, le=64)] = 4
    """Threads that run contracts."""
    drain_seconds: Annotated[float, Field(ge=0)] = 10.0
    """How long open transactions may take to end once the server is told to stop."""

    @model_validator(mode="after")
    def _all_of_tls_or_none(self) -> Self:
        given = [file is not None for file in (self.tls_key, self.tls_cert, self.client_ca_cert)]
        if self.tls_disabled and any(given):
            raise ValueError("CHAINCODE_TLS_DISABLED contradicts the TLS files that are named")
        if not self.tls_disabled and not all(given):
            raise ValueError(
                "set CHAINCODE_TLS_KEY, CHAINCODE_TLS_CERT and CHAINCODE_CLIENT_CA_CERT, or CHAINCODE_TLS_DISABLED=true"
            )
        return self
