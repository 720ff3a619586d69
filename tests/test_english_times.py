"""Times said relative to publication: each rule of `rag.english.times`, on a Thursday and a Saturday of
January 2024.

    January 2024
Mo Tu We Th Fr Sa Su
 1  2  3  4  5  6  7
 8  9 10 11 12 13 14
15 16 17 18 19 20 21
22 23 24 25 26 27 28
29 30 31
"""

from __future__ import annotations

import re
import time
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.english.times import Moment, day_of, resolved

THURSDAY = date(2024, 1, 18)
SATURDAY = date(2024, 1, 20)


def said(text: str, published: date = THURSDAY) -> list[str]:
    """What is resolved in a text, each as a reader is shown it."""
    return [f"{text[m.start : m.end]} = {m.shown}" for m in resolved(text, published)]


def test_a_moment_is_the_place_of_the_words_and_the_days_they_mean() -> None:
    text = "Iran struck on Tuesday, weeks after it was hit last month."
    assert resolved(text, THURSDAY) == (
        Moment(12, 22, date(2024, 1, 16), date(2024, 1, 16)),
        Moment(47, 57, date(2023, 12, 1), date(2023, 12, 31)),
    )


@pytest.mark.parametrize(
    ("first", "last", "shown"),
    [
        (date(2024, 1, 16), date(2024, 1, 16), "16 January 2024"),
        (date(2024, 1, 8), date(2024, 1, 14), "8–14 January 2024"),
        (date(2024, 1, 29), date(2024, 2, 4), "29 January – 4 February 2024"),
        (date(2023, 12, 25), date(2024, 1, 1), "25 December 2023 – 1 January 2024"),
        (date(2024, 2, 1), date(2024, 2, 29), "February 2024"),
        (date(2023, 2, 1), date(2024, 2, 29), "1 February 2023 – 29 February 2024"),
        (date(2023, 1, 1), date(2023, 12, 31), "2023"),
        (date(2023, 1, 1), date(2024, 12, 31), "1 January 2023 – 31 December 2024"),
    ],
)
def test_days_are_shown_as_shortly_as_they_can_be(first: date, last: date, shown: str) -> None:
    assert Moment(0, 1, first, last).shown == shown


def test_nothing_is_resolved_where_the_day_of_publication_is_not_known() -> None:
    assert resolved("Iran struck on Tuesday, yesterday, last month, two days ago and on Jan. 16.", None) == ()


@pytest.mark.parametrize(
    ("published", "expected"),
    [
        (
            THURSDAY,
            {
                "Monday": 15,
                "Tuesday": 16,
                "Wednesday": 17,
                "Thursday": 18,
                "Friday": 12,
                "Saturday": 13,
                "Sunday": 14,
            },
        ),
        (
            SATURDAY,
            {
                "Monday": 15,
                "Tuesday": 16,
                "Wednesday": 17,
                "Thursday": 18,
                "Friday": 19,
                "Saturday": 20,
                "Sunday": 14,
            },
        ),
    ],
)
def test_a_weekday_is_the_nearest_on_or_before_publication(published: date, expected: dict[str, int]) -> None:
    for weekday, day in expected.items():
        assert said(f"Iran struck on {weekday}.", published) == [f"on {weekday} = {day} January 2024"]
        assert said(f"{weekday}’s strike killed nine.", published) == [f"{weekday} = {day} January 2024"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It happened last Tuesday.", "last Tuesday = 16 January 2024"),
        ("It happened last Thursday.", "last Thursday = 11 January 2024"),
        ("Last Thursday it rained.", "Last Thursday = 11 January 2024"),
        ("It happened this past Thursday.", "this past Thursday = 11 January 2024"),
        ("It happened this Tuesday.", "this Tuesday = 16 January 2024"),
        ("It happened this Thursday.", "this Thursday = 18 January 2024"),
        ("It starts next Tuesday.", "next Tuesday = 23 January 2024"),
        ("It starts next Thursday.", "next Thursday = 25 January 2024"),
        ("It starts this coming Friday.", "this coming Friday = 19 January 2024"),
        ("The coming Thursday is free.", "coming Thursday = 25 January 2024"),
        ("It happened on Tuesday last week.", "on Tuesday last week = 9 January 2024"),
        ("It happened on Sunday of this week.", "on Sunday of this week = 21 January 2024"),
        ("It happens on Friday next week.", "on Friday next week = 26 January 2024"),
    ],
)
def test_words_beside_a_weekday_say_which_one(text: str, expected: str) -> None:
    assert said(text) == [expected]


