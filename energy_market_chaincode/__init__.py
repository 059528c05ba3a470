"""The market's rule book: entities, units, commands, game and settlement.

Deterministic by construction: no clock, no randomness, no I/O, no float that decides anything. It runs wherever
a :class:`~energy_market_chaincode.stub.Stub` is offered: in the embedded ledger and behind a Fabric peer.
"""
