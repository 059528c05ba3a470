"""A random day of a street: 24 hourly slots that overlap, played by whoever can afford it and metered as it comes."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from random import Random
from typing import Any

from energy_market_chaincode import contracting, units
from energy_market_chaincode.records import Game
from energy_market_chaincode.times import iso_time, milliseconds
from tests.chaincode.conftest import Market

HOUR_MS = 3_600_000
MINUTE_MS = 60_000
STREET = ("P1", "P2", "P3", "P4", "P5", "P6")
WAYS = [*pairwise(STREET), ("P1", "P4")]
LIMIT = units.energy_from_kwh(8)
"""What a connection can carry in a slot, where there are meters."""
ROUNDING = 4 * len(STREET) + 4
EXPECTED = frozenset({"INSUFFICIENT_FUNDS", "DEBT_UNPAID"})
"""Refusals that are part of life."""


def some_energy(chance: Random) -> int:
    return chance.choice([1, chance.randint(1, 1_000), chance.randint(1, 60_000), chance.randint(1, 60_000)])


def some_price(chance: Random) -> str:
    return chance.choice(["0.08", "0.02", str(units.currency_per_kwh(chance.randint(1, 4 * 10**17))), "30"])


def some_terms(chance: Random) -> dict[str, Any]:
    """Return a game's parameters; both tariffs may be negative, the grid never pays more than it takes."""
    feed_in = chance.choice(["0.1231", "0", "-0.012", "0.05", "-0.3"])
    retail = chance.choice(["0.2869", "0.2869", "0.1231", feed_in])
    return {
        "retailTariff": retail if float(retail) >= float(feed_in) else "0.2869",
        "feedInTariff": feed_in,
        "feePerHop": chance.choice(["0", "0.02", "0.000000000000000001"]),
        **chance.choice([{}, {}, {"imbalancePenalty": "0"}, {"imbalancePenalty": "0.05"}]),
        "roundLimit": chance.choice([1, 2, 3, 200]),
        "slotDurationMs": HOUR_MS,
        "registrationDurationMs": chance.choice([10 * MINUTE_MS, 40 * MINUTE_MS]),
        "turnDeadlineMs": chance.choice([10_000, MINUTE_MS]),
        "meteringWindowMs": chance.choice([0, 15 * MINUTE_MS, 90 * MINUTE_MS]),
    }


