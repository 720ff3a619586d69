"""Claims that disagree, and the many that only seem to."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import date

import pytest
from conftest import article, headline
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.answer.conflict import ClaimedValue, Disagreement, Group, find
from rag.english.sentences import sentences
from rag.types import RetrievedPassage, Scores

HOW_MANY = "How many people did Pakistan's strikes on Iran kill?"
TRUE = "Was it true?"  # a question that lets phrases be rivals only where one is denied


def said(
    marked: str, id: str = "a", *, published: date | None = None, title: str | None = None, score: float = 0.5
) -> ClaimedValue:
    """A claim by an article of that text; [brackets] mark the value, and are no part of the text."""
    start, end = marked.index("["), marked.index("]") - 1
    text = marked.replace("[", "").replace("]", "")
    story = article(text, id, published=published, title=title)
    around = next(text[a:b] for a, b in sentences(text) if a <= start and end <= b)
    return ClaimedValue(
        text[start:end],
        around,
        RetrievedPassage(story.passage(0, len(text)), headline(story), 1, Scores()),
        start,
        end,
        score,
    )


def each(*marked: str, published: date | None = None) -> list[ClaimedValue]:
    """One article for each text, surest first."""
    return [
        said(m, chr(ord("a") + at), published=published, score=0.9 - at / 100) for at, m in enumerate(marked)
    ]


def values(found: list[Disagreement]) -> list[list[str]]:
    return [[group.value for group in d.groups] for d in found]


def test_the_death_tolls_of_the_seeds_are_laid_side_by_side() -> None:
    seven = said(
        "Pakistan’s air force launched airstrikes against Iran, in an attack that killed [at least seven "
        "persons].",
        "a",
    )
    nine = said(
        "In fewer than 48 hours, Pakistan responded with “precise” military strikes that killed [at least "
        "nine people].",
        "b",
        score=0.9,
    )
    ten = said(
        "The Pakistani army attacked the hideouts of two groups on Iranian soil. [10 people] were killed in "
        "the offensive.",
        "c",
        score=0.4,
    )
    assert find(HOW_MANY, [ten, seven, nine]) == [
        Disagreement(
            HOW_MANY,
            (
                Group("at least nine people", (nine,)),
                Group("at least seven persons", (seven,)),
                Group("10 people", (ten,)),
            ),
        )
    ]


def test_a_claim_knows_where_it_and_its_sentence_stand_in_the_article() -> None:
    claim = said("It rained. Nine died in Iran. Nine died in [Iran].")
    assert (claim.start, claim.sentence_span) == (43, (30, 48))
    assert (claim.before, claim.after) == ("Nine died in ", ".")


def test_a_value_that_does_not_stand_in_its_sentence_cannot_be_claimed() -> None:
    claim = said("It killed [nine]. It rained.")
    with pytest.raises(ValueError, match="not the text"):
        ClaimedValue("ten", claim.sentence, claim.source, claim.start, claim.end, 0.5)
    with pytest.raises(ValueError, match="outside the sentence"):
        ClaimedValue("nine", "It rained.", claim.source, claim.start, claim.end, 0.5)


CONFLICTS = {
    "two lower bounds are two counts": (HOW_MANY, "Pakistan's strikes on Iran killed [at least seven].", "Pakistan's strikes on Iran killed [at least nine]."),
    "two weekdays": ("When did Pakistan strike Iran?", "Pakistan struck Iran on [Wednesday].", "Pakistan struck Iran on [Thursday morning]."),
    "two days of a month": ("When did Pakistan strike Iran?", "Pakistan struck Iran on [Jan. 17].", "Pakistan struck Iran on [18 January 2024]."),
    "two hours": ("When did the talks in Doha begin?", "The talks in Doha began at [9 a.m.].", "The talks in Doha began at [9:30 a.m.]."),
    "two years": ("What year did the Doha office open?", "The Doha office opened in [2013].", "The Doha office opened in [2012]."),
    "two cities": ("Where was Kakar born?", "Kakar was born in [Quetta].", "Kakar was born in [Pishin]."),
    "two cities of one state": ("Where was Kakar born?", "Kakar was born in [Salem, Ohio].", "Kakar was born in [Akron, Ohio]."),
    "two people": ("Who leads the Doha office?", "The Doha office is led by [Suhail Shaheen].", "The Doha office is led by [Abdul Ghani]."),
    "two sums": ("How much did Pakistan pay?", "Pakistan paid [$1.5 billion].", "Pakistan paid [$2 billion]."),
    "two sums, the payer first in the sentence": ("How much did Microsoft pay for Activision?", "Microsoft paid [$68.7 billion] for Activision.", "Microsoft bought Activision in a deal worth [$75 billion]."),
    "two percentages": ("What was Iran's inflation rate?", "Iran's inflation was [44.6%].", "Iran's inflation was [35 per cent]."),
    "two common nouns": ("Which branch of Pakistan's military attacked?", "Pakistan's [air force] attacked.", "Pakistan's [army] attacked."),
    "a party, asked for a party": ("Which party does Kakar lead?", "Kakar leads the [Labour Party].", "Kakar leads the [Liberal Party]."),
    "composed number words": (HOW_MANY, "Pakistan's strikes on Iran killed [two hundred and fifty].", "Pakistan's strikes on Iran killed [two hundred]."),
    "the same unit in other words": ("How long is Iran's border?", "Iran's border runs [560 miles].", "Iran's border runs [700 km]."),
    "yesterday and the date of another day": ("When did Pakistan strike Iran?", "Pakistan struck Iran [yesterday].", "Pakistan struck Iran on [17 January]."),
    "a figure among other words": (HOW_MANY, "Pakistan's strikes on Iran killed [a total of nine].", "Pakistan's strikes on Iran killed [seven]."),
    "the target named first": (HOW_MANY, "Pakistan's strikes on Iran killed [nine people].", "Iran was struck and [seven people] were killed, Pakistan said."),
    "whose camps they were": (HOW_MANY, "Pakistan's strikes on Iran killed [nine people].", "The camps of Jaish al-Adl in Iran were hit, killing [seven people]. It pleased Pakistan."),
    "a place and its country in the question": ("How many were killed in Saravan, Iran?", "In Saravan, Pakistan killed [nine people].", "In Saravan, Pakistan killed [seven people]."),
    "who did it, after another's deed": ("After Iran's strikes, when did Pakistan hit back?", "Against Iran, Pakistan hit back on [Wednesday].", "Against Iran, Pakistan hit back on [Thursday]."),
    "a weekday and the date of another day": (
        "When did Pakistan strike Iran?", "Pakistan struck Iran on [Wednesday].", "Pakistan struck Iran on [18 January].",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CONFLICTS)
def test_a_conflict(case: str) -> None:
    question, *texts = CONFLICTS[case]
    claims = each(*texts, published=date(2024, 1, 19))
    assert values(find(question, claims)) == [[c.value for c in claims]]


DIED = "Pakistan's strikes on Iran killed"
WHEN = "When did Pakistan strike Iran?"
STRUCK = "Pakistan struck Iran on"
SAME = {
    "a number in digits": (HOW_MANY, f"{DIED} [two people].", f"{DIED} [2 people]."),
    "a scale": ("How much did Pakistan pay?", "Pakistan paid [$1.5 million].", "Pakistan paid [$1,500,000]."),
    "two lower bounds of one number": (HOW_MANY, f"{DIED} [at least two].", f"{DIED} [two or more]."),
    "a bound outside the words of the value": (HOW_MANY, f"{DIED} more than [five].", f"{DIED} [seven]."),
    "or more": (HOW_MANY, f"{DIED} [five or more].", f"{DIED} [7 people]."),
    "a bound that holds the other": (HOW_MANY, f"{DIED} [more than 5].", f"{DIED} [7 people]."),
    "an upper bound": (HOW_MANY, f"{DIED} [up to 10].", f"{DIED} [7 people]."),
    "about": (HOW_MANY, f"{DIED} [about 1,000].", f"{DIED} [1,013 people]."),
    "rounded": ("How much did Pakistan pay?", "Pakistan paid [$1.5 billion].", "Pakistan paid [$1.47 billion]."),
    "vaguely": (HOW_MANY, f"{DIED} [dozens of people].", f"{DIED} [31 people]."),
    "a range": (HOW_MANY, f"{DIED} [between five and nine people].", f"{DIED} [7 people]."),
    "miles and kilometres": ("How long is Iran's border?", "Iran's border runs [560 miles].", "Iran's border runs [900 km]."),
    "other things counted": (HOW_MANY, f"{DIED} [nine people].", f"{DIED} [four children]."),
    "the order of a date": (WHEN, f"{STRUCK} [January 18, 2024].", f"{STRUCK} [18 Jan].", f"{STRUCK} [2024-01-18]."),
    "a day and its month": (WHEN, f"{STRUCK} [January 18].", "Pakistan struck Iran in [January 2024]."),
    "a weekday and its full date": (WHEN, f"{STRUCK} [Tuesday].", f"{STRUCK} [Tuesday, 16 January 2024]."),
    "a weekday and the date it was": (WHEN, f"{STRUCK} [Thursday].", f"{STRUCK} [18 January]."),
    "yesterday": (WHEN, "Pakistan struck Iran [yesterday].", f"{STRUCK} [18 January]."),
    "a decade and its year": ("When was Quetta's station built?", "Quetta's station was built in [the 1880s].", "Quetta's station was built in [1887]."),
    "about a year": ("When was Quetta's station built?", "Quetta's station was built [about 1886].", "Quetta's station was built in [1887]."),
    "a transliteration": ("Where was Kakar born?", "Kakar was born in [Balochistan].", "Kakar was born in [Baluchestan]."),
    "letters set apart": ("Who is Pakistan's premier?", "Pakistan's premier is [Anwaarul-Haq-Kakar].", "Pakistan's premier is [Anwaar-ul-Haq Kakar]."),
    "one name in one word": ("Who is Iran's minister?", "Iran's minister is [Amirabdollahian].", "Iran's minister is [Amir-Abdollahian]."),
    "an accent": ("Who directed Drama?", "Drama was directed by [Zoltán Korda].", "Drama was directed by [Zoltan Korda]."),
    "a short name": ("Who sanctioned Hamas?", "Hamas was sanctioned by the [U.S.].", "Hamas was sanctioned by the [United States]."),
    "initials": ("Who was hit in Iran?", "In Iran, the [BLA] was hit.", "In Iran, the [Balochistan Liberation Army] was hit."),
    "a title": ("Who leads Pakistan's army?", "Pakistan's army is led by [Gen. Asim Munir].", "Pakistan's army is led by [Asim Munir].", "Pakistan's army is led by [Munir]."),
    "a plural": ("What did Kakar ride in?", "Kakar rode in [an armoured car].", "Kakar rode in [armoured cars]."),
    "a city with its country": ("Where did Kakar land?", "Kakar landed in [Tehran, Iran].", "Kakar landed in [Tehran]."),
}  # fmt: skip


@pytest.mark.parametrize("case", SAME)
def test_one_value_in_other_words_or_less_exactly_is_no_conflict(case: str) -> None:
    question, *texts = SAME[case]
    assert find(question, each(*texts, published=date(2024, 1, 19))) == []


OTHERS = {
    "the other side struck": (HOW_MANY, f"{DIED} [nine people].", "Iran's strikes on Pakistan killed [two people]."),
    "the capital stands for the country": (HOW_MANY, f"{DIED} [nine people].", "After Pakistan protested, Tehran struck again and [two people] died."),
    "the actor named in the sentence before": (HOW_MANY, f"{DIED} [nine people].", "On Tuesday, Iran hit camps in Pakistan. [Two people] were killed."),
    "somebody else, elsewhere": (HOW_MANY, f"{DIED} [nine people].", "On Monday Israel bombed a suburb of Iran, killing [90 people]. Pakistan looked on."),
    "the actor's other target": (HOW_MANY, f"{DIED} [nine people].", "Pakistan raided camps in Kunar, killing [41 people]."),
    "nothing of the question is named": (HOW_MANY, f"{DIED} [nine people].", "A blast in Kabul killed [90 people]."),
    "somebody else is born": ("Where was Kakar born?", "Kakar was born in [Quetta].", "Jilani was born in [Multan]."),
    "the actor's own dead, elsewhere": (HOW_MANY, f"{DIED} [nine people].", "Kakar told how Pakistan warned Iran, before a bomb by Daesh in Kerman killed [90 people]."),
    "what was done to the actor": ("When did Pakistan strike?", "Pakistan struck on [Wednesday].", "Kakar told how Pakistan fumed when Iran hit camps in Pakistan on [Tuesday]."),
    "a figure denied": (HOW_MANY, f"{DIED} [nine people].", "Pakistan's strikes on Iran did not kill [seven people]."),
    "both sides counted together": (HOW_MANY, f"{DIED} [nine people].", "Pakistan's strikes on Iran and what came before killed [eleven people] on both sides."),
    "the injured": (HOW_MANY, f"{DIED} [nine people].", "Pakistan's strikes on Iran killed nine people and injured [20 people]."),
    "the injured, said first": (HOW_MANY, f"{DIED} [nine people].", "Pakistan's strikes on Iran left nine people dead and [20] injured."),
    "another year than asked": ("How many did Pakistan arrest in 2023?", "Pakistan arrested [900 people].", "Pakistan arrested [700 people] in 2022."),
    "each of another year": ("How many did Pakistan arrest?", "Pakistan arrested [900 people] in 2023.", "Pakistan arrested [700 people] in 2022."),
    "two actors, where the question names none": ("How many people were killed in the strikes?", "Iran's strikes killed [two people].", "Israel's strikes killed [90 people]."),
    "another's reversal, where nobody is said to have done it": ("How many were killed in Iran?", "In Iran, [nine people] were killed.", "An attack by Iran on Iraq killed [four people]."),
}  # fmt: skip


@pytest.mark.parametrize("case", OTHERS)
def test_a_claim_about_something_else_is_no_rival(case: str) -> None:
    question, *texts = OTHERS[case]
    assert find(question, each(*texts)) == []


MEMBERS = {
    "who were": ("Who were killed in Iran?", "In Iran, [Ali Rezaei] was killed.", "In Iran, [Omid Karimi] was killed."),
    "a plural noun": ("Which countries backed Iran?", "Iran was backed by [China].", "Iran was backed by [Russia]."),
    "a deed that many do": ("Who condemned Iran?", "Iran was condemned by [China].", "Iran was condemned by [Russia]."),
    "several strikes, several places": ("Where did Pakistan's strikes land?", "Pakistan's strikes landed in [Saravan].", "Pakistan's strikes landed in [Mehran]."),
    "reasons": ("Why did Pakistan strike Iran?", "Pakistan struck Iran over [border raids].", "Pakistan struck Iran for [public anger]."),
    "what somebody did": ("What did Iran do?", "Iran recalled [an envoy].", "Iran closed [the border]."),
    "yes or no": (TRUE, "It was [a rumour].", "It was [a fact]."),
    "a town and the province around it": ("Where was Kakar born?", "Kakar was born in [Muslim Bagh]. It lies in Quetta.", "Kakar was born in [Quetta]."),
    "a town and a province": ("Where was Kakar born?", "Kakar was born in [Quetta].", "Kakar was born in [Balochistan Province]."),
    "a name and a description": ("Who leads Pakistan's army?", "Pakistan's army is led by [Asim Munir].", "Pakistan's army is led by [a former spy chief]."),
    "a part in common": ("Who leads Pakistan's army?", "Pakistan's army is led by [Asim Munir].", "Pakistan's army is led by [Syed Munir]."),
    "a statement": ("What is the aim of Iran?", "The aim of Iran is [peace].", "The aim of Iran is [a gulf free of all foreign troops, bases, ships and spies]."),
    "one thing said, another denied": ("Is Pakistan an ally?", "Pakistan is [a friend].", "Pakistan was never [a vassal]."),
    "a number in a name": ("Why did Kis leave?", "Kis left [for Formula 3].", "Kis left [after 20 races]."),
    "a denial of another thing": ("Did Kis leave?", "[The coach] said that Kis left.", "Kis did [not] say why."),
    "a number and a name": ("What is Iran's channel?", "Iran's channel is [5].", "Iran's channel is [Press TV]."),
}  # fmt: skip


@pytest.mark.parametrize("case", MEMBERS)
def test_several_may_be_true_at_once(case: str) -> None:
    question, *texts = MEMBERS[case]
    assert find(question, each(*texts)) == []


DESKS = {
    "nobody and some": ("How many were hurt in the Oslo bus crash?", "[Nobody] was hurt in the Oslo bus crash.", "The Oslo bus crash left [four people] hurt."),
    "none of a kind and some": ("Were any passengers hurt when the Brent ferry sank?", "[No passengers] were hurt when the Brent ferry sank.", "[Six passengers] were hurt when the Brent ferry sank."),
    "arrested nobody": ("Was anyone arrested at the Lund march?", "Police arrested [nobody] at the Lund march.", "At the Lund march police arrested [12 people]."),
    "a deed and its denial": ("Did Novak withdraw from the Open?", "[Novak withdrew] from the Open on Monday.", "[Novak did not withdraw] from the Open."),
    "a deed that somebody denies": ("Does Halden use the drug?", "Halden [uses the drug] every day.", "Halden [denied using the drug]."),
    "a state and its denial behind the value": ("Is the Arno bridge closed?", "[The Arno bridge] is closed.", "[The Arno bridge] is not closed."),
    "a value without content": ("Is the portrait in Calder by Lene Aagaard?", "[The portrait] in Calder is by Lene Aagaard.", "The portrait in Calder is [not] by Lene Aagaard."),
    "a date among other words": ("On which day was the Globe gala?", "The Globe gala was on [the night of the 3 March vote].", "The Globe gala was on [5 March]."),
    "hundreds of thousands": ("How many people marched in Lund?", "[30,000 people] marched in Lund.", "[Hundreds of thousands] marched in Lund."),
    "a verb that denies, asked about": ("Did the court clear Hill?", "The court [cleared Hill] of fraud.", "The court [did not clear Hill] of fraud."),
    "a name in the genitive": ("Which hospital treated Kis?", "Kis was treated at [Saint Brigid's].", "Kis was taken to [Mercy Hospital]."),
    "authors, one in the passive": ("Who wrote Winter Light?", "Winter Light was written by [Ana Ruiz].", "[Bo Lind] wrote Winter Light."),
    "courts": ("Where was the Gorman trial held?", "The Gorman trial was held in [Leeds].", "The Gorman trial took place in [Hull]."),
    "months and years": ("How long was Hill jailed for?", "Hill was jailed for [six years].", "Hill was jailed for [18 months]."),
    "kilometres and miles": ("How far is Lund from Malmö?", "Lund is [18 km] from Malmö.", "Malmö lies [30 miles] from Lund."),
    "tonnes and kilograms": ("How heavy is the Mora meteorite?", "The Mora meteorite weighs [2.5 tonnes].", "The Mora meteorite weighs [1,900 kilograms]."),
    "a share in words": ("What percentage of voters backed Nova?", "[54 percent] of voters backed Nova.", "Nova was backed by [a third of] voters."),
    "a figure and a verb behind it": ("How many people died in the Kals fire?", "[Nine] died in the Kals fire.", "The Kals fire killed [eleven people]."),
    "decimals": ("What magnitude was the Izmit quake?", "The Izmit quake had a magnitude of [6.1].", "The Izmit quake measured [5.4]."),
}  # fmt: skip


@pytest.mark.parametrize("case", DESKS)
def test_a_conflict_on_another_desk(case: str) -> None:
    question, *texts = DESKS[case]
    claims = each(*texts, published=date(2023, 5, 5))
    assert [len(d.groups) for d in find(question, claims)] == [2]


NO_CONFLICT = {
    "half an hour": ("How long did the Kals outage last?", "The Kals outage lasted [half an hour].", "The Kals outage lasted [30 minutes]."),
    "hours and days": ("How long did the Kals outage last?", "The Kals outage lasted [two days].", "The Kals outage lasted [48 hours]."),
    "metres and kilometres": ("How long is the Kals tunnel?", "The Kals tunnel is [1.2 kilometres] long.", "The Kals tunnel runs for [1,200 metres]."),
    "a conversion, rounded": ("How much rain fell in Bergen?", "Bergen had [50 millimetres] of rain.", "In Bergen [two inches] of rain fell."),
    "a share in words": ("What share of Ona's voters stayed home?", "[A quarter of] Ona's voters stayed home.", "[25 percent] of Ona's voters stayed home."),
    "a share, rounded": ("What share of Ona's voters stayed home?", "[One in three] of Ona's voters stayed home.", "[33 percent] of Ona's voters stayed home."),
    "a percentage, rounded": ("What percentage of voters backed Nova?", "[54.3 percent] of voters backed Nova.", "Nova was backed by [54 percent]."),
    "a round number": ("How many people live in Kals?", "Kals has [4,000 inhabitants].", "Kals has [3,970 inhabitants]."),
    "profit and sales": ("What was Trefoil's profit?", "Trefoil made a profit of [9 million euros].", "Trefoil had sales of [140 million euros]."),
    "a place's part": ("How many homes lost power in Nordland?", "The storm cut power to [9,000 homes] in Nordland.", "The storm cut power to [1,200 homes] in Bodø, in Nordland."),
    "a place's part, further on": ("How many jobs will Quillon cut?", "Quillon will cut [900 jobs] in all.", "Quillon will cut [120 jobs] at its plant in Lyon."),
    "some of them": ("How many people were hurt in the Kals fire?", "[Nine people] were hurt in the Kals fire.", "In the Kals fire nine people were hurt, [four of them] children."),
    "among others": ("How many people were hurt in the Kals fire?", "[Nine people] were hurt in the Kals fire.", "Many were hurt in the Kals fire, including [four people] from Lund."),
    "other things counted, one unsaid": ("How many goals did Kis score?", "Kis scored [17].", "Kis played [31 matches]."),
    "hundreds of thousands": ("How many people marched in Lund?", "[Hundreds of thousands] marched in Lund.", "[200,000 people] marched in Lund."),
    "one sort of them": ("How many medals did Norway win in Oslo?", "Norway won [12 medals] in Oslo.", "Norway won [five gold medals] in Oslo."),
    "a town and the part of a country": ("Where is Trefoil based?", "Trefoil is based in [Lund].", "Trefoil is based in [southern Sweden]."),
    "a deed in other words": ("Did Novak withdraw from the Open?", "[Novak withdrew] from the Open on Monday.", "[Novak pulled out] of the Open."),
    "a denial of something else": ("Did Trefoil pay the fine?", "[Trefoil paid the fine], though it had not wanted to.", "[Trefoil paid the fine]."),
    "a heading's denial": ("Who wrote Winter Light?", "[Ana Ruiz] wrote Winter Light.", "No label defined – English edition of Winter Light by [Ana Ruiz]."),
    "a value cut out of a figure": ("What is the population of Kals?", "The population of Kals is [205].", "In Kals a house costs $[205],000."),
    "a letter foreign to English": ("Who leads Trefoil?", "Trefoil is led by [Łukasz Żak].", "[Lukasz Zak] leads Trefoil."),
}  # fmt: skip


@pytest.mark.parametrize("case", NO_CONFLICT)
def test_no_conflict_on_another_desk(case: str) -> None:
    question, *texts = NO_CONFLICT[case]
    assert find(question, each(*texts, published=date(2023, 5, 5))) == []


@pytest.mark.parametrize(
    ("asked", "other"),
    [
        ("died", "injured"), ("died", "arrested"), ("were injured", "fled"), ("were arrested", "missing"), ("fled", "died"),
        ("were missing", "injured"),
    ],
)  # fmt: skip
def test_another_harm_is_another_count(asked: str, other: str) -> None:
    claims = each(f"In Kals [nine people] {asked}.", f"In Kals [40 people] were {other}.")
    assert find(f"How many people {asked} in Kals?", claims) == []


@pytest.mark.parametrize(("asked", "other"), [("profit", "loss"), ("loss", "debt"), ("revenue", "profit")])
def test_another_measure_is_another_count(asked: str, other: str) -> None:
    claims = each(f"Trefoil's {asked} was [$9 million].", f"Trefoil's {other} was [$40 million].")
    assert find(f"What was Trefoil's {asked}?", claims) == []


def test_a_count_from_before_the_year_asked_about_is_another() -> None:
    question = "How many cases did Kallio report in 2022?"
    asked = said("Kallio reported [19 cases] in 2022.", "a", score=0.9)
    for day, groups in ((date(2021, 12, 31), []), (date(2022, 1, 1), [2])):
        other = said("Kallio reported [40 cases].", "b", published=day)
        assert [len(d.groups) for d in find(question, [asked, other])] == groups


def test_days_of_two_years_are_two_events() -> None:
    cold = said(
        "The temperature in Oulu fell to [4 degrees] on Friday.", "a", published=date(2024, 1, 6), score=0.9
    )
    for year, groups in ((2020, []), (2024, [2])):
        mild = said(
            "The temperature in Oulu rose to [9 degrees] on Sunday.", "b", published=date(year, 1, 29)
        )
        assert [len(d.groups) for d in find("How cold was it in Oulu?", [cold, mild])] == groups


@pytest.mark.parametrize(
    ("question", "first", "second"),
    [
        (
            "Who won the Halden Cup?",
            "[Ajax] won the Halden Cup on Sunday.",
            "[Porto] won the Halden Cup on Sunday.",
        ),
        (
            "When does the Kals fair open?",
            "The Kals fair opens on [3 July].",
            "The Kals fair opens on [5 July].",
        ),
    ],
)
def test_what_happens_every_year_is_another_event_in_another(question: str, first: str, second: str) -> None:
    once = said(first, "a", published=date(2022, 5, 5), score=0.9)
    for year, groups in ((2023, []), (2022, [2])):
        again = said(second, "b", published=date(year, 5, 6))
        assert [len(d.groups) for d in find(question, [once, again])] == groups


def test_what_had_not_happened_yet_may_have_happened_since() -> None:
    for word, later in ((" yet", True), ("", False)):
        no = said(f"Ona has [not signed the treaty]{word}.", "a", published=OLD, score=0.9)
        (found,) = find(
            "Has Ona signed the treaty?", [no, said("[Ona has signed the treaty].", "b", published=NEW)]
        )
        assert bool(found.later) == later


def test_a_later_figure_of_the_same_publication_is_its_latest() -> None:
    first = of_source(said("Kallio has [40 cases].", "a", published=OLD, score=0.9), "Herald")
    second = said("Kallio has [55 cases].", "b", published=NEW)
    (found,) = find("How many cases does Kallio have?", [first, of_source(second, "Herald")])
    assert (values([found]), found.later) == ([["40 cases", "55 cases"]], found.groups[1])
    assert find("How many cases does Kallio have?", [first, of_source(second, "Ledger")])[0].later is None


def of_source(claim: ClaimedValue, name: str) -> ClaimedValue:
    return replace(claim, source=replace(claim.source, article=replace(claim.source.article, source=name)))


def test_words_and_their_denial_disagree_whatever_is_asked() -> None:
    ally, never, no = each(
        "Pakistan is [a major non-NATO ally] of the United States.",
        "Pakistan has never been [a formal ally] of the United States.",
        "There was [no treaty of alliance] with Pakistan.",
    )
    assert find("Is Pakistan an ally of the United States?", [ally, never]) == [
        Disagreement(
            "Is Pakistan an ally of the United States?",
            (Group("a major non-NATO ally", (ally,)), Group("never been a formal ally", (never,))),
        )
    ]
    assert values(find("Is Pakistan an ally of the United States?", [ally, no])) == [
        ["a major non-NATO ally", "no treaty of alliance"]
    ]


@pytest.mark.parametrize(
    "text",
    [
        "It was not on Monday, as Pakistan is [a formal ally].",
        "Pakistan is not only [a formal ally].",
        "No. 1 for Pakistan is [a formal ally].",
    ],
)
def test_what_only_looks_like_a_denial(text: str) -> None:
    assert find("Is Pakistan an ally?", each("Pakistan is [a major non-NATO ally].", text)) == []


def test_one_article_does_not_contradict_itself() -> None:
    seven, nine = said(f"{DIED} [seven]. {DIED} nine.", "a"), said(f"{DIED} seven. {DIED} [nine].", "a")
    assert find(HOW_MANY, [seven, nine]) == []


def test_an_article_that_gives_the_others_value_too_is_no_rival() -> None:
    seven, nine = (
        said(f"{DIED} [seven]. {DIED} nine.", "a"),
        said(f"{DIED} seven. {DIED} [nine].", "a", score=0.9),
    )
    assert find(HOW_MANY, [seven, nine, said(f"Officials said that {DIED} [seven].", "b")]) == []


def test_an_article_has_one_voice() -> None:
    """Its less sure eleven, which nobody else gives, is not shown beside its nine."""
    nine, eleven = (
        said(f"{DIED} [nine]. Pakistan mourned eleven.", "a", score=0.9),
        said(f"{DIED} nine. Pakistan mourned [eleven].", "a"),
    )
    seven = said(f"Officials said that {DIED} [seven].", "b", score=0.8)
    assert values(find(HOW_MANY, [nine, eleven, seven])) == [["nine", "seven"]]


def test_an_article_that_counts_a_part_as_well_is_heard_with_what_can_be_compared() -> None:
    children = said("Pakistan's strikes on Iran killed [two children].", "b", score=0.5)
    whole = said("It is said that Pakistan's strikes on Iran killed [seven people].", "b", score=0.3)
    found = find(
        HOW_MANY, [said("Pakistan's strikes on Iran killed [nine people].", "a", score=0.9), children, whole]
    )
    assert values(found) == [["nine people", "seven people"]]


def test_of_words_an_article_is_heard_with_the_surest_whatever_can_be_compared() -> None:
    sure, unsure = (
        said("Iran recalled [the envoy].", "b", score=0.5),
        said("It is said that Iran hit the [Houthis].", "b", score=0.3),
    )
    assert find("Whom did Iran hit?", [said("Iran hit [Jaish al-Adl].", "a", score=0.9), sure, unsure]) == []


COPY = "Officials in Saravan said on Thursday that Pakistan's strikes on Iran killed {} at dawn, and Kakar said that {} were hit."


def test_copies_of_one_text_are_one_voice_though_each_is_read_differently() -> None:
    assert find(HOW_MANY, each(COPY.format("[seven]", "nine"), COPY.format("seven", "[nine]"))) == []


@pytest.mark.parametrize(
    ("ending", "copies"), [("at dawn near Saravan town", True), ("at noon near Saravan town", False)]
)
def test_a_copy_holds_most_of_the_sentence(ending: str, copies: bool) -> None:
    """Of twelve runs of three words, nine or eight stand in the other's: seven tenths make a copy."""
    seven = said(f"{DIED} [seven] and then nine at dawn by the river.", "a", score=0.9)
    nine = said(f"{DIED} seven and then [nine] {ending}.", "b")
    assert (find(HOW_MANY, [seven, nine]) == []) == copies


