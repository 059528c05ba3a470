"""The queue's door: form, ledger, signature and repetition of commands, before one is taken.

It remembers of the ledger what this takes: its id, and the public keys of those who sign.
"""

import asyncio
import math
import os
import time
from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Any

from energy_market_chaincode import (
    BadSignature,
    Command,
    CommandIdReused,
    FieldProblem,
    LedgerDiffers,
    MalformedFields,
    UnknownProsumer,
    UnknownSigner,
    parse_command,
    pass_on,
    read_exact_json,
)
from http_service import Problem
from ledger import Ledger, LedgerUnavailable
from tx_queue.health import Metrics
from tx_queue.problems import queue_full, rejected
from tx_queue.store import Acceptance, SqliteStore

COMMANDS_BETWEEN_BREATHS = 8
"""After checking so many commands (one or two milliseconds) others get their turn on the event loop."""
COMMANDS_AT_ONCE = 64
"""So many commands are checked together: what strangers say need not all be there as models at the same time."""
SMALL_BODY_BYTES = 16_384
"""A body up to this size waits for no other."""
FIELDS_NAMED = 1_000
"""Of the commands of one request; of those that come after so many wrong fields only the first one is named."""

LEAST_SIGNATURES_PER_THREAD = 16
"""Fewer are not worth a second thread."""
_CORES = os.cpu_count() or 1
_VERIFYING = ThreadPoolExecutor(_CORES, "queue-verify")

Answer = Command | Problem
"""A command that was taken, now or before; or why it was not."""
_Numbered = Mapping[int, Command]


class Inquiry:
    """Asks the ledger on behalf of those who bring commands.

    Where it did not answer it is asked again after as long as that took: of large bodies there is one at a time, and
    behind many of strangers somebody else's would wait for as many time limits.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._failure = ""
        self._again_at = -math.inf

    async def read(self, function: str, *args: str) -> Any:
        """Return the contract's answer as exact JSON; raises LedgerUnavailable and the contract's rejections."""
        began = time.monotonic()
        if began < self._again_at:
            raise LedgerUnavailable(self._failure)
        try:
            return read_exact_json(await self._ledger.query(function, *args))
        except LedgerUnavailable as failure:
            now = time.monotonic()
            self._failure, self._again_at = str(failure), now + (now - began)
            raise


class LedgerName:
    """Remembers the ledger's id; asks the ledger again when somebody names another one."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._inquiry = Inquiry(ledger)
        self.known: str | None = None
        """The id as it was last read."""

    async def read_unless(self, named: set[str]) -> str | None:
        """Return the ledger's id, freshly read unless it is all that is named; raises as :meth:`read`."""
        if self.known is None or named != {self.known}:
            # A Fabric network may have been made anew beneath a queue that runs.
            self.known = (await self._inquiry.read("market")).get("ledger")
        return self.known

    def forget(self) -> None:
        """Ask the ledger again next time: a new epoch began there."""
        self.known = None

    async def read(self) -> str | None:
        """Ask the ledger for its id.

        None if the contract is an older one, which has no ids of ledgers and decides alone.

        Raises
        ------
        ledger.interface.LedgerUnavailable
            If the ledger cannot be asked.
        energy_market_chaincode.errors.NotInitialised
        """
        self.known = read_exact_json(await self._ledger.query("market")).get("ledger")
        return self.known


class Signers:
    """Remembers public keys; asks the ledger for those it does not know, or no longer trusts."""

    def __init__(self, ledger: Ledger) -> None:
        self._inquiry = Inquiry(ledger)
        self._keys: dict[str, str] = {}
        self._asking = asyncio.Lock()

    async def keys_of(self, prosumers: Collection[str]) -> dict[str, str]:
        """Return public keys in base64; one who is not registered is left out.

        Raises
        ------
        ledger.interface.LedgerUnavailable
            If a key is not known here and the ledger cannot be asked.
        """
        if not self._keys.keys() >= set(prosumers):
            async with self._asking:
                # Those who waited here find what was learnt meanwhile.
                await self._learn(set(prosumers) - self._keys.keys())
        return {prosumer: self._keys[prosumer] for prosumer in prosumers if prosumer in self._keys}

    def forget(self, prosumers: Iterable[str]) -> None:
        """Ask the ledger again next time: the key may have been replaced."""
        for prosumer in prosumers:
            self._keys.pop(prosumer, None)

    async def _learn(self, prosumers: Set[str]) -> None:
        if len(prosumers) == 1:
            for prosumer in prosumers:
                await self._learn_one(prosumer)
        elif prosumers:
            answer = await self._inquiry.read("prosumers")
            self._keys.update({record["prosumer"]: record["publicKey"] for record in answer["prosumers"]})
            if not self._keys.keys() >= prosumers:
                answer = await self._inquiry.read("meters")
                self._keys.update({record["meter"]: record["publicKey"] for record in answer["meters"]})

    async def _learn_one(self, prosumer: str) -> None:
        try:
            record = await self._inquiry.read("prosumer", prosumer)
        except UnknownProsumer:
            return
        self._keys[prosumer] = record["publicKey"]


