"""The market's door: a durable queue of signed commands, the ledger's reads and its event stream, over HTTP.

>>> app = create_queue_app(QueueSettings(home=folder, operator_public_key=key))
>>> app.title
'tx_queue'
"""

from http_service import quick_start

with quick_start():
    from tx_queue.api import create_queue_app
    from tx_queue.settings import QueueSettings

__all__ = ["QueueSettings", "create_queue_app"]
