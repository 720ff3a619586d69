"""What a conversation has spoken of, and what a word that points to it stands for.

A turn mentions the phrases of its question and of its answer. A pronoun takes the newest mention that agrees
with it: a person, a thing or several. Within a turn the answer comes first where the question asked for such
a thing, then the subject, then the object; a pronoun prefers what had its own part in the sentence.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from rag.english.conversation import AREAS, BODIES, MOTION_VERBS, PLACE_PREPOSITIONS, PREDICATES, SITES
from rag.english.lexicon import (
    CALENDAR,
    DETERMINERS,
    FEMALE,
    MALE,
    OFFICES,
    PERSONAL,
    PLACES,
    PLURAL,
    POSSESSIVES,
    SINGULAR_PERSONS,
    THINGS,
    TITLES,
    verb_forms,
)
from rag.english.normalise import content_stems
from rag.question.parse import Question, parse
from rag.question.phrases import Phrase, Role, Word, is_done, is_plural, phrases, read
from rag.question.talk import ShortReply, names, opening_sentence, reply_to, time_preposition
from rag.types import Turn

__all__ = ["place_of", "possessive", "referent", "time_of"]


# --- what a turn mentions ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Mention:
    """Something spoken of. `weight`: how much the turn is about it.

    `does`: it answers who or what did something, which the turn is less about than what was done.
    `whole`: with what stands before "of", as in "the leader of Hamas". `owns`: "Ann Lee" in "Ann Lee's
    husband".
    """

    text: str
    role: Role
    weight: float
    named: bool
    does: bool = False
    whole: str = ""
    owns: bool = False
    body: bool = False


_WHO = frozenset(["who", "whom", "whose"])


def _mentions(turn: Turn) -> Iterator[_Mention]:
    asked, reply = parse(turn.question), reply_to(turn)
    copular = bool(asked.auxiliary) and asked.verb is None and not asked.asks_subject
    subject = asked.about(Role.SUBJECT)
    known = copular and asked.wh in {"who", "what"} and _is_known(subject)  # "Who is Ann Lee?" "Mayor."
    if copular and asked.wh == "who" and reply and not known:  # "who is ann lee": one word can't be her name
        known = _is_known(subject, small=True) and len(reply.phrase.split()) == 1
    described = known or bool(copular and reply and read(reply.phrase)[0].low in DETERMINERS)
    if known and reply is None:
        yield from _named_in(asked, opening_sentence(turn.answer))
    elif not described:
        yield from _answered(asked, reply, opening_sentence(turn.answer))
    if subject and _says_something(subject[0]):
        # "the invention of the gin" is about the gin; "shares in Ostmark" are still the shares.
        of = subject[-1].preposition == "of"
        same = (
            copular and asked.wh in _WHO and reply and reply.named and not described
        )  # "Who is Ann Lee's coach?" "Bo Xi."
        text = subject[-1].text if of else asked.subject_text
        if of or not same:
            named = any(phrase.name for phrase in subject)
            yield _Mention(text, Role.SUBJECT, 2.0, named, whole=asked.subject_text)
    for phrase in asked.phrases:
        if not phrase.time and _says_something(phrase) and (asked.structured or phrase.name):
            yield from _asked_about(phrase, asked, reply)


def _is_known(subject: Sequence[Phrase], *, small: bool = False) -> bool:
    """Whether a question that asks who or what something is names it, so that the answer only describes it.
    `small`: whether the name is in small letters.

    >>> [_is_known(parse(text).about(Role.SUBJECT)) for text in ("Who is Ann Lee", "What is the Vireo Nine")]
    [True, True]
    >>> [_is_known(parse(text).about(Role.SUBJECT)) for text in ("Who is Ann Lee's boss", "Who is the Mayor")]
    [False, False]
    """
    if len(subject) != 1:
        return False  # "the mayor of Varner"
    said = subject[0].words
    offices = [bool(set(word.text.casefold().split("-")) & _POSTS) for word in said]
    if any(word.low.endswith(("'s", "s'")) for word in said) or offices[-1]:
        return False
    if any(offices) and any(word.low == "of" for word in said):
        return False  # "the CEO of Orlo"
    if small:
        return len(said) > 1 and said[0].low not in DETERMINERS and not any(offices)
    return said[-1].text[0].isupper() or (said[0].low in {"a", "an"} and len(said) == 2)


_POSTS = OFFICES | frozenset("ceo cfo chair".split())


def _named_in(asked: Question, answer: str) -> Iterator[_Mention]:
    """The names that an answer adds to those of the question, in passing."""
    for name in names(answer):
        if name.casefold() not in asked.text.casefold():
            yield _Mention(name, _asked_role(asked), 0.6, True)


def _answered(asked: Question, reply: ShortReply | None, answer: str) -> Iterator[_Mention]:
    """What the answer mentions, most of all where it is the thing that was asked for."""
    who = asked.wh in _WHO
    if reply is None:
        quoted = answer.startswith(("“", '"'))  # "“Tern” took the first place, ahead of “Gull”."
        if who and _is_one_of_several(answer, asked):
            return
        for index, name in enumerate(names(answer, first=who or quoted)):
            if name.casefold() not in asked.text.casefold():
                first = who and not index
                yield _Mention(name, _asked_role(asked), 2.0 if first else 0.6, True, first)
    elif reply.time or asked.wh == "how":
        return
    elif asked.wh in {*_WHO, "what", "which"} and (reply.named or not reply.preposition):
        does = who or (
            asked.wh == "what" and asked.asks_subject and not reply.named
        )  # "A car." killed the lynx
        weight = 3.8 if reply.named else 3.2 if read(reply.phrase)[0].low in DETERMINERS else 1.0
        sort = {word.low for phrase in asked.about(Role.ASKED) for word in phrase.words}
        yield _Mention(reply.phrase, _asked_role(asked), weight, reply.named, does, body=bool(sort & BODIES))
    elif reply.named:
        yield _Mention(reply.phrase, Role.ADJUNCT, 0.2, True)


def _is_one_of_several(answer: str, asked: Question) -> bool:
    """Whether an answer names somebody among others who did the same.

    >>> _is_one_of_several("Lee joins other winners, including Ida Bo.", parse("Who won the Tern Prize"))
    True
    """
    others = [name for name in names(answer, first=True) if name.casefold() not in asked.text.casefold()]
    return len(others) > 1 and bool(_AMONG.search(answer))


_AMONG = re.compile(r"\b(?:others?|including|such as|along with|alongside)\b", re.IGNORECASE)


def _asked_role(asked: Question) -> Role:
    return Role.SUBJECT if asked.asks_subject else Role.OBJECT


def _asked_about(phrase: Phrase, asked: Question, reply: ShortReply | None) -> Iterator[_Mention]:
    """What a phrase of the question mentions, besides the subject: itself, and whoever owns it."""
    if phrase.role is Role.ASKED:
        if reply is None:
            yield _Mention(phrase.text, Role.ASKED, 0.5, False)
    elif phrase.role is Role.OBJECT:
        yield _Mention(_described(phrase, asked), Role.OBJECT, 1.0, bool(phrase.name))
    elif phrase.role is Role.ADJUNCT and (
        phrase.name or phrase.words[0].low in DETERMINERS
    ):  # but "on strike"
        yield _Mention(_described(phrase, asked), Role.ADJUNCT, 0.5, bool(phrase.name))
    for word in phrase.words[:-1]:
        if word.low.endswith(("'s", "s'")) and phrase.name:
            start = phrase.start if phrase.words[0].low == "the" else phrase.name[0]
            owner = re.sub(r"['’]s?$", "", asked.text[start : word.end])
            yield _Mention(owner, phrase.role, 0.4, True, owns=True)


def _says_something(phrase: Phrase) -> bool:
    first, last = phrase.words[0].low, phrase.words[-1].low
    if first in PERSONAL - POSSESSIVES:
        return False
    return bool(phrase.name) or (
        bool(content_stems(phrase.text)) and last not in PREDICATES and not is_done(last)
    )


def _described(phrase: Phrase, asked: Question) -> str:
    """The phrase with the place after it, "the blast at Dalmar", or the subject's name for "its", "Ford's
    vans".
    """
    first = phrase.words[0]
    after = next((each for each in asked.phrases if each.whole == phrase.end + 1), None)
    if (
        after
        and after.name
        and not (phrase.name or after.time)
        and after.preposition in PLACE_PREPOSITIONS | {"of"}
    ):
        return asked.text[phrase.start : after.end]
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

_OWNER = 3.0  # "its rival", after "the phone's price", is the phone's
_LAST_RESORT = 0.2  # "they" for one person
_SAME_PART = 1.2  # more than what a subject is ahead of an object by: "who makes it" asks about an object


def referent(
    pronoun: str,
    role: Role,
    turns: Sequence[Turn],
    genders: Mapping[str, str],
    *,
    near: int,
    skip: str = "",
    owns: bool = False,
    asks: bool = False,
) -> str | None:
    """What a pronoun in that role stands for, from the newest of the `near` last turns that has it.

    `genders`: of persons that a pronoun has stood for, by their names in small letters, "he" or "she". A
    mention in `skip` is passed over: what the same sentence names is not what its pronoun points to.
    `owns`: the pronoun is a possessive. `asks`: its question asks who does something to it.

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
            if not read(mention.text):
                continue  # a name of signs alone
            if pronoun in PLURAL and mention.does and _runs_a_firm(mention, turn):
                continue  # "Who opened Stellan Coffee?" "A duo.": "they" are the firm
            fit, text = _fit(pronoun, mention, turn, genders)
            if not fit or (skip and mention.text.casefold() in skip.casefold()):
                continue
            # "Who built it?" asks for somebody, so that "it" is rather what was built than who did.
            weight = 0.5 if mention.does and pronoun in THINGS else mention.weight
            if asks and mention.does and role is Role.OBJECT and pronoun in SINGULAR_PERSONS:
                weight = 2.0  # "Who sued him?" "Ann Lee." "And who defended him?"
            weight += _OWNER * (owns and mention.owns)
            score = fit if fit == _LAST_RESORT else fit + weight + _SAME_PART * (mention.role is role)
            if best is None or score > best[0]:
                best = score, text
        if best:
            return best[1]
    return None


