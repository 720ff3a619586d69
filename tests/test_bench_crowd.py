"""The crowd's figures: an error and a citation that is not exact are counted, and asking goes on."""

from __future__ import annotations

from typing import Any

from gradio_client.exceptions import AppError

from eval.bench.crowd import ask_in_turn


class Page:
    """Stands for gradio_client.Client: one article, and a citation at the place that the question names."""

    def predict(self, **named: Any) -> Any:
        if named["api_name"] == "/article":
            return {"text": "Iran struck first."}
        if named["question"] == "fails":
            raise AppError("too many questions")
        start = int(named["question"])
        return {"citations": [{"article": {"id": "a"}, "start": start, "end": start + 4, "quote": "Iran"}]}


def test_errors_and_citations_that_are_not_exact_are_counted() -> None:
    rows = ask_in_turn(Page(), ["0", "fails", "1"])
    assert [(row["error"], row["wrong"]) for row in rows] == [(None, 0), ("too many questions", 0), (None, 1)]
    assert all(row["seconds"] >= 0 for row in rows)
