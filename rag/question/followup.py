"""A question asked in a conversation, made to stand alone, by rules; a question that stands alone is left
alone. And whether somebody else, such as a language model, has made it so without saying more.

What is left out is taken from the newest turns, and put in one of three ways: into the earlier question
("and in May?"), in place of the word that stands for it ("when did he speak?"), or behind the question, in
brackets, where no single word stands for it ("who explained the decision?"). Earlier questions are made to
stand alone first, so a conversation can carry what it is about through any number of pronouns.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from rag.english.conversation import COMPARING, SLIPS
from rag.english.lexicon import (
    AUXILIARIES,
    CALENDAR,
    NEGATIONS,
    ORDINALS,
    PLACES,
    POINTING,
    POSSESSIVES,
    PREPOSITIONS,
    QUESTION_WORDS,
    STOPWORDS,
    alternation,
)
from rag.english.normalise import content_stems, words
from rag.english.numbers import numbers
from rag.question.asking import asked_otherwise, counted
from rag.question.fragments import exchanged, moved
from rag.question.parse import Question, parse
from rag.question.phrases import Role, bare, has_name, is_plural, is_time, phrases, read
from rag.question.pronouns import filled, one, picked, replaced
from rag.question.talk import LONGEST_FRAGMENT, POINTING_WORDS, Talk, reply_to
from rag.question.topic import headed, noted, pointed, reminded
from rag.types import Turn

__all__ = ["faithful", "standalone"]


_REACH = 8  # turns that are understood anew; what is still spoken of has been said again by then


def standalone(question: str, history: Sequence[Turn]) -> str:
    """The question with what it leaves out taken from the newest turns.

    >>> standalone("And in May?", [Turn("What did inflation do in April?", "It rose.")])
    'What did inflation do in May?'
    >>> standalone("When did he speak?", [Turn("Who is John Kirby?", "A spokesman.")])
    'When did John Kirby speak?'
    >>> standalone("And Ford?", [Turn("Why did Tesla recall cars?", "The brakes failed.")])
    'Why did Ford recall cars?'
    >>> standalone("Who explained the decision?", [Turn("How many firms did the US sanction?", "Three.")])
    'Who explained the decision (firms the US sanction)?'
    """
    talk = Talk()
    shouted = False
    for turn in history[-_REACH:]:
        if words(turn.question) or words(turn.answer):
            told = _unmarked(turn)
            shouted = _is_shouted(told.question)
            asked = _whole(_plain(told.question, talk), talk)
            talk.turns.append(Turn(asked, unicodedata.normalize("NFC", told.answer)))
    plain = _plain(question, talk)
    whole = _whole(plain, talk)
    if whole == plain:
        return question
    if _is_shouted(question):
        return whole.upper() if shouted else whole[:1].upper() + whole[1:]
    return whole


def faithful(rewritten: str, question: str, history: Sequence[Turn]) -> bool:
    """Whether a question that somebody else made stand alone asks what was asked: it adds words, and
    numbers, only from the conversation; it keeps the question's own words, but for those that point ("he",
    "the second one"), what it asks for ("when", "how many"), its numbers, its denial, and the order of its
    names.

    >>> turns = [Turn("Who is John Kirby?", "A spokesman of the White House.")]
    >>> faithful("When did John Kirby speak?", "When did he speak?", turns)
    True
    >>> faithful("When did John Kirby resign?", "When did he speak?", turns)
    False
    """
    told = [_unmarked(turn) for turn in history]
    said = " ".join([question, *(part for turn in told for part in (turn.question, turn.answer))])
    new, old = content_stems(rewritten), [s for s in content_stems(question) if s not in _POINTERS]
    if not new or not set(new) <= set(content_stems(said)) or not set(old) <= set(new):
        return False
    counts = set(numbers(question)) - ({"1"} if "one" in words(question) else set())
    if not counts <= set(numbers(rewritten)) <= set(numbers(said)):
        return False
    for kept in (QUESTION_WORDS | {"many", "much"}, COMPARING):
        if not {w for w in words(question) if w in kept} <= set(words(rewritten)):
            return False
    if _denies(rewritten) != _denies(question):
        return False
    named = [s for m in _NAMED.finditer(question) for s in content_stems(m.group())[:1]]
    return named == [s for s in new if s in set(named)][: len(named)]


_POINTERS = frozenset(
    content_stems(f"one ones other latter former last same two both thing mean {' '.join(ORDINALS)}")
)
_NAMED = re.compile(r"(?<=\w )[A-Z][\w’'-]*")  # the first word has its capital anyway


def _denies(text: str) -> bool:
    return any(word in NEGATIONS or word.endswith("n't") for word in words(text))


def _unmarked(turn: Turn) -> Turn:
    """The turn without the numbers of its citations, which are no part of what was said.

    >>> _unmarked(Turn("Who won?", "Ann Lee. [1] She beat Bo Xi [2, 3] by a minute. [1][4]")).answer
    'Ann Lee. She beat Bo Xi by a minute.'
    """
    return Turn(_MARKERS.sub("", turn.question), _MARKERS.sub("", turn.answer))


_MARKERS = re.compile(r"[^\S\n]?\[\d{1,3}(?:\s?[,;–-]\s?\d{1,3})*\]")


def _whole(question: str, talk: Talk) -> str:
    """The question by the first rule that has something to say about it; unchanged where none has."""
    if not talk.turns:
        return question
    for rule in (_completed, picked, filled, pointed, reminded):
        if (whole := rule(question, talk)) is not None:
            return whole
    return question


def _is_shouted(text: str) -> bool:
    return text.isupper() and len(text.strip(" ?!.")) > 2


def _plain(question: str, talk: Talk) -> str:
    """The question without slips in the words that rules look for. One in capitals throughout is put in small
    letters, but for the words that the conversation or the calendar writes with a capital.

    >>> _plain("waht abt pakistan", Talk()), _plain("AND IN MAY?", Talk())
    ('what about pakistan', 'and in May?')
    """
    question = unicodedata.normalize("NFC", question)
    if _is_shouted(question):
        told = " ".join(part for turn in talk.turns for part in (turn.question, turn.answer))
        spelled = {word.low: word.text for word in read(told) if word.named and not word.text.isupper()}
        spelled |= {word: word.capitalize() for word in CALENDAR | (PLACES - _SHORT)}
        spelled |= {word: word for word in STOPWORDS}
        if alone := _ALONE.match(question):  # "AND HARROW?": a name, unless it is one of many things
            low = alone[1].lower()
            spelled.setdefault(low, low if is_plural(low) else low.capitalize())
        question = _LETTERS.sub(
            lambda match: spelled.get(match.group().lower(), match.group().lower()), question
        )
    return _LETTERS.sub(lambda match: SLIPS.get(match.group(), match.group()), question)


_ALONE = re.compile(r"\s*(?:AND|OR|WHAT ABOUT|HOW ABOUT)\s+([^\W\d_]+)\W*$")
_LETTERS = re.compile(r"[^\W\d_]+")
_SHORT = frozenset("uk un us usa".split())


_OPENING = re.compile(
    r"^\s*(?:(?:no|yes|ok|okay|so|well|and|or|but|then)\b[,.!]?\s+)*"
    r"(?P<opening>(?:what|how)\s+(?:about|of)|i\s+meant?|and|or|but|no,|so)\s+(?P<rest>\S.*?)\s*[?.!]*\s*$",
    re.IGNORECASE | re.DOTALL,
)


_MORE = re.compile(
    r"^\W*(?:(?:please|can you|could you|ok|and)\W+)*"
    r"(?:(?:tell|give) (?:me|us) (?:more|details)|(?:any |some )?more(?: details| information)?"
    r"|(?:any )?(?:details|others)|(?:what )?then(?: what)?|next|explain|elaborate|go on|continue"
    r"|anything else|which ones?|the same)"
    r"\b(?: about (?:it|this|that))?\W*(?:please)?\W*$",
    re.IGNORECASE,
)


def _completed(question: str, talk: Talk) -> str | None:
    """A fragment put into the last question; `None` where the question is whole.

    >>> _completed("and how many police?", Talk([Turn("How many civilians died in May?", "Nine.")]))
    'How many police died in May?'
    """
    turn = talk.turns[-1]
    earlier = bare(turn.question)
    if not words(earlier):
        return None
    if _MORE.match(question):
        return headed(bare(question), earlier)
    match = _OPENING.match(question)
    opening = " ".join(match["opening"].casefold().split()) if match else ""
    rest = _resolved(bare(match["rest"] if match else question), opening, talk)
    said = read(rest) if rest else ()
    if not rest or not said or any(word.low in AUXILIARIES or word.low == "'s" for word in said):
        return None
    asking = [at for at, word in enumerate(said) if word.low in QUESTION_WORDS]
    if asking:
        return _asked(rest, turn) if asking[0] < 2 else None
    if len(said) > LONGEST_FRAGMENT or not (content_stems(rest) or has_name(said)):
        return None
    found = phrases(rest, said, 0, len(said))
    whole = len(found) == 1 and found[0].whole == said[0].start and found[0].end == said[-1].end
    if len(found) == 1 and found[0].preposition and found[0].whole == said[0].start:
        return f"{moved(found[0], parse(earlier))}?"
    placed = said[0].low in PREPOSITIONS
    if not (opening or placed or (whole and question.rstrip().endswith("?"))):
        return None
    if rest.casefold() in turn.answer.casefold() and not placed:
        return noted(f"{rest[:1].upper()}{rest[1:]}?", turn)
    known = opening or has_name(said)  # a fragment's first capital says nothing
    return _put_in(rest if known else rest[:1].lower() + rest[1:], parse(earlier), opening)


def _resolved(rest: str, opening: str, talk: Talk) -> str | None:
    """The fragment with what it points to: "before Ann Lee" for "before her"; `None` for one that is a whole
    question.

    >>> turns = [Turn("Who led the council before 2015?", "Ann Lee.")]
    >>> _resolved("before her", "and", Talk(turns)), _resolved("since then", "and", Talk(turns))
    ('before Ann Lee', 'since 2015')
    """
    if opening:
        rest = picked(rest, talk) or one(rest, talk) or rest
    said = read(rest)
    lows = [word.low for word in said]
    if len(lows) == 2 and lows[0] in PREPOSITIONS and lows[1] in {"then", "that"}:
        times = [phrase.text for phrase in parse(talk.turns[-1].question).phrases if phrase.time]
        return f"{said[0].text} {times[-1]}" if times else rest
    # "this season" points to nothing that was said.
    if not any(
        low in POINTING_WORDS and not (low in POINTING and is_time(said[at + 1 : at + 2]))
        for at, low in enumerate(lows)
    ):
        return rest
    placed = lows[0] in PREPOSITIONS or (lows[0] in QUESTION_WORDS and lows[1] in PREPOSITIONS)
    owned = lows[0] in POSSESSIVES and len(lows) > 1 and bool(opening)
    if len(lows) > LONGEST_FRAGMENT or set(lows) & AUXILIARIES or not (owned or (placed and len(lows) < 5)):
        return None
    return replaced(rest, talk)


def _put_in(rest: str, asked: Question, opening: str) -> str | None:
    """A phrase that has no preposition of its own, in the earlier question.

    >>> _put_in("wages", parse("Why did prices rise"), "")
    'Why did wages rise?'
    >>> _put_in("oil", parse("Why did Iran strike Oman"), "and")
    'Why did Iran strike Oman, and oil?'
    """
    if not asked.structured:
        return None
    proper = [each for each in asked.phrases if each.name and not each.time and each.role is not Role.ASKED]
    same = next((phrase for phrase in proper if phrase.text.casefold() == rest.casefold()), None)
    if same:  # "and Pakistan?" after "why did Iran strike Pakistan?"
        other = next((phrase for phrase in proper if phrase is not same), None)
        return f"{_crossed(asked.text, same.text, other.text)}?" if other else f"{asked.text}, and {rest}?"
    if whole := exchanged(rest, asked, opening=opening):
        return f"{whole}?" if whole != asked.text else None
    several = len(phrases(rest, read(rest), 0, len(read(rest)))) > 1
    return None if several else f"{asked.text}, and {rest}?"


def _crossed(text: str, one: str, other: str) -> str:
    """Both names, each in the place of the other."""
    swap = {one: other, other: one}
    return re.sub(rf"(?<!\w)(?:{alternation(swap)})(?!\w)", lambda match: swap[match.group()], text)


def _asked(rest: str, turn: Turn) -> str | None:
    """A bare question word, and what it counts or asks for, with the last question.

    >>> turn = Turn("How many people left in May?", "Nine.")
    >>> _asked("how many women", turn), _asked("when", turn), _asked("what causes wildfires", turn)
    ('How many women left in May?', 'When did people leave in May?', None)
    >>> _asked("what", Turn("Who left", "")), _asked("who", Turn("Who left", ""))
    ('What: who left?', 'Who left?')
    """
    said, earlier = read(rest), bare(turn.question)
    asked, lows = parse(earlier), [word.low for word in said]
    at = next(at for at, low in enumerate(lows) if low in QUESTION_WORDS) + 1
    counts = at < len(lows) and lows[at] in {"many", "much"}
    at += counts
    same = lows[:at] == [word.low for word in asked.asks][:at]
    if same and at < len(lows) and lows[at] in PREPOSITIONS - {"to"}:  # "who before her", "how many in Wales"
        found = phrases(rest, said, at, len(said))
        return f"{moved(found[0], asked)}?" if len(found) == 1 else None
    told = [word for word in said if word.low not in {"many", "much"} and content_stems(word.text)]
    if len(said) > 4 or has_name(said[1:]) or len(told) > 1:
        return None
    if counts and lows[0] == "how" and (whole := counted(rest, asked)):
        return f"{whole}?"
    if (parse(rest).verb is None or lows[0] in PREPOSITIONS) and (
        whole := asked_otherwise(rest, asked, reply_to(turn))
    ):
        return f"{whole}?"
    return headed(rest, earlier)
