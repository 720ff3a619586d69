"""The page's HTML: everything an article says is shown, nothing of it is obeyed, and every marker names its
words.
"""

from __future__ import annotations

import hashlib
import html
import json
import re
from dataclasses import replace
from datetime import date
from urllib.parse import parse_qs

from answers import DATED, STORY, abstained, answered, disputed, quoting
from conftest import article, evidence, headline

from rag.surfaces import markup
from rag.surfaces.record import citation_record, record, sentence_record
from rag.surfaces.render import answer_json, answer_text
from rag.types import Answer, Evidence, Filters


def shown(answer: Answer, asked: str = "Why?") -> str:
    return markup.answer_html(record(answer), asked)


def test_the_days_that_are_meant_stand_in_the_note_and_not_in_the_sentence() -> None:
    page = shown(quoting(DATED, "Iran struck late\non Tuesday"))
    assert '<span class="dates">on Tuesday = 16 January 2024</span>' in page.split("<ol")[1]
    assert "16 January" not in page.split('class="notes"')[0]
    assert "dates" not in shown(answered())


def test_what_disagrees_is_a_table_of_value_who_when_and_words() -> None:
    page = shown(disputed(), "How many were killed?")
    table = page[page.index("<table") : page.index("</table>")]
    cells = [
        html.unescape(re.sub(r"<[^>]+>", "", cell))
        for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", table)
    ]
    assert cells == [
        "Value", "Source", "Published", "Quote",
        "seven", "Dawn", "18 January 2024", "“The strike killed seven.” [1]",
        "At least nine", "VOA", "date unknown", "“At least nine were killed, <b>officials</b> said.” [2]",
    ]  # fmt: skip
    assert "<caption>The sources disagree: How many were killed?</caption>" in table
    assert 'data-article="b"' in table
    assert 'data-start="0" data-end="49"' in table
    assert '<p class="unanswered">The articles do not say: and &lt;who&gt; did it?</p>' in page
    assert '<em>Later:</em> <span class="said">At least nine' in page


def test_the_timeline_holds_the_evidence_by_date_with_the_undated_last() -> None:
    page = shown(disputed(), "How many were killed?")
    line = page[page.index('<details class="timeline">') : page.index("</details>")]
    assert "Evidence by date: 2 passages from 2 articles" in line
    points = [html.unescape(re.sub(r"<[^>]+>", "", li)) for li in re.findall(r"<li>(.*?)</li>", line)]
    assert points == [
        "18 January 2024Dawn[1] “The strike killed seven.”",
        "date unknownVOA[2] “At least nine were killed, <b>officials</b> said.”",
    ]
    assert "timeline" not in shown(answered()), "one article is no line"


def test_a_passage_that_was_read_and_is_not_cited_is_on_the_timeline_too() -> None:
    later = article("Rain fell on Quetta.", "c", source="AP", published=date(2024, 2, 1))
    answer = answered()
    answer = replace(answer, evidence=evidence(STORY, later))
    line = shown(answer).split("timeline")[1]
    assert line.index("20 January 2024") < line.index("1 February 2024") < line.index("Rain fell on Quetta.")


def test_markup_and_templates_in_an_article_stay_text() -> None:
    hostile = article('<img src=x onerror="alert(1)"> ${alert(2)} {{alert(3)}} struck first.', "<b>")
    page = shown(abstained(evidence(hostile)))
    for live in ("<img", "${", "{{", '"<b>"', "<b>"):
        assert live not in page
    assert "&lt;img src=x" in page


def test_markup_in_a_question_stays_text() -> None:
    assert markup.asked_html("<b>${x}</b>", '"k"').startswith(
        '<p class="asked">&lt;b&gt;&#36;&#123;x&#125;&lt;/b&gt;</p>'
    )
    assert 'data-key="&quot;k&quot;"' in markup.asked_html("x", '"k"')


def test_a_marker_names_the_words_it_opens_and_how_well_they_carry_the_sentence() -> None:
    page = shown(answered(), "Who struck first?")
    marker = page[page.index("<button") : page.index("</button>")]
    assert f'data-article="a" data-version="{STORY.version}" data-start="0" data-end="18"' in marker
    assert 'data-quote="Iran struck first."' in marker
    assert 'aria-label="Citation 1, quoted: open the article at these words"' in marker
    assert '<span class="support quoted">quoted</span>' in page
    assert "understood" not in page
    assert "Understood as: Who struck first?" in shown(answered(), "and who?")


