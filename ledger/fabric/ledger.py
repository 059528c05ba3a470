"""The market's ledger on a Hyperledger Fabric network."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from contextlib import aclosing, contextmanager
from pathlib import Path
from typing import Self, TypeVar

import stamina

from energy_market_chaincode import block_views, milliseconds
from ledger.contract import SUBMIT, read_results
from ledger.fabric.contract import read_rejection
from ledger.fabric.gateway import (
    PROFILE_NAME,
    ChainTip,
    ChannelBlock,
    ClaimedTimeRefused,
    ContractRefused,
    EndorsementMismatch,
    FabricProfile,
    GatewayClient,
    GatewayError,
    GatewayRefused,
    GatewayUnavailable,
    IdentityExpired,
    Invocation,
    TimeLimits,
    TransactionInvalid,
    UnusableIdentity,
    UnusableProfile,
)
from ledger.fabric.known_chain import LOOK_BACK, OWN_BLOCK, KnownChain
from ledger.fabric.market_blocks import evidence_view, market_block, market_events
from ledger.interface import (
    Block,
    Cursor,
    InvalidCursor,
    LedgerError,
    LedgerEvent,
    LedgerReplaced,
    LedgerUnavailable,
    Submission,
    TransactionFailed,
    UnknownBlock,
    time_obstacle,
)
from ledger.settings import LedgerSettings
from market_time import MOST_APART

_Result = TypeVar("_Result")

_LAG_S = 3.0
"""How long a gateway's peer may need to catch up with one that we spoke to before."""
_CATCHING_UP = stamina.AsyncRetryingCaller(
    attempts=None, timeout=_LAG_S, wait_initial=0.05, wait_max=0.5, wait_jitter=0.05
)


def find_profile(home: Path) -> Path:
    """Return the profile that the network below a home wrote for its first organisation by name.

    Raises
    ------
    LedgerError
        If there is no network.
    """
    profiles = sorted((home / "network" / "clients").glob(f"*/{PROFILE_NAME}"))
    if not profiles:
        raise LedgerError(f"there is no Fabric network in {home}; `energy-market network up` makes one")
    return profiles[0]


def profile_of(settings: LedgerSettings) -> FabricProfile:
    """Read the profile that the settings name, or else that of the network below their home; raises LedgerError."""
    try:
        return FabricProfile.read(settings.fabric_profile or find_profile(settings.home))
    except UnusableProfile as error:
        raise LedgerError(str(error)) from None


