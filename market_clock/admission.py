"""Whether the market takes commands of this clock: its queue answers, and an operator is registered with our key.

Which ledger the commands are for is settled here, too, before anything else is done there.
"""

import asyncio
from pathlib import Path

import structlog

from energy_market_chaincode.commands import Role
from prosumer_client.client import MarketClient
from prosumer_client.errors import MarketError, RequestRefused
from prosumer_client.identity import Identity

LOOK_EVERY_S = 0.25

_log = structlog.stdlib.get_logger(__name__)


class NotAdmitted(Exception):
    """Why the clock cannot work yet."""


class Admission:
    """Waits until the clock may speak as an operator.

    Attributes
    ----------
    reason
        Why it may not yet; None once it may.
    """

    def __init__(self, market: MarketClient, operator: str, keys: Path) -> None:
        self.reason: str | None = "the clock is starting"
        self._market = market
        self._operator = operator
        self._keys = keys

    async def wait(self) -> Identity:
        """Return the operator's identity as soon as it is registered; the log says what is missing until then."""
        while True:
            try:
                identity = await self._check()
            except (NotAdmitted, MarketError) as missing:
                if self.reason != str(missing):
                    _log.info("waiting to be admitted as an operator", reason=str(missing))
                self.reason = str(missing)
                await asyncio.sleep(LOOK_EVERY_S)
            else:
                self.reason = None
                return identity

    async def _check(self) -> Identity:
        """Look once.

        Raises
        ------
        NotAdmitted, KeyFileError, MarketError
        """
        identity = Identity.load(self._operator, self._keys)
        try:
            record = await self._market.prosumer(self._operator)
        except RequestRefused as refusal:
            if refusal.code != "UNKNOWN_PROSUMER":
                raise
            raise NotAdmitted(
                f"{self._operator} is not registered on this ledger; let an operator register it with "
                f"registerProsumer, role operator, publicKey {identity.public_key}"
            ) from None
        if record["role"] != Role.OPERATOR:
            raise NotAdmitted(f"{self._operator} is registered on this ledger, but not as an operator")
        if record["publicKey"] != identity.public_key:
            raise NotAdmitted(
                f"{self._operator} is registered on this ledger with another public key than {identity.public_key}, "
                f"the one of the key in {self._keys}"
            )
        await self._market.ledger_id()
        return identity
