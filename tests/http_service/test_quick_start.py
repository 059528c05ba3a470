"""Services start quickly, and what that takes ends with the start."""

import gc
import subprocess
import sys

import pytest
from pydantic import BaseModel

from http_service import quick_start


def test_a_quick_start_leaves_nothing_behind() -> None:
    with quick_start():
        assert not gc.isenabled()
    assert gc.isenabled()
    assert BaseModel.model_config == {}


def test_a_quick_start_that_fails_leaves_nothing_behind() -> None:
    with pytest.raises(ImportError), quick_start():
        raise ImportError
    assert gc.isenabled()


def test_only_the_models_of_fastapi_wait_for_their_first_use() -> None:
    code = """
import tx_queue
from fastapi.openapi.models import OpenAPI
print(OpenAPI.__pydantic_complete__, tx_queue.QueueSettings.__pydantic_complete__)
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert found.stdout.split() == ["False", "True"]
