"""Examples and error descriptions for OpenAPI."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi import Body
from fastapi.params import Body as BodyParameter
from pydantic import BaseModel

from rag.surfaces.api import results

__all__ = [
    "ANSWER",
    "ARTICLE",
    "ARTICLE_PAGE",
    "EVENTS",
    "PASSAGES",
    "STATUS",
    "SYNC_REPORT",
    "body_example",
    "error_responses",
    "response",
]


def body_example(value: dict[str, Any]) -> BodyParameter:
    """A body parameter with an example."""
    body: BodyParameter = Body(openapi_examples={"one": {"value": value}})
    return body


def response(model: type[BaseModel], description: str, example: dict[str, Any]) -> dict[str, Any]:
    """A successful response with an example."""
    return {"model": model, "description": description, "content": {"application/json": {"example": example}}}


_ERRORS = {
    400: (
        "The body is not valid JSON.",
        "request",
        "the body is not valid JSON: Expecting value at character 0",
    ),
    403: ("The server or your token is read-only.", "read-only", "this server is read-only. Add, correct …"),
    404: (
        "The article or collection does not exist.",
        "missing",
        "there is no article news/storm.txt in this …",
    ),
    409: (
        "The collection is being changed. Retry after `Retry-After`.",
        "collection",
        "another process is writing …",
    ),
    413: (
        "The body is too large.",
        "size",
        "the body is larger than 1,000,000 bytes. Leave out the oldest turns",
    ),
    415: (
        "The body is not JSON.",
        "type",
        "the body must be JSON, with the header Content-Type: application/json",
    ),
    422: ("A parameter is wrong, missing or unknown.", "argument", 'k must be a whole number, not "8"'),
    502: ("A model cannot be used.", "model", "the encoder cannot be loaded …"),
    503: (
        "The server is busy (retry after `Retry-After`), or the collection cannot be read.",
        "busy",
        "the server is …",
    ),
    504: (
        "The request took too long.",
        "timeout",
        "no answer after 60 seconds, so the request was stopped …",
    ),
}


def error_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The error responses with these HTTP statuses, and 500."""

    def documented(error: Sequence[str]) -> dict[str, Any]:
        description, kind, message = error
        example = {"error": {"kind": kind, "message": message}}
        return {
            "model": results.ErrorBody,
            "description": description,
            "content": {"application/json": {"example": example}},
        }

    unexpected = (
        "An unexpected error. The log has the details.",
        "unforeseen",
        "an unexpected error occurred …",
    )
    return {**{status: documented(_ERRORS[status]) for status in statuses}, 500: documented(unexpected)}


_FACTS: dict[str, Any] = {
    "id": "seeds/iran.txt",
    "version": "0f3c…",
    "label": "Iran strikes three countries",
    "url": None,
    "title": "Iran strikes three countries",
    "source": "VOA",
    "author": None,
    "published": "2024-01-20",
    "language": "en",
    "group": None,
    "also": [],
}
_CITATION: dict[str, Any] = {
    "number": 1,
    "article": _FACTS,
    "start": 0,
    "end": 18,
    "quote": "Iran struck first.",
    "support": "quoted",
    "page": None,
    "dates": [],
}
_SENTENCE: dict[str, Any] = {
    "text": "Iran struck first.",
    "citations": [_CITATION],
    "short": "Iran",
    "lead": "",
    "layout": None,
    "support": "quoted",
}
ANSWER: dict[str, Any] = {
    "question": "Who struck first?",
    "text": "Iran struck first. [1]",
    "sentences": [_SENTENCE],
    "citations": [_CITATION],
    "evidence": {"passages": []},
    "filters": {"after": None, "before": None, "sources": [], "exclude_articles": []},
    "conflicts": [],
    "abstained": None,
    "withheld": [],
    "notice": None,
    "trace": {
        "config": "d1c7…",
        "generation": 2,
        "answerer": "extract",
        "milliseconds": [["retrieve", 12.5]],
        "confidence": 0.9,
        "version": "0.2.0",
        "reader": "7fd2…",
        "typed": "Who struck first?",
        "asked_on": None,
        "own_withheld": 0,
        "usage": None,
    },
    "unanswered": [],
    "counts": {"quoted": 1, "supported": 0, "check": 0, "withheld": 0, "text": "Sentences: 1 quoted"},
}
_PASSAGE = {
    "id": "seeds/iran.txt:0-18",
    "article_id": "seeds/iran.txt",
    "start": 0,
    "end": 18,
    "text": "Iran struck first.",
}
_SCORES = {"dense": 0.7, "lexical": 9.1, "whole": 4.2, "fused": 0.27, "dated": 0.27, "reader": 0.98}
PASSAGES = {"passages": [{"passage": _PASSAGE, "article": _FACTS, "rank": 1, "scores": _SCORES}]}
_LISTED = {**_FACTS, "words": 309, "passages": 3, "added": "2026-11-30T07:28:14+00:00"}
ARTICLE_PAGE = {"total": 5, "offset": 0, "limit": 1, "next_offset": 1, "articles": [_LISTED]}
ARTICLE: dict[str, Any] = {
    **{name: value for name, value in _FACTS.items() if name not in ("group", "also")},
    "provenance": {"published": "date line"},
    "earlier": [],
    "text": "Iran struck first. Pakistan replied.",
}
SYNC_REPORT: dict[str, Any] = {
    "added": ["https://example.org/news/storm"],
    "replaced": [],
    "removed": [],
    "kept": [],
    "failed": [],
    "renamed": [],
    "warnings": [],
    "passages": 3,
    "completed": 0,
    "stopped": False,
    "left": 0,
}
STATUS: dict[str, Any] = {
    "model": {
        "name": "llama-3",
        "state": "unreachable",
        "text": "Answers come straight from the articles just now: the language model cannot be reached.",
        "retry_in": 24.5,
    }
}
EVENTS = (
    'event: step\ndata: {"name": "search", "detail": "searching 5 articles"}\n\n'
    'event: sentence\ndata: {"text": "Iran struck first.", "citations": [ … ], '
    '"short": "Iran", "lead": "", "layout": null, "support": "quoted"}\n\n'
    'event: answer\ndata: {"question": "Who struck first?", … }\n\n'
)
