"""Key files: private, whole, never overwritten."""

import signal
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from energy_market_chaincode import public_key_text
from prosumer_client import Identity, KeyFileError, create_key, key_file, load_key, load_or_create_key, store_key


def test_a_created_key_is_for_its_owner_alone_and_loads_again(tmp_path: Path) -> None:
    path = key_file(tmp_path / "keys", "P003")
    key = create_key(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert load_key(path).private_bytes_raw() == key.private_bytes_raw()
    assert Identity.load("P003", path.parent).public_key == public_key_text(key.public_key())


def test_a_key_is_never_overwritten_and_a_refusal_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "P003.pem"
    key = create_key(path)
    with pytest.raises(KeyFileError, match="never overwritten") as caught:
        create_key(path)
    assert caught.value.code == "KEY_FILE_EXISTS"
    assert load_key(path).private_bytes_raw() == key.private_bytes_raw()
    assert [file for file in tmp_path.iterdir() if file.suffix != ".lock"] == [path]


def test_of_many_who_create_a_key_at_once_one_wins_and_all_load_the_same(tmp_path: Path) -> None:
    path = tmp_path / "P003.pem"
    with ThreadPoolExecutor(8) as pool:
        keys = list(pool.map(lambda _: load_or_create_key(path).private_bytes_raw(), range(16)))
    assert set(keys) == {load_key(path).private_bytes_raw()}


@pytest.mark.parametrize("moment", ["link", "fsync"])
def test_what_a_killed_writer_leaves_is_no_key_and_goes_with_the_next_one(tmp_path: Path, moment: str) -> None:
    code = (
        "import os, signal, sys, pathlib, prosumer_client\n"
        f"os.{moment} = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        "prosumer_client.create_key(pathlib.Path(sys.argv[1]))\n"
    )
    path = tmp_path / "P003.pem"
    killed = subprocess.run([sys.executable, "-c", code, str(path)], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert list(tmp_path.glob("*P003.pem*"))
    assert all(stat.S_IMODE(left.stat().st_mode) == 0o600 for left in tmp_path.iterdir())
    assert not path.exists()
    key = load_or_create_key(tmp_path / "P004.pem")
    assert load_key(tmp_path / "P004.pem").private_bytes_raw() == key.private_bytes_raw()
    assert not list(tmp_path.glob("*P003.pem*"))


def test_no_name_of_a_prosumer_is_taken_for_what_a_killed_writer_left(tmp_path: Path) -> None:
    for name in ("house.unwritten", "B2"):
        create_key(tmp_path / f"{name}.pem")
    assert {path.name for path in tmp_path.glob("*.pem")} >= {"house.unwritten.pem", "B2.pem"}


@pytest.mark.parametrize("mode", [0o640, 0o620, 0o610, 0o604, 0o602, 0o601, 0o666])
def test_a_key_that_others_can_get_at_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "P003.pem"
    create_key(path)
    path.chmod(mode)
    with pytest.raises(KeyFileError, match="chmod 600") as caught:
        load_key(path)
    assert caught.value.code == "KEY_FILE_EXPOSED"


def test_a_missing_key_is_named(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match=r"P003\.pem") as caught:
        Identity.load("P003", tmp_path)
    assert caught.value.code == "KEY_FILE_MISSING"


@pytest.mark.parametrize("kind", ["nonsense", "another kind of key", "encrypted"])
def test_what_is_no_ed25519_key_is_refused(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "P003.pem"
    elliptic = generate_private_key(SECP256R1())
    contents = {
        "nonsense": b"not a key",
        "another kind of key": elliptic.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        "encrypted": b"-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
    }
    path.write_bytes(contents[kind])
    path.chmod(0o600)
    with pytest.raises(KeyFileError) as caught:
        load_key(path)
    assert caught.value.code == "KEY_FILE_MALFORMED"


@pytest.mark.parametrize("name", ["", ".", "../P003", "a/b"])
def test_an_id_cannot_lead_out_of_the_folder_of_keys(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="cannot be a prosumer's id"):
        key_file(tmp_path, name)


def test_a_given_key_can_be_stored(tmp_path: Path) -> None:
    key = create_key(tmp_path / "one.pem")
    store_key(key, tmp_path / "other.pem")
    assert load_key(tmp_path / "other.pem").private_bytes_raw() == key.private_bytes_raw()