def test_a_copy_with_another_figure_is_a_rival() -> None:
    assert values(
        find(HOW_MANY, each(COPY.format("[seven]", "twelve"), COPY.format("[nine]", "twelve")))
    ) == [["seven", "nine"]]


def test_agreeing_articles_share_a_group_and_a_bound_is_shown_once_there_is_a_conflict() -> None:
    nine, also, seven, some = each(
        f"{DIED} [nine].", f"{DIED} [9 people].", f"{DIED} [seven].", f"{DIED} [more than 5]."
    )
    assert find(HOW_MANY, [some, seven, also, nine]) == [
        Disagreement(
            HOW_MANY, (Group("nine", (nine, also)), Group("seven", (seven,)), Group("more than 5", (some,)))
        )
    ]


def test_claims_of_two_kinds_make_two_disagreements() -> None:
    claims = each(f"{DIED} [seven].", f"{DIED} [nine].", f"{STRUCK} [Monday].", f"{STRUCK} [Tuesday].")
    assert values(find(HOW_MANY, claims)) == [["seven", "nine"], ["Monday", "Tuesday"]]


OLD, NEW = date(2024, 1, 18), date(2024, 1, 19)
UPDATES = {
    "risen to": f"The toll of those that {DIED} has risen to [nine].",
    "revised to": "The number that Pakistan's strikes on Iran killed was revised to [nine].",
    "now": "The dead of Pakistan's strikes on Iran now number [nine].",
    "still": "Still, Pakistan's strikes on Iran killed [nine].",
    "latest toll": "The latest toll of Pakistan's strikes on Iran is [nine].",
}


