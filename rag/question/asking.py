"""A question asked again with another question phrase: "Why?", "By how much?", "Who else?", "How many
women?".
"""

from __future__ import annotations

from collections.abc import Sequence

from rag.english.lexicon import (
    BE,
    DETERMINERS,
    DO,
    PREPOSITIONS,
    QUESTION_WORDS,
    UNITS_OF_TIME,
    inflect,
    verb_forms,
)
from rag.question.parse import Question, parse
from rag.question.phrases import Phrase, Role, is_plural, read
from rag.question.talk import ShortReply

__all__ = ["asked_otherwise", "counted"]

_PLURAL_AUXILIARY = {"was": "were", "is": "are", "has": "have"}


def asked_otherwise(piece: str, earlier: Question, reply: ShortReply | None) -> str | None:
    """The earlier question with the piece for its question phrase. Its auxiliary and subject stay, or change
    places.

    `reply`: the short answer that the earlier question had, which may have to be its subject or object now.
    `None` where the piece asks for something that the earlier question can't.

    >>> asked_otherwise("where", parse("When was Ann Lee arrested?"), None)
    'Where was Ann Lee arrested'
    >>> asked_otherwise("why", parse("Did Ford recall cars?"), None)
    'Why did Ford recall cars'
    >>> asked_otherwise("when", parse("Who won the cup?"), ShortReply("", "Rovers", True, False))
    'When did Rovers win the cup'
    >>> asked_otherwise("who else", parse("Why did Ann Lee vote against the bypass?"), None)
    'Who else voted against the bypass'
    """
    said = read(piece)
    lows = [word.low for word in said]
    if lows == [word.low for word in earlier.asks]:
        return earlier.text
    if not earlier.auxiliary and not earlier.asks_subject:
        return None
    start = earlier.asks[0].start if earlier.asks else 0
    lead = earlier.text[:start]
    capital = earlier.text[:1].isupper() and not lead.strip()
    head = f"{piece[:1].upper() if capital else piece[:1].lower()}{piece[1:]}"
    if lows[-1] == "not" and earlier.subject and len(lows) > 1:  # "why not": the earlier question, denied
        denied = earlier.with_text(earlier.subject[1], earlier.subject[1], " not")
        return asked_otherwise(piece[: said[-2].end], parse(denied), reply)
    if lows[-2:] == ["how", "many"]:
        return _how_many(head, earlier)
    if lows[0] not in PREPOSITIONS:
        wh = next(low for low in lows if low in QUESTION_WORDS)
        if wh == "how" and (len(lows) > 2 or "many" in lows):
            return None
        if wh not in {"when", "where", "why", "how"} and lows[-1] != "time":
            return _else(head, wh, earlier) if lows[-1] == "else" else None
    clause = _clause(earlier, reply, lows)
    return f"{lead}{head} {clause[:1].lower()}{clause[1:]}" if clause else None


def counted(piece: str, earlier: Question) -> str | None:
    """Another thing counted in the same way; `None` where the earlier question counts nothing so.

    >>> counted("how many police", parse("How many civilians died in May?"))
    'How many police died in May'
    """
    said, noun = read(piece), _asked_noun(earlier)
    if noun is None or [word.low for word in earlier.asks[:2]] != [word.low for word in said[:2]]:
        return None
    return earlier.with_text(noun.start, noun.end, piece[said[2].start :])


def _asked_noun(earlier: Question) -> Phrase | None:
    return next(iter(earlier.about(Role.ASKED)), None)


def _is_adverbial(earlier: Question) -> bool:
    """Whether no subject or object is asked for: but "when", "how long", or yes or no."""
    if not earlier.asks or earlier.wh in {"when", "where", "why"}:
        return True
    degree = earlier.wh == "how" and _asked_noun(earlier) is None
    return degree or earlier.asks[0].low in PREPOSITIONS or earlier.asks[-1].low in {"time", *UNITS_OF_TIME}


def _clause(earlier: Question, reply: ShortReply | None, piece: Sequence[str]) -> str | None:
    """The earlier question from its auxiliary on, with a subject and an object."""
    if earlier.asks_subject:
        return _with_subject(earlier, reply)
    if _is_adverbial(earlier):
        return earlier.text[earlier.auxiliary.start :] if earlier.auxiliary else None
    return _with_object(earlier, reply, piece)


