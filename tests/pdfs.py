"""Small PDFs written by hand: lines of text where a test wants them, in Helvetica, and nothing else."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence

Line = tuple[float, float, float, str]  # x, y from the foot, size, text; "*" before the text sets it in bold

# Codes that no Latin letter has, for what only type has: ligatures, and a sign without a meaning.
_OWN = {"ﬁ": "\x01", "ﬂ": "\x02", "\ufffd": "\x03"}


def pdf(
    pages: Sequence[Sequence[Line]],
    *,
    info: Mapping[str, str] | None = None,
    lang: str = "",
    picture: bool = False,
) -> bytes:
    """A PDF with these lines on its pages of A4, each drawn in the order given."""
    kids = " ".join(f"{6 + 2 * number} 0 R" for number in range(len(pages)))
    said = " ".join(f"/{key} {_string(value)}" for key, value in (info or {}).items())
    extras = "/Differences [1 /fi /fl /g77]"
    objects = [
        f"<< /Type /Catalog /Pages 2 0 R {f'/Lang ({lang})' if lang else ''} >>".encode(),
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode(),
        f"<< {said} >>".encode(),
        _font("Helvetica", extras),
        _font("Helvetica-Bold", extras),
    ]
    for number, lines in enumerate(pages):
        content = b"\n".join(_shown(line) for line in lines)
        if picture:
            content = b"q BI /W 1 /H 1 /BPC 8 /CS /G ID \x00\nEI Q\n"
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents {7 + 2 * number} 0 R "
            "/Resources << /Font << /F1 4 0 R /F2 5 0 R >> >> >>".encode()
        )
        packed = zlib.compress(content)
        objects.append(
            b"<< /Length %d /Filter /FlateDecode >>\nstream\n" % len(packed) + packed + b"\nendstream"
        )
    return assembled(objects, "/Root 1 0 R /Info 3 0 R")


def assembled(objects: Sequence[bytes], trailer: str) -> bytes:
    """The objects, numbered from 1, as a file with its table of places."""
    data = b"%PDF-1.4\n"
    places = []
    for number, body in enumerate(objects, 1):
        places.append(len(data))
        data += b"%d 0 obj\n" % number + body + b"\nendobj\n"
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    size = len(objects) + 1
    return data + (
        b"xref\n0 %d\n0000000000 65535 f \n" % size
        + table
        + f"trailer << /Size {size} {trailer} >>\nstartxref\n{len(data)}\n%%EOF\n".encode()
    )


def column(x: float, y: float, lines: Sequence[str], *, size: float = 10, leading: float = 12) -> list[Line]:
    """Lines below each other."""
    return [(x, y - number * leading, size, text) for number, text in enumerate(lines)]


def _font(name: str, extras: str) -> bytes:
    encoding = f"<< /Type /Encoding /BaseEncoding /WinAnsiEncoding {extras} >>"
    return f"<< /Type /Font /Subtype /Type1 /BaseFont /{name} /Encoding {encoding} >>".encode()


def _shown(line: Line) -> bytes:
    x, y, size, text = line
    font = "F2" if text.startswith("*") else "F1"
    text = "".join(_OWN.get(character, character) for character in text.removeprefix("*"))
    return f"BT /{font} {size} Tf {x} {y} Td ".encode() + _escaped(text.encode("cp1252")) + b" Tj ET"


def _escaped(text: bytes) -> bytes:
    return b"(" + text.replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)") + b")"


def _string(text: str) -> str:
    return "<" + (b"\xfe\xff" + text.encode("utf-16-be")).hex() + ">"
