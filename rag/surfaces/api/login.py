"""Login and logout: two routes, and a login page that loads nothing else."""

from __future__ import annotations

import asyncio
import logging
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from rag.errors import ConfigError, TooManyAttempts
from rag.people.accounts import Accounts
from rag.people.sessions import MAX_AGE
from rag.surfaces.api.middleware import COOKIE
from rag.surfaces.markup import escape
from rag.surfaces.people_store import PeopleStore

__all__ = ["login_router"]

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Log in to Clippings</title><style>
:root { color-scheme: light dark; --paper: #fbfaf7; --ink: #1c1b19; --line: #8d877b; --accent: #8a2b12; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #171614; --ink: #ece8df; --line: #7d776c; --accent: #b4482a; } }
body { background: var(--paper); color: var(--ink); font: 1rem/1.5 system-ui, sans-serif; margin: 0; }
main { max-width: 22rem; margin: 12vh auto; padding: 0 1rem; }
h1 { font: 600 2rem Palatino, Georgia, serif; margin: 0 0 1rem; }
label { display: block; margin: .8rem 0 .2rem; }
input { width: 100%; box-sizing: border-box; font: inherit; padding: .5rem; border: 1px solid var(--line);
  border-radius: 4px; background: transparent; color: inherit; }
button { margin-top: 1.2rem; font: inherit; padding: .5rem 1.4rem; border: 0; border-radius: 4px;
  background: var(--accent); color: white; }
[role=alert] { border-left: 4px solid var(--accent); padding-left: .8rem; }
</style></head><body><main><h1>Clippings</h1>MESSAGE<form method="post" action="login">
<label for="name">Name</label><input id="name" name="name" autocomplete="username" required autofocus>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required>
<button>Log in</button></form></main></body></html>
"""


def login_router(accounts: Accounts | None, people: PeopleStore, *, root_path: str = "") -> APIRouter:
    """`/login` and `/logout`. Without accounts both redirect to the page."""
    router = APIRouter(include_in_schema=False)
    home = f"{root_path.rstrip('/')}/"

    def form(message: str = "", status: int = 200, headers: dict[str, str] | None = None) -> Response:
        alert = f'<p role="alert">{escape(message)}</p>' if message else ""
        return HTMLResponse(
            _PAGE.replace("MESSAGE", alert), status, {"Cache-Control": "no-store", **(headers or {})}
        )

    @router.get("/login")
    async def show() -> Response:
        return RedirectResponse(home, 303) if accounts is None else form()

    @router.post("/login")
    async def log_in(
        request: Request,
        name: Annotated[str, Form(max_length=1_000)],
        password: Annotated[str, Form(max_length=10_000)],
    ) -> Response:
        if accounts is None:
            return RedirectResponse(home, 303)
        client = request.state.client
        try:
            # Before the check: if the password changes in between, the session is already invalid.
            fingerprint = await asyncio.to_thread(accounts.fingerprint, name)
            right = await asyncio.to_thread(accounts.check, name, password, client.address)
        except TooManyAttempts as exc:
            return form(str(exc), 429, {"Retry-After": str(int(exc.retry_after) + 1)})
        except ConfigError:
            logging.getLogger("clippings").exception("logins cannot be checked")
            return form(
                "Logins cannot be checked right now. Ask the administrator of this server to look at its "
                "log.",
                503,
            )
        if not right:
            return form("The name or password is wrong.", 401)
        secret = await asyncio.to_thread(people.start_session, name, fingerprint or "")
        logging.getLogger("clippings").info("%s logged in from %s", name, client.address)
        response = RedirectResponse(home, 303)
        response.set_cookie(
            COOKIE,
            secret,
            max_age=int(MAX_AGE.total_seconds()),
            path=home,
            httponly=True,
            samesite="lax",
            secure=client.scheme == "https",
        )
        return response

    @router.post("/logout")
    async def log_out(request: Request) -> Response:
        if secret := request.state.session:
            await asyncio.to_thread(people.end_session, secret)
        response = RedirectResponse(f"{home}login" if accounts else home, 303)
        response.delete_cookie(COOKIE, path=home, httponly=True, samesite="lax")
        response.headers["Clear-Site-Data"] = '"cache"'
        return response

    return router
