"""PDF: the words as they are read, out of a file that knows only where on which page each letter is printed.

pdfminer.six finds the letters. What they are lines, columns and paragraphs of is worked out here, from
distances alone: pdfminer's own layout analysis (LAParams) joins two columns whose gap is as wide as two
letters, orders a page by one number between across and down (boxes_flow), and tells no table from columns.
Lengths are in points, or in em: multiples of the size of the type.
"""

from __future__ import annotations

import logging
import re
import unicodedata
from bisect import bisect_left, insort
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from statistics import median
from typing import TYPE_CHECKING, Any

from ingest.formats.extracted import Extracted, Fact
from ingest.formats.markup import has_words, one_line
from rag.errors import SourceError

if TYPE_CHECKING:
    from pdfminer.layout import LTChar, LTCurve, LTPage
    from pdfminer.pdfdocument import PDFDocument

__all__ = ["MOST_PAGES", "extract"]

MOST_PAGES = 5_000
# What pdfminer raises on damaged and hostile files, beside its own PSException: it trusts what it reads.
_DAMAGE = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    OSError,
    RuntimeError,  # also RecursionError and NotImplementedError
    StopIteration,
    TypeError,
    ValueError,  # also UnicodeError, binascii.Error and struct's relatives
)


def extract(data: bytes) -> Extracted:
    """The text of a PDF in reading order, without running heads, page numbers and the hyphens of line ends;
    where each page begins in it; and what the file says of itself."""
    if b"%PDF-" not in data[:1024]:  # where readers look for it: mail and web servers put bytes in front
        raise SourceError("it is not a PDF, whatever its name says. Open it, and save it as PDF or text")
    sheets, document_says, warnings = _read(data)
    if not any(sheet.words for sheet in sheets):
        if any(sheet.pictures for sheet in sheets):
            raise SourceError("it holds pictures of text only. Make it searchable (OCR) first")
        raise SourceError(
            "it holds no words. If a viewer shows some, print it to PDF again, or make it searchable (OCR)"
        )
    warnings += _doubts(sheets)
    headline = _headline(sheets[0])
    _without_running_heads(sheets)
    text, pages = _text(sheets)
    if not has_words(text):
        raise SourceError("it holds no words, only numbers and signs. Make it searchable (OCR) first")
    return Extracted(text, _facts(document_says, headline, text), pages, tuple(warnings))


# --- pdfminer's door ---


@dataclass(slots=True)
class _Word:
    text: str
    x0: float
    x1: float
    base: float  # the line that letters stand on, upwards from the foot of the page
    size: float
    bold: bool
    spaced: bool  # a space is printed before it
    dropped: bool = False  # the letter, several lines high, that an article begins with


@dataclass(slots=True)
class _Sheet:
    """One page."""

    number: int
    words: list[_Word]
    spaces: bool  # spaces are printed; else only distances tell words apart
    pictures: bool = False
    unknown: int = 0  # letters that the file has no character for
    letters: int = 0


def _read(data: bytes) -> tuple[list[_Sheet], dict[str, str], list[str]]:
    """Every page's words, what the document says of itself, and what went wrong. The one place that pdfminer
    is called in.
    """
    try:
        from pdfminer.pdfdocument import PDFDocument, PDFEncryptionError, PDFPasswordIncorrect
        from pdfminer.pdfpage import PDFPage
        from pdfminer.pdfparser import PDFParser
        from pdfminer.psexceptions import PSException
    except ImportError as exc:
        raise SourceError(
            "PDF files need pdfminer.six: .venv/bin/python -m pip install -c constraints.txt -e '.[pdf]'"
        ) from exc
    logging.getLogger("pdfminer").setLevel(logging.CRITICAL)  # it prints a line for each thing it forgives
    damage = (*_DAMAGE, PSException)
    try:
        document = PDFDocument(PDFParser(BytesIO(data)))
        says = _says(document)
        pages = PDFPage.create_pages(document)
        layout = _layouts()
    except PDFPasswordIncorrect as exc:
        raise SourceError("it has a password. Open it with the password, and print it to a new PDF") from exc
    except PDFEncryptionError as exc:
        raise SourceError("it is protected in a way that cannot be read. Print it to a new PDF") from exc
    except damage as exc:
        raise SourceError("it is a damaged PDF, or only a part of one. Copy or download it again") from exc
    sheets: list[_Sheet] = []
    unread: list[int] = []
    while True:
        try:
            page = next(pages, None)
        except damage:  # the tree of pages is damaged: what came before is all there is
            page, unread = None, [*unread, len(sheets) + 1]
        if page is None:
            break
        if len(sheets) == MOST_PAGES:
            raise SourceError(f"it has more than {MOST_PAGES:,} pages. Split it up")
        try:
            sheets.append(_sheet(layout(page), len(sheets)))
        except damage:
            unread.append(len(sheets) + 1)
            sheets.append(_Sheet(len(sheets), [], spaces=False))
    if not sheets or len(unread) >= len(sheets):
        raise SourceError("it is a damaged PDF: none of its pages can be read. Copy or download it again")
    return (
        sheets,
        says,
        [f"{_numbered(unread)} could not be read: the file is damaged there"] if unread else [],
    )


def _layouts() -> Callable[[Any], LTPage]:
    """A function from a page to the letters and pictures on it."""
    from pdfminer.converter import PDFPageAggregator
    from pdfminer.pdfinterp import PDFPageInterpreter, PDFResourceManager

    resources = PDFResourceManager()
    device = PDFPageAggregator(resources, laparams=None)
    paint = device.paint_path

    def paint_dot(state: Any, stroke: bool, fill: bool, evenodd: bool, path: Sequence[Any]) -> None:
        # A list's dots are circles in what Chromium prints. Other shapes say nothing, and a map has a million
        # of them.
        if fill and 4 < len(path) < 24 and any(step[0] == "c" for step in path):
            paint(state, stroke, fill, evenodd, path)

    device.paint_path = paint_dot
    interpreter = PDFPageInterpreter(resources, device)

    def layout(page: Any) -> LTPage:
        interpreter.process_page(page)
        return device.get_result()

    return layout


