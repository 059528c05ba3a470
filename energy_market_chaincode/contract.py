"""The contract's door: functions of a transaction, and one ``submit`` of many commands.

Each command is decided on its own savepoint: a rejected one changes nothing and does not hurt its neighbours. Each
takes effect once: a signer's command ids are remembered with their results.

A command that says until when it is valid, and for which ledger, is remembered until then, and refused afterwards;
others are remembered for good. A transaction forgets a bounded number: twice as many as it has commands, and some.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import NamedTuple, Self

from energy_market_chaincode import (  # noqa: F401 - some of them only declare their rules
    administration,
    delivery,
    errors,
    metering,
    prefetch,
    presentation,
    queries,
    registration,
    settlement,
    statements,
)
from energy_market_chaincode.canonical import MAX_NESTING, exact_json, read_json
from energy_market_chaincode.commands import RegisterProsumer, SetLedgerTime, SimulateTime
from energy_market_chaincode.context import RULES, Context, Workspace
from energy_market_chaincode.events import Event
from energy_market_chaincode.records import Epoch, Expiry, Market, Prosumer, Remembered, Simulation, ToForget, ledger_id
from energy_market_chaincode.signed_commands import Command, MalformedFields, parse_command, read_command
from energy_market_chaincode.stub import Sender, Stub
from energy_market_chaincode.times import SimulatedTime, iso_time
from energy_market_chaincode.views import CommandResult, CommittedCommand, RejectedCommand
from energy_market_chaincode.vocabulary import Role

EVENT_NAME = "market"
"""The name of the one event of a transaction; its payload is the JSON array of the market's events."""
EPOCH_KEY = Epoch.key()
"""Under which key a transaction writes that begins an epoch: it alone may be earlier than the one before it."""
LONGEST_VALID_MS = 48 * 3600 * 1000
LOOKS_APART_MS = 60_000
"""So far apart transactions look for what to forget, unless there was more than one could forget."""
FORGOTTEN_AT_LEAST = 100
SETS_TIME = (SetLedgerTime, SimulateTime)


async def invoke(stub: Stub, function: str, args: Sequence[str], sender: Sender | None = None) -> bytes:
    """Run one of the contract's functions (see docs/reference/protocol.md) and return its answer as exact JSON.

    Parameters
    ----------
    sender
        Who sent it, where several organisations run the ledger; on others whoever has its file may found the market.

    Raises
    ------
    Rejection
        When the transaction or question as a whole is refused. A command in a ``submit`` never raises: it has a result.
    """
    if function == "submit":
        return f"[{','.join(await _submit(stub, args))}]".encode()
    if function == "init":
        _check_founder(sender)
        return exact_json(await _init(stub, args))
    if function in queries.QUERIES:
        return exact_json(await queries.answer(Workspace(stub), function, args))
    raise errors.UnknownFunction(function=function)


def _check_founder(sender: Sender | None) -> None:
    if sender is None or (sender.is_administrator and sender.organisation in sender.founders):
        return
    role = "an administrator" if sender.is_administrator else "a member"
    founders = ", ".join(sorted(sender.founders)) or "no organisation"
    raise errors.FoundersOnly(founders=founders, sender=role, organisation=sender.organisation)


async def _init(stub: Stub, args: Sequence[str]) -> dict[str, str]:
    """Enter the first operator; the same call again changes nothing."""
    if len(args) != 2:
        raise errors.MalformedArguments(function="init", problems="needs an operator's id and public key")
    operator, public_key = args
    state = Workspace(stub)
    context = Context(state=state, real_ms=stub.timestamp_ms, place=0, signer=operator)
    market = await context.find(Market)
    if market is not None:
        known = await context.find(Prosumer, operator)
        keys = {market.first_public_key, known.public_key if known is not None else None}
        if operator != market.first_operator or public_key not in keys:
            raise errors.AlreadyInitialised(operator=market.first_operator)
        return {"operator": operator}
    try:
        data = RegisterProsumer.model_validate({"id": operator, "publicKey": public_key, "role": Role.OPERATOR})
    except ValueError as error:
        raise errors.MalformedArguments(function="init", problems=str(error)) from None
    beginning = Market(
        first_operator=operator,
        first_public_key=public_key,
        initialised_at_ms=stub.timestamp_ms,
        transaction=stub.transaction_id,
    )
    context.save(beginning)
    await administration.register_prosumer(context, data)
    state.keep()
    await state.flush()
    return {"operator": operator}


class _Decision(NamedTuple):
    result: str
    events: list[Event]

    @classmethod
    def of(cls, result: CommandResult, events: list[Event] | None = None) -> Self:
        """Write a result as exact JSON: as it is remembered, and as it is answered."""
        return cls(exact_json(result).decode(), events or [])


