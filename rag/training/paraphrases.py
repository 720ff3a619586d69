"""Ways to say the same as a sentence, or a part of it that holds without the rest, in other words.

Each takes the sentence, the whole text that it stands in and the source of random choices, and returns the
changed sentence, or `None` where the way does not apply or might change the meaning. Nothing inside quotation
marks is changed: a quotation in other words is none.
"""

from __future__ import annotations

import re
from random import Random

from rag.english.lexicon import (
    CALENDAR,
    DEGREE_NEGATIONS,
    DENYING_VERBS,
    DETERMINERS,
    MONTHS,
    NEGATIONS,
    NUMBER_WORDS,
    OFFICES,
    ORGANISATION_HEADS,
    PERSONAL,
    PLACE_LEVELS,
    PREPOSITIONS,
    SHORT_MONTHS,
    SPEECH_VERBS,
    TELLING_VERBS,
    TIME_WORDS,
    WEEKDAYS,
    alternation,
    forms,
)
from rag.english.names import names
from rag.english.phrases import NounPhrase, VerbGroup, phrase_after
from rag.training.synonyms import PHRASES, VERBS
from rag.training.wording import (
    Parsed,
    capitalised,
    conjugated,
    is_plural,
    parsed,
    role_of,
    spliced,
    told,
    uncapitalised,
)

__all__ = [
    "according", "active", "contraction", "date_form", "half", "hedge_kept", "in_figures", "in_words",
    "moved_time", "next_joined", "other_words", "passive", "possessive", "relative", "shortened",
    "speaker_first", "speaker_last", "verbatim", "without_adverb", "without_aside", "without_title",
]  # fmt: skip

# Words under which a part of a sentence does not follow from the whole.
_LIMITING = (
    NEGATIONS
    | DEGREE_NEGATIONS
    | frozenset(
        "if unless whether few fewer less only until before except unlikely rather instead".split()
        + "every all each most".split()
    )
)


def _is_limited(p: Parsed) -> bool:
    """Whether some word forbids taking a part for the whole: a denial, a condition, "every"."""
    return any(i.low in _LIMITING or i.low.endswith("n't") for i in p.said) or any(
        g.verb in DENYING_VERBS for g in p.groups
    )


def _is_free(p: Parsed) -> bool:
    """Whether the sentence quotes nothing."""
    return p.free(0, len(p.text))


def verbatim(sentence: str, _text: str, _rng: Random) -> str | None:
    return sentence


# --- parts -----------------------------------------------------------------------------------------------

_SPOKEN = re.compile(rf"\b(?:according|statement|{alternation(forms(TELLING_VERBS))})\b")


def shortened(sentence: str, _text: str, _rng: Random) -> str | None:
    """The sentence without its last clause, where that only adds to it."""
    p = parsed(sentence)
    cuts = [
        m.start()
        for m in re.finditer(r", (?:which|who|where|after|while|as|including|with|leaving)\s", sentence)
    ]
    if not cuts or cuts[-1] < 40 or not sentence.endswith(".") or not p.free(cuts[-1], len(sentence)):
        return None
    kept, left_out = sentence[: cuts[-1]], sentence[cuts[-1] + 2 :]
    if (
        "," in left_out
        or _SPOKEN.search(left_out)
        or re.search(r"\b(?:not|if|unless|but|only|well as)\b", left_out)
    ):
        return None
    main = [
        g
        for g in p.groups
        if g.kind == "finite"
        and p.start(g) < cuts[-1]
        and p.said[max(0, g.first - 1)].low not in {"who", "which", "that"}
    ]
    return (
        f"{kept}."
        if main and not re.search(r", (?:who|which)\b[^,]*\Z|\A(?:While|Although|As|If|When|After)\b", kept)
        else None
    )


_ASIDE = re.compile(
    r", (?:who|which|whose|a|an|the|known|based|aged|located|born|called|named|founded|dated|\d\d)\b"
    r"[^,“”\"()]{3,80},(?=\s[a-z])"
)


