"""Who may ask: the key in the header `X-API-Key`, or in `?token=` where that is switched on."""

from __future__ import annotations

import hmac
from typing import Annotated

from fastapi import Depends, Header, HTTPException, Request
from fastapi.security import APIKeyHeader

from core.settings import Settings

REFUSED = "Missing or invalid X-API-Key header"
UNSET = "No key is set, so nobody may ask. Set FASTAPI_HEADER_TOKEN, or start by `make run`, which writes a key to {}."
# For the OpenAPI document; the check itself is below.
SCHEME = APIKeyHeader(name="X-API-Key", scheme_name="ApiKey", auto_error=False, description="`make run` says where the key is.")


def _environment() -> Settings:
    return Settings.from_environment()


Configured = Annotated[Settings | None, Depends(_environment)]


async def get_token_header(x_api_key: Annotated[str | None, Header()] = None, settings: Configured = None) -> None:
    """HTTPException 401 unless this is one of the keys, 503 when none is set. Settings None means the environment's."""
    settings = settings or _environment()
    if not known(x_api_key, settings):
        raise HTTPException(401, REFUSED, {"WWW-Authenticate": "ApiKey"})


async def get_query_token(token: str | None = None, settings: Configured = None) -> None:
    """The same check for callers that cannot set a header; always 401 unless SOCCER_ALLOW_QUERY_TOKEN is on."""
    settings = settings or _environment()
    await get_token_header(token if settings.allow_query_token else None, settings)


async def authorise(request: Request, settings: Settings) -> None:
    """Let the request pass, or raise as above. A header that was sent twice is none."""
    sent = request.headers.getlist("x-api-key")
    if not sent and settings.allow_query_token:
        await get_query_token(_only(request.query_params.getlist("token")), settings)
    else:
        await get_token_header(_only(sent), settings)


def known(given: str | None, settings: Settings) -> bool:
    """Whether this is a key, in a time that does not tell how much of it was right; 503 when there is no key at all."""
    accepted = settings.keys_in_force()
    if not accepted:
        raise HTTPException(503, UNSET.format(settings.key_file))
    found = [_is(given or "", key) for key in accepted]
    return any(found)


def who(request: Request) -> str:
    """The caller, for the audit that anybody may read: which of the keys in force it was, and nothing made of the key itself."""
    sent = request.headers.get("x-api-key") or request.query_params.get("token", "")
    found = (number for number, key in enumerate(request.app.state.services.settings.keys_in_force(), 1) if _is(sent, key))
    return f"API, key {next(found, 'that is no longer in force')}"


def _is(given: str, key: str) -> bool:
    found = [hmac.compare_digest(some, key.encode()) for some in _bytes(given)]
    return any(found)


def _only(given: list[str]) -> str | None:
    return given[0] if len(given) == 1 else None


def _bytes(given: str) -> tuple[bytes, bytes]:
    """The bytes that a caller may have meant: a header arrives as Latin-1, whatever it was written in."""
    as_text = given.encode("utf-8", "surrogatepass")
    try:
        return given.encode("latin-1"), as_text
    except UnicodeEncodeError:
        return as_text, as_text
