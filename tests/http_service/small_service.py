"""The small service as a program; run by its path, so it loads the service's module in the same way."""

import importlib.util
from pathlib import Path

from http_service import ServiceSettings, parse_arguments, serve
from market_log import configure_logs

if __name__ == "__main__":
    spec = importlib.util.spec_from_file_location("small", Path(__file__).with_name("conftest.py"))
    assert spec is not None
    assert spec.loader is not None
    small = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(small)
    settings = parse_arguments(ServiceSettings, "A small service.")
    configure_logs("small")
    serve(small.make_app(), settings)
