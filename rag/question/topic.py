"""What was spoken of, put behind a question in brackets, where no single word stands for it: "who explained
the decision?", "what did that strike hit?", "how many were hurt?".
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from rag.english.conversation import EVENT_NOUNS, PLACE_PREPOSITIONS
from rag.english.lexicon import (
    AUXILIARIES,
    DETERMINERS,
    PERSONS,
    PLURAL,
    POSSESSIVES,
    PREPOSITIONS,
    QUESTION_WORDS,
    SINGULAR_PERSONS,
    STOPWORDS,
    THINGS,
    TIME_WORDS,
    alternation,
    verb_forms,
)
from rag.english.normalise import content_stems, words
from rag.english.numbers import numbers
from rag.english.sentences import sentences
from rag.question.parse import Role, Word, bare, has_name, is_done, is_plural, parse, past_form, phrases, read
from rag.question.referents import (
    LONGEST_FRAGMENT,
    LONGEST_TOPIC,
    POINTING_WORDS,
    Talk,
    names,
    opening_sentence,
    reply_to,
)
from rag.types import Turn

__all__ = ["headed", "is_bare_count", "lowered", "noted", "pointed", "reminded"]


_BARE_COUNT = re.compile(
    r"\W*(?:and )?(?:how (?:many|much) (?:of them )?(?:is|are|was|were|did|do|have|has|had)(?: [\w’'-]+){1,2}"
    r"|what happen(?:ed|s)(?: next| after(?:wards)?| then| in the end)?)\W*$",
    re.IGNORECASE,
)


def is_bare_count(question: str) -> bool:
    """Whether it only counts, or asks what happened: "how many were there?", "what happened next?"."""
    return bool(_BARE_COUNT.match(question))


def pointed(question: str, talk: Talk) -> str | None:
    """A question with "that", "this strike" or "those firms" in it, with what that points to.

    >>> pointed("What did that strike hit?", Talk([Turn("Why did Iran strike Pakistan?", "")]))
    'What did that strike hit (Iran strike Pakistan)?'
    >>> pointed("Have those villages been rebuilt?", Talk([Turn("Which villages did the Lenna flood?", "Osk and Brell.")]))
    'Have those villages (Osk and Brell) been rebuilt?'
    """
    if len(words(question)) > LONGEST_TOPIC:
        return None
    for match in re.finditer(r"\b(?:this|that|these|those)\b", question, re.IGNORECASE):
        before, after = question[: match.start()], question[match.end() :]
        said = read(after)
        follows = said[0].low if said else ""
        if match.group().casefold() == "that" and not _points(before, after):
            continue
        if follows.removesuffix("'s") in TIME_WORDS | {"who", "that"} or has_name(read(f"x{after}")):
            continue
        noun = _noun_after(question, match.end())
        if len(noun) > 2:  # "this deep impact program" says which
            continue
        if noun and (answered := _answer(noun[-1].low, talk)):
            return f"{question[: noun[-1].end]} ({answered}){question[noun[-1].end :]}"
        return reminded(question, talk) or noted(question, talk.turns[-1])
    return None


def _answer(noun: str, talk: Talk) -> str | None:
    """What a near turn answered when it asked which such thing: "Tetra Pharma" for "firm"."""
    for turn in reversed(talk.near):
        reply = reply_to(turn)
        sort = {phrase.words[-1].low for phrase in parse(turn.question).about(Role.ASKED)}
        if reply and reply.named and noun in sort and not reply.preposition:
            return reply.phrase
    return None


def _points(before: str, after: str) -> bool:
    """Whether "that" points, rather than opening a clause.

    >>> _points("Who said ", ""), _points("Who said ", " iran fell?"), _points("Who discovered ", " theft?")
    (True, False, True)
    """
    said = read(after)
    previous = set(words(before)[-1:])
    if not said or previous <= STOPWORDS - {"so"}:
        return True
    found = phrases(after, said, 0, len(said))
    alone = len(said) == 1 or (found and found[0].start == said[0].start and said[len(found[0].words) :][:1])
    rest = said[1:] if alone else ()
    plain = said[0].low not in STOPWORDS and not is_plural(said[0].text) and said[0].text.islower()
    return (
        plain
        and (len(said) == 1 or bool(rest and rest[0].low in PREPOSITIONS))
        and not past_form(said[0].low)
    )


def _noun_after(question: str, at: int) -> tuple[Word, ...]:
    said = tuple(word for word in read(question) if word.start >= at)
    found = phrases(question, said, 0, len(said))
    if not found or found[0].whole != said[0].start or found[0].preposition:
        return ()
    noun = found[0].words
    return noun[:-1] if len(noun) > 1 and is_done(noun[-1].low) else noun


def reminded(question: str, talk: Talk) -> str | None:
    """A question that names nothing, with what was spoken of.

    >>> reminded("how many were killed?", Talk([Turn("when did pakistan strike", "")]))
    'how many were killed (pakistan strike)?'
    >>> reminded("What does the group want?", Talk([Turn("Who struck?", "The militant group Jaish al-Adl.")]))
    'What does the group want (militant group Jaish al-Adl)?'
    """
    if has_name(read(question)) or len(words(question)) > LONGEST_TOPIC:
        return None
    listed = reply_to(talk.turns[-1])
    if (
        parse(question).wh == "which"
        and not any(phrase.preposition for phrase in parse(question).phrases)
        and listed
        and is_plural(listed.phrase)
    ):
        return _added(question, listed.phrase)
    for noun, qualities in _definite(question):
        if not qualities and (answered := _answer(noun, talk)):
            return _added(question, answered)
        for turn in reversed(talk.near):
            mention = _mention(noun, turn)
            if mention and set(qualities) <= set(words(mention)):
                return _added(question, mention)
        if noun in EVENT_NOUNS or noun.removesuffix("s") in EVENT_NOUNS:
            return noted(question, talk.turns[-1])
    if is_bare_count(question) or _is_bare_event(question):
        return noted(question, talk.turns[-1])
    return None


def _definite(question: str) -> Iterator[tuple[str, list[str]]]:
    """What may be a noun after "the", "that" or "these", with what stands before it; none where the question
    says which.

    >>> list(_definite("Who paid for the last attack?")), list(_definite("Who paid for the attack on Iran?"))
    ([('attack', ['last']), ('last', [])], [])
    """
    for match in re.finditer(r"\b(?:the|this|that|these|those)\s+", question, re.IGNORECASE):
        noun = _noun_after(question, match.end())
        said = [word.low for word in noun]
        after = words(question[noun[-1].end :])[:1] if noun else []
        told = after and after[0] in PREPOSITIONS | QUESTION_WORDS | DETERMINERS
        if not 1 <= len(said) <= 3 or set(said) & TIME_WORDS or told:
            continue
        yield said[-1], said[:-1]
        if len(said) > 1 and said[-1] in verb_forms():
            yield said[-2], said[:-2]


def _mention(noun: str, turn: Turn) -> str | None:
    """The noun with the name it was given, if it was.

    >>> _mention("group", Turn("Who struck?", "Iran hit the militant group Jaish al-Adl in May."))
    'militant group Jaish al-Adl'
    """
    for text in (turn.answer, turn.question):
        said = read(text)
        for phrase in phrases(text, said, 0, len(said)):
            at = next((at for at, word in enumerate(phrase.words) if word.low == noun), None)
            if at is None:
                continue
            kept = phrase.words[max(at - 3, next((i + 1 for i in range(at) if _stops(phrase.words[i])), 0)) :]
            if len(kept) <= LONGEST_FRAGMENT and has_name((*kept[:1], *kept)):
                return text[kept[0].start : kept[-1].end]
    return None


def _stops(word: Word) -> bool:
    return word.low in DETERMINERS or past_form(word.low)


def _is_bare_event(question: str) -> bool:
    """Whether it only says that something was done: "who was killed?", "was anyone hurt?"."""
    stems = content_stems(re.sub(r"\b(?:any|some)(?:one|body|thing)\b", "", question, flags=re.IGNORECASE))
    said = read(question)
    if not said or {word.low for word in said} & POINTING_WORDS:
        return False
    if (
        len(said) <= 6
        and said[0].low == "how"
        and said[2:]
        and said[2].low in PERSONS
        and parse(question).auxiliary
    ):
        return (
            is_done(said[-1].low) or said[-1].low in PREPOSITIONS | PLACE_PREPOSITIONS
        )  # "how many people were hurt", "… aboard"
    return len(stems) == 1 and len(said) <= 4 and is_done(said[-1].low)


def noted(question: str, turn: Turn) -> str:
    topic = _topic(turn)
    return _added(question, topic) if topic else question


def _added(question: str, topic: str) -> str:
    if set(content_stems(topic)) <= set(content_stems(question)):
        return question
    body = question.rstrip()
    end = body[len(body.rstrip("?!. ")) :].strip()
    return f"{body.rstrip('?!. ')} ({topic}){end}"


def _topic(turn: Turn) -> str | None:
    """What a turn is about: its question without the words of asking, and the first name that answers it.

    >>> _topic(Turn("Who struck first?", "Iran did.")), _topic(Turn("How long is the border of Iran?", ""))
    ('Iran struck first', 'the border of Iran')
    """
    spans = sentences(turn.question)
    asked = turn.question[spans[-1][0] : spans[-1][1]] if spans else ""
    if inner := re.search(r"\(([^()]+)\)\W*$", asked):
        return inner[1]
    asked = bare(asked)
    told = bare(opening_sentence(turn.answer))
    reply = reply_to(turn)
    read_ = parse(asked)
    clause = read_.auxiliary or read_.verb
    if reply and reply.named and read_.asks_subject and clause and not reply.time:
        topic = f"{reply.phrase} {read_.text[clause.start :]}"
        return topic if len(topic.split()) <= LONGEST_TOPIC else None
    if not reply and _repeats(told, _unasked(asked)):
        return lowered(told)  # it says what the question says, and more
    answered = [
        name for name in names(opening_sentence(turn.answer)) if name.casefold() not in set(words(asked))
    ]
    rest = _unasked(asked)
    wh = parse(asked).wh
    if wh in {"who", "whom"} and answered:
        topic = f"{answered[0]} {rest}"
    elif wh in {"what", "which", "where"} and answered and answered[0].casefold() not in asked.casefold():
        topic = f"{rest}, {answered[0]}"
    else:
        topic = rest
    return topic if topic and len(topic.split()) <= LONGEST_TOPIC else None


def _repeats(told: str, asked: str) -> bool:
    """Whether an answer has the question's names and half of its words, is short, and needs nothing
    explained itself.

    >>> _repeats("The US sanctioned three firms", "firms the US sanction"), _repeats("Nine were killed", "killed in Iran")
    (True, False)
    """
    wanted, had = set(content_stems(asked)), set(content_stems(told))
    pronouns = SINGULAR_PERSONS | THINGS | PLURAL
    if not wanted or len(told.split()) > LONGEST_TOPIC or set(words(told)) & (pronouns - POSSESSIVES):
        return False
    if not set(names(f"x {asked}")) <= set(names(f"x {told}")):
        return False
    return 2 * len(wanted & had) >= len(wanted)


_ASKING = re.compile(
    r"^\W*(?:(?:can|could) you |please |do you know )*(?:tell me |know |name |list |describe )?(?:more )?(?:about )?"
    r"(?:how (?:many|much|long|old|often|far|big)\b|(?:what|which|who|whom|when|where|why|how)\b)?\s*(?:about\s+)?",
    re.IGNORECASE,
)


def _unasked(asked: str) -> str:
    """A question less the words that only ask.

    >>> _unasked("How many firms did the US sanction"), _unasked("Can you tell me when the song was released")
    ('firms the US sanction', 'the song was released')
    """
    asked = _ASKING.sub("", asked)
    auxiliary = alternation(AUXILIARIES)
    asked = re.sub(rf"^(?:{auxiliary})\s+", "", asked, flags=re.IGNORECASE)
    asked = re.sub(r"^you (?:describe|explain|say)\s+", "", asked, flags=re.IGNORECASE)
    return re.sub(r"^((?:[\w’'-]+\s+){1,3}?)(?:do|does|did)\s+", r"\1", asked, flags=re.IGNORECASE)


def lowered(text: str) -> str:
    first = words(text)[0]
    return (
        text[:1].lower() + text[1:]
        if first in STOPWORDS | PREPOSITIONS | AUXILIARIES or numbers(first)
        else text
    )


def headed(fragment: str, earlier: str) -> str:
    """The fragment before the earlier question.

    >>> headed("why", "Who left")
    'Why: who left?'
    """
    return f"{fragment[:1].upper()}{fragment[1:]}: {lowered(earlier)}?"
