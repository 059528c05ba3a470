"""Every mistake in a question is answered with the field that it is in."""

import copy
import json
from typing import Any

import httpx
import pytest

BEST_RESPONSE: dict[str, Any] = {
    "demand": 5,
    "sellers": [
        {"seller": "A", "capacity": 10, "price": "0.1", "others_load": 2, "hops": 1},
        {"seller": "B", "capacity": 10, "price": "0.1", "others_load": 0, "hops": 2},
    ],
}
GAME: dict[str, Any] = {
    "buyers": {"P": {"demand": 5}, "Q": {"demand": 3}},
    "sellers": {"A": {"capacity": 10, "price": "0.1"}},
    "hops": {"P": {"A": 1}, "Q": {"A": 2}},
}
ORIGINAL: dict[str, Any] = {
    "nr_sellers": 2,
    "buyer_demand": 5,
    "sellers_price": [0.1, 0.2],
    "sellers_capacity": [10, 20],
    "used_capacities": [0, 1],
    "hop_distrances": [1, 2],
}
QUESTIONS = {
    "/best-response": BEST_RESPONSE,
    "/equilibrium": GAME,
    "/social-optimum": GAME,
    "/optimalEnergyDecomposition": ORIGINAL,
}


def changed(question: dict[str, Any], field: str, value: Any) -> dict[str, Any]:
    """Return a question in which one field is another, or new."""
    result = copy.deepcopy(question)
    *path, last = field.split(".")
    place: Any = result
    for part in path:
        place = place[int(part)] if isinstance(place, list) else place[part]
    place[int(last) if isinstance(place, list) else last] = value
    return result


async def wrong_fields(client: httpx.AsyncClient, path: str, question: Any) -> set[str]:
    # not json=question: httpx takes None for no body
    answer = await client.post(path, content=json.dumps(question), headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (422, "INVALID_PARAMETER"), answer.text
    return {error["field"] for error in answer.json()["errors"]}


WRONG_AMOUNTS = [-1, "-0.0001", "0.00001", 1e-5, "x", "NaN", "1_0", "", None, True, [], {}, 10**400, 1e300, "9" * 65]
WRONG_HOPS = [-1, 1001, 1.5, "1", True, None]


@pytest.mark.parametrize("value", [*WRONG_AMOUNTS, 0])
@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/best-response", "demand"),
        ("/best-response", "sellers.1.capacity"),
        ("/equilibrium", "buyers.Q.demand"),
        ("/equilibrium", "sellers.A.capacity"),
        ("/social-optimum", "buyers.P.demand"),
        ("/optimalEnergyDecomposition", "buyer_demand"),
    ],
)
async def test_a_wrong_amount_is_named(client: httpx.AsyncClient, path: str, field: str, value: Any) -> None:
    assert await wrong_fields(client, path, changed(QUESTIONS[path], field, value)) == {field}


@pytest.mark.parametrize("value", [0, -1, "x", None, "0.0000000000000000001", 1e7])
@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/best-response", "sellers.0.price"),
        ("/equilibrium", "sellers.A.price"),
        ("/social-optimum", "sellers.A.price"),
    ],
)
async def test_a_wrong_price_is_named(client: httpx.AsyncClient, path: str, field: str, value: Any) -> None:
    assert await wrong_fields(client, path, changed(QUESTIONS[path], field, value)) == {field}


@pytest.mark.parametrize("value", WRONG_HOPS)
@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/best-response", "sellers.0.hops"),
        ("/equilibrium", "hops.Q.A"),
        ("/social-optimum", "hops.P.A"),
        ("/optimalEnergyDecomposition", "hop_distrances.1"),
    ],
)
async def test_wrong_hops_are_named(client: httpx.AsyncClient, path: str, field: str, value: Any) -> None:
    assert await wrong_fields(client, path, changed(QUESTIONS[path], field, value)) == {field}


@pytest.mark.parametrize(
    ("field", "value", "named"),
    [
        ("sellers", [], {"sellers"}),
        ("sellers.0.others_load", "10.0001", {"sellers.0.others_load"}),
        ("sellers.0.others_load", -1, {"sellers.0.others_load"}),
        ("sellers.1.seller", "A", {"sellers.1.seller"}),
        ("sellers.1.seller", "", {"sellers.1.seller"}),
        ("sellers.1.seller", "x" * 65, {"sellers.1.seller"}),
        ("sellers.0.colour", "green", {"sellers.0.colour"}),
        ("fee_per_hop", -1, {"fee_per_hop"}),
        ("fee", 1, {"fee"}),
        ("standing_bid", {"A": 5, "C": 0}, {"standing_bid.C"}),
        ("standing_bid", {"A": "4.9999"}, {"standing_bid"}),
        ("standing_bid", {"A": -5, "B": 10}, {"standing_bid.A"}),
        ("standing_bid", {"A": "8.0001"}, {"standing_bid", "standing_bid.A"}),
        ("standing_bid", [5], {"standing_bid"}),
    ],
)
async def test_a_wrong_turn_is_named(client: httpx.AsyncClient, field: str, value: Any, named: set[str]) -> None:
    assert await wrong_fields(client, "/best-response", changed(BEST_RESPONSE, field, value)) == named


