"""A piece of a question, put into the question before it: "And in May?", "What about Ford?", "And doctors in
2023?".

Each kind of piece has its own slot in the question before: a time that of a time, a name that of a name, a
phrase with a preposition that of the same preposition, "females" that of "male". Where a piece has no slot,
`None` says so, and the caller falls back to what adds words without moving any.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from rag.english.conversation import BODIES, OPPOSITES, PLACE_PREPOSITIONS, TIME_PREPOSITIONS
from rag.english.lexicon import (
    COUNTRIES,
    DETERMINERS,
    MONTHS,
    NAME_HEADS,
    PERSONAL,
    PLACES,
    POSSESSIVES,
    PREPOSITIONS,
    TITLES,
    UNITS_OF_TIME,
    WEEKDAYS,
)
from rag.question.parse import Question, parse
from rag.question.phrases import Phrase, Role, Word, is_done, is_plural, phrases, read
from rag.question.talk import time_preposition

__all__ = ["exchanged", "moved"]

_Put = tuple[int, int, str]  # a stretch of the earlier question, and what comes in its place


def exchanged(text: str, earlier: Question, *, opening: str) -> str | None:
    """The fragment's phrases, each in its slot of the earlier question; `None` unless each has one.

    `opening`: what stands before the fragment, in small letters: after "and" a name is rather a subject than
    after "what about".

    >>> exchanged("Ford", parse("Why did Tesla recall cars?"), opening="and")
    'Why did Ford recall cars'
    >>> exchanged("the Harbour Shield in 2020", parse("Who won the Tamsin Cup in 2022?"), opening="and")
    'Who won the Harbour Shield in 2020'
    >>> exchanged("oil", parse("Why did Iran strike Pakistan?"), opening="and") is None
    True
    """
    said = read(text)
    pieces = phrases(text, said, 0, len(said))
    if not pieces or not earlier.structured:
        return None
    known = {phrase.text.casefold() for phrase in earlier.phrases}
    if len(pieces) > 1 and pieces[0].text.casefold() in known:
        pieces = pieces[1:]  # "photos in the air" after "who takes photos"
    pieces = _joined(text, pieces, earlier)
    first = pieces[0]
    if not first.preposition and (put := _with_its_name(first, earlier)):
        return earlier.with_text(*put)
    if first.name and any(word.low in PREPOSITIONS and word.end <= first.name[0] for word in first.words):
        return None  # "the goal of the Selene mission" says what it asks about
    whole = earlier.text
    for index, piece in enumerate(pieces):
        now = parse(whole)
        if piece.preposition:
            if index and not piece.time and not _place_slot(piece, now):
                return None
            whole = moved(piece, now)
        elif piece.time:
            whole = _timed(piece, now)
        elif index or not (put := _slot(piece, now, opening)):
            return None
        else:
            whole = now.with_text(*put)
    return whole


def _joined(text: str, pieces: Sequence[Phrase], earlier: Question) -> list[Phrase]:
    """The pieces, and as one with what it follows each that has "of", or a preposition that the question
    lacks.
    """
    found: list[Phrase] = []
    known = {phrase.preposition for phrase in earlier.phrases}
    for piece in pieces:
        belongs = piece.preposition == "of" or not (piece.time or {piece.preposition} & {"", *known})
        if found and belongs and not found[-1].time:
            head = found.pop()
            of = tuple(word for word in read(text) if piece.whole <= word.start < piece.start)
            words = (*head.words, *of, *piece.words)
            whole = text[head.start : piece.end]
            piece = replace(head, text=whole, end=piece.end, words=words, name=head.name or piece.name)
        found.append(piece)
    return found


def _with_its_name(piece: Phrase, earlier: Question) -> _Put | None:
    """A piece that has a name of the question in it, or another name with the same noun: "Varner's area" for
    "the population of Varner", "the price of oil shares" for "the price of Ford shares".
    """
    owner = re.match(r"(.+?)['’]s?\s", piece.text)
    for phrase in earlier.phrases if owner else ():
        if owner and (owned := re.match(rf"{re.escape(owner[1])}['’]s?", phrase.text)):
            mate = piece.words[-1].low.endswith(("'s", "s'"))  # "Ann Lee's rival's", of the same thing
            return phrase.start, phrase.start + owned.end() if mate else phrase.end, piece.text
        within = earlier.subject and phrase.end <= earlier.subject[1]
        if owner and within and phrase.preposition == "of" and phrase.text == owner[1]:
            return (*(earlier.subject or (0, 0)), piece.text)
    of = next((at for at, word in enumerate(piece.words) if word.low == "of"), 0)
    subject = earlier.about(Role.SUBJECT)
    if (
        of
        and piece.name
        and subject
        and earlier.subject
        and subject[0].words[-1].low == piece.words[of - 1].low
    ):
        return (*earlier.subject, piece.text)
    return None


# --- a time or a place -------------------------------------------------------------------------------------


def moved(piece: Phrase, earlier: Question) -> str:
    """Another time or place, for the one that the earlier question gives in the same way; else behind it.

    >>> def in_place_of(text: str, earlier: str) -> str:
    ...     return moved(phrases(text, read(text), 0, len(read(text)))[0], parse(earlier))
    >>> in_place_of("in May", "Who met in Oslo in April?"), in_place_of("after 2015", "Who left before 2015?")
    ('Who met in Oslo in May', 'Who left after 2015')
    """
    said = f"{piece.preposition} {piece.text}"
    if piece.time:
        time = _time_slot(piece, earlier)
        return _dated(said, piece, time, earlier) if time else f"{earlier.text} {said}"
    place = _place_slot(piece, earlier)
    if place is None:
        return f"{earlier.text} {said}"
    if place.preposition in {"", "of"}:
        return earlier.with_text(place.start, place.end, piece.text)
    return earlier.with_text(place.whole, place.end, said)


def _place_slot(piece: Phrase, earlier: Question) -> Phrase | None:
    """The phrase with the same preposition; for a place another place, as "on the Borealis" for "in Oslo"."""
    untimed = [phrase for phrase in earlier.phrases if not phrase.time and phrase.role is not Role.ASKED]
    alike = {"before", "after"} if piece.preposition in {"before", "after"} else {piece.preposition}
    same = [phrase for phrase in untimed if phrase.preposition in alike]
    same = same or [phrase for phrase in untimed if phrase.preposition and phrase.text == piece.text]
    if same:
        return next((phrase for phrase in same if bool(phrase.name) == bool(piece.name)), same[-1])
    if piece.preposition not in PLACE_PREPOSITIONS or not piece.name:
        return None
    for before, phrase in zip([None, *untimed], untimed, strict=False):
        if phrase.name and phrase.preposition in PLACE_PREPOSITIONS:
            return phrase
        if phrase.name and phrase.preposition == "of" and before and before.preposition in PLACE_PREPOSITIONS:
            return replace(before, end=phrase.end, name=phrase.name)  # "in the sinking of the Aurora"
    if piece.text.casefold() in COUNTRIES:  # "Has Portugal approved it?" "And in Chile?"
        return next((phrase for phrase in untimed if phrase.text.casefold() in COUNTRIES), None)
    return None


_GRAINS = {
    "day": {*WEEKDAYS, "yesterday", "today", "tomorrow", "tonight", "day", "night", "weekday", "weekend"},
    "month": {*MONTHS, "month", "spring", "summer", "autumn", "fall", "winter"},
    "year": {"year", "season", "decade", "century"},
}


def _grain(said: Sequence[Word]) -> str:
    """How long a time is: "day", "month", "year", or another unit; "" where it does not say."""
    lows = {form for word in said for form in (word.low.casefold(), word.low.casefold().removesuffix("s"))}
    if grain := next((grain for grain, words in _GRAINS.items() if lows & words), ""):
        return grain
    if any(re.fullmatch(r"(?:1[5-9]|20)\d\d", low) for low in lows):
        return "year"
    return next((unit for unit in UNITS_OF_TIME if unit in lows), "")


def _time_slot(piece: Phrase, earlier: Question) -> Phrase | None:
    times = [phrase for phrase in earlier.phrases if phrase.time]
    same = [phrase for phrase in times if _grain(phrase.words) == _grain(piece.words)]
    same = same or [
        phrase for phrase in times if not piece.preposition or phrase.preposition == piece.preposition
    ]
    return same[-1] if same else None


def _dated(said: str, piece: Phrase, slot: Phrase, earlier: Question) -> str:
    """The new time in its slot. A month alone keeps the slot's year: "in May 2023", "and in June?"."""
    year = slot.words[-1].text
    if re.fullmatch(r"\d{4}", year) and len(slot.words) > 1 and piece.words[-1].low.casefold() in MONTHS:
        said = f"{said} {year}"
    return earlier.with_text(slot.whole, slot.end, said)


