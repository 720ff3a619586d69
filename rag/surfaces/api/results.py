"""The results of the routes and tools, as pydantic models. OpenAPI and MCP show their descriptions. A field
that is null is unknown or does not exist.
"""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import BaseModel, Field

__all__ = [
    "Answer",
    "Article",
    "ArticleFacts",
    "ArticlePage",
    "Document",
    "ErrorBody",
    "PassageList",
    "RemovedArticle",
    "SearchResults",
    "SentenceEvent",
    "Status",
    "StepEvent",
    "SyncReport",
    "WaitingEvent",
]


class ArticleFacts(BaseModel):
    """An article's facts, without its text. `label` is a title to show: the title, or the start of the text.
    Near-copies have the same `group`, and `also` names the other outlets that published one.
    """

    id: str
    version: str
    label: str
    url: str | None
    title: str | None
    source: str | None
    author: str | None
    published: date | None
    language: str | None
    group: str | None
    also: list[str]


class Dates(BaseModel):
    """A relative date in a citation ("last week") and the days it means, first and last. `start` and `end`
    are its place in the article, in code points.
    """

    start: int
    end: int
    words: str
    first: date
    last: date


Support = Literal["quoted", "supported", "please check"]
BlockKind = Literal["paragraph", "heading", "item", "quote", "cell", "code"]


class SentenceCitation(BaseModel):
    """The exact words that support a sentence: `text[start:end]` of the article, in code points. `page` is
    that of a PDF. `support` says how the words support the sentence: it is `quoted` from them, `supported` by
    them in other words, or in other words that the reader should compare (`please check`).
    """

    number: int
    article: ArticleFacts
    start: int
    end: int
    quote: str
    support: Support
    page: int | None


class Citation(SentenceCitation):
    """A citation, with its relative dates resolved."""

    dates: list[Dates]


class Place(BaseModel):
    """The block of a laid-out answer that a text stands in. `block` counts blocks from 0; the cells of a
    table are of one block. `number` is that of an item in a numbered list; row 0 of a table is its header."""

    block: int
    kind: BlockKind
    depth: int
    number: int | None
    row: int
    column: int


class Line(BaseModel):
    """A heading, lead-in or label, which claims nothing by itself."""

    text: str
    place: Place


class Layout(BaseModel):
    """Where a sentence stands in a laid-out answer, and the lines it stands under."""

    place: Place
    under: list[Line]


class Sentence(BaseModel):
    """A sentence of an answer. `short` has the words in it that answer the question; `lead` is a word before
    it that is not from an article, such as "Yes." `support` is the weakest of its citations'.
    """

    text: str
    citations: list[Citation]
    short: str | None
    lead: str
    layout: Layout | None
    support: Support


class PassageText(BaseModel):
    """A passage of an article, with its place in code points."""

    id: str
    article_id: str
    start: int
    end: int
    text: str


class Scores(BaseModel):
    """The score of each retrieval stage; null where the stage did not see the passage."""

    dense: float | None
    lexical: float | None
    whole: float | None
    fused: float | None
    dated: float | None
    reader: float | None


class RankedPassage(BaseModel):
    """A passage found for a question, with its rank from 1."""

    passage: PassageText
    article: ArticleFacts
    rank: int
    scores: Scores


class PassageList(BaseModel):
    """The passages most relevant to a question, best first."""

    passages: list[RankedPassage]


class Filters(BaseModel):
    """The filters of a question."""

    after: date | None
    before: date | None
    sources: list[str]
    exclude_articles: list[str]


class ConflictingClaim(BaseModel):
    """One of the values that disagree."""

    value: str
    citation: Citation
    published: date | None


class Conflict(BaseModel):
    """Something that articles disagree on."""

    about: str
    claims: list[ConflictingClaim]


class Usage(BaseModel):
    """What a language model cost: its replies, the tokens it read and wrote, and the seconds they were waited
    for. Null tokens: for one of the replies nobody says how many.
    """

    calls: int
    prompt_tokens: int | None
    reply_tokens: int | None
    seconds: float
    model: str | None


class Trace(BaseModel):
    """How the answer was made, enough to ask again: the configuration's fingerprint, the collection's
    generation, the answerer, milliseconds by step, the version of Clippings, the SHA-256 of the reader's
    weights, the question as typed, and the day it was asked on. `own_withheld` counts the sentences that
    Clippings worded by itself and the check withheld. `usage` is null where no language model was asked.
    """

    config: str
    generation: int
    answerer: str
    milliseconds: list[tuple[str, float]]
    confidence: float | None
    version: str | None
    reader: str | None
    typed: str | None
    asked_on: date | None
    own_withheld: int
    usage: Usage | None


