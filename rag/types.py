"""The nouns of Clippings: frozen, slotted, plain values.

An `Article` is cut into `Passage`s; a question retrieves some of them as `Evidence`; an answerer
claims draft sentences; checking turns those into `Sentence`s with `Citation`s, and the whole into
an `Answer`. A passage and a citation are shown the text they come from when they are built, so
neither can exist with words that do not stand at its offsets. Offsets count code points.

One file, though it is long: a newcomer finds every noun of the project here.
"""

from __future__ import annotations

import hashlib
import json
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import InitVar, dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

from rag.errors import ModelTrouble
from rag.system.address import hidden

if TYPE_CHECKING:
    import numpy as np

__all__ = [
    "FACTS",
    "Abstention",
    "Answer",
    "Answerer",
    "Article",
    "BlockKind",
    "Citation",
    "Claim",
    "Conflict",
    "DraftSentence",
    "Encoder",
    "Evidence",
    "Failure",
    "Filters",
    "Headline",
    "IngestReport",
    "Judge",
    "Judgement",
    "LanguageModel",
    "Layout",
    "Line",
    "ModelState",
    "Objection",
    "Passage",
    "Place",
    "Plan",
    "Reader",
    "Reading",
    "Retrieved",
    "RetrievedPassage",
    "Rival",
    "Scores",
    "Sentence",
    "Span",
    "Step",
    "Support",
    "Trace",
    "Turn",
    "Usage",
    "content_version",
    "corrected_version",
]

FACTS = (
    "url",
    "title",
    "source",
    "author",
    "published",
    "language",
)  # what may be known of an article beside its text


def content_version(text: str, facts: Mapping[str, object]) -> str:
    """The version of an article as it was read: the SHA-256 of its text and of those of its `FACTS` that are
    known.

    >>> content_version("Snow fell.", {"title": None})[:16]
    'ba44fb7f5985d537'
    """
    known = {name: str(facts[name]) for name in FACTS if facts.get(name) is not None}
    return hashlib.sha256(json.dumps({"text": text, **known}, sort_keys=True).encode()).hexdigest()


