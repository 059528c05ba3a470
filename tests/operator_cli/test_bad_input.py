"""What a user can get wrong at the command line gets a sentence, never a traceback, and nothing is done by halves."""

import io
import os
from pathlib import Path
from typing import Any

import pytest

from fabric_network import Topology
from operator_cli.settings import OperatorSettings, hosted_ledger


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("demo --scenario nowhere", "SCENARIO_MISSING"),
        ("demo --scenario /dev/zero", "no regular file"),
        ("demo --scenario /bin/sh", "not UTF-8"),
        ("demo --scenario {pipe}", "no regular file"),
        ("demo --json {pipe}", "no regular file"),
        ("demo --json /dev/full", "no regular file"),
        ("restore /dev/zero --yes", "BACKUP_UNUSABLE"),
        ("restore / --yes", "Is a directory"),
        ("sign publishDemand --data @/dev/zero", "no regular file"),
        ("sign publishDemand --data @{pipe}", "no regular file"),
        ("meters import /dev/zero --dry-run", "no regular file"),
        ("meters import {pipe} --dry-run", "no regular file"),
        ("meters import /bin/sh --dry-run", "not UTF-8"),
        ("sign publishDemand --data nonsense", "no JSON"),
        ("sign publishDemand --data [1]", "must be a JSON object"),
        ("sign publishDemand --as S1 --ledger L", "KEY_FILE_MISSING"),
        ("reset --wipe --yes --nonsense", "No such option"),
        ("demo --scenario /", "one of ours: day, imbalance, original, random"),
        ("games publish --scenario nowhere", "SCENARIO_MISSING"),
        ("demo --json /dev/null/result.json", "cannot write to /dev/null"),
        ("demo --home /dev/null/home", "/dev/null/home"),
        ("up --home /dev/null/home", "/dev/null/home"),
        ("ledger verify /dev/null/ledger.sqlite", "/dev/null/ledger.sqlite"),
        ("restore /dev/null/market.tar --yes", "/dev/null/market.tar"),
        ("prosumers add S1 --balance much", "write it as 12.50"),
        ("prosumers add S1 --balance nan", "write it as 12.50"),
        ("prosumers add S1 --balance=-1", "no amount of money"),
        ("prosumers add S1 --balance 1.0000001", "more than 6 decimals"),
        ("prosumers add S1 --balance 1e30", "an account can hold"),
        ("tariffs set", "either a file"),
        ("tariffs set /dev/null --retail 0.3", "either a file"),
        ("tariffs set /etc/hostname", "titles from,retail,feedIn"),
        ("prosumers add ../S1", "UNUSABLE_ID"),
        ("prosumers replace-key ../S1", "UNUSABLE_ID"),
        ("demo --prosumers 10001", "10000"),
        ("demo --prosumers 30 --scenario original", "not both"),
        ("demo --seed 4", "--prosumers"),
        ("prosumers top-up S1 5", "KEY_FILE_MISSING"),
        ("reset --yes", "KEY_FILE_MISSING"),
        ("network status", "NETWORK_MISSING"),
        ("network restart orderer1", "NETWORK_MISSING"),
    ],
)
def test_it_is_said_in_a_sentence(energy_market: Any, tmp_path: Path, words: str, said: str) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    ended = energy_market(*words.format(pipe=pipe).split())
    assert ended.code in (1, 2)
    assert said in ended.said
    assert "Traceback" not in ended.said


def test_a_fabric_ledger_is_not_looked_for_in_a_file(energy_market: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENERGY_MARKET_LEDGER", "fabric")
    ended = energy_market("ledger", "verify")
    assert ended.code == 1
    assert "there is no Fabric network" in ended.err


@pytest.mark.parametrize(
    ("words", "name", "value", "said"),
    [
        ("games", "QUEUE_URL", "nonsense", "UNUSABLE_ADDRESS"),
        ("games", "LEDGER", "paper", "UNUSABLE_SETTING: ENERGY_MARKET_LEDGER"),
        ("prosumers top-up S1 5", "OPERATOR", "../x", "UNUSABLE_ID"),
    ],
)
def test_a_setting_that_cannot_be_is_named(
    energy_market: Any, monkeypatch: pytest.MonkeyPatch, words: str, name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(f"ENERGY_MARKET_{name}", value)
    ended = energy_market(*words.split())
    assert ended.code == 1
    assert said in ended.said
    assert "Traceback" not in ended.said


@pytest.mark.parametrize(
    ("words", "instead"),
    [
        ("up", "docker compose up -d --wait"),
        ("down", "docker compose stop"),
        ("restart orderer1", "docker compose restart orderer1"),
        ("upgrade 1.1", "ENERGY_MARKET_CONTRACT_VERSION=1.1 docker compose up -d --wait"),
    ],
)
def test_what_only_compose_can_do_is_refused_with_the_command_to_type(
    energy_market: Any, home: Path, monkeypatch: pytest.MonkeyPatch, words: str, instead: str
) -> None:
    monkeypatch.setenv("ENERGY_MARKET_SITE", "containers")
    ended = energy_market("network", *words.split())
    assert ended.code == 1
    assert "RUNS_IN_CONTAINERS" in ended.said
    assert instead in ended.said
    assert not home.exists()


def test_up_on_fabric_takes_the_network_that_is_named_and_makes_none(
    energy_market: Any, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ENERGY_MARKET_FABRIC_PROFILE", "nowhere/profile.json")
    ended = energy_market("up", "--ledger", "fabric")
    assert ended.code == 1
    assert "nowhere/profile.json" in ended.said
    assert not home.exists()


def test_the_queue_is_told_of_the_network_that_is_named(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    profile = tmp_path / "profile.json"
    profile.write_text("{}")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ENERGY_MARKET_FABRIC_PROFILE", profile.name)
    monkeypatch.setenv("ENERGY_MARKET_LEDGER", "fabric")
    with hosted_ledger(OperatorSettings.read()) as said:
        assert said == {"ENERGY_MARKET_FABRIC_PROFILE": str(profile)}
    assert not home.exists()


def test_a_wipe_deletes_nothing_of_a_network_that_somebody_else_runs(
    energy_market: Any, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ENERGY_MARKET_FABRIC_PROFILE", "theirs/profile.json")
    monkeypatch.setenv("ENERGY_MARKET_LEDGER", "fabric")
    ended = energy_market("reset", "--wipe", "--yes")
    assert ended.code == 1
    assert "NOT_OUR_NETWORK" in ended.said


def test_before_a_wipe_it_is_said_what_is_deleted_on_fabric(
    energy_market: Any, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ENERGY_MARKET_LEDGER", "fabric")
    home.joinpath("network").mkdir(parents=True)
    home.joinpath("network", "topology.json").write_text(Topology(base_port=7050).model_dump_json())
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    ended = energy_market("reset", "--wipe")
    assert ended.code == 1
    for words in (str(home / "network"), "blocks and states", "utility-peer1", "certificates and keys"):
        assert words in ended.said
