"""The embedded ledger: a hash chain, the world state and the events in one SQLite file, hosted by one process."""