def _runs_a_firm(mention: _Mention, turn: Turn) -> bool:
    """Whether it only describes who founded or runs something that has a name."""
    asked = parse(turn.question)
    verb = verb_forms().get(asked.verb.low) if asked.verb else None
    told = mention.named or read(mention.text)[0].low not in {"a", "an"}
    return not told and verb in _RUNNING and any(phrase.name for phrase in asked.about(Role.OBJECT))


_RUNNING = frozenset("found launch open own run start".split())


def _fit(pronoun: str, mention: _Mention, turn: Turn, genders: Mapping[str, str]) -> tuple[float, str]:
    """How well the mention agrees, 0 for not at all, and the words to put."""
    if pronoun in SINGULAR_PERSONS:
        return _fits_person(pronoun, mention, turn, genders)
    text = mention.text
    lows = {word.low.removesuffix("'s") for word in read(text)}
    body, plural, common = mention.body or _is_body(text), is_plural(text), read(text)[-1].text.islower()
    one_name = mention.named and len(lows - {"the"}) == 1  # "Rovers" can be one or many
    if pronoun in PLURAL:
        if mention.role is Role.ASKED and not plural:
            return 0, text
        return (2.5 if plural else 1.0 if body or one_name else _LAST_RESORT), text
    asked = parse(turn.question)
    person = (asked.verb is None and mention.role is Role.SUBJECT) or (mention.does and not body)
    if (
        (asked.wh in {"who", "whose"} and person)
        or text.casefold() in genders
        or (lows & OFFICES and not body)
    ):
        return 0, text
    if plural and not body and (common or lows & {"and", "the"}):
        return 0, text
    if mention.does:
        return 0.5, text
    thing = body or common or one_name or not mention.named or lows & {"a", "an", "the"}
    return (1.5 if thing else 1.0), text


