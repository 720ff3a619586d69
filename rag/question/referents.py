"""What a conversation has spoken of, and what a word that points to it stands for.

A turn mentions the phrases of its question and of its answer. A pronoun takes the newest mention that agrees
with it: a person, a thing or several. Within a turn the answer comes first where the question asked for such
a thing, then the subject, then the object; a pronoun prefers what had its own part in the sentence.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from rag.english.conversation import AREAS, BODIES, MOTION_VERBS, PLACE_PREPOSITIONS, PREDICATES, SITES
from rag.english.lexicon import (
    AUXILIARIES,
    CALENDAR,
    DETERMINERS,
    FEMALE,
    MALE,
    MONTHS,
    NEGATIONS,
    OFFICES,
    PERSONAL,
    PLACES,
    PLURAL,
    POINTING,
    POSSESSIVES,
    PREPOSITIONS,
    SINGULAR_PERSONS,
    STOPWORDS,
    THINGS,
    TIME_WORDS,
    TITLES,
    WEEKDAYS,
    verb_forms,
)
from rag.english.names import names as find_names
from rag.english.normalise import content_stems
from rag.english.numbers import numbers
from rag.english.sentences import sentences
from rag.question.parse import (
    Phrase,
    Question,
    Role,
    Word,
    is_done,
    is_plural,
    is_time,
    opens_only,
    parse,
    past_form,
    phrases,
    read,
)
from rag.types import Turn

__all__ = [
    "LONGEST_FRAGMENT",
    "LONGEST_TOPIC",
    "NEAR",
    "POINTING_WORDS",
    "Reply",
    "Talk",
    "names",
    "opening_sentence",
    "place_of",
    "possessive",
    "referent",
    "reply_to",
    "time_of",
    "time_preposition",
]

NEAR = 2  # turns that a reference can point to; further back, no guess was right (eval.bench.followups, dev)
LONGEST_FRAGMENT = 6  # words; a longer piece after "and" says what it asks by itself
LONGEST_TOPIC = 12  # words; a longer topic would drown the question it is added to
POINTING_WORDS = SINGULAR_PERSONS | THINGS | PLURAL | POINTING | {"there"}
_SHORT_ANSWER = 10  # words; a longer answer is a sentence, whatever its words
_YES_OR_NO = re.compile(r"^\W*(?:yes|no|yeah|nope)\b\W*", re.IGNORECASE)


@dataclass
class Talk:
    """The turns so far, made to stand alone, and the gender of those whom a pronoun stood for."""

    turns: list[Turn] = field(default_factory=list)
    genders: dict[str, str] = field(default_factory=dict)

    @property
    def near(self) -> list[Turn]:
        return self.turns[-NEAR:]


@dataclass(frozen=True, slots=True)
class Reply:
    """A short answer that is one phrase: "Two million passwords.", "In Lima." `preposition` is "" where it
    has none.
    """

    preposition: str
    phrase: str
    named: bool
    time: bool

    @property
    def text(self) -> str:
        return f"{self.preposition} {self.phrase}".strip()


def opening_sentence(text: str) -> str:
    spans = sentences(text)
    return text[spans[0][0] : spans[0][1]] if spans else ""


def reply_to(turn: Turn) -> Reply | None:
    """The answer of a turn, if it is a phrase rather than a sentence.

    >>> reply_to(Turn("Where was it filmed?", "On the island of Mull.")).text
    'on the island of Mull'
    >>> reply_to(Turn("Who struck?", "Iran did.")).phrase, reply_to(Turn("Who struck?", "Iran struck first."))
    ('Iran', None)
    """
    text = _YES_OR_NO.sub("", opening_sentence(turn.answer)).rstrip(" .!?…")
    said = read(text)
    if said and said[-1].low in AUXILIARIES and len(said) > 1:
        said = said[:-1]
        text = text[: said[-1].end]
    if not 0 < len(said) <= _SHORT_ANSWER or parse(text).structured:
        return None
    if any(
        word.low in AUXILIARIES or (word.low in PERSONAL and not said[at].named)
        for at, word in enumerate(said)
    ):
        return None
    if {word.low for word in said} & (NEGATIONS | {"that", "because", "when"}) or any(
        at and word.text.islower() and past_form(word.low) for at, word in enumerate(said)
    ):
        return None
    found = phrases(text, said, 0, len(said))
    if not found or not (content_stems(text) or found[0].name):
        return None
    start = found[0].start
    phrase = text[start : said[-1].end]
    common = start == said[0].start and _is_common(said, turn)
    if common and (len(said[0].text) == 1 or not said[0].text.isupper()):
        phrase = phrase[0].lower() + phrase[1:]
    capitals = said[common:] if start == said[0].start else said[1:]
    named = any(
        word.text[0].isupper() and word.low.casefold() not in CALENDAR | STOPWORDS for word in capitals
    )
    return Reply(found[0].preposition, phrase, named, found[0].time)


def _is_common(said: Sequence[Word], turn: Turn) -> bool:
    """Whether an answer's first word has its capital only for being the first."""
    first = said[0]
    if not said[0].named and (
        first.low in DETERMINERS | PREPOSITIONS | STOPWORDS | TIME_WORDS or numbers(first.text)
    ):
        return True
    if said[0].named or first.text in {word.text for word in parse(turn.question).words[1:]}:
        return False
    if len(said) > 1:
        return said[1].text.islower() and said[1].low not in {"and", "of", "or", "&"}
    return parse(turn.question).wh == "what" and is_plural(first.text)


