"""What a question asks for: its parts, what kind of answer each wants, whose word it asks for, and how a
short answer to it is worded. Rules over the question's words alone."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from rag.english.clauses import Clause, clauses, is_denied, is_hedged, is_reported
from rag.english.lexicon import (
    ACCOUNT_NOUNS,
    ACCOUNT_VERBS,
    ATTACK_VERBS,
    AUXILIARIES,
    CONTRACTIONS,
    DETERMINERS,
    DO,
    GROUP_NOUNS,
    HAVE,
    HEDGES,
    HEDGING_VERBS,
    IRREGULAR_VERBS,
    MEASURED_ADJECTIVES,
    NEGATIONS,
    NUMBER_WORDS,
    OPINION_VERBS,
    POSSESSIVES,
    PREPOSITIONS,
    QUESTION_WORDS,
    STOPWORDS,
    TELLING_VERBS,
    WISHING_VERBS,
    alternation,
    forms,
    past_forms,
)
from rag.english.names import names, same_name
from rag.english.normalise import content_stems, stem, words
from rag.english.numbers import bound_before

__all__ = [
    "Kind",
    "Part",
    "decided",
    "parts_of",
    "qualified",
    "reversed_roles",
    "tells_of_the_opposite",
    "worded",
]


class Kind(StrEnum):
    """What answers a question: words of an article, several such, a sentence, a sentence that decides, or an
    account.
    """

    WORDS = "words"
    LIST = "list"
    SENTENCE = "sentence"
    DECIDE = "decide"
    ACCOUNT = "account"


@dataclass(frozen=True, slots=True)
class Part:
    """One of the questions that a question asks. `speaker`: whose word is asked for, as the question names
    them.
    """

    question: str
    kind: Kind
    speaker: str | None = None

    @property
    def bare(self) -> bool:
        """Whether it names nothing and nobody to look for: "What happened?", "Summarise the articles"."""
        if self.speaker is not None or set(content_stems(self.question)) - _BARE:
            return False
        # "What happened in the US?": the name is a function word but for its capitals, unless all is in
        # capitals.
        return self.question.isupper() or not _SHOUTED.search(self.question)

    @property
    def of_events(self) -> bool:
        """Whether it asks for what happened, and not for what somebody thinks or what follows from it."""
        return self.kind is Kind.ACCOUNT and bool(_EVENTS.search(self.question))


_EVENTS = re.compile(
    r"\bhappen|\bgoing on\b|\bsummar|\blatest\b|\bwhat(?:['’]s| is) new\b|\boverview\b", re.IGNORECASE
)
_SHOUTED = re.compile(r"\b[A-Z]{2,}\b")
_BARE = frozenset(
    content_stems(
        "happen happened summarise summarize summary articles article news latest tell story overview new "
        "going on"
    )
)
_WH = rf"(?:{alternation(QUESTION_WORDS)})"
_LEAD = rf"(?:(?:{alternation(PREPOSITIONS)})\s+)?"
_ASKING_ALONE = alternation(QUESTION_WORDS - {"how", "which", "what", "whose"})
_NEXT = re.compile(
    rf"\s*(?:,|;|\?)?\s+and\s+(?={_LEAD}{_WH}\b)|\?\s+(?=\w)"
    rf"|(?:,|;)\s+(?={_LEAD}(?:how\s+(?:many|much)|{_ASKING_ALONE})\b)",
    re.IGNORECASE,
)
_STARTS = re.compile(rf"^\W*{_LEAD}{_WH}\b", re.IGNORECASE)
_FINITE = alternation(AUXILIARIES - {"be", "been", "being", "having"})
_AUXILIARY = re.compile(rf"^\W*(?:{_FINITE})\b", re.IGNORECASE)
_FRAGMENT = re.compile(rf"^\W*{_LEAD}(?:{_WH}|(?:what|which)\s+[a-z’'-]+)\W*$", re.IGNORECASE)
_PREDICATE = re.compile(rf"\b(?:{_FINITE})\s.+", re.IGNORECASE)
_ACCOUNT = re.compile(
    r"^\W*(?:please\s+)?(?:what\s+(?:has\s+)?happen(?:ed|s|ing)?\b(?!\s+to\b)|what\s+(?:is|was)\s+going\s+on"
    rf"|(?:{alternation(ACCOUNT_VERBS - {'tell', 'give'})})\b|(?:tell|give)\s+(?:me|us)\b"
    r"|how\s+would\s+you\s+describe|what['’]s\s+(?:new|the\s+latest)|what\s+is\s+new"
    rf"|what\s+(?:is|are|was|were)\s+(?:the\s+)?(?:{alternation(ACCOUNT_NOUNS)})\b"
    r"|what\s+(?:is|was)\s+[\w’' -]{1,40}\b(?:part|role)\s+in)",
    re.IGNORECASE,
)
_OPINION = re.compile(
    rf"^\W*(?:what|how)\s+(?:{alternation(DO | HAVE)})\s+.{{1,60}}"
    rf"\b(?:{alternation(forms(OPINION_VERBS))})\b",
    re.IGNORECASE,
)
_MANNER = re.compile(
    rf"^\W*(?:and\s+)?(?:why|for\s+what\s+reason|what\s+for|how\s+(?!(?:{alternation(MEASURED_ADJECTIVES)})\b))"
    r"|\bquote\b|\bexact\s+(?:words|phrase)\b",
    re.IGNORECASE,
)
_PLURAL = re.compile(
    rf"^\W*(?:list\b|name\s+the\b|what\s+(?:are|were)\s+(?:the|some|{alternation(POSSESSIVES)})\b"
    rf"|{_LEAD}(?:which|what)\s+(?:{alternation(NUMBER_WORDS.keys() - {'zero', 'one'})}|\d+|other\s+\w+s"
    rf"|(?:(?!(?:{_FINITE})\b)[\w’'-]+\s){{0,2}}?(?:{alternation(GROUP_NOUNS)}))\b)",
    re.IGNORECASE,
)
_VIEW = r"in\s+the\s+(?:view|opinion|words)\s+of"
_ACCORDING = re.compile(
    rf"(?:^\W*(?:according\s+to|{_VIEW})\s+(?P<first>[^,?]{{2,60}}?)\s*,\s*)"
    rf"|(?:,?\s*(?:according\s+to|{_VIEW})\s+(?P<last>[^,?]{{2,60}}?)\s*(?=\?|$))"
    r"|(?:,\s*in\s+(?P<whose>[\w .’'-]{2,40}?)[’']s\s+(?:view|opinion|words)\s*,?)"
    r"|(?:,\s*(?:says|said)\s+(?P<says>[^,?]{2,60}?)\s*(?=\?|$))",
    re.IGNORECASE,
)


def parts_of(question: str) -> list[Part]:
    """The questions a question asks, in order.

    >>> [(part.question, str(part.kind)) for part in parts_of("Who struck first, and whom did they target?")]
    [('Who struck first', 'words'), ('whom did they target?', 'words')]
    >>> parts_of("According to Kirby, which country struck first?")
    [Part(question='which country struck first?', kind=<Kind.WORDS: 'words'>, speaker='Kirby')]
    """
    match = _ACCORDING.search(question)
    speaker = next((found.strip() for found in match.groups() if found), None) if match else None
    asked = question
    if match and speaker:
        asked = f"{question[: match.start()]}{question[match.end() :]}".strip()
    pieces = [piece.strip() for piece in _NEXT.split(asked) if piece.strip(" ?,;")]
    pieces = [_completed(piece, after) for piece, after in zip(pieces, [*pieces, ""][1:], strict=True)]
    if len(pieces) > 1 and not (_STARTS.search(pieces[0]) or _AUXILIARY.search(pieces[0])):
        pieces = [asked]  # "Tell me when and where it began": one request
    return [Part(piece, kind_of(piece), speaker) for piece in pieces]


def _completed(piece: str, after: str) -> str:
    """A piece that is only its question word, with what the next piece asks of it.

    >>> _completed("On what day", "to which city did she travel?")
    'On what day did she travel?'
    """
    rest = _PREDICATE.search(after)
    return f"{piece} {rest.group()}" if rest and _FRAGMENT.match(piece) else piece


def kind_of(question: str) -> Kind:
    """What kind of answer a single question wants.

    >>> asked = "Why did Iran strike?", "Which two cities?", "Did China mediate?", "What happened?"
    >>> [str(kind_of(question)) for question in asked]
    ['sentence', 'list', 'decide', 'account']
    """
    if _ACCOUNT.search(question):
        return Kind.ACCOUNT
    if _AUXILIARY.search(question):
        return Kind.DECIDE
    if _MANNER.search(question) or _OPINION.search(question):
        return Kind.SENTENCE
    if _PLURAL.search(question):
        return Kind.LIST
    return Kind.WORDS


_SUBJECT = re.compile(
    r"^\W*(?:and\s+)?(?:who|(?:which|what)\s+(?P<noun>[a-z]+))\s+(?P<rest>(?P<verb>[a-z’'-]+)\b[^?]*?)\s*\??\s*$",
    re.IGNORECASE,
)
_BY = re.compile(
    r"^(?P<subject>.+?)\s(?:was|were|been|being)\s+(?P<deed>.+)\sby\s+(?P<doer>[^,;]+)$", re.IGNORECASE
)
_SUBJECT_WORDS = 4  # of a clause; in more of them it may say "if", or that somebody denies it
# Words that begin a question and are not the verb of its subject.
_NOT_VERBS = AUXILIARIES | PREPOSITIONS | DETERMINERS | {"else", "or", "and"}


def worded(question: str, words: str) -> str:
    """A short answer as a sentence: made of the article's words, and of the question's only where it asks for
    its subject (the question is then a sentence with a hole where the answer goes). What is in capitals
    throughout does not say which words have one.

    >>> worded("Who struck first", "Iran"), worded("How many were killed?", "at least nine people")
    ('Iran struck first.', 'At least nine people.')
    >>> worded("WHO STRUCK FIRST", "Iran"), worded("Who struck first", "they were struck by Iran")
    ('Iran.', 'Iran struck first.')
    """
    said = words.strip().strip(",;:").strip()
    if not said:
        return ""
    if match := _SUBJECT.match(question):
        verb = match.group("verb").lower()
        rest = match.group("rest")
        if verb not in _NOT_VERBS and _is_past(verb) and "?" not in rest:
            told = _BY.match(said)
            if told and _says_no_more(told, rest):
                said, told = told.group("doer"), None
            if (
                not told and stem(verb) not in content_stems(said) and not rest.isupper()
            ):  # else they say what was done
                said = f"{said} {rest}"
    first = said[0].upper() + said[1:]
    return first if first[-1] in ".!?…" else f"{first}."


def _is_past(verb: str) -> bool:
    return verb.endswith("ed") or verb in _irregular_past_forms()


@lru_cache(maxsize=1)
def _irregular_past_forms() -> frozenset[str]:
    return past_forms(IRREGULAR_VERBS)


def _says_no_more(told: re.Match[str], rest: str) -> bool:
    """Whether a clause in the passive says of what was done just what the question does: no "not", "nearly"
    or "may have".
    """
    subject, deed = words(told.group("subject")), words(told.group("deed"))
    said = told.group()
    sure = not (is_denied(said) or is_hedged(said) or is_reported(said))
    return len(subject) <= _SUBJECT_WORDS and sure and {*deed} <= {*words(rest)}


_QUANTITY = re.compile(
    rf"\bhow\s+(?:{alternation(MEASURED_ADJECTIVES)})\b|\bwhat\s+(?:is|was)\s+the\s+(?:death\s+)?toll\b",
    re.IGNORECASE,
)


def qualified(question: str, text: str, start: int) -> int:
    """Where the words of an answer begin, with the "at least" before them where a quantity is asked for.

    >>> text = "killing at least nine people"
    >>> text[qualified("How many were killed?", text, text.index("nine")):]
    'at least nine people'
    """
    return bound_before(text, start) if _QUANTITY.search(question) else start


# Words after which a clause is somebody's word, a wish or a guess, and decides nothing.
_UNDECIDED = frozenset(
    stem(word)
    for word in HEDGES
    | HEDGING_VERBS
    | TELLING_VERBS
    | WISHING_VERBS
    | {"according", "doubt", "refuse", "told", "said"}
)
_STRAY = 2  # words of its own that a statement may have among those of the question


def decided(question: str, sentence: str) -> bool | None:
    """Whether a sentence answers a yes-or-no question by a rule that cannot be wrong about the words: it says
    all that the question asks, in the same order and close together, as a fact of its own, affirmed or
    denied. `None` where that is not certain.

    >>> decided("Did Iran strike Pakistan?", "On Tuesday Iran did strike Pakistan.")
    True
    >>> decided("Did Iran strike Pakistan?", "Iran may strike Pakistan.") is None
    True
    """
    asked, raw = content_stems(question), words(sentence)
    said = [stem(w) for w in raw]
    if len(asked) < 2 or set(said) & _UNDECIDED or any(mark in sentence for mark in '“”"‘?'):
        return None
    at = -1
    for wanted in asked:
        if wanted not in said[at + 1 :]:
            return None
        at = said.index(wanted, at + 1)
    stretch = raw[said.index(asked[0]) : at + 1]
    denials = [w for w in raw if _denies(w)]
    if any(map(_denies, words(question))) or len(denials) > 1:  # "no" to a question that denies means either
        return None
    if sum(w not in STOPWORDS and stem(w) not in asked and not _denies(w) for w in stretch) > _STRAY:
        return None
    if denials:
        return False if denials[0] in stretch else None
    return True


def _denies(word: str) -> bool:
    return word in NEGATIONS or word in CONTRACTIONS


def reversed_roles(question: str, sentence: str, at: int) -> bool:
    """Whether the clause of a sentence around a place has the two names of a question the other way round:
    who has it done to them there does it, to them or to somebody who is not named. Known only where the
    question says who did it to whom.

    >>> sentence = "Pakistan launched strikes into Iran on Friday, after Iran carried out strikes on Tuesday."
    >>> places = [sentence.index(day) for day in ("Friday", "Tuesday")]
    >>> [reversed_roles("When did Pakistan strike Iran?", sentence, place) for place in places]
    [False, True]
    """
    sides = _asked_roles(question)
    if sides is None:
        return False
    told = [clause for clause in clauses(sentence) if clause.start <= at]
    return bool(told) and _has_turned(told[-1], sentence, *sides)


@lru_cache(maxsize=64)  # asked of every sentence that is read
def _asked_roles(question: str) -> tuple[str, tuple[str, ...]] | None:
    """Who did it, by a question, and whom else it names: "did Iran strike Pakistan", "did Iran's strikes on
    Pakistan"."""
    asked = _PREDICATE.search(question)
    called = [name.text for name in names(question) if asked and name.start > asked.start()]
    if (
        asked is None
        or len(called) < 2
        or not re.match(rf"(?:{_FINITE})\s+(?:the\s+)?{re.escape(called[0])}", asked.group())
    ):
        return None
    return called[0], tuple(called[1:])


