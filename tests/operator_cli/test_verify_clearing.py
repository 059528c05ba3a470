"""A second opinion on certified clearings: it agrees with the contract, and finds what is changed."""

from decimal import Decimal

import pytest

from energy_market_chaincode import GameView, topology, views
from operator_cli.clearing_audit import arena_hash, audit
from tests.chaincode.conftest import Market
from tests.chaincode.solving import clearing_of, prices_of
from tests.chaincode.test_layouts import EDGES, market_with
from tests.chaincode.test_layouts import HOPS as LAID_HOPS
from tests.chaincode.test_original_game import DEMANDS, HOPS, SELLERS

Cleared = tuple[GameView, list[views.BidView]]


@pytest.fixture
async def cleared() -> Cleared:
    """The original's game, cleared."""
    market = Market()
    await market.invoke("init", "operator", market.public_key("operator"))
    await market.enter(*SELLERS, *DEMANDS)
    game = await market.open_game(SELLERS, DEMANDS, mechanism="certified")
    table = {buyer: dict(zip(SELLERS, row, strict=True)) for buyer, row in HOPS.items()}
    await market.do("operator", "setTopology", hops=table)
    await market.do("operator", "stopGameRegistration", game=game)
    await market.do("P001", "publishClearing", **await clearing_of(market, game))
    bids = views.Bids.model_validate(await market.invoke("bids", game)).bids
    return GameView.model_validate(await market.invoke("game", game)), bids


def proof_of(game: GameView) -> views.CertificateView:
    assert game.clearing is not None
    assert game.clearing.certificate is not None
    return game.clearing.certificate


def changed(game: GameView, **changes: object) -> GameView:
    clearing = game.clearing
    assert clearing is not None
    proof = proof_of(game).model_copy(update=changes)
    return game.model_copy(update={"clearing": clearing.model_copy(update={"certificate": proof})})


def test_it_agrees_with_the_contract(cleared: Cleared) -> None:
    game, bids = cleared
    found = audit(game, bids)
    assert found.problems == []
    assert 0 <= found.gap <= proof_of(game).gap
    assert max(found.regrets.values()) <= found.gap < Decimal("1e-8")
    assert found.distance < Decimal("0.01")
    assert game.clearing is not None
    assert arena_hash(game) == game.clearing.arena


def test_it_notices_an_untrue_gap_prices_loads_and_another_arena(cleared: Cleared) -> None:
    game, bids = cleared
    assert audit(changed(game, gap=Decimal(0)), bids).problems
    dearer = {seller: price * Decimal("1.01") for seller, price in proof_of(game).prices.items()}
    assert any("gap" in problem for problem in audit(changed(game, prices=dearer), bids).problems)
    cheaper = dict.fromkeys(dearer, Decimal("0.01"))
    assert any("below its base price" in problem for problem in audit(changed(game, prices=cheaper), bids).problems)
    other = game.model_copy(update={"game": "another"})
    assert any("arena" in problem for problem in audit(other, bids).problems)


def test_it_notices_purchases_that_were_moved(cleared: Cleared) -> None:
    game, bids = cleared
    moved = dict(bids[0].amounts or {})
    moved["S004"] += 1
    found = audit(game, [bids[0].model_copy(update={"amounts": moved}), *bids[1:]])
    assert any("load of S004" in problem for problem in found.problems)
    assert any("more than its demand" in problem for problem in found.problems)


def test_a_game_without_a_certificate_is_no_matter_for_it(cleared: Cleared) -> None:
    game, bids = cleared
    with pytest.raises(ValueError, match="not cleared"):
        audit(game.model_copy(update={"clearing": None}), bids)


async def test_it_counts_the_hops_of_a_large_game_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(topology, "STORED_PAIRS", 5)
    market = Market()
    await market.invoke("init", "operator", market.public_key("operator"))
    game = await market_with(market, "certified")
    shown = await market.invoke("game", game)
    prices = prices_of({**shown, "hops": LAID_HOPS})
    await market.do("B1", "publishClearing", game=game, arena=shown["clearing"]["arena"], prices=prices)
    bids = views.Bids.model_validate(await market.invoke("bids", game, "brief")).bids
    view = GameView.model_validate(await market.invoke("game", game))
    found = audit(view, bids, EDGES)
    assert found.problems == []
    assert max(found.regrets.values()) <= found.gap < Decimal("1e-8")
    (problem,) = (each for each in audit(view, bids, [*EDGES, ["B3", "S1"]]).problems if "graph" in each)
    assert "hash" in problem
