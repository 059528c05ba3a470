"""Starting Python programs as processes of their own, forked from one that has imported what they need.

Starting an interpreter and importing a service's libraries takes a second of processor time, a fork some milliseconds.
The warm process does nothing but import and fork; each program is then a process like any other: with a session, an
environment, a title and an end of its own. When the host ends, however that happens, its programs end, too.
"""

import asyncio
import multiprocessing
import os
import runpy
import signal
import sys
import threading
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Self

import psutil
from setproctitle import setproctitle

if sys.platform == "darwin":
    _context = multiprocessing.get_context("spawn")  # libraries of the system do not survive a fork there
else:
    _context = multiprocessing.get_context("forkserver")
    from multiprocessing.forkserver import ensure_running

_UNSEEN = 255
"""Multiprocessing's exit code of a process whose end nobody saw, because the warm process ended first."""
_LAST_WORDS_SECONDS = 1.0
"""How long the output of an ended program stays open at most; whoever else holds it is none of ours."""
_ORPHAN_SECONDS = 10.0
"""How long a program has to end after SIGTERM once its host is gone."""
_LONGEST_LINE_BYTES = 1 << 20
_CHUNK_BYTES = 1 << 16

_one_at_a_time = ThreadPoolExecutor(max_workers=1, thread_name_prefix="launcher")
"""Multiprocessing looks after all processes whenever it starts or asks one, and must not do so twice at once."""


def warm_up(*programs: str) -> None:
    """Have the warm process, if it does not run yet, import what programs import; returns at once.

    Programs that are started in the meantime wait for it. Where nothing is forked this does nothing.

    Parameters
    ----------
    programs
        Packages that are run with ``python -m``.
    """
    if sys.platform != "darwin":
        # Multiprocessing imports our own main module into every process, too.
        own = getattr(sys.modules["__main__"].__spec__, "name", "__main__")
        modules = ["__main__", own, __name__, *(f"{program}.__main__" for program in programs)]
        _context.set_forkserver_preload(modules)
        ensure_running()


class Program:
    """A program that was launched, and may have ended."""

    def __init__(self, process: BaseProcess, output: Connection) -> None:
        assert process.pid is not None  # noqa: S101 - it was started; for the type checker
        self.pid = process.pid
        self._process = process
        self._output = output
        self._ended = asyncio.Event()
        self._reader = asyncio.StreamReader()
        self._handle: psutil.Process | None = None
        with suppress(psutil.NoSuchProcess):  # it may have ended by now
            self._handle = psutil.Process(self.pid)

    @classmethod
    async def launch(cls, module: str, arguments: Sequence[str], environment: Mapping[str, str]) -> Self:
        """Start ``python -m module arguments`` with an environment of its own."""
        loop = asyncio.get_running_loop()
        starting = loop.run_in_executor(_one_at_a_time, _start, module, list(arguments), dict(environment))
        try:
            program = cls(*await asyncio.shield(starting))
        except asyncio.CancelledError:
            cls(*await starting).send(signal.SIGKILL)
            raise
        pipe = os.fdopen(os.dup(program._output.fileno()), "rb")
        program._output.close()
        transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(program._reader), pipe)
        loop.add_reader(program._process.sentinel, program._note_end, transport)
        return program

    def _note_end(self, output: asyncio.ReadTransport) -> None:
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._process.sentinel)
        self._ended.set()
        loop.call_later(_LAST_WORDS_SECONDS, output.close)

    def send(self, number: signal.Signals) -> None:
        """Send a signal, if it still runs."""
        if self._handle is not None:
            with suppress(psutil.NoSuchProcess):  # also if another process has got its pid
                self._handle.send_signal(number)

    async def lines(self) -> AsyncIterator[str]:
        """Yield what it prints, until it has ended and everything is said."""
        rest = b""
        while chunk := await self._reader.read(_CHUNK_BYTES):
            *whole, rest = (rest + chunk).split(b"\n")
            if len(rest) > _LONGEST_LINE_BYTES:
                whole.append(rest)
                rest = b""
            for line in whole:
                yield line.decode(errors="replace").rstrip()
        if rest:
            yield rest.decode(errors="replace").rstrip()

    async def wait(self) -> int:
        """Wait until it has ended; return its exit code, or minus the number of the signal that killed it.

        A program whose warm process was killed is killed, too: nobody would learn of its end.
        """
        await self._ended.wait()
        code = await asyncio.get_running_loop().run_in_executor(_one_at_a_time, _join, self._process)
        if code == _UNSEEN:
            self.send(signal.SIGKILL)
            return -signal.SIGKILL
        return code


def _start(module: str, arguments: list[str], environment: dict[str, str]) -> tuple[BaseProcess, Connection]:
    reader, writer = _context.Pipe(duplex=False)
    process = _context.Process(target=_run, name=module, args=(module, arguments, environment, writer))
    process.start()
    writer.close()
    return process, reader


def _join(process: BaseProcess) -> int:
    process.join()
    code = process.exitcode
    process.close()
    assert code is not None  # noqa: S101 - it was joined; for the type checker
    return code


def _run(module: str, arguments: list[str], environment: dict[str, str], output: Connection) -> None:
    """Become a program. In a session of its own, so that Ctrl-C reaches it only through its host."""
    os.setsid()
    sys.argv = [module, *arguments]
    setproctitle(" ".join(("python -m", *sys.argv)))  # which finds its place behind the environment as it was
    for standard in (1, 2):
        os.dup2(output.fileno(), standard)
    output.close()
    os.environ.clear()
    os.environ.update(environment)
    threading.Thread(target=_end_with_host, daemon=True).start()
    sys.modules.pop(f"{module}.__main__", None)  # was imported to be warm, and is now to run
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _end_with_host() -> None:
    host = multiprocessing.parent_process()
    assert host is not None  # noqa: S101 - we were started by one; for the type checker
    host.join()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_ORPHAN_SECONDS)
    os.kill(os.getpid(), signal.SIGKILL)