def names(text: str, *, first: bool = False) -> list[str]:
    """The names in a text, less days and months; known places in any case.

    A single word that opens the text has its capital anyway: it is a name only if `first` says so.

    >>> names("Yesterday Joe Biden met Ostmark Cement’s board in iran.")
    ['Joe Biden', 'Ostmark Cement', 'iran']
    """
    found = find_names(text, lower=PLACES - {"us", "un"})
    return [
        name.text
        for name in found
        if name.text.casefold() not in CALENDAR and (first or not opens_only(name))
    ]


# --- what a turn mentions ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Mention:
    """Something spoken of. `weight` is how much a turn is about it; `answers_who`, whether it answers a
    "who".
    """

    text: str
    role: Role
    weight: float
    named: bool
    answers_who: bool = False
    whole: str = ""  # with what stands before "of": "the leader of Hamas"
    owner: bool = False  # "Ann Lee" in "Ann Lee's husband": the husband's gender is not hers


def _mentions(turn: Turn) -> Iterator[_Mention]:
    asked = parse(turn.question)
    who = asked.wh in {"who", "whom", "whose"}
    role = Role.SUBJECT if asked.asks_subject else Role.OBJECT
    reply = reply_to(turn)
    counted = asked.wh == "how"
    copular = asked.verb is None and not asked.asks_subject and bool(asked.auxiliary)
    if reply and copular and read(reply.phrase)[0].low in DETERMINERS:  # "Who is Ann Lee?" "A writer."
        yield from _asked_about(asked, answered=True)
        return
    if reply and not reply.time and not counted and asked.wh in {"who", "whom", "whose", "what", "which"}:
        if not reply.preposition or reply.named:
            determined = read(reply.phrase)[0].low in DETERMINERS
            # "What killed the lynx?" "A car." is still about the lynx, as after "who".
            doer = who or (asked.wh == "what" and asked.asks_subject and not reply.named)
            yield _Mention(
                reply.phrase, role, 3.5 if reply.named else 3.2 if determined else 1.0, reply.named, doer
            )
    elif not reply:
        known = asked.text.casefold()
        for index, name in enumerate(names(opening_sentence(turn.answer), first=who)):
            if name.casefold() not in known:
                yield _Mention(name, role, 2.0 if who and not index else 0.6, True, who and not index)
    elif reply.named and not reply.time and not counted:
        yield _Mention(reply.phrase, Role.ADJUNCT, 0.2, True)
    same = copular and who and bool(reply and reply.named)  # "Who is Ann Lee's coach?" "Bo Xi."
    yield from _asked_about(asked, answered=bool(reply), answered_by_name=same)


