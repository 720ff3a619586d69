"""Files, folders, archives and web addresses to articles that are ready to be stored.

`scan` looks through places and says what each article there is called and whether it has changed. It opens a
file once. What it read of a new or changed article lies in a `Spool` until an `ArticleReader` asks for it, so
nothing is decoded, parsed or hashed a second time, and memory does not grow with the collection.
"""

from __future__ import annotations

from ingest.scan.reader import ArticleReader
from ingest.scan.scanned import Scan, ScannedArticle
from ingest.scan.scanner import scan
from ingest.scan.spool import Spool

__all__ = ["ArticleReader", "Scan", "ScannedArticle", "Spool", "scan"]
