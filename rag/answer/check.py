"""Draft sentences to cited ones: find the words each rests on, check them, and let nothing else through.

Pure: it sees the evidence and the draft, nothing else. A sentence whose words stand in its quote, in one
piece, is VERBATIM. One in other words is CONSISTENT when a stretch of a passage carries every number, every
name and the negation of the sentence, and most of its content words; that is a rule about words, not a proof
of meaning, and is never called supported.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass

from rag.english.lexicon import CALENDAR, STOPWORDS
from rag.english.normalise import content_stems, fold, locate, stem, words
from rag.english.numbers import numbers
from rag.english.sentences import sentences
from rag.types import Citation, Claim, DraftSentence, Evidence, RetrievedPassage, Sentence, Support

__all__ = ["Checker", "cited_text"]

# Content words of a sentence that its quote must carry. A paraphrase keeps most; see eval/LOG.md.
_LEAST_SHARE = 0.75
_NEGATIONS = frozenset(
    "no not never none nobody nothing neither nor without cannot deny denies denied denying refuse refuses "
    "refused "
    "refusing reject rejects rejected rejecting".split()
)
_WORDLIKE = re.compile(r"\b[^\W\d_][\w’'-]*")
# Words that begin a sentence without being a name, whether or not an article has them in small letters.
_OPENERS = frozenset(
    stem(w)
    for w in "according additionally although authorities despite earlier finally following furthermore however later "
    "meanwhile moreover officials reports since sources today yesterday".split()
)
_SCALE = re.compile(
    r"(?<![^\W\d_])(?:(mn|million)|(bn|billion)|(tn|trillion)|(thousand)|(hundred)|(%|per ?cent))(?!\w)",
    re.IGNORECASE,
)
# A place inside a word or a number: “rose 1” does not stand in “rose 12%” nor in “rose 1.5%”.
_INSIDE = re.compile(r"(?<=\w)(?=['’-]?\w)|(?<=\w['’-])(?=\w)|(?<=\d)(?=[.,]\d)|(?<=\d[.,])(?=\d)")
_CLAUSE = re.compile(r";|[,–—]\s*(?:and|but|while|whereas|although|though)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Found:
    """Words of a passage that carry a sentence; offsets in the article."""

    source: RetrievedPassage
    start: int
    end: int
    support: Support
    share: float


class Checker:
    """Checks one answer, sentence by sentence, numbering its citations by first appearance."""

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence
        self._common = _OPENERS | {
            stem(w)
            for source in evidence
            for match in _WORDLIKE.finditer(source.passage.text)
            for part in match.group().split("-")
            if part[:1].islower()
            for w in words(part)
        }
        self._numbers: dict[tuple[str, int, int], Citation] = {}
        self.withheld: list[str] = []

    @property
    def citations(self) -> tuple[Citation, ...]:
        """The citations so far, by number, each as it first appeared."""
        return tuple(self._numbers.values())

    def check(self, draft: DraftSentence) -> Sentence | None:
        """The sentence with its checked citations, or `None` when no words of the evidence carry it; it is
        then withheld.

        A claim is looked for where it says; a claim that points at the wrong passage is repaired to the first
        passage, by rank, that does carry the sentence.
        """
        found = [f for claim in draft.claims if (f := self._claimed(draft.text, claim))]
        if not found:
            found = [f for f in (self._carried(draft.text, source) for source in self._evidence) if f][:1]
        if not found:
            self.withheld.append(draft.text)
            return None
        citations = dict.fromkeys(self._cite(f) for f in found)
        return Sentence(draft.text, tuple(citations), draft.short, draft.lead)

    def _claimed(self, text: str, claim: Claim) -> _Found | None:
        source = self._evidence.numbered(claim.number)
        if source is None:
            return None
        if claim.quote is None:
            return self._carried(text, source)
        span = _standing(claim.quote, source.passage.text)
        if span is None:
            return None
        quote = source.passage.text[span[0] : span[1]]
        if _same(text, quote) or _standing(text.rstrip(" .!?"), quote):
            return _at(source, span, Support.VERBATIM, 1.0)
        share = _consistent(text, quote, self._common)
        return None if share is None else _at(source, span, Support.CONSISTENT, share)

    def _carried(self, text: str, source: RetrievedPassage) -> _Found | None:
        """The shortest stretch of one or two sentences of a passage that carries the text best."""
        passage = source.passage.text
        span = _standing(text.rstrip(" .!?"), passage)
        if span is not None and len(words(text)) > 2:
            return _at(source, _to_full_stop(passage, span), Support.VERBATIM, 1.0)
        spans = sentences(passage)
        stretches = [*spans, *((a, d) for (a, _), (_, d) in itertools.pairwise(spans))]
        best: _Found | None = None
        for start, end in stretches:
            share = _consistent(text, passage[start:end], self._common)
            if share is not None and (best is None or share > best.share):
                best = _at(source, (start, end), Support.CONSISTENT, share)
        return best

    def _cite(self, found: _Found) -> Citation:
        """The citation of those words: one number per quote, though one sentence may be the quote and another
        only fit it.
        """
        passage = found.source.passage
        at = (passage.article_id, found.start, found.end)
        known = self._numbers.get(at)
        number = known.number if known else len(self._numbers) + 1
        quote = passage.text[found.start - passage.start : found.end - passage.start]
        citation = Citation(
            number, found.source.article, found.start, found.end, quote, found.support, passage
        )
        self._numbers.setdefault(at, citation)
        return citation


def cited_text(parts: Iterable[Sentence]) -> str:
    """The sentences with their markers, as one text."""
    return " ".join(sentence.marked() for sentence in parts)


def _at(source: RetrievedPassage, span: tuple[int, int], support: Support, share: float) -> _Found:
    return _Found(source, source.passage.start + span[0], source.passage.start + span[1], support, share)


def _to_full_stop(passage: str, span: tuple[int, int]) -> tuple[int, int]:
    end = span[1]
    while end < len(passage) and passage[end] in ".!?”\"’'":
        end += 1
    return span[0], end


def _standing(sought: str, passage: str) -> tuple[int, int] | None:
    """The first place where the words stand whole, in a clause that denies what they deny and affirms what
    they affirm.
    """
    at = 0
    while span := locate(sought, passage[at:]):
        start, end = at + span[0], at + span[1]
        whole = not (_INSIDE.match(passage, start) or _INSIDE.match(passage, end))
        if whole and _negated(passage[slice(*_clause(passage, start, end))]) == _negated(sought):
            return start, end
        at = start + 1
    return None


def _clause(passage: str, start: int, end: int) -> tuple[int, int]:
    """The clause, or the clauses, that the words from start to end stand in."""
    around = [span for span in sentences(passage) if span[0] < end and start < span[1]]
    first, last = min([start, *(a for a, _ in around)]), max([end, *(b for _, b in around)])
    before = [match.end() for match in _CLAUSE.finditer(passage, first, start)]
    after = _CLAUSE.search(passage, end, last)
    return before[-1] if before else first, after.start() if after else last


def _same(text: str, quote: str) -> bool:
    return fold(text)[0].strip() == fold(quote)[0].strip()


def _consistent(text: str, quote: str, common: Set[str]) -> float | None:
    """The share of the text's content words that the quote carries.

    `None` where the quote lacks a number or a name of the text, is negated where the text is not, or carries
    too little.
    """
    said = content_stems(text)
    if not said:
        return None
    held = set(content_stems(quote))
    # Numbers and their scales are compared by value below, however they are written.
    plain = [s for s in said if not numbers(s, ordinals=True) and not _SCALE.fullmatch(s)]
    share = sum(s in held for s in plain) / len(plain) if plain else 1.0
    if share < _LEAST_SHARE:
        return None
    if not (set(numbers(text, ordinals=True)) <= set(numbers(quote, ordinals=True)) and _scales(text) <= _scales(quote)):
        return None
    if not _names(text, common) <= {stem(w) for w in words(quote)}:
        return None
    if _roles_reversed(text, quote) or not _speakers_agree(text, quote):
        return None
    return share if _denials_agree(text, quote) else None


def _denials_agree(text: str, quote: str) -> bool:
    """Whether the text denies what the quote denies, as far as words show, and takes nothing for sure that
    "may" be.

    A denial of the quote in a clause that shares no word with the text is another matter's.

    >>> quotes = "Iran will strike, and nobody will be hurt.", "Iran will not strike.", "Iran may strike."
    >>> [_denials_agree("Iran will strike.", quote) for quote in quotes]
    [True, False, False]
    """
    said, held = set(content_stems(text)), set(content_stems(quote))
    ours, theirs = _denied(text), _denied(quote)
    if any(d in held and d not in theirs for d in ours) or any(d in said and d not in ours for d in theirs):
        return False
    if any(h in said for h in _after(quote, _HEDGES)) and not _after(text, _HEDGES):
        return False
    if any(d not in held for d in ours) and not theirs:
        return False
    if "" in theirs and not ours:  # "…, the ministry denied.": what comes before is denied
        return False
    if not ours:
        clauses = [part for part in _PARTS.split(quote) if _after(part, _VERBAL)]
        return not any(said & set(content_stems(clause)) for clause in clauses)
    return True


def _denied(text: str) -> set[str]:
    """What each negation of a text denies: the next content word, if one comes soon."""
    return _after(text, _NEGATIONS | _FAILING)


def _after(text: str, signs: Set[str]) -> set[str]:
    """The content word that comes next after each of some words, if one comes soon; "not only" denies
    nothing.
    """
    raw = _raw_words(_NOT_ONLY.sub(" ", text))
    found = set()
    for at, word in enumerate(raw):
        if word in signs or ("n't" in signs and word.endswith("n't")):
            near = (w for w in raw[at + 1 : at + 1 + _NEAR] if w not in _BESIDE and w not in signs)
            found.add(next((stems[0] for w in near if (stems := content_stems(w))), ""))
    return found


def _speakers_agree(text: str, quote: str) -> bool:
    """Whether whoever says something in the text says something in the quote, where that tells who speaks.

    >>> quote = "“We will not escalate,” Kirby said, as Miller looked on."
    >>> [_speakers_agree(text, quote) for text in ("Kirby said they will not escalate.", "Miller said they will not escalate.")]
    [True, False]
    """
    ours, said = _speakers(text), set(content_stems(text))
    # Of two sentences, the one that carries more of the text tells.
    parts = sorted(
        (quote[a:b] for a, b in sentences(quote)), key=lambda part: -len(said & set(content_stems(part)))
    )
    theirs = next((speakers for part in parts if (speakers := _speakers(part))), set())
    return not ours or not theirs or ours <= theirs


def _speakers(text: str) -> set[str]:
    """The last names that stand beside a verb of speech, as stems; a pronoun is nobody's name."""
    found = {
        name for match in _SPEAKS.finditer(text) for name in match.groups() if name and name[0].isupper()
    }
    return {
        stem(words(name)[0]) for name in found if words(name) and words(name)[0] not in STOPWORDS | _PRONOUNS
    }


