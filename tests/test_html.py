"""Pages: whose facts are an article's, and which words are its text. The corpus has whole pages; here stand
single traps.
"""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest

from ingest.formats.extracted import Fact
from ingest.formats.html import extract
from rag.errors import SourceError

STORM = "The storm reached the coast on Monday and felled nine trees, the harbour master said."
RAIN = "Rain had fallen for a week, and the ground could not hold the old limes any longer."
ADDRESS = "https://www.courier.example/storm"


def page(
    body: str = "", head: str = "", title: str = "Storm fells trees", url: str | None = ADDRESS
) -> bytes:
    canonical = f"<link rel='canonical' href='{url}'>" if url else ""
    text = f"<p>{STORM}</p><p>{RAIN}</p>"
    return f"<html><head><title>{title}</title>{canonical}{head}</head><body>{body or f'<h1>{title}</h1>{text}'}</body></html>".encode()


def linked(**facts: Any) -> str:
    return f"<script type='application/ld+json'>{json.dumps({'@type': 'NewsArticle', **facts})}</script>"


def told(data: bytes, name: str) -> tuple[Any, str] | None:
    fact = extract(data).facts.get(name)
    return (fact.value, fact.place) if fact else None


def test_the_text_is_the_article_s_and_its_title_stands_apart() -> None:
    found = extract(page())
    assert found.text == f"{STORM}\n\n{RAIN}"
    assert found.facts == {
        "url": Fact(ADDRESS, "canonical link"), "title": Fact("Storm fells trees", "heading"), "source": Fact("courier.example", "its address"),
    }  # fmt: skip


# Whose linked data


def test_linked_data_of_the_page_s_own_article_counts() -> None:
    own = linked(
        url=ADDRESS,
        headline="Storm fells trees",
        datePublished="2024-01-15T23:30:00-05:00",
        author=[{"name": "Ana"}, {"name": "Bo"}],
    )
    other = linked(
        url="https://www.courier.example/old",
        headline="Old",
        datePublished="2019-02-03",
        author={"name": "Old Writer"},
    )
    for order in (own + other, other + own):
        assert told(page(head=order), "published") == (date(2024, 1, 15), "JSON-LD datePublished")
        assert told(page(head=order), "author") == ("Ana, Bo", "JSON-LD author")


def test_linked_data_of_another_article_does_not_even_where_it_is_alone() -> None:
    other = linked(
        url="https://www.courier.example/old",
        headline="Old",
        datePublished="2019-02-03",
        author={"name": "Old Writer"},
    )
    assert told(page(head=other), "published") is None
    assert told(page(head=other), "author") is None
    unplaced = linked(headline="Another wording", datePublished="2024-01-15")
    assert told(page(head=unplaced), "published") == (date(2024, 1, 15), "JSON-LD datePublished")


def test_two_articles_that_may_both_be_the_page_s_say_nothing() -> None:
    assert (
        told(page(head=linked(datePublished="2024-01-15") + linked(datePublished="2024-01-16")), "published")
        is None
    )


def test_who_is_described_elsewhere_on_the_page_has_the_name_given_there() -> None:
    graph = {"@graph": [
        {"@type": "NewsArticle", "url": ADDRESS, "publisher": {"@id": "#us"}, "author": {"@id": "#ana"}},
        {"@type": "Organization", "@id": "#us", "name": "The Courier"}, {"@type": "Person", "@id": "#ana", "name": "Ana Torell"},
    ]}  # fmt: skip
    head = f"<script type='application/ld+json'>{json.dumps(graph)}</script>"
    assert told(page(head=head), "source") == ("The Courier", "JSON-LD publisher")
    assert told(page(head=head), "author") == ("Ana Torell", "JSON-LD author")


@pytest.mark.parametrize(
    "broken",
    [
        "{",
        "[1, 2",
        "null",
        "[[]]",
        '"x"',
        '{"@graph": 7}',
        '{"@type": ["NewsArticle"], "author": 5, "url": [3]}',
    ],
)
def test_linked_data_that_is_none_is_passed_over(broken: str) -> None:
    found = extract(page(head=f"<script type='application/ld+json'>{broken}</script>"))
    assert found.text == f"{STORM}\n\n{RAIN}"


# Days


@pytest.mark.parametrize(
    ("head", "body", "day"),
    [
        ("<meta property='article:published_time' content='2024-01-15T23:59:00-05:00'>", "", (date(2024, 1, 15), "meta article:published_time")),
        ("<meta property='article:modified_time' content='2024-01-15'>", "", None),
        ("<meta name='date' content='03/04/2024'>", "", None),
        ("", "<time datetime='2024-01-15'>x</time>", (date(2024, 1, 15), "time element")),
        ("", "<p>Updated <time datetime='2024-01-15'>x</time></p>", None),
        ("", "<time datetime='2024-01-15'>x</time><time datetime='2024-01-16'>y</time>", None),
        ("", "<aside class='related'><time datetime='2019-01-15'>x</time></aside>", None),
        ("", "<div class='byline'>By Ana, 15 January 2024 | Updated 17 January 2024</div>", (date(2024, 1, 15), "byline")),
        ("", "<p>Tickets on sale 14 March 2025</p>", None),
        ("", "<p>Varn, 15 January 2024</p>", (date(2024, 1, 15), "byline")),
        ("", "<footer>© 2024</footer>", None),
    ],
)  # fmt: skip
def test_a_day_is_one_that_is_stated_as_the_article_s(
    head: str, body: str, day: tuple[date, str] | None
) -> None:
    whole = f"<h1>Storm fells trees</h1>{body}<p>{STORM}</p><p>{RAIN}</p>"
    assert told(page(whole, head), "published") == day


