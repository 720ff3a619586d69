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
    ORDINALS,
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
from rag.english.normalise import content_stems, stem, words
from rag.english.numbers import numbers
from rag.english.sentences import sentences
from rag.question.parse import Question, parse
from rag.question.phrases import (
    Role,
    Word,
    bare,
    has_name,
    is_done,
    is_plural,
    is_time,
    past_form,
    phrases,
    read,
)
from rag.question.talk import (
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
    >>> pointed("Who rebuilt those villages?", Talk([Turn("Which villages flooded?", "Osk and Brell.")]))
    'Who rebuilt those villages (Osk and Brell)?'
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
        if len(noun) > 2 or is_time(noun) or is_time(said[:2]):  # "this deep impact program" says which
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
    if not said or set(words(before)[-1:]) <= STOPWORDS - {"so"}:
        return True
    noun = said[0]
    ends = len(said) == 1 or said[1].low in PREPOSITIONS
    plain = noun.text.islower() and noun.low not in STOPWORDS and not is_plural(noun.text)
    return ends and plain and not past_form(noun.low)


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
    asked, reply = parse(question), reply_to(talk.turns[-1])
    chooses = asked.wh == "which" and not any(
        each.preposition or each.role is Role.ASKED for each in asked.phrases
    )
    if chooses and reply and is_plural(reply.phrase):
        return _added(question, reply.phrase)  # "which is larger?"
    for noun, qualities in _definite(question):
        if not qualities and (answered := _answer(noun, talk)):
            return _added(question, answered)
        for turn in reversed(talk.near):
            mention = _mention(noun, turn)
            if mention and set(qualities) <= set(words(mention)):
                return _added(question, mention)
        # "The museum theft" says which, unless a museum was spoken of.
        said = {stem for turn in talk.near for stem in content_stems(f"{turn.question} {turn.answer}")}
        told = all(quality in _ORDERING or stem(quality) in said for quality in qualities)
        if told and {noun, noun.removesuffix("s")} & EVENT_NOUNS:
            return noted(question, talk.turns[-1])
    return noted(question, talk.turns[-1]) if is_bare_count(question) or _is_bare_event(question) else None


_ORDERING = {*ORDINALS, "last", "latest", "next", "other", "same", "recent", "new", "whole"}


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
    """Whether it only says that something was done, or to how many people.

    >>> [_is_bare_event(text) for text in ("Who was killed?", "How many people were hurt?", "Who was born?")]
    [True, True, False]
    """
    said = [word.low for word in read(question)]
    if not said or set(said) & POINTING_WORDS:
        return False
    if said[0] == "how" and 3 < len(said) <= 6 and said[2] in PERSONS and parse(question).auxiliary:
        return is_done(said[-1]) or said[-1] in PREPOSITIONS | PLACE_PREPOSITIONS
    stems = [
        low for low in said if content_stems(low) and not re.fullmatch(r"(?:any|some)(?:one|body|thing)", low)
    ]
    return len(stems) == 1 and len(said) <= 4 and is_done(said[-1])


def noted(question: str, turn: Turn) -> str:
    """The question with what the turn is about."""
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
    text = turn.question[spans[-1][0] : spans[-1][1]] if spans else ""
    if inner := re.search(r"\(([^()]+)\)\W*$", text):
        return inner[1]
    topic = _answered_topic(parse(bare(text)), turn)
    return topic if topic and len(topic.split()) <= LONGEST_TOPIC else None


def _answered_topic(asked: Question, turn: Turn) -> str:
    answer, rest, reply = bare(opening_sentence(turn.answer)), _unasked(asked.text), reply_to(turn)
    clause = asked.auxiliary or asked.verb
    if reply and reply.named and asked.asks_subject and clause:
        return f"{reply.phrase} {asked.text[clause.start :]}"
    if not reply and _repeats(answer, rest):
        return lowered(answer)  # it says what the question says, and more
    name = next((name for name in names(answer) if name.casefold() not in words(asked.text)), None)
    if name and asked.wh in {"who", "whom"}:
        return f"{name} {rest}"
    if name and asked.wh in {"what", "which", "where"} and name.casefold() not in asked.text.casefold():
        return f"{rest}, {name}"
    return rest


def _repeats(told: str, asked: str) -> bool:
    """Whether an answer has the question's names and half of its words, is short, and needs nothing
    explained itself.

    >>> _repeats("The US sanctioned three firms", "firms the US sanction"), _repeats("Nine", "hurt in Oman")
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
    r"^\W*(?:(?:can|could) you |please |do you know )*(?:tell me |know |name |list |describe )?(?:more )?"
    rf"(?:about )?(?:how (?:many|much|long|old|often|far|big)\b|(?:{alternation(QUESTION_WORDS)})\b)?\s*"
    r"(?:about\s+)?",
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
    """The text without its first capital, if its first word has none of its own."""
    first = words(text)[0]
    common = first in STOPWORDS | PREPOSITIONS | AUXILIARIES or numbers(first)
    return text[:1].lower() + text[1:] if common else text


def headed(fragment: str, earlier: str) -> str:
    """The fragment before the earlier question.

    >>> headed("why", "Who left")
    'Why: who left?'
    """
    return f"{fragment[:1].upper()}{fragment[1:]}: {lowered(earlier)}?"