def _roles_reversed(text: str, quote: str) -> bool:
    """Whether the text says of two names, by one verb, what the quote says the other way round.

    >>> quote = "On Tuesday the Iranian army struck Pakistan, Joe Biden told Donald Trump."
    >>> said = "Donald Trump told Joe Biden.", "Pakistan was struck by the Iranian army.", "Joe Biden told Donald Trump of it."
    >>> [_roles_reversed(text, quote) for text in said]
    [True, False, False]
    """
    held = _deeds(quote)
    return any(
        (other, verb, one) in held and (one, verb, other) not in held for one, verb, other in _deeds(text)
    )


def _deeds(text: str) -> set[tuple[str, str, str]]:
    """Who does what to whom, as far as order shows: two names with a verb between them, the doer first, by
    their last words.
    """
    found: set[tuple[str, str, str]] = set()
    for start, end in sentences(text):
        names = [m for m in _ENTITY.finditer(text, start, end) if _is_name(m.group().split()[-1])]
        for one, other in itertools.pairwise(names):
            between = _raw_words(text[one.end() : other.start()])
            if not between or len(between) > _REACH or between[0] in {"and", "or"}:
                continue
            if _MUTUAL & {s for w in between for s in (w, *content_stems(w))}:
                continue
            doer, done_to = (stem(words(m.group().split()[-1])[0]) for m in (one, other))
            if "by" in between and _BEING & set(between):
                doer, done_to = done_to, doer
            verbs = {s for w in between for s in content_stems(w)}
            found |= {(doer, verb, done_to) for verb in verbs if doer != done_to}
    return found