def without_aside(sentence: str, _text: str, _rng: Random) -> str | None:
    """The sentence without what stands between two commas behind a name or noun, before its verb."""
    p = parsed(sentence)
    firsts = {p.start(g) for g in p.groups if g.kind == "finite"}
    for match in _ASIDE.finditer(sentence):
        before = next((i for i in p.said if i.end == match.start()), None)
        if before is None or match.end() + 1 not in firsts or not p.free(*match.span()):
            continue
        if _SPOKEN.search(match.group()) or sentence[: match.start()].count(","):
            continue
        return sentence[: match.start()] + sentence[match.end() :]
    return None


# Left out, these take nothing from what a sentence says.
_ADVERBS = frozenset(
    """also very really quite quickly rapidly recently suddenly sharply heavily strongly sadly currently
    famously eventually repeatedly officially finally personally briefly immediately unexpectedly
    reluctantly publicly significantly dramatically simply actually certainly clearly already openly
    formally previously subsequently successfully steadily""".split()
)
_ADJECTIVES = frozenset(
    """huge massive major large big new small significant devastating popular famous beautiful
    controversial prominent powerful brutal dramatic stunning lengthy brief recent special detailed
    historic terrible remarkable serious extensive comprehensive impressive heavy ambitious lavish
    modest""".split()
)


def without_adverb(sentence: str, _text: str, rng: Random) -> str | None:
    """The sentence without an adverb or adjective that only colours it."""
    p = parsed(sentence)
    if _is_limited(p):
        return None
    edits: list[tuple[int, int]] = []
    for group in p.groups:
        for item in p.said[group.first : group.last - 1]:
            if item.low in _ADVERBS and group.kind == "finite":
                edits.append((item.start, item.end + 1))
    for before, item, after in zip(p.said, p.said[1:], p.said[2:], strict=False):
        plain = not after.mark and after.low not in PREPOSITIONS | {"and", "or", "enough"} and not after.name
        if before.low in {"a", "an"} and item.low in _ADJECTIVES and plain and not after.low[0].isdigit():
            edits.append((item.start, item.end + 1))
    edits = [e for e in edits if p.free(*e)]
    return spliced(sentence, *rng.choice(edits), "") if edits else None


def _is_place_or_body(named: str) -> bool:
    """Whether what follows a title makes it a part of a name: "King County Superior Court"."""
    return bool({*named.lower().split()} & (ORGANISATION_HEADS | PLACE_LEVELS))


def without_title(sentence: str, _text: str, rng: Random) -> str | None:
    """A person without the title before the name, where another word of the name is left."""
    p = parsed(sentence)
    edits: list[tuple[int, int]] = []
    for name in names(sentence):
        before = re.search(r"(?<![\w-])(?:[A-Z][a-z]+\s){0,2}[A-Z][a-z]+\.?\s\Z", sentence[: name.start])
        if (
            not name.title
            or before is None
            or " " not in name.text
            or name.possessive
            or _is_place_or_body(name.text)
        ):
            continue
        title = " ".join(before.group().lower().replace(".", "").split())
        if title == name.title and not re.search(
            r"\b(?:of|the|a|former|ex-|and|[A-Z]\S*)\s?\Z", sentence[: before.start()]
        ):
            edits.append((before.start(), name.start))
    edits = [e for e in edits if p.free(*e)]
    return spliced(sentence, *rng.choice(edits), "") if edits else None


