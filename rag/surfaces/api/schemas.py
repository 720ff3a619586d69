"""The arguments and results of the routes and tools, as pydantic models. Their descriptions and examples are
what OpenAPI and MCP tell a program, or a model, that chooses among them."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    StringConstraints,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError

from rag.validation import LONGEST_QUESTION

__all__ = [
    "Answer",
    "Article",
    "ArticleFacts",
    "ArticleList",
    "ArticlePage",
    "ArticleTool",
    "AskRequest",
    "Correction",
    "Document",
    "ErrorBody",
    "FetchRequest",
    "FetchTool",
    "Found",
    "Passages",
    "Report",
    "SearchQuery",
    "SearchRequest",
    "SearchTool",
    "SentenceEvent",
    "StepEvent",
    "WaitingEvent",
]

_MOST_PASSAGES = 1_000
_MOST_ROWS = 1_000


def _text(value: str) -> str:
    """Text that UTF-8 and every index can hold."""
    if "\0" in value:
        raise PydanticCustomError("wanted", "a text without the character U+0000")
    if not value.isascii() and any("\ud800" <= c <= "\udfff" for c in value):
        raise PydanticCustomError("wanted", "in Unicode, which has no half of a surrogate pair")
    return value


def _day(value: str) -> str:
    stated = value.strip()
    try:
        return date.fromisoformat(stated).isoformat() if stated else ""
    except ValueError:
        raise PydanticCustomError("wanted", "a day, written as 2024-01-20") from None


Text = Annotated[str, StringConstraints(max_length=10_000), AfterValidator(_text)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=10_000), AfterValidator(_text)]
Words = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_QUESTION), AfterValidator(_text)]
Said = Annotated[str, AfterValidator(_text)]
Day = Annotated[Text, AfterValidator(_day)]
Collection = Literal["own", "demo", ""]

_Question = Annotated[
    Words,
    Field(
        description="The question, in English. A follow-up such as “And in May?” is understood where `history` is given.",
        examples=["Who struck first, and whom did they target?"],
    ),
]
_Sought = Annotated[
    Words,
    Field(
        description="What to look for, in English: a question, or a few words.",
        examples=["Who struck first?"],
    ),
]
_Sources = Annotated[
    list[Text],
    Field(
        max_length=1_000,
        description="Only articles of these sources, named exactly as an article's facts name them. Empty: of all.",
        examples=[["VOA"]],
    ),
]
_From = Annotated[
    Day,
    Field(
        description="Only articles published on this day or later, as 2024-01-20. Empty: no limit.",
        examples=["2024-01-01"],
    ),
]
_To = Annotated[
    Day,
    Field(
        description="Only articles published on this day or earlier, as 2024-01-20. Empty: no limit.",
        examples=["2024-02-01"],
    ),
]
_AskedOn = Annotated[
    Day,
    Field(
        description="The day that “this week” is counted from, as 2024-01-20. Empty: unknown.",
        examples=["2024-01-20"],
    ),
]
_Which = Annotated[
    Collection,
    Field(
        description="`own`: the user's articles; `demo`: the demo articles. Empty: the user's where there are any.",
        examples=["demo"],
    ),
]
_K = Annotated[int, Field(ge=1, le=_MOST_PASSAGES, description="How many passages at most.", examples=[8])]
_Version = Annotated[
    Text,
    Field(
        description="An earlier version of the article, or how its name begins. Empty: the present one.",
        examples=[""],
    ),
]


class _Arguments(BaseModel):
    """What a caller passes: unknown names are refused, and so are values of another type. What is null is
    left out.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    @model_validator(mode="before")
    @classmethod
    def _without_null(cls, given: Any) -> Any:
        return (
            {name: value for name, value in given.items() if value is not None}
            if isinstance(given, dict)
            else given
        )


class PastTurn(_Arguments):
    """A question that was asked before, and the text of its answer; or the two as a list."""

    question: Said = Field(description="The earlier question.", examples=["Who struck Iran?"])
    answer: Said = Field(description="The text of its answer.", examples=["Pakistan."])

    @model_validator(mode="before")
    @classmethod
    def _of_pair(cls, given: Any) -> Any:
        if not isinstance(given, list):
            return given
        if len(given) != 2:
            raise PydanticCustomError("wanted", "a question and its answer")
        return {"question": given[0], "answer": given[1]}

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        made = handler.resolve_ref_schema(handler(schema))
        pair = {"type": "array", "items": {"type": "string"}, "minItems": 2, "maxItems": 2}
        whole = {name: value for name, value in made.items() if name not in ("title", "description")}
        return {"title": made["title"], "description": made["description"], "anyOf": [whole, pair]}


