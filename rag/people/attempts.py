"""How often a password may be guessed: who was wrong too often has to wait, longer each time."""

from __future__ import annotations

import ipaddress
import math
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from rag.errors import TooManyAttempts

__all__ = ["Attempts"]

_FORGOTTEN = 900.0  # seconds after the last wrong log-in
_ENTRIES = 10_000
_NAME = 64  # characters of a name that are told apart: a longer one is nobody's, and need not be kept


@dataclass(frozen=True, slots=True)
class _Limit:
    """So many wrong log-ins are free. The next has to wait a second, and each further one doubles that, up to
    `longest`.
    """

    free: int
    longest: float

    def wait(self, wrong: int) -> float:
        """Seconds from the last wrong log-in to the next that is looked at."""
        return 0.0 if wrong < self.free else min(2.0 ** min(wrong - self.free, 60), self.longest)


_PAIR = _Limit(5, 300.0)  # one name from one address
_ADDRESS = _Limit(5, 300.0)  # any names from one address
# One name from any addresses. Strangers at many addresses can use this up for the name's owner, so it never
# makes anybody wait long: it slows a thousand machines that guess together down to ten thousand guesses a
# day.
_ANYWHERE = _Limit(50, 8.0)

_Key = tuple[str, str, str]


class Attempts:
    """Wrong log-ins by name, by address and by both. Safe from any thread; keeps the newest 10,000 counts."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """`clock` gives seconds."""
        self._clock = clock
        self._lock = threading.Lock()
        self._wrong: OrderedDict[_Key, tuple[int, float]] = (
            OrderedDict()
        )  # how many, and when the last was; it stands last
        self._right: OrderedDict[_Key, None] = OrderedDict()  # the pairs that have logged in

    def admit(self, name: str, address: str) -> None:
        """Raises `TooManyAttempts` where this log-in has to wait. One that has logged in from this address
        before is not held up by what others do there, or to its name."""
        pair, at, anywhere = _keys(name, address)
        with self._lock:
            limits = (
                [(pair, _PAIR)]
                if pair in self._right
                else [(pair, _PAIR), (at, _ADDRESS), (anywhere, _ANYWHERE)]
            )
            wait = max(self._wait(key, limit) for key, limit in limits)
        if wait > 0:
            raise TooManyAttempts(
                f"too many log-ins were wrong. Try again in {math.ceil(wait)} s", retry_after=wait
            )

    def wrong(self, name: str, address: str) -> None:
        """Count a wrong log-in."""
        now = self._clock()
        with self._lock:
            for key in _keys(name, address):
                count, last = self._wrong.pop(key, (0, now))
                self._wrong[key] = (count + 1 if now - last < _FORGOTTEN else 1, now)
            while self._wrong and (
                len(self._wrong) > _ENTRIES or now - next(iter(self._wrong.values()))[1] >= _FORGOTTEN
            ):
                self._wrong.popitem(last=False)

    def right(self, name: str, address: str) -> None:
        """Forget what was wrong with this name from this address, and remember that it has logged in there."""
        pair, *_ = _keys(name, address)
        with self._lock:
            self._wrong.pop(pair, None)
            self._right[pair] = None
            self._right.move_to_end(pair)
            if len(self._right) > _ENTRIES:
                self._right.popitem(last=False)

    def _wait(self, key: _Key, limit: _Limit) -> float:
        count, last = self._wrong.get(key, (0, 0.0))
        return limit.wait(count) - (self._clock() - last)  # long over where the count is to be forgotten


def _keys(name: str, address: str) -> tuple[_Key, _Key, _Key]:
    """What a log-in is counted by: name and address, address, name. Where the address is unknown, nobody
    shares it.
    """
    name, network = name[: _NAME + 1], _network(address)
    return ("pair", name, network), ("address", "" if network else name, network), ("name", name, "")


def _network(address: str) -> str:
    """Whom an address stands for: itself, or in IPv6 the 64 bits that one customer gets, who may use any of
    the rest.

    >>> _network("2001:db8::5"), _network("::ffff:192.0.2.1"), _network("192.0.2.1")
    ('2001:db8::/64', '192.0.2.1', '192.0.2.1')
    """
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address[:_NAME]
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    return str(found.ipv4_mapped or ipaddress.ip_network((found.packed, 64), strict=False))