def half(sentence: str, _text: str, rng: Random) -> str | None:
    """One half of a sentence that is two at "and", with its subject."""
    p = parsed(sentence)
    if (
        _is_limited(p)
        or not _is_free(p)
        or re.search(r"[;:—–]|\b(?:know|think|believe|hope|both|that|when|while|as|between)\b", sentence)
    ):
        return None
    finite = [g for g in p.groups if g.kind == "finite"]
    if len(finite) != 2 or not sentence.endswith("."):
        return None
    one, two = finite
    subject = p.subject(one)
    joint = next((i for i in p.said if i.low == "and" and p.verb(one).end < i.start < p.start(two)), None)
    if (
        subject is None
        or subject.first != 0
        or joint is None
        or one.verb in SPEECH_VERBS
        or two.verb in SPEECH_VERBS
    ):
        return None
    if any(i.low in {"and", "or", "who", "which", "but"} for i in p.said if i is not joint):
        return None
    first = f"{sentence[: joint.start].rstrip(' ,')}."
    if p.said[two.first - 1] is joint:
        second = f"{p.words(subject)} {sentence[p.start(two) :]}"
    else:
        other = p.subject(two)
        if other is None or p.said[other.first - 1] is not joint or p.said[other.head].low in PERSONAL:
            return first if sentence[joint.start - 2] == "," else None
        second = capitalised(sentence[p.said[other.first].start :])
    return rng.choice([first, second])


def relative(sentence: str, _text: str, _rng: Random) -> str | None:
    """A relative clause made a sentence of its own: "X, who leads Y, said Z" as "X leads Y"."""
    p = parsed(sentence)
    if not _is_free(p):
        return None
    for group in p.groups:
        at = group.first - 2
        if group.kind != "finite" or at < 1 or p.said[at + 1].low != "who" or p.said[at].low != ",":
            continue
        whom = next((i for i in range(at) if p.said[i].end == p.said[at].start and p.said[i].name), None)
        if (
            whom is None
            or (whom and p.said[whom - 1].low in PREPOSITIONS | {",", "and", "or", "of"})
            or p.said[whom].possessive
        ):
            continue
        rest = sentence[p.start(group) :]
        end = rest.find(", ")
        said = (rest[:end] if end > 0 else rest.rstrip(".")).rstrip()
        if (
            len(said) >= 12
            and len(parsed(f"He {said}.").groups) >= 1
            and not re.search(r"\b(?:also|and|or)\Z", said)
        ):
            return f"{p.said[whom].text} {said}."
    return None


def next_joined(sentence: str, text: str, rng: Random) -> str | None:
    """The sentence and the one behind it in one. Where it stands twice in the text, the first counts."""
    for (_, _, one), (start, _, two) in zip(told(text), told(text)[1:], strict=False):
        if one != sentence:
            continue
        ended = one.endswith(".") and two.endswith(".") and not re.search(r"\b[A-Z]\.\Z", one)
        follows = "\n\n" not in text[max(0, start - 3) : start]
        plain = not re.search(
            r"[“”\";:?—]|\A(?:But|And|Or|Yet|So|However|Still|Photos|Also)\b", one + " " + two
        )
        opens = not re.match(
            r"(?:But|And|Or|Yet|So|However|Still|Also|Meanwhile|Then|Instead|For|In addition)\b", two
        )
        if not (ended and follows and plain and opens and 25 <= len(two) <= 180):
            return None
        if not any(g.kind == "finite" for g in parsed(two).groups):
            return None
        return f"{one[:-1]}{rng.choice([', and', ', while'])} {uncapitalised(two)}"
    return None


# --- numbers and days ------------------------------------------------------------------------------------

_WORDS = {word: value for word, value in NUMBER_WORDS.items() if 2 <= value <= 12}
_BY_VALUE = {str(value): word for word, value in _WORDS.items()}
_FIGURE = re.compile(
    r"(?<![\w.,$€£:/’'–-])(?:[2-9]|1[0-2])(?=\s[a-z]{3,})(?!\s(?:per|percent|million|billion|p\b|a\b))"
)


def in_figures(sentence: str, _text: str, _rng: Random) -> str | None:
    """Small numbers in figures; not a half of "forty-nine"."""
    p = parsed(sentence)
    found = [
        m
        for m in re.finditer(
            rf"(?<![\w-])(?:{alternation(_WORDS)})\b(?=\s[a-z]{{3,}})(?!\s(?:of|and|ourselves|more|or)\b)",
            sentence,
        )
        if p.free(*m.span())
    ]
    for m in reversed(found):
        sentence = sentence[: m.start()] + str(_WORDS[m.group()]) + sentence[m.end() :]
    return sentence if found else None