def test_a_sentence_to_be_checked_has_a_sign_that_a_screen_reader_says_and_a_quoted_one_has_none() -> None:
    page = shown(answered("Iran was the first that struck."), "Who struck first?")
    sign = (
        '<span class="sign" role="img" title="in other words: please check" '
        'aria-label="in other words: please check"></span>'
    )
    assert page.count(sign) == 1
    assert (
        '<span class="sentence check"><span class="said">Iran was the first that struck.</span> '
        f"{sign} <button" in page
    )
    assert 'aria-label="Citation 1, in other words: please check: open the article at these words"' in page
    assert '<span class="support check">in other words: please check</span>' in page
    assert "sign" not in shown(answered(), "Who struck first?")


def test_a_marker_has_the_state_of_its_sentence_where_two_share_a_citation() -> None:
    found = record(answered())
    found["citations"][0]["support"] = "please check"  # some other sentence only fits these words
    page = markup.answer_html(found, "Who struck first?")
    assert 'aria-label="Citation 1, quoted: open the article at these words"' in page
    assert '<span class="support check">' in page


def test_the_sentences_are_counted_by_state_in_the_words_of_the_terminal() -> None:
    answer = answered("Iran was the first that struck.", withheld=("It rained.", "It snowed."))
    said = "Sentences: 1 in other words: please check; 2 withheld"
    assert f'<p class="counts">{said}</p>' in shown(answer)
    assert said in answer_text(answer).splitlines()
    assert json.loads(answer_json(answer))["counts"] == {
        "quoted": 0, "supported": 0, "check": 1, "withheld": 2, "text": said,
    }  # fmt: skip
    assert "counts" not in shown(abstained(evidence())), "there is nothing to count"


def test_a_sentence_that_is_streamed_looks_as_in_the_whole_answer() -> None:
    answer = answered()
    (sentence,) = answer.sentences
    streamed = markup.sentence_html(
        sentence_record(sentence), {1: citation_record(answer.citations[0], Evidence())}
    )
    assert streamed in shown(answer)


def test_a_link_names_the_article_its_version_and_the_words() -> None:
    strange = article("Iran struck first. Pakistan replied.", "a b/ü&c.txt")
    link = markup.permalink(
        citation_record(quoting(strange, "Iran struck first.").citations[0], Evidence()), "own"
    )
    assert parse_qs(link.removeprefix("?")) == {
        "collection": ["own"], "article": ["a b/ü&c.txt"], "version": [strange.version], "start": ["0"], "end": ["18"],
        "words": [hashlib.sha256(b"Iran struck first.").hexdigest()[:12]],
    }  # fmt: skip


def test_what_the_evidence_was_limited_to_stands_on_the_answer() -> None:
    limited = replace(answered(), filters=Filters(date(2024, 1, 1), date(2024, 1, 31), ("Dawn",)))
    assert (
        '<p class="filtered">Filters: only Dawn, published on or after 1 January 2024, published on or before 31 January 2024</p>'
        in shown(limited)
    )
    assert "filtered" not in shown(answered())


def test_the_article_is_cut_at_the_quoted_words() -> None:
    linked = article("Iran struck first. Pakistan replied.", "a", url="https://example.org/1", source="Dawn")
    assert markup.article_parts(linked, headline(linked), 5, 11) == {
        "title": "Iran struck first.",
        "source": "Dawn",
        "note": "",
        "read": "",
        "published": "date unknown",
        "url": "https://example.org/1",
        "before": "Iran ",
        "quote": "struck",
        "after": " first. Pakistan replied.",
    }


def test_an_address_that_is_not_a_web_address_is_not_linked() -> None:
    hostile = article("Iran struck first.", "a", url="javascript:alert(1)")
    assert markup.article_parts(hostile, headline(hostile), 0, 4)["url"] == ""


def test_the_open_article_names_its_page_its_other_outlets_and_where_its_facts_were_read() -> None:
    story = article(
        "Iran struck first.",
        "a",
        source="Dawn",
        provenance=(("source", "meta og:site_name"), ("title", "heading")),
    )
    facts = replace(headline(story), pages=(0, 5), also=("VOA", "Wire"))
    parts = markup.article_parts(story, facts, 5, 11, "As it was.")
    assert (parts["source"], parts["note"], parts["read"]) == (
        "Dawn, also in VOA, Wire, page 2", "As it was.", "source: meta og:site_name; title: heading",
    )  # fmt: skip
