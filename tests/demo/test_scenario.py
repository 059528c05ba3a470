"""What a scenario says about its market."""

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from demo.scenario import Scenario, ScenarioBuyer, ScenarioSeller, hop_table, random_scenario
from demo.scenario_file import load_playable, load_scenario
from energy_market_chaincode import PublishGame
from energy_market_chaincode.commands import RegisterProsumer, SetTopology

PUBLIC_KEY = "SAdaWX5yGhVuLgeZ3lzAxTJNxufq8c3UYlCGjsUyFd0="
"""Of somebody: a point of the curve."""


def test_the_originals_game_has_the_figures_of_its_log(scenarios: Path) -> None:
    instance = load_scenario(scenarios / "original.yaml").instance()

    offers = {name: (seller["capacity"], seller["price"]) for name, seller in instance["sellers"].items()}
    assert list(offers.items()) == [
        ("S004", (Decimal(350), Decimal("0.14"))),
        ("S001", (Decimal(36), Decimal("0.08376051515357819"))),
        ("S003", (Decimal(49), Decimal("0.06658970076544664"))),
        ("S002", (Decimal(29), Decimal("0.07842617079456894"))),
    ]
    table = {
        "P003": (28, (4, 1, 3, 2)),
        "P007": (15, (1, 2, 2, 4)),
        "P005": (13, (1, 3, 2, 3)),
        "P002": (47, (1, 2, 2, 2)),
        "P001": (34, (1, 3, 2, 3)),
        "P006": (31, (1, 3, 1, 1)),
        "P004": (29, (2, 1, 1, 1)),
    }
    stated = {
        name: (buyer["demand"], tuple(instance["hops"][name].values())) for name, buyer in instance["buyers"].items()
    }
    assert list(stated.items()) == list(table.items())
    assert all(list(row) == list(offers) for row in instance["hops"].values())
    assert instance["fee_per_hop"] == Decimal("0.02")


def test_buying_everything_from_the_grid_costs_what_the_seed_says(scenarios: Path) -> None:
    instance = load_scenario(scenarios / "original.yaml").instance()

    grid = instance["sellers"]["S004"]
    demand = sum(buyer["demand"] for buyer in instance["buyers"].values())
    price = grid["price"] * (1 + Decimal(demand) / grid["capacity"])
    fees = sum(
        buyer["demand"] * instance["hops"][name]["S004"] * instance["fee_per_hop"]
        for name, buyer in instance["buyers"].items()
    )
    assert round(price * demand + fees, 3) == Decimal("49.304")


def test_the_imbalance_scenario_lets_a_seller_and_a_buyer_miss_their_bargain(scenarios: Path) -> None:
    scenario = load_scenario(scenarios / "imbalance.yaml")

    assert scenario.sellers["S001"].delivery_share == Decimal("0.5")
    assert scenario.buyers["P002"].delivery_share == Decimal("0.75")
    assert scenario.game_parameters()["imbalancePenalty"] == "0.05"
    assert scenario.hop_distances()["P001"] == {"GRID": 3, "S001": 2, "S002": 3}
    assert scenario.warnings() == []


def test_every_scenario_that_comes_with_the_demo_makes_commands_the_market_understands(scenarios: Path) -> None:
    for name in ("imbalance", "original", "random"):
        scenario = load_scenario(scenarios / f"{name}.yaml")
        SetTopology.model_validate(scenario.topology())
        PublishGame.model_validate(scenario.game_parameters())
        for buyer, record in scenario.buyers.items():
            history = {"totalProduction": record.total_production, "totalConsumption": record.total_consumption}
            RegisterProsumer.model_validate({"id": buyer, "publicKey": PUBLIC_KEY, **history})


def test_of_the_scenarios_that_come_with_the_demo_nothing_has_to_be_warned(scenarios: Path) -> None:
    warnings = {file.stem: load_playable(file).warnings() for file in scenarios.glob("*.yaml")}

    assert warnings == {name: [] for name in ("day", "imbalance", "original", "random")}