def in_words(sentence: str, _text: str, _rng: Random) -> str | None:
    """Small numbers that count something in words."""
    p = parsed(sentence)
    month = (
        rf"(?:{alternation(m.capitalize() for m in MONTHS)}|[A-Z][\w.’'-]*|No\.?|age|aged|number|page)\s\Z"
    )
    found = [
        m
        for m in _FIGURE.finditer(sentence)
        if p.free(*m.span()) and not re.search(month, sentence[: m.start()])
    ]
    for m in reversed(found):
        sentence = spliced(sentence, *m.span(), _BY_VALUE[m.group()])
    return sentence if found else None


_MONTHS = [month.capitalize() for month in MONTHS]
_SHORT = {short: MONTHS[number - 1].capitalize() for short, number in SHORT_MONTHS.items()}
_US_DATE = re.compile(
    rf"\b(?P<month>{alternation(_MONTHS)})\s(?P<day>\d{{1,2}})(?:,\s(?P<year>\d{{4}}),?)?(?![\d:]|\s?[ap]\.?m)"
)
_UK_DATE = re.compile(
    rf"(?<!\d )(?<![\d–-])\b(?P<day>\d{{1,2}})\s(?P<month>{alternation(_MONTHS)})(?:\s(?P<year>\d{{4}}))?\b"
)
_SHORT_DATE = re.compile(rf"\b(?P<short>{alternation(s.capitalize() for s in _SHORT)})\.\s(?=\d{{1,2}}\b)")


def date_form(sentence: str, _text: str, _rng: Random) -> str | None:
    """A day written otherwise: "January 3, 2026" as "3 January 2026", "Jan. 3" as "January 3"."""
    p = parsed(sentence)
    if (m := _SHORT_DATE.search(sentence)) and p.free(*m.span()):
        return sentence[: m.start()] + _SHORT[m["short"].lower()] + " " + sentence[m.end() :]
    if (m := _UK_DATE.search(sentence)) and p.free(*m.span()):
        year = f", {m['year']}" if m["year"] else ""
        return f"{sentence[: m.start()]}{m['month']} {m['day']}{year}{sentence[m.end() :]}"
    if (
        (m := _US_DATE.search(sentence))
        and p.free(*m.span())
        and not re.match(r"\s?(?:[-–]|to\s|and\s)\d", sentence[m.end() :])
    ):
        year = f" {m['year']}" if m["year"] else ""
        return f"{sentence[: m.start()]}{m['day']} {m['month']}{year}{sentence[m.end() :]}"
    return None


_OPENING_TIME = re.compile(
    rf"\A(?P<time>On (?:{alternation(d.capitalize() for d in WEEKDAYS)})|"
    rf"(?:In|Since) (?:(?:{alternation(_MONTHS)}) )?\d{{4}}|"
    rf"On (?:{alternation(_MONTHS)}) \d{{1,2}}|In (?:{alternation(_MONTHS)})|Last (?:week|month|year)|"
    rf"Earlier (?:this|that) (?:week|month|year)|Yesterday),? (?=[A-Za-z])"
)


def moved_time(sentence: str, _text: str, _rng: Random) -> str | None:
    """A time that opens the sentence put to its end, where that has one verb."""
    p = parsed(sentence)
    match = _OPENING_TIME.match(sentence)
    finite = [g for g in p.groups if g.kind == "finite"]
    if (
        match is None
        or len(finite) != 1
        or "," in sentence[match.end() :]
        or not _is_free(p)
        or not sentence.endswith(".")
    ):
        return None
    if any(i.low in TIME_WORDS or re.fullmatch(r"\d{4}", i.low) for i in p.said if i.start >= match.end()):
        return None
    return (
        f"{capitalised(sentence[match.end() : -1])} {uncapitalised(match['time'])}."
        if not re.search(r"\b(?:to|ing)\b", sentence[-40:])
        else None
    )