def _is_body(text: str) -> bool:
    """Whether a phrase names or means an organisation or a place, as far as its words tell.

    >>> [_is_body(each) for each in ("Nordhavn Foods", "the council", "oil prices", "Iran")]
    [True, True, False, True]
    """
    said = read(text)
    named = {word.low.removesuffix("'s") for word in said if word.text[0].isupper()} | {said[-1].low}
    return bool(named & BODIES) or text.casefold().removeprefix("the ") in PLACES


def _fits_person(
    pronoun: str, mention: _Mention, turn: Turn, genders: Mapping[str, str]
) -> tuple[float, str]:
    text = mention.text
    office = bool({word.low for word in read(mention.whole or text)} & OFFICES)
    if office and mention.whole and (not mention.named or is_plural(mention.whole)):
        text = mention.whole
    if not _may_be(pronoun, text, mention, turn, genders):
        return 0, text
    told = {word.low for word in read(f"{turn.question} {turn.answer}")}
    asked = parse(turn.question)
    spoken_of = mention.role is Role.SUBJECT and bool(told & (MALE | FEMALE))
    if not mention.named:
        who_is = mention.role is Role.SUBJECT and asked.wh == "who" and asked.verb is None
        answers = mention.does and read(text)[0].low not in DETERMINERS  # "aoife brannigan"
        person = spoken_of or who_is or answers
        return (2.0 if office else 0.5 if person and not is_plural(text) else 0), text
    said = read(text)
    lows = {word.low.removesuffix("'s") for word in said}
    if office and said[-1].low in OFFICES:
        return 2.0, text  # "Iran's foreign minister"
    bare = _without_title(text)
    if lows & ((BODIES - TITLES) | CALENDAR) or bare.casefold() in PLACES:
        return 0, text
    capitals = [at for at, word in enumerate(said) if word.text[0].isupper()]
    if not capitals:
        return (0.5 if spoken_of else 0), text
    before = said[capitals[0] - 1].low if capitals[0] else ""
    # "the Aster", "The Lighthouse" and "the Lisbon train" are no persons; "the biologist Bo Xi" may be one.
    if capitals[-1] != len(said) - 1 or before in DETERMINERS or said[capitals[0]].low == "the":
        return 0, text
    if lows & DETERMINERS and before and not mention.does and before not in OFFICES:
        return 0, text  # "the ferry Aster"
    full, known = len(bare.split()) > 1, bare.casefold() in genders
    return 1.0 + full + known, text if lows & DETERMINERS else bare