async def _submit(stub: Stub, texts: Sequence[str]) -> list[str]:
    """Decide many commands, in their order, as one transaction; return each one's result as exact JSON."""
    state = Workspace(stub)
    parsed = _read(texts)
    commands = [command for command in parsed if isinstance(command, Command)]
    keys = (key for command in commands for key in prefetch.keys_read_by(command))
    await state.prefetch([Market.key(), EPOCH_KEY, Simulation.key(), Expiry.key(), *keys])
    present = await _present(state, stub.timestamp_ms)
    now_ms = Context(state, present.real_ms, 0, "", present.simulated).now_ms
    await state.prefetch([key for each in commands for key in await prefetch.keys_that_follow(each, state, now_ms)])
    results, events = [], []
    for place, command in enumerate(parsed):
        decision = await _decide(state, present, place, command)
        if isinstance(command, Command) and isinstance(command.data, SETS_TIME):
            present = await _present(state, stub.timestamp_ms)
        results.append(decision.result)
        events += decision.events
    await _forget(Context(state, stub.timestamp_ms, len(parsed), ""), len(parsed))
    state.keep()
    await state.flush()
    if events:
        await stub.set_event(EVENT_NAME, exact_json(events))
    return results


def _read(texts: Sequence[str]) -> list[Command | RejectedCommand]:
    """Read commands; of a malformed one return its result.

    Raises
    ------
    MalformedArguments
        If one of the texts is no JSON.
    """
    commands: list[Command | RejectedCommand] = []
    for read in _readers(texts):
        try:
            commands.append(read())
        except MalformedFields as rejection:
            commands.append(_rejected(rejection.command, None, rejection))
        except ValueError as error:
            raise errors.MalformedArguments(function="submit", problems=f"command {len(commands)} {error}") from None
    return commands


def _readers(texts: Sequence[str]) -> Iterator[Callable[[], Command]]:
    if len(texts) == 1 and texts[0].startswith("["):  # one array of them, as in older blocks
        try:
            values = read_json(texts[0], MAX_NESTING + 1)
        except ValueError as error:
            raise errors.MalformedArguments(function="submit", problems=f"command 0 {error}") from None
        return (partial(parse_command, value) for value in values)
    return (partial(read_command, text) for text in texts)


class _Present(NamedTuple):
    """When and where a command is decided: the id of the ledger in its epoch, the real time, and the market's."""

    ledger: str
    real_ms: int
    simulated: SimulatedTime | None


async def _present(state: Workspace, real_ms: int) -> _Present:
    market, epoch, simulation = await state.get_many([Market.key(), EPOCH_KEY, Simulation.key()])
    if market is None:
        raise errors.NotInitialised()
    ledger = ledger_id(Market.from_bytes(market), None if epoch is None else Epoch.from_bytes(epoch))
    return _Present(ledger, real_ms, None if simulation is None else Simulation.from_bytes(simulation).root)


async def _decide(state: Workspace, present: _Present, place: int, command: Command | RejectedCommand) -> _Decision:
    if not isinstance(command, Command):
        return _Decision.of(command)
    context = Context(state, present.real_ms, place, command.prosumer, present.simulated)
    remembered = await context.find(Remembered, command.prosumer, command.id)
    if remembered is not None and remembered.digest == command.digest.hex():
        # Verified when it was decided. Its signer may have another key by now, and its result stands all the same.
        # Nor does an epoch that began since change what was decided.
        await _remember_longer(context, command, remembered)
        return _Decision.of(presentation.remembered(remembered).model_copy(update={"duplicate": True}))
    try:
        if command.ledger not in (None, present.ledger):
            # Before the signer is looked up: who is unknown here is told what is wrong with the command itself.
            raise errors.LedgerDiffers(named=command.ledger, ledger=present.ledger)
        signer = await _verified_signer(context, command)
        if remembered is not None:
            raise errors.CommandIdReused(prosumer=command.prosumer, id=command.id)
        await _require_valid(context, command)
    except errors.Rejection as rejection:
        return _Decision.of(_rejected(command.id, command.prosumer, rejection))
    decision = await _apply(context, signer, command)
    await _remember(context, command, decision.result)
    state.keep()
    return decision


async def _verified_signer(context: Context, command: Command) -> Prosumer:
    signer = await context.find(Prosumer, command.prosumer)
    if signer is None:
        raise errors.UnknownSigner(prosumer=command.prosumer)
    if not command.is_signed_with(signer.public_key):
        raise errors.BadSignature(prosumer=command.prosumer)
    return signer


async def _apply(context: Context, signer: Prosumer, command: Command) -> _Decision:
    """Let the topic's rule decide; on a rejection go back to the savepoint."""
    try:
        if command.data.by not in (None, signer.role):
            refusal = errors.MetersOnly if command.data.by is Role.METER else errors.OperatorsOnly
            raise refusal(topic=command.topic, prosumer=signer.id)
        if signer.role is Role.METER and command.data.by is not Role.METER:
            raise errors.ProsumersOnly(topic=command.topic, prosumer=signer.id)
        result = await RULES[type(command.data)](context, command.data)
    except errors.Rejection as rejection:
        context.state.forget()
        announced = [rejection.announcement] if rejection.announcement is not None else []
        return _Decision.of(_rejected(command.id, command.prosumer, rejection), announced)
    said = CommittedCommand(id=command.id, prosumer=command.prosumer, result=result.as_json())
    return _Decision.of(said, context.events)