# --- who says it -----------------------------------------------------------------------------------------

_SAID_LAST = re.compile(
    r"\A(?P<what>[^“”\"]{25,}), (?P<who>[A-Z][\w.’'-]*(?: [\w.’'-]+){0,7}|[a-z]+(?: [\w.’'-]+){0,6})"
    r" (?P<verb>said|says)"
    rf"(?P<when>(?: on)? (?:{alternation(d.capitalize() for d in WEEKDAYS)}))?\.\Z"
)
_BY_LAST = re.compile(r"\A(?P<what>[^“”\"]{25,}), according to (?P<who>(?:the |a |an )?[\w.’' -]{3,70})\.\Z")
_BY_FIRST = re.compile(r"\AAccording to (?P<who>(?:the |a |an )?[\w.’' -]{3,70}), (?P<what>[^“”\"]{25,})\.\Z")


def speaker_first(sentence: str, _text: str, _rng: Random) -> str | None:
    """ "…, X said." told as "X said …"."""
    match = _SAID_LAST.match(sentence)
    if not match or not _is_statement(match["what"]) or "," in match["who"]:
        return None
    said = f"{match['verb']}{match['when'] or ''}"
    return f"{capitalised(match['who'])} {said} that {uncapitalised(match['what'])}."


def speaker_last(sentence: str, _text: str, _rng: Random) -> str | None:
    """ "X said that …" told as "…, X said"."""
    split = _said_first(parsed(sentence))
    return f"{capitalised(split[1])}, {uncapitalised(split[0])} said." if split else None


def according(sentence: str, _text: str, _rng: Random) -> str | None:
    """ "X said …" told as "According to X, …", and the other way round."""
    match = _BY_LAST.match(sentence) or _BY_FIRST.match(sentence)
    if match:
        good = _is_statement(match["what"]) and not re.search(r"\b(?:and|or)\b", match["who"])
        return (
            f"{capitalised(match['who'])} said {uncapitalised(match['what'])}."
            if good and _speaks(match["who"])
            else None
        )
    split = _said_first(parsed(sentence))
    if split is None or split[0].lower() in PERSONAL:
        return None
    who = uncapitalised(split[0]) if " " in split[0] or split[0].endswith("s") else split[0]
    return f"According to {who}, {split[1]}."


def _speaks(who: str) -> bool:
    """Whether a source is one that says things: a person, a body, a report."""
    return bool(
        re.search(r"(?:\A|\s)[A-Z]|report|study|statement|police|officials|analysts|experts|researchers", who)
    )


def _is_statement(what: str) -> bool:
    """Whether words can stand behind "said": a clause with a subject first, and no one speaking inside it."""
    p = parsed(f"{what}.")
    finite = [g for g in p.groups if g.kind == "finite"]
    if not finite or any(g.verb in SPEECH_VERBS for g in finite):
        return False
    return not re.match(
        r"(?:But|And|Or|So|Yet|Because|While|When|If|As|After|Although|However|How|What|Why|Who)\b|.{0,40}:",
        what,
    )


def _said_first(p: Parsed) -> tuple[str, str] | None:
    """Who says it and what, of a sentence that begins with them: "X said (that) …"."""
    if (
        len(p.groups) < 2
        or p.groups[0].verb != "say"
        or p.verb(p.groups[0]).low != "said"
        or not p.text.endswith(".")
    ):
        return None
    one, two = p.groups[0], next((g for g in p.groups[1:] if g.kind == "finite"), None)
    who = p.subject(one)
    if two is None or who is None or who.first != 0 or one.last - one.first > 1 or not _is_free(p):
        return None
    begins = one.last + (p.said[one.last].low == "that")
    what = p.subject(two)
    if what is None or what.first != begins or re.search(r"\b(?:and|or)\b", p.words(who)):
        return None
    words = p.text[p.said[begins].start : -1]
    return (p.words(who), words) if _is_statement(capitalised(words)) and "which" not in words else None


