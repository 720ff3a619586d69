"""The blocks of a language model's reply as pieces: finished sentences, each with the passages and the quotes
that it names.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from rag.answer.markdown import Block
from rag.answer.markers import is_opening, without_markers
from rag.answer.quotes import (
    Quote,
    bare_quotation,
    claim_of,
    is_long_enough,
    opens_quote,
    without_quotes,
)
from rag.answer.quotes_first import QuotesPart
from rag.answer.remarks import heads_quotes
from rag.english.sentences import sentences
from rag.types import BlockKind, Claim, Place

__all__ = ["Piece", "PieceQuotes", "is_begun", "pieces_of"]

# A sentence is finished when the next has begun in earnest: "U.S." may be the end of one or not.
_BEGUN = 12
# Single quotation marks, told from the apostrophe of "don’t" by the side on which the word stands.
_SINGLE_OPENED = re.compile(r"(?<![\w’'])['‘](?=\w)")
_SINGLE_CLOSED = re.compile(r"(?<=[\w.,!?…])['’](?!\w)")
# Marks that may turn out to be the beginning of emphasis, code, a link or an entity.
_UNRESOLVED = re.compile(r"[*_`<&\\]|!?\[(?:[^\[\]]*(?:\Z|\](?:\Z|\()))")
# Items that a model counts off inside a paragraph: "as follows: 1. Oil 2. Gas".
_INLINE_ITEM = re.compile(r"(?:\A|(?<=\s))(\d{1,2})[.)]\s+(?=[^\W\d_]|[“\"*])")
_DASH = re.compile(r"\A[–—•-]\s+")  # behind a label or a title that was a sentence of its own


@dataclass(frozen=True, slots=True)
class Piece:
    """A finished sentence of a block, or the whole of a heading, cell or piece of code. `strong`: whether the
    whole of its block is bold, or its first characters up to there are. `claims`: the quotes that were found
    for it."""

    text: str
    numbers: tuple[int, ...]
    place: Place
    strong: int = 0
    opens: bool = True  # its block
    quotes: tuple[Quote, ...] = ()
    claims: tuple[Claim, ...] = ()


def pieces_of(block: Block, passages: int | None, *, closed: bool, quoting: bool) -> tuple[list[Piece], str]:
    """The finished sentences of a block, and what has come of the next."""
    place = block.place
    if place.kind is BlockKind.CODE:
        return ([Piece(block.text, (), place)] if closed else []), ""
    plain, markers, places = without_markers(_joined(block.text), block.code, passages)
    quotes: tuple[Quote, ...] = ()
    if quoting:
        plain, markers, places, quotes = without_quotes(plain, markers, places, passages, closed=closed)
    strong = sum(1 for at in places[:-1] if at < block.strong)
    if place.kind in (BlockKind.HEADING, BlockKind.CELL):
        numbers = tuple(n for marker in markers for n in marker.numbers)
        return ([Piece(_flat(plain), numbers, place, strong, quotes=quotes)] if closed else []), ""
    spans = list(_spans(plain))
    if not closed:
        spans = spans[: _finished(plain, spans, block.text, quoting=quoting)]
    whole = len(plain.rstrip(" :"))
    previous: int | None = None
    pieces = []
    for start, end, number in spans:
        # A marker belongs to the sentence it stands in or follows; the space before it has gone with it.
        text = _DASH.sub("", _flat(plain[start:end]))
        if not re.search(r"\w", text):
            continue
        own = place
        if number is not None:
            own = Place(place.block, BlockKind.ITEM, place.depth + 1, number)
        numbers = tuple(n for m in markers if start < m.at <= end for n in m.numbers)
        given = tuple(quote for quote in quotes if start < quote.at <= end)
        bold = 0 if start else len(text) if strong >= whole else len(_flat(plain[:strong]))
        pieces.append(Piece(text, numbers, own, bold, not start or number != previous, given))
        previous = number
    begun = plain[spans[-1][1] if spans else 0 :].strip()
    return pieces, "" if "|" in block.text or place.kind is BlockKind.QUOTE else begun


def _flat(text: str) -> str:
    return " ".join(text.split())


def _joined(text: str) -> str:
    """The text of a block in which a line that goes on in small letters is one with the line before."""
    return re.sub(r"\n(?=[a-z])", " ", text)


def _spans(plain: str) -> Iterator[tuple[int, int, int | None]]:
    """The sentences of a block, each with its number where it begins or goes on an item that the paragraph
    counts off."""
    number: int | None = None
    start = 0
    cuts: list[tuple[int, int, int | None]] = []
    for match in _INLINE_ITEM.finditer(plain):
        found = int(match[1])
        begins = found == 1 and re.search(
            r"(?:\A|[:.!?])\s*\Z", plain[max(0, match.start() - 8) : match.start()]
        )
        if begins or (number is not None and found == number + 1):
            cuts.append((start, match.start(), number))
            start, number = match.end(), found
    cuts.append((start, len(plain), number))
    for first, last, of in cuts:
        line = first
        while line < last:
            end = plain.find("\n", line, last)
            end = last if end < 0 else end
            for a, b in sentences(plain[line:end]):
                yield line + a, line + b, of
            line = end + 1


def _finished(plain: str, spans: Sequence[tuple[int, int, int | None]], text: str, *, quoting: bool) -> int:
    """How many of the sentences of a block that may go on are finished. `quoting`: each may have a quote
    behind it."""
    if not spans or "|" in text:
        return 0  # a line with bars may be the header of a table
    last = plain[spans[-1][0] :]
    begun = len(last.strip()) >= _BEGUN and not is_opening(last) and not (quoting and opens_quote(last))
    count = len(spans) - (1 if begun else 2)
    if count <= 0:
        return 0
    limit = m.start() if (m := _UNRESOLVED.search(plain)) else len(plain)
    ends = [0, *(end for _, end, _ in spans[:count])]
    for at, (before, end) in enumerate(pairwise(ends)):
        # A full stop inside a quotation ends nothing, and until it is closed it cannot be told apart.
        if end > limit or _quoting(plain[before:end]):
            return at
        # A quote of several sentences that has not been closed yet belongs to the sentence before it.
        if quoting and opens_quote(plain[end:]) and _quoting(plain[end:]):
            return at
    return count


def _quoting(text: str) -> bool:
    """Whether a quotation or a bracket is still open at the end."""
    if text.count('"') % 2 or len(_SINGLE_OPENED.findall(text)) > len(_SINGLE_CLOSED.findall(text)):
        return True
    return any(text.count(opened) > text.count(closed) for opened, closed in ("“”", "«»", "()", "[]"))


def is_begun(begun: str) -> bool:
    """Whether enough has come behind a sentence to see that it is no quote of it."""
    return len(begun) >= _BEGUN and not opens_quote(begun) and not _UNRESOLVED.search(begun[:_BEGUN])


class PieceQuotes:
    """Finds the quotes of each piece in the passages, and holds back a piece without any until it is known
    whether its quote stands beneath it."""

    def __init__(self, texts: Sequence[str], first: QuotesPart) -> None:
        self.given = self.located = 0
        self._texts, self._first = texts, first
        self._held: Piece | None = None
        self._above: Piece | None = None  # the last piece that is no quote
        self._listed = False  # whether a list of quotes has begun behind the answer

    def take(self, piece: Piece) -> Iterator[Piece]:
        """What is finished with a further piece."""
        self._listed = self._listed or heads_quotes(piece.text)
        if self._listed:
            return
        above = self._above
        quoted = bare_quotation(piece.text)
        beneath = piece.place.kind is BlockKind.QUOTE or quoted is not None
        # Behind a colon, or behind another, a quotation is what the reply says.
        if beneath and above is not None and not above.text.endswith(":") and not _is_quotation(above):
            if self._held is not None:
                quotes = piece.quotes or (Quote(0, quoted or piece.text),)
                self._held = self._with(self._held, quotes, piece.numbers)
            return
        yield from self.held()
        self._above = piece if piece.place.kind is not BlockKind.HEADING else None
        if quoted is not None and is_long_enough(quoted):
            piece = self._with(piece, (Quote(0, quoted),), ())
            if not piece.claims:
                return  # said by nobody
        piece = self._with(piece, piece.quotes, ())
        if piece.quotes:
            yield self._with_first(piece)
        else:
            self._held = piece

    def held(self) -> Iterator[Piece]:
        """The piece that was held back."""
        if self._held is not None:
            piece, self._held = self._held, None
            yield self._with_first(piece)

    def _with(self, piece: Piece, quotes: Sequence[Quote], numbers: tuple[int, ...]) -> Piece:
        numbers = tuple(dict.fromkeys([*piece.numbers, *numbers]))
        found = [claim_of(quote.text, quote.numbers or numbers, self._texts) for quote in quotes]
        self.given += len(found)
        self.located += sum(claim is not None for claim in found)
        claims = [*piece.claims, *(claim for claim in found if claim)]
        return replace(piece, numbers=numbers, claims=tuple(dict.fromkeys(claims)))

    def _with_first(self, piece: Piece) -> Piece:
        """The piece with the quotes before the answer that its numbers name."""
        first = [claim for number in piece.numbers for claim in self._first.named(number)]
        return replace(piece, claims=tuple(dict.fromkeys([*piece.claims, *first])))


def _is_quotation(piece: Piece) -> bool:
    return piece.place.kind is BlockKind.QUOTE or bare_quotation(piece.text) is not None
