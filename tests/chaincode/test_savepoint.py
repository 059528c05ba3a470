"""A transaction's working copy: it sees its own writes, and what a rejected command wrote never was."""

from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from energy_market_chaincode.commands import ResetMarket
from energy_market_chaincode.context import RULES, Context, Workspace
from energy_market_chaincode.errors import UnknownGame
from energy_market_chaincode.events import MarketResetEvent
from tests.chaincode.conftest import DictStub, Market
from tests.chaincode.state import State

KEYS = st.sampled_from(["a", "a/1", "ä"])
VALUES = st.sampled_from([b"1", b"2"])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), KEYS, VALUES),
        st.tuples(st.just("delete"), KEYS, st.just(b"")),
        st.tuples(st.sampled_from(["keep", "forget"]), st.just(""), st.just(b"")),
    )
)


@settings(max_examples=200)
@given(st.dictionaries(KEYS, VALUES), STEPS)
async def test_a_workspace_is_a_dictionary_with_savepoints(
    committed: dict[str, bytes], steps: list[tuple[str, str, bytes]]
) -> None:
    stub = DictStub(State(committed), "tx", 0)
    workspace, kept, present = Workspace(stub), dict(committed), dict(committed)
    for step, key, value in steps:
        match step:
            case "put":
                workspace.put(key, value)
                present[key] = value
            case "delete":
                workspace.delete(key)
                present.pop(key, None)
            case "keep":
                workspace.keep()
                kept = dict(present)
            case _:
                workspace.forget()
                present = dict(kept)
        keys = ["ä", "a/1", "a", "b"]
        assert await workspace.get_many(keys) == [present.get(key) for key in keys]
        assert [await workspace.get(key) for key in keys] == [present.get(key) for key in keys]
        for prefix in ("", "a", "a/", "ä"):
            assert await workspace.range(prefix) == sorted(i for i in present.items() if i[0].startswith(prefix))
        inside = sorted(item for item in present.items() if "a" <= item[0] < "b")
        for limit in (None, 1, 2):
            assert await workspace.between("a", "b", limit) == inside[:limit]
    workspace.forget()
    await workspace.flush()
    after = {**committed, **stub.writes}
    assert {key: value for key, value in after.items() if value is not None} == kept
    assert list(stub.writes) == sorted(stub.writes)


async def test_keys_that_were_fetched_ahead_are_not_fetched_again() -> None:
    class Counting(DictStub):
        asked: list[str] = []  # noqa: RUF012 - one instance

        async def get(self, key: str) -> bytes | None:
            self.asked.append(key)
            return await super().get(key)

        async def get_many(self, keys: Any) -> list[bytes | None]:
            self.asked += keys
            return await super().get_many(keys)

    stub = Counting(State({"a": b"1"}), "tx", 0)
    workspace = Workspace(stub)
    await workspace.prefetch(["a", "b", "a"])
    assert await workspace.get_many(["b", "a"]) == [None, b"1"]
    assert await workspace.get("a") == b"1"
    assert stub.asked == ["a", "b"]


async def test_a_rule_that_writes_and_then_rejects_has_written_nothing_and_told_nothing(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def careless(context: Context, _data: Any) -> dict[str, object]:
        context.state.put("account/thief", b'{"free":1000000,"frozen":0}')
        context.state.delete("prosumer/operator")
        context.emit(MarketResetEvent(cancelled_games=[]))
        raise UnknownGame(game="none")

    monkeypatch.setitem(cast(dict[Any, Any], RULES), ResetMarket, careless)
    first, second = await market.submit(
        market.command("operator", "resetMarket"),
        market.command("operator", "registerProsumer", id="P", publicKey=market.public_key("P")),
    )
    assert (first["code"], second["status"]) == ("UNKNOWN_GAME", "committed")
    assert "thief" not in market.accounts()
    assert market.events == []
