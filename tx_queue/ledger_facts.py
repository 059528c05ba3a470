"""What the queue remembers of the ledger behind it: its id, and the public keys of those who sign."""

import asyncio
from collections.abc import Collection, Iterable, Set

from energy_market_chaincode import UnknownProsumer, read_exact_json
from ledger import Ledger


class LedgerName:
    """Remembers the ledger's id; asks the ledger again when somebody names another one."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.known: str | None = None
        """The id as it was last read."""

    async def read_unless(self, named: set[str]) -> str | None:
        """Return the ledger's id, freshly read unless it is all that is named; raises as :meth:`read`."""
        if self.known is None or named != {self.known}:
            # A Fabric network may have been made anew beneath a queue that runs.
            return await self.read()
        return self.known

    def forget(self) -> None:
        """Ask the ledger again next time: a new epoch began there."""
        self.known = None

    async def read(self) -> str | None:
        """Ask the ledger for its id.

        None if the contract is an older one, which has no ids of ledgers and decides alone.

        Raises
        ------
        ledger.interface.LedgerUnavailable
            If the ledger cannot be asked.
        energy_market_chaincode.errors.NotInitialised
        """
        self.known = read_exact_json(await self._ledger.query("market")).get("ledger")
        return self.known


class Signers:
    """Remembers public keys; asks the ledger for those it does not know, or no longer trusts."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._keys: dict[str, str] = {}
        self._asking = asyncio.Lock()

    async def keys_of(self, prosumers: Collection[str]) -> dict[str, str]:
        """Return public keys in base64; one who is not registered is left out.

        Raises
        ------
        ledger.interface.LedgerUnavailable
            If a key is not known here and the ledger cannot be asked.
        """
        if not self._keys.keys() >= set(prosumers):
            async with self._asking:
                # Those who waited here find what was learnt meanwhile.
                await self._learn(set(prosumers) - self._keys.keys())
        return {prosumer: self._keys[prosumer] for prosumer in prosumers if prosumer in self._keys}

    def forget(self, prosumers: Iterable[str]) -> None:
        """Ask the ledger again next time: the key may have been replaced."""
        for prosumer in prosumers:
            self._keys.pop(prosumer, None)

    async def _learn(self, prosumers: Set[str]) -> None:
        if len(prosumers) == 1:
            for prosumer in prosumers:
                await self._learn_one(prosumer)
        elif prosumers:
            answer = read_exact_json(await self._ledger.query("prosumers"))
            self._keys.update({record["prosumer"]: record["publicKey"] for record in answer["prosumers"]})
            if not self._keys.keys() >= prosumers:
                answer = read_exact_json(await self._ledger.query("meters"))
                self._keys.update({record["meter"]: record["publicKey"] for record in answer["meters"]})

    async def _learn_one(self, prosumer: str) -> None:
        try:
            record = read_exact_json(await self._ledger.query("prosumer", prosumer))
        except UnknownProsumer:
            return
        self._keys[prosumer] = record["publicKey"]
