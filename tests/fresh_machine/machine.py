"""A Debian 12 with nothing on it but `make`, as a folder that programs take for their whole machine."""

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
CERTIFICATES = Path("usr/local/share/ca-certificates")
USER = "neighbour"
HOME = Path("srv", USER)
COPY = HOME / "energy market"
"""Where the project lies there: a name with a space, as people give."""
TOOLS = {"mmdebstrap": "mmdebstrap", "unshare": "util-linux"}
HERE = ["unshare", "--mount", "--pid", "--fork", "--kill-child"]
"""A command's mounts and processes are its own and end with it: nothing is left to unmount or to kill."""


def obstacle() -> str | None:
    """Return why no such machine can be made here, None if it can."""
    if sys.platform != "linux" or platform.freedesktop_os_release()["ID"] != "debian":
        return "a fresh Debian is made on Debian only"
    if os.geteuid() != 0:
        return "only root may make a fresh Debian"
    if subprocess.run([*HERE, "true"], capture_output=True, check=False).returncode:
        return "this root may not make namespaces, as in most containers"
    return None


class Machine:
    """A machine of its own in a folder; it shares nothing with this one but kernel and network."""

    def __init__(self, root: Path) -> None:
        self._root = root
        packages = [package for tool, package in TOOLS.items() if shutil.which(tool) is None]
        if packages:
            subprocess.run(["apt-get", "update", "-qq"], check=True)
            subprocess.run(["apt-get", "install", "-qq", "-y", "--no-install-recommends", *packages], check=True)
        self._debootstrap()
        self._trust_what_we_trust()
        copy = root / COPY
        ignored = (PROJECT / ".gitignore").read_text().replace("/", "").split()
        shutil.copytree(PROJECT, copy, ignore=shutil.ignore_patterns(".git", *ignored))
        self.succeed("chown", "-R", f"{USER}:", f"/{HOME}")

    def _debootstrap(self) -> None:
        options = ["--quiet", "--variant=minbase", "--include=make,ca-certificates", "--skip=cleanup/apt"]
        user = f'--customize-hook=chroot "$1" useradd --create-home --home-dir /{HOME} {USER}'
        subprocess.run(["mmdebstrap", *options, user, "bookworm", self._root, *mirror()], check=True)
        shutil.copy("/etc/resolv.conf", self._root / "etc/resolv.conf")

    def _trust_what_we_trust(self) -> None:
        for certificate in (Path("/") / CERTIFICATES).glob("*.crt"):
            shutil.copy(certificate, self._root / CERTIFICATES)
        self.succeed("update-ca-certificates")

    def run(self, *command: str, user: str = "root", folder: str = "/") -> subprocess.CompletedProcess[str]:
        """Run a command there, however it ends: no locale, no terminal, no variables but the network's."""
        settings = [f"{name}={value}" for name, value in (network_settings() | paths(user)).items()]
        inside = ["chroot", f"--userspec={user}:", str(self._root), "env", "-i", f"--chdir={folder}", *settings]
        return subprocess.run(
            [*HERE, f"--mount-proc={self._root}/proc", *inside, *command],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    def succeed(self, *command: str) -> None:
        """Run a command there as root that must succeed."""
        done = self.run(*command)
        assert done.returncode == 0, f"{command}: {done.stdout[-1000:]} {done.stderr[-2000:]}"

    def install(self, *packages: str) -> None:
        """Install packages and what they cannot do without."""
        self.succeed("apt-get", "install", "-qq", "-y", "--no-install-recommends", *packages)

    def make(self, target: str) -> subprocess.CompletedProcess[str]:
        """Say ``make`` in the project's folder, as somebody who is not root."""
        return self.run("make", target, user=USER, folder=f"/{COPY}")


def remove(root: Path) -> None:
    """Delete a machine, whole or half made; what might be mounted in it would be left alone."""
    subprocess.run(["rm", "-rf", "--one-file-system", root], check=True)


def paths(user: str) -> dict[str, str]:
    return {
        "HOME": f"/{HOME}" if user == USER else "/root",
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "DEBIAN_FRONTEND": "noninteractive",
    }


def network_settings() -> dict[str, str]:
    """How this machine reaches packages: what pip is told, and proxies."""
    return {n: value for n, value in os.environ.items() if n.startswith("PIP_") or n.lower().endswith("_proxy")}


def mirror() -> list[str]:
    """The mirror that this machine's own packages come from, if its apt knows."""
    asked = ["apt-get", "indextargets", "--format", "$(REPO_URI)", "ORIGIN: Debian", "COMPONENT: main"]
    said = subprocess.run([*asked, "CODENAME: bookworm"], capture_output=True, text=True, check=False).stdout.split()
    return said[:1]
