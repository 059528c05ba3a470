"""What holds for every test."""

import os

# Services of the tests are on this machine, where a proxy that the environment names must not be asked for them.
os.environ["no_proxy"] = ",".join(filter(None, (os.environ.get("no_proxy"), "127.0.0.1", "localhost")))
