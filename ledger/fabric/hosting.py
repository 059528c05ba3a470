"""``python -m ledger.fabric.hosting``: the program that hosts the market's contract for an organisation's peers."""

import asyncio
import sys

from pydantic import Field, ImportString, ValidationError

from ledger.fabric.chaincode_server import Chaincode, ChaincodeServerSettings, UnusableAddress, serve
from market_log import configure_logs


class _Settings(ChaincodeServerSettings):
    contract: ImportString[Chaincode] = Field(default="ledger.fabric.contract:market_contract", validate_default=True)
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
