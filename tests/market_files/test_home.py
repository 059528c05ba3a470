"""A market's home and stores are their owner's alone, old or new; what others use, too, is left to them."""

import os
import stat
from pathlib import Path

import pytest

from market_files import private_home, private_store


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home that an older version left open."""
    folder = tmp_path / "home"
    folder.mkdir()
    folder.chmod(0o755)
    return folder


def test_a_new_home_is_its_owner_s_alone(tmp_path: Path) -> None:
    assert mode(private_home(tmp_path / "far" / "home")) == 0o700


def test_an_open_home_is_closed(home: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert mode(private_home(home)) == 0o700
    assert not caplog.records


@pytest.mark.parametrize("below", ["", "user"])
def test_a_user_s_own_directory_and_those_above_it_stay_as_they_are(
    home: Path, below: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("HOME", str(home / below))
    assert mode(private_home(home)) == 0o755
    assert "stays open to others" in caplog.text


def test_a_folder_for_everybody_stays_so(home: Path, caplog: pytest.LogCaptureFixture) -> None:
    home.chmod(0o1777)
    assert mode(private_home(home)) == 0o1777
    assert "everybody" in caplog.text


def test_somebody_else_s_folder_stays_as_it_is(
    home: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: home.stat().st_uid + 1)
    assert mode(private_home(home)) == 0o755
    assert "another user" in caplog.text


def test_what_cannot_be_closed_stops_nothing(
    home: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    store = home / "queue.sqlite"
    store.touch(mode=0o644)

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "chmod", refuse)
    private_home(home)
    private_store(store)
    assert [record.getMessage().split(" ", 1)[0] for record in caplog.records] == [str(home), str(store)]


def test_an_open_store_is_closed_with_what_sqlite_keeps_beside_it(home: Path) -> None:
    files = [home / f"queue.sqlite{ending}" for ending in ("", "-wal", "-shm")]
    for file in files:
        file.touch()
        file.chmod(0o644)
    private_store(files[0])
    assert [mode(file) for file in files] == [0o600] * 3
