"""A piece of a question, put into the question before it: "And in May?", "What about Ford?", "Why?".

Each kind of piece has its own slot in the question before: a time that of a time, a name that of a name, a phrase with
a preposition that of the same preposition, a question word that of the question phrase. Where a piece has no slot,
the functions say so with `None`, and the caller falls back to what adds words without moving any.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag.english.conversation import BODIES, OPPOSITES, PLACE_PREPOSITIONS, TIME_PREPOSITIONS
from rag.english.lexicon import (
    BE,
    COUNTRIES,
    DETERMINERS,
    DO,
    MONTHS,
    PLACES,
    POSSESSIVES,
    PREPOSITIONS,
    QUESTION_WORDS,
    UNITS_OF_TIME,
    WEEKDAYS,
    inflect,
    verb_forms,
)
from rag.question.parse import Phrase, Question, Role, Word, is_plural, parse, phrases, read
from rag.question.referents import Reply, time_preposition

__all__ = ["asked_otherwise", "counted", "exchanged", "moved"]


# --- a question word ----------------------------------------------------------------------------------------------


def asked_otherwise(piece: str, earlier: Question, reply: Reply | None) -> str | None:
    """The earlier question with another question phrase: its auxiliary and subject stay, or change places.

    >>> asked_otherwise("where", parse("When was Ann Lee arrested?"), None)
    'Where was Ann Lee arrested'
    >>> asked_otherwise("why", parse("Did Ford recall cars?"), None)
    'Why did Ford recall cars'
    >>> asked_otherwise("when", parse("Who won the cup?"), Reply("", "Rovers", True, False))
    'When did Rovers win the cup'
    >>> asked_otherwise("who else", parse("Why did Ann Lee vote against the bypass?"), None)
    'Who else voted against the bypass'
    """
    said = read(piece)
    wh = next(word.low for word in said if word.low in QUESTION_WORDS)
    text = earlier.text
    if [word.low for word in said] == [word.low for word in earlier.asks]:
        return text
    if not earlier.auxiliary and not earlier.asks_subject:
        return None
    head = f"{piece[:1].upper() if text[:1].isupper() else piece[:1].lower()}{piece[1:]}"
    if [word.low for word in said][-2:] == ["how", "many"]:
        return _how_many(head, earlier)
    if said[-1].low == "not":  # "why not": the earlier question, denied
        denied = _denied(earlier)
        return asked_otherwise(piece[: said[-2].end], denied, reply) if denied and len(said) > 1 else None
    prepositional = said[0].low in PREPOSITIONS
    if ("many" in {word.low for word in said} and not prepositional) or (
        wh == "how" and len(said) > 2 and said[0].low == "how"
    ):
        return None
    if wh in {"who", "whom", "what", "which", "whose"} and said[-1].low != "time" and not prepositional:
        if said[-1].low != "else":
            return None
        if wh == earlier.wh and len(said) == 2:
            asker = next(word for word in earlier.asks if word.low == wh)
            return f"{text[: asker.end]} else{text[asker.end :]}"
        return _who_else(head, earlier) if wh == "who" else None
    start = earlier.asks[0].start if earlier.asks else 0
    lead = text[:start]
    if lead.strip():
        head = head[:1].lower() + head[1:]
    if earlier.asks_subject:
        rest = _with_subject(earlier, reply)
    elif _is_adverbial(earlier):
        rest = text[earlier.auxiliary.start :] if earlier.auxiliary else None
    else:
        rest = _with_object(earlier, reply, said)
    if rest is None:
        return None
    return f"{lead}{head} {rest if rest[:1].isupper() and not earlier.auxiliary else rest[:1].lower() + rest[1:]}"


def _denied(earlier: Question) -> Question | None:
    if not earlier.subject or not earlier.auxiliary:
        return None
    return parse(f"{earlier.text[: earlier.subject[1]]} not{earlier.text[earlier.subject[1] :]}")


def _how_many(head: str, earlier: Question) -> str | None:
    """The things of a question for yes or no, counted: "How many cars did Ford recall" for "Did Ford recall cars"."""
    subject = next(iter(earlier.about(Role.SUBJECT)), None)
    if subject and earlier.auxiliary and not earlier.asks and subject.words[0].low in {"any", "some"}:
        rest = earlier.text[subject.end :]
        return (
            f"{head} {subject.text[len(subject.words[0].text) + 1 :]} {earlier.auxiliary.text.lower()}{rest}"
        )
    things = next(
        (phrase for phrase in earlier.about(Role.OBJECT) if is_plural(phrase.text) and not phrase.name), None
    )
    if (
        earlier.asks
        or not things
        or not earlier.auxiliary
        or things.words[0].low in DETERMINERS - {"any", "some"}
    ):
        return None
    noun = things.text[things.words[0].low in {"any", "some"} and len(things.words[0].text) + 1 :]
    clause = f"{earlier.text[earlier.auxiliary.start : things.start].rstrip()}{earlier.text[things.end :]}"
    return f"{head} {noun} {clause[:1].lower()}{clause[1:]}"


def _is_adverbial(earlier: Question) -> bool:
    """Whether what is asked for is no subject or object: "when", "how long", or a question for yes or no."""
    degree = earlier.wh == "how" and not earlier.about(Role.ASKED)
    return (
        not earlier.asks
        or earlier.wh in {"when", "where", "why"}
        or degree
        or (earlier.asks[0].low in PREPOSITIONS or earlier.asks[-1].low in {"time", *UNITS_OF_TIME})
    )


def _who_else(head: str, earlier: Question) -> str | None:
    """Another subject is asked for: the verb takes the form that "who" needs."""
    auxiliary, verb = earlier.auxiliary, earlier.verb
    if not earlier.subject or not auxiliary or not _is_adverbial(earlier):
        return None
    rest = earlier.text[earlier.subject[1] :]
    low = auxiliary.low
    if low not in DO:
        return f"{head} {auxiliary.text.lower()}{rest}"
    if not verb:
        return None
    third, past, _, _ = inflect(verb.low)
    form = past[0] if low == "did" else third[0]
    return f"{head} {earlier.text[earlier.subject[1] : verb.start].strip()} {form}{earlier.text[verb.end :]}".replace(
        "  ", " "
    )


def _with_subject(earlier: Question, reply: Reply | None) -> str | None:
    """The clause of "who won the cup", with the answer for its subject: "did Rovers win the cup"."""
    noun = next(iter(earlier.about(Role.ASKED)), None)
    counted = earlier.wh == "how" and noun is not None
    subject = noun.text if counted and noun else reply.phrase if reply and not reply.preposition else None
    if not subject or (reply and reply.time and not counted):
        return None
    several = is_plural(subject)
    auxiliary, verb = earlier.auxiliary, earlier.verb
    if auxiliary:
        low = auxiliary.low
        if several:
            low = {"was": "were", "is": "are", "has": "have"}.get(low, low)
        return f"{low} {subject}{earlier.text[auxiliary.end :]}"
    if not verb or verb.low not in verb_forms():
        return None
    plain = verb_forms()[verb.low]
    past = verb.low != inflect(plain)[0][0] and not (
        verb.low == plain and several and plain not in inflect(plain)[1]
    )
    helper = "did" if past else "do" if several else "does"
    return f"{helper} {subject} {plain}{earlier.text[verb.end :]}"


def _with_object(earlier: Question, reply: Reply | None, said: Sequence[Word]) -> str | None:
    """The clause of "what did hackers steal", with the answer for its object: "did hackers steal passwords"."""
    auxiliary, verb = earlier.auxiliary, earlier.verb
    if not auxiliary or not earlier.subject:
        return None
    if verb is None:  # "Who is Ann Lee?" has her for its subject: "How old is Ann Lee?"
        asks_state = said[0].low == "where" or (said[0].low == "how" and len(said) > 1)
        return earlier.text[auxiliary.start :] if asks_state and auxiliary.low in BE | {"'s"} else None
    noun = next(iter(earlier.about(Role.ASKED)), None)
    known = reply.phrase if reply and not reply.preposition and not reply.time else None
    known = noun.text if earlier.wh == "how" and noun else known
    if known is None or verb.low in DO:
        return None
    stranded = earlier.words[-1].low in PREPOSITIONS
    at = earlier.words[-1].end if stranded else verb.end
    return f"{earlier.text[auxiliary.start : at]} {known}{earlier.text[at:]}"


def counted(piece: str, earlier: Question) -> str | None:
    """Another thing counted in the same way; `None` where the earlier question counts nothing so.

    >>> counted("how many police", parse("How many civilians died in May?"))
    'How many police died in May'
    """
    lows = [word.low for word in read(piece)]
    noun = next(iter(earlier.about(Role.ASKED)), None)
    if noun is None or [word.low for word in earlier.asks][:2] != lows[:2]:
        return None
    thing = piece[read(piece)[2].start :]
    return f"{earlier.text[: noun.start]}{thing}{earlier.text[noun.end :]}"


# --- a time or a place ----------------------------------------------------------------------------------------------


def moved(piece: Phrase, earlier: Question) -> str:
    """Another time or place, in the stead of the one that the earlier question gives in the same way; else behind it.

    >>> text = "in May"
    >>> moved(phrases(text, read(text), 0, 2)[0], parse("Who met in Oslo in April?"))
    'Who met in Oslo in May'
    >>> text = "after 2015"
    >>> moved(phrases(text, read(text), 0, 2)[0], parse("Who chaired the council before 2015?"))
    'Who chaired the council after 2015'
    """
    said = f"{piece.preposition} {piece.text}"
    slot = _place_slot(piece, earlier) if not piece.time else _time_slot(piece, earlier)
    if slot:
        if piece.time:
            return _dated(said, piece, slot, earlier)
        if slot.preposition and slot.preposition != "of":
            first = _first_of(slot, earlier)
            return f"{earlier.text[: first.whole]}{said}{earlier.text[slot.end :]}"
        return f"{earlier.text[: slot.start]}{piece.text}{earlier.text[slot.end :]}"
    return f"{earlier.text} {said}"


def _first_of(slot: Phrase, earlier: Question) -> Phrase:
    return slot


def _place_slot(piece: Phrase, earlier: Question) -> Phrase | None:
    untimed = [phrase for phrase in earlier.phrases if not phrase.time and phrase.role is not Role.ASKED]
    turned = {"before", "after"} if piece.preposition in {"before", "after"} else {piece.preposition}
    same = [phrase for phrase in untimed if phrase.preposition in turned]
    same = same or [phrase for phrase in untimed if phrase.preposition and phrase.text == piece.text]
    if same:
        return next((phrase for phrase in same if bool(phrase.name) == bool(piece.name)), same[-1])
    if piece.preposition not in PLACE_PREPOSITIONS or not piece.name:
        return None
    for phrase in untimed:  # "on the Borealis" for "in the sinking of the Aurora"
        if phrase.preposition in PLACE_PREPOSITIONS and phrase.name:
            return phrase
    for before, phrase in zip(earlier.phrases, earlier.phrases[1:], strict=False):
        if phrase.preposition == "of" and before.preposition in PLACE_PREPOSITIONS and phrase.name:
            return Phrase(
                earlier.text[before.start : phrase.end], before.start, phrase.end, before.preposition, before.whole,
                before.role, (*before.words, *phrase.words), phrase.name,
            )  # fmt: skip
    if piece.text.casefold() in COUNTRIES:  # "Has Portugal approved it?" "And in Chile?"
        return next((phrase for phrase in untimed if phrase.text.casefold() in COUNTRIES), None)
    return None


def _grain(said: Sequence[Word]) -> str:
    """How long a time is: that of a day, a month or a year; "" where it does not say."""
    lows = {word.low.casefold().removesuffix("s") for word in said} | {word.low.casefold() for word in said}
    if lows & {*WEEKDAYS, "yesterday", "today", "tomorrow", "tonight", "day", "night", "weekday", "weekend"}:
        return "day"
    if lows & {*MONTHS, "month", "spring", "summer", "autumn", "fall", "winter"}:
        return "month"
    if lows & {"year", "season", "decade", "century"} or any(
        re.fullmatch(r"(?:1[5-9]|20)\d\d", low) for low in lows
    ):
        return "year"
    return next((unit for unit in UNITS_OF_TIME if unit in lows), "")


def _time_slot(piece: Phrase, earlier: Question) -> Phrase | None:
    times = [phrase for phrase in earlier.phrases if phrase.time]
    grain = _grain(piece.words)
    same = [phrase for phrase in times if _grain(phrase.words) == grain]
    if same:
        return same[-1]
    alike = [phrase for phrase in times if phrase.preposition == piece.preposition]
    return alike[-1] if alike else (times[-1] if times and not piece.preposition else None)


def _dated(said: str, piece: Phrase, slot: Phrase, earlier: Question) -> str:
    """The new time in its slot. A month without a year keeps the slot's year: "in May 2023", "and in June?"."""
    year = slot.words[-1].text if slot.words[-1].low.isdecimal() and len(slot.words[-1].low) == 4 else ""
    if year and len(slot.words) > 1 and piece.words[-1].low.casefold() in MONTHS:
        said = f"{said} {year}"
    return f"{earlier.text[: slot.whole]}{said}{earlier.text[slot.end :]}"


