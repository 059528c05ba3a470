"""Records are built when they are first read, and a ledger reads in several threads at once."""

import subprocess
import sys

FIRST_READS = """
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from energy_market_chaincode.records import Account
sys.setswitchinterval(1e-6)
together = Barrier(8)
def read(_):
    together.wait()
    return Account.from_bytes(b'{"free":1,"frozen":2,"debt":3}')
with ThreadPoolExecutor(8) as threads:
    assert set(threads.map(read, range(8))) == {Account(free=1, frozen=2, debt=3)}
"""


def test_threads_that_read_a_kind_of_record_first_at_once_all_read_it_right() -> None:
    subprocess.run([sys.executable, "-c", FIRST_READS], check=True, timeout=60)
