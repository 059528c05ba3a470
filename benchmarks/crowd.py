"""Commands in bulk: signed beforehand, posted in arrays by some clients at once, timed until the last is decided."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import httpx

from energy_market_chaincode import Topic
from prosumer_client import Identity, MarketClient, MarketError, SignedCommand

ACCOUNTS = tuple(f"A{number:03}" for number in range(100))
WAIT_S = 60


async def open_accounts(operator: MarketClient) -> None:
    """Register the owners of ACCOUNTS; raises MarketError."""
    key = operator.identity.public_key
    for outcome in await operator.submit_all(
        [(Topic.REGISTER_PROSUMER, {"id": account, "publicKey": key}) for account in ACCOUNTS]
    ):
        if isinstance(outcome, MarketError):
            raise outcome


def top_ups(operator: Identity, ledger: str, number: int) -> list[SignedCommand]:
    """Sign so many commands, each of which brings money to one of the accounts in turn."""
    return [
        operator.command(
            Topic.TOP_UP_ACCOUNT, {"prosumer": ACCOUNTS[n % len(ACCOUNTS)], "amount": "0.01"}, ledger=ledger
        )
        for n in range(number)
    ]


async def posted_per_second(url: str, commands: Sequence[SignedCommand], *, clients: int, array: int) -> float:
    """Post commands in arrays of some length and return how many a second were acknowledged."""
    async with _http(url) as http:
        began = time.perf_counter()
        await asyncio.gather(*(_post(http, share) for share in _shares(commands, clients, array)))
        return len(commands) / (time.perf_counter() - began)


async def decided_per_second(url: str, commands: Sequence[SignedCommand], *, clients: int, array: int) -> float:
    """Post commands in arrays of some length and return how many a second were committed, until the last was."""
    async with _http(url) as http:
        began = time.perf_counter()
        await asyncio.gather(*(_post_and_wait(http, share) for share in _shares(commands, clients, array)))
        return len(commands) / (time.perf_counter() - began)


Arrays = Sequence[Sequence[SignedCommand]]


def _shares(commands: Sequence[SignedCommand], clients: int, array: int) -> list[Arrays]:
    """Return the arrays that each client posts."""
    arrays = [commands[first : first + array] for first in range(0, len(commands), array)]
    return [arrays[client::clients] for client in range(clients)]


async def _post(http: httpx.AsyncClient, arrays: Arrays) -> None:
    for commands in arrays:
        posted = await http.post("/queue", content=b"[" + b",".join(command.body for command in commands) + b"]")
        assert posted.status_code == httpx.codes.ACCEPTED, posted.text


async def _post_and_wait(http: httpx.AsyncClient, arrays: Arrays) -> None:
    """Post arrays, then wait for the last command: the queue keeps to the order in which it took them."""
    await _post(http, arrays)
    decided = await http.get(f"/queue/{arrays[-1][-1].id}", params={"wait": WAIT_S})
    assert decided.json()["status"] == "committed", decided.text


@asynccontextmanager
async def _http(url: str) -> AsyncIterator[httpx.AsyncClient]:
    json = {"Content-Type": "application/json"}
    async with httpx.AsyncClient(base_url=url, headers=json, timeout=WAIT_S + 10, trust_env=False) as http:
        yield http
