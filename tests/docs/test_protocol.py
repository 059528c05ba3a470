"""The words, limits and statuses on the page of the protocol are those of the code."""

import ast
import inspect
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any, get_args

import pytest
from pydantic import TypeAdapter, ValidationError

from energy_market_chaincode import (
    COMMANDS,
    Identifier,
    LedgerId,
    Topic,
    block_views,
    canonical,
    commands,
    errors,
    signed_commands,
    units,
    views,
    vocabulary,
)
from energy_market_chaincode.mechanisms import MECHANISMS
from http_service import server
from tests.docs.pages import ROOT, rows, section, spans
from tx_queue import QueueSettings, problems, queue_routes, reads

PAGE = (ROOT / "docs" / "reference" / "protocol.md").read_text()
WORDS_AND_LIMITS = rows(section(PAGE, "## Words and limits"))
ENUMS: Mapping[tuple[str, str], type[StrEnum]] = {
    ("phase", "of a game"): vocabulary.Phase,
    ("metering", "of a game"): vocabulary.Metering,
    ("reason", "of a stop"): vocabulary.StopReason,
    ("fallback", "of a certified game"): vocabulary.Fallback,
    ("role", "of an identity"): vocabulary.Role,
    ("kind", "of a statement's entry"): vocabulary.EntryKind,
    ("status", "of a command"): vocabulary.Status,
}
WORDS: Mapping[tuple[str, str], Sequence[str]] = {
    **{place: [member.value for member in kind] for place, kind in ENUMS.items()},
    ("mechanism", "of a game"): list(MECHANISMS),
    ("role", "of an order's result"): get_args(get_args(views.PlacedOrder.model_fields["role"].annotation)[0]),
    ("role", "of a voucher"): get_args(block_views.Voucher.model_fields["role"].annotation),
    ("kind", "of a block's evidence"): [
        kind.model_fields["kind"].default for kind in (block_views.EmbeddedEvidence, block_views.FabricEvidence)
    ],
}
REFUSED_BY_THE_RULE_BOOK = {(str(status), code) for code, status in problems._STATUS_OF_REJECTION.items()}
SPELT_OTHERWISE = {
    "tx_queue": REFUSED_BY_THE_RULE_BOOK
    | {("503", errors.NotInitialised.code), ("503", errors.UnknownFunction.code), ("409", "LEDGER_REPLACED")},
    "http_service": {("405", "METHOD_NOT_ALLOWED")},
    "market_clock": {("503", "MARKET_UNAVAILABLE"), ("409", "the market's own"), ("503", "the market's own")},
}
"""What a room answers whose status or code is no literal where the problem is made."""
NR_SPELT_OTHERWISE = {"tx_queue": 2, "http_service": 1, "market_clock": 3}


def most(topic: Topic, field: str) -> int:
    """Return how many items a command may have in a field."""
    said = COMMANDS[topic].model_json_schema()["properties"][field]
    parts = [said, *said.get("anyOf", [])]
    return int(next(part[word] for part in parts for word in ("maxItems", "maxProperties") if word in part))


