"""Draft sentences to cited ones: find the words each rests on, check them, and let nothing else through.

Pure: it sees the evidence and the draft, nothing else. A sentence whose words stand in its quote, in one
piece, is QUOTED. One in other words is laid beside the stretches of the evidence that have most of it. What
the judge says of the two and what rules object to (a number, a name, a denial, who did it or who said it) are
weighed in `rag.answer.abstain`, and thresholds there decide: SUPPORTED, CHECK, or withheld.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from rag.answer import abstain
from rag.answer.aligned import repeated
from rag.answer.corrections import notice_on
from rag.answer.located import Located, Stretch, around, located, together
from rag.answer.paraphrase import agrees, in_days_of, lacks, objections
from rag.answer.remarks import compares_sources
from rag.english.clauses import is_conditioned, joined_part
from rag.english.names import small_words
from rag.english.normalise import fold, is_whole, locate, stem, words
from rag.english.sentences import sentences
from rag.english.times import with_months_first
from rag.models.judge import bundled_judge
from rag.types import (
    Citation,
    Claim,
    DraftSentence,
    Evidence,
    Judge,
    Judgement,
    Objection,
    RetrievedPassage,
    Sentence,
    Support,
)

__all__ = ["Checker", "Weighed", "cited_text"]

_FEWEST_WORDS = 3
_DOUBTING = frozenset({Objection.DENIALS, Objection.DEEDS, Objection.FIGURES})
_WORSE = {
    Objection.FIGURES: Objection.UNKNOWN_FIGURES,
    Objection.NAMES: Objection.UNKNOWN_NAMES,
}


@dataclass(frozen=True, slots=True)
class _Found:
    """Words of a passage that carry a sentence, or a part of it; offsets in the article."""

    source: RetrievedPassage
    start: int
    end: int
    support: Support


@dataclass(frozen=True, slots=True)
class Weighed:
    """A text of the evidence beside a sentence: what the judge says of the two, and what rules object to in
    the stretches that would be cited."""

    located: Located
    judgement: Judgement
    objections: frozenset[Objection]
    repeated: float  # share of the words judged that the stretches have in their order
    stands: bool  # whether they have all of the sentence's own words so

    @property
    def likelihood(self) -> float:
        """How likely the sentence is supported, 0 to 1."""
        return abstain.weighing(self.repeated).likelihood(self.judgement, self.objections)

    @property
    def support(self) -> Support | None:
        """What the sentence may be called; `None` where it is not to be shown. One of which all words stand
        there, in their order, is shown at least to be checked where no rule objects."""
        weighing, likelihood = abstain.weighing(self.repeated), self.likelihood
        if likelihood < weighing.shown and (self.objections or not self.stands):
            return None
        return Support.SUPPORTED if likelihood >= weighing.supported else Support.CHECK


class Checker:
    """Checks one answer, sentence by sentence, numbering its citations by first appearance. `judge` is asked
    about sentences in other words; the bundled one by default."""

    def __init__(self, evidence: Evidence, judge: Judge | None = None) -> None:
        self._evidence = evidence
        self._judge = judge or bundled_judge()
        self._numbers: dict[tuple[str, int, int], Citation] = {}
        self.withheld: list[str] = []

    @cached_property  # an answer of quotations alone never asks for them
    def _common(self) -> frozenset[str]:
        """The stems of words that the evidence has in small letters. They are no names where they open a
        sentence."""
        return frozenset(stem(word) for source in self._evidence for word in small_words(source.passage.text))

    @cached_property
    def _whole(self) -> str:
        return " ".join(source.passage.text for source in self._evidence)

    @property
    def citations(self) -> tuple[Citation, ...]:
        """The citations so far, by number, each as it first appeared."""
        return tuple(self._numbers.values())

    def check(self, draft: DraftSentence) -> Sentence | None:
        """The sentence with its checked citations, or `None` when no words of the evidence carry it; it is
        then withheld.

        Words are looked for where a claim says, and then, by rank, in the other passages. Raises `ModelError`
        when the judge is needed and cannot be loaded.
        """
        found = [] if draft.statement else self._quoted(draft)
        if not found:
            found = self._carried(draft)
        found = [f for f in found if notice_on(draft.text, f.source, self._evidence) is None]
        if not found:
            self.withheld.append(draft.text)
            return None
        citations = dict.fromkeys(self._cite(f) for f in found)
        return Sentence(draft.text, tuple(citations), draft.short, draft.lead)

    def is_quoted(self, draft: DraftSentence) -> bool:
        """Whether the words of a sentence stand in the evidence, where nothing around them speaks against
        it."""
        return not draft.statement and bool(self._quoted(draft))

    def supported(self, draft: DraftSentence) -> float:
        """How likely the evidence supports a sentence, 0 to 1; 1 where its words stand there."""
        if not draft.statement and self._quoted(draft):
            return 1.0
        return max((weighed.likelihood for weighed in self.weighed(draft)), default=0.0)

    def weighed(self, draft: DraftSentence) -> list[Weighed]:
        """The texts of the evidence that may support a sentence in other words: first those with which it may
        be shown, of these the ones to which rules object least, and then the likeliest."""
        texts = [text for claim in draft.claims if (text := self._pointed_at(claim))]
        if len(texts) > 1:
            texts.append(together([stretch for text in texts for stretch in text.stretches]))
        if not texts:
            numbers = [claim.number for claim in draft.claims]
            texts = located(draft.text, self._evidence, numbers, self._common)
        said = draft.statement or draft.text
        judged = self._judge.judge([_read_alike(said, text) for text in texts])
        found = []
        for text, judgement in zip(texts, judged, strict=True):
            quote = " ".join(stretch.text for stretch in text.stretches)
            share = repeated(said, quote)
            own = share if said == draft.text else repeated(draft.text, quote)
            rules = self._objections(draft.text, text, judgement)
            found.append(Weighed(text, judgement, rules, share, own == 1))
        # The one to which rules object least: its stretches have most of the sentence.
        return sorted(found, key=lambda e: (e.support is None, len(e.objections), -e.likelihood))

    def may_be_shown(self, draft: DraftSentence) -> bool:
        """Whether the evidence has the words of a sentence, or may support it."""
        return self.is_quoted(draft) or any(weighed.support for weighed in self.weighed(draft))

    def _quoted(self, draft: DraftSentence) -> list[_Found]:
        """Where the sentence stands word for word: in the quotes it claims, in the passages it claims, or in
        the first passage that has it."""
        text = draft.text
        bare = text.rstrip(" .!?")
        found = []
        for claim in draft.claims:
            source = self._evidence.numbered(claim.number)
            if source is None:
                continue
            if claim.quote is None:
                span = self._sentence_of(bare, source)
            elif span := _standing(claim.quote, source.passage.text):
                quote = source.passage.text[span[0] : span[1]]
                span = span if _same(text, quote) or _standing(bare, quote) else None
            if span:
                found.append(_at(source, span, Support.QUOTED))
        if not found:
            places = ((source, self._sentence_of(bare, source)) for source in self._evidence)
            found = [_at(source, span, Support.QUOTED) for source, span in places if span][:1]
        return found

    def _sentence_of(self, bare: str, source: RetrievedPassage) -> tuple[int, int] | None:
        """Where a passage has the words, to the full stop; one or two words stand anywhere, and say
        nothing."""
        if len(words(bare)) < _FEWEST_WORDS:
            return None
        span = _standing(bare, source.passage.text)
        return _to_full_stop(source.passage.text, span) if span else None

    def _carried(self, draft: DraftSentence) -> list[_Found]:
        """The stretches that a sentence in other words rests on, none where nothing supports it."""
        best = next(iter(self.weighed(draft)), None)
        if best is None or best.support is None:
            return []
        support = Support.CHECK if compares_sources(draft.text) else best.support
        return [_at(source, span, support) for source, span in _joined(best.located.stretches)]

    def _pointed_at(self, claim: Claim) -> Located | None:
        """The text around a claimed quote, where the passage has that."""
        source = self._evidence.numbered(claim.number)
        if source is None or claim.quote is None:
            return None
        span = _standing(claim.quote, source.passage.text)
        return around(source, *span) if span else None

    def _objections(self, text: str, beside: Located, judgement: Judgement) -> frozenset[Objection]:
        """What rules object to in the stretches. A number or a name that no passage has is worse than one
        that the stretches do not have."""
        quote = " ".join(stretch.text for stretch in beside.stretches)
        best = beside.stretches[0].text
        found = objections(text, quote, self._common, beside.published, best)
        if found & _WORSE.keys():
            anywhere = lacks(text, self._whole, self._common, beside.published)
            found |= {worse for each, worse in _WORSE.items() if each in found & anywhere}
        if found & _DOUBTING and judgement.contradicted >= abstain.CONTRADICTED:
            found |= {Objection.CONTRADICTED}
        return found

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


def _read_alike(said: str, beside: Located) -> tuple[str, str]:
    """What the judge reads: the sentence and the text, with the days that both give in the same words."""
    said = in_days_of(said, beside.text, beside.published)
    return with_months_first(said), with_months_first(beside.text)


def cited_text(parts: Iterable[Sentence]) -> str:
    """The sentences with their markers, as one text."""
    return " ".join(sentence.marked() for sentence in parts)


def _joined(stretches: Sequence[Stretch]) -> Iterator[tuple[RetrievedPassage, tuple[int, int]]]:
    """Where the stretches stand, in their order; one that follows on another is one with it."""
    spans: list[tuple[RetrievedPassage, int, int]] = []
    for stretch in sorted(stretches, key=lambda s: (s.source.rank, s.start)):
        last = spans[-1] if spans else None
        if (
            last
            and last[0] is stretch.source
            and not stretch.source.passage.text[last[2] : stretch.start].strip()
        ):
            spans[-1] = (last[0], last[1], stretch.end)
        else:
            spans.append((stretch.source, stretch.start, stretch.end))
    order = [stretch.source.rank for stretch in stretches]
    spans.sort(key=lambda span: order.index(span[0].rank))
    return ((source, (start, end)) for source, start, end in spans)


def _at(source: RetrievedPassage, span: tuple[int, int], support: Support) -> _Found:
    return _Found(source, source.passage.start + span[0], source.passage.start + span[1], support)


def _to_full_stop(passage: str, span: tuple[int, int]) -> tuple[int, int]:
    end = span[1]
    while end < len(passage) and passage[end] in ".!?”\"’'":
        end += 1
    return span[0], end


def _standing(sought: str, passage: str) -> tuple[int, int] | None:
    """The first place where the words stand whole, in a sentence that says as much: one that does not deny
    them, nor give them as what may be.
    """
    at = 0
    while span := locate(sought, passage[at:]):
        start, end = at + span[0], at + span[1]
        if (
            is_whole(passage, start, end)
            and agrees(sought, _around(passage, start, end))
            and not _conditioned(passage, start, end)
        ):
            return start, end
        at = start + 1
    return None


def _around(passage: str, start: int, end: int) -> str:
    """The part of a sentence, or of a run of sentences, that the words from start to end stand in."""
    held = [span for span in sentences(passage) if span[0] < end and start < span[1]]
    first, last = min([start, *(a for a, _ in held)]), max([end, *(b for _, b in held)])
    return joined_part(passage[first:last], start - first, end - first)


def _conditioned(passage: str, start: int, end: int) -> bool:
    held = next(((a, b) for a, b in sentences(passage) if a <= start and end <= b), None)
    return held is not None and is_conditioned(passage[held[0] : held[1]], start - held[0], end - held[0])


def _same(text: str, quote: str) -> bool:
    return fold(text)[0].strip() == fold(quote)[0].strip()
