"""``python -m tx_queue`` as a process of its own."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import simplejson


@dataclass
class Process:
    """A queue as a process of its own."""

    process: asyncio.subprocess.Process
    http: httpx.AsyncClient

    async def kill(self) -> None:
        self.process.kill()
        await self.process.wait()

    async def terminate(self) -> int:
        self.process.terminate()
        return await self.process.wait()

    async def post(self, commands: Any) -> httpx.Response:
        body = simplejson.dumps(commands)
        return await self.http.post("/queue", content=body, headers={"Content-Type": "application/json"})

    async def status(self, command: Any) -> str:
        answer = await self.http.get(f"/queue/{command['id']}", params={"wait": 60})
        return str(answer.json().get("status"))

    async def money(self) -> int:
        return int((await self.http.get("/market")).json()["money"])


class Starter:
    """Starts queues on one home."""

    def __init__(self, home: Path, operator: Any, until: Any) -> None:
        self.home = home
        self._operator = operator
        self._until = until

    async def launch(self, announce: Path) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tx_queue", "--port", "0", "--announce", str(announce), "--home", str(self.home)),
            env={**os.environ, "ENERGY_MARKET_OPERATOR_PUBLIC_KEY": self._operator.public_key},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Process]:
        announce = self.home / "queue.json"
        announce.unlink(missing_ok=True)  # a killed one could not take it away
        process = await self.launch(announce)
        assert process.stderr is not None
        reading = asyncio.create_task(process.stderr.read())

        async def is_announced() -> bool:
            if process.returncode is not None:
                raise AssertionError((await reading).decode())
            return announce.exists()

        try:
            await self._until(is_announced)
            url = json.loads(announce.read_text())["url"]
            async with httpx.AsyncClient(base_url=url, timeout=60) as http:
                yield Process(process, http)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
            await reading