def test_a_count_that_falls_is_updated_by_a_lower_one() -> None:
    for number, later in (("three", True), ("nine", False)):
        fallen = said(f"The toll of those that {DIED} has fallen to [{number}].", "b", published=NEW)
        found = find(HOW_MANY, [said(f"{DIED} [seven].", "a", published=OLD, score=0.9), fallen])
        assert [bool(d.later) for d in found] == [later]


@pytest.mark.parametrize("case", UPDATES)
def test_a_later_report_that_says_it_updates_is_no_conflict(case: str) -> None:
    seven, nine = said(f"{DIED} [seven].", "a", published=OLD), said(UPDATES[case], "b", published=NEW)
    groups = Group("seven", (seven,)), Group("nine", (nine,))
    assert find(HOW_MANY, [nine, seven]) == [Disagreement(HOW_MANY, groups, later=groups[1])]


def test_of_two_updates_the_newest_is_the_later() -> None:
    first = said(f"{DIED} [seven].", "a", published=OLD)
    second = said(f"The toll of those that {DIED} has risen to [nine].", "b", published=OLD, score=0.9)
    third = said(f"The toll of those that {DIED} has risen to [ten].", "c", published=NEW, score=0.1)
    found = find(HOW_MANY, [first, second, third])
    assert values(found) == [["nine", "seven", "ten"]]
    assert found[0].later == Group("ten", (third,))