class _Asked(_Arguments):
    sources: _Sources = []
    published_from: _From = ""
    published_to: _To = ""
    asked_on: _AskedOn = ""
    collection: _Which = ""


class AskRequest(_Asked):
    """A question to the articles."""

    question: _Question
    history: list[PastTurn] = Field(
        [],
        max_length=1_000,
        description="Earlier turns of the conversation, oldest first. Empty: a new one.",
        examples=[[{"question": "Who struck Iran?", "answer": "Pakistan."}]],
    )
    use_model: bool = Field(
        True,
        description="Whether a language model, where one is configured, words the answer. Otherwise the articles do.",
        examples=[True],
    )


class SearchRequest(_Asked):
    """What to look for among the passages of the articles."""

    question: _Sought
    k: _K = 8


class SearchQuery(SearchRequest):
    """The same as a query string, in which a number is a text."""

    model_config = ConfigDict(extra="forbid", strict=False)


class SearchTool(_Asked):
    """What to look for among the passages of the articles."""

    query: _Sought
    k: _K = 8


class ArticleTool(_Arguments):
    """Which article, and which version of it."""

    id: Name = Field(
        description="The article's id, as a citation or a passage has it.", examples=["seeds/iran.txt"]
    )
    version: _Version = ""
    collection: _Which = ""


class FetchTool(_Arguments):
    """Which article."""

    id: Name = Field(
        description="The id of a search result (`article:start-end`), or of an article.",
        examples=["seeds/iran.txt:0-120"],
    )
    collection: _Which = ""


class ArticleList(_Arguments):
    """Which articles to list, in the order of their ids."""

    model_config = ConfigDict(extra="forbid", strict=False)

    collection: _Which = ""
    q: Text = Field(
        "", description="Only articles whose title, id or source holds these letters.", examples=["Iran"]
    )
    source: Text = Field("", description="Only articles of this source.", examples=["VOA"])
    offset: int = Field(0, ge=0, le=1_000_000_000, description="How many to pass over.", examples=[0])
    limit: int = Field(100, ge=1, le=_MOST_ROWS, description="How many to list at most.", examples=[100])


class ArticleQuery(_Arguments):
    """Which version of an article, and from which collection."""

    version: _Version = ""
    collection: _Which = ""


