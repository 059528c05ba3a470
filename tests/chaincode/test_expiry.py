"""Commands that end: each counts once, however it is delivered around its end, and then it is forgotten."""

import hashlib
import uuid
from typing import Any

import pytest
import simplejson
from hypothesis import given
from hypothesis import strategies as st

from energy_market_chaincode import iso_time
from energy_market_chaincode.canonical import signed_bytes
from energy_market_chaincode.contract import FORGOTTEN_AT_LEAST, LONGEST_VALID_MS, LOOKS_APART_MS
from energy_market_chaincode.signed_commands import read_command
from tests.chaincode.conftest import START_MS, Market

HOUR_MS = 3_600_000


def ending(market: Market, until_ms: int, number: int = 0, ledger: str | None = "tx0", amount: str = "1") -> Any:
    payload: dict[str, Any] = {"prosumer": "operator", "data": {"prosumer": "operator", "amount": amount}}
    payload |= {"validUntil": iso_time(until_ms)} if until_ms else {}
    payload |= {"ledger": ledger} if ledger is not None else {}
    command = {"id": str(uuid.UUID(int=10**9 + number)), "topic": "topUpAccount", "payload": payload}
    return market.signed(command, "operator")


async def word(market: Market, *commands: Any) -> list[str]:
    """Submit commands and return what each came to: a code, 'done' or 'known'."""
    return [
        result.get("code") or ("known" if result["duplicate"] else "done") for result in await market.submit(*commands)
    ]


def known(market: Market) -> int:
    return sum(key.startswith(("command/operator/", "to-forget/")) for key in market.state)


@pytest.mark.parametrize("ledger", ["tx0", None])
async def test_a_command_is_decided_until_its_end_and_refused_after_it(market: Market, ledger: str | None) -> None:
    until_ms = market.now_ms + HOUR_MS
    one, other = (ending(market, until_ms, number, ledger) for number in (1, 2))
    market.now_ms = until_ms
    assert await word(market, one, one) == ["done", "known"]
    market.now_ms += 1
    assert await word(market, one, other) == ["known", "COMMAND_EXPIRED"], "what is decided stays decided"
    market.now_ms -= 5_000
    assert await word(market, other) == ["COMMAND_EXPIRED"], "nor does it come back where a client's time lags"


@pytest.mark.parametrize(("ahead_ms", "said"), [(0, "done"), (1, "VALID_TOO_LONG")])
async def test_no_command_is_valid_for_more_than_48_hours(market: Market, ahead_ms: int, said: str) -> None:
    assert await word(market, ending(market, market.now_ms + LONGEST_VALID_MS + ahead_ms)) == [said]


async def test_a_command_that_ended_is_forgotten_and_stays_refused(market: Market) -> None:
    before = set(market.state)
    until_ms = market.now_ms + HOUR_MS
    assert await word(market, ending(market, until_ms)) == ["done"]
    market.now_ms = until_ms + LOOKS_APART_MS
    await word(market)
    assert (
        set(market.state) - before
        == {"expiry", f"entry/operator/{iso_time(START_MS)}/top-up", "account/operator"} - before
    )
    market.now_ms -= 2 * LOOKS_APART_MS
    assert await word(market, ending(market, until_ms)) == ["COMMAND_EXPIRED"], "though its time would allow it"


@pytest.mark.parametrize(("until_ms", "ledger"), [(0, "tx0"), (START_MS + HOUR_MS, None)])
async def test_a_command_without_an_end_or_of_any_ledger_is_remembered_for_good(
    market: Market, until_ms: int, ledger: str | None
) -> None:
    command = ending(market, until_ms, ledger=ledger)
    assert await word(market, command) == ["done"]
    market.now_ms += 400 * 24 * HOUR_MS
    await word(market)
    assert await word(market, command) == ["known"]


async def test_signed_anew_with_another_end_it_is_the_same_command_until_the_later_one(
    market: Market,
) -> None:
    first, later = (ending(market, market.now_ms + hours * HOUR_MS) for hours in (1, 3))
    assert await word(market, first, later) == ["done", "known"]
    market.now_ms += 2 * HOUR_MS
    await word(market)
    assert await word(market, later) == ["known"]
    assert await word(market, ending(market, market.now_ms + HOUR_MS, amount="2")) == ["COMMAND_ID_REUSED"]
    market.now_ms += 2 * HOUR_MS
    await word(market)
    assert await word(market, later) == ["COMMAND_EXPIRED"]
    assert known(market) == len([key for key in market.state if key.startswith("command/")]), "no mark is left"


