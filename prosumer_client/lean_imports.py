"""httpx without the command line of its own, for which it imports click, rich and pygments; it does without."""

from market_log import without

with without("httpx._main"):
    import httpx
    import httpx_sse

__all__ = ["httpx", "httpx_sse"]
