"""The market's door: a durable queue of signed commands, the ledger's reads and its event stream, over HTTP."""
