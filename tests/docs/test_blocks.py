"""Every block of Python and JSON in the documentation is run or read, and every address that is typed exists."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tests.docs.pages import ROOT, Block, all_blocks, blocks, name_of
from tests.docs.reader import Reader
from tests.docs.shell import Words, commands, heredocs

EQUILIBRIUM = ROOT / "docs" / "explanation" / "equilibrium.md"
STRATEGIES = ROOT / "docs" / "how-to" / "write-a-strategy.md"
RUN_HERE = {
    "README.md": "the strategy of write-a-strategy.md, says tests/house/test_readme.py",
    "docs/explanation/equilibrium.md": "prints what stands below it",
    "docs/how-to/write-a-strategy.md": "plays on a market",
}
CURLS = sorted({words for block in all_blocks("sh") for words in commands(block.text) if words[0] == "curl"})
STREET = """
name: street
game: {game: evening}
sellers: {S001: {capacity: 40, price: 0.07, total_production: 100}}
buyers: {P003: {demand: 28, total_production: 80, total_consumption: 100}}
graph: [[S001, P003]]
"""
PLAY = """
energy-market prosumers add S001 --production 100 --balance 100
energy-market prosumers add P003 --production 80 --consumption 100 --balance 100
python -m prosumer_client --id S001 --role seller --capacity 40 --price 0.07 > S001.log 2>&1 &
python strategy.py > P003.log 2>&1 &
energy-market games publish --scenario street.yaml
energy-market games wait evening
kill $(jobs -p)
"""


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    """A reader in whose first terminal a market is open."""
    reader = Reader(tmp_path_factory.mktemp("reader"), knows_the_way=True)
    with reader.first_terminal("energy-market up\n"):
        yield reader


def test_every_block_of_python_is_run_somewhere() -> None:
    for block in all_blocks("python"):
        page = name_of(block.page)
        is_a_tutorials_file = page.startswith("docs/tutorial/") and block.title is not None
        assert is_a_tutorials_file or page in RUN_HERE, f"{block} is run by no test"


@pytest.mark.parametrize("block", all_blocks("json"), ids=str)
def test_every_block_of_json_is_json(block: Block) -> None:
    json.loads(block.text)


def test_the_potential_falls_to_the_equilibrium_as_the_page_prints_it() -> None:
    program, printed = blocks(EQUILIBRIUM)
    run = subprocess.run([sys.executable, "-c", program.text], capture_output=True, text=True, check=True, cwd=ROOT)
    assert run.stdout == printed.text


@pytest.mark.acceptance
def test_the_strategy_plays_on_a_market(reader: Reader) -> None:
    strategy, program, *_of_households = (block.text for block in blocks(STRATEGIES))
    said = reader.types(
        [
            Block(STRATEGIES, 0, "python", "strategy.py", strategy + program),
            Block(STRATEGIES, 0, "yaml", "street.yaml", STREET),
            Block(STRATEGIES, 0, "sh", None, PLAY),
        ]
    )
    assert "equilibrium" in said
    assert "P003" in said


@pytest.mark.parametrize("block", [block for block in all_blocks("sh") if heredocs(block.text)], ids=str)
def test_what_is_fed_to_python_runs_in_an_empty_folder(block: Block, tmp_path: Path) -> None:
    for command, text in heredocs(block.text):
        assert command == "python -"
        run = subprocess.run([sys.executable, "-c", text], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert run.returncode == 0, run.stderr
        assert run.stdout


@pytest.mark.acceptance
@pytest.mark.parametrize("words", CURLS, ids=" ".join)
def test_every_address_that_curl_is_given_exists(reader: Reader, words: Words) -> None:
    (address,) = [word for word in words if word.startswith("http")]
    place = urlsplit(address)
    method = words[words.index("-X") + 1] if "-X" in words else "GET"
    schema = httpx.get(f"http://127.0.0.1:{reader.ports[str(place.port)]}/openapi.json").raise_for_status().json()
    paths = {
        path
        for path, methods in schema["paths"].items()
        if method.lower() in methods and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", path), place.path)
    }
    assert paths, f"no service has {method} {place.path}"