class Counts(BaseModel):
    """How many sentences are in each state, and how many claims of a language model are withheld; `text` says
    it in words.
    """

    quoted: int
    supported: int
    check: int
    withheld: int
    text: str


class Answer(BaseModel):
    """An answer in which every sentence has a checked citation, or the reason why there is none
    (`abstained`). `withheld` lists claims of a language model that the articles do not support; `unanswered`
    lists parts of the question that the articles do not answer.
    """

    question: str
    text: str
    sentences: list[Sentence]
    citations: list[Citation]
    evidence: PassageList
    filters: Filters
    conflicts: list[Conflict]
    abstained: Literal["no evidence", "weak evidence", "unsupported draft", "out of range"] | None
    withheld: list[str]
    notice: str | None
    trace: Trace
    unanswered: list[str]
    counts: Counts


class ModelStatus(BaseModel):
    """The language model as the questions so far have found it: `state` is `ready`, or why it did not answer
    last, and `text` says it in words. After `retry_in` seconds a question tries it again.
    """

    name: str
    state: Literal[
        "ready", "unreachable", "silent", "key", "unknown", "busy", "missing", "unusable", "broken", "other"
    ]
    text: str
    retry_in: float


class Status(BaseModel):
    """The state of the server. `model` is null where answers are always the articles' own words."""

    model: ModelStatus | None


class StepEvent(BaseModel):
    """The current step."""

    name: str
    detail: str


class WaitingEvent(BaseModel):
    """The number of questions before this one in the queue."""

    before: int


class SentenceEvent(BaseModel):
    """A checked sentence of the answer. It is final. `support` is the weakest of its citations'."""

    text: str
    citations: list[SentenceCitation]
    short: str | None
    lead: str
    layout: Layout | None
    support: Support


class EarlierVersion(BaseModel):
    """An earlier version of an article, and when it was replaced (UTC)."""

    version: str
    until: str


class Article(BaseModel):
    """A whole article. `provenance` says where each fact was read; `earlier` lists earlier versions, latest
    first."""

    id: str
    version: str
    label: str
    title: str | None
    source: str | None
    author: str | None
    published: date | None
    url: str | None
    language: str | None
    provenance: dict[str, str]
    earlier: list[EarlierVersion]
    text: str


class ListedArticle(ArticleFacts):
    """An article in a list, with its words and passages counted, and when it was added (UTC)."""

    words: int
    passages: int
    added: str


class ArticlePage(BaseModel):
    """A page of the list. `total` counts all articles; `next_offset` starts the next page, and is null on the
    last one.
    """

    total: int
    offset: int
    limit: int
    next_offset: int | None
    articles: list[ListedArticle]


class Failure(BaseModel):
    """Something that could not be added, and why."""

    item: str
    reason: str


class SyncReport(BaseModel):
    """What was done, by article id. `passages` counts those written. `left` counts the items that were not
    reached because the sync was `stopped`.
    """

    added: list[str]
    replaced: list[str]
    removed: list[str]
    kept: list[str]
    failed: list[Failure]
    renamed: list[tuple[str, str]]
    warnings: list[str]
    passages: int
    completed: int
    stopped: bool
    left: int


class RemovedArticle(BaseModel):
    """The id of the article that was removed."""

    removed: str


class SearchResult(BaseModel):
    """A passage: `text` is at [start, end) of the article, in code points. `fetch` takes its id."""

    id: str
    title: str
    url: str
    text: str
    start: int
    end: int
    article: str
    source: str | None
    published: date | None


class SearchResults(BaseModel):
    """The passages most relevant to the query, best first."""

    results: list[SearchResult]


class Document(BaseModel):
    """A whole article. For the id of a passage, the metadata has its `start` and `end`, in code points."""

    id: str
    title: str
    text: str
    url: str
    metadata: dict[str, str | int]


class ErrorDetail(BaseModel):
    """What went wrong, and what to do."""

    kind: str = Field(description="An error code, for programs.", examples=["question"])
    message: str = Field(
        description="What happened and what to do, for people.",
        examples=["the question is empty. Ask something about the articles"],
    )


class ErrorBody(BaseModel):
    """Every error has this form."""

    error: ErrorDetail
