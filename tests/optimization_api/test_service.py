"""The endpoints."""

from decimal import Decimal
from typing import Any

import httpx
import pytest

from energy_market_chaincode import read_exact_json

TURN = {
    "demand": "15",
    "fee_per_hop": "0.02",
    "sellers": [
        {"seller": "S004", "capacity": "350", "price": "0.14", "others_load": 0, "hops": 1},
        {"seller": "S001", "capacity": 36, "price": "0.08376051515357819", "others_load": "10.948", "hops": 2},
        {"seller": "S003", "capacity": "49", "price": "0.06658970076544664", "others_load": "10.3444", "hops": 2},
    ],
}


async def ask(client: httpx.AsyncClient, path: str, question: Any) -> Any:
    answer = await client.post(path, json=question)
    assert answer.status_code == 200, answer.text
    return read_exact_json(answer.content)


def total(amounts: dict[str, Decimal]) -> Decimal:
    return sum(amounts.values(), Decimal(0))


async def test_a_best_response_adds_up_to_the_demand_to_the_last_digit(client: httpx.AsyncClient) -> None:
    answer = await ask(client, "/best-response", TURN)
    assert total(answer["amounts"]) == 15
    assert set(answer["amounts"]) == {"S004", "S001", "S003"}
    assert (answer["standing_cost"], answer["saving"]) == (None, None)


async def test_a_best_response_costs_what_the_ledger_would_charge(client: httpx.AsyncClient) -> None:
    seller = {"seller": "S", "capacity": 100, "price": "0.1", "others_load": 20, "hops": 3}
    answer = await ask(client, "/best-response", {"demand": 10, "sellers": [seller]})
    assert answer["amounts"] == {"S": 10}
    assert answer["cost"] == Decimal("1.9")  # 10 kWh at 0.1 (1 + 30 / 100), and 0.02 for each of three hops
    assert answer["marginal_price"] == Decimal("0.2")  # 0.1 (1 + (20 + 2 x 10) / 100) + 0.06


async def test_a_standing_bid_is_compared_with_the_best_response(client: httpx.AsyncClient) -> None:
    answer = await ask(client, "/best-response", {**TURN, "standing_bid": {"S004": 15}})
    assert answer["standing_cost"] == Decimal("2.49")  # 15 kWh at 0.14 (1 + 15 / 350) + 0.02
    assert answer["saving"] == answer["standing_cost"] - answer["cost"] > 0


async def test_a_best_response_as_standing_bid_saves_nothing(client: httpx.AsyncClient) -> None:
    best = (await client.post("/best-response", json=TURN)).json()["amounts"]
    answer = await ask(client, "/best-response", {**TURN, "standing_bid": best})
    assert (answer["saving"], answer["standing_cost"]) == (0, answer["cost"])


async def test_with_a_tariff_the_grid_gives_what_costs_more_locally(client: httpx.AsyncClient) -> None:
    seller = {"seller": "S", "capacity": 9, "price": "0.08", "others_load": 0, "hops": 1}
    answer = await ask(client, "/best-response", {"demand": 10, "retail_tariff": "0.2869", "sellers": [seller]})
    assert (answer["amounts"], answer["from_grid"]) == ({"S": 9}, 1)
    assert answer["cost"] == Decimal("1.9069")  # 9 kWh at 0.08 x 2 + 0.02, and one at 0.2869
    assert answer["marginal_price"] == Decimal("0.2869")
    standing = {"demand": 10, "retail_tariff": 0, "sellers": [seller], "standing_bid": {"S": "4.5"}}
    answer = await ask(client, "/best-response", standing)
    assert (answer["amounts"], answer["from_grid"], answer["cost"]) == ({"S": 0}, 10, 0)
    assert answer["saving"] == answer["standing_cost"] == Decimal("0.63")