class Correction(BaseModel):
    """What is right about an article. A fact that is left out stays as it is; an empty one, or null, is
    unknown.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    title: Text | None = Field(None, description="The title.", examples=["Iran strikes three countries"])
    source: Text | None = Field(None, description="Who published it.", examples=["VOA"])
    published: Day | None = Field(
        None, description="The day it was published, as 2024-01-20.", examples=["2024-01-20"]
    )
    undo: bool = Field(False, description="Take earlier corrections back first.", examples=[False])

    @model_validator(mode="after")
    def _says_something(self) -> Correction:
        if not self.undo and not self.model_fields_set - {"undo"}:
            raise PydanticCustomError(
                "wanted", "an object with `title`, `source`, `published` or `undo`: what is right"
            )
        return self


class FetchRequest(_Arguments):
    """A page or a feed to be added."""

    url: Name = Field(
        description="The address of the page or the feed; it begins with http:// or https://.",
        examples=["https://example.org/news/storm"],
    )


# Results. A field that is null is unknown, or there is none.


class ArticleFacts(BaseModel):
    """An article's facts without its text. `label` is what to show: the title, or the start of the first
    sentence. `group` is that of near-copies, and `also` names the other outlets that have one."""

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
    """Words of a citation that mean days, relative to the article's publication: which, both included.
    `start` and `end` are places in the article, in code points."""

    start: int
    end: int
    words: str
    first: date
    last: date


class SentenceCitation(BaseModel):
    """The exact words that a sentence rests on: `text[start:end]` of the article, in code points. `page` is
    that of a PDF; `support` says how the words carry the sentence."""

    number: int
    article: ArticleFacts
    start: int
    end: int
    quote: str
    support: Literal["verbatim", "consistent"]
    page: int | None


class Citation(SentenceCitation):
    """The same, with the days that its words mean."""

    dates: list[Dates]


class Sentence(BaseModel):
    """A sentence of an answer. `short`: the words in it that answer by themselves; `lead`: a word before it
    that no article says."""

    text: str
    citations: list[Citation]
    short: str | None
    lead: str


class Span(BaseModel):
    """A stretch of an article, in code points."""

    id: str
    article_id: str
    start: int
    end: int
    text: str


class Scores(BaseModel):
    """What each stage thought of a passage; null where that stage did not see it."""

    dense: float | None
    lexical: float | None
    whole: float | None
    fused: float | None
    dated: float | None
    reader: float | None


class Passage(BaseModel):
    """A passage as found for a question, with its rank from 1."""

    passage: Span
    article: ArticleFacts
    rank: int
    scores: Scores


class Passages(BaseModel):
    """The passages nearest to a question, best first."""

    passages: list[Passage]


class Limits(BaseModel):
    """What the evidence was limited to."""

    after: date | None
    before: date | None
    sources: list[str]
    exclude_articles: list[str]


class Rival(BaseModel):
    """One of the values that disagree."""

    value: str
    citation: Citation
    published: date | None


class Conflict(BaseModel):
    """What articles disagree on."""

    about: str
    claims: list[Rival]


class Trace(BaseModel):
    """How the answer was made, enough to ask again: the configuration's fingerprint, the collection's
    generation, who answered, milliseconds by step, the version of Clippings, the SHA-256 of the reader's
    weights, the question as it was typed, and the day it was asked on."""

    config: str
    generation: int
    answerer: str
    milliseconds: list[tuple[str, float]]
    confidence: float | None
    version: str | None
    reader: str | None
    typed: str | None
    asked_on: date | None


class Answer(BaseModel):
    """An answer in which every sentence has a checked citation, or the reason why there is none
    (`abstained`). `withheld` is what a language model said and the articles do not; `unanswered` are parts of
    the question that the articles leave open."""

    question: str
    text: str
    sentences: list[Sentence]
    citations: list[Citation]
    evidence: Passages
    filters: Limits
    conflicts: list[Conflict]
    abstained: Literal["no evidence", "weak evidence", "unsupported draft", "out of range"] | None
    withheld: list[str]
    notice: str | None
    trace: Trace
    unanswered: list[str]


class StepEvent(BaseModel):
    """What is being done."""

    name: str
    detail: str


class WaitingEvent(BaseModel):
    """How many questions are before this one."""

    before: int


class SentenceEvent(BaseModel):
    """A sentence of the answer, checked; it is never taken back."""

    text: str
    citations: list[SentenceCitation]
    short: str | None
    lead: str


class EarlierVersion(BaseModel):
    """A version of an article that was replaced, and when (UTC)."""

    version: str
    until: str


class Article(BaseModel):
    """A whole article. `provenance` says where each fact was read; `earlier` are the versions that were kept,
    latest first.
    """

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


class Row(ArticleFacts):
    """An article in a list: how many words and passages it has, and when it was added (UTC)."""

    words: int
    passages: int
    added: str


class ArticlePage(BaseModel):
    """A part of a list. `total` counts the whole of it; `next_offset` is where the next part begins, null
    where there is none."""

    total: int
    offset: int
    limit: int
    next_offset: int | None
    articles: list[Row]


class Failure(BaseModel):
    """Something that could not be added, and why."""

    item: str
    reason: str


class Report(BaseModel):
    """What was done, by article id. `passages` counts those written; `left` how many items were not reached,
    because it was stopped (`stopped`)."""

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


class Removed(BaseModel):
    """The id of the article that was removed."""

    removed: str


class SearchResult(BaseModel):
    """A passage: `text` stands at [start, end) of the article, in code points. `fetch` takes its id."""

    id: str
    title: str
    url: str
    text: str
    start: int
    end: int
    article: str
    source: str | None
    published: date | None


class Found(BaseModel):
    """The passages nearest to the query, best first."""

    results: list[SearchResult]


class Document(BaseModel):
    """A whole article. Where a passage was asked for, the metadata has its `start` and `end`, in code points
    of the text.
    """

    id: str
    title: str
    text: str
    url: str
    metadata: dict[str, str | int]


class Problem(BaseModel):
    """What went wrong, and what to do."""

    kind: str = Field(description="One of a fixed few, for programs.", examples=["question"])
    message: str = Field(
        description="A sentence for people: what happened and what to do.",
        examples=["the question is empty. Ask something about the articles"],
    )


class ErrorBody(BaseModel):
    """Every error has this form."""

    error: Problem