@pytest.mark.parametrize(
    "text",
    [
        "They meet next Friday.",  # tomorrow, or a week later
        "They met this Friday.",  # none has been this week
        "He came the last Tuesday of the month.",
        "He came the next Tuesday, when it was over.",
    ],
)
def test_a_weekday_that_may_be_another_stays_unresolved(text: str) -> None:
    assert said(text) == []


def test_next_friday_is_sure_once_this_weeks_has_passed() -> None:
    assert said("They meet next Friday.", SATURDAY) == ["next Friday = 26 January 2024"]
    assert said("They meet next Sunday.", SATURDAY) == []


@pytest.mark.parametrize(
    "text",
    [
        "Iran will vote on Tuesday.",
        "Iran won’t vote on Tuesday.",
        "They’ll vote on Tuesday.",
        "Parliament shall vote on Tuesday.",
        "Iran is to vote on Tuesday.",
        "They are going to vote on Tuesday.",
        "It is set to vote on Tuesday.",
        "It is expected to vote on Tuesday.",
        "It is scheduled to vote on Tuesday.",
        "Kirby said Iran will vote on Tuesday.",
        "The court on Tuesday will decide.",
        "On Tuesday, the high court will decide.",
        "It is over. On Tuesday it will start anew.",
        "“On Tuesday it will start anew.”",
        "Iran will rest after the strike, but it will vote on Tuesday.",
        "Iran will vote at 5 p.m. Tuesday.",
        "Iran will send a rep. on Tuesday.",
        "The U.S. will meet Gen. Munir on Tuesday.",
    ],
)
def test_a_weekday_is_the_nearest_after_publication_where_the_words_point_ahead(text: str) -> None:
    (moment,) = resolved(text, THURSDAY)
    assert (moment.first, moment.last) == (date(2024, 1, 23), date(2024, 1, 23))


@pytest.mark.parametrize(
    "text",
    [
        "He said on Tuesday he will go.",
        "Iran will answer, a general said on Tuesday.",
        "“Iran will answer,” a general told us in Tehran on Tuesday.",
        "It will rain: the strike on Tuesday is over.",
        "It will rain. They left on Tuesday.",
        "It will rain\n\nThey left on Tuesday.",
        "On Tuesday, Kirby said it will end.",
        "On Tuesday, Iran struck a town at dawn that will recover.",
        "According to police on Tuesday nine died.",
        "Flights went to the capital on Tuesday.",
        "It will rain" + " and rain" * 15 + " as it did on Tuesday.",
    ],
)
def test_what_does_not_bear_on_a_weekday_does_not_move_it(text: str) -> None:
    (moment,) = resolved(text, THURSDAY)
    assert (moment.first, moment.last) == (date(2024, 1, 16), date(2024, 1, 16))


@pytest.mark.parametrize(
    "text",
    [
        "Iran will respond to the strike on Tuesday.",
        "Iran will rest after the vote on Tuesday.",
        "Iran will, God willing, vote on Tuesday.",
        "Iran will, he said, vote on Tuesday.",
        "Iran will discuss Tuesday’s strike.",
        "Tuesday’s strike will be answered.",
        "Iran will vote on Thursday.",  # that very day, or a week later
        "Iran agreed to hold talks in Lahore on Friday.",
        "Iran planned to vote on Friday.",
    ],
)
def test_a_weekday_that_may_lie_on_either_side_stays_unresolved(text: str) -> None:
    assert said(text) == []