@lru_cache(maxsize=256)  # of every span that is read in the clause
def _has_turned(clause: Clause, sentence: str, doer: str, others: tuple[str, ...]) -> bool:
    """Whether a clause tells what one of the others does, to the doer or to whom it does not say."""
    if clause.passive or clause.verb in TELLING_VERBS | {"accuse", "be", "have"}:
        return False
    stretch = sentence[clause.start : clause.end]
    subject = next((name for name in names(stretch, known=frozenset(words(doer)))), None)
    if (
        subject is None
        or same_name(subject.text, doer)
        or not any(same_name(subject.text, o) for o in others)
    ):
        return False
    return any(same_name(name.text, doer) for name in names(stretch)) or clause.verb in ATTACK_VERBS


def tells_of_the_opposite(question: str, sentence: str) -> bool:
    """Whether every clause of a sentence has the roles of a question reversed.

    >>> asked = "How many did Iran's strikes on Pakistan kill?"
    >>> tells_of_the_opposite(asked, "Pakistan responded and killed nine.")
    True
    >>> tells_of_the_opposite(asked, "Pakistan struck, after Iran hit it on Tuesday.")
    False
    """
    sides = _asked_roles(question)
    told = clauses(sentence) if sides is not None else ()
    return sides is not None and bool(told) and all(_has_turned(clause, sentence, *sides) for clause in told)
