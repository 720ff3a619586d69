"""What an article takes back: its notices of correction, what they say was wrong, and what is right instead.

"Correction: An earlier version of this article said that the ferry had 300 seats; it has 199." What was wrong
still stands there word for word, and sometimes in the article as well. It is no answer, and carries no
sentence that does not say that it was corrected.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from rag.english.clauses import denials
from rag.english.lexicon import ARTICLE_NOUNS, MISSTATING_VERBS, alternation, past_forms
from rag.english.normalise import content_stems
from rag.english.numbers import numbers
from rag.english.sentences import sentences
from rag.types import Evidence, RetrievedPassage

__all__ = ["Correction", "Notice", "corrections", "notice_on", "notices", "tells_of_correction"]

_TEXT = rf"(?:{alternation(ARTICLE_NOUNS)})"
_EARLIER = r"(?:earlier|previous|prior|original|initial|first)"
_TOLD = alternation(past_forms(MISSTATING_VERBS))
_SPOKE = rf"{_TOLD}|gave|referred|identified|misstated|misidentified|misspelled|described|omitted"
# How a notice begins, at the start of a sentence.
_OPENS = re.compile(
    r"\W*(?:(?:an?\s|the\s)?(?:editor[’']?s[’']?\s|publisher[’']?s\s)?"
    r"(?:corrections?|clarifications?|retraction|erratum|editor[’']?s[’']?\snote)"
    r"(?:\s(?:and|&)\s(?:corrections?|clarifications?))?(?:\s(?:appended|notice))?(?:,?\s[^:.\n]{3,30})?\s*[:–—-]"
    r"|CORRECTS\b|\(?Corrects\b)"
    rf"|(?:(?!\bsaid\b).){{0,60}}\b(?:an?|the|our|in)\s{_EARLIER}\s(?:versions?|editions?)\s"
    rf"(?:of\s(?:this|these|our|the\s(?:article|story))\b|(?:\w+ly\s)?(?:{_SPOKE}))"
    rf"|.{{0,60}}\bthis\s(?:[\w.]+\s){{0,3}}{_TEXT}\s(?:has\sbeen|was|is)\s(?:\w+ly\s)?"
    r"(?:corrected|amended|edited|updated\sto\scorrect|clarified|retracted|withdrawn)\b"
    rf"|.{{0,40}}\b(?:this|the|our|an?)\s(?:\w+\s)?{_TEXT}\s(?:\w+ly\s)?"
    r"(?:misstated|misidentified|misspelled|mischaracteri[sz]ed|misattributed)\b",
    re.IGNORECASE,
)
_RETRACTED = re.compile(rf"\bthis\s{_TEXT}\s(?:has\sbeen|was|is)\s(?:retracted|withdrawn)\b", re.IGNORECASE)
_DATELINE = re.compile(r"[A-ZÀ-Þ][A-ZÀ-Þ .,]{3,}(?:\([^)]*\)\s)?[-–—]\s")
# What was said before: "said that …", "gave his age as …", "misstated …".
_SAID = re.compile(
    rf"\b(?:{_TOLD}|referred\sto\s.{{3,40}}?\sas"
    r"|identified\s.{3,40}?\sas|described\s.{3,40}?\sas|gave\s.{3,60}?\sas|listed\s.{3,40}?\sas"
    r"|(?:remove|delete)s?\s(?:an?|the)\s\w+\s(?:that|to))\s(?:that\s)?(?P<wrong>[^;.]+)",
    re.IGNORECASE,
)
_INSTEAD = re.compile(
    r"\b(?:(?:and|but)\s)?(?:not|rather\sthan|instead\sof)\s(?!only\b)"
    r"(?P<wrong>(?:[^;,.)]|(?<=\d)[.,](?=\d)|(?<=\b[A-Z])\.)+?)(?=\sbut\b|\sas\s(?:\w+\s)?\w+(?:ed|en|id)\b"
    r"|[;,)]|\.(?!\d)|\Z)",
    re.IGNORECASE,
)
_FROM_TO = re.compile(r"\bfrom\s(?P<wrong>[^;.]{1,60}?)\sto\s(?P<right>[^;.]{1,60})", re.IGNORECASE)
_PARTS = re.compile(r";\s|,\s(?=when\b|whereas\b|while\b|but\b|in\sfact\b)|\.\s", re.IGNORECASE)
# A text with one of these says itself that something was corrected.
_TELLS = re.compile(
    r"\b(?:correct(?:s|ed|ion|ions)|clarif\w+|retract\w*|amended|misstated|misidentified|misspelled|erratum"
    r"|wrongly|incorrectly|falsely|mistakenly|erroneously|originally"
    rf"|{_EARLIER}\s(?:version|edition|report|story|article)s?)\b",
    re.IGNORECASE,
)
_MOST = 6  # sentences of a notice
_CARRIED = 0.75  # of the content words of what was wrong
_ABOUT = 2  # content words that a text with a wrong figure shares with the notice
# Words of notices that say nothing of their matter.
_FORMULA = frozenset(
    content_stems(
        """correction corrects clarification editor note earlier previous original version article story
        report said stated misstated incorrectly wrongly corrected amended published first name spelling
        figure number"""
    )
)


@dataclass(frozen=True, slots=True)
class _Wrong:
    """Words that a notice takes back. `clause`: they make a statement, and are not one value of it."""

    words: str
    right: str
    clause: bool


@dataclass(frozen=True, slots=True)
class Correction:
    """A notice at [start, end) of a text, with what it takes back. `whole`: that is the whole article."""

    start: int
    end: int
    text: str
    wrong: tuple[_Wrong, ...]
    whole: bool = False

    def takes_back(self, statement: str) -> bool:
        """Whether a statement says what was wrong, and not that it was.

        >>> (notice,) = corrections("Correction: An earlier version said the ferry has 300 seats. It has 9.")
        >>> statements = "The ferry has 300 seats.", "The ferry has 9 seats.", "The ferry is red."
        >>> [notice.takes_back(statement) for statement in statements]
        [True, False, False]
        """
        if tells_of_correction(statement):
            return False
        return self.whole or any(self._is_said(wrong, statement) for wrong in self.wrong)

    def was_wrong(self, at: int) -> bool:
        """Whether a place of the text lies in the words that are taken back.

        >>> text = "Clarification: An earlier version said that Ona sings; she plays."
        >>> (notice,) = corrections(text)
        >>> [notice.was_wrong(text.index(word)) for word in ("Ona", "she")]
        [True, False]
        """
        starts = ((wrong, self.text.find(wrong.words)) for wrong in self.wrong)
        return any(0 <= at - self.start - first < len(wrong.words) for wrong, first in starts if first >= 0)

    def is_right(self, words: str) -> bool:
        """Whether the notice puts those words in the place of what was wrong.

        >>> (notice,) = corrections("Correction: It was Ana Ruiz, not Anna Reis, who sang.")
        >>> [notice.is_right(words) for words in ("Ana Ruiz", "Anna Reis", "It")]
        [True, False, False]
        """
        return bool(content_stems(words)) and any(words in wrong.right for wrong in self.wrong)

    def _is_said(self, wrong: _Wrong, statement: str) -> bool:
        if bool(denials(statement)) != bool(denials(wrong.words)):
            return False
        said, about = set(content_stems(statement)), set(content_stems(self.text)) - _FORMULA
        right = set(content_stems(wrong.right))
        if right and right <= said:
            return False
        values = set(numbers(wrong.words)) - set(numbers(wrong.right))
        own = set(content_stems(wrong.words))
        if values:
            others = {stem for stem in said & about if not numbers(stem)}
            return values <= set(numbers(statement)) and len(others) >= _ABOUT
        if not wrong.clause:
            return bool(own - right) and own - right <= said
        return len(own & said) >= _CARRIED * len(own) and bool((own - right) & said)


@lru_cache(maxsize=1_024)
def corrections(text: str) -> tuple[Correction, ...]:
    """The notices of correction in a text, in order.

    >>> text = "The pier is long.\\n\\nCorrection: An earlier version said it was in Varde; it is in Ulm."
    >>> [(text[c.start : c.end][:11], c.wrong[0].words) for c in corrections(text)]
    [('Correction:', 'it was in Varde')]
    >>> corrections("The bank corrected its forecast on Monday.")
    ()
    """
    found: list[Correction] = []
    spans = sentences(text)
    at = 0
    while at < len(spans):
        start = spans[at][0]
        if not _OPENS.match(text, start, spans[at][1]):
            at += 1
            continue
        last = at
        while not _is_over(text, spans, last + 1, last + 1 - at):
            last += 1
        end = spans[last][1]
        notice = text[start:end]
        found.append(
            Correction(start, end, notice, tuple(_taken_back(notice)), bool(_RETRACTED.search(notice)))
        )
        at = last + 1
    return tuple(found)


def _is_over(text: str, spans: tuple[tuple[int, int], ...], at: int, length: int) -> bool:
    """Whether a notice of `length` sentences ends before the next: at the end of its paragraph, or at a
    dateline."""
    if at >= len(spans) or length >= _MOST or "\n" in text[spans[at - 1][1] : spans[at][0]]:
        return True
    return bool(_DATELINE.match(text, spans[at][0]))


def _taken_back(notice: str) -> Iterator[_Wrong]:
    """What a notice says was wrong, each with what it says is right: what follows, up to the next."""
    parts = [part.strip() for part in _PARTS.split(notice) if part.strip()]
    for at, part in enumerate(parts):
        following = parts[at + 1] if at + 1 < len(parts) else ""
        said, instead, moved = _SAID.search(part), _INSTEAD.search(part), _FROM_TO.search(part)
        if said and not instead:
            yield _Wrong(said["wrong"].strip(), "" if _SAID.search(following) else following, True)
        elif instead:
            right = part[: instead.start()] + part[instead.end() :]
            yield _Wrong(instead["wrong"].strip(), right, False)
        elif moved:
            yield _Wrong(moved["wrong"].strip(), moved["right"], False)


def tells_of_correction(text: str) -> bool:
    """Whether a text says itself that something was corrected, or said wrongly.

    >>> [tells_of_correction(text) for text in ("It was first wrongly said to be red.", "It is red.")]
    [True, False]
    """
    return bool(_TELLS.search(text))


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice of correction, and the passage of the evidence that it stands in."""

    source: RetrievedPassage
    correction: Correction

    def holds(self, article_id: str, start: int) -> bool:
        """Whether a place of an article lies in the notice."""
        passage = self.source.passage
        at = start - passage.start
        return passage.article_id == article_id and self.correction.start <= at < self.correction.end

    def was_wrong(self, article_id: str, start: int) -> bool:
        """Whether a place of an article lies in the words that the notice takes back."""
        return self.holds(article_id, start) and self.correction.was_wrong(start - self.source.passage.start)


def notices(article_id: str, evidence: Evidence) -> Iterator[Notice]:
    """The notices of one article that the evidence holds, by rank."""
    for source in evidence:
        if source.passage.article_id == article_id:
            for correction in corrections(source.passage.text):
                yield Notice(source, correction)


def notice_on(statement: str, source: RetrievedPassage, evidence: Evidence) -> Notice | None:
    """The notice in which the article of a passage takes a statement back; `None` where it does not, or where
    the statement says so itself."""
    found = notices(source.passage.article_id, evidence)
    return next((notice for notice in found if notice.correction.takes_back(statement)), None)
