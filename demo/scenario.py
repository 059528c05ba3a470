"""A scenario: who offers and demands what, how far apart they are, and by which parameters they play; or one at random.

Amounts are decimal kWh and currency, exactly as the ledger will hold them; what the ledger could not hold is refused.
"""

import random
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from energy_market_chaincode import (
    USUAL_FEED_IN_TARIFF,
    USUAL_RETAIL_TARIFF,
    Identifier,
    PublishGame,
    demand_deposit,
    offer_bond,
    units,
    usual_penalty,
)
from energy_market_chaincode import hops as hop_counts


def _positive(value: Decimal) -> Decimal:
    if value <= 0:
        raise ValueError("must be greater than zero")
    return value


def _between(lowest: int, highest: int) -> AfterValidator:
    def check(value: Decimal) -> Decimal:
        if not lowest <= value <= highest:
            raise ValueError(f"must be between {lowest} and {highest}")
        return value

    return AfterValidator(check)


Kwh = Annotated[Decimal, BeforeValidator(lambda value: units.kwh(units.energy_from_kwh(value))), _between(0, 10**9)]
Currency = Annotated[
    Decimal, BeforeValidator(lambda value: units.currency(units.money_from_currency(value))), _between(0, 10**9)
]
CurrencyPerKwh = Annotated[
    Decimal,
    BeforeValidator(lambda value: units.currency_per_kwh(units.price_from_currency_per_kwh(value))),
    _between(0, 10**6),
]
FractionOfOne = Annotated[
    Decimal, BeforeValidator(lambda value: units.fraction(units.share_from_fraction(value))), _between(0, 1)
]
Edge = tuple[Identifier, Identifier]
Hops = Annotated[int, Field(ge=0, le=1000, strict=True)]

Graph = Sequence[tuple[str, str]]
"""Edges of one hop each, between buses and prosumers."""

HopTable = Mapping[str, Mapping[str, int]]
"""{buyer: {seller: hops}}."""

FieldPath = tuple[str | int, ...]
"""Where a field stands in a scenario, from the outside in."""

USUAL_BALANCE = Decimal(1000)
MOST_PAIRS = 250_000
"""Of so many pairs of a buyer and a seller hops are listed."""
_HUNDRED = units.money_from_currency(100)


@dataclass(frozen=True, slots=True)
class Inconsistency:
    """Something that does not fit together; ``sentence`` goes on after the name of the field at ``path``."""

    path: FieldPath
    sentence: str


