"""What the file says of itself, and the headline that its first page shows."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ingest.formats.extracted import Fact
from ingest.formats.markup import has_words, one_line
from ingest.formats.pdf.letters import Sheet
from ingest.formats.pdf.lines import Line, body_size, lines_of
from ingest.formats.pdf.paragraphs import join_lines

__all__ = ["facts_of", "headline_of"]


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


def facts_of(metadata: Mapping[str, str], headline: str, text: str) -> dict[str, Fact]:
    """No date: /CreationDate is when the file was made, for a printed page the day it was printed. A dateline
    is in the text, and is read there."""
    facts = {}
    title = metadata.get("Title", "")
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
    author = metadata.get("Author", "")
    if _is_name(author, text) and author not in (metadata.get("Creator"), metadata.get("Producer")):
        facts["author"] = Fact(author, "PDF author")
    if _LANGUAGE.fullmatch(language := metadata.get("Lang", "")):
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


def headline_of(sheet: Sheet) -> str:
    """The lines in the largest type in the upper part of the first page, if it is larger than the text's."""
    words = [word for word in sheet.words if len(word.text) > 1 or not has_words(word.text)]
    if not any(has_words(word.text) for word in words):
        return ""
    foot, head = min(word.base for word in words), max(word.base for word in words)
    upper = [word for word in words if word.base >= foot + 0.4 * (head - foot) and has_words(word.text)]
    largest = max((word.size for word in upper), default=0.0)
    if largest < 1.15 * body_size(words):
        return ""
    found: list[Line] = []
    for line in lines_of([word for word in sheet.words if word.size > 0.95 * largest], sheet):
        if found and found[-1].base - line.base > 1.6 * largest:
            break
        found.append(line)
    headline = found[0].text
    for line in found[1:]:
        headline = join_lines(headline, line.text, set())
    return headline if 3 < len(headline) <= 300 else ""