def _timed(piece: Phrase, earlier: Question) -> str:
    """A bare time: "May?", "last year?", "the year before?".

    >>> text = "the year before"
    >>> _timed(phrases(text, read(text), 0, 3)[0], parse("Who won the cup in 2022?"))
    'Who won the cup in 2021'
    """
    slot = _time_slot(piece, earlier)
    if relative := _relative(piece, slot):
        assert slot is not None
        return f"{earlier.text[: slot.start]}{relative}{earlier.text[slot.end :]}"
    preposition = time_preposition(piece.words)
    if slot is None:
        return f"{earlier.text} {preposition} {piece.text}".replace("  ", " ")
    if slot.preposition in TIME_PREPOSITIONS and preposition and _grain(slot.words) == _grain(piece.words):
        return _dated(f"{slot.preposition} {piece.text}", piece, slot, earlier)
    return _dated(f"{preposition} {piece.text}".strip(), piece, slot, earlier)


def _relative(piece: Phrase, slot: Phrase | None) -> str | None:
    """A time told from another one: "the year before" for "last year" or "2022"."""
    match = re.fullmatch(
        rf"the (?:(?P<unit>{'|'.join(UNITS_OF_TIME)}|season) (?P<way>before|after|earlier|later)"
        rf"|(?P<back>previous|preceding|next|following) (?P<kind>{'|'.join(UNITS_OF_TIME)}|season))",
        piece.text,
        re.IGNORECASE,
    )
    if not match or not slot:
        return None
    unit = (match["unit"] or match["kind"]).casefold()
    back = (match["way"] or match["back"]).casefold() in {"before", "earlier", "previous", "preceding"}
    lows = [word.low.casefold() for word in slot.words]
    step = -1 if back else 1
    if unit in {"year", "season"} and lows[-1].isdecimal():
        return f"{slot.text[: -len(lows[-1])]}{int(lows[-1]) + step}"
    if unit == "month" and lows[-1] in MONTHS and 0 <= MONTHS.index(lows[-1]) + step < 12:
        return MONTHS[MONTHS.index(lows[-1]) + step].capitalize()
    if unit == "day" and lows[-1] in WEEKDAYS:
        return WEEKDAYS[(WEEKDAYS.index(lows[-1]) + step) % 7].capitalize()
    if lows == ["last", unit] and back:
        return f"the {unit} before last"
    if lows == ["last", unit]:
        return f"this {unit}"
    return None