def _timed(piece: Phrase, earlier: Question) -> str:
    """A bare time: "May?", "last year?", "the year before?".

    >>> text = "the year before"
    >>> _timed(phrases(text, read(text), 0, 3)[0], parse("Who won the cup in 2022?"))
    'Who won the cup in 2021'
    """
    slot = _time_slot(piece, earlier)
    preposition = time_preposition(piece.words)
    if slot is None:
        return " ".join(part for part in (earlier.text, preposition, piece.text) if part)
    if relative := _relative(piece, slot):
        return earlier.with_text(slot.start, slot.end, relative)
    if slot.preposition in TIME_PREPOSITIONS and preposition and _grain(slot.words) == _grain(piece.words):
        preposition = slot.preposition
    return _dated(f"{preposition} {piece.text}".strip(), piece, slot, earlier)


_RELATIVE = re.compile(
    rf"the (?:(?P<unit>{'|'.join(UNITS_OF_TIME)}|season) (?P<way>before|after|earlier|later)"
    rf"|(?P<side>previous|preceding|next|following) (?P<kind>{'|'.join(UNITS_OF_TIME)}|season))",
    re.IGNORECASE,
)


def _relative(piece: Phrase, slot: Phrase) -> str | None:
    """A time told from another one: "the year before" for "last year" or "2022"."""
    match = _RELATIVE.fullmatch(piece.text)
    if not match:
        return None
    unit = (match["unit"] or match["kind"]).casefold()
    step = (
        -1
        if (match["way"] or match["side"]).casefold() in {"before", "earlier", "previous", "preceding"}
        else 1
    )
    lows = [word.low.casefold() for word in slot.words]
    last = lows[-1]
    if unit in {"year", "season"} and last.isdecimal():
        return f"{slot.text[: -len(last)]}{int(last) + step}"
    if unit == "month" and last in MONTHS and 0 <= MONTHS.index(last) + step < len(MONTHS):
        return MONTHS[MONTHS.index(last) + step].capitalize()
    if unit == "day" and last in WEEKDAYS:
        return WEEKDAYS[(WEEKDAYS.index(last) + step) % len(WEEKDAYS)].capitalize()
    if lows == ["yesterday"] and unit == "day" and step < 0:
        return "the day before yesterday"
    if lows == ["last", unit]:
        return f"the {unit} before last" if step < 0 else f"this {unit}"
    return None


