"""PDF: the words as they are read, out of a file that knows only where on which page each letter is printed.

pdfminer.six finds the letters. What they are lines, columns and paragraphs of is worked out here, from
distances alone: pdfminer's own layout analysis (LAParams) joins two columns whose gap is as wide as two
letters, orders a page by one number between across and down (boxes_flow), and tells no table from columns.
Lengths are in points, or in em: multiples of the size of the type.
"""

from __future__ import annotations

from ingest.formats.extracted import Extracted
from ingest.formats.markup import has_words
from ingest.formats.pdf.facts import facts_of, headline_of
from ingest.formats.pdf.letters import MOST_PAGES, quality_warnings, read_sheets
from ingest.formats.pdf.paragraphs import text_of
from ingest.formats.pdf.running import remove_running_heads
from rag.errors import SourceError

__all__ = ["MOST_PAGES", "extract"]


def extract(data: bytes) -> Extracted:
    """The text of a PDF in reading order, without running heads, page numbers and the hyphens of line ends;
    where each page begins in it; and what the file says of itself."""
    if b"%PDF-" not in data[:1024]:  # where readers look for it: mail and web servers put bytes in front
        raise SourceError("it is not a PDF, whatever its name says. Open it, and save it as PDF or text")
    sheets, metadata, warnings = read_sheets(data)
    if not any(sheet.words for sheet in sheets):
        if any(sheet.pictures for sheet in sheets):
            raise SourceError("it contains only pictures of text. Make it searchable (OCR) first")
        raise SourceError(
            "it contains no words. If a viewer shows some, print it to PDF again, or make it searchable (OCR)"
        )
    warnings += quality_warnings(sheets)
    headline = headline_of(sheets[0])
    remove_running_heads(sheets)
    text, pages = text_of(sheets)
    if not has_words(text):
        raise SourceError("it contains no words, only numbers and signs. Make it searchable (OCR) first")
    return Extracted(text, facts_of(metadata, headline, text), pages, tuple(warnings))
