"""What a sentence has changed that otherwise repeats one of the quote's, word by word.

Where most words are the same and in the same order, what stands between them shows what was put in the place
of what: another number, another name, another unit. A veto: where the words do not line up, it says nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher

from rag.english.clauses import is_conditioned
from rag.english.lexicon import (
    AUXILIARIES,
    BE,
    CONTRACTIONS,
    CONTRARY_MODALS,
    CURRENCIES,
    DENYING_VERBS,
    HEDGING_ADVERBS,
    MEASURES,
    MONTHS,
    NEGATIONS,
    SCALES,
    STOPWORDS,
    WEEKDAYS,
    lemma,
)
from rag.english.measures import is_as_much
from rag.english.names import names, same_name
from rag.english.normalise import fold, stem
from rag.english.numbers import figures, numbers, stated_numbers
from rag.english.sentences import sentences

__all__ = ["copied", "is_changed", "repeated"]

_WORD = re.compile(r"\w(?:[\w’'.,–-]*\w)?|[%$€£¥]")
_SAME = 0.6  # share of a sentence's words that has to be the quote's, in its order
_COPIED = 0.85  # share of a sentence's words that makes it a copy
_APART = 3  # times as many words may a sentence that repeats another's be drawn from
_WIDEST = 4  # words that may stand in the place of others
_UNITS = (
    {stem(word): stem(word) for word in (*MEASURES, *SCALES)}
    | {stem(word): sign for name, sign in CURRENCIES.items() for word in (name, sign)}
    | {"percent": "%", "%": "%"}
)
_VOICE = BE | {"by"}
_CALENDAR = frozenset((*WEEKDAYS, *MONTHS))
_DENIALS = NEGATIONS | CONTRACTIONS
_HEDGES = CONTRARY_MODALS | HEDGING_ADVERBS
_Change = tuple[str, int, int, int, int]  # as difflib gives it


def is_changed(text: str, quote: str) -> bool:
    """Whether the text repeats a sentence of the quote, but for a number, a name or a unit that stands in the
    place of another, for a denial, or without the "may" or the condition that it is said under.

    >>> quote = "Nine people died and 40 were hurt when a bus from Lyon hit a wall."
    >>> texts = (
    ...     "40 people died and nine were hurt when a bus from Lyon hit a wall.",
    ...     "Nine people died and 40 were hurt when a bus from Nice hit a wall.",
    ...     "Nine people died and 40 were not hurt when a bus from Lyon hit a wall.",
    ...     "9 people died and forty were injured when a bus from Lyon hit a wall.",
    ... )
    >>> [is_changed(text, quote) for text in texts]
    [True, True, True, False]
    >>> [is_changed("Iran will strike first.", f"Iran {said} strike first.") for said in ("may", "will soon")]
    [True, False]
    """
    ours = _WORD.findall(text)
    best: list[tuple[list[str], str, Sequence[_Change]]] = []
    most = _SAME * len(ours)
    for start, end in sentences(quote):
        theirs = _WORD.findall(quote[start:end])
        matcher = SequenceMatcher(None, _even(ours), _even(theirs), autojunk=False)
        same = sum(block.size for block in matcher.get_matching_blocks())
        if same >= most:
            most = same
            best = [(theirs, quote[start:end], matcher.get_opcodes())]
    return any(
        _differs(ours, theirs, codes) or _drops_condition(text, sentence, codes)
        for theirs, sentence, codes in best
    )


def repeated(text: str, quote: str) -> float:
    """The share of the text's words that a sentence of the quote has, in their order and close together, 0 to
    1; the most that any has.

    >>> quote = "Nine people died when a bus hit a wall. The driver, who is from Lyon and no fool, lives."
    >>> texts = ("Nine people died.", "A bus killed nine people.", "Nine people live.", "The fool lives.")
    >>> [round(repeated(text, quote), 2) for text in texts]
    [1.0, 0.4, 0.67, 0.67]
    """
    ours = _even(_WORD.findall(text))
    matcher = SequenceMatcher(None, autojunk=False)
    matcher.set_seq2(ours)  # the one that stays: difflib keeps what it finds out about it
    most = 0
    for start, end in sentences(quote):
        matcher.set_seq1(_even(_WORD.findall(quote[start:end])))
        blocks = [(block.a, block.size) for block in matcher.get_matching_blocks()]
        for at, (first, _) in enumerate(blocks):
            close = (n for place, n in blocks[at:] if place + n - first <= _APART * len(ours))
            most = max(most, sum(close))
    return most / len(ours) if ours else 0.0


def copied(text: str, quote: str) -> tuple[str, int] | None:
    """The sentence of the quote whose words the text repeats in their order, nearly all of its own being
    there, and where in it they begin; `None` where there is none.

    >>> quote = "It rained. Iran struck first, the ministry denied."
    >>> copied("Iran struck first.", quote), copied("Iran hit Pakistan first.", quote)
    (('Iran struck first, the ministry denied.', 0), None)
    """
    ours = _even(_WORD.findall(text))
    for start, end in sentences(quote):
        theirs = list(_WORD.finditer(quote, start, end))
        matcher = SequenceMatcher(None, ours, _even([word.group() for word in theirs]), autojunk=False)
        blocks = matcher.get_matching_blocks()
        if ours and sum(block.size for block in blocks) >= _COPIED * len(ours):
            return quote[start:end], theirs[blocks[0].b].start() - start
    return None


def _even(said: Sequence[str]) -> list[str]:
    return [stem(lemma(fold(word)[0])) for word in said]


def _differs(ours: Sequence[str], theirs: Sequence[str], codes: Sequence[_Change]) -> bool:
    ours, theirs = _without_capital(ours), _without_capital(theirs)
    changed = [(ours[a:b], theirs[c:d]) for tag, a, b, c, d in codes if tag == "replace"]
    added = {word.lower() for tag, a, b, _, _ in codes if tag != "equal" for word in ours[a:b]}
    dropped = {word.lower() for tag, _, _, c, d in codes if tag != "equal" for word in theirs[c:d]}
    # "A struck B" and "B was struck by A" have changed places, and say the same; so do "A met with B" and "B
    # met with A". Where they do not, the rule of roles says so.
    turned = bool((added ^ dropped) & _VOICE) or (added == dropped and "with" in ours)
    if any(
        _is_other(" ".join(here), " ".join(there), turned)
        for here, there in changed
        if len(here) <= _WIDEST and len(there) <= _WIDEST
    ):
        return True
    if any(
        _units(" ".join(ours[a:b])) and ours[a - 1 : a] and numbers(ours[a - 1])
        for tag, a, b, _, _ in codes
        if tag == "insert" and b - a == 1
    ):
        return True  # "12 percent" in the place of "12"
    if any(lemma(word) in DENYING_VERBS for word in added | dropped):
        return False  # "denied that it would", "said that it would not"
    inner = codes[codes[0][0] != "equal" : len(codes) - (codes[-1][0] != "equal")]  # between shared words
    return any(
        _is_denied_or_surer(ours[a:b], theirs[c:d])
        for tag, a, b, c, d in inner
        if tag != "equal" and b - a <= _WIDEST and d - c <= _WIDEST
    )


def _without_capital(said: Sequence[str]) -> list[str]:
    """The words of a sentence, the first in small letters where it is no name."""
    first = {word for name in names(" ".join(said)) for word in name.text.split() if not name.start}
    return [word if at or word in first else word.lower() for at, word in enumerate(said)]


def _is_denied_or_surer(here: Sequence[str], there: Sequence[str]) -> bool:
    """Whether words say the same as those in whose place they stand, but for a denial on one side, or without
    their "may" or "allegedly"."""
    ours, theirs = ([word.lower().replace("’", "'") for word in said] for said in (here, there))
    if _meant(ours) != _meant(theirs):
        return False
    if "only" in theirs:  # "not only Pakistan"
        return False
    denied, was_denied = (any(w in _DENIALS or w.endswith("n't") for w in said) for said in (ours, theirs))
    return denied != was_denied or bool(_HEDGES & {*theirs} and not _HEDGES & {*ours})


def _meant(said: Sequence[str]) -> set[str]:
    return {
        stem(lemma(word))
        for word in said
        if word not in STOPWORDS | _DENIALS | _HEDGES | AUXILIARIES and not word.endswith("n't")
    }


def _is_other(here: str, there: str, turned: bool) -> bool:
    """Whether words stand in the place of others of their kind that mean something else."""
    if any(is_as_much(figure, other) for figure in figures(here) for other in figures(there)):
        return False
    one, other = numbers(here, ordinals=True), numbers(there, ordinals=True)
    if one and other and stated_numbers(here) != stated_numbers(there):
        return True
    days, other_days = (_CALENDAR & {word.lower() for word in _WORD.findall(said)} for said in (here, there))
    if days and other_days and not days & other_days:
        return True
    units, others = (_units(said) for said in (here, there))
    if units and others and units != others and not (one or other):
        return True
    named, called = names(f"so {here}"), names(f"so {there}")
    return (
        not turned
        and bool(named and called)
        and not any(same_name(a.text, b.text) for a in named for b in called)
    )


def _units(said: str) -> frozenset[str]:
    stems = (stem(lemma(word.lower())) for word in _WORD.findall(said))
    return frozenset(_UNITS[each] for each in stems if each in _UNITS)


def _drops_condition(text: str, sentence: str, codes: Sequence[_Change]) -> bool:
    kept = [(c, d) for tag, _, _, c, d in codes if tag == "equal"]
    if not kept:
        return False
    places = [match.span() for match in _WORD.finditer(sentence)]
    start, end = places[kept[0][0]][0], places[kept[-1][1] - 1][1]
    return is_conditioned(sentence, start, end) and not is_conditioned(text, 0, 0)
