"""A market's stores and keys in one file, and back."""

import io
import json
import os
import sqlite3
import stat
import tarfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from ledger.embedded import lock_ledger
from operator_cli.backup_commands import STORES


def rows(store: Path) -> list[Any]:
    with closing(sqlite3.connect(store)) as connection:
        return connection.execute("SELECT content FROM note").fetchall()


@pytest.fixture
def running(home: Path) -> Iterator[list[sqlite3.Connection]]:
    """The stores of a market that runs: what is written last stands in their write-ahead logs alone."""
    home.mkdir()
    connections = []
    for name in STORES:
        connection = sqlite3.connect(home / name, isolation_level=None)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE note (content TEXT)")
        connection.execute("INSERT INTO note VALUES (?)", [name])
        connections.append(connection)
    (home / "keys").mkdir()
    (home / "keys" / "operator.pem").write_text("a key")
    yield connections
    for connection in connections:
        connection.close()


def stop(connections: list[sqlite3.Connection]) -> None:
    for connection in connections:
        connection.close()


def test_what_was_backed_up_while_the_market_ran_is_restored(
    energy_market: Any, running: list[sqlite3.Connection], home: Path, tmp_path: Path
) -> None:
    file = tmp_path / "market.tar"
    assert energy_market("backup", str(file)).code == 0
    assert file.stat().st_mode & 0o777 == 0o600
    for connection in running:
        connection.execute("INSERT INTO note VALUES ('later')")
    (home / "keys" / "operator.pem").write_text("another key")
    stop(running)
    assert energy_market("restore", str(file), "--yes").code == 0
    assert {name: rows(home / name) for name in STORES} == {name: [(name,)] for name in STORES}
    key = home / "keys" / "operator.pem"
    assert (key.read_text(), key.stat().st_mode & 0o777) == ("a key", 0o600)


def test_what_was_there_before_is_put_aside(
    energy_market: Any, running: list[sqlite3.Connection], home: Path, tmp_path: Path
) -> None:
    file = tmp_path / "market.tar"
    energy_market("backup", str(file))
    running[1].execute("INSERT INTO note VALUES ('later')")
    (home / "keys" / "operator.pem").write_text("another key")
    stop(running)
    energy_market("restore", str(file), "--yes")
    (old,) = home.glob("ledger.sqlite.*.old")
    assert rows(old) == [("ledger.sqlite",), ("later",)]
    (old_key,) = (home / "keys").glob("operator.pem.*.old")
    assert old_key.read_text() == "another key"


@pytest.mark.parametrize("command", ["backup", "restore"])
def test_a_home_that_others_could_enter_is_closed(
    energy_market: Any, running: list[sqlite3.Connection], home: Path, tmp_path: Path, command: str
) -> None:
    file = tmp_path / "market.tar"
    energy_market("backup", str(file))
    stop(running)
    home.chmod(0o755)
    assert energy_market(command, str(file), *(["--yes"] if command == "restore" else [])).code == 0
    assert home.stat().st_mode & 0o777 == 0o700


def test_a_market_that_runs_is_not_replaced(
    energy_market: Any, running: list[sqlite3.Connection], home: Path, tmp_path: Path
) -> None:
    file = tmp_path / "market.tar"
    energy_market("backup", str(file))
    running[0].execute("INSERT INTO note VALUES ('later')")
    with lock_ledger(home / "ledger.sqlite"):
        ended = energy_market("restore", str(file), "--yes")
    assert ended.code == 1
    assert "in use" in ended.said
    assert rows(home / "queue.sqlite") == [("queue.sqlite",), ("later",)]


def test_a_clock_that_runs_keeps_everything_as_it_is(
    energy_market: Any, running: list[sqlite3.Connection], home: Path, tmp_path: Path
) -> None:
    file = tmp_path / "market.tar"
    energy_market("backup", str(file))
    stop(running[:2])
    ended = energy_market("restore", str(file), "--yes")
    assert ended.code == 1
    assert not list(home.glob("*.old"))