@pytest.mark.parametrize("word", "would could may might should must can cannot If if Unless unless".split())
def test_a_weekday_after_a_word_that_leaves_it_open_stays_unresolved(word: str) -> None:
    assert said(f"{word} he go there on Tuesday") == []


@pytest.mark.parametrize(
    "word", "after since following that which who when where because despite while as".split()
)
def test_a_clause_between_will_and_the_weekday_leaves_it_open(word: str) -> None:
    assert said(f"It will end {word} they met on Tuesday.") == []


@pytest.mark.parametrize("verb", "respond react retaliate avenge investigate condemn".split())
def test_what_is_answered_may_have_been_on_the_weekday(verb: str) -> None:
    assert said(f"It will {verb} the strike on Tuesday.") == []


@pytest.mark.parametrize(
    "verb", "said says told wrote warned announced added reported declared confirmed claimed".split()
)
def test_what_stands_before_the_saying_does_not_bear_on_its_day(verb: str) -> None:
    assert said(f"“It will end,” he {verb} on Tuesday.") == ["on Tuesday = 16 January 2024"]


@pytest.mark.parametrize(
    "before",
    [
        "by", "until", "till", "before", "for", "from", "through", "to", "ahead of", "starting", "beginning", "effective",
        "begins", "begin", "start", "opens on", "resumes on", "ends", "is on", "are", "due", "expected", "planned", "scheduled",
        "a week ago", "last week on", "a", "an", "one", "on some", "any", "each", "every", "Black", "Good", "Bloody", "Super",
        "Ash", "Palm", "Easter", "Holy", "Cyber", "Sheffield", "(16 January 2024,",
    ],
)  # fmt: skip
def test_a_weekday_after_words_that_make_it_unsure_stays_unresolved(before: str) -> None:
    assert [words for words in said(f"They met {before} Friday.") if "Friday" in words] == []


@pytest.mark.parametrize(
    "name", "Times Telegraph Express Mirror Mail Post Herald Star Independent World".split()
)
def test_a_newspapers_name_is_no_day(name: str) -> None:
    assert said(f"The Sunday {name} had it first.") == []


@pytest.mark.parametrize(
    "after", [" the 16th", ", 16th", " week", " two weeks ago", " that week", " of the previous week"]
)
def test_a_weekday_that_goes_on_says_another_day(after: str) -> None:
    assert [words for words in said(f"They met on Tuesday{after}.") if "Tuesday" in words] == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("on Jan. 16", "on Jan. 16 = 16 January 2024"),
        ("on Jan 16", "on Jan 16 = 16 January 2024"),
        ("On January 16th, it", "On January 16th = 16 January 2024"),
        ("on 16 January", "on 16 January = 16 January 2024"),
        ("on the 16th of January", "on the 16th of January = 16 January 2024"),
        ("on Tuesday, Jan. 16", "on Tuesday, Jan. 16 = 16 January 2024"),
        ("Tuesday (Jan. 16)", "Tuesday (Jan. 16) = 16 January 2024"),
        ("Tuesday 16 January", "Tuesday 16 January = 16 January 2024"),
        ("on Sept. 20", "on Sept. 20 = 20 September 2023"),  # 120 days back
        ("on March 18", "on March 18 = 18 March 2024"),  # 60 days ahead
        ("on Nov. 26", "on Nov. 26 = 26 November 2023"),
        ("on Feb. 29", "on Feb. 29 = 29 February 2024"),
        ("on Sunday, Jan. 1", "on Sunday, Jan. 1 = 1 January 2023"),  # further back, but its weekday says so
        ("on Jan. 16 last year", "on Jan. 16 last year = 16 January 2023"),
        ("on May 9 of this year", "on May 9 of this year = 9 May 2024"),
        ("on 1 June next year", "on 1 June next year = 1 June 2025"),
    ],
)
def test_a_day_without_a_year_is_a_near_one(text: str, expected: str) -> None:
    assert said(text) == [expected]


