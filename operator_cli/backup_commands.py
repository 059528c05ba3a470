"""``energy-market backup`` and ``restore``: a market's stores and keys in one file, taken while the market runs."""

import os
import shutil
import sqlite3
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Annotated, ClassVar

import typer

from ledger import LedgerKind
from ledger.embedded import archive_and_wipe, lock_ledger
from market_files import SECRET, FileLock, private_home, reach_disk, write_file
from operator_cli.key_changes import is_draft, is_key_name, key_files, lock_keys
from operator_cli.settings import OperatorSettings
from operator_cli.voice import AsJson, voice

STORES = ("queue.sqlite", "ledger.sqlite", "clock.sqlite")
"""In the order in which they are copied: a queue that is older than its ledger sends a little again, which counts once;
a newer one would say "committed" of what its ledger lacks."""

_KEYS = "keys"
_LARGEST_KEY_BYTES = 1 << 16


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
    json: AsJson = False,
) -> None:
    """Copy the market's stores and keys into one file, while it runs.

    It holds private keys, those too that a replacement left behind, done or not. A Fabric ledger is on its peers,
    which are backed up one by one (docs/how-to/back-up.md).
    """
    if json and file == "-":
        raise typer.BadParameter("standard output cannot hold both; name a file", param_hint="--json")
    settings = OperatorSettings.read()
    stores = [settings.home / name for name in STORES if (settings.home / name).is_file()]
    if not stores and not key_files(settings.keys):
        raise NothingToBackUp(f"there is no market in {settings.home}; ENERGY_MARKET_HOME says where to look")
    with (
        lock_keys(settings.keys),  # a key that is replaced meanwhile would be in neither of its places
        _scratch(settings.home, ".backup-") as scratch,
        _writable(file) as stream,
        tarfile.open(fileobj=stream, mode="w|") as archive,
    ):
        for store in stores:
            archive.add(_copied(store, scratch), store.name)
        keys = key_files(settings.keys)
        for key in keys:
            archive.add(key, f"{_KEYS}/{key.name}")
    named = [store.name for store in stores]
    _say("are in the backup", named, keys)
    if settings.ledger is LedgerKind.FABRIC:
        voice.note("the ledger is on Fabric's peers; docs/how-to/back-up.md says how to back them up")
    if json:
        voice.document({"file": file, "stores": named, "keys": [key.name for key in keys]})


def restore(
    file: Annotated[str, typer.Argument(help="A file that backup wrote; - for standard input.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    json: AsJson = False,
) -> None:
    """Put a backup in the place of the present market, which is kept.

    The market must be stopped.
    """
    home = OperatorSettings.read().home
    voice.confirm(f"This will replace the market in {home} by the backup's.", yes)
    private_home(home)
    with _scratch(home, ".restore-") as scratch:
        keys = _unpack(file, scratch)
        stores = [name for name in STORES if (scratch / name).is_file()]
        for name in stores:
            with lock_ledger(home / name):  # while one is in use none is touched
                pass
        kept = []
        for name in reversed(stores):  # the clock's has no lock: SQLite itself refuses it here, before the others
            if (home / name).exists():
                kept.append(str(archive_and_wipe(home / name)))
                voice.note(f"the present one is kept as {kept[-1]}")
            (scratch / name).replace(home / name)
        with lock_keys(home / _KEYS):
            for name, content in sorted(keys.items()):
                if (aside := _put_key(home / _KEYS / name, content)) is not None:
                    kept.append(str(aside))
                    voice.note(f"the present key {name} is kept as {aside}; the ledger may still go by it")
    _say("are restored", stores, [home / _KEYS / name for name in sorted(keys)])
    if json:
        voice.document({"stores": stores, "keys": sorted(keys), "kept": kept})


def _say(what: str, stores: Sequence[str], keys: Sequence[Path]) -> None:
    """Tell what was copied, and which keys wait for a replacement to be completed."""
    voice.note(f"{', '.join(stores)} and {len(keys)} keys {what}")
    for draft in filter(is_draft, keys):
        voice.note(
            f"{draft} is of a replacement that did not come to its end; "
            "`energy-market prosumers replace-key` completes it"
        )


@contextmanager
def _scratch(home: Path, prefix: str) -> Iterator[Path]:
    """Make a folder for copies of stores, and remove those of runs that were killed. No key is ever in one."""
    with FileLock.acquire(home / f"{prefix}lock"):
        for left in home.glob(f"{prefix}*"):
            if left.is_dir():
                shutil.rmtree(left)
        with tempfile.TemporaryDirectory(prefix=prefix, dir=home) as folder:
            yield Path(folder)


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
    if Path(file).exists() and not Path(file).is_file():
        raise typer.BadParameter(f"{file} is no regular file; - writes to standard output")
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


def _unpack(file: str, folder: Path) -> dict[str, bytes]:
    """Unpack a backup's stores, and return its keys; what holds anything else is none.

    Keys are not written before they are put in their place, so that a kill leaves none where nobody looks after them.
    """
    keys = {}
    stores = 0
    try:
        with ExitStack() as opened:
            stream = sys.stdin.buffer if file == "-" else opened.enter_context(open(file, "rb"))
            archive = opened.enter_context(tarfile.open(fileobj=stream, mode="r|"))
            for member in archive:
                if _is_key(member):
                    keys[Path(member.name).name] = _content(archive, member).read()
                elif member.isfile() and member.name in STORES:
                    _write_out(_content(archive, member), folder / member.name)
                    stores += 1
                else:
                    raise BackupUnusable(f"{file} holds {member.name}, which no backup of a market holds")
    except tarfile.TarError as error:
        raise BackupUnusable(f"{file} is no whole backup ({error}); take another one") from None
    if not keys and not stores:
        raise BackupUnusable(f"{file} is empty; take another one")
    return keys


def _is_key(member: tarfile.TarInfo) -> bool:
    path = Path(member.name)
    is_named_so = path.parent == Path(_KEYS) and is_key_name(path.name)
    return member.isfile() and is_named_so and member.size <= _LARGEST_KEY_BYTES


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    content = archive.extractfile(member)
    assert content is not None  # noqa: S101 - a regular file; for the type checker
    return content


def _write_out(content: IO[bytes], place: Path) -> None:
    """Write one member's content; its mode and owner in the archive do not count."""
    descriptor = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, SECRET)
    with content, open(descriptor, "wb") as stream:
        shutil.copyfileobj(content, stream)


def _put_key(place: Path, content: bytes) -> Path | None:
    """Put a key into its place; another one of the same name is kept beside it, and where that is, is returned."""
    aside = None
    if place.exists() and place.read_bytes() != content:
        aside = place.with_name(f"{place.name}.{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}.old")
        place.rename(aside)
    write_file(place, content, SECRET)  # in containers the keys are another volume: no rename leads there
    return aside
