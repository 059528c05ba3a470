"""The clock's schedule as its HTTP shows it. Times are ISO 8601 in UTC with milliseconds."""

from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from market_clock.clock import Clock, utc_now
from market_clock.course import Course
from market_clock.game_view import milliseconds
from market_clock.publisher import Publication
from market_clock.slots import iso_slot
from prosumer_client.errors import MarketError


class _View(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


class ProblemView(_View):
    """Why something could not be done: a stable code and a sentence."""

    code: str
    message: str


class PublicationView(_View):
    """What became of an entry's latest slot: its game, or why it has none of this entry."""

    slot: str
    game: str | None
    problem: ProblemView | None


class EntryView(_View):
    """Games that are published again and again."""

    id: str
    every: str | None
    cron: str | None
    parameters: dict[str, Any]
    next_slot: str | None
    """None while the clock is paused."""
    last: PublicationView | None
    """None if this process has dealt with no slot yet."""


class DrivenGame(_View):
    """A game that the clock drives: when it will look at it again, and what stands in its way."""

    game: str
    waits_until: str | None
    problem: ProblemView | None


class ScheduleView(_View):
    """All that the clock has to do."""

    now: str
    paused: bool
    speed: int
    entries: list[EntryView]
    games: list[DrivenGame]


def schedule_view(clock: Clock) -> ScheduleView:
    """Show the whole schedule and the games under way."""
    schedule = clock.publisher.schedule
    return ScheduleView(
        now=_iso(utc_now()),
        paused=schedule.is_paused,
        speed=schedule.speed,
        entries=[entry_view(clock, entry_id) for entry_id in schedule.ids()],
        games=[_game_view(course) for course in clock.conductor.courses()],
    )


def entry_view(clock: Clock, entry_id: str) -> EntryView:
    """Show an entry; raises UnknownEntry."""
    schedule = clock.publisher.schedule
    entry = schedule.entry(entry_id)
    slot = None if schedule.is_paused else schedule.next_after(entry_id, milliseconds(utc_now()))
    return EntryView(
        id=entry_id,
        every=entry.every,
        cron=entry.cron,
        parameters=entry.parameters.model_dump(mode="json", by_alias=True, exclude_unset=True),
        next_slot=iso_slot(slot) if slot is not None else None,
        last=_publication_view(clock.publisher.last(entry_id)),
    )


def _game_view(course: Course) -> DrivenGame:
    return DrivenGame(
        game=course.game,
        waits_until=_iso(course.waits_until) if course.waits_until is not None else None,
        problem=_problem_view(course.problem),
    )


def _publication_view(publication: Publication | None) -> PublicationView | None:
    if publication is None:
        return None
    return PublicationView(
        slot=iso_slot(publication.slot_ms), game=publication.game, problem=_problem_view(publication.error)
    )


def _problem_view(error: MarketError | None) -> ProblemView | None:
    return ProblemView(code=error.code, message=error.message) if error is not None else None


def _iso(moment: datetime) -> str:
    return iso_slot(milliseconds(moment.astimezone(UTC)))