@pytest.mark.parametrize(
    "text",
    [
        "on Tuesday, January 16, 2024",
        "on January 16, 2024",
        "on Tuesday 16 January 2024",
        "on 16 January 2024",
        "Tuesday (16 January 2024)",
        "on Sept. 19",  # 121 days back
        "on March 19",  # 61 days ahead
        "on Wednesday, Jan. 16",  # it was a Tuesday, and a Monday the year before
        "on Feb. 30",
        "on Jan. 0",
        "the Jan. 16 riot",
        "Iran’s 16 January strike",
        "on Jan. 16-18",
        "on Jan. 16 – 18",
        "on Jan. 16 and 17",
        "on Jan. 16 or Feb. 3, 2020",
        "15–16 January",
        "on Jan. 16 that year",
        "on Jan. 16 of the same year",
        "In 2019, the war began on Jan. 16",
        "on Jan. 16 in a war of 2019",
        "Jan. 165",
        "Jan. 16.5",
        "Jan. 16%",
        "Jan. 16:30",
        "7.16 January",
    ],
)
def test_a_day_that_has_its_year_or_may_have_another_stays_unresolved(text: str) -> None:
    assert said(text) == []


def test_a_year_in_another_sentence_is_not_its_own() -> None:
    assert said("It was 2019. On Jan. 16 it ended. In 2020 it began.") == ["On Jan. 16 = 16 January 2024"]


def test_the_29th_of_february_is_looked_for_only_in_years_that_have_one() -> None:
    assert said("on Feb. 29", date(2023, 2, 1)) == []
    assert said("on Feb. 29", date(2024, 3, 10)) == ["on Feb. 29 = 29 February 2024"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It ended in December.", "in December = December 2023"),
        ("In January it rained.", "In January = January 2024"),
        ("It ended in July.", "in July = July 2023"),  # six months back
        ("Iran will vote in February.", "in February = February 2024"),
        ("Iran will vote in January.", "in January = January 2024"),
        ("Iran will vote in July.", "in July = July 2024"),
        ("It ended in January last year.", "in January last year = January 2023"),
        ("It ended in May of last year.", "in May of last year = May 2023"),
    ],
)
def test_a_month_alone_is_the_nearest(text: str, expected: str) -> None:
    assert said(text) == [expected]


@pytest.mark.parametrize(
    "text",
    [
        "It ended in June.",  # seven months back
        "Iran will vote in August.",
        "Iran could vote in February.",
        "It ended in December 2019.",
        "In 2019 it ended in December.",
        "It ended in December that year.",
        "It fell in November and December.",
    ],
)
def test_a_month_that_may_be_of_another_year_stays_unresolved(text: str) -> None:
    assert said(text) == []


@pytest.mark.parametrize(
    ("text", "published", "expected"),
    [
        ("this week", THURSDAY, "this week = 15–21 January 2024"),
        ("last week’s strikes", THURSDAY, "last week = 8–14 January 2024"),
        ("Next week", THURSDAY, "Next week = 22–28 January 2024"),
        ("next week", date(2024, 1, 22), "next week = 29 January – 4 February 2024"),
        ("last week", date(2024, 1, 21), "last week = 8–14 January 2024"),  # Sunday ends a week
        ("this month", THURSDAY, "this month = January 2024"),
        ("last\nmonth", THURSDAY, "last\nmonth = December 2023"),
        ("next month", date(2023, 12, 31), "next month = January 2024"),
        ("this year", THURSDAY, "this year = 2024"),
        ("last year", THURSDAY, "last year = 2023"),
        ("next year", THURSDAY, "next year = 2025"),
        ("earlier this month", THURSDAY, "earlier this month = 1–18 January 2024"),
        ("Earlier this week", SATURDAY, "Earlier this week = 15–20 January 2024"),
        ("later this month", THURSDAY, "later this month = 18–31 January 2024"),
        ("later this year", THURSDAY, "later this year = 18 January – 31 December 2024"),
        ("last weekend", THURSDAY, "last weekend = 13–14 January 2024"),
        ("last weekend", SATURDAY, "last weekend = 13–14 January 2024"),
        ("at the weekend", THURSDAY, "at the weekend = 13–14 January 2024"),
        ("over the weekend", date(2024, 1, 22), "over the weekend = 20–21 January 2024"),
        ("during the weekend", THURSDAY, "during the weekend = 13–14 January 2024"),
    ],
)
def test_weeks_months_years_and_weekends(text: str, published: date, expected: str) -> None:
    assert said(text, published) == [expected]


