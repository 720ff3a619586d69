"""What a language model's reply says around its claims: headings, lead-ins, labels, and remarks to readers.

By structure and by the lists in `rag.english.lexicon`. In doubt a text is a claim, which has to be supported.
"""

from __future__ import annotations

import re

from rag.english.clauses import clauses, is_denied
from rag.english.lexicon import (
    ANSWER_POINTERS,
    DETERMINERS,
    DIFFERING_VERBS,
    LEAD_INS,
    POSSESSIVES,
    PREPOSITIONS,
    PRESENTING_VERBS,
    PROMPT_NOUNS,
    RELATIVES,
    REMARKS,
    REPLY_NOUNS,
    SOURCE_HEADINGS,
    SOURCE_NOUNS,
    SUMMARISERS,
    TELLING_NOUNS,
    TELLING_VERBS,
    alternation,
    forms,
)
from rag.english.names import names
from rag.english.normalise import content_stems, stem, words
from rag.english.numbers import numbers
from rag.english.phrases import items, may_be_base

__all__ = [
    "about",
    "claims_nothing",
    "compares_sources",
    "heads_quotes",
    "heads_sources",
    "is_fragment",
    "is_lead_in",
    "is_remark",
    "is_unfinished",
    "without_announcement",
]

_LONGEST = 400  # characters of a lead-in, a heading or a remark
_AGREED = r"yes|no|sure|certainly|of course|absolutely|indeed|great|okay|ok"
_YES = re.compile(rf"(?:(?:{_AGREED})\b[!,. ]*){{1,3}}", re.IGNORECASE)
_AGREEING = re.compile(rf"(?:(?:{_AGREED})\b[!,. ]+){{1,3}}", re.IGNORECASE)
# What may stand before a lead-in, or be one, without a claim: "To apply", "If you want to apply".
_OPENING = re.compile(r"(?:to|if|when|for|in|before)\b", re.IGNORECASE)
_REMARK = re.compile(rf"(?:{alternation(REMARKS)})\b", re.IGNORECASE)
# "The passage is about floods": no article says so of a passage.
_OF_PASSAGES = re.compile(
    rf"(?:the|this|these|both|each|all)\s+(?:{alternation(PROMPT_NOUNS)})\s+(?:\d+\s+)?(?:is|are)\s+(?:all\s+)?about\b",
    re.IGNORECASE,
)
# "The reports of the flood at Karvel differ": the sources, what they are of, and how they compare.
_DIFFERING = re.compile(
    rf"\b(?:{alternation(TELLING_NOUNS)})(?:\s+(?:about|by|from|in|of|on)\s[^,.;:]{{1,80}}?)?"
    rf"(?:\s+(?:all|also|clearly|do|does|did|may|not|slightly|sharply|widely))*"
    rf"\s+(?:{alternation(forms(DIFFERING_VERBS))})\b",
    re.IGNORECASE,
)
_LEAD_IN = re.compile(rf"(?:{alternation(LEAD_INS)})\b", re.IGNORECASE)
_SUMMARISER = re.compile(rf"(?:{alternation(SUMMARISERS)})\b,?", re.IGNORECASE)
# How headings are counted: "Step 2: Run it", "3. Results".
_COUNTED = re.compile(
    r"(?:(?:step|part|point|option|phase)\s+)?\d{1,2}(?:[.):]\s*|\s+[–—-]\s+|\Z)", re.IGNORECASE
)
_PRESENTING = forms(PRESENTING_VERBS)
_OF_REPLY = frozenset(map(stem, PROMPT_NOUNS | REPLY_NOUNS | {"final", "short"}))
_ANNOUNCED = re.compile(r"([^\n.!?:;<]{1,80}):\s+(?=\S)")
_ANNOUNCING = frozenset(map(stem, SOURCE_NOUNS | ANSWER_POINTERS | forms(TELLING_VERBS)))


def is_remark(text: str) -> bool:
    """Whether a sentence speaks to the reader, or of the answer itself, and says nothing of the matter.

    >>> [is_remark(text) for text in ("I hope this helps!", "Sure!", "What is your goal?", "Norvik grew.")]
    [True, True, True, False]
    >>> [is_remark(text) for text in ("Overall, these points may help.", "Overall, exports fell by 4 %.")]
    [True, False]
    >>> is_remark("The passage is about the flood."), is_remark("The article is about the flood.")
    (True, False)
    >>> [is_remark(text) for text in ("I don’t have figures for May.", "“I don’t have it,” Ms Cole said.")]
    [True, False]
    """
    if len(text) > _LONGEST:
        return False
    low = text.replace("’", "'").strip()
    if _YES.fullmatch(low) or low.endswith("?") or _OF_PASSAGES.match(low):
        return True
    if _REMARK.match(low):
        return not numbers(low)
    summing = _SUMMARISER.match(low)
    rest = low[summing.end() :].strip() if summing else ""
    points = bool(set(words(rest)[:1]) & ANSWER_POINTERS)
    return points and not numbers(rest) and not names(f"x {rest}") and not is_denied(rest)


def without_announcement(text: str) -> str:
    """A sentence without the words that only announce it; "" where nothing follows them, and for the
    question, which a model may repeat.

    >>> without_announcement("The answer to the question is: Iran struck.")
    'Iran struck.'
    >>> without_announcement("Question: who struck?"), without_announcement("The minister: nine died.")
    ('', 'The minister: nine died.')
    >>> without_announcement("The answer is."), without_announcement("The answer is 9.")
    ('', 'The answer is 9.')
    """
    if (
        len(text) <= _LONGEST
        and not text.endswith(":")
        and (stems := set(content_stems(text)))
        and stems <= _OF_REPLY
    ):
        return ""
    match = _ANNOUNCED.match(text)
    said = {stem for stem in content_stems(match[1]) if not stem.isdigit()} if match else set()
    if match is None or not said or not said <= _OF_REPLY:
        return text
    return "" if said == {stem("question")} else text[match.end() :]