@pytest.mark.parametrize("path", ["/equilibrium", "/social-optimum"])
@pytest.mark.parametrize(
    ("field", "value", "named"),
    [
        ("buyers", {}, {"buyers"}),
        ("sellers", {}, {"sellers"}),
        ("hops", {}, {"hops.P.A", "hops.Q.A"}),
        ("hops.P", {}, {"hops.P.A"}),
        ("hops.P.B", 1, {"hops.P.B"}),
        ("hops.R", {"A": 1}, {"hops.R"}),
        ("hops.P", 3, {"hops.P"}),
        ("buyers.P", {}, {"buyers.P.demand"}),
        ("buyers.P.colour", "green", {"buyers.P.colour"}),
    ],
)
async def test_a_wrong_game_is_named(
    client: httpx.AsyncClient, path: str, field: str, value: Any, named: set[str]
) -> None:
    assert await wrong_fields(client, path, changed(GAME, field, value)) == named


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("method", "simulated-annealing"),
        ("tolerance", "1.1"),
        ("tolerance", -1),
        ("round_limit", 0),
        ("round_limit", 10_001),
        ("round_limit", 1.5),
    ],
)
async def test_a_wrong_way_to_an_equilibrium_is_named(client: httpx.AsyncClient, field: str, value: Any) -> None:
    assert await wrong_fields(client, "/equilibrium", changed(GAME, field, value)) == {field}


@pytest.mark.parametrize(
    ("field", "value", "named"),
    [
        ("nr_sellers", 3, {"sellers_price", "sellers_capacity", "used_capacities", "hop_distrances"}),
        ("nr_sellers", 0, {"nr_sellers"}),
        ("nr_sellers", 101, {"nr_sellers"}),
        ("nr_sellers", "2", {"nr_sellers"}),
        ("sellers_price", [0.1], {"sellers_price"}),
        ("used_capacities", [0, 1, 2], {"used_capacities"}),
        ("hop_distrances", [], {"hop_distrances"}),
        ("sellers_capacity.0", 0, {"sellers_capacity.0"}),
        ("sellers_capacity.1", "10", {"sellers_capacity.1"}),
        ("sellers_capacity.1", 1e10, {"sellers_capacity.1"}),
        ("sellers_price.0", 0, {"sellers_price.0"}),
        ("sellers_price.0", -0.1, {"sellers_price.0"}),
        ("sellers_price.0", True, {"sellers_price.0"}),
        ("used_capacities.0", -0.5, {"used_capacities.0"}),
        ("used_capacities.0", None, {"used_capacities.0"}),
        ("sellers_price", 0.1, {"sellers_price"}),
        ("hop_distances", [1, 2], {"hop_distances"}),
    ],
)
async def test_a_wrong_question_of_the_originals_kind_is_named(
    client: httpx.AsyncClient, field: str, value: Any, named: set[str]
) -> None:
    assert await wrong_fields(client, "/optimalEnergyDecomposition", changed(ORIGINAL, field, value)) == named


@pytest.mark.parametrize("path", QUESTIONS)
@pytest.mark.parametrize("body", [None, [], 1, "x", [{}]])
async def test_a_body_that_is_no_object_is_refused(client: httpx.AsyncClient, path: str, body: Any) -> None:
    assert await wrong_fields(client, path, body) == {"body"}


@pytest.mark.parametrize("path", QUESTIONS)
async def test_every_missing_field_is_named(client: httpx.AsyncClient, path: str) -> None:
    assert await wrong_fields(client, path, {}) == set(QUESTIONS[path])


@pytest.mark.parametrize("path", QUESTIONS)
@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b'{"demand": NaN}', 400, "MALFORMED_JSON"),
        (b'{"demand": 1, "demand": 2}', 400, "MALFORMED_JSON"),
        (b"[" * 100_000, 400, "MALFORMED_JSON"),
        (b"{", 400, "MALFORMED_JSON"),
        (b" " * 10_000_000, 413, "BODY_TOO_LARGE"),
    ],
)
async def test_what_is_no_json_or_too_long_is_refused(
    client: httpx.AsyncClient, path: str, body: bytes, status: int, code: str
) -> None:
    answer = await client.post(path, content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_a_game_of_too_many_pairs_is_refused(client: httpx.AsyncClient) -> None:
    buyers = {f"P{i}": {"demand": 1} for i in range(401)}
    sellers = {f"S{j}": {"capacity": 10, "price": 1} for j in range(100)}
    assert await wrong_fields(client, "/equilibrium", {"buyers": buyers, "sellers": sellers, "hops": {}}) == {"buyers"}


async def test_a_turn_with_too_many_sellers_is_refused(client: httpx.AsyncClient) -> None:
    sellers = [{"seller": str(j), "capacity": 1, "price": 1, "others_load": 0, "hops": 0} for j in range(5_001)]
    assert await wrong_fields(client, "/best-response", {"demand": 1, "sellers": sellers}) == {"sellers"}
