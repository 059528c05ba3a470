"""``python -m fabric_network``."""

from fabric_network.commands import app

app(prog_name="python -m fabric_network")
