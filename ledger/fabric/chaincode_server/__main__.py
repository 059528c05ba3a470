"""``python -m ledger.fabric.chaincode_server``: host a contract, by default the market's."""

import asyncio
import sys

from pydantic import Field, ImportString, ValidationError

from ledger.fabric.chaincode_server.execution import Contract
from ledger.fabric.chaincode_server.server import UnusableAddress, serve
from ledger.fabric.chaincode_server.settings import ChaincodeServerSettings
from market_log import configure_logs


class _Settings(ChaincodeServerSettings):
    contract: ImportString[Contract] = Field(default="ledger.fabric.rejections:market_contract", validate_default=True)
    """``module:name`` of the contract to host."""


def main() -> int:
    """Serve until told to stop; return the exit code."""
    configure_logs("chaincode")
    try:
        settings = _Settings()
        asyncio.run(serve(settings, settings.contract))
    except ValidationError as error:
        first = error.errors()[0]
        print(f"INVALID_SETTINGS: {'.'.join(map(str, first['loc']))}: {first['msg']}", file=sys.stderr)
        return 2
    except (UnusableAddress, OSError) as error:
        print(f"CANNOT_LISTEN: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
