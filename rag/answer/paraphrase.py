"""Whether a sentence in other words says what a quote says, as far as words show.

A rule about words, no proof of meaning: the quote has most of the sentence's content words, all of its
numbers and names, and nothing of what the quote says of the same deed differs: who did it, whom it was done
to, whether it is denied, only possible or claimed, and who says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence, Set
from datetime import date
from functools import lru_cache
from itertools import pairwise

from rag.answer.aligned import copied, is_changed
from rag.answer.facts import are_facts, may_be_told_as_to_come
from rag.english.clauses import Clause, clauses, denials, is_reported, with_plain_denials
from rag.english.lexicon import (
    BY_SHORT_NAME,
    CONNECTIVES,
    CONTRACTIONS,
    CONTRARY_MODALS,
    CURRENCIES,
    DEMONYMS,
    DENYING_VERBS,
    MEASURES,
    MUTUAL_VERBS,
    NEGATIONS,
    NEGATIVE_PRONOUNS,
    OFFICES,
    OPPOSITES,
    ORGANISATION_HEADS,
    PARTIAL,
    RELATIVES,
    SCALES,
    STOPWORDS,
    TELLING_VERBS,
    TITLES,
    TO_COME,
    WHOLE,
    alternation,
    lemma,
)
from rag.english.measures import is_as_much
from rag.english.names import capitals, names, same_name
from rag.english.normalise import content_stems, fold, stem, words
from rag.english.numbers import Figure, figures, meant_numbers, numbers, ranks, stated_numbers
from rag.english.participants import ParticipantRole, participants
from rag.english.phrases import items, verb_groups
from rag.english.sentences import sentences
from rag.english.speakers import Speaker, speakers
from rag.english.times import days, with_months_first
from rag.types import Objection

__all__ = [
    "agrees",
    "in_days_of",
    "is_doubted",
    "lacks",
    "named_stems",
    "objections",
    "share_held",
    "statement_stems",
    "without_shared_days",
]

_SCALE_STEMS = frozenset(stem(word) for word in (*SCALES, "percent", "cent", "per"))
_DENYING_STEMS = frozenset(stem(word) for word in NEGATIONS | DENYING_VERBS)
_UNITS = frozenset(CURRENCIES.values()) | {"%"}
_UPWARD, _DOWNWARD = frozenset({"least", "over"}), frozenset({"most", "under"})
# Words that deny a whole clause, where "no", "nobody" and "without" deny the noun they stand with.
_DENYING_WORDS = (NEGATIONS - NEGATIVE_PRONOUNS - {"nor", "without"}) | CONTRACTIONS
_PART = re.compile(
    rf"[,;:–—]|\b(?:{alternation((CONNECTIVES | RELATIVES) - {'as', 'for', 'nor', 'or', 'than', 'that'})})\b",
    re.IGNORECASE,
)
# Nouns of those who speak; "the park who said" is no speaker.
_SPEAKING = frozenset(stem(word) for word in OFFICES | ORGANISATION_HEADS | {"government"})
_CONDITIONS = frozenset({"if", "unless"})
_MEASURE_STEMS = frozenset(stem(measure) for measure in MEASURES)


def share_held(text: str, quote: str) -> float:
    """The share of the text's content words that the quote has, 0 to 1; numbers, their scales and denials,
    which are compared by their meaning, do not count.

    >>> share_held("Iran hit nine villages.", "Iran struck nine villages in Balochistan.")
    0.6666666666666666
    """
    held = set(statement_stems(quote))
    plain = [s for s in statement_stems(text) if not _is_compared_otherwise(s)]
    return sum(s in held for s in plain) / len(plain) if plain else 1.0


@lru_cache(maxsize=4_096)
def _is_compared_otherwise(word: str) -> bool:
    return bool(numbers(word, ordinals=True)) or word in _SCALE_STEMS or word in _DENYING_STEMS


def objections(
    text: str,
    quote: str,
    common: Set[str] = frozenset(),
    published: date | None = None,
    best: str | None = None,
) -> frozenset[Objection]:
    """What rules have against the quote carrying the text, whatever words it uses. `published` is the day of
    the quote's article, from which its "Saturday" is counted. Of a quote of several sentences `best` is the
    one that has most of the text; what the others deny may be another matter.

    >>> quote = "On Saturday Iran struck nine villages, officials said."
    >>> texts = "Iran hit 12 villages.", "Iraq hit nine.", "Iran did not strike.", "Iran hit nine villages."
    >>> [sorted(map(str, objections(text, quote))) for text in texts]
    [['figures'], ['names'], ['deeds', 'denials'], []]
    >>> objections("Iran hit nine villages on 13 January 2024.", quote, published=date(2024, 1, 16))
    frozenset()
    """
    text = with_months_first(with_plain_denials(text))
    quote, best = (
        _with_whole_numbers(with_months_first(with_plain_denials(said)), text)
        for said in (quote, best or quote)
    )
    agreed = {
        Objection.DENIALS: _denials_agree(text, best),
        Objection.DEEDS: _clauses_agree(text, best),
        Objection.ROLES: not (_roles_turned(text, quote) or _sides_turned(text, quote)),
        Objection.FACTS: are_facts(text, quote),
        Objection.SPEAKERS: _speakers_agree(text, quote),
        # Also beside the best sentence alone: a day that another gives is not the day of what this one says.
        Objection.CHANGED: not (
            any(is_changed(without_shared_days(text, said, published), said) for said in {quote, best})
            or _is_denied_copy(text, quote)
        ),
    }
    lacking = lacks(text, quote, common, published)
    return lacking | {each for each, agrees in agreed.items() if not agrees}


def lacks(
    text: str, quote: str, common: Set[str] = frozenset(), published: date | None = None
) -> frozenset[Objection]:
    """Whether the quote has the text's figures and its names; see `objections`.

    >>> [sorted(map(str, lacks(text, "Iran fired nine.")) ) for text in ("Iran fired 12.", "Iraq fired 9.")]
    [['figures'], ['names']]
    """
    text, quote = with_months_first(text), with_months_first(quote)
    quote = _with_whole_numbers(quote, text)
    undated = without_shared_days(text, quote, published)
    found = {
        Objection.FIGURES: _figures_agree(undated, quote, published),
        Objection.NAMES: _names_agree(undated, quote, common),
    }
    return frozenset(each for each, agrees in found.items() if not agrees)


def _is_denied_copy(text: str, quote: str) -> bool:
    """Whether the text repeats the words of a sentence that denies or doubts them, or tells them of others.
    On copies these rules hardly err; see eval/LOG.md. What the sentence says before a "but" that stands
    before these words is another matter.

    >>> quote = "The cause has not been found but police said that the ferry had lost its rudder at sea."
    >>> texts = "Police said that the ferry had lost its rudder at sea.", "The cause has been found."
    >>> [_is_denied_copy(text, quote) for text in texts]
    [False, True]
    """
    found = copied(text, quote)
    if found is None:
        return False
    sentence, start = found
    before = sentence[:start].rpartition(" but ")
    return not agrees(text, sentence[len(before[0] + before[1]) :])


def without_shared_days(text: str, quote: str, published: date | None) -> str:
    """The text without the days that the quote gives, too, in whatever words.

    >>> quote, day = "It shut on Saturday, Jan. 3.", date(2026, 1, 6)
    >>> without_shared_days("It shut on 3 January 2026.", quote, day).split()
    ['It', 'shut', '.']
    """
    theirs = days(quote, published)
    if not theirs:
        return text
    for moment in reversed(days(text, published)):
        if any(moment.first <= other.first and other.last <= moment.last for other in theirs):
            text = f"{text[: moment.start]} {text[moment.end :]}"
    years = {str(other.first.year) for other in theirs if other.first.year == other.last.year}
    return re.sub(r"(?<![\d.,])\d{4}(?![\d.,]*\d)", lambda m: "" if m.group() in years else m.group(), text)


def in_days_of(text: str, quote: str, published: date | None) -> str:
    """The text with the days that the quote gives, too, in the quote's words, as a judge of words needs them.

    >>> quote, day = "It shut on Saturday, Jan. 3.", date(2026, 1, 6)
    >>> in_days_of("On 3 January 2026 it was shut.", quote, day)
    'On Saturday, Jan. 3 it was shut.'
    """
    theirs = days(quote, published)
    if not theirs:
        return text
    for moment in reversed(days(text, published)):
        same = next((t for t in theirs if (t.first, t.last) == (moment.first, moment.last)), None)
        if same is not None:
            said, words_before = quote[same.start : same.end], text[moment.start : moment.end]
            if not words_before.lower().startswith("on "):
                said = re.sub(r"\Aon\s", "", said, flags=re.IGNORECASE)
            if words_before[:1].isupper():
                said = said[:1].upper() + said[1:]
            text = f"{text[: moment.start]}{said}{text[moment.end :]}"
    return text


def agrees(text: str, quote: str) -> bool:
    """Whether nothing that the quote says of the same deed differs from what the text says of it.

    >>> quotes = "Iran will strike, and nobody will be hurt.", "Iran will not strike.", "Iran may strike."
    >>> [agrees("Iran will strike.", quote) for quote in quotes]
    [True, False, False]
    >>> quote = "On Tuesday the Iranian army struck Pakistan, Joe Biden told Donald Trump."
    >>> said = "Donald Trump told Joe Biden.", "Pakistan was struck by the Iranian army."
    >>> [agrees(text, quote) for text in said]
    [False, True]
    """
    return (
        _denials_agree(text, quote)
        and are_facts(text, quote)
        and _clauses_agree(text, quote)
        and not _roles_turned(text, quote)
    )


def is_doubted(question: str, quote: str) -> bool:
    """Whether a question takes a deed for done that the quote has, but does not give as done: a name from it
    would say more than the quote does.

    >>> quote = "Sira Dembe came close to scoring, and Lugano may sell her."
    >>> questions = "Who scored?", "Whom did Lugano sell?", "Who came close to scoring?"
    >>> [is_doubted(question, quote) for question in questions]
    [True, True, False]
    """
    if not are_facts(question, quote):
        return True
    theirs, told = list(_deeds(quote)), is_reported(question)
    for ours in _deeds(question):
        same = [their for their in theirs if their.verb == ours.verb not in {"be", "have", "do"}]
        if same and not any(_is_as_certain(ours, their, told) for their in same):
            return True
    return False


def _is_as_certain(ours: Clause, theirs: Clause, told: bool) -> bool:
    """Whether a deed is denied where the other is, and left open only where the other is."""
    if ours.denied != theirs.denied:
        return False
    open_there = theirs.hedged or theirs.wanted or theirs.embedded is not None
    open_here = ours.hedged or ours.wanted or ours.claimed or ours.embedded is not None
    return open_here or not (open_there or (theirs.claimed and not (told or ours.reported)))


def _roles_turned(text: str, quote: str) -> bool:
    """Whether who acts and to whom, or where, it is done stand the other way round in the quote, whatever the
    verbs are.

    >>> quote = "Late on Tuesday, Iran had conducted drone strikes in Pakistan’s Balochistan."
    >>> said = "Pakistan carried out strikes in Iran.", "Iran carried out strikes in Pakistan."
    >>> [_roles_turned(text, quote) for text in said]
    [True, False]
    """
    ours, theirs = _roles(text), [_roles(quote[start:end]) for start, end in sentences(quote)]
    if not all(ours) or any(agents & ours[0] and targets & ours[1] for agents, targets in theirs):
        return False
    return any(agents & ours[1] and targets & ours[0] for agents, targets in theirs)


def _roles(text: str) -> tuple[frozenset[str], frozenset[str]]:
    """The words of the names that do something, and of those to whom, or where, it is done."""
    found = participants(text)
    agents, targets = (
        frozenset(word for each in found if each.role is role for word in each.words)
        for role in (ParticipantRole.AGENT, ParticipantRole.TARGET)
    )
    return agents, targets


@lru_cache(maxsize=4_096)
def statement_stems(text: str) -> tuple[str, ...]:
    """The content words as stems of their lemmas; a people, or a short name, stands for its country."""
    for name in reversed(names(text)):
        if country := BY_SHORT_NAME.get(name.text.replace(".", "").lower()):
            text = f"{text[: name.start]}{country}{text[name.end :]}"
    said = (word for word in words(text) if word not in STOPWORDS)
    return tuple(
        stem(lemma(DEMONYMS.get(word) or DEMONYMS.get(word.removesuffix("s"), word))) for word in said
    )


def named_stems(text: str, common: Set[str] = frozenset()) -> frozenset[str]:
    """Those of `statement_stems` that are of names or are numbers. `common`: stems of words that are no names
    though they open a sentence."""
    known = {word for word in words(text) if stem(word) in common}
    named = {word for name in names(text, common=known) for word in statement_stems(name.text)}
    return frozenset(word for word in statement_stems(text) if word in named or numbers(word, ordinals=True))


# --- numbers and names ---------------------------------------------------------------------------------


_YEAR = re.compile(r"(?:1[5-9]|20)\d\d")
# As a text has them that was taken apart into words: "15, 000", "1. 7 million".
_SPACED = re.compile(
    r"(?<![\d.,])(\d{1,3}(?:, \d{3})+|\d{1,3}\. \d{1,2}(?= (?:million|billion|trillion|m|bn)\b))(?!\d)"
)


def _with_whole_numbers(quote: str, text: str) -> str:
    """The quote with those of its numbers in one piece that the text has in one."""
    return _SPACED.sub(lambda m: whole if (whole := m[1].replace(" ", "")) in text else m[0], quote)


def _figures_agree(text: str, quote: str, published: date | None = None) -> bool:
    """Whether the quote has the text's numbers, of the same things, bounded the same way, and the same ranks.
    A year may be known without being written: where the quote has none and was not `published` in another,
    nothing speaks against it.

    >>> quote = "Bráulio, one of the best, scored 17 goals in 31 matches for up to 2 million euros."
    >>> _figures_agree("Bráulio scored 17 goals.", quote)
    True
    >>> texts = "31 goals", "2 million dollars", "more than 2 million", "he is the best", "2 goals", "17%"
    >>> any(_figures_agree(text, quote) for text in texts)
    False
    """
    held = meant_numbers(quote)
    lacking = [number for number in stated_numbers(text) if number not in held]
    dated = any(_YEAR.fullmatch(number) for number in held)
    ours, theirs = figures(text), figures(quote)
    converted = {f"{figure.value:g}" for figure in ours if any(is_as_much(figure, other) for other in theirs)}
    for number in lacking:
        known = _YEAR.fullmatch(number) and not (dated or (published and int(number) != published.year))
        if not known and number not in converted:
            return False
    if not all(_counted_alike(figure, theirs) for figure in ours):
        return False
    counted, uncounted = set(words(text)), set(words(quote))
    if counted & WHOLE and not uncounted & WHOLE and uncounted & PARTIAL:
        return False
    places = ranks(quote)
    return not any(
        any(what == other for other, _ in places) and (what, place) not in places
        for what, place in ranks(text)
    )


def _counted_alike(figure: Figure, others: Sequence[Figure]) -> bool:
    same = [f for f in others if figure.value in (f.value, f.high)]
    if not same:
        return True  # as ordinals, years and shares, which are no figures
    if figure.unit == "%" and not any(f.unit == "%" for f in same):
        return False
    if figure.unit is not None and not any(f.unit in (figure.unit, None) for f in same):
        elsewhere = {f.unit for f in others}
        units = {figure.unit, *(f.unit for f in same)}
        if figure.unit in elsewhere or units & _UNITS or units <= _MEASURE_STEMS:
            return False
    down = figure.bound in _DOWNWARD
    return any((f.bound in _DOWNWARD) == down and not (down and f.bound in _UPWARD) for f in same)


def _names_agree(text: str, quote: str, common: Set[str]) -> bool:
    """Whether the quote has the text's names, days and titles; a people may stand for its country, and a
    short name for the long one.

    >>> quote = "In Łódź, Denmark's regulator met Gen. Kis of the United States on Monday."
    >>> texts = "the Danish regulator", "in Lodz", "General Kis of the US", "Gen. Kis", "on Friday", "Bob Kis"
    >>> [_names_agree(f"He met {text}.", quote, frozenset()) for text in texts]
    [True, True, True, True, False, False]
    """
    known = {word for word in words(text) if stem(word) in common}
    held = words(quote)
    stems = {stem(word) for word in held}
    missing = {word for word in capitals(text, common=known) if stem(word) not in stems}
    if not missing:
        return True
    called = names(quote)
    for word in list(missing):
        by_title = word in TITLES and any(
            other in TITLES and (other.startswith(word) or word.startswith(other)) for other in held
        )
        if by_title or any(_stands_for(word, name.text) for name in called):
            missing.discard(word)
    for name in names(text, common=known):
        parts = set(words(name.text))
        if parts & missing and any(
            _stands_for(name.text, other.text) and not set(words(other.text)) <= parts for other in called
        ):
            missing -= parts
    return not missing


def _stands_for(one: str, other: str) -> bool:
    return same_name(one, other, governments=False, spellings=False)


# --- denials -------------------------------------------------------------------------------------------


def _denials_agree(text: str, quote: str) -> bool:
    """Whether the text denies what the quote denies. A denial of the quote in a part that shares no word with
    the text is another matter's.

    >>> quote = "Kis was cleared of fraud, and did not resign."
    >>> [_denials_agree(text, quote) for text in ("Kis was convicted of fraud.", "Kis was cleared of fraud.")]
    [False, True]
    """
    said, held = _lemmas(content_stems(text)), _lemmas(content_stems(quote))
    ours, theirs = _denied(text, quote), _denied(quote, text)
    if any(d in held and d not in theirs for d in ours):
        return False
    too = {d for d in theirs - ours if d in said and _is_said_too(d, text, quote)}
    if any(d in said and d not in too for d in theirs - ours):
        return False
    if any(d not in held for d in ours) and not theirs:
        return False
    if ours:
        return True
    parts = _parts(quote)
    for denial in denials(quote):
        around = next((part for start, end, part in parts if start <= denial.start < end), "")
        shares = bool((said - too) & _lemmas(content_stems(around)))
        if shares and denial.sign in _DENYING_WORDS:
            return False
        # "…, the ministry denied": what comes before is denied. Nothing follows the denial.
        if not denial.what and denial.what in theirs and (shares or lemma(denial.sign) == "deny"):
            return False
    return True


def _denied(text: str, other: str) -> set[str]:
    """What each denial of a text denies, but for verbs that the other one has, too."""
    shared = {lemma(word) for word in words(other)} & DENYING_VERBS
    return _lemmas(denial.what for denial in denials(text) if lemma(denial.sign) not in shared)


def _is_said_too(what: str, text: str, quote: str) -> bool:
    """Whether the quote, which denies a word in one part, has it in others as the text does, between the same
    words.

    >>> quote = "The money will not be used for seats, and officials decide how it is used in the hall."
    >>> texts = "Officials decide how it is used in the hall.", "Officials decide how it is used for seats."
    >>> [_is_said_too("use", text, quote) for text in texts]
    [True, False]
    """
    denied = [d.start for d in denials(quote) if lemma(d.what) == what]
    said = [part for a, b, part in _parts(quote) if not any(a <= at < b for at in denied)]
    theirs = {pair for part in said for pair in _pairs(part)}
    ours = [pair for _, _, part in _parts(text) for pair in _pairs(part) if what in pair]
    return bool(ours) and all(pair in theirs for pair in ours)


def _pairs(text: str) -> list[tuple[str, str]]:
    """The content words that follow one another, as lemmas of their stems."""
    return list(pairwise([lemma(stem) for stem in content_stems(text)]))


def _lemmas(stems: Iterable[str]) -> set[str]:
    return {lemma(stem) for stem in stems}


def _parts(text: str) -> list[tuple[int, int, str]]:
    """The stretches between marks and joining words."""
    borders = [0, *(at for match in _PART.finditer(text) for at in match.span()), len(text)]
    return [(a, b, text[a:b]) for a, b in zip(borders[::2], borders[1::2], strict=True)]


# --- deeds ---------------------------------------------------------------------------------------------


def _clauses_agree(text: str, quote: str) -> bool:
    """Whether each deed of the text that the quote has, too, is told alike there.

    >>> quote = "Pakistan asked Iran to leave Quetta, which it had almost taken."
    >>> texts = "Iran left Quetta.", "Iran asked Pakistan to leave.", "Pakistan asked Iran."
    >>> [_clauses_agree(text, quote) for text in texts]
    [False, False, True]
    """
    theirs = list(_deeds(quote))
    verbs = {their.verb for their in theirs}
    told = list(_deeds(text))
    for at, ours in enumerate(told):
        if ours.verb not in verbs and any(_is_opposite(ours, their) for their in theirs):
            return False
        same = [their for their in theirs if their.verb == ours.verb and _is_about(ours, their)]
        if same and not any(_is_told_alike(ours, their, text, quote) for their in same):
            return False
        # Who does a second thing ("… and left") is read less surely than who does the first.
        first = not any(ours.who in (earlier.who, earlier.whom) for earlier in told[:at])
        others = any(
            _is_turned_round(ours, their) or (first and _is_anothers(ours, their, text, quote))
            for their in same
        )
        if others and not any(_is_same_deed(ours, their) for their in same):
            return False
    return True


def _deeds(text: str) -> Iterator[Clause]:
    shown = text.lower() if text.isupper() else text
    for start, end in sentences(shown):
        yield from clauses(shown[start:end])


def _is_about(one: Clause, other: Clause) -> bool:
    """Whether two clauses of one verb may speak of one deed: they share somebody, or one names nobody."""
    here, there = _sides(one), _sides(other)
    return not here or not there or any(_same(a, b) for a in here for b in there)


def _sides(clause: Clause) -> list[str]:
    return [side for side in (clause.who, clause.whom) if side]


def _is_told_alike(ours: Clause, theirs: Clause, text: str, quote: str) -> bool:
    if ours.denied != theirs.denied or _is_turned_round(ours, theirs):
        return False
    doubted = ours.hedged or ours.wanted or ours.claimed or ours.embedded is not None
    to_come = bool(TO_COME & set(words(_within(ours, text))))
    if theirs.embedded is not None and not (doubted or ours.denied):
        return to_come and may_be_told_as_to_come(theirs.embedded) and not _CONDITIONS & set(words(quote))
    if theirs.claimed and not (doubted or ours.reported or is_reported(text)):
        return False
    if not (theirs.hedged or theirs.wanted) or doubted:
        return True
    unsure = CONTRARY_MODALS & set(words(_within(theirs, quote)))
    return to_come and not unsure and not (_CONDITIONS & set(words(quote)))


def _within(clause: Clause, text: str) -> str:
    """The sentences around what a clause says; its offsets are of its own sentence."""
    return next(
        (text[a:b][clause.start : clause.end] for a, b in sentences(text) if clause in clauses(text[a:b])), ""
    )


def _is_turned_round(ours: Clause, theirs: Clause) -> bool:
    """Whether who did it and whom it was done to have changed places."""
    if ours.verb in MUTUAL_VERBS or theirs.who is None or theirs.whom is None or ours.whom is None:
        return False
    if _same(ours.whom, theirs.whom) or not _same(ours.whom, theirs.who):
        return False
    return ours.passive if ours.who is None else _same(ours.who, theirs.whom)


def _sides_turned(text: str, quote: str) -> bool:
    """Whether who did a deed and whom it was done to have changed places, and no clause of the quote has them
    as the text does.

    >>> quote = "The army led by Denikin defeated the guards near Orel."
    >>> texts = "The guards defeated the army near Orel.", "The guards were defeated by the army."
    >>> [_sides_turned(text, quote) for text in texts]
    [True, False]
    """
    theirs = list(_deeds(quote))
    return any(
        any(their.verb == ours.verb and _is_turned_round(ours, their) for their in theirs)
        and not any(their.verb == ours.verb and _is_same_deed(ours, their) for their in theirs)
        for ours in _deeds(text)
    )


def _is_opposite(ours: Clause, theirs: Clause) -> bool:
    """Whether the quote says the opposite of the same: that it rose, where the text says that it fell."""
    if theirs.verb not in OPPOSITES.get(ours.verb, ()) or ours.denied != theirs.denied:
        return False
    sides = (ours.who, theirs.who), (ours.whom, theirs.whom)
    shared = [_same(here, there) for here, there in sides if here and there]
    return bool(shared) and all(shared)


def _is_anothers(ours: Clause, theirs: Clause, text: str, quote: str) -> bool:
    """Whether the quote tells the deed of somebody else: one side is the same, and on the other one stands
    another name."""
    sides = [(ours.who, theirs.who), (ours.whom, theirs.whom)]
    for (here, there), (same, as_same) in (sides, sides[::-1]):
        if not (here and there and same and as_same and _same(same, as_same)) or _same(here, there):
            continue
        together = any(_same(name.text, there) for name in names(text.partition(" with ")[2]))
        named = here[0].isupper() and there[0].isupper()
        if named and not together and _stand_apart(here, there, quote):
            return True
    return False


def _stand_apart(one: str, other: str, quote: str) -> bool:
    """Whether a verb stands between two names, so that they are not named together ("Ajax and PSV won")."""
    for start, end in sentences(quote):
        said = items(quote[start:end])
        first, last = (
            next((i for i, item in enumerate(said) if _same(item.text, n)), None) for n in (one, other)
        )
        if first is not None and last is not None:
            low, high = sorted((first, last))
            return any(low < group.first < high for group in verb_groups(said))
    return True


def _is_same_deed(ours: Clause, theirs: Clause) -> bool:
    sides = (ours.who, theirs.who), (ours.whom, theirs.whom)
    return all(here and there and _same(here, there) for here, there in sides)


@lru_cache(maxsize=8_192)
def _same(one: str, other: str) -> bool:
    """Whether two heads are the same word, or names of the same."""
    last, final = words(one)[-1:], words(other)[-1:]
    if not last or not final:
        return False
    if stem(last[0]) == stem(final[0]):
        return True
    return one[0].isupper() and other[0].isupper() and same_name(one, other)


# --- speakers ------------------------------------------------------------------------------------------


def _speakers_agree(text: str, quote: str) -> bool:
    """Whether whoever says something in the text says something in the quote, where that tells who speaks.

    >>> quote = "“We will not escalate,” Kirby said, as Miller looked on."
    >>> texts = "Kirby said they will not escalate.", "Miller said they will not escalate."
    >>> [_speakers_agree(text, quote) for text in texts]
    [True, False]
    """
    ours, said = _named_speakers(text), set(content_stems(text))
    if not ours:
        return True
    # Of two sentences, the one that carries more of the text tells.
    parts = sorted(
        (quote[a:b] for a, b in sentences(quote)), key=lambda part: -len(said & set(content_stems(part)))
    )
    telling = next((part for part in parts if _telling(part)), "")
    theirs = list(_telling(telling))
    if not theirs:
        return True
    if not any(content_stems(other.text) for other in theirs):  # "he added"
        theirs += [other for part in parts for other in _telling(part)]
    if not any(other.named for other in theirs) and all(_is_called_by(one, telling) for one in ours):
        return True  # "Kis, a spokesman for the ministry, warned", "he said of Kis"
    held = {stem(word) for word in words(quote)}
    return all(
        any(_same(one.text, other.text) or _is_possessor(one, other) for other in _by_verb(one, theirs))
        or not (one.named or stem(words(one.text)[-1]) in held & _SPEAKING)
        for one in ours
    )


def _is_called_by(speaker: Speaker, text: str) -> bool:
    """Whether a text has the last word of a speaker's name."""
    return any(words(name.text)[-1:] == words(speaker.text)[-1:] for name in names(text))


def _is_possessor(one: Speaker, other: Speaker) -> bool:
    """Whether one is called by "Ontario's leader" and the other by "the leader of Ontario"."""
    said, called = (fold(speaker.text)[0] for speaker in (one, other))
    if ("'s " in said) == ("'s " in called) or (" of " in said) == (" of " in called):
        return False
    return {*content_stems(said)} == {*content_stems(called)}


def _by_verb(speaker: Speaker, others: Sequence[Speaker]) -> Sequence[Speaker]:
    """Of several speakers those with the same verb, where there is one: "Ruiz said that Kis had asked"."""
    return [other for other in others if other.verb == speaker.verb] or others


def _named_speakers(text: str) -> list[Speaker]:
    """The speakers that a text names, by name or by a noun, and not by a pronoun only."""
    return [s for s in _telling(fold(text)[0] if text.isupper() else text) if content_stems(s.text)]


def _telling(text: str) -> tuple[Speaker, ...]:
    return tuple(s for s in speakers(text) if s.verb in TELLING_VERBS or s.verb == "according to")
