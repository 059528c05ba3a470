"""The clock's HTTP: its schedule, pause and resume."""

import uuid
from datetime import UTC, datetime
from typing import Annotated, Any, Self

from fastapi import APIRouter, Body, Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field, model_validator

from energy_market_chaincode.commands import Identifier, PublishGame
from http_service.app import exact_response
from http_service.problems import Problem
from market_clock.clock import Clock, utc_now
from market_clock.game_view import milliseconds
from market_clock.publisher import NotStarted, Publication
from market_clock.publisher.schedule import (
    COMMAND_LINE,
    CronExpression,
    EntryExists,
    Every,
    ScheduleEntry,
    UnknownEntry,
)
from market_clock.slots import iso_slot
from prosumer_client.errors import MarketError, MarketUnavailable

router = APIRouter(tags=["schedule"])


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
    parameters: PublishGame = Field(PublishGame(), description="Data of publishGame; see docs/protocol.md.")

    @model_validator(mode="after")
    def _one_rhythm(self) -> Self:
        if (self.every is not None) + (self.cron is not None) + self.once != 1:
            raise ValueError("needs one of every, cron and once")
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
async def schedule(request: Request) -> Response:
    """Tell which games are to be published when, and which games the clock drives at present."""
    clock = _clock(request)
    return exact_response(
        {
            "now": _iso(utc_now()),
            "paused": clock.publisher.schedule.is_paused,
            "speed": clock.publisher.schedule.speed,
            "entries": [_entry_view(clock, entry_id) for entry_id in clock.publisher.schedule.ids()],
            "games": [
                {
                    "game": course.game,
                    "waitsUntil": _iso(course.waits_until) if course.waits_until is not None else None,
                    "problem": _error_view(course.problem),
                }
                for course in clock.conductor.courses()
            ],
        }
    )


@router.post("/schedule", status_code=201)
async def add(request: Request, entry: Annotated[NewEntry, Body()]) -> Response:
    """Add games to the schedule, or publish one at once.

    The same entry under the same id again changes nothing and has the same answer.
    """
    clock, entry_id = _clock(request), entry.id or uuid.uuid4().hex
    if entry.once:
        return exact_response({"id": entry_id, "game": await _publish_now(clock, entry_id, entry.parameters)}, 201)
    stated = entry.model_dump(include={"every", "cron"}, exclude_none=True)
    try:
        clock.publisher.add(ScheduleEntry(id=entry_id, parameters=entry.parameters, **stated))
    except EntryExists:
        detail = f"The schedule has another entry {entry_id}; choose another id, or delete that one first."
        raise Problem(409, "ENTRY_EXISTS", detail) from None
    return exact_response(_entry_view(clock, entry_id), 201, {"Location": f"/schedule/{entry_id}"})


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


_SOON = {"Retry-After": "1"}


def _entry_view(clock: Clock, entry_id: str) -> dict[str, Any]:
    entry = clock.publisher.schedule.entry(entry_id)
    upcoming = clock.publisher.schedule.next_after(entry_id, milliseconds(utc_now()))
    is_coming = upcoming is not None and not clock.publisher.schedule.is_paused
    return {
        "id": entry_id,
        "every": entry.every,
        "cron": entry.cron,
        "parameters": entry.parameters.model_dump(mode="json", by_alias=True, exclude_unset=True),
        "nextSlot": iso_slot(upcoming) if upcoming is not None and is_coming else None,
        "last": _publication_view(clock.publisher.last(entry_id)),
    }


def _publication_view(publication: Publication | None) -> dict[str, Any] | None:
    if publication is None:
        return None
    return {
        "slot": iso_slot(publication.slot_ms),
        "game": publication.game,
        "problem": _error_view(publication.error),
    }


def _error_view(error: MarketError | None) -> dict[str, str] | None:
    return {"code": error.code, "message": error.message} if error is not None else None


def _iso(moment: datetime) -> str:
    return iso_slot(milliseconds(moment.astimezone(UTC)))
