"""Connection profiles: what is read, and what is said about those that cannot be used."""

import json
from pathlib import Path
from typing import Any

import pytest

from ledger import LedgerError
from ledger.fabric.gateway import FabricProfile, UnusableProfile
from ledger.fabric.ledger import find_profile


@pytest.fixture
def written(tmp_path: Path) -> dict[str, Any]:
    """A usable profile, and the files it names."""
    for name in ("certificate.pem", "key.pem", "ca.pem"):
        (tmp_path / name).write_text("PEM")
    return {
        "channel": "market",
        "chaincode": "energy-market",
        "msp_id": "CooperativeMSP",
        "client_certificate": "certificate.pem",
        "client_key": "key.pem",
        "gateways": [{"address": "127.0.0.1:7051", "organisation": "CooperativeMSP", "tls_ca": "ca.pem"}],
        "endorsing_organisations": ["CooperativeMSP"],
    }


def read(folder: Path, profile: dict[str, Any]) -> FabricProfile:
    file = folder / "profile.json"
    file.write_text(json.dumps(profile))
    return FabricProfile.read(file)


def test_paths_are_relative_to_the_profile(written: dict[str, Any], tmp_path: Path) -> None:
    profile = read(tmp_path, written)
    assert profile.client_key == tmp_path / "key.pem"
    assert profile.gateways[0].tls_ca == tmp_path / "ca.pem"


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"gateways": []}, "gateways"),
        ({"endorsing_organisations": []}, "endorsing_organisations"),
        ({"channel": None}, "channel"),
        ({"client_key": "elsewhere.pem"}, "elsewhere.pem, which is not there"),
        ({"colour": "green"}, "colour"),
        ({"gateways": [{"address": "nowhere", "organisation": "X", "tls_ca": "ca.pem"}]}, "gateways.0.address"),
    ],
)
def test_an_unusable_profile_is_named_with_what_is_wrong(
    written: dict[str, Any], tmp_path: Path, change: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(UnusableProfile, match=complaint):
        read(tmp_path, written | change)


def test_a_profile_that_is_not_there_is_an_error_with_advice(tmp_path: Path) -> None:
    with pytest.raises(UnusableProfile, match="is the network up"):
        FabricProfile.read(tmp_path / "profile.json")
    with pytest.raises(LedgerError, match="network up"):
        find_profile(tmp_path)


def test_the_first_organisations_profile_is_found_below_a_home(tmp_path: Path) -> None:
    for organisation in ("utility", "cooperative"):
        folder = tmp_path / "network" / "clients" / organisation
        folder.mkdir(parents=True)
        (folder / "profile.json").touch()
    assert find_profile(tmp_path) == tmp_path / "network" / "clients" / "cooperative" / "profile.json"