def test_the_game_expects_everybody_unless_the_scenario_says_otherwise() -> None:
    scenario = random_scenario(10, 1)
    assert scenario.game_parameters() == {"expectedParticipants": 10}

    fewer = random_scenario(10, 1, game=PublishGame(expectedParticipants=5))
    assert fewer.game_parameters() == {"expectedParticipants": 5}


def test_a_demand_beyond_the_capacity_is_a_warning_that_names_the_shortfall() -> None:
    scenario = Scenario(
        name="scarce",
        sellers={"S": ScenarioSeller(capacity=Decimal("1.5"), price=Decimal("0.1"))},
        buyers={"B": ScenarioBuyer(demand=Decimal(2), total_production=Decimal(0), total_consumption=Decimal(1))},
        hops={"B": {"S": 1}},
    )

    assert len(scenario.warnings()) == 1
    assert "0.5 kWh can only come from the grid" in scenario.warnings()[0]


def test_a_scenario_cannot_be_made_of_parts_that_do_not_fit() -> None:
    seller = ScenarioSeller(capacity=Decimal(1), price=Decimal("0.1"))
    buyer = ScenarioBuyer(demand=Decimal(1), total_production=Decimal(0), total_consumption=Decimal(1))

    with pytest.raises(ValueError, match=r"hops\.B lacks the hops to S"):
        Scenario(name="torn", sellers={"S": seller}, buyers={"B": buyer}, hops={"B": {}})


def test_hops_are_the_edges_of_a_shortest_path() -> None:
    ring = [("a", "b"), ("b", "c"), ("c", "d"), ("d", "e"), ("e", "a")]

    assert hop_table(ring, ["a"], ["b", "c", "d", "e"]) == {"a": {"b": 1, "c": 2, "d": 2, "e": 1}}


@settings(deadline=None)
@given(n=st.integers(2, 150), seed=st.integers())
def test_a_random_scenario_is_a_market_of_the_promised_kind(n: int, seed: int) -> None:
    scenario = random_scenario(n, seed)

    assert len(scenario.sellers) + len(scenario.buyers) == n
    assert len(scenario.sellers) == 3 * n // 10 + 1
    for name, seller in scenario.sellers.items():
        if name != "GRID":
            assert 10 <= seller.capacity <= 100
            assert Decimal("0.05") <= seller.price <= Decimal("0.09")
    assert scenario.sellers["GRID"].price == Decimal("0.14")
    assert scenario.sellers["GRID"].capacity > sum(buyer.demand for buyer in scenario.buyers.values())
    assert all(10 <= buyer.demand <= 50 for buyer in scenario.buyers.values())
    assert all(1 <= hops <= 9 for row in scenario.hop_distances().values() for hops in row.values())
    metrics = [scenario.buyers[buyer].contribution_metric for buyer in scenario.turn_order()]
    assert metrics == sorted(metrics, reverse=True)


@settings(deadline=None)
@given(n=st.integers(2, 60), seed=st.integers())
def test_a_random_scenario_follows_from_its_seed(n: int, seed: int) -> None:
    assert random_scenario(n, seed) == random_scenario(n, seed)
    assert random_scenario(n, seed).buyers != random_scenario(n, seed + 1).buyers


@settings(deadline=None, max_examples=30)
@given(n=st.integers(2, 1000), seed=st.integers(0, 10**6))
def test_everybody_is_endowed_with_what_its_offer_or_demand_needs_as_cover(n: int, seed: int) -> None:
    scenario = random_scenario(n, seed)
    balances = scenario.balances()

    assert balances.keys() == scenario.sellers.keys() | scenario.buyers.keys()
    assert all(balances[name] >= needed for name, needed in scenario.cover().items())
    assert min(balances.values()) >= 1000
    assert scenario.warnings() == []
    assert scenario.instance()["balances"] == balances


def test_the_grid_of_a_thousand_prosumers_needs_more_than_the_usual_balance() -> None:
    assert random_scenario(1000, 0).balances()["GRID"] > 1000


def test_a_stated_balance_that_covers_too_little_is_a_warning_that_names_the_poor() -> None:
    scenario = random_scenario(1000, 0, starting_balance=Decimal(1000))

    assert set(scenario.balances().values()) == {1000}
    assert len(scenario.warnings()) == 1
    assert "GRID" in scenario.warnings()[0]