@pytest.mark.parametrize(
    "owner", "the a an my our your his her its their very every each The Obama’s".split()
)
def test_a_year_that_is_somebodys_or_rolling_is_no_calendar_year(owner: str) -> None:
    assert said(f"It was {owner} last year.") == []
    assert said(f"It was {owner} last weekend.") == []


def test_a_weekend_that_may_be_the_present_or_the_coming_one_stays_unresolved() -> None:
    assert said("They met at the weekend.", SATURDAY) == []
    assert said("They will meet at the weekend.") == []
    assert said("They could meet at the weekend.") == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("two days ago", "two days ago = 16 January 2024"),
        ("2 days ago", "2 days ago = 16 January 2024"),
        ("A day ago", "A day ago = 17 January 2024"),
        ("nine days ago", "nine days ago = 9 January 2024"),
        ("a week ago", "a week ago = 8–14 January 2024"),
        ("three weeks ago", "three weeks ago = 25–31 December 2023"),
        ("a month ago", "a month ago = December 2023"),
        ("three months ago", "three months ago = October 2023"),
        ("a year ago", "a year ago = 2023"),
        ("In Lahore, six years ago", "six years ago = 2018"),
        ("in the city two days ago", "two days ago = 16 January 2024"),
    ],
)
def test_a_count_of_days_weeks_months_or_years_ago(text: str, expected: str) -> None:
    assert said(text) == [expected]


@pytest.mark.parametrize(
    "text",
    [
        *(
            f"{word} two years ago"
            for word in (
                "about around roughly approximately nearly almost some over under than least most or to and "
                "hundred About "
                "twenty thirty forty fifty sixty seventy eighty ninety"
            ).split()
        ),
        "half a year ago",
        "many a year ago",
        "twenty-two days ago",
        "1.5 days ago",
        "2–3 days ago",
        "15 years ago",
        "ten years ago",
        "a few days ago",
        "several weeks ago",
    ],
)
def test_a_count_that_is_not_exact_stays_unresolved(text: str) -> None:
    assert said(text) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Iran struck yesterday.", "yesterday = 17 January 2024"),
        ("Yesterday’s strike", "Yesterday = 17 January 2024"),
        ("It struck the day before yesterday.", "the day before yesterday = 16 January 2024"),
        ("It begins tomorrow.", "tomorrow = 19 January 2024"),
        ("It begins the day  after\ntomorrow.", "the day  after\ntomorrow = 20 January 2024"),
        ("It struck earlier today.", "today = 18 January 2024"),
        ("It is over. Today it rains.", "Today = 18 January 2024"),
        ("They meet tonight.", "tonight = 18 January 2024"),
        ("“This morning’s action”", "This morning = 18 January 2024"),
        ("It struck this afternoon.", "this afternoon = 18 January 2024"),
        ("It struck this evening.", "this evening = 18 January 2024"),
    ],
)
def test_days_next_to_that_of_publication(text: str, expected: str) -> None:
    assert said(text) == [expected]


