"""PDF: words as they are read, in the order they are read in, and nothing that only the page needs."""

from __future__ import annotations

import random
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pdfs import assembled, column, pdf

from ingest.formats.extracted import Extracted, Fact
from ingest.formats.pdf import extract
from ingest.formats.pdf import letters as module
from rag.errors import SourceError

LEFT = [
    "The harbour of Port Selwyn was closed on Tues-",
    "day for the third time this month, and the gov-",
    "ernment sent a well-known engineer to the bar.",
    "He will stay until the wind turns, and until the",
    "boats that wait outside have come in over the",
]
RIGHT = [
    "bar, one after the other. “We have never seen",
    "it so high,” said a pilot, Ida Morell, on Sunday.",
    "The ferries do not leave. Nor do the herring",
    "boats, of which eleven are tied up at the quay.",
]
READ = (
    "The harbour of Port Selwyn was closed on Tuesday for the third time this month, and the government sent "
    "a well-known "
    "engineer to the bar. He will stay until the wind turns, and until the boats that wait outside have come "
    "in over the "
    "bar, one after the other. “We have never seen it so high,” said a pilot, Ida Morell, on Sunday. The "
    "ferries do not "
    "leave. Nor do the herring boats, of which eleven are tied up at the quay."
)
HEADLINE = (72.0, 760.0, 24.0, "Storm closes the ports")


def text_of(*pages: list[tuple[float, float, float, str]]) -> str:
    return extract(pdf(pages)).text


def test_two_columns_are_read_one_after_the_other_and_words_broken_at_line_ends_are_whole() -> None:
    page = [HEADLINE, *column(72, 720, LEFT), *column(310, 720, RIGHT)]
    assert extract(pdf([page])) == Extracted(
        f"Storm closes the ports\n\n{READ}",
        {"title": Fact("Storm closes the ports", "largest line of page 1")},
        (0,),
    )


def test_the_order_in_which_lines_are_drawn_does_not_matter() -> None:
    page = [HEADLINE, *column(72, 720, LEFT), *column(310, 720, RIGHT)]
    random.Random(7).shuffle(page)
    assert text_of(page) == f"Storm closes the ports\n\n{READ}"


@pytest.mark.parametrize("below", [3.0, 6.0])
def test_columns_whose_lines_are_not_level_are_columns(below: float) -> None:
    page = [HEADLINE, *column(72, 720, LEFT), *column(310, 720 - below, RIGHT)]
    assert text_of(page) == f"Storm closes the ports\n\n{READ}"


def test_what_stands_across_both_columns_divides_the_page() -> None:
    upper = [*column(72, 720, LEFT), *column(310, 720, RIGHT)]
    across = [(72.0, 650.0, 14.0, "What the pilots of the western ports report to the ministry")]
    lower = [
        *column(72, 620, ["First left.", "Then left."]),
        *column(310, 620, ["First right of all.", "Then right of all."]),
    ]
    text = text_of([*upper, *across, *lower])
    places = [
        text.index(words)
        for words in ("well-known engineer", "it so high", "What the pilots", "First left", "First right")
    ]
    assert places == sorted(places)


def test_a_justified_line_with_wide_spaces_is_no_row_of_a_table() -> None:
    wide = [(72.0, 696.0, 10.0, "responsibility"), (160.0, 696.0, 10.0, "and"), (200.0, 696.0, 10.0, "communication"),
            (72.0, 684.0, 10.0, "administration"), (160.0, 684.0, 10.0, "the"), (200.0, 684.0, 10.0, "representatives")]  # fmt: skip
    page = [*column(72, 720, ["The ministers of both lands spoke", "at great length of their common"]), *wide]
    page += column(72, 672, ["who have not been seen in the town", "since the end of the summer."])
    assert text_of(page) == (
        "The ministers of both lands spoke at great length of their common responsibility and communication "
        "administration "
        "the representatives who have not been seen in the town since the end of the summer."
    )


