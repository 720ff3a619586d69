"""A model's reply: which sentences it makes, which passages each names, and that no cut of the stream changes
them.
"""

from __future__ import annotations

import time
from datetime import date

import pytest
from conftest import ScriptedModel, article, evidence
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.answer.drafts import ReplyReader, drafts_of
from rag.answer.generate import Generative, in_answer_to
from rag.answer.prompts import DECLINE
from rag.errors import ModelError
from rag.types import Abstention, Claim, DraftSentence, Layout, Place

FOUND = evidence(article("Iran struck first.", id="strike"), article("Pakistan replied.", id="reply"))

PLAIN = Layout(Place(0))  # the first paragraph


class Counted:
    """A reply in pieces that tells its tokens once it has ended."""

    name = "counted"

    def __init__(self, tokens: int, *pieces: str) -> None:
        self.tokens, self.pieces = tokens, pieces
        self.given = 0

    def stream(self, messages: object) -> Counted:
        self.left = iter(self.pieces)
        return self

    def __iter__(self) -> Counted:
        return self

    def __next__(self) -> str:
        self.given += 1
        return next(self.left)

    @property
    def reply_tokens(self) -> int:
        return self.tokens


def drafted(model: Counted) -> list[str]:
    """What a model says that may write 20 tokens, through what counts the calls of a question."""
    bound, _ = Generative(model, window=8_192, max_tokens=20).for_question()
    return [d.text for d in bound.draft("Who struck first?", FOUND) if isinstance(d, DraftSentence)]


@pytest.mark.parametrize(
    ("reply", "tokens", "said"),
    [
        ("Iran struck first [1]. Pakistan replied and [2", 20, ["Iran struck first."]),
        ("- Iran struck first\n- Pakistan repl", 20, ["Iran struck first"]),
        ("Iran struck first. Pakistan said “we replied.”", 20, ["Iran struck first.", "Pakistan said “we replied.”"]),
        ("- Iran struck first\n- Pakistan replied", 19, ["Iran struck first", "Pakistan replied"]),
        ("<<passage 3: Iran, Dawn>>\nIran struck first.\n<<end of passage 3>>", 19, ["Iran struck first."]),
    ],
)  # fmt: skip
def test_a_sentence_that_the_reply_ended_in_the_middle_of_and_a_border_of_a_passage_are_left_out(
    reply: str, tokens: int, said: list[str]
) -> None:
    assert drafted(Counted(tokens, *reply)) == said


def test_an_answer_that_is_no_sentence_is_judged_as_what_it_says_of_the_question() -> None:
    drafts = streamed("Iran [1].\n\n- Pakistan\n\n| Who |\n| --- |\n| Iran |\n\nPakistan replied [2].")
    assert [(d.text, d.statement) for d in drafts if isinstance(d, DraftSentence)] == [
        ("Iran.", "Iran struck first."),
        ("Pakistan", "Pakistan struck first."),
        ("Iran", "Who: Iran"),
        ("Pakistan replied.", None),
    ]


def test_the_question_that_a_model_repeats_is_no_answer() -> None:
    drafts = streamed("Who struck first. Iran struck first [1]. The answer is.")
    assert [d.text for d in drafts if isinstance(d, DraftSentence)] == ["Iran struck first."]


def test_a_model_that_goes_round_in_circles_is_ended() -> None:
    model = Counted(20, *["Iran struck first [1]. ", "Pakistan replied [2]. "] * 50)
    assert drafted(model) == ["Iran struck first.", "Pakistan replied."]
    assert model.given == 5, "a sentence is finished when the next has begun"


def test_what_stands_under_another_line_is_said_again() -> None:
    reply = "**Oil**\n- Prices rose\n- Wages fell\n\n**Gas**\n- Prices rose\n- Wages fell\n- Pay rose."
    said = ["Prices rose", "Wages fell", "Prices rose", "Wages fell", "Pay rose."]
    assert drafted(Counted(19, *reply)) == said


def claimed(drafts: list[DraftSentence]) -> list[tuple[str, list[int]]]:
    """Each sentence with the numbers it names; a model never gives quotes."""
    assert all(claim.quote is None for draft in drafts for claim in draft.claims)
    return [(draft.text, [claim.number for claim in draft.claims]) for draft in drafts]


