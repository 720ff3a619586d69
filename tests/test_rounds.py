"""A question that gathers, answered by a language model in rounds: what is read, noted, written and shown, and
what becomes of it where the model fails.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import WordEncoder, WordReader, article, evidence, write_jsonl
from judging import Judging

from ingest import sync
from rag import open_assistant
from rag.answer.generate import Generative
from rag.answer.prompts import DECLINE
from rag.answer.reply import Reply, Stopwatch
from rag.answer.rounds import Rounds
from rag.assistant import Assistant
from rag.config import Config, ModelSettings, RetrievalSettings
from rag.errors import ModelError
from rag.question.gathering import gathering
from rag.types import Abstention, Answer, BlockKind, Evidence, Filters, Sentence, Step, Turn


class Replies:
    """A language model that gives one reply after the other, each in lines; an error is raised where it
    stands."""

    name = "scripted"

    def __init__(self, *replies: str | Exception | Sequence[str | Exception]) -> None:
        self.replies = list(replies)
        self.heard: list[Sequence[Mapping[str, str]]] = []
        self.closed = 0
        self.given = 0  # pieces

    def stream(self, messages: Sequence[Mapping[str, str]]) -> Iterator[str]:
        self.heard.append(messages)
        reply = self.replies.pop(0)
        pieces = reply.splitlines(keepends=True) if isinstance(reply, str) else reply
        try:
            for piece in [pieces] if isinstance(pieces, Exception) else pieces:
                if isinstance(piece, Exception):
                    raise piece
                self.given += 1
                yield piece
        finally:
            self.closed += 1

    @property
    def material(self) -> list[str]:
        """What the model was given to read, call by call."""
        return [messages[1]["content"] for messages in self.heard]


BROKE, KILLED = "The dam at Karvel broke on Tuesday.", "The break of the dam killed nine people."
CLOSED, RESIGNED = (
    "The dam at Karvel had been closed on Monday.",
    "The mayor of Karvel resigned over the dam on Sunday.",
)
RECORDS = (
    {"id": "dam", "text": f"{BROKE} {KILLED}", "published": "2024-01-18", "source": "Dawn"},
    {"id": "closed", "text": CLOSED, "published": "2024-01-20", "source": "VOA"},
    {"id": "mayor", "text": RESIGNED, "published": "2024-01-22", "source": "AP"},
)  # fmt: skip
QUESTION = "Timeline of the dam at Karvel"
NOTED = f"[1] {RESIGNED}\n[2] {BROKE}\n[3] {CLOSED}"
DOWN = ModelError("no answer from http://x")


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Config:
    home = tmp_path_factory.mktemp("rounds")
    config = Config(home=home / "home", encoder=WordEncoder.name)
    sync(write_jsonl(home / "news.jsonl", *RECORDS), config, encoder=WordEncoder())
    return config


def opened(config: Config, model: Replies | None = None, **settings: int) -> Assistant:
    config = replace(config, model=ModelSettings(**settings)) if settings else config
    return open_assistant(config, encoder=WordEncoder(), reader=WordReader(), model=model)


def texts(answer: Answer) -> list[str]:
    return [sentence.text for sentence in answer.sentences]


def test_passages_are_noted_in_order_of_time_and_the_answer_is_written_from_the_notes(ready: Config) -> None:
    model = Replies(
        f"{NOTED}\n[1] Forty people died at the dam.", f"- {CLOSED} [3]\n- {BROKE} [1]\n- A lie about it [2]."
    )
    with opened(ready, model) as assistant:
        events = list(assistant.stream(QUESTION))
    answer = events[-1]
    assert isinstance(answer, Answer)
    rank = {source.article.id: source.rank for source in answer.evidence}
    assert model.material[1] == (
        "Notes:\n\n"
        f"- 15 January 2024: {CLOSED} [{rank['closed']}]\n"
        f"- 16 January 2024: {BROKE} [{rank['dam']}]\n"
        f"- 21 January 2024: {RESIGNED} [{rank['mayor']}]\n\n"
        f"Request: {QUESTION}"
    )
    assert texts(answer) == [CLOSED, BROKE]
    assert [(s.layout.place.kind, s.citations[0].article.id) for s in answer.sentences if s.layout] == [
        (BlockKind.ITEM, "closed"),
        (BlockKind.ITEM, "dam"),
    ]
    assert answer.withheld == ("A lie about it.",)
    assert (answer.notice, answer.trace.answerer) == (None, "generate:scripted, notes 1, follow-ups 1")
    assert [name for name, _ in answer.trace.milliseconds] == [
        "follow up", "retrieve", "read", "notes", "compare", "draft", "check",
    ]  # fmt: skip
    steps = list(dict.fromkeys((e.name, e.detail) for e in events if isinstance(e, Step)))
    assert steps == [
        ("search", "searching 3 articles"),
        ("read", "reading 3 passages"),
        ("note", "scripted is reading"),
        ("note", "reading passages 1 to 3 of 3: 0 notes so far"),
        ("note", "reading passages 1 to 3 of 3: 1 note so far"),
        ("note", "reading passages 1 to 3 of 3: 2 notes so far"),
        ("note", "reading passages 1 to 3 of 3: 3 notes so far"),
        ("write", "writing the answer from 3 notes; 1 quote not in the articles left out"),
    ]


@pytest.mark.parametrize(
    ("question", "rule"),
    [
        ("Summarise the break of the dam at Karvel", "Write a short summary"),
        ("Timeline of the dam at Karvel", "the earliest first"),
        ("Compare the accounts of the dam at Karvel", "what each side says"),
        ("Which articles mention the dam at Karvel?", "a line for each thing"),
    ],
)
def test_each_form_is_asked_for_in_its_words(ready: Config, question: str, rule: str) -> None:
    model = Replies(NOTED, f"{BROKE} [2]")
    with opened(ready, model) as assistant:
        assert texts(assistant.ask(question)) == [BROKE]
    assert rule in model.heard[1][0]["content"]
    assert all(f"Request: {question}" in content for content in model.material)


@pytest.mark.parametrize(
    "question", ["Who resigned over the dam at Karvel?", "Why did the dam at Karvel break?"]
)
def test_another_question_takes_one_reply(ready: Config, question: str) -> None:
    model = Replies(f"{RESIGNED} [1]")
    with opened(ready, model) as assistant:
        assert "prompt numbers" in assistant.ask(question).trace.answerer
    assert len(model.heard) == 1


@pytest.mark.parametrize("question", [QUESTION, "Summarise the dam", "Which people resigned over the dam?"])
def test_without_a_model_the_answer_is_as_it_was(
    ready: Config, monkeypatch: pytest.MonkeyPatch, question: str
) -> None:
    model = Replies()
    with opened(ready) as assistant:
        alone = assistant.ask(question)
    with opened(ready, model) as assistant:
        beside = assistant.ask(question, use_model=False)
    monkeypatch.setattr("rag.assistant.gathering", lambda _: None)
    with opened(ready) as assistant:
        before = assistant.ask(question)
    assert replace(alone, trace=before.trace) == replace(beside, trace=before.trace) == before
    assert [name for name, _ in alone.trace.milliseconds] == [name for name, _ in before.trace.milliseconds]
    assert model.heard == []


def test_what_the_articles_do_not_speak_of_is_not_read_for(ready: Config) -> None:
    model = Replies()
    with opened(ready, model) as assistant:
        answer = assistant.ask("Timeline of the opera season in Verona")
    assert answer.abstained is Abstention.WEAK_EVIDENCE
    assert model.heard == []


def test_no_short_answer_has_to_hold_for_a_question_that_gathers(ready: Config) -> None:
    asked = "Which people resigned over the dam at Karvel?"
    for model, said in ((Replies(NOTED, f"- {RESIGNED} [1]"), [RESIGNED]), (None, [])):
        with open_assistant(
            ready, encoder=WordEncoder(), reader=WordReader(), model=model, judge=Judging(0.0)
        ) as assistant:
            assert texts(assistant.ask(asked)) == said


# Where the model fails.


@pytest.mark.slow  # the bundled judge
def test_where_nothing_it_writes_holds_the_notes_are_the_answer(ready: Config) -> None:
    model = Replies(NOTED, "- Martians broke it [1].")
    with opened(ready, model) as assistant:
        answer = assistant.ask(QUESTION)
    assert texts(answer) == [CLOSED, BROKE, RESIGNED]
    assert {str(s.support) for s in answer.sentences} == {"quoted"}
    assert [s.layout.place.kind for s in answer.sentences if s.layout] == [BlockKind.ITEM] * 3
    assert answer.withheld == ("Martians broke it.",)
    assert answer.notice == (
        "Nothing the language model wrote from its notes is in the articles. These are the sentences that it had "
        "noted, in the articles' words."
    )
    assert answer.trace.answerer == "generate:scripted, notes 1, follow-ups 1"


def test_where_it_fails_to_write_the_notes_are_the_answer(ready: Config) -> None:
    with opened(ready, Replies(NOTED, DOWN)) as assistant:
        answer = assistant.ask(QUESTION)
    assert texts(answer) == [CLOSED, BROKE, RESIGNED]
    assert answer.notice == (
        "The language model does not answer. These are the sentences that it had noted, in the "
        "articles' words."
    )


def test_the_notes_of_a_comparison_stand_under_their_sources_and_each_has_its_say() -> None:
    same = "The dam at Karvel was never safe."
    found = evidence(article(same, id="a", source="VOA"), article(same, id="b", source="Dawn"))
    reply = f"[1] {same}\n[2] {same}"
    _, events = run(Replies(reply, DOWN), "Compare the accounts of the dam", found=found)
    shown = [event for event in events if isinstance(event, Sentence)]
    # The same sentence is said once; which sources have it the model would be told.
    assert [(s.text, s.layout.under[0].text) for s in shown if s.layout] == [(same, "Dawn:")]
    model = Replies(reply, f"- {same} [1]")
    run(model, "Compare the accounts of the dam", found=found)
    assert f"- Dawn: {same} [2]\n- VOA: {same} [1]\n" in model.material[1]


def test_what_it_wrote_before_it_broke_off_stands(ready: Config) -> None:
    with opened(ready, Replies(NOTED, [f"- {CLOSED} [3]\n", f"- {BROKE} [1]\n- The may", DOWN])) as assistant:
        answer = assistant.ask(QUESTION)
    assert texts(answer)[0] == CLOSED
    assert answer.notice == ("The language model does not answer. What stands here was checked before that.")


@pytest.mark.parametrize(
    ("replies", "notice"),
    [
        ((DOWN,), "The language model does not answer."),
        (("NOTHING",), "The language model noted nothing that is in the articles."),
        (("[1] Martians broke the dam.",), "The language model noted nothing that is in the articles."),
    ],
)
def test_without_a_note_the_articles_answer_as_without_a_model(
    ready: Config, replies: tuple[str | Exception, ...], notice: str
) -> None:
    model = Replies(*replies)
    with opened(ready) as assistant:
        alone = assistant.ask(QUESTION)
    with opened(ready, model) as assistant:
        answer = assistant.ask(QUESTION)
    assert answer.notice == f"{notice} The articles answer by themselves."
    assert (answer.text, answer.evidence, answer.trace.answerer) == (alone.text, alone.evidence, "extract")
    assert len(model.heard) == 1, "a model that failed is not asked again"


def test_a_model_that_finds_no_answer_in_its_notes_is_believed(ready: Config) -> None:
    with opened(ready, Replies(NOTED, DECLINE)) as assistant:
        answer = assistant.ask(QUESTION)
    assert (answer.abstained, answer.sentences) == (Abstention.WEAK_EVIDENCE, ())


@pytest.mark.parametrize(
    ("second", "calls", "said", "notice"),
    [
        # It was reached, so it is asked for the answer.
        (["[3] ", DOWN], 3, 3, "It had read 2 of 3 passages."),
        # It was not, so it is left alone.
        (DOWN, 2, 2, "These are the sentences that it had noted, in the articles' words."),
    ],
)
def test_what_was_noted_before_a_later_round_failed_stays(
    ready: Config, second: Exception | Sequence[str | Exception], calls: int, said: int, notice: str
) -> None:
    # A window for two passages.
    model = Replies(
        f"[1] {RESIGNED}\n[1] {BROKE}\n[1] {CLOSED}",
        second,
        f"- {CLOSED} [1]\n- {BROKE} [1]\n- {RESIGNED} [1]",
    )
    with opened(ready, model, context_window=1024, max_tokens=700) as assistant:
        answer = assistant.ask(QUESTION)
    assert len(model.heard) == calls
    assert len(texts(answer)) == said
    assert answer.notice == f"The language model does not answer. {notice}"


# Groups, calls and the window, with passages that were found already.

STORIES = [
    article(f"Story {n} of the flood was told in full. " + "More was said. " * 4, id=str(n))
    for n in range(24)
]


def story(n: int) -> str:
    return f"Story {n} of the flood was told in full."


def run(
    model: Replies,
    question: str = "List all stories of the flood",
    *,
    window: int = 8_192,
    max_tokens: int = 700,
    max_calls: int = 6,
    found: Evidence | None = None,
) -> tuple[Rounds, list[Step | Sentence]]:
    gathered = gathering(question)
    assert gathered is not None
    found = evidence(*STORIES) if found is None else found
    generative = Generative(model, window=window, max_tokens=max_tokens)
    made = Rounds(generative, question, gathered, found, None, max_calls)
    reply = Reply(made.evidence, Stopwatch(), lambda: None)
    events: list[Step | Sentence] = [*made.read(reply)]
    if made.notes:
        events += made.release(reply)
    return made, events


def all_of(model: Replies) -> list[list[int]]:
    """The passages that each call had to read, by number."""
    return [[n for n in range(1, 25) if f"<<passage {n}:" in content] for content in model.material]


def test_twenty_four_passages_are_read_six_at_a_time() -> None:
    model = Replies(*(f"[{6 * n + 1}] {story(6 * n)}" for n in range(4)), f"- {story(6)} [7]")
    made, events = run(model)
    assert all_of(model)[:4] == [list(range(first, first + 6)) for first in (1, 7, 13, 19)]
    assert [note.text for note in made.notes] == [story(n) for n in (0, 6, 12, 18)]
    assert (made.calls, made.passages_read, made.unread, model.closed) == (5, 24, 0, 5)
    assert [e.text for e in events if isinstance(e, Sentence)] == [story(6)]


@pytest.mark.parametrize(
    ("max_calls", "read"), [(2, [24]), (3, [24]), (4, [12, 12]), (5, [8, 8, 8]), (6, [6] * 4), (9, [6] * 4)]
)
def test_there_are_no_more_calls_than_allowed_the_answer_s_included(max_calls: int, read: list[int]) -> None:
    model = Replies(*(story(0) for _ in read), f"- {story(0)} [1]")
    made, _ = run(model, max_calls=max_calls)
    assert [len(group) for group in all_of(model)[:-1]] == read
    assert made.calls == len(read) + 1 <= max(max_calls, 2)


def test_what_the_calls_do_not_suffice_for_is_neither_prompted_nor_evidence() -> None:
    model = Replies(*(story(n) for n in range(5)), f"- {story(0)} [1]")
    made, _ = run(model, window=1_300)
    sizes = [len(group) for group in all_of(model)[:5]]
    assert len(model.heard) == made.calls == 6
    assert 1 <= min(sizes) <= max(sizes) < 6, "as many as the window has room for"
    assert len(made.evidence) == sum(sizes) < 24
    assert made.unread == 0
    for content in model.heard:
        assert sum(len(message["content"]) for message in content) <= (1_300 - 700) / 0.4


def test_too_many_notes_are_chosen_from_and_stay_as_they_are() -> None:
    every = "\n".join(story(n) for n in range(24))
    model = Replies(*[every] * 6, "2, 3, 99 and 2", f"- {story(1)} [2]")
    made, events = run(model, window=1_450, max_calls=8)
    assert [len(group) for group in all_of(model)[:6]] == [4] * 6
    asked = model.material[6]
    offered = asked.count("of the flood was told in full.")
    assert offered < 24, "as many as there is room for"
    assert f"1. {story(0)}\n2. {story(1)}\n" in asked
    assert "Choose at most" in asked
    # Of the first part those that were chosen; of the rest, for which no call was left, the first ones.
    kept = [note.text for note in made.notes]
    assert kept[:3] == [story(1), story(2), story(offered)]
    assert len(kept) < offered
    assert made.calls == 8
    assert [e.detail for e in events if isinstance(e, Step) and "choosing" in e.detail] == [
        "choosing among 24 notes"
    ]


def test_where_it_fails_to_choose_the_first_notes_stay() -> None:
    every = "\n".join(story(n) for n in range(24))
    made, _ = run(Replies(*[every] * 6, DOWN, f"- {story(0)} [1]"), window=1_450, max_calls=8)
    assert [note.text for note in made.notes[:3]] == [story(n) for n in range(3)]
    assert made.failure is not None
    assert made.unread == 0


def test_where_no_call_is_left_the_first_note_of_each_passage_stays() -> None:
    two = [
        article(f"{story(n)} Story {n} went on for a long while after the flood.", id=str(n))
        for n in range(12)
    ]
    model = Replies(*["\n".join(source.text for source in two)] * 3, f"- {story(0)} [1]")
    made, _ = run(model, window=1_450, max_calls=4, found=evidence(*two))
    read = len(made.evidence)
    assert made.calls == 4
    assert read < len(made.notes) < 2 * read
    assert [story(n) for n in range(read)] == [n.text for n in made.notes if n.start == 0]


def test_what_was_chosen_fits_though_it_is_longer_than_what_was_not() -> None:
    # Twelve short stories and six long ones, of which more are chosen than there is room for.
    told = [article(f"Story {n} was told{' and told' * (12 * (n > 11))}.", id=str(n)) for n in range(18)]
    every = "\n".join(source.text for source in told)
    model = Replies(*[every] * 5, "14, 13, 12, 11, 10, 9, 8, 7, 6, 5", "1, 2, 3, 4", "x")
    made, _ = run(model, window=1_400, max_calls=9, found=evidence(*told))
    assert [content.count("was told") for content in model.material[5:7]] == [14, 4]
    assert 1 < len(made.notes) < 12
    for messages in model.heard:
        assert sum(len(message["content"]) for message in messages) <= (1_400 - 700) / 0.4


def test_a_reply_that_goes_round_in_circles_is_ended() -> None:
    line = f"[1] {story(0)}\n"
    model = Replies([line] * 50, [f"- {story(0)} [1]\n"] * 50)
    _, events = run(model, found=evidence(*STORIES[:2]))
    # Each reply to the second repetition; a sentence is finished when the next has begun.
    assert model.given == 3 + 4
    assert [e.text for e in events if isinstance(e, Sentence)] == [story(0)]
    assert model.closed == 2


@pytest.mark.slow  # the bundled judge
def test_a_sentence_is_said_once_though_another_may_stand_before_it_then_but_a_cell_as_often_as_it_stands() -> (
    None
):
    it = "It was told in full."
    found = evidence(article(f"{story(0)} {it} {story(1)}", id="a"))
    model = Replies(story(0), f"{story(0)} {it} {story(1)} {it}")
    _, events = run(model, found=found)
    assert [e.text for e in events if isinstance(e, Sentence)].count(it) == 1
    table = f"| Day | Event |\n|---|---|\n| One | {story(0)} |\n| Two | {story(0)} |\n"
    _, events = run(Replies(story(0), table), found=found)
    cells = [e for e in events if isinstance(e, Sentence) and e.text == story(0)]
    assert len(cells) == 2


def test_a_dozen_notes_at_most_are_shown_as_the_answer() -> None:
    model = Replies(*("\n".join(story(n) for n in range(24)) for _ in range(4)), DOWN)
    _, events = run(model)
    shown = [e.text for e in events if isinstance(e, Sentence)]
    assert shown == [story(n) for n in range(12)]


# A stop.


def test_closing_the_stream_ends_the_call_that_is_under_way_and_no_other_begins(ready: Config) -> None:
    model = Replies(NOTED, "x")
    with opened(ready, model) as assistant:
        events = assistant.stream(QUESTION)
        for event in events:
            if isinstance(event, Step) and event.detail.endswith("1 note so far"):
                break
        assert (model.closed, len(model.heard)) == (0, 1)
        events.close()  # type: ignore[attr-defined]
    assert (model.closed, len(model.heard), model.given) == (1, 1, 1)


def test_closing_the_stream_between_two_calls_asks_for_nothing_more(ready: Config) -> None:
    model = Replies(NOTED, "x")
    with opened(ready, model) as assistant:
        events = assistant.stream(QUESTION)
        for event in events:
            if isinstance(event, Step) and event.name == "write":
                break
        events.close()  # type: ignore[attr-defined]
    assert (model.closed, len(model.heard)) == (1, 1)


# The settings, the filters, the conversation, the sources that disagree.


def test_so_many_passages_are_gathered_and_no_more_of_one_article_while_others_have_any(
    tmp_path: Path, config: Config, encoder: WordEncoder
) -> None:
    long = {
        "id": "long",
        "text": "\n\n".join(f"The dam at Karvel, part {n}. " + "It went on. " * 45 for n in range(20)),
    }
    others = [{"id": f"o{n}", "text": f"Witness {n} spoke of a dam."} for n in range(6)]
    sync(write_jsonl(tmp_path / "n.jsonl", long, *others), config, encoder=encoder)
    said = [f"[1] {others[0]['text']}", f"- {others[0]['text']} [1]"]
    for k, of_long in ((9, 5), (11, 5), (14, 8)):
        settings = replace(config, retrieval=RetrievalSettings(gather_top_k=k))
        with opened(settings, Replies(*said[:1] * (k // 6 + (k % 6 > 0)), said[1])) as assistant:
            found = assistant.ask(QUESTION).evidence
        assert len(found) == k
        assert sum(source.article.id == "long" for source in found) == min(of_long, k)


def test_filters_hold_for_what_is_gathered(ready: Config) -> None:
    model = Replies(f"[1] {CLOSED}", f"- {CLOSED} [1]")
    with opened(ready, model) as assistant:
        answer = assistant.ask(QUESTION, filters=Filters(sources=("VOA",)))
    assert ([source.article.id for source in answer.evidence], texts(answer)) == (["closed"], [CLOSED])


def test_with_one_call_it_is_answered_as_any_other_and_the_follow_up_counts(ready: Config) -> None:
    model = Replies(f"{BROKE} [1]")
    with opened(ready, model, max_calls=1) as assistant:
        assert "prompt numbers" in assistant.ask(QUESTION).trace.answerer
    model = Replies("no question", f"{BROKE} [1]")
    with opened(ready, model, max_calls=2) as assistant:
        assert "prompt numbers" in assistant.ask(QUESTION, [Turn("What broke?", "The dam.")]).trace.answerer
    assert len(model.heard) == 2


def test_what_the_sources_disagree_on_is_said_first(
    tmp_path: Path, config: Config, encoder: WordEncoder
) -> None:
    nine, seven = (
        "The flood in Karvel killed nine people on Sunday.",
        "The flood in Karvel killed seven people, Mayor Lee said.",
    )
    records = {"id": "a", "text": nine, "published": "2024-01-18"}, {"id": "b", "text": seven}
    sync(write_jsonl(tmp_path / "flood.jsonl", *records), config, encoder=encoder)
    model = Replies(f"[1] {nine}\n[2] {seven}", DOWN)
    with opened(config, model) as assistant:
        answer = assistant.ask("List how many people the flood in Karvel killed")
    assert texts(answer)[:2] == [nine, seven]
    assert [claim.value for claim in answer.conflicts[0].claims] == ["nine", "seven"]
