"""A question taken apart: question phrase, auxiliary, subject, verb, and the noun phrases with their
prepositions.

The verb of an English question is found by its position and form: after "did" stands a plain form, after
"was" a participle, after "which storm" a finite verb. A list of verbs helps, and what may follow a verb
decides between a verb and a noun: "did Ford recall cars", "did the recall cost Ford". Offsets count code
points of the question.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from rag.english.conversation import PREDICATES
from rag.english.lexicon import (
    ADVERBS,
    AUXILIARIES,
    BE,
    DETERMINERS,
    DO,
    HAVE,
    MODALS,
    NEWS_VERBS,
    PERSONAL,
    PREPOSITIONS,
    QUESTION_WORDS,
    SPEECH_VERBS,
    TIME_WORDS,
    alternation,
    verb_forms,
)
from rag.question.phrases import (
    ENDS_PHRASE,
    OPENS_CLAUSE,
    SHORT_AUXILIARIES,
    Phrase,
    Role,
    Word,
    is_plural,
    opens_time,
    participles,
    pasts,
    phrases,
    read,
    touches,
)

__all__ = ["Question", "parse"]


@dataclass(frozen=True, slots=True)
class Question:
    """A question without its closing marks. `asks`: the words of its question phrase, the preposition first.

    `asks_subject`: whether the question phrase is the subject, as in "Who won?". `verb` is the main verb; a
    form of "be" is one only as an auxiliary. `subject` is [start, end).
    """

    text: str
    words: tuple[Word, ...]
    asks: tuple[Word, ...] = ()
    auxiliary: Word | None = None
    subject: tuple[int, int] | None = None
    verb: Word | None = None
    asks_subject: bool = False
    phrases: tuple[Phrase, ...] = ()

    @property
    def wh(self) -> str:
        """Its question word in small letters; "" where it has none."""
        return next((word.low for word in self.asks if word.low in QUESTION_WORDS), "")

    @property
    def structured(self) -> bool:
        """Whether a question word or an auxiliary was found where a question has one."""
        return bool(self.asks or self.auxiliary)

    def about(self, role: Role) -> tuple[Phrase, ...]:
        return tuple(phrase for phrase in self.phrases if phrase.role is role)

    def with_text(self, start: int, end: int, new: str) -> str:
        """The question's text with other words at [start, end).

        >>> parse("Who left Oslo?").with_text(9, 13, "Bern")
        'Who left Bern'
        """
        return f"{self.text[:start]}{new}{self.text[end:]}"

    @property
    def subject_text(self) -> str:
        return self.text[slice(*self.subject)] if self.subject else ""


class _Form(StrEnum):
    PLAIN = "plain"
    PARTICIPLE = "participle"
    FINITE = "finite"


def _likely(said: Sequence[Word], at: int, form: _Form) -> int | None:
    """How much a word looks like a verb of that form, 0 to 2; `None` where it can't be one."""
    low, text = said[at].low, said[at].text
    if said[at].named or (text[0].isupper() and at) or "'" in low or not low[0].isalpha():
        return None
    verb = low in {"be", "do", "have", "been", "being", "doing", "done", "having"}
    if low in ENDS_PHRASE | DETERMINERS | PERSONAL and not verb and low not in NEWS_VERBS:
        return None
    if form is _Form.PLAIN:
        if low in NEWS_VERBS:
            return 2
        return None if re.search(r"(?:s|ed|ing|ly|ion|ment|ness|ity)$", low) or low in TIME_WORDS else 0
    if form is _Form.PARTICIPLE:
        if (
            low in participles()
            or (low in verb_forms() and low.endswith(("ed", "ing")))
            or low in PREDICATES
            or verb
        ):
            return 2
        return 1 if re.search(r"\w{2}(?:ed|ing|able|ible|ful|less|ous)$", low) else None
    if low in pasts() or (low in verb_forms() and not low.endswith("ing")):
        return 2
    return 1 if re.search(r"\w{2}ed$", low) else None


