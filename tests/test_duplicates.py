"""Near-copies: what belongs together, what only looks so, and that nothing depends on order, process or luck."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.duplicates import Likeness, around, candidates, current, groups, likeness, signature

STORY = (
    "The ferry Hurtigfjord ran aground off Ålesund early on Tuesday with 214 people aboard, and all of them "
    "were "
    "brought ashore before noon.",
    "Captain Ingrid Solbakken told the coast guard that the rudder had jammed as the ship turned into "
    "Breisund at about "
    "4:40 a.m. The pilot dropped both anchors, which slowed the vessel to 6 knots before it struck the "
    "skerry.",
    "Two lifeboats from Godøy and a helicopter from Florø took off the passengers, most of them pensioners "
    "from Bremen on "
    "the last sailing of the season. Nine were treated for cuts and cold.",
    "The Norwegian Maritime Authority said that it would examine a repair made in Trondheim in August. The "
    "line, Nordkyst, "
    "cancelled its sailings until Friday and offered to fly the travellers home.",
    "It is the third grounding in Breisund since 2016. Mayor Odd Eide has asked for a tug to be stationed "
    "there in winter, "
    "which the government in Oslo refused twice because of the cost.",
)
WIRE = "\n\n".join(STORY)


def grouped(texts: Mapping[str, str]) -> dict[str, str]:
    return groups({name: signature(text) for name, text in texts.items()}, texts.__getitem__)


def prose(topic: str, start: int, stop: int) -> str:
    """Words that occur once, every tenth a name: "Rain10 rain11 …"."""
    return " ".join((topic if n % 10 else topic.capitalize()) + str(n) for n in range(start, stop))


def test_wire_copy_is_one_group_under_any_headline_dateline_and_cut() -> None:
    texts = {
        "bergen": f"Ferry aground, all safe\n\nÅLESUND, Norway (NTB) – {WIRE}",
        "cut": "\n\n".join(STORY[:3]),
        "longer": f"{WIRE}\n\nLast year 31,000 people sailed with Nordkyst, a tenth fewer than in 2019, the company says.",
        "quotes": WIRE.replace(" a.m.", "am").upper(),
    }
    assert grouped(texts) == {"bergen": "bergen", "cut": "bergen", "longer": "bergen", "quotes": "bergen"}


def test_a_version_with_new_figures_and_another_ending_is_the_same_report() -> None:
    updated = (
        WIRE.replace("Nine were", "Eleven were")
        .replace("about 4:40", "4:38")
        .replace("until Friday", "until Monday")
    )
    updated = updated.replace(
        STORY[4], "The tug Havhest will try to pull the ferry free at high water on Wednesday."
    )
    assert grouped({"first": WIRE, "second": updated}) == {"first": "first", "second": "first"}


def test_another_pages_menu_and_footer_hide_no_copy() -> None:
    mobile = f"Menu News Sport Weather Log in\n\n{WIRE}\n\nShare Print Tell us what you think Read next: Fish prices fall"
    desktop = (
        f"Home › Norway › Coast\n\n{WIRE}\n\n© Sunnmøre Tidende 2023. All rights reserved. Editor: Kari Vik"
    )
    assert grouped({"d": desktop, "m": mobile}) == {"d": "d", "m": "d"}


def test_two_reports_of_one_event_are_two_sources() -> None:
    own = (
        "More than two hundred passengers were rescued on Tuesday after the Hurtigfjord, a ferry of the "
        "Nordkyst line, hit "
        "rocks near Ålesund. Ingrid Solbakken, its captain, said steering failed in the Breisund channel "
        "shortly before "
        "5 a.m. Rescuers from Godøy arrived within 20 minutes, and a Florø helicopter lifted out the "
        "weakest. Doctors saw "
        "nine people; nobody is in danger. Investigators will look at work done on the rudder in Trondheim "
        "this summer. "
        "Odd Eide, the mayor, renewed his call for a tug, which Oslo has turned down on grounds of price."
    )
    assert grouped({"one": WIRE, "two": own}) == {}


def test_one_notice_around_two_short_items_makes_no_copy_of_them() -> None:
    notice = (
        "We and our partners store information on your device, such as cookies, to show you advertisements "
        "that suit you "
        "and to count how often a page is read. You may accept all of them, or choose below which you allow. "
        "You can "
        "change your choice at any time under Privacy at the foot of each page. If you refuse, some videos "
        "and comments "
        "will not be shown. We keep what you choose for six months and ask you again after that. Some "
        "partners do not ask "
        "for your consent but rely on a legitimate interest, to which you may object by writing to the "
        "address that you "
        "find at the foot of the page, or by closing your account."
    )
    one = f"{notice} Kjell Berg won the Vasaloppet in Mora on Sunday in 3:41. Anders Holm of Falun was 12 seconds behind."
    two = f"{notice} Police in Malmö arrested Eva Lund over 14 burglaries in Skåne. Prosecutor Per Ek wants 30 days."
    alike = likeness(one, two)
    assert (alike.contained >= 0.8, alike.own <= 90, alike.copy) == (True, True, False)  # only the names tell
    assert grouped({"one": one, "two": two}) == {}


def test_pages_of_which_only_a_notice_was_extracted_are_no_copies() -> None:
    notice, report = prose("clause", 1, 71), prose("clause", 1, 81)  # 7 and 8 names
    assert grouped({"one": notice, "two": notice, "three": notice}) == {}
    assert grouped({"one": report, "two": report}) == {"one": "one", "two": "one"}


def test_a_text_too_short_to_tell_is_left_out() -> None:
    short, enough = prose("rain", 0, 48).title(), prose("rain", 0, 49).title()  # 44 and 45 runs of five words
    assert grouped({"one": short, "two": short}) == {}
    assert grouped({"one": enough, "two": enough}) == {"one": "one", "two": "one"}


def weather(day: str, high: int, low: int, wind: int, rain: int, sun: str, tide: str, town: str) -> str:
    return (
        f"Here is the outlook for the coast and the inner fjords on {day} from the duty forecaster. It will "
        f"be cloudy at "
        f"first with some brighter spells later on, and a high of {high} degrees. During the night the "
        f"temperature is "
        f"expected to fall to {low} degrees. The wind will be from the west or the south-west at about "
        f"{wind} knots, and "
        f"stronger in the showers. We expect between nothing and {rain} millimetres of rain in the course of "
        f"the day. The "
        f"sun will rise behind the hills at {sun} by the clock, and it is going to be high water at {tide} "
        f"by the harbour "
        f"gauge. The warmest place in the whole country yesterday was the village of {town} according to the "
        f"stations "
        "that had reported by midnight. The next outlook will be given here at the same time tomorrow."
    )


def test_a_series_on_a_template_is_told_by_its_names_and_numbers() -> None:
    monday = weather("Monday", 14, 6, 11, 5, "6:12", "9:48", "Lyngdal")
    tuesday = weather("Tuesday", 12, 8, 25, 17, "6:15", "10:31", "Nesbyen")
    alike = likeness(monday, tuesday)
    assert (alike.contained >= 0.8, alike.own <= 90, alike.size >= 0.25) == (True, True, True)
    assert alike.named is not None
    assert alike.named < 0.7
    assert grouped({"monday": monday, "tuesday": tuesday}) == {}


def test_one_gallery_under_two_stories_makes_no_copy_of_them() -> None:
    gallery = prose("photo", 0, 1500)
    assert (
        likeness(prose("rain", 0, 120) + " " + gallery, prose("snow", 0, 120) + " " + gallery).contained > 0.9
    )
    assert (
        grouped({"one": prose("rain", 0, 120) + " " + gallery, "two": prose("snow", 0, 120) + " " + gallery})
        == {}
    )
    # A paragraph of each page's own is not yet a story.
    assert grouped(
        {"one": prose("rain", 0, 40) + " " + gallery, "two": prose("snow", 0, 40) + " " + gallery}
    ) == {
        "one": "one",
        "two": "one",
    }


def test_a_part_counts_from_a_quarter_of_the_whole() -> None:
    whole = prose("rain", 0, 800)
    assert grouped({"part": prose("rain", 0, 200), "whole": whole}) == {"part": "part", "whole": "part"}
    assert grouped({"item": prose("rain", 0, 150), "roundup": whole}) == {}


# 160 of the middle's 200 words stand in the early version, and 160 in the late one, but only 120 in both of
# these.
EARLY = prose("rain", 0, 160) + " " + prose("snow", 0, 40)
MIDDLE = prose("rain", 0, 200)
LATE = prose("rain", 40, 200) + " " + prose("hail", 0, 40)


def test_a_group_is_the_copies_of_one_article_and_no_chain() -> None:
    assert likeness(EARLY, MIDDLE).copy
    assert likeness(MIDDLE, LATE).copy
    assert not likeness(EARLY, LATE).copy
    # All are equally long, so the smallest id is the head.
    assert grouped({"1": EARLY, "2": MIDDLE, "3": LATE}) == {"1": "1", "2": "1"}
    assert grouped({"2": EARLY, "1": MIDDLE, "3": LATE}) == {"1": "1", "2": "1", "3": "1"}


def test_the_fullest_article_is_the_head_and_the_smallest_id_the_name() -> None:
    halves = {"a": prose("rain", 0, 200), "b": prose("rain", 0, 400), "c": prose("rain", 200, 400)}
    assert grouped(halves) == {"a": "a", "b": "a", "c": "a"}  # with "a" as the head, "c" would be alone


@pytest.mark.slow
def test_a_story_in_more_copies_than_are_compared_at_once_is_one_group() -> None:
    texts = {f"{n:03}": WIRE for n in range(100)}
    assert grouped(texts) == dict.fromkeys(texts, "000")
    # Each is compared with the 32 after it, of which the last 32 have ever fewer: 68 × 32 + 31 + 30 + … + 0.
    assert len(candidates({name: signature(text) for name, text in texts.items()})) == 2672


@pytest.mark.slow
@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 9)), min_size=1, max_size=14), st.data())
def test_groups_made_anew_around_what_changed_are_those_made_of_all(
    parts: list[tuple[int, int]], data: Any
) -> None:
    topics = ("rain", "snow", "hail", "wind", "frost", "storm", "thaw")
    texts = {
        f"{n:02}": prose(topics[topic], 20 * low, 20 * low + 200) for n, (topic, low) in enumerate(parts)
    }
    before = grouped(texts)
    changed = data.draw(st.lists(st.sampled_from(sorted(texts)), min_size=1, max_size=3, unique=True))
    fellows = {name for name, group in before.items() if group in {before.get(i) for i in changed}}
    for name in changed:
        new = data.draw(st.one_of(st.none(), st.integers(0, 9)))
        if new is None:
            del texts[name]
        else:
            texts[name] = prose(data.draw(st.sampled_from(topics)), 20 * new, 20 * new + 200)
    signatures = {name: signature(text) for name, text in texts.items()}
    touched = around(signatures, ({*changed} | fellows) & texts.keys())
    anew = groups({name: signatures[name] for name in touched}, texts.__getitem__)
    left = {name: group for name, group in before.items() if name in texts and name not in touched}
    assert {**left, **anew} == grouped(texts)


def test_what_is_like_nothing_that_changed_is_left_alone() -> None:
    texts = {"a": WIRE, "b": WIRE, "c": prose("rain", 0, 300), "d": prose("rain", 0, 310), "e": "Short."}
    signatures = {name: signature(text) for name, text in texts.items()}
    assert around(signatures, ["b"]) == {"a", "b"}
    assert around(signatures, ["e"]) == {"e"}
    assert around(signatures, []) == set()


def test_texts_are_fetched_only_for_pairs_whose_signatures_are_alike() -> None:
    texts = {
        "a": WIRE,
        "b": WIRE + " The inquiry begins in March.",
        "c": prose("rain", 0, 300),
        "d": "Short.",
    }
    texts["third"] = prose("rain", 0, 100) + " " + prose("snow", 0, 200)  # a third of it is in "c"
    asked: list[str] = []

    def text_of(name: str) -> str:
        asked.append(name)
        return texts[name]

    signatures = {name: signature(text) for name, text in texts.items()}
    assert candidates(signatures) == [("a", "b")]
    assert groups(signatures, text_of) == {"a": "a", "b": "a"}
    assert sorted(asked) == ["a", "b"]


@pytest.mark.parametrize(("shared", "alike"), [(120, False), (180, True)])
def test_texts_are_fetched_for_a_pair_whose_signatures_promise_half_and_not_for_a_third(
    shared: int, alike: bool
) -> None:
    """The least is 0.45, and the estimate errs by some hundredths. Of 300 words 120 are 0.4, 180 are 0.6."""
    one = prose("rain", 0, 300)
    other = prose("rain", 0, shared) + " " + prose("snow", 0, 300 - shared)
    assert candidates({"a": signature(one), "b": signature(other)}) == [("a", "b")] * alike


def test_of_a_book_the_first_400_000_characters_are_compared() -> None:
    book = prose("rain", 0, 50_000)[:400_000]
    assert signature(book + " and more words, in all of which nothing is like this") == signature(book)
    assert signature(book[:-20]) != signature(book), "two words fewer are counted"


def test_what_may_change_is_found_around_a_thousand_articles_and_around_no_more() -> None:
    copies = dict.fromkeys([f"{n:04}" for n in range(1_000)], signature(WIRE))
    assert around(copies, ["0000"]) == set(copies)
    assert around({**copies, "1000": signature(WIRE)}, ["0000"]) is None


def test_nothing_has_no_copies() -> None:
    assert (candidates({}), groups({}, {}.__getitem__)) == ([], {})


@pytest.mark.parametrize(
    ("change", "copy"),
    [
        ({}, True),
        ({"contained": 0.79}, False),
        ({"own": 91}, False),
        ({"named": 0.69}, False),
        ({"named": None}, False),
        ({"size": 0.24}, False),
        ({"jaccard": 0.0}, True),  # a part has a small one
    ],
)
def test_each_measure_has_its_own_say(change: dict[str, float | None], copy: bool) -> None:
    just = Likeness(jaccard=0.2, contained=0.8, own=90, named=0.7, size=0.25)
    assert replace(just, **change).copy is copy


def test_likeness_by_hand() -> None:
    # Of the 40 words the first 30 are common, of which 3 are names (0, 10 and 20); each has 10 words and a
    # name of its own. Each has 36 runs, 26 of them common.
    assert likeness(prose("rain", 0, 40), prose("rain", 0, 30) + " " + prose("snow", 0, 10)) == Likeness(
        jaccard=26 / 46, contained=0.75, own=10, named=0.75, size=1.0
    )
    assert likeness("", "") == Likeness(jaccard=0.0, contained=0.0, own=0, named=None, size=0.0)


def test_every_word_of_a_script_without_case_is_a_name() -> None:
    assert likeness("אחת שתיים שלוש ארבע חמש", "אחת שתיים שלוש ארבע שש").named == 0.8


def test_case_and_typography_do_not_change_a_signature() -> None:
    plain = "It's the captain's third grounding since 2016, said Solbakken"
    assert signature(plain) == signature("IT’S the captain’s third grounding – since 2016, said SOLBAKKEN")


@pytest.mark.slow
def test_a_signature_is_the_same_in_every_process_and_version() -> None:
    # If this changes, stored signatures no longer compare with new ones: `_VERSION` has to change as well.
    golden = "939f067b0de0ab13b808fe17a1c6d71e7bf733a93b0e20d20e0e1cbe59150d6b"
    assert hashlib.sha256(signature(WIRE)).hexdigest() == golden
    program = "import sys; from ingest.duplicates import signature; print(signature(sys.stdin.read()).hex())"
    other = subprocess.run(
        [sys.executable, "-c", program], input=WIRE.encode(), capture_output=True, check=True
    )
    assert bytes.fromhex(other.stdout.decode()) == signature(WIRE)


def test_a_signature_of_another_version_is_refused_by_name() -> None:
    old = b"\0\0" + signature(WIRE)[2:]
    assert (current(old), current(signature(WIRE)), current(signature(WIRE)[:-4])) == (False, True, False)
    with pytest.raises(
        ValueError, match=r"2 signatures were made by another version, the first that of b: sign again"
    ):
        candidates({"c": old, "b": b"", "a": signature(WIRE)})


PARTS = st.lists(st.sampled_from(STORY), min_size=1, max_size=5, unique=True).map(" ".join)


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(st.sampled_from("abcdefgh"), PARTS, min_size=2), st.randoms(use_true_random=False))
def test_the_order_of_the_articles_decides_nothing(texts: dict[str, str], random: object) -> None:
    names = list(texts)
    random.shuffle(names)  # type: ignore[attr-defined]
    found = grouped(texts)
    assert list(grouped({name: texts[name] for name in names}).items()) == list(found.items())
    assert list(found) == sorted(found)
    assert all(found[group] == group and group <= name for name, group in found.items())


@settings(max_examples=40, deadline=None)
@given(PARTS, PARTS)
def test_likeness_is_the_same_from_either_side(one: str, other: str) -> None:
    assert likeness(one, other) == likeness(other, one)