class ScenarioPart(BaseModel):
    """Something that a scenario states; a field that it does not know is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ScenarioSeller(ScenarioPart):
    """A seller: what it offers, what it produced so far, and what share of what it sold it will really deliver."""

    capacity: Annotated[Kwh, AfterValidator(_positive)]
    price: Annotated[CurrencyPerKwh, AfterValidator(_positive)]
    total_production: Kwh = Decimal(0)
    delivery_share: FractionOfOne = Decimal(1)


class ScenarioBuyer(ScenarioPart):
    """A buyer: its demand, its metered history, and what share of what it bought it will really take.

    The history decides the turn order: production / consumption, highest first.
    """

    demand: Annotated[Kwh, AfterValidator(_positive)]
    total_production: Kwh
    total_consumption: Annotated[Kwh, AfterValidator(_positive)]
    delivery_share: FractionOfOne = Decimal(1)

    @property
    def contribution_metric(self) -> Fraction:
        """Production / consumption, exactly."""
        return Fraction(self.total_production) / Fraction(self.total_consumption)


class ScenarioSettings(ScenarioPart):
    """What every scenario may set, a generated one too.

    Attributes
    ----------
    starting_balance
        Currency on every prosumer's account before the game. Without it everybody has 1000, or what its offer or demand
        needs as cover, if that is more.
    grid_operator_balance
        Currency on the grid operator's account, out of which it pays the feed-in tariff.
    game
        Data of publishGame; in a scenario file its fields are written with underscores (``round_limit``).
    """

    name: Annotated[str, Field(min_length=1, max_length=100)]
    starting_balance: Currency | None = None
    grid_operator_balance: Currency = Decimal(100_000)
    game: PublishGame = PublishGame()

    @property
    def fee_per_hop(self) -> Decimal:
        """Transmission fee, currency per kWh and hop."""
        return units.currency_per_kwh(self.game.fee_per_hop)


@dataclass(frozen=True, slots=True)
class GamePrices:
    """What a game's cover depends on, on a ledger without a table of tariffs."""

    retail_tariff: units.Price
    feed_in_tariff: units.Price
    imbalance_penalty: units.Price

    @classmethod
    def of(cls, game: PublishGame) -> Self:
        """Return what a game states, or what holds without."""
        retail = USUAL_RETAIL_TARIFF if game.retail_tariff is None else game.retail_tariff
        feed_in = USUAL_FEED_IN_TARIFF if game.feed_in_tariff is None else game.feed_in_tariff
        penalty = game.imbalance_penalty
        return cls(retail, feed_in, usual_penalty(retail, feed_in) if penalty is None else penalty)

    def of_an_offer(self, energy: units.Energy, price: units.Price) -> int:
        """Return the money that an offer is taken with."""
        return offer_bond(energy, price, self)

    def of_a_demand(self, energy: units.Energy, nr_sellers: int) -> int:
        """Return the money that a demand is taken with, and answered best.

        A best response takes nothing whose price, p + tau h, is above the retail tariff R; a bid's escrow is for
        2 p + tau h, so 2 R is enough.
        """
        rounding = 2 * nr_sellers + 1
        return units.cost(energy, 2 * max(0, self.retail_tariff)) + rounding + demand_deposit(energy, self)


class Playable(ScenarioSettings, ABC):
    """What the demo can play: people with money, on a network that is a graph or a table of hops."""

    graph: Annotated[list[Edge], Field(min_length=1, max_length=100_000)] | None = None
    hops: dict[Identifier, dict[Identifier, Hops]] | None = None

    @abstractmethod
    def histories(self) -> dict[str, dict[str, Decimal]]:
        """Return everybody's id, with what registerProsumer is told of its metered past."""

    @abstractmethod
    def cover(self) -> dict[str, Decimal]:
        """Currency that everybody needs to be taken into what is played, in whole hundreds."""

    @abstractmethod
    def needed_groups(self) -> dict[str, dict[str, int]]:
        """Return {group: {prosumer: in how many games it wants to be}}; without any of a group nothing is played."""

    @abstractmethod
    def hop_distances(self) -> dict[str, dict[str, int]]:
        """{buyer: {seller: hops}}."""

    def topology(self) -> dict[str, Any]:
        """Return the data of the setTopology command."""
        if self.graph is not None:
            return {"edges": [list(edge) for edge in self.graph]}
        return {"hops": self.hop_distances()}

    @abstractmethod
    def roster(self, folder: Path) -> Iterable[dict[str, Any]]:
        """Yield everybody's entry for a process, see :class:`prosumer_client.Roster`; files for it go to a folder."""

    def balances(self) -> dict[str, Decimal]:
        """Currency on everybody's account before the game."""
        if self.starting_balance is not None:
            return dict.fromkeys(self.histories(), self.starting_balance)
        return {name: max(USUAL_BALANCE, needed) for name, needed in self.cover().items()}

    def warnings(self) -> list[str]:
        """Say what is allowed but probably not meant; here a balance that covers too little."""
        balances = self.balances()
        poor = [name for name, needed in self.cover().items() if needed > balances[name]]
        if not poor:
            return []
        return [f"The starting_balance of {self.name} may not cover what these want: {', '.join(poor)}."]