def _with_subject(earlier: Question, reply: ShortReply | None) -> str | None:
    """The clause of "who won the cup", with the answer for its subject: "did Rovers win the cup"."""
    noun, subject = _asked_noun(earlier), None
    if earlier.wh == "how" and noun:
        subject = noun.text
    elif reply and not reply.preposition and not reply.time:
        subject = reply.phrase
    auxiliary, verb = earlier.auxiliary, earlier.verb
    if not subject:
        return None
    several = is_plural(subject)
    if auxiliary:
        form = _PLURAL_AUXILIARY.get(auxiliary.low, auxiliary.low) if several else auxiliary.low
        return f"{form} {subject}{earlier.text[auxiliary.end :]}"
    if not verb or verb.low not in verb_forms():
        return None
    plain = verb_forms()[verb.low]
    third, past, _, _ = inflect(plain)
    present = verb.low in third or (verb.low == plain and several and plain not in past)
    helper = "did" if not present else "do" if several else "does"
    return f"{helper} {subject} {plain}{earlier.text[verb.end :]}"


def _with_object(earlier: Question, reply: ShortReply | None, piece: Sequence[str]) -> str | None:
    """The clause of "what did thieves steal", with the answer for its object: "did thieves steal cash"."""
    auxiliary, verb, noun = earlier.auxiliary, earlier.verb, _asked_noun(earlier)
    if not auxiliary or not earlier.subject:
        return None
    if verb is None:  # "Who is Ann Lee?" has her for its subject: "How old is Ann Lee?"
        asks_state = piece[0] == "where" or (piece[0] == "how" and len(piece) > 1)
        return earlier.text[auxiliary.start :] if asks_state and auxiliary.low in BE | {"'s"} else None
    known = reply.phrase if reply and not reply.preposition and not reply.time else None
    known = noun.text if earlier.wh == "how" and noun else known
    if known is None or verb.low in DO:
        return None
    last = earlier.words[-1]
    at = last.end if last.low in PREPOSITIONS else verb.end  # "what is he accused of"
    return earlier.with_text(at, at, f" {known}")[auxiliary.start :]


def _how_many(head: str, earlier: Question) -> str | None:
    """The things of a question for yes or no, counted.

    >>> _how_many("How many", parse("Did Ford recall cars?"))
    'How many cars did Ford recall'
    """
    auxiliary = earlier.auxiliary
    if earlier.asks or not auxiliary:
        return None
    for things in (*earlier.about(Role.SUBJECT)[:1], *earlier.about(Role.OBJECT)):
        first = things.words[0]
        some = first.low in {"any", "some"} and len(things.words) > 1
        if not is_plural(things.text) or things.name or (first.low in DETERMINERS and not some):
            continue
        if things.role is Role.SUBJECT and not some:
            continue
        noun = earlier.text[things.words[some].start : things.end]
        clause = f"{earlier.text[auxiliary.start : things.start].rstrip()}{earlier.text[things.end :]}"
        return f"{head} {noun} {clause[:1].lower()}{clause[1:]}"
    return None


def _else(head: str, wh: str, earlier: Question) -> str | None:
    """ "Who else", "what else": the same question, or the earlier one's verb with "who else" for its
    subject.
    """
    if wh == earlier.wh:
        end = next(word.end for word in earlier.asks if word.low == wh)
        return earlier.with_text(end, end, " else")
    auxiliary, verb = earlier.auxiliary, earlier.verb
    if wh != "who" or not earlier.subject or not auxiliary or not _is_adverbial(earlier):
        return None
    rest = earlier.text[earlier.subject[1] :]
    if auxiliary.low not in DO:
        return f"{head} {auxiliary.low}{rest}"
    if not verb:
        return None
    third, past, _, _ = inflect(verb.low)
    between = earlier.text[earlier.subject[1] : verb.start]  # "still", and spaces
    return f"{head}{between}{past[0] if auxiliary.low == 'did' else third[0]}{earlier.text[verb.end :]}"