@pytest.mark.parametrize(
    ("text", "published"),
    [
        (f"{DIED} [nine].", NEW),  # it does not say that it updates
        (UPDATES["risen to"], date(2024, 1, 17)),  # it is older
        (UPDATES["risen to"], None),  # nobody knows when it appeared
        (f"The toll of those that {DIED} has risen to [three].", NEW),  # nothing rises from seven to three
        (f"The toll of those that {DIED} has fallen to [nine].", NEW),
    ],
)
def test_what_does_not_update_is_a_conflict(text: str, published: date | None) -> None:
    claims = [said(f"{DIED} [seven].", "a", published=OLD, score=0.9), said(text, "b", published=published)]
    assert [(len(d.groups), d.later) for d in find(HOW_MANY, claims)] == [(2, None)]


def test_an_update_does_not_settle_what_others_dispute() -> None:
    claims = [
        said(f"{DIED} [seven].", "a", published=OLD, score=0.9),
        said(f"{DIED} [eight].", "b", published=OLD, score=0.8),
        said(UPDATES["risen to"], "c", published=NEW, score=0.7),
    ]
    assert [(values([d]), d.later) for d in find(HOW_MANY, claims)] == [([["seven", "eight", "nine"]], None)]


def test_a_title_says_what_the_sentence_leaves_out() -> None:
    claims = [
        said("At least [seven] died.", "a", title="Pakistan strikes Iran"),
        said("At least [nine] died.", "b", title="Pakistan hits Iran"),
    ]
    assert values(find(HOW_MANY, claims)) == [["seven", "nine"]]