def _says(document: PDFDocument) -> dict[str, str]:
    """Title, Author, Creator and Producer of the information dictionary, and Lang of the catalog."""
    from pdfminer.pdftypes import resolve1
    from pdfminer.utils import decode_text

    stated: dict[str, Any] = {"Lang": document.catalog.get("Lang")}
    for info in reversed(document.info):  # the newest comes first
        stated.update(
            {name: info[name] for name in ("Title", "Author", "Creator", "Producer") if name in info}
        )
    says = {}
    for name, value in stated.items():
        value = resolve1(value)
        if isinstance(value, bytes):
            # PDF 2.0 allows UTF-8, with its mark.
            text = (
                value.decode("utf-8-sig", "replace")
                if value.startswith(b"\xef\xbb\xbf")
                else decode_text(value)
            )
            says[name] = one_line("".join(_character(character) for character in text))
    return says


def _sheet(page: LTPage, number: int) -> _Sheet:
    from pdfminer.layout import LTChar, LTContainer, LTCurve, LTImage

    glyphs: list[LTChar] = []
    dots: list[LTCurve] = []
    pictures = False
    waiting: list[Any] = [iter(page)]
    while waiting:  # what browsers and Word print through is a figure in a figure
        item = next(waiting[-1], None)
        if item is None:
            waiting.pop()
        elif isinstance(item, LTChar):
            glyphs.append(item)
        elif isinstance(item, LTImage):
            pictures = True
        elif isinstance(item, LTCurve):
            dots.append(item)
        elif isinstance(item, LTContainer):
            waiting.append(iter(item))
    printed = _upright(page, glyphs)
    blanks = sum(glyph.text.isspace() for glyph in printed)
    sheet = _Sheet(number, [], spaces=blanks * 25 > len(printed), pictures=pictures)
    sheet.unknown = sum("\ufffd" in glyph.text for glyph in printed)
    sheet.letters = len(printed) - blanks
    sheet.words = _words(printed, 0.4 if sheet.spaces else 0.15)
    _mark_items(sheet.words, dots)
    return sheet


def _mark_items(words: list[_Word], dots: Iterable[LTCurve]) -> None:
    """Puts a bullet where a dot is drawn before a word."""
    for dot in dots:
        middle = (dot.y0 + dot.y1) / 2
        after = [
            word
            for word in words
            if 0.2 * word.size < word.x0 - dot.x1 < 2 * word.size
            and word.base < middle < word.base + 0.6 * word.size
            and 0.15 * word.size < dot.height < 0.6 * word.size
            and abs(dot.height - dot.width) < 0.1 * dot.height
        ]
        if after:
            word = min(after, key=lambda word: word.x0)
            word.spaced = True
            words.append(_Word("•", dot.x0, dot.x1, word.base, word.size, False, True))


@dataclass(slots=True)
class _Glyph:
    text: str
    x0: float
    x1: float
    base: float
    size: float
    bold: bool


_DIRECTIONS = ((1, 0), (0, 1), (-1, 0), (0, -1))
_BOLD = re.compile(r"bold|black|heavy|semibold|demi", re.IGNORECASE)


def _upright(page: LTPage, glyphs: Iterable[LTChar]) -> list[_Glyph]:
    """The letters that run the way most of the page does, turned upright: a table may be printed sideways,
    and a stamp in the margin or across the page is no part of the text. What lies off the page is not
    seen."""
    by_direction: dict[tuple[int, int], list[_Glyph]] = defaultdict(list)
    for glyph in glyphs:
        a, b, _, _, e, f = glyph.matrix
        scale = max(abs(a), abs(b))
        if not scale or min(abs(a), abs(b)) > 0.05 * scale:
            continue
        x, y = (glyph.x0 + glyph.x1) / 2, (glyph.y0 + glyph.y1) / 2
        if not (page.x0 <= x <= page.x1 and page.y0 <= y <= page.y1):
            continue
        way = (round(a / scale), round(b / scale))
        turned = {
            (1, 0): (glyph.x0, glyph.x1, f, glyph.height),
            (0, 1): (glyph.y0, glyph.y1, -e, glyph.width),
            (-1, 0): (-glyph.x1, -glyph.x0, -f, glyph.height),
            (0, -1): (-glyph.y1, -glyph.y0, e, glyph.width),
        }[way]
        text = _character(glyph.get_text())
        if text and turned[3] > 0:
            by_direction[way].append(_Glyph(text, *turned, bool(_BOLD.search(glyph.fontname))))
    return max((by_direction[way] for way in _DIRECTIONS), key=len)


_BULLETS = dict.fromkeys("\uf0b7\uf0a7\uf0d8\uf076\uf02d\u25aa\u25cf\u25e6\u25a0\u2023\u00b7", "•")


def _character(text: str) -> str:
    """What a letter means: ligatures as their letters, the signs that lists begin with as one, and U+FFFD for
    what has no character: pdfminer writes (cid:123), and symbol fonts use private code points."""
    if text.startswith("(cid:"):
        return "\ufffd"
    if text in _BULLETS:
        return _BULLETS[text]
    if "\ufb00" <= text <= "\ufb06":
        return unicodedata.normalize("NFKC", text)
    if text == "\u2010":  # printed at a line end: the hyphen of a broken word
        return "-"
    if len(text) == 1 and unicodedata.category(text) in ("Co", "Cn", "Cs"):
        return "\ufffd"
    return (
        " "
        if not text or text.isspace()
        else "".join(one for one in text if unicodedata.category(one) != "Cc")
    )


