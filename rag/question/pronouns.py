"""A word that stands for something, replaced by what it stands for: a pronoun, "there", "then", "one", "the
second one".
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag.english.conversation import (
    EVENT_NOUNS,
    HEADING_VERBS,
    MOTION_VERBS,
    PERSONAL_ADJECTIVES,
    RELATIONAL_ADJECTIVES,
    WEATHER,
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
from rag.question.parse import Role, bare, is_done, is_plural, is_time, parse, past_form, phrases, read
from rag.question.referents import (
    LONGEST_FRAGMENT,
    LONGEST_TOPIC,
    NEAR,
    Talk,
    names,
    place_of,
    possessive,
    referent,
    reply_to,
    time_of,
)
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

    >>> picked("Where is the second one?", Talk([Turn("Which ports are shut?", "Gwadar, Ormara and Karachi.")]))
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
                return noted(question, talk.turns[-1])
        if pronoun in THINGS and _is_event(before, after, talk.turns[-1]):
            return noted(question, talk.turns[-1])
        if (
            pronoun in PLURAL
            and not put
            and (counting := next((t for t in reversed(talk.near) if _counts(t)), None))
        ):
            if counting is talk.turns[-1]:
                return noted(question, counting)
        owns = _is_possessive(pronoun, after)
        role = (
            Role.OBJECT
            if _ends_clause(after) or (words(before)[-1:] and words(before)[-1] in PREPOSITIONS)
            else Role.SUBJECT
        )
        role = Role.SUBJECT if owns else role
        if role is Role.SUBJECT and not owns and _is_passive(question):
            role = Role.OBJECT  # "how much was it fined?" asks for what was done to it
        skip = " ".join([*names(before), *put.values()])
        name = referent(pronoun, role, talk.turns, talk.genders, near=NEAR, skip=skip)
        if name is None:
            continue
        if pronoun in THINGS and (open_turn := _undecided(name, talk)):
            return noted(question, open_turn)
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


def _undecided(name: str, talk: Talk) -> Turn | None:
    """The turn that leaves open whether "it" is its subject or the stuff that answers it: "What does Ford
    make?" "Steel."
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
    while rest and rest[0] in BE | HAVE | ADVERBS | {
        "not",
        "will",
        "would",
        "really",
        "so",
        "very",
        "get",
        "being",
    }:
        rest = rest[1:]
    if rest[:1] in (["from"], ["to"], ["since"], ["until"]) and "how" in words(question[: match.start()]):
        return True  # "how far is it from Oslo to Bergen"
    if not rest:
        return before == ["time", "is"] or before == ["day", "is"]
    if rest[0] in WEATHER and (len(rest) == 1 or rest[1] in PREPOSITIONS | TIME_WORDS | ADVERBS | STOPWORDS):
        return True
    if rest[0] in {"take", "takes", "took", "taken", "cost", "costs"} and "to" in rest[1:]:
        return True
    if rest[0] in {
        "true",
        "time",
        "clear",
        "emerged",
        "emerge",
        "seem",
        "seems",
        "appear",
        "appears",
        "matter",
        "mean",
    }:
        return True
    if rest[0] in {"possible", "likely", "that", "who", "to"}:
        return True
    extraposed = (
        len(rest) > 1 and rest[1] in {"to", "that", "for", "if", "whether"} and rest[0] not in PREPOSITIONS
    )
    inherent = (
        rest[0] in PERSONAL_ADJECTIVES | RELATIONAL_ADJECTIVES
        or past_form(rest[0])
        or rest[0].endswith(("ed", "ing"))
    )
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
        phrase.words[0].low in {"the", "a", "an", "your", "our", *POINTING} and len(phrase.words) > 1
        for phrase in asked.phrases
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
    """Whether the turn asks for several of a kind that its answer does not name: "they" are those, with all
    that was said of them.
    """
    asked = parse(turn.question)
    reply = reply_to(turn)
    noun = next(iter(asked.about(Role.ASKED)), None)
    return bool(noun and is_plural(noun.text)) and not (
        reply and reply.named and asked.wh in {"which", "what"}
    )


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
        elsewhere = any(
            phrase.preposition and phrase.name and not phrase.time for phrase in parse(before).phrases
        )
        if existential or set(follows) & (BE | HAVE) or elsewhere or previous == ["that"]:
            continue
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
    match = re.search(
        rf"(?<=\w)\s+(?:(?:by |since )?then|(?:(?:on|in|at|during) )?(?:that|the same) (?:{'|'.join(UNITS_OF_TIME)}|time|night|season)"
        r"|at the time)(?=\s*[?.!]*\s*$)",
        question,
        re.IGNORECASE,
    )
    if not match or len(words(question)) > LONGEST_TOPIC or parse(question[: match.start()]).text == "":
        return None
    if re.match(r"\s+(?:by|since)\b", match.group()):
        return None
    if not parse(question).structured or any(
        phrase.time for phrase in parse(question[: match.start()]).phrases
    ):
        return None
    when = time_of(talk.turns, near=NEAR)
    return f"{question[: match.start()]} {when}{question[match.end() :]}" if when else None


def one(question: str, talk: Talk) -> str | None:
    """The word "one" for a thing of the kind that was spoken of.

    >>> one("How much does a new one cost?", Talk([Turn("Did the town buy a snow plough?", "Yes.")]))
    'How much does a new snow plough cost?'
    """
    match = re.search(
        r"\b(?:a|an|another|this|that|the|which)(?: (?!one\b)[\w-]+)? (?P<one>ones?)\b(?! of\b)",
        question,
        re.I,
    )
    if match and set(words(match.group())) & {*ORDINALS, "last", "other", "only", "right"}:
        return None
    if (
        not match
        or len(words(question)) > LONGEST_TOPIC
        or words(question[: match.start("one")])[-1:] == ["no"]
    ):
        return None
    for turn in reversed(talk.near):
        asked = parse(turn.question)
        for phrase in sorted(asked.phrases, key=lambda each: list(_ONE_ROLES).index(each.role)):
            kept = [
                word for word in phrase.words if word.low not in DETERMINERS and not word.text[0].isupper()
            ]
            if (
                not kept
                or phrase.time
                or kept[-1] is not phrase.words[-1]
                or kept[-1].low in PERSONAL | STOPWORDS
            ):
                continue
            noun = " ".join(word.text for word in kept)
            if is_plural(noun) and match["one"].casefold() == "one":
                noun = noun.removesuffix("s")
            return f"{question[: match.start('one')]}{noun}{question[match.end('one') :]}"
    return None


_ONE_ROLES = (Role.OBJECT, Role.ASKED, Role.SUBJECT, Role.ADJUNCT)
