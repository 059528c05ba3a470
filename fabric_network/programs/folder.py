"""The releases of Fabric this project runs on, and where their programs are."""

import hashlib
import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

PROGRAMS = ("configtxgen", "cryptogen", "orderer", "osnadmin", "peer")


@dataclass(frozen=True, slots=True)
class Release:
    """A release of Fabric, and what in it differs from the others.

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

    @property
    def knows_bft(self) -> bool:
        """Tell whether its orderers know BFT; all know Raft."""
        return self.name != "2.5"

    @property
    def channel_capability(self) -> str:
        """What a channel may ask of every node; the orderers' V2_0 and the peers' V2_5 are common to all."""
        return "V3_0" if self.knows_bft else "V2_0"

    @property
    def proposal_filters(self) -> tuple[str, ...]:
        """The checks that a peer makes on a proposal before anything else; an unknown name ends a peer."""
        return ("DefaultAuth", "ExpirationCheck", *(["TimeWindowCheck"] if self.knows_bft else []))

    def checksum(self) -> str:
        """Return the SHA-256 over go.mod and go.sum, hexadecimal: what exactly is built."""
        pinned = (self.module / "go.mod").read_bytes() + (self.module / "go.sum").read_bytes()
        return hashlib.sha256(pinned).hexdigest()


_HERE = Path(__file__).resolve().parent
DEFAULT_RELEASE = Release("3.1", "v3.1.1", _HERE / "v3.1")
LONG_TERM_SUPPORT = Release("2.5", "v2.5.9", _HERE / "v2.5")
RELEASES = {release.name: release for release in (DEFAULT_RELEASE, LONG_TERM_SUPPORT)}


def release_named(name: str) -> Release:
    """Return the release of a series; raises ValueError naming those there are."""
    if name not in RELEASES:
        raise ValueError(f"there is no Fabric release {name!r} here; choose one of {', '.join(RELEASES)}")
    return RELEASES[name]


FOLDER_VARIABLE = "ENERGY_MARKET_FABRIC_BIN"
_STAMP = ".stamp.json"


class ProgramsMissing(Exception):
    """Fabric's programs are not there, or they are not of the wanted release."""

    code = "FABRIC_PROGRAMS_MISSING"


def fabric_programs(release: Release = DEFAULT_RELEASE) -> Path:
    """Return the folder that holds peer, orderer, configtxgen, cryptogen and osnadmin of a release.

    That is the folder named by ``ENERGY_MARKET_FABRIC_BIN``, or else the one that ``make fabric`` fills.

    Raises
    ------
    ProgramsMissing
    """
    named = os.environ.get(FOLDER_VARIABLE)
    folder = Path(named).absolute() if named else built_folder(release)
    missing = [name for name in PROGRAMS if not os.access(folder / name, os.X_OK)]
    if missing and named:
        raise ProgramsMissing(f"{FOLDER_VARIABLE} names {folder}, which lacks {', '.join(missing)}")
    if missing or (not named and not is_stamped(folder, release)):
        command = "make fabric" if release is DEFAULT_RELEASE else f"make fabric FABRIC={release.name}"
        raise ProgramsMissing(f"Fabric {release.version} is not in {folder}; `{command}` puts it there")
    if named:
        _check_series(folder / "peer", release)
    return folder


def built_folder(release: Release) -> Path:
    """Return the folder that ``make fabric`` fills: ``.fabric/bin`` of the project, beside it for other releases."""
    fabric = project_folder() / ".fabric"
    return fabric / "bin" if release is DEFAULT_RELEASE else fabric / release.name / "bin"


def project_folder() -> Path:
    """Return the source tree we run from; the current folder where we are installed without one."""
    tree = Path(__file__).resolve().parents[2]
    return tree if (tree / "pyproject.toml").is_file() else Path.cwd()


def is_stamped(folder: Path, release: Release, *, read_programs: bool = False) -> bool:
    """Tell whether the folder's stamp says that its programs were built from what the release pins now.

    Parameters
    ----------
    read_programs
        Also compare the programs' own checksums, which takes reading some 100 MB.
    """
    try:
        stamp = json.loads((folder / _STAMP).read_bytes())
    except (OSError, ValueError):
        return False
    if stamp.get("version") != release.version or stamp.get("modules") != release.checksum():
        return False
    return not read_programs or stamp.get("programs") == _checksums(folder)


def write_stamp(folder: Path, release: Release) -> None:
    """Say what the folder's programs were built from, and what their checksums are."""
    stamp = {"version": release.version, "modules": release.checksum(), "programs": _checksums(folder)}
    partial = folder / f"{_STAMP}.partial"
    partial.write_text(json.dumps(stamp, indent=2) + "\n")
    partial.replace(folder / _STAMP)


def _checksums(folder: Path) -> dict[str, str]:
    programs = [folder / name for name in PROGRAMS if (folder / name).is_file()]
    return {program.name: hashlib.sha256(program.read_bytes()).hexdigest() for program in programs}


def _check_series(peer: Path, release: Release) -> None:
    try:
        answer = subprocess.run([peer, "version"], capture_output=True, text=True, check=True, timeout=30)
    except (OSError, subprocess.SubprocessError) as error:
        raise ProgramsMissing(f"{peer} does not run: {error}") from None
    if f"Version: v{release.name}." not in answer.stdout:
        found = next((line.strip() for line in answer.stdout.splitlines() if "Version:" in line), "no version")
        raise ProgramsMissing(f"{FOLDER_VARIABLE} names Fabric programs with {found}; {release.name} is asked for")
