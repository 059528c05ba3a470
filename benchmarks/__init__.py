"""How fast the market is, always as a ratio against a baseline measured in the same call: ``python -m benchmarks``."""
