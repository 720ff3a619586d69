"""The answer to one question while it is being made: what was released, withheld and laid side by side so
far.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from rag.answer.check import Checker, cited_text
from rag.answer.conflict import Disagreement
from rag.answer.several import checked_in_parts, with_best_claims
from rag.types import (
    Abstention,
    Answer,
    Citation,
    Claim,
    Conflict,
    DraftSentence,
    Evidence,
    Filters,
    Judge,
    Rival,
    Sentence,
    Support,
    Trace,
)

__all__ = ["Reply", "Stopwatch"]


class Stopwatch:
    """Milliseconds by step, in the order in which the steps were first taken."""

    def __init__(self) -> None:
        self._total: dict[str, float] = {}

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Add the time that the block takes to that of the step."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self._total[name] = self._total.get(name, 0.0) + 1000 * (time.perf_counter() - began)

    @property
    def milliseconds(self) -> tuple[tuple[str, float], ...]:
        """Every step with the time it took in all."""
        return tuple((name, round(total, 3)) for name, total in self._total.items())


class Reply:
    """Releases sentences, each as soon as it is checked, and keeps what the answer is made of.

    `check_open` raises once nobody may be answered any more; it is asked before each sentence.
    """

    def __init__(
        self,
        evidence: Evidence,
        stopwatch: Stopwatch,
        check_open: Callable[[], None],
        judge: Judge | None = None,
    ) -> None:
        self.evidence = evidence
        self.stopwatch = stopwatch
        self.sentences: list[Sentence] = []  # released
        self.conflicts: list[Conflict] = []
        self.claimed = 0  # sentences that an answerer claimed, released or withheld
        self.withheld: list[str] = []  # what an answerer that is not ours said, and the check withheld
        self.own_withheld = 0  # sentences of ours that the check withheld
        self.declined: Abstention | None = None  # what an answerer said in place of sentences
        self.settled: set[int] = set()  # the parts that are answered by what disagrees
        self.disagreements: tuple[Disagreement, ...] = ()  # of all parts
        self._disagreements: list[
            Sequence[Disagreement]
        ] = []  # part by part, until they are laid side by side
        self._checker = Checker(evidence, judge)
        self.check_open = check_open
        self._released: set[tuple[str, str | None]] = set()  # texts, with what was judged in their place

    def release(
        self, drafts: Iterator[DraftSentence | Abstention], *, ours: bool = True
    ) -> Iterator[Sentence]:
        """An answerer's sentences, each as soon as it is checked. What cannot be checked is withheld, and
        what was said already is not said again. A sentence that is not `ours` is a language model's, or of
        another answerer that was handed in: only those are listed as withheld."""
        try:
            while True:
                self.check_open()
                with self.stopwatch.step("draft"):
                    draft = next(drafts, None)
                if draft is None:
                    return
                if isinstance(draft, Abstention):
                    self.declined = draft if not self.sentences else None
                    return
                if (draft.text, draft.statement) in self._released:
                    continue
                self.claimed += 1
                with self.stopwatch.step("check"):
                    sentence = self._checked(draft if ours else with_best_claims(self._checker, draft))
                if sentence:
                    self.sentences.append(sentence)
                    self._released.add((draft.text, draft.statement))
                    yield sentence
                elif ours:
                    self.own_withheld += 1
                else:
                    self.withheld.append(draft.text)
        finally:
            # A generator that is not run to its end still holds its connection.
            if close := getattr(drafts, "close", None):
                close()

    def _checked(self, draft: DraftSentence) -> Sentence | None:
        """The sentence of a draft with its citations and layout, or `None` where it is withheld."""
        if draft.follows is not None and draft.follows not in {text for text, _ in self._released}:
            # The sentence that "it" points to is not shown, so this one has to say what it means by itself.
            if draft.statement is None or draft.statement.endswith(draft.text):
                return None
            draft = replace(draft, text=draft.statement, statement=None, follows=None)
        sentence = checked_in_parts(self._checker, draft)
        return replace(sentence, layout=draft.layout) if sentence else None

    def compare(self, disagreements: Sequence[Sequence[Disagreement]]) -> None:
        """Note what the sources disagree on, part by part."""
        self._disagreements = list(disagreements)
        self.disagreements = tuple(found for part in disagreements for found in part)

    def release_conflicts(self, part: int) -> Iterator[Sentence]:
        """What the sources disagree on in a part, once: the sentence of each value, and the conflict they
        make. Where a report updates another there is no conflict, and the newest comes last."""
        disagreements, self._disagreements[part] = self._disagreements[part], ()
        for found in disagreements:
            rivals: list[Rival] = []
            for group in sorted(found.groups, key=lambda group: group is found.later):
                shown = {rival.citation.article.id for rival in rivals}
                # One article may hold two of the values; another that says one of them too shows that they
                # disagree.
                claim = next((c for c in group.claims if c.source.article.id not in shown), group.claims[0])
                lead = "Later:" if group is found.later else ""
                quoted = (Claim(claim.source.rank, claim.sentence),)
                for sentence in self.release(
                    iter([DraftSentence(claim.sentence, quoted, claim.shown, lead)])
                ):
                    yield sentence
                    rivals.append(Rival(claim.shown, sentence.citations[0], claim.source.article.published))
            two = len({r.value for r in rivals}) > 1 and len({r.citation.article.id for r in rivals}) > 1
            if two and not found.later:
                self.conflicts.append(Conflict(found.about, tuple(rivals)))
            if rivals:
                self.settled.add(part)

    def answer(
        self,
        question: str,
        filters: Filters,
        trace: Trace,
        *,
        abstained: Abstention | None,
        notice: str | None = None,
        unanswered: tuple[str, ...] = (),
    ) -> Answer:
        """The whole answer, of what was released."""
        return Answer(
            question=question,
            text="The articles do not answer this." if abstained else cited_text(self.sentences),
            sentences=tuple(self.sentences),
            citations=self._citations(),
            evidence=self.evidence,
            filters=filters,
            conflicts=tuple(self.conflicts),
            abstained=abstained,
            withheld=tuple(self.withheld),
            notice=notice,
            trace=replace(trace, own_withheld=self.own_withheld),
            unanswered=unanswered,
        )

    def _citations(self) -> tuple[Citation, ...]:
        """The citations by number. One may be the words of one sentence and only fit another: it then has the
        weakest of its states, so that a footnote never promises more than its sentences hold."""
        found: dict[int, Citation] = {}
        for citation in (c for sentence in self.sentences for c in sentence.citations):
            known = found.setdefault(citation.number, citation)
            if Support.weakest((known.support, citation.support)) is not known.support:
                found[citation.number] = citation
        return tuple(found.values())
