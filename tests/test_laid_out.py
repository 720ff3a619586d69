"""A laid-out reply from the model to every surface: what is shown of it, and that none of it becomes markup."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import pytest
from answers import answered
from conftest import article, evidence

from rag.answer.drafts import drafts_of
from rag.answer.reply import Reply, Stopwatch
from rag.surfaces.markup import sentences_html
from rag.surfaces.record import citation_record, markdown, record
from rag.surfaces.render import answer_text
from rag.types import Answer, DraftSentence, Evidence, Filters, Judgement, Trace

NORVIK = article(
    "Norvik cut 300 jobs in Bergen. Profit at Norvik rose by 4 %. Ana Ruiz leads Norvik.", "norvik"
)
ORLO = article("Orlo cut 40 jobs. A storm closed the port of Oslo on Monday.", "orlo")


class Overlap:
    """Holds a statement supported where the text has four of five of its words."""

    name = "overlap"

    def judge(self, pairs: Sequence[tuple[str, str]]) -> list[Judgement]:
        return [Judgement(p, 0.0, 0.0, 1 - p, p) for p in (float(_share(*pair) >= 0.8) for pair in pairs)]


def _share(statement: str, text: str) -> float:
    said, held = ({word.strip(".,:;").lower() for word in t.split()} for t in (statement, text))
    return len(said & held) / len(said)


def reply_of(text: str) -> Reply:
    made = Reply(evidence(NORVIK, ORLO), Stopwatch(), lambda: None, Overlap())
    list(made.release(iter(drafts_of(text)), ours=False))
    return made


def answer_of(text: str) -> Answer:
    trace = Trace("f00", 1, "generate:x")
    return reply_of(text).answer("What happened?", Filters(), trace, abstained=None)


def html_of(answer: Answer) -> str:
    found = record(answer)
    made = sentences_html(found["sentences"], {c["number"]: c for c in found["citations"]})
    return _bare(made)


def _bare(made: str) -> str:
    """HTML without what a sentence and a marker are made of."""
    made = re.sub(r"<button.*?>(\[\d+\])</button>", r"\1", made)
    return re.sub(r'</?span(?: class="(?:said|sentence \w+|line|sign)".*?)?>', "", made)


LIST = """## Jobs

Here is what the articles say:

1. **Norvik** cut 300 jobs in Bergen [1].
2. Orlo cut 4000 jobs [2].
3. Orlo cut 40 jobs [2].
   - A storm closed the port of Oslo on Monday.

## Weather

The sun shone.

