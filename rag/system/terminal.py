"""Text made safe to show in a terminal."""

from __future__ import annotations

import re

__all__ = ["json_safe", "one_line", "terminal_safe"]

# Escape sequences in an article would repaint a reader's terminal, and marks of direction would turn its
# words round.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def terminal_safe(text: str) -> str:
    """The text without characters that steer a terminal; line ends and tabs stay.

    >>> terminal_safe("a\\x1b[31mb")
    'a[31mb'
    """
    return _CONTROL.sub("", text)


def one_line(text: str) -> str:
    """The text on one line, without characters that steer a terminal.

    >>> one_line("news/a\\nb.txt: it is\\x1b[2J empty")
    'news/a b.txt: it is[2J empty'
    """
    return terminal_safe(" ".join(text.splitlines()).replace("\t", " "))


def json_safe(written: str) -> str:
    """JSON in which the characters that steer a terminal are escaped; it means what it meant.

    >>> json_safe('"a\\x9b31mb"')
    '"a\\\\u009b31mb"'
    """
    return _CONTROL.sub(lambda found: f"\\u{ord(found.group()):04x}", written)
