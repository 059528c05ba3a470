"""``energy-market backup`` and ``restore``: a market's stores and keys in one file, taken while the market runs."""

import os
import shutil
import sqlite3
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Annotated, ClassVar

import typer

from ledger import LedgerKind
from ledger.embedded import archive_and_wipe, lock_ledger
from market_files import SECRET, reach_disk, write_file
from operator_cli.output import complaints
from operator_cli.settings import OperatorSettings

STORES = ("queue.sqlite", "ledger.sqlite", "clock.sqlite")
"""In the order in which they are copied: a queue that is older than its ledger sends a little again, which counts once;
a newer one would say "committed" of what its ledger lacks."""

_KEYS = "keys"


class NothingToBackUp(Exception):
    """There is no market in the home."""

    code: ClassVar[str] = "NOTHING_TO_BACK_UP"


class BackupFailed(Exception):
    """A store could not be copied."""

    code: ClassVar[str] = "BACKUP_FAILED"


class BackupUnusable(Exception):
    """A file is no backup of a market, or not all of one."""

    code: ClassVar[str] = "BACKUP_UNUSABLE"


def backup(
    file: Annotated[str, typer.Argument(help="The tar file to write; - for standard output.")],
) -> None:
    """Copy queue, embedded ledger, clock and keys into one file, while the market runs. It holds private keys.

    A Fabric ledger is on its peers, which are backed up one by one (docs/how-to/back-up.md).
    """
    settings = OperatorSettings()
    keys = sorted(settings.keys.glob("*.pem"))
    stores = [settings.home / name for name in STORES if (settings.home / name).is_file()]
    if not stores and not keys:
        raise NothingToBackUp(f"there is no market in {settings.home}; ENERGY_MARKET_HOME says where to look")
    with (
        tempfile.TemporaryDirectory(prefix=".backup-", dir=settings.home) as scratch,
        _writable(file) as stream,
        tarfile.open(fileobj=stream, mode="w|") as archive,
    ):
        for store in stores:
            archive.add(_copied(store, Path(scratch)), store.name)
        for key in keys:
            archive.add(key, f"{_KEYS}/{key.name}")
    complaints.print(f"{', '.join(store.name for store in stores)} and {len(keys)} keys are in the backup")
    if settings.ledger is LedgerKind.FABRIC:
        complaints.print("the ledger is on Fabric's peers; docs/how-to/back-up.md says how to back them up")


def restore(
    file: Annotated[str, typer.Argument(help="A file that backup wrote; - for standard input.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Put a backup's stores and keys in the place of the present ones, which are kept. The market must be stopped."""
    home = OperatorSettings().home
    if not yes:
        typer.confirm(f"This will replace the market in {home} by the backup's. Go on?", abort=True)
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".restore-", dir=home) as scratch:
        _unpack(file, Path(scratch))
        stores = [name for name in STORES if (Path(scratch) / name).is_file()]
        _require_idle(home, stores)
        for name in reversed(stores):  # the clock's has no lock: SQLite itself refuses it here, before the others
            if (home / name).exists():
                complaints.print(f"the present one is kept as {archive_and_wipe(home / name)}")
            (Path(scratch) / name).replace(home / name)
        nr_keys = _put_keys(Path(scratch) / _KEYS, home / _KEYS)
    complaints.print(f"{', '.join(stores)} and {nr_keys} keys are restored")


def _copied(store: Path, scratch: Path) -> Path:
    """Copy a store as it is at one moment, whoever writes to it meanwhile."""
    copy = scratch / store.name
    uri = f"{store.absolute().as_uri()}?mode=ro"
    try:
        with closing(sqlite3.connect(uri, uri=True, timeout=30)) as source, closing(sqlite3.connect(copy)) as target:
            source.backup(target)
    except sqlite3.Error as error:
        raise BackupFailed(f"{store} cannot be copied ({error}); free some space, or look after its disk") from None
    return copy


@contextmanager
def _writable(file: str) -> Iterator[IO[bytes]]:
    """Give the stream to write to; a file appears whole or not at all, and only its owner may read it."""
    if file == "-":
        if sys.stdout.isatty():
            raise typer.BadParameter("a backup is no text for a terminal; name a file, or send it on with > or |")
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    partial = Path(f"{file}.partial")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with open(descriptor, "wb") as stream:
            yield stream
            stream.flush()
            reach_disk(descriptor)
        partial.replace(file)
    finally:
        partial.unlink(missing_ok=True)


def _unpack(file: str, folder: Path) -> None:
    """Unpack a backup that holds what backups hold, and nothing else."""
    try:
        with ExitStack() as opened:
            stream = sys.stdin.buffer if file == "-" else opened.enter_context(open(file, "rb"))
            archive = opened.enter_context(tarfile.open(fileobj=stream, mode="r|"))
            for member in archive:
                if not member.isfile() or not _belongs(member.name):
                    raise BackupUnusable(f"{file} holds {member.name}, which no backup of a market holds")
                _write_out(archive, member, folder / member.name)
    except tarfile.TarError as error:
        raise BackupUnusable(f"{file} is no whole backup ({error}); take another one") from None
    if not any(folder.iterdir()):
        raise BackupUnusable(f"{file} is empty; take another one")


def _write_out(archive: tarfile.TarFile, member: tarfile.TarInfo, place: Path) -> None:
    """Write one member's content; its mode and owner in the archive do not count."""
    place.parent.mkdir(mode=0o700, exist_ok=True)
    content = archive.extractfile(member)
    assert content is not None  # noqa: S101 - a regular file; for the type checker
    descriptor = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with content, open(descriptor, "wb") as stream:
        shutil.copyfileobj(content, stream)


def _belongs(name: str) -> bool:
    path = Path(name)
    return name in STORES or (path.parent == Path(_KEYS) and path.suffix == ".pem")


def _require_idle(home: Path, stores: list[str]) -> None:
    """Refuse to touch anything while a store is in use; raises LedgerInUse."""
    for name in stores:
        with lock_ledger(home / name):
            pass


def _put_keys(source: Path, keys: Path) -> int:
    """Put keys into place; another one of the same name is kept beside it."""
    restored = sorted(source.iterdir()) if source.is_dir() else []
    keys.mkdir(mode=0o700, parents=True, exist_ok=True)
    now = f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}"
    for key in restored:
        place = keys / key.name
        if place.exists() and place.read_bytes() != key.read_bytes():
            place.rename(place.with_name(f"{place.name}.{now}.old"))
        write_file(place, key.read_bytes(), SECRET)  # in containers the keys are another volume: no rename leads there
    return len(restored)