def test_a_table_is_read_row_by_row_and_an_empty_cell_keeps_its_place() -> None:
    rows = [
        ("Port", "Ships", "Wind"),
        ("Port Selwyn", "12", "9 Bft"),
        ("Tresk", "", "11 Bft"),
        ("Hirta Beag", "4", "7 Bft"),
    ]
    cells = [
        (x, 640.0 - 16 * row, 10.0, text)
        for row, texts in enumerate(rows)
        for x, text in zip((72.0, 200.0, 260.0), texts, strict=True)
        if text
    ]
    page = [*column(72, 720, LEFT[:3]), *cells, *column(72, 550, ["After the table the text goes on."])]
    assert text_of(page).split("\n\n")[1:] == [
        "Port | Ships | Wind\nPort Selwyn | 12 | 9 Bft\nTresk | | 11 Bft\nHirta Beag | 4 | 7 Bft",
        "After the table the text goes on.",
    ]


def test_lists_keep_their_marks_and_their_wrapped_lines() -> None:
    page = [
        *column(72, 720, ["Two things were found on the marsh below the town:"]),
        (82.0, 700.0, 10.0, "•"),
        *column(96, 700, ["a Roman road, of oak planks laid across", "alder brushwood"]),
        (82.0, 676.0, 10.0, "•"),
        (96.0, 676.0, 10.0, "a leather shoe"),
        *column(72, 650, ["1. Do not go there.", "2. Do not take the shoe."]),
    ]
    assert text_of(page) == (
        "Two things were found on the marsh below the town:\n\n"
        "- a Roman road, of oak planks laid across alder brushwood\n- a leather shoe\n"
        "1. Do not go there.\n2. Do not take the shoe."
    )


@pytest.mark.parametrize(
    ("before", "after", "read"),
    [
        ("the gov-", "ernment fell", "the government fell"),
        ("a well-", "known name", "a well-known name"),
        ("the Anglo-", "American war", "the Anglo-American war"),
        ("a mid-", "2024 vote", "a mid-2024 vote"),
        ("between two-", "and three-year plans", "between two- and three-year plans"),
        ("a state-", "of-the-art mill", "a state-of-the-art mill"),
        ("a 12-", "year war", "a 12-year war"),
        ("the cease-", "fire held; this ceasefire is new", "the ceasefire held; this ceasefire is new"),
        ("the cease-", "fire held; this cease-fire is new", "the cease-fire held; this cease-fire is new"),
        ("a self-", "ish man", "a selfish man"),
    ],
)
def test_a_hyphen_at_a_line_end_stays_only_where_the_word_has_one(before: str, after: str, read: str) -> None:
    filler = "It was on that day that nobody in all the town spoke of"
    assert (
        text_of(column(72, 720, [f"{filler} {before}", f"{after} and then no more."]))
        == f"{filler} {read} and then no more."
    )


def test_ligatures_are_letters() -> None:
    assert text_of([(72.0, 700.0, 10.0, "The ﬁrst ﬂood")]) == "The first flood"


def test_a_dropped_letter_belongs_to_its_word_and_sets_no_line_in() -> None:
    beside = ["he harbour of Port Selwyn was closed on Tues-", *LEFT[1:2]]
    below = ["ernment sent a well-known engineer to the bar with a ship's", "cable and his own hammock."]
    assert text_of([(72.0, 695.0, 36.0, "T"), *column(98, 714, beside), *column(72, 690, below)]) == (
        "The harbour of Port Selwyn was closed on Tuesday for the third time this month, and the government "
        "sent a well-known "
        "engineer to the bar with a ship's cable and his own hammock."
    )


def paper(number: int, *lines: str) -> list[tuple[float, float, float, str]]:
    """A page of a newspaper with its head and its number."""
    return [
        (72.0, 810.0, 8.0, "THE PORT SELWYN COURIER"),
        (480.0, 810.0, 8.0, f"{number} May 2012"),
        *column(72, 720, lines),
        (290.0, 30.0, 8.0, f"- {number} -"),
    ]


