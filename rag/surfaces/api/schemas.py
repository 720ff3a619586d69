"""The arguments of the routes and tools, as pydantic models. OpenAPI and MCP show their descriptions and
examples to programs and models.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

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
    "ArticleList",
    "ArticleQuery",
    "ArticleTool",
    "AskRequest",
    "Correction",
    "FetchRequest",
    "FetchTool",
    "PastTurn",
    "SearchQuery",
    "SearchRequest",
    "SearchTool",
    "StatusTool",
]

_MAX_PASSAGES = 1_000
_MAX_LISTED = 1_000


def _text(value: str) -> str:
    """Text that can be encoded in UTF-8 and stored in every index."""
    if "\0" in value:
        raise PydanticCustomError("wanted", "a text without the character U+0000")
    if not value.isascii() and any("\ud800" <= c <= "\udfff" for c in value):
        raise PydanticCustomError("wanted", "valid Unicode, without lone surrogates")
    return value


def _day(value: str) -> str:
    stated = value.strip()
    try:
        return date.fromisoformat(stated).isoformat() if stated else ""
    except ValueError:
        raise PydanticCustomError("wanted", "a date like 2024-01-20") from None


Text = Annotated[str, StringConstraints(max_length=10_000), AfterValidator(_text)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=10_000), AfterValidator(_text)]
QuestionText = Annotated[
    str, StringConstraints(min_length=1, max_length=LONGEST_QUESTION), AfterValidator(_text)
]
PastText = Annotated[str, AfterValidator(_text)]
Day = Annotated[Text, AfterValidator(_day)]
Collection = Literal["own", "demo", ""]

_Question = Annotated[
    QuestionText,
    Field(
        description="The question, in English. With `history` it may be a follow-up such as “And in May?”.",
        examples=["Who struck first, and whom did they target?"],
    ),
]
_Query = Annotated[
    QuestionText,
    Field(
        description="What to search for, in English: a question or a few words.",
        examples=["Who struck first?"],
    ),
]
_Sources = Annotated[
    list[Text],
    Field(
        max_length=1_000,
        description="Only articles of these sources, spelled as in the article's facts. Empty: all sources.",
        examples=[["VOA"]],
    ),
]
_From = Annotated[
    Day,
    Field(
        description="Only articles published on or after this day (2024-01-20). Empty: no limit.",
        examples=["2024-01-01"],
    ),
]
_To = Annotated[
    Day,
    Field(
        description="Only articles published on or before this day (2024-01-20). Empty: no limit.",
        examples=["2024-02-01"],
    ),
]
_AskedOn = Annotated[
    Day,
    Field(
        description="The day that “this week” refers to (2024-01-20). Empty: unknown.",
        examples=["2024-01-20"],
    ),
]
_CollectionName = Annotated[
    Collection,
    Field(
        description="`own`: the user's articles. `demo`: the demo articles. Empty: the user's, if any.",
        examples=["demo"],
    ),
]
_K = Annotated[
    int, Field(ge=1, le=_MAX_PASSAGES, description="The maximum number of passages.", examples=[8])
]
_Version = Annotated[
    Text,
    Field(
        description="An earlier version of the article, or a prefix of it. Empty: the current one.",
        examples=[""],
    ),
]


class _Arguments(BaseModel):
    """Arguments of a call. Unknown names and values of another type are refused. A null value counts as
    absent."""

    model_config = ConfigDict(extra="forbid", strict=True)

    @model_validator(mode="before")
    @classmethod
    def _without_null(cls, given: object) -> object:
        return (
            {name: value for name, value in given.items() if value is not None}
            if isinstance(given, dict)
            else given
        )


class PastTurn(_Arguments):
    """An earlier question and the text of its answer; or the two as a list."""

    question: PastText = Field(description="The earlier question.", examples=["Who struck Iran?"])
    answer: PastText = Field(description="The text of its answer.", examples=["Pakistan."])

    @model_validator(mode="before")
    @classmethod
    def _of_pair(cls, given: object) -> object:
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


class _QuestionArguments(_Arguments):
    sources: _Sources = []
    published_from: _From = ""
    published_to: _To = ""
    asked_on: _AskedOn = ""
    collection: _CollectionName = ""


class AskRequest(_QuestionArguments):
    """A question about the articles."""

    question: _Question
    history: list[PastTurn] = Field(
        [],
        max_length=1_000,
        description="Earlier turns of the conversation, oldest first. Empty: a new conversation.",
        examples=[[{"question": "Who struck Iran?", "answer": "Pakistan."}]],
    )
    use_model: bool = Field(
        True,
        description="Use the language model, if one is configured. Otherwise the answer quotes the articles.",
        examples=[True],
    )


class SearchRequest(_QuestionArguments):
    """A search for passages of the articles."""

    question: _Query
    k: _K = 8


class SearchQuery(SearchRequest):
    """A search as a query string, where numbers are text."""

    model_config = ConfigDict(extra="forbid", strict=False)


class SearchTool(_QuestionArguments):
    """A search for passages of the articles."""

    query: _Query
    k: _K = 8


class ArticleTool(_Arguments):
    """An article, and optionally its version."""

    id: Name = Field(
        description="The article's id, as in a citation or passage.", examples=["seeds/iran.txt"]
    )
    version: _Version = ""
    collection: _CollectionName = ""


class FetchTool(_Arguments):
    """An article."""

    id: Name = Field(
        description="The id of a search result (`article:start-end`) or of an article.",
        examples=["seeds/iran.txt:0-120"],
    )
    collection: _CollectionName = ""


class StatusTool(_Arguments):
    """Nothing."""


class ArticleList(_Arguments):
    """A page of the list of articles, in the order of their ids."""

    model_config = ConfigDict(extra="forbid", strict=False)

    collection: _CollectionName = ""
    q: Text = Field(
        "", description="Only articles whose title, id or source contains this text.", examples=["Iran"]
    )
    source: Text = Field("", description="Only articles of this source.", examples=["VOA"])
    offset: int = Field(0, ge=0, le=1_000_000_000, description="How many articles to skip.", examples=[0])
    limit: int = Field(
        100, ge=1, le=_MAX_LISTED, description="The maximum number of articles.", examples=[100]
    )


class ArticleQuery(_Arguments):
    """The version and collection of an article."""

    version: _Version = ""
    collection: _CollectionName = ""


class Correction(BaseModel):
    """Corrections of an article. Absent facts stay as they are; an empty or null fact means unknown."""

    model_config = ConfigDict(extra="forbid", strict=True)

    title: Text | None = Field(None, description="The title.", examples=["Iran strikes three countries"])
    source: Text | None = Field(None, description="Who published it.", examples=["VOA"])
    published: Day | None = Field(
        None, description="The day it was published, as 2024-01-20.", examples=["2024-01-20"]
    )
    undo: bool = Field(False, description="Undo earlier corrections first.", examples=[False])

    @model_validator(mode="after")
    def _says_something(self) -> Correction:
        if not self.undo and not self.model_fields_set - {"undo"}:
            raise PydanticCustomError(
                "wanted", "an object with at least one of `title`, `source`, `published` and `undo`"
            )
        return self


class FetchRequest(_Arguments):
    """A web page or feed to add."""

    url: Name = Field(
        description="The address of the page or feed; it starts with http:// or https://.",
        examples=["https://example.org/news/storm"],
    )