def test_an_address_may_hold_the_day_and_a_dateline_with_a_year_does() -> None:
    assert told(page(url="https://courier.example/2024/01/15/storm"), "published") == (
        date(2024, 1, 15),
        "its address",
    )
    body = f"<h1>Storm</h1><p>VARN, Jan. 15, 2024 (Northwire) — {STORM}</p><p>{RAIN}</p>"
    assert told(page(body, url=None), "published") == (date(2024, 1, 15), "dateline")
    assert told(page(body, url=None), "source") == ("Northwire", "dateline")


# Titles and outlets


@pytest.mark.parametrize(
    ("outlet", "title", "expected"),
    [
        ("The Courier", "Storm fells trees | The Courier", "Storm fells trees"),
        ("The Courier", "Courier - Storm fells trees", "Storm fells trees"),
        ("China Daily", "China – US talks resume", "China – US talks resume"),
        ("USA Today", "USA | Mexico border shut", "USA | Mexico border shut"),
        (
            "Iran International",
            "Iran - the long road to a deal - Iran International",
            "Iran - the long road to a deal",
        ),
    ],
)
def test_of_a_title_the_outlet_s_name_is_taken_off_and_nothing_else(
    outlet: str, title: str, expected: str
) -> None:
    data = page(f"<p>{STORM}</p><p>{RAIN}</p>", f"<meta property='og:site_name' content='{outlet}'>", title)
    assert told(data, "title") == (expected, "page title")


def test_an_outlet_is_told_from_the_page_s_title_by_the_heading() -> None:
    data = page(
        f"<h1>Storm fells trees</h1><p>{STORM}</p><p>{RAIN}</p>",
        title="Storm fells trees - Valley Echo",
        url=None,
    )
    assert told(data, "source") == ("Valley Echo", "page title")
    assert told(data, "title") == ("Storm fells trees", "heading")


def test_a_front_page_s_address_names_no_article() -> None:
    assert told(page(url="https://courier.example/"), "url") is None
    saved = page(url=None).replace(
        b"<html>", b"<!-- saved from url=(0029)https://courier.example/storm --><html>"
    )
    assert told(saved, "url") == ("https://courier.example/storm", "the address it was saved from")


# The text


@pytest.mark.parametrize(
    "furniture",
    [
        "<p>Read more: The quarry closes</p>", "<p>Advertisement</p>", "<p>Sign up for our newsletter</p>", "<p>Photograph: Jo Doe/Agency</p>",
        "<figure><img><figcaption>The harbour at dawn.</figcaption></figure>", "<p hidden>Nobody sees this sentence.</p>",
        "<p style='display: none'>Nobody sees this sentence.</p>", "<script>document.write('Nothing.')</script>", "<form><p>Your comment here.</p></form>",
    ],
)  # fmt: skip
def test_what_is_the_page_s_own_stays_outside_even_within_the_article(furniture: str) -> None:
    assert (
        extract(page(f"<h1>Storm fells trees</h1><p>{STORM}</p>{furniture}<p>{RAIN}</p>")).text
        == f"{STORM}\n\n{RAIN}"
    )


def test_a_sentence_that_begins_like_furniture_is_a_sentence() -> None:
    said = "Share prices fell as the storm came ashore, and nobody who was at the exchange that day had seen the like of it before."
    assert said in extract(page(f"<h1>Storm</h1><p>{STORM}</p><p>{said}</p><p>{RAIN}</p>")).text


def test_headings_lists_and_tables_stay_readable() -> None:
    body = (
        f"<article><h1>Storm fells trees</h1><p>{STORM}</p><h2>What fell</h2><ul><li>Nine limes on the "
        f"quay.</li><li>One wall.</li></ul>"
        f"<table><tr><th>Year</th><th>Trees</th></tr><tr><td>2023</td><td>9</td></tr></table><p>{RAIN}</p></article>"
    )
    assert extract(page(body)).text == (
        f"{STORM}\n\nWhat fell\n\n- Nine limes on the quay.\n- One wall.\n\nYear | Trees\n2023 | 9\n\n{RAIN}"
    )


def test_what_is_behind_a_sign_in_is_said_to_be_missing() -> None:
    found = extract(
        page(
            f"<h1>Storm fells trees</h1><p>{STORM}</p><p>{RAIN}</p><p>To continue reading, subscribe "
            f"today</p>"
        )
    )
    assert found.text == f"{STORM}\n\n{RAIN}"
    assert found.warnings == (
        "the page shows only the beginning of the article; the rest is for those who sign in",
    )