class FabricLedger:
    """A :class:`~ledger.interface.Ledger` behind a Fabric network's gateways; made by :meth:`on`."""

    def __init__(self, client: GatewayClient, chaincode: str) -> None:
        self._client = client
        self._chaincode = chaincode
        self._closing = asyncio.Event()
        self._known = KnownChain(chaincode)
        self._looking = asyncio.Lock()

    @classmethod
    def on(cls, profile: FabricProfile, limits: TimeLimits | None = None) -> Self:
        """Open the ledger on a profile's channel; the first call connects.

        Raises
        ------
        LedgerError
            The profile's client cannot be used.
        """
        try:
            return cls(GatewayClient(profile, limits), profile.chaincode)
        except (UnusableIdentity, OSError) as error:
            raise LedgerError(f"the profile's client cannot be used: {error}") from None

    async def submit(self, commands: Sequence[str]) -> Submission:
        """Commit commands as one transaction, endorsed by every organisation the profile names.

        Raises
        ------
        LedgerUnavailable, TransactionFailed
        """
        invocation = Invocation(self._chaincode, SUBMIT, tuple(commands))
        try:
            committed = await self._client.transact(invocation)
        except (ContractRefused, GatewayRefused) as refusal:
            raise TransactionFailed(str(refusal)) from None
        except TransactionInvalid as invalid:
            raise (TransactionFailed if invalid.hangs_on_content else LedgerUnavailable)(str(invalid)) from None
        except (EndorsementMismatch, ClaimedTimeRefused, GatewayUnavailable, IdentityExpired) as failure:
            raise LedgerUnavailable(str(failure)) from None
        return Submission(committed.transaction_id, committed.block, read_results(committed.result, len(commands)))

    async def query(self, function: str, *args: str) -> bytes:
        """Ask the contract on one peer; the answer is exact JSON.

        Raises
        ------
        energy_market_chaincode.errors.Rejection, LedgerUnavailable
        """
        with _translated(lambda refusal: read_rejection(refusal.message)):
            return await self._client.evaluate(Invocation(self._chaincode, function, args))

    async def obstacle(self) -> str | None:
        """Return what keeps commands from being committed now, or only with a wrong time, and which part it is."""
        time = self._client.time
        if said := time.trouble or time_obstacle(self._known.latest_ms, milliseconds(time.now()), MOST_APART):
            return said
        try:
            return await self._client.obstacle(Invocation(self._chaincode, "market"))
        except GatewayError as failure:
            return str(failure)

    async def height(self) -> int:
        """Return the number of blocks; raises LedgerUnavailable."""
        with _translated():
            return await self._client.height()

    async def block(self, number: int) -> Block:
        """Return one block with the market's transactions; raises UnknownBlock, LedgerUnavailable."""
        with _translated(lambda _: UnknownBlock(f"the ledger has no block {number}")):
            return market_block(await self._client.block(number), self._chaincode)

    async def evidence(self, number: int) -> block_views.BlockEvidence:
        """Return what one block's hash covers and who signed it; raises UnknownBlock, LedgerUnavailable."""
        with _translated(lambda _: UnknownBlock(f"the ledger has no block {number}")):
            return evidence_view(await self._client.evidence(number))

    async def end(self) -> Cursor | None:
        """Return the cursor of the newest event, None if there is none yet.

        As far as any gateway knows: one that was restarted may lag behind what its fellows have told already.

        Raises
        ------
        LedgerUnavailable
        """
        async with self._looking:
            with _translated():
                tip = await self._client.tip()
                await self._recognise(tip)
            await self._search_up_to(tip)
            return self._known.newest_event

    async def _recognise(self, tip: ChainTip) -> None:
        """Begin anew if the chain is another one than that which is known: the channel was made anew."""
        if self._known.ends_with(tip):
            return
        own_hash = await self._own_hash()
        if self._known.is_contradicted_by(tip, own_hash):
            self._known = KnownChain(self._chaincode)
        self._known.own_hash = self._known.own_hash or own_hash

    async def _own_hash(self) -> str | None:
        try:
            return (await self._client.block(OWN_BLOCK)).hash
        except ContractRefused:
            return None

    async def _search_up_to(self, tip: ChainTip) -> None:
        """Read the blocks that are new, from the last one down to the newest event, and take note of them.

        Of a chain that nothing is known of the last ones are noted in any case: a wrong time may stand before the end.

        Raises
        ------
        LedgerUnavailable
            Also where the blocks are of different chains: the channel was made anew meanwhile.
        """
        known, is_found, expected_hash = self._known, False, tip.hash
        noted_from = tip.height - LOOK_BACK if known.searched == 0 else tip.height
        for number in range(tip.height - 1, known.searched - 1, -1):
            if is_found and number < noted_from:
                break
            block = await self._block_there_is(number)
            if block.hash != expected_hash:
                raise LedgerUnavailable(f"the chain was made anew while it was read: block {number} is another one")
            expected_hash = block.previous_hash
            known.note(block)
            if not is_found and (told := market_events(block, self._chaincode)):
                known.newest_event, is_found = told[-1].cursor, True
        known.searched = max(known.searched, tip.height)

    async def _block_there_is(self, number: int) -> ChannelBlock:
        with _translated(lambda _: LedgerUnavailable(f"a peer lags: it has no block {number} yet")):
            return await self._client.block(number)

    async def events(self, after: Cursor | None = None) -> AsyncGenerator[LedgerEvent, None]:
        """Yield every event after a cursor, then new ones as they commit.

        Raises
        ------
        InvalidCursor, LedgerUnavailable
        LedgerReplaced
            A block does not follow on the one before: the channel was made anew.
        """
        if after is not None:
            await self._check(after)
        previous_hash = None
        with _translated():
            async with aclosing(self._client.blocks(after.block if after is not None else 0)) as blocks:
                while block := await self._before_closing(anext(blocks, None)):
                    if previous_hash not in (None, block.previous_hash):
                        raise LedgerReplaced(f"block {block.number} does not follow on the one before it")
                    previous_hash = block.hash
                    self._known.note(block)
                    for event in market_events(block, self._chaincode):
                        if after is None or event.cursor > after:
                            yield event

    async def _before_closing(self, wanted: Awaitable[_Result]) -> _Result | None:
        """Wait for something, but not beyond the ledger's end; None then."""
        waits = [asyncio.ensure_future(wanted), asyncio.ensure_future(self._closing.wait())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            return None if self._closing.is_set() else waits[0].result()
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)

    async def close(self) -> None:
        """Close the connections; readers of events end."""
        self._closing.set()
        await self._client.close()

    async def _check(self, cursor: Cursor) -> None:
        """Raise InvalidCursor for a cursor beyond the end, once the peer had time to catch up."""

        async def look() -> None:
            end = await self.end()
            if end is None or cursor > end:
                raise InvalidCursor(f"the cursor {cursor} lies beyond the ledger's newest event, {end}")

        await _CATCHING_UP(InvalidCursor, look)


@contextmanager
def _translated(meaning: Callable[[ContractRefused], Exception | None] = lambda _: None) -> Iterator[None]:
    """Turn what a gateway raises inside the block into a ledger's error; ``meaning`` tells a refusal's."""
    try:
        yield
    except GatewayError as failure:
        meant = meaning(failure) if isinstance(failure, ContractRefused) else None
        passes = isinstance(failure, ClaimedTimeRefused | GatewayUnavailable | IdentityExpired)
        raise meant or (LedgerUnavailable if passes else LedgerError)(str(failure)) from None
