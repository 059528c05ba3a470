"""The settings lead to the ledger that they name."""

import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import ValidationError

from energy_market_chaincode import public_key_text, read_exact_json
from ledger import LedgerKind, LedgerSettings, open_ledger
from ledger.embedded import verify


@pytest.fixture
def public_key() -> str:
    return public_key_text(Ed25519PrivateKey.generate().public_key())


async def test_the_embedded_ledger_is_begun_in_its_home(
    tmp_path: Path, public_key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ENERGY_MARKET_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("ENERGY_MARKET_OPERATOR", "grid-lady")
    monkeypatch.setenv("ENERGY_MARKET_OPERATOR_PUBLIC_KEY", public_key)
    settings = LedgerSettings()
    ledger = await open_ledger(settings)
    assert read_exact_json(await ledger.query("market"))["operators"] == ["grid-lady"]
    await ledger.close()
    assert settings.ledger_file == tmp_path / "home" / "ledger.sqlite"
    assert verify(settings.ledger_file).fault is None


async def test_its_file_is_its_owner_s_alone_though_an_older_version_left_it_open(
    tmp_path: Path, public_key: str
) -> None:
    (tmp_path / "ledger.sqlite").touch(mode=0o644)
    ledger = await open_ledger(LedgerSettings(home=tmp_path, operator_public_key=public_key))
    open_to_others = _open_to_others(tmp_path)
    await ledger.close()
    assert open_to_others == dict.fromkeys(
        ("ledger.sqlite", "ledger.sqlite-wal", "ledger.sqlite-shm", "ledger.sqlite.lock"), 0
    )


def _open_to_others(folder: Path) -> dict[str, int]:
    return {each.name: each.stat().st_mode & 0o077 for each in folder.iterdir()}


def test_the_embedded_ledger_needs_nothing_of_grpc() -> None:
    program = "import ledger.opening, sys; sys.exit('grpc' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_without_settings_the_ledger_is_embedded_in_the_present_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LEDGER", "HOME", "OPERATOR", "OPERATOR_PUBLIC_KEY", "FABRIC_PROFILE"):
        monkeypatch.delenv(f"ENERGY_MARKET_{name}", raising=False)
    settings = LedgerSettings()
    assert settings.ledger is LedgerKind.EMBEDDED
    assert settings.ledger_file == Path(".energy-market/ledger.sqlite")


def test_an_operators_key_must_be_one() -> None:
    with pytest.raises(ValidationError, match="not an Ed25519 public key"):
        LedgerSettings(operator_public_key="not a key")
