"""Statements made by machine from the sentences of a text: faithful ones, and ones spoiled in one way.

A judge of sentences learns from them, and the bench of the check (`eval.bench.checking`) is made of them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from random import Random

from rag.training import paraphrases, spoiled, turned
from rag.training.wording import Change, told, usable

__all__ = ["FAITHFUL", "SPOILED", "Change", "made"]

# A faithful change never adds to what is said, nor takes away what limits it.
FAITHFUL: dict[str, Change] = {
    "verbatim": paraphrases.verbatim,
    "shortened": paraphrases.shortened,
    "in figures": paraphrases.in_figures,
    "in words": paraphrases.in_words,
    "speaker first": paraphrases.speaker_first,
    "speaker last": paraphrases.speaker_last,
    "according to": paraphrases.according,
    "passive": paraphrases.passive,
    "active": paraphrases.active,
    "without an aside": paraphrases.without_aside,
    "without an adverb": paraphrases.without_adverb,
    "without a title": paraphrases.without_title,
    "other words": paraphrases.other_words,
    "one half": paraphrases.half,
    "two sentences": paraphrases.next_joined,
    "relative clause": paraphrases.relative,
    "possessive": paraphrases.possessive,
    "form of a date": paraphrases.date_form,
    "time moved": paraphrases.moved_time,
    "contraction": paraphrases.contraction,
    "hedge kept": paraphrases.hedge_kept,
}
SPOILED: dict[str, Change] = {
    "number": spoiled.number,
    "crossed numbers": spoiled.crossed,
    "unit": spoiled.unit,
    "name": spoiled.name,
    "date": spoiled.date,
    "speaker": spoiled.speaker,
    "order in time": turned.order,
    "cause": turned.cause,
    "negation": turned.negation,
    "hedge": turned.hedge,
    "attitude": turned.attitude,
    "attempt": turned.attempt,
    "condition": turned.condition,
    "role": turned.role,
    "scope": turned.scope,
    "comparison": turned.comparison,
    "joined": turned.joined,
}


def made(
    text: str, rng: Random, ways: Collection[str] | None = None
) -> Iterator[tuple[str, bool, str, int, int]]:
    """Each statement that can be made from a text: its kind, whether it is faithful, its words, and the place
    [start, end) of its sentence in the text.

    Every usable sentence is changed at most once in each of the `ways`, all of them by default. A statement
    that the text has word for word is left out, unless its kind is "verbatim". The same text and the same
    seed give the same statements.

    >>> text = "The old border in the north stayed closed for two days, the army said on Tuesday in Quetta."
    >>> [(kind, faithful) for kind, faithful, *_ in made(text, Random(1), ["verbatim", "number", "date"])]
    [('verbatim', True), ('number', False), ('date', False)]
    """
    plain = " ".join(text.split())
    chosen = {kind: change for kind, change in (FAITHFUL | SPOILED).items() if ways is None or kind in ways}
    for start, end, sentence in told(text):
        if not usable(sentence):
            continue
        for kind, change in chosen.items():
            said = change(sentence, text, rng)
            if kind == "two sentences" and said:
                end_of = next(e for s, e, _ in told(text) if s > start)
                yield kind, True, said, start, end_of
            elif said and (kind == "verbatim" or said not in plain):
                yield kind, kind in FAITHFUL, said, start, end