def _words(glyphs: Sequence[_Glyph], gap: float) -> list[_Word]:
    """Letters printed one after the other as words; two letters more than `gap` em apart are of two words."""
    words: list[_Word] = []
    drawn: dict[str, list[_Word]] = defaultdict(list)
    word: _Word | None = None
    spaced = False
    last: _Glyph | None = None
    blank: _Glyph | None = None

    def end() -> None:
        # Printing a word twice, a hair apart, is how some programs make it bold, or cast its shadow.
        if word is None or any(_near(word, other) for other in drawn[word.text][-20:]):
            return
        drawn[word.text].append(word)
        words.append(word)

    for glyph in glyphs:
        if glyph.text.isspace():
            blank, last = blank or glyph, None
            continue
        # Chromium prints a soft hyphen within a line as a space that the next letter stands on.
        if blank is not None and not (
            _level_with(blank, glyph) and glyph.x0 < blank.x0 + 0.3 * (blank.x1 - blank.x0)
        ):
            end()
            word, spaced = None, True
        blank = None
        if last is not None and last.text == glyph.text and _near(last, glyph):
            continue
        if (
            word is not None
            and abs(glyph.base - word.base) < 0.1 * word.size
            and abs(glyph.size - word.size) < 0.15 * word.size
            and -0.3 * word.size < glyph.x0 - word.x1 < gap * word.size
        ):
            word.text += glyph.text
            word.x1 = max(word.x1, glyph.x1)
        else:
            end()
            word = _Word(glyph.text, glyph.x0, glyph.x1, glyph.base, glyph.size, glyph.bold, spaced)
        spaced, last = False, glyph
    end()
    return words


def _level_with(one: _Glyph, other: _Glyph) -> bool:
    return abs(one.base - other.base) < 0.1 * one.size and other.x0 > one.x0 - 0.3 * one.size


def _near(one: _Word | _Glyph, other: _Word | _Glyph) -> bool:
    return abs(one.x0 - other.x0) < 0.1 * one.size and abs(one.base - other.base) < 0.1 * one.size


def _doubts(sheets: Sequence[_Sheet]) -> list[str]:
    doubts = []
    letters, unknown = sum(sheet.letters for sheet in sheets), sum(sheet.unknown for sheet in sheets)
    if unknown * 2 > letters:
        raise SourceError(
            "its letters cannot be told: its fonts do not say which they are. Make it searchable (OCR) first"
        )
    if unknown:
        doubts.append(f"{unknown} of its {letters:,} letters cannot be told, and are shown as \ufffd")
    if pictures := [sheet.number + 1 for sheet in sheets if sheet.pictures and not sheet.words]:
        doubts.append(
            f"{_numbered(pictures)} only pictures. If there is text in them, make it searchable (OCR)"
        )
        doubts[-1] = doubts[-1].replace(" only", " holds only" if len(pictures) == 1 else " hold only", 1)
    if sum(
        unicodedata.bidirectional(word.text[0]) in ("R", "AL") for s in sheets for word in s.words
    ) * 3 > sum(len(sheet.words) for sheet in sheets):
        doubts.append("it is written from right to left, and its words may come out in the wrong order")
    return doubts


def _numbered(pages: Sequence[int]) -> str:
    """
    >>> _numbered([3]), _numbered([1, 2, 9])
    ('page 3', 'pages 1, 2, 9')
    """
    shown = ", ".join(str(page) for page in pages[:10]) + (", …" if len(pages) > 10 else "")
    return f"page {shown}" if len(pages) == 1 else f"pages {shown}"


# --- running heads and page numbers ---

_EDGE = 4  # lines at the head and at the foot of a page that may be running ones
_NEAR = 6.0  # points by which their place may differ from page to page
_NUMBER = re.compile(
    r"(?:page |seite |p\. ?)?[-–—|]? ?(?:#|[ivxlc]{1,6}) ?[-–—|]?(?: ?(?:/|of|von|de|sur) ?#)?"
)
# What browsers print above and below a page; where there is but one page, nothing repeats that could tell.
_BROWSER_HEAD = re.compile(r"\d{1,4}[./-]\d{1,2}[./-]\d{1,4},? \d{1,2}:\d{2}\b.*")
_BROWSER_FOOT = re.compile(
    r"(?:(?:https?|file)://\S+ )?\d+ ?/ ?\d+|(?:.{0,80}\W)?(?:page|seite|p[áa]gina) \d+ (?:of|von|de|sur|di) "
    r"\d+(?:\W.{0,80})?",
    re.IGNORECASE,
)


def _without_running_heads(sheets: Sequence[_Sheet]) -> None:
    """Removes the lines at the edges of pages that stand in the same place on most pages, or on most left or
    right ones, and differ in digits at most."""
    written = [sheet for sheet in sheets if sheet.words]
    edges = {sheet.number: _edges(sheet) for sheet in written}
    places: dict[tuple[str, bool, int], set[int]] = defaultdict(set)
    for number, (head, foot) in edges.items():
        for lines, at_foot in ((head, False), (foot, True)):
            for line in lines:
                places[_running(line.text), at_foot, round(line.base / _NEAR)].add(number)

    def repeats(line: _Line, at_foot: bool) -> bool:
        key, slot = _running(line.text), round(line.base / _NEAR)
        on = set().union(*(places.get((key, at_foot, slot + by), set()) for by in (-1, 0, 1)))
        if len(on) < 2:
            return False
        return any(
            len(on & alike) > max(1, len(alike) / 2)
            for alike in (set(edges), {n for n in edges if n % 2}, {n for n in edges if not n % 2})
        ) or (len(edges) == 2 and len(on) == 2)

    gone: set[int] = set()
    for sheet in written:
        for lines, at_foot in zip(edges[sheet.number], (False, True), strict=True):
            for line in lines:  # from the edge inwards, as far as they repeat
                alone = len(written) == 1 and (_BROWSER_FOOT if at_foot else _BROWSER_HEAD).fullmatch(
                    line.text
                )
                if not (alone or repeats(line, at_foot)):
                    break
                gone.update(id(word) for word in line.words)
            gone.update(id(word) for line in lines[:1] for word in _folio(line))
    if all(id(word) in gone for sheet in written for word in sheet.words):
        return  # a form filled in twice, rather than pages with nothing but a head
    for sheet in written:
        sheet.words = [word for word in sheet.words if id(word) not in gone]


