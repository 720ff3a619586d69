"""A language model's reply as draft sentences, while it streams.

The reply is read as Markdown, block by block, and each block sentence by sentence. A sentence is given as
soon as nothing that may follow can change it. Headings, lead-ins, labels and the headers of tables are no
claims: they are kept as the lines that a sentence stands under. What cannot be understood by itself (a
fragment, a cell, "it") is given a statement to be judged in its place.

A model that was asked for quotes gives the words that a sentence rests on beside it, beneath it, or before
the answer (`rag.answer.quotes`). They become the sentence's claims, and are never drafts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from rag.answer.antecedents import pointing_word, with_antecedent
from rag.answer.markdown import Block, blocks, last_top_line
from rag.answer.markers import is_opening, without_markers
from rag.answer.quotes import Quote, bare_quotation, claim_of, opens_quote, without_quotes
from rag.answer.quotes_first import QuotesPart
from rag.answer.remarks import (
    about,
    claims_nothing,
    heads_quotes,
    heads_sources,
    is_fragment,
    is_lead_in,
    is_remark,
    is_unfinished,
)
from rag.english.coordination import coordinated
from rag.english.lexicon import HEADING_WORDS
from rag.english.names import names, small_words
from rag.english.normalise import stem, words
from rag.english.sentences import sentences
from rag.types import BlockKind, Claim, DraftSentence, Layout, Line, Place

__all__ = ["ReplyReader", "drafts_of"]

# A sentence is finished when the next has begun in earnest: "U.S." may be the end of one or not.
_BEGUN = 12
_LONGEST_STATEMENT = 45  # words: about what the judge reads of a statement
_LONGEST_LABEL = 6  # words before a colon in an item
_PSEUDO_HEADING = 7  # the depth of a bold line that stands as a heading
_LONGEST_LOOKED_INTO = 1_000  # characters; what is longer is no sentence, and is judged as it is
_STEP = 16  # characters after which an open block is read anew: no sentence is finished by fewer
_LONGEST_REPLY = 100_000  # characters; what comes after them is not read, as no model answers at such length
_LONG = 10_000  # characters of an open block; no list or table that is meant is longer
# Single quotation marks, told from the apostrophe of "don’t" by the side on which the word stands.
_SINGLE_OPENED = re.compile(r"(?<![\w’'])['‘](?=\w)")
_SINGLE_CLOSED = re.compile(r"(?<=[\w.,!?…])['’](?!\w)")
# Marks that may turn out to be the beginning of emphasis, code, a link or an entity.
_UNRESOLVED = re.compile(r"[*_`<&\\]|!?\[(?:[^\[\]]*(?:\Z|\](?:\Z|\()))")
# Items that a model counts off inside a paragraph: "as follows: 1. Oil 2. Gas".
_INLINE_ITEM = re.compile(r"(?:\A|(?<=\s))(\d{1,2})[.)]\s+(?=[^\W\d_]|[“\"*])")
_DASH = re.compile(r"\A[–—•-]\s+")  # behind a label or a title that was a sentence of its own
_LABEL = re.compile(r"([^\n.!?:;]{1,80}?)\s?(?::|\s[–—-])\s+(?=\S)")


@dataclass(frozen=True, slots=True)
class _Piece:
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


def drafts_of(reply: str, texts: Sequence[str] = (), *, quoting: bool = False) -> list[DraftSentence]:
    """The draft sentences of a whole reply. `texts`: the passages that the model was given; `quoting`:
    whether it was asked to quote them.

    >>> drafts = drafts_of("Iran struck first [1]. Pakistan replied. [2, 3]\\n\\nI hope this helps!")
    >>> [(draft.text, [claim.number for claim in draft.claims]) for draft in drafts]
    [('Iran struck first.', [1]), ('Pakistan replied.', [2, 3])]
    """
    reader = ReplyReader(texts, quoting=quoting)
    return [*reader.feed(reply), *reader.close()]


class ReplyReader:
    """Reads one reply, piece by piece. `texts`: the passages that the model was given, where they are known.
    `quoting`: whether it was asked to quote them; a quote of a passage not among them is none.

    Where the stream is cut makes no difference to the drafts.
    """

    def __init__(self, texts: Sequence[str] = (), *, quoting: bool = False) -> None:
        self._passages = len(texts) or None
        self._drafter = _Drafter(frozenset().union(*map(small_words, texts)))
        self._first = QuotesPart(texts) if quoting else None
        self._quotes = _Quotes(texts, self._first) if self._first else None
        self._open = ""  # what is not closed yet
        self._blocks = 0  # closed before it
        self._given = 0  # pieces of it that were given to the drafter
        self._read = 0  # its length when it was last read
        self._length = 0  # of the whole reply

    @property
    def quoted(self) -> tuple[int, int]:
        """How many quotes the reply gave so far, and how many of them a passage has."""
        if self._first is None or self._quotes is None:
            return 0, 0
        return self._first.given + self._quotes.given, self._first.located + self._quotes.located

    def feed(self, piece: str) -> Iterator[DraftSentence]:
        """The drafts that are finished with a further piece of the reply."""
        piece = piece[: max(0, _LONGEST_REPLY - self._length)]
        self._length += len(piece)
        yield from self._feed(self._first.feed(piece) if self._first else piece)

    def _feed(self, piece: str) -> Iterator[DraftSentence]:
        self._open += piece
        # A block is read anew after it has grown by a part, so that the time stays linear in its length.
        part = self._read // 8 if self._read < _LONG else self._read
        if len(self._open) - self._read < max(_STEP, part):
            return
        if cut := last_top_line(self._open):
            closed, self._open = self._open[:cut], self._open[cut:]
            before = self._given
            yield from self._drafts(closed, complete=True)
            # What follows may have been given in part: its lines are not whole yet.
            self._given = max(0, before - len(self._pieces(closed, complete=True)[0]))
            self._blocks = max(self._blocks, _count(blocks(closed, self._blocks)))
        self._read = len(self._open)
        yield from self._drafts(self._open, complete=False)

    def close(self) -> Iterator[DraftSentence]:
        """The drafts that are left when the reply is complete."""
        if self._first:
            self._open += self._first.close()
        yield from self._drafts(self._open, complete=True)
        self._open, self._given = "", 0
        if self._quotes:
            yield from self._taken(self._quotes.held())

    def _drafts(self, text: str, *, complete: bool) -> Iterator[DraftSentence]:
        """The drafts of the pieces of what is not closed that were not given yet."""
        pieces, begun = self._pieces(text, complete=complete)
        new, self._given = pieces[self._given :], max(self._given, len(pieces))
        if self._quotes is None:
            yield from self._taken(new)
            return
        for piece in new:
            yield from self._taken(self._quotes.take(piece))
        # What a sentence is followed by may be its quote, until enough of it has come.
        if len(begun) >= _BEGUN and not opens_quote(begun) and not re.search(_UNRESOLVED, begun[:_BEGUN]):
            yield from self._taken(self._quotes.held())

    def _taken(self, pieces: Iterable[_Piece]) -> Iterator[DraftSentence]:
        for piece in pieces:
            if draft := self._drafter.take(piece):
                yield draft

    def _pieces(self, text: str, *, complete: bool) -> tuple[list[_Piece], str]:
        """The finished pieces of a text, and what has come of the next."""
        found = blocks(text if not complete or text.endswith("\n") else f"{text}\n", self._blocks)
        pieces: list[_Piece] = []
        begun = ""
        for block in found:
            finished, begun = _pieces(
                block, self._passages, closed=complete or block.closed, quoting=self._quotes is not None
            )
            pieces += finished
        return pieces, begun


class _Quotes:
    """Finds the quotes of each piece in the passages, and holds back a piece without any until it is known
    whether its quote stands beneath it."""

    def __init__(self, texts: Sequence[str], first: QuotesPart) -> None:
        self.given = self.located = 0
        self._texts, self._first = texts, first
        self._held: _Piece | None = None
        self._above: _Piece | None = None  # the last piece that is no quote
        self._listed = False  # whether a list of quotes has begun behind the answer

    def take(self, piece: _Piece) -> Iterator[_Piece]:
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
        piece = self._with(piece, piece.quotes, ())
        if piece.quotes:
            yield self._with_first(piece)
        else:
            self._held = piece

    def held(self) -> Iterator[_Piece]:
        """The piece that was held back."""
        if self._held is not None:
            piece, self._held = self._held, None
            yield self._with_first(piece)

    def _with(self, piece: _Piece, quotes: Sequence[Quote], numbers: tuple[int, ...]) -> _Piece:
        numbers = tuple(dict.fromkeys([*piece.numbers, *numbers]))
        found = [claim_of(quote.text, quote.numbers or numbers, self._texts) for quote in quotes]
        self.given += len(found)
        self.located += sum(claim is not None for claim in found)
        claims = [*piece.claims, *(claim for claim in found if claim)]
        return replace(piece, numbers=numbers, claims=tuple(dict.fromkeys(claims)))

    def _with_first(self, piece: _Piece) -> _Piece:
        """The piece with the quotes before the answer that its numbers name."""
        first = [claim for number in piece.numbers for claim in self._first.named(number)]
        return replace(piece, claims=tuple(dict.fromkeys([*piece.claims, *first])))


def _is_quotation(piece: _Piece) -> bool:
    return piece.place.kind is BlockKind.QUOTE or bare_quotation(piece.text) is not None


def _count(found: Sequence[Block]) -> int:
    return found[-1].place.block + 1 if found else 0


# --- blocks as sentences -----------------------------------------------------------------------------------


def _pieces(block: Block, passages: int | None, *, closed: bool, quoting: bool) -> tuple[list[_Piece], str]:
    """The finished sentences of a block, and what has come of the next."""
    place = block.place
    if place.kind is BlockKind.CODE:
        return ([_Piece(block.text, (), place)] if closed else []), ""
    plain, markers, places = without_markers(_joined(block.text), block.code, passages)
    quotes: tuple[Quote, ...] = ()
    if quoting:
        plain, markers, places, quotes = without_quotes(plain, markers, places, passages, closed=closed)
    strong = sum(1 for at in places[:-1] if at < block.strong)
    if place.kind in (BlockKind.HEADING, BlockKind.CELL):
        numbers = tuple(n for marker in markers for n in marker.numbers)
        return ([_Piece(_flat(plain), numbers, place, strong, quotes=quotes)] if closed else []), ""
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
        pieces.append(_Piece(text, numbers, own, bold, not start or number != previous, given))
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


# --- sentences as drafts -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Above:
    """A text that others stand under. `line`: it where it claims nothing, so that it is shown with them.
    `governs`: they say nothing without it, be they sentences or not."""

    text: str
    depth: int
    line: Line | None
    governs: bool = False


class _Drafter:
    """Makes drafts of the pieces of a reply, in their order, and remembers what each stands under. `common`:
    words that are no names, though a heading gives them a capital."""

    def __init__(self, common: frozenset[str]) -> None:
        self._common = common | HEADING_WORDS
        self._headings: list[_Above] = []
        self._lead: _Above | None = None
        self._listed = False  # whether items have followed the lead-in
        self._items: list[_Above] = []  # that the next item may stand under
        self._named: list[str] = []  # the items of the list
        self._label: _Above | None = None
        self._labelled = -1  # the block that the label stands in
        self._header: dict[int, str] = {}
        self._row = ""
        # The sentence before as it is shown, `None` for a whole list, and as it is understood.
        self._before: tuple[str | None, str] | None = None
        self._skipping = False  # a list of sources

    def take(self, piece: _Piece) -> DraftSentence | None:
        """The draft of a piece, `None` where it claims nothing."""
        kind = piece.place.kind
        if kind is BlockKind.HEADING:
            return self._heading(piece, piece.place.depth)
        if kind is BlockKind.CELL:
            return self._cell(piece)
        if self._skipping:
            return None
        if kind is BlockKind.CODE:
            return _draft(piece, piece.text, self._layout(piece.place, ()))
        if kind is BlockKind.ITEM:
            return self._item(piece)
        return self._paragraph(piece)

    def _heading(self, piece: _Piece, depth: int) -> DraftSentence | None:
        self._headings = [above for above in self._headings if above.depth < depth]
        self._lead, self._items, self._before, self._label, self._named = None, [], None, None, []
        self._skipping = heads_sources(piece.text)
        if self._skipping or not piece.text:
            return None
        bare = piece.text.rstrip(": ")
        layout = self._layout(piece.place, ())
        if claims_nothing(piece.text):
            self._headings.append(_Above(bare, depth, Line(bare, piece.place)))
            return None
        self._headings.append(_Above(bare, depth, None))
        self._before = (piece.text, piece.text)
        return _draft(piece, piece.text, layout)

    def _cell(self, piece: _Piece) -> DraftSentence | None:
        place, text = piece.place, piece.text
        if place.row == 0:
            if place.column == 0:
                self._header = {}
            self._header[place.column] = text
            return None
        if place.column == 0:
            self._row = text
            if len(self._header) > 1:
                return None
        if self._skipping or not re.search(r"\w", text):
            return None
        head = self._header.get(place.column, "")
        row = self._row if place.column else ""
        lines = [
            Line(said, Place(place.block, BlockKind.CELL, 0, None, at_row, column))
            for said, at_row, column in (
                (self._header.get(0, ""), 0, 0), (head, 0, place.column), (row, place.row, 0)
            )
            if said and (at_row, column) != (place.row, place.column)
        ]  # fmt: skip
        lines = list(dict.fromkeys(lines))
        about = [above.text for above in self._headings[-1:]] if not row else []
        statement = ": ".join([*about, ", ".join(said for said in (row, head) if said), text])
        if is_fragment(text) is False and not pointing_word(text):
            statement = f"{row}: {text}" if row else text
        return _draft(
            piece, text, self._layout(place, lines), statement=statement if statement != text else None
        )

    def _paragraph(self, piece: _Piece) -> DraftSentence | None:
        text, place = piece.text, piece.place
        if piece.opens and piece.strong and piece.strong >= len(text.rstrip(": ")) and claims_nothing(text):
            return self._heading(piece, _PSEUDO_HEADING)
        if heads_sources(text) and text.endswith(":"):
            self._skipping = True
            return None
        if piece.opens and not place.depth:
            self._items = []
            if self._listed:
                # "They" behind a list are its items.
                lead = [self._lead.text] if self._lead and self._lead.text else []
                whole = f"{': '.join([*lead, ', '.join(self._named)])}."
                self._before = (None, whole) if _fits(whole) else None
                self._lead, self._listed, self._named, self._label = None, False, [], None
        if is_remark(text):
            return None
        if text.endswith(":"):
            return self._announcing(piece)
        return self._sentence(piece)

    def _announcing(self, piece: _Piece) -> DraftSentence | None:
        """A line that ends with a colon: what follows stands under it."""
        bare = piece.text.rstrip(": ")
        self._listed, self._named = False, []
        unfinished = is_unfinished(piece.text)
        if unfinished or is_lead_in(piece.text):
            said = bare if unfinished else about(bare)
            self._lead = _Above(said, 0, Line(piece.text, piece.place), governs=unfinished)
            return None
        self._lead = _Above(bare, 0, None)
        return self._sentence(piece)

    def _item(self, piece: _Piece) -> DraftSentence | None:
        text, depth = piece.text, piece.place.depth
        self._listed = True
        self._items = [above for above in self._items if above.depth < depth or not piece.opens]
        if is_remark(text) and not text.endswith("?"):
            return None
        if text.endswith(":") or (piece.strong >= len(text) and not text.endswith((".", "!"))):
            bare = text.rstrip(": ")
            unfinished = is_unfinished(text)
            nothing = unfinished or claims_nothing(text) or is_lead_in(text)
            self._items.append(_Above(bare, depth, Line(text, piece.place) if nothing else None, unfinished))
            self._before = None
            # The last item of a list that only names is a claim of the list: "The winners are: **Ann Lee**".
            if nothing and text.endswith(":"):
                return None
            self._items.pop()
        draft = self._sentence(piece)
        if depth == 1 and piece.opens:
            self._named.append(text.rstrip(".: "))
        if piece.opens:
            self._items = [above for above in self._items if above.depth < depth]
            self._items.append(_Above(text.rstrip(".: "), depth, None))
        return draft

    def _sentence(self, piece: _Piece) -> DraftSentence:
        text, place = piece.text, piece.place
        new = piece.opens
        label = _label(piece) if place.kind is BlockKind.ITEM or piece.strong else ""
        if new and place.kind is BlockKind.ITEM:
            self._before = None
        if new or place.block != self._labelled:
            self._label = None
        if label:
            line = Line(label, place)
            self._label, self._labelled = _Above(label.rstrip(" :–—-"), 0, line), place.block
            text = text[len(label) :].lstrip()
            text = text[:1].upper() + text[1:] if re.match(r"[a-z]+\s", text) and text.endswith(".") else text
        above = self._above(place)
        said, follows = self._understood(text, place, above)
        parts = coordinated(said) if len(said) <= _LONGEST_LOOKED_INTO and not _is_joined(said, text) else ()
        # What "it" points to is looked for one sentence back, and no further.
        self._before = (text, text if follows is not None and _is_joined(said, text) else said)
        return DraftSentence(
            text,
            _claims(piece),
            statement=said if said != text else None,
            layout=self._layout(place, [each.line for each in above if each.line]),
            parts=parts if len(parts) > 1 else (),
            follows=follows,
        )

    def _above(self, place: Place) -> list[_Above]:
        """What a sentence stands under beside the headings, the outermost first."""
        lead = [self._lead] if self._lead else []
        items = [above for above in self._items if above.depth < place.depth]
        return [*lead, *items, *([self._label] if self._label else [])]

    def _understood(self, text: str, place: Place, above: Sequence[_Above]) -> tuple[str, str | None]:
        """What a sentence says, with what it needs to be understood; and the sentence that it points to."""
        if len(text) > _LONGEST_LOOKED_INTO:
            return text, None
        under = [each.text for each in (*self._headings[-1:], *above) if each.text]
        nearest = [each.text for each in above if each.text] or under
        if any(each.governs for each in above):
            return _under(nearest, text), None
        if pointing_word(text):
            if self._before:
                shown, before = self._before
                if resolved := with_antecedent(text, before):
                    return resolved, shown
                together = f"{before if before.endswith(('.', '!', '?')) else f'{before}.'} {text}"
                return (together if _fits(together) else text), shown
            return _under(nearest, text), None
        # A paragraph is made of sentences, whether their verbs are known or not.
        whole = place.kind is not BlockKind.ITEM and text.endswith((".", "!"))
        if text.endswith("?") or (not whole and is_fragment(text)):
            return _under(nearest, text), None
        common = self._common | small_words(" ".join([text, *under]))
        held = {stem(word) for word in words(text)}
        missing = [each for each in under if _names_more(each, held, common)]
        return _under(missing, text), None

    def _layout(self, place: Place, lines: Sequence[Line]) -> Layout:
        headings = [above.line for above in self._headings if above.line]
        return Layout(place, (*headings, *lines))


def _draft(piece: _Piece, text: str, layout: Layout, *, statement: str | None = None) -> DraftSentence:
    return DraftSentence(text, _claims(piece), statement=statement, layout=layout)


def _claims(piece: _Piece) -> tuple[Claim, ...]:
    """The quotes of a piece, and the passages that it names without one."""
    quoted = {claim.number for claim in piece.claims}
    return (*piece.claims, *(Claim(n) for n in dict.fromkeys(piece.numbers) if n not in quoted))


def _label(piece: _Piece) -> str:
    """The label that a sentence begins with, with its colon or dash: bold, or a few words of an item."""
    if not piece.opens:
        return ""
    match = _LABEL.match(piece.text)
    if match is None:
        return ""
    bold = piece.strong > 0 and abs(piece.strong - match.end(1)) <= 1
    few = piece.place.kind is BlockKind.ITEM and len(match[1].split()) <= _LONGEST_LABEL
    return match.group().rstrip() if (bold or few) and claims_nothing(match[1]) else ""


def _under(above: Sequence[str], text: str) -> str:
    """The text behind what it stands under, as far as the judge reads so much; the nearest stays longest."""
    kept = list(above)
    while kept and not _fits(said := ": ".join([*kept, text])):
        kept = kept[1:]
    return said if kept else text


def _fits(text: str) -> bool:
    return len(text.split()) <= _LONGEST_STATEMENT


def _is_joined(said: str, text: str) -> bool:
    """Whether what is judged is the text behind others, and no sentence of its own."""
    return said != text and said.endswith(text)


def _names_more(above: str, held: set[str], common: frozenset[str]) -> bool:
    """Whether a text names somebody or something that the words below it do not."""
    return any(not {stem(word) for word in words(name.text)} & held for name in names(above, common=common))
