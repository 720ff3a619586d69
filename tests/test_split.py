"""Passages: exact, in order, on sentence borders, about 150 words, and nothing of a text left out."""

from __future__ import annotations

import re
import time

import pytest
from conftest import SEEDS, article
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.formats.clean import decode
from ingest.split import passage_spans
from rag.config import PassageSettings
from rag.english.sentences import sentences

USUAL = PassageSettings()
# 6 words each: 21 of them are 126 words, 22 would be more than the 130 that one sentence of overlap leaves
# room for.
NUMBERED = [f"Report number {n} names one witness." for n in range(1, 64)]


def texts(text: str, chosen: PassageSettings = USUAL) -> list[str]:
    return [article(text).passage(start, end).text for start, end in passage_spans(text, chosen)]


def holds(text: str, chosen: PassageSettings = USUAL) -> None:
    """What must be true of any text: spans in order, none empty, nothing but white space outside them all."""
    spans = passage_spans(text, chosen)
    story = article(text)
    covered = 0
    for (start, end), (_, before) in zip(spans, ((0, 0), *spans), strict=False):
        passage = story.passage(start, end)
        assert passage.text == text[start:end]
        assert passage.text == passage.text.strip()
        assert not text[covered:start].strip(), f"{text[covered:start]!r} is in no passage"
        assert end > before, "a passage adds nothing to the one before"
        covered = end
    assert not text[covered:].strip()
    assert list(spans) == sorted(spans)
    assert len(set(spans)) == len(spans)


def test_each_passage_begins_with_the_last_sentence_of_the_one_before() -> None:
    assert texts(" ".join(NUMBERED)) == [
        " ".join(NUMBERED[:21]),
        " ".join(NUMBERED[20:42]),
        " ".join(NUMBERED[41:63]),
    ]


def test_without_overlap_nothing_stands_twice_and_the_room_is_used() -> None:
    assert texts(" ".join(NUMBERED), PassageSettings(overlap=0)) == [
        " ".join(NUMBERED[:25]),
        " ".join(NUMBERED[25:50]),
        " ".join(NUMBERED[50:63]),
    ]


def test_two_sentences_of_overlap_are_two() -> None:
    assert texts(" ".join(NUMBERED), PassageSettings(overlap=2)) == [
        " ".join(NUMBERED[:18]),
        " ".join(NUMBERED[16:36]),
        " ".join(NUMBERED[34:54]),
        " ".join(NUMBERED[52:63]),
    ]


def test_fewer_words_make_smaller_passages() -> None:
    assert texts(" ".join(NUMBERED[:8]), PassageSettings(words=20, overlap=0)) == [
        " ".join(NUMBERED[:3]),
        " ".join(NUMBERED[3:6]),
        " ".join(NUMBERED[6:8]),
    ]


def test_a_short_text_is_one_passage_without_the_space_around_it() -> None:
    assert passage_spans("\n  Iran struck first. \r\n", USUAL) == ((3, 21),)


@pytest.mark.parametrize("text", ["", " \n\t ", "\u2028\x85"])
def test_a_text_without_a_word_has_no_passage(text: str) -> None:
    assert passage_spans(text, USUAL) == ()


def test_a_sentence_that_stands_many_times_is_found_where_it_stands_each_time() -> None:
    text = "He denied it. " * 200
    spans = passage_spans(text, USUAL)
    # 43 sentences of 3 words fill the room; from the second on, one more stands in front: 14 letters a
    # sentence.
    assert spans == ((0, 601), (588, 1203), (1190, 1805), (1792, 2407), (2394, 2799))
    holds(text)


def test_the_seed_articles_are_cut_at_sentences_into_about_150_words() -> None:
    for path in sorted(SEEDS.glob("*.txt")):
        text, _ = decode(path.read_bytes())
        holds(text)
        spans = passage_spans(text, USUAL)
        borders = sentences(text)
        assert {start for start, _ in spans} <= {start for start, _ in borders}
        assert {end for _, end in spans} <= {end for _, end in borders}
        lengths = [len(text[start:end].split()) for start, end in spans]
        assert max(lengths) <= 160
        assert all(length >= 80 for length in lengths[:-1])


def test_a_list_without_full_stops_is_not_repeated_in_the_next_passage() -> None:
    # One "sentence" of 400 words: repeating its beginning would repeat a whole passage.
    text = " ".join(f"item{n:03}" for n in range(400))
    assert texts(text) == [
        " ".join(f"item{n:03}" for n in range(a, min(a + 130, 400))) for a in (0, 130, 260, 390)
    ]


