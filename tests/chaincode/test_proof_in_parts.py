"""A large game's clearing is proved part by part, to the same as at once; a wrong one costs its poster a bond."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy_market_chaincode import certificate, proposals, stopping
from energy_market_chaincode.certificate import SlotGame
from energy_market_chaincode.errors import Rejection
from energy_market_chaincode.events import ClearingProposedEvent, ClearingRefusedEvent
from energy_market_chaincode.mechanisms import certified
from energy_market_chaincode.proof import Proof, Walker, beginning, start
from energy_market_chaincode.records import Arena, StandingDemand, StandingOffer
from energy_market_chaincode.units import Energy
from tests.chaincode.conftest import Market
from tests.chaincode.solving import clearing_of
from tests.chaincode.test_certificate import PRICE, patient, slot_games, solved
from tests.chaincode.test_original_game import DEMANDS, SELLERS
from tests.chaincode.test_settlement_in_parts import replica_of

BOND = Decimal(1)


def arena_of(game: SlotGame) -> Arena:
    """The arena of a game, as far as a proof begins with it."""
    return Arena(
        sellers=[
            StandingOffer(seller=f"S{j}", capacity=capacity, price=price, arrived=(0, j))
            for j, (capacity, price) in enumerate(zip(game.capacities, game.prices, strict=True))
        ],
        buyers=[
            StandingDemand(buyer=f"B{i}", demand=demand, production=Energy(0), consumption=Energy(0), arrived=(0, i))
            for i, demand in enumerate(game.demands)
        ],
        hops=[],
    )


def in_parts(game: SlotGame, pi: list[int], corrections: Any, pairs: int) -> Any:
    """Prove in parts, the state stored and read between two; return the verdict and everybody's row."""
    names = [f"B{i}" for i in range(len(game.demands))]
    arena = arena_of(game)
    state, left = beginning(arena), 4 * len(names)
    while True:
        proof = Proof(game, pi, corrections, state, names)
        proof.go_on(pairs)
        state = type(state).model_validate_json(proof.state.model_dump_json())
        if proof.is_whole:
            break
        assert state.left(len(names)) < left
        left = state.left(len(names))
    walker, rows = Walker(game, pi, corrections, start(arena, state.rests)), []
    for i in range(len(names)):
        rows += list(walker.rows([i]))
        walker = Walker(game, pi, corrections, walker.walk)
    return proof.verdict, [dict(sorted(row.items())) for row in rows], state.sums.loads


def at_once(game: SlotGame, pi: list[int], corrections: Any) -> Any:
    purchases, verdict = certified._proved(game, pi, corrections, [f"B{i}" for i in range(len(game.demands))])
    rows = [dict(sorted(row.items())) for row in purchases.from_sellers]
    return verdict, rows, certificate.loads_of(game, purchases)


def outcome(prove: Any, *arguments: Any) -> Any:
    try:
        return prove(*arguments)
    except Rejection as refusal:
        return refusal.code, refusal.message


