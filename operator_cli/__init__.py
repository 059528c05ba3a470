"""``energy-market``: the operator's commands. No other room needs any of it."""

__all__: list[str] = []
