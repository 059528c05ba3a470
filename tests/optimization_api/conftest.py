"""The original's game and log, and a client of the service in this process."""

import json
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from optimization_api import OptimizerSettings, make_app


@pytest.fixture(scope="session")
def original_log() -> dict[str, Any]:
    """Return the game of the original system's log, and the 14 bids in it."""
    log: dict[str, Any] = json.loads(Path(__file__).with_name("original_log.json").read_text())
    return log


@pytest.fixture(scope="session")
def original_question(original_log: dict[str, Any]) -> dict[str, Any]:
    """Return the original's game as the service is asked about it."""
    return {name: original_log[name] for name in ("sellers", "buyers", "hops")}


@pytest.fixture(scope="session")
def solvers() -> Iterator[list[Any]]:
    """Return the processes that solve for one service after the other, for each takes a second to begin."""
    idle: list[Any] = []
    yield idle
    for process in idle:
        process.kill()


@pytest.fixture
def service(solvers: list[Any]) -> Callable[[OptimizerSettings], FastAPI]:
    """Return what makes the service with its settings."""

    def make(settings: OptimizerSettings) -> FastAPI:
        app = make_app(settings)
        app.state.pool._idle = solvers
        return app

    return make


@pytest.fixture
def app(service: Callable[[OptimizerSettings], FastAPI]) -> FastAPI:
    """Return the service with its default settings."""
    return service(OptimizerSettings())


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """Return a client of the service in this process."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
        yield client
