"""Who says it: the speakers that a sentence names, and the sentence that names the speaker of a quotation."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from rag.english.lexicon import (
    CALENDAR,
    DETERMINERS,
    OFFICES,
    PRONOUNS,
    SPEECH_VERBS,
    TELLING_VERBS,
    TITLE_ADJECTIVES,
    alternation,
    forms,
)
from rag.english.phrases import Item, NounPhrase, VerbGroup, items, phrase_after, phrase_before, verb_groups
from rag.english.sentences import Span, in_quotation, sentences

__all__ = ["Speaker", "speakers", "with_speaker"]

_SAYING = forms(TELLING_VERBS) | {
    "according to",
    "statement",
}
_FAR = 3  # sentences that are looked back, or ahead, for the speaker
_LONGEST = 800  # characters shown together: two long sentences, or four short ones


@dataclass(frozen=True, slots=True)
class Speaker:
    """Whoever says something, at [start, end): a name, without a title, or the words that stand for one.

    `verb` is the lemma of the verb of speech; "according to" for that. `named`: it is a name, and neither a
    pronoun nor a noun. `main`: the sentence gives it as theirs, and not only in a relative clause ("who had
    said").
    """

    start: int
    end: int
    text: str
    verb: str
    named: bool
    main: bool = True


@lru_cache(maxsize=1)  # of 200 verbs, which take long to compile
def _says() -> re.Pattern[str]:
    return re.compile(rf"\b(?:{alternation(_SAYING)})\b|:\s*\Z", re.IGNORECASE)


def speakers(text: str) -> tuple[Speaker, ...]:
    """Who says something in a text, in order.

    >>> [(s.text, s.verb) for s in speakers("“We will not escalate,” Kirby said, as Miller looked on.")]
    [('Kirby', 'say')]
    >>> [s.text for s in speakers("It fell, according to Ana Ruiz. “It did,” said Gen. Kis.")]
    ['Ana Ruiz', 'Kis']
    """
    found = [
        Speaker(start + s.start, start + s.end, s.text, s.verb, s.named, s.main)
        for start, end in sentences(text)
        for s in _speakers(text[start:end])
    ]
    return tuple(sorted(found, key=lambda speaker: speaker.start))


def _speakers(sentence: str) -> Iterator[Speaker]:
    said = items(sentence)
    quoted = in_quotation(sentence)
    groups = verb_groups(said)
    stops = frozenset(group.first for group in groups)
    for at in range(len(said) - 1):
        if said[at].low == "according" and said[at + 1].low == "to":
            phrase = phrase_after(said, at + 2, stops)
            if phrase is not None and _may_speak(said, phrase):
                yield _speaker(sentence, said, phrase, "according to")
    for number, group in enumerate(groups):
        if group.verb not in SPEECH_VERBS or group.passive or quoted[said[group.last - 1].start]:
            continue
        if (phrase := _who_speaks(said, groups, number, stops, quoted)) is not None:
            relative = _is_relative(said, group, phrase)
            yield _speaker(sentence, said, phrase, group.verb, main=not relative)


def _who_speaks(
    said: Sequence[Item],
    groups: Sequence[VerbGroup],
    number: int,
    stops: frozenset[int],
    quoted: Sequence[bool],
) -> NounPhrase | None:
    group = groups[number]
    floor = groups[number - 1].last if number else 0
    before = said[group.first - 1] if group.first else None
    if before is not None and before.low == ",":
        inset = _before_inset(said, group.first - 1, quoted)
        if inset is not None:
            return inset
    told = any(quoted) or any(earlier.kind == "finite" for earlier in groups[:number])
    alone = group.last - group.first == 1  # "has said Kis" is no "said Kis"
    if (
        told and alone and before is not None and before.low in {",", "”", '"', "»", "?", "!"}
    ):  # "…,” said Kis"
        ahead = phrase_after(said, group.last, stops)
        if ahead is not None and (ahead.last == len(said) or ahead.last not in stops):
            return ahead
    if before is not None and before.low in {"and", "but", "who", "which", "that"}:
        return _who_speaks_before(said, groups, number)
    start = next((i + 1 for i in range(group.first - 1, floor - 1, -1) if said[i].mark), floor)
    phrase = phrase_before(said, group.first, start)
    if told and alone and (phrase is None or not said[phrase.head].name):
        last = not any(later.kind == "finite" for later in groups[number + 1 :])
        return (_named_behind(said, group, stops) if last else None) or phrase
    return phrase


def _named_behind(said: Sequence[Item], group: VerbGroup, stops: frozenset[int]) -> NounPhrase | None:
    """The name behind "say" that nothing but a mark follows: "it rose to nine says Ana Ruiz, the mayor"."""
    if group.verb != "say":
        return None
    ahead = phrase_after(said, group.last, stops)
    if ahead is None or not said[ahead.head].name or said[ahead.head].low in CALENDAR:
        return None
    return ahead if ahead.last == len(said) or said[ahead.last].mark else None


def _who_speaks_before(said: Sequence[Item], groups: Sequence[VerbGroup], number: int) -> NounPhrase | None:
    """Whoever a verb behind "and" or "who" speaks of: the subject before it."""
    group = groups[number]
    low = said[group.first - 1].low
    if low in {"who", "which", "that"}:
        end = group.first - 1
        end -= end > 0 and said[end - 1].low == ","
        return phrase_before(said, end, groups[number - 1].last if number else 0)
    for earlier in range(number - 1, -1, -1):
        if groups[earlier].kind == "finite":
            first = groups[earlier - 1].last if earlier else 0
            return phrase_before(said, groups[earlier].first, first)
    return None


def _before_inset(said: Sequence[Item], closing: int, quoted: Sequence[bool]) -> NounPhrase | None:
    """Whoever stands before an inset: "Ana Ruiz, the mayor, said"."""
    for opening in range(closing - 1, 0, -1):
        if said[opening].low in {",", "–", "—"} and not quoted[said[opening].start]:
            inset = said[opening + 1 : closing]
            if not inset or not (inset[0].name or inset[0].low in _INSET):
                return None
            after = next((i + 1 for i in range(opening - 1, -1, -1) if said[i].mark), 0)
            phrase = phrase_before(said, opening, after)
            if phrase is not None and len(inset) == 1 and inset[0].name and not said[phrase.head].name:
                return NounPhrase(opening + 1, closing, opening + 1)
            return phrase
    return None


_INSET = {"who", "which", "whose", "according"} | DETERMINERS | OFFICES | TITLE_ADJECTIVES


def _is_relative(said: Sequence[Item], group: VerbGroup, phrase: NounPhrase) -> bool:
    """Whether a verb of speech stands in a relative clause: "who had said", "the letters that Napoleon
    wrote"."""
    if said[group.first - 1].low in {"who", "which", "that"}:
        return True
    at = phrase.first - 1
    return (
        at > 0
        and said[at].low in {"that", "which"}
        and phrase.last <= group.first
        and not said[at - 1].mark
        and (said[at - 1].low not in _SAYING)
    )


def _may_speak(said: Sequence[Item], phrase: NounPhrase) -> bool:
    """Whether "according to" names a source, and no measure: "according to age"."""
    head, first = said[phrase.head], said[phrase.first]
    return head.name or first.low in DETERMINERS | PRONOUNS or head.low.endswith("s")


def _speaker(
    sentence: str, said: Sequence[Item], phrase: NounPhrase, verb: str, *, main: bool = True
) -> Speaker:
    head = said[phrase.head]
    first, last = said[phrase.first], said[phrase.last - 1]
    start, end = (head.start, head.end) if head.name else (first.start, last.end)
    return Speaker(start, end, sentence[start:end], verb, head.name, main)


def with_speaker(text: str, around: Sequence[Span], start: int, end: int) -> Span:
    """The stretch from `start` to `end`, widened to the sentence that says whose words it is, where it is all
    quotation.

    `around` are the sentences of the text. A stretch that holds words outside quotation marks is left as it
    is, and so is one whose speaker is not named within three sentences.

    >>> text = '"A limited reply," said Vaez. "It will not escalate." The border is long.'
    >>> first, last = with_speaker(text, sentences(text), 30, 53)
    >>> text[first:last]
    '"A limited reply," said Vaez. "It will not escalate."'
    """
    quoted = in_quotation(text)
    inside = [i for i, span in enumerate(around) if span[0] < end and start < span[1]]
    if not inside or _own_words(text, quoted, (start, end)):
        return start, end
    # The speaker stands before, as a rule; after, when the quotation goes on past the stretch.
    last = inside[-1]
    ahead: list[int] = []
    while last < len(around) - 1 and len(ahead) < _FAR and _goes_on(quoted, around[last][1]):
        last += 1
        ahead.append(last)
    for places in (ahead, range(inside[0] - 1, max(-1, inside[0] - 1 - _FAR), -1)):
        own = next(((at, words) for at in places if (words := _own_words(text, quoted, around[at]))), None)
        if own and _says().search(own[1]):
            first, final = min(start, around[own[0]][0]), max(end, around[own[0]][1])
            return (first, final) if final - first <= _LONGEST else (start, end)
    return start, end


def _own_words(text: str, quoted: Sequence[bool], span: Span) -> str:
    """What a stretch says outside quotation marks; empty where that has no letter."""
    own = "".join(text[i] for i in range(*span) if not quoted[i]).strip()
    return own if any(character.isalpha() for character in own) else ""


def _goes_on(quoted: Sequence[bool], end: int) -> bool:
    """Whether the quotation in which a sentence ends goes on in the same paragraph."""
    return end < len(quoted) and quoted[end]
