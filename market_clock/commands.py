"""What the clock may be told: an operator's signed commands, which it checks against the ledger before it obeys.

A command is one of the market's in form, ``{"id", "topic", "payload": {"prosumer", "ledger", "data"}, "signature"}``.
Beside that it says in its data until when it is valid, at most an hour ahead. Until then its id is remembered, so that
it counts once; afterwards it is refused.
"""

import asyncio
import hashlib
import json
import uuid
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from energy_market_chaincode import (
    Identifier,
    LedgerId,
    Role,
    is_same_ledger,
    is_signed_by,
    iso,
    milliseconds,
    signed_bytes,
)
from http_service import Problem
from market_clock.schedule_store import RememberedCommand, ScheduleStore
from prosumer_client import ClockTopic, MarketClient, MarketError, RequestRefused

LONGEST_AHEAD = timedelta(hours=1)
"""So far ahead a command may be valid."""

Data = TypeVar("Data", bound="ClockData")


class ClockData(BaseModel):
    """What every command to the clock says.

    Attributes
    ----------
    valid_until
        From then on it is refused.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel)

    valid_until: Annotated[
        AwareDatetime, Field(description="At most an hour ahead.", examples=["2026-11-28T12:05:00Z"])
    ]


class _Payload(BaseModel, Generic[Data]):
    model_config = ConfigDict(extra="forbid", frozen=True)

    prosumer: Annotated[Identifier, Field(description="The operator who signs.")]
    ledger: Annotated[LedgerId, Field(description="The id of the ledger, as GET /market of the queue says.")]
    data: Data


class ClockCommand(BaseModel, Generic[Data]):
    """A signed command; the signature is Ed25519 over the canonical JSON of id, topic and payload, in base64."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: uuid.UUID
    topic: ClockTopic
    payload: _Payload[Data]
    signature: Annotated[str, Field(max_length=128)]


class PauseCommand(ClockCommand[ClockData]):
    """Publish no games for now."""

    topic: Literal[ClockTopic.PAUSE_CLOCK]


class ResumeCommand(ClockCommand[ClockData]):
    """Publish games again."""

    topic: Literal[ClockTopic.RESUME_CLOCK]


class CommandDesk:
    """Has what an operator signed carried out, one command after the other, each once.

    Parameters
    ----------
    market
        Is asked who signed.
    store
        Remembers commands while they are valid.
    """

    def __init__(self, market: MarketClient, store: ScheduleStore, now: Callable[[], datetime]) -> None:
        self._market = market
        self._store = store
        self._now = now
        self._one_by_one = asyncio.Lock()

    async def carry_out(
        self, sent: dict[str, Any], command: ClockCommand[Any], work: Callable[[], Awaitable[BaseModel]]
    ) -> Any:
        """Do a command's work, unless that was done before; return its answer as JSON can carry it.

        Parameters
        ----------
        sent
            The command as it came: what is signed is its canonical JSON.

        Raises
        ------
        Problem
            If it is not to be obeyed, or it cannot be told now whether it is.
        """
        signed = signed_bytes({name: sent[name] for name in ("id", "topic", "payload")})
        digest = hashlib.sha256(signed).hexdigest()
        self._require_fresh(command.payload.data.valid_until)
        await self._require_an_operator(command, signed)
        async with self._one_by_one:
            known = self._store.remembered(command.payload.prosumer, str(command.id))
            if known is None:
                answer = (await work()).model_dump_json(by_alias=True)
                until_ms = milliseconds(command.payload.data.valid_until)
                remembered = RememberedCommand(command.payload.prosumer, str(command.id), digest, answer, until_ms)
                self._store.remember(remembered, milliseconds(self._now()))
                return json.loads(answer)
        if known.digest != digest:
            raise Problem(409, "COMMAND_ID_REUSED", f"Another command has the id {command.id}; choose a new one.")
        return json.loads(known.answer)

    def _require_fresh(self, valid_until: datetime) -> None:
        now = self._now()
        if valid_until <= now:
            raise Problem(
                409,
                "COMMAND_EXPIRED",
                f"This command was valid until {iso(valid_until)}, and it is {iso(now)} here; sign a new one (and see "
                "that both machines keep their time).",
            )
        if valid_until > now + LONGEST_AHEAD:
            raise Problem(
                422,
                "VALID_TOO_LONG",
                f"validUntil may be at most an hour ahead; it is {iso(now)} here. Sign a new one.",
            )

    async def _require_an_operator(self, command: ClockCommand[Any], signed: bytes) -> None:
        """Raise a Problem unless an operator on the clock's ledger signed for that ledger."""
        signer = command.payload.prosumer
        try:
            ours, ledger = await self._market.ledger_id(), (await self._market.market()).ledger
            record = await self._market.prosumer(signer)
        except RequestRefused as refusal:
            if refusal.code != "UNKNOWN_PROSUMER":
                raise _unanswered(refusal) from None
            raise Problem(401, "UNKNOWN_SIGNER", f"Nobody is registered as {signer} on this ledger.") from None
        except MarketError as error:
            raise _unanswered(error) from None
        if not is_signed_by(signed, command.signature, record.public_key):
            raise Problem(
                401, "BAD_SIGNATURE", f"The signature is not one by {signer}'s key over id, topic and payload."
            )
        if record.role is not Role.OPERATOR:
            raise Problem(
                403, "OPERATORS_ONLY", f"{signer} is no operator; only operators may tell the clock what to do."
            )
        if command.payload.ledger != ledger or not is_same_ledger(ours, ledger):
            present = ledger if is_same_ledger(ours, ledger) else ours
            raise Problem(409, "LEDGER_DIFFERS", f"This clock works for the ledger {present}; sign for that one.")


def _unanswered(error: MarketError) -> Problem:
    detail = f"Nothing was changed: the queue could not be asked who signed ({error}); send the same command again."
    return Problem(503, "MARKET_UNAVAILABLE", detail, headers={"Retry-After": "1"})
