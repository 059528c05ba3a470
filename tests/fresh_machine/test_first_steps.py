"""On a fresh machine `make` does its own set-up, or says in one line what is missing and how to get it."""

import re

import pytest

from tests.fresh_machine.machine import Machine

pytestmark = [pytest.mark.fresh_machine, pytest.mark.timeout(900)]


def what_is_missing(machine: Machine) -> str:
    """The one line with which `make demo` and `make test` give up; make adds its own to the error stream."""
    said = {target: machine.make(target) for target in ("demo", "test")}
    assert all(done.returncode == 2 for done in said.values()), said
    (line,) = {done.stdout for done in said.values()}
    assert line.count("\n") == 1, line
    return line


def test_a_fresh_debian_is_told_what_it_lacks_and_then_plays_the_game(machine: Machine) -> None:
    assert "Python 3.11 or newer is missing: apt-get install python3 python3-venv (Debian)" in what_is_missing(machine)
    machine.install("python3")
    named = re.search(r"venv module is missing: apt-get install ([\w.-]+)$", what_is_missing(machine))
    assert named
    machine.install(named[1])
    played = machine.make("demo")
    assert played.returncode == 0, played.stdout[-3000:] + played.stderr[-3000:]
    for words in ("Bids at the stop", "Sellers", "Settlement", "Accounts", "conserved to the last unit"):
        assert words in played.stdout
