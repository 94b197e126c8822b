"""The API's own description: OpenAPI at /schema/openapi.json, and a page to read and try it."""

from importlib.resources import files
from pathlib import Path
from typing import Final

from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import SwaggerRenderPlugin
from litestar.openapi.spec import Components
from litestar.static_files import create_static_files_router

from app.accounts.routes import SECURITY_SCHEMES

_ASSETS_PATH: Final = "/schema-assets"

OPENAPI: Final = OpenAPIConfig(
    title="Berthold",
    version="1",
    description=(
        "Book nights in rooms and seats on trips. Money is integer minor units with a currency; "
        "times are RFC 3339 in UTC; errors are `application/problem+json` and name every wrong "
        "field; lists are paged with `cursor` and `nextCursor`. Send an `Idempotency-Key` with "
        "every POST that creates: a repetition then gets the first reply again."
    ),
    path="/schema",
    render_plugins=[
        SwaggerRenderPlugin(
            js_url=f"{_ASSETS_PATH}/swagger-ui-bundle.js",
            css_url=f"{_ASSETS_PATH}/swagger-ui.css",
            standalone_preset_js_url=f"{_ASSETS_PATH}/swagger-ui-standalone-preset.js",
            favicon=f'<link rel="icon" href="{_ASSETS_PATH}/favicon-32x32.png">',
        )
    ],
    components=Components(security_schemes=dict(SECURITY_SCHEMES)),
    security=[{"bearer": []}, {"cookie": []}],
)

assets: Final = create_static_files_router(
    path=_ASSETS_PATH,
    directories=[Path(str(files("swagger_ui") / "static"))],
    opt={"exclude_from_auth": True},
    include_in_schema=False,
)
