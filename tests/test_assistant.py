"""The trip of a question: what is released, withheld, refused, and by whom it was answered."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from importlib.metadata import version
from itertools import zip_longest
from pathlib import Path
from typing import Any

import pytest
from conftest import SEEDS, ScriptedModel, WordEncoder, WordReader, write_jsonl

import rag.opening
from eval.cases import GOLD, load
from ingest import remove, sync
from rag import open_assistant
from rag.answer.extract import Extractive
from rag.answer.prompts import DECLINE
from rag.assistant import Assistant
from rag.config import Config, ModelSettings, RetrievalSettings, demo
from rag.errors import CollectionError, ConfigError, ModelError, ModelTrouble, QuestionError
from rag.models.reader import WEIGHTS_SHA256
from rag.opening import ask, config_or_demo
from rag.question.followup import standalone
from rag.store.catalog import FILE
from rag.surfaces.render import answer_json, answer_text
from rag.types import (
    Abstention,
    Answer,
    Claim,
    DraftSentence,
    Evidence,
    Filters,
    ModelState,
    Sentence,
    Step,
    Turn,
)

RECORDS = (
    {
        "id": "strike",
        "text": "Iran struck first on Tuesday. Pakistan replied on Thursday.",
        "published": "2024-01-18",
        "source": "Dawn",
    },
    {
        "id": "ally",
        "text": "Pakistan is a major ally of the United States, Miller said.",
        "published": "2024-01-20",
        "source": "VOA",
    },
)


@pytest.fixture
def ready(tmp_path: Path, config: Config, encoder: WordEncoder) -> Config:
    sync(write_jsonl(tmp_path / "news.jsonl", *RECORDS), config, encoder=encoder)
    return config


def opened(config: Config, encoder: WordEncoder, model: ScriptedModel | None = None) -> Assistant:
    return open_assistant(config, encoder=encoder, reader=WordReader(), model=model)


@pytest.mark.slow
def test_threads_that_ask_at_once_get_what_each_gets_alone(
    restless: None, config: Config, encoder: WordEncoder
) -> None:
    sync(SEEDS, config, encoder=encoder)
    questions = [case.question for case in load(GOLD / "seeds.jsonl") if not case.history][:20]

    def said(question: str) -> Answer:
        return replace(assistant.ask(question), trace=None)

    with opened(config, encoder) as assistant:
        alone = list(map(said, questions))
        for module in [module for name, module in sys.modules.items() if name.startswith("rag")]:
            for remembering in vars(module).values():
                if hasattr(remembering, "cache_clear"):
                    remembering.cache_clear()
        with ThreadPoolExecutor(4) as crowd:
            together = list(crowd.map(lambda _: list(map(said, questions)), range(4)))
    assert together == [alone] * 4


def test_it_says_what_it_holds_and_of_its_memory_what_is_known(ready: Config, encoder: WordEncoder) -> None:
    with opened(ready, encoder) as assistant:
        assert assistant.collection.holds()[:2] == (2, 2)
        before = assistant.collection.holds()[2]
        assert {"resident"} <= assistant.collection.memory().keys()
        assert not {"encoder", "reader"} & assistant.collection.memory().keys(), (
            "these say nothing of their memory"
        )
        remove("ally", ready, encoder=encoder)
        articles, passages, after = assistant.collection.holds()
        assert (articles, passages, after > before) == (1, 1, True)
        encoder.memory = 12.5  # type: ignore[attr-defined]
        assert assistant.collection.memory()["encoder"] == 12.5


def test_without_a_model_the_articles_answer_word_for_word(ready: Config, encoder: WordEncoder) -> None:
    with opened(ready, encoder) as assistant:
        answer = assistant.ask("Who struck first?")
    assert answer.text == "Iran struck first on Tuesday. [1]"
    assert [(c.article.id, c.start, c.end, c.quote, str(c.support)) for c in answer.citations] == [
        ("strike", 0, 29, "Iran struck first on Tuesday.", "quoted")
    ]
    assert (answer.abstained, answer.withheld, answer.notice, answer.trace.answerer) == (
        None,
        (),
        None,
        "extract",
    )
    assert [name for name, _ in answer.trace.milliseconds] == [
        "follow up",
        "retrieve",
        "read",
        "compare",
        "draft",
        "check",
    ]


def test_words_of_a_quotation_are_cited_with_whoever_said_them(
    tmp_path: Path, config: Config, encoder: WordEncoder
) -> None:
    """Over a line break too: what is shown is then not, letter by letter, what stands in the article."""
    story = {
        "id": "vaez",
        "text": "“A reply,” said Vaez.\n\n“The conflict spreads to Herat.”\n\nTrade went on.",
    }
    sync(write_jsonl(tmp_path / "news.jsonl", story), config, encoder=encoder)
    with opened(config, encoder) as assistant:
        answer = assistant.ask("Where does the conflict spread to?")
    assert [s.text for s in answer.sentences] == [
        "Herat.",
        "“A reply,” said Vaez. “The conflict spreads to Herat.”",
    ]
    assert [(c.start, c.end, c.quote) for c in answer.citations] == [
        (0, 55, "“A reply,” said Vaez.\n\n“The conflict spreads to Herat.”")
    ]


def test_events_come_in_order_and_the_answer_is_what_was_released(
    ready: Config, encoder: WordEncoder
) -> None:
    with opened(ready, encoder) as assistant:
        events = list(assistant.stream("Who struck first?"))
    assert [type(e) for e in events] == [Step, Step, Sentence, Answer]
    assert [e.detail for e in events if isinstance(e, Step)] == ["searching 2 articles", "reading 2 passages"]
    assert events[-1].sentences == (events[2],)  # type: ignore[union-attr]


def test_a_question_the_articles_do_not_answer_gets_no_sentence(ready: Config, encoder: WordEncoder) -> None:
    with opened(ready, encoder) as assistant:
        answer = assistant.ask("What is the best recipe for biryani?")
    assert (answer.abstained, answer.sentences, answer.citations) == (Abstention.WEAK_EVIDENCE, (), ())
    assert answer.text == "The articles do not answer this."
    assert len(answer.evidence) == 2


def test_an_empty_collection_abstains(tmp_path: Path, config: Config, encoder: WordEncoder) -> None:
    (tmp_path / "none").mkdir()
    sync(tmp_path / "none", config, encoder=encoder)
    with opened(config, encoder) as assistant:
        assert assistant.ask("Who struck first?").abstained is Abstention.NO_EVIDENCE


def test_a_model_s_sentences_are_cited_and_what_no_article_says_is_withheld(
    ready: Config, encoder: WordEncoder
) -> None:
    model = ScriptedModel(
        "Iran struck ", "first on Tuesday [1]. Iran fired 40 miss", "iles at dawn on Monday [1]."
    )
    with opened(ready, encoder, model) as assistant:
        answer = assistant.ask("Who struck first?")
    assert answer.text == "Iran struck first on Tuesday. [1]"
    assert answer.withheld == ("Iran fired 40 missiles at dawn on Monday.",)
    assert answer.trace.answerer == "generate:scripted, prompt numbers 2, follow-ups 1"


@pytest.mark.slow  # the bundled judge
def test_what_clippings_worded_by_itself_and_withheld_is_not_said_by_the_model(
    tmp_path: Path, config: Config, encoder: WordEncoder
) -> None:
    """The reader points at "Rovers", but that Rovers won is only supposed there."""
    story = {"id": "cup", "text": "“If Rovers won,” said Kis, “it was luck.”"}
    sync(write_jsonl(tmp_path / "news.jsonl", story), config, encoder=encoder)
    with opened(config, encoder) as assistant:
        alone = assistant.ask("Who won?")
    with opened(config, encoder, ScriptedModel("Kis sold the cup to Norway [1].")) as assistant:
        beside = assistant.ask("Who won?")
    assert alone.text == beside.text == f"{story['text']} [1]"
    assert (alone.withheld, beside.withheld) == ((), ("Kis sold the cup to Norway.",))
    assert "model" not in answer_text(alone)


def test_a_sentence_is_released_before_the_model_has_finished(ready: Config, encoder: WordEncoder) -> None:
    model = ScriptedModel("Iran struck first on Tuesday [1]. Pakistan replied", " on Thursday [1].")
    with opened(ready, encoder, model) as assistant:
        events = assistant.stream("Who struck first?")
        first = next(e for e in events if isinstance(e, Sentence))
        assert (first.text, model.closed) == ("Iran struck first on Tuesday.", False)
        events.close()  # type: ignore[attr-defined]
    assert model.closed


@pytest.mark.parametrize(
    ("pieces", "notice"),
    [
        (
            (ModelError("no answer from http://x"),),
            "The language model does not answer. The articles answer by themselves.",
        ),
        (
            ("Germany won the cup in 2014 [1].",),
            "Nothing the language model said is in the articles. The articles answer by themselves.",
        ),
        (("",), "Nothing the language model said is in the articles. The articles answer by themselves."),
    ],
)
def test_a_model_that_fails_leaves_the_articles_to_answer(
    ready: Config, encoder: WordEncoder, pieces: tuple[str | Exception, ...], notice: str
) -> None:
    with opened(ready, encoder, ScriptedModel(*pieces)) as assistant:
        answer = assistant.ask("Who struck first?")
    assert (answer.text, answer.notice, answer.trace.answerer) == (
        "Iran struck first on Tuesday. [1]",
        notice,
        "extract",
    )


def test_what_was_released_before_a_model_broke_off_stands(ready: Config, encoder: WordEncoder) -> None:
    model = ScriptedModel(
        "Iran struck first on Tuesday [1]. Pakistan replied",
        ModelError("broken", trouble=ModelTrouble.BROKEN),
    )
    with opened(ready, encoder, model) as assistant:
        answer = assistant.ask("Who struck first?")
    assert answer.text == "Iran struck first on Tuesday. [1]"
    assert (
        answer.notice == "The language model broke off its reply. What stands here was checked before that."
    )


def test_a_model_that_cannot_be_reached_is_not_waited_for_by_the_next_question(
    ready: Config, encoder: WordEncoder
) -> None:
    model = ScriptedModel(ModelError("no answer from http://x", trouble=ModelTrouble.UNREACHABLE))
    with opened(ready, encoder, model) as assistant:
        assert assistant.model_state == ModelState("scripted")
        for question, step in enumerate(([Step("write", "scripted is writing")], []), 1):
            *events, answer = assistant.stream("Who struck first?")
            assert isinstance(answer, Answer)
            assert (answer.text, answer.notice) == (
                "Iran struck first on Tuesday. [1]",
                "The language model cannot be reached. The articles answer by themselves.",
            )
            instead = Step("read", "the language model cannot be reached; reading the articles instead")
            assert events[2:-1] == [*step, instead]
            assert len(model.heard) == 1
            assert (answer.trace.usage is None) == (question == 2)
        state = assistant.model_state
        assert state is not None
        assert (state.trouble, 0 < state.retry_in <= 30) == (ModelTrouble.UNREACHABLE, True)
    with opened(ready, encoder) as assistant:
        assert assistant.model_state is None


def test_two_answers_that_are_made_at_the_same_time_each_have_their_own_cost(
    ready: Config, encoder: WordEncoder
) -> None:
    model = Conversing("When did Pakistan reply?", SAID)
    with open_assistant(ready, encoder=encoder, reader=WordReader(), model=model) as assistant:
        both = [assistant.stream("When has Pakistan replied?", talk) for talk in (TALK, [])]
        ended = [[e for e in pair if isinstance(e, Answer)] for pair in zip_longest(*both)]
    costs = [answer.trace.usage.calls for pair in ended for answer in pair if answer.trace.usage]
    assert sorted(costs) == [1, 2]  # one of them was worded anew first


def test_a_model_that_declines_is_believed(ready: Config, encoder: WordEncoder) -> None:
    with opened(ready, encoder, ScriptedModel(DECLINE)) as assistant:
        assert assistant.ask("Who struck first?").abstained is Abstention.WEAK_EVIDENCE


FLOOD = "How many people did the Karvel flood kill?"


@pytest.fixture
def disputed(tmp_path: Path, config: Config, encoder: WordEncoder) -> Config:
    records = (
        {
            "id": "a",
            "text": "The flood in Karvel killed nine people on Sunday.",
            "published": "2024-01-18",
            "source": "Dawn",
        },
        {"id": "b", "text": "Seven people were killed by the flood in Karvel, Mayor Lee said."},
        {"id": "c", "text": "Snow fell over Bern and the whole of the north."},
    )
    sync(write_jsonl(tmp_path / "flood.jsonl", *records), config, encoder=encoder)
    return config


def test_articles_that_disagree_are_laid_side_by_side_with_their_dates(
    disputed: Config, encoder: WordEncoder
) -> None:
    with opened(disputed, encoder) as assistant:
        answer = assistant.ask(FLOOD)
    assert answer.text == (
        "The flood in Karvel killed nine people on Sunday. [1] Seven people were killed by the flood in "
        "Karvel, Mayor Lee said. [2]"
    )
    assert answer.short == ("nine", "Seven")
    assert [c.about for c in answer.conflicts] == [FLOOD]
    assert [(r.value, r.citation, r.published) for r in answer.conflicts[0].claims] == [
        ("nine", answer.citations[0], date(2024, 1, 18)),
        ("Seven", answer.citations[1], None),
    ]


def test_a_question_that_names_nothing_is_answered_from_how_the_articles_begin(
    tmp_path: Path, config: Config, encoder: WordEncoder
) -> None:
    records = (
        {
            "id": "late",
            "text": "Iran struck on Tuesday. " + "Nothing happened then. " * 200,
            "published": "2024-01-18",
        },
        {
            "id": "early",
            "text": "Envoys met on Monday. " + "What happened next is open. " * 200,
            "published": "2024-01-16",
        },
    )
    sync(write_jsonl(tmp_path / "news.jsonl", *records), config, encoder=encoder)
    with opened(config, encoder) as assistant:
        answer = assistant.ask("What happened?")
        assert [(p.article.id, p.passage.start) for p in answer.evidence] == [("late", 0), ("early", 0)]
        told = [s.text for s in answer.sentences]
        assert told.index("Envoys met on Monday.") < told.index("Iran struck on Tuesday.")
        assert (
            assistant.search("What happened?", 1).passages[0].passage.id
            == answer.evidence.passages[0].passage.id
        )
        asked_then = assistant.ask("What happened?", asked_on=date(2024, 1, 9))
        assert [p.article.id for p in asked_then.evidence] == ["late", "early"]
        assert {p.passage.start for p in assistant.search("What happened in Iran?")} != {0}


@pytest.mark.slow  # the bundled judge
def test_a_model_that_names_one_side_only_does_not_hide_the_other(
    disputed: Config, encoder: WordEncoder
) -> None:
    with opened(
        disputed, encoder, ScriptedModel("The flood in Karvel killed seven people [2].")
    ) as assistant:
        answer = assistant.ask(FLOOD)
    assert [r.value for r in answer.conflicts[0].claims] == ["nine", "Seven"]
    assert answer.trace.answerer == "generate:scripted, prompt numbers 2, follow-ups 1"
    assert answer.text.startswith(
        "The flood in Karvel killed nine people on Sunday. [1] Seven people were killed"
    )


def test_a_model_that_fails_after_the_sides_were_laid_out_is_told_of(
    disputed: Config, encoder: WordEncoder
) -> None:
    with opened(disputed, encoder, ScriptedModel(ModelError("no answer from http://x"))) as assistant:
        answer = assistant.ask(FLOOD)
    assert len(answer.conflicts) == 1
    assert answer.notice == "The language model does not answer. The articles answer by themselves."


def test_a_part_that_the_articles_do_not_answer_is_named(disputed: Config, encoder: WordEncoder) -> None:
    with opened(disputed, encoder) as assistant:
        answer = assistant.ask("What fell over Bern, and which zebra sang opera?")
    assert answer.unanswered == ("which zebra sang opera?",)
    assert answer.short == ("Snow",)


def test_filters_change_the_evidence_and_stand_on_the_answer(ready: Config, encoder: WordEncoder) -> None:
    filters = Filters(sources=("VOA",))
    with opened(ready, encoder) as assistant:
        answer = assistant.ask("Who struck first, Pakistan or Iran?", filters=filters)
    assert {p.article.id for p in answer.evidence} == {"ally"}
    assert answer.filters == filters


def test_the_day_a_question_was_asked_reaches_the_model(ready: Config, encoder: WordEncoder) -> None:
    model = ScriptedModel("Iran struck first on Tuesday [1].")
    began = date.today()
    with opened(ready, encoder, model) as assistant:
        assistant.ask("Who struck first on Tuesday?", asked_on=date(2024, 1, 19))
        assistant.ask("Who struck first on Tuesday?")
    days = [re.findall(r"asked on (\S+)\.", m[1]["content"]) for m in model.heard]
    assert days[0] == ["2024-01-19"]
    assert days[1] in ([began.isoformat()], [date.today().isoformat()]), "today, unless another day is given"


def test_a_model_is_told_what_the_passages_disagree_on(disputed: Config, encoder: WordEncoder) -> None:
    model = ScriptedModel("The flood in Karvel killed seven people [2].")
    with opened(disputed, encoder, model) as assistant:
        assistant.ask(FLOOD)
        assistant.ask("What fell over Bern?")
    told = [m[1]["content"] for m in model.heard]
    assert "\nPassages 1 and 2 disagree: “nine” (passage 1); “Seven” (passage 2).\n" in told[0]
    assert "disagree:" not in told[1]


@pytest.mark.parametrize("passages", [2, 5])
def test_a_model_is_given_its_own_number_of_passages_and_the_articles_theirs(
    tmp_path: Path, config: Config, encoder: WordEncoder, passages: int
) -> None:
    records = [{"id": f"{n}", "text": f"Storm {n} struck Oslo on day {n}."} for n in range(6)]
    sync(write_jsonl(tmp_path / "news.jsonl", *records), config, encoder=encoder)
    few = replace(config, retrieval=RetrievalSettings(top_k=4), model=ModelSettings(passages=passages))
    model = ScriptedModel("The king sang [1].")
    with opened(few, encoder, model) as assistant:
        answer = assistant.ask("Which storm struck Oslo?")
        alone = assistant.ask("Which storm struck Oslo?", use_model=False)
    with opened(few, encoder) as assistant:
        without = assistant.ask("Which storm struck Oslo?")
    assert (len(answer.evidence), answer.trace.answerer) == (passages, "extract")
    assert model.heard[0][1]["content"].count("<<passage") == passages
    assert len(without.evidence) == 4
    assert replace(alone, trace=None) == replace(without, trace=None)


def test_a_model_is_asked_in_the_configured_design(ready: Config, encoder: WordEncoder) -> None:
    quoting = replace(ready, model=ModelSettings(prompt="quotes"))
    reply = 'On Tuesday Iran struck. [1: "struck first on Tuesday"]'
    with opened(quoting, encoder, ScriptedModel(reply)) as assistant:
        answer = assistant.ask("Who struck first?")
    assert answer.trace.answerer == "generate:scripted, prompt quotes 1, follow-ups 1"
    assert [sentence.text for sentence in answer.sentences] == ["On Tuesday Iran struck."]


def test_history_completes_the_question(ready: Config, encoder: WordEncoder) -> None:
    with opened(ready, encoder) as assistant:
        answer = assistant.ask("When did they strike?", [Turn("Who is Iran?", "A neighbour.")])
    assert answer.question == "When did Iran strike?"


@pytest.mark.parametrize(
    ("question", "says"),
    [
        ("", "empty"),
        ("  \n ", "empty"),
        ("?!… —", "no word"),
        ("why " * 5_000, "19,999 characters; the limit is 2,000"),
    ],
)
def test_a_question_that_cannot_be_asked_is_refused_with_the_reason(
    ready: Config, encoder: WordEncoder, question: str, says: str
) -> None:
    with opened(ready, encoder) as assistant, pytest.raises(QuestionError, match=says):
        assistant.ask(question)


# The trip


@pytest.mark.parametrize(
    ("question", "times"),
    [
        ("Who struck first?", 1),  # read for its rank, and not again for its words
        ("Who struck first, and who is an ally?", 3),  # for its rank, and once for each part
        ("According to Miller, who is an ally?", 2),  # for its rank, and without its speaker
        ("What happened?", 1),  # nothing is ranked
    ],
)
def test_no_passage_is_read_twice_for_one_question(
    ready: Config, encoder: WordEncoder, question: str, times: int
) -> None:
    reader = WordReader()
    with open_assistant(ready, encoder=encoder, reader=reader) as assistant:
        answer = assistant.ask(question)
    read = [(asked, text) for asked, texts in reader.asked for text in texts]
    assert len(read) == len(set(read))
    assert len(read) == times * len(answer.evidence)


def test_sources_are_compared_only_where_there_is_an_answer(ready: Config, encoder: WordEncoder) -> None:
    with opened(ready, encoder) as assistant:
        steps = [
            [name for name, _ in assistant.ask(question).trace.milliseconds]
            for question in ("Who struck first?", "What is the best recipe for biryani?")
        ]
    assert ["compare" in names for names in steps] == [True, False]


def test_a_question_asked_again_from_its_trace_gets_the_same_answer(
    disputed: Config, encoder: WordEncoder
) -> None:
    """As JSON has it: nothing but what a reader can keep of an answer."""
    with opened(disputed, encoder) as assistant:
        history = [Turn("How many people did the Karvel flood kill?", "Nine.")]
        first = assistant.ask(
            "  When did that flood  kill them?",
            history,
            filters=Filters(sources=("dawn",)),
            asked_on=date(2024, 1, 20),
        )
        kept = json.loads(answer_json(first))
        trace, limits = kept["trace"], kept["filters"]
        again = assistant.ask(
            kept["question"],
            filters=Filters(sources=tuple(limits["sources"])),
            asked_on=date.fromisoformat(trace["asked_on"]),
            use_model=trace["answerer"] != "extract",
        )
    assert first.abstained is None
    assert first.question != trace["typed"] == "When did that flood kill them?"
    assert again.text == first.text
    timeless = {"milliseconds": (), "typed": None}
    assert replace(again, trace=replace(again.trace, **timeless)) == replace(
        first, trace=replace(first.trace, **timeless)
    )
    assert (trace["version"], trace["reader"]) == (version("clippings"), "words")
    assert (trace["config"], trace["generation"]) == (disputed.fingerprint(), 1)


@pytest.mark.slow
def test_the_trace_names_the_bundled_reader_by_its_weights(ready: Config, encoder: WordEncoder) -> None:
    with open_assistant(ready, encoder=encoder) as assistant:
        assert assistant.ask("Who struck first?").trace.reader == WEIGHTS_SHA256


# An answerer of one's own


class Own:
    """Claims the drafts it was made with, and keeps what it was asked."""

    name = "own"

    def __init__(self, *drafts: DraftSentence | Abstention | Exception) -> None:
        self.drafts = drafts
        self.asked: list[tuple[str, int, date | None]] = []

    def draft(
        self, question: str, evidence: Evidence, *, asked_on: date | None = None
    ) -> Iterator[DraftSentence | Abstention]:
        self.asked.append((question, len(evidence), asked_on))
        for draft in self.drafts:
            if isinstance(draft, Exception):
                raise draft
            yield draft


@pytest.mark.slow  # the bundled judge
def test_an_answerer_s_sentences_are_checked_like_anyone_s(ready: Config, encoder: WordEncoder) -> None:
    own = Own(
        DraftSentence("Pakistan replied on Thursday.", (Claim(1, "Pakistan replied on Thursday."),)),
        DraftSentence("Pakistan replied on Friday.", (Claim(1, "Pakistan replied on Thursday."),)),
    )
    with open_assistant(ready, encoder=encoder, reader=WordReader(), answerer=own) as assistant:
        assert (assistant.answerer, assistant.model) == ("own", None)
        answer = assistant.ask("Who struck first?", asked_on=date(2024, 1, 20))
        by_itself = assistant.ask("Who struck first?", use_model=False)
    assert (answer.text, answer.withheld, answer.notice, answer.trace.answerer) == (
        "Pakistan replied on Thursday. [1]",
        ("Pakistan replied on Friday.",),
        None,
        "own",
    )
    assert own.asked == [("Who struck first?", 2, date(2024, 1, 20))]
    assert (by_itself.text, by_itself.trace.answerer) == ("Iran struck first on Tuesday. [1]", "extract")


@pytest.mark.parametrize(
    ("draft", "notice"),
    [
        (
            DraftSentence("Germany won the cup in 2014.", (Claim(1),)),
            "Nothing the answerer said is in the articles. The articles answer by themselves.",
        ),
        (ModelError("out of ink"), "The answerer failed (out of ink). The articles answer by themselves."),
    ],
)
def test_where_an_answerer_says_nothing_that_holds_the_articles_answer(
    ready: Config, encoder: WordEncoder, draft: DraftSentence | Exception, notice: str
) -> None:
    with open_assistant(ready, encoder=encoder, reader=WordReader(), answerer=Own(draft)) as assistant:
        answer = assistant.ask("Who struck first?")
    assert (answer.text, answer.notice) == ("Iran struck first on Tuesday. [1]", notice)


def test_the_articles_own_answerer_can_be_handed_in_like_another(
    disputed: Config, encoder: WordEncoder
) -> None:
    with opened(disputed, encoder) as assistant:
        usual = assistant.ask("What fell over Bern, and who is the mayor?")
    own = Extractive(encoder, WordReader())
    with open_assistant(disputed, encoder=encoder, reader=WordReader(), answerer=own) as assistant:
        assert assistant.ask("What fell over Bern, and who is the mayor?").sentences == usual.sentences


def test_an_answerer_and_a_model_are_not_both_taken(ready: Config) -> None:
    with pytest.raises(ConfigError, match="Hand in one of the two"):
        open_assistant(ready, answerer=Own(), model=ScriptedModel("x"))


def test_search_takes_k(ready: Config, encoder: WordEncoder) -> None:
    with opened(ready, encoder) as assistant:
        assert [p.article.id for p in assistant.search("Who struck first?", k=1)] == ["strike"]
        assert len(assistant.search("Who struck first?")) == 2
        with pytest.raises(QuestionError, match="at least 1"):
            assistant.search("Who struck first?", k=0)


def test_an_article_that_is_not_there_is_said_to_be_missing(ready: Config, encoder: WordEncoder) -> None:
    with opened(ready, encoder) as assistant:
        assert assistant.article("ally").text == RECORDS[1]["text"]
        assert assistant.collection.headline("ally").source == "VOA"
        for look in (assistant.article, assistant.collection.headline):
            with pytest.raises(CollectionError, match="no article nothing"):
                look("nothing")


def test_a_named_collection_that_is_not_there_is_an_error_and_not_the_demo(tmp_path: Path) -> None:
    with pytest.raises(CollectionError, match="clippings sync FOLDER --home"):
        ask("Who struck first?", Config(home=tmp_path / "nowhere"))


def test_a_llama_index_model_can_be_handed_in(ready: Config, encoder: WordEncoder) -> None:
    from llama_index.core.llms import CompletionResponse, CustomLLM, LLMMetadata

    class Fixed(CustomLLM):
        @property
        def metadata(self) -> LLMMetadata:
            return LLMMetadata(model_name="fixed")

        def complete(self, prompt: str, formatted: bool = False, **_: Any) -> CompletionResponse:
            raise NotImplementedError

        def stream_complete(
            self, prompt: str, formatted: bool = False, **_: Any
        ) -> Iterator[CompletionResponse]:
            for piece in ("Pakistan replied on ", "Thursday [1]."):
                yield CompletionResponse(text=piece, delta=piece)

    with open_assistant(ready, encoder=encoder, reader=WordReader(), model=Fixed()) as assistant:
        answer = assistant.ask("Who struck first?")
    assert (answer.text, answer.trace.answerer) == (
        "Pakistan replied on Thursday. [1]",
        "generate:fixed, prompt numbers 2, follow-ups 1",
    )


@pytest.mark.slow
def test_with_no_collection_the_demo_is_made_in_a_home_of_its_own(tmp_path: Path) -> None:
    config = Config(home=tmp_path / "mine")
    chosen = config_or_demo(config)
    assert chosen == demo(config)
    assert (chosen.home.name, config.home.exists()) == ("mine-demo", False)
    with open_assistant(chosen) as assistant:
        assert len(assistant.collection.articles()) == 5
        answer = assistant.ask("Who struck first, and whom did they target?")
    assert "Iran" in answer.text
    for citation in answer.citations:
        assert chosen.home.is_dir()
        with open_assistant(chosen, encoder=None) as again:
            assert again.article(citation.article.id).text[citation.start : citation.end] == citation.quote
    with sqlite3.connect(chosen.home / FILE) as db:
        db.execute("DELETE FROM meta WHERE name = 'index layout'")
    with open_assistant(config_or_demo(config)) as renewed:
        assert len(renewed.collection.articles()) == 5, "indexes of another version are made again unasked"


def test_the_demo_is_looked_at_again_only_where_its_files_or_its_collection_have_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seeds = tmp_path / "seeds"
    shutil.copytree(SEEDS, seeds)
    monkeypatch.setattr(rag.opening, "_seeds", lambda: seeds)  # as installed elsewhere, or by another version
    config = Config(home=tmp_path / "mine", encoder="words")
    monkeypatch.setattr("ingest.collection.SentenceEncoder", lambda _: WordEncoder())
    monkeypatch.setattr("rag.opening.SentenceEncoder", lambda _: WordEncoder())
    synced: list[object] = []
    monkeypatch.setattr("ingest.sync", lambda *given, **options: synced.append(sync(*given, **options)))

    def times() -> int:
        config_or_demo(config)
        return len(synced)

    assert [times(), times()] == [1, 1]
    (seeds / "new.txt").write_text("A sixth article.")
    assert [times(), times()] == [2, 2]
    with open_assistant(config_or_demo(config), encoder=WordEncoder(), reader=WordReader()) as assistant:
        assert len(assistant.collection.articles()) == 6
    with sqlite3.connect(demo(config).home / FILE) as db:
        db.execute("UPDATE meta SET value = '1' WHERE name = 'index layout'")
    assert [times(), times()] == [3, 3]
    shutil.rmtree(demo(config).home)
    assert [times(), times()] == [4, 4]


# Follow-ups with a language model


class Conversing:
    """Replies with the first script to a rewriting, and with the second to what is then asked; an exception
    is raised.
    """

    name = "conversing"

    def __init__(self, rewriting: str | Exception, answer: str) -> None:
        self.rewriting, self.answer = rewriting, answer
        self.heard: list[str] = []

    def stream(self, messages: Sequence[Mapping[str, str]]) -> Iterator[str]:
        told = messages[1]["content"]
        self.heard.append(told)
        reply = self.rewriting if told.endswith("Rewritten:") else self.answer
        if isinstance(reply, Exception):
            raise reply
        yield from reply.partition(" ")


TALK = [Turn("Who struck first?", "Iran struck first on Tuesday, and Pakistan replied.")]
SAID = "Pakistan replied on Thursday [1]."


def followed_up(
    config: Config, encoder: WordEncoder, model: Conversing, question: str, **options: Any
) -> Answer:
    with open_assistant(config, encoder=encoder, reader=WordReader(), model=model) as assistant:
        return assistant.ask(question, TALK, **options)


def test_a_follow_up_is_made_to_stand_alone_by_the_model(ready: Config, encoder: WordEncoder) -> None:
    model = Conversing("“On which day has Pakistan replied?”", SAID)
    answer = followed_up(ready, encoder, model, "On which day has the other one replied?")
    assert (answer.question, answer.text) == (
        "On which day has Pakistan replied?",
        "Pakistan replied on Thursday. [1]",
    )
    assert model.heard[0].startswith(
        "Question: Who struck first?\nAnswer: Iran struck first on Tuesday, and Pakistan replied.\n"
    )
    assert len(model.heard) == 2
    usage = answer.trace.usage
    assert usage is not None
    assert (usage.calls, usage.model, usage.prompt_tokens) == (2, "conversing", None)


@pytest.mark.parametrize(
    "rewriting",
    [
        "On which day has Pakistan surrendered?",  # a word of nobody's
        "On which day has Pakistan replied in 2024?",  # a number of nobody's
        "On which day has Pakistan not replied?",  # a denial
        "It replied.\nOn Thursday.",  # an answer
        "When has it replied?",  # nothing new: the rules know what "it" is
        "word " * 101,
        "",
    ],
)
def test_a_rewriting_that_says_more_than_was_asked_is_left_to_the_rules(
    ready: Config, encoder: WordEncoder, rewriting: str
) -> None:
    question = "When has it replied?"
    answer = followed_up(ready, encoder, Conversing(rewriting, SAID), question)
    assert answer.question == standalone(question, TALK)
    assert answer.text == "Pakistan replied on Thursday. [1]"


def test_a_model_that_fails_at_the_follow_up_is_not_waited_for_again(
    ready: Config, encoder: WordEncoder
) -> None:
    model = Conversing(ModelError("no answer from http://x"), SAID)
    answer = followed_up(ready, encoder, model, "When has Pakistan replied?")
    assert answer.notice == "The language model does not answer. The articles answer by themselves."
    assert (answer.trace.answerer, len(model.heard)) == ("extract", 1)
    assert answer.trace.usage is not None
    assert answer.trace.usage.calls == 1


def test_without_the_model_the_articles_answer_and_it_hears_nothing(
    ready: Config, encoder: WordEncoder
) -> None:
    model = Conversing("On which day has Pakistan replied?", SAID)
    answer = followed_up(ready, encoder, model, "When has Pakistan replied?", use_model=False)
    assert (answer.trace.answerer, answer.notice, model.heard) == ("extract", None, [])
    with open_assistant(ready, encoder=encoder, reader=WordReader(), model=model) as assistant:
        assert assistant.model == "conversing"
    with opened(ready, encoder) as assistant:
        assert assistant.model is None