@pytest.mark.parametrize("method", ["best-response", "variational"])
async def test_with_a_tariff_a_scarce_game_has_an_equilibrium(client: httpx.AsyncClient, method: str) -> None:
    scarce = {
        "buyers": {"P1": {"demand": 6}, "P2": {"demand": 6}},
        "sellers": {"S1": {"capacity": 9, "price": "0.08"}},
        "hops": {"P1": {"S1": 1}, "P2": {"S1": 1}},
        "method": method,
    }
    assert (await client.post("/equilibrium", json=scarce)).json()["code"] == "INFEASIBLE_DEMAND"
    answer = await ask(client, "/equilibrium", {**scarce, "retail_tariff": "0.2869"})
    assert answer["converged"]
    assert answer["loads"] == {"S1": 9}
    assert total(answer["from_grid"]) == 3
    assert answer["total_cost"] == Decimal("2.4807")  # 9 kWh at 0.18, three at 0.2869
    assert answer["max_regret"] == 0


async def test_a_standing_bid_that_leaves_a_rest_needs_a_tariff(client: httpx.AsyncClient) -> None:
    part = {**TURN, "standing_bid": {"S004": 14}}
    assert (await client.post("/best-response", json=part)).status_code == 422
    assert (await client.post("/best-response", json={**part, "retail_tariff": 1})).status_code == 200
    too_much = {**part, "retail_tariff": 1, "standing_bid": {"S004": 16}}
    assert (await client.post("/best-response", json=too_much)).status_code == 422


async def test_a_demand_that_does_not_fit_is_refused_with_the_shortfall(client: httpx.AsyncClient) -> None:
    answer = await client.post("/best-response", json={**TURN, "demand": "413.7077"})
    found = read_exact_json(answer.content)
    assert (answer.status_code, found["code"]) == (422, "INFEASIBLE_DEMAND")
    assert found["shortfall"] == Decimal("0.0001")
    assert "0.0001 kWh" in found["detail"]
    assert (await client.post("/best-response", json={**TURN, "demand": "413.7076"})).status_code == 200


@pytest.mark.parametrize(
    ("path", "method", "cost"),
    [
        ("/equilibrium", "best-response", "36.747"),
        ("/equilibrium", "variational", "36.060"),
        ("/social-optimum", None, "35.451"),
    ],
)
async def test_the_originals_game_is_cleared_to_the_known_cost(
    client: httpx.AsyncClient, original_question: dict[str, Any], path: str, method: str | None, cost: str
) -> None:
    question = {**original_question, **({} if method is None else {"method": method})}
    answer = await ask(client, path, question)
    assert answer["converged"]
    assert abs(answer["total_cost"] - Decimal(cost)) <= Decimal("0.001")
    assert answer["total_cost"] == total(answer["costs"])
    assert list(answer["bids"]) == sorted(original_question["buyers"])
    for buyer, bid in answer["bids"].items():
        assert total(bid) == original_question["buyers"][buyer]["demand"]
    for seller, load in answer["loads"].items():
        assert load == sum(bid[seller] for bid in answer["bids"].values())
        assert load <= original_question["sellers"][seller]["capacity"]
    assert answer["max_regret"] == max(answer["regrets"].values())
    assert (answer["rounds"] is None) == (answer["seller_prices"] is not None) == (answer["duality_gap"] is not None)


async def test_buyers_take_their_turns_in_the_order_of_the_body(client: httpx.AsyncClient) -> None:
    game = {
        "sellers": {"near": {"capacity": 10, "price": "0.05"}, "grid": {"capacity": 100, "price": "0.14"}},
        "hops": {buyer: {"near": 0, "grid": 5} for buyer in ("B", "A")},
        "round_limit": 1,
    }
    for order in (["A", "B"], ["B", "A"]):
        answer = await ask(client, "/equilibrium", {**game, "buyers": {buyer: {"demand": 10} for buyer in order}})
        assert answer["bids"][order[0]]["near"] == 10
        assert answer["bids"][order[1]]["near"] == 0


