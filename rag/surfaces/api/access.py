"""Who may reach the server: the host names it answers to, the web sites and proxies it trusts; and who may
set its language model.

`AccessRules` holds the options of `clippings serve`. `middleware` applies them to every request.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from rag.errors import ConfigError

__all__ = ["AccessRules", "AdminRights", "Caller", "Client", "is_host", "origin_parts", "with_port"]

_LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")
_LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "::1")
_HOST = re.compile(r"[A-Za-z0-9.\-_]+(:\d{1,5})?|\[[0-9A-Fa-f:.]+\](:\d{1,5})?")  # with or without a port


@dataclass(frozen=True, slots=True)
class AccessRules:
    """How the server may be reached.

    `host` is the address it listens on. `host_names` are further names that people use for it, such as
    `news.example.org` or `news.example.org:8443`. `origins` are other web sites whose scripts may use the API
    with a token. `proxies` are addresses or networks whose `X-Forwarded-…` headers are trusted, and
    `root_path` is the path under which a proxy serves the page. Raises `ConfigError` for invalid values, and
    where `host` is reachable from other machines but no host name is given.
    """

    host: str = "127.0.0.1"
    host_names: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    proxies: tuple[str, ...] = ()
    root_path: str = ""

    def __post_init__(self) -> None:
        for name in self.host_names:
            if not is_host(name):
                raise ConfigError(
                    f"--host-name {name!r} is not a host name such as news.example.org or "
                    "news.example.org:8443"
                )
        for origin in self.origins:
            parts = urlsplit(origin)
            if (
                parts.scheme not in ("http", "https")
                or not parts.netloc
                or parts.path
                or parts.query
                or parts.fragment
            ):
                raise ConfigError(
                    f"--origin {origin!r} is not the origin of a web site, such as https://desk.example.org"
                )
        for proxy in self.proxies:
            _network(proxy)
        if self.host not in _LOOPBACK_HOSTS and not self.host_names:
            raise ConfigError(
                f"the server listens on {self.host}, where other machines can reach it. Give the name or "
                "address that people type with --host-name, such as --host-name news.example.org"
            )

    def accepts_host(self, netloc: str) -> bool:
        """Whether the server answers to this host name, with or without its port."""
        name = netloc.lower()
        bare = _without_port(name)
        names = {n.lower() for n in self.host_names}
        if name in names or bare in names:
            return True
        if self.host in _LOOPBACK_HOSTS:
            return bare in _LOOPBACK_NAMES
        return bare == (f"[{self.host}]" if ":" in self.host else self.host.lower())

    @property
    def private(self) -> bool:
        """Whether the server is for this machine only: it listens on loopback, and nothing says that a proxy
        passes on the requests of others."""
        others = self.host_names or self.proxies or self.origins or self.root_path
        return self.host in _LOOPBACK_HOSTS and not others

    def trusts_proxy(self, address: str) -> bool:
        """Whether the `X-Forwarded-…` headers of a peer are trusted."""
        try:
            peer = ipaddress.ip_address(address)
        except ValueError:  # a Unix socket has no address
            return False
        return any(peer in _network(proxy) for proxy in self.proxies)


@dataclass(frozen=True, slots=True)
class Client:
    """Who sent a request: the address, and the scheme and host of the URL that was requested. `forwarded`
    says whether a proxy passed it on, trusted or not."""

    address: str
    scheme: str
    netloc: str
    forwarded: bool = False


@dataclass(frozen=True, slots=True)
class Caller:
    """The owner of a request: an account, `token:NAME`, or the one local user (an empty name)."""

    owner: str
    read_only: bool = False


@dataclass(frozen=True, slots=True)
class AdminRights:
    """Who may set the language model. The server connects to the model's address and sends it passages of the
    articles, so this is for whoever runs the server: the accounts in `admins`, or without `accounts` the user
    of a server that only this machine reaches. A token is for a program, and never may.
    """

    rules: AccessRules
    accounts: bool = False
    admins: frozenset[str] = frozenset()
    read_only: bool = False

    def objection(self, owner: str, *, forwarded: bool = False) -> str | None:
        """Why the owner of a request may not, and who can change that; `None` for who may.

        >>> AdminRights(AccessRules()).objection("")
        >>> AdminRights(AccessRules(), accounts=True, admins=frozenset({"ann"})).objection("ann")
        """
        if self.read_only:
            return (
                "this server is read-only, so its language model cannot be set here. Set it in clippings.toml"
            )
        if self.accounts or owner:
            if owner in self.admins:
                return None
            return (
                "you may not set the language model. Whoever runs the server can allow your account to, with "
                "`clippings serve --admin NAME`"
            )
        if self.rules.private and not forwarded:
            return None
        return (
            "this server can be reached by others and has no accounts, so nobody may set the language model "
            "here. Set it in clippings.toml, or start the server with --auth-file and --admin"
        )


def is_host(text: str) -> bool:
    """Whether a text is a host name or address, with or without a port.

    >>> is_host("news.example.org:8443"), is_host("[::1]"), is_host("a b")
    (True, True, False)
    """
    return bool(_HOST.fullmatch(text))


def origin_parts(origin: str) -> SplitResult | None:
    """The parts of an origin; `None` for an invalid one."""
    try:
        return urlsplit(origin)
    except ValueError:  # http://[
        return None


def _without_port(netloc: str) -> str:
    return netloc if netloc.endswith("]") else re.sub(r":\d+$", "", netloc)


def with_port(scheme: str, netloc: str) -> str:
    """A host with its port, which depends on the scheme if it is not stated."""
    return netloc if netloc != _without_port(netloc) else f"{netloc}:{443 if scheme == 'https' else 80}"


def _network(stated: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    try:
        return ipaddress.ip_network(stated, strict=False)
    except ValueError:
        raise ConfigError(
            f"--proxy {stated!r} is not an address or a network, such as 10.0.0.5 or 10.0.0.0/24"
        ) from None
