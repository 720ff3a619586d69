"""What a question asks for: its parts, what kind of answer each wants, whose word it asks for, and how a
short answer to it is worded. Rules over the question's words alone."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from rag.english.lexicon import CALENDAR, STOPWORDS
from rag.english.normalise import content_stems, stem, words

__all__ = [
    "Kind",
    "Part",
    "decided",
    "parts_of",
    "qualified",
    "reversed_roles",
    "tells_of_the_opposite",
    "worded",
]


class Kind(StrEnum):
    """What answers a question: words of an article, several such, a sentence, a sentence that decides, or an
    account.
    """

    WORDS = "words"
    LIST = "list"
    SENTENCE = "sentence"
    DECIDE = "decide"
    ACCOUNT = "account"


@dataclass(frozen=True, slots=True)
class Part:
    """One of the questions that a question asks. `speaker`: whose word is asked for, as the question names
    them.
    """

    question: str
    kind: Kind
    speaker: str | None = None

    @property
    def bare(self) -> bool:
        """Whether it names nothing and nobody to look for: "What happened?", "Summarise the articles"."""
        if self.speaker is not None or set(content_stems(self.question)) - _BARE:
            return False
        # "What happened in the US?": the name is a function word but for its capitals, unless all is in
        # capitals.
        return self.question.isupper() or not _SHOUTED.search(self.question)

    @property
    def of_events(self) -> bool:
        """Whether it asks for what happened, and not for what somebody thinks or what follows from it."""
        return self.kind is Kind.ACCOUNT and bool(_EVENTS.search(self.question))


_EVENTS = re.compile(
    r"\bhappen|\bgoing on\b|\bsummar|\blatest\b|\bwhat(?:['’]s| is) new\b|\boverview\b", re.IGNORECASE
)
_SHOUTED = re.compile(r"\b[A-Z]{2,}\b")
_BARE = frozenset(
    content_stems(
        "happen happened summarise summarize summary articles article news latest tell story overview new "
        "going on"
    )
)
_WH = r"(?:who|whom|whose|what|when|where|why|which|how)"
_LEAD = r"(?:(?:in|on|at|to|from|by|for|with|of|under|since|until|during)\s+)?"
_NEXT = re.compile(
    rf"\s*(?:,|;|\?)?\s+and\s+(?={_LEAD}{_WH}\b)|\?\s+(?=\w)|(?:,|;)\s+(?={_LEAD}(?:how\s+(?:many|much)|who|whom|when|where|why)\b)",
    re.IGNORECASE,
)
_STARTS = re.compile(rf"^\W*{_LEAD}{_WH}\b", re.IGNORECASE)
_AUXILIARY = re.compile(
    r"^\W*(?:is|are|was|were|am|do|does|did|has|have|had|can|could|will|would|should|shall|may|might|must|isn't|aren't|wasn't"
    r"|weren't|don't|doesn't|didn't|hasn't|haven't|hadn't|won't|wouldn't)\b",
    re.IGNORECASE,
)
_FRAGMENT = re.compile(rf"^\W*{_LEAD}(?:{_WH}|(?:what|which)\s+[a-z’'-]+)\W*$", re.IGNORECASE)
_PREDICATE = re.compile(
    r"\b(?:did|does|do|has|have|had|is|are|was|were|will|would|can|could|should)\s.+", re.IGNORECASE
)
_ACCOUNT = re.compile(
    r"^\W*(?:please\s+)?(?:what\s+(?:has\s+)?happen(?:ed|s|ing)?\b(?!\s+to\b)|what\s+(?:is|was)\s+going\s+on|summari[sz]e|describe|explain"
    r"|outline|tell\s+(?:me|us)|give\s+(?:me|us)|how\s+would\s+you\s+describe|what['’]s\s+(?:new|the\s+latest)|what\s+is\s+new"
    r"|what\s+(?:is|are|was|were)\s+(?:the\s+)?(?:risks?|consequences|background|context|relationship|relations|latest|story)\b"
    r"|what\s+(?:is|was)\s+[\w’' -]{1,40}\b(?:part|role)\s+in)",
    re.IGNORECASE,
)
_OPINION = re.compile(
    r"^\W*(?:what|how)\s+(?:do|does|did|has|have|had)\s+.{1,60}\b(?:think|say|said|make|feel|react|reacted|respond|see|view|describe"
    r"|comment|argue|tell|told|call|state|stated|warn|warned)\b",
    re.IGNORECASE,
)
_MANNER = re.compile(
    r"^\W*(?:and\s+)?(?:why|for\s+what\s+reason|what\s+for|how\s+(?!many\b|much\b|long\b|old\b|far\b|often\b|big\b|large\b|high\b|tall\b"
    r"|fast\b|deep\b|wide\b|soon\b|late\b|mny\b))|\bquote\b|\bexact\s+(?:words|phrase)\b",
    re.IGNORECASE,
)
_PLURAL = re.compile(
    r"^\W*(?:list\b|name\s+the\b|what\s+(?:are|were)\s+(?:the|their|his|her|its|some)\b|(?:(?:in|on|at|to|from|by|of)\s+)?(?:which|what)\s+"
    r"(?:two|three|four|five|six|seven|eight|nine|ten|\d+|other\s+\w+s|(?:(?!is\b|was\b|has\b|did\b)[\w’'-]+\s){0,2}?(?:countries|cities|people|groups|places|names|nations"
    r"|states|companies|towns|men|women|officials|allies|leaders|parties|teams|films|movies|players|systems|sites|areas|provinces))\b)",
    re.IGNORECASE,
)
_ACCORDING = re.compile(
    r"(?:^\W*(?:according\s+to|in\s+the\s+(?:view|opinion|words)\s+of)\s+(?P<first>[^,?]{2,60}?)\s*,\s*)"
    r"|(?:,?\s*(?:according\s+to|in\s+the\s+(?:view|opinion|words)\s+of)\s+(?P<last>[^,?]{2,60}?)\s*(?=\?|$))"
    r"|(?:,\s*in\s+(?P<whose>[\w .’'-]{2,40}?)[’']s\s+(?:view|opinion|words)\s*,?)"
    r"|(?:,\s*(?:says|said)\s+(?P<says>[^,?]{2,60}?)\s*(?=\?|$))",
    re.IGNORECASE,
)


def parts_of(question: str) -> list[Part]:
    """The questions a question asks, in order.

    >>> [(part.question, str(part.kind)) for part in parts_of("Who struck first, and whom did they target?")]
    [('Who struck first', 'words'), ('whom did they target?', 'words')]
    >>> parts_of("According to Kirby, which country struck first?")
    [Part(question='which country struck first?', kind=<Kind.WORDS: 'words'>, speaker='Kirby')]
    """
    match = _ACCORDING.search(question)
    speaker = next((found.strip() for found in match.groups() if found), None) if match else None
    asked = question
    if match and speaker:
        asked = f"{question[: match.start()]}{question[match.end() :]}".strip()
    pieces = [piece.strip() for piece in _NEXT.split(asked) if piece.strip(" ?,;")]
    pieces = [_completed(piece, after) for piece, after in zip(pieces, [*pieces, ""][1:], strict=True)]
    if len(pieces) > 1 and not (_STARTS.search(pieces[0]) or _AUXILIARY.search(pieces[0])):
        pieces = [asked]  # "Tell me when and where it began": one request
    return [Part(piece, kind_of(piece), speaker) for piece in pieces]


def _completed(piece: str, after: str) -> str:
    """A piece that is only its question word, with what the next piece asks of it.

    >>> _completed("On what day", "to which city did she travel?")
    'On what day did she travel?'
    """
    rest = _PREDICATE.search(after)
    return f"{piece} {rest.group()}" if rest and _FRAGMENT.match(piece) else piece


def kind_of(question: str) -> Kind:
    """What kind of answer a single question wants.

    >>> [str(kind_of(q)) for q in ("Why did Iran strike?", "Which two cities?", "Did China mediate?", "What happened?")]
    ['sentence', 'list', 'decide', 'account']
    """
    if _ACCOUNT.search(question):
        return Kind.ACCOUNT
    if _AUXILIARY.search(question):
        return Kind.DECIDE
    if _MANNER.search(question) or _OPINION.search(question):
        return Kind.SENTENCE
    if _PLURAL.search(question):
        return Kind.LIST
    return Kind.WORDS


_SUBJECT = re.compile(
    r"^\W*(?:and\s+)?(?:who|(?:which|what)\s+(?P<noun>[a-z]+))\s+(?P<rest>(?P<verb>[a-z’'-]+)\b[^?]*?)\s*\??\s*$",
    re.IGNORECASE,
)
_IS = re.compile(
    r"^\W*(?:and\s+)?(?:who|what|where|when)\s+(?P<verb>is|are|was|were)\s+(?P<rest>(?:the|a|an|[A-Z])[^?]*?)\s*\??\s*$"
)
_BY = re.compile(
    r"^(?P<subject>.+?)\s(?:was|were|been|being)\s+(?P<deed>.+)\sby\s+(?P<doer>[^,;]+)$", re.IGNORECASE
)
_SUBJECT_WORDS = 4  # of a clause; in more of them it may say "if", or that somebody denies it
_UNSURE = frozenset(
    """may might could would should must if unless whether not never no nobody none neither nor reportedly allegedly almost
    nearly said says claimed denied""".split()
)
_NOT_VERBS = frozenset(
    """is are was were am do does did has have had can could will would should shall may might must be been of in on at to the a
    an and or that else""".split()
)
# Past forms that are not made with -ed. The verb of "Who struck first?" is used as it stands, so only being a
# verb matters.
_PAST = frozenset(
    """beat became bought broke brought built came caught chose cut drew drove fell fought found flew gave got grew held hit
    kept knew laid led left let lost made met paid put quit ran read rose said saw sent set shot shut sold spent split spoke
    spread stole stood struck swore taught thought threw told took withdrew won wore wrote began""".split()
)


def worded(question: str, words: str) -> str:
    """A short answer as a sentence: made of the article's words, and of the question's only where it asks for
    its subject (the question is then a sentence with a hole where the answer goes). What is in capitals
    throughout does not say which words have one.

    >>> worded("Who struck first", "Iran"), worded("How many were killed?", "at least nine people")
    ('Iran struck first.', 'At least nine people.')
    >>> worded("WHO STRUCK FIRST", "Iran"), worded("Who struck first", "they were struck by Iran")
    ('Iran.', 'Iran struck first.')
    """
    said = words.strip().strip(",;:").strip()
    if not said:
        return ""
    if match := _SUBJECT.match(question):
        verb = match.group("verb").lower()
        rest = match.group("rest")
        if verb not in _NOT_VERBS and (verb in _PAST or verb.endswith("ed")) and "?" not in rest:
            told = _BY.match(said)
            if told and _says_no_more(told, rest):
                said, told = told.group("doer"), None
            if (
                not told and stem(verb) not in content_stems(said) and not rest.isupper()
            ):  # else they say what was done
                said = f"{said} {rest}"
    first = said[0].upper() + said[1:]
    return first if first[-1] in ".!?…" else f"{first}."


def _says_no_more(told: re.Match[str], rest: str) -> bool:
    """Whether a clause in the passive says of what was done just what the question does: no "not", "nearly"
    or "may have".
    """
    subject, deed = words(told.group("subject")), words(told.group("deed"))
    return len(subject) <= _SUBJECT_WORDS and not _UNSURE & {*subject} and {*deed} <= {*words(rest)}


_QUANTITY = re.compile(
    r"\bhow\s+(?:many|much|long|far|old|often|big|large|high|tall)\b|\bwhat\s+(?:is|was)\s+the\s+(?:death\s+)?toll\b",
    re.IGNORECASE,
)
_QUALIFIER = re.compile(
    r"(?:\b(?:at\s+(?:least|most)|more\s+than|(?:no|not)\s+(?:more|fewer|less)\s+than|fewer\s+than|less\s+than"
    r"|as\s+many\s+as|up\s+to|about|around|some|nearly|almost|roughly|approximately|over|under|only|an?\s+estimated)\s+)\Z",
    re.IGNORECASE,
)


def qualified(question: str, text: str, start: int) -> int:
    """Where the words of an answer begin, with the "at least" before them where a quantity is asked for.

    >>> text = "killing at least nine people"
    >>> text[qualified("How many were killed?", text, text.index("nine")):]
    'at least nine people'
    """
    if not _QUANTITY.search(question):
        return start
    match = _QUALIFIER.search(text, max(0, start - 24), start)
    return match.start() if match else start


# Words after which a clause is somebody's word, a wish or a guess, and decides nothing.
_UNDECIDED = frozenset(
    stem(w)
    for w in """accuse according allege apparently believe claim could deny demand doubt expect fear hope if intend likely may
    might must offer perhaps plan possibly propose refuse report reportedly said say seek should suspect think threaten told
    unclear unless urge vow want warn whether would""".split()
)
_DENIED = frozenset("no not never none nobody nothing neither nor cannot without".split())
_STRAY = 2  # words of its own that a statement may have among those of the question


def decided(question: str, sentence: str) -> bool | None:
    """Whether a sentence answers a yes-or-no question by a rule that cannot be wrong about the words: it says
    all that the question asks, in the same order and close together, as a fact of its own, affirmed or
    denied. `None` where that is not certain.

    >>> decided("Did Iran strike Pakistan?", "On Tuesday Iran did strike Pakistan.")
    True
    >>> decided("Did Iran strike Pakistan?", "Iran may strike Pakistan.") is None
    True
    """
    asked, raw = content_stems(question), words(sentence)
    said = [stem(w) for w in raw]
    if len(asked) < 2 or set(said) & _UNDECIDED or any(mark in sentence for mark in '“”"‘?'):
        return None
    at = -1
    for wanted in asked:
        if wanted not in said[at + 1 :]:
            return None
        at = said.index(wanted, at + 1)
    stretch = raw[said.index(asked[0]) : at + 1]
    denials = [w for w in raw if _denies(w)]
    if any(map(_denies, words(question))) or len(denials) > 1:  # "no" to a question that denies means either
        return None
    if sum(w not in STOPWORDS and stem(w) not in asked and not _denies(w) for w in stretch) > _STRAY:
        return None
    if denials:
        return False if denials[0] in stretch else None
    return True


def _denies(word: str) -> bool:
    return word in _DENIED or word.endswith("n't")


_DOER = re.compile(
    r"\b(?:did|does|do|has|have|had)\s+(?:the\s+)?(?P<doer>[A-Z][\w-]+)(?:[’']s?)?\b(?P<rest>.*)"
)
_NAME = re.compile(r"\b[A-Z][\w-]+")
_CLAUSES = re.compile(r"[;:]|,?\s(?=(?:after|before|while|whereas|when|as|following)\s)")
_NO_SUBJECT = re.compile(
    r"\b(?:against|at|by|from|in|inside|into|of|on|to|with|within)\s(?:the\s)?\Z", re.IGNORECASE
)

# What follows a name that only speaks, or to which it is done.
_NO_DEED = re.compile(
    r"(?:[’']s?)?(?:\s[a-z][\w’'-]*){0,3}?\s(?:said|says|accused|accuses|blamed|blames|condemned|reported|was|were|had\sbeen|has\sbeen|announced"
    r"|claimed|confirmed|told)\b"
)
# What follows a name that does something to somebody: "Pakistan responded with strikes", "Pakistan’s air
# force hit".
_DOES = re.compile(
    r"(?:[’']s?)?(?:\s(?!was\b|were\b|been\b|sa(?:id|ys)\b|that\b)[a-z][\w’'-]*){0,3}?\s(?:attacked|bombed|carried\sout|conducted|fired|hit|killed"
    r"|launched|responded|retaliated|staged|struck|targeted)\b(?!\sby\b)"
)


def reversed_roles(question: str, sentence: str, at: int) -> bool:
    """Whether the clause of a sentence around a place has the two names of a question the other way round:
    who has it done to them there does it, to them or to somebody who is not named. Known only where the
    question says who did it to whom, and nothing in the clause says "by".

    >>> sentence = "Pakistan launched strikes into Iran on Wednesday, after Iran carried out strikes in Pakistan on Tuesday."
    >>> [reversed_roles("When did Pakistan strike Iran?", sentence, sentence.index(day)) for day in ("Wednesday", "Tuesday")]
    [False, True]
    """
    asked = _DOER.search(question)
    others = [m.group() for m in _NAME.finditer(asked["rest"]) if m.group().lower() not in CALENDAR] if asked else []
    if asked is None or not others:
        return False
    doer = asked["doer"]
    borders = _borders(sentence)
    start = max(border for border in borders if border <= at)
    clause = sentence[start : min(border for border in borders if border > at)]
    if re.search(rf"\bby\s(?:the\s)?{re.escape(doer)}", clause):
        return False
    # "Iranian" speaks of Iran. A name after a preposition does nothing.
    named = [m for m in _NAME.finditer(clause) if not _NO_SUBJECT.search(clause[: m.start()])]
    first = next((m for m in named if m.group().startswith((doer, *others))), None)
    if first is None or first.group().startswith(doer):
        return False
    if _NO_DEED.match(
        clause, first.end()
    ):  # "Pakistan said Iran struck", "Pakistan was hit by missiles that Iran fired"
        return False
    return doer in clause or bool(_DOES.match(clause, first.end()))


def tells_of_the_opposite(question: str, sentence: str) -> bool:
    """Whether every clause of a sentence has the roles of a question reversed.

    >>> tells_of_the_opposite("How many did Iran's strikes on Pakistan kill?", "Pakistan responded and killed nine.")
    True
    >>> tells_of_the_opposite("When did Iran strike Pakistan?", "Pakistan struck, after Iran hit Pakistan on Tuesday.")
    False
    """
    return all(reversed_roles(question, sentence, border) for border in _borders(sentence)[:-1])


def _borders(sentence: str) -> list[int]:
    """Where its clauses begin, and its end."""
    return [0, *(m.end() for m in _CLAUSES.finditer(sentence) if m.end() < len(sentence)), len(sentence)]