# --- a name or a thing ----------------------------------------------------------------------------------------------


def exchanged(text: str, earlier: Question, *, opening: str) -> str | None:
    """The fragment's phrases, each in its slot of the earlier question; `None` unless each has one.

    `opening`: what stands before the fragment, in small letters: after "and" a name is rather a subject than after
    "what about".

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
    if len(pieces) > 1 and pieces[0].text.casefold() in {
        phrase.text.casefold() for phrase in earlier.phrases
    }:
        pieces = pieces[1:]  # "photos in the air" after "who takes photos"
    pieces = _joined(text, pieces, earlier)
    if (
        pieces[0].name is None
        and pieces[0].preposition == ""
        and any(pieces[0].words[at].named for at in range(1, len(pieces[0].words)))
    ):  # "the price of Tesla shares" says what it asks, but for the price of Ford shares
        alike = earlier.about(Role.SUBJECT)[:1]
        if (
            not alike
            or not earlier.subject
            or alike[0].words[-1].low not in {word.low for word in pieces[0].words[:2]}
        ):
            return None
        return f"{earlier.text[: earlier.subject[0]]}{pieces[0].text}{earlier.text[earlier.subject[1] :]}"
    owner = re.match(r"(.+?)['’]s?\s", pieces[0].text)
    for phrase in earlier.phrases if owner and not pieces[0].preposition else ():
        if owner and phrase.preposition == "of" and phrase.text == owner[1] and earlier.subject:
            if phrase.end <= earlier.subject[1]:  # "Varner's area" for "the population of Varner"
                return f"{earlier.text[: earlier.subject[0]]}{pieces[0].text}{earlier.text[earlier.subject[1] :]}"
        if owner and re.match(rf"{re.escape(owner[1])}['’]", phrase.text):
            return f"{earlier.text[: phrase.start]}{pieces[0].text}{earlier.text[phrase.end :]}"
    whole: str | None = earlier.text
    for index, piece in enumerate(pieces):
        now = parse(whole or "")
        if piece.time and not piece.preposition:
            whole = _timed(piece, now)
        elif piece.preposition:
            slot = _place_slot(piece, now) if not piece.time else _time_slot(piece, now)
            if not slot and index and not piece.time:
                return None
            whole = moved(piece, now)
        elif index:
            return None
        else:
            whole = _named(piece, now, opening)
        if whole is None:
            return None
    return whole


def _joined(text: str, pieces: list[Phrase], earlier: Question) -> list[Phrase]:
    """The pieces, those with "of" or a preposition that the earlier question lacks as one with what they follow."""
    found: list[Phrase] = []
    known = {phrase.preposition for phrase in earlier.phrases}
    for piece in pieces:
        belongs = piece.preposition == "of" or (
            piece.preposition and not piece.time and piece.preposition not in known
        )
        if found and belongs and not found[-1].time:
            first = found.pop()
            piece = Phrase(
                text[first.start : piece.end], first.start, piece.end, first.preposition, first.whole, first.role,
                (*first.words, *piece.words), first.name,
            )  # fmt: skip
        found.append(piece)
    return found


def _named(piece: Phrase, earlier: Question, opening: str) -> str | None:
    """A phrase without preposition in the slot of the phrase most like it."""
    text = earlier.text
    if span := _modifier(piece, earlier):
        return f"{text[: span[0]]}{span[2]}{text[span[1] :]}"
    proper = bool(piece.name) or piece.text[:1].isupper()
    noun = next(iter(earlier.about(Role.ASKED)), None)
    if not proper and noun and earlier.wh == "how" and piece.words[0].low not in DETERMINERS:
        return f"{text[: noun.start]}{piece.text}{text[noun.end :]}"
    best: tuple[float, tuple[int, int, str]] | None = None
    for phrase in earlier.phrases:
        if (
            phrase.time
            or phrase.role is Role.ASKED
            or phrase.words[0].low in {"he", "she", "it", "they", "you", "i", "me"}
        ):
            continue
        score, put = _likeness(piece, phrase, earlier, opening)
        if score > 0 and (best is None or score > best[0]):
            best = score, put
    if best is None:
        return None
    start, end, new = best[1]
    return f"{text[:start]}{new}{text[end:]}"


def _modifier(piece: Phrase, earlier: Question) -> tuple[int, int, str] | None:
    """Where a group takes the place of another: "females?" after "male bats"."""
    if len(piece.words) > 2 or (len(piece.words) == 2 and piece.words[0].low not in DETERMINERS):
        return None
    low = piece.words[-1].low
    word = next(
        (low[: len(low) - cut] for cut in (0, 1) if any(low[: len(low) - cut] in row for row in OPPOSITES)),
        None,
    )
    row = next((row for row in OPPOSITES if word in row), frozenset())
    for phrase in earlier.phrases:
        for said in phrase.words[:-1]:
            if said.low in row and word:
                return said.start, said.end, word
    for said in earlier.words if word else ():  # "who scored first?" "and last?"
        if said.low in row and not said.named:
            return said.start, said.end, word or ""
    return None


def _kind(phrase: str) -> str:
    """What sort of name it is, as far as its words tell: "place", "body", or "" if they do not."""
    lows = {word.low.removesuffix("'s") for word in read(phrase)}
    if phrase.casefold().removeprefix("the ") in PLACES:
        return "place"
    return "body" if lows & BODIES or "&" in lows else ""


def _likeness(
    piece: Phrase, slot: Phrase, earlier: Question, opening: str
) -> tuple[float, tuple[int, int, str]]:
    """How well the piece stands in the slot's place, 0 or less for not at all, and what to put where."""
    text = earlier.text
    owner = piece.words[-1].low.endswith(("'s", "s'"))
    proper = bool(piece.name) or piece.text[:1].isupper()
    lowercase = text.islower()
    whole = slot.start, slot.end, piece.text
    subject = 2.0 if slot.role is Role.SUBJECT else 0.0
    if slot.role is Role.SUBJECT and opening.startswith(("what", "how")):
        subject = 1.5
    heads = piece.words[-1].low == slot.words[-1].low or (
        len(piece.words) > 1
        and piece.words[0].low == slot.words[0].low
        and piece.words[0].low not in DETERMINERS
    )
    if heads and not owner and len(piece.words) > 1:
        return 6 + subject, whole
    if slot.name and (proper or lowercase or piece.text.casefold() in PLACES):
        start, end = slot.name
        inside = text[start:end]
        owns = re.search(r"['’]s?$|['’]s(?=\s)", inside)
        if owner:
            if not owns:
                return 0, whole
            return 5 + subject, (start, start + owns.end(), piece.text)
        kind, other = _kind(piece.text), _kind(inside)
        score = 1 + subject + 0.1 * (slot.role is Role.OBJECT)
        score += 1.0 if kind == other and (kind or len(read(inside)) == len(piece.words)) else 0
        score -= (
            2.0
            if kind != other and "place" in (kind, other)
            else 1.0
            if kind != other and opening != "and"
            else 0
        )
        fits = max(score, 0.1)
        bare = piece.words[0].low not in DETERMINERS and len(piece.words) == sum(
            piece.words[at].named or at == 0 for at in range(len(piece.words))
        )
        if owns:  # "Ann Lee's book": Bo Xi's
            mark = re.search(r"['’]s?$|['’]s(?=\s)", inside)
            at = start + (mark.start() if mark else 0)
            return fits, (start, at, piece.text)
        if (
            bare and end < slot.end and slot.words[0].low in DETERMINERS
        ):  # "the Varga council": the Ostmark council
            return fits, (start, end, piece.text)
        if bare and start > slot.start and slot.words[0].low in DETERMINERS:  # "the ferry Aster"
            return fits, (start, end, piece.text)
        return fits, whole
    if owner and not slot.name:  # "the captain's ship": the mate's
        mark = next((word.end for word in slot.words[:-1] if word.low.endswith(("'s", "s'"))), None)
        return (5.0 if mark else 0), (slot.start, mark or slot.end, piece.text)
    if slot.name or owner:
        head = [word for word in slot.words if slot.name and word.start >= slot.name[1]]
        fits = (
            head
            and not owner
            and piece.words[0].low not in DETERMINERS
            and is_plural(piece.text)
            and is_plural(slot.text)
        )
        return (1.5 + subject if fits else 0), (head[0].start if head else slot.start, slot.end, piece.text)
    if proper and not lowercase:  # "And Ford?" after "Why did prices fall?"
        return (0.2 if slot.role is Role.SUBJECT else 0), whole
    determined = slot.words[0].low in DETERMINERS
    alike = (
        is_plural(piece.text) == is_plural(slot.text) and (piece.words[0].low in DETERMINERS) == determined
    )
    if determined and slot.words[0].low in POSSESSIVES and piece.words[0].low not in DETERMINERS:
        alike = is_plural(piece.text) == is_plural(slot.text)
        whole = slot.words[1].start if len(slot.words) > 1 else slot.start, slot.end, piece.text
    if slot.role is Role.SUBJECT:
        return 2.0 if alike or lowercase else 0.8, whole
    score = 1.2 if slot.role is Role.OBJECT else 1.0
    return (score if alike or lowercase else 0), whole