# --- a name or a thing -------------------------------------------------------------------------------------


def _slot(piece: Phrase, earlier: Question, opening: str) -> _Put | None:
    """Where a phrase without a preposition goes: in the place of the phrase most like it."""
    if put := _opposite(piece, earlier):
        return put
    verb = earlier.verb
    if verb and is_done(verb.low) and len(piece.words) == 1 and is_done(piece.words[0].low):
        return verb.start, verb.end, piece.text  # "how many were hurt?" "and killed?"
    noun = next(iter(earlier.about(Role.ASKED)), None)
    if not _is_proper(piece) and noun and earlier.wh == "how" and piece.words[0].low not in DETERMINERS:
        return noun.start, noun.end, piece.text
    best: tuple[float, _Put] | None = None
    for phrase in earlier.phrases:
        if phrase.time or phrase.role is Role.ASKED or phrase.words[0].low in PERSONAL - POSSESSIVES:
            continue
        score, put = _likeness(piece, phrase, earlier, opening)
        if score > 0 and (best is None or score > best[0]):
            best = score, put
    return best[1] if best else None


def _opposite(piece: Phrase, earlier: Question) -> _Put | None:
    """Where a group takes the place of another: "females?" after "male bats", "and last?" after "who came
    first".
    """
    said = piece.words[:-1] if piece.words[-1].low in {"one", "ones"} else piece.words
    if not said or len(said) > 2 or (len(said) == 2 and said[0].low not in DETERMINERS):
        return None
    low = said[-1].low
    for new in (low, low.removesuffix("s")):
        row = next((row for row in OPPOSITES if new in row), frozenset[str]())
        for word in earlier.words:
            if word.low in row and not word.named:
                return word.start, word.end, new
    return None


def _is_proper(piece: Phrase) -> bool:
    return bool(piece.name) or piece.text[:1].isupper()


