"""The part of a language model's reply that stands before its answer: a list of quotes, and then a line such
as "Answer:". It is read line by line, and is never shown.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag.answer.markers import numbers_in
from rag.answer.quotes import QUOTATION, claim_of
from rag.answer.remarks import heads_quotes
from rag.types import Claim

__all__ = ["QuotesPart"]

_BEGUN = 40  # characters by which a line that is no quote is known
_MARKS = r"[\s#>*_~-]*"
_ANSWER = re.compile(
    rf"{_MARKS}(?i:(?:the\s+|my\s+)?(?:final\s+|short\s+)?(?:answer|response|reply))[\s*_]*(?::[\s*_]*|(?=\Z))"
)
_RULE = re.compile(r"\s*(?:[-=*_]{3,}|`{3}\w*)\s*")
_NOTHING = re.compile(r"[\W_]*(?i:none|no quotes?|n/a|not applicable)[\W_]*")
_NUMBER = (
    r"(?:\[\s?(?:(?i:passage|source)\s)?(\d{1,3}(?:\s?[,;]\s?\d{1,3})*)\s?\]|(?i:passage|source)\s(\d{1,3}))"
)
# What a line of the list begins with: a bullet or the number of the item, and the passage's number.
_ITEM = re.compile(r"\s*(?:(?:[-•*>]|(?i:quotes?)\s?:|(?:(?i:quote)\s)?(\d{1,2})[.):])\s+)*")
_LED = re.compile(rf"{_NUMBER}\s?[:,–—-]?\s*")
_TRAILED = re.compile(rf"[\s,;:–—-]{{0,3}}(?:[\[(]?\s?{_NUMBER}\s?[\])]?|\((\d{{1,3}})\))\s?\.?\s*\Z")
_LONGEST = 1_000  # characters of a quote
_QUOTED = re.compile(QUOTATION)
_OPENING = '"“„«[('
_NAMING = re.compile(r"\b(?:quot|passage|source|exact)", re.IGNORECASE)


class QuotesPart:
    """Reads the beginning of a reply, and hands on what follows the quotes. `texts`: the passages that the
    model was given.

    A reply that begins with no quote is the answer from its first word on. Where the stream is cut makes no
    difference to what is handed on.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        self.given = self.located = 0
        self._texts = texts
        self._open: str | None = ""  # what was not read yet; `None` once the answer has begun
        self._headed = False  # whether the list has begun
        self._marked = False  # whether one of its quotes stood in quotation marks
        self._claims: list[Claim] = []
        self._items: dict[int, Claim] = {}  # by the number of the item
        self._unsure = ""  # lines that may be quotes or the answer

    def named(self, number: int) -> list[Claim]:
        """The quotes that a number in the answer means: those of the passage, or the item of the list."""
        found = [claim for claim in self._claims if claim.number == number]
        return list(dict.fromkeys([*found, *([self._items[number]] if number in self._items else [])]))

    def feed(self, piece: str) -> str:
        """What of the answer has come with a further piece of the reply."""
        if self._open is None:
            return piece
        self._open += piece
        return self._read(complete=False)

    def close(self) -> str:
        """What is left of the answer when the reply is complete. If there is none but what stands in the
        articles word for word without quotation marks, that was meant as the answer."""
        if self._open is None:
            return ""
        left = self._read(complete=True)
        return left or self._unsure

    def _read(self, *, complete: bool) -> str:
        while self._open:
            line, end, rest = self._open.partition("\n")
            if not end and not complete and not self._is_begun(line):
                return ""
            if end and _is_open(line) and len(line) < _LONGEST and not self._is_begun(line):
                following, ended, after = rest.partition("\n")
                if not ended and not complete:
                    return ""
                if following.strip():  # the quote goes on there
                    self._open = f"{line} {following}{ended}{after}"
                    continue
            if (answer := self._answer(line)) is not None:
                self._open = None
                return f"{answer}{end}{rest}"
            self._open = rest
        return ""

    def _is_begun(self, line: str) -> bool:
        """Whether a line that is not whole can be told already: as the answer, or as its label."""
        if (match := _ANSWER.match(line)) and ":" in match.group():
            return bool(line[match.end() :].strip())
        return not self._headed and len(line) >= _BEGUN and not _may_be_quote(line)

    def _answer(self, line: str) -> str | None:
        """What of a line is the answer, if that begins with it; `None` for a line before it."""
        if (match := _ANSWER.match(line)) and (":" in match.group() or not line[match.end() :].strip()):
            return line[match.end() :]
        if not line.strip() or _RULE.fullmatch(line):
            return None
        if self._is_begun(line):
            return line
        if heads_quotes(line) or (self._headed and _NOTHING.fullmatch(line)):
            self._headed = True
            return None
        item = _ITEM.match(line)
        assert item is not None, "it may match nothing"
        bare = line[item.end() :].replace("**", "").replace("__", "").strip()
        led, trailed = _LED.match(bare), _TRAILED.search(bare)
        numbers = [n for m in (led, trailed) if m for n in numbers_in(next(filter(None, m.groups())))]
        text = bare[led.end() if led else 0 : trailed.start() if trailed else len(bare)].strip()
        marked = _QUOTED.fullmatch(text.rstrip(".,;"))
        listed = bool(item.group().strip() or led)
        inside = _QUOTED.search(text) if self._headed and listed else None
        if match := marked or inside:
            self._headed = self._marked = True
            self._keep(match[1], numbers, item[1])
            return None
        if not self._headed or not text:
            return line if text else None
        claim = claim_of(text, numbers, self._texts)
        if claim is not None:
            self._unsure += f"{line}\n" if not listed else ""
            self._keep(text, numbers, item[1])
            return None
        if listed and not self._marked:
            self.given += 1
            return None
        return line

    def _keep(self, text: str, numbers: Sequence[int], item: str | None) -> None:
        self.given += 1
        claim = claim_of(text, numbers, self._texts)
        if claim is not None:
            self.located += 1
            self._claims.append(claim)
            if item:
                self._items.setdefault(int(item), claim)


def _may_be_quote(line: str) -> bool:
    """Whether a line may be a quote, or head a list of them, by how it begins."""
    begun = line[:_BEGUN]
    item = _ITEM.match(begun)
    bare = begun[item.end() if item else 0 :].lstrip(" *_#")
    listed = bool(item and item.group().strip()) or _LED.match(bare) is not None
    return listed or bare[:1] in _OPENING or _NAMING.search(begun) is not None


def _is_open(line: str) -> bool:
    """Whether a quotation is open at the end of a line."""
    return line.count('"') % 2 == 1 or line.count("“") + line.count("„") > line.count("”")