class Intake:
    """Takes signed commands into the store."""

    def __init__(self, store: SqliteStore, ledger_name: LedgerName, signers: Signers, metrics: Metrics) -> None:
        self._store = store
        self._ledger_name = ledger_name
        self._signers = signers
        self._metrics = metrics
        self._reads_large = asyncio.Lock()

    def turn(self, nr_bytes: int) -> AbstractAsyncContextManager[None]:
        """Return where a body of so many bytes is to be read and taken: of large ones there is one at a time.

        What is read of it takes up to thirty times as much.
        """
        return self._reads_large if nr_bytes > SMALL_BODY_BYTES else nullcontext()

    async def take(self, values: list[Any], *, is_promised: bool = True) -> list[Answer]:
        """Take commands, each as :func:`~energy_market_chaincode.canonical.read_json` read it, in their order.

        Parameters
        ----------
        values
            Is emptied: what was read and what it is read into need not be there at the same time.
        is_promised
            Whether those taken must survive a power cut when this returns.

        Returns
        -------
        One answer for each.

        Raises
        ------
        LedgerUnavailable, StoreUnavailable
            If a signer's key or the ledger's id cannot be looked up, or nothing can be stored. Then none of them was
            taken.
        """
        checked: list[Answer] = []
        nr_named = 0
        values.reverse()
        while values:
            found = await self._check_next(values, is_brief=nr_named >= FIELDS_NAMED)
            nr_named += sum(len(answer.errors) for answer in found if isinstance(answer, Problem))
            checked += found
        answers = dict(enumerate(checked))
        answers |= await self._store_checked(_good(answers), is_promised)
        for answer in answers.values():
            if isinstance(answer, Problem):
                self._metrics.refused.labels(answer.code).inc()
        return list(answers.values())

    async def _check_next(self, values: list[Any], *, is_brief: bool) -> list[Answer]:
        """Read and check the last commands of a list, from the end, which is emptied by them."""
        answers: dict[int, Answer] = {}
        while values and len(answers) < COMMANDS_AT_ONCE:
            if len(answers) % COMMANDS_BETWEEN_BREATHS == COMMANDS_BETWEEN_BREATHS - 1:
                await asyncio.sleep(0)
            answers[len(answers)] = _read(values.pop(), is_brief=is_brief)
        answers |= await self._check_ledger(_good(answers))
        answers |= await self._check_signatures(_good(answers))
        return list(answers.values())

    async def _check_ledger(self, commands: _Numbered) -> dict[int, Problem]:
        """Return why commands are refused that are for another ledger; those that name none are for any."""
        named = {number: command.ledger for number, command in commands.items() if command.ledger is not None}
        if not named:
            return {}
        ours = await self._ledger_name.read_unless(set(named.values()))
        return {
            number: rejected(LedgerDiffers(named=ledger, ledger=ours))
            for number, ledger in named.items()
            if ours not in (None, ledger)
        }

    async def _check_signatures(self, commands: _Numbered) -> dict[int, Problem]:
        """Return why commands are refused whose signature is not their signer's."""
        keys = await self._signers.keys_of(_signers(commands.values()))
        doubted = await _not_signed(commands, keys)
        replaceable = _signers(doubted.values()) & keys.keys()
        if replaceable:  # perhaps a key was replaced since it was learnt
            self._signers.forget(replaceable)
            keys = await self._signers.keys_of(replaceable)
            doubted = await _not_signed(doubted, keys)
        return {number: _signature_problem(command, keys) for number, command in doubted.items()}

    async def _store_checked(self, commands: _Numbered, is_promised: bool) -> dict[int, Problem]:
        """Store commands and return why some of them were not taken."""
        if not commands:
            return {}
        for command in commands.values():
            pass_on(command)
        acceptances = await self._store.accept(list(commands.values()), is_promised=is_promised)
        retry_s = self._metrics.drain.seconds_for(acceptances.count(Acceptance.FULL))
        refused: dict[int, Problem] = {}
        for (number, command), acceptance in zip(commands.items(), acceptances, strict=True):
            self._metrics.taken.labels(acceptance).inc()
            if acceptance is Acceptance.FULL:
                refused[number] = queue_full(retry_s)
            elif acceptance is Acceptance.ID_REUSED:
                refused[number] = rejected(CommandIdReused(prosumer=command.prosumer, id=command.id))
        return refused


def _good(answers: Mapping[int, Answer]) -> dict[int, Command]:
    """Return the commands that nothing was found against so far."""
    return {number: answer for number, answer in answers.items() if isinstance(answer, Command)}


def _read(value: Any, *, is_brief: bool) -> Answer:
    """Check a command's form; in brief, of what is wrong with it only the first field is named."""
    try:
        return parse_command(value)
    except MalformedFields as rejection:
        first, *others = rejection.fields
        if is_brief and others:
            alone = FieldProblem(field="command", message="has more problems; send it alone, and they are named")
            rejection = MalformedFields([first, alone], rejection.command)
        return rejected(rejection)


async def _not_signed(commands: _Numbered, keys: Mapping[str, str]) -> dict[int, Command]:
    """Return those commands that are not signed with their signer's key: several off the event loop, on all cores."""
    asked = [(number, command, keys.get(command.prosumer)) for number, command in commands.items()]
    if len(asked) == 1:  # to hand it to a thread would take longer
        return dict(_not_signed_of(asked))
    size = max(LEAST_SIGNATURES_PER_THREAD, math.ceil(len(asked) / _CORES))
    shares = [asked[start : start + size] for start in range(0, len(asked), size)]
    loop = asyncio.get_running_loop()
    found = await asyncio.gather(*(loop.run_in_executor(_VERIFYING, _not_signed_of, share) for share in shares))
    return {number: command for share in found for number, command in share}


def _not_signed_of(share: Sequence[tuple[int, Command, str | None]]) -> list[tuple[int, Command]]:
    return [(number, command) for number, command, key in share if key is None or not command.is_signed_with(key)]


def _signers(commands: Iterable[Command]) -> set[str]:
    return {command.prosumer for command in commands}


def _signature_problem(command: Command, keys: Mapping[str, str]) -> Problem:
    error = BadSignature if command.prosumer in keys else UnknownSigner
    return rejected(error(prosumer=command.prosumer))
