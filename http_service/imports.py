"""Starting a service in three quarters of the time: FastAPI without what it makes for others."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

from pydantic import BaseModel

from market_log import without


@contextmanager
def quick_start() -> Iterator[None]:
    """Import what a service's package is made of, and FastAPI before it.

    FastAPI's forty models of an OpenAPI document, which hardly anybody asks for, are built when they are first used. It
    does not load Pydantic 1 to tell whether a type is of that, as none of ours is. And as what an import makes stays,
    nobody looks for garbage meanwhile.
    """
    was_collecting = gc.isenabled()
    gc.disable()
    try:
        with without("pydantic.v1"):
            _load_fastapi()
            yield
    finally:
        if was_collecting:
            gc.enable()


def _load_fastapi() -> None:
    BaseModel.model_config["defer_build"] = True  # inherited by every model that is declared meanwhile
    try:
        import fastapi  # noqa: F401 - for its models; who uses it imports it
    finally:
        del BaseModel.model_config["defer_build"]