def _folio(line: _Line) -> list[_Word]:
    """The words at the end of a page's first or last line that say which page it is: "THE COURIER … PAGE 5"."""
    for words in (line.words[:2], line.words[-2:]):
        if len(words) == 2 and re.fullmatch(
            r"(?:page|seite|p[áa]gina) \d+", f"{words[0].text} {words[1].text}".lower()
        ):
            return words
    return []


def _edges(sheet: _Sheet) -> tuple[list[_Line], list[_Line]]:
    lines = _lines(sheet.words, sheet)
    return lines[:_EDGE], lines[::-1][:_EDGE]


def _running(text: str) -> str:
    """What does not change from page to page.

    >>> _running("The Courier, page 12"), _running("– 7 –"), _running("xiv")
    ('the courier, page #', '#', '#')
    """
    key = re.sub(r"\d+", "#", one_line(text).lower())
    return "#" if _NUMBER.fullmatch(key) else key


# --- lines ---


@dataclass(slots=True)
class _Line:
    words: list[_Word]
    page: int
    spaces: bool  # of the page: they are printed
    base: float
    size: float
    x0: float = 0.0
    x1: float = 0.0
    bold: bool = False
    text: str = ""
    fresh: bool = False  # within its paragraph it begins a line of its own, as in an address


def _body(words: Iterable[_Word]) -> float:
    """The size that most letters are set in."""
    sizes: Counter[float] = Counter()
    for word in words:
        sizes[round(word.size, 1)] += len(word.text)
    return max(sizes, key=lambda size: (sizes[size], size), default=10.0)


def _lines(words: Sequence[_Word], sheet: _Sheet) -> list[_Line]:
    """The words as lines from top to bottom; raised and lowered figures belong to the line that they stand
    at.
    """
    bases: list[float] = []
    lines: dict[float, _Line] = {}
    reach = 0.6 * max((word.size for word in words), default=0.0)
    for word in sorted(words, key=lambda word: (-round(word.size, 1), -word.base, word.x0)):
        home = None
        for base in bases[bisect_left(bases, word.base - reach) : bisect_left(bases, word.base + reach)]:
            size = lines[base].size
            low, high = (-0.35 * size, 0.55 * size) if word.size < 0.85 * size else (-0.2 * size, 0.2 * size)
            if low < word.base - base < high and (
                home is None or abs(word.base - base) < abs(word.base - home)
            ):
                home = base
        if home is None:
            home = word.base
            insort(bases, home)
            lines[home] = _Line([], sheet.number, sheet.spaces, home, word.size)
        lines[home].words.append(word)
    return [_measured(lines[base]) for base in reversed(bases)]


def _measured(line: _Line) -> _Line:
    line.words.sort(key=lambda word: (word.x0, word.x1))
    line.size = _body(line.words)
    # Beside a dropped letter the lines are shorter, but it is not they that are indented.
    line.x0 = line.words[min(line.words[0].dropped, len(line.words) - 1)].x0
    line.x1 = max(word.x1 for word in line.words)
    line.text = one_line("".join(_spelled(line.words, line.spaces)))
    line.bold = has_words(line.text) and all(word.bold for word in line.words if has_words(word.text))
    return line


def _spelled(words: Sequence[_Word], spaces: bool) -> Iterator[str]:
    before: _Word | None = None
    for word in words:
        if before is not None and _apart(before, word, spaces):
            yield " "
        yield word.text
        before = word


def _apart(before: _Word, word: _Word, spaces: bool) -> bool:
    if word.spaced:
        return True
    if before.dropped:
        return not spaces and before.text in ("A", "I")
    return word.x0 - before.x1 > (0.3 if spaces else 0.12) * min(word.size, before.size)


def _lift_dropped(words: Sequence[_Word]) -> None:
    """A letter several lines high is put where it is read: before the first of these lines."""
    body = _body(words)
    for word in words:
        if len(word.text) != 1 or not word.text.isalpha() or word.size < 1.8 * body:
            continue
        first_base = word.base + 0.7 * (
            word.size - body
        )  # capitals are 0.7 em high, and their tops are level
        beside = [
            other
            for other in words
            if other.size < 1.3 * body
            and -0.5 * body < other.x0 - word.x1 < 2 * body
            and abs(other.base - first_base) < 0.6 * body
        ]
        if beside:
            first = min(beside, key=lambda other: other.x0)
            word.base, word.size, word.dropped = first.base, first.size, True


# --- columns and tables ---

_GUTTER = 0.8  # em: the least distance of columns; a space is 0.25
_MARK = re.compile(r"[•–—*-]|\(?(?:\d{1,3}|[A-Za-z])[.)]")
_DEEPEST = 12


@dataclass(slots=True)
class _Leaf:
    """A part of a page that is read line by line: one column of text, or a table with the lines of each row."""

    lines: list[_Line]
    is_table: bool = False


def _leaves(words: Sequence[_Word], sheet: _Sheet, body: float, depth: int = 0) -> Iterator[_Leaf]:
    """The parts of a page in the order they are read in: what is above columns, each column, and what is
    below.
    """
    rows = _rows(words)
    strip = _gutter(rows, body) if depth < _DEEPEST else None
    if strip is None:
        if words:
            yield _Leaf(_lines(words, sheet))
        return
    first, last, middle = strip
    columns = _table(rows[first : last + 1], body)
    if columns:  # a heading or a note beside nothing is no row of the table
        while first < last and _one_sided(rows[first], middle):
            first += 1
        while first < last and _one_sided(rows[last], middle):
            last -= 1
    above, within, below = rows[:first], rows[first : last + 1], rows[last + 1 :]
    yield from _leaves(_all(above), sheet, body, depth + 1)
    if columns:
        yield _Leaf([_row_line(line, columns) for line in _lines(_all(within), sheet)], is_table=True)
    else:
        yield from _leaves([word for word in _all(within) if word.x0 < middle], sheet, body, depth + 1)
        yield from _leaves([word for word in _all(within) if word.x0 >= middle], sheet, body, depth + 1)
    yield from _leaves(_all(below), sheet, body, depth + 1)