def _followed(text: str, said: Sequence[Word], at: int, last: int) -> int:
    """How well what stands behind a word may follow a verb, 0 to 2."""
    if at + 1 >= last or not touches(text, said[at], said[at + 1].start):
        return 2
    after = said[at + 1]
    if said[at + 1].named or after.low in DETERMINERS | PREPOSITIONS | PERSONAL | OPENS_CLAUSE | {
        "to",
        "not",
    }:
        return 2
    if opens_time(said, at + 1, last) or after.low[0].isdigit() or after.low in ADVERBS:
        return 2
    return 1 if is_plural(after.text) and after.low not in verb_forms() else 0


def _verb(text: str, said: Sequence[Word], first: int, last: int, form: _Form) -> int | None:
    """The index of the verb behind a subject that begins at `first`; `None` where there is none.

    >>> text = "oil prices rise"
    >>> _verb(text, read(text), 0, 3, _Form.PLAIN)
    2
    """
    if first >= last:
        return None
    pronoun = said[first].low in PERSONAL and said[first].low not in DETERMINERS and not said[first].named
    best: tuple[int, int] | None = None
    for at in range(first + 1, last):
        before = said[at - 1]
        likely = _likely(said, at, form)
        if pronoun and likely is None and at == first + 1 and before.low not in DETERMINERS:
            likely = 0 if said[at].low not in ENDS_PHRASE else None
        if likely is None or (before.low in DETERMINERS | PREPOSITIONS | {"of"} and not said[at - 1].named):
            continue
        if not touches(text, before, said[at].start):
            break
        named = said[at - 1].named and said[first].low not in DETERMINERS
        subject_ends = 3 if pronoun and before.low in ADVERBS | PERSONAL else int(
            named or is_plural(before.text) or before.low in ADVERBS
        )  # fmt: skip
        score = likely + _followed(text, said, at, last) + subject_ends
        if best is None or score > best[0]:
            best = score, at
    return best[1] if best else None


_POLITE = re.compile(
    r"\W*(?:(?:can|could|would) you (?:please )?|please |do you know )*"
    rf"(?:(?:{alternation(SPEECH_VERBS)}|know|describe) (?:me |us )?)?"
    r"(?=(?:who|whom|what|when|where|why|which|how)\b)",
    re.IGNORECASE,
)


@lru_cache(maxsize=256)
def parse(text: str) -> Question:
    """A question taken apart. A text that is no question has only phrases.

    >>> asked = parse("How much did Nordhavn Foods pay for Grano Vivo in May?")
    >>> asked.wh, asked.auxiliary.text, asked.subject_text, asked.verb.text
    ('how', 'did', 'Nordhavn Foods', 'pay')
    >>> [(phrase.role.value, phrase.preposition, phrase.text) for phrase in asked.phrases]
    [('subject', '', 'Nordhavn Foods'), ('adjunct', 'for', 'Grano Vivo'), ('adjunct', 'in', 'May')]
    >>> parse("Which storm hit Cádiz?").asks_subject, parse("Is it true?").wh
    (True, '')
    """
    body = text.rstrip().rstrip("?!.… ")
    said = read(body)
    opens = _opening(body, said)
    if opens is None:
        return Question(body, said, phrases=tuple(phrases(body, said, 0, len(said))))
    before = tuple(phrases(body, said, 0, opens, Role.ADJUNCT))
    wh = opens + (said[opens].low in PREPOSITIONS)
    if said[wh].low not in QUESTION_WORDS:
        return _inverted(body, said, before, opens, wh, wh)
    behind = _asking_end(said, wh)
    if said[wh].low in {"which", "what", "whose"} or said[min(wh + 1, len(said) - 1)].low in {"many", "much"}:
        here = _behind_noun(body, said, behind, said[wh].low)
    else:
        here = behind
        while here < len(said) and said[here].low in ADVERBS - {"far", "long", "late"}:
            here += 1
    if here >= len(said):
        noun = phrases(body, said, behind, len(said), Role.ASKED)
        return Question(body, said, tuple(said[opens:]), phrases=(*before, *noun))
    if said[here].low in AUXILIARIES or said[here].low in SHORT_AUXILIARIES:
        return _inverted(body, said, before, opens, behind, here)
    if said[wh].low in {"when", "where", "why", "whom"}:
        return Question(
            body, said, tuple(said[opens:here]), phrases=(*before, *phrases(body, said, here, len(said)))
        )
    return _asks_subject(body, said, before, opens, behind, None, here)