def whole(reply: str) -> list[tuple[str, list[int]]]:
    return claimed(drafts_of(reply))


def streamed(*pieces: str | Exception, window: int = 8_192) -> list[DraftSentence | Abstention]:
    return list(
        Generative(ScriptedModel(*pieces), window=window, max_tokens=700).draft("Who struck first?", FOUND)
    )


# Markers.


@pytest.mark.parametrize(
    ("marker", "numbers"),
    [
        ("[1]", [1]),
        ("[12]", [12]),
        ("[1,3]", [1, 3]),
        ("[3; 1]", [3, 1]),
        ("[1-3]", [1, 2, 3]),
        ("[2–4]", [2, 3, 4]),
        ("[1, 3-5; 9]", [1, 3, 4, 5, 9]),
        ("【1】", [1]),
        ("【1, 2】", [1, 2]),
        ("[ 1 ]", [1]),
        ("[1][2]", [1, 2]),
        ("[1] [2]", [1, 2]),
        ("[2][1][2]", [2, 1]),
        ("[1-21]", list(range(1, 22))),
        ("[1-22]", [1, 22]),  # not a range anybody means
        ("[3-1]", [3, 1]),
        ("[999]", [999]),
    ],
)
@pytest.mark.parametrize(
    "form", ["It struck first {}.", "It struck first{}.", "It struck first. {}", "It struck first.{}"]
)
def test_a_marker_in_any_form_and_place_is_taken_off_and_its_numbers_kept(
    form: str, marker: str, numbers: list[int]
) -> None:
    assert whole(form.format(marker)) == [("It struck first.", numbers)]
    assert whole(f"{form.format(marker)} Then it ended. [7]") == [
        ("It struck first.", numbers),
        ("Then it ended.", [7]),
    ]


@pytest.mark.parametrize("bracket", ["[sic]", "[see 2]", "[1234]", "[]", "[1 2]", "(1)"])
def test_a_bracket_that_is_no_marker_stays_in_the_sentence(bracket: str) -> None:
    assert whole(f"It fell {bracket} in May.") == [(f"It fell {bracket} in May.", [])]


@pytest.mark.parametrize(
    ("reply", "sentences"),
    [
        ("Iran struck [1] and Pakistan replied [2].", [("Iran struck and Pakistan replied.", [1, 2])]),
        ("Iran struck first. Pakistan replied.", [("Iran struck first.", []), ("Pakistan replied.", [])]),
        (
            "The U.S. Army came [1]. J. K. Rowling wrote. [2]",
            [("The U.S. Army came.", [1]), ("J. K. Rowling wrote.", [2])],
        ),
        (
            "It cost $3.5 bn [1]. It rose 4.5 percent. [2]",
            [("It cost $3.5 bn.", [1]), ("It rose 4.5 percent.", [2])],
        ),
        ("He said: “No. Never.” [1] He left. [2]", [("He said: “No. Never.”", [1]), ("He left.", [2])]),
        ("Iran struck [1]\nPakistan replied [2]\n", [("Iran struck", [1]), ("Pakistan replied", [2])]),
        ("Iran\tstruck   first  [1] .", [("Iran struck first .", [1])]),
        (
            "[1] Iran struck. [2] It ended.",
            [("Iran struck.", [2]), ("It ended.", [])],
        ),  # a marker follows what it marks
        ("One ended.[2]Two began.", [("One ended.", [2]), ("Two began.", [])]),
        (
            "The list `a[1]` grew. [2] So did `b[ 3 ]` [4].",
            [("The list a[1] grew.", [2]), ("So did b[ 3 ].", [4])],
        ),
        (
            "Iran`s strike hit it [1]. Pakistan answered [2].",
            [("Iran`s strike hit it.", [1]), ("Pakistan answered.", [2])],
        ),
        ("", []),
        (" \n ", []),
        ("[1]", []),
        ("… — !", []),
    ],
)
def test_a_reply_as_sentences(reply: str, sentences: list[tuple[str, list[int]]]) -> None:
    assert whole(reply) == sentences


# While it streams.


