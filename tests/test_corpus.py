"""The corpus: 94 files in every format, in the shapes in which articles really occur, with what should come
out of each.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from eval.bench.formats import FACTS, Tally, measure

pytestmark = pytest.mark.slow

CORPUS = Path(__file__).parent / "corpus"


@pytest.fixture(scope="module")
def tallies() -> dict[str, Tally]:
    return measure(CORPUS)


def faults(tally: Tally, *kinds: str) -> list[str]:
    return [fault for fault in tally.faults if fault.split(":")[0] in kinds]


def test_every_article_is_read_and_all_that_is_none_is_refused(tallies: dict[str, Tally]) -> None:
    everything = tallies["all"]
    assert faults(everything, "read", "refused") == []
    assert (everything.all["read"], everything.all["refused"]) == (90, 12)


def test_no_fact_is_stated_that_the_file_does_not_state(tallies: dict[str, Tally]) -> None:
    assert faults(tallies["all"], *FACTS) == []


def test_the_facts_are_found(tallies: dict[str, Tally]) -> None:
    missed = [fault for fault in tallies["all"].faults if fault.split(":")[0].endswith(" found")]
    # Three names that stand alone under a title, with nothing to say that they are an author's.
    assert len(missed) <= 3, missed


def test_the_text_is_there_and_the_page_around_it_is_not(tallies: dict[str, Tally]) -> None:
    everything = tallies["all"]
    assert (everything.share("must") or 0) >= 0.985, faults(everything, "must")
    assert (everything.share("mustnot") or 0) >= 0.985, faults(everything, "mustnot")
    assert (everything.share("order") or 0) >= 0.95, faults(everything, "order")
    assert faults(everything, "once", "pages") == []


def test_documents_come_out_whole(tallies: dict[str, Tally]) -> None:
    for name in ("csv", "docx", "eml", "epub", "feeds", "gz", "jsonl", "md", "pdf", "txt", "zip"):
        assert tallies[name].faults == []