def _opening(text: str, said: Sequence[Word]) -> int | None:
    """Where the question begins: at a question word, its preposition or an auxiliary that opens a clause."""
    polite = _POLITE.match(text)
    asked_for = polite.end() if polite and polite.end() > len(text) - len(text.lstrip()) else 0
    for at, word in enumerate(said):
        if word.start < asked_for:
            continue
        after = said[at + 1].low if at + 1 < len(said) else ""
        asks = word.low in QUESTION_WORDS | AUXILIARIES or (
            word.low in PREPOSITIONS and after in QUESTION_WORDS
        )
        fresh = at == 0 or not touches(text, said[at - 1], word.start)
        fresh = fresh or all(each.low in {"and", "but", "so", "then", "or", "well"} for each in said[:at])
        if asks and (fresh or word.start == asked_for):
            if at + 1 < len(said) and word.low in {"when", "while"} and at == 0 and "," in text:
                continue  # "When prices rose, what did the bank do?"
            return at
    return None


def _asking_end(said: Sequence[Word], wh: int) -> int:
    """Behind the question word and what belongs to it: "how many", "how long", "who else"."""
    at = wh + 1
    if (
        at < len(said)
        and said[wh].low == "how"
        and said[at].low not in AUXILIARIES
        and said[at].low not in SHORT_AUXILIARIES
    ):
        at += 1
    while at < len(said) and said[at].low in {"else", "exactly", "other"}:
        at += 1
    return at


def _behind_noun(text: str, said: Sequence[Word], first: int, wh: str) -> int:
    """Where the auxiliary or the finite verb stands behind "which storm" or "how many people"."""
    for at in range(first, len(said)):
        if said[at].low in AUXILIARIES or said[at].low in SHORT_AUXILIARIES:
            return at
        after = said[at + 1].low if at + 1 < len(said) else ""
        alone = at == first  # "what causes wildfires", "how many died"; but "which strikes hit Oman"
        if alone and (wh == "which" or (said[at].low.endswith("s") and wh != "what")):
            continue
        later = at + 1 < len(said) and _likely(said, at + 1, _Form.FINITE) is not None
        if _likely(said, at, _Form.FINITE) is None or after in AUXILIARIES or (alone and later):
            continue
        if _followed(text, said, at, len(said)) or not later:
            return at
    for at in range(first + 1, len(said) - 1):  # an unknown verb: "which parties govern Eskerby"
        word, behind = said[at], said[at + 1]
        plain = word.low not in ENDS_PHRASE and not word.named and not is_plural(word.text)
        if plain and (behind.named or behind.low in DETERMINERS):
            return at
    return len(said)


def _clause_end(text: str, said: Sequence[Word], first: int) -> int:
    for at in range(first, len(said)):
        if said[at].low in OPENS_CLAUSE and not said[at].named:
            return at
        if at > first and re.search(r"[,;:(]", text[said[at - 1].end : said[at].start]):
            return at
    return len(said)


