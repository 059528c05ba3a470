"""``python -m ledger.fabric.chaincode_server``: host the market's contract for the peers of one organisation."""

import asyncio
import logging
import sys

import structlog
from pydantic import ValidationError

from ledger.fabric.chaincode_server.server import UnusableAddress, serve
from ledger.fabric.chaincode_server.settings import ChaincodeServerSettings
from ledger.fabric.rejections import market_contract


def main() -> int:
    """Serve until told to stop; return the exit code."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.dev.ConsoleRenderer() if sys.stderr.isatty() else structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    try:
        settings = ChaincodeServerSettings()
        asyncio.run(serve(settings, market_contract))
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