def compares_sources(text: str) -> bool:
    """Whether a sentence says that sources differ or agree. No passage says that of another: whoever reads
    them has to see.

    >>> compares_sources("The reports of the flood differ."), compares_sources("Both accounts do not agree.")
    (True, True)
    >>> compares_sources("The parties differ."), compares_sources("The report says that the parties differ.")
    (False, False)
    """
    return len(text) <= _LONGEST and bool(_DIFFERING.search(text))


def is_lead_in(text: str) -> bool:
    """Whether a line that ends with a colon only announces what follows, and claims nothing.

    It has no figure and no denial, and it begins as a lead-in does, has no verb, or only a verb that hands
    over to "the following" or "these".

    >>> [is_lead_in(text) for text in ("Here is what they say:", "The winners:", "Take these steps:")]
    [True, True, True]
    >>> [is_lead_in(text) for text in ("Norvik paid 3 fines:", "The court fined Norvik for these reasons:")]
    [False, False]
    """
    bare = _AGREEING.sub("", text.replace("’", "'").strip(), count=1)
    if not bare.endswith(":") or len(bare) > _LONGEST or numbers(bare) or is_denied(bare):
        return False
    bare = bare.rstrip(": ")
    before, comma, after = bare.rpartition(", ")
    if _LEAD_IN.match(bare) or (comma and _LEAD_IN.match(after) and _OPENING.match(before)):
        return True
    if _OPENING.match(bare) and not comma:
        return True  # "To apply for a visa:"
    said = [clause for clause in clauses(bare) if clause.finite and clause.who]
    if any(c.verb not in PRESENTING_VERBS for c in said if c.who and c.who.lower() not in ANSWER_POINTERS):
        return False  # "these steps" is no clause
    low = words(bare)
    handing = [low[at + 1 :] for at, word in enumerate(low) if word in _PRESENTING]
    return not handing or any(set(after) & ANSWER_POINTERS for after in handing)


def is_unfinished(text: str) -> bool:
    """Whether a line that ends with a colon says nothing without what follows it: it ends in a verb that
    hands over, or in a preposition. What follows has to be read together with it.

    >>> [is_unfinished(text) for text in ("Norvik's mines are:", "It sells goods such as:", "Prices fell:")]
    [True, True, False]
    """
    low = words(text) if text.rstrip().endswith(":") and len(text) <= _LONGEST else []
    return bool(low) and low[-1] in _PRESENTING | PREPOSITIONS | {"including", "that", "as"}


def about(lead: str) -> str:
    """What a lead-in says of what follows it, "" where it only announces it.

    >>> about("Here are the winners"), about("Here is what the articles say"), about("The mines of Norvik")
    ('the winners', '', 'The mines of Norvik')
    """
    bare = _AGREEING.sub("", lead.replace("’", "'"), count=1).strip()
    bare = _LEAD_IN.sub("", bare, count=1).strip() if _LEAD_IN.match(bare) else bare
    said = set(content_stems(bare)) - _ANNOUNCING
    return bare if said else ""


def claims_nothing(text: str) -> bool:
    """Whether a heading, a label or a cell that names only says what something is about: it has no verb, no
    figure and no denial, or is a question.

    >>> [claims_nothing(text) for text in ("Main findings", "Norvik cut jobs", "12 dead", "Who won?")]
    [True, False, False, True]
    """
    bare = text.strip(" :.")
    if len(bare) > _LONGEST or not re.search(r"\w", bare):
        return False
    if text.rstrip().endswith("?"):
        return True
    bare = _COUNTED.sub("", bare)
    return is_fragment(bare, imperative=True) and not numbers(bare) and not is_denied(bare)


def is_fragment(text: str, *, imperative: bool = False) -> bool:
    """Whether a text is no sentence of its own: it has no verb with a subject. A command is one, unless
    `imperative` counts it as a fragment.

    >>> [is_fragment(text) for text in ("Bo Xi, who ran", "Meet with the lawyer.", "The mine closed.")]
    [True, False, False]
    """
    if len(text) > _LONGEST:
        return False
    if _is_command(text):
        return imperative
    return not any(
        clause.finite
        and (clause.who or clause.whom)
        and not set(words(text[clause.start : clause.verb_end])) & RELATIVES
        for clause in clauses(text)
    )


def _is_command(text: str) -> bool:
    said = items(text)
    if len(said) < 2 or said[0].name or not may_be_base(said[0]):
        return False
    following = said[1]
    return following.name or following.low in DETERMINERS | POSSESSIVES | PREPOSITIONS


def heads_sources(text: str) -> bool:
    """Whether a heading opens a list of sources.

    >>> heads_sources("Sources:"), heads_sources("Sources of income")
    (True, False)
    """
    return text.strip(" :*").casefold() in SOURCE_HEADINGS


def heads_quotes(text: str) -> bool:
    """Whether a line opens a list of quotes.

    >>> lines = "**Quotes:**", "Here are the exact quotes that answer it:", "She quoted Kis.", "Quotas: 3"
    >>> [heads_quotes(line) for line in lines]
    [True, True, False, False]
    """
    bare = text.strip(" *#_\t")
    named = (
        {"quote", "quotes", "quotation", "quotations"} & set(words(bare)) if len(bare) <= _LONGEST else set()
    )
    return bool(named) and (bare.endswith(":") or (len(words(bare)) <= 4 and not bare.endswith((".", "!"))))
