"""A question asked in a conversation, made to stand alone, by rules; a question that stands alone is left alone. And
whether somebody else, such as a language model, has made it so without saying more.

What is left out is taken from the newest turns, and put in one of three ways: into the earlier question ("and in
May?"), in place of the word that stands for it ("when did he speak?"), or behind the question, in brackets, where no
single word stands for it ("who explained the decision?"). Earlier questions are made to stand alone first, so a
conversation can carry what it is about through any number of pronouns.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from rag.english.lexicon import (
    ADVERBS,
    AUXILIARIES,
    BE,
    CALENDAR,
    COMPARING,
    DETERMINERS,
    EVENT_NOUNS,
    FEMALE,
    HAVE,
    HEADING_VERBS,
    MALE,
    MONTHS,
    MOTION_VERBS,
    NEGATIONS,
    ORDINALS,
    PERSONAL,
    PERSONAL_ADJECTIVES,
    PERSONS,
    PLACE_PREPOSITIONS,
    PLACES,
    PLURAL,
    POINTING,
    POSSESSIVES,
    PREPOSITIONS,
    QUESTION_WORDS,
    RELATIONAL_ADJECTIVES,
    SINGULAR_PERSONS,
    SLIPS,
    STOPWORDS,
    THINGS,
    TIME_WORDS,
    UNITS_OF_TIME,
    WEATHER,
    WEEKDAYS,
    alternation,
    verb_forms,
)  # fmt: skip
from rag.english.normalise import content_stems, words
from rag.english.numbers import numbers
from rag.english.sentences import sentences
from rag.question.fragments import asked_otherwise, counted, exchanged, moved
from rag.question.parse import (
    Question,
    Role,
    Word,
    is_done,
    is_plural,
    is_time,
    parse,
    past_form,
    phrases,
    read,
)
from rag.question.referents import (
    names,
    opening_sentence,
    place_of,
    possessive,
    referent,
    reply_to,
    time_of,
)  # fmt: skip
from rag.types import Turn

__all__ = ["faithful", "standalone"]

_REACH = 8  # turns that are understood anew; what is still spoken of has been said again by then
_NEAR = 2  # turns that a reference can point to; further back, no guess was right (eval.bench.followups, dev)
_FRAGMENT = 6  # words; a longer piece after "and" says what it asks by itself
_TOPIC = 12  # words; a longer topic would drown the question it is added to


@dataclass
class _Talk:
    """The turns so far, made to stand alone, and the gender of those whom a pronoun stood for."""

    turns: list[Turn] = field(default_factory=list)
    genders: dict[str, str] = field(default_factory=dict)

    @property
    def near(self) -> list[Turn]:
        return self.turns[-_NEAR:]


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
    talk = _Talk()
    shouted = False
    for turn in history[-_REACH:]:
        if words(turn.question) or words(turn.answer):
            shouted = _is_shouted(turn.question)
            asked = _whole(_plain(turn.question, talk), talk)
            talk.turns.append(Turn(asked, unicodedata.normalize("NFC", turn.answer)))
    plain = _plain(question, talk)
    whole = _whole(plain, talk)
    if whole == plain:
        return question
    if _is_shouted(question):
        return whole.upper() if shouted else whole[:1].upper() + whole[1:]
    return whole


def faithful(rewritten: str, question: str, history: Sequence[Turn]) -> bool:
    """Whether a question that somebody else made stand alone asks what was asked: it adds words, and numbers, only
    from the conversation; it keeps the question's own words, but for those that point ("he", "the second one"), what
    it asks for ("when", "how many"), its numbers, its denial, and the order of its names.

    >>> turns = [Turn("Who is John Kirby?", "A spokesman of the White House.")]
    >>> [faithful(q, "When did he speak?", turns) for q in ("When did John Kirby speak?", "When did John Kirby resign?")]
    [True, False]
    """
    said = " ".join([question, *(part for turn in history for part in (turn.question, turn.answer))])
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


_POINTERS = frozenset(content_stems(f"one ones other latter former last same two both thing mean {' '.join(ORDINALS)}"))
_NAMED = re.compile(r"(?<=\w )[A-Z][\w’'-]*")  # the first word has its capital anyway


def _denies(text: str) -> bool:
    return any(word in NEGATIONS or word.endswith("n't") for word in words(text))


def _whole(question: str, talk: _Talk) -> str:
    """The question by the first rule that has something to say about it; unchanged where none has."""
    if not talk.turns:
        return question
    for rule in (_completed, _picked, _filled, _pointed, _reminded):
        if (whole := rule(question, talk)) is not None:
            return whole
    return question


def _is_shouted(text: str) -> bool:
    return text.isupper() and len(text.strip(" ?!.")) > 2


def _plain(question: str, talk: _Talk) -> str:
    """The question without slips in the words that rules look for. One in capitals throughout is put in small
    letters, but for the words that the conversation or the calendar writes with one.

    >>> _plain("waht abt pakistan", _Talk()), _plain("AND IN MAY?", _Talk())
    ('what about pakistan', 'and in May?')
    """
    question = unicodedata.normalize("NFC", question)
    if _is_shouted(question):
        told = " ".join(part for turn in talk.turns for part in (turn.question, turn.answer))
        spelled = {word.low: word.text for word in read(told) if not word.text.isupper() and word.named}
        spelled |= {day: day.capitalize() for day in CALENDAR | (PLACES - {"us", "un", "uk", "usa"})}

        def spell(match: re.Match[str]) -> str:
            low = match.group().lower()
            return low if low in STOPWORDS - {"us"} else spelled.get(low, low)

        question = re.sub(r"[^\W\d_]+", spell, question)
    return re.sub(r"[^\W\d_]+", lambda match: SLIPS.get(match.group().casefold(), match.group()), question)


# --- a piece of a question, put into the question before it -----------------------------------------------------

_OPENING = re.compile(
    r"^\s*(?:(?:no|yes|ok|okay|so|well|and|or|but|then)\b[,.!]?\s+)*"
    r"(?P<opening>(?:what|how)\s+(?:about|of)|i\s+meant?|and|or|but|no,|so)\s+(?P<rest>\S.*?)\s*[?.!]*\s*$",
    re.IGNORECASE | re.DOTALL,
)
_MORE = re.compile(
    r"^\W*(?:(?:please|can you|could you|ok|and)\W+)*(?:(?:tell|give) (?:me|us) (?:more|details)|(?:any |some )?more"
    r"(?: details| information)?|any details|(?:and |what )?then(?: what)?|next|explain|elaborate|go on|continue|anything else|(?:any )?others|details|which ones?|the same)"
    r"\b(?: about (?:it|this|that))?\W*(?:please)?\W*$",
    re.IGNORECASE,
)


def _completed(question: str, talk: _Talk) -> str | None:
    """A fragment put into the last question; `None` where the question is whole.

    >>> _completed("and how many police?", _Talk([Turn("How many civilians died in May?", "Nine.")]))
    'How many police died in May?'
    """
    turn = talk.turns[-1]
    earlier = _bare(turn.question)
    if not words(earlier):
        return None
    if _MORE.match(question):
        return _headed(_bare(question), earlier)
    match = _OPENING.match(question)
    opening = re.sub(r"\s+", " ", match["opening"].casefold()) if match else ""
    rest = _bare(match["rest"] if match else question)
    if opening:
        rest = _picked(rest, talk) or _one(rest, talk) or rest
    said = read(rest)
    pointing = [word.low for at, word in enumerate(said) if word.low in _POINTING_WORDS and not (word.low in POINTING and is_time(said[at + 1 : at + 2]))]
    if pointing and not (pointing == ["that"] and len(said) == 2):
        if not _is_piece(said, opening) or (filled := _replaced(rest, talk)) is None:
            return None
        rest, said = filled, read(filled)
    if not said or any(word.low in AUXILIARIES or word.low == "'s" for word in said):
        return None
    if said[0].low in QUESTION_WORDS or said[min(1, len(said) - 1)].low in QUESTION_WORDS:
        return _asked(rest, turn)
    if {word.low for word in said} & QUESTION_WORDS or len(said) > _FRAGMENT:
        return None
    if not (content_stems(rest) or _has_name(said)):
        return None
    asked = parse(earlier)
    time = next((phrase for phrase in reversed(asked.phrases) if phrase.time), None)
    if time and len(said) == 2 and said[0].low in PREPOSITIONS and said[1].low in {"then", "that"}:
        rest = f"{said[0].text} {time.text}"  # "and since then?"
        said = read(rest)
    found = phrases(rest, said, 0, len(said))
    if said[0].low in PREPOSITIONS and len(found) == 1 and not said[0].named:
        return f"{moved(found[0], asked)}?"
    if not (opening or said[0].low in PREPOSITIONS or _is_bare_phrase(question, rest, said)):
        return None
    if rest.casefold() in turn.answer.casefold() and said[0].low not in PREPOSITIONS:
        return _noted(f"{rest[:1].upper()}{rest[1:]}?", turn)
    known = opening or _has_name(said)  # a fragment's first capital says nothing
    return _put_in(rest if known else rest[:1].lower() + rest[1:], asked, opening)


_POINTING_WORDS = SINGULAR_PERSONS | THINGS | PLURAL | {"this", "that", "these", "those", "there"}


def _is_piece(said: Sequence[Word], opening: str) -> bool:
    """Whether words with a pronoun are a piece all the same: "before her", "and his sister"."""
    lows = [word.low for word in said]
    if len(said) > _FRAGMENT or set(lows) & AUXILIARIES:
        return False
    prepositional = lows[0] in PREPOSITIONS or (lows[0] in QUESTION_WORDS and len(lows) > 1 and lows[1] in PREPOSITIONS)
    return (prepositional and len(lows) < 5) or bool(opening in {"and", "or", "but"} and lows[0] in POSSESSIVES and len(lows) > 1)


def _has_name(said: Sequence[Word]) -> bool:
    return any(word.named for word in said)


def _is_bare_phrase(question: str, rest: str, said: Sequence[Word]) -> bool:
    found = phrases(rest, said, 0, len(said))
    whole = len(found) == 1 and found[0].whole == said[0].start and found[0].end == said[-1].end
    return question.rstrip().endswith("?") and whole


def _put_in(rest: str, asked: Question, opening: str) -> str | None:
    """A phrase that has no preposition of its own, in the earlier question.

    >>> _put_in("wages", parse("Why did prices rise"), ""), _put_in("oil", parse("Why did Iran strike Pakistan"), "and")
    ('Why did wages rise?', 'Why did Iran strike Pakistan, and oil?')
    """
    if not asked.structured:
        return None
    proper = [phrase for phrase in asked.phrases if phrase.name and not phrase.time and phrase.role is not Role.ASKED]
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
    said, earlier = read(rest), _bare(turn.question)
    lows = [word.low for word in said]
    asked = parse(earlier)
    at = next(at for at, low in enumerate(lows) if low in QUESTION_WORDS) + 1
    at += at < len(lows) and lows[at] in {"many", "much"}
    if at < len(said) and lows[at] in PREPOSITIONS - {"to"} and lows[:at] == [word.low for word in asked.asks][:at]:
        found = phrases(rest, said, at, len(said))  # "who before her", "how many in Wales"
        return f"{moved(found[0], asked)}?" if len(found) == 1 else None
    verb = parse(rest).verb
    if len(said) > 4 or _has_name(said[1:]) or len([s for s in content_stems(rest) if s not in {"mani", "much"}]) > 1:
        return None
    if lows[0] == "how" and at < len(said) and lows[1] in {"many", "much"} and (whole := counted(rest, asked)):
        return f"{whole}?"
    if verb is None and (whole := asked_otherwise(rest, asked, reply_to(turn))):
        return f"{whole}?"
    return _headed(rest, earlier)


def _headed(fragment: str, earlier: str) -> str:
    """The fragment before the earlier question.

    >>> _headed("why", "Who left")
    'Why: who left?'
    """
    return f"{fragment[:1].upper()}{fragment[1:]}: {_lowered(earlier)}?"


# --- a word that stands for something, replaced by what it stands for ----------------------------------------------

_PICK = re.compile(
    rf"\bthe (?:(?P<nth>{'|'.join(ORDINALS[:5])}|last|other) one|(?P<of_two>former|latter)|"
    rf"(?P<bare>{'|'.join(ORDINALS[:5])}|last)(?=\s*\??$))\b",
    re.IGNORECASE,
)


def _picked(question: str, talk: _Talk) -> str | None:
    """A member of the newest list, by its place in it.

    >>> _picked("Where is the second one?", _Talk([Turn("Which ports are shut?", "Gwadar, Ormara and Karachi.")]))
    'Where is Ormara?'
    """
    match = _PICK.search(question)
    if not match or len(words(question)) > _TOPIC:
        return None
    for turn in reversed(talk.near):
        for text in (turn.answer, turn.question):
            members = _members(text)
            place = _place(match, len(members))
            if place is not None:
                return f"{question[: match.start()]}{members[place]}{question[match.end() :]}"
    return None


def _place(match: re.Match[str], size: int) -> int | None:
    """Which of so many members is meant, from 0; `None` if there is no such member."""
    said = (match["nth"] or match["of_two"] or match["bare"]).casefold()
    if size < 2 or (said in {"former", "latter", "other"} and size != 2):
        return None
    place = {"former": 0, "latter": 1, "other": 1, "last": size - 1}.get(said)
    place = ORDINALS.index(said) if place is None else place
    return place if place < size else None


_CAPITALS = r"[A-Z][\w’'-]*(?:\s+(?:(?:of|bin|van|de)\s+|(?:al|ul|el)[\s-])?[A-Z][\w’'-]*)*"


def _members(text: str) -> list[str]:
    """The members of the first list in a text: names, or else single things.

    >>> _members("They met in Oslo, Bern and New York."), _members("It sells oil, gas and scrap metal.")
    (['Oslo', 'Bern', 'New York'], ['oil', 'gas', 'scrap metal'])
    """
    if len(lines := re.findall(r"^\s*(?:[-*•]|\d+[.)])\s+(.+?)\s*$", text, re.MULTILINE)) > 1:
        return [line.rstrip(".;,") for line in lines]
    for start, end in sentences(text):
        *parts, last = re.split(r",\s*(?:(?:and|or)\s+)?", _bare(text[start:end]))
        parts += re.split(r"\s+(?:and|or)\s+", last, maxsplit=1)
        if any(len(part.split()) > _FRAGMENT for part in parts[1:-1]):
            continue
        others = [found.group() for part in parts[1:] if (found := re.match(_CAPITALS, part.removeprefix("the ")))]
        if len(others) == len(parts) - 1:
            # "sanctioned Akhtar and Sons, …": the first member is the name that its part ends with, if any.
            named = re.search(rf"{_CAPITALS}(?:\s+and\s+{_CAPITALS})*$", parts[0])
            return [named.group(), *others] if named else others
        tail = phrases(parts[-1], read(parts[-1]), 0, len(read(parts[-1])))
        if not names(f"x {' '.join(parts)}") and tail:
            return [parts[0].split()[-1], *parts[1:-1], tail[0].text]
    return []


def _filled(question: str, talk: _Talk) -> str | None:
    """Pronouns replaced, then "there", "then" and "one"."""
    filled = question
    for rule in (_replaced, _placed, _dated, _one):
        filled = rule(filled, talk) or filled
    return filled if filled != question else None


def _replaced(question: str, talk: _Talk) -> str | None:
    """The pronouns that nothing in the question itself explains, each by what it stands for.

    >>> _replaced("What is its capital?", _Talk([Turn("why did the byzantine empire fall", "")]))
    "What is the byzantine empire's capital?"
    >>> _replaced("What did she offer them?", _Talk([Turn("Why did Dr Ann Lee meet nurses?", "")]))
    'What did Ann Lee offer nurses?'
    """
    put: dict[str, str] = {}
    whole = question
    for word in read(question):
        pronoun = re.sub(r"'.*", "", word.low)
        kind = next((kind for kind in _KINDS if pronoun in kind), None)
        if kind is None or any(each in kind for each in put) or (pronoun in THINGS and _is_empty(question)):
            continue
        before, after = question[: word.start], question[word.start + len(pronoun) :]
        if _explained(before, after) and not (put and _is_object(before, after)):
            if put or not _is_object(before, after):
                break
            # "What did Iran say about it?": what is spoken of can't be who speaks.
            if pronoun not in SINGULAR_PERSONS:
                return _noted(question, talk.turns[-1])
        if pronoun in THINGS and _is_event(before, after, talk.turns[-1]):
            return _noted(question, talk.turns[-1])
        if pronoun in PLURAL and not put and (counting := next((t for t in reversed(talk.near) if _counts(t)), None)):
            if counting is talk.turns[-1]:
                return _noted(question, counting)
        owns = _is_possessive(pronoun, after)
        role = Role.OBJECT if _ends_clause(after) or (words(before)[-1:] and words(before)[-1] in PREPOSITIONS) else Role.SUBJECT
        role = Role.SUBJECT if owns else role
        if role is Role.SUBJECT and not owns and _is_passive(question):
            role = Role.OBJECT  # "how much was it fined?" asks for what was done to it
        skip = " ".join([*names(before), *put.values()])
        name = referent(pronoun, role, talk.turns, talk.genders, near=_NEAR, skip=skip)
        if name is None:
            continue
        if pronoun in THINGS and (open_turn := _undecided(name, talk)):
            return _noted(question, open_turn)
        put[pronoun] = name
        if pronoun in SINGULAR_PERSONS:
            talk.genders.setdefault(name.casefold(), "she" if pronoun in {"she", "her", "hers"} else "he")
        at = len(whole) - len(after)
        new = possessive(name, "’" if "’" in question else "'") if owns else name
        new = new if before.strip() else new[:1].upper() + new[1:]
        whole = f"{whole[: at - len(pronoun)]}{new}{after}"
    if not put:
        return None
    return whole if names(f"x {whole}") else _located(whole, talk.turns)


_KINDS = (SINGULAR_PERSONS & MALE, SINGULAR_PERSONS & FEMALE, THINGS, PLURAL)


def _is_passive(question: str) -> bool:
    asked = parse(question)
    return bool(asked.auxiliary and asked.verb and asked.auxiliary.low in BE and is_done(asked.verb.low))


def _undecided(name: str, talk: _Talk) -> Turn | None:
    """The turn that leaves open whether "it" is its subject or the stuff that answers it: "What does Ford make?"
    "Steel."
    """
    for turn in reversed(talk.near):
        reply = reply_to(turn)
        if name.casefold() not in turn.question.casefold():
            continue
        asked = parse(turn.question)
        stuff = reply and not (reply.named or reply.time or is_plural(reply.phrase) or numbers(reply.phrase))
        if reply and stuff and asked.wh == "what" and asked.verb:
            return turn if read(reply.phrase)[0].low not in DETERMINERS | AUXILIARIES else None
    return None


def _is_event(before: str, after: str, turn: Turn) -> bool:
    """Whether "it" is something that happened, as the whole last question says it: "when did it happen?"."""
    asked = parse(turn.question)
    subject = asked.about(Role.SUBJECT)
    thing = bool(subject and subject[0].words[-1].low in EVENT_NOUNS) or (
        asked.wh in {"what", "which"} and reply_to(turn) is not None
    )
    if thing and words(after)[:1] != ["happen"]:
        return False
    return before.rstrip().endswith("about") or words(after)[:1] in (
        ["happen"], ["happened"], ["happening"], ["occur"], ["occurred"], ["start"], ["started"], ["begin"], ["began"],
        ["end"], ["ended"], ["last"],
    )  # fmt: skip


def _is_empty(question: str) -> bool:
    """Whether "it" stands for nothing, or for something in the same sentence.

    >>> [_is_empty(text) for text in ("Is it dangerous to swim?", "Did it rain?", "Is it able to swim?", "Is it safe?")]
    [True, True, False, False]
    """
    match = re.search(r"\bit\b(?:['’](?:s|ll|d))?(?P<rest>.*)", question, re.IGNORECASE | re.DOTALL)
    if not match:
        return False
    before = words(question[: match.start()])[-2:]
    rest = words(match["rest"])
    while rest and rest[0] in BE | HAVE | ADVERBS | {"not", "will", "would", "really", "so", "very", "get", "being"}:
        rest = rest[1:]
    if rest[:1] in (["from"], ["to"], ["since"], ["until"]) and "how" in words(question[: match.start()]):
        return True  # "how far is it from Oslo to Bergen"
    if not rest:
        return before == ["time", "is"] or before == ["day", "is"]
    if rest[0] in WEATHER and (len(rest) == 1 or rest[1] in PREPOSITIONS | TIME_WORDS | ADVERBS | STOPWORDS):
        return True
    if rest[0] in {"take", "takes", "took", "taken", "cost", "costs"} and "to" in rest[1:]:
        return True
    if rest[0] in {"true", "time", "clear", "emerged", "emerge", "seem", "seems", "appear", "appears", "matter", "mean"}:
        return True
    if rest[0] in {"possible", "likely", "that", "who", "to"}:
        return True
    extraposed = len(rest) > 1 and rest[1] in {"to", "that", "for", "if", "whether"} and rest[0] not in PREPOSITIONS
    inherent = rest[0] in PERSONAL_ADJECTIVES | RELATIONAL_ADJECTIVES or past_form(rest[0]) or rest[0].endswith(("ed", "ing"))
    subject = (bool(before) and before[-1] in BE | {"will", "would"}) or before[-1:] == ["is"]
    colon = bool(re.match(r"\s*\w+:", match["rest"]))
    return (extraposed and not inherent and subject and rest[0] not in {"take", "used"}) or colon


def _located(question: str, turns: Sequence[Turn]) -> str:
    """A question that names nothing, in the place that the earlier one names.

    >>> _located("When did prices fall?", [Turn("Why did prices rise in turkey in May?", "")])
    'When did prices fall in turkey?'
    """
    asked = parse(question)
    for phrase in parse(turns[-1].question).phrases:
        if phrase.preposition == "in" and phrase.name and not phrase.time and phrase.role is not Role.SUBJECT:
            return f"{asked.text} in {phrase.text}{question[len(asked.text) :]}"
    return question


def _explained(before: str, after: str) -> bool:
    """Whether a pronoun between these words has something there to stand for.

    >>> _explained("Why did Iran say ", " struck?"), _explained("Which firm recalled ", " cars?")
    (True, True)
    >>> _explained("Which war did ", " win?")
    False
    """
    if names(f"x {before}") or (before and read(before)[0].named):
        return True
    if _LEADING.match(before) and "," in after:
        return True  # "In his new book, what does Ann Lee say?"
    if set(words(before)[-1:]) & AUXILIARIES and _is_one_clause(before):
        return False  # "which war did it win?": the pronoun is who did it
    joined = re.search(r"\w\s+and\b", before)  # "What is rye and how is it baked?"
    asked = parse(before)
    described = any(
        phrase.words[0].low in {"the", "a", "an", "your", "our", *POINTING} and len(phrase.words) > 1 for phrase in asked.phrases
    ) or bool(asked.about(Role.ASKED) and asked.wh in {"which", "what"})
    return len(content_stems(before)) > 2 or bool(joined) or described


_LEADING = re.compile(
    r"\W*(?:in|on|at|for|after|following|during|with|despite|since|as|while|when|if)\b[^,]*$", re.IGNORECASE
)
_CLAUSE = re.compile(r"[.,;:!?]|\b(?:and|but|or|if|when|that|because|while|who|which)\b", re.IGNORECASE)


def _is_one_clause(before: str) -> bool:
    return not _CLAUSE.search(re.sub(r"^\W*\w+", "", before))


def _ends_clause(after: str) -> bool:
    said = read(after)
    ends = not re.match(r"\s*[^\s?.,;:!)]", after)
    return ends or bool(said and (said[0].low in PREPOSITIONS | TIME_WORDS or is_time(said[:2])))


def _is_object(before: str, after: str) -> bool:
    """Whether a pronoun between these words is what a short clause is about, and not who acts in it.

    >>> _is_object("What did Iran say about ", "?"), _is_object("Why did Iran say ", " struck?")
    (True, False)
    """
    return _ends_clause(after) and _is_one_clause(before) and len(content_stems(before)) <= 3


def _is_possessive(pronoun: str, after: str) -> bool:
    if pronoun == "her":
        return bool(re.match(r"\s+\w", after)) and words(after)[0] not in STOPWORDS | TIME_WORDS
    return pronoun in POSSESSIVES


def _counts(turn: Turn) -> bool:
    """Whether the turn asks for several of a kind that its answer does not name: "they" are those, with all that was
    said of them.
    """
    asked = parse(turn.question)
    reply = reply_to(turn)
    noun = next(iter(asked.about(Role.ASKED)), None)
    return bool(noun and is_plural(noun.text)) and not (reply and reply.named and asked.wh in {"which", "what"})


def _placed(question: str, talk: _Talk) -> str | None:
    """The word "there", by the newest place.

    >>> _placed("Who was there?", _Talk([Turn("Where did they meet?", "They met in Davos.")]))
    'Who was in Davos?'
    """
    if len(words(question)) > _TOPIC or _BARE_COUNT.match(question):
        return None
    for match in re.finditer(r"\bthere\b(?!['’])", question, re.IGNORECASE):
        before, after = question[: match.start()], question[match.end() :]
        previous, follows = words(before)[-1:], words(after)[:1]
        existential = not previous or (previous[0] in AUXILIARIES and content_stems(after))
        elsewhere = any(phrase.preposition and phrase.name and not phrase.time for phrase in parse(before).phrases)
        if existential or set(follows) & (BE | HAVE) or elsewhere or previous == ["that"]:
            continue
        if place := place_of(talk.turns, near=_NEAR):
            lemma = verb_forms().get(previous[0], "")
            if lemma in MOTION_VERBS | HEADING_VERBS:  # "leave there", "go there"
                place = f"{'to ' if lemma in HEADING_VERBS else ''}{place.split(' ', 1)[1]}"
            return f"{before}{place}{after}"
    return None


def _dated(question: str, talk: _Talk) -> str | None:
    """The words "then", "that day" and "at the time", by the newest time.

    >>> _dated("Who was governor then?", _Talk([Turn("When was Ann Lee elected?", "In 2009.")]))
    'Who was governor in 2009?'
    """
    match = re.search(
        rf"(?<=\w)\s+(?:(?:by |since )?then|(?:(?:on|in|at|during) )?(?:that|the same) (?:{'|'.join(UNITS_OF_TIME)}|time|night|season)"
        r"|at the time)(?=\s*[?.!]*\s*$)",
        question,
        re.IGNORECASE,
    )
    if not match or len(words(question)) > _TOPIC or parse(question[: match.start()]).text == "":
        return None
    if re.match(r"\s+(?:by|since)\b", match.group()):
        return None
    if not parse(question).structured or any(phrase.time for phrase in parse(question[: match.start()]).phrases):
        return None
    when = time_of(talk.turns, near=_NEAR)
    return f"{question[: match.start()]} {when}{question[match.end() :]}" if when else None


def _one(question: str, talk: _Talk) -> str | None:
    """The word "one" for a thing of the kind that was spoken of.

    >>> _one("How much does a new one cost?", _Talk([Turn("Did the town buy a snow plough?", "Yes.")]))
    'How much does a new snow plough cost?'
    """
    match = re.search(r"\b(?:a|an|another|this|that|the|which)(?: (?!one\b)[\w-]+)? (?P<one>ones?)\b(?! of\b)", question, re.I)
    if match and set(words(match.group())) & {*ORDINALS, "last", "other", "only", "right"}:
        return None
    if not match or len(words(question)) > _TOPIC or words(question[: match.start("one")])[-1:] == ["no"]:
        return None
    for turn in reversed(talk.near):
        asked = parse(turn.question)
        for phrase in sorted(asked.phrases, key=lambda each: list(_ONE_ROLES).index(each.role)):
            kept = [word for word in phrase.words if word.low not in DETERMINERS and not word.text[0].isupper()]
            if not kept or phrase.time or kept[-1] is not phrase.words[-1] or kept[-1].low in PERSONAL | STOPWORDS:
                continue
            noun = " ".join(word.text for word in kept)
            if is_plural(noun) and match["one"].casefold() == "one":
                noun = noun.removesuffix("s")
            return f"{question[: match.start('one')]}{noun}{question[match.end('one') :]}"
    return None


_ONE_ROLES = (Role.OBJECT, Role.ASKED, Role.SUBJECT, Role.ADJUNCT)


# --- a reference that no single word carries: what was spoken of goes behind the question, in brackets -------------

_BARE_COUNT = re.compile(
    r"\W*(?:and )?(?:how (?:many|much) (?:of them )?(?:is|are|was|were|did|do|have|has|had)(?: [\w’'-]+){1,2}"
    r"|what happen(?:ed|s)(?: next| after(?:wards)?| then| in the end)?)\W*$",
    re.IGNORECASE,
)


def _pointed(question: str, talk: _Talk) -> str | None:
    """A question with "that", "this strike" or "those firms" in it, with what that points to.

    >>> _pointed("What did that strike hit?", _Talk([Turn("Why did Iran strike Pakistan?", "")]))
    'What did that strike hit (Iran strike Pakistan)?'
    >>> _pointed("Have those villages been rebuilt?", _Talk([Turn("Which villages did the Lenna flood?", "Osk and Brell.")]))
    'Have those villages (Osk and Brell) been rebuilt?'
    """
    if len(words(question)) > _TOPIC:
        return None
    for match in re.finditer(r"\b(?:this|that|these|those)\b", question, re.IGNORECASE):
        before, after = question[: match.start()], question[match.end() :]
        said = read(after)
        follows = said[0].low if said else ""
        if match.group().casefold() == "that" and not _points(before, after):
            continue
        if follows.removesuffix("'s") in TIME_WORDS | {"who", "that"} or _has_name(read(f"x{after}")):
            continue
        noun = _noun_after(question, match.end())
        if len(noun) > 2:  # "this deep impact program" says which
            continue
        if noun and (answered := _answer(noun[-1].low, talk)):
            return f"{question[: noun[-1].end]} ({answered}){question[noun[-1].end :]}"
        return _reminded(question, talk) or _noted(question, talk.turns[-1])
    return None


def _answer(noun: str, talk: _Talk) -> str | None:
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
    return plain and (len(said) == 1 or bool(rest and rest[0].low in PREPOSITIONS)) and not past_form(said[0].low)


def _noun_after(question: str, at: int) -> tuple[Word, ...]:
    said = tuple(word for word in read(question) if word.start >= at)
    found = phrases(question, said, 0, len(said))
    if not found or found[0].whole != said[0].start or found[0].preposition:
        return ()
    noun = found[0].words
    return noun[:-1] if len(noun) > 1 and is_done(noun[-1].low) else noun


def _reminded(question: str, talk: _Talk) -> str | None:
    """A question that names nothing, with what was spoken of.

    >>> _reminded("how many were killed?", _Talk([Turn("when did pakistan strike", "")]))
    'how many were killed (pakistan strike)?'
    >>> _reminded("What does the group want?", _Talk([Turn("Who struck?", "The militant group Jaish al-Adl.")]))
    'What does the group want (militant group Jaish al-Adl)?'
    """
    if _has_name(read(question)) or len(words(question)) > _TOPIC:
        return None
    listed = reply_to(talk.turns[-1])
    if parse(question).wh == "which" and not any(phrase.preposition for phrase in parse(question).phrases) and listed and is_plural(listed.phrase):
        return _added(question, listed.phrase)
    for noun, qualities in _definite(question):
        if not qualities and (answered := _answer(noun, talk)):
            return _added(question, answered)
        for turn in reversed(talk.near):
            mention = _mention(noun, turn)
            if mention and set(qualities) <= set(words(mention)):
                return _added(question, mention)
        if noun in EVENT_NOUNS or noun.removesuffix("s") in EVENT_NOUNS:
            return _noted(question, talk.turns[-1])
    if _BARE_COUNT.match(question) or _is_bare_event(question):
        return _noted(question, talk.turns[-1])
    return None


def _definite(question: str) -> Iterator[tuple[str, list[str]]]:
    """What may be a noun after "the", "that" or "these", with what stands before it; none where the question says
    which.

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
            if len(kept) <= _FRAGMENT and _has_name((*kept[:1], *kept)):
                return text[kept[0].start : kept[-1].end]
    return None


