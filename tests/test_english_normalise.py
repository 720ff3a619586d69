"""How texts are folded, found and cut into words: by examples, and by what must hold whatever the text."""

from __future__ import annotations

import unicodedata
from concurrent.futures import ThreadPoolExecutor

import pytest
from conftest import SEEDS
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.english.normalise import content_stems, fold, locate, normalise, stem, words

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


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("“Go”  ‘now’\n…", "\"go\" 'now' ..."),
        ("A—B – C − D", "a-b - c - d"),
        ("eﬃcient ½", "efficient 1⁄2"),
        ("STRASSE Straße", "strasse strasse"),
        ("co\u00adop\u200berate", "cooperate"),
        ("Łódź, Zolta\u0301n, SØRLIE, naïve", "lodz, zoltan, sorlie, naive"),
        ("한국 \u1112\u1161\u11ab", "한국 한"),  # Korean syllables stay whole, and are put together
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
        ("Zoltan", "to Zolta\u0301n, who", (3, 10)),  # the accent of a letter inside
        ("ZOLTA", "to Zolta\u0301", (3, 9)),  # and that of the last one
        ("Lodz", "in Łódź.", (3, 7)),
        ("NGUYỄN", "Mr. Nguyên", (4, 10)),
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


@same_every_run
@given(anything)
def test_a_composed_text_is_read_back_to_its_own_offsets(text: str) -> None:
    composed = normalise(text)
    assert len(composed.origin) == len(composed.text) + 1
    assert list(composed.origin) == sorted(composed.origin)
    assert composed.span(0, len(composed.text)) == (0 if composed.text else len(text), len(text))


def test_a_word_of_a_composed_text_is_found_in_the_decomposed_one() -> None:
    decomposed = unicodedata.normalize("NFD", "“Zoltán” met Łódź’s mayor")
    composed = normalise(decomposed)
    at = composed.text.index("Łódź")
    start, end = composed.span(at, at + 4)
    assert unicodedata.normalize("NFC", decomposed[start:end]) == "Łódź"


# Words.


def test_words_are_lower_case_with_straight_apostrophes_and_no_possessive() -> None:
    assert words("Iran’s 560-mile border; the ministers' “don’t” — É. snake_case") == [
        "iran", "560", "mile", "border", "the", "ministers", "don't", "e", "snake", "case",
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
    "name", ["Zoltán", "José’s", "Dvořák", "Nguyễn", "Łódź", "Sørlie", "Björk", "İstanbul"]
)
def test_a_word_is_the_same_with_its_accents_composed_decomposed_or_left_out(name: str) -> None:
    ways = [unicodedata.normalize(form, name) for form in ("NFC", "NFD")]
    plain = words(fold(name)[0])
    assert [words(way) for way in ways] == [plain, plain]
    assert len(plain) == 1
    assert plain[0].isascii()


def test_a_word_of_a_script_that_writes_vowels_as_marks_is_not_cut_at_them() -> None:
    assert words("हिन्दी में समाचार") == ["हिन्दी", "में", "समाचार"]
    assert words("ข่าวที่ดี") == ["ข่าวที่ดี"]


@pytest.mark.parametrize(
    "text", ["Plain text.", "MIXED `Case'", "two  blanks", " led", "a\tb\nc", "a\x1cb", ""]
)
def test_text_of_plain_letters_is_evened_out_as_any_other(text: str) -> None:
    """It takes a shorter way, which an accent at its end rules out."""
    folded, origin = fold(f"{text}é")
    assert fold(f"{text}e") == (folded, origin)
