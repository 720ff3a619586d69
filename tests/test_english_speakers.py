"""Whose words a quoted sentence is: it is shown with the sentence that says so, and with no more than that."""

from __future__ import annotations

import pytest

from rag.english.sentences import sentences
from rag.english.speakers import speakers, with_speaker


def shown(text: str, sentence: str) -> str:
    start = text.index(sentence)
    first, last = with_speaker(text, sentences(text), start, start + len(sentence))
    return text[first:last]


@pytest.mark.parametrize(
    ("text", "sentence", "expected"),
    [
        (  # the speaker stands after the first sentence of what they say
            "The border is long. “A limited reply,” said Vaez. “It will not escalate.” Trade went on.",
            "“It will not escalate.”",
            "“A limited reply,” said Vaez. “It will not escalate.”",
        ),
        (  # three sentences back
            '"One," she said. "Two is more." "Three is most." "Four is all." The end.',
            '"Four is all."',
            '"One," she said. "Two is more." "Three is most." "Four is all."',
        ),
        (  # a colon names a speaker, in the paragraph before
            "Vaez had a word of caution:\n\n“It will not escalate.”",
            "“It will not escalate.”",
            "Vaez had a word of caution:\n\n“It will not escalate.”",
        ),
        (  # the speaker follows what they say; marks that do not match part a quotation into sentences
            'Prices fell. "Americans have never seen this. It makes us poor,” De Haan said. Oil fell too.',
            '"Americans have never seen this.',
            '"Americans have never seen this. It makes us poor,” De Haan said.',
        ),
        (  # what the sentence says itself is enough
            "“One,” said Ann. Bob warned of “two things”. “Three,” said Cy.",
            "Bob warned of “two things”.",
            "Bob warned of “two things”.",
        ),
        (  # the sentence before says nobody's words: nothing is gained by it
            "The border is long. “It will not escalate.” Trade went on.",
            "“It will not escalate.”",
            "“It will not escalate.”",
        ),
        (  # a mark that was never closed ends with its paragraph
            '"Six years have passed.\n\nForty people died, said the police.',
            '"Six years have passed.',
            '"Six years have passed.',
        ),
        (  # four sentences back is too far
            '"One," she said. "Two." "Three." "Four." "Five is all." The end.',
            '"Five is all."',
            '"Five is all."',
        ),
        (  # too long to be shown together
            f"“{'A very long story. ' * 50}So,” said Vaez. “It will not escalate.”",
            "“It will not escalate.”",
            "“It will not escalate.”",
        ),
    ],
)
def test_a_quoted_sentence_is_shown_with_whoever_said_it(text: str, sentence: str, expected: str) -> None:
    assert shown(text, sentence) == expected


@pytest.mark.parametrize(("together", "with_it"), [(800, True), (801, False)])
def test_800_characters_at_most_are_shown_together(together: int, with_it: bool) -> None:
    sentence = "“It will not escalate.”"
    before = f"“{'x' * (together - 38)},” said Vaez. "
    assert len(before + sentence) == together
    assert shown(f"{before}{sentence} Trade went on.", sentence) == (before if with_it else "") + sentence


@pytest.mark.parametrize(
    ("text", "found"),
    [
        # a name behind "say", with nothing but a mark after it, speaks
        ("Donors have given $4m to the relief work says Ana Ruiz, the mayor.", ["Ana Ruiz"]),
        ("Donors have given $4m to the relief work says Ana Ruiz.", ["Ana Ruiz"]),
        ("Donors gave much, but the mayor said Ana Ruiz was pleased.", ["the mayor"]),
        ("Donors gave much, but the mayor said Ana Ruiz, the head, was pleased.", ["the mayor"]),
        ("Donors gave $4m, the mayor said Monday.", ["the mayor"]),
        ("Donors gave $4m, Ona said.", ["Ona"]),
        # "has said" goes before nobody
        ("It rose, warned Kis, while Ruiz, the mayor, has said Ona “wants to stay”.", ["Kis", "Ruiz"]),
    ],
)
def test_who_speaks_stands_before_the_verb_or_alone_behind_it(text: str, found: list[str]) -> None:
    assert [speaker.text for speaker in speakers(text)] == found
