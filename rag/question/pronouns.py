"""A word that stands for something, replaced by what it stands for: a pronoun, "there", "then", "one", "the
second one".
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag.english.conversation import (
    EMPTY_AFTER_IT,
    EVENT_NOUNS,
    EVENT_VERBS,
    HEADING_VERBS,
    MOTION_VERBS,
    PERSONAL_ADJECTIVES,
    RELATIONAL_ADJECTIVES,
    WEATHER,
    WORKS,
)
from rag.english.lexicon import (
    ADVERBS,
    AUXILIARIES,
    BE,
    DETERMINERS,
    FEMALE,
    HAVE,
    MALE,
    ORDINALS,
    PERSONAL,
    PLURAL,
    POINTING,
    POSSESSIVES,
    PREPOSITIONS,
    SINGULAR_PERSONS,
    STOPWORDS,
    THINGS,
    TIME_WORDS,
    UNITS_OF_TIME,
    verb_forms,
)
from rag.english.normalise import content_stems, words
from rag.english.numbers import numbers
from rag.english.sentences import sentences
from rag.question.parse import Question, parse
from rag.question.phrases import Role, bare, is_done, is_plural, is_time, past_form, phrases, read
from rag.question.referents import place_of, possessive, referent, time_of
from rag.question.talk import LONGEST_FRAGMENT, LONGEST_TOPIC, NEAR, Talk, names, reply_to
from rag.question.topic import is_bare_count, noted
from rag.types import Turn

__all__ = ["filled", "one", "picked", "replaced"]


_PICK = re.compile(
    rf"\bthe (?:(?P<nth>{'|'.join(ORDINALS[:5])}|last|other) one|(?P<of_two>former|latter)|"
    rf"(?P<bare>{'|'.join(ORDINALS[:5])}|last)(?=\s*\??$))\b",
    re.IGNORECASE,
)


def picked(question: str, talk: Talk) -> str | None:
    """A member of the newest list, by its place in it.

    >>> picked("Where is the second one?", Talk([Turn("Which ports?", "Gwadar, Ormara and Karachi.")]))
    'Where is Ormara?'
    """
    match = _PICK.search(question)
    if not match or len(words(question)) > LONGEST_TOPIC:
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
        *parts, last = re.split(r",\s*(?:(?:and|or)\s+)?", bare(text[start:end]))
        parts += re.split(r"\s+(?:and|or)\s+", last, maxsplit=1)
        if any(len(part.split()) > LONGEST_FRAGMENT for part in parts[1:-1]):
            continue
        others = [
            found.group() for part in parts[1:] if (found := re.match(_CAPITALS, part.removeprefix("the ")))
        ]
        if len(others) == len(parts) - 1:
            # "sanctioned Akhtar and Sons, …": the first member is the name that its part ends with, if any.
            named = re.search(rf"{_CAPITALS}(?:\s+and\s+{_CAPITALS})*$", parts[0])
            return [named.group(), *others] if named else others
        tail = phrases(parts[-1], read(parts[-1]), 0, len(read(parts[-1])))
        if not names(f"x {' '.join(parts)}") and tail:
            return [parts[0].split()[-1], *parts[1:-1], tail[0].text]
    return []


def filled(question: str, talk: Talk) -> str | None:
    """Pronouns replaced, then "there", "then" and "one"."""
    filled = question
    for rule in (replaced, _placed, _dated, one):
        filled = rule(filled, talk) or filled
    return filled if filled != question else None


def replaced(question: str, talk: Talk) -> str | None:
    """The pronouns that nothing in the question itself explains, each by what it stands for.

    >>> replaced("What is its capital?", Talk([Turn("why did the byzantine empire fall", "")]))
    "What is the byzantine empire's capital?"
    >>> replaced("What did she offer them?", Talk([Turn("Why did Dr Ann Lee meet nurses?", "")]))
    'What did Ann Lee offer nurses?'
    """
    put: dict[str, str] = {}
    whole = question
    for word in read(question):
        pronoun = word.low.partition("'")[0]
        kind = next((kind for kind in _KINDS if pronoun in kind), None)
        if kind is None or kind & set(put) or (pronoun in THINGS and _is_empty(question)):
            continue
        before, after = question[: word.start], question[word.start + len(pronoun) :]
        owns = _is_possessive(pronoun, after)
        explained, is_object = _explained(before, after), _is_object(before, after) and not owns
        if explained and not is_object:
            break
        # "What did Iran say about it?": what is spoken of can't be who speaks.
        if explained and not put and pronoun not in SINGULAR_PERSONS:
            return noted(question, talk.turns[-1])
        if _means_the_turn(pronoun, before, after, talk.turns[-1]) and not put:
            return noted(question, talk.turns[-1])
        role = Role.SUBJECT if owns else _role(question, before, after)
        skip = " ".join([*names(before), *put.values()])
        name = referent(
            pronoun,
            role,
            talk.turns,
            talk.genders,
            near=NEAR,
            skip=skip,
            owns=owns,
            asks=parse(question).asks_subject,
        )
        if name is None:
            continue
        if pronoun in THINGS and (undecided := _undecided(name, talk)):
            return noted(question, undecided)
        put[pronoun] = name
        if pronoun in SINGULAR_PERSONS:
            talk.genders.setdefault(name.casefold(), "she" if pronoun in FEMALE else "he")
        new = possessive(name, "’" if "’" in question else "'") if owns else name
        new = new[:1].upper() + new[1:] if question[:1].isupper() and not before.strip() else new
        whole = f"{whole[: len(whole) - len(after) - len(pronoun)]}{new}{after}"
    if not put:
        return None
    return whole if names(f"x {whole}") else _located(whole, talk.turns)


_KINDS = (SINGULAR_PERSONS & MALE, SINGULAR_PERSONS & FEMALE, THINGS, PLURAL)


def _role(question: str, before: str, after: str) -> Role:
    """The part of a pronoun that owns nothing. The subject of a passive is what something was done to: "how
    much was it fined?".
    """
    asked = parse(question)
    passive = asked.auxiliary and asked.verb and asked.auxiliary.low in BE and is_done(asked.verb.low)
    if passive:
        return Role.OBJECT
    before_it = set(words(before)[-1:])
    if before_it & AUXILIARIES:
        return Role.SUBJECT
    return Role.OBJECT if before_it & PREPOSITIONS or _ends_clause(after) else Role.SUBJECT


def _means_the_turn(pronoun: str, before: str, after: str, turn: Turn) -> bool:
    """Whether a pronoun stands for all that the last question says: "it" happened, or "they" were counted
    there.
    """
    if pronoun in THINGS:
        return _is_event(before, after, turn)
    acts = not _ends_clause(after) and pronoun == "they"  # "what do they want"
    return pronoun in PLURAL and _counts(turn) and not (acts and is_plural(parse(turn.question).subject_text))


def _undecided(name: str, talk: Talk) -> Turn | None:
    """The turn that leaves open whether "it" is its subject or the stuff that answers it: "What does Ford
    make?" "Steel."
    """
    for turn in reversed(talk.near):
        asked, reply = parse(turn.question), reply_to(turn)
        if name.casefold() not in turn.question.casefold():
            continue
        if asked.asks_subject and _asks_for_works(asked):
            return turn  # "Which songs lead the chart?": "it" is one of them, or the chart
        if not reply:
            continue
        plain = not (reply.named or reply.time or is_plural(reply.phrase) or numbers(reply.phrase))
        if plain and asked.wh == "what" and asked.verb and read(reply.phrase)[0].low not in DETERMINERS:
            return turn
    return None


def _asks_for_works(asked: Question) -> bool:
    """
    >>> [_asks_for_works(parse(text)) for text in ("Which songs lead the chart", "Which firms built the dam")]
    [True, False]
    """
    sort = {word.low for phrase in asked.about(Role.ASKED) for word in phrase.words[-1:]}
    return any(is_plural(low) and low.removesuffix("s") in WORKS for low in sort)


def _is_event(before: str, after: str, turn: Turn) -> bool:
    """Whether "it" is something that happened, as the whole last question says it: "when did it happen?"."""
    asked = parse(turn.question)
    subject = asked.about(Role.SUBJECT)
    event = bool(subject and subject[0].words[-1].low in EVENT_NOUNS)
    answered = asked.wh in {"what", "which"} and reply_to(turn) is not None
    verb = verb_forms().get(next(iter(words(after)), ""), "")
    if (event or answered) and verb != "happen":
        return False  # "the strike": how long did it last?
    return before.rstrip().endswith("about") or verb in EVENT_VERBS


def _is_empty(question: str) -> bool:
    """Whether "it" stands for nothing, or for something in the same sentence.

    >>> [_is_empty(text) for text in ("Is it hard to swim?", "Did it rain?", "Is it able to swim?")]
    [True, True, False]
    """
    match = re.search(r"\bit\b(?:['’](?:s|ll|d))?(?P<rest>.*)", question, re.IGNORECASE | re.DOTALL)
    if not match:
        return False
    before, rest = words(question[: match.start()]), words(match["rest"])
    if "how" in before and rest[:1] and rest[0] in {"from", "to", "since", "until"}:
        return True  # "how far is it from Oslo to Bergen"
    if "how" in before and set(before) & WEATHER and rest:
        return True  # "how hot was it then"
    while rest and rest[0] in BE | HAVE | ADVERBS | {"not", "will", "would", "so", "very", "get"}:
        rest = rest[1:]
    if not rest:
        return before[-2:] in (["time", "is"], ["day", "is"])
    first, then = rest[0], rest[1] if len(rest) > 1 else ""
    if first in WEATHER and (not then or then in PREPOSITIONS | TIME_WORDS | ADVERBS | STOPWORDS):
        return True
    if first in EMPTY_AFTER_IT or (verb_forms().get(first) in {"take", "cost"} and "to" in rest):
        return True
    if re.match(r"\s*\w+:", match["rest"]):
        return True  # "is it legal: …"
    # "Is it hard to swim" is about swimming; "is it ready to swim" is about what swims.
    its_own = (
        first in PERSONAL_ADJECTIVES | RELATIONAL_ADJECTIVES
        or past_form(first)
        or first.endswith(("ed", "ing"))
    )
    linked = bool(before) and before[-1] in BE | {"will", "would"}
    return (
        linked
        and not its_own
        and first not in PREPOSITIONS
        and then in {"to", "that", "for", "if", "whether"}
    )


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
    if names(before, first=True):
        return True
    if _LEADING.match(before) and "," in after:
        return True  # "In his new book, what does Ann Lee say?"
    asks = parse(before).structured
    if not asks and len(content_stems(before)) > 1:
        return True  # "Scientists believe they …": a statement has its subject
    if asks and set(words(before)[-1:]) & AUXILIARIES and _is_one_clause(before):
        return False  # "which war did it win?": the pronoun is who did it
    if re.search(r"\w\s+and\b", before) or len(content_stems(before)) > 2:
        return True  # "What is rye and how is it baked?"
    asked = parse(before)
    pointing = {"the", "a", "an", "your", "our", *POINTING}
    described = any(phrase.words[0].low in pointing and len(phrase.words) > 1 for phrase in asked.phrases)
    return described or bool(asked.about(Role.ASKED) and asked.wh in {"which", "what"})


_LEADING = re.compile(
    r"\W*(?:in|on|at|for|after|following|during|with|despite|since|as|while|when|if)\b[^,]*$", re.IGNORECASE
)


_CLAUSE = re.compile(r"[.,;:!?]|\b(?:and|but|or|if|when|that|because|while|who|which)\b", re.IGNORECASE)


def _is_one_clause(before: str) -> bool:
    return not _CLAUSE.search(re.sub(r"^\W*\w+", "", before))


def _ends_clause(after: str) -> bool:
    said = read(after)
    ends = not re.match(r"\s*[^\s?.,;:!)]", after)
    dated = bool(said) and said[0].low in {"last", "next", "this", "that", "every"} and is_time(said[:2])
    return ends or dated or bool(said and said[0].low in PREPOSITIONS | TIME_WORDS)


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
    """Whether the turn asks for several of a kind that its answer does not name: "they" are those, with all
    that was said of them.
    """
    asked, reply = parse(turn.question), reply_to(turn)
    several = any(is_plural(phrase.text) for phrase in asked.about(Role.ASKED))
    return several and not (reply and reply.named and asked.wh in {"which", "what"})


def _placed(question: str, talk: Talk) -> str | None:
    """The word "there", by the newest place.

    >>> _placed("Who was there?", Talk([Turn("Where did they meet?", "They met in Davos.")]))
    'Who was in Davos?'
    """
    if len(words(question)) > LONGEST_TOPIC or is_bare_count(question):
        return None
    for match in re.finditer(r"\bthere\b(?!['’])", question, re.IGNORECASE):
        before, after = question[: match.start()], question[match.end() :]
        previous, follows = words(before)[-1:], words(after)[:1]
        existential = not previous or (previous[0] in AUXILIARIES and content_stems(after))
        if existential or previous == ["that"] or set(follows) & (BE | HAVE):
            continue
        if any(phrase.preposition and phrase.name and not phrase.time for phrase in parse(before).phrases):
            continue  # "who spoke in Oslo and there"
        if place := place_of(talk.turns, near=NEAR):
            lemma = verb_forms().get(previous[0], "")
            if lemma in MOTION_VERBS | HEADING_VERBS:  # "leave there", "go there"
                place = f"{'to ' if lemma in HEADING_VERBS else ''}{place.split(' ', 1)[1]}"
            return f"{before}{place}{after}"
    return None


def _dated(question: str, talk: Talk) -> str | None:
    """The words "then", "that day" and "at the time", by the newest time.

    >>> _dated("Who was governor then?", Talk([Turn("When was Ann Lee elected?", "In 2009.")]))
    'Who was governor in 2009?'
    """
    match = _THEN.search(question)
    if not match or len(words(question)) > LONGEST_TOPIC:
        return None
    before = parse(question[: match.start()])
    if not before.structured or any(phrase.time for phrase in before.phrases):
        return None
    when = time_of(talk.turns, near=NEAR)
    return f"{question[: match.start()]} {when}{question[match.end() :]}" if when else None


_THEN = re.compile(
    r"(?<=\w)\s+(?<!by )(?<!since )(?:then|at the time|(?:(?:on|in|at|during) )?(?:that|the same) "
    rf"(?:{'|'.join(UNITS_OF_TIME)}|time|night|season))(?=\s*[?.!]*\s*$)",
    re.IGNORECASE,
)


def one(question: str, talk: Talk) -> str | None:
    """The word "one" for a thing of the kind that was spoken of.

    >>> one("How much does a new one cost?", Talk([Turn("Did the town buy a snow plough?", "Yes.")]))
    'How much does a new snow plough cost?'
    """
    match = _ONE.search(question)
    if not match or len(words(question)) > LONGEST_TOPIC:
        return None
    if set(words(match.group())) & {*ORDINALS, "last", "other", "only", "right"}:
        return None
    for turn in reversed(talk.near):
        for phrase in sorted(parse(turn.question).phrases, key=lambda each: _ONE_ROLES.index(each.role)):
            kept = [word.text for word in phrase.words if word.low not in DETERMINERS and word.text.islower()]
            if (
                phrase.time
                or not kept
                or kept[-1] != phrase.words[-1].text
                or kept[-1] in PERSONAL | STOPWORDS
            ):
                continue
            noun = " ".join(kept)
            noun = noun.removesuffix("s") if is_plural(noun) and match["one"].casefold() == "one" else noun
            return f"{question[: match.start('one')]}{noun}{question[match.end('one') :]}"
    return None


_ONE = re.compile(
    r"\b(?:a|an|another|this|that|the|which)(?: (?!one\b)[\w-]+)? (?P<one>ones?)\b(?! of\b)", re.IGNORECASE
)


_ONE_ROLES = (Role.OBJECT, Role.ASKED, Role.SUBJECT, Role.ADJUNCT)