def test_a_question_in_small_letters_is_understood() -> None:
    claims = each(
        f"On Thursday {DIED} [seven].",
        f"{DIED} [nine].",
        "On Monday Iran's strikes on Pakistan killed [two].",
    )
    assert values(find("how mny ppl did pakistans strikes kil in iran", claims)) == [["seven", "nine"]]


def test_a_question_in_small_letters_asks_about_one_side() -> None:
    claims = each(f"On Thursday {DIED} [seven].", f"On Thursday {DIED} [nine].")
    assert find("how many did irans strikes on pakistan kill", claims) == []


def test_the_same_words_are_one_claim_the_surest() -> None:
    seven, nine = each(f"{DIED} [seven].", f"{DIED} [nine].")
    assert [g.claims for g in find(HOW_MANY, [replace(seven, score=0.1), nine, seven])[0].groups] == [
        (seven,),
        (nine,),
    ]


def test_the_others_figure_in_another_sentence_does_not_make_a_copy() -> None:
    claims = each(
        f"{DIED} [seven]. In 2013, a quake and later floods in the same remote hills of Iran killed nine.",
        f"Officials confirmed late on Thursday that {DIED} [nine].",
    )
    assert values(find(HOW_MANY, claims)) == [["seven", "nine"]]


@pytest.mark.parametrize(
    ("mayor", "groups"), [("Ann Lee of Lund in Skåne", [2]), ("Ann Lee of Lund in Skåne, Sweden", [])]
)
def test_half_of_the_question_s_names_must_be_named(mayor: str, groups: list[int]) -> None:
    claims = each(f"On Monday [nine] thanked {mayor}.", "Ann Lee thanked [seven].")
    assert [len(d.groups) for d in find(f"How many thanked {mayor}?", claims)] == groups


