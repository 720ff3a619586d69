"""Who does what to whom; what is denied, held possible, or somebody's word: the traps beside the cases' sentences."""

from __future__ import annotations

import pytest

from rag.english.clauses import clauses, denials, is_hedged, is_reported


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (
            "Trefoil, which bought Kestrel, sued Ona.",
            [("Trefoil", "buy", "Kestrel"), ("Trefoil", "sue", "Ona")],
        ),
        (
            "A bridge built by Kestrel collapsed.",
            [("Kestrel", "build", "bridge"), ("bridge", "collapse", None)],
        ),
        (
            "The judge ordered Trefoil to pay Ona $3m.",
            [("judge", "order", "Trefoil"), ("Trefoil", "pay", "Ona")],
        ),
        (
            "Iran struck Quetta, killing nine people.",
            [("Iran", "strike", "Quetta"), ("Iran", "kill", "people")],
        ),
        ("When did Iran strike Pakistan?", [("Iran", "strike", "Pakistan")]),
        ("Which firm did Trefoil buy?", [("Trefoil", "buy", "firm")]),
        ("“We won,” said Luka Modrić.", [("We", "win", None), ("Luka Modrić", "say", None)]),
        ("The disputed election and its planned recount", []),
    ],
)
def test_whoever_does_it_comes_first(text: str, found: list[tuple[str, str, str]]) -> None:
    assert [(clause.who, clause.verb, clause.whom) for clause in clauses(text)] == found


@pytest.mark.parametrize(
    ("text", "verb", "marks"),
    [
        ("The firm denied that it had paid Ona.", "pay", "denied reported"),
        ("The firm did not deny that it had paid Ona.", "pay", "reported"),
        ("Ajax has no plans to sell Kis.", "sell", "denied"),
        ("Ajax may sell Kis.", "sell", "hedged"),
        ("Kis is set to leave Ajax.", "leave", "hedged"),
        ("The mayor said the ship sank.", "sink", "reported"),
        ("Neither Ajax nor PSV scored.", "score", "denied"),
        ("The storm hit Oslo.", "hit", ""),
    ],
)
def test_a_clause_is_marked_by_what_stands_over_it(text: str, verb: str, marks: str) -> None:
    clause = next(clause for clause in clauses(text) if clause.verb == verb)
    assert " ".join(mark for mark in ("denied", "hedged", "reported") if getattr(clause, mark)) == marks


@pytest.mark.parametrize(
    ("text", "verb", "who", "marks"),
    [
        # two words stand for an adverb, among auxiliaries and before a verb
        ("Ajax has as yet not been sold.", "sell", "Ajax", "denied"),
        ("Kis of course left Ajax.", "leave", "Kis", ""),
        ("The clubs at least agreed to meet.", "agree", "clubs", ""),
        # "not" goes on from "to"
        ("They want to keep Kis, not sell the ground.", "sell", "They", "denied hedged wanted"),
        ("They promised to stay and not leave Ajax.", "leave", "They", "denied wanted"),
        # what stands before "that" asks nothing
        ("The clubs, when asked, would concede that they have debts.", "have", "they", ""),
        # a condition reaches to its own full stop
        ("“Ajax will win. If Kis plays, PSV will lose.”", "win", "Ajax", ""),
        ("“Ajax will win. If Kis plays, PSV will lose.”", "lose", "PSV", "hedged"),
    ],
)
def test_who_and_how_are_read_past_what_stands_between(
    text: str, verb: str, who: str | None, marks: str
) -> None:
    found = [c for c in clauses(text) if c.verb == verb]
    said = [
        (c.who or c.whom, " ".join(m for m in ("denied", "hedged", "wanted") if getattr(c, m))) for c in found
    ]
    assert said == [(who, marks)]


def test_what_a_word_denies_is_the_next_content_word() -> None:
    found = [
        (d.sign, d.what) for d in denials("Nobody was hurt, and Kis didn’t resign; he refused to be drawn.")
    ]
    assert found == [("nobody", "hurt"), ("didn't", "resign"), ("refused", "drawn")]
    assert denials("Not only Ajax won: no fewer than nine did, on the No. 10 pitch.") == ()


def test_what_is_denied_follows_within_five_words() -> None:
    assert denials("He did not yet ever formally go resign.")[0].what == "resign"
    assert denials("He did not yet ever formally go immediately resign.")[0].what == ""


@pytest.mark.parametrize(
    "text", ["", " ", "?", "«", "the", "Ajax", "to", "who said", "not", ", which", "had been", "by by by"]
)
def test_every_text_can_be_read(text: str) -> None:
    clauses(text)
    assert not is_hedged(text)
    assert not is_reported(text) or text == "who said"
