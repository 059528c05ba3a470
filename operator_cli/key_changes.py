"""Keys that are being entered or replaced: whatever is interrupted when, the key that the ledger knows is not lost."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Self

from market_files import FileLock, private_home, sync_folder
from operator_cli.settings import OperatorSettings
from operator_cli.voice import voice
from prosumer_client import (
    AnotherLedger,
    CommandRejected,
    Identity,
    RequestRefused,
    UnusableValue,
    key_file,
    load_or_create_key,
)


def lock_keys(keys: Path) -> FileLock:
    """Wait until nobody else changes a home's folder of keys, and keep others from it."""
    private_home(keys.parent)
    return FileLock.acquire(keys / ".lock", wait=True)


_NAMES = ("*.pem", "*.pem.old", "*.pem.*.old", ".*.pem.next")
"""Of a present key, of one that it replaced, of one that a restore set aside, of the draft of one that is to come."""


def key_files(keys: Path) -> list[Path]:
    """Return all keys of a folder: the present ones, those that were set aside, and drafts."""
    return sorted({path for pattern in _NAMES for path in keys.glob(pattern)})


def is_key_name(name: str) -> bool:
    """Tell whether a key's file may be named so."""
    return any(fnmatchcase(name, pattern) for pattern in _NAMES)


def is_draft(file: Path) -> bool:
    """Tell whether a key is one that was made for a replacement which did not come to its end."""
    return file.name.endswith(".next")


@contextmanager
def entered_key(settings: OperatorSettings, prosumer: str, public_key: str | None) -> Iterator[str]:
    """Give the public key to register: the one that is named, or of the key in our folder, which is made if need be.

    Nothing is made before the operator's key and the market are there. A key that was made for a command which the
    market turns away goes again; where nobody knows what became of the command it stays, and the error says where.
    """
    if public_key is not None:
        yield public_key
        return
    file = key_file(settings.keys, prosumer)
    settings.ask(lambda market: market.ledger_id(), settings.operator)
    with lock_keys(settings.keys):
        is_new = not file.exists()
        with _unless_refused(file, is_new, "its key"):
            yield Identity(prosumer, load_or_create_key(file)).public_key


@contextmanager
def _unless_refused(file: Path, is_new: bool, what: str) -> Iterator[None]:
    """Remove a key that was made for a command if the market turns that away, or it was never sent.

    Else say where it is kept.
    """
    try:
        yield
    except (CommandRejected, RequestRefused, AnotherLedger, UnusableValue):
        if is_new:
            file.unlink(missing_ok=True)
        raise
    except BaseException as error:
        if file.exists():
            kept = f"{what} is kept in {file}, for the market may know it by now; the same command again goes on"
            if isinstance(error, Exception):
                error.add_note(kept)
            else:  # Ctrl-C, which ends the program without a word of its own
                voice.note(kept)
        raise


class KeyChange:
    """The replacement of one key, by a draft beside it that takes its place once the ledger knows it."""

    def __init__(self, prosumer: str, place: Path) -> None:
        self._place = place
        self._draft = place.with_name(f".{place.name}.next")  # no prosumer's id begins with a dot
        self._is_new = not self._draft.exists()
        self.public_key = Identity(prosumer, load_or_create_key(self._draft)).public_key

    @classmethod
    @contextmanager
    def begin(cls, settings: OperatorSettings, prosumer: str) -> Iterator[tuple[Self, bool]]:
        """Make a draft, or take up the one that an interrupted replacement left; one at a time.

        Gives the replacement, and whether the ledger knows the draft already. The draft goes again if what is done
        with it is turned away by the market.
        """
        place = key_file(settings.keys, prosumer)
        with lock_keys(settings.keys):
            known = settings.ask(lambda market: market.prosumer(prosumer)).public_key
            change = cls(prosumer, place)
            with _unless_refused(change._draft, change._is_new, "the new key"):
                yield change, change.public_key == known

    def complete(self) -> None:
        """Let the draft take the key's place, which is never empty meanwhile."""
        if self._place.exists():
            old = self._place.with_name(f"{self._place.name}.old")
            old.unlink(missing_ok=True)
            os.link(self._place, old)
        self._draft.replace(self._place)
        sync_folder(self._place.parent)
