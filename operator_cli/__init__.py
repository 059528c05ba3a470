"""``energy-market``: the operator's commands."""