def _all(rows: Iterable[Sequence[_Word]]) -> list[_Word]:
    return [word for row in rows for word in row]


def _rows(words: Sequence[_Word]) -> list[list[_Word]]:
    """The words in groups that a horizontal line can be drawn between. Columns whose lines are not level are
    one group.
    """
    rows: list[list[_Word]] = []
    foot = 0.0
    for word in sorted(words, key=lambda word: (-word.base - 0.45 * word.size, word.x0)):
        if rows and word.base + 0.45 * word.size > foot + 0.05 * word.size:
            rows[-1].append(word)
            foot = min(foot, word.base)
        else:
            rows.append([word])
            foot = word.base
    return rows


_Span = tuple[float, float]


def _gaps(row: Sequence[_Word], least: float) -> list[_Span]:
    """Where a row has nothing printed: left and right of it, and between words at least that far apart."""
    ordered = sorted(row, key=lambda word: word.x0)
    spans: list[_Span] = [(float("-inf"), ordered[0].x0)]
    reached = ordered[0].x1
    for word in ordered[1:]:
        if word.x0 - reached > least:
            spans.append((reached, word.x0))
        reached = max(reached, word.x1)
    return [*spans, (reached, float("inf"))]


def _outstanding(row: Sequence[_Word], gaps: Sequence[_Span], body: float) -> Iterator[_Span]:
    """The gaps that may part columns: in a justified line all are wide, and all alike."""
    spaces = [high - low for low, high in _gaps(row, 0.05 * body)[1:-1]]
    for low, high in gaps[1:-1]:
        if high - low >= min(2.0 * body, 2.0 * min(spaces)) or len(spaces) == 1:
            yield low, high


def _staggered(pair: Sequence[Sequence[_Word]], least: float, body: float) -> Iterator[_Span]:
    """The strip between two rows that are nearer than the lines of a paragraph, but not above each other."""
    if len(pair) < 2 or min(word.base for word in pair[0]) - max(word.base for word in pair[1]) > 0.9 * body:
        return
    ends = [(min(word.x0 for word in row), max(word.x1 for word in row)) for row in pair]
    low, high = min(end[1] for end in ends), max(end[0] for end in ends)
    if high - low >= least:
        yield low, high


def _overlap(span: _Span, spans: Iterable[_Span], least: float) -> _Span | None:
    both = [(max(span[0], low), min(span[1], high)) for low, high in spans]
    return max(
        (one for one in both if one[1] - one[0] >= least), key=lambda one: one[1] - one[0], default=None
    )


def _one_sided(row: Sequence[_Word], middle: float) -> bool:
    return len({word.x0 < middle for word in row}) == 1


def _gutter(rows: Sequence[Sequence[_Word]], body: float) -> tuple[int, int, float] | None:
    """The longest empty strip with text on both sides: its first and last row, and a place in it."""
    least = _GUTTER * body
    free = [_gaps(row, least) for row in rows]
    best: tuple[tuple[int, float], int, int, float] | None = None
    tried: set[tuple[int, int]] = set()
    for at, spans in enumerate(free):
        for span in [*_outstanding(rows[at], spans, body), *_staggered(rows[at : at + 2], least, body)]:
            strip, first, last = span, at, at
            while first > 0 and (narrower := _overlap(strip, free[first - 1], least)):
                strip, first = narrower, first - 1
            while last + 1 < len(rows) and (narrower := _overlap(strip, free[last + 1], least)):
                strip, last = narrower, last + 1
            middle = (strip[0] + strip[1]) / 2
            if (key := (first, round(middle))) in tried:
                continue
            tried.add(key)
            first, last = _trimmed(rows, first, last, middle)
            lines = _divided(rows, first, last, middle, strip[1] - strip[0], body)
            if lines and (best is None or (lines, strip[1] - strip[0]) > best[0]):
                best = (lines, strip[1] - strip[0]), first, last, middle
    return best[1:] if best else None


def _trimmed(rows: Sequence[Sequence[_Word]], first: int, last: int, middle: float) -> tuple[int, int]:
    """Without the lines above and below that are beside nothing, unless they go on with the column that they
    stand in.
    """
    if first and _one_sided(rows[first], middle) and _follows(rows[first - 1], rows[first]):
        while first < last and _one_sided(rows[first], middle) and rows[first][0].x0 < middle:
            first += 1
    two_sided = [at for at in range(first, last + 1) if not _one_sided(rows[at], middle)]
    end = two_sided[-1] if two_sided else last
    while end < last and _follows(rows[end], rows[end + 1]):
        end += 1
    return first, end


def _follows(upper: Sequence[_Word], lower: Sequence[_Word]) -> bool:
    """Whether two rows are as near as the lines of a paragraph, and in type of one size."""
    sizes = _body(upper), _body(lower)
    between = min(word.base for word in upper) - max(word.base for word in lower)
    return abs(sizes[0] - sizes[1]) < 0.08 * sizes[0] and between < 1.6 * max(sizes)


def _is_flush(within: Sequence[Sequence[_Word]], rows: Sequence[Sequence[_Word]]) -> bool:
    """Whether rows reach from margin to margin, as justified lines do; the last one of a paragraph ends where
    it ends.
    """
    left, right = min(word.x0 for word in _all(rows)), max(word.x1 for word in _all(rows))
    return all(min(w.x0 for w in row) < left + 1 and max(w.x1 for w in row) > right - 1 for row in within[:2])


_RIVER = 6  # lines: as many do not part at the same place by chance


