"""Replies as language models write them, as draft sentences: what is a claim, what it says, where it stands, and
that no cut of the stream changes it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.answer.drafts import ReplyReader, drafts_of
from rag.types import BlockKind, DraftSentence


@dataclass(frozen=True)
class Seen:
    """A draft, with its place in words: "item 2 of 3" is the second of a list inside a list inside a list."""

    at: str
    text: str
    numbers: list[int] = field(default_factory=list)
    under: list[str] = field(default_factory=list)
    statement: str | None = None
    parts: tuple[str, ...] = ()
    follows: str | None = None


def seen(draft: DraftSentence) -> Seen:
    assert draft.layout is not None
    place = draft.layout.place
    at = str(place.kind)
    at += f" {place.number}" if place.number else ""
    at += f" at {place.row},{place.column}" if place.kind is BlockKind.CELL else ""
    at += f" of {place.depth}" if place.depth > 1 else ""
    return Seen(
        at,
        draft.text,
        [claim.number for claim in draft.claims],
        [line.text for line in draft.layout.under],
        draft.statement,
        draft.parts,
        draft.follows,
    )


CASES: dict[str, tuple[str, list[Seen]]] = {
    "a line that only hands over to what follows": (
        "The passage is:\n\nThe port of Oslo closed on Monday [1].",
        [Seen("paragraph", "The port of Oslo closed on Monday.", numbers=[1], under=["The passage is:"])],
    ),
    "an answer that is announced, and a question that is repeated": (
        "Question: which port closed?\n\nThe answer is: The port of Oslo closed on Monday [1]. Answer: Two ferries sank.",
        [
            Seen("paragraph", "The port of Oslo closed on Monday.", numbers=[1]),
            Seen("paragraph", "Two ferries sank."),
        ],
    ),
    "what is said of a passage": (
        "The passage is about the port of Oslo. The port closed on Monday [1]. I do not have a date.",
        [Seen("paragraph", "The port closed on Monday.", numbers=[1])],
    ),
    "a lead-in, numbered items and a closing remark": (
        "Here is what the articles say:\n\n1. The port of Oslo closed on Monday [1].\n2. Two ferries were cancelled [2].\n\nI hope this helps!",
        [
            Seen(
                "item 1",
                "The port of Oslo closed on Monday.",
                numbers=[1],
                under=["Here is what the articles say:"],
            ),
            Seen(
                "item 2", "Two ferries were cancelled.", numbers=[2], under=["Here is what the articles say:"]
            ),
        ],
    ),
    "bold names": (
        "**Ana Ruiz** won the *Grand Prix* in Lyon [1].",
        [
            Seen("paragraph", "Ana Ruiz won the Grand Prix in Lyon.", numbers=[1]),
        ],
    ),
    "bold labels of items": (
        "- **Cost:** The bridge cost 40 million euros [1].\n- **Opening** – It opened in May [2].",
        [
            Seen("item", "The bridge cost 40 million euros.", numbers=[1], under=["Cost:"]),
            Seen(
                "item",
                "It opened in May.",
                numbers=[2],
                under=["Opening –"],
                statement="Opening: It opened in May.",
            ),
        ],
    ),
    "fragments under a lead-in": (
        "The types of fee are:\n- Fixed: billed monthly\n- Metered, by the hour [2]",
        [
            Seen(
                "item",
                "billed monthly",
                under=["The types of fee are:", "Fixed:"],
                statement="The types of fee are: Fixed: billed monthly",
            ),
            Seen(
                "item",
                "Metered, by the hour",
                numbers=[2],
                under=["The types of fee are:"],
                statement="The types of fee are: Metered, by the hour",
            ),
        ],
    ),
    "a heading and a sentence that lacks its name": (
        "## Norvik\n\nProfit rose by 4 % [1].\n\n## Summary\n\nRain fell on Leeds [2].",
        [
            Seen(
                "paragraph",
                "Profit rose by 4 %.",
                numbers=[1],
                under=["Norvik"],
                statement="Norvik: Profit rose by 4 %.",
            ),
            Seen("paragraph", "Rain fell on Leeds.", numbers=[2], under=["Summary"]),
        ],
    ),
    "a heading that makes a claim": (
        "### Norvik cut 300 jobs\n\nIt closed two mines [1].",
        [
            Seen("heading of 3", "Norvik cut 300 jobs"),
            Seen(
                "paragraph",
                "It closed two mines.",
                numbers=[1],
                statement="Norvik cut 300 jobs. It closed two mines.",
                follows="Norvik cut 300 jobs",
            ),
        ],
    ),
    "nested items": (
        "Firms that cut jobs:\n\n* Norvik\n    * 300 in Bergen [1]\n    * 20 in Oslo [2]\n* Orlo: 40 [3]",
        [
            Seen("item", "Norvik", under=["Firms that cut jobs:"], statement="Firms that cut jobs: Norvik"),
            Seen(
                "item of 2",
                "300 in Bergen",
                numbers=[1],
                under=["Firms that cut jobs:"],
                statement="Firms that cut jobs: Norvik: 300 in Bergen",
            ),
            Seen(
                "item of 2",
                "20 in Oslo",
                numbers=[2],
                under=["Firms that cut jobs:"],
                statement="Firms that cut jobs: Norvik: 20 in Oslo",
            ),
            Seen(
                "item",
                "40",
                numbers=[3],
                under=["Firms that cut jobs:", "Orlo:"],
                statement="Firms that cut jobs: Orlo: 40",
            ),
        ],
    ),
    "a table": (
        "| Team | Points | Coach |\n|:--|--:|---|\n| Lugano | 31 [1] | **Sira Dembe** |\n| Bern | 28 [2] |  |",
        [
            Seen(
                "cell at 1,1",
                "31",
                numbers=[1],
                under=["Team", "Points", "Lugano"],
                statement="Lugano, Points: 31",
            ),
            Seen(
                "cell at 1,2",
                "Sira Dembe",
                under=["Team", "Coach", "Lugano"],
                statement="Lugano, Coach: Sira Dembe",
            ),
            Seen(
                "cell at 2,1",
                "28",
                numbers=[2],
                under=["Team", "Points", "Bern"],
                statement="Bern, Points: 28",
            ),
        ],
    ),
    "a quotation and code": (
        "> The court dismissed the appeal. [2]\n\n```sql\nSELECT 1;\n```",
        [
            Seen("quote", "The court dismissed the appeal.", numbers=[2]),
            Seen("code", "SELECT 1;"),
        ],
    ),
    "links, tags and entities": (
        "The [report](https://example.org/a) says <b>12</b> people &amp; a dog were found [1](https://example.org).",
        [
            Seen("paragraph", "The report says 12 people & a dog were found.", numbers=[1]),
        ],
    ),
    "items counted off in a paragraph": (
        "The steps are as follows: 1. Boil the water. 2. Add the rice [1]. 3. Wait.",
        [
            Seen(
                "item 1",
                "Boil the water.",
                under=["The steps are as follows:"],
                statement="The steps are as follows: Boil the water.",
            ),
            Seen(
                "item 2",
                "Add the rice.",
                numbers=[1],
                under=["The steps are as follows:"],
                statement="The steps are as follows: Add the rice.",
            ),
            Seen(
                "item 3",
                "Wait.",
                under=["The steps are as follows:"],
                statement="The steps are as follows: Wait.",
            ),
        ],
    ),
    "a pronoun whose person is certain": (
        "Sira Dembe joined Lugano in May [1]. She scored twice on her first day [2].",
        [
            Seen("paragraph", "Sira Dembe joined Lugano in May.", numbers=[1]),
            Seen(
                "paragraph",
                "She scored twice on her first day.",
                numbers=[2],
                statement="Sira Dembe joined Lugano in May. She scored twice on her first day.",
                follows="Sira Dembe joined Lugano in May.",
            ),
        ],
    ),
    "a pronoun for the subject": (
        "The Amazon River rises in Peru [1]. It reaches the Atlantic in Brazil [1].",
        [
            Seen("paragraph", "The Amazon River rises in Peru.", numbers=[1]),
            Seen(
                "paragraph",
                "It reaches the Atlantic in Brazil.",
                numbers=[1],
                statement="The Amazon River rises in Peru. It reaches the Atlantic in Brazil.",
                follows="The Amazon River rises in Peru.",
            ),
        ],
    ),
    "a pronoun that may mean two": (
        "Norvik overtook Orlo in June. It then sold a mine.",
        [
            Seen("paragraph", "Norvik overtook Orlo in June."),
            Seen(
                "paragraph",
                "It then sold a mine.",
                statement="Norvik overtook Orlo in June. It then sold a mine.",
                follows="Norvik overtook Orlo in June.",
            ),
        ],
    ),
    "a word for the whole sentence before": (
        "The reactor was shut down on Friday. This cut output by half [3].",
        [
            Seen("paragraph", "The reactor was shut down on Friday."),
            Seen(
                "paragraph",
                "This cut output by half.",
                numbers=[3],
                statement="The reactor was shut down on Friday. This cut output by half.",
                follows="The reactor was shut down on Friday.",
            ),
        ],
    ),
    "several claims": (
        "The storm killed 12 people in Bergen, destroyed 40 homes, and the river Glomma rose by 3 metres [1][2].",
        [
            Seen(
                "paragraph",
                "The storm killed 12 people in Bergen, destroyed 40 homes, and the river Glomma rose by 3 metres.",
                numbers=[1, 2],
                parts=(
                    "The storm killed 12 people in Bergen, destroyed 40 homes.",
                    "The river Glomma rose by 3 metres.",
                ),
            ),
        ],
    ),
    "claims of one speaker": (
        "The minister said that taxes would fall, and wages would rise [1].",
        [
            Seen("paragraph", "The minister said that taxes would fall, and wages would rise.", numbers=[1]),
        ],
    ),
    "citations in brackets of every kind": (
        "One fell [1, 2]. Two fell 【3】. Three fell (1). Four fell.¹ Five fell [^2]. Six fell [passage 1]. Seven fell (Source: passage 2). Eight fell.",
        [
            Seen("paragraph", "One fell.", numbers=[1, 2]),
            Seen("paragraph", "Two fell.", numbers=[3]),
            Seen("paragraph", "Three fell.", numbers=[1]),
            Seen("paragraph", "Four fell.", numbers=[1]),
            Seen("paragraph", "Five fell.", numbers=[2]),
            Seen("paragraph", "Six fell.", numbers=[1]),
            Seen("paragraph", "Seven fell.", numbers=[2]),
            Seen("paragraph", "Eight fell."),
        ],
    ),
    "citations in words": (
        "According to passage 2, the dam broke at dawn. Passage 1 says that nobody was hurt. It was old, as stated in passage 3.",
        [
            Seen("paragraph", "The dam broke at dawn.", numbers=[2]),
            Seen("paragraph", "Nobody was hurt.", numbers=[1]),
            Seen(
                "paragraph",
                "It was old.",
                numbers=[3],
                statement="Nobody was hurt. It was old.",
                follows="Nobody was hurt.",
            ),
        ],
    ),
    "a list of sources": (
        "The dam broke at dawn [1].\n\nSources:\n\n1. Passage 1: Dawn, 3 May\n2. Passage 2: VOA",
        [
            Seen("paragraph", "The dam broke at dawn.", numbers=[1]),
        ],
    ),
    "an agreement and an offer": (
        "Sure! Yes, the museum reopened in March [1]. Would you like to know more? Let me know if you need anything else.",
        [
            Seen("paragraph", "Yes, the museum reopened in March.", numbers=[1]),
        ],
    ),
    "a summary that points to the answer": (
        "Prices rose by 2 % [1].\n\nOverall, these points show how much has changed.",
        [
            Seen("paragraph", "Prices rose by 2 %.", numbers=[1]),
        ],
    ),
    "a summary that claims": (
        "Overall, prices rose by 2 % in May [1].",
        [
            Seen("paragraph", "Overall, prices rose by 2 % in May.", numbers=[1]),
        ],
    ),
    "bullets that are no Markdown": (
        "Found:\n• 12 coins [1]\n• a ring [2]",
        [
            Seen("item", "12 coins", numbers=[1], under=["Found:"], statement="Found: 12 coins"),
            Seen("item", "a ring", numbers=[2], under=["Found:"], statement="Found: a ring"),
        ],
    ),
    "lines without blank ones": (
        "The vaccine was approved in June [1]\nTrials began in 2021 [2]",
        [
            Seen("paragraph", "The vaccine was approved in June", numbers=[1]),
            Seen("paragraph", "Trials began in 2021", numbers=[2]),
        ],
    ),
    "a bold line as a heading": (
        "**Main findings:**\n\nThe comet passed on Tuesday [1].",
        [
            Seen("paragraph", "The comet passed on Tuesday.", numbers=[1], under=["Main findings"]),
        ],
    ),
    "an unfinished lead-in over sentences": (
        "Dr. Kis warned that:\n- The ice is melting [1].\n- The sea will rise [2].",
        [
            Seen(
                "item",
                "The ice is melting.",
                numbers=[1],
                under=["Dr. Kis warned that:"],
                statement="Dr. Kis warned that: The ice is melting.",
            ),
            Seen(
                "item",
                "The sea will rise.",
                numbers=[2],
                under=["Dr. Kis warned that:"],
                statement="Dr. Kis warned that: The sea will rise.",
            ),
        ],
    ),
    "two sentences in an item with a name": (
        "1. **Zoltán Kis**: He won in 2019 [1]. He lost in 2023 [2].",
        [
            Seen(
                "item 1",
                "He won in 2019.",
                numbers=[1],
                under=["Zoltán Kis:"],
                statement="Zoltán Kis: He won in 2019.",
            ),
            Seen(
                "item 1",
                "He lost in 2023.",
                numbers=[2],
                under=["Zoltán Kis:"],
                statement="Zoltán Kis lost in 2023.",
                follows="He won in 2019.",
            ),
        ],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_reply_is_what_it_claims_each_with_what_it_stands_under(name: str) -> None:
    reply, expected = CASES[name]
    assert [seen(draft) for draft in drafts_of(reply)] == expected


def streamed(reply: str, cuts: list[int]) -> list[DraftSentence]:
    reader = ReplyReader()
    pieces = [reply[a:b] for a, b in zip([0, *cuts], [*cuts, len(reply)], strict=True)]
    return [*(draft for piece in pieces for draft in reader.feed(piece)), *reader.close()]


@pytest.mark.parametrize("size", [1, 3, 17])
def test_a_reply_in_pieces_makes_the_same_drafts(size: int) -> None:
    for reply, _ in CASES.values():
        assert streamed(reply, list(range(size, len(reply), size))) == drafts_of(reply)
    whole = "\n\n".join(reply for reply, _ in CASES.values())
    assert streamed(whole, list(range(size, len(whole), size))) == drafts_of(whole)


@settings(derandomize=True, deadline=None, database=None, max_examples=60)
@given(
    st.lists(st.sampled_from([reply for reply, _ in CASES.values()]), min_size=1, max_size=3),
    st.sampled_from(["\n", "\n\n", " "]),
    st.lists(st.integers(0, 2_000), max_size=12),
)
def test_wherever_replies_that_run_into_each_other_are_cut_the_drafts_are_the_same(
    replies: list[str], between: str, places: list[int]
) -> None:
    reply = between.join(replies)
    cuts = sorted({place % (len(reply) + 1) for place in places})
    assert streamed(reply, cuts) == drafts_of(reply)


def test_a_sentence_of_a_list_is_given_while_the_list_goes_on() -> None:
    reader = ReplyReader()
    given = list(
        reader.feed("Why:\n\n1. Rain fell on Leeds [1]. It was heavy.\n2. Snow fell on York.\n3. Ha")
    )
    assert [draft.text for draft in given] == ["Rain fell on Leeds.", "It was heavy.", "Snow fell on York."]


@pytest.mark.parametrize(
    ("reply", "most"),
    [
        ("[" * 10_000, 0),
        ("(source: " * 2_000, 10),
        ("".join("  " * depth + "- It rained.\n" for depth in range(200)), 40),
        ("> " * 5_000 + "It rained.", 1),
        ("|a|b|\n|-|-|\n" + "|c d|e f|\n" * 100_000, 20_000),
        ("*Rain fell. " * 2_000, 10_000),
        ("`Rain fell. " * 2_000, 10_000),
        ("“" * 20_000, 0),
        ("1. Rain fell. " * 2_000, 10_000),
        ("¹" * 30_000, 10),
        ("see" + " " * 60_000 + "x", 10),
    ],
    ids=lambda value: value[:12] if isinstance(value, str) else None,
)
@pytest.mark.slow
def test_a_hostile_reply_costs_no_minute(reply: str, most: int) -> None:
    began = time.process_time()
    cuts = list(range(17, len(reply), 17))
    assert len(streamed(reply, cuts)) <= most
    assert time.process_time() - began < 30
