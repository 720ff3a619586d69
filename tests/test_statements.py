"""Statements made by machine: each way changes what its name says and leaves alone what it cannot change."""

from __future__ import annotations

from random import Random

import pytest

from rag.training.statements import FAITHFUL, SPOILED, made

# Persons, places, numbers and speakers that a sentence may be spoiled with.
TEXT = (
    "Ana Ruiz, the mayor of Leeds, said on Monday that the bridge to Kenya will open in May. "
    "Two boats sank after the storm hit Dover. Tom Berg, who leads the union, joined a rally in Norway. "
    "Dr. Iris Moor told reporters that 40 patients were treated. The hospital had 90 patients in 2019. "
    "Moor won a prize for her work on malaria."
)
CASES = [
    # way, sentence, every statement that it may become, a sentence that it leaves alone
    ("verbatim", "It rained.", {"It rained."}, None),
    ("shortened", "The court in Lyon fined the owner of the ferry, which sank in May.",
     {"The court in Lyon fined the owner of the ferry."},
     "The court in Lyon fined the owner of the ferry, which witnesses said sank in May."),
    ("in figures", "It took seven days.", {"It took 7 days."}, "Forty-nine people died."),
    ("in words", "The team won 7 matches.", {"The team won seven matches."}, "The team won on May 7 in Rome."),
    ("speaker first", "The talks in Doha went on until dawn, Karim said.",
     {"Karim said that the talks in Doha went on until dawn."}, "The talks went on, which Karim said was wrong."),
    ("speaker last", "Karim said the talks went on until dawn.", {"The talks went on until dawn, Karim said."},
     "Karim said nothing about the talks."),
    ("according to", "Karim said the talks went on until dawn.",
     {"According to Karim, the talks went on until dawn."}, "He said the talks went on until dawn."),
    ("passive", "On Tuesday, Iran attacked Pakistan.", {"On Tuesday, Pakistan was attacked by Iran."},
     "Iran may have attacked Pakistan."),
    ("active", "The gallery was founded by two sisters in 1902.", {"Two sisters founded the gallery in 1902."},
     "The gallery was closed by then."),
    ("without an aside", "The border, which was closed for two days, is open.", {"The border is open."},
     "The cat, the dog, and the bird are here."),
    ("without an adverb", "The glacier quickly lost a huge block.",
     {"The glacier lost a huge block.", "The glacier quickly lost a block."},
     "The glacier did not quickly lose a huge block."),
    ("without a title", "The bill was drafted by Gov. Kay Ivey.", {"The bill was drafted by Kay Ivey."},
     "The bill was drafted by Gov. Ivey."),
    ("other words", "It began at dawn.", {"It started at dawn."}, "“It began at dawn.”"),
    ("one half", "The firm opened a plant and hired workers.",
     {"The firm opened a plant.", "The firm hired workers."}, "The firm has not opened a plant and hired workers."),
    ("two sentences", "The hospital had 90 patients in 2019.",
     {"The hospital had 90 patients in 2019, and Moor won a prize for her work on malaria.",
      "The hospital had 90 patients in 2019, while Moor won a prize for her work on malaria."},
     "Moor won a prize for her work on malaria."),
    ("relative clause", "Tom Berg, who leads the union, joined a rally.", {"Tom Berg leads the union."},
     "The rally for Tom Berg, who leads the union, was large."),
    ("possessive", "Iran's president spoke at noon.", {"The president of Iran spoke at noon."},
     "Iran's president Kis spoke at noon."),
    ("form of a date", "It opened on January 3, 2026.", {"It opened on 3 January 2026."}, "It opened in January."),
    ("time moved", "In 2019, the museum bought a painting.", {"The museum bought a painting in 2019."},
     "In 2019, the museum bought a painting that it sold in 2020."),
    ("contraction", "The plan did not work.", {"The plan didn’t work."}, "The plan worked, it was said."),
    ("hedge kept", "The bank may cut its rates.", {"The bank might cut its rates."}, "“The bank may cut its rates.”"),
    ("number", "The storm killed two sailors.",
     {f"The storm killed {n} sailors." for n in ("three", "four", "five", "six", "seven", "eight")},
     "The storm closed Route 66 on May 3."),
    ("crossed numbers", "The ferry carried 300 passengers and hit 12 boats.",
     {"The ferry carried 12 passengers and hit 300 boats."}, "The ferry carried between 200 and 300 passengers."),
    ("crossed numbers", "It treated 40 patients.", {"It treated 90 patients."}, "It treated 40 children."),
    ("unit", "The road is 40 miles long.", {"The road is 40 kilometres long.", "The road is 40 metres long."},
     "The girl is 7 years old."),
    ("name", "They met in Peru.", {"They met in Kenya.", "They met in Norway."}, "They met at noon."),
    ("date", "It happened in 2020.", {f"It happened in {y}." for y in (2015, 2017, 2018, 2019, 2021, 2022, 2023)},
     "They met in the march of the workers."),
    ("speaker", "Ana Ruiz said the bridge is safe.", {"Iris Moor said the bridge is safe."},
     "They said the bridge is safe."),
    ("order in time", "The bank failed before the vote.", {"The bank failed after the vote."},
     "The firm was named after its founder."),
    ("cause", "The match was stopped because of fog.", {"The match was stopped despite fog."},
     "The match was stopped not because of fog."),
    ("negation", "The vaccine did not protect older mice.", {"The vaccine protected older mice."},
     "The vaccine may protect older mice."),
    ("negation", "The planet has three moons.", {"The planet does not have three moons."}, "“It has three moons.”"),
    ("hedge", "The bank may cut its rates.", {"The bank cut its rates."}, "The bank may not cut its rates."),
    ("hedge", "The mayor was expected to resign.", {"The mayor resigned."}, "The mayor may resign if they lose."),
    ("attitude", "The minister denied the report.",
     {"The minister admitted the report.", "The minister confirmed the report."}, "The minister read the report."),
    ("attitude", "He was cleared of fraud.", {"He was found guilty of fraud.", "He was convicted of fraud."}, "“He was cleared of fraud.”"),
    ("attempt", "The climbers tried to reach the summit.", {"The climbers reached the summit."},
     "The climbers did not try to reach the summit."),
    ("attempt", "The team nearly won the cup.", {"The team won the cup."}, "Nearly half of the team left."),
    ("condition", "The dam will hold if the rain stops.", {"The dam will hold."}, "She asked if the rain would stop."),
    ("role", "Iran attacked Pakistan on Tuesday.", {"Pakistan attacked Iran on Tuesday."},
     "Iran met Pakistan on Tuesday."),
    ("scope", "Some of the trains were late.", {"All of the trains were late."}, "The trains were a few hours late."),
    ("comparison", "Profits rose by 4% last year.", {"Profits fell by 4% last year."}, "He fell in love with the city."),
    ("joined", "Tom Berg resigned on Friday.",
     {"Tom Berg won a prize for her work on malaria and resigned on Friday.",
      "Tom Berg, who won a prize for her work on malaria, resigned on Friday."}, "He resigned on Friday."),
]  # fmt: skip