def _divided(
    rows: Sequence[Sequence[_Word]], first: int, last: int, middle: float, width: float, body: float
) -> int:
    """How many lines stand beside each other; 0 if they are too few to tell columns, the left ones are but
    list marks, or they are lines of a justified paragraph whose spaces happen to stand one above the
    other."""
    within = rows[first : last + 1]
    left, right = (
        [word for word in _all(within) if word.x0 < middle],
        [word for word in _all(within) if word.x0 >= middle],
    )
    lines = min(len({round(word.base / (0.4 * body)) for word in side}) for side in (left, right))
    beside = sum(not _one_sided(row, middle) for row in within)
    staggered = sum(any(_staggered(within[at : at + 2], width, body)) for at in range(len(within)))
    beside += staggered
    if lines < 2 or all(_MARK.fullmatch(word.text) for word in left):
        return 0
    if abs(_body(left) - _body(right)) > 0.12 * body:  # a caption beside text
        return lines
    in_paragraph = (first > 0 and _follows(rows[first - 1], rows[first])) or (
        last + 1 < len(rows) and _follows(rows[last], rows[last + 1])
    )
    level = all(_level(row, 0.1 * body) for row in within if not _one_sided(row, middle)) and not staggered
    if (
        level
        and lines < _RIVER
        and (in_paragraph or (beside < 4 and width < 2.5 * body and _is_flush(within, rows)))
    ):
        return 0
    return (
        lines if beside >= 3 or (beside == 2 and width >= 1.2 * body) or (beside == 1 and lines >= 3) else 0
    )


def _table(rows: Sequence[Sequence[_Word]], body: float) -> list[float]:
    """Where the columns of a table end; nothing if the rows are lines of columns of text.

    The cells of a row are level, and those of some column are short or of very different lengths. Columns of
    text may be level too, but their lines are full.
    """
    shared = _gaps(rows[0], _GUTTER * body)
    for row in rows[1:]:
        both = (_overlap(span, _gaps(row, _GUTTER * body), _GUTTER * body) for span in shared)
        shared = [span for span in both if span]
    left, right = min(word.x0 for word in _all(rows)), max(word.x1 for word in _all(rows))
    ends = [(low + high) / 2 for low, high in shared if left < (low + high) / 2 < right]
    cells = [_cells(row, ends) for row in rows]
    several = [row for row in cells if sum(bool(cell) for cell in row) > 1]
    level = sum(_level(_all(row), 0.3 * body) for row in several)
    if not several or level < 0.8 * len(several):
        return []
    for number in range(len(ends) + 1):
        column = [row[number] for row in several if row[number]]
        if not column:
            continue
        words = sum(len(cell) for cell in column) / len(column)
        widths = [cell[-1].x1 - cell[0].x0 for cell in column]
        full = median(widths) > 0.85 * max(widths)
        if words <= 1.5 or (words <= 3 and not full) or (words <= 4.5 and median(widths) < 0.7 * max(widths)):
            return ends
    return []


def _level(words: Sequence[_Word], within: float) -> bool:
    """Whether words stand on one line; raised and lowered figures do not count."""
    size = 0.85 * _body(words)
    bases = [word.base for word in words if word.size > size]
    return max(bases) - min(bases) < within


def _cells(row: Sequence[_Word], ends: Sequence[float]) -> list[list[_Word]]:
    cells: list[list[_Word]] = [[] for _ in range(len(ends) + 1)]
    for word in sorted(row, key=lambda word: word.x0):
        cells[sum(word.x0 > end for end in ends)].append(word)
    return cells


def _row_line(line: _Line, ends: Sequence[float]) -> _Line:
    line.text = one_line(
        " | ".join("".join(_spelled(cell, line.spaces)) for cell in _cells(line.words, ends))
    )
    line.fresh = True
    return line


# --- paragraphs ---

_ENDED = re.compile(r"[.!?…:;。！？][\"'”’»)\]]*$|[”»]$")
_ITEM = re.compile(r"(?:[•*-]|\(?(?:\d{1,3}|[a-z])[.)]) +\S")
_BULLET = re.compile(r"[•*-] +")
_WIDE = re.compile(
    r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)  # written without spaces


@dataclass(slots=True)
class _Block:
    lines: list[_Line]
    kind: str  # text, heading, item, table
    right: float  # how far the lines beside these reach
    indented: bool = False  # its first line
    only: bool = False  # its column is too short to tell how far its lines reach


def _text(sheets: Sequence[_Sheet]) -> tuple[str, tuple[int, ...]]:
    """All pages' text, and the code point that each page begins at."""
    leaves: list[_Leaf] = []
    for sheet in sheets:
        _lift_dropped(sheet.words)
        leaves.extend(_leaves(sheet.words, sheet, _body(sheet.words)))
    body = _body(word for sheet in sheets for word in sheet.words)
    bold = sum(len(w.text) for s in sheets for w in s.words if w.bold) * 2 > sum(
        len(w.text) for s in sheets for w in s.words
    )
    pitch = _pitches(leaves)
    blocks: list[_Block] = []
    for leaf in leaves:
        found = _blocks(leaf, body, pitch, bold)
        if found and (before := _unfinished(blocks, found[0])):
            before.lines += found[0].lines
            before.right, before.only = found[0].right, found[0].only
            del found[0]
        blocks += found
    return _written(blocks, _vocabulary(leaves), len(sheets))


def _pitches(leaves: Iterable[_Leaf]) -> dict[float, float]:
    """The usual distance of lines, in em, by the size of the type."""
    seen: dict[float, Counter[float]] = defaultdict(Counter)
    for leaf in leaves:
        for upper, lower in zip(leaf.lines, leaf.lines[1:], strict=False):
            if (
                abs(upper.size - lower.size) < 0.05 * upper.size
                and (by := upper.base - lower.base) < 2.2 * upper.size
            ):
                seen[upper.size][round(by / upper.size, 1)] += 1
    return {size: max(counts, key=lambda by: (counts[by], -by)) for size, counts in seen.items()}


