"""Make the environment in which fabric-sdk-py (hfc) runs: ``python tests/fabric/hfc/set_up.py FOLDER``.

It cannot share ours: it needs protobuf 3. Does nothing if the environment is there; prints its Python's path.
"""

import shutil
import subprocess
import sys
from pathlib import Path

REQUIREMENTS = Path(__file__).parent / "requirements.txt"


def set_up(folder: Path) -> Path:
    """Return the environment's Python; raises subprocess.CalledProcessError with what went wrong in ``stdout``."""
    python = folder / "bin" / "python"
    done = folder / "requirements.txt"
    if done.exists() and done.read_bytes() == REQUIREMENTS.read_bytes():
        return python
    _run(sys.executable, "-m", "venv", "--clear", str(folder))
    pip = (str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    _run(*pip, "--no-deps", "--requirement", str(REQUIREMENTS))
    _run(str(python), "-c", "import hfc.fabric")
    shutil.copyfile(REQUIREMENTS, done)
    return python


def _run(*command: str) -> None:
    subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


if __name__ == "__main__":
    try:
        print(set_up(Path(sys.argv[1])))
    except subprocess.CalledProcessError as error:
        sys.exit((error.stdout.strip().splitlines() or ["it said nothing"])[-1])
