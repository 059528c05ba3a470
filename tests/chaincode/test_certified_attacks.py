"""Attacks on certified clearings: wrong ones are not accepted, honest ones are; and who came first does not matter."""

import random
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from energy_market_chaincode.certificate import GAP_SHARE, Purchases, SlotGame, Verdict, purchases_at, verify
from energy_market_chaincode.units import MAX_PRICE, Energy, Price
from tests.chaincode.conftest import Market
from tests.chaincode.solving import clearing_of
from tests.chaincode.test_certificate import ENERGY, PRICE, potential, solved
from tests.chaincode.test_original_game import DEMANDS, HOPS, SELLERS

Answer = tuple[list[int], Purchases]
Attack = Callable[[random.Random, SlotGame, list[int]], Answer]


def some_game(chance: random.Random) -> SlotGame:
    """A small game, now and then one at an edge."""
    sellers, buyers = chance.choice([1, 1, 2, 3, 5]), chance.choice([1, 1, 2, 4, 8])
    most = chance.choice([200, 50 * ENERGY])  # homes of 0.02 kWh, or ordinary ones
    demands = [Energy(chance.randint(most // 4, most)) for _ in range(buyers)]
    capacities = [Energy(chance.randint(most, 2 * most)) for _ in range(sellers)]
    if chance.random() < 0.2:
        capacities = [Energy(max(sum(demands) // sellers, 1))] * sellers
    prices = [Price(chance.randint(PRICE // 100, PRICE // 4)) for _ in range(sellers)]
    if chance.random() < 0.2:
        prices = prices[:1] * sellers
    fee, rows = chance.choice([0, 2 * 10**16]), chance.randint(1, 3)
    return SlotGame(
        demands=demands,
        capacities=capacities,
        prices=prices,
        distances=[[chance.randint(0, 9) for _ in range(sellers)] for _ in range(rows)],
        fees=[Price(fee * hops) for hops in range(10)],
        row=[chance.randrange(rows) for _ in range(buyers)],
        retail_tariff=Price(chance.choice([PRICE // 200, PRICE // 10, PRICE // 7, PRICE // 3])),
    )


def other_prices(chance: random.Random, game: SlotGame, pi: list[int]) -> Answer:
    wrong = [max(0, each + chance.choice([-1, 1]) * PRICE // 10 ** chance.randint(1, 9)) for each in pi]
    return wrong, purchases_at(game, wrong)


def prices_of_another_game(chance: random.Random, game: SlotGame, pi: list[int]) -> Answer:
    other = replace(game, capacities=[Energy(each + chance.randint(1, each)) for each in game.capacities])
    wrong = solved(other)
    return wrong, purchases_at(game, wrong)


def prices_at_the_limit(chance: random.Random, game: SlotGame, pi: list[int]) -> Answer:
    wrong = [chance.choice([0, 1, each, int(MAX_PRICE)]) for each in pi]
    return wrong, purchases_at(game, wrong)


def moved_units(chance: random.Random, game: SlotGame, pi: list[int]) -> Answer:
    purchases = purchases_at(game, pi)
    buyer, to = chance.randrange(len(game.demands)), chance.randrange(len(game.prices))
    bought, units = purchases.from_sellers[buyer], 10 ** chance.randint(0, 5)
    for source in (*bought, None):
        given_up = min(units, purchases.from_grid[buyer] if source is None else bought[source])
        if source is None:
            purchases.from_grid[buyer] -= given_up
        else:
            bought[source] -= given_up
        bought[to] = bought.get(to, 0) + given_up
        if chance.random() < 0.5:
            break
    return pi, purchases


def swapped_rows(chance: random.Random, game: SlotGame, pi: list[int]) -> Answer:
    purchases = purchases_at(game, pi)
    chance.shuffle(purchases.from_sellers)
    return pi, purchases


def lowered_levels(chance: random.Random, game: SlotGame, pi: list[int]) -> Answer:
    purchases = purchases_at(game, pi)
    return pi, replace(purchases, levels=[level - PRICE // 10 ** chance.randint(1, 9) for level in purchases.levels])


ATTACKS: tuple[Attack, ...] = (
    other_prices,
    prices_of_another_game,
    prices_at_the_limit,
    moved_units,
    swapped_rows,
    lowered_levels,
)


def is_wrongly_accepted(game: SlotGame, verdict: Verdict, purchases: Purchases, least: int) -> bool:
    """Tell whether what was accepted is further above the least potential than whole units may bring it."""
    if not verdict.is_accepted:
        return False
    above = potential(game, purchases) - least / (PRICE * ENERGY)
    return above > (verdict.allowance + verdict.upper / GAP_SHARE) / (PRICE * ENERGY) + 1e-9


def attack(games: int, attacks_each: int) -> tuple[int, int]:
    """Attack games; return how many wrong ones were accepted, and how many honest ones refused."""
    wrong, refused = 0, 0
    for seed in range(games):
        chance = random.Random(seed)  # noqa: S311 - the same attacks each time
        game = some_game(chance)
        pi = solved(game)
        honest = verify(game, pi, purchases_at(game, pi))
        refused += not honest.is_accepted
        for _ in range(attacks_each):
            claimed, purchases = chance.choice(ATTACKS)(chance, game, list(pi))
            wrong += is_wrongly_accepted(game, verify(game, claimed, purchases), purchases, honest.lower)
    return wrong, refused


def test_no_wrong_clearing_is_accepted_and_no_honest_one_refused() -> None:
    assert attack(games=60, attacks_each=10) == (0, 0)


@pytest.mark.long
@pytest.mark.timeout(600)
def test_a_hundred_thousand_attacks_on_ten_thousand_games() -> None:
    assert attack(games=10_000, attacks_each=10) == (0, 0)


@settings(max_examples=6, deadline=None)
@given(order=st.permutations([*SELLERS, *DEMANDS]))
async def test_who_registers_first_changes_neither_the_certificate_nor_a_bill(
    order: list[str], new_market: Callable[[], Market]
) -> None:
    assert await bills(new_market(), order) == await bills(new_market(), sorted(order))


async def bills(market: Market, order: list[str]) -> dict[str, object]:
    """Clear the original's game, registered in some order; return the arena, the certificate and everybody's bill."""
    await market.invoke("init", "operator", market.public_key("operator"))
    await market.enter(*SELLERS, *DEMANDS)
    table = {buyer: dict(zip(SELLERS, row, strict=True)) for buyer, row in HOPS.items()}
    await market.do("operator", "setTopology", hops=table)
    await market.do("operator", "publishGame", game="g", expectedParticipants=len(order), mechanism="certified")
    for name in order:
        market.now_ms += 10
        if name in SELLERS:
            amount, price = SELLERS[name]
            await market.do(name, "publishOffer", game="g", amount=amount, price=price)
        else:
            await market.do(name, "publishDemand", game="g", amount=DEMANDS[name])
    await market.do("operator", "stopGameRegistration", game="g")
    await market.do("P001", "publishClearing", **await clearing_of(market, "g"))
    shown = await market.invoke("bids", "g")
    clearing = (await market.invoke("game", "g"))["clearing"]
    return {
        "arena": clearing["arena"],
        "certificate": clearing["certificate"],
        "bills": {bid["buyer"]: (bid["cost"], bid["amounts"]) for bid in shown["bids"]},
    }