def _is_name(word: str) -> bool:
    """Whether a word looks like a name: capitalised, no function word, unless it is an abbreviation ("the
    US"), and no day.
    """
    plain = words(word)
    if not plain or not word[0].isupper() or plain[0] in CALENDAR:
        return False
    return plain[0] not in STOPWORDS or (word.isupper() and len(word) > 1)


_FAILING = frozenset(
    "fail fails failed failing decline declines declined declining unable unlikely n't".split()
)
_VERBAL = _FAILING | frozenset(
    "not never cannot deny denies denied denying refuse refuses refused refusing reject rejects rejected rejecting".split()
)
_HEDGES = frozenset("may might could".split())
_BESIDE = frozenset("yet still going go formally ever immediately currently any to be been".split())
_NOT_ONLY = re.compile(r"\bnot (?:only|just|merely)\b", re.IGNORECASE)
_PRONOUNS = frozenset("he she it they we i you this that these those who officials authorities".split())
_SPEECH = (
    r"(?:(?:has|have|had|also|then|later) "
    r")*(?:said|says|told|tells|added|adds|warned|warns|wrote|writes|asked|asks|argued"
    r"|argues|announced|stated|claimed|claims|confirmed|confirms|insisted|noted|explained|replied|tweeted|posted|accused)"
)
_SPEAKS = re.compile(
    rf"([^\W\d_][\w’'-]*)(?:, [a-z][^,.]{{2,60}},)? {_SPEECH}\b"
    rf"|[”\"] {_SPEECH} (?:[^\W\d_a-z][\w’'-]* )*([^\W\d_a-z][\w’'-]*)"
    rf"|, {_SPEECH} (?:[^\W\d_a-z][\w’'-]* )*([^\W\d_a-z][\w’'-]*)(?=[.,;]|\s*$)"
)
_ENTITY = re.compile(r"[^\W\d_a-z][\w’'-]*(?:(?<![’']s) [^\W\d_a-z][\w’'-]*)*")  # "Pakistan’s Quetta" is two
# What two do together, whoever is named first.
_MUTUAL = frozenset("with meet met share play fight talk border agre sign join negoti between".split())
_BEING = frozenset("was were been being is are be".split())
_NEAR = 5  # words within which what is denied follows
_REACH = 8  # words within which follows whom a deed is done to
_PARTS = re.compile(r"[,;:–—]|\b(?:and|but|while|which|who|because|although|though)\b")


def _names(text: str, common: Set[str]) -> set[str]:
    """Capitalised words as stems, less function words. The word that begins a sentence has its capital
    anyway: it is taken for a name unless it is a number or a common word."""
    found: set[str] = set()
    for match in _WORDLIKE.finditer(text):
        if not match.group()[0].isupper():
            continue
        parts = {stem(w) for w in words(match.group()) if w not in STOPWORDS}
        if not match.start() or re.search(r"[.!?:“‘\"(]\s*$", text[: match.start()]):
            parts = set() if numbers(match.group(), ordinals=True) else parts - common
        found |= parts
    return found


def _scales(text: str) -> set[int]:
    """Which of million, billion, trillion, thousand, hundred and percent a text speaks of, as their places in
    the pattern.
    """
    return {match.lastindex for match in _SCALE.finditer(text) if match.lastindex}


def _negated(text: str) -> bool:
    return any(w in _NEGATIONS or w.endswith("n't") for w in _raw_words(text))


def _raw_words(text: str) -> Sequence[str]:
    return re.findall(r"[a-z]+(?:'t)?", fold(text)[0])
