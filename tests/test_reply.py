"""An answer while it is made: whose sentences are listed as withheld, and what the footnotes promise."""

from __future__ import annotations

from collections.abc import Iterable

from conftest import article, evidence
from judging import UNSURE, Judging

from rag.answer.reply import Reply, Stopwatch
from rag.types import Abstention, Answer, Claim, DraftSentence, Evidence, Filters, Support, Trace

RAIN = article("Rain fell on Leeds on Monday.", "rain")


def reply(supported: float = UNSURE) -> Reply:
    return Reply(evidence(RAIN), Stopwatch(), lambda: None, Judging(supported))


def release(made: Reply, texts: Iterable[str], *, ours: bool) -> list[str]:
    drafts = iter([DraftSentence(text, (Claim(1),)) for text in texts])
    return [sentence.text for sentence in made.release(drafts, ours=ours)]


def ended(made: Reply) -> Answer:
    abstained = None if made.sentences else Abstention.UNSUPPORTED_DRAFT
    return made.answer("Where did rain fall?", Filters(), Trace("f00", 1, "extract"), abstained=abstained)


def test_withheld_sentences_of_ours_are_counted_and_those_of_a_model_listed() -> None:
    made = reply(0.0001)
    assert release(made, ["Snow fell on Leeds.", "Rain fell on York."], ours=True) == []
    assert release(made, ["Hail fell on Leeds.", "Rain fell on Leeds."], ours=False) == [
        "Rain fell on Leeds."
    ]
    answer = ended(made)
    assert (answer.withheld, answer.trace.own_withheld) == (("Hail fell on Leeds.",), 2)


def test_where_all_of_ours_is_withheld_nothing_is_listed() -> None:
    made = reply(0.0001)
    assert release(made, ["Snow fell on Leeds."], ours=True) == []
    answer = ended(made)
    assert (answer.abstained, answer.withheld) == (Abstention.UNSUPPORTED_DRAFT, ())


def test_a_footnote_of_two_sentences_has_the_weaker_of_their_states() -> None:
    quoted, reworded = RAIN.text, "On Monday, rain fell on Leeds."
    for texts in ([quoted, reworded], [reworded, quoted]):
        made = reply()
        assert release(made, texts, ours=False) == texts
        answer = ended(made)
        assert {s.text: s.support for s in answer.sentences} == {
            quoted: Support.QUOTED,
            reworded: Support.CHECK,
        }
        assert [(c.number, c.quote, c.support) for c in answer.citations] == [(1, RAIN.text, Support.CHECK)]


def test_footnotes_keep_the_order_of_their_first_appearance() -> None:
    snow = article("Snow fell on York on Friday.", "snow")
    made = Reply(evidence(RAIN, snow), Stopwatch(), lambda: None, Judging())
    texts = [snow.text, RAIN.text, "On Friday, snow fell on York."]
    assert release(made, texts, ours=False) == texts
    assert [(c.number, c.article.id, c.support) for c in ended(made).citations] == [
        (1, "snow", Support.CHECK), (2, "rain", Support.QUOTED),
    ]  # fmt: skip


def test_an_answer_of_nothing_has_no_footnotes() -> None:
    made = Reply(Evidence(), Stopwatch(), lambda: None, Judging())
    assert ended(made).citations == ()