def whole_hundreds(amount: int) -> Decimal:
    """Return an amount of the ledger's money in currency, rounded up to whole hundreds."""
    return Decimal(-(-amount // _HUNDRED) * 100)


class Scenario(Playable):
    """Everything the demo needs to play one game. Sellers stand in the order in which they are to register."""

    sellers: Annotated[dict[Identifier, ScenarioSeller], Field(min_length=1)]
    buyers: Annotated[dict[Identifier, ScenarioBuyer], Field(min_length=1)]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        found = list(inconsistencies(self.sellers, self.buyers, self.graph, self.hops))
        if found:
            raise ValueError("; ".join(f"{'.'.join(map(str, one.path))} {one.sentence}" for one in found))
        return self

    def needed_groups(self) -> dict[str, dict[str, int]]:
        """Return the sellers and the buyers, who all want to be in the one game."""
        return {"sellers": dict.fromkeys(self.sellers, 1), "buyers": dict.fromkeys(self.buyers, 1)}

    def hop_distances(self) -> dict[str, dict[str, int]]:
        """{buyer: {seller: hops}}, buyers in turn order."""
        order = self.turn_order()
        if self.graph is not None:
            return hop_table(self.graph, order, self.sellers)
        assert self.hops is not None  # noqa: S101 - one of both is there, see inconsistencies; for the type checker
        return {buyer: {seller: self.hops[buyer][seller] for seller in self.sellers} for buyer in order}

    def turn_order(self) -> list[str]:
        """Buyers by contribution metric, highest first; equal ones as they stand in the scenario."""
        return sorted(self.buyers, key=lambda buyer: -self.buyers[buyer].contribution_metric)

    def histories(self) -> dict[str, dict[str, Decimal]]:
        """Return what was metered of everybody before, sellers first; it decides the turn order."""
        sellers = {name: {"totalProduction": seller.total_production} for name, seller in self.sellers.items()}
        buyers = {
            name: {"totalProduction": buyer.total_production, "totalConsumption": buyer.total_consumption}
            for name, buyer in self.buyers.items()
        }
        return sellers | buyers

    def roster(self, folder: Path) -> Iterable[dict[str, Any]]:
        """Yield a seller or a buyer for each."""
        for name, seller in self.sellers.items():
            offer = {"capacity": seller.capacity, "price": seller.price, "delivery": seller.delivery_share}
            yield {"id": name, "role": "seller", **offer}
        for name, buyer in self.buyers.items():
            yield {"id": name, "role": "buyer", "demand": buyer.demand, "delivery": buyer.delivery_share}

    def cover(self) -> dict[str, Decimal]:
        """Currency that everybody needs to be taken into the game, and to answer best in it, in whole hundreds."""
        prices = GamePrices.of(self.game)
        needed: dict[str, int] = {}
        for name, seller in self.sellers.items():
            price = units.price_from_currency_per_kwh(seller.price)
            needed[name] = prices.of_an_offer(units.energy_from_kwh(seller.capacity), price)
        for name, buyer in self.buyers.items():
            needed[name] = prices.of_a_demand(units.energy_from_kwh(buyer.demand), len(self.sellers))
        return {name: whole_hundreds(amount) for name, amount in needed.items()}

    def game_parameters(self) -> dict[str, Any]:
        """Return the data of the publishGame command: what the scenario states, and how many will take part."""
        stated = self.game.model_dump(mode="json", by_alias=True, exclude_unset=True)
        return {"expectedParticipants": len(self.sellers) + len(self.buyers)} | stated

    @property
    def is_large(self) -> bool:
        """Whether it has more pairs than anybody lists."""
        return self.graph is not None and len(self.buyers) * len(self.sellers) > MOST_PAIRS

    def instance(self) -> dict[str, Any]:
        """Return the market instance, buyers in turn order, amounts as Decimal kWh and currency per kWh.

        A large one has its graph, and no hops.
        """
        network: dict[str, Any] = {"hops": {}, "graph": self.graph} if self.is_large else {"hops": self.hop_distances()}
        return {
            "sellers": {
                seller: {"capacity": offer.capacity, "price": offer.price} for seller, offer in self.sellers.items()
            },
            "buyers": {buyer: {"demand": self.buyers[buyer].demand} for buyer in self.turn_order()},
            "balances": self.balances(),
            **network,
            "fee_per_hop": self.fee_per_hop,
        }

    def warnings(self) -> list[str]:
        """Say what is allowed but probably not meant: a balance that covers too little, a demand beyond all offers."""
        found = super().warnings()
        capacity = sum((seller.capacity for seller in self.sellers.values()), Decimal(0))
        demand = sum((buyer.demand for buyer in self.buyers.values()), Decimal(0))
        if demand > capacity:
            found.append(
                f"The buyers of {self.name} demand {demand} kWh and the sellers offer {capacity} kWh: "
                f"{demand - capacity} kWh can only come from the grid."
            )
        return found


RESERVED_NAMES = frozenset({"grid-operator", "network-operator"})
"""The market's own accounts."""


def inconsistencies(
    sellers: Collection[str], buyers: Collection[str], graph: Graph | None, hops: HopTable | None
) -> Iterator[Inconsistency]:
    """Yield what does not fit together in a scenario whose fields are right one by one."""
    for group, names in (("sellers", sellers), ("buyers", buyers)):
        for name in names:
            if name in RESERVED_NAMES:
                yield Inconsistency((group, name), "is the market's own account; choose another name")
    for name in buyers:
        if name in sellers:
            yield Inconsistency(("buyers", name), "is a seller as well; in one game a prosumer is one of both")
    yield from network_inconsistencies(buyers, sellers, graph, hops)


def network_inconsistencies(
    buyers: Collection[str], sellers: Collection[str], graph: Graph | None, hops: HopTable | None
) -> Iterator[Inconsistency]:
    """Yield why a network cannot serve these buyers and sellers."""
    if graph is not None:
        yield from graph_inconsistencies(graph, buyers, sellers)
    if hops is not None:
        yield from table_inconsistencies(hops, buyers, sellers)
    if (graph is None) == (hops is None):
        yield Inconsistency((), "needs either a graph or a hops table")


def hop_table(graph: Graph, buyers: Collection[str], sellers: Collection[str]) -> dict[str, dict[str, int]]:
    """Count the edges on the shortest path between every buyer and every seller.

    Raises
    ------
    KeyError
        If a buyer and a seller are not connected; :func:`graph_inconsistencies` says so in words.
    """
    rows = hop_counts.hop_rows(hop_counts.neighbours(graph), list(buyers), list(sellers))
    return {buyer: dict(zip(sellers, row, strict=True)) for buyer, row in zip(buyers, rows, strict=True)}


def graph_inconsistencies(graph: Graph, buyers: Collection[str], sellers: Collection[str]) -> Iterator[Inconsistency]:
    """Yield why a graph cannot serve these buyers and sellers; nothing if it can."""
    for index, (one, other) in enumerate(graph):
        if one == other:
            yield Inconsistency(("graph", index), f"joins {one} with itself")
    neighbours = hop_counts.neighbours(graph)
    for prosumer in (*sellers, *buyers):
        if prosumer not in neighbours:
            yield Inconsistency(("graph",), f"has no edge to {prosumer}")
    if neighbours:
        start = next(iter(neighbours))
        apart = sorted(neighbours.keys() - hop_counts.hops_from(start, neighbours).keys())
        if apart:
            yield Inconsistency(("graph",), f"is not connected: no path from {start} to {', '.join(apart)}")


def table_inconsistencies(hops: HopTable, buyers: Collection[str], sellers: Collection[str]) -> Iterator[Inconsistency]:
    """Yield why a hop table cannot serve these buyers and sellers; nothing if it can."""
    for buyer, row in hops.items():
        if buyer not in buyers:
            yield Inconsistency(("hops", buyer), "is not a buyer of this scenario")
            continue
        for seller in row:
            if seller not in sellers:
                yield Inconsistency(("hops", buyer, seller), "is not a seller of this scenario")
        missing = [seller for seller in sellers if seller not in row]
        if missing:
            yield Inconsistency(("hops", buyer), f"lacks the hops to {', '.join(missing)}")
    for buyer in buyers:
        if buyer not in hops:
            yield Inconsistency(("hops",), f"lacks a row for {buyer}")


GRID_SELLER = "GRID"
_GRID_PRICE = Decimal("0.14")
_GREATEST_DEPTH = 4
"""Of a prosumer in the grid's tree: two at the ends of its longest path are then 4 + 1 + 4 hops apart."""


class Generator(ScenarioPart):
    """How many prosumers a scenario has, and the seed that everything else follows from."""

    n: Annotated[int, Field(ge=2, le=10_000, strict=True)]
    seed: Annotated[int, Field(strict=True)]


def random_scenario(n: int, seed: int, **settings: Any) -> Scenario:
    """Make a scenario of n prosumers: floor(0.3 n) sellers, the grid as one more, and n - floor(0.3 n) - 1 buyers.

    Sellers offer 10 to 100 kWh at 0.05 to 0.09 per kWh, the grid twice what is demanded at 0.14; buyers demand 10 to
    50 kWh. The grid is a random tree with some chords; two prosumers are 1 to 9 hops apart.

    Parameters
    ----------
    n
        At least 2.
    seed
        The same n and seed give the same scenario.
    settings
        Fields of :class:`~demo.scenario.ScenarioSettings` to set otherwise than by default.
    """
    asked = Generator(n=n, seed=seed)
    chance = random.Random(asked.seed)  # noqa: S311 - a game to look at, no secret
    nr_sellers = 3 * asked.n // 10
    sellers = {f"S{number:03}": _seller(chance) for number in range(1, nr_sellers + 1)}
    buyers = {f"P{number:03}": _buyer(chance) for number in range(1, asked.n - nr_sellers)}
    demand = sum((buyer.demand for buyer in buyers.values()), Decimal(0))
    sellers[GRID_SELLER] = ScenarioSeller(capacity=2 * demand, price=_GRID_PRICE)
    prosumers = [*sellers, *buyers]
    chance.shuffle(prosumers)
    return Scenario(
        **{"name": f"random-{n}-{seed}"} | settings,
        sellers=sellers,
        buyers=buyers,
        graph=_graph(chance, prosumers),
    )


def _kwh(chance: random.Random, lowest: int, highest: int) -> Decimal:
    """Draw an energy between two whole kWh, to the 0.1 Wh."""
    return Decimal(chance.randint(lowest * 10_000, highest * 10_000)).scaleb(-4)


def _seller(chance: random.Random) -> ScenarioSeller:
    price = Decimal(chance.randint(500, 900)).scaleb(-4)
    return ScenarioSeller(capacity=_kwh(chance, 10, 100), price=price, total_production=_kwh(chance, 100, 1000))


def _buyer(chance: random.Random) -> ScenarioBuyer:
    return ScenarioBuyer(
        demand=_kwh(chance, 10, 50), total_production=_kwh(chance, 0, 500), total_consumption=_kwh(chance, 500, 1000)
    )


def _graph(chance: random.Random, prosumers: Sequence[str]) -> list[Edge]:
    """Grow a tree from two joined prosumers, never deeper than allowed, then add a chord for every fourth of them."""
    first, second = prosumers[:2]
    depth = {first: 0, second: 0}
    parents = [first, second]
    edges = {(first, second)}
    for prosumer in prosumers[2:]:
        parent = chance.choice(parents)
        edges.add((parent, prosumer))
        depth[prosumer] = depth[parent] + 1
        if depth[prosumer] < _GREATEST_DEPTH:
            parents.append(prosumer)
    chords = chance.sample(prosumers, k=len(prosumers) // 4)
    edges.update((one, other) for one, other in pairwise(chords) if (other, one) not in edges)
    return sorted(edges)
