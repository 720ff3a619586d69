"""How texts are compared: without case, accents, typography and spacing; as words, and as stems.

Offsets count code points of the text that was handed in, whatever is folded away on the way.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache

from rag.english.lexicon import AMERICAN_SPELLINGS, STOPWORDS

__all__ = [
    "MARKS",
    "Normalised",
    "content_stems",
    "fold",
    "is_whole",
    "locate",
    "normalise",
    "plain_word",
    "stem",
    "words",
]

Span = tuple[int, int]

# Typographic variants of one character. An em dash with spaces and a hyphen are kept apart by the spaces.
_SAME = str.maketrans(
    {
        "‘": "'", "’": "'", "‚": "'", "‛": "'", "`": "'", "´": "'",
        "“": '"', "”": '"', "„": '"', "«": '"', "»": '"',
        "‐": "-", "‑": "-", "‒": "-", "–": "-", "—": "-", "―": "-", "−": "-", "\u00ad": None, "\u200b": None,
        "\ufeff": None,
    }
)  # fmt: skip
# Letters with a stroke, and joined letters, that no decomposition takes apart.
_STROKES = str.maketrans(
    {"ł": "l", "ø": "o", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i", "ħ": "h", "ŧ": "t"}
)
_ACCENTS = re.compile(r"[\u0300-\u036f]+")
# Vowel signs and accents are no letters to `re`: those of the scripts that write words with them.
MARKS = (
    r"\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06dc\u0900-\u0963\u0966-\u0dff"
    r"\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u0eb1\u0eb4-\u0ebc\u0ec8-\u0ecd\u0f71-\u0f84\u102b-\u103e\u17b4-\u17d3\u3099\u309a"
)
_LETTER = rf"(?:[^\W_]|(?<=\w)[{MARKS}]|(?<=[{MARKS}])[{MARKS}])"
_WORD = re.compile(rf"{_LETTER}+(?:['’]{_LETTER}+)*")
_ASCII_WORD = re.compile(r"[A-Za-z0-9]+(?:'[A-Za-z0-9]+)*")


@dataclass(frozen=True, slots=True)
class Normalised:
    """A text in Unicode's composed form (NFC), and where each of its characters stood before.

    `origin` has one place more than the text has characters: the length of what was handed in.
    """

    text: str
    origin: tuple[int, ...]

    def span(self, start: int, end: int) -> Span:
        """The stretch [start, end) of the composed text, in offsets of what was handed in.

        >>> decomposed = "Zolta\\u0301n left"
        >>> composed = normalise(decomposed)
        >>> first, last = composed.span(0, 6)
        >>> composed.text[:6], last, decomposed[first:last] == "Zolta\\u0301n"
        ('Zoltán', 7, True)
        """
        return self.origin[start], self.origin[end]


def normalise(text: str) -> Normalised:
    """The text in composed form, with a map back to its own offsets.

    >>> normalise("e\\u0301t\\u0065")
    Normalised(text='éte', origin=(0, 2, 3, 4))
    """
    out: list[str] = []
    origin: list[int] = []
    for start, cluster in _clusters(text):
        composed = unicodedata.normalize("NFC", cluster)
        out.append(composed)
        origin += [start] * len(composed)
    return Normalised("".join(out), (*origin, len(text)))


def _clusters(text: str) -> Iterator[tuple[int, str]]:
    """Each character with the marks that are put to it, and where it begins."""
    start = 0
    for at in range(1, len(text) + 1):
        if at == len(text) or not _joins(text[at]):
            if text[start:at]:
                yield start, text[start:at]
            start = at


def _joins(character: str) -> bool:
    """Whether a character goes with the one before it: a combining mark, or a vowel or end of a Korean
    syllable."""
    return character > "\u02ff" and (
        unicodedata.combining(character) != 0 or "\u1160" <= character <= "\u11ff"
    )


# Characters among which are those that `_joins` means; punctuation and currency signs are not.
_MAY_JOIN = re.compile(r"[^\0-\u02ff\u2000-\u20cf]")


@lru_cache(maxsize=8_192)
def _folded(cluster: str) -> str:
    """A character with its marks, evened out; empty where nothing stays."""
    even = unicodedata.normalize("NFKC", cluster.translate(_SAME)).translate(_SAME).casefold()
    bare = _ACCENTS.sub("", unicodedata.normalize("NFKD", even)).translate(_STROKES)
    return unicodedata.normalize("NFKC", bare).translate(_SAME)


def fold(text: str) -> tuple[str, list[int]]:
    """The text with case, accents, typography and spacing evened out, and for each character where it came
    from.

    >>> fold("“Go”  now, Zoltán")[0]
    '"go" now, zoltan'
    """
    if text.isascii() and (plain := text.lower().replace("`", "'")) == " ".join(plain.split()):
        return plain, list(range(len(plain)))
    out: list[str] = []
    origin: list[int] = []
    for position, cluster in _clusters(text) if _MAY_JOIN.search(text) else enumerate(text):
        for piece in _folded(cluster):
            if piece.isspace():
                if not out or out[-1] == " ":
                    continue
                piece = " "
            out.append(piece)
            origin.append(position)
    return "".join(out), origin


def locate(words_sought: str, text: str) -> Span | None:
    """Where those words stand in the text, exactly or but for case, accents, typography and spacing; the
    first place.

    >>> locate("'go now'", "He said: ‘Go  now’."), locate("Lodz", "in Łódź")
    ((9, 18), (3, 7))
    """
    if not words_sought.strip():
        return None
    if (at := text.find(words_sought)) >= 0:
        return at, at + len(words_sought)
    sought = fold(words_sought)[0].strip()
    folded, origin = fold(text)
    at = folded.find(sought)
    if not sought or at < 0:
        return None
    end = origin[at + len(sought) - 1] + 1
    while end < len(text) and _joins(text[end]):  # the accents of the last letter
        end += 1
    return origin[at], end


def words(text: str) -> list[str]:
    """The words of a text, in small letters, without accents, with straight apostrophes and no possessive.

    >>> words("Iran’s 560-mile border"), words("Zoltán") == words("Zolta\\u0301n") == ["zoltan"]
    (['iran', '560', 'mile', 'border'], True)
    """
    if text.isascii():
        return [word.removesuffix("'s") for word in _ASCII_WORD.findall(text.lower())]
    return [plain_word(word) for word in _WORD.findall(text)]


@lru_cache(maxsize=65_536)
def plain_word(word: str) -> str:
    """A word as words are compared: see `words`.

    >>> plain_word("Łódź’s"), plain_word("Straße")
    ('lodz', 'strasse')
    """
    if not word.isascii():
        even = unicodedata.normalize("NFD", word.translate(_SAME).casefold())
        word = unicodedata.normalize("NFC", _ACCENTS.sub("", even).translate(_STROKES))
    return word.casefold().removesuffix("'s")


@lru_cache(maxsize=65_536)
def stem(word: str) -> str:
    """A lower-case word without its ending (Porter's second stemmer, as in the lexical index), British and
    American spellings as one.

    >>> stem("targeted"), stem("strikes")
    ('target', 'strike')
    >>> stem("metres") == stem("meter"), stem("organised") == stem("organizes")
    (True, True)
    """
    found = _stemmed(word)
    if found.endswith(("iz", "yz")) and len(found) > 4:
        return f"{found[:-1]}s"
    return _spellings().get(found, found)


def _stemmed(word: str) -> str:
    from snowballstemmer import stemmer

    # One for each word, a hundredth of the work: it keeps the word in itself, which threads must not share.
    return stemmer("english").stemWord(word)  # type: ignore[no-any-return]


@cache
def _spellings() -> Mapping[str, str]:
    """The stems of American spellings, by those of British ones."""
    pairs = (pair.split(":") for pair in AMERICAN_SPELLINGS)
    return {_stemmed(british): _stemmed(american) for british, american in pairs}


# A place inside a word or a number: “rose 1” does not stand in “rose 12%” nor in “rose 1.5%”.
_INSIDE = re.compile(r"(?<=\w)(?=['’-]?\w)|(?<=\w['’-])(?=\w)|(?<=\d)(?=[.,]\d)|(?<=\d[.,])(?=\d)")


def is_whole(text: str, start: int, end: int) -> bool:
    """Whether the stretch [start, end) begins and ends between words and numbers.

    >>> is_whole("It rose 12%", 3, 9), is_whole("It rose 12%", 3, 10)
    (False, True)
    """
    return not (_INSIDE.match(text, start) or _INSIDE.match(text, end))


def content_stems(text: str) -> list[str]:
    """The stems of the words that say what a text is about, in order, repeats kept.

    >>> content_stems("Whom did they target?")
    ['target']
    """
    return [stem(w) for w in words(text) if w not in STOPWORDS]