async def test_a_round_limit_is_owned_up_to(client: httpx.AsyncClient, original_question: dict[str, Any]) -> None:
    answer = await ask(client, "/equilibrium", {**original_question, "round_limit": 2})
    assert (answer["converged"], answer["rounds"]) == (False, 2)
    assert answer["max_regret"] > 0


@pytest.mark.parametrize("path", ["/equilibrium", "/social-optimum"])
async def test_demands_that_do_not_fit_together_are_refused_with_the_shortfall(
    client: httpx.AsyncClient, original_question: dict[str, Any], path: str
) -> None:
    question = {**original_question, "buyers": {**original_question["buyers"], "P004": {"demand": "297.5"}}}
    answer = await client.post(path, json=question)
    assert (answer.status_code, answer.json()["code"]) == (422, "INFEASIBLE_DEMAND")
    assert read_exact_json(answer.content)["shortfall"] == Decimal("1.5")


async def test_the_originals_14_logged_bids_come_out_of_its_endpoint_again(
    client: httpx.AsyncClient, original_log: dict[str, Any]
) -> None:
    sellers = original_log["sellers"].values()
    assert len(original_log["bids"]) == 14
    for logged in original_log["bids"]:
        answer = await ask(
            client,
            "/optimalEnergyDecomposition",
            {
                "nr_sellers": 4,
                "buyer_demand": original_log["buyers"][logged["buyer"]]["demand"],
                "sellers_price": [float(seller["price"]) for seller in sellers],
                "sellers_capacity": [seller["capacity"] for seller in sellers],
                "used_capacities": logged["used_capacities"],
                "hop_distrances": list(original_log["hops"][logged["buyer"]].values()),
            },
        )
        assert [float(amount) for amount in answer["solution"]] == pytest.approx(logged["solution"], abs=1e-3)
        assert (
            sum(answer["solution"]) == sum(answer["best_response"]) == original_log["buyers"][logged["buyer"]]["demand"]
        )
        assert {amount.as_tuple().exponent for amount in answer["solution"]} == {-4}
        assert answer["method"] == "slsqp"


ORIGINAL = {
    "nr_sellers": 2,
    "buyer_demand": 28,
    "sellers_price": [0.14, 0.0838],
    "sellers_capacity": [350, 36],
    "used_capacities": [84.2965, 24.2417],
    "hop_distrances": [4, 1],
}


async def test_the_originals_endpoint_says_what_the_buyer_should_bid(client: httpx.AsyncClient) -> None:
    answer = await ask(client, "/optimalEnergyDecomposition", ORIGINAL)
    sellers = [
        {"seller": "a", "capacity": 350, "price": 0.14, "others_load": 84.2965, "hops": 4},
        {"seller": "b", "capacity": 36, "price": 0.0838, "others_load": 24.2417, "hops": 1},
    ]
    best = await ask(client, "/best-response", {"demand": 28, "sellers": sellers})
    assert answer["best_response"] == list(best["amounts"].values())


async def test_where_the_originals_solver_fails_its_endpoint_answers_the_best_response_and_says_so(
    client: httpx.AsyncClient,
) -> None:
    answer = await ask(client, "/optimalEnergyDecomposition", {**ORIGINAL, "sellers_price": [1e6, 1e-9]})
    assert answer["method"] == "best-response"
    assert answer["solution"] == answer["best_response"]


async def test_the_originals_endpoint_refuses_a_demand_that_does_not_fit_with_the_shortfall(
    client: httpx.AsyncClient,
) -> None:
    answer = await client.post("/optimalEnergyDecomposition", json={**ORIGINAL, "buyer_demand": 300})
    assert (answer.status_code, answer.json()["code"]) == (422, "INFEASIBLE_DEMAND")
    assert read_exact_json(answer.content)["shortfall"] == Decimal("22.5382")


