"""Where a program may run: behind proxies of all kinds, in a notebook's running loop, in any thread."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from prosumer_client import Buyer, MarketClient, MarketError, MarketUnavailable, Optimizer, Patience, Seller
from prosumer_client.__main__ import play
from prosumer_client.settings import parse_arguments

if TYPE_CHECKING:
    from pathlib import Path

    from tests.prosumer_client.conftest import Operator

NOBODY_IS_THERE = "http://127.0.0.1:9"


def in_a_thread(work: object) -> list[BaseException]:
    """Run a coroutine in a thread of its own; return what it ended with."""
    ended: list[BaseException] = []

    def run() -> None:
        try:
            asyncio.run(work)  # type: ignore[arg-type]  # any coroutine
        except BaseException as error:
            ended.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return ended


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("ALL_PROXY", "socks5://127.0.0.1:1080"),
        ("HTTP_PROXY", "ftp://proxy.example"),
        ("HTTP_PROXY", "http://[::1"),
    ],
)
@pytest.mark.parametrize("service", [MarketClient, Optimizer])
def test_a_proxy_that_cannot_be_used_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, service: type[MarketClient] | type[Optimizer]
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example")
    monkeypatch.setenv(variable, value)
    with pytest.raises(MarketError, match=r"proxy cannot be used for http://market\.example.*NO_PROXY") as refused:
        service("http://market.example")
    assert refused.value.code == "UNUSABLE_PROXY"


def test_a_service_on_this_machine_needs_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:1080")
    MarketClient("http://127.0.0.1:8080")


def test_certificates_that_are_missing_are_a_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    with pytest.raises(MarketError, match="SSL_CERT_FILE") as refused:
        MarketClient("https://market.example")
    assert refused.value.code == "UNUSABLE_CERTIFICATES"


@pytest.mark.parametrize(
    "address", ["market.example", "ftp://market.example", "http://", "http://[::1", "http://m:99999", "http://m:x", ""]
)
def test_what_is_no_address_is_a_sentence(address: str) -> None:
    with pytest.raises(MarketError, match="is no address of a service") as refused:
        MarketClient(address)
    assert refused.value.code == "UNUSABLE_ADDRESS"


async def test_a_client_works_in_a_loop_that_runs_already(operator: Operator) -> None:
    """As a notebook's cells do: each awaits something on the loop that the notebook runs."""
    market = operator.speaker("S1")
    assert await market.ledger_id()
    await operator.publish()
    playing = asyncio.create_task(Seller(market, "30", "0.08").run())

    async def is_in() -> bool:
        return bool((await operator.fake.view("game", "G1"))["nrSellers"])

    await operator.fake.until(is_in)
    playing.cancel()


def test_the_process_s_program_runs_where_a_loop_runs_already(tmp_path: Path) -> None:
    cell = "from prosumer_client.__main__ import main\nasync def cell(): return main(sys.argv[1:])"
    flags = ["--id", "B1", "--role", "buyer", "--demand", "1", "--home", str(tmp_path), "--queue-url", NOBODY_IS_THERE]
    ended = subprocess.run(
        [sys.executable, "-c", f"import asyncio, sys\n{cell}\nsys.exit(asyncio.run(cell()))", *flags],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1
    assert "KEY_FILE_MISSING" in ended.stderr
    assert "Traceback" not in ended.stderr


async def test_a_prosumer_plays_in_a_thread_other_than_the_main_one(operator: Operator) -> None:
    async def play_one_game() -> None:
        async with MarketClient(operator.fake.url, operator.speaker("B1").identity) as market:
            await Buyer(market, "20").play_one()

    await operator.publish(expectedParticipants=2)
    await operator.speaker("S1").submit("publishOffer", {"game": "G1", "amount": "30", "price": "0.08"})
    playing = asyncio.create_task(asyncio.to_thread(in_a_thread, play_one_game()))
    await operator.begin()
    assert await playing == []
    assert (await operator.fake.view("game", "G1"))["phase"] == "delivery"


def test_the_process_s_work_runs_in_a_thread_other_than_the_main_one(tmp_path: Path) -> None:
    flags = ["--id", "B1", "--role", "buyer", "--demand", "1", "--home", str(tmp_path)]
    settings = parse_arguments([*flags, "--queue-url", NOBODY_IS_THERE, "--patience-seconds", "0.01"])
    (ended,) = in_a_thread(play(settings))
    assert isinstance(ended, MarketError)  # no key, nobody there: for a reason of the market's, not of the thread's
    assert ended.code == "KEY_FILE_MISSING"


async def test_a_client_that_nobody_hears_says_so_in_a_thread_too() -> None:
    async def ask() -> None:
        async with MarketClient(NOBODY_IS_THERE, patience=Patience(total_s=0.01)) as market:
            await market.games()

    (ended,) = await asyncio.to_thread(in_a_thread, ask())
    assert isinstance(ended, MarketUnavailable)


def test_a_process_behind_such_a_proxy_ends_with_a_sentence() -> None:
    flags = ["--id", "B1", "--role", "buyer", "--demand", "1", "--queue-url", "http://market.example"]
    ended = subprocess.run(
        [sys.executable, "-m", "prosumer_client", *flags],
        env={**os.environ, "ALL_PROXY": "socks5://127.0.0.1:1080"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1
    assert "UNUSABLE_PROXY" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_the_library_brings_no_numerics_no_server_and_no_terminal() -> None:
    heavy = ("numpy", "scipy", "fastapi", "uvicorn", "rich", "click", "grpc")
    code = f"import sys, prosumer_client.__main__; print([name for name in {heavy!r} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