def _blocks(leaf: _Leaf, body: float, pitch: Mapping[float, float], bold: bool) -> list[_Block]:
    lines = [line for line in leaf.lines if line.text]
    if leaf.is_table:
        return [_Block(lines, "table", 0.0)] if lines else []
    blocks: list[_Block] = []
    left = min((line.x0 for line in lines), default=0.0)
    for at, line in enumerate(lines):
        # Beside a picture lines are shorter than elsewhere in their column: only those around count.
        right = max(
            one.x1 for one in lines[max(0, at - 3) : at + 4] if abs(one.size - line.size) < 0.08 * line.size
        )
        is_heading = line.size > 1.12 * body or (line.bold and not bold and len(line.text) < 150)
        before = blocks[-1] if blocks else None
        starts_item = bool(_ITEM.match(line.text)) and _may_be_item(before, line)
        if before is not None and not starts_item:
            step = _step(before, line, is_heading, right, pitch.get(line.size, 1.2))
            if step != "new":
                line.fresh = step == "line"
                before.lines.append(line)
                before.right = right
                continue
        kind = "item" if starts_item else "heading" if is_heading else "text"
        blocks.append(_Block([line], kind, right, line.x0 > left + 0.8 * line.size, len(lines) < 3))
    return blocks


def _may_be_item(before: _Block | None, line: _Line) -> bool:
    """A bullet begins an item wherever it stands; a number only where no sentence goes on: "on page\\n12.
    Then".
    """
    if before is None or before.kind in ("item", "heading") or _BULLET.match(line.text):
        return True
    last = before.lines[-1]
    return bool(_ENDED.search(last.text)) or last.base - line.base > 1.5 * line.size or last.page != line.page


def _step(block: _Block, line: _Line, is_heading: bool, right: float, pitch: float) -> str:
    """How a line follows a paragraph: "new" paragraph, new "line" in it, or "on" in the same line."""
    last = block.lines[-1]
    em = line.size
    ended = bool(_ENDED.search(last.text))
    fits = _would_fit(last, line, max(right, block.right))
    lower = line.text[0].islower()
    if abs(last.size - em) > 0.08 * max(last.size, em) or not 0 < last.base - line.base < (pitch + 0.3) * em:
        return "new"
    if last.bold != line.bold and (fits or not lower) and (is_heading or block.kind == "heading"):
        return "new"
    if block.kind == "heading" and is_heading:  # its lines are balanced or centred, and tell nothing
        return "on"
    if block.kind == "item":
        first = block.lines[0]
        if line.x0 < first.x0 - 0.5 * em or (fits and ended and line.x0 < first.x0 + 0.5 * em):
            return "new"
        return "on" if line.x0 > first.x0 + 0.5 * em or not fits or lower else "new"
    if line.x0 > last.x0 + 0.8 * em and not lower:
        return "new"
    if last.x0 > line.x0 + 0.8 * em and len(block.lines) > 1 and not lower:
        return "new"
    if not fits:
        return "on"
    return "new" if ended else "on" if lower else "line"


def _would_fit(last: _Line, line: _Line, right: float) -> bool:
    """Whether the first word of a line would have found room on the line before: then it was not full, but
    ended.
    """
    first = line.words[0]
    width = line.size if _WIDE.match(first.text) else first.x1 - first.x0
    return last.x1 + 0.3 * line.size + width < right - 0.3 * line.size


_ASIDE = 8  # paragraphs of a box beside the text


def _unfinished(blocks: Sequence[_Block], after: _Block) -> _Block | None:
    """The paragraph that goes on with this one: the last, or the one before a box on the same page that
    stands beside it.
    """
    if not blocks:
        return None
    if _goes_on(blocks[-1], after):
        return blocks[-1]
    page = after.lines[0].page
    if not after.lines[0].text[0].islower():
        return None
    for block in blocks[-2 : -_ASIDE - 2 : -1]:
        if block.lines[-1].page != page:
            return None
        if _goes_on(block, after):
            return block
    return None


def _goes_on(block: _Block, after: _Block) -> bool:
    """Whether a paragraph goes on at the head of the next column or page."""
    last, first = block.lines[-1], after.lines[0]
    if (
        block.kind not in ("text", "item")
        or after.kind != "text"
        or abs(last.size - first.size) > 0.08 * last.size
    ):
        return False
    if re.search(r"\w-$", last.text):
        return True
    if _ENDED.search(last.text):
        return False
    if first.text[0].islower():
        return True
    # A name may follow: if the line before is full, and the one after is not set in, they are of one
    # sentence.
    full = not block.only and last.x1 > block.right - 3 * last.size
    return full and not after.indented and last.bold == first.bold and not after.only


# --- words broken at line ends ---

_BROKEN = re.compile(r"(\w+(?:-\w+)*)-$")
_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
# Of these nearly every word is a compound; "ex-", "co-" and "re-" also begin words that are merely broken.
_COMPOUND = frozenset("half self twenty thirty forty fifty sixty seventy eighty ninety vice well".split())
_ENDINGS = ("ish", "less", "ness", "hood")
_SUSPENDED = re.compile(r"(?:and|or|to|und|oder|bis|et|ou|y|o|e)\b")  # "two- and three-year plans"


def _vocabulary(leaves: Iterable[_Leaf]) -> set[str]:
    """The words of the document that stand whole on a line, in lower case, those with hyphens as they are."""
    words: set[str] = set()
    broken = False
    for leaf in leaves:
        for line in leaf.lines:
            found = [word.lower() for word in _WORD.findall(line.text)]
            words.update(found[1 if broken else 0 :])
            broken = line.text.endswith("-")
            if broken and found:
                words.discard(found[-1])
    return words


