"""What the ways of changing a sentence share: its verbs in place, their forms, words put in for others."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from random import Random

from rag.english.lexicon import (
    BE,
    BY_SHORT_NAME,
    CAPITALS,
    CONNECTIVES,
    CONTRACTIONS,
    COUNTRIES,
    DEMONYMS,
    DETERMINERS,
    DO,
    HAVE,
    MODALS,
    NUMBER_WORDS,
    OPENERS,
    ORGANISATION_HEADS,
    PLACES,
    PLURAL,
    PREPOSITIONS,
    SINGULAR_PERSONS,
    STOPWORDS,
    TELLING_VERBS,
    THINGS,
    alternation,
    inflect,
    past_forms,
)
from rag.english.names import Name, names
from rag.english.phrases import Item, NounPhrase, VerbGroup, items, phrase_after, phrase_before, verb_groups
from rag.english.sentences import in_quotation, sentences

__all__ = [
    "Change",
    "Parsed",
    "agreeing",
    "capitalised",
    "conjugated",
    "is_plural",
    "kind_of_name",
    "not_behind",
    "parsed",
    "persons",
    "role_of",
    "spliced",
    "told",
    "uncapitalised",
    "usable",
]

# A way of changing a sentence: the sentence, the whole text that it stands in, and the source of its choices.
# It returns the changed sentence, or `None` where it does not apply.
Change = Callable[[str, str, Random], str | None]

_PLURALS = frozenset("people police men women children these those both many".split())
_SINGULARS = frozenset("news politics economics physics athletics series species crisis this that".split())
_AN = re.compile(
    r"(?:[aeio]|u(?!ni(?!n|m)|s[aeiu]|k\b|s\b|t[ei])|hour|honest|heir|honou?r|8|11\b|18\b)", re.IGNORECASE
)
_NOT_AN = re.compile(r"(?:eu|one\b|once\b|ew)", re.IGNORECASE)
_SPELT_AN = re.compile(r"[AEFHILMNORSX](?=[A-Z]{1,4}\b|\.[A-Z])")
_HUMAN = re.compile(
    r"(?:, (?:who|whose|\d\d,|an?\s|the\s)"
    rf"|\s(?:who|{alternation(past_forms(TELLING_VERBS))}|died|was born)\b)"
)
_ARTICLE = re.compile(r"\b([Aa])n?(?= \Z)")


@dataclass(frozen=True, slots=True)
class Parsed:
    """A sentence with its items, its verb groups, and for each character whether it is quoted."""

    text: str
    said: tuple[Item, ...]
    groups: tuple[VerbGroup, ...]
    quoted: tuple[bool, ...]

    def start(self, group: VerbGroup) -> int:
        return self.said[group.first].start

    def verb(self, group: VerbGroup) -> Item:
        """The item of the main verb, or of the auxiliary that stands alone."""
        return self.said[group.last - 1]

    def free(self, start: int, end: int) -> bool:
        """Whether nothing from `start` to `end` is quoted."""
        return not any(self.quoted[start:end])

    def subject(self, group: VerbGroup) -> NounPhrase | None:
        """The phrase that stands right before a finite verb group, within its clause."""
        number = self.groups.index(group)
        floor = self.groups[number - 1].last if number else 0
        first = next((i + 1 for i in range(group.first - 1, floor - 1, -1) if self.said[i].mark), floor)
        return phrase_before(self.said, group.first, first)

    def object(self, group: VerbGroup) -> NounPhrase | None:
        """The phrase that stands right behind a verb group."""
        return phrase_after(self.said, group.last, frozenset(g.first for g in self.groups))

    def words(self, phrase: NounPhrase) -> str:
        return self.text[self.said[phrase.first].start : self.said[phrase.last - 1].end]


@lru_cache(maxsize=4_096)
def parsed(sentence: str) -> Parsed:
    """A sentence taken apart; the same sentence is taken apart once.

    >>> p = parsed("Iran may not have struck the port.")
    >>> p.verb(p.groups[0]).low, p.words(p.subject(p.groups[0])), p.words(p.object(p.groups[0]))
    ('struck', 'Iran', 'the port')
    """
    said = items(sentence)
    return Parsed(sentence, said, verb_groups(said), tuple(in_quotation(sentence)))


@lru_cache(maxsize=64)
def told(text: str) -> tuple[tuple[int, int, str], ...]:
    """The sentences of a text, each with its place and with single spaces."""
    return tuple((start, end, " ".join(text[start:end].split())) for start, end in sentences(text))


def usable(sentence: str) -> bool:
    """Whether a sentence can be made a statement: 60 to 320 characters, whole, with a verb that makes it one.

    >>> usable("The border will stay closed until the talks in Doha are over, officials said.")
    True
    >>> usable("The border that will stay closed until the talks in the city of Doha are over")
    False
    """
    if not 60 <= len(sentence) <= 320 or not re.search(r"[.”\"’]\Z", sentence) or "..." in sentence:
        return False
    if re.match(r"[^,.]{1,40}: [“\"]?[A-Z]", sentence):  # a caption, a place, or a name in a transcript
        return False
    if not re.match(r"[\"“‘]?[A-ZÀ-Þ0-9$£€]", sentence) or re.search(r"[|@#{}<>\[\]]|https?:", sentence):
        return False
    if sentence.count("“") != sentence.count("”") or sentence.count('"') % 2 or "?" in sentence:
        return False
    if sentence.count("(") != sentence.count(")"):
        return False
    return any(group.kind == "finite" for group in parsed(sentence).groups)


# --- forms -----------------------------------------------------------------------------------------------


def role_of(p: Parsed, group: VerbGroup) -> str:
    """Which form the main verb of a group has: base, third, past, participle or ing.

    >>> p = parsed("Iran has not raised prices, wanted to cut rates, and denied raising rents.")
    >>> [role_of(p, group) for group in p.groups]
    ['participle', 'past', 'base', 'past', 'ing']
    """
    main = p.verb(group).low
    lows = {p.said[i].low.removesuffix("n't") for i in range(group.first, group.last - 1)}
    if main.endswith("ing") and main != group.verb:
        return "ing"
    if group.kind == "to":
        return "participle" if lows & (BE | HAVE) else "base"
    if group.kind == "reduced" or lows & (BE | HAVE):
        return "participle"
    if lows & (MODALS | DO | CONTRACTIONS | {"cannot", "ca", "wo"}):
        return "base"
    third, past, _, _ = inflect(group.verb)
    return "past" if main in past else "third" if main in third else "base"


def conjugated(verb: str, role: str) -> str:
    """The form of a verb for a role.

    >>> [conjugated("rise", role) for role in ("base", "third", "past", "participle", "ing")]
    ['rise', 'rises', 'rose', 'risen', 'rising']
    """
    if role == "base":
        return verb
    return inflect(verb)[("third", "past", "participle", "ing").index(role)][0]


def is_plural(p: Parsed, phrase: NounPhrase) -> bool | None:
    """Whether a phrase takes a plural verb; `None` where that cannot be told.

    >>> p = parsed("Two men from Leeds met the mayor.")
    >>> is_plural(p, p.subject(p.groups[0])), is_plural(p, p.object(p.groups[0]))
    (True, False)
    """
    head = p.said[phrase.head]
    if any(item.low in {"and", "or"} for item in p.said[phrase.first : phrase.last]):
        return None
    if head.low in SINGULAR_PERSONS | THINGS | _SINGULARS:
        return False
    if head.low in PLURAL | _PLURALS | {"we", "you"}:
        return True
    if head.low == "i":
        return None
    if (
        head.low in {"%", "percent", "cent", "half", "third", "quarter", "majority", "number"}
        or head.low[0].isdigit()
    ):
        return None
    if head.name:
        return None if head.low.endswith("s") else False
    first = p.said[phrase.first].low
    if first in NUMBER_WORDS and NUMBER_WORDS[first] > 1:
        return True
    return bool(re.search(r"(?<![suia])s\Z", head.low))


def agreeing(verb: str, plural: bool) -> str:
    """The past of a verb for one or for several: only "be" tells them apart.

    >>> agreeing("be", True), agreeing("win", True)
    ('were', 'won')
    """
    return ("were" if plural else "was") if verb == "be" else conjugated(verb, "past")


# --- words put in for others -----------------------------------------------------------------------------


def spliced(sentence: str, start: int, end: int, new: str) -> str:
    """The sentence with other words at [start, end). A capital stays where the sentence begins, "a" or "an"
    goes with what follows it, and words taken out leave no double space.

    >>> spliced("A huge attack began.", 2, 6, "")
    'An attack began.'
    >>> spliced("Some voters stayed.", 0, 4, "all")
    'All voters stayed.'
    """
    before, after = sentence[:start], sentence[end:]
    if not new:
        after = after.lstrip() if not before or before.endswith((" ", "“", '"')) else after
        before = before.rstrip() if after.startswith((",", ".", ";")) else before
    if not before.strip('“"‘ '):
        new, after = (capitalised(new), after) if new else (new, capitalised(after))
    following = new or after
    if (article := _ARTICLE.search(before)) and following[:1].isalnum():
        an = _SPELT_AN.match(following) or (_AN.match(following) and not _NOT_AN.match(following))
        before = before[: article.start()] + article[1] + ("n" if an else "") + " "
    return before + new + after


def not_behind(words: str) -> str:
    """A regular expression that matches where none of the words stands right before.

    >>> re.findall(not_behind("look named") + r"after \\w+", "named after Ana, after noon")
    ['after noon']
    """
    return "".join(rf"(?<!\b{word}\s)" for word in words.split())


def capitalised(text: str) -> str:
    return text[:1].upper() + text[1:]


def uncapitalised(text: str) -> str:
    """A sentence as it stands inside another: its first word in small letters, unless that is a name.

    >>> uncapitalised("The port closed."), uncapitalised("Iran closed it."), uncapitalised("I left.")
    ('the port closed.', 'Iran closed it.', 'I left.')
    """
    first = re.match(r"[\w’'.-]+", text)
    if first is None or re.match(r"(?:I\b|[A-Z][\w.]*[A-Z])", text):
        return text
    if first.group().lower() in OPENERS | STOPWORDS | DETERMINERS | CONNECTIVES | PREPOSITIONS:
        return text[0].lower() + text[1:]
    if any(name.start == 0 for name in names(text)):
        return text
    return text[0].lower() + text[1:]


@lru_cache(maxsize=64)
def persons(text: str) -> frozenset[str]:
    """The last names of the persons of a text: those with a title, and those that its words show to be some.

    >>> sorted(persons("Gen. Mark Milley left. Ana Ruiz, 34, met Iris Moor, who won."))
    ['Milley', 'Moor', 'Ruiz']
    """
    return frozenset(
        name.text.split()[-1]
        for _, _, sentence in told(text)
        for name in names(sentence)
        if name.title
        or (
            re.fullmatch(r"[A-Z][\w’'-]+(?: [A-Z]\.)?(?: [A-Z][\w’'-]+){1,2}", name.text)
            and _HUMAN.match(sentence[name.end :])
            and not {*name.text.lower().split()} & (ORGANISATION_HEADS | PLACES)
        )
    )


def kind_of_name(name: Name, text: str, known: frozenset[str] = frozenset()) -> str:
    """What a name may stand for: a place, a people, a body, or a person; "" where that cannot be told.
    `known` are last names of persons.

    >>> text = "Gen. Mark Milley left Iran for the Bank of England and the British army."
    >>> [(name.text, kind_of_name(name, text)) for name in names(text)]
    [('Mark Milley', 'person'), ('Iran', 'place'), ('Bank of England', 'body'), ('British', 'people')]
    """
    parts = re.findall(r"[\w’'-]+", name.text.lower())
    if name.text.lower() in DEMONYMS:
        return "people"
    low = name.text.lower()
    if low in PLACES | COUNTRIES | frozenset(CAPITALS) or BY_SHORT_NAME.get(low) in COUNTRIES:
        return "place"
    if name.title or parts[-1].capitalize() in known or name.text.split()[-1] in known:
        return "person"
    if (set(parts) & ORGANISATION_HEADS) or re.fullmatch(r"[A-Z]{2,6}", name.text):
        return "body"
    if re.search(r"\b(?:in|near|from)\s\Z", text[: name.start]) and len(parts) == 1:
        return "place"
    return ""
