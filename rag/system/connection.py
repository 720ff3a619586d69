"""How the servers that the settings name are connected to: a language model's, and Chroma's.

Questions and words of articles go there because a setting says so. They must go nowhere else:

- No redirect is followed: it would carry the words, and a password, to a host that nobody named.
- Over http no proxy is used, whatever the environment says: it would read everything, also what is meant for
  this machine (`http://localhost:8000` with HTTP_PROXY set). Over https a proxy that HTTPS_PROXY names is
  used, unless NO_PROXY exempts the host: without it a hosted model cannot be reached from many offices, and
  all that it sees is the host's name.
- The client libraries' notes on this machine (its system, processor and version of Python, in X-Stainless-*
  and User-Agent) are left out.
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
    """What an `httpx.Client` for a server at this address is made with, so that all that is sent goes there.
    The address itself is to be handed over without its login, which is among these. `timeout` is in seconds
    without a byte."""
    import httpx

    named = login(address)
    secure = urlsplit(address).scheme == "https"
    return {
        "auth": httpx.BasicAuth(*named) if named else None,
        "timeout": httpx.Timeout(timeout),
        "follow_redirects": False,
        "trust_env": False,
        "proxy": _proxy(address) if secure else None,
        # Certificates are those of SSL_CERT_FILE where it is set, as an office's own proxy needs.
        "verify": httpx.create_ssl_context() if secure else True,
        "event_hooks": {"request": [_say_less]},
    }


def _proxy(address: str) -> str | None:
    """The proxy that the environment names for an https address; `None` for this machine, which a proxy does
    not reach.
    """
    host = urlsplit(address).hostname or ""
    proxies = getproxies()
    proxy = proxies.get("https") or proxies.get("all")
    if not proxy or _is_here(host) or proxy_bypass(host):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _say_less(request: httpx.Request) -> None:
    for name in [name for name in request.headers if name.lower().startswith("x-stainless-")]:
        del request.headers[name]
    request.headers["User-Agent"] = "Clippings"
