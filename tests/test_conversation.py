"""Conversations in a browser: kept whole, in order, renamed and deleted without touching the others."""

from __future__ import annotations

from typing import Any

from answers import abstained, answered
from conftest import evidence
from rag.surfaces.page.conversations import overtaken, settled, stopped

from rag.surfaces.conversation import Exchange, deleted, judged, kept, renamed, taken_up
from rag.surfaces.record import record
from rag.types import Turn

EMPTY: dict[str, Any] = {"current": "", "conversations": []}


def exchange(key: str, question: str) -> Exchange:
    return Exchange(key, question, "own", found=record(answered()))


def test_a_conversation_is_taken_up_as_it_was_kept() -> None:
    held = {"1": exchange("1", "Who?"), "2": Exchange("2", "Why?", found=record(abstained(evidence())))}
    shelf = kept(EMPTY, "c", [["1", "Who?"], ["2", "Why?"]], held)
    assert shelf["current"] == "c"
    assert taken_up(shelf, "c") == ([["1", "Who?"], ["2", "Why?"]], held)
    assert taken_up(shelf, "other") == ([], {})


def test_what_was_stopped_or_failed_or_cleared_is_not_kept() -> None:
    held = {"1": exchange("1", "Who?"), "2": Exchange("2", "When?", "own", "<p>x</p>", "reading"), "3": exchange("3", "Gone?")}
    shelf = kept(EMPTY, "c", [["1", "Who?"], ["2", "When?"], ["4", "Waits?"]], held)
    assert [e["asked"] for e in shelf["conversations"][0]["exchanges"]] == ["Who?"]
    assert kept(shelf, "c", [], held)["conversations"] == [], "a conversation that was emptied is gone"


def test_the_newest_conversation_is_in_front_and_keeps_the_title_it_was_given() -> None:
    shelf = kept(EMPTY, "a", [["1", "Who?"]], {"1": exchange("1", "Who?")})
    shelf = renamed(shelf, "a", "  The   strikes ")
    shelf = kept(shelf, "b", [["2", "Where?"]], {"2": exchange("2", "Where?")})
    assert [(c["id"], c["title"]) for c in shelf["conversations"]] == [("b", "Where?"), ("a", "The strikes")]
    shelf = kept(shelf, "a", [["1", "Who?"]], {"1": exchange("1", "Who?")})
    assert [(c["id"], c["title"]) for c in shelf["conversations"]] == [("a", "The strikes"), ("b", "Where?")]
    assert renamed(shelf, "a", "  ") == shelf
    assert [c["id"] for c in deleted(shelf, "a")["conversations"]] == ["b"]


def test_the_sixty_newest_are_kept() -> None:
    shelf = EMPTY
    for n in range(61):
        shelf = kept(shelf, str(n), [["k", "Who?"]], {"k": exchange("k", "Who?")})
    assert [c["id"] for c in shelf["conversations"]] == [str(n) for n in range(60, 0, -1)]


def test_a_finished_answer_is_a_turn_for_the_next_question() -> None:
    assert exchange("1", "and who?").turn == Turn("Who struck first?", "Iran struck first. [1]")
    assert Exchange("1", "Who?").turn is None


def test_what_was_stopped_says_so_only_when_nothing_is_at_work() -> None:
    under_way = Exchange("1", "Who?", "own", "<p>half</p>", "reading 8 passages")
    assert under_way.answer(at_work=True) == '<p>half</p><p class="step" role="status">reading 8 passages…</p>'
    assert under_way.answer(at_work=False) == '<p>half</p><p class="notice">Stopped.</p>'


def test_what_a_browser_has_no_room_for_is_dropped_the_oldest_first(monkeypatch: Any) -> None:
    monkeypatch.setattr("rag.surfaces.conversation._ROOM", 3_000)
    shelf = EMPTY
    for n in range(4):
        shelf = kept(shelf, str(n), [["k", "Who?"]], {"k": exchange("k", "Who?")})
    assert [c["id"] for c in shelf["conversations"]] == ["3", "2"]
    monkeypatch.setattr("rag.surfaces.conversation._ROOM", 10)
    assert [c["id"] for c in kept(shelf, "9", [["k", "Who?"]], {"k": exchange("k", "Who?")})["conversations"]] == ["9"]


def test_a_verdict_given_meanwhile_stands_on_its_answer() -> None:
    held = {"1": exchange("1", "Who?"), "2": exchange("2", "When?")}
    assert {key: e.verdict for key, e in judged(held, {"2": "wrong", "9": "right"}).items()} == {"1": "", "2": "wrong"}


# What a run that was overtaken says late


def skipped(given: tuple[Any, Any]) -> bool:
    return all(isinstance(part, dict) and part.get("__type__") == "update" and len(part) == 1 for part in given)


def test_what_a_stopped_run_says_late_does_not_write_over_the_next_question() -> None:
    """The page knew of the first question when it called; meanwhile the second is being answered."""
    first, second = exchange("1", "Who?"), Exchange("2", "Why?", "own", step="reading")
    known = [["1", "Who?"]]
    assert skipped(stopped(known, {"1": first, "2": second}))
    assert skipped(settled(known, {"1": first, "2": second}, {"1": "right"}))
    assert not skipped(stopped([*known, ["2", "Why?"]], {"1": first, "2": second}))
    assert overtaken(known, {"1": first, "2": second})
    assert not overtaken(known, {"1": first})
    assert not overtaken([], {"1": first}), "a conversation that was cleared is overtaken by nothing"


def test_what_waited_for_its_turn_when_the_page_was_stopped_says_so() -> None:
    shown, held = stopped([["1", "Who?"], ["2", "Why?"]], {"1": exchange("1", "Who?")})
    assert [(key, e.question, e.found is None) for key, e in held.items()] == [("1", "Who?", False), ("2", "Why?", True)]
    assert [m["role"] for m in shown] == ["user", "assistant"] * 2
    assert "Stopped." in shown[-1]["content"].value


def test_a_conversation_at_rest_takes_on_the_verdicts_given_meanwhile_and_is_else_left_alone() -> None:
    held = {"1": exchange("1", "Who?")}
    _, after = settled([["1", "Who?"]], held, {"1": "wrong"})
    assert [e.verdict for e in after.values()] == ["wrong"]
    assert skipped(settled([["1", "Who?"]], after, {"1": "wrong"}))