def _may_be(pronoun: str, text: str, mention: _Mention, turn: Turn, genders: Mapping[str, str]) -> bool:
    """Whether nothing says that it is of the other gender, or several."""
    said = read(text)
    if any(word.low == "and" for word in said) or said[-1].low.endswith("'s") or _is_list(text):
        return False
    if is_plural(text) and not mention.named:
        return False
    if known := genders.get(_without_title(text).casefold()):
        return (known == "she") == (pronoun in FEMALE)
    told = {word.low for word in read(f"{turn.question} {turn.answer}")}
    man, woman = bool(told & MALE), bool(told & FEMALE)
    return mention.owns or man == woman or woman == (pronoun in FEMALE)


def _is_list(text: str) -> bool:
    """
    >>> _is_list("Ann Lee, Ida Bo"), _is_list("Ann Lee, Mayor of Varner"), _is_list("Ann Lee, a baker")
    (True, False, False)
    """
    parts = [read(part) for part in text.split(",")]
    return len(parts) > 1 and all(
        part and part[0].text[0].isupper() and not {word.low for word in part} & OFFICES for part in parts
    )


def _without_title(name: str) -> str:
    """
    >>> _without_title("Dr Ann Lee"), _without_title("Judge Okafor")
    ('Ann Lee', 'Judge Okafor')
    """
    said = read(name)
    first = next((at for at, word in enumerate(said) if word.low not in TITLES), len(said))
    return name[said[first].start :] if first < len(said) - 1 else name


# --- places and times --------------------------------------------------------------------------------------


def place_of(turns: Sequence[Turn], *, near: int) -> str | None:
    """The newest place, with its preposition: what "there" stands for.

    >>> place_of([Turn("Which town had the most snow?", "Kiruna.")], near=2)
    'in Kiruna'
    """
    for turn in reversed(turns[-near:]):
        if place := _answered_place(turn) or _told_place(turn) or _place_asked_about(parse(turn.question)):
            return place
    return None


def _answered_place(turn: Turn) -> str | None:
    asked, reply = parse(turn.question), reply_to(turn)
    subject = asked.about(Role.SUBJECT)
    if asked.wh == "where" and asked.verb is None and subject and subject[0].words[-1].low in SITES:
        return f"at {subject[0].text}"  # "Where is the museum?" "Who works there?"
    if not reply or reply.time:
        return None
    if asked.wh == "where":
        return reply.text if reply.preposition else f"in {reply.phrase}"
    sort = {word.low for phrase in asked.about(Role.ASKED) for word in phrase.words}
    if reply.preposition or not sort & (AREAS | SITES):
        return None
    return f"{'in' if sort & AREAS else 'at'} {reply.phrase}"


def _told_place(turn: Turn) -> str | None:
    """A place with its preposition, in the answer or the question."""
    for text in (opening_sentence(turn.answer), turn.question):
        said = read(text)
        for phrase in phrases(text, said, 0, len(said)):
            if phrase.preposition in PLACE_PREPOSITIONS | {"to"} and phrase.name and not phrase.time:
                return f"{'in' if phrase.preposition == 'to' else phrase.preposition} {phrase.text}"
    return None


def _place_asked_about(asked: Question) -> str | None:
    """A place that a question is about: "the Calder Museum", or "Oslo" after "reach"."""
    reached = asked.verb is not None and verb_forms().get(asked.verb.low) in MOTION_VERBS
    for phrase in asked.phrases:
        ends = {phrase.words[0].low, phrase.words[-1].low}
        if phrase.name and ends & (SITES | AREAS):
            return f"{'in' if ends & AREAS else 'at'} {phrase.text}"
        if phrase.name and reached and phrase.role is Role.OBJECT:
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
            return f"{reply.preposition or time_preposition(read(reply.phrase))} {reply.phrase}".strip()
        for text in (turn.question, opening_sentence(turn.answer)):
            said = read(text)
            for phrase in reversed(phrases(text, said, 0, len(said))):
                if phrase.time and _is_dated(phrase.words):
                    return text[phrase.whole : phrase.end]
    return None


def _is_dated(said: Sequence[Word]) -> bool:
    return any(
        word.low.casefold() in CALENDAR | {"last", "yesterday"} or word.low.isdecimal() for word in said
    )