LIMITS: Mapping[str, Sequence[int]] = {
    "an energy, an amount of money, a price": (
        units.MAX_ENERGY // 10**units.ENERGY_DECIMALS,
        units.MAX_MONEY // 10**units.MONEY_DECIMALS,
        units.MAX_PRICE // 10**units.PRICE_DECIMALS,
    ),
    "a duration": (commands.MAX_MILLISECONDS // (24 * 3600 * 1000),),
    "a command": (signed_commands.MAX_COMMAND_BYTES,),
    "a `POST /queue`": (
        queue_routes.MAX_COMMANDS,
        QueueSettings.model_fields["queue_max_body_bytes"].default,
        queue_routes.MOST_VALUES,
        canonical.MAX_NESTING,
    ),
    "`setTopology`": (most(Topic.SET_TOPOLOGY, "edges"),),
    "`setTariffs`": (most(Topic.SET_TARIFFS, "tariffs"),),
    "`publishOrders`": (most(Topic.PUBLISH_ORDERS, "orders"),),
    "`publishReadings`": (most(Topic.PUBLISH_READINGS, "readings"), most(Topic.PUBLISH_READINGS, "registers")),
    "`publishClearing`": (most(Topic.PUBLISH_CLEARING, "corrections"),),
    "`archiveSlots`, `archiveLines`": (
        most(Topic.ARCHIVE_SLOTS, "games"),
        most(Topic.ARCHIVE_LINES, "prosumers"),
    ),
    "`?wait=`": (queue_routes.MAX_WAIT_SECONDS,),
    "a list in one answer": (reads.MAX_ITEMS,),
    "a statement in one answer": (reads.MAX_LINES,),
    "`GET /blocks`": (reads.MAX_BLOCKS, inspect.signature(reads.blocks).parameters["limit"].default),
    "an event stream that is silent": (QueueSettings.model_fields["queue_keep_alive_seconds"].default,),
    "a client's message on a WebSocket": (server.LARGEST_MESSAGE_BYTES,),
}


def problems_of(room: str) -> Iterator[tuple[str, str] | None]:
    """Yield status and code of every problem that a room's code makes; None for one that is no literal."""
    for file in sorted((ROOT / room).rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            match node:
                case ast.Call(
                    func=ast.Name(id="Problem"),
                    args=[ast.Constant(value=int(status)), ast.Constant(value=str(code)), *_],
                ):
                    yield str(status), code
                case ast.Call(func=ast.Name(id="Problem")):
                    yield None


def answered_by(*rooms: str) -> set[tuple[str, str]]:
    """Return status and code of all that some rooms refuse with."""
    found = {problem for room in rooms for problem in problems_of(room) if problem is not None}
    return found.union(*(SPELT_OTHERWISE.get(room, set()) for room in rooms))


def statuses(heading: str) -> list[tuple[str, str]]:
    """Return status and code of each refusal in the table below a heading."""
    return [(row[0], code) for row in rows(section(PAGE, heading)) if row[0].isdecimal() for code in row[1].split(", ")]


def test_every_word_has_all_its_values() -> None:
    words = [row for row in WORDS_AND_LIMITS if len(row) == 3]
    told = {(*spans(word), where): set(spans(values)) for word, where, values in words}
    assert told == {place: set(values) for place, values in WORDS.items()}


@pytest.mark.parametrize(("what", "limits"), LIMITS.items())
def test_a_limit_is_the_one_that_the_code_has(what: str, limits: Sequence[int]) -> None:
    (told,) = [row[1] for row in WORDS_AND_LIMITS if row[0] == what]
    assert all(f"{limit:,} " in told for limit in limits), limits


@pytest.mark.parametrize(
    ("kind", "what"), [(Identifier, "an id of a prosumer, a meter, a game"), (LedgerId, "a ledger's id")]
)
def test_an_id_is_as_long_as_the_page_says(kind: Any, what: str) -> None:
    (told,) = [row[1] for row in WORDS_AND_LIMITS if row[0] == what]
    longest = int(told.partition(" ")[0])
    ids: TypeAdapter[str] = TypeAdapter(kind)
    assert ids.validate_python("A_.:-".ljust(longest, "z"))
    with pytest.raises(ValidationError):
        ids.validate_python("A".ljust(longest + 1, "z"))
    with pytest.raises(ValidationError):
        ids.validate_python("_A")


def test_every_limit_of_the_page_is_compared() -> None:
    ids = {"an id of a prosumer, a meter, a game", "a ledger's id"}
    assert {row[0] for row in WORDS_AND_LIMITS if len(row) == 2} == LIMITS.keys() | ids


def test_every_status_of_the_services_is_told_in_order() -> None:
    told = statuses("## The queue's answers")
    assert [status for status, _ in told] == sorted(status for status, _ in told)
    assert len(told) == len(set(told))
    assert set(told) == answered_by("tx_queue", "optimization_api", "dashboard", "http_service")


def test_every_status_of_the_clock_is_told_in_order() -> None:
    told = statuses("## The clock")
    assert [status for status, _ in told] == sorted(status for status, _ in told)
    assert len(told) == len(set(told))
    assert set(told) == answered_by("market_clock")


@pytest.mark.parametrize("room", ["tx_queue", "optimization_api", "dashboard", "http_service", "market_clock"])
def test_what_is_no_literal_is_known_here(room: str) -> None:
    assert list(problems_of(room)).count(None) == NR_SPELT_OTHERWISE.get(room, 0)
