"""Where sentences and quotations begin and end: by examples, and by what must hold whatever the text."""

from __future__ import annotations

import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from conftest import SEEDS
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.english.sentences import quoted, sentences

# The same examples on every run, however busy the machine is, and nothing written to disk.
same_every_run = settings(derandomize=True, deadline=None, database=None)
# Any text, but far more of what cutting and comparing stumble over: stops, quotes, breaks, ligatures,
# invisible marks.
anything = st.text(
    st.one_of(
        st.characters(exclude_categories=["Cs"]),
        st.sampled_from(
            list(" .!?…,;:()[]\"'“”‘’«»\n\r\t\v\x85\u2028\u3000\xa0ABCabc123İßﬁ½é🐢\u0301\u00ad\u200b")
        ),
    ),
    max_size=120,
)


def split(text: str) -> list[str]:
    return [text[start:end] for start, end in sentences(text)]


@pytest.mark.parametrize(
    "parts",
    [
        ["Gen. Milley left.", "He was late."],
        ["The U.S. struck first.", "The U.S. Army came."],
        ["J. K. Rowling wrote.", "It cost $3.5 bn.", "Mr. Smith Jr. paid."],
        ["Dr. A. B. Smith, Ph.D., said at 5 p.m. that it ended.", "Then it rained."],
        ["Is it?", "Yes!", "No."],
        ["He said: “We don’t want to see an escalation. We are in touch.”", "Then he left."],
        ["“These are two nations,” Kirby said.", "he added, “No.”", "Pakistan launched strikes."],
        ["The ministers’ offices opened.", "‘We go. We stay,’ he said.", "They stayed."],
        ["It fell (see below. Or above.) in May.", "It rose."],
        ["« Non. Jamais. » a-t-il dit.", "Il partit."],
    ],
)
def test_a_full_stop_in_a_name_an_abbreviation_or_a_quotation_ends_nothing(parts: list[str]) -> None:
    assert split(" ".join(parts)) == parts


def test_a_sentence_without_a_space_after_its_stop_is_one_all_the_same() -> None:
    assert split("He left.She stayed.") == ["He left.", "She stayed."]


@pytest.mark.parametrize(
    "line_break", ["\n", "\r\n", "\r", "\n\n\n", "\u2028", "\u2029", "\x0b", "\x0c", "\x85"]
)
def test_a_line_break_ends_a_heading_and_a_byline(line_break: str) -> None:
    assert split(line_break.join(["Strikes in Iran", "By A. Writer", "It began. It"])) == [
        "Strikes in Iran",
        "By A. Writer",
        "It began.",
        "It",
    ]


@pytest.mark.parametrize("text", ["", " ", "\n", " \n\t\r\n\u2028 "])
def test_a_text_without_words_has_no_sentence(text: str) -> None:
    assert sentences(text) == ()


WRAPPED = [
    "The agreement that the two ministers signed on Monday was at once",
    "hailed by both governments as a breakthrough in the long dispute",
    "over the border. Observers said that the text leaves it open who",
    "will pay for the bridge.",
]


@pytest.mark.parametrize("line_break", ["\n", "\r\n"])
def test_lines_broken_at_a_fixed_width_are_put_together(line_break: str) -> None:
    text = line_break.join(WRAPPED)
    assert split(text) == [
        line_break.join([*WRAPPED[:2], "over the border."]),
        line_break.join(["Observers said that the text leaves it open who", WRAPPED[3]]),
    ]


@pytest.mark.parametrize("blank", ["", "\r", " \t", "\n\n"])
def test_a_blank_line_ends_a_paragraph_of_wrapped_text(blank: str) -> None:
    text = "\n".join([*WRAPPED, blank, "By our correspondent", blank, *WRAPPED[:3]])
    assert [s.split("\n")[0][:14] for s in split(text)] == [
        "The agreement ",
        "Observers said",
        "By our corresp",
        "The agreement ",
        "Observers said",
    ]


def test_an_initial_at_the_end_of_a_wrapped_line_ends_nothing() -> None:
    lines = [
        "The agreement that the two ministers signed on Monday was by J.",
        f"K. Rowling {WRAPPED[1]}",
        *WRAPPED[2:],
        *WRAPPED[:3],
    ]
    assert split("\n".join(lines))[0] == "\n".join([*lines[:2], "over the border."])