def _asked_about(asked: Question, *, answered: bool, answered_by_name: bool = False) -> Iterator[_Mention]:
    subject = asked.about(Role.SUBJECT)
    if subject and _says_something(subject[0]):
        text = asked.subject_text
        # "the invention of the gin" is about the gin; "shares in Ostmark" are still the shares.
        inner = subject[-1] if subject[-1].preposition == "of" else None
        named = any(phrase.name for phrase in subject)
        if inner or not answered_by_name:
            yield _Mention(inner.text if inner else text, Role.SUBJECT, 2.0, named, whole=text)
    for phrase in asked.phrases:
        if phrase.time or not _says_something(phrase) or not (asked.structured or phrase.name):
            continue
        if phrase.role is Role.ASKED:
            if answered:
                continue
            yield _Mention(phrase.text, Role.ASKED, 0.5, False)
        elif phrase.role is Role.ADJUNCT and not phrase.name and phrase.words[0].low not in DETERMINERS:
            continue  # "for use", "on strike"
        elif phrase.role is not Role.SUBJECT:
            weight = 1.0 if phrase.role is Role.OBJECT else 0.5
            yield _Mention(_owned(phrase, asked), phrase.role, weight, bool(phrase.name))
        for at, word in enumerate(phrase.words[:-1]):
            if re.search(r"'s$|s'$", word.low) and phrase.words[at].named:
                start = phrase.name[0] if phrase.name else word.start
                owner = asked.text[start : word.end]
                yield _Mention(re.sub(r"['’]s?$", "", owner), phrase.role, 0.4, True, owner=True)


def _says_something(phrase: Phrase) -> bool:
    last = phrase.words[-1].low
    return bool(
        phrase.name or (content_stems(phrase.text) and last not in PREDICATES and not is_done(last))
    ) and (phrase.words[0].low not in PERSONAL - POSSESSIVES)


def _owned(phrase: Phrase, asked: Question) -> str:
    """The phrase with the subject's name for "its": "Ford's vans"."""
    first = phrase.words[0]
    after = next((each for each in asked.phrases if each.whole == phrase.end + 1), None)
    if (
        after
        and not phrase.name
        and after.name
        and not after.time
        and after.preposition in PLACE_PREPOSITIONS | {"of"}
    ):
        return asked.text[phrase.start : after.end]  # "the blast at Dalmar"
    if first.low in {"its", "their", "his", "her"} and asked.subject and len(phrase.words) > 1:
        return f"{possessive(asked.subject_text)}{phrase.text[len(first.text) :]}"
    return phrase.text


def possessive(name: str, mark: str = "'") -> str:
    """
    >>> possessive("Ann Lee"), possessive("Tindal bats")
    ("Ann Lee's", "Tindal bats'")
    """
    return f"{name}{mark}" if name.endswith("s") else f"{name}{mark}s"


# --- agreement ---------------------------------------------------------------------------------------------


def referent(
    pronoun: str, role: Role, turns: Sequence[Turn], genders: Mapping[str, str], *, near: int, skip: str = ""
) -> str | None:
    """What a pronoun in that role stands for, from the newest of the `near` last turns that has it.

    `genders`: of persons that a pronoun has stood for, by their names in small letters, "he" or "she". A
    mention in `skip` is passed over: what the same sentence names is not what its pronoun points to.

    >>> turn = Turn("Which firm bought Grano Vivo?", "Nordhavn Foods.")
    >>> referent("it", Role.SUBJECT, [turn], {}, near=2)
    'Nordhavn Foods'
    >>> turn = Turn("Who built the Selene probe?", "The Lindqvist foundation.")
    >>> referent("it", Role.SUBJECT, [turn], {}, near=2)
    'the Selene probe'
    """
    for turn in reversed(turns[-near:]):
        best: tuple[float, str] | None = None
        for mention in _mentions(turn):
            fit, text = _fit(pronoun, mention, turn, genders)
            if not fit or (skip and mention.text.casefold() in skip.casefold()):
                continue
            # "Who built it?" asks for somebody, so that "it" is rather what was built than who did.
            weight = 0.5 if mention.answers_who and pronoun in THINGS else mention.weight
            # "They" for one person is a last resort.
            score = fit if fit < 0.3 else fit + weight + 1.2 * (mention.role is role)
            if best is None or score > best[0]:
                best = score, text
        if best:
            return best[1]
    return None


