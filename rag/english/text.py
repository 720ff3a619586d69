"""How text is compared and cut: one normaliser, one sentence splitter, exact match, token F1 and AUROC.

Search, checking, training and evaluation all use these, so that a number means the same everywhere.
Offsets count code points of the text that was handed in.
"""

from __future__ import annotations

import math
import re
import string
import unicodedata
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache

__all__ = [
    "auroc",
    "contained",
    "content_stems",
    "exact_match",
    "fold",
    "json_safe",
    "label",
    "locate",
    "log_odds",
    "numbers",
    "one_line",
    "sentences",
    "squad_normalise",
    "stem",
    "terminal_safe",
    "token_f1",
    "words",
]

Span = tuple[int, int]

# Typographic variants of one character. An em dash with spaces and a hyphen are kept apart by the spaces.
_SAME = str.maketrans(
    {
        "‘": "'", "’": "'", "‚": "'", "‛": "'", "`": "'", "´": "'", "“": '"', "”": '"', "„": '"', "«": '"', "»": '"',
        "‐": "-", "‑": "-", "‒": "-", "–": "-", "—": "-", "―": "-", "−": "-", "…": ".", "\u00ad": None, "\u200b": None,
        "\ufeff": None,
    }
)  # fmt: skip

# Function words of English questions and sentences: they say how a thing is asked, not what.
STOPWORDS = frozenset(
    """a about above after again against all also am an and any are aren't as at be because been before being below
    between both but by can can't cannot could couldn't did didn't do does doesn't doing don't down during each either
    else ever few for from further get got had hadn't has hasn't have haven't having he her here hers herself him
    himself his how i if in into is isn't it it's its itself just let me more most much my myself no nor not now of
    off on once one only or other ought our ours ourselves out over own please same shall she should shouldn't so some
    such tell than that that's the their theirs them themselves then there these they this those through to too under
    until up upon us very was wasn't we were weren't what what's when where which while who who's whom whose why will
    with won't would wouldn't yes you your yours yourself yourselves s t re ve ll d m""".split()
)

# Escape sequences in an article would repaint a reader's terminal, and marks of direction would turn its
# words round.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_NUMBER = re.compile(r"(?<![\w.])\d+(?:[.,]\d+)*")
_TERMINAL = re.compile(r"[.!?…。！？:;][\"'”’)\]]*\s*\Z")
# The splitter is quadratic in unclosed quotation marks; no real line of prose is longer than this.
_LONGEST_LINE = 8_000
_SMALL_NUMBERS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen "
    "eighteen nineteen"
).split()
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
_NUMBER_WORDS = {word: value for value, word in enumerate(_SMALL_NUMBERS)} | {
    word: 10 * value for value, word in enumerate(_TENS, 2)
}
_NUMBER_WORD = re.compile(
    rf"\b(?:({'|'.join(_TENS)})(?:[-‐‑ ]({'|'.join(_SMALL_NUMBERS[1:10])}))?|({'|'.join(_SMALL_NUMBERS)}))\b",
    re.IGNORECASE,
)


def words(text: str) -> list[str]:
    """The words of a text, lower-cased, with straight apostrophes and no possessive.

    >>> words("Iran’s 560-mile border")
    ['iran', '560', 'mile', 'border']
    """
    return [_bare(w) for w in _WORD.findall(text)]


def _bare(word: str) -> str:
    return word.casefold().translate(_SAME).removesuffix("'s")


@lru_cache(maxsize=65_536)
def stem(word: str) -> str:
    """A lower-case word without its ending (Porter's second stemmer, as in the lexical index).

    >>> stem("targeted"), stem("strikes")
    ('target', 'strike')
    """
    from snowballstemmer import stemmer

    # One for each word, a hundredth of the work: it keeps the word in itself, which threads must not share.
    return stemmer("english").stemWord(word)  # type: ignore[no-any-return]


def content_stems(text: str) -> list[str]:
    """The stems of the words that say what a text is about, in order, repeats kept.

    >>> content_stems("Whom did they target?")
    ['target']
    """
    return [stem(w) for w in words(text) if w not in STOPWORDS]