@pytest.mark.parametrize(
    "lines",
    [
        WRAPPED[:2],  # two lines may be a heading and its text
        [*WRAPPED[:2], ""],
        [*WRAPPED, "x" * 101],  # a line longer than any width
        [line[:30] for line in WRAPPED[:3]],  # a list of short things
        # Paragraphs of one line, under two headings: as many lines end a sentence as do not.
        [
            "Two ministers sign an agreement on the border",
            f"{WRAPPED[0]} hailed.",
            "Who will pay for the bridge is left open",
            f"{WRAPPED[1]}.",
        ],
    ],
)
def test_lines_that_were_not_broken_at_a_width_stay_apart(lines: list[str]) -> None:
    assert [s.split("\n") for s in split("\n".join(lines))] == [[s] for line in lines for s in split(line)]


def test_a_line_longer_than_any_prose_is_cut_between_words() -> None:
    line = "word " * 4_000
    assert [len(s) for s in split(line)] == [7_999, 7_994, 4_004]
    assert {w for s in split(line) for w in s.split()} == {"word"}


def test_a_line_of_8000_characters_is_still_one() -> None:
    assert sentences("x" * 8_000) == ((0, 8_000),)
    assert sentences("x" * 8_001) == ((0, 8_000), (8_000, 8_001))


@pytest.mark.parametrize(
    "hostile", ["«a. ", "‘a. ", "“a b c. ", '"a. ', "(a. ", "“", "U.S.", "a\n", "\n", "\u200b"]
)
def test_a_hostile_text_costs_its_length_and_not_its_square(hostile: str) -> None:
    text = hostile * (160_000 // len(hostile))
    began = time.process_time()
    sentences(text)
    # A second at worst. Not cut into pieces, 160,000 characters of « cost four, and twice as many sixteen.
    assert time.process_time() - began < 3


def test_no_more_than_8000_characters_reach_the_splitter_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    import sentencex

    seen: list[int] = []
    plain = sentencex.get_sentence_boundaries

    def watched(language: str, text: str) -> Any:
        seen.append(len(text))
        return plain(language, text)

    monkeypatch.setattr(sentencex, "get_sentence_boundaries", watched)
    sentences("«a. " * 10_000)
    assert (max(seen) <= 8_000, sum(seen)) == (True, 40_000)


def test_offsets_count_code_points() -> None:
    text = "🐢🐢 ran. “Żółw” won. 🐢"
    assert sentences(text) == ((0, 7), (8, 19), (20, 21))


@same_every_run
@given(anything)
def test_sentences_are_in_order_apart_not_empty_and_trimmed(text: str) -> None:
    found = sentences(text)
    assert all(start < end for start, end in found)
    assert all(before[1] <= after[0] for before, after in pairwise(found))
    assert all(text[start:end] == text[start:end].strip() for start, end in found)


@same_every_run
@given(anything)
def test_no_word_lies_outside_the_sentences(text: str) -> None:
    found = sentences(text)
    between = zip([0, *(end for _, end in found)], [*(start for start, _ in found), len(text)], strict=True)
    assert "".join(text[start:end] for start, end in between).strip() == ""


@pytest.mark.parametrize("path", sorted(SEEDS.glob("*.txt")), ids=lambda path: path.name[:3])
def test_a_sentence_of_the_demo_articles_begins_like_one(path: Path) -> None:
    found = split(path.read_text(encoding="utf-8"))
    assert len(found) > 10
    assert [s for s in found if s[0] in ".,;:!?)”’" or len(s) > 600] == []


# Quotations.


@pytest.mark.parametrize(
    ("text", "inside"),
    [
        ("He said: “We don’t go.” Then he left.", ["We don’t go."]),
        ('"Yes," she said. "No."', ["Yes,", "No."]),
        ("« Non », dit-il", [" Non "]),
        ('It is 5" long\nand "wide"', [" long", "wide"]),  # a missing mark ends with its paragraph
        ("“One.\n“Two.”", ["One.", "Two."]),
        ('an empty “” or "" says nothing', []),
        ("‘single marks’ are apostrophes, too", []),
    ],
)
def test_what_stands_in_double_quotation_marks(text: str, inside: list[str]) -> None:
    assert [text[start:end] for start, end in quoted(text)] == inside
