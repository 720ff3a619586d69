"""Text and Markdown: the text stays as it is, and front matter says what it says."""

from __future__ import annotations

from datetime import date

import pytest

from ingest.formats.extracted import Fact
from ingest.formats.texts import text_article

BODY = "The storm reached the coast on Monday.\n\nNine trees fell.\n"


@pytest.mark.parametrize(
    "front",
    [
        "---\ntitle: \"Storm\"\nauthor: Ana Torell\ndate: 2024-01-15 10:00:00 +0100\nsource: Dawn\nlang: "
        "en\ncanonical_url: https://example.org/a\ntags: [wind, rain]\n---\n\n",
        "---\r\nTitle: Storm\r\nauthors:\r\n  - Ana Torell\r\npublished: January 15, 2024\r\npublication: "
        "Dawn\r\nlanguage: en\r\nurl: https://example.org/a\r\n---\r\n",
        '+++\ntitle = "Storm"\nauthors = ["Ana Torell"]\ndate = 2024-01-15T10:00:00+01:00\nsource = "Dawn"\nlang = "en"\nlink = "https://example.org/a"\n[params]\nteaser = "x"\n+++\n',
    ],
)  # fmt: skip
def test_front_matter_is_facts_and_no_text(front: str) -> None:
    found = text_article((front + BODY).encode(), markdown=True)
    assert found.text == BODY
    assert {name: fact.value for name, fact in found.facts.items()} == {
        "title": "Storm", "author": "Ana Torell", "published": date(2024, 1, 15), "source": "Dawn", "language": "en",
        "url": "https://example.org/a",
    }  # fmt: skip
    assert all(fact.place.startswith("front matter ") for fact in found.facts.values())
    assert found.warnings == ()


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        ("---\ntitle: [unclosed\n---\n", "its front matter is not YAML and was ignored"),
        ("+++\ntitle = \n+++\n", "its front matter is not TOML and was ignored"),
        ('---\ntitle: "\\UFFFFFFFF"\n---\n', "its front matter is not YAML and was ignored"),
        (f"+++\nx = {'1' * 5_000}\n+++\n", "its front matter is not TOML and was ignored"),
        ("---\ndate: soon\n---\n", "its date 'soon' cannot be read and is treated as unknown"),
    ],
)
def test_front_matter_that_cannot_be_read_is_a_warning(text: str, warning: str) -> None:
    found = text_article((text + BODY).encode(), markdown=True)
    assert found.text == BODY
    assert "published" not in found.facts
    (told,) = found.warnings
    assert told.startswith(warning)


def test_yaml_makes_neither_objects_nor_a_bomb() -> None:
    bomb = "---\na: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\ntitle: !!python/object/apply:os.system ['x']\n---\n"
    found = text_article((bomb + BODY).encode(), markdown=True)
    assert found.text == BODY
    assert "title" not in found.facts or isinstance(found.facts["title"].value, str)


def test_in_plain_text_dashes_are_text() -> None:
    text = "---\ntitle: Storm\n---\n" + BODY
    assert text_article(text.encode()).text == text


def test_a_heading_is_the_title_where_front_matter_gives_none() -> None:
    found = text_article(b"# Storm\n\n" + BODY.encode(), markdown=True)
    assert found.facts == {"title": Fact("Storm", "heading")}
    assert found.text == "# Storm\n\n" + BODY, "and stays in the text"
