"""Articles of every desk that disagree, or only seem to: cases by somebody who had not seen the rules.

The claims are made by hand from each case's values, so that the rules are tried alone, without the reader.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from conftest import article, headline

from rag.answer.conflict import ClaimedValue, find
from rag.english.sentences import sentences
from rag.types import RetrievedPassage, Scores

CASES = [
    json.loads(line)
    for line in (Path(__file__).parent / "cases" / "conflicts.jsonl").read_text(encoding="utf-8").splitlines()
]
# What a careful reader takes from each article of a case that is no conflict; such a case lists no values.
READ = {
    "local-politics-3": ("12.47 million crowns", "roughly 12.5 million crowns"),
    "health-3": ("One in four adults over 60", "25 percent"),
    "courts-4": ("More than 80", "86"),
    "sport-5": ("up to seven", "Six"),
    "business-6": ("9 million euros", "140 million euros"),
    "sport-6": ("17", "31"),
    "health-5": ("19", "two"),
    "weather-5": ("minus 31 degrees", "4 degrees"),
    "weather-6": ("Fourteen", "Two"),
    "science-4": ("30 centimetres", "0.3 metres"),
    "transport-7": ("90 minutes", "an hour and a half"),
    "culture-5": ("Esteban Ruiz", "Estéban Ruíz"),
    "business-7": ("Sigrún Eiríksdóttir", "Sigrun Eiriksdottir"),
    "technology-4": ("900", "120"),
    "technology-5": ("14 September", "September 14th"),
    "business-5": ("31,042", "about 31,000"),
    "science-3": ("19.8 kilometres", "nearly 20 kilometres"),
    "weather-4": ("At least 30", "34"),
    "culture-4": ("512,000", "Over half a million"),
    "transport-5": ("212", "40"),
    "health-4": ("140", "23"),
    "sport-7": ("Rovers", "Ekranas"),
    "local-politics-4": ("Inés Quiroga", "Ramón Uribarri"),
    "transport-6": ("Eleven", "26"),
    "technology-3": ("200,000", "900,000"),
    "weather-7": ("160 kilometres an hour", "100 miles an hour"),
    "sport-8": ("2 hours 24 minutes", "144 minutes"),
    "courts-5": ("Captain Yusuf Demirtaş", "Captain Youssef Demirtas"),
    "courts-6": ("Five", "Two"),
    "business-8": ("Aarhus", "Denmark"),
    "science-5": ("not damaged", "no damage"),
}
KNOWN_MISSES = {
    "sport-1": "spectators and a crowd: that both count who watched is not seen",
    "local-politics-2": "a sentence that names its speaker too is taken for another deed",
    "health-2": "approved and rejected: two verbs that exclude each other are not values of one question",
    "sport-8": "hours and minutes are not added up",
    "business-8": "that a town lies in a country is not known",
}


def claims(case: dict[str, Any]) -> Iterator[ClaimedValue]:
    values = case["values"] or READ[case["id"]]
    for number, (facts, value) in enumerate(zip(case["articles"], values, strict=False)):
        published = date.fromisoformat(facts["published"])
        story = article(
            facts["text"], f"a{number}", title=facts["title"], source=facts["source"], published=published
        )
        start = story.text.index(value)
        end = start + len(value)
        span = next((a, b) for a, b in sentences(story.text) if a <= start and end <= b)
        source = RetrievedPassage(story.passage(0, len(story.text)), headline(story), number + 1, Scores())
        yield ClaimedValue(value, story.text[slice(*span)], source, start, end, 0.9 - number / 10)


@pytest.mark.parametrize(
    "case",
    [c for c in CASES if c["values"] or c["id"] in READ],
    ids=lambda case: f"{case['id']}-{case['kind']}",
)
def test_a_case(case: dict[str, Any]) -> None:
    found = [
        disagreement for disagreement in find(case["question"], list(claims(case))) if not disagreement.later
    ]
    right = bool(found) == case["disagree"]
    assert right != (case["id"] in KNOWN_MISSES), [[group.value for group in d.groups] for d in found]