async def test_only_its_signer_makes_a_command_be_known_longer(market: Market) -> None:
    first, later = (ending(market, market.now_ms + hours * HOUR_MS) for hours in (1, 3))
    assert await word(market, first) == ["done"]
    before = dict(market.state)
    assert await word(market, {**later, "signature": first["signature"]}) == ["known"]
    assert market.changed_since(before) == set()


async def test_a_transaction_forgets_no_more_than_a_bounded_number(market: Market) -> None:
    until_ms = market.now_ms + HOUR_MS
    count = 3 * FORGOTTEN_AT_LEAST
    await market.submit(*(ending(market, until_ms, number) for number in range(count)))
    before, market.now_ms = known(market), until_ms + LOOKS_APART_MS
    for round_ in range(1, 4):
        await word(market)
        assert known(market) == before - 2 * FORGOTTEN_AT_LEAST * round_
    await word(market)
    assert not any(key.startswith("to-forget/") for key in market.state)


async def test_a_new_epoch_forgets_what_was_signed_for_the_one_before_only_when_nobody_can_ask_for_it(
    market: Market,
) -> None:
    market.now_ms += 400 * 24 * HOUR_MS
    wrong = ending(market, market.now_ms + HOUR_MS, 1)
    assert await word(market, wrong) == ["done"]
    old, market.now_ms = iso_time(market.now_ms), START_MS
    await market.do("operator", "setLedgerTime", oldTime=old, newTime=iso_time(market.now_ms))
    fresh = ending(market, market.now_ms + HOUR_MS, 2, ledger="tx0.1")
    assert await word(market, wrong, fresh) == ["known", "done"], "ends that passed in the wrong time count no more"
    assert await word(market, ending(market, market.now_ms + HOUR_MS, 3)) == ["LEDGER_DIFFERS"]
    market.now_ms += LONGEST_VALID_MS + LOOKS_APART_MS
    await word(market, ending(market, market.now_ms + HOUR_MS, 4, ledger="tx0.1"))
    assert await word(market, wrong, fresh) == ["LEDGER_DIFFERS", "COMMAND_EXPIRED"]
    assert sum(key.startswith("to-forget/") for key in market.state) == 1


MOMENTS = st.lists(
    st.tuples(st.integers(-5_000, 40_000), st.lists(st.integers(0, 5), max_size=4)), min_size=1, max_size=25
)


@given(st.lists(st.integers(0, 300_000), min_size=6, max_size=6), MOMENTS)
async def test_each_counts_once_however_it_is_delivered_around_its_end(
    new_market: Any, ends: list[int], moments: list[tuple[int, list[int]]]
) -> None:
    """Transactions' times may also fall by a few seconds, as they do where clients claim them."""
    market = new_market()
    await market.invoke("init", "operator", market.public_key("operator"))
    commands = [ending(market, market.now_ms + end, number) for number, end in enumerate(ends)]
    did: dict[int, list[str]] = {}
    for passed_ms, delivered in moments:
        market.now_ms += passed_ms
        for number, said in zip(delivered, await word(market, *(commands[n] for n in delivered)), strict=True):
            did.setdefault(number, []).append(said)
    for number, words in did.items():
        assert words.count("done") <= 1
        assert "COMMAND_EXPIRED" not in words[: words.index("done")] if "done" in words else True
        assert words == sorted(words, key=["done", "known", "COMMAND_EXPIRED"].index), (number, words)
    assert market.brought_in == 10**6 * sum("done" in words for words in did.values())


@pytest.mark.parametrize("data", [{"amount": "1"}, {"amount": "1", 'x,"validUntil":"y': 'z,"validUntil":"'}])
def test_what_a_command_says_is_all_but_its_end(data: dict[str, str]) -> None:
    market = Market()
    whole = ending(market, START_MS)
    whole["payload"]["data"]["prosumer"] = "operator"
    payload = {name: part for name, part in whole["payload"].items() if name != "validUntil"}
    without = signed_bytes({"id": whole["id"], "topic": whole["topic"], "payload": payload})
    assert read_command(simplejson.dumps(whole)).digest == hashlib.sha256(without).digest()


@pytest.mark.parametrize("end", ["tomorrow", "2026-11-01", "2026-11-01T00:00", 5])
async def test_an_end_that_is_no_moment_is_malformed(market: Market, end: Any) -> None:
    command = ending(market, 0)
    command["payload"]["validUntil"] = end
    (result,) = await market.submit(market.signed(command, "operator"))
    assert result["code"] == "MALFORMED_COMMAND"
    assert [problem["field"] for problem in result["errors"]] == ["payload.validUntil"]