def test_no_claims_no_disagreement() -> None:
    assert find(HOW_MANY, []) == []


POOL = [
    said(text, id, published=day, score=score)
    for id, day, score, text in (
        ("a", OLD, 0.5, f"{DIED} [seven people]."), ("a", OLD, 0.5, f"{STRUCK} [Wednesday]."), ("b", OLD, 0.5, f"{DIED} [at least nine]."),
        ("b", NEW, 0.5, f"{DIED} [9 people]."), ("c", NEW, 0.6, UPDATES["risen to"]), ("c", None, 0.4, f"{STRUCK} [18 January]."),
        ("d", None, 0.5, f"{DIED} [dozens of people]."), ("d", NEW, 0.5, f"{STRUCK} [Thursday]."), ("e", NEW, 0.9, "Pakistan is [an ally of Iran]."),
        ("e", NEW, 0.9, "Pakistan is not [an ally of Iran]."), ("f", OLD, 0.2, "Iran's strikes on Pakistan killed [two]."),
    )
]  # fmt: skip


@settings(deadline=None)
@given(
    st.lists(st.sampled_from(POOL), max_size=12),
    st.sampled_from([HOW_MANY, WHEN, TRUE]),
    st.randoms(use_true_random=False),
)
def test_the_order_of_claims_does_not_matter_and_two_articles_are_needed(
    claims: list[ClaimedValue], question: str, random
) -> None:
    found = find(question, claims)
    shuffled = claims.copy()
    random.shuffle(shuffled)
    assert find(question, shuffled) == found
    for disagreement in found:
        assert len({c.source.article.id for g in disagreement.groups for c in g.claims}) > 1
        assert len({g.value for g in disagreement.groups}) == len(disagreement.groups) > 1


