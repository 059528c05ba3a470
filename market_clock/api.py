"""The clock's HTTP: its schedule, pause and resume."""

import uuid
from typing import Annotated, Self

from fastapi import APIRouter, Body, Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field, model_validator

from energy_market_chaincode.commands import Identifier, PublishGame
from http_service import JsonRoute, Problem, problem_response
from market_clock.clock import Clock, utc_now
from market_clock.game_view import milliseconds
from market_clock.publisher import NotStarted
from market_clock.schedule import (
    COMMAND_LINE,
    CronExpression,
    EntryExists,
    Every,
    ScheduleEntry,
    UnknownEntry,
    require_unnamed,
)
from market_clock.schedule_view import EntryView, ScheduleView, entry_view, schedule_view
from market_clock.slot_fate import is_about_us
from prosumer_client.errors import MarketError, MarketUnavailable

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
