"""Who speaks: a prosumer or operator with its key, and the commands it signs.

Keys are kept as PKCS8 PEM that nobody but their owner may read, one file each.
"""

import os
import reprlib
import secrets
import stat
import time
import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any, Self

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from energy_market_chaincode import iso, public_key_text, sign, signed_bytes
from market_files import SECRET, FileLock, sync_folder, write_file
from prosumer_client.errors import KeyFileError, UnusableValue

VALID_FOR = timedelta(hours=24)
"""How long a command of ours may wait for the ledger; it takes none that is valid for more than 48 h."""
_NAMESPACE = uuid.UUID("f3c1c2f0-6f0e-5b57-9f7c-5a4c0b7f6f1d")
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_DRAFT = ".unwritten"


@dataclass(frozen=True, slots=True)
class SignedCommand:
    """A command as it goes over the wire; ``body`` is its canonical JSON."""

    id: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Identity:
    """A prosumer or operator and the key that its record on the ledger names."""

    prosumer: str
    key: Ed25519PrivateKey

    @classmethod
    def load(cls, prosumer: str, keys: Path) -> Self:
        """Take the key from ``<prosumer>.pem`` in a folder; raises KeyFileError."""
        return cls(prosumer, load_key(key_file(keys, prosumer)))

    @property
    def public_key(self) -> str:
        """The public key as it stands on the ledger, in base64."""
        return public_key_text(self.key.public_key())

    def command(
        self,
        topic: str,
        data: Mapping[str, Any],
        command_id: str | None = None,
        *,
        ledger: str | None = None,
        valid_until: datetime | None = None,
    ) -> SignedCommand:
        """Sign a command.

        Parameters
        ----------
        data
            As docs/reference/protocol.md has it for the topic. Decimals go out as strings with exactly their digits.
        command_id
            A UUID; default :func:`new_id`.
        ledger
            The id of the ledger that it is for. Without, it counts on every ledger that knows our key.
        valid_until
            When the ledger refuses it, for instance :func:`usual_end`. Without, it is remembered for good.

        Raises
        ------
        UnusableValue
            If ``data`` holds what JSON cannot: NaN, a set, or text that is no Unicode. It says where, and what it is.
        """
        payload = {"prosumer": self.prosumer, "data": wire_value(data)}
        if valid_until is not None:
            payload["validUntil"] = iso(valid_until)
        if ledger is not None:
            payload["ledger"] = ledger
        command: dict[str, Any] = {"id": command_id or new_id(), "topic": str(topic), "payload": payload}
        try:
            body = signed_bytes({**command, "signature": sign(command, self.key)})
        except ValueError as error:
            message = f"what the command says {error}; that is {_unsignable(command)}"
            raise UnusableValue("UNUSABLE_VALUE", message) from None
        return SignedCommand(command["id"], body)


def _unsignable(value: Any, *place: str) -> str:
    """Return where in a value that cannot be signed the part is that cannot, and what it is."""
    named = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, item in named:
        for part, where in ((name, place), (item, (*place, str(name)))):
            if not _is_signable(part):
                return _unsignable(part, *where)
    return f"{'.'.join(place)}: {reprlib.repr(value)}"


def _is_signable(value: Any) -> bool:
    try:
        signed_bytes(value)
    except ValueError:
        return False
    return True


def usual_end() -> datetime:
    """Return until when a command of ours is valid, by this machine's clock."""
    return datetime.now(UTC) + VALID_FOR


def new_id() -> str:
    """Return an id that no other command has: a UUID 7, most of it random, that begins with the time.

    The ids of a time stand together in every index of queue and ledger; to look for random ones a peer reads its
    database here and there, the more the larger it is. Source: RFC 9562, 5.7, and 6.2 for the time's fraction.
    """
    ms, ns = divmod(time.time_ns(), 1_000_000)
    fraction = (ns << 12) // 1_000_000
    version, variant = 7, 0b10
    return str(uuid.UUID(int=ms << 80 | version << 76 | fraction << 64 | variant << 62 | secrets.randbits(62)))


