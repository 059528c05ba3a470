"""The clock's HTTP: its schedule for everybody, an operator's commands about it; times in ISO 8601 in UTC."""

from typing import Annotated, Any, Literal, Self

from fastapi import APIRouter, Body, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from energy_market_chaincode import Identifier, PublishGame, iso, iso_time, milliseconds
from http_service import JsonRoute, Problem, problem_response
from market_clock.clock import Clock
from market_clock.commands import ClockCommand, ClockData, PauseCommand, ResumeCommand
from market_clock.conductor import Course
from market_clock.publisher import NotStarted, Publication, is_about_us
from market_clock.schedule import (
    COMMAND_LINE,
    CronExpression,
    EntryExists,
    Every,
    ScheduleEntry,
    TimeZoneName,
    UnknownEntry,
    require_cron_of_zone,
    require_unnamed,
)
from prosumer_client import ClockTopic, MarketError, MarketUnavailable

_SOON = {"Retry-After": "1"}


async def schedule_unavailable(_request: Request, error: Exception) -> Response:
    """Answer for a schedule that cannot be written now."""
    detail = f"The clock could not do this: {error}; look after its disk, then send the same command again."
    return problem_response(Problem(503, "STORE_UNAVAILABLE", detail, headers=_SOON))


router = APIRouter(tags=["schedule"], route_class=JsonRoute)


class NewEntry(ClockData):
    """Games to be published: again and again (every or cron), or one at once."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "quarter-hours",
                    "cron": "*/15 6-20 * * mon-fri",
                    "parameters": {"registrationDurationMs": 30000},
                    "validUntil": "2026-11-28T12:05:00Z",
                },
                {"once": True, "parameters": {"expectedParticipants": 11}, "validUntil": "2026-11-28T12:05:00Z"},
            ]
        },
    )

    id: Identifier | None = Field(None, description="To ask again without doing it twice. Default: a random one.")
    every: Every | None = Field(None, description="For instance 30s, 5m, 2h or 1d, or PT5M.", examples=["5m"])
    cron: CronExpression | None = Field(None, description="Five fields.", examples=["*/15 6-20 * * mon-fri"])
    time_zone: TimeZoneName | None = Field(None, description="Of cron; default UTC.", examples=["Europe/Berlin"])
    lead: Every | None = Field(
        None, description="Publish each game so long before its slot, which has a time then.", examples=["1d"]
    )
    once: bool = Field(False, description="Publish one game now; the answer names it.")
    parameters: PublishGame = Field(PublishGame(), description="Data of publishGame; see docs/reference/protocol.md.")

    @model_validator(mode="after")
    def _one_rhythm(self) -> Self:
        if (self.every is not None) + (self.cron is not None) + self.once != 1:
            raise ValueError("needs one of every, cron and once")
        require_cron_of_zone(self.time_zone, self.cron)
        if self.lead is not None and self.once:
            raise ValueError("cannot have a lead once: publish a game for a slot instead")
        if not self.once:
            require_unnamed(self.parameters)
        return self


class NewEntryCommand(ClockCommand[NewEntry]):
    """Publish games."""

    topic: Literal[ClockTopic.SCHEDULE_GAMES]


class RemovedEntry(ClockData):
    """Games that are not to be published any more."""

    id: Identifier


class RemovalCommand(ClockCommand[RemovedEntry]):
    """Publish these games no more."""

    topic: Literal[ClockTopic.UNSCHEDULE_GAMES]


class Removed(BaseModel):
    """An entry that is off the schedule."""

    id: str


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
    time_zone: str | None
    lead: str | None
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


async def _clock(request: Request) -> Clock:
    clock: Clock = request.app.state.clock
    return clock


OurClock = Annotated[Clock, Depends(_clock)]


@router.get("/schedule")
async def schedule(clock: OurClock) -> ScheduleView:
    """Tell which games are to be published when, and which games the clock drives at present."""
    schedule = clock.publisher.schedule
    return ScheduleView(
        now=iso(clock.market_time.schedule_now()),
        paused=schedule.is_paused,
        speed=schedule.speed,
        entries=[entry_view(clock, entry_id) for entry_id in schedule.ids()],
        games=[_game_view(course) for course in clock.conductor.courses()],
    )


@router.post("/schedule", status_code=201, response_model=EntryView | PublishedGame)
async def add(
    request: Request, response: Response, clock: OurClock, command: Annotated[NewEntryCommand, Body()]
) -> Any:
    """Add games to the schedule, or publish one at once.

    The same entry under the same id again changes nothing and has the same answer.
    """
    entry = command.payload.data
    entry_id = entry.id or command.id.hex
    if entry_id == COMMAND_LINE:
        raise Problem(409, "FIXED_ENTRY", f"{COMMAND_LINE} is what --every and --cron enter; choose another id.")

    async def work() -> EntryView | PublishedGame:
        if entry.once:
            return PublishedGame(id=entry_id, game=await _publish_now(clock, entry_id, entry.parameters))
        stated = entry.model_dump(include={"every", "cron", "time_zone", "lead"}, exclude_none=True)
        try:
            clock.publisher.add(ScheduleEntry(id=entry_id, parameters=entry.parameters, **stated))
        except EntryExists:
            detail = f"The schedule has another entry {entry_id}; choose another id, or remove that one first."
            raise Problem(409, "ENTRY_EXISTS", detail) from None
        return entry_view(clock, entry_id)

    answer = await clock.desk.carry_out(await request.json(), command, work)
    if not entry.once:
        response.headers["Location"] = "/schedule"
    return answer


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


@router.post("/unschedule", response_model=Removed)
async def remove(request: Request, clock: OurClock, command: Annotated[RemovalCommand, Body()]) -> Any:
    """Take an entry off the schedule; games that are published already go on."""
    entry_id = command.payload.data.id
    if entry_id == COMMAND_LINE:
        detail = "The clock was started with this entry; start it without --every and --cron instead."
        raise Problem(409, "FIXED_ENTRY", detail)

    async def work() -> Removed:
        try:
            clock.publisher.remove(entry_id)
        except UnknownEntry:
            detail = f"The schedule has no entry {entry_id}; GET /schedule lists them."
            raise Problem(404, "UNKNOWN_ENTRY", detail) from None
        return Removed(id=entry_id)

    return await clock.desk.carry_out(await request.json(), command, work)


@router.post("/pause", response_model=Paused)
async def pause(request: Request, clock: OurClock, command: Annotated[PauseCommand, Body()]) -> Any:
    """Publish no games until resumed, over restarts too. Games that are published already go on: money is at stake."""

    async def work() -> Paused:
        clock.publisher.schedule.pause()
        return Paused(paused=True)

    return await clock.desk.carry_out(await request.json(), command, work)


@router.post("/resume", response_model=Paused)
async def resume(request: Request, clock: OurClock, command: Annotated[ResumeCommand, Body()]) -> Any:
    """Publish games again, from the next slot on; those that passed during the pause are not made up for."""

    async def work() -> Paused:
        clock.publisher.schedule.resume(milliseconds(clock.market_time.schedule_now()))
        return Paused(paused=False)

    return await clock.desk.carry_out(await request.json(), command, work)


def entry_view(clock: Clock, entry_id: str) -> EntryView:
    """Show an entry; raises UnknownEntry."""
    schedule = clock.publisher.schedule
    entry = schedule.entry(entry_id)
    slot = None if schedule.is_paused else schedule.next_after(entry_id, milliseconds(clock.market_time.schedule_now()))
    return EntryView(
        id=entry_id,
        every=entry.every,
        cron=entry.cron,
        time_zone=entry.time_zone,
        lead=entry.lead,
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