@pytest.mark.parametrize(
    ("way", "sentence", "expected", "other"), CASES, ids=[f"{c[0]}: {c[1]}" for c in CASES]
)
def test_a_way_changes_what_it_is_for_and_leaves_the_rest_alone(
    way: str, sentence: str, expected: set[str], other: str | None
) -> None:
    change = (FAITHFUL | SPOILED)[way]
    assert {change(sentence, TEXT, Random(seed)) for seed in range(60)} == expected
    assert other is None or {change(other, TEXT, Random(seed)) for seed in range(20)} == {None}


def test_every_way_has_a_case() -> None:
    assert {way for way, *_ in CASES} == set(FAITHFUL) | set(SPOILED)
    assert not set(FAITHFUL) & set(SPOILED)


STORY = (
    "The dam in the valley will hold if the rain stops before the weekend, engineers said on Tuesday. "
    "Short.\nA heading without a verb in it that is as long as a sentence would be, and no longer\n"
    "Some of the trains between the two towns were late for three hours because of a fallen tree."
)


def test_statements_come_with_the_place_of_their_sentence() -> None:
    rows = list(made(STORY, Random(1)))
    assert {STORY[a:b] for *_, a, b in rows} == {
        "The dam in the valley will hold if the rain stops before the weekend, engineers said on Tuesday.",
        "Some of the trains between the two towns were late for three hours because of a fallen tree.",
    }
    assert [row for row in rows if row[0] == "cause"] == [
        ("cause", False, "Some of the trains between the two towns were late for three hours despite a fallen tree.",
         *rows[-1][3:])
    ]  # fmt: skip
    assert all(faithful == (kind in FAITHFUL) for kind, faithful, *_ in rows)
    assert len({(kind, start) for kind, _, _, start, _ in rows}) == len(rows)


def test_the_same_seed_gives_the_same_statements_and_ways_can_be_chosen() -> None:
    assert list(made(STORY, Random(7))) == list(made(STORY, Random(7)))
    assert {kind for kind, *_ in made(STORY, Random(1), ["number", "verbatim"])} == {"number", "verbatim"}


def test_what_the_text_says_elsewhere_is_not_a_spoiled_statement() -> None:
    twice = "The old bridge over the river in the town was closed before the flood on the coast. "
    other = twice.replace("before", "after")
    assert [row[2] for row in made(twice, Random(1), ["order in time"])] == [other.strip()]
    assert list(made(twice + other, Random(1), ["order in time"])) == []


def test_a_joined_pair_of_sentences_ends_where_the_second_does() -> None:
    pair = "The old bridge over the river in the town was closed before the flood. The mayor opened a new one in May."
    (row,) = made(pair, Random(1), ["two sentences"])
    assert row[3:] == (0, len(pair))