def corrected_version(read: str, changed: Mapping[str, str | None]) -> str:
    """The version of an article of which some facts were corrected, from the version as it was read."""
    return hashlib.sha256(json.dumps([read, changed], sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Headline:
    """What an article is called and where it is from, without its text.

    `None` means unknown. `label` is what to show: the title, or else the start of the first sentence. `pages`
    is where each page of a PDF begins in the text, in code points. Near-copies of each other, as wire copy
    is, are of one `group`; `also` are the other outlets that have it, in order.
    """

    id: str
    version: str
    label: str
    url: str | None = None
    title: str | None = None
    source: str | None = None
    author: str | None = None
    published: date | None = None
    language: str | None = None
    pages: tuple[int, ...] = ()
    group: str | None = None
    also: tuple[str, ...] = ()

    @property
    def voice(self) -> str:
        """Whose word this is: what counts as one source, be it an article or several that are near-copies of
        each other.
        """
        return self.group or self.id

    def page(self, place: int) -> int | None:
        """The number of the page on which a code point of the text stands, from 1; `None` where there are no
        pages.

        >>> Headline("a", "v", "A report", pages=(0, 1200, 1200, 3000)).page(1200)
        3
        """
        return bisect_right(self.pages, place) or None


@dataclass(frozen=True, slots=True)
class Article:
    """One published piece. `version` is the hash of its content; `None` means unknown, never guessed.
    `provenance` says for each fact where it was read, as in ("published", "JSON-LD datePublished"); `pages`
    is where each page of a PDF begins.

    >>> story = Article("a", "v1", "Iran struck first. Pakistan replied.")
    >>> story.passage(0, 18).text
    'Iran struck first.'
    """

    id: str
    version: str
    text: str = field(repr=False)
    url: str | None = None
    title: str | None = None
    source: str | None = None
    author: str | None = None
    published: date | None = None
    language: str | None = None
    provenance: tuple[tuple[str, str], ...] = ()
    pages: tuple[int, ...] = ()

    def passage(self, start: int, end: int) -> Passage:
        """The stretch [start, end) of the text, in code points. Raises `ValueError` outside 0 ≤ start < end ≤
        length.
        """
        if not 0 <= start < end <= len(self.text):
            raise ValueError(
                f"passage [{start}, {end}) lies outside article {self.id} ({len(self.text)} code points)"
            )
        return Passage(f"{self.id}:{start}-{end}", self.id, start, end, self.text[start:end], self)


@dataclass(frozen=True, slots=True)
class Passage:
    """A stretch of one article. `Article.passage` builds it, and hands it the article to be checked by."""

    id: str
    article_id: str
    start: int
    end: int
    text: str
    article: InitVar[Article]

    def __post_init__(self, article: Article) -> None:
        if article.id != self.article_id or article.text[self.start : self.end] != self.text or not self.text:
            raise ValueError(
                f"passage {self.id} is not the text of article {article.id} at [{self.start}, {self.end})"
            )


@dataclass(frozen=True, slots=True)
class Scores:
    """What each stage thought of a passage. `None`: that stage did not see it.

    `dense` is a cosine (−1 to 1), `lexical` a BM25 score (0 and up), `whole` that of the whole article,
    `fused` a sum of reciprocal ranks (0 to 3/11), `dated` that sum raised for articles published near the day
    of asking, `reader` (0 to 1) that and the reader's two judgements.
    """

    dense: float | None = None
    lexical: float | None = None
    whole: float | None = None
    fused: float | None = None
    dated: float | None = None
    reader: float | None = None


@dataclass(frozen=True, slots=True)
class RetrievedPassage:
    """A passage as found for a question: its article's headline facts, its rank from 1, its scores."""

    passage: Passage
    article: Headline
    rank: int
    scores: Scores


@dataclass(frozen=True, slots=True)
class Evidence:
    """The ranked passages an answer is made from. Nothing is prompted, cited or shown that is not in it."""

    passages: tuple[RetrievedPassage, ...] = ()

    def __post_init__(self) -> None:
        if [p.rank for p in self.passages] != list(range(1, len(self.passages) + 1)):
            raise ValueError("the ranks of evidence run from 1 without gaps")

    def __len__(self) -> int:
        return len(self.passages)

    def __iter__(self) -> Iterator[RetrievedPassage]:
        return iter(self.passages)

    def numbered(self, number: int) -> RetrievedPassage | None:
        """The passage of that rank, or `None` where there is none (a model may make numbers up)."""
        return self.passages[number - 1] if 1 <= number <= len(self.passages) else None


@dataclass(frozen=True, slots=True)
class Filters:
    """Which articles may be evidence. Both dates are included; an article of unknown date passes neither.

    `sources` empty means every source. Raises `ValueError` for a limit of another kind, and for days the
    wrong way round.

    >>> Filters(after="2024-01-20")
    Traceback (most recent call last):
    ValueError: after must be a date, as in date(2024, 1, 20), not '2024-01-20'
    """

    after: date | None = None
    before: date | None = None
    sources: tuple[str, ...] = ()
    exclude_articles: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("after", "before"):
            stated = getattr(self, name)
            if stated is not None and (isinstance(stated, datetime) or not isinstance(stated, date)):
                raise ValueError(f"{name} must be a date, as in date(2024, 1, 20), not {stated!r}")
        for name in ("sources", "exclude_articles"):
            stated = getattr(self, name)
            if not isinstance(stated, tuple | list) or not all(isinstance(one, str) for one in stated):
                example = f"({stated!r},)" if isinstance(stated, str) else '("Dawn", "VOA")'
                raise ValueError(f"{name} must be a tuple of names, as in {example}, not {stated!r}")
            object.__setattr__(self, name, tuple(stated))
        if self.after and self.before and self.after > self.before:
            raise ValueError(f"no article can be published after {self.after} and before {self.before}")

    def __bool__(self) -> bool:
        return (
            self.after is not None or self.before is not None or bool(self.sources or self.exclude_articles)
        )


@dataclass(frozen=True, slots=True)
class Turn:
    """A past question and the text of its answer, handed in by the caller. Raises `ValueError` for what is no
    text.
    """

    question: str
    answer: str

    def __post_init__(self) -> None:
        for name in ("question", "answer"):
            if not isinstance(stated := getattr(self, name), str):
                raise ValueError(f"the {name} of a turn must be a text, not {stated!r}")


@dataclass(frozen=True, slots=True)
class Claim:
    """Where a draft sentence says it comes from: a passage by its rank, and the words, if it gives them."""

    number: int
    quote: str | None = None


class BlockKind(StrEnum):
    """What a block of a laid-out reply is."""

    PARAGRAPH = "paragraph"
    HEADING = "heading"
    ITEM = "item"
    QUOTE = "quote"
    CELL = "cell"
    CODE = "code"


@dataclass(frozen=True, slots=True)
class Place:
    """The block of a laid-out reply that a text stands in.

    `block` counts the blocks of the reply from 0; all cells of a table are of one block. `depth` is 1 to 7
    for a heading, from 1 for an item and what else stands in a list, and 0 elsewhere. `number` is that of an
    item in a numbered list. `row` and `column` are those of a cell, from 0; row 0 is the header.
    """

    block: int
    kind: BlockKind = BlockKind.PARAGRAPH
    depth: int = 0
    number: int | None = None
    row: int = 0
    column: int = 0


@dataclass(frozen=True, slots=True)
class Line:
    """A heading, a lead-in or a label: a text that claims nothing by itself. It has no citation, and is shown
    only with a sentence that stands under it."""

    text: str
    place: Place


@dataclass(frozen=True, slots=True)
class Layout:
    """Where a sentence stands in a laid-out reply, and the lines it stands under, the outermost first."""

    place: Place
    under: tuple[Line, ...] = ()


@dataclass(frozen=True, slots=True)
class DraftSentence:
    """A sentence as an answerer claims it. Untrusted.

    `short`: the words in it that answer by themselves, if it has such. `lead`: a word of ours to stand before
    it. `statement`: what it says together with its question, its lead-in, or the sentence that a pronoun in
    it points to; that is then judged, even where its words stand in the quote. `layout`: where it stands in a
    laid-out reply. `parts`: its claims one by one, where it makes several; each is then judged. `follows`:
    the sentence that it cannot be understood without.
    """

    text: str
    claims: tuple[Claim, ...] = ()
    short: str | None = None
    lead: str = ""
    statement: str | None = None
    layout: Layout | None = None
    parts: tuple[str, ...] = ()
    follows: str | None = None


class Support(StrEnum):
    """How far a citation carries its sentence, strongest first.

    QUOTED: the sentence is the article's own words. SUPPORTED: it is in other words, a judge says that the
    quote supports it, and no rule objects. CHECK: it is in other words, and its quote was found, but the
    judge is unsure. What the articles contradict or do not say is never shown, so it has no state.

    VERBATIM and CONSISTENT are the earlier names of QUOTED and CHECK. They, and the values "verbatim" and
    "consistent", are read until release 0.3.

    >>> Support("verbatim") is Support.QUOTED is Support.VERBATIM
    True
    """

    QUOTED = "quoted"
    SUPPORTED = "supported"
    CHECK = "please check"
    VERBATIM = "quoted"
    CONSISTENT = "please check"

    @classmethod
    def _missing_(cls, value: object) -> Support | None:
        return {"verbatim": cls.QUOTED, "consistent": cls.CHECK}.get(str(value))

    @classmethod
    def weakest(cls, supports: Iterable[Support]) -> Support:
        """The weakest of some states. Raises `ValueError` where there are none.

        >>> Support.weakest([Support.QUOTED, Support.SUPPORTED])
        <Support.SUPPORTED: 'supported'>
        """
        return max(supports, key=list(cls).index)


class Objection(StrEnum):
    """Which of a statement's parts a rule does not find in the quote, or finds otherwise there.

    Figures and names are unknown where no passage of the evidence has them. Contradicted is what the judge
    finds so, where a rule objects too.
    """

    FIGURES = "figures"
    NAMES = "names"
    UNKNOWN_FIGURES = "unknown figures"
    UNKNOWN_NAMES = "unknown names"
    DENIALS = "denials"
    DEEDS = "deeds"
    ROLES = "roles"
    FACTS = "facts"
    SPEAKERS = "speakers"
    CHANGED = "changed"
    CONTRADICTED = "contradicted"


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a text says of a statement: four probabilities that sum to 1, and how likely a statement near the
    text's own words says what they say, 0 to 1."""

    supported: float
    partly: float
    contradicted: float
    absent: float
    unchanged: float


@dataclass(frozen=True, slots=True)
class Citation:
    """The exact words a sentence rests on: `article.text[start:end] == quote`.

    It is cut from a passage, which was itself cut from the article, and cannot be built from anything else.
    Numbers run from 1 by first appearance in the answer, one number per quote.
    """

    number: int
    article: Headline
    start: int
    end: int
    quote: str
    support: Support
    passage: InitVar[Passage]

    def __post_init__(self, passage: Passage) -> None:
        if passage.article_id != self.article.id or not passage.start <= self.start < self.end <= passage.end:
            raise ValueError(
                f"[{self.start}, {self.end}) of {self.article.id} lies outside passage {passage.id}"
            )
        if passage.text[self.start - passage.start : self.end - passage.start] != self.quote:
            raise ValueError(f"the quote is not the text of {self.article.id} at [{self.start}, {self.end})")
        if self.number < 1:
            raise ValueError("citations are numbered from 1")

    @property
    def page(self) -> int | None:
        """The page of the article on which the words begin, from 1; `None` where it has no pages."""
        return self.article.page(self.start)


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence of an answer, with its own citations. `short`: the words in it, the article's own, that
    answer by themselves, where the question asked for words. `lead`: a word of ours before it ("Later:"),
    which no article says. `layout`: where it stands in a reply that a language model laid out."""

    text: str
    citations: tuple[Citation, ...]
    short: str | None = None
    lead: str = ""
    layout: Layout | None = None

    @property
    def support(self) -> Support:
        """The weakest of the states of its citations. Raises `ValueError` where there are no citations."""
        return Support.weakest(citation.support for citation in self.citations)

    def marked(self) -> str:
        """The sentence followed by its markers.

        >>> Sentence("Iran struck first.", ()).marked()
        'Iran struck first.'
        """
        return " ".join(
            [*([self.lead] if self.lead else []), self.text, *(f"[{c.number}]" for c in self.citations)]
        )


@dataclass(frozen=True, slots=True)
class Rival:
    """One of the values that disagree: what is said, by which citation, and when that article appeared."""

    value: str
    citation: Citation
    published: date | None


@dataclass(frozen=True, slots=True)
class Conflict:
    """Claims that disagree: at least two values of the same thing, from at least two articles."""

    about: str
    claims: tuple[Rival, ...]

    def __post_init__(self) -> None:
        if len({r.value for r in self.claims}) < 2 or len({r.citation.article.id for r in self.claims}) < 2:
            raise ValueError("a conflict needs two different values from two articles")


class Abstention(StrEnum):
    """Why there is no answer. A closed list."""

    NO_EVIDENCE = "no evidence"
    WEAK_EVIDENCE = "weak evidence"
    UNSUPPORTED_DRAFT = "unsupported draft"
    OUT_OF_RANGE = "out of range"


@dataclass(frozen=True, slots=True)
class Usage:
    """What the replies of a language model to one question cost: how many there were, how many tokens it read
    and wrote, and how many seconds they were waited for.

    `None` tokens: for one of the replies it is not known how many. They are what the server said, or what a
    model in this process counted; they are never estimated. A reply that the server refused has none.
    `model` is the model's name.
    """

    calls: int
    prompt_tokens: int | None
    reply_tokens: int | None
    seconds: float
    model: str | None = None


@dataclass(frozen=True, slots=True)
class ModelState:
    """A language model as the questions so far have found it: nothing is contacted to know it.

    `trouble` is why it did not answer last; `None` where it did, or was not asked yet. For `retry_in` seconds
    questions are answered without it. The first one after that tries it again.
    """

    name: str
    trouble: ModelTrouble | None = None
    retry_in: float = 0.0


@dataclass(frozen=True, slots=True)
class Trace:
    """Enough to run a question again, beside the answer's own `question` and `filters`.

    `config` is the configuration's fingerprint, `generation` the collection's, and `answerer` who answered
    (`extract`: the articles by themselves). `version` is that of Clippings, and `reader` the SHA-256 of the
    reader's weights, or the name of another reader. `typed` is the question before it was made to stand
    alone, and `asked_on` the day it was asked on, where that was said. `milliseconds` are by step, in order.
    `confidence`, 0 to 1, is what the decision to answer was made on. `own_withheld` counts the sentences
    that Clippings worded by itself and the check withheld; `Answer.withheld` lists those of others.
    `usage` is what a language model cost, also where nothing that it said is shown; `None` where none was
    asked.
    """

    config: str
    generation: int
    answerer: str
    milliseconds: tuple[tuple[str, float], ...] = ()
    confidence: float | None = None
    version: str | None = None
    reader: str | None = None
    typed: str | None = None
    asked_on: date | None = None
    own_withheld: int = 0
    usage: Usage | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer in which every sentence has a checked citation, or a reason why there is none.

    `withheld` lists what a language model, or another answerer that was handed in, said and the check
    withheld. Sentences that Clippings worded by itself are never in it.
    """

    question: str
    text: str
    sentences: tuple[Sentence, ...]
    citations: tuple[Citation, ...]
    evidence: Evidence
    filters: Filters
    conflicts: tuple[Conflict, ...]
    abstained: Abstention | None
    withheld: tuple[str, ...]
    notice: str | None
    trace: Trace
    # Parts of the question that the articles do not answer, beside those they do.
    unanswered: tuple[str, ...] = ()

    @property
    def short(self) -> tuple[str, ...]:
        """The short answers, part by part, in the articles' own words; empty where sentences answer."""
        return tuple(sentence.short for sentence in self.sentences if sentence.short)

    def __post_init__(self) -> None:
        if self.abstained is None and (not self.sentences or not all(s.citations for s in self.sentences)):
            raise ValueError("an answer has a citation for every sentence, or says why it abstains")
        if self.abstained is not None and (self.sentences or self.citations):
            raise ValueError("an answer that abstains has no sentences")


@dataclass(frozen=True, slots=True)
class Failure:
    """One item that could not be taken in: which, why, and what to do. Of a web address the login is not
    kept.
    """

    item: str
    reason: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "item", hidden(self.item))
        object.__setattr__(self, "reason", hidden(self.reason))


@dataclass(frozen=True, slots=True)
class Plan:
    """What a sync would do, by article id. Added, replaced, kept and failed add up to the items read;
    removed are those that are gone. `renamed` are among the kept, with where they lie now."""

    added: tuple[str, ...] = ()
    replaced: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    failed: tuple[Failure, ...] = ()
    renamed: tuple[tuple[str, str], ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def items(self) -> int:
        """How many articles, or things that should have been one, were read."""
        return len(self.added) + len(self.replaced) + len(self.kept) + len(self.failed)


@dataclass(frozen=True, slots=True)
class IngestReport(Plan):
    """What a sync did, in a plan's terms. `passages` counts those written; `completed` those that an
    interrupted earlier run had left unfinished, or had encoded already. `stopped` says that it was stopped
    before it came to its end; `left` is how many items it did not reach, which is what the other counts then
    lack of all that were found."""

    passages: int = 0
    completed: int = 0
    stopped: bool = False
    left: int = 0

    @property
    def items(self) -> int:
        """How many articles, or things that should have been one, were found."""
        return len(self.added) + len(self.replaced) + len(self.kept) + len(self.failed) + self.left


@dataclass(frozen=True, slots=True)
class Step:
    """What the assistant is doing, for a reader who waits: a name from a fixed few, and a detail in words."""

    name: str
    detail: str


@dataclass(frozen=True, slots=True)
class Span:
    """Words of a text that may be an answer: [start, end) in code points, and a score that compares across
    the texts read for one question (a sum of two logits, any real number)."""

    start: int
    end: int
    score: float


@dataclass(frozen=True, slots=True)
class Reading:
    """What a reader sees in one text: its best spans, best first and apart from each other; the score, on the
    spans' scale, of there being no answer; and how likely it is (0 to 1) that the text answers, and that it
    is about the matter."""

    spans: tuple[Span, ...]
    null: float
    answerable: float
    relevant: float


@dataclass(frozen=True, slots=True)
class Retrieved:
    """What was found for a question: the evidence, and what the reader saw in its passages when it ranked
    them.

    `readings` are by passage id. A passage that was ranked without the reader has none.
    """

    question: str
    evidence: Evidence
    readings: Mapping[str, Reading] = field(default_factory=dict)


class Reader(Protocol):
    """Reads texts for a question: one `Reading` for each, in order. Raises `ModelError` when it cannot."""

    name: str

    def read(self, question: str, texts: Sequence[str], *, spans: int = 5) -> list[Reading]: ...


class Judge(Protocol):
    """Judges statements by texts: one `Judgement` for each pair of the two, in order. Raises `ModelError`
    when it cannot."""

    name: str

    def judge(self, pairs: Sequence[tuple[str, str]]) -> list[Judgement]: ...


class Encoder(Protocol):
    """Turns text into unit vectors of `dims` float32 numbers; a model may treat questions and passages
    differently.
    """

    name: str

    @property
    def dims(self) -> int: ...

    def passages(self, texts: Sequence[str]) -> np.ndarray[Any, np.dtype[np.float32]]:
        """An array of shape (texts, dims)."""
        ...

    def question(self, text: str) -> np.ndarray[Any, np.dtype[np.float32]]:
        """An array of shape (dims,)."""
        ...


class Answerer(Protocol):
    """Claims the sentences that answer a question from the evidence, one by one, in the order they are to be
    read.

    It yields an `Abstention` in place of sentences when it finds that the evidence does not answer, and
    raises `ModelError` when it cannot work at all. `asked_on` is the day the question was asked, if known.
    """

    name: str

    def draft(
        self, question: str, evidence: Evidence, *, asked_on: date | None = None
    ) -> Iterator[DraftSentence | Abstention]: ...


class LanguageModel(Protocol):
    """Streams the text of a reply. Raises `ModelError` when it cannot; with the trouble `QUESTION` where it
    only cannot take this one.

    The iterator may have the attributes `prompt_tokens` and `reply_tokens`, which count what this reply took,
    once that is known. A model that is loaded for its first reply may have a method `load`, and an attribute
    `loaded` which is false until then.
    """

    name: str

    def stream(self, messages: Sequence[Mapping[str, str]]) -> Iterator[str]: ...
