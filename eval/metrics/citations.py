"""Whether the citations of one answer rest on the gold spans.

An answer is a sequence of sentences, a sentence the sequence of spans it cites, and a gold fact the sequence
of spans that state it. A span is `(article id, start, end)`, end excluded, in code points of the article.

Citation recall and precision follow ALCE (Gao et al., EMNLP 2023), with the gold spans as judge in the place
of an entailment model. So they say whether a sentence points at the right place, not whether its words follow
from it. A fact without gold spans cannot be supported: where some of a question's facts have none, recall and
precision judge too harshly.
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = [
    "Quote",
    "Span",
    "citation_precision",
    "citation_recall",
    "fact_coverage",
    "offsets_hold",
    "supports",
]

Span = tuple[str, int, int]
Quote = tuple[str, int, int, str]


def supports(cited: Span, fact: Sequence[Span]) -> bool:
    """Whether a cited span shares, with one gold span of the fact, at least half of the shorter of the two.

    Both must lie in the same article. An empty span supports nothing.

    >>> supports(("dawn", 0, 10), [("dawn", 6, 14)]), supports(("dawn", 0, 10), [("dawn", 7, 15)])
    (True, False)
    """
    article, start, end = cited
    for gold_article, gold_start, gold_end in fact:
        shared = min(end, gold_end) - max(start, gold_start)
        if article == gold_article and shared > 0 and 2 * shared >= min(end - start, gold_end - gold_start):
            return True
    return False


def citation_recall(answer: Sequence[Sequence[Span]], facts: Sequence[Sequence[Span]]) -> float | None:
    """The share of sentences whose citations together support at least one gold fact, 0 to 1.

    ALCE's citation recall (Gao et al., EMNLP 2023). Citations together support what one of them supports.
    A sentence without citations is not supported. `None` if the answer has no sentences (it abstained) or the
    facts have no spans.

    >>> citation_recall([[("dawn", 0, 10)], []], [[("dawn", 0, 10)]])
    0.5
    """
    if not answer or not any(facts):
        return None
    return sum(any(_supports_any(cited, facts) for cited in sentence) for sentence in answer) / len(answer)


def citation_precision(answer: Sequence[Sequence[Span]], facts: Sequence[Sequence[Span]]) -> float | None:
    """The share of citations that support a gold fact, 0 to 1; one cited in two sentences counts twice.

    ALCE's citation precision (Gao et al., EMNLP 2023), where a citation is irrelevant if it supports nothing
    alone and nothing is lost without it. Here the second always follows from the first, since citations
    together support what one of them supports. `None` without citations (ALCE: 0) or without gold spans.

    >>> citation_precision([[("dawn", 0, 10), ("dawn", 50, 60)], []], [[("dawn", 0, 10)]])
    0.5
    """
    cited = [span for sentence in answer for span in sentence]
    if not cited or not any(facts):
        return None
    return sum(_supports_any(span, facts) for span in cited) / len(cited)


def fact_coverage(answer: Sequence[Sequence[Span]], facts: Sequence[Sequence[Span]]) -> float | None:
    """The share of gold facts that some citation of the answer supports, 0 to 1. Ours; no paper's.

    Facts without spans are left out; `None` if that leaves none. An answer that abstains covers nothing: 0.0,
    because the facts were there to be found.

    >>> fact_coverage([[("dawn", 0, 10)]], [[("dawn", 0, 10), ("bbc", 5, 9)], [("bbc", 40, 60)], []])
    0.5
    """
    judged = [fact for fact in facts if fact]
    if not judged:
        return None
    cited = [span for sentence in answer for span in sentence]
    return sum(any(supports(span, fact) for span in cited) for fact in judged) / len(judged)


def offsets_hold(quotes: Sequence[Quote]) -> float | None:
    """The share of citations whose quote stands in its article exactly at its offsets, 0 to 1. Ours; no
    paper's.

    Each is `(article text, start, end, quote)`. Offsets outside the text never hold, though Python would
    slice there. Anything under 1.0 is a fault in the program. `None` without citations.

    >>> offsets_hold([("Iran struck first.", 0, 4, "Iran"), ("Iran struck first.", 0, 4, "iran")])
    0.5
    """
    if not quotes:
        return None
    held = sum(
        0 <= start < end <= len(text) and text[start:end] == quote for text, start, end, quote in quotes
    )
    return held / len(quotes)


def _supports_any(cited: Span, facts: Sequence[Sequence[Span]]) -> bool:
    return any(supports(cited, fact) for fact in facts)
