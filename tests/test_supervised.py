"""A model that cannot be used is left alone for a while, and what its replies cost is counted: with a clock that
is set by hand."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest
from serving import HeldModel

from rag.answer.availability import Availability, LeftAlone
from rag.answer.supervised import SupervisedModel
from rag.errors import ModelError, ModelTrouble
from rag.types import ModelState, Step, Usage

HELLO = [{"role": "user", "content": "Hello"}]
REFUSED = ModelError("no answer from http://10.0.0.7:8000", trouble=ModelTrouble.UNREACHABLE)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Model:
    """Says the next of its scripts; an exception is raised where it stands. A number is how long it takes."""

    name = "llama-3"

    def __init__(self, clock: Clock, *scripts: Sequence[str | float | Exception]) -> None:
        self.clock, self.scripts, self.asked = clock, list(scripts), 0

    def stream(self, messages: Sequence[Mapping[str, str]]) -> Iterator[str]:
        script = self.scripts[min(self.asked, len(self.scripts) - 1)]
        self.asked += 1
        for said in script:
            if isinstance(said, Exception):
                raise said
            if isinstance(said, float):
                self.clock.now += said
            else:
                yield said


def supervised(*scripts: Sequence[str | float | Exception]) -> tuple[Clock, Model, SupervisedModel]:
    clock = Clock()
    model = Model(clock, *scripts)
    return clock, model, SupervisedModel(model, clock)


def ask(model: SupervisedModel) -> str:
    return "".join(model.stream(HELLO))


def fails(model: SupervisedModel) -> ModelError:
    with pytest.raises(ModelError) as told:
        ask(model)
    return told.value


# Left alone.


def test_a_model_that_cannot_be_reached_is_left_alone_for_longer_each_time() -> None:
    clock, model, watched = supervised([REFUSED])
    assert watched.state == ModelState("llama-3")
    for asked, pause in enumerate((30.0, 60.0, 120.0, 240.0, 480.0, 600.0, 600.0), 1):
        assert fails(watched) is REFUSED
        assert watched.state == ModelState("llama-3", ModelTrouble.UNREACHABLE, pause)
        clock.now += pause - 0.5
        assert isinstance(fails(watched), LeftAlone)
        assert watched.state.retry_in == 0.5
        clock.now += 0.5
        assert (watched.state.retry_in, model.asked) == (0.0, asked)


def test_a_model_that_answers_again_is_as_if_it_had_never_failed() -> None:
    clock, _, watched = supervised([REFUSED], [REFUSED], ["Yes."], [REFUSED])
    for pause in (30.0, 60.0):
        fails(watched)
        clock.now += pause
    assert ask(watched) == "Yes."
    assert watched.state == ModelState("llama-3")
    fails(watched)
    assert watched.state.retry_in == 30.0


@pytest.mark.parametrize(
    ("trouble", "state"),
    [
        (ModelTrouble.UNREACHABLE, 30.0),
        (ModelTrouble.SILENT, 30.0),
        (ModelTrouble.KEY, 30.0),
        (ModelTrouble.UNKNOWN, 30.0),
        (ModelTrouble.BUSY, 30.0),
        (ModelTrouble.UNUSABLE, 30.0),
        (ModelTrouble.BROKEN, 30.0),
        (ModelTrouble.OTHER, 30.0),
        (ModelTrouble.MISSING, 0.0),  # looked for again at once
        (ModelTrouble.QUESTION, None),  # nothing is wrong with the model
        (ModelTrouble.WAITING, None),
        (ModelTrouble.STOPPED, None),
    ],
)
def test_each_kind_of_failure_counts_as_what_it_says_of_the_next_question(
    trouble: ModelTrouble, state: float | None
) -> None:
    _, model, watched = supervised([ModelError("why", trouble=trouble)], ["Yes."])
    fails(watched)
    if state is None:
        assert watched.state == ModelState("llama-3")
    else:
        assert watched.state == ModelState("llama-3", trouble, state)
    if state:
        refused = fails(watched)
        assert (type(refused), refused.trouble, model.asked) == (LeftAlone, trouble, 1)
    else:
        assert ask(watched) == "Yes."
        assert watched.state == ModelState("llama-3")


def test_every_trouble_is_said_in_words_for_a_reader() -> None:
    for trouble in ModelTrouble:
        assert trouble.words
        assert not {"model.", "CLIPPINGS", "http", "Error"} & set(trouble.words.split())


def test_a_reply_that_breaks_off_in_the_middle_came_from_a_model_that_was_reached() -> None:
    clock, _, watched = supervised(["Iran ", REFUSED], [REFUSED], ["Iran ", REFUSED])
    assert fails(watched) is REFUSED
    assert watched.state == ModelState("llama-3")
    fails(watched)
    clock.now += 30
    assert fails(watched) is REFUSED
    assert watched.state == ModelState("llama-3")


def test_an_empty_reply_is_the_reply_of_a_model_that_was_reached() -> None:
    clock, _, watched = supervised([REFUSED], [])
    fails(watched)
    clock.now += 30
    assert ask(watched) == ""
    assert watched.state == ModelState("llama-3")


def test_a_server_that_refuses_one_question_was_reached() -> None:
    clock, _, watched = supervised([REFUSED], [ModelError("too long", trouble=ModelTrouble.QUESTION)])
    fails(watched)
    clock.now += 30
    fails(watched)
    assert watched.state == ModelState("llama-3")


def test_questions_that_fail_at_the_same_time_are_one_failure() -> None:
    _, model, watched = supervised([30.0, REFUSED])
    attempts = [watched._availability.begin() for _ in range(3)]
    for attempt in attempts:
        watched._availability.failed(attempt, ModelTrouble.SILENT)
    assert (watched.state.retry_in, model.asked) == (30.0, 0)


def test_a_question_that_is_answered_meanwhile_shows_that_the_model_is_there() -> None:
    availability = Availability(Clock())
    earlier, failing = availability.begin(), availability.begin()
    availability.failed(failing, ModelTrouble.SILENT)
    availability.reached()
    assert availability.state("m") == ModelState("m")
    availability.failed(earlier, ModelTrouble.SILENT)  # it began before the model was found to be there
    assert availability.state("m") == ModelState("m")


def test_a_try_that_fails_after_another_question_was_answered_says_nothing_new() -> None:
    availability = Availability(clock := Clock())
    availability.failed(availability.begin(), ModelTrouble.SILENT)
    clock.now += 30
    trying = availability.begin()
    availability.reached()  # by a question that was asked before all this
    availability.failed(trying, ModelTrouble.SILENT)
    assert availability.state("m") == ModelState("m")


class Slow(HeldModel):
    """Takes its time before the first word."""

    def stream(self, messages: Sequence[Mapping[str, str]]) -> Iterator[str]:
        self.began.set()
        assert self.goes_on.wait(20)
        yield self.first


def test_one_question_tries_the_model_again_and_the_others_do_not_wait_for_it() -> None:
    clock, slow = Clock(), Slow("Yes.")
    watched = SupervisedModel(slow, clock)
    watched._availability.failed(watched._availability.begin(), ModelTrouble.UNREACHABLE)
    clock.now += 30
    said: list[str] = []
    trying = threading.Thread(target=lambda: said.append(ask(watched)))
    trying.start()
    assert slow.began.wait(20)
    assert str(fails(watched)) == (
        "the language model cannot be reached: another question is trying it again"
    )
    assert watched.state == ModelState("held", ModelTrouble.UNREACHABLE, 0.0)
    slow.goes_on.set()
    trying.join(20)
    assert said == [ask(watched)] == ["Yes."]


def test_a_try_that_is_stopped_leaves_the_try_to_the_next_question() -> None:
    clock, model, watched = supervised([REFUSED], ["", "Yes."])
    fails(watched)
    clock.now += 30
    availability = watched._availability
    for end in (
        lambda: availability.given_up(availability.begin()),
        lambda: availability.failed(availability.begin(), ModelTrouble.STOPPED),
        lambda: availability.failed(availability.begin(), ModelTrouble.WAITING),
    ):
        end()
        assert watched.state == ModelState("llama-3", ModelTrouble.UNREACHABLE, 0.0)
    assert (ask(watched), model.asked) == ("Yes.", 2)


def test_a_try_that_ends_in_another_error_leaves_the_try_to_the_next_question() -> None:
    clock, _, watched = supervised([REFUSED], [RuntimeError("a fault of ours")], ["Yes."])
    fails(watched)
    clock.now += 30
    with pytest.raises(RuntimeError, match="a fault of ours"):
        ask(watched)
    assert ask(watched) == "Yes."


def test_what_failed_is_logged_once_for_who_runs_the_model(caplog: pytest.LogCaptureFixture) -> None:
    _, _, watched = supervised([ModelError("stopped", trouble=ModelTrouble.STOPPED)], [REFUSED])
    with caplog.at_level(logging.WARNING, "clippings"):
        fails(watched)  # which the reader wished
        fails(watched)
        fails(watched)  # it is left alone
    assert caplog.messages == ["the language model llama-3: no answer from http://10.0.0.7:8000"]


# What it costs.


class Counted:
    """A reply that says what it took."""

    def __init__(self, prompt: Any, reply: Any) -> None:
        self.prompt_tokens, self.reply_tokens = prompt, reply
        self._pieces = iter(["Yes."])

    def __iter__(self) -> Counted:
        return self

    def __next__(self) -> str:
        return next(self._pieces)


class Counting:
    name = "counting"

    def __init__(self, *replies: Any) -> None:
        self.replies = iter(replies)

    def stream(self, messages: Sequence[Mapping[str, str]]) -> Iterator[str]:
        reply = next(self.replies)
        if isinstance(reply, Exception):
            raise reply
        return reply  # type: ignore[no-any-return]


def test_the_cost_of_a_question_is_that_of_all_its_replies_and_of_no_other_s() -> None:
    watched = SupervisedModel(Counting(Counted(100, 5), Counted(7, 1), Counted(1740, 91)), Clock())
    mine, other = watched.for_question(), watched.for_question()
    first = mine.stream(HELLO)
    assert next(first) == "Yes."
    assert list(other.stream(HELLO)) == ["Yes."]
    assert list(first) == []
    assert list(mine.stream(HELLO)) == ["Yes."]
    assert mine.usage == Usage(2, 1840, 96, 0.0, "counting")
    assert other.usage == Usage(1, 7, 1, 0.0, "counting")
    assert watched.for_question().usage is None


def test_one_reply_that_does_not_say_leaves_the_sum_unknown() -> None:
    calls = SupervisedModel(Counting(Counted(100, 5), iter(["Yes."])), Clock()).for_question()
    for _ in range(2):
        assert list(calls.stream(HELLO)) == ["Yes."]
    assert calls.usage == Usage(2, None, None, 0.0, "counting")


@pytest.mark.parametrize(
    ("trouble", "tokens"),
    [
        (trouble, None if trouble in ("silent", "busy", "broken", "stopped", "other") else 0)
        for trouble in ModelTrouble
    ],
)
def test_a_reply_that_was_refused_took_nothing_and_one_that_never_came_is_unknown(
    trouble: ModelTrouble, tokens: int | None
) -> None:
    calls = SupervisedModel(Counting(ModelError("why", trouble=trouble)), Clock()).for_question()
    with pytest.raises(ModelError):
        list(calls.stream(HELLO))
    assert calls.usage == Usage(1, tokens, tokens, 0.0, "counting")


def test_a_model_that_is_left_alone_costs_nothing() -> None:
    _, _, watched = supervised([REFUSED])
    fails(watched)
    calls = watched.for_question()
    with pytest.raises(LeftAlone):
        list(calls.stream(HELLO))
    assert calls.usage is None


def test_the_seconds_are_those_that_the_model_was_waited_for() -> None:
    clock, _, watched = supervised([2.0, "Iran ", 1.5, "struck.", 0.6])
    calls = watched.for_question()
    for _ in calls.stream(HELLO):
        clock.now += 100  # what was said is checked meanwhile
    assert calls.usage == Usage(1, None, None, 4.1, "llama-3")


def test_a_reply_that_is_closed_is_closed_behind_it_and_counts() -> None:
    held = HeldModel("Iran ", "struck.")
    calls = SupervisedModel(held, Clock()).for_question()
    pieces = calls.stream(HELLO)
    assert next(pieces) == "Iran "
    pieces.close()  # type: ignore[attr-defined]
    assert held.closed
    assert calls.usage == Usage(1, None, None, 0.0, "held")


# Steps.


class Loading(Counting):
    loaded = False

    def __init__(self, trouble: ModelTrouble | None = None) -> None:
        super().__init__(Counted(1, 1))
        self.trouble = trouble

    def load(self) -> None:
        if self.trouble:
            raise ModelError("why", trouble=self.trouble)
        self.loaded = True


def test_a_reader_is_told_that_a_model_is_loaded_and_then_that_it_writes() -> None:
    calls = SupervisedModel(Loading(), Clock()).for_question()
    write = Step("write", "counting is writing")
    assert list(calls.steps()) == [Step("load", "loading counting"), write]
    assert list(calls.steps()) == [write]
    assert list(calls.steps("follow up", "is reading")) == [Step("follow up", "counting is reading")]


def test_a_model_that_cannot_be_loaded_is_left_alone_and_nobody_is_told_that_it_writes() -> None:
    watched = SupervisedModel(Loading(ModelTrouble.UNUSABLE), Clock())
    steps = watched.for_question().steps()
    assert next(steps) == Step("load", "loading counting")
    for rest, error in ((steps, ModelError), (watched.for_question().steps(), LeftAlone)):
        with pytest.raises(error):
            next(rest)
    assert watched.state == ModelState("counting", ModelTrouble.UNUSABLE, 30.0)