@settings(deadline=None)
@given(st.lists(st.sampled_from(POOL), max_size=12), st.sampled_from([HOW_MANY, WHEN, TRUE]))
def test_a_single_article_never_disagrees(claims: list[ClaimedValue], question: str) -> None:
    assert find(question, [c for c in claims if c.source.article.id == "a"]) == []


@pytest.mark.parametrize(
    "hostile",
    [
        "a" * 20_000,
        "1,000," * 3_000,
        "not " * 5_000,
        "Iran " * 4_000,
        "at least " * 2_000,
        "risen to " * 2_000,
    ],
)
def test_hostile_text_takes_no_time(hostile: str) -> None:
    claims = each(f"Iran {hostile} [nine].", f"Iran {hostile} [ten].")
    began = time.perf_counter()
    find(HOW_MANY, claims)
    assert time.perf_counter() - began < 2


def of_group(claim: ClaimedValue, group: str) -> ClaimedValue:
    """The claim, as one of an article that has near-copies."""
    return replace(claim, source=replace(claim.source, article=replace(claim.source.article, group=group)))


def test_versions_of_one_report_are_one_source_and_a_copy_with_another_value_disagrees() -> None:
    texts = (
        "Pakistan's strikes on Iran killed [seven people].",
        "Pakistan's strikes on Iran killed [nine people].",
    )
    both = [["seven people", "nine people"]]
    for days, expected in (
        ((date(2024, 1, 18), date(2024, 1, 19)), []),  # an agency's report and its next version
        ((date(2024, 1, 18), date(2024, 1, 18)), both),
        ((date(2024, 1, 18), None), both),
    ):
        claims = [said(text, name, published=day) for text, name, day in zip(texts, "ab", days, strict=True)]
        assert values(find(HOW_MANY, claims)) == both, "they are articles of their own"
        assert values(find(HOW_MANY, [of_group(claim, "a") for claim in claims])) == expected


def test_a_source_that_disagrees_with_several_copies_still_does() -> None:
    seven, also, nine = each(
        "Pakistan's strikes on Iran killed [seven people].",
        "In Dawn: Pakistan's strikes on Iran killed [seven people].",
        "Pakistan's strikes on Iran killed [nine people].",
    )
    found = find(HOW_MANY, [of_group(seven, "a"), of_group(also, "a"), nine])
    assert values(found) == [["seven people", "nine people"]]
