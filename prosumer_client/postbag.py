"""Commands of many who speak on one connection at the same moment, in one request."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from prosumer_client.identity import SignedCommand

Send = Callable[[Sequence[SignedCommand]], Awaitable[list[Any]]]
"""Sends commands and returns for each its answer, or the exception that is its refusal."""


class Postbag:
    """Gathers what is said before the event loop comes round again, and hands each its own answer.

    There is no timer: whoever speaks alone waits for nobody, and nobody waits for a request that is on its way.

    Parameters
    ----------
    send
        If it raises, all whose commands it was given hear of it.
    """

    def __init__(self, send: Send) -> None:
        self._send = send
        self._waiting: list[tuple[SignedCommand, asyncio.Future[Any]]] = []
        self._carriers: set[asyncio.Task[None]] = set()

    async def post(self, command: SignedCommand) -> Any:
        """Send a command with those of others; return the answer to it, or raise its refusal."""
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.append((command, answer))
        if len(self._waiting) == 1:
            carrier = asyncio.create_task(self._carry())
            self._carriers.add(carrier)
            carrier.add_done_callback(self._carriers.discard)
        return await answer

    async def close(self) -> None:
        """Let go of what is on its way; those who wait for it are cancelled."""
        for carrier in list(self._carriers):
            carrier.cancel()
        await asyncio.gather(*self._carriers, return_exceptions=True)

    async def _carry(self) -> None:
        bag, self._waiting = self._waiting, []
        try:
            answers = await self._send([command for command, _ in bag])
        except asyncio.CancelledError:
            for _, waiting in bag:
                waiting.cancel()
            raise
        except Exception as error:
            answers = [error] * len(bag)
        for (_, waiting), answer in zip(bag, answers, strict=True):
            if waiting.done():  # whoever said it was cancelled meanwhile
                continue
            if isinstance(answer, Exception):
                waiting.set_exception(answer)
            else:
                waiting.set_result(answer)
