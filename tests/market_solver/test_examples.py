"""The examples in the docstrings run."""

import doctest
import importlib
import pkgutil

import pytest

import market_solver

NAMES = [module.name for module in pkgutil.iter_modules(market_solver.__path__)]


@pytest.mark.parametrize("name", ["market_solver", *(f"market_solver.{name}" for name in NAMES)])
def test_the_examples_of_a_module_come_out_as_they_are_written(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0