@pytest.mark.parametrize(
    "body",
    [
        "", "<ul><li><a href='a'>Storm</a></li><li><a href='b'>Rain</a></li></ul>", "<h1>Sorry, we can’t find that page</h1><p>It may have moved.</p>",
        "<h1>Log in to continue</h1><form><input type='password'></form><p>New here? Create an account.</p>",
    ],
)  # fmt: skip
def test_a_page_that_holds_no_article_is_refused(body: str) -> None:
    with pytest.raises(SourceError, match="no article's text was found on the page"):
        extract(page(body or "<p></p>", title="Log in" if "password" in body else "Page not found"))


@pytest.mark.parametrize(
    ("encoding", "head"),
    [("cp1252", "<meta charset='iso-8859-1'>"), ("utf-8", "<meta charset='utf-8'>"), ("utf-16", ""), ("shift_jis", "<meta charset='shift_jis'>"), ("utf-8", "<meta charset='nonsense'>")],
)  # fmt: skip
def test_a_page_is_read_in_the_encoding_it_says_if_that_fits(encoding: str, head: str) -> None:
    words = (
        "嵐は月曜日に海岸に達し、九本の木を倒した。"
        if encoding == "shift_jis"
        else "Der Sturm fällte am Montag neun Bäume, „große“ Linden, sagte er."
    )
    data = page(f"<h1>X</h1><p>{words}</p><p>{words[::-1]} {words}</p>", head).decode().encode(encoding)
    assert words in extract(data).text


def test_a_page_of_thousands_of_nested_elements_is_read_or_refused() -> None:
    for deep in (b"<div>" * 5_000, b"<b><i>" * 5_000, b"<table><tr><td>" * 2_000):
        try:
            extract(page().replace(b"<body>", b"<body>" + deep))
        except SourceError as exc:
            assert "." in str(exc)  # noqa: PT017


# Limits: each met, and missed by one


@pytest.mark.parametrize(("characters", "table"), [(600, True), (601, False)])
def test_a_cell_of_more_than_600_characters_is_a_column_of_the_page(characters: int, table: bool) -> None:
    cell = ("Nine limes fell. " * 40)[: characters - 1] + "."
    rows = f"<tr><td>{cell}</td><td>41</td></tr><tr><td>Oaks</td><td>9</td></tr>"
    found = extract(page(f"<article><p>{STORM}</p><table>{rows}</table><p>{RAIN}</p></article>"))
    assert (f"{cell} | 41\nOaks | 9" in found.text) is table


def test_beside_a_password_80_words_are_an_article_and_79_are_none() -> None:
    def signed_out(words: int) -> bytes:
        snow = " ".join(["Snow"] * (words - len(f"{STORM} {RAIN}".split()) - 1))
        return page(f"<p>{STORM}</p><p>{snow} fell.</p><p>{RAIN}</p><form><input type='password'></form>")

    assert len(extract(signed_out(80)).text.split()) == 80
    with pytest.raises(SourceError, match="no article's text was found on the page"):
        extract(signed_out(79))


@pytest.mark.parametrize(("end", "seen"), [(4_096, True), (4_097, False)])
def test_a_page_says_its_encoding_within_4096_bytes(end: int, seen: bool) -> None:
    words = "Буря достигла берега в понедельник и повалила девять деревьев, сказал он."
    raw = page(f"<h1>X</h1><p>{words}</p><p>{words[::-1]} {words}</p>", "<meta charset='koi8-r'>").decode()
    comment = f"<!--{'x' * (end - raw.index('koi8-r') - len('koi8-r') - 7)}-->"
    data = raw.replace("<meta", f"{comment}<meta").encode("koi8-r")
    assert data.index(b"koi8-r") + 6 == end
    assert (words in extract(data).text, extract(data).warnings == ()) == (seen, seen)


@pytest.mark.parametrize(("end", "seen"), [(4_096, True), (4_097, False)])
def test_a_browser_says_within_4096_characters_where_a_page_was_saved_from(end: int, seen: bool) -> None:
    comment = f"<!-- saved from url=(0033){ADDRESS} -->"
    data = (comment.rjust(end) + page(url=None).decode()).encode()
    assert (told(data, "url") == (ADDRESS, "the address it was saved from")) is seen


def test_a_title_has_a_thousand_characters_at_most() -> None:
    title = "Storm" + " fells trees" * 90
    assert told(page(title=title[:1_000]), "title") == (title[:1_000], "heading")
    assert told(page(title=title[:1_001]), "title") == (title[:1_000], "heading")


@pytest.mark.parametrize(("before", "kept"), [(11, 0), (12, 12)])
def test_the_title_stands_among_the_first_twelve_blocks_and_what_is_before_it_is_the_page_s(
    before: int, kept: int
) -> None:
    above = "".join(f"<p>{STORM.replace('nine', f'{n} or more')}</p>" for n in range(before))
    body = f"<article>{above}<h1>Storm fells trees</h1><p>{STORM}</p><p>{RAIN}</p></article>"
    assert extract(page(body)).text.count("or more") == kept