@pytest.mark.parametrize(
    ("so_far", "finished"),
    [
        ("Iran struck first [1]. Pakistan repl", [("Iran struck first.", [1])]),
        ("Iran struck first. [1][2] Pakistan repl", [("Iran struck first.", [1, 2])]),
        ("Iran struck first.[1] Pakistan repl", [("Iran struck first.", [1])]),
        ("Iran struck first. Pakistan re", []),  # eleven characters: not begun in earnest
        ("Iran struck first.", []),  # a marker may follow
        ("Iran struck first. [1", []),
        ("Iran struck first. [", []),
        ("Iran struck first. [1, ", []),
        ("Iran struck first. 【1", []),
        ("Iran struck first. [1, 2, 3, 4, 5, ", []),  # long enough for a sentence, but a marker
        ("Iran struck first [1]. Yes. So", [("Iran struck first.", [1])]),
        ("Iran struck. It hit [1] Panjgur at [", [("Iran struck.", [])]),
        ("He said: “We go. We stay and wait", []),  # the quotation is not closed
        ('He said "We go. We stay and wait', []),
        ("He said ‘We don’t go. We stay and wait", []),
        ("He said 'We go. We stay and wait", []),
        ("He said «We go. We stay and wait", []),
        ("It fell (see below. Or above, as it", []),
        ("It fell [see below. Or above, as it", []),
        ("He said: “We go.” [1] He stayed and w", [("He said: “We go.”", [1])]),
        ("It’s the ministers’ view. It isn’t ours", [("It’s the ministers’ view.", [])]),
        ("It isn't the first. It wasn't ours", [("It isn't the first.", [])]),
        ("", []),
    ],
)
def test_a_sentence_is_finished_when_nothing_to_come_can_change_it(
    so_far: str, finished: list[tuple[str, list[int]]]
) -> None:
    assert claimed(list(ReplyReader().feed(so_far))) == finished


SAYINGS = [
    "Iran struck first",
    "Pakistan’s air force replied on Jan. 18",
    "He said: “We don’t want it. We are in touch.”",
    "‘We go. We stay,’ said Gen. Milley",
    'Kirby said "no. Never again." and left',
    "The U.S. Army came",
    "Officials in the U.S",
    "It cost $3.5 bn",
    "It rose (see below. Or above.) in the year",
    "No",
    "J. K. Rowling wrote to Mr. Smith at 5 p.m",
    "At 5 p.m. it ended",
    "“Why?” he asked",
    "It isn’t the ministers’ view",
    "The list `a[1]` grew",
]
MARKERS = ["", "[1]", "[1, 3]", "[1-3]", "【1】", "[1][2]", "[ 2 ; 3 ]", "[1] [2]"]


@st.composite
def replies(draw: st.DrawFn) -> str:
    reply = ""
    for saying in draw(st.lists(st.sampled_from(SAYINGS), min_size=1, max_size=5)):
        marker = draw(st.sampled_from(MARKERS))
        end = draw(st.sampled_from([".", "?", "!"])) if saying[-1].isalnum() else ""
        forms = [f"{saying} {marker}{end}", f"{saying}{end} {marker}", f"{saying}{end}{marker}"]
        form = draw(st.sampled_from(forms if marker and end else forms[1:]))
        reply += form.rstrip() + draw(st.sampled_from([" ", "\n", "\n\n"]))
    return reply.strip()


@settings(derandomize=True, deadline=None, database=None)
@given(replies(), st.lists(st.integers(0, 300), max_size=30))
def test_wherever_the_stream_is_cut_the_same_sentences_come_out(reply: str, places: list[int]) -> None:
    cuts = sorted({place % (len(reply) + 1) for place in places})
    pieces = [reply[a:b] for a, b in zip([0, *cuts], [*cuts, len(reply)], strict=True)]
    drafts = drafts_of(reply, [source.passage.text for source in FOUND])
    said = [draft.text for draft in drafts]
    repeated = [at for at, text in enumerate(said) if text in said[:at]]
    end = repeated[1] if len(repeated) > 1 else len(said)  # there it goes round in circles
    expected = [
        in_answer_to("Who struck first?", draft)
        for at, draft in enumerate(drafts[:end])
        if at not in repeated
    ]
    assert streamed(*pieces) == expected
    assert streamed(*reply) == expected, "character by character"


