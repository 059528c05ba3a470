"""Where a Fabric network is and as whom we speak to it: the connection profile, a file.

Paths in the file are relative to it, so that the same file serves on this machine and inside a container.
"""

from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ledger.fabric.gateway.errors import GatewayError

PROFILE_NAME = "profile.json"
"""What the file is usually called."""


class UnusableProfile(GatewayError):
    """The connection profile is missing, not well formed, or names files that are not there."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class OrdererAddress(_Part):
    """An orderer, which a client asks how it is; transactions go to it through a gateway."""

    address: Annotated[str, Field(pattern=r"^[^\s/]+:\d{1,5}$")]
    """``host:port``."""
    tls_ca: Path
    """PEM of the authority that issued its TLS certificate."""
    server_name: str | None = None
    """The name its TLS certificate is checked for, where that is not the address's host."""


class GatewayAddress(OrdererAddress):
    """A peer whose gateway service may be asked."""

    organisation: str
    """The MSP id of the organisation that runs it."""


class FabricProfile(_Part):
    """One client's view of a Fabric network."""

    channel: str
    chaincode: str
    msp_id: str
    """The client's own organisation."""
    client_certificate: Path
    """PEM of the X.509 certificate that the client signs as."""
    client_key: Path
    """PEM (PKCS8) of its ECDSA P-256 key."""
    gateways: Annotated[tuple[GatewayAddress, ...], Field(min_length=1)]
    """In the order in which they are tried."""
    orderers: tuple[OrdererAddress, ...] = ()
    """Those that are asked whether transactions are ordered now; may be none."""
    ordering_quorum: Annotated[int, Field(ge=1)] = 1
    """How many of them have to take part."""
    endorsing_organisations: Annotated[tuple[str, ...], Field(min_length=1)]
    """MSP ids whose peers have to endorse a transaction."""

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a profile and make its paths absolute; raises UnusableProfile."""
        try:
            written = cls.model_validate_json(path.read_bytes())
        except OSError as error:
            raise UnusableProfile(
                f"cannot read the connection profile {path} ({error.strerror}); is the network up?"
            ) from None
        except ValidationError as error:
            first = error.errors()[0]
            field = ".".join(map(str, first["loc"])) or "profile"
            raise UnusableProfile(f"the connection profile {path} is not usable: {field}: {first['msg']}") from None
        folder = path.resolve().parent
        gateways = tuple(node.model_copy(update={"tls_ca": folder / node.tls_ca}) for node in written.gateways)
        orderers = tuple(node.model_copy(update={"tls_ca": folder / node.tls_ca}) for node in written.orderers)
        files = {"client_certificate": folder / written.client_certificate, "client_key": folder / written.client_key}
        for file in (*files.values(), *(node.tls_ca for node in (*gateways, *orderers))):
            if not file.is_file():
                raise UnusableProfile(f"the connection profile {path} names {file}, which is not there")
        return written.model_copy(update={**files, "gateways": gateways, "orderers": orderers})
