"""Every example is played on a market (the client without our library by its tutorial)."""

import json
from collections.abc import Iterator

import pytest

from tests.docs.pages import ROOT, Block
from tests.docs.reader import Reader

STREET = """
name: street
game: {game: evening}
sellers: {S001: {capacity: 40, price: 0.07, total_production: 100}}
buyers: {P100: {demand: 12, total_production: 80, total_consumption: 100}}
graph: [[S001, P100]]
"""
PLAY = """
energy-market prosumers add S001 --production 100 --balance 100
energy-market prosumers add P100 --production 80 --consumption 100 --balance 100
python -m prosumer_client --id S001 --role seller --capacity 40 --price 0.07 > S001.log 2>&1 &
python "$PROJECT/examples/strategy.py" P100 12 > P100.log 2>&1 &
energy-market games publish --scenario street.yaml
until energy-market games | grep closed; do sleep 0.2; done
energy-market games show evening
kill $(jobs -p)
"""
TOP_UP = """
energy-market prosumers add P200 > added.txt
bash "$PROJECT/examples/curl.sh" P200 12.5
"""


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    """A reader in whose first terminal a market is open."""
    reader = Reader(tmp_path_factory.mktemp("reader"))
    with reader.first_terminal("energy-market up\n"):
        yield reader


def typed(text: str, title: str | None = None) -> Block:
    return Block(ROOT / "examples", 0, "sh", title, text)


@pytest.mark.acceptance
def test_the_strategy_buys_in_its_own_street(reader: Reader) -> None:
    said = reader.types([typed(STREET, "street.yaml"), typed(PLAY)])
    assert "equilibrium" in said
    assert "P100" in said


@pytest.mark.acceptance
def test_curl_posts_what_the_command_line_signed(reader: Reader) -> None:
    status, account = map(json.loads, reader.types([typed(TOP_UP)]).splitlines())
    assert status["status"] == "committed"
    assert account["accountBalance"] == 12.5


def test_every_example_is_one_of_these() -> None:
    assert {file.name for file in (ROOT / "examples").iterdir() if file.is_file()} == {
        "curl.sh",
        "plain_client.py",
        "strategy.py",
    }
