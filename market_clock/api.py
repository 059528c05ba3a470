"""The clock's HTTP: its schedule, pause and resume. Times are ISO 8601 in UTC with milliseconds."""

import uuid
from typing import Annotated, Any, Self

from fastapi import APIRouter, Body, Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from energy_market_chaincode import Identifier, PublishGame, iso, iso_time, milliseconds
from http_service import JsonRoute, Problem, problem_response
from market_clock.clock import Clock, utc_now
from market_clock.conductor import Course
from market_clock.publisher import NotStarted, Publication, is_about_us
from market_clock.schedule import (
    COMMAND_LINE,
    CronExpression,
    EntryExists,
    Every,
    ScheduleEntry,
    UnknownEntry,
    require_unnamed,
)
from prosumer_client import MarketError, MarketUnavailable

_SOON = {"Retry-After": "1"}


async def schedule_unavailable(_request: Request, error: Exception) -> Response:
    """Answer for a schedule that cannot be written now."""
    detail = f"Nothing was changed: {error}; an operator has to look after the clock's disk, then try again."
    return problem_response(Problem(503, "STORE_UNAVAILABLE", detail, headers=_SOON))


router = APIRouter(tags=["schedule"], route_class=JsonRoute)


class NewEntry(BaseModel):
    """Games to be published: again and again (every or cron), or one at once."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "id": "quarter-hours",
                    "cron": "*/15 6-20 * * mon-fri",
                    "parameters": {"registrationDurationMs": 30000},
                },
                {"once": True, "parameters": {"expectedParticipants": 11}},
            ]
        },
    )

    id: Identifier | None = Field(None, description="To ask again without doing it twice. Default: a random one.")
    every: Every | None = Field(None, description="For instance 30s, 5m, 2h or 1d.", examples=["5m"])
    cron: CronExpression | None = Field(None, description="Five fields, in UTC.", examples=["*/15 6-20 * * mon-fri"])
    once: bool = Field(False, description="Publish one game now; the answer names it.")
    parameters: PublishGame = Field(PublishGame(), description="Data of publishGame; see docs/reference/protocol.md.")

    @model_validator(mode="after")
    def _one_rhythm(self) -> Self:
        if (self.every is not None) + (self.cron is not None) + self.once != 1:
            raise ValueError("needs one of every, cron and once")
        if not self.once:
            require_unnamed(self.parameters)
        return self


class PublishedGame(BaseModel):
    """A game that was published at once."""

    id: str
    game: str


class Paused(BaseModel):
    """Whether the clock publishes no games for now."""

    paused: bool


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


def _clock(request: Request) -> Clock:
    clock: Clock = request.app.state.clock
    return clock


@router.get("/schedule")
async def schedule(request: Request) -> ScheduleView:
    """Tell which games are to be published when, and which games the clock drives at present."""
    return schedule_view(_clock(request))


@router.post("/schedule", status_code=201)
async def add(request: Request, response: Response, entry: Annotated[NewEntry, Body()]) -> EntryView | PublishedGame:
    """Add games to the schedule, or publish one at once.

    The same entry under the same id again changes nothing and has the same answer.
    """
    clock, entry_id = _clock(request), entry.id or uuid.uuid4().hex
    if entry_id == COMMAND_LINE:
        raise Problem(409, "FIXED_ENTRY", f"{COMMAND_LINE} is what --every and --cron enter; choose another id.")
    if entry.once:
        return PublishedGame(id=entry_id, game=await _publish_now(clock, entry_id, entry.parameters))
    stated = entry.model_dump(include={"every", "cron"}, exclude_none=True)
    try:
        clock.publisher.add(ScheduleEntry(id=entry_id, parameters=entry.parameters, **stated))
    except EntryExists:
        detail = f"The schedule has another entry {entry_id}; choose another id, or delete that one first."
        raise Problem(409, "ENTRY_EXISTS", detail) from None
    response.headers["Location"] = f"/schedule/{entry_id}"
    return entry_view(clock, entry_id)


async def _publish_now(clock: Clock, entry_id: str, parameters: PublishGame) -> str:
    try:
        return await clock.publisher.publish_now(entry_id, parameters)
    except NotStarted:
        reason = await clock.not_ready()
        raise Problem(503, "NOT_READY", f"The clock cannot publish games yet: {reason}.", headers=_SOON) from None
    except MarketUnavailable as unavailable:
        detail = f"{unavailable.message}; asking again with the id {entry_id} does not publish two games"
        raise Problem(503, unavailable.code, detail, headers=_SOON) from None
    except MarketError as error:
        if is_about_us(error):
            detail = f"{error.message} The clock tries to be admitted anew, with a new key perhaps; ask again."
            raise Problem(503, error.code, detail, headers=_SOON) from None
        raise Problem(409, error.code, error.message) from None


@router.delete("/schedule/{entry_id}", status_code=204)
async def remove(request: Request, entry_id: Annotated[Identifier, Path()]) -> Response:
    """Take an entry off the schedule; games that are published already go on."""
    if entry_id == COMMAND_LINE:
        detail = "The clock was started with this entry; start it without --every and --cron instead."
        raise Problem(409, "FIXED_ENTRY", detail)
    try:
        _clock(request).publisher.remove(entry_id)
    except UnknownEntry:
        raise Problem(
            404, "UNKNOWN_ENTRY", f"The schedule has no entry {entry_id}; GET /schedule lists them."
        ) from None
    return Response(status_code=204)


@router.post("/pause")
async def pause(request: Request) -> Paused:
    """Publish no games until resumed, over restarts too. Games that are published already go on: money is at stake."""
    _clock(request).publisher.schedule.pause()
    return Paused(paused=True)


@router.post("/resume")
async def resume(request: Request) -> Paused:
    """Publish games again, from the next slot on; those that passed during the pause are not made up for."""
    _clock(request).publisher.schedule.resume(milliseconds(utc_now()))
    return Paused(paused=False)


def schedule_view(clock: Clock) -> ScheduleView:
    """Show the whole schedule and the games under way."""
    schedule = clock.publisher.schedule
    return ScheduleView(
        now=iso(utc_now()),
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
        next_slot=iso_time(slot) if slot is not None else None,
        last=_publication_view(clock.publisher.last(entry_id)),
    )


def _game_view(course: Course) -> DrivenGame:
    return DrivenGame(
        game=course.game,
        waits_until=iso(course.waits_until) if course.waits_until is not None else None,
        problem=_problem_view(course.problem),
    )


def _publication_view(publication: Publication | None) -> PublicationView | None:
    if publication is None:
        return None
    return PublicationView(
        slot=iso_time(publication.slot_ms), game=publication.game, problem=_problem_view(publication.error)
    )


def _problem_view(error: MarketError | None) -> ProblemView | None:
    return ProblemView(code=error.code, message=error.message) if error is not None else None