def numbers(text: str) -> list[str]:
    """The numbers a text states, as digits, in order; words up to ninety-nine count.

    >>> numbers("at least nine people, 1,566 incidents and 3.5 bn")
    ['9', '1566', '3.5']
    """
    found: list[tuple[int, str]] = []
    for match in _NUMBER.finditer(text):
        found.append((match.start(), re.sub(r",(?=\d{3}(?:\D|$))", "", match.group())))
    for match in _NUMBER_WORD.finditer(text):
        value = sum(_NUMBER_WORDS[word.casefold()] for word in match.groups() if word)
        found.append((match.start(), str(value)))
    return [value for _, value in sorted(found)]


def sentences(text: str) -> tuple[Span, ...]:
    """The sentences of a text as [start, end), without surrounding white space.

    A line break ends a sentence, as headings and bylines need, except in text wrapped at a fixed
    width. Abbreviations, initials and quotations are left to sentencex, Wikimedia's splitter.

    >>> [("Gen. Milley left. He was late."[a:b]) for a, b in sentences("Gen. Milley left. He was late.")]
    ['Gen. Milley left.', 'He was late.']
    """
    found: list[Span] = []
    for start, end in _blocks(text):
        for piece_start, piece_end in _pieces(text, start, end):
            found.extend(_split(text, piece_start, piece_end))
    return tuple(found)


def _blocks(text: str) -> Iterator[Span]:
    """Stretches between line breaks that end a sentence."""
    breaks = [m.span() for m in re.finditer(r"\r\n|[\n\r\u2028\u2029\x0b\x0c\x85]", text)]
    wrapped = _is_wrapped(text, breaks)
    start = 0
    line_ends = [here for here, _ in breaks[1:]] + [len(text)]
    for (here, after), line_end in zip(
        breaks, line_ends, strict=False
    ):  # without breaks there is one end too many
        if not wrapped or not text[after:line_end].strip():  # a blank line follows
            yield start, here
            start = after
    yield start, len(text)