def _rejected(command: str | None, prosumer: str | None, rejection: errors.Rejection) -> RejectedCommand:
    fields = rejection.fields if isinstance(rejection, MalformedFields) else []
    return RejectedCommand(id=command, prosumer=prosumer, code=rejection.code, message=rejection.message, errors=fields)


async def _require_valid(context: Context, command: Command) -> None:
    """Refuse a command whose end has passed, now and from now on, or is too far ahead.

    Where clients claim their transactions' times, a later transaction may have an earlier one. So what was refused once
    stays refused, and what is forgotten does not come back.

    Raises
    ------
    CommandExpired, ValidTooLong
    """
    until_ms, now_ms = command.valid_until_ms, context.real_ms
    if until_ms is None:
        return
    expiry = await context.find(Expiry) or Expiry()
    if isinstance(command.data, SetLedgerTime):  # it sets right what may be wrong; where a new epoch begins it is old
        expiry = Expiry()
    if until_ms < max(now_ms, expiry.passed_ms):
        if until_ms >= expiry.passed_ms:
            context.save(expiry.but(passed_ms=until_ms + 1))
            context.state.keep()
        raise errors.CommandExpired(until=iso_time(until_ms), now=iso_time(max(now_ms, expiry.passed_ms)))
    if until_ms > now_ms + LONGEST_VALID_MS:
        raise errors.ValidTooLong(until=iso_time(until_ms), now=iso_time(now_ms))


async def _remember(context: Context, command: Command, result: str) -> None:
    """Store what a command came to."""
    digest, until_ms = command.digest.hex(), _end_of(command)
    await _keep(context, command, Remembered(digest=digest, result=result, until_ms=until_ms))


async def _remember_longer(context: Context, command: Command, remembered: Remembered) -> None:
    """Keep a command in mind that came again, signed anew by its signer, with a later end or none."""
    until_ms, signer = _end_of(command), await context.find(Prosumer, command.prosumer)
    if remembered.until_ms is None or signer is None or not command.is_signed_with(signer.public_key):
        return
    if until_ms is None or remembered.until_ms < until_ms <= context.real_ms + LONGEST_VALID_MS:
        await _keep(context, command, remembered.but(until_ms=until_ms))
        context.state.keep()


def _end_of(command: Command) -> int | None:
    """Return until when a command must be known: one that names no ledger counts in every epoch, and for good."""
    return command.valid_until_ms if command.ledger is not None else None


async def _keep(context: Context, command: Command, remembered: Remembered) -> None:
    """Store what is remembered of a command and, if not for good, when it may be forgotten."""
    context.save(remembered, command.prosumer, command.id)
    if remembered.until_ms is None:
        return
    epoch = await context.find(Epoch)
    context.save(ToForget(), _padded(epoch), _time(remembered.until_ms), command.prosumer, command.id)
    if not await context.exists(Expiry):
        context.save(Expiry(next_ms=context.real_ms + LOOKS_APART_MS))


async def _forget(context: Context, commands: int) -> None:
    """Forget commands that have ended; a transaction of so many does it at its end.

    What was decided in an earlier epoch names that one's ledger, so nothing is lost when it is forgotten; it is known
    for as long as any command may be valid after that.
    """
    expiry = await context.find(Expiry)
    if expiry is None or context.real_ms < expiry.next_ms:
        return
    epoch = await context.find(Epoch)
    is_old_forgotten = epoch is None or context.real_ms >= epoch.new_ms + LONGEST_VALID_MS
    first = ToForget.key("") if is_old_forgotten else ToForget.key(_padded(epoch), "")
    most = FORGOTTEN_AT_LEAST + 2 * commands
    ended = await context.state.between(first, ToForget.key(_padded(epoch), _time(context.real_ms)), most)
    marks = [key.split("/")[1:] for key, _ in ended]
    for mark, value in zip(marks, await context.state.get_many([Remembered.key(*m[2:]) for m in marks]), strict=True):
        context.delete(ToForget, *mark)
        if value is not None and Remembered.from_bytes(value).until_ms == int(mark[1]):
            context.delete(Remembered, *mark[2:])
    if len(ended) < most:
        passed_ms, next_ms = context.real_ms, context.real_ms + LOOKS_APART_MS
    else:
        passed_ms, next_ms = max((int(m[1]) for m in marks if m[0] == _padded(epoch)), default=0), context.real_ms
    context.save(Expiry(passed_ms=max(expiry.passed_ms, passed_ms), next_ms=next_ms))


def _padded(epoch: Epoch | None) -> str:
    return f"{epoch.number if epoch is not None else 0:06}"


def _time(milliseconds: int) -> str:
    return f"{milliseconds:015}"