def _fit(pronoun: str, mention: _Mention, turn: Turn, genders: Mapping[str, str]) -> tuple[float, str]:
    """How well the mention agrees, 0 for not at all, and the words to put."""
    text = mention.text
    if pronoun in SINGULAR_PERSONS:
        return _fits_person(pronoun, mention, turn, genders)
    lows = {word.low.removesuffix("'s") for word in read(text)}
    body = _is_body(text)
    one_word = mention.named and len(lows - {"the"}) == 1
    last = read(text)[-1]
    common_head = last.text.islower()
    plural = is_plural(text)
    if pronoun in THINGS:
        if parse(turn.question).wh in {"who", "whose"} and _is_person(mention, turn):
            return 0, text
        if plural and (common_head or "and" in lows or text.casefold().startswith("the ")) and not body:
            return 0, text
        if text.casefold() in genders or (lows & OFFICES and not body):
            return 0, text
        return (
            0.5
            if mention.answers_who
            else 1.5
            if body or common_head or one_word or not mention.named
            else 1.0
        ), text
    if mention.role is Role.ASKED and not plural:
        return 0, text
    if plural:
        return 2.5, text
    return (1, text) if body or one_word else (0.2, text)


def _is_body(text: str) -> bool:
    """Whether a phrase names or means an organisation or a place, as far as its words tell.

    >>> [_is_body(each) for each in ("Nordhavn Foods", "the council", "oil prices", "Iran")]
    [True, True, False, True]
    """
    said = read(text)
    named = {word.low.removesuffix("'s") for word in said if word.text[0].isupper()} | {said[-1].low}
    return bool(named & BODIES) or text.casefold().removeprefix("the ") in PLACES


def _is_person(mention: _Mention, turn: Turn) -> bool:
    """Whether a mention of a question that asks who is the person asked for or about."""
    asked = parse(turn.question)
    is_body = _is_body(mention.text)
    if mention.answers_who:
        return not is_body
    return asked.verb is None and mention.role is Role.SUBJECT


def _fits_person(
    pronoun: str, mention: _Mention, turn: Turn, genders: Mapping[str, str]
) -> tuple[float, str]:
    female = pronoun in FEMALE
    text = mention.text
    office = {word.low for word in read(mention.whole or text)} & OFFICES
    if (office and mention.whole and not mention.named) or (
        office and mention.whole and is_plural(mention.whole)
    ):
        text = mention.whole
    said = read(text)
    lows = {word.low.removesuffix("'s") for word in said}
    known = genders.get(_bare_name(text).casefold())
    told = {word.low for word in read(f"{turn.question} {turn.answer}")}
    man, woman = bool(told & MALE), bool(told & FEMALE)
    if (known and (known == "she") != female) or (
        not known and not mention.owner and man != woman and man == female
    ):
        return 0, text
    if "and" in lows or (is_plural(text) and not mention.named):
        return 0, text
    if not mention.named:
        who_is = parse(turn.question).wh == "who" and parse(turn.question).verb is None
        spoken_of = mention.role is Role.SUBJECT and (who_is or man or woman)
        return (2.0 if office else 0.5 if spoken_of and not is_plural(text) else 0), text
    bare = _bare_name(text)
    capitals = [at for at in range(len(said)) if said[at].text[0].isupper()]
    if office and said[-1].low in OFFICES:
        return 2.0, text
    if lows & (BODIES - TITLES) or bare.casefold() in PLACES or lows & CALENDAR:
        return 0, text
    if not capitals:
        return (0.5 if mention.role is Role.SUBJECT and (man or woman) else 0), text
    before = said[capitals[0] - 1].low if capitals[0] else ""
    ends_in_name = capitals[-1] == len(said) - 1
    if (
        not ends_in_name
        or before in DETERMINERS
        or said[capitals[0]].low == "the"
        or said[-1].low.endswith("'s")
    ):
        return 0, text
    if lows & DETERMINERS and before and not mention.answers_who and before not in OFFICES:
        return 0, text  # "the ferry Aster"
    full = len(bare.split()) > 1
    return 1.0 + full + bool(known), bare if not lows & DETERMINERS else text