def _is_wrapped(text: str, breaks: Sequence[Span]) -> bool:
    """Whether lines were broken at a fixed width: many lines, all short, most ending inside a sentence."""
    if len(breaks) < 2:
        return False
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) < 3 or max(map(len, lines)) > 100:
        return False
    inner = [line for line in lines[:-1] if not _TERMINAL.search(line)]
    typical = sorted(map(len, lines))[len(lines) // 2]
    return typical >= 40 and len(inner) * 2 > len(lines)


def _pieces(text: str, start: int, end: int) -> Iterator[Span]:
    while end - start > _LONGEST_LINE:
        cut = max(text.rfind(" ", start + 1, start + _LONGEST_LINE), start)
        cut = cut if cut > start else start + _LONGEST_LINE
        yield start, cut
        start = cut
    yield start, end


def _split(text: str, start: int, end: int) -> Iterator[Span]:
    block = text[start:end].replace("\n", " ").replace("\r", " ")
    if not block.strip():
        return
    from sentencex import get_sentence_boundaries

    for found in get_sentence_boundaries("en", block):
        first, last = start + found["start_index"], start + found["end_index"]
        while first < last and text[first].isspace():
            first += 1
        while last > first and text[last - 1].isspace():
            last -= 1
        if first < last:
            yield first, last


def fold(text: str) -> tuple[str, list[int]]:
    """The text with case, typography and spacing evened out, and for each character where it came from.

    >>> fold("“Go”  now")[0]
    '"go" now'
    """
    out: list[str] = []
    origin: list[int] = []
    for position, character in enumerate(text):
        for piece in unicodedata.normalize("NFKC", character).translate(_SAME).casefold():
            if piece.isspace():
                if not out or out[-1] == " ":
                    continue
                piece = " "
            out.append(piece)
            origin.append(position)
    return "".join(out), origin


def locate(words_sought: str, text: str) -> Span | None:
    """Where those words stand in the text, exactly or but for case, typography and spacing; the first place.

    >>> locate("'go now'", "He said: ‘Go  now’.")
    (9, 18)
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
    return origin[at], origin[at + len(sought) - 1] + 1


def label(title: str | None, text: str, longest: int = 80) -> str:
    """What to call an article: its title, or the start of its first sentence, cut at a word.

    >>> label(None, "Iran struck first. Then Pakistan.")
    'Iran struck first.'
    """
    if title and title.strip():
        return " ".join(title.split())
    spans = sentences(text[:2_000])
    first = " ".join(text[spans[0][0] : spans[0][1]].split()) if spans else " ".join(text[:longest].split())
    first = first.lstrip("-–—•*# ") or first  # a list's mark is not part of what it says
    if len(first) <= longest:
        return first
    return first[:longest].rsplit(" ", 1)[0].rstrip(" ,;:-–—") + "…"


_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation + "‘’“”–—…")


def squad_normalise(text: str) -> str:
    """Lower-cased, without punctuation, articles and extra spaces: SQuAD 1.1's evaluation script
    (Rajpurkar et al., EMNLP 2016), with typographic punctuation removed as well.

    >>> squad_normalise("The “Houthis”!")
    'houthis'
    """
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def exact_match(prediction: str, golds: Sequence[str]) -> bool:
    """Whether the prediction equals one of the golds after `squad_normalise`.

    >>> exact_match("the Houthis.", ["Houthis"])
    True
    """
    return squad_normalise(prediction) in {squad_normalise(gold) for gold in golds}


def token_f1(prediction: str, golds: Sequence[str]) -> float:
    """The best harmonic mean of token precision and recall against any gold, 0 to 1 (SQuAD 1.1); 0 without
    golds.

    >>> token_f1("Iran struck", ["Iran"])
    0.6666666666666666
    """
    return max(
        (_f1(squad_normalise(prediction).split(), squad_normalise(gold).split()) for gold in golds),
        default=0.0,
    )


def _f1(said: list[str], gold: list[str]) -> float:
    if not said or not gold:
        return float(said == gold)
    shared = sum((Counter(said) & Counter(gold)).values())
    return 2 * shared / (len(said) + len(gold)) if shared else 0.0


def contained(prediction: str, golds: Sequence[str]) -> bool:
    """Whether some gold's normalised words stand in the prediction's, in one piece.

    >>> contained("It killed at least nine people.", ["nine people"])
    True
    """
    said = f" {squad_normalise(prediction)} "
    return any(f" {normal} " in said for gold in golds if (normal := squad_normalise(gold)))


def log_odds(p: float) -> float:
    """The logarithm of the odds of a probability, which is kept a millionth away from 0 and 1.

    >>> round(log_odds(0.9), 3), log_odds(0.5), round(log_odds(1.0), 1)
    (2.197, 0.0, 13.8)
    """
    kept = min(max(p, 1e-6), 1 - 1e-6)
    return math.log(kept / (1 - kept))


def auroc(scores_answerable: Sequence[float], scores_unanswerable: Sequence[float]) -> float | None:
    """How often an answerable question outscores an unanswerable one, over all pairs; a tie counts half.

    The area under the ROC curve as Mann and Whitney's statistic (Hanley and McNeil, Radiology 1982). From 0
    to 1: 0.5 is chance, 1 a perfect separation. `None` if either side is empty.

    >>> auroc([3, 2], [2, 1])  # three pairs of four, and one tie
    0.875
    """
    if any(math.isnan(score) for score in (*scores_answerable, *scores_unanswerable)):
        raise ValueError("a score is not a number (NaN): leave out the questions that have no score")
    if not scores_answerable or not scores_unanswerable:
        return None
    below = sorted(scores_unanswerable)
    twice = sum(bisect_left(below, score) + bisect_right(below, score) for score in scores_answerable)
    return twice / (2 * len(scores_answerable) * len(below))


def terminal_safe(text: str) -> str:
    """The text without characters that steer a terminal; line ends and tabs stay.

    >>> terminal_safe("a\\x1b[31mb")
    'a[31mb'
    """
    return _CONTROL.sub("", text)


def one_line(text: str) -> str:
    """The text on one line, without characters that steer a terminal.

    >>> one_line("news/a\\nb.txt: it is\\x1b[2J empty")
    'news/a b.txt: it is[2J empty'
    """
    return terminal_safe(" ".join(text.splitlines()).replace("\t", " "))


def json_safe(written: str) -> str:
    """JSON in which the characters that steer a terminal are escaped; it means what it meant.

    >>> json_safe('"a\\x9b31mb"')
    '"a\\\\u009b31mb"'
    """
    return _CONTROL.sub(lambda found: f"\\u{ord(found.group()):04x}", written)
