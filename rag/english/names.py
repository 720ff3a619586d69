"""Names: runs of capitalised words that name somebody or something, and when two of them name the same."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from functools import lru_cache

from rag.english.lexicon import (
    ADVERBS,
    ALSO_NAMES,
    AUXILIARIES,
    BY_SHORT_NAME,
    CALENDAR,
    CAPITALS,
    COMMON_ENDINGS,
    CONNECTIVES,
    DEMONYMS,
    DETERMINERS,
    FIRM_ENDINGS,
    NAME_HEADS,
    NAME_PARTICLES,
    NUMBER_WORDS,
    OPENERS,
    PLACES,
    PREPOSITIONS,
    PRONOUNS,
    QUESTION_WORDS,
    SHORT_MONTHS,
    SHORT_WEEKDAYS,
    STOPWORDS,
    TITLE_ADJECTIVES,
    TITLES,
    verb_forms,
)
from rag.english.normalise import MARKS, plain_word, words

__all__ = ["Name", "alike", "capitals", "name_words", "names", "same_name", "small_words"]

_PART = rf"[^\W_][\w{MARKS}]*"
# "U.S.", "J.", "O'Neill", "al-Adl", "Jean-Luc", "AT&T", "Real".
_TOKEN = re.compile(
    rf"(?:[A-Z]\.){{2,6}}|[A-Z]\.(?=\s+\w)|{_PART}(?:[’'&.-]{_PART}){{0,6}}",
)
_POSSESSIVE = re.compile(r"['’]s\Z|(?<=s)['’]\Z", re.IGNORECASE)
_OPENING = re.compile(r"(?:\A|[.!?:…]['\"”’)\]]{0,2}\s|\n|[“‘(\[•*]|(?:^|\s)[-–—]\s)\s*\Z|\"\Z")
_FUNCTION = STOPWORDS | PREPOSITIONS | DETERMINERS | PRONOUNS | AUXILIARIES | CONNECTIVES | QUESTION_WORDS
_NOT_NAMES = _FUNCTION | CALENDAR | frozenset(SHORT_MONTHS) | frozenset(SHORT_WEEKDAYS) - {"sun"}
_SHORT_TITLES = frozenset(word for word in TITLES | TITLE_ADJECTIVES if len(word) <= 4)
_DEDICATED = frozenset("hospital college school church cathedral hall park square theatre hospice".split())
_JOINED = re.compile(r"\s{1,3}|-")


@dataclass(frozen=True, slots=True)
class Name:
    """A name at [start, end): without the title before it and the possessive after it.

    `opens`: its first word begins a sentence or a quotation, so that its capital says little. `title`: the
    title's words, in small letters. `possessive`: an "’s" follows.
    """

    start: int
    end: int
    text: str
    opens: bool = False
    title: str = ""
    possessive: bool = False

    @property
    def last(self) -> str:
        """Its last word, as words are compared: what a second mention calls a person by."""
        return plain_word(re.split(r"\s", self.text)[-1])


@dataclass(frozen=True, slots=True)
class _Token:
    start: int
    end: int
    text: str  # without a possessive
    plain: str  # as words are compared
    possessive: bool
    opens: bool


def names(
    text: str, *, common: Set[str] = frozenset(), known: Set[str] = frozenset(), lower: Set[str] = frozenset()
) -> tuple[Name, ...]:
    """The names of a text in order.

    A single word that opens a sentence is a name unless it is a common word: one of `OPENERS`, one with a
    common word's ending, or one of `common` (words that other text has in small letters). `known` are words
    that are names wherever they stand. `lower` are names to be found in small letters, too, as questions
    write them.

    >>> [n.text for n in names("Gen. Mark Milley met the Bank of England’s Zoltán Kis in the U.S.")]
    ['Mark Milley', 'Bank of England', 'Zoltán Kis', 'U.S.']
    >>> [n.text for n in names("Police in iran held Real Sociedad's van der Berg.", lower=PLACES)]
    ['iran', 'Real Sociedad', 'van der Berg']
    """
    tokens = _tokens(text)
    small = {token.plain for token in tokens if token.text.islower()} | common
    return tuple(
        name
        for run in _runs(text, tokens, lower | known)
        if (name := _name(text, tokens, run, small, known | lower)) is not None
    )


def small_words(text: str) -> frozenset[str]:
    """The words of a text, as words are compared, that it writes in small letters somewhere.

    >>> sorted(small_words("Police in Oslo hold Ann Lee; the police wait."))
    ['hold', 'in', 'police', 'the', 'wait']
    """
    # In one go: a space between two words parts them as `words` does.
    return frozenset(words(" ".join({token for token in _TOKEN.findall(text) if token.islower()})))


def capitals(text: str, *, common: Set[str] = frozenset()) -> frozenset[str]:
    """The words, as words are compared, that a text writes with a capital because of what they are: parts of
    names, titles, days and months. The word that opens a sentence is one if it is a part of a name; `common`
    as in `names`.

    >>> sorted(capitals("Yesterday President Zoltán Kis left on Monday. Police in the US wait."))
    ['kis', 'monday', 'president', 'us', 'zoltan']
    """
    spans = [(name.start, name.end) for name in names(text, common=common)]
    return frozenset(
        word
        for token in _tokens(text)
        if _is_capital(token)
        and (
            not token.opens
            or token.plain in CALENDAR - ALSO_NAMES
            or any(start <= token.start < end for start, end in spans)
        )
        for word in words(token.text)
        if word not in STOPWORDS or (token.text.isupper() and len(token.text) > 1)
    )


@lru_cache(maxsize=512)  # a sentence of a question's evidence is read for several ends
def _tokens(text: str) -> tuple[_Token, ...]:
    return tuple(_read_tokens(text))


def _read_tokens(text: str) -> Iterator[_Token]:
    for match in _TOKEN.finditer(text):
        whole = match.group()
        bare = whole if whole.isalnum() else _POSSESSIVE.sub("", whole)
        trailing = text[match.end() : match.end() + 1]
        possessive = bare != whole or (whole[-1] == "s" and trailing in {"'", "’"} and whole[0].isupper())
        start = match.start()
        before = text[max(0, start - 6) : start]
        # Most words follow a word or a comma, and the pattern need not be tried.
        inside = before[-1:] == " " and (before[-2:-1].isalnum() or before[-2:-1] == ",")
        opens = start == 0 or (
            not inside and bool(_OPENING.search(before)) and not _is_abbreviated(text, start)
        )
        plain = plain_word(bare).rstrip(".")
        yield _Token(start, start + len(bare), bare, plain, possessive, opens)


def _is_abbreviated(text: str, start: int) -> bool:
    """Whether the full stop before a place is a title's or an initial's."""
    before = re.search(r"([^\W\d_]+)\.\s+\Z", text[max(0, start - 16) : start])
    return before is not None and (
        before[1].lower() in _SHORT_TITLES or (len(before[1]) == 1 and before[1].isupper())
    )


def _is_capital(token: _Token) -> bool:
    return token.text[0].isupper() or (
        not token.text.islower()
        and token.text[0].islower()
        and any(c.isupper() for c in token.text[1:])
        and "-" not in token.text[1:2]
    )


def _runs(text: str, tokens: Sequence[_Token], anyway: Set[str]) -> Iterator[tuple[int, int]]:
    """Stretches of tokens [first, last) that stand together and have capitals."""
    at = 0
    while at < len(tokens):
        begins = _is_capital(tokens[at]) or tokens[at].plain in anyway
        if not begins or (_is_no_part(tokens[at]) and not _is_part_after_all(text, tokens, at)):
            at += 1
            continue
        end = at + 1
        while end < len(tokens):
            follows = _next_part(text, tokens, at, end)
            if follows is None:
                break
            end = follows
        start = at
        while (
            start
            and tokens[start - 1].text in NAME_PARTICLES
            and _beside(text, tokens[start - 1], tokens[start])
        ):
            start -= 1
        yield start, end
        at = end


def _is_no_part(token: _Token) -> bool:
    """Whether a capitalised word is no part of a name: a day, or a function word that is no abbreviation."""
    shouted = token.text.isupper() and token.plain in BY_SHORT_NAME.keys() | FIRM_ENDINGS
    return (token.plain in _NOT_NAMES and not shouted) or (token.text == "I")


def _is_dedicated(text: str, tokens: Sequence[_Token], end: int) -> bool:
    """Whether a possessive is a part of the name: "St. Brigid's Hospital"."""
    house = tokens[end].plain in _DEDICATED and _is_capital(tokens[end])
    return house and text[tokens[end - 1].end : tokens[end].start].strip("'’s").isspace()


def _is_part_after_all(text: str, tokens: Sequence[_Token], at: int) -> bool:
    """Whether a capitalised "Will" or "Jan" begins a name: another part follows, and no sentence begins
    here."""
    if tokens[at].plain not in ALSO_NAMES or at + 1 == len(tokens):
        return False
    if tokens[at].opens and (_asks(text, tokens[at].end) or tokens[at].plain not in {"will", "may"}):
        return False
    following = tokens[at + 1]
    named = following.text[0].isalpha() and _is_capital(following) and not _is_no_part(following)
    return named and _beside(text, tokens[at], following)


def _asks(text: str, at: int) -> bool:
    """Whether the sentence around a place is a question."""
    mark = re.compile(r"[.?!](?=\s|\Z|[\"”])").search(text, at)
    return mark is not None and mark.group() == "?"


def _beside(text: str, one: _Token, other: _Token) -> bool:
    if one.possessive:
        return False
    between = text[one.end : other.start]
    stop = between.startswith(".") and (one.plain in _SHORT_TITLES or len(one.plain) == 1)
    joined = _JOINED.fullmatch(between[1:] if stop else between) or between in {" & ", "& "}
    return bool(joined) and not (other.opens and not stop)


def _next_part(text: str, tokens: Sequence[_Token], first: int, end: int) -> int | None:
    """Where a run that reaches up to `end` goes on to; `None` where it is over."""
    here = tokens[end - 1]
    if here.possessive and _is_dedicated(text, tokens, end):
        return end + 1
    if not _beside(text, here, tokens[end]):
        return None
    if _is_capital(tokens[end]) and (not _is_no_part(tokens[end]) or tokens[end].plain in ALSO_NAMES):
        return end + 1
    if tokens[end].text in FIRM_ENDINGS - {"as", "company", "group", "holdings"}:
        return end + 1
    joining = end
    heads = any(token.plain in NAME_HEADS for token in tokens[first:end])
    while joining < len(tokens) and joining < end + 3 and _beside(text, tokens[joining - 1], tokens[joining]):
        small = tokens[joining].text
        if small in NAME_PARTICLES or (heads and small in {"of", "for", "on", "the"}):
            joining += 1
            continue
        break
    if joining == end or joining == len(tokens) or not _beside(text, tokens[joining - 1], tokens[joining]):
        return None
    if tokens[joining - 1].text == "the" and joining == end + 1:
        return None  # "Ajax the champions"
    named = tokens[joining]
    return joining + 1 if _is_capital(named) and not _is_no_part(named) else None


def _name(
    text: str, tokens: Sequence[_Token], run: tuple[int, int], small: Set[str], known: Set[str]
) -> Name | None:
    first, end = run
    opens = tokens[first].opens
    title: list[str] = []
    while (length := _title(tokens, first, end)) and first + length < end:
        title += [token.plain for token in tokens[first : first + length]]
        first += length
    if first == end - 1 and tokens[first].plain in TITLES and tokens[first].plain not in known:
        return None  # "the President"
    # The capital of what opens a sentence says nothing: a common word there is no part of the name.
    if opens and not title and _is_common(text, tokens, first, small) and tokens[first].plain not in known:
        first += 1
        opens = False
    if first >= end:
        return None
    last = tokens[end - 1]
    start = tokens[first].start
    stop = (
        last.end - 1
        if last.text.endswith(".") and not re.search(r"[A-Z]\.[A-Z]\.\Z", last.text)
        else last.end
    )
    return Name(start, stop, text[start:stop], opens, " ".join(title), last.possessive)


def _title(tokens: Sequence[_Token], first: int, end: int) -> int:
    """How many words of a title a run begins with: two for "Prime Minister"."""
    at = first
    while at < end and tokens[at].plain in TITLE_ADJECTIVES:
        at += 1
    if at + 1 >= end or tokens[at].plain not in TITLES or _is_title_kept(tokens, at):
        return 0
    return at + 1 - first


def _is_title_kept(tokens: Sequence[_Token], first: int) -> bool:
    """Whether what looks like a title is a part of the name: "Prince of Wales", "St Albans"."""
    here, after = tokens[first].plain, tokens[first + 1]
    return (
        here in {"st", "saint"}
        or after.text in {"of", "for"}
        or after.plain in NAME_HEADS | {"motors", "electric"}
    )


def _is_common(text: str, tokens: Sequence[_Token], at: int, small: Set[str]) -> bool:
    """Whether the word that opens a sentence is a common one."""
    token = tokens[at]
    plain = token.plain
    if plain in ALSO_NAMES:  # it has been found to be a part of the name
        return False
    if (token.text.isupper() and len(plain) > 1) or plain in PLACES or plain in DEMONYMS:
        return False
    following = tokens[at + 1] if at + 1 < len(tokens) else None
    named_on = following is not None and _is_capital(following) and _beside(text, token, following)
    if named_on and (plain in NAME_HEADS or (plain in TITLES and _is_title_kept(tokens, at))):
        return False  # "Storm Babet", "Union Berlin"
    if plain in OPENERS or plain in ADVERBS or plain in NUMBER_WORDS or plain in small:
        return True
    if token.possessive or (named_on and not plain.endswith(("ly", "ing"))):
        return False
    if len(plain) > 5 and plain.endswith(tuple(COMMON_ENDINGS)):
        return True
    if _is_followed_by_verb(text, token, following):
        return False
    # "Asked about it, she …", "Toxic fumes filled …"
    return plain in verb_forms() or plain.endswith(("ic", "al", "ous", "ed"))


def _is_followed_by_verb(text: str, token: _Token, following: _Token | None) -> bool:
    if following is None or text[token.end : following.start].strip():
        return False
    return following.plain in AUXILIARIES or following.plain in verb_forms()


# --- the same name ------------------------------------------------------------------------------------

# Endings by which a people's name and its country's differ: Iran, Iranian; Pakistan, Pakistani; China,
# Chinese.
_PEOPLE = frozenset(["", *"a ain an ans e ean ese i ia ian ians ine is ish n s y".split()])
_STOPS = re.compile(r"(?<=\b[A-Za-z])\.")


@lru_cache(maxsize=16_384)
def alike(a: str, b: str) -> bool:
    """Whether two words are spellings of one name or word: transliterations, a people and its country, a slip
    of the pen.

    Short words must be equal, and so must those with digits: Iran is not Iraq, and a DC-3 no DC-8.

    >>> alike("balochistan", "baluchestan"), alike("iranian", "iran")
    (True, True)
    >>> alike("austria", "australia"), alike("iran", "iraq")
    (False, False)
    """
    a, b = plain_word(a), plain_word(b)
    if a == b:
        return True
    if min(len(a), len(b)) < 4 or a[0] != b[0] or any(c.isdigit() for c in a + b):
        return False
    head = _shared_start(a, b)
    if head >= 4 and a[head:] in _PEOPLE and b[head:] in _PEOPLE:
        return True
    bones = _consonants(a)
    if len(bones) >= 4 and bones == _consonants(b):
        return True
    tail = _shared_start(a[head:][::-1], b[head:][::-1])
    return min(len(a), len(b)) >= 7 and max(len(a), len(b)) - head - tail <= 1


def _shared_start(a: str, b: str) -> int:
    return next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


def _consonants(word: str) -> str:
    """A word's consonants, doubles once.

    >>> _consonants("mohammed"), _consonants("muhammad")
    ('mhmd', 'mhmd')
    """
    return re.sub(r"(.)\1+", r"\1", re.sub(r"[aeiouy'’]", "", word))


def same_name(one: str, other: str, *, governments: bool = True, spellings: bool = True) -> bool:
    """Whether two names name the same, as far as their words show.

    A last name stands for the whole one, an abbreviation for what it abbreviates, a people's name for its
    country's, a firm's for the one with "plc" behind it. `governments`: a capital stands for its country's
    government. `spellings`: transliterations are one name.

    >>> [same_name("US", other) for other in ("U.S.", "the United States", "Washington", "American")]
    [True, True, True, True]
    >>> same_name("Gen. Mark Milley", "Milley"), same_name("BLA", "Baloch Liberation Army")
    (True, True)
    >>> same_name("Tehran", "Iran", governments=False), same_name("Ann Lee", "Bob Lee")
    (False, False)
    """
    a, b = name_words(one, governments), name_words(other, governments)
    if not a or not b:
        return False
    if len(a) > len(b):
        a, b = b, a
    if a == b or a == b[-len(a) :]:
        return True
    if spellings and all(alike(x, y) for x, y in zip(a, b[-len(a) :], strict=True)):
        return True
    if len(a) < len(b) and all(word in FIRM_ENDINGS for word in b[len(a) :]) and a == b[: len(a)]:
        return True
    return len(a) == 1 and len(b) > 1 and len(a[0]) > 1 and a[0] in _abbreviations(b)


@lru_cache(maxsize=8_192)
def name_words(name: str, governments: bool = False) -> tuple[str, ...]:
    """A name's words as they are compared. `governments`: a capital stands for its country's government.

    >>> name_words("the U.S."), name_words("Gen. Asim Munir"), name_words("Pakistani")
    (('america',), ('asim', 'munir'), ('pakistan',))
    """
    said = words(_STOPS.sub("", name))
    while len(said) > 1 and said[0] in TITLES | {"the"}:
        said = said[1:]
    short = BY_SHORT_NAME.get(" ".join(said))
    if short:
        return tuple(short.split())
    if len(said) == 1:
        word = said[0]
        country = (
            DEMONYMS.get(word)
            or DEMONYMS.get(word.removesuffix("s"))
            or (CAPITALS.get(word) if governments else None)
        )
        return (country or word,)
    return tuple(said)


def _abbreviations(parts: Sequence[str]) -> set[str]:
    """The first letters, with and without those of small words."""
    return {"".join(part[0] for part in parts), "".join(part[0] for part in parts if part not in _FUNCTION)}