@pytest.mark.parametrize(("words", "repeated"), [(60, True), (61, False)])
def test_a_sentence_of_60_words_is_repeated_in_the_next_passage_and_a_longer_one_is_not(
    words: int, repeated: bool
) -> None:
    first, last = ("Alpha" + " saw" * 60 + " it.", "Omega" + " saw" * 90 + " it.")
    middle = "Beta" + " saw" * (words - 2) + " it."
    assert texts(f"{first} {middle} {last}") == [
        f"{first} {middle}",
        f"{middle} {last}" if repeated else last,
    ]


def test_a_long_sentence_is_cut_at_its_commas_before_its_words() -> None:
    clause = "where the witnesses said that nothing at all had happened before noon,"  # 12 words
    text = " ".join([clause] * 20) + " he said."
    assert [passage.split()[-1] for passage in texts(text)] == ["noon,", "said."]
    holds(text)


def test_a_heading_does_not_join_the_sentence_under_it() -> None:
    text = "\n\n".join(["What happened", *NUMBERED[:21], "What it means", *NUMBERED[21:42]])
    assert texts(text)[1].startswith(NUMBERED[20])


def test_a_word_as_long_as_a_page_is_cut_and_whole() -> None:
    text = "See " + "x" * 5_000 + " for more."
    holds(text)
    assert max(map(len, texts(text))) <= 12 * 150


def test_a_script_without_spaces_is_cut_by_its_characters() -> None:
    text = "伊朗首先发动袭击。" * 100  # 900 characters, none of them a space
    spans = passage_spans(text, PassageSettings(overlap=0))
    assert [end - start for start, end in spans] == [144, 144, 144, 144, 144, 144, 36]  # 16 sentences of 9
    holds(text)


def test_line_ends_of_every_kind_are_kept_inside_passages() -> None:
    text = "\r\n".join(NUMBERED[:5]) + "\r" + "\n\n\n\n".join(NUMBERED[5:10]) + "\u2028" + NUMBERED[10]
    assert texts(text) == [text]


@pytest.mark.slow
@pytest.mark.parametrize(
    "text",
    [
        pytest.param(" ".join(NUMBERED * 1_350), id="3 MB of prose in one line"),
        pytest.param("\n\n".join(NUMBERED * 450), id="prose in paragraphs"),
        pytest.param("word and " * 110_000, id="no full stop"),
        pytest.param("伊朗首先发动袭击，" * 36_000, id="no space and no full stop"),
        pytest.param("“" * 20_000 + " said nobody.", id="quotation marks never closed"),
        pytest.param(" " * 3_000_000 + "end", id="white space"),
    ],
)
def test_megabytes_take_seconds_and_not_minutes(text: str) -> None:
    began = time.perf_counter()
    spans = passage_spans(text, USUAL)
    took = time.perf_counter() - began
    assert spans[-1][1] == len(text.rstrip())
    assert all(start < end for start, end in spans)
    assert took < 60  # 2 s and less on two cores that are idle; it grows with the text and no faster


# Texts as hostile as they come: few kinds of characters, so that every border case stands beside every other.
_PIECES = st.sampled_from(
    [" ", "  ", "\n", "\n\n\n", "\r\n", "\t", "\u2028", "\xa0", ".", "..", "...", ",", ",,", ";", "。", "？", "！", "?!", "”", "“", "(", "1.5", "U.S.",
     "Mr.", "a", "word", "W" * 30, "x" * 200, "伊朗", "é", "e\u0301", "😀", "👩\u200d👩", "\u200b", "\ufeff", "\x1c", "It is so.", "He said: “No.”"]
)  # fmt: skip
_HOSTILE = st.lists(_PIECES, max_size=120).map("".join)
_SMALL = st.builds(PassageSettings, words=st.sampled_from([20, 21, 40]), overlap=st.integers(0, 3))


@given(_HOSTILE, _SMALL)
@settings(derandomize=True, deadline=None, database=None, max_examples=250)
def test_nothing_of_a_text_is_left_out_or_out_of_order(text: str, chosen: PassageSettings) -> None:
    holds(text, chosen)


@given(st.text(max_size=300), _SMALL)
@settings(derandomize=True, deadline=None, database=None, max_examples=100)
def test_any_text_at_all_can_be_cut(text: str, chosen: PassageSettings) -> None:
    holds(text, chosen)


@given(_HOSTILE, _SMALL)
@settings(derandomize=True, deadline=None, database=None, max_examples=100)
def test_no_passage_is_longer_than_what_was_asked_for_and_its_overlap(
    text: str, chosen: PassageSettings
) -> None:
    for passage in texts(text, chosen):
        units = re.findall(r"[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff]|\S{1,12}", passage)
        assert len(units) <= chosen.words + 60 * chosen.overlap
