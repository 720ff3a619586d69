"""Connections to the servers that the settings name: the language model's and Chroma's.

Questions and text of articles are sent to these servers because a setting says so. They must not go anywhere
else:

- Redirects are not followed: they would send the text, and a password, to a host that nobody named.
- Over http no proxy is used, whatever the environment says: it could read everything, even what is sent to
this machine
  (`http://localhost:8000` with HTTP_PROXY set). Over https the proxy of HTTPS_PROXY is used, unless NO_PROXY
  exempts the host: many offices need it to reach a hosted model, and it sees only the host name.
- The client libraries' headers about this machine (X-Stainless-* and User-Agent, with its system, processor
and Python
  version) are removed.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from rag.system.address import login

if TYPE_CHECKING:
    import httpx

__all__ = ["client_options"]


def client_options(address: str, timeout: float) -> dict[str, Any]:
    """The options of an `httpx.Client` that connects only to the server at this address. They include the
    login, so pass the address itself without it. `timeout` is in seconds without data.
    """
    import httpx

    credentials = login(address)
    secure = urlsplit(address).scheme == "https"
    return {
        "auth": httpx.BasicAuth(*credentials) if credentials else None,
        "timeout": httpx.Timeout(timeout),
        "follow_redirects": False,
        "trust_env": False,
        "proxy": _proxy(address) if secure else None,
        # Uses the certificates of SSL_CERT_FILE if it is set, which some office proxies need.
        "verify": httpx.create_ssl_context() if secure else True,
        "event_hooks": {"request": [_remove_headers]},
    }


def _proxy(address: str) -> str | None:
    """The environment's proxy for an https address; `None` for this machine."""
    host = urlsplit(address).hostname or ""
    proxies = getproxies()
    proxy = proxies.get("https") or proxies.get("all")
    if not proxy or _is_this_machine(host) or proxy_bypass(host):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _remove_headers(request: httpx.Request) -> None:
    for name in [name for name in request.headers if name.lower().startswith("x-stainless-")]:
        del request.headers[name]
    request.headers["User-Agent"] = "Clippings"
