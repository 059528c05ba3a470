"""The releases of Fabric this project runs on, each pinned by a Go module of its own."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

PROGRAMS = ("configtxgen", "cryptogen", "orderer", "osnadmin", "peer")


@dataclass(frozen=True, slots=True)
class Release:
    """A release of Fabric.

    Attributes
    ----------
    name
        Its series, what users ask for.
    version
        The version its programs report.
    module
        The folder with the go.mod and go.sum that pin it: go.mod the version, go.sum the checksum of every module.
    """

    name: str
    version: str
    module: Path

    def checksum(self) -> str:
        """Return the SHA-256 over go.mod and go.sum, hexadecimal: what exactly is built."""
        pinned = hashlib.sha256()
        for file in ("go.mod", "go.sum"):
            pinned.update((self.module / file).read_bytes())
        return pinned.hexdigest()


_HERE = Path(__file__).resolve().parent
DEFAULT_RELEASE = Release("3.1", "v3.1.1", _HERE / "v3.1")
LONG_TERM_SUPPORT = Release("2.5", "v2.5.9", _HERE / "v2.5")
RELEASES = {release.name: release for release in (DEFAULT_RELEASE, LONG_TERM_SUPPORT)}


def release_named(name: str) -> Release:
    """Return the release of a series; raises ValueError naming those there are."""
    if name not in RELEASES:
        raise ValueError(f"there is no Fabric release {name!r} here; choose one of {', '.join(RELEASES)}")
    return RELEASES[name]
