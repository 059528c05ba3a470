"""What the lock files pin installs without a compiler on every machine the README promises, also those not at hand."""

import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
OLDEST_MACOS = "12.0"
PLATFORMS = ("aarch64-apple-darwin", "x86_64-apple-darwin", "aarch64-unknown-linux-gnu", "x86_64-unknown-linux-gnu")

pytestmark = pytest.mark.fresh_machine


@pytest.fixture(scope="module")
def uv(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Other than pip, uv knows which wheels and markers count on another platform."""
    folder = tmp_path_factory.mktemp("uv")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "--target", folder, "uv"], check=True)
    return str(folder / "bin" / "uv")


@pytest.mark.parametrize(
    "lock", ["requirements.lock", "requirements-dev.lock", "fabric_network/programs/go-toolchain.txt"]
)
@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13", "3.14"])
def test_every_pinned_package_has_a_wheel(
    uv: str, lock: str, platform: str, python: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MACOSX_DEPLOYMENT_TARGET", OLDEST_MACOS)
    install = [uv, "pip", "install", "--dry-run", "--quiet", "--target", str(tmp_path), "--no-deps", "--require-hashes"]
    only = ["--only-binary", ":all:", "--python-platform", platform, "--python-version", python]
    found = subprocess.run([*install, *only, "-r", lock], cwd=PROJECT, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
