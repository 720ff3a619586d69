"""Letters to words: what pdfminer finds on each page, turned upright, with the words that its letters make.

The one place that pdfminer is called in.
"""

from __future__ import annotations

import logging
import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any

from ingest.formats.markup import one_line
from rag.errors import SourceError
from rag.system.installed import how_to_add

if TYPE_CHECKING:
    from pdfminer.layout import LTChar, LTCurve, LTPage
    from pdfminer.pdfdocument import PDFDocument

__all__ = ["MOST_PAGES", "Sheet", "Word", "quality_warnings", "read_sheets"]


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


@dataclass(slots=True)
class Word:
    text: str
    x0: float
    x1: float
    base: float  # the line that letters stand on, upwards from the foot of the page
    size: float
    bold: bool
    spaced: bool  # a space is printed before it
    dropped: bool = False  # the letter, several lines high, that an article begins with


@dataclass(slots=True)
class Sheet:
    """One page."""

    number: int
    words: list[Word]
    spaces: bool  # spaces are printed; else only distances tell words apart
    pictures: bool = False
    unknown: int = 0  # letters that the file has no character for
    letters: int = 0


def read_sheets(data: bytes) -> tuple[list[Sheet], dict[str, str], list[str]]:
    """Every page's words, what the document says of itself, and what went wrong."""
    try:
        from pdfminer.pdfdocument import PDFDocument, PDFEncryptionError, PDFPasswordIncorrect
        from pdfminer.pdfpage import PDFPage
        from pdfminer.pdfparser import PDFParser
        from pdfminer.psexceptions import PSException
    except ImportError as exc:
        raise SourceError(f"PDF files need pdfminer.six: {how_to_add('pdf')}") from exc
    logging.getLogger("pdfminer").setLevel(logging.CRITICAL)  # it prints a line for each thing it forgives
    damage = (*_DAMAGE, PSException)
    try:
        document = PDFDocument(PDFParser(BytesIO(data)))
        metadata = _metadata(document)
        pages = PDFPage.create_pages(document)
        layout = _layouts()
    except PDFPasswordIncorrect as exc:
        raise SourceError("it has a password. Open it with the password, and print it to a new PDF") from exc
    except PDFEncryptionError as exc:
        raise SourceError("it is protected in a way that cannot be read. Print it to a new PDF") from exc
    except damage as exc:
        raise SourceError("it is a damaged PDF, or only a part of one. Copy or download it again") from exc
    sheets: list[Sheet] = []
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
            sheets.append(Sheet(len(sheets), [], spaces=False))
    if not sheets or len(unread) >= len(sheets):
        raise SourceError("it is a damaged PDF: none of its pages can be read. Copy or download it again")
    return (
        sheets,
        metadata,
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


def _metadata(document: PDFDocument) -> dict[str, str]:
    """Title, Author, Creator and Producer of the information dictionary, and Lang of the catalog."""
    from pdfminer.pdftypes import resolve1
    from pdfminer.utils import decode_text

    stated: dict[str, Any] = {"Lang": document.catalog.get("Lang")}
    for info in reversed(document.info):  # the newest comes first
        stated.update(
            {name: info[name] for name in ("Title", "Author", "Creator", "Producer") if name in info}
        )
    metadata = {}
    for name, value in stated.items():
        value = resolve1(value)
        if isinstance(value, bytes):
            # PDF 2.0 allows UTF-8, with its mark.
            text = (
                value.decode("utf-8-sig", "replace")
                if value.startswith(b"\xef\xbb\xbf")
                else decode_text(value)
            )
            metadata[name] = one_line("".join(_character(character) for character in text))
    return metadata


def _sheet(page: LTPage, number: int) -> Sheet:
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
    sheet = Sheet(number, [], spaces=blanks * 25 > len(printed), pictures=pictures)
    sheet.unknown = sum("\ufffd" in glyph.text for glyph in printed)
    sheet.letters = len(printed) - blanks
    sheet.words = _words(printed, 0.4 if sheet.spaces else 0.15)
    _mark_items(sheet.words, dots)
    return sheet


def _mark_items(words: list[Word], dots: Iterable[LTCurve]) -> None:
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
            words.append(Word("•", dot.x0, dot.x1, word.base, word.size, False, True))


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


def _words(glyphs: Sequence[_Glyph], gap: float) -> list[Word]:
    """Letters printed one after the other as words; two letters more than `gap` em apart are of two words."""
    words: list[Word] = []
    drawn: dict[str, list[Word]] = defaultdict(list)
    word: Word | None = None
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
            word = Word(glyph.text, glyph.x0, glyph.x1, glyph.base, glyph.size, glyph.bold, spaced)
        spaced, last = False, glyph
    end()
    return words


def _level_with(one: _Glyph, other: _Glyph) -> bool:
    return abs(one.base - other.base) < 0.1 * one.size and other.x0 > one.x0 - 0.3 * one.size


def _near(one: Word | _Glyph, other: Word | _Glyph) -> bool:
    return abs(one.x0 - other.x0) < 0.1 * one.size and abs(one.base - other.base) < 0.1 * one.size


def quality_warnings(sheets: Sequence[Sheet]) -> list[str]:
    doubts = []
    letters, unknown = sum(sheet.letters for sheet in sheets), sum(sheet.unknown for sheet in sheets)
    if unknown * 2 > letters:
        raise SourceError(
            "its text cannot be read: its fonts do not say which letters they show. "
            "Make it searchable (OCR) first"
        )
    if unknown:
        doubts.append(f"{unknown} of its {letters:,} letters cannot be read, and are shown as \ufffd")
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
