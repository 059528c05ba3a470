"""Key files: Ed25519 private keys as PKCS8 PEM that nobody but their owner may read, one file each."""

import os
import stat
from contextlib import suppress
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from market_files import SECRET, FileLock, private_folder, reach_disk, sync_folder
from prosumer_client.errors import KeyFileError, UnusableValue

_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_DRAFT = ".unwritten"


def key_file(folder: Path, prosumer: str) -> Path:
    """Return where a prosumer's key is kept in a folder of keys; raises UnusableValue if the id is no file's name."""
    if not prosumer or Path(prosumer).name != prosumer:
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
    private_folder(path.parent)
    text = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with FileLock.acquire(path.with_name(".writing.lock"), wait=True):
        for left_over in path.parent.glob(f".*{_DRAFT}"):
            left_over.unlink()
        draft = path.with_name(f".{path.name}{_DRAFT}")
        try:
            _write_durably(draft, text)
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


def _write_durably(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, SECRET)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        reach_disk(file.fileno())


def _read_key(text: bytes, path: Path) -> Ed25519PrivateKey:
    try:
        key = load_pem_private_key(text, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise KeyFileError("KEY_FILE_MALFORMED", f"{path} holds no private key in PKCS8 PEM: {error}") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyFileError("KEY_FILE_MALFORMED", f"{path} holds a key of another kind than Ed25519")
    return key
