"""The public keys of those who sign, as they stand on the ledger."""

import asyncio
from collections.abc import Collection, Iterable

from energy_market_chaincode.canonical import read_exact_json
from energy_market_chaincode.errors import UnknownProsumer
from ledger.interface import Ledger


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

    async def renewed_keys_of(self, prosumers: Collection[str]) -> dict[str, str]:
        """Return public keys as they stand on the ledger now; otherwise as :meth:`keys_of`."""
        self.forget(prosumers)
        return await self.keys_of(prosumers)

    def forget(self, prosumers: Iterable[str]) -> None:
        """Ask the ledger again next time: the key may have been replaced."""
        for prosumer in prosumers:
            self._keys.pop(prosumer, None)

    async def _learn(self, prosumers: Collection[str]) -> None:
        if len(prosumers) == 1:
            for prosumer in prosumers:
                await self._learn_one(prosumer)
        elif prosumers:
            answer = read_exact_json(await self._ledger.query("prosumers"))
            self._keys.update({record["prosumer"]: record["publicKey"] for record in answer["prosumers"]})

    async def _learn_one(self, prosumer: str) -> None:
        try:
            record = read_exact_json(await self._ledger.query("prosumer", prosumer))
        except UnknownProsumer:
            return
        self._keys[prosumer] = record["publicKey"]