I hope this helps!"""


def test_a_list_keeps_its_numbers_and_what_is_not_supported_leaves_a_gap() -> None:
    answer = answer_of(LIST)
    assert answer.withheld == ("Orlo cut 4000 jobs.", "The sun shone.")
    assert html_of(answer) == (
        '<div class="answer"><p class="heading" role="heading" aria-level="4">Jobs</p>'
        "<p>Here is what the articles say:</p>"
        '<ol><li value="1">Norvik cut 300 jobs in Bergen. [1]</li>'
        '<li value="3">Orlo cut 40 jobs. [2]'
        "<ul><li>A storm closed the port of Oslo on Monday. [3]</li></ul></li></ol></div>"
    )


def test_the_terminal_has_the_same_layout() -> None:
    assert answer_text(answer_of(LIST)).split("\n\n[1]")[0] == (
        "Jobs\n\nHere is what the articles say:\n\n"
        "1. Norvik cut 300 jobs in Bergen. [1]\n"
        "3. Orlo cut 40 jobs. [2]\n"
        "   - A storm closed the port of Oslo on Monday. [3]"
    )


def test_markdown_has_the_same_layout() -> None:
    text = markdown([("What happened?", record(answer_of(LIST)))])
    assert text.split("\n\nSentences")[0] == (
        "**What happened?**\n\n#### Jobs\n\nHere is what the articles say:\n\n"
        "1. Norvik cut 300 jobs in Bergen.[^1]\n"
        "3. Orlo cut 40 jobs.[^2]\n"
        "    - A storm closed the port of Oslo on Monday.[^3]"
    )


TABLE = "| Firm | Jobs cut |\n|---|---|\n| Norvik | 300 jobs [1] |\n| Orlo | 7 jobs [2] |"


def test_a_table_has_the_rows_and_columns_of_which_a_cell_is_supported() -> None:
    answer = answer_of(TABLE)
    assert answer.withheld == ("7 jobs",)
    assert html_of(answer) == (
        '<div class="answer"><div class="wide"><table><thead><tr><th scope="col">Firm</th>'
        '<th scope="col">Jobs cut</th></tr></thead><tbody>'
        '<tr><th scope="row">Norvik</th><td>300 jobs [1]</td></tr></tbody></table></div></div>'
    )
    assert answer_text(answer).split("\n\n[1]")[0] == "Firm    Jobs cut\nNorvik  300 jobs [1]"
    assert "| Firm | Jobs cut |\n| --- | --- |\n| Norvik | 300 jobs[^1] |" in markdown(
        [("?", record(answer))]
    )


@pytest.mark.parametrize(
    "heading", ["<script>x()</script>", "[x](javascript:x())", "{{x}} ${x}", "![x](http://x)"]
)
def test_nothing_of_a_heading_becomes_markup(heading: str) -> None:
    made = html_of(answer_of(f"## About {heading}\n\nOrlo cut 40 jobs.\n\n- Norvik cut 300 jobs in Bergen."))
    assert not any(sign in made for sign in ("<script", "<a", "<img", "{{", "${", "href", "src"))
    assert made.startswith('<div class="answer"><p class="heading" role="heading" aria-level="4">About')


def test_a_reply_of_one_paragraph_is_shown_as_ever() -> None:
    assert html_of(answer_of("Orlo cut 40 jobs [2]. Ana Ruiz leads Norvik [1].")) == (
        '<p class="answer">Orlo cut 40 jobs. [1] Ana Ruiz leads Norvik. [2]</p>'
    )


def test_a_sentence_without_layout_has_none_in_its_record() -> None:
    assert "layout" not in record(answered())["sentences"][0]


def test_code_is_shown_as_it_stands_in_a_fence_longer_than_any_in_it() -> None:
    story = article("Run ``` x = 1 ``` first.", "code")
    made = Reply(evidence(story), Stopwatch(), lambda: None, Overlap())
    list(made.release(iter(drafts_of("~~~\n``` x = 1 ```\n~~~")), ours=False))
    answer = made.answer("How?", Filters(), Trace("f", 1, "x"), abstained=None)
    assert "````\n``` x = 1 ```\n````\n[^1]" in markdown([("How?", record(answer))])
    assert html_of(answer) == '<div class="answer"><pre>``` x = 1 ``` [1]</pre></div>'


def test_a_streamed_answer_is_laid_out_as_the_whole() -> None:
    answer = answer_of(LIST)
    cited = {c.number: citation_record(c, Evidence()) for s in answer.sentences for c in s.citations}
    found = record(replace(answer, evidence=Evidence()))["sentences"]
    assert _bare(sentences_html(found, cited)) == html_of(answer)


# What a reply makes of drafts that need others.


def released(text: str) -> list[str]:
    return [sentence.text for sentence in reply_of(text).sentences]


def test_it_is_named_where_the_sentence_before_is_not_shown() -> None:
    drafts = [
        DraftSentence("The firm Norvik fell."),
        DraftSentence("Its profit rose.", statement="Norvik profit rose.", follows="The firm Norvik fell."),
    ]
    made = Reply(evidence(NORVIK), Stopwatch(), lambda: None, Overlap())
    assert [s.text for s in made.release(iter(drafts), ours=False)] == ["Norvik profit rose."]


def test_this_is_withheld_with_the_sentence_that_it_points_to() -> None:
    assert released("Snow fell on Orlo. This cut 40 jobs.") == []


def test_the_same_word_in_two_rows_is_shown_twice() -> None:
    drafts = [
        DraftSentence("300 jobs", statement=f"Norvik cut 300 jobs {where}") for where in ("in", "in Bergen")
    ]
    made = Reply(evidence(NORVIK), Stopwatch(), lambda: None, Overlap())
    assert [s.text for s in made.release(iter(drafts), ours=False)] == ["300 jobs", "300 jobs"]


def test_every_claim_of_a_sentence_has_to_hold_and_brings_its_citation() -> None:
    both = "Norvik cut 300 jobs in Bergen, and the firm Orlo cut 40 jobs."
    one = "Norvik cut 300 jobs in Bergen, and the firm Orlo cut 90 jobs."
    made = reply_of(f"{both} {one}")
    assert [(s.text, [c.quote for c in s.citations]) for s in made.sentences] == [
        (both, ["Norvik cut 300 jobs in Bergen.", "Orlo cut 40 jobs."])
    ]
    assert made.withheld == [one]
    assert [c.number for c in made.sentences[0].citations] == [1, 2]
