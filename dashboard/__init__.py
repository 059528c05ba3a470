"""The page on which people watch, explain and administer the market.

A service of its own: it hands out the built page (``dashboard/static``, made from ``dashboard/web``) and passes the
page's questions on to the market's services, so that a browser needs to know one address only.
"""

from http_service import quick_start

with quick_start():
    from dashboard.app import STATIC, DashboardSettings, make_app

__all__ = ["STATIC", "DashboardSettings", "make_app"]