@dataclass
class Day:
    """One day; every command is audited by the market, and every close for debts that nothing explains."""

    market: Market
    chance: Random
    running: dict[str, str] = field(default_factory=dict)
    """{game: phase} of those that are not settled."""
    readings: defaultdict[str, dict[str, tuple[int, int]]] = field(default_factory=lambda: defaultdict(dict))
    """{game: {prosumer: (taken, fed in)}}."""
    is_metered: bool = False
    settled: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    async def live(self) -> None:
        """Let the day pass, settle all, and look that nothing is left frozen."""
        await self.market.invoke("init", "operator", self.market.public_key("operator"))
        await self.market.enter(*STREET[:2], funds="0")
        await self.market.enter(*STREET[2:4], funds=self.chance.choice(["1", "5", "20"]))
        await self.market.enter(*STREET[4:], funds="1000")
        self.is_metered = self.chance.random() < 0.5
        if self.is_metered:
            for name in STREET:
                meter = {"id": f"M-{name}", "publicKey": self.market.public_key(f"M-{name}")}
                await self.market.do("operator", "registerMeter", **meter, prosumer=name, powerKw=kwh(LIMIT))
        await self.market.do("operator", "setTopology", edges=[list(way) for way in WAYS])
        midnight_ms = (self.market.now_ms // (24 * HOUR_MS) + 1) * 24 * HOUR_MS
        for hour in range(24):
            await self._hour(midnight_ms + hour * HOUR_MS)
        for game in list(self.running):
            await self._settle(game)
        assert not any(account.frozen for account in self.market.accounts().values())
        if self.is_metered:
            for game in self.chance.sample(self.settled, min(4, len(self.settled))):
                await self._read(game, self.chance.choice(STREET), some_energy(self.chance), some_energy(self.chance))
                await self._look_at_bills(game)
        await self._account_for_everything()

    async def _account_for_everything(self) -> None:
        """Look that everybody's statement adds up to what its account has, to the unit, however it is read."""
        for name, account in self.market.accounts().items():
            if name not in STREET:
                continue
            has = units.currency(account.free + account.frozen - account.debt)
            whole = await self.market.invoke("statement", name, "0", str(self.market.now_ms + 1), "3000")
            assert whole["sums"]["movement"] == has
            parts, begins = [], "0"
            while begins is not None:
                part = await self.market.invoke("statement", name, begins, str(self.market.now_ms + 1), "7")
                parts.append(part)
                begins = part["next"] and str(milliseconds_of(part["next"]))
            assert [line for part in parts for line in part["lines"]] == whole["lines"]
            assert [entry for part in parts for entry in part["entries"]] == whole["entries"]
            assert {line["game"] for line in whole["lines"]} <= set(self.settled)

    async def _hour(self, starts_ms: int) -> None:
        """Open and clear the slot that starts in an hour, while earlier ones are delivered and settled."""
        self.market.now_ms = max(self.market.now_ms, starts_ms - HOUR_MS)
        game = f"at-{starts_ms}"
        await self.market.do(
            "operator", "publishGame", game=game, deliverySlot=iso_time(starts_ms), **some_terms(self.chance)
        )
        self.running[game] = "registration"
        for name in self.chance.sample(STREET, len(STREET)):
            await self._order(game, name)
            await self._something_else(game)
        for name in self.chance.sample(STREET, 2):
            await self._order_anew(game, name)
        shown = await self._shown(game)
        self.market.now_ms = max(self.market.now_ms, milliseconds_of(shown["registrationEndsAt"]))
        await self.market.do("operator", "stopGameRegistration", game=game)
        while turn := self.market.turn(game):
            await self._turn(game, turn)
            await self._something_else(game)
        self.running[game] = "delivery"

    async def _order(self, game: str, name: str) -> None:
        match self.chance.choice(["offer", "offer", "demand", "demand", "nothing"]):
            case "offer":
                order = {"amount": kwh(some_energy(self.chance)), "price": some_price(self.chance)}
                await self._attempt(name, "publishOffer", game=game, **order)
            case "demand":
                await self._attempt(name, "publishDemand", game=game, amount=kwh(some_energy(self.chance)))
            case _:
                pass

    async def _order_anew(self, game: str, name: str) -> None:
        """Replace whatever somebody ordered, or withdraw it."""
        offer = {"offer": {"amount": kwh(some_energy(self.chance)), "price": some_price(self.chance)}}
        demand = {"demand": {"amount": kwh(some_energy(self.chance))}}
        order: dict[str, Any] = self.chance.choice([offer, demand, {}])
        await self._attempt(name, "publishOrders", orders=[{"game": game, **order}])

    async def _turn(self, game: str, turn: Mapping[str, Any]) -> None:
        """Answer best, pass, grab a seller whole, or stay silent."""
        market, buyer = self.market, turn["buyerInTurn"]
        behaviour = self.chance.choice(["best"] * 4 + ["pass", "grab", "silence"])
        begins_ms = milliseconds_of((await self._shown(game))["deliveryStartsAt"])
        if behaviour == "silence" or market.now_ms >= begins_ms:
            market.now_ms += MINUTE_MS
            await market.do("operator", "skipTurn", game=game, buyer=buyer, round=turn["round"])
            return
        bid = market.best_reply(turn) if behaviour == "best" else grabbed(turn) if behaviour == "grab" else None
        if bid is None or not await self._attempt(buyer, "publishBuyBid", game=game, bidAmounts=bid):
            await market.do(buyer, "publishBuyBid", game=game, keepPlaying=False)

    async def _something_else(self, game: str) -> None:
        """Let something happen in another game, or to an account."""
        others = [other for other, phase in self.running.items() if phase == "delivery" and other != game]
        match self.chance.choice(["meter", "settle", "correct", "pay", "", "", ""]):
            case "meter" if others:
                await self._meter(self.chance.choice(others))
            case "correct" if self.is_metered and self.settled:
                await self._correct(self.chance.choice(self.settled))
            case "settle" if others:
                await self._settle(self.chance.choice(others), only_if_it_is_time=True)
            case "pay":
                amount = self.chance.choice(["0.5", "3"])
                await self.market.do("operator", "topUpAccount", prosumer=self.chance.choice(STREET), amount=amount)
            case _:
                pass

    async def _meter(self, game: str, share: float = 0.8) -> None:
        """Meter as contracted, in part, beyond it, or for nothing; of a settled slot correct it. Some stay silent."""
        shown = await self._shown(game)
        if self.is_metered and self.market.now_ms < milliseconds_of(shown["deliveryEndsAt"]):
            return
        contracted = {s["seller"]: (0, energy(s["load"])) for s in shown["sellers"]}
        contracted |= {b["buyer"]: (energy(b["demand"]), 0) for b in shown["buyers"]}
        if self.is_metered:
            contracted = {name: contracted.get(name, (0, 0)) for name in STREET}
        for name, (taken, fed_in) in contracted.items():
            if self.chance.random() < share:
                await self._read(game, name, taken=self._about(taken), fed_in=self._about(fed_in))

    def _about(self, contracted: int) -> int:
        """Return what is metered instead of what was contracted."""
        chance = self.chance
        share = chance.choice([0, 4, 4, 4, 4, chance.randint(0, 8)])
        return contracted * share // 4 + chance.choice([0, 0, 0, 0, some_energy(chance)])

    async def _read(self, game: str, name: str, taken: int, fed_in: int) -> None:
        """Report for a game that takes readings."""
        if self.is_metered:
            taken, fed_in = min(taken, LIMIT), min(fed_in, LIMIT)
            reading = {"game": game, "inEnergy": kwh(taken), "outEnergy": kwh(fed_in)}
            await self.market.do(f"M-{name}", "publishReadings", readings=[reading])
            return
        await self.market.read_meter(game, name, taken=kwh(taken), fed_in=kwh(fed_in))
        before = self.readings[game].get(name, (0, 0))
        self.readings[game][name] = (before[0] + taken, before[1] + fed_in)

    async def _correct(self, game: str) -> None:
        """Correct some readings of a settled slot, and look whom that leaves in debt.

        No reading costs more than what is set aside for a slot (decision 36); so what a correction takes is at most
        that, and what the slot had brought.
        """
        shown, lines = await self._shown(game), (await self.market.invoke("lines", game))["lines"]
        brought = {line["prosumer"]: units.money_from_currency(line["net"]) for line in lines}
        before = self.market.accounts()
        await self._meter(game, share=0.3)
        after = self.market.accounts()
        for name in STREET:
            most = max(0, brought[name] + self._cover(shown, name))
            assert after[name].debt - before[name].debt <= most, f"a correction of {game} took more of {name}"
        await self._look_at_bills(game)

    async def _look_at_bills(self, game: str) -> None:
        """Look that no bill of a metered slot, corrected or not, is beyond what its order and connection set aside."""
        shown = await self._shown(game)
        traders = {s["seller"] for s in shown["sellers"]} | {b["buyer"] for b in shown["buyers"]}
        for line in (await self.market.invoke("lines", game))["lines"] if self.is_metered else []:
            if (name := line["prosumer"]) in traders:
                bill = -units.money_from_currency(line["net"])
                assert bill <= self._cover(shown, name) + ROUNDING, f"the bill of {name} in {game} is not covered"

    def _cover(self, shown: Mapping[str, Any], name: str) -> int:
        """Return what an order in a slot and its connection set aside."""
        rules = Game.from_bytes(self.market.state[Game.key(shown["game"])]).parameters
        aside = contracting.connection_deposit(units.Energy(LIMIT), rules) + ROUNDING
        for seller in shown["sellers"]:
            if seller["seller"] == name:
                aside += contracting.offer_bond(
                    units.Energy(energy(seller["load"])), units.Price(price(seller["price"])), rules
                )
        for buyer in shown["buyers"]:
            if buyer["buyer"] == name:
                demand = units.Energy(energy(buyer["demand"]))
                bill = units.cost(demand, max(0, rules.retail_tariff))
                aside += contracting.demand_deposit(demand, rules) + bill + bill // 1000  # an equilibrium's tolerance
        return aside

    async def _settle(self, game: str, *, only_if_it_is_time: bool = False) -> None:
        """Close a game, and look whom that leaves in debt."""
        shown = await self._shown(game)
        if only_if_it_is_time and self.market.now_ms < milliseconds_of(shown["meteringEndsAt"]):
            return
        self.market.now_ms = max(self.market.now_ms, milliseconds_of(shown["meteringEndsAt"]))
        if self.chance.random() < 0.7:
            await self._meter(game)
        before = self.market.accounts()
        await self.market.do("operator", "closeMarket", game=game)
        after = self.market.accounts()
        for name in STREET:
            new_debt = after[name].debt - before[name].debt
            assert new_debt <= self._beyond_cover(shown, name), f"{name} owes more than lies beyond its cover in {game}"
        await self._look_at_bills(game)
        del self.running[game]
        self.settled.append(game)

    def _beyond_cover(self, shown: Mapping[str, Any], name: str) -> int:
        """Return what a participant may come to owe beyond its cover: for energy that it neither asked for nor sold.

        Where there are meters a deposit covers that, too, for whoever has an order.
        """
        if self.is_metered:
            traders = {s["seller"] for s in shown["sellers"]} | {b["buyer"] for b in shown["buyers"]}
            return ROUNDING if name in traders else 10**9
        taken, fed_in = self.readings[shown["game"]].get(name, (0, 0))
        asked = next((energy(buyer["demand"]) for buyer in shown["buyers"] if buyer["buyer"] == name), 0)
        retail, feed_in = (price(shown["parameters"][tariff]) for tariff in ("retailTariff", "feedInTariff"))
        owed = units.cost(max(0, taken - asked), max(0, retail)) + units.cost(fed_in, max(0, -feed_in))
        return owed + ROUNDING

    async def _attempt(self, prosumer: str, topic: str, /, **data: Any) -> bool:
        """Give a command that may be refused for want of money."""
        (result,) = await self.market.submit(self.market.command(prosumer, topic, **data))
        if result["status"] == "rejected":
            assert result["code"] in EXPECTED, result
            self.refused.append(result["code"])
        return bool(result["status"] == "committed")

    async def _shown(self, game: str) -> dict[str, Any]:
        return dict(await self.market.invoke("game", game))


def grabbed(turn: Mapping[str, Any]) -> dict[str, str]:
    """Take as much as there is of the first sellers."""
    wanted, bid = energy(turn["demand"]), {}
    for seller in turn["sellers"]:
        room = min(wanted, energy(seller["capacity"]) - energy(seller["othersLoad"]))
        bid[seller["seller"]] = kwh(room)
        wanted -= room
    return bid


def kwh(amount: int) -> str:
    return str(units.kwh(amount))


def energy(amount: Any) -> int:
    return units.energy_from_kwh(amount)


def price(amount: Any) -> int:
    return units.price_from_currency_per_kwh(amount)


def milliseconds_of(time: str) -> int:
    return milliseconds(datetime.fromisoformat(time))