def archive_of(name: str) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        member = tarfile.TarInfo(name)
        member.size = 4
        archive.addfile(member, io.BytesIO(b"evil"))
    return stream.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no archive at all",
        archive_of("../evil"),
        archive_of("keys/../../evil.pem"),
        archive_of("keys/evil.sh"),
        archive_of("queue.sqlite")[:300],
    ],
    ids=["empty", "no archive", "outside", "outside by detour", "no key", "cut off"],
)
def test_what_is_no_backup_changes_nothing(energy_market: Any, home: Path, tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "market.tar"
    file.write_bytes(content)
    ended = energy_market("restore", str(file), "--yes")
    assert ended.code == 1
    assert "BACKUP_UNUSABLE" in ended.said
    assert [path.name for path in home.iterdir()] == [".restore-lock"]
    assert not list(tmp_path.glob("**/evil*"))


def test_without_a_market_there_is_nothing_to_back_up(energy_market: Any, home: Path, tmp_path: Path) -> None:
    ended = energy_market("backup", str(tmp_path / "market.tar"))
    assert "NOTHING_TO_BACK_UP" in ended.said
    assert str(home) in ended.said
    assert not (tmp_path / "market.tar").exists()


@pytest.mark.usefixtures("running")
def test_a_backup_takes_no_place_but_a_file_s(energy_market: Any, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    ended = energy_market("backup", str(tmp_path / "pipe"))
    assert ended.code == 2
    assert "no regular file" in ended.said
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


@pytest.mark.usefixtures("running")
def test_the_key_of_an_unfinished_replacement_is_in_the_backup_and_named(
    energy_market: Any, home: Path, tmp_path: Path
) -> None:
    for name in (".S001.pem.next", "S001.pem.old"):
        (home / "keys" / name).write_text(name)
    ended = energy_market("backup", str(tmp_path / "market.tar"))
    assert ".S001.pem.next is of a replacement that did not come to its end" in ended.said
    (home / "keys" / ".S001.pem.next").unlink()
    with tarfile.open(tmp_path / "market.tar") as archive:
        assert {"keys/.S001.pem.next", "keys/S001.pem.old"} <= set(archive.getnames())


def test_a_key_that_a_restore_sets_aside_is_named_and_in_later_backups(
    energy_market: Any, running: list[sqlite3.Connection], home: Path, tmp_path: Path
) -> None:
    key = home / "keys" / "operator.pem"
    energy_market("backup", str(tmp_path / "first.tar"))
    stop(running)
    key.write_text("another key")
    restored = energy_market("restore", str(tmp_path / "first.tar"), "--yes", "--json")
    (aside,) = key.parent.glob("operator.pem.*.old")
    assert f"operator.pem is kept as {aside}" in restored.err
    assert str(aside) in json.loads(restored.out)["kept"]

    assert energy_market("backup", str(tmp_path / "second.tar")).code == 0
    aside.unlink()
    assert energy_market("restore", str(tmp_path / "second.tar"), "--yes").code == 0
    assert (aside.read_text(), key.read_text()) == ("another key", "a key")


def test_a_restore_that_was_killed_leaves_no_folder_with_keys(
    energy_market: Any,
    running: list[sqlite3.Connection],
    home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    energy_market("backup", str(tmp_path / "market.tar"))
    stop(running)

    def killed(_: Path) -> None:
        folders = [path for path in home.iterdir() if path.is_dir() and path.name != "keys"]
        assert folders
        assert [file.name for folder in folders for file in folder.rglob("*") if file.suffix == ".pem"] == []
        raise KeyboardInterrupt

    monkeypatch.setattr("operator_cli.backup_commands.archive_and_wipe", killed)
    assert energy_market("restore", str(tmp_path / "market.tar"), "--yes").code == 130


def test_what_a_killed_backup_left_is_removed_by_the_next_one(
    energy_market: Any, running: list[sqlite3.Connection], home: Path, tmp_path: Path
) -> None:
    (home / ".backup-left").mkdir()
    assert energy_market("backup", str(tmp_path / "market.tar")).code == 0
    assert not (home / ".backup-left").exists()
