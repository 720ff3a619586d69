"""How text is cut and compared: by examples, and by what must hold whatever the text."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from conftest import SEEDS
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.english.text import (
    contained,
    content_stems,
    exact_match,
    fold,
    label,
    locate,
    numbers,
    sentences,
    squad_normalise,
    stem,
    token_f1,
    words,
)

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


# Sentences.


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


# Folding and finding.


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("“Go”  ‘now’\n…", "\"go\" 'now' ..."),
        ("A—B – C − D", "a-b - c - d"),
        ("eﬃcient ½", "efficient 1⁄2"),
        ("STRASSE Straße", "strasse strasse"),
        ("co\u00adop\u200berate", "cooperate"),
        ("\u3000 \t lead and tail \n ", "lead and tail "),
    ],
)
def test_fold_evens_out_case_typography_and_spacing(text: str, folded: str) -> None:
    assert fold(text)[0] == folded


def test_fold_says_where_each_character_came_from() -> None:
    assert fold(" A\n\n ﬁß.") == ("a fiss.", [1, 2, 5, 5, 6, 6, 7])


@same_every_run
@given(anything)
def test_the_origins_of_a_folded_text_never_go_back(text: str) -> None:
    folded, origin = fold(text)
    assert len(origin) == len(folded)
    assert origin == sorted(origin)
    assert set(origin) <= set(range(len(text)))


@same_every_run
@given(anything)
def test_a_folded_text_has_single_spaces_and_folds_to_itself(text: str) -> None:
    folded = fold(text)[0]
    assert "  " not in folded
    assert fold(folded)[0] == folded


@pytest.mark.parametrize(
    ("sought", "text", "span"),
    [
        ("struck", "Iran struck, then struck again", (5, 11)),
        ("'GO now'", "He said: ‘Go  now’.", (9, 18)),
        ("  go now ", "Go\nnow", (0, 6)),
        ("fi", "of ﬁrms", (3, 4)),
        ("cooperate", "co\u00adop\u200berate", (0, 11)),
        ("go", "", None),
        ("gone", "go", None),
        ("", "go", None),
        (" \n", "go now", None),
        ("\u00ad", "go now", None),
    ],
)
def test_words_are_found_in_spite_of_typography_and_only_there(
    sought: str, text: str, span: tuple[int, int] | None
) -> None:
    assert locate(sought, text) == span


def test_the_same_letters_are_preferred_to_an_earlier_place_in_another_case() -> None:
    assert locate("iran", "IRAN and iran") == (9, 13)


@same_every_run
@given(anything, anything, anything)
def test_what_stands_in_a_text_is_found_with_exactly_its_letters(
    before: str, sought: str, after: str
) -> None:
    text = before + sought + after
    span = locate(sought, text)
    if sought.strip():
        assert span is not None
        assert text[slice(*span)] == sought
    else:
        assert span is None


# Words and numbers.


def test_words_are_lower_case_with_straight_apostrophes_and_no_possessive() -> None:
    assert words("Iran’s 560-mile border; the ministers' “don’t” — É. snake_case") == [
        "iran", "560", "mile", "border", "the", "ministers", "don't", "é", "snake", "case",
    ]  # fmt: skip


def test_content_stems_keep_order_and_repeats_and_lose_how_it_was_asked() -> None:
    assert content_stems("Whom did Iran’s strikes target, and did they strike again?") == [
        "iran",
        "strike",
        "target",
        "strike",
    ]
    assert content_stems("What is it?") == []
    assert (stem("targeted"), stem("iran")) == ("target", "iran")


def test_threads_that_stem_at_once_do_not_get_each_others_words(restless: None) -> None:
    some = sorted({word for path in SEEDS.glob("*.txt") for word in words(path.read_text(encoding="utf-8"))})
    stem.cache_clear()
    alone = list(map(stem, some))
    assert len(set(alone)) > 500
    stem.cache_clear()
    with ThreadPoolExecutor(4) as crowd:
        together = list(crowd.map(lambda _: list(map(stem, some)), range(4)))
    assert together == [alone] * 4


@pytest.mark.parametrize(
    ("text", "stated"),
    [
        ("at least nine people, 1,566 incidents and 3.5 bn", ["9", "1566", "3.5"]),
        ("1,234,567 and 1,23", ["1234567", "1,23"]),
        ("It ended in 2023, at 5.", ["2023", "5"]),
        ("an F16 of v1.2", []),
        ("zero, Nineteen, twenty, ninety", ["0", "19", "20", "90"]),
        ("twenty-one, Thirty‑two, forty three and ninety-nine", ["21", "32", "43", "99"]),
        ("twenty-ten seventeens", ["20", "10"]),
        ("someone often attends nine’s", ["9"]),
        ("none", []),
    ],
)
def test_numbers_are_read_from_digits_and_from_words(text: str, stated: list[str]) -> None:
    assert numbers(text) == stated


# Comparing answers.


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("The “Houthis”!", "houthis"),
        ("A  man,\nan other—the theatre", "man otherthe theatre"),
        ("U.S.-led", "usled"),
        ("the", ""),
        ("It’s 3.5%", "its 35"),
    ],
)
def test_normalising_is_that_of_squad_with_typographic_punctuation(text: str, normal: str) -> None:
    assert squad_normalise(text) == normal


def test_exact_match_needs_all_the_words_of_one_gold() -> None:
    assert exact_match("the Houthis.", ["Hamas", "Houthis"])
    assert not exact_match("Houthis of Yemen", ["Houthis"])
    assert not exact_match("Houthis", [])


def test_token_f1_is_the_best_over_the_golds() -> None:
    assert token_f1("Iran struck", ["Pakistan", "Iran"]) == pytest.approx(2 * (1 / 2) * 1 / (1 / 2 + 1))
    assert token_f1("so so Iran", ["so so"]) == pytest.approx(2 * 2 / 5), (
        "a word counts as often as both have it"
    )
    assert (
        token_f1("Iran", ["Pakistan"])
        == token_f1("Iran", [])
        == token_f1("", ["Iran"])
        == token_f1("Iran", ["the"])
        == 0.0
    )
    assert token_f1("the", ["a"]) == 1.0, "nothing where nothing was expected"


def test_a_gold_is_contained_in_one_piece_and_as_whole_words() -> None:
    assert contained("It killed at least nine people.", ["six people", "Nine People"])
    assert not contained("It killed nine or ten people.", ["nine people"])
    assert not contained("It killed nine peoples.", ["nine people"])
    assert not contained("It killed nine.", ["the", ""]), "a gold without words is in nothing"
    assert not contained("It killed nine.", [])
    assert not contained("the", ["", "a"])


# Labels.


@pytest.mark.parametrize(
    ("title", "text", "shown"),
    [
        ("  Strikes\n in  Iran ", "It began.", "Strikes in Iran"),
        (None, "Iran struck\tfirst. Then Pakistan.", "Iran struck first."),
        (" ", "Iran struck first.", "Iran struck first."),
        (None, "ab " * 26 + "ab.", "ab " * 26 + "ab."),
        (None, "", ""),
    ],
)
def test_an_article_is_called_by_its_title_or_its_first_sentence(
    title: str | None, text: str, shown: str
) -> None:
    assert label(title, text, longest=81) == shown


def test_a_long_first_sentence_is_cut_at_a_word_and_says_so() -> None:
    assert label(None, "Iran struck first, and Pakistan replied", longest=20) == "Iran struck first…"
    assert label(None, "Iran struck first", longest=17) == "Iran struck first"
    assert label(None, "x" * 100, longest=20) == "x" * 20 + "…"
    assert len(label(None, "word " * 100)) <= 80