def _inverted(
    text: str,
    said: Sequence[Word],
    before: tuple[Phrase, ...],
    opens: int,
    behind: int,
    aux: int,
) -> Question:
    """A question with an auxiliary at `aux`: what follows it is the subject, or else the verb."""
    auxiliary = said[aux]
    low = (
        auxiliary.low.removesuffix("n't")
        if auxiliary.low not in SHORT_AUXILIARIES
        else SHORT_AUXILIARIES[auxiliary.low]
    )
    plain = low in DO | MODALS | {"ca", "wo", "can", "will"}
    first = aux + 1
    while first < len(said) and said[first].low in {"not", "also", "still", "ever", "already", "first"}:
        first += 1
    end = _clause_end(text, said, first)
    form = _Form.PLAIN if plain else _Form.PARTICIPLE
    asked = said[opens:aux]
    argument = any(word.low in {"who", "what", "which", "whose", "many", "much"} for word in asked)
    verb = _verb(text, said, first, end, form)
    if argument and first < end and low not in DO:
        opening = _likely(said, first, form)
        predicate = opening == 2 and (
            verb is None or said[first].low in {"been", "be", "being", "have"} or not plain
        )
        if predicate or (low in BE and said[first].low in PREPOSITIONS and not said[first].named):
            return _asks_subject(text, said, before, opens, behind, auxiliary, first)
        if low in HAVE and verb is None:
            return _asks_subject(text, said, before, opens, behind, None, aux)
    if verb is not None and low in BE and not plain and _is_filled(said, asked, verb):
        verb = None
    inner = phrases(text, said, first, verb if verb is not None else end, Role.SUBJECT)
    while verb is not None and verb + 1 < end and said[verb].low in {"be", "been", "being"}:
        if _likely(said, verb + 1, _Form.PARTICIPLE) is None:
            break
        verb += 1
    if verb is None and inner:  # "are nurses on strike": what a preposition opens is no longer the subject
        kept = next((at for at, each in enumerate(inner) if at and each.preposition != "of"), len(inner))
        kept = next((at for at, each in enumerate(inner[:kept]) if at and each.preposition != "of"), kept)
        cut = inner[kept].whole if kept < len(inner) else None
        inner = inner[:kept]
        rest = next((at for at, word in enumerate(said) if cut is not None and word.start == cut), None)
        beyond = end if rest is None else rest
    else:
        beyond = end if verb is None else verb + 1
    subject = (inner[0].start, inner[-1].end) if inner else None
    noun = phrases(text, said, behind, aux, Role.ASKED)
    return Question(
        text, tuple(said), tuple(asked), auxiliary, subject, said[verb] if verb is not None else None, False,
        (*before, *noun, *inner, *phrases(text, said, beyond, len(said))),
    )  # fmt: skip


def _is_filled(said: Sequence[Word], asked: Sequence[Word], verb: int) -> bool:
    """Whether "how old is …" has its predicate already, so that a last adjective belongs to a noun."""
    low = said[verb].low
    is_verb = low in participles() or (low in verb_forms() and low.endswith(("ed", "ing")))
    return len(asked) > 1 and asked[0].low == "how" and not is_verb


def _asks_subject(
    text: str,
    said: Sequence[Word],
    before: tuple[Phrase, ...],
    opens: int,
    behind: int,
    auxiliary: Word | None,
    at: int,
) -> Question:
    """A question whose question phrase is the subject of the verb at `at`."""
    verb = at
    while verb + 1 < len(said) and said[verb].low in {"been", "be", "being", "have", "not"}:
        verb += 1
    stop = next(index for index, word in enumerate(said) if word is (auxiliary or said[at]))
    noun = phrases(text, said, behind, stop, Role.ASKED)
    is_verb = said[verb].low not in PREPOSITIONS and said[verb].low not in DETERMINERS
    rest = phrases(text, said, verb + 1 if is_verb else verb, len(said))
    return Question(
        text, tuple(said), tuple(said[opens:stop]), auxiliary, None, said[verb] if is_verb else None, True,
        (*before, *noun, *rest),
    )  # fmt: skip
