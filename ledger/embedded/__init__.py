"""The embedded ledger: a hash chain, the world state and the events in one SQLite file, hosted by one process.

Its file can be verified and put aside from here; a market opens it with :func:`ledger.open_ledger`.
"""

from ledger.embedded.database import archive_and_wipe, lock_ledger
from ledger.embedded.ledger import EmbeddedLedger
from ledger.embedded.verification import Fault, Verification, verify

__all__ = ["EmbeddedLedger", "Fault", "Verification", "archive_and_wipe", "lock_ledger", "verify"]