@patient
@given(game=slot_games(), data=st.data())
def test_parts_of_any_size_come_to_the_same_verdict_rows_and_refusals(game: SlotGame, data: st.DataObject) -> None:
    sellers, buyers = len(game.prices), len(game.demands)
    pi = solved(game)
    if data.draw(st.booleans(), "wrong prices"):
        wrong = st.sampled_from([0, 1, 1000, PRICE // 10**6, PRICE // 100, PRICE])
        pi = [each + data.draw(wrong) for each in pi]
    amounts = st.integers(0, 20) | st.integers(0, 10**6)
    rows = st.dictionaries(st.integers(0, sellers - 1), amounts.map(Energy), max_size=2)
    corrections = data.draw(st.dictionaries(st.integers(0, buyers - 1), rows, max_size=2), "corrections")
    pairs = data.draw(st.integers(1, 60), "pairs in a part")
    assert outcome(in_parts, game, pi, corrections, pairs) == outcome(at_once, game, pi, corrections)


@patient
@given(game=slot_games(), pairs=st.integers(1, 60))
def test_an_honest_one_proves_itself_in_parts(game: SlotGame, pairs: int) -> None:
    verdict, *_ = in_parts(game, solved(game), {}, pairs)
    assert verdict.is_accepted


# -- on the contract


@pytest.fixture
async def waiting(market: Market, monkeypatch: pytest.MonkeyPatch) -> tuple[Market, str, dict[str, Any]]:
    """The original's game at gate closure, too large to be cleared at once, and its honest clearing."""
    await market.enter(*SELLERS, *DEMANDS)
    await market.enter("rich", "other", funds="20")
    game = await market.start_game(SELLERS, DEMANDS, mechanism="certified")
    honest = await clearing_of(market, game)
    monkeypatch.setattr(certified, "PROVED_AT_ONCE", 0)
    monkeypatch.setattr(certified, "PART_PAIRS", 5)
    monkeypatch.setattr(stopping, "PART", 4)
    return market, game, honest


def wrong(honest: dict[str, Any]) -> dict[str, Any]:
    prices = {seller: f"{Decimal(price) * Decimal('1.01'):.13f}" for seller, price in honest["prices"].items()}
    return {**honest, "prices": prices}


async def prove_all(market: Market, game: str, poster: str) -> dict[str, Any]:
    """Go on until a clearing is decided; return the last answer."""
    while True:
        answer = await market.do("other", "proveClearing", game=game, poster=poster)
        if not answer["left"]:
            return answer


async def stop_all(market: Market, game: str) -> None:
    while (await market.do("other", "stopGame", game=game))["left"]:
        pass


@pytest.mark.parametrize("size", [1, 7, 40])
async def test_a_large_game_is_cleared_in_parts_to_the_same_bills_and_the_bond_comes_back(
    waiting: tuple[Market, str, dict[str, Any]], monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    market, game, honest = waiting
    whole = replica_of(market)
    with monkeypatch.context() as at_once:
        at_once.setattr(certified, "PROVED_AT_ONCE", 10**9)
        await whole.do("rich", "publishClearing", **honest)
    monkeypatch.setattr(certified, "PART_PAIRS", size)
    before = (await market.invoke("prosumer", "rich"))["accountBalance"]
    begun = await market.do("rich", "publishClearing", **honest)
    account = await market.invoke("prosumer", "rich")
    assert (account["accountBalance"], account["frozenFunds"]) == (before - BOND, BOND)
    (told,) = market.named("ClearingProposedEvent")
    ClearingProposedEvent.model_validate(told)
    shown = await market.invoke("game", game)
    (proposal,) = shown["clearing"]["proposals"]
    assert (shown["phase"], shown["left"]) == ("playing", None)
    assert (proposal["poster"], proposal["left"], proposal["bond"]) == ("rich", begun["left"], BOND)
    decided = await prove_all(market, game, "rich")
    assert (decided["code"], decided["certificate"]) == (None, proposal["certificate"])
    assert await market.rejection("other", "publishClearing", **honest) == "GAME_STOPPING"
    assert (await market.invoke("game", game))["left"] is not None
    await stop_all(market, game)
    for question in ("game", "bids", "transfers"):
        assert await market.invoke(question, game) == await whole.invoke(question, game)
    assert market.accounts() == whole.accounts()
    assert market.named("GameStopEvent") == whole.named("GameStopEvent")
    assert not any(key.startswith(("proposal", "stopping")) for key in market.state)


async def test_a_wrong_one_is_refused_with_its_numbers_and_its_bond_is_the_grid_operators(
    waiting: tuple[Market, str, dict[str, Any]],
) -> None:
    market, game, honest = waiting
    grid = market.free("grid-operator") if "grid-operator" in market.accounts() else 0
    await market.do("rich", "publishClearing", **wrong(honest))
    decided = await prove_all(market, game, "rich")
    assert decided["code"] == "GAP_TOO_LARGE"
    (told,) = market.named("ClearingRefusedEvent")
    ClearingRefusedEvent.model_validate(told)
    assert (told["poster"], told["message"]) == ("rich", decided["message"])
    assert "duality gap is" in decided["message"]
    assert market.free("grid-operator") - grid == 1_000_000
    shown = await market.invoke("prosumer", "rich")
    assert (shown["accountBalance"], shown["frozenFunds"]) == (Decimal(19), 0)
    statement = await market.invoke("statement", "rich", "0", str(market.now_ms + 1), "100")
    assert statement["sums"]["movement"] == Decimal(19)
    assert [entry["kind"] for entry in statement["entries"]] == ["forfeited-bond", "top-up"]
    assert (await market.invoke("game", game))["clearing"]["proposals"] == []
    await market.do("rich", "publishClearing", **honest)
    assert (await prove_all(market, game, "rich"))["code"] is None


async def test_who_may_post_and_go_on(
    waiting: tuple[Market, str, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    market, game, honest = waiting
    await market.enter("penniless", funds="0.5")
    assert await market.rejection("penniless", "publishClearing", **honest) == "INSUFFICIENT_FUNDS"
    begun = await market.do("rich", "publishClearing", **honest)
    assert await market.rejection("rich", "publishClearing", **wrong(honest)) == "PROPOSAL_OPEN"
    assert await market.rejection("other", "proveClearing", game=game, poster="other") == "NO_PROPOSAL"
    assert await market.rejection("other", "stopGame", game=game) == "STILL_PLAYED"
    further = await market.do("penniless", "proveClearing", game=game, poster="rich", left=begun["left"])
    assert further["left"] < begun["left"]
    assert await market.rejection("other", "proveClearing", game=game, poster="rich", left=begun["left"]) == "PART_DONE"
    monkeypatch.setattr(proposals, "MOST_OPEN", 1)
    assert await market.rejection("other", "publishClearing", **honest) == "PROPOSALS_FULL"
    await market.do("operator", "publishClearing", **wrong(honest))
    bonds = {each["poster"]: each["bond"] for each in (await market.invoke("game", game))["clearing"]["proposals"]}
    assert bonds == {"rich": BOND, "operator": 0}
    assert (await prove_all(market, game, "operator"))["code"] == "GAP_TOO_LARGE"
    monkeypatch.setattr(proposals, "MOST_OPEN", 2)
    await market.do("other", "publishClearing", **wrong(honest))
    assert (await prove_all(market, game, "rich"))["code"] is None
    assert market.frozen("other") == market.frozen("rich") == 0
    assert await market.rejection("other", "proveClearing", game=game, poster="other") == "GAME_STOPPING"
    await stop_all(market, game)


async def test_one_that_came_in_time_may_prove_itself_past_the_deadline_but_not_for_ever(
    waiting: tuple[Market, str, dict[str, Any]],
) -> None:
    market, game, honest = waiting
    await market.do("rich", "publishClearing", **honest)
    ends = (await market.invoke("game", game))["clearing"]
    market.now_ms += 30_000
    assert await market.rejection("other", "publishClearing", **honest) == "CLEARING_LATE"
    assert await market.rejection("operator", "fallBack", game=game) == "PROOF_AWAITED"
    in_time = replica_of(market)
    assert (await prove_all(in_time, game, "rich"))["code"] is None
    market.now_ms += proposals.PROOF_MS
    assert ends["proofsEndAt"] > ends["endsAt"]
    assert (await market.do("operator", "fallBack", game=game))["fallback"] == "turns"
    assert market.frozen("rich") == 0
    assert (await market.invoke("game", game))["clearing"]["proposals"] == []
    assert await market.rejection("other", "proveClearing", game=game, poster="rich") == "OTHER_MECHANISM"


async def test_a_reset_in_the_midst_of_a_proof_gives_the_bond_back(
    waiting: tuple[Market, str, dict[str, Any]],
) -> None:
    market, _, honest = waiting
    await market.do("rich", "publishClearing", **honest)
    await market.do("operator", "resetMarket")
    assert market.free("rich") == 20_000_000
    assert not any(account.frozen for account in market.accounts().values())
