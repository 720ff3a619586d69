"""Who says a quoted sentence: where that stands in a neighbouring sentence, the two are shown together."""

from __future__ import annotations

import re
from collections.abc import Sequence

__all__ = ["with_speaker"]

_SAYS = re.compile(
    r"\b(?:sa(?:id|ys|ying)|t(?:old|ells?)|add(?:ed|s|ing)|warn(?:ed|s|ing)|wr(?:ote|ites?)|tweet(?:ed|s)|post(?:ed|s)|ask(?:ed|s)"
    r"|argu(?:ed|es|ing)|claim(?:ed|s|ing)|stat(?:ed|es|ing|ement)|announc(?:ed|es|ing)|declar(?:ed|es|ing)|explain(?:ed|s)"
    r"|insist(?:ed|s)|not(?:ed|es|ing)|recall(?:ed|s)|repl(?:ied|ies)|continu(?:ed|es)|conclud(?:ed|es)|recogni[sz](?:ed|es|ing)"
    r"|according to)\b"
    r"|:\s*\Z",
    re.IGNORECASE,
)
_FAR = 3  # sentences that are looked back, or ahead, for the speaker
_LONGEST = 800  # characters shown together: two long sentences, or four short ones

Span = tuple[int, int]


def with_speaker(text: str, around: Sequence[Span], start: int, end: int) -> Span:
    """The stretch from `start` to `end`, widened to the sentence that says whose words it is, where it is all
    quotation.

    `around` are the sentences of the text. A stretch that holds words outside quotation marks is left as it
    is, and so is one whose speaker is not named within three sentences.

    >>> text = '"A limited reply," said Vaez. "It will not escalate." The border is long.'
    >>> from rag.english.sentences import sentences
    >>> first, last = with_speaker(text, sentences(text), 30, 53)
    >>> text[first:last]
    '"A limited reply," said Vaez. "It will not escalate."'
    """
    quoted = _quoted(text)
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
        if own and _SAYS.search(own[1]):
            first, final = min(start, around[own[0]][0]), max(end, around[own[0]][1])
            return (first, final) if final - first <= _LONGEST else (start, end)
    return start, end


def _quoted(text: str) -> list[bool]:
    """For each character, whether it stands inside double quotation marks, or is one.

    A quotation is over at the end of its paragraph at the latest: a missing mark must not turn the rest of
    the article round, and a quotation of several paragraphs opens each of them anew.
    """
    found: list[bool] = []
    within = False
    for character in text:
        if character == "\n":
            within = False
        opens = character in "“„«" or (character == '"' and not within)
        closes = character in "”»" or (character == '"' and within)
        found.append(within or opens)
        within = (within or opens) and not closes
    return found


def _own_words(text: str, quoted: Sequence[bool], span: Span) -> str:
    """What a stretch says outside quotation marks; empty where that has no letter."""
    own = "".join(text[i] for i in range(*span) if not quoted[i]).strip()
    return own if any(character.isalpha() for character in own) else ""


def _goes_on(quoted: Sequence[bool], end: int) -> bool:
    """Whether the quotation in which a sentence ends goes on in the same paragraph."""
    return end < len(quoted) and quoted[end]
