"""What the clock decides about a game, for any game and any moment."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from energy_market_chaincode import COMMANDS, GameView, Phase, Topic, views
from market_clock.decision import (
    METERING_POLL,
    REGISTRATION_POLL,
    RETURN,
    Act,
    Clear,
    Decision,
    Over,
    Wait,
    next_action,
)

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
MOMENTS = st.integers(-100_000, 100_000).map(lambda ms: NOON + timedelta(milliseconds=ms))
ANY_PHASE = st.sampled_from(Phase)


TRANSFER = {"seller": "S1", "buyer": "P001", "energy": 1, "energyCost": 1, "transmissionFee": 0}
GAME = GameView.model_validate(
    {
        "game": "Game-1",
        "phase": "playing",
        "deliverySlot": "slot",
        "mechanism": "sequential-best-response",
        "parameters": {
            "slotDurationMs": None,
            "registrationDurationMs": 1,
            "clearingDurationMs": None,
            "expectedParticipants": None,
            "turnDeadlineMs": 1,
            "roundLimit": 1,
            "tolerance": 0,
            "deliveryDurationMs": 1,
            "meteringWindowMs": 0,
            "correctionWindowMs": 0,
            "metering": "self",
            "retailTariff": 0,
            "feedInTariff": 0,
            "feePerHop": 0,
            "imbalancePenalty": 0,
            "priceFloor": None,
            "priceCap": None,
        },
        "nrSellers": 1,
        "nrBuyers": 1,
        "publishedAt": "2026-11-23T11:58:00.000Z",
        "left": None,
        "registrationEndsAt": "2026-11-23T11:59:00.000Z",
        "sellers": [],
        "buyers": [],
        "hops": {},
        "round": 2,
        "buyerInTurn": "P003",
        "deadline": "2026-11-23T12:00:00.000Z",
        "clearingEndsAt": None,
        "deliveryStartsAt": None,
        "deliveryEndsAt": None,
        "meteringEndsAt": None,
        "finalAt": None,
        "readingsAwaited": None,
        "stop": None,
        "settlement": None,
    }
)


@dataclass(frozen=True)
class Situation:
    """A game as it stands on the ledger, and its transfers."""

    game: GameView
    transfers: list[views.TransferView]

    def decision(self, now: datetime) -> Decision:
        return next_action(self.game, self.transfers, now)


@st.composite
def situations(draw: st.DrawFn, phase: st.SearchStrategy[Phase] = ANY_PHASE) -> Situation:
    now_in = draw(phase)
    playing, delivering = now_in is Phase.PLAYING, now_in in (Phase.DELIVERY, Phase.METERING)
    slot_ms, window = draw(st.none() | st.just(900_000)), draw(st.sampled_from([timedelta(), timedelta(minutes=15)]))
    delivered = draw(MOMENTS) if delivering else None
    expected = draw(st.none() | st.integers(2, 6))
    game = GAME.model_copy(
        update={
            "phase": now_in,
            "parameters": GAME.parameters.model_copy(
                update={"expected_participants": expected, "slot_duration_ms": slot_ms}
            ),
            "nr_sellers": draw(st.integers(0, 4)),
            "nr_buyers": draw(st.integers(0, 4)),
            "registration_ends_at": draw(MOMENTS),
            "round": draw(st.integers(1, 9)),
            "buyer_in_turn": "P001" if playing else None,
            "deadline": draw(MOMENTS) if playing else None,
            "delivery_ends_at": delivered,
            "metering_ends_at": delivered + window if delivered is not None else None,
            "readings_awaited": draw(st.integers(0, 2)) if delivering else None,
        }
    )
    fulfilled = draw(st.lists(st.booleans(), max_size=5)) if delivering else []
    return Situation(
        game,
        [views.TransferView.model_validate({**TRANSFER, "delivered": int(f), "isFulfilled": f}) for f in fulfilled],
    )


def accepted(situation: Situation, topic: Topic, now: datetime) -> bool:
    """Whether the contract takes a command at a moment: its rules, said once more."""
    game = situation.game
    expected = game.parameters.expected_participants
    match topic, game.phase:
        case Topic.STOP_GAME_REGISTRATION, Phase.REGISTRATION:
            all_in = expected is not None and game.nr_sellers + game.nr_buyers >= expected
            return all_in or now >= game.registration_ends_at
        case Topic.SKIP_TURN, Phase.PLAYING:
            return game.deadline is not None and now >= game.deadline
        case Topic.CLOSE_MARKET, Phase.DELIVERY | Phase.METERING:
            assert game.delivery_ends_at is not None
            assert game.metering_ends_at is not None
            if game.parameters.slot_duration_ms is not None:
                all_in = now >= game.delivery_ends_at and game.readings_awaited == 0
            else:
                all_in = all(transfer.is_fulfilled for transfer in situation.transfers)
            return all_in or now >= game.metering_ends_at
    return False


@settings(deadline=None)
@given(situation=situations(), now=MOMENTS)
def test_no_command_comes_before_the_contract_takes_it(situation: Situation, now: datetime) -> None:
    decision = situation.decision(now)

    if isinstance(decision, Act):
        assert accepted(situation, decision.topic, now)
        COMMANDS[decision.topic].model_validate(decision.data)


@pytest.mark.parametrize("left", [1, 700])
def test_a_stop_in_parts_goes_on_at_once_whatever_the_time_and_the_mechanism(left: int) -> None:
    stopping = GAME.model_copy(update={"left": left, "buyer_in_turn": None, "deadline": None})
    decision = Situation(stopping, []).decision(GAME.published_at)
    assert decision == Act(Topic.STOP_GAME, {"game": GAME.game, "left": left}, GAME.registration_ends_at)
    COMMANDS[Topic.STOP_GAME].model_validate({"game": GAME.game, "left": left})


@pytest.mark.parametrize("phase", [Phase.DELIVERY, Phase.CLOSED])
def test_a_settlement_or_correction_in_parts_goes_on_at_once(phase: Phase) -> None:
    settling = GAME.model_copy(update={"left": 3, "phase": phase, "delivery_ends_at": NOON})
    assert not settling.is_over
    decision = Situation(settling, []).decision(GAME.published_at)
    assert decision == Act(Topic.CLOSE_MARKET, {"game": GAME.game, "left": 3}, NOON)


ENDS = GAME.published_at + timedelta(minutes=1)


def in_clearing(*posters: str) -> GameView:
    """A game whose clearings are taken for a minute, and who posted one."""
    clearing = views.ClearingView(
        arena="0" * 64,
        ends_at=ENDS,
        proofs_end_at=ENDS + timedelta(minutes=2),
        proposals=[
            views.ProposalView(poster=name, certificate="0", posted_at=GAME.published_at, bond=Decimal(1), left=9 - i)
            for i, name in enumerate(posters)
        ],
        fallback=None,
        certificate=None,
    )
    return GAME.model_copy(update={"clearing": clearing, "buyer_in_turn": None, "deadline": None})


def proving(poster: str, left: int) -> Act:
    return Act(Topic.PROVE_CLEARING, {"game": GAME.game, "poster": poster, "left": left}, GAME.published_at)


@pytest.mark.parametrize(
    ("posters", "seconds", "expected"),
    [
        ((), 0, Clear(in_clearing(), ENDS)),
        (("other",), 0, Clear(in_clearing("other"), ENDS, proving("other", 9))),
        (("me", "other"), 0, proving("me", 9)),
        (("other", "third"), 60, proving("third", 8)),
        ((), 60, Act(Topic.FALL_BACK, {"game": GAME.game}, ENDS)),
        (("me",), 180, Act(Topic.FALL_BACK, {"game": GAME.game}, ENDS + timedelta(minutes=2))),
    ],
)
def test_the_clock_posts_its_own_clearing_and_has_all_prove_themselves_that_came_in_time(
    posters: tuple[str, ...], seconds: int, expected: Decision
) -> None:
    decision = next_action(in_clearing(*posters), [], GAME.published_at + timedelta(seconds=seconds), me="me")
    assert decision == expected
    if isinstance(decision, Act):
        COMMANDS[decision.topic].model_validate(decision.data)


@settings(deadline=None)
@given(situation=situations(), now=MOMENTS)
def test_the_clock_waits_for_a_later_moment_and_never_past_one_it_should_act_at(
    situation: Situation, now: datetime
) -> None:
    decision = situation.decision(now)

    if isinstance(decision, Wait):
        assert decision.until > now
        just_before = decision.until - timedelta(milliseconds=1)
        assert isinstance(situation.decision(max(now, just_before)), Wait)


@settings(deadline=None)
@given(situation=situations(), now=MOMENTS)
def test_every_game_that_is_not_over_is_acted_upon_in_the_end(situation: Situation, now: datetime) -> None:
    late = NOON + timedelta(days=1)

    assert isinstance(situation.decision(late), Over) == situation.game.is_over


@settings(deadline=None)
@given(situation=situations(), one=MOMENTS, other=MOMENTS)
def test_what_was_due_once_stays_due_as_the_same_act(situation: Situation, one: datetime, other: datetime) -> None:
    earlier, later = sorted((one, other))
    decision = situation.decision(earlier)
    assume(isinstance(decision, Act))

    assert situation.decision(later) == decision


@settings(deadline=None)
@given(situation=situations(st.just(Phase.REGISTRATION)), now=MOMENTS)
def test_a_registration_with_an_expected_number_is_looked_at_again_soon(situation: Situation, now: datetime) -> None:
    decision = situation.decision(now)
    assume(isinstance(decision, Wait))
    assert isinstance(decision, Wait)

    if situation.game.parameters.expected_participants is None:
        assert decision.until == situation.game.registration_ends_at
    else:
        assert decision.until <= now + REGISTRATION_POLL


@settings(deadline=None)
@given(situation=situations(st.just(Phase.DELIVERY)))
def test_a_delivery_without_transfers_runs_to_its_end(situation: Situation) -> None:
    parameters = situation.game.parameters.model_copy(update={"slot_duration_ms": None})
    situation = replace(situation, game=situation.game.model_copy(update={"parameters": parameters}), transfers=[])
    ends = situation.game.metering_ends_at
    assert ends is not None

    assert situation.decision(ends - timedelta(seconds=1)) == Wait(ends)


def metered_slot(window: timedelta, awaited: int) -> GameView:
    """A slot whose meters had until noon."""
    return GAME.model_copy(
        update={
            "phase": Phase.METERING,
            "parameters": GAME.parameters.model_copy(update={"slot_duration_ms": 900_000}),
            "delivery_ends_at": NOON - window,
            "metering_ends_at": NOON,
            "readings_awaited": awaited,
        }
    )


@pytest.mark.parametrize(("window", "given"), [(timedelta(minutes=15), RETURN), (timedelta(seconds=20),) * 2])
def test_meters_that_could_not_report_have_time_once_the_market_is_back(window: timedelta, given: timedelta) -> None:
    close = Act(Topic.CLOSE_MARKET, {"game": GAME.game}, NOON)
    back = NOON + timedelta(hours=3)
    poll = min(METERING_POLL, window / 4)
    assert next_action(metered_slot(window, 1), [], back, since=back) == Wait(back + poll)
    assert next_action(metered_slot(window, 1), [], back + given, since=back) == close
    assert next_action(metered_slot(window, 0), [], back, since=back) == close
    assert next_action(metered_slot(window, 1), [], NOON, since=NOON - timedelta(hours=1)) == close


def test_the_silent_buyer_is_named_with_its_round() -> None:
    act = next_action(GAME, [], NOON + timedelta(minutes=1))

    assert isinstance(act, Act)
    assert (act.topic, act.data) == (Topic.SKIP_TURN, {"game": "Game-1", "buyer": "P003", "round": 2})


def test_a_view_without_what_its_phase_needs_is_a_fault_not_a_guess() -> None:
    game = GAME.model_copy(update={"deadline": None})

    with pytest.raises(ValueError, match="Game-1 lacks"):
        next_action(game, [], NOON)
