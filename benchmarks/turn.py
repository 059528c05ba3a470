"""How long a turn takes: from posting a bid to hearing that the next buyer is in turn."""

import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from decimal import Decimal

from energy_market_chaincode import Topic
from prosumer_client import Identity, MarketClient, MarketEvent, SignedCommand, usual_end

PRICE, CAPACITY, DEMAND = "0.1", "100", "10"
ROUNDS = 100
"""In so many rounds a buyer would come to its demand."""
TERMS = {"roundLimit": 1000, "turnDeadlineMs": 600_000}


class EndlessGame:
    """A game in which every buyer takes a little more from its neighbours, instead of the grid, in each of its turns.

    Each bid saves something, or it would count as a pass.

    Everybody has the operator's key.
    """

    def __init__(self, operator: MarketClient, game: str, sellers: int = 4, buyers: int = 7) -> None:
        """Make one as large as the original's unless said otherwise."""
        self._operator = operator
        self._game = game
        self.sellers = [f"turn-S{number}" for number in range(sellers)]
        self.buyers = [f"turn-B{number}" for number in range(buyers)]

    async def open(self) -> None:
        """Bring everybody onto the ledger and into the game."""
        key = self._operator.identity.public_key
        hops = {buyer: dict.fromkeys(self.sellers, 1) for buyer in self.buyers}
        terms = {"game": self._game, "deliverySlot": self._game, "expectedParticipants": len(hops) + len(self.sellers)}
        commands: list[tuple[str, dict[str, object]]] = []
        for name in self.sellers + self.buyers:
            commands += [(Topic.REGISTER_PROSUMER, {"id": name, "publicKey": key})]
            commands += [(Topic.TOP_UP_ACCOUNT, {"prosumer": name, "amount": "1000"})]
        commands += [(Topic.SET_TOPOLOGY, {"hops": hops}), (Topic.PUBLISH_GAME, TERMS | terms)]
        await self._operator.submit_all(commands)
        for name in self.sellers:
            await self._as(name).submit(Topic.PUBLISH_OFFER, self._data(amount=CAPACITY, price=PRICE))
        for name in self.buyers:
            await self._as(name).submit(Topic.PUBLISH_DEMAND, self._data(amount=DEMAND))

    async def turns(self, number: int, between: Callable[[], Awaitable[None]]) -> AsyncIterator[float]:
        """Play so many turns and yield how long each took until the next buyer's turn was heard of, seconds.

        Parameters
        ----------
        between
            Awaited before every turn.
        """
        async with aclosing(self._operator.events("now", game=self._game, on_now=self._start)) as events:
            turn = await anext(events)
            for _ in range(number):
                await between()
                bid = self._bid(turn)
                began = time.perf_counter()
                await self._as(turn.data["buyerInTurn"]).post(Topic.PUBLISH_BUY_BID, bid)
                turn = await anext(events)
                yield time.perf_counter() - began
                assert turn.name == "BuyBidEvent", turn

    async def commits(self, commit: Callable[[SignedCommand], Awaitable[None]]) -> AsyncGenerator[float, None]:
        """Play turns whose bids go to the ledger past the queue; yield how long each took to be committed, seconds."""
        async with aclosing(self._operator.events("now", game=self._game, on_now=self._start)) as events:
            async for turn in events:
                signed = self._signed_bid(turn, await self._operator.ledger_id())
                began = time.perf_counter()
                await commit(signed)
                yield time.perf_counter() - began

    def _bid(self, turn: MarketEvent) -> dict[str, object]:
        share = Decimal(DEMAND) * turn.data["round"] / ROUNDS
        seller = self.sellers[turn.data["buyerInTurnIndex"] % len(self.sellers)]
        return self._data(bidAmounts={seller: str(round(share, 4))})

    def _signed_bid(self, turn: MarketEvent, ledger: str) -> SignedCommand:
        buyer = self._as(turn.data["buyerInTurn"]).identity
        return buyer.command(Topic.PUBLISH_BUY_BID, self._bid(turn), ledger=ledger, valid_until=usual_end())

    async def _start(self) -> None:
        await self._operator.submit(Topic.STOP_GAME_REGISTRATION, self._data())

    def _as(self, name: str) -> MarketClient:
        return self._operator.speaking_as(Identity(name, self._operator.identity.key))

    def _data(self, **data: object) -> dict[str, object]:
        return {"game": self._game, **data}
