"""Which files are read, and how: a table of their endings."""

from __future__ import annotations

from pathlib import PurePosixPath

__all__ = ["KINDS", "is_markdown", "kind_of"]

TEXTS = {".txt": "text", ".md": "text"}
MANY = {".jsonl": "lines", ".ndjson": "lines", ".csv": "table", ".tsv": "table"}
# The module of `ingest.formats` that reads each.
DOCUMENTS = {
    ".html": "html", ".htm": "html", ".xhtml": "html", ".pdf": "pdf", ".docx": "docx", ".epub": "epub",
    ".eml": "mail",
}  # fmt: skip
PACKED = (".zip", ".gz")
KINDS = (*TEXTS, *MANY, *DOCUMENTS, *PACKED)


def kind_of(name: str) -> str | None:
    """How a file is read, by its ending: `text`, `lines`, `table`, the module of a document's format, or
    `archive`; `None` for what is not read. What is packed by gzip is read as what it packs.

    >>> kind_of("news/feed.JSONL.gz"), kind_of("a.pdf"), kind_of("a.exe"), kind_of("a.tar.gz")
    ('lines', 'pdf', None, None)
    """
    path = PurePosixPath(name.lower())
    ending = path.suffix
    if ending == ".gz":
        ending = path.with_suffix("").suffix
        return None if ending in PACKED else {**TEXTS, **MANY, **DOCUMENTS}.get(ending)
    return "archive" if ending == ".zip" else {**TEXTS, **MANY, **DOCUMENTS}.get(ending)


def is_markdown(name: str) -> bool:
    """Whether a text file, packed or not, is Markdown.

    >>> is_markdown("a.md"), is_markdown("a.MD.gz"), is_markdown("a.txt")
    (True, True, False)
    """
    return name.lower().removesuffix(".gz").endswith(".md")