def test_a_sentence_is_given_before_the_next_piece_is_asked_for() -> None:
    model = ScriptedModel("Iran struck first [1]. ", "Pakistan replied [2].", ModelError("too late"))
    drafts = Generative(model, window=8_192, max_tokens=700).draft("Who?", FOUND)
    assert next(drafts) == DraftSentence("Iran struck first.", (Claim(1),), layout=PLAIN)
    with pytest.raises(ModelError, match="too late"):
        next(drafts)


def test_a_reply_given_up_half_way_is_closed() -> None:
    model = ScriptedModel("Iran struck first [1]. Pakistan replied. ", "It ended.")
    drafts = Generative(model, window=8_192, max_tokens=700).draft("Who?", FOUND)
    next(drafts)
    assert not model.closed
    drafts.close()  # type: ignore[attr-defined]
    assert model.closed


@pytest.mark.parametrize("piece", ["é", "Who is it?"])
def test_a_rewriting_of_500_characters_is_a_question_and_a_longer_one_is_none(piece: str) -> None:
    def rewritten(question: str) -> str | None:
        model = ScriptedModel(*(question[i : i + 10] for i in range(0, len(question), 10)))
        return Generative(model, window=8_192, max_tokens=700).rewritten("Who?", [])

    longest = (piece * 500)[:500]
    assert rewritten(longest) == longest
    assert rewritten(longest + "x") is None


# Declining.


@pytest.mark.parametrize(
    "pieces",
    [
        (DECLINE,),
        ("THE ARTI", "CLES DO NOT", " SAY"),
        ("The articles do not say.",),
        ("**THE ARTICLES DO NOT SAY** [1]",),
    ],
)
def test_the_phrase_for_no_answer_is_an_abstention(pieces: tuple[str, ...]) -> None:
    assert streamed(*pieces) == [Abstention.WEAK_EVIDENCE]


def test_the_phrase_after_a_sentence_is_a_sentence_and_takes_nothing_back() -> None:
    assert streamed(f"Iran struck first [1]. {DECLINE}.") == [
        DraftSentence("Iran struck first.", (Claim(1),), layout=PLAIN),
        DraftSentence(f"{DECLINE}.", layout=PLAIN),
    ]


def test_an_empty_reply_says_nothing_and_does_not_abstain() -> None:
    assert streamed() == streamed("") == streamed(" ", "\n") == []


# What the model is told.


def test_the_model_is_told_the_question_the_passages_and_the_day() -> None:
    model = ScriptedModel("x")
    generative = Generative(model, window=8_192, max_tokens=700)
    list(generative.draft("Who struck first?", FOUND, asked_on=date(2024, 1, 20)))
    content = model.heard[0][1]["content"]
    assert generative.name == "generate:scripted, prompt numbers 2, follow-ups 1"
    assert [
        content.count(x) for x in ("Who struck first?", "2024-01-20", "<<passage 1:", "<<passage 2:")
    ] == [1, 1, 1, 1]


@pytest.mark.parametrize(
    ("window", "max_tokens", "shown"), [(8_192, 700, 3), (8_192, 7_400, 1), (1_500, 700, 1)]
)
def test_the_passages_shown_leave_room_for_the_reply_and_are_whole(
    window: int, max_tokens: int, shown: int
) -> None:
    stories = [article(f"Story {n}. " + "It went on. " * 200 + f"It ended {n}.", id=str(n)) for n in range(3)]
    model = ScriptedModel("x")
    list(Generative(model, window=window, max_tokens=max_tokens).draft("Who?", evidence(*stories)))
    content = model.heard[0][1]["content"]
    assert [story.text in content for story in stories] == [n < shown for n in range(3)]
    assert [f"Story {n}." in content for n in range(3)] == [n < shown for n in range(3)], (
        "not a part of the others either"
    )


@pytest.mark.parametrize("hostile", ["[1,", "[", "[1-", "[1][", " ", "\n", "“", "[ ", "[1 ", "Yes. "])
@pytest.mark.slow
def test_a_hostile_reply_costs_no_minute(hostile: str) -> None:
    reply = hostile * (20_000 // len(hostile))
    began = time.process_time()
    drafts_of(reply)
    assert time.process_time() - began < 3
