"""What every route needs: the services that were handed to the API, and both spellings of a path."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, Request

from core.errors import NotReady

if TYPE_CHECKING:
    from core.serving.services import Services

Route = TypeVar("Route", bound=Callable[..., Any])


class Router(APIRouter):
    """Routes of one subject. Each answers with and without the last slash, and is described once."""

    def both(self, method: str, path: str, **options: Any) -> Callable[[Route], Route]:
        def add(function: Route) -> Route:
            bare = path.rstrip("/")
            other = bare if path.endswith("/") else bare + "/"
            self.add_api_route(path, function, methods=[method], **options)
            self.add_api_route(other, function, methods=[method], include_in_schema=False, **options)
            return function

        return add


def services(request: Request) -> Services:
    """The process's services; NotReady until `api.state.services` is set."""
    found: Services | None = getattr(request.app.state, "services", None)
    if found is None:
        raise NotReady("The app is starting. Try again in a few seconds.")
    return found


Held = Annotated[Any, Depends(services)]