def _stops(word: Word) -> bool:
    return word.low in DETERMINERS or past_form(word.low)


def _is_bare_event(question: str) -> bool:
    """Whether it only says that something was done: "who was killed?", "was anyone hurt?"."""
    stems = content_stems(re.sub(r"\b(?:any|some)(?:one|body|thing)\b", "", question, flags=re.IGNORECASE))
    said = read(question)
    if not said or {word.low for word in said} & _POINTING_WORDS:
        return False
    if len(said) <= 6 and said[0].low == "how" and said[2:] and said[2].low in PERSONS and parse(question).auxiliary:
        return is_done(said[-1].low) or said[-1].low in PREPOSITIONS | PLACE_PREPOSITIONS  # "how many people were hurt", "… aboard"
    return len(stems) == 1 and len(said) <= 4 and is_done(said[-1].low)


def _noted(question: str, turn: Turn) -> str:
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
    asked = _bare(asked)
    told = _bare(opening_sentence(turn.answer))
    reply = reply_to(turn)
    read_ = parse(asked)
    clause = read_.auxiliary or read_.verb
    if reply and reply.named and read_.asks_subject and clause and not reply.time:
        topic = f"{reply.phrase} {read_.text[clause.start :]}"
        return topic if len(topic.split()) <= _TOPIC else None
    if not reply and _repeats(told, _unasked(asked)):
        return _lowered(told)  # it says what the question says, and more
    answered = [name for name in names(opening_sentence(turn.answer)) if name.casefold() not in set(words(asked))]
    rest = _unasked(asked)
    wh = parse(asked).wh
    if wh in {"who", "whom"} and answered:
        topic = f"{answered[0]} {rest}"
    elif wh in {"what", "which", "where"} and answered and answered[0].casefold() not in asked.casefold():
        topic = f"{rest}, {answered[0]}"
    else:
        topic = rest
    return topic if topic and len(topic.split()) <= _TOPIC else None


def _repeats(told: str, asked: str) -> bool:
    """Whether an answer has the question's names and half of its words, is short, and needs nothing explained itself.

    >>> _repeats("The US sanctioned three firms", "firms the US sanction"), _repeats("Nine were killed", "killed in Iran")
    (True, False)
    """
    wanted, had = set(content_stems(asked)), set(content_stems(told))
    pronouns = SINGULAR_PERSONS | THINGS | PLURAL
    if not wanted or len(told.split()) > _TOPIC or set(words(told)) & (pronouns - POSSESSIVES):
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


def _bare(question: str) -> str:
    return question.strip().rstrip("?!. ").strip()


def _lowered(text: str) -> str:
    first = words(text)[0]
    return text[:1].lower() + text[1:] if first in STOPWORDS | PREPOSITIONS | AUXILIARIES or numbers(first) else text


_ = (MONTHS, WEEKDAYS)
