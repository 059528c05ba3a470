"""Money is neither made nor lost, nobody is in debt and nothing stays frozen, whatever is played and delivered.

Every transaction of every test is audited for it (see ``Market.audit``); here whole markets are made up at random.
"""

from collections.abc import Callable
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from energy_market_chaincode import GRID_OPERATOR, units
from energy_market_chaincode.context import Books
from energy_market_chaincode.errors import InsufficientFunds
from energy_market_chaincode.records import Account
from energy_market_chaincode.units import Money
from tests.chaincode.conftest import Market

PROSUMERS = ["P1", "P2", "P3", "P4", "P5"]


def some_energy(chance: Random) -> str:
    return str(units.kwh(chance.choice([1, chance.randint(1, 1_000), chance.randint(1, 400_000)])))


def some_price(chance: Random) -> str:
    return str(units.currency_per_kwh(chance.choice([1, chance.randint(1, 10**18), 14 * 10**16])))


def some_game(chance: Random) -> dict[str, Any]:
    """Who sells, who buys, and by which parameters."""
    people = chance.sample(PROSUMERS, len(PROSUMERS))
    nr_sellers = chance.randint(1, 3)
    retail = chance.choice(["0", "0.2869", some_price(chance)])
    feed_in = chance.choice(["0", "0.1231", some_price(chance)])
    return {
        "sellers": {name: (some_energy(chance), some_price(chance)) for name in people[:nr_sellers]},
        "buyers": {name: some_energy(chance) for name in people[nr_sellers:]},
        "hops": chance.randint(0, 9),
        "retailTariff": retail,
        "feedInTariff": min(feed_in, retail, key=Decimal),
        "feePerHop": chance.choice(["0", "0.02", "0.000000000000000001"]),
        "imbalancePenalty": chance.choice(["0", "0.3"]),
        "roundLimit": chance.randint(1, 3),
    }


async def take_turn(market: Market, game: str, chance: Random) -> None:
    """Answer best, pass, or stay silent; a bid that the funds do not cover becomes a pass."""
    turn = market.turn(game)
    assert turn is not None
    buyer, behaviour = turn["buyerInTurn"], chance.choice(["best", "best", "pass", "silent"])
    if behaviour == "silent":
        market.now_ms += 10_000
        await market.do("operator", "skipTurn", game=game, buyer=buyer, round=turn["round"])
        return
    reply = market.best_reply(turn) if behaviour == "best" else None
    if reply is not None:
        (result,) = await market.submit(market.command(buyer, "publishBuyBid", game=game, bidAmounts=reply))
        if result["status"] == "committed":
            return
        assert result["code"] == "INSUFFICIENT_FUNDS"
    await market.do(buyer, "publishBuyBid", game=game, keepPlaying=False)


async def deliver(market: Market, game: str, chance: Random) -> None:
    """Meter as contracted, or anything else, in up to two readings each, in any order."""
    shown = await market.invoke("game", game)
    buyers = {b["buyer"]: b["demand"] for b in shown["buyers"]}
    contracted = {s["seller"]: s["load"] for s in shown["sellers"]} | buyers
    readings = [
        (name, chance.choice([str(energy), some_energy(chance)]))
        for name, energy in contracted.items()
        for _ in range(chance.randint(0, 2))
    ]
    chance.shuffle(readings)
    for name, energy in readings:
        await market.read_meter(game, name, **({"taken": energy} if name in buyers else {"fed_in": energy}))


@settings(max_examples=40)
@given(st.integers(0, 2**32).map(Random))
async def test_whatever_is_played_and_delivered_money_is_conserved_and_all_of_it_is_free_at_the_end(
    new_market: Callable[[], Market], chance: Random
) -> None:
    market = new_market()
    await market.invoke("init", "operator", market.public_key("operator"))
    histories = {name: (some_energy(chance), some_energy(chance)) for name in PROSUMERS if chance.random() < 0.5}
    await market.enter("P1", "P2", funds="50", histories=histories)
    await market.enter("P3", "P4", "P5", funds=chance.choice(["1", "20", "1000"]), histories=histories)
    opened = []
    for number in range(chance.randint(1, 2)):
        plan = within_means(market, some_game(chance))
        if plan["sellers"] and plan["buyers"]:
            opened.append(await market.start_game(deliverySlot=str(number), **plan))
    while running := [game for game in opened if market.turn(game)]:
        await take_turn(market, chance.choice(running), chance)
    for game in opened:
        await deliver(market, game, chance)
    market.now_ms += 60_000
    for game in chance.sample(opened, len(opened)):
        await market.do("operator", "closeMarket", game=game)
    assert all(account.frozen == 0 for account in market.accounts().values())
    assert units.money_from_currency((await market.invoke("market"))["money"]) == market.brought_in


def within_means(market: Market, plan: dict[str, Any]) -> dict[str, Any]:
    """Leave out who cannot cover its offer or demand: at the tariff and penalty it may cost that at most, and a bit."""
    worst = sum(map(units.price_from_currency_per_kwh, (plan["retailTariff"], plan["imbalancePenalty"])))

    def is_covered(name: str, amount: str) -> bool:
        return units.cost(units.energy_from_kwh(amount), worst) + 3 <= market.free(name)

    sellers = {name: offer for name, offer in plan["sellers"].items() if is_covered(name, offer[0])}
    return plan | {
        "sellers": sellers,
        "buyers": {n: amount for n, amount in plan["buyers"].items() if is_covered(n, amount)},
    }


@given(st.integers(0, 2**32).map(Random))
def test_no_movement_in_the_books_makes_or_loses_money(chance: Random) -> None:
    owners = ["A", "B", GRID_OPERATOR]
    books = Books({o: Account(free=Money(chance.randint(0, 50)), frozen=Money(0)) for o in owners})
    total = sum(account.free for account in books.accounts().values())
    for _ in range(30):
        payer, payee = chance.sample(owners, 2)
        amount, before = Money(chance.randint(0, 60)), books.free(payee)
        match chance.choice(["freeze", "thaw", "pay"]) if payer != GRID_OPERATOR else "pay":
            case "freeze":
                books.freeze(payer, min(amount, books.free(payer)))
            case "thaw":
                books.thaw(payer, min(amount, books.accounts()[payer].frozen))
            case _:
                unpaid = books.pay(payer, payee, amount)
                assert books.free(payee) - before == amount - unpaid
                assert unpaid == 0 or (books.free(payer) == 0 and payer != GRID_OPERATOR)
        accounts = books.accounts()
        assert sum(account.free + account.frozen for account in accounts.values()) == total
        assert all(account.frozen >= 0 for account in accounts.values())
        assert all(account.free >= 0 for name, account in accounts.items() if name != GRID_OPERATOR)


def test_more_than_is_free_cannot_be_frozen() -> None:
    books = Books({"A": Account(free=Money(5), frozen=Money(7))})
    with pytest.raises(InsufficientFunds, match=r"has 0\.000005 free and needs 0\.000006"):
        books.freeze("A", Money(6))
    assert books.accounts()["A"] == Account(free=Money(5), frozen=Money(7))
