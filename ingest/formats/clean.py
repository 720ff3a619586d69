"""Bytes to text: which encoding a file is in, and whether it is text at all."""

from __future__ import annotations

import codecs
import re

from rag.errors import SourceError

__all__ = ["LONGEST_ID", "decode", "escaped", "fault_of_id", "tidy", "without_surrogates"]

# UTF-32 first: its little-endian mark begins with UTF-16's.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
LONGEST_ID = (
    1_000  # characters of an article's id; addresses are the longest, and browsers take about twice as many
)
# What no id has: characters that steer a terminal or break a line, marks of direction, and halves of
# characters.
_UNNAMEABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_SHOWN = 100  # characters of either end of a longer one in a message
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_BREAKS = re.compile("\r\n?|[\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
# A soft hyphen is a place where a word may be broken, and a byte-order mark inside a text is nothing at all.
_INVISIBLE = re.compile("[\x00-\x08\x0e-\x1b\x1f\x7f-\x84\x86-\x9f\xad\u200b\u2060\ufeff]")
# A no-break space keeps words on one line of one page; to whoever looks for the words it is a space.
_SPACES = re.compile("[ \t\u00a0\u2007\u202f]+")
_NOTHING = re.compile(
    "[\\s\u034f\u061c\u200b-\u200f\u2060-\u2064]+"
)  # what fills the first line of newsletters
_SAMPLE = 100_000  # bytes looked at where the whole would take seconds


def decode(data: bytes) -> tuple[str, str]:
    """The text of a file as it stands, line ends included, and the encoding it was read in.

    A byte-order mark decides; then UTF-8, if it fits; then UTF-16 without a mark, told by its zero
    bytes; then Windows-1252 (Latin-1's superset) for text that is nearly all ASCII, and otherwise what
    charset-normalizer finds. Raises `SourceError` for what is not text.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return _text(data, encoding), encoding
    sample = data[:_SAMPLE]
    if wide := _wide(sample):
        return _text(data, wide), wide
    try:
        return _plausible(data.decode("utf-8")), "utf-8"
    except UnicodeDecodeError as exc:
        if _mostly_utf8(sample):
            raise SourceError(f"it is UTF-8 but damaged at byte {exc.start}. Save it again as UTF-8") from exc
    if b"\x00" in sample:
        raise SourceError("it is not text (it contains zero bytes). Export it as text first")
    high = sum(byte >= 0x80 for byte in sample)
    if high * 5 < len(sample):
        try:
            return _plausible(data.decode("cp1252")), "cp1252"
        except UnicodeDecodeError:
            return _plausible(data.decode("latin-1")), "latin-1"
    from charset_normalizer import from_bytes

    if len(data) > _SAMPLE:  # do not cut a character of several bytes: a line end is never inside one
        sample = sample[: sample.rfind(b"\n") + 1] or sample
    best = from_bytes(sample).best()
    if best is None:
        raise SourceError("its encoding is not known, or it is not text. Save it as UTF-8")
    return _text(data, best.encoding), best.encoding


def _text(data: bytes, encoding: str) -> str:
    try:
        return _plausible(data.decode(encoding))
    except UnicodeDecodeError as exc:
        raise SourceError(
            f"it looks like {encoding} but is damaged at byte {exc.start}. Save it again as UTF-8"
        ) from exc


def _wide(sample: bytes) -> str | None:
    """UTF-16 without a mark: every second byte of mostly Latin text is zero."""
    half = len(sample) // 2
    if half < 2:
        return None
    if sample[1::2].count(0) > 0.4 * half and sample[::2].count(0) < 0.05 * half:
        return "utf-16-le"
    if sample[::2].count(0) > 0.4 * half and sample[1::2].count(0) < 0.05 * half:
        return "utf-16-be"
    return None


def _mostly_utf8(sample: bytes) -> bool:
    """Whether what is not ASCII is more often right than wrong as UTF-8; in no other encoding is a third of
    it.
    """
    text = sample.decode("utf-8", "replace")
    wrong = text.count("\ufffd")
    return sum(character > "\x7f" for character in text) - wrong > wrong


def _plausible(text: str) -> str:
    sample = text[:_SAMPLE]
    if len(_CONTROL.findall(sample)) > max(2, len(sample) // 100):
        raise SourceError("it is not text (it is full of control characters). Export it as text first")
    return text


def without_surrogates(text: str) -> str:
    """The text with lone halves of surrogate pairs, which JSON can spell and no index can store, replaced by
    U+FFFD.

    >>> without_surrogates("a\\ud800b")
    'a\ufffdb'
    """
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def tidy(text: str) -> str:
    """The text without control characters, spaces at line ends and more than one blank line in a row.

    >>> tidy("One\\x07.\\r\\n\\r\\n\\r\\n\\r\\nTwo,  gov\\u00adern\\u00adment. ")
    'One.\\n\\nTwo, government.'
    """
    text = _INVISIBLE.sub("", without_surrogates(_BREAKS.sub("\n", text)))
    lines: list[str] = []
    for line in text.split("\n"):
        indent = len(line) - len(line.lstrip(" "))
        line = line[:indent] + _SPACES.sub(" ", line[indent:].rstrip())
        if _NOTHING.fullmatch(line):
            line = ""
        if line or (lines and lines[-1]):
            lines.append(line)
    return "\n".join(lines).strip()


def fault_of_id(article_id: str) -> str | None:
    """Why an article cannot go by this id, and what to do; `None` where it can.

    >>> fault_of_id("news/a.txt")
    >>> fault_of_id("news/a\\nb.txt")
    'its id, or its name, contains a line break or another invisible character. Rename it'
    """
    if len(article_id) > LONGEST_ID:
        return (
            f"its id has {len(article_id):,} characters; at most {LONGEST_ID:,} are kept. "
            "Give it a shorter one"
        )
    if _UNNAMEABLE.search(article_id):
        return "its id, or its name, contains a line break or another invisible character. Rename it"
    return None if article_id.strip() else "its id is empty. Give it one"


def escaped(name: str) -> str:
    """A name fit for a message, whatever it is made of: on one line, no longer than an id, and nothing in it
    unseen.

    >>> escaped("news/a\\nb.txt")
    'news/a\\\\nb.txt'
    """
    short = name if len(name) <= LONGEST_ID else f"{name[:_SHOWN]}…{name[-_SHOWN:]}"
    return _UNNAMEABLE.sub(lambda found: found.group().encode("unicode_escape").decode(), short)
