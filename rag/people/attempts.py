"""Rate limiting of logins: after too many failures the next login has to wait, longer each time."""

from __future__ import annotations

import ipaddress
import math
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from rag.errors import TooManyAttempts

__all__ = ["Attempts"]

_RESET_SECONDS = 900.0  # since the last failure, after which counting starts again
_MAX_ENTRIES = 10_000
_MAX_NAME_CHARACTERS = 64  # account names are not longer, so longer ones need not be told apart


@dataclass(frozen=True, slots=True)
class _Limit:
    """After `free` failures the next login waits a second. Each further failure doubles that, up to
    `max_wait`."""

    free: int
    max_wait: float  # seconds

    def wait(self, failures: int) -> float:
        """Seconds from the last failure to the next login that is checked."""
        return 0.0 if failures < self.free else min(2.0 ** min(failures - self.free, 60), self.max_wait)


_PAIR = _Limit(5, 300.0)  # one name from one address
_ADDRESS = _Limit(5, 300.0)  # any names from one address
# One name from any addresses. Strangers can use this up, so the wait is always short for the name's owner. It
# still limits a thousand machines that guess together to ten thousand guesses a day.
_ANYWHERE = _Limit(50, 8.0)

_Key = tuple[str, str, str]


class Attempts:
    """Failed logins by name, by address and by both. Safe from any thread; keeps the newest 10,000 counts."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """`clock` gives seconds."""
        self._clock = clock
        self._lock = threading.Lock()
        self._failures: OrderedDict[_Key, tuple[int, float]] = (
            OrderedDict()
        )  # count and time of the last, newest last
        self._successes: OrderedDict[_Key, None] = OrderedDict()  # name and address pairs that have logged in

    def admit(self, name: str, address: str) -> None:
        """Raises `TooManyAttempts` if this login has to wait. A name that has logged in from this address
        before does not wait because of others.
        """
        pair, at, anywhere = _keys(name, address)
        with self._lock:
            limits = (
                [(pair, _PAIR)]
                if pair in self._successes
                else [(pair, _PAIR), (at, _ADDRESS), (anywhere, _ANYWHERE)]
            )
            wait = max(self._wait(key, limit) for key, limit in limits)
        if wait > 0:
            raise TooManyAttempts(
                f"too many failed logins. Try again in {math.ceil(wait)} s", retry_after=wait
            )

    def record_failure(self, name: str, address: str) -> None:
        """Count a failed login."""
        now = self._clock()
        with self._lock:
            for key in _keys(name, address):
                count, last = self._failures.pop(key, (0, now))
                self._failures[key] = (count + 1 if now - last < _RESET_SECONDS else 1, now)
            while self._failures and (
                len(self._failures) > _MAX_ENTRIES
                or now - next(iter(self._failures.values()))[1] >= _RESET_SECONDS
            ):
                self._failures.popitem(last=False)

    def record_success(self, name: str, address: str) -> None:
        """Forget the failures of this name from this address, and remember that it has logged in there."""
        pair, *_ = _keys(name, address)
        with self._lock:
            self._failures.pop(pair, None)
            self._successes[pair] = None
            self._successes.move_to_end(pair)
            if len(self._successes) > _MAX_ENTRIES:
                self._successes.popitem(last=False)

    def _wait(self, key: _Key, limit: _Limit) -> float:
        count, last = self._failures.get(key, (0, 0.0))
        return limit.wait(count) - (self._clock() - last)  # negative when the count has expired


def _keys(name: str, address: str) -> tuple[_Key, _Key, _Key]:
    """The keys of a login: name and address, address, name. An unknown address is not shared by different
    names."""
    name, network = name[: _MAX_NAME_CHARACTERS + 1], _network(address)
    return ("pair", name, network), ("address", "" if network else name, network), ("name", name, "")


def _network(address: str) -> str:
    """The network of one customer: the address itself, or in IPv6 its /64 network.

    >>> _network("2001:db8::5"), _network("::ffff:192.0.2.1"), _network("192.0.2.1")
    ('2001:db8::/64', '192.0.2.1', '192.0.2.1')
    """
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address[:_MAX_NAME_CHARACTERS]
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    return str(found.ipv4_mapped or ipaddress.ip_network((found.packed, 64), strict=False))
