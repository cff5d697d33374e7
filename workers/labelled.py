"""Every answer says which timeline it is of, so that a forecast of a replay is never taken for a real one."""

from __future__ import annotations

from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

TIMELINE = "X-Timeline"


class Labelled:
    """Adds `X-Timeline` to each answer of an API whose `state.services` are there."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        labels = [(name.lower().encode(), value.encode()) for name, value in timeline(scope).items()]

        async def labelled(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *labels]
            await send(message)

        await self.app(scope, receive, labelled if labels else send)


def timeline(scope: Scope) -> dict[str, str]:
    """The header by its name: `replay` or `real`; none while the process starts."""
    held: Any = getattr(scope["app"].state, "services", None) if scope["type"] == "http" else None
    return {} if held is None else {TIMELINE: held.settings.timeline}
