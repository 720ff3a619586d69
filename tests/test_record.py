"""What a browser keeps and what leaves the page: plain values, and Markdown in which an article's words stay
words.
"""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from answers import abstained, answered, disputed
from conftest import article, evidence

from rag.errors import ModelTrouble
from rag.surfaces.markup import answer_html
from rag.surfaces.model_words import state_text, usage_json, usage_text
from rag.surfaces.record import conversation_json, markdown, record
from rag.surfaces.render import answer_json, answer_text
from rag.types import ModelState, Usage


def test_a_record_is_plain_values_and_holds_what_the_page_shows() -> None:
    found = record(answered(notice="Slow.", withheld=("It rained.",)))
    assert json.loads(json.dumps(found)) == found
    assert (found["text"], found["notice"], found["withheld"]) == (
        "Iran struck first. [1]",
        "Slow.",
        ["It rained."],
    )
    assert found["sentences"] == [
        {"text": "Iran struck first.", "lead": "", "citations": [1], "support": "quoted"}
    ]
    assert found["evidence"][0]["text"] == "Iran struck first. Pakistan replied."


def test_a_record_keeps_what_a_model_cost_and_every_surface_says_it() -> None:
    answer = answered()
    assert record(answer)["usage"] is None
    usage = Usage(2, 1840, 96, 4.12, "llama-3")
    said = "2 calls, 1,840 tokens read, 96 written, 4.1 s"
    for answerer, who in (
        ("generate:llama-3, prompt 1", "Worded by llama-3"),
        ("extract", "llama-3 was asked"),
    ):
        costing = replace(answer, trace=replace(answer.trace, answerer=answerer, usage=usage))
        found = json.loads(json.dumps(record(costing)))
        assert found["usage"] == {
            "calls": 2, "prompt_tokens": 1840, "reply_tokens": 96, "seconds": 4.12, "model": "llama-3",
        }  # fmt: skip
        assert f'<p class="cost">{who}: {said}</p>' in answer_html(found, "Who?")
        assert f"\n\n{who}: {said}" in answer_text(costing)
        assert json.loads(answer_json(costing))["trace"]["usage"] == found["usage"]
    assert 'class="cost"' not in answer_html(record(answer), "Who?")


@pytest.mark.parametrize(
    ("usage", "said"),
    [
        (Usage(1, 1, 0, 0.04, "m"), "m was asked: 1 call, 1 token read, 0 written, 0.0 s"),
        (Usage(1, None, 96, 4.0, "m"), "m was asked: 1 call, ? tokens read, 96 written, 4.0 s"),
        (Usage(3, None, None, 61.25, None), "A language model was asked: 3 calls, tokens not known, 61.2 s"),
        (None, ""),
    ],
)
def test_what_is_not_known_of_a_cost_is_said_so(usage: Usage | None, said: str) -> None:
    assert usage_text(usage_json(usage), "extract") == said


def test_the_name_of_a_model_is_text_on_the_page() -> None:
    answer = answered()
    costing = replace(answer, trace=replace(answer.trace, usage=Usage(1, 1, 1, 1.0, "<b>m</b>")))
    assert "&lt;b&gt;m&lt;/b&gt; was asked" in answer_html(record(costing), "Who?")


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (ModelState("m"), "Answers are worded by m."),
        (
            ModelState("m", ModelTrouble.BUSY, 12.0),
            "Answers come straight from the articles just now: the language model is overloaded.",
        ),
        (
            ModelState("m", ModelTrouble.MISSING),
            "Answers come straight from the articles just now: the language model is not installed. The next "
            "question tries it again.",
        ),
    ],
)
def test_who_words_the_answers_is_said_before_a_question(state: ModelState, said: str) -> None:
    assert state_text(state) == said


def test_a_long_passage_is_kept_in_brief() -> None:
    found = record(abstained(evidence(article("word " * 500 + "end.", "a"))))
    (passage,) = found["evidence"]
    assert passage["text"] == "word " * 47 + "word …"
    assert (passage["start"], passage["end"]) == (0, 2504)


def test_markdown_has_a_footnote_for_every_citation_numbered_through() -> None:
    text = markdown([("Who struck first?", record(answered())), ("How many?", record(disputed()))], "Strikes")
    assert text == (
        "# Strikes\n\n"
        "**Who struck first?**\n\n"
        "Iran struck first.[^1]\n\n"
        "Sentences: 1 quoted\n\n"
        "**How many?**\n\n"
        "Understood as: How many were killed?\n\n"
        "The strike killed seven.[^2] *Later:* At least nine were killed, \\<b\\>officials\\</b\\> "
        "said.[^3]\n\n"
        "The sources disagree: How many were killed?\n\n"
        "- seven[^2]\n"
        "- At least nine[^3]\n\n"
        "The articles do not say: and \\<who\\> did it?\n\n"
        "Sentences: 2 quoted\n\n"
        "[^1]: “Iran struck first.” — Iran struck first. — Dawn, 20 January 2024. a, characters 0–18 (quoted)\n"
        "[^2]: “The strike killed seven.” — The strike killed seven. — Dawn, 18 January 2024. a, characters "
        "0–24 (quoted)\n"
        "[^3]: “At least nine were killed, \\<b\\>officials\\</b\\> said.” — At least nine were killed, "
        "\\<b\\>officials\\</b\\> said. — VOA, date unknown. b, characters 0–49 (quoted)\n"
    )


def test_a_sentence_to_be_checked_says_so_in_markdown() -> None:
    text = markdown([("Who struck first?", record(answered("Iran was the first that struck.")))])
    assert text == (
        "**Who struck first?**\n\n"
        "Iran was the first that struck.[^1] *(in other words: please check)*\n\n"
        "Sentences: 1 in other words: please check\n\n"
        "[^1]: “Iran struck first.” — Iran struck first. — Dawn, 20 January 2024. a, characters 0–18 "
        "(in other words: please check)\n"
    )


def test_an_abstention_in_markdown_says_so() -> None:
    assert (
        markdown([("Why?", record(abstained(evidence())))])
        == "**Why?**\n\nThe articles do not answer this.\n"
    )


def test_a_conversation_as_json_has_every_citation_with_its_place() -> None:
    whole = json.loads(conversation_json("Strikes", [("Who?", record(answered()))]))
    assert whole["title"] == "Strikes"
    assert whole["exchanges"][0]["asked"] == "Who?"
    assert whole["exchanges"][0]["counts"] == {
        "quoted": 1, "supported": 0, "check": 0, "withheld": 0, "text": "Sentences: 1 quoted",
    }  # fmt: skip
    (citation,) = whole["exchanges"][0]["citations"]
    assert (citation["quote"], citation["start"], citation["end"]) == ("Iran struck first.", 0, 18)
