"""Where Fabric's programs are, and whether they are the right ones."""

import hashlib
import json
import os
import subprocess
from pathlib import Path

from fabric_network.programs.releases import DEFAULT_RELEASE, PROGRAMS, Release

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
    checksums = {}
    for name in PROGRAMS:
        if not (folder / name).is_file():
            continue
        with (folder / name).open("rb") as program:
            checksums[name] = hashlib.file_digest(program, "sha256").hexdigest()
    return checksums


def _check_series(peer: Path, release: Release) -> None:
    try:
        answer = subprocess.run([peer, "version"], capture_output=True, text=True, check=True, timeout=30)
    except (OSError, subprocess.SubprocessError) as error:
        raise ProgramsMissing(f"{peer} does not run: {error}") from None
    if f"Version: v{release.name}." not in answer.stdout:
        found = next((line.strip() for line in answer.stdout.splitlines() if "Version:" in line), "no version")
        raise ProgramsMissing(f"{FOLDER_VARIABLE} names Fabric programs with {found}; {release.name} is asked for")