def test_running_heads_and_page_numbers_are_not_read_and_a_sentence_goes_on_over_the_page() -> None:
    found = extract(
        pdf(
            [
                paper(9, *LEFT[:2], "ernment sent an"),
                paper(10, "engineer to the bar."),
                paper(11, "He will stay."),
            ]
        )
    )
    assert found.text == (
        "The harbour of Port Selwyn was closed on Tuesday for the third time this month, and the government "
        "sent an "
        "engineer to the bar.\n\nHe will stay."
    )
    assert [found.text[page:].split()[0] for page in found.pages] == ["The", "engineer", "He"]


def test_heads_of_left_and_right_pages_differ() -> None:
    pages = [
        [
            (72.0, 810.0, 8.0, "THE COURIER" if number % 2 else "World news"),
            *column(72, 720, [f"Page {word} ends here."]),
        ]
        for number, word in enumerate(["one", "two", "three", "four", "five", "six"])
    ]
    assert text_of(*pages) == "\n\n".join(
        f"Page {word} ends here." for word in ("one", "two", "three", "four", "five", "six")
    )


def test_what_a_browser_prints_around_a_single_page_is_not_read() -> None:
    page = [
        (30.0, 820.0, 8.0, "1/17/24, 10:02 AM"),
        (250.0, 820.0, 8.0, "Storm closes the ports"),
        *column(72, 720, LEFT[:1]),
        (30.0, 20.0, 8.0, "https://courier.example/2024/storm"),
        (560.0, 20.0, 8.0, "1/1"),
    ]
    assert text_of(page) == LEFT[0]


def test_a_repeated_line_in_the_middle_of_pages_is_text() -> None:
    page = column(
        72,
        720,
        ["One.", "Two.", "Three.", "Four.", "The same.", "Six.", "Seven.", "Eight.", "Nine."],
        leading=40,
    )
    other = [(x, y, size, text if text == "The same." else f"Not {text}") for x, y, size, text in page]
    assert text_of(page, other).count("The same.") == 2


def test_pages_that_are_all_alike_are_not_taken_for_running_heads_alone() -> None:
    assert text_of(*[[(72.0, 700.0, 10.0, "No ship left.")]] * 2) == "No ship left.\n\nNo ship left."


def test_an_empty_page_begins_where_the_next_one_does_and_the_first_at_the_beginning() -> None:
    found = extract(pdf([[], [(72.0, 700.0, 10.0, "Words.")], [], [(72.0, 700.0, 10.0, "More.")], []]))
    assert (found.text, found.pages) == ("Words.\n\nMore.", (0, 0, 8, 8, 13))


@pytest.mark.parametrize(
    ("info", "facts"),
    [
        ({"Title": "STORM closes the  ports"}, {"title": ("STORM closes the ports", "PDF title")}),
        ({"Title": "Last week's headline"}, {}),
        ({"Title": "CC-1998-01-08-p1"}, {}),
        ({"Title": "Storm closes the ports | The Courier"}, {"title": ("Storm closes the ports", "PDF title"), "source": ("The Courier", "PDF title")}),
        ({"Title": "Microsoft Word - storm.doc"}, {}),
        ({"Title": "untitled"}, {}),
        ({"Title": "storm_final-2.indd"}, {}),
        ({"Author": "Ida Morell"}, {"author": ("Ida Morell", "PDF author")}),
        ({"Author": "jsmith"}, {}),
        ({"Author": "Tresk"}, {}),
        ({"Author": "Selwyn"}, {"author": ("Selwyn", "PDF author")}),
        ({"Author": "Adobe InDesign CS6"}, {}),
        ({"Author": "Some Maker", "Creator": "Some Maker"}, {}),
        ({"Author": "Administrator"}, {}),
        ({"CreationDate": "D:20240117090000Z"}, {}),
    ],
)  # fmt: skip
def test_what_the_file_says_of_itself_is_believed_only_where_a_person_wrote_it(
    info: dict[str, str], facts: dict[str, tuple[str, str]]
) -> None:
    found = extract(pdf([[HEADLINE, *column(72, 720, LEFT)]], info=info)).facts
    expected = {"title": ("Storm closes the ports", "largest line of page 1")} | facts
    assert found == {name: Fact(*said) for name, said in expected.items()}


