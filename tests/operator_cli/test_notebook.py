"""Commands work where a loop runs already, as in a notebook."""

from typing import TYPE_CHECKING

import pytest

from ledger.fabric import FabricVerification

if TYPE_CHECKING:
    from tests.operator_cli.conftest import Command


async def test_a_fabric_ledger_is_verified_where_a_loop_runs_already(
    energy_market: "Command", monkeypatch: pytest.MonkeyPatch
) -> None:
    async def verified(profile: object, contract: object) -> FabricVerification:
        return FabricVerification(["peer:7051"], 3, 2, 1, 6, head="ab12", fault=None, trusted=["the first block"])

    monkeypatch.setenv("ENERGY_MARKET_LEDGER", "fabric")
    monkeypatch.setattr("ledger.fabric.profile_of", lambda settings: None)
    monkeypatch.setattr("ledger.fabric.verify_network", verified)
    ended = energy_market("ledger", "verify")
    assert (ended.code, "the last block's hash is ab12" in ended.said) == (0, True)
