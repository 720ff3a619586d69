"""What rules hold against a sentence: nothing where the quote says the same in another form."""

from __future__ import annotations

from datetime import date

import pytest

from rag.answer.paraphrase import lacks, objections
from rag.types import Objection

SAME = [
    ("A diplomat who chose not to be named spoke.", "A diplomat who declined to be named spoke."),
    ("The goalkeeper was not able to reach the ball.", "The goalkeeper was unable to reach the ball."),
    ("The goalkeeper could not reach the ball.", "The goalkeeper was unable to reach the ball."),
    ("Prices are not likely to fall.", "Prices are unlikely to fall."),
    ("The yard did not manage to sell the trawler.", "The yard failed to sell the trawler."),
    ("Solveig Dahl will not be able to sing on Friday.", "Solveig Dahl will be unable to sing on Friday."),
    ("Half of that will be offset over five years.", "Half of that will be offset over 5 years."),
    ("The station lies 230 metres below ground.", "The station lies 230 meters below ground."),
    ("It was last seen six decades ago.", "It was last seen 60 years ago."),
    ("The organisers cancelled the theatre festival.", "The organizers canceled the theater festival."),
    ("It will be held in the 2018–19 season.", "It will be held in the 2018-2019 season."),
    ("Ontario’s leader announced that the rules will go.", "The leader of Ontario announced that the rules will go."),
    ("The rink opens on December 4.", "The rink opens on Dec. 4."),
    ("The papers are due on 22 May.", "The papers are due on May 22."),
    ("The rink opens on the 4th of December.", "The rink opens on December 4."),
]  # fmt: skip
TRUE = [
    ("One of the few zoos with pandas is in Atlanta.", "Only four pandas are left, in the zoo in Atlanta."),
    ("The gathering had 15,000 flowers.", "The gathering had 15, 000 flowers given by supporters."),
    ("The festival showed it on 18 October 2018.", "The festival showed it on Thursday 18 October."),
    ("Noise increases the time it takes to fall asleep.", "Getting to sleep: Increasing the time it takes to fall asleep."),
    ("The child is believed to have been ill.", "Details have not been released but police said the child is believed to have been ill."),
    ("Schlosser warns that more records will be broken.",
     "He added that more records will be broken as it warms. Schlosser said that means the world should act."),
    ("Dr. Ashraf al-Qidra of the health ministry warned of a catastrophe.",
     "Dr. Ashraf al-Qidra, a spokesperson for the health ministry, on Thursday warned of a catastrophe."),
]  # fmt: skip
OTHER = [
    ("One trawler sank.", "Two trawlers sank."),
    ("The rink opens on December 5.", "The rink opens on Dec. 4."),
    ("The rink opens on 4 November.", "The rink opens on Dec. 4."),
    ("The station lies 230 metres below ground.", "The station lies 230 feet below ground."),
    ("It was last seen six decades ago.", "It was last seen 40 years ago."),
    ("The festival showed it in October 2019.", "The festival of 2018 showed it on Thursday 18 October."),
    ("The child is believed to have been ill.", "Police said the child is not believed to have been ill but hurt."),
    ("Weber warns that more records will be broken.",
     "He added that more records will be broken as it warms. Schlosser said that means the world should act."),
    ("Jana Kis warned of a catastrophe.", "Dr. Ashraf al-Qidra of the ministry warned Jana Kis of a catastrophe."),
    ("The goalkeeper was able to reach the ball.", "The goalkeeper was unable to reach the ball."),
    ("Prices are likely to fall.", "Prices are unlikely to fall."),
    ("The yard managed to sell the trawler.", "The yard failed to sell the trawler."),
    ("The diplomat was named.", "A diplomat who chose not to be named spoke."),
    ("Half of that was offset over five years.", "Half of that will be offset over 5 years."),
    ("Quebec’s leader announced that the rules will go.", "The leader of Ontario announced that the rules will go."),
]  # fmt: skip


@pytest.mark.parametrize(("text", "quote"), [*SAME, *(pair[::-1] for pair in SAME)])
def test_the_same_in_another_form_meets_no_objection(text: str, quote: str) -> None:
    assert objections(text, quote) == frozenset()


@pytest.mark.parametrize(("text", "quote"), TRUE)
def test_what_the_quote_says_meets_none(text: str, quote: str) -> None:
    assert objections(text, quote) <= {Objection.NAMES}  # how a sentence opens may look like one


@pytest.mark.parametrize(("text", "quote"), OTHER)
def test_what_says_otherwise_meets_one(text: str, quote: str) -> None:
    assert objections(text, quote) & {
        Objection.CHANGED, Objection.DEEDS, Objection.DENIALS, Objection.FACTS, Objection.FIGURES, Objection.SPEAKERS
    }  # fmt: skip


@pytest.mark.parametrize(
    ("published", "lacking"), [(None, False), (date(2018, 11, 2), False), (date(2021, 3, 1), True)]
)
def test_a_year_that_is_not_written_may_be_known_but_not_another_than_the_article_s(
    published: date | None, lacking: bool
) -> None:
    said, quote = "The festival of 2018 drew crowds.", "The festival drew crowds."
    assert (Objection.FIGURES in lacks(said, quote, published=published)) is lacking


def test_a_day_that_another_sentence_gives_is_not_the_day_of_the_one_that_is_repeated() -> None:
    repeated = "Norway opened the tunnel to traffic late on Tuesday."
    other = "Sweden opened a bridge late on Monday."
    moved = "Norway opened the tunnel to traffic late on Monday."
    assert Objection.CHANGED in objections(moved, f"{repeated} {other}", best=repeated)
    assert not objections("Norway opened the tunnel on Monday.", "Norway opened the tunnel. It was Monday.",
                          best="Norway opened the tunnel.")  # fmt: skip


@pytest.mark.parametrize("text", ["On Saturday.", "13 January 2024", "…", ""])
def test_a_text_that_is_no_more_than_a_day_can_be_compared(text: str) -> None:
    quote = "On Saturday Iran struck nine villages."
    assert objections(text, quote, published=date(2024, 1, 16)) <= {Objection.FIGURES, Objection.NAMES}
