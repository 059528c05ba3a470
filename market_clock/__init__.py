"""The market clock: opens, closes and times the phases of every game on the ledger.

It keeps no truth of its own: what is due follows from the ledger and the time. Only the schedule of games to come is
stored here.
"""
