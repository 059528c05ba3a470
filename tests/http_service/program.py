"""The small service as a process of its own."""

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

PROGRAM = Path(__file__).with_name("small_service.py")


@asynccontextmanager
async def running(*flags: str, **environment: str) -> AsyncIterator[Process]:
    root = Path(__file__).parents[2]
    variables = {**os.environ, "PYTHONPATH": str(root), "ENERGY_MARKET_LOG_FORMAT": "json", **environment}
    process = await asyncio.create_subprocess_exec(sys.executable, PROGRAM, *flags, stderr=PIPE, env=variables)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def lines_until(process: Process, event: str) -> list[dict[str, Any]]:
    """Read the log up to an event's line."""
    assert process.stderr is not None
    lines: list[dict[str, Any]] = []
    while line := await process.stderr.readline():
        lines.append(json.loads(line))
        if lines[-1]["event"] == event:
            return lines
    raise AssertionError(f"no {event!r} in {lines}")


async def url_of(process: Process) -> str:
    url: str = (await lines_until(process, "listening"))[-1]["url"]
    return url


async def rest_of_log(process: Process) -> list[dict[str, Any]]:
    assert process.stderr is not None
    return [json.loads(line) for line in (await process.stderr.read()).splitlines()]


@asynccontextmanager
async def served(*flags: str) -> AsyncIterator[str]:
    """Run the service; gives its URL. Its log is read on, for a full pipe would stop it."""
    async with running(*flags) as process:
        url = await url_of(process)
        reading = asyncio.create_task(rest_of_log(process))
        yield url
        process.kill()
        await reading


@asynccontextmanager
async def connection(url: str, sent: bytes = b"") -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Connect and say something."""
    reader, writer = await asyncio.open_connection("127.0.0.1", httpx.URL(url).port)
    try:
        writer.write(sent)
        yield reader, writer
    finally:
        writer.close()