def _likeness(piece: Phrase, slot: Phrase, earlier: Question, opening: str) -> tuple[float, _Put]:
    """How well the piece stands in the slot's place, 0 or less for not at all, and what to put where.

    The same noun decides ("the Madrid train" for "the Lisbon train"), then an owner for an owner, a name for
    a name of its kind, a common noun for one of the same number and article. The subject is asked about
    rather than others.
    """
    whole = slot.start, slot.end, piece.text
    subject = 0.0 if slot.role is not Role.SUBJECT else 2.0 if opening == "and" or not opening else 1.5
    first, last = piece.words[0].low, piece.words[-1].low
    same_first = first == slot.words[0].low and first not in DETERMINERS  # "Cyclone Olu" for "Cyclone Petra"
    if last.endswith(("'s", "s'")):
        return _owner(piece, slot, subject)
    if len(piece.words) > 1 and (last == slot.words[-1].low or same_first):
        return 6 + subject, whole
    lowercase = earlier.text.islower()  # names are not known from other words then
    if slot.name and (_is_proper(piece) or lowercase or piece.text.casefold() in PLACES):
        return _name_for_name(piece, slot, slot.name, earlier, opening, subject)
    if slot.name:  # "Chilean nurses": Chilean doctors
        nouns = [word for word in slot.words if word.start >= (slot.name or (0, 0))[1]]
        several = is_plural(piece.text) and is_plural(slot.text) and first not in DETERMINERS
        return (1.5 + subject, (nouns[0].start, slot.end, piece.text)) if nouns and several else (0, whole)
    if _is_proper(piece) and not lowercase:  # "And Ford?" after "Why did prices fall?"
        return (0.2 if subject else 0), whole
    alike = is_plural(piece.text) == is_plural(slot.text)
    if slot.words[0].low in POSSESSIVES and first not in DETERMINERS and len(slot.words) > 1:
        whole = slot.words[1].start, slot.end, piece.text  # "its vans": its trucks
    else:
        alike = alike and (first in DETERMINERS) == (slot.words[0].low in DETERMINERS)
    if (
        slot.preposition in PLACE_PREPOSITIONS
        and not is_plural(slot.text)
        and slot.words[0].low not in DETERMINERS
    ):
        return 0, whole  # "on strike"
    if subject:
        return (2.0 if alike or lowercase else 0.8), whole
    return (1.2 if slot.role is Role.OBJECT else 1.0) * (alike or lowercase), whole


def _owner(piece: Phrase, slot: Phrase, subject: float) -> tuple[float, _Put]:
    """An owner for an owner: "Bo Xi's" for "Ann Lee's" in "Ann Lee's book"."""
    for word in slot.words:
        if word.low.endswith(("'s", "s'")):
            start = slot.name[0] if slot.name and slot.name[0] < word.end <= slot.name[1] + 2 else slot.start
            return 5 + subject, (start, word.end, piece.text)
    return 0, (slot.start, slot.end, piece.text)


def _name_for_name(
    piece: Phrase,
    slot: Phrase,
    name: tuple[int, int],
    earlier: Question,
    opening: str,
    subject: float,
) -> tuple[float, _Put]:
    inside = earlier.text[slice(*name)]
    kind, other = _kind(piece.text), _kind(inside)
    score = 1 + subject + 0.1 * (slot.role is Role.OBJECT)
    if kind != other:
        score -= (
            2.0 if "place" in (kind, other) else 0.0 if opening == "and" and "body" in (kind, other) else 1.0
        )
    elif kind or len(read(inside)) == len(piece.words):
        score += 1.0
    score = max(score, 0.1)  # the only name there is will do
    owned = re.search(r"['’]s?$|['’]s(?=\s)", inside + earlier.text[name[1] : name[1] + 2])
    if owned:  # "Ann Lee's book": Bo Xi's book
        return score, (name[0], name[0] + owned.start(), piece.text)
    bare = (
        all(word.named or not at for at, word in enumerate(piece.words))
        and piece.words[0].low not in DETERMINERS
    )
    part = name[0] > slot.start or name[1] < slot.end
    if (
        bare and part and slot.words[0].low in DETERMINERS
    ):  # "the Varna council", "the ferry Aster": its name alone
        return score, (*name, piece.text)
    return score, (slot.start, slot.end, piece.text)


def _kind(name: str) -> str:
    """What sort of name it is, as far as its words tell: "place", "body", "title", such as "storm",
    or "" if they do not.
    """
    if name.casefold().removeprefix("the ") in PLACES:
        return "place"
    if name.split()[0].rstrip(".").casefold() in TITLES:
        return "title"
    heads = {word.low for word in read(name)} & (NAME_HEADS - BODIES)
    if heads:  # "Storm Ada", "Lake Tessel"
        return min(heads)
    return "body" if {word.low.removesuffix("'s") for word in read(name)} & (BODIES | {"&"}) else ""
