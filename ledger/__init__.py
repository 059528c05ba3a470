"""One ledger interface, two ledgers: embedded (SQLite, no set-up) and Hyperledger Fabric."""
