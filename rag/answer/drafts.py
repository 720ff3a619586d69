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

from rag.answer.antecedents import pointing_word, with_antecedent
from rag.answer.markdown import Block, blocks, last_top_line
from rag.answer.pieces import Piece, PieceQuotes, is_begun, pieces_of
from rag.answer.quotes_first import QuotesPart
from rag.answer.remarks import (
    about,
    claims_nothing,
    heads_sources,
    is_fragment,
    is_lead_in,
    is_remark,
    is_unfinished,
    without_announcement,
)
from rag.english.coordination import coordinated
from rag.english.lexicon import HEADING_WORDS
from rag.english.names import names, small_words
from rag.english.normalise import stem, words
from rag.types import BlockKind, Claim, DraftSentence, Layout, Line, Place

__all__ = ["ReplyReader", "drafts_of"]

_LONGEST_STATEMENT = 45  # words: about what the judge reads of a statement
_LONGEST_LABEL = 6  # words before a colon in an item
_PSEUDO_HEADING = 7  # the depth of a bold line that stands as a heading
_LONGEST_LOOKED_INTO = 1_000  # characters; what is longer is no sentence, and is judged as it is
_STEP = 16  # characters after which an open block is read anew: no sentence is finished by fewer
_LONGEST_REPLY = 100_000  # characters; what comes after them is not read, as no model answers at such length
_LONG = 10_000  # characters of an open block; no list or table that is meant is longer
_LABEL = re.compile(r"([^\n.!?:;]{1,80}?)\s?(?::|\s[–—-])\s+(?=\S)")


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
        self._quotes = PieceQuotes(texts, self._first) if self._first else None
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
        if is_begun(begun):
            yield from self._taken(self._quotes.held())

    def _taken(self, pieces: Iterable[Piece]) -> Iterator[DraftSentence]:
        for piece in pieces:
            if draft := self._drafter.take(piece):
                yield draft

    def _pieces(self, text: str, *, complete: bool) -> tuple[list[Piece], str]:
        """The finished pieces of a text, and what has come of the next."""
        found = blocks(text if not complete or text.endswith("\n") else f"{text}\n", self._blocks)
        pieces: list[Piece] = []
        begun = ""
        for block in found:
            finished, begun = pieces_of(
                block, self._passages, closed=complete or block.closed, quoting=self._quotes is not None
            )
            pieces += finished
        return pieces, begun


def _count(found: Sequence[Block]) -> int:
    return found[-1].place.block + 1 if found else 0


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

    def take(self, piece: Piece) -> DraftSentence | None:
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

    def _heading(self, piece: Piece, depth: int) -> DraftSentence | None:
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

    def _cell(self, piece: Piece) -> DraftSentence | None:
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

    def _paragraph(self, piece: Piece) -> DraftSentence | None:
        text, place = without_announcement(piece.text), piece.place
        if text != piece.text:
            strong = max(0, piece.strong - (len(piece.text) - len(text)))
            piece = replace(piece, text=text, strong=strong)
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
        if not text or is_remark(text):
            return None
        if text.endswith(":"):
            return self._announcing(piece)
        return self._sentence(piece)

    def _announcing(self, piece: Piece) -> DraftSentence | None:
        """A line that ends with a colon: what follows stands under it."""
        bare = piece.text.rstrip(": ")
        self._listed, self._named = False, []
        unfinished = is_unfinished(piece.text)
        if unfinished or is_lead_in(piece.text):
            governs = unfinished and bool(about(bare))  # not "The passage is:", which says nothing
            self._lead = _Above(bare if governs else about(bare), 0, Line(piece.text, piece.place), governs)
            return None
        self._lead = _Above(bare, 0, None)
        return self._sentence(piece)

    def _item(self, piece: Piece) -> DraftSentence | None:
        text, depth = piece.text, piece.place.depth
        self._listed = True
        self._items = [above for above in self._items if above.depth < depth or not piece.opens]
        if is_remark(text) and not text.endswith("?"):
            return None
        if text.endswith(":") or (piece.strong >= len(text) and not text.endswith((".", "!"))):
            bare = text.rstrip(": ")
            unfinished = is_unfinished(text)
            governs = unfinished and bool(about(bare))
            nothing = unfinished or claims_nothing(text) or is_lead_in(text)
            self._items.append(_Above(bare, depth, Line(text, piece.place) if nothing else None, governs))
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

    def _sentence(self, piece: Piece) -> DraftSentence:
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


def _draft(piece: Piece, text: str, layout: Layout, *, statement: str | None = None) -> DraftSentence:
    return DraftSentence(text, _claims(piece), statement=statement, layout=layout)


def _claims(piece: Piece) -> tuple[Claim, ...]:
    """The quotes of a piece, and the passages that it names without one."""
    quoted = {claim.number for claim in piece.claims}
    return (*piece.claims, *(Claim(n) for n in dict.fromkeys(piece.numbers) if n not in quoted))


def _label(piece: Piece) -> str:
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