async def test_the_originals_float_residue_in_used_capacities_is_no_error(client: httpx.AsyncClient) -> None:
    used = [-7e-15, 36.000000000000007]
    answer = await ask(client, "/optimalEnergyDecomposition", {**ORIGINAL, "used_capacities": used})
    assert answer["solution"] == [28, 0]


async def test_the_service_is_ready(client: httpx.AsyncClient) -> None:
    assert (await client.get("/ready")).json() == {"status": "ready"}


CLEARING = {
    "buyers": {"P": {"demand": 4}, "Q": {"demand": 6}},
    "sellers": {"S": {"capacity": 8, "price": "0.1"}},
    "retail_tariff": "0.2",
}
BY_GRAPH = {"edges": [["P", "street"], ["Q", "street"], ["street", "S"]]}
BY_TABLE = {"hops": {"street": {"S": 2}}, "places": {"P": "street", "Q": "street"}}


@pytest.mark.parametrize("hops", [BY_GRAPH, BY_TABLE])
async def test_a_slot_is_cleared_with_the_grid_in_the_game(client: httpx.AsyncClient, hops: dict[str, Any]) -> None:
    answer = await ask(client, "/clearing", {**CLEARING, **hops})
    assert answer["converged"]
    # both also take from the grid, so a kWh of S is worth 0.2 to them at the margin: 0.1 + 0.04 + (L + x) 0.1 / 8
    assert answer["loads"] == {"S": Decimal("3.2")}
    assert answer["from_grid"] == Decimal("6.8")
    assert answer["total_cost"] == Decimal("1.936")  # 3.2 (0.1 + 0.04 + 3.2 x 0.0125) + 6.8 x 0.2
    assert answer["seller_prices"] == {"S": Decimal("0.14")}


async def test_rows_of_a_cleared_slot_are_told_if_asked_for(client: httpx.AsyncClient) -> None:
    without = await ask(client, "/clearing", {**CLEARING, **BY_GRAPH})
    assert (without["rows"], without["grid"]) == (None, None)
    answer = await ask(client, "/clearing", {**CLEARING, **BY_GRAPH, "rows": True})
    assert answer["rows"] == {"P": {"S": Decimal("1.6")}, "Q": {"S": Decimal("1.6")}}
    assert answer["grid"] == {"P": Decimal("2.4"), "Q": Decimal("4.4")}


async def test_a_slot_of_ten_thousand_prosumers_is_taken(client: httpx.AsyncClient) -> None:
    sellers = {f"S{number}": {"capacity": 10 + number % 90, "price": "0.08"} for number in range(3_000)}
    buyers = {f"P{number}": {"demand": 10 + number % 40} for number in range(7_000)}
    feeders = [(f"feeder{number}", "station") for number in range(100)]
    homes = [(name, f"feeder{number % 100}") for number, name in enumerate([*sellers, *buyers])]
    question = {"buyers": buyers, "sellers": sellers, "edges": [*feeders, *homes], "retail_tariff": "0.15"}
    answer = await ask(client, "/clearing", question)
    assert answer["converged"]
    assert total(answer["loads"]) + answer["from_grid"] == pytest.approx(
        Decimal(sum(buyer["demand"] for buyer in buyers.values())), abs=Decimal(1)
    )


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({}, "edges"),
        ({**BY_GRAPH, **BY_TABLE}, "edges"),
        ({"edges": [["P", "Q"]]}, "edges"),
        ({"edges": [["P", "Q"], ["S", "T"]]}, "edges"),
        ({"hops": {"P": {"S": 1}}}, "hops"),
        ({**BY_GRAPH, "retail_tariff": 0}, "retail_tariff"),
    ],
)
async def test_what_a_slot_lacks_is_named(client: httpx.AsyncClient, change: dict[str, Any], field: str) -> None:
    answer = await client.post("/clearing", json={**CLEARING, **change})
    assert (answer.status_code, answer.json()["code"]) == (422, "INVALID_PARAMETER")
    assert [error["field"] for error in answer.json()["errors"]] == [field]
