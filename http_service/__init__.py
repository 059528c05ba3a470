"""The habits our HTTP services share: problem documents, limits, logs, metrics, settings, a clean start and stop.

It knows no service and nothing of the market but how exact decimals are written as JSON.
"""
