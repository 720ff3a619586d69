"""The crowd's figures: an error and a citation that is not exact are counted, and asking goes on."""

from __future__ import annotations

import json

import httpx

from eval.bench.crowd import ask_in_turn

FULL = '{"error": {"kind": "busy", "message": "too many questions"}}'


def page(request: httpx.Request) -> httpx.Response:
    """Stands for the page: one article, and a citation at the place that the question names."""
    if request.url.path == "/api/articles/news/a b":
        return httpx.Response(200, json={"text": "Iran struck first."})
    question = json.loads(request.content)["question"]
    if question == "fails":
        return httpx.Response(503, text=FULL)
    if question == "cuts":
        raise httpx.ReadError("the connection is cut")
    start = int(question)
    return httpx.Response(
        200,
        json={
            "citations": [{"article": {"id": "news/a b"}, "start": start, "end": start + 4, "quote": "Iran"}]
        },
    )


def test_errors_and_citations_that_are_not_exact_are_counted() -> None:
    with httpx.Client(transport=httpx.MockTransport(page), base_url="http://page") as client:
        rows = ask_in_turn(client, ["0", "fails", "cuts", "1"])
    assert [(row["error"], row["wrong"]) for row in rows] == [
        (None, 0),
        (FULL, 0),
        ("the connection is cut", 0),
        (None, 1),
    ]
    assert all(row["seconds"] >= 0 for row in rows)
