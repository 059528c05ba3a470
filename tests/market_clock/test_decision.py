"""What the clock decides about a game, for any game and any moment."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from energy_market_chaincode import Phase, Topic
from energy_market_chaincode.commands import DATA_OF_TOPIC
from market_clock.decision import REGISTRATION_POLL, Act, Over, Wait, next_action
from market_clock.game_view import GameParameters, GameView

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
MOMENTS = st.integers(-100_000, 100_000).map(lambda ms: NOON + timedelta(milliseconds=ms))
ANY_PHASE = st.sampled_from(Phase)


@st.composite
def games(draw: st.DrawFn, phase: st.SearchStrategy[Phase] = ANY_PHASE) -> GameView:
    now_in = draw(phase)
    transfers = draw(st.integers(0, 5))
    playing, delivering = now_in is Phase.PLAYING, now_in is Phase.DELIVERY
    return GameView(
        game="Game-1",
        phase=now_in,
        parameters=GameParameters(expected_participants=draw(st.none() | st.integers(2, 6))),
        nr_sellers=draw(st.integers(0, 4)),
        nr_buyers=draw(st.integers(0, 4)),
        registration_ends_at=draw(MOMENTS),
        round=draw(st.integers(1, 9)) if playing else None,
        buyer_in_turn="P001" if playing else None,
        deadline=draw(MOMENTS) if playing else None,
        delivery_ends_at=draw(MOMENTS) if delivering else None,
        transfers=(draw(st.integers(0, transfers)), transfers) if delivering else None,
    )


def accepted(game: GameView, topic: Topic, now: datetime) -> bool:
    """Whether the contract takes a command at a moment: its rules, said once more."""
    expected = game.parameters.expected_participants
    match topic, game.phase:
        case Topic.STOP_GAME_REGISTRATION, Phase.REGISTRATION:
            all_in = expected is not None and game.nr_sellers + game.nr_buyers >= expected
            return all_in or now >= game.registration_ends_at
        case Topic.SKIP_TURN, Phase.PLAYING:
            return game.deadline is not None and now >= game.deadline
        case Topic.CLOSE_MARKET, Phase.DELIVERY:
            assert game.delivery_ends_at is not None
            assert game.transfers is not None
            return now >= game.delivery_ends_at or game.transfers[0] == game.transfers[1]
    return False


@settings(deadline=None)
@given(game=games(), now=MOMENTS)
def test_no_command_comes_before_the_contract_takes_it(game: GameView, now: datetime) -> None:
    decision = next_action(game, now)

    if isinstance(decision, Act):
        assert accepted(game, decision.topic, now)
        DATA_OF_TOPIC[decision.topic].model_validate(decision.data)


@settings(deadline=None)
@given(game=games(), now=MOMENTS)
def test_the_clock_waits_for_a_later_moment_and_never_past_one_it_should_act_at(game: GameView, now: datetime) -> None:
    decision = next_action(game, now)

    if isinstance(decision, Wait):
        assert decision.until > now
        just_before = decision.until - timedelta(milliseconds=1)
        assert isinstance(next_action(game, max(now, just_before)), Wait)


@settings(deadline=None)
@given(game=games(), now=MOMENTS)
def test_every_game_that_is_not_over_is_acted_upon_in_the_end(game: GameView, now: datetime) -> None:
    late = NOON + timedelta(days=1)

    assert isinstance(next_action(game, late), Over) == (game.phase in (Phase.CLOSED, Phase.CANCELLED))


@settings(deadline=None)
@given(game=games(), one=MOMENTS, other=MOMENTS)
def test_what_was_due_once_stays_due_as_the_same_act(game: GameView, one: datetime, other: datetime) -> None:
    earlier, later = sorted((one, other))
    decision = next_action(game, earlier)
    assume(isinstance(decision, Act))

    assert next_action(game, later) == decision


@settings(deadline=None)
@given(game=games(st.just(Phase.REGISTRATION)), now=MOMENTS)
def test_a_registration_with_an_expected_number_is_looked_at_again_soon(game: GameView, now: datetime) -> None:
    decision = next_action(game, now)
    assume(isinstance(decision, Wait))
    assert isinstance(decision, Wait)

    if game.parameters.expected_participants is None:
        assert decision.until == game.registration_ends_at
    else:
        assert decision.until <= now + REGISTRATION_POLL


@settings(deadline=None)
@given(game=games(st.just(Phase.DELIVERY)))
def test_a_delivery_without_transfers_runs_to_its_end(game: GameView) -> None:
    game = game.model_copy(update={"transfers": (0, 0)})
    assert game.delivery_ends_at is not None

    assert next_action(game, game.delivery_ends_at - timedelta(seconds=1)) == Wait(game.delivery_ends_at)


def test_the_silent_buyer_is_named_with_its_round() -> None:
    game = GameView.read(playing_game(), None)

    act = next_action(game, NOON + timedelta(minutes=1))

    assert isinstance(act, Act)
    assert (act.topic, act.data) == (Topic.SKIP_TURN, {"game": "Game-1", "buyer": "P003", "round": 2})


def test_a_view_without_what_its_phase_needs_is_a_fault_not_a_guess() -> None:
    game = GameView.read(playing_game() | {"deadline": None}, None)

    with pytest.raises(ValueError, match="Game-1 lacks"):
        next_action(game, NOON)


def playing_game() -> dict[str, Any]:
    return {
        "game": "Game-1",
        "phase": "playing",
        "parameters": {"expectedParticipants": None},
        "nrSellers": 1,
        "nrBuyers": 1,
        "registrationEndsAt": "2026-11-23T11:59:00.000Z",
        "round": 2,
        "buyerInTurn": "P003",
        "deadline": "2026-11-23T12:00:00.000Z",
    }
