"""The embedded ledger's events: exact under concurrent commits, for any number of readers, at any speed."""

import asyncio
import json
import sqlite3
from contextlib import aclosing
from itertools import accumulate
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger import Cursor, InvalidCursor, LedgerEvent
from ledger.contract import Contract
from ledger.embedded import EmbeddedLedger, store
from ledger.embedded import ledger as embedded
from ledger.embedded.database import Database
from ledger.embedded.errors import LedgerDamaged


def telling(first: int, number: int) -> str:
    """Make a command that causes so many events, numbered on."""
    return json.dumps({"events": [{"name": "E", "number": n} for n in range(first, first + number)]})


async def read_all(ledger: EmbeddedLedger, number: int, after: Cursor | None = None) -> list[LedgerEvent]:
    stream = cast(Any, ledger.events(after))
    taken: list[LedgerEvent] = []
    async with aclosing(stream):
        while len(taken) < number:
            taken.append(await anext(stream))
    return taken


async def read_in_pieces(ledger: EmbeddedLedger, number: int, pieces: list[int]) -> list[LedgerEvent]:
    """Read as a client does whose connection breaks again and again."""
    taken: list[LedgerEvent] = []
    sizes = iter(pieces)
    while len(taken) < number:
        size = min(next(sizes, number), number - len(taken))
        taken += await read_all(ledger, size, taken[-1].cursor if taken else None)
    return taken


@settings(deadline=None, max_examples=60)
@given(
    groups=st.lists(st.lists(st.integers(0, 5), min_size=1, max_size=4), min_size=1, max_size=6),
    readers=st.lists(st.lists(st.integers(1, 5), max_size=10), min_size=1, max_size=4),
    page=st.integers(1, 8),
)
def test_every_reader_sees_every_event_once_and_in_order_while_others_commit(
    groups: list[list[int]], readers: list[list[int]], page: int, notes: Contract
) -> None:
    """``groups``: the numbers of events of transactions submitted at once; ``readers``: after how many each resumes."""

    async def run() -> list[list[LedgerEvent]]:
        ledger = await EmbeddedLedger.on(Database.in_memory(), "operator", "key", contract=notes)
        total = sum(map(sum, groups))
        reading = [asyncio.create_task(read_in_pieces(ledger, total, pieces)) for pieces in readers]
        told = 0
        for group in groups:
            starts = list(accumulate(group, initial=told))
            await asyncio.gather(*(ledger.submit([telling(*one)]) for one in zip(starts, group, strict=False)))
            told = starts[-1]
        seen = await asyncio.gather(*reading)
        await ledger.close()
        return seen

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(embedded, "EVENTS_AT_ONCE", page)
        seen = asyncio.run(run())
    for events in seen:
        assert [event.data["number"] for event in events] == list(range(sum(map(sum, groups))))
        assert events == seen[0]
        assert sorted(event.cursor for event in events) == [event.cursor for event in events]


async def test_readers_of_a_file_keep_up_with_concurrent_commits(notebook: EmbeddedLedger) -> None:
    number = 300
    reading = [asyncio.create_task(read_in_pieces(notebook, number, [n] * number)) for n in (1, 7, number)]
    await asyncio.gather(*(notebook.submit([telling(n, 1)]) for n in range(number)))
    for events in await asyncio.gather(*reading):
        assert [event.data["number"] for event in events] == list(range(number))


async def test_a_slow_reader_holds_one_page_and_misses_nothing(
    notebook: EmbeddedLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    events_after = store.events_after

    def counting(connection: sqlite3.Connection, after: Cursor | None, limit: int) -> list[LedgerEvent]:
        page = events_after(connection, after, limit)
        asked.append(len(page))
        return page

    monkeypatch.setattr(store, "events_after", counting)
    number = 3 * embedded.EVENTS_AT_ONCE
    stream = cast(Any, notebook.events())
    await notebook.submit([telling(0, 1)])
    seen = [(await anext(stream)).data["number"]]
    for start in range(1, number, 50):
        await notebook.submit([telling(start, min(50, number - start))])
    while len(seen) < number:
        seen.append((await anext(stream)).data["number"])
    await stream.aclose()
    assert seen == list(range(number))
    assert max(asked) <= embedded.EVENTS_AT_ONCE


async def test_a_reader_that_keeps_up_does_not_read_the_file(
    notebook: EmbeddedLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    await notebook.submit([telling(0, 1)])
    stream = cast(Any, notebook.events())
    await anext(stream)
    monkeypatch.setattr(store, "events_after", None)
    await notebook.submit([telling(1, 2)])
    assert [(await anext(stream)).data["number"] for _ in range(2)] == [1, 2]
    await stream.aclose()


async def test_a_ledger_without_events_has_no_end_and_no_valid_cursor(notebook: EmbeddedLedger) -> None:
    assert await notebook.end() is None
    with pytest.raises(InvalidCursor, match=r"0\.0\.0"):
        await read_all(notebook, 1, Cursor(0, 0, 0))


async def test_a_cursor_between_two_events_goes_on_with_the_later(notebook: EmbeddedLedger) -> None:
    for n in range(2):
        await notebook.submit([telling(n, 1)])
    (event,) = await read_all(notebook, 1, Cursor(1, 0, 99))
    assert event.data["number"] == 1


async def test_events_taken_from_the_file_by_others_are_missed_loudly(notebook: EmbeddedLedger) -> None:
    for n in range(2):
        await notebook.submit([telling(n, 1)])
    database = notebook._database
    await database.write(lambda connection: connection.execute("DELETE FROM events").rowcount)
    with pytest.raises(LedgerDamaged, match="ledger verify"):
        await read_all(notebook, 1)
