"""What is left of a program's call in Gradio, which nobody asks for again.

Gradio makes a session for every call over REST that names none: the page's settings and the answer, .17 MB in all. It keeps as
many as `state_session_capacity` says, and a line of each for good.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["Calls"]

_FETCHED = re.compile(r"/call/(?:v2/)?[^/]+/(\w+)$")  # where the answer to a call is, by the call's id


class Calls:
    """Stands before the page, as ASGI has it: once the answer to a call has been fetched, its session is forgotten."""

    def __init__(self, app: ASGIApp, page: Any) -> None:
        """`page` is the `gradio.Blocks` that `app` serves."""
        self._app, self._page = app, page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        fetched = _FETCHED.search(scope["path"]) if scope["type"] == "http" and scope["method"] == "GET" else None
        session = fetched.group(1) if fetched and self._is_of_one_call(fetched.group(1)) else None
        try:
            await self._app(scope, receive, send)
        finally:
            if session:
                self._forget(session)

    def _is_of_one_call(self, name: str) -> bool:
        """Whether the session was made for a call, and has its name. That of a tab, or one that a program named, stays."""
        return name in self._page._queue.pending_event_ids_session.get(name, ())

    def _forget(self, session: str) -> None:
        # In Gradio 6 there is no other way to any of these.
        holder, queue = self._page.state_holder, self._page._queue
        with holder.lock:
            holder.session_data.pop(session, None)
            holder.time_last_used.pop(session, None)
        queue.pending_messages_per_session.pop(session, None)
        queue.pending_event_ids_session.pop(session, None)