def test_the_language_is_the_catalogs() -> None:
    assert extract(pdf([column(72, 720, LEFT)], lang="de-CH")).facts == {
        "language": Fact("de-CH", "PDF language")
    }


def test_letters_that_cannot_be_told_are_shown_as_such_and_counted() -> None:
    found = extract(pdf([[(72.0, 700.0, 10.0, "Iran \ufffd struck")]]))
    assert found.text == "Iran \ufffd struck"
    assert found.warnings == ("1 of its 11 letters cannot be read, and are shown as \ufffd",)
    with pytest.raises(SourceError, match=r"its text cannot be read: .* Make it searchable \(OCR\) first"):
        extract(pdf([[(72.0, 700.0, 10.0, "\ufffd\ufffd\ufffd\ufffd a")]]))


# /O and /U of a document with the user password "secret", RC4 with 40 bits; its /ID is empty.
LOCKED = b"<< /Filter /Standard /V 1 /R 2 /P -4 /O <%s> /U <%s> >>" % (b"41" * 32, b"42" * 32)


def locked() -> bytes:
    empty = b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [] /Count 0 >>", LOCKED
    return assembled(empty, "/Root 1 0 R /Encrypt 3 0 R /ID [<00> <00>]")


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        pytest.param(b"", "it is not a PDF", id="nothing"),
        pytest.param(b"<html>No such article</html>", "it is not a PDF", id="a page of an error"),
        pytest.param(b"%PDF-1.7\n", "it is a damaged PDF", id="the first line alone"),
        pytest.param(pdf([column(72, 720, LEFT)])[:400], "it is a damaged PDF", id="cut off"),
        pytest.param(locked(), "it has a password", id="a password"),
        pytest.param(
            pdf([[]], picture=True), "it contains only pictures of text. Make it searchable", id="a scan"
        ),
        pytest.param(pdf([[], []]), "it contains no words", id="empty pages"),
        pytest.param(
            pdf([[(72.0, 700.0, 10.0, "12 - 14")]]), "it contains no words, only numbers", id="numbers"
        ),
    ],
)
def test_what_cannot_be_read_is_refused_in_a_sentence(data: bytes, complaint: str) -> None:
    with pytest.raises(SourceError) as refused:
        extract(data)
    assert complaint in str(refused.value)


def test_too_many_pages_are_refused_before_they_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_PAGES", 2)
    pages = [[(72.0, 700.0, 10.0, f"Words {word}.")] for word in ("one", "two", "three")]
    assert len(extract(pdf(pages[:2])).pages) == 2
    with pytest.raises(SourceError, match="it has more than 2 pages"):
        extract(pdf(pages))


def test_without_pdfminer_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pdfminer.pdfdocument", None)
    with pytest.raises(SourceError) as refused:
        extract(pdf([column(72, 720, LEFT)]))
    assert ".venv/bin/python -m pip install -c constraints.txt -e '.[pdf]'" in str(refused.value)


VALID = pdf(
    [[HEADLINE, *column(72, 720, LEFT), *column(310, 720, RIGHT)], column(72, 720, RIGHT)],
    info={"Title": "A"},
)


@given(
    st.integers(0, len(VALID) - 1),
    st.sampled_from(["flip", "cut", "insert", "end"]),
    st.binary(min_size=1, max_size=12),
)
@settings(derandomize=True, deadline=None, database=None, max_examples=40)
def test_a_damaged_file_is_read_or_refused(at: int, how: str, noise: bytes) -> None:
    damaged = {
        "flip": VALID[:at] + noise + VALID[at + len(noise) :],
        "cut": VALID[:at] + VALID[at + len(noise) :],
        "insert": VALID[:at] + noise + VALID[at:],
        "end": VALID[:at],
    }[how]
    try:
        found = extract(damaged)
    except SourceError:
        return
    assert found.text == found.text.strip() != ""
    assert list(found.pages) == sorted(found.pages)
    assert found.pages[0] == 0
