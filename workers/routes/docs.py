"""The documentation of these routes, from files that are installed with the app: it needs no network."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path

from fastapi import APIRouter
from fastapi.openapi.docs import get_redoc_html, get_swagger_ui_html
from fastapi.responses import HTMLResponse, Response
from starlette.exceptions import HTTPException

router = APIRouter(include_in_schema=False)

FILES = "/docs/files"
# ReDoc shows its maker's logo from afar: ours is here.
LOGO = b"https://cdn.redoc.ly/redoc/logo-mini.svg"
# And whatever else a newer release may try, the browser asks nobody but this app.
ALONE = {"Content-Security-Policy": "default-src 'self' 'unsafe-inline' data: blob:"}
KINDS = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "redoc.standalone.js": "text/javascript",
    "favicon.png": "image/png",
}


@router.get("/docs")
@router.get("/docs/")
async def docs() -> HTMLResponse:
    """Swagger UI."""
    page = get_swagger_ui_html(
        openapi_url="/openapi.json",
        title="SoccerPredictAI, the API",
        swagger_js_url=f"{FILES}/swagger-ui-bundle.js",
        swagger_css_url=f"{FILES}/swagger-ui.css",
        swagger_favicon_url=f"{FILES}/favicon.png",
        swagger_ui_parameters={"validatorUrl": None, "persistAuthorization": False},
    )
    page.headers.update(ALONE)
    return page


@router.get("/redoc")
@router.get("/redoc/")
async def redoc() -> HTMLResponse:
    page = get_redoc_html(
        openapi_url="/openapi.json",
        title="SoccerPredictAI, the API",
        redoc_js_url=f"{FILES}/redoc.standalone.js",
        redoc_favicon_url=f"{FILES}/favicon.png",
        with_google_fonts=False,
    )
    page.headers.update(ALONE)
    return page


@router.get(FILES + "/{name}")
def file(name: str) -> Response:
    if name not in KINDS:
        raise HTTPException(404)
    return Response(_read(name), media_type=KINDS[name], headers={"Cache-Control": "max-age=86400"})


@cache
def _read(name: str) -> bytes:
    found = find_spec("fastapi_offline")
    assert found is not None and found.origin is not None
    return (Path(found.origin).parent / "static" / name).read_bytes().replace(LOGO, f"{FILES}/favicon.png".encode())
