"""``python -m optimization_api``."""

import asyncio
import json
import os
import subprocess
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

import httpx


async def test_the_program_announces_itself_answers_and_stops_with_0(tmp_path: Path) -> None:
    announcement = tmp_path / "announcement"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "optimization_api", "--port", "0", "--announce", str(announcement)),
        stderr=PIPE,
        cwd=Path(__file__).parents[2],
        env={**os.environ, "ENERGY_MARKET_LOG_FORMAT": "json"},
    )
    assert process.stderr is not None
    try:
        async for line in process.stderr:
            if json.loads(line)["event"] == "listening":
                break
        announced = json.loads(announcement.read_text())
        assert announced["pid"] == process.pid
        async with httpx.AsyncClient(base_url=announced["url"]) as client:
            seller = {"seller": "S", "capacity": 10, "price": "0.1", "others_load": 0, "hops": 0}
            answer = await client.post("/best-response", json={"demand": 5, "sellers": [seller]})
            assert answer.json()["amounts"] == {"S": 5}
            assert "best-response" in (await client.get("/metrics")).text
        process.terminate()
        await process.communicate()
        assert process.returncode == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def test_the_service_bids_among_few_sellers_without_numpy() -> None:
    script = (
        "import asyncio, sys; from optimization_api import app, __main__; "
        "assert asyncio.run(app._solves()) is None; "
        "assert not {'numpy', 'scipy'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", script], cwd=Path(__file__).parents[2], check=True)