# --- voice -----------------------------------------------------------------------------------------------

# Verbs whose object a passive can begin with, in all their senses.
_TRANSITIVE = frozenset(
    """abduct acquire acquit appoint approve arrest assassinate attack adopt abolish ambush ban bomb build
    buy capture condemn confiscate construct convict criticise criticize damage defeat deploy design
    destroy detain direct discover elect establish expel fine found hire host injure install intercept
    invade investigate invent jail kidnap kill launch murder nominate organise organize overturn paint
    praise produce publish purchase record recruit reject release rescue sell seize shell shoot sign
    sponsor strike sue suspend topple torpedo train unveil conquer defend detect evacuate fund inspire
    invite oversee translate introduce compose perform win write""".split()
)


def passive(sentence: str, _text: str, _rng: Random) -> str | None:
    """ "A attacked B" told as "B was attacked by A"."""
    p = parsed(sentence)
    for group in p.groups:
        if (
            group.kind != "finite"
            or group.passive
            or group.verb not in _TRANSITIVE
            or group.last - group.first != 1
        ):
            continue
        who, whom = p.subject(group), p.object(group)
        if (
            role_of(p, group) != "past"
            or who is None
            or whom is None
            or not (_stands(p, who) and _ends(p, whom))
        ):
            continue
        if (
            not p.free(p.said[who.first].start, p.said[whom.last - 1].end)
            or _refers(p, who)
            or _refers(p, whom)
        ):
            continue
        plural = is_plural(p, whom)
        if plural is None:
            continue
        first = p.said[who.first].start == 0
        done = f"{'were' if plural else 'was'} {conjugated(group.verb, 'participle')} by"
        agent = uncapitalised(p.words(who)) if first else p.words(who)
        given = sentence[p.verb(group).end + 1 : p.said[whom.last - 1].end]  # with a title, which is no item
        patient = capitalised(given) if first else given
        start, end = p.said[who.first].start, p.said[whom.last - 1].end
        return f"{sentence[:start]}{patient} {done} {agent}{sentence[end:]}"
    return None


def active(sentence: str, _text: str, _rng: Random) -> str | None:
    """ "B was attacked by A" told as "A attacked B"."""
    p = parsed(sentence)
    for group in p.groups:
        if group.kind != "finite" or not group.passive or group.verb not in _TRANSITIVE or group.negative:
            continue
        if {i.low for i in p.said[group.first : group.last - 1]} - {"was", "were"} or p.said[
            min(group.last, len(p.said) - 1)
        ].low != "by":
            continue
        whom = p.subject(group)
        who = phrase_after(p.said, group.last + 1, frozenset(g.first for g in p.groups))
        if (
            whom is None
            or who is None
            or not (_stands(p, whom) and _ends(p, who))
            or _refers(p, who)
            or _refers(p, whom)
        ):
            continue
        if not p.free(p.said[whom.first].start, p.said[who.last - 1].end):
            continue
        first = p.said[whom.first].start == 0
        given = sentence[
            p.said[group.last].end + 1 : p.said[who.last - 1].end
        ]  # with a title, which is no item
        agent = capitalised(given) if first else given
        patient = uncapitalised(p.words(whom)) if first else p.words(whom)
        verb = conjugated(group.verb, "past")
        start, end = p.said[whom.first].start, p.said[who.last - 1].end
        return f"{sentence[:start]}{agent} {verb} {patient}{sentence[end:]}"
    return None


def _stands(p: Parsed, phrase: NounPhrase) -> bool:
    """Whether a phrase is a whole subject: it opens the sentence, or stands behind a time and a comma."""
    if p.said[phrase.first].start == 0:
        return True
    before = p.text[: p.said[phrase.first].start]
    return bool(re.fullmatch(r"(?:On|In|At|Last|Earlier|Later)\b[^,]{2,30}, ", before))