@pytest.mark.parametrize(
    "text",
    [
        "They may march on; the sun rose a second time.",
        "May Day, March, Theresa May and the Sun",
        "on monday",
        "on Mondays and Tuesdays",
        "USA Today reported it.",
        "It struck recently, in recent days, lately, these days, the other day, soon.",
        "over the past week, in the last month, in the coming days",
        "this weekend",
        "the week before last",
        "two days earlier, three weeks later, in two days",
        "weekly, monthly, a year-long, last-year",
    ],
)
def test_what_is_no_date_or_no_one_date_stays_unresolved(text: str) -> None:
    assert said(text) == []


@pytest.mark.parametrize(
    ("text", "published"), [("yesterday", date.min), ("next year", date.max), ("a week ago", date.min)]
)
def test_a_day_beyond_the_calendar_is_none(text: str, published: date) -> None:
    assert resolved(text, published) == ()


_PIECES = re.findall(
    r"\S+",
    "on in at the The last this next coming past earlier later of week month year weekend Tuesday, Friday’s "
    "Sunday Jan. May "
    "December 16 2nd 31 2024, 2019 two a 9 days weeks ago yesterday today Today tomorrow day before after "
    "will said to would . “ ” –",
)


@given(
    st.lists(st.sampled_from(_PIECES), max_size=40).map(" ".join) | st.text(max_size=60),
    st.dates() | st.just(THURSDAY),
)
def test_moments_lie_in_the_text_in_order_apart_and_run_forward(text: str, published: date) -> None:
    moments = resolved(text, published)
    ends = [place for moment in moments for place in (moment.start, moment.end)]
    assert ends == sorted(ends)
    assert all(0 <= m.start < m.end <= len(text) and m.first <= m.last and m.shown for m in moments)
    assert resolved(text, None) == ()


@pytest.mark.parametrize(("distance", "day"), [(120, "23 January 2024"), (121, "16 January 2024")])
def test_a_will_bears_on_a_weekday_from_up_to_120_characters_before_it(distance: int, day: str) -> None:
    before = f"will {'x' * (distance - 11)} rest "
    assert (len(before), said(f"Iran {before}on Tuesday.")) == (distance, [f"on Tuesday = {day}"])


@pytest.mark.parametrize(("distance", "found"), [(120, []), (121, ["On Jan. 16 = 16 January 2024"])])
def test_a_year_within_120_characters_of_a_day_may_be_its_own(distance: int, found: list[str]) -> None:
    after = f" {'x' * (distance - 6)} 2019"
    assert (len(after), said(f"On Jan. 16{after} it ended.")) == (distance, found)


@pytest.mark.parametrize(
    "piece",
    [
        "Tuesday ", "said Tuesday ", "on ", "on Jan. 16 ", "in May ", "in May. ", " ", "\n", "last ", "the last year ", "to a ",
        "is to on Tuesday ", "will ", "1 ", "said, ", "Tuesday’s ", "a day ago ", "It at the weekend ", "this ", "on\n\n", "“", "Tuesday,  ",
    ],
)  # fmt: skip
def test_a_hostile_text_takes_no_longer_than_it_is(piece: str) -> None:
    text = (piece * 100_000)[:100_000]
    began = time.process_time()
    resolved(text, THURSDAY)
    assert time.process_time() - began < 1


@pytest.mark.parametrize(
    ("text", "published", "day"),
    [
        ("On January 16, 2024, Iran struck.", date(2024, 1, 20), date(2024, 1, 16)),
        ("Iran struck on 16 January 2024.", None, date(2024, 1, 16)),
        ("On February 30, 2024, nothing happened on Tuesday.", None, 1),
        ("The deadliest strike this year came on Tuesday.", date(2024, 1, 18), date(2024, 1, 16)),
        ("It was the deadliest strike this year.", date(2024, 1, 18), date(2024, 1, 1)),
        ("Iran struck on Tuesday.", None, 1),
        ("Iran struck.", date(2024, 1, 18), None),
    ],
)
def test_the_day_a_sentence_speaks_of(text: str, published: date | None, day: date | int | None) -> None:
    assert day_of(text, published) == day
