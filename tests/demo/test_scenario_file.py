"""What a person reads who wrote a scenario file that is wrong."""

import json
import tempfile
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from demo.scenario import Scenario, random_scenario
from demo.scenario_file import ScenarioError, load_scenario
from market_files import UnusableFile

SMALL = """\
name: small
sellers:
  S: {capacity: 10, price: 0.1}
buyers:
  B: {demand: 5, total_production: 1, total_consumption: 2}
graph:
  - [S, bus]
  - [bus, B]
"""


def read_scenario(text: str) -> Scenario:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "scenario.yaml"
        file.write_text(text)
        return load_scenario(file)


def problems_of(text: str) -> list[str]:
    with pytest.raises(ScenarioError) as caught:
        read_scenario(text)
    return [str(problem) for problem in caught.value.problems]


def test_a_small_scenario_is_read() -> None:
    scenario = read_scenario(SMALL)

    assert scenario.hop_distances() == {"B": {"S": 2}}
    assert scenario.balances() == {"S": 1000, "B": 1000}


def test_all_errors_are_listed_at_once_each_with_its_line_and_a_sentence() -> None:
    text = """\
name: broken
colour: red
sellers:
  S1: {capacity: -3, price: cheap}
  S2: {capacity: 1.00005}
buyers:
  B1: {demand: 5, total_production: 1, total_consumption: 0}
  S1: {demand: 5, total_production: 1, total_consumption: 2, delivery_share: 1.5}
game:
  round_limit: 0
  turnDeadlineMs: 5
hops:
  B1: {S1: 1, S9: 2}
  B7: {S1: 1}
"""
    assert problems_of(text) == [
        "line 2: colour is not a field of a scenario; see the examples in demo/scenarios.",
        "line 4: sellers.S1.capacity must be between 0 and 1000000000.",
        "line 4: sellers.S1.price is not a number.",
        "line 5: sellers.S2.capacity has more than 4 decimals.",
        "line 5: sellers.S2.price is missing.",
        "line 7: buyers.B1.total_consumption must be greater than zero.",
        "line 8: buyers.S1 is a seller as well; in one game a prosumer is one of both.",
        "line 8: buyers.S1.delivery_share must be between 0 and 1.",
        "line 10: game.round_limit should be greater than or equal to 1.",
        "line 11: game.turnDeadlineMs is not a field of a scenario; see the examples in demo/scenarios.",
        "line 12: hops lacks a row for S1.",
        "line 13: hops.B1 lacks the hops to S2.",
        "line 13: hops.B1.S9 is not a seller of this scenario.",
        "line 14: hops.B7 is not a buyer of this scenario.",
    ]


def test_a_scenario_without_any_distances_is_told_so() -> None:
    text = "name: n\nsellers:\n  S: {capacity: 3, price: 1}\nbuyers:\n  B: {demand: 1}\ngraph: null\nhops: null\n"
    assert any("graph" in problem for problem in problems_of(text))


@pytest.mark.parametrize(
    ("graph", "problem"),
    [
        ("  - [S, S]\n  - [S, B]\n", "line 7: graph.0 joins S with itself."),
        ("  - [S, bus]\n", "line 6: graph has no edge to B."),
        ("  - [S, bus]\n  - [B, other]\n", "line 6: graph is not connected: no path from S to B, other."),
        ("  - [S, bus]\n  - [bus]\n", "line 8: graph.1.1 is missing."),
    ],
)
def test_a_graph_that_cannot_serve_is_refused_with_the_reason(graph: str, problem: str) -> None:
    assert problems_of(SMALL.partition("  - [")[0] + graph) == [problem]


def test_a_scenario_needs_one_topology() -> None:
    neither = SMALL.partition("graph:")[0]

    assert problems_of(neither) == ["line 1: The scenario needs either a graph or a hops table."]
    assert problems_of(SMALL + "hops: {B: {S: 1}}\n") == ["line 1: The scenario needs either a graph or a hops table."]


def test_every_repeated_key_is_found() -> None:
    text = SMALL.replace("buyers:", "  S: {capacity: 10, price: 0.1}\nbuyers:") + "name: again\n"

    assert problems_of(text) == [
        "line 4: S stands here for the second time; the first is in line 3.",
        "line 10: name stands here for the second time; the first is in line 1.",
    ]


def test_the_markets_own_accounts_cannot_be_prosumers() -> None:
    assert problems_of(SMALL.replace("S:", "grid-operator:").replace("[S,", "[grid-operator,")) == [
        "line 3: sellers.grid-operator is the market's own account; choose another name."
    ]


@pytest.mark.parametrize("amount", [".inf", ".nan", "1e999", "-1", "true", "[1]", "null", "1_0.0_0005", "0"])
def test_an_amount_that_is_no_amount_is_refused_at_its_line(amount: str) -> None:
    (problem,) = problems_of(SMALL.replace("capacity: 10", f"capacity: {amount}"))
    assert problem.startswith("line 3: sellers.S.capacity ")


def test_digits_are_kept_exactly_as_they_are_written() -> None:
    scenario = read_scenario(SMALL.replace("price: 0.1", "price: 0.123456789012345678"))
    assert scenario.sellers["S"].price == Decimal("0.123456789012345678")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "- a\n",
        "name: [\n",
        "a: *nowhere\n",
        "? [a]\n: b\n",
        "\x00",
        "name: 2026-13-45\n",
        "name: !!python/object:os.system x\n",
        "[" * 1500,
    ],
)
def test_what_is_no_mapping_in_yaml_is_refused_with_a_line(text: str) -> None:
    assert all(problem.startswith("line ") for problem in problems_of(text))


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "scenario.yaml"
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UnusableFile, match="not UTF-8"):
        load_scenario(file)


# JSON writes characters beyond as two escapes, which are none in YAML; and YAML's keys end at 1024 characters.
TEXTS = st.text(st.characters(max_codepoint=0xFFFF, exclude_categories=["Cs"]), max_size=50)
ANYTHING_JSON = st.recursive(
    st.none() | st.booleans() | TEXTS | st.integers(),
    lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner),
)


@settings(deadline=None)
@given(field=st.sampled_from(["sellers", "buyers", "graph", "game", "starting_balance"]), value=ANYTHING_JSON)
def test_whatever_stands_in_a_field_is_refused_in_words(field: str, value: object) -> None:
    text = f"{SMALL.replace(field + ':', 'former:')}{field}: {json.dumps({'wrong': value})}\n"

    assert any(f" {field}" in problem for problem in problems_of(text))


def test_a_generator_makes_the_scenario_it_describes(tmp_path: Path) -> None:
    file = tmp_path / "generated.yaml"
    file.write_text("name: many\ngenerator: {n: 20, seed: 3}\ngame: {round_limit: 7}\n")

    scenario = load_scenario(file)

    assert scenario.name == "many"
    assert scenario.game.round_limit == 7
    assert scenario.buyers == random_scenario(20, 3).buyers
    assert scenario.game_parameters() == {"expectedParticipants": 20, "roundLimit": 7}


def test_a_generator_beside_a_stated_market_is_refused() -> None:
    assert problems_of(SMALL + "generator: {n: 1}\n") == [
        "line 2: sellers is not a field of a scenario; see the examples in demo/scenarios.",
        "line 4: buyers is not a field of a scenario; see the examples in demo/scenarios.",
        "line 6: graph is not a field of a scenario; see the examples in demo/scenarios.",
        "line 9: generator.n should be greater than or equal to 2.",
        "line 9: generator.seed is missing.",
    ]