def _ends(p: Parsed, phrase: NounPhrase) -> bool:
    """Whether a phrase is whole: a mark or a preposition that cannot belong to it follows."""
    after = p.said[phrase.last] if phrase.last < len(p.said) else None
    if after is not None and after.low == ",":
        behind = p.said[phrase.last + 1].low if phrase.last + 1 < len(p.said) else ""
        return behind in {"and", "but", "while", "after", "when", "where", "although"}
    return after is None or after.low in {
        ".",
        "on",
        "in",
        "during",
        "after",
        "last",
        "at",
        "before",
        "when",
    }


def _refers(p: Parsed, phrase: NounPhrase) -> bool:
    """Whether a phrase holds a word that another order could make mean another, or is a time."""
    run = p.said[phrase.first : phrase.last]
    return any(
        i.low in PERSONAL | TIME_WORDS | {"his", "their", "its", "who", "which"}
        or i.mark
        or i.possessive
        or i.low.startswith("who'")
        for i in run
    )


# --- other words -----------------------------------------------------------------------------------------


def other_words(sentence: str, _text: str, rng: Random) -> str | None:
    """Up to three words in place of others that mean the same."""
    p = parsed(sentence)
    edits: list[tuple[int, int, str]] = []
    for group in p.groups:
        item = p.verb(group)
        if (
            group.verb not in VERBS
            or (group.verb == "help" and re.search(r"\bto\b", sentence[item.end :][:30]))
            or (group.passive and any(" " in other for other in VERBS[group.verb]))
        ):
            continue
        if item.low == "purchase" or not p.free(item.start, item.end) or not _takes_object(p, group):
            continue
        head, _, rest = rng.choice(VERBS[group.verb]).partition(" ")
        edits.append(
            (item.start, item.end, conjugated(head, role_of(p, group)) + (f" {rest}" if rest else ""))
        )
    for match in re.finditer(rf"(?<![\w-])(?:{alternation(PHRASES)})(?![\w’'-])", sentence):
        if p.free(*match.span()):
            edits.append((*match.span(), rng.choice(PHRASES[match.group()])))
    chosen = sorted(rng.sample(edits, min(3, len(edits))), reverse=True)
    for start, end, new in chosen:
        sentence = spliced(sentence, start, end, new)
    return sentence if chosen else None


def _takes_object(p: Parsed, group: VerbGroup) -> bool:
    """Whether no particle follows that makes the verb another: "set off", "sought out"."""
    after = p.said[group.last].low if group.last < len(p.said) else "."
    return (
        after
        not in {"out", "off", "up", "down", "over", "away", "back", "with", "for", "about", "into", "by"}
        or group.passive
    )


_OWNED = OFFICES | frozenset(
    """army economy capital population government parliament constitution coast president death arrival
    departure decision resignation arrest wife husband mother father brother sister son daughter home
    father-in-law children family career attack campaign house body birthplace visit budget""".split()
)
_OF_NAME = re.compile(
    r"\b(?P<the>[Tt]he) (?P<what>[a-z]+) of (?P<who>(?:[A-Z][\w’-]+ ){0,2}[A-Z][\w’-]+)(?=[.,]| [a-z]+)"
)


def possessive(sentence: str, _text: str, _rng: Random) -> str | None:
    """ "Iran's president" told as "the president of Iran", and the other way round."""
    p = parsed(sentence)
    stops = {g.first for g in p.groups}
    for at, item in enumerate(p.said[:-2]):
        what, after = p.said[at + 1], p.said[at + 2]
        if not item.name or not item.possessive or what.low not in _OWNED or item.low in CALENDAR:
            continue
        if at and (p.said[at - 1].low in DETERMINERS | {"and", "or"} or p.said[at - 1].name):
            continue
        if re.search(r"[A-Z][\w.’'-]*\s\Z", sentence[: item.start]):
            continue  # a title that the name does not hold
        over = at + 2 in stops or after.low in {",", ".", "in", "on", "at", "during", "after", "for", "from"}
        if (after.low == "." or (over and not after.name)) and p.free(item.start, what.end):
            return spliced(sentence, item.start, what.end, f"the {what.text} of {item.text}")
    for match in _OF_NAME.finditer(sentence):
        named = next((i for i in p.said if i.name and i.start == match.start("who")), None)
        if (
            match["what"] in _OWNED
            and named is not None
            and named.end == match.end("who")
            and p.free(*match.span())
        ):
            if (
                match["who"].endswith("s")
                or named.low in CALENDAR
                or re.match(r" and\b", sentence[match.end() :])
            ):
                continue
            return spliced(sentence, *match.span(), f"{match['who']}’s {match['what']}")
    return None