def _bare_name(text: str) -> str:
    said = read(text)
    first = next((at for at, word in enumerate(said) if word.low not in TITLES), len(said))
    return text[said[first].start :] if 0 < first < len(said) - 1 else text


# --- places and times --------------------------------------------------------------------------------------


def place_of(turns: Sequence[Turn], *, near: int) -> str | None:
    """The newest place, with its preposition: what "there" stands for.

    >>> place_of([Turn("Which town had the most snow?", "Kiruna.")], near=2)
    'in Kiruna'
    """
    for turn in reversed(turns[-near:]):
        asked = parse(turn.question)
        reply = reply_to(turn)
        sort = {word.low for phrase in asked.about(Role.ASKED) for word in phrase.words}
        subject = asked.about(Role.SUBJECT)
        if asked.wh == "where" and asked.verb is None and subject and subject[0].words[-1].low in SITES:
            return f"at {subject[0].text}"  # "Where is the museum?" "Who works there?"
        if reply and not reply.time and asked.wh == "where":
            return reply.text if reply.preposition else f"in {reply.phrase}"
        if reply and not reply.preposition and asked.wh in {"which", "what"} and sort & (AREAS | SITES):
            return f"{'in' if sort & AREAS else 'at'} {reply.phrase}"
        answer = opening_sentence(turn.answer)
        for text in (answer, asked.text):
            said = read(text)
            for phrase in phrases(text, said, 0, len(said)):
                if phrase.preposition in PLACE_PREPOSITIONS | {"to"} and phrase.name and not phrase.time:
                    return f"{phrase.preposition.replace('to', 'in')} {phrase.text}"
        for phrase in asked.phrases:
            head = phrase.words[-1].low
            if phrase.name and (head in SITES | AREAS or phrase.words[0].low in SITES | AREAS):
                return f"{'in' if head in AREAS else 'at'} {phrase.text}"
            moves = asked.verb and verb_forms().get(asked.verb.low) in MOTION_VERBS  # "reach Oslo"
            if moves and phrase.role is Role.OBJECT and phrase.name:
                return f"in {phrase.text}"
    return None


def time_of(turns: Sequence[Turn], *, near: int) -> str | None:
    """The newest time, with its preposition: what "then" and "that day" stand for.

    >>> time_of([Turn("When was Maud Tilling elected?", "In 2009.")], near=2)
    'in 2009'
    """
    for turn in reversed(turns[-near:]):
        reply = reply_to(turn)
        if reply and reply.time and parse(turn.question).wh in {"when", "what", "which"}:
            return (
                reply.text
                if reply.preposition
                else f"{time_preposition(read(reply.phrase))} {reply.phrase}".strip()
            )
        answer = opening_sentence(turn.answer)
        for text in (turn.question, answer):
            for phrase in reversed(phrases(text, read(text), 0, len(read(text)))):
                if phrase.time and _is_dated(phrase.words):
                    return text[phrase.whole : phrase.end]
    return None


def _is_dated(said: Sequence[Word]) -> bool:
    return any(
        word.low.casefold() in CALENDAR | {"last", "yesterday"} or word.low.isdecimal() for word in said
    )


def time_preposition(said: Sequence[Word]) -> str:
    """The preposition that a time takes: "on Friday", "in May", "last year" none.

    >>> [time_preposition(read(text)) for text in ("Friday", "5 May", "May 2023", "last year")]
    ['on', 'on', 'in', '']
    """
    lows = [word.low.casefold() for word in said]
    if any(low.removesuffix("s") in WEEKDAYS for low in lows):
        return "on"
    if lows[0] in {"last", "next", "this", "that", "every", "yesterday", "today", "tonight", "tomorrow"}:
        return ""
    if not is_time(said) or lows[-1] in {"ago", "before", "after", "earlier", "later"}:
        return ""
    month = any(low in MONTHS for low in lows)
    return "on" if month and any(low.isdecimal() and len(low) < 3 for low in lows) else "in"
