"""/docs: Swagger UI and the OpenAPI document, of which nothing is loaded from elsewhere."""

import base64
import hashlib
import re
from importlib.resources import files

from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.responses import HTMLResponse, JSONResponse
from starlette.staticfiles import StaticFiles

_DOCUMENT = "/openapi.json"
_FILES = "/docs/files"


def add_documentation(app: FastAPI) -> None:
    """Give an application /docs and /openapi.json."""
    page = _page(app.title)

    @app.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        return page

    @app.get(_DOCUMENT, include_in_schema=False)
    async def document() -> JSONResponse:
        return JSONResponse(app.openapi())

    app.mount(_FILES, StaticFiles(directory=str(files("fastapi_offline") / "static")))


def _page(title: str) -> HTMLResponse:
    page = get_swagger_ui_html(
        openapi_url=_DOCUMENT,
        title=title,
        swagger_js_url=f"{_FILES}/swagger-ui-bundle.js",
        swagger_css_url=f"{_FILES}/swagger-ui.css",
        swagger_favicon_url=f"{_FILES}/favicon.png",
    )
    (inline,) = re.findall(rb"<script>(.*?)</script>", bytes(page.body), re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(inline).digest()).decode()
    page.headers["Content-Security-Policy"] = (
        f"default-src 'none'; script-src 'self' 'sha256-{digest}'; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return page