_CONTRACTED = {
    "did not": "didn’t", "does not": "doesn’t", "do not": "don’t", "is not": "isn’t", "are not": "aren’t",
    "was not": "wasn’t", "were not": "weren’t", "has not": "hasn’t", "have not": "haven’t",
    "had not": "hadn’t",
    "will not": "won’t", "would not": "wouldn’t", "could not": "couldn’t", "should not": "shouldn’t",
    "cannot": "can’t", "it is": "it’s", "they are": "they’re", "he is": "he’s", "she is": "she’s",
}  # fmt: skip
_WHOLE = {short: whole for whole, short in _CONTRACTED.items() if whole.endswith("not")}


def contraction(sentence: str, _text: str, rng: Random) -> str | None:
    """ "Did not" told as "didn't", and the other way round."""
    p = parsed(sentence)
    pairs = _CONTRACTED | _WHOLE
    found = [
        (*m.span(), pairs[m.group().replace("'", "’")])
        for m in re.finditer(
            rf"\b(?:{alternation({*pairs, *(s.replace('’', chr(39)) for s in _WHOLE)})})\b(?!\sonly|[.,])",
            sentence,
        )
        if p.free(*m.span())
        and not (m.group().startswith(("plan", "hope")) and all(p.start(g) != m.start() for g in p.groups))
        and not (
            m.group().startswith("fail")
            and re.search(r"\b(?:ha\w+|be|was|were|and)\s\Z", sentence[: m.start()])
        )
    ]
    return spliced(sentence, *rng.choice(found)) if found else None


_HEDGES = {
    "is expected to": "is likely to", "are expected to": "are likely to", "may not": "might not",
    "may": "might",
    "is not expected to": "is not likely to", "is unlikely to": "is not likely to",
    "are unlikely to": "are not likely to", "was unable to": "was not able to",
    "were unable to": "were not able to",
    "plans to": "intends to", "plan to": "intend to", "planned to": "intended to",
    "is believed to": "is thought to",
    "are believed to": "are thought to", "tried to": "attempted to", "try to": "attempt to",
    "trying to": "attempting to", "hopes to": "would like to", "hope to": "would like to", "perhaps": "maybe",
    "probably": "very likely", "possibly": "perhaps", "was believed to": "was thought to",
    "aims to": "seeks to",
    "nearly": "almost", "failed to": "did not manage to", "fails to": "does not manage to",
    "declined to": "chose not to", "is said to": "is reported to",
    "claims that": "asserts that", "claimed that": "asserted that",
}  # fmt: skip


def hedge_kept(sentence: str, _text: str, rng: Random) -> str | None:
    """What is open, planned, tried or denied told to be so in other words."""
    p = parsed(sentence)
    found = [
        (*m.span(), _HEDGES[m.group()])
        for m in re.finditer(rf"(?<![\w-])(?:{alternation(_HEDGES)})\b(?!\s(?:not|well)\b)", sentence)
        if p.free(*m.span())
        and not (m.group().startswith(("plan", "hope")) and all(p.start(g) != m.start() for g in p.groups))
        and not (
            m.group().startswith("fail")
            and re.search(r"\b(?:ha\w+|be|was|were|and)\s\Z", sentence[: m.start()])
        )
    ]
    return spliced(sentence, *rng.choice(found)) if found else None