def repeatable_id(prosumer: str, topic: str, *occasion: object) -> str:
    """Return the id of a prosumer's command on an occasion: a restarted process comes to the same one.

    Parameters
    ----------
    occasion
        What tells this occasion from every other one, for instance a game's id, its beginning and the round.
    """
    return str(occasion_uuid(prosumer, topic, *occasion))


def occasion_uuid(*occasion: object) -> uuid.UUID:
    """Return a UUID made from what tells an occasion from every other one; times count as moments, in any zone."""
    parts = [part.astimezone(UTC).isoformat() if isinstance(part, datetime) else str(part) for part in occasion]
    return uuid.uuid5(_NAMESPACE, "\n".join(parts))


def wire_value(value: Any) -> Any:
    """Return a value as JSON can carry it, at any depth: Decimals as strings, enumerations as what they stand for."""
    if type(value) in (str, int):  # most values are: the questions below take longer
        return value
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return {str(name): wire_value(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [wire_value(item) for item in value]
    return value


def key_file(folder: Path, prosumer: str) -> Path:
    """Return where a prosumer's key is kept in a folder of keys; raises UnusableValue if the id is no file's name."""
    if not prosumer or Path(prosumer).name != prosumer or not prosumer.isprintable():
        raise UnusableValue("UNUSABLE_ID", f"{prosumer!r} cannot be a prosumer's id: no file can be named so")
    return folder / f"{prosumer}.pem"


def create_key(path: Path) -> Ed25519PrivateKey:
    """Make a key and store it; see :func:`store_key`."""
    key = Ed25519PrivateKey.generate()
    store_key(key, path)
    return key


def store_key(key: Ed25519PrivateKey, path: Path) -> None:
    """Store a key with mode 0600, whole or not at all, and never over another one.

    The folder is made, for its owner alone, if there is none. One writer works there at a time, and removes first what
    one that was killed has left.

    Raises
    ------
    KeyFileError
        ``KEY_FILE_EXISTS`` if the file is there already.
    """
    text = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with FileLock.acquire(path.with_name(".writing.lock"), wait=True):
        for left_over in path.parent.glob(f".*{_DRAFT}*"):
            left_over.unlink()
        draft = path.with_name(f".{path.name}{_DRAFT}")  # no id begins with a dot
        try:
            write_file(draft, text, SECRET)
            # A link, other than a rename, fails if the name is taken.
            os.link(draft, path)
        except FileExistsError:
            raise KeyFileError(
                "KEY_FILE_EXISTS", f"{path} exists already and is never overwritten; load it, or move it away first"
            ) from None
        finally:
            draft.unlink(missing_ok=True)
        sync_folder(path.parent)


def load_key(path: Path) -> Ed25519PrivateKey:
    """Load a key that nobody but its owner may read or write.

    Raises
    ------
    KeyFileError
        ``KEY_FILE_MISSING``, ``KEY_FILE_EXPOSED`` or ``KEY_FILE_MALFORMED``.
    """
    try:
        with path.open("rb") as file:
            # The mode of what is open, not of what stands under the name a moment later.
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            text = file.read()
    except OSError as error:
        raise KeyFileError(
            "KEY_FILE_MISSING", f"there is no readable key in {path} ({error.strerror}); create one first"
        ) from None
    if mode & _OTHERS:
        raise KeyFileError(
            "KEY_FILE_EXPOSED",
            f"{path} has mode {mode:04o}, so that others than its owner can get at the key; if nobody did, "
            f"chmod 600 {path}, else have the key replaced",
        )
    return _read_key(text, path)


def load_or_create_key(path: Path) -> Ed25519PrivateKey:
    """Load a key, or make one if the file does not exist; raises KeyFileError as :func:`load_key`."""
    if not path.exists():
        with suppress(KeyFileError):  # somebody was faster
            return create_key(path)
    return load_key(path)


def _read_key(text: bytes, path: Path) -> Ed25519PrivateKey:
    try:
        key = load_pem_private_key(text, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise KeyFileError("KEY_FILE_MALFORMED", f"{path} holds no private key in PKCS8 PEM: {error}") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyFileError("KEY_FILE_MALFORMED", f"{path} holds a key of another kind than Ed25519")
    return key