def _joined(before: str, after: str, vocabulary: set[str]) -> str:
    """Two lines of a paragraph as one. Whether a hyphen at the line end is the word's own is told, in this
    order, by what follows it, by how the document writes the word elsewhere, and by the first part; else it
    is the printer's.

    >>> _joined("the govern-", "ment said", set()), _joined("a well-", "known name", set())
    ('the government said', 'a well-known name')
    >>> _joined("the Anglo-", "American war", set()), _joined("a cease-", "fire", {"cease-fire"})
    ('the Anglo-American war', 'a cease-fire')
    >>> _joined("two-", "and three-year plans", set()), _joined("state-", "of-the-art", set())
    ('two- and three-year plans', 'state-of-the-art')
    """
    if _WIDE.match(before[-1]) and _WIDE.match(after[0]):
        return before + after
    if before[-1] == "—" and before[-2:-1] != " ":
        return before + after
    broken, rest = _BROKEN.search(before), _WORD.match(after)
    if broken is None or rest is None:
        return f"{before} {after}"
    if _SUSPENDED.match(after):
        return f"{before} {after}"
    first, second = broken.group(1).lower(), rest.group().lower()
    tail = first.rpartition("-")[2]
    if not after[0].islower() or before[-2].isdigit() or "-" in second or "-" in first:
        return before + after
    whole, hyphenated = first + second in vocabulary, f"{first}-{second}" in vocabulary
    if hyphenated != whole:
        return before + after if hyphenated else before[:-1] + after
    if tail in _COMPOUND and not second.startswith(_ENDINGS):
        return before + after
    return before[:-1] + after


def _written(blocks: Sequence[_Block], vocabulary: set[str], pages: int) -> tuple[str, tuple[int, ...]]:
    begins: dict[int, int] = {}
    pieces: list[str] = []
    done = 0
    for number, block in enumerate(blocks):
        if number:
            listed = block.kind == "item" and blocks[number - 1].kind == "item"
            pieces.append("\n" if listed else "\n\n")
            done += len(pieces[-1])
        text = ""
        for line in block.lines:
            said = (
                _BULLET.sub("- ", line.text, count=1)
                if block.kind == "item" and line is block.lines[0]
                else line.text
            )
            whole = said if not text else f"{text}\n{said}" if line.fresh else _joined(text, said, vocabulary)
            begins.setdefault(line.page, done + len(whole) - len(said))
            text = whole
        pieces.append(text)
        done += len(text)
    places, place = [], done
    for page in reversed(range(pages)):  # an empty page begins where the next one does
        place = min(begins.get(page, place), place)
        places.append(place)
    places[-1] = 0
    return "".join(pieces), tuple(reversed(places))


# --- facts ---

_FILE_NAME = re.compile(
    r".*\.(?:docx?|pdf|indd|qxp|qxd|html?|php|aspx?|txt|rtf|odt|tex|dvi|pages|pptx?|xlsx?|ps|eps|jpe?g|png)$",
    re.I,
)
_NO_TITLE = re.compile(
    r"(?:microsoft (?:word|powerpoint)|untitled|unbenannt|sans titre|about:blank|document ?\d*$|layout "
    r"?\d*$|https?:|file:)",
    re.I,
)
_NO_AUTHOR = frozenset(
    "admin administrator author default guest microsoft owner pc root scanner unknown user word".split()
)
_PROGRAM = re.compile(
    r"acrobat|adobe|chrom(?:e|ium)|indesign|microsoft|mozilla|office|pdf|quark|scan|skia|word\b|writer", re.I
)
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8})*")


def _facts(says: Mapping[str, str], headline: str, text: str) -> dict[str, Fact]:
    """No date: /CreationDate is when the file was made, for a printed page the day it was printed. A dateline
    is in the text, and is read there."""
    facts = {}
    title = says.get("Title", "")
    if has_words(title) and not _FILE_NAME.fullmatch(title) and not _NO_TITLE.match(title):
        # What a browser prints is the title of the window: "The headline | The Courier".
        if headline and (
            site := re.fullmatch(rf"{re.escape(headline)} (?:[|–—·-]|::) ([^|–—·]{{2,60}})", title)
        ):
            title, facts["source"] = headline, Fact(site.group(1), "PDF title")
        # One that the pages do not show ("BG-1998-01-08-p1", last month's headline) is the name of the file
        # or of another.
        if not headline or one_line(title).casefold() in one_line(text).casefold():
            facts["title"] = Fact(title, "PDF title")
    if "title" not in facts and headline:
        facts["title"] = Fact(headline, "largest line of page 1")
    author = says.get("Author", "")
    if _is_name(author, text) and author not in (says.get("Creator"), says.get("Producer")):
        facts["author"] = Fact(author, "PDF author")
    if _LANGUAGE.fullmatch(language := says.get("Lang", "")):
        facts["language"] = Fact(language, "PDF language")
    return facts


def _is_name(author: str, text: str) -> bool:
    """Whether an author is a person or an agency, rather than the account or the program that made the file.
    A single word ("jsmith", "Dell", "Reuters") is believed only if the article itself has it."""
    words = author.split()
    if (
        not has_words(author)
        or "@" in author
        or _PROGRAM.search(author)
        or _NO_AUTHOR.issuperset(author.lower().split())
    ):
        return False
    return len(words) > 1 or re.search(rf"\b{re.escape(author)}\b", text) is not None


def _headline(sheet: _Sheet) -> str:
    """The lines in the largest type in the upper part of the first page, if it is larger than the text's."""
    words = [word for word in sheet.words if len(word.text) > 1 or not has_words(word.text)]
    if not any(has_words(word.text) for word in words):
        return ""
    foot, head = min(word.base for word in words), max(word.base for word in words)
    upper = [word for word in words if word.base >= foot + 0.4 * (head - foot) and has_words(word.text)]
    largest = max((word.size for word in upper), default=0.0)
    if largest < 1.15 * _body(words):
        return ""
    found: list[_Line] = []
    for line in _lines([word for word in sheet.words if word.size > 0.95 * largest], sheet):
        if found and found[-1].base - line.base > 1.6 * largest:
            break
        found.append(line)
    headline = found[0].text
    for line in found[1:]:
        headline = _joined(headline, line.text, set())
    return headline if 3 < len(headline) <= 300 else ""
