"""The memory of commands: each counts once, and those that end are forgotten once they have.

A command that says until when it is valid, and for which ledger, is remembered until then, and refused afterwards;
others are remembered for good. A transaction forgets a bounded number: twice as many as it has commands, and some.
"""

from energy_market_chaincode.commands import SetLedgerTime
from energy_market_chaincode.context import Context
from energy_market_chaincode.errors import CommandExpired, ValidTooLong
from energy_market_chaincode.records import Epoch, Expiry, Remembered, ToForget
from energy_market_chaincode.signed_commands import Command
from energy_market_chaincode.times import iso_time

LONGEST_VALID_MS = 48 * 3600 * 1000
LOOKS_APART_MS = 60_000
"""So far apart transactions look for what to forget, unless there was more than one could forget."""
FORGOTTEN_AT_LEAST = 100


async def require_valid(context: Context, command: Command) -> None:
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
        raise CommandExpired(until=iso_time(until_ms), now=iso_time(max(now_ms, expiry.passed_ms)))
    if until_ms > now_ms + LONGEST_VALID_MS:
        raise ValidTooLong(until=iso_time(until_ms), now=iso_time(now_ms))


async def remember(context: Context, command: Command, result: str) -> None:
    """Store what a command came to."""
    digest, until_ms = command.digest.hex(), _end_of(command)
    await _keep(context, command, Remembered(digest=digest, result=result, until_ms=until_ms))


async def remember_longer(context: Context, command: Command, remembered: Remembered) -> None:
    """Keep a command in mind that came again, rightly signed, with a later end or none."""
    until_ms = _end_of(command)
    if remembered.until_ms is None:
        return
    if until_ms is None or remembered.until_ms < until_ms <= context.real_ms + LONGEST_VALID_MS:
        await _keep(context, command, remembered.but(until_ms=until_ms))


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


async def forget(context: Context, commands: int) -> None:
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
