"""The trip of a question: follow-up, retrieval, reading, abstention, conflicts, draft, check, answer."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from copy import copy
from dataclasses import replace
from datetime import date
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from types import TracebackType

from rag.answer import abstain, conflict
from rag.answer.extract import Extractive
from rag.answer.generate import Generative
from rag.answer.reply import Reply, Stopwatch
from rag.answer.rounds import Rounds
from rag.answer.study import Study, claims
from rag.answer.supervised import ModelCalls
from rag.collection import Collection
from rag.config import Config
from rag.english.normalise import words
from rag.errors import ModelError
from rag.question.followup import faithful, standalone
from rag.question.gathering import Gathering, gathering
from rag.question.parts import Kind, Part, parts_of
from rag.types import (
    Abstention,
    Answer,
    Answerer,
    Article,
    DraftSentence,
    Encoder,
    Evidence,
    Filters,
    Judge,
    ModelState,
    Reader,
    Retrieved,
    Sentence,
    Step,
    Trace,
    Turn,
    Usage,
)
from rag.validation import askable, day, how_many, limits, turns

__all__ = ["Assistant"]

_NOTHING_HOLDS = "Nothing the {} said is in the articles."
_NOTHING_NOTED = "The language model noted nothing that is in the articles."
_PER_ARTICLE = 5  # passages of one article among those that are gathered, as long as others have any


class Assistant:
    """An open collection that answers questions. It keeps no conversation; safe to share between threads.

    `collection` looks things up in it. `answerer` words the answers; without one, and where nothing that it
    says holds, the articles answer by themselves. `judge` judges short answers; without one they are given as
    the reader found them.
    """

    def __init__(
        self,
        collection: Collection,
        encoder: Encoder,
        reader: Reader,
        answerer: Answerer | None,
        judge: Judge | None = None,
    ) -> None:
        self.config, self.collection = collection.config, collection
        self._fingerprint = self.config.fingerprint()
        self._reader = reader
        self._judge = judge
        self._extractive = Extractive(encoder, reader, judge=judge)
        self._set_answerer(answerer)

    def _set_answerer(self, answerer: Answerer | None) -> None:
        self._answerer = answerer
        self._rewriter = answerer if isinstance(answerer, Generative) else None

    def answered_by(self, answerer: Answerer | None, config: Config) -> Assistant:
        """The same open collection, with another who words the answers, and the settings that name them.

        Questions that this one is answering end as they began. Either one closes the collection of both.
        """
        self.collection.check_open()
        other = copy(self)
        other.config, other._fingerprint = config, config.fingerprint()
        other._set_answerer(answerer)
        return other

    def __enter__(self) -> Assistant:
        self.collection.check_open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the collection; a second time does nothing. Every other method raises `CollectionError`
        from then on, and so does a stream that is under way, at its next step."""
        self.collection.close()

    def warm(self) -> None:
        """Load what the first question would otherwise wait for."""
        self.collection.warm()
        if self._judge is not None:
            self._judge.judge([("warm", "warm")])

    @property
    def model(self) -> str | None:
        """The name of the language model that words the answers, if there is one."""
        return self._rewriter.model if self._rewriter else None

    @property
    def model_state(self) -> ModelState | None:
        """What the questions so far found of the language model, if there is one. Nothing is contacted."""
        return self._rewriter.supervised.state if self._rewriter else None

    @property
    def answerer(self) -> str:
        """Who answers first: `extract`, or `generate:` with the model's name and the version of the prompt,
        or the name of an answerer that was handed in."""
        return (self._answerer or self._extractive).name

    def article(self, article_id: str) -> Article:
        """A whole article, for showing a citation in place; see `Collection.article`."""
        return self.collection.article(article_id)

    def search(
        self,
        question: str,
        k: int | None = None,
        filters: Filters = Filters(),
        *,
        asked_on: date | None = None,
    ) -> Evidence:
        """The k passages nearest to a question (by default `retrieval.top_k`), ranked from 1. Raises as `ask`
        does.
        """
        asked, k, asked_on = askable(question), how_many(k), day("asked_on", asked_on)
        filters = self.collection.with_known_sources(limits(filters))
        return self._retrieve(asked, parts_of(asked), k, filters, asked_on).evidence

    def ask(
        self,
        question: str,
        history: Sequence[Turn] = (),
        *,
        filters: Filters = Filters(),
        asked_on: date | None = None,
        use_model: bool = True,
    ) -> Answer:
        """The answer, whole. `asked_on` is the day that "this week" is counted from; without `use_model` the
        articles answer by themselves even where there is a language model, or another answerer.

        Raises `QuestionError` for a question that is empty, longer than 2,000 characters or without a word,
        for a source that the collection does not have (capitals do not matter), and for arguments of another
        kind; `CollectionError` when the collection cannot be read or this is closed, and `ModelError` when
        the encoder cannot be loaded. A language model that fails is no error: the articles answer by
        themselves, and `notice` says why.
        """
        for event in self.stream(question, history, filters=filters, asked_on=asked_on, use_model=use_model):
            if isinstance(event, Answer):
                return event
        raise AssertionError("a stream ends with its answer")

    def stream(
        self,
        question: str,
        history: Sequence[Turn] = (),
        *,
        filters: Filters = Filters(),
        asked_on: date | None = None,
        use_model: bool = True,
    ) -> Iterator[Step | Sentence | Answer]:
        """The same as `ask`, as it happens: steps, then sentences whose citations are checked, then the
        answer.
        """
        typed, history = askable(question), turns(history)
        filters = self.collection.with_known_sources(limits(filters))
        asked_on, stopwatch = day("asked_on", asked_on), Stopwatch()
        answerer, calls = self._answerer_for(use_model)
        asked, failure = yield from self._standalone(typed, history, answerer, calls, stopwatch)
        parts = parts_of(asked)
        yield Step("search", f"searching {_counted(self.collection.retriever.articles, 'article')}")
        failed = _failed(failure) if failure else None
        if not failed and calls and isinstance(answerer, Generative) and (gathered := gathering(asked)):
            told = yield from self._in_rounds(
                answerer, gathered, asked, typed, filters, asked_on, stopwatch, calls
            )
            if isinstance(told, Answer):
                yield told
                return
            failed = told
        k = self.config.model.passages if self._rewriter is not None and use_model else None
        with stopwatch.step("retrieve"):
            retrieved = self._retrieve(asked, parts, k, filters, asked_on)
        yield Step("read", f"reading {_counted(len(retrieved.evidence), 'passage')}")
        self.collection.check_open()
        with stopwatch.step("read"):
            study = self._extractive.study(parts, retrieved)
        reply = Reply(retrieved.evidence, stopwatch, self.collection.check_open, self._judge)
        notice: str | None = None
        abstained = abstain.before(retrieved.evidence, study.confidence)
        if abstained is None:
            with stopwatch.step("compare"):
                disagreements = [conflict.find(p.part.question, claims(p)) for p in study.parts]
            reply.compare(disagreements)
            answerer, notice = yield from self._draft(reply, study, answerer, calls, failed, asked_on)
            abstained = reply.declined or abstain.after(reply.sentences, reply.claimed)
        yield reply.answer(
            asked,
            filters,
            self._trace(answerer, study, stopwatch, typed, asked_on, calls.usage if calls else None),
            abstained=abstained,
            notice=notice,
            unanswered=_unanswered(study) if answerer is self._extractive and not abstained else (),
        )

    def _answerer_for(self, use_model: bool) -> tuple[Answerer, ModelCalls | None]:
        """Who answers one question, and what counts the calls of its language model."""
        if self._rewriter is not None and use_model:
            return self._rewriter.for_question()
        return (self._answerer if use_model else None) or self._extractive, None

    def _standalone(
        self,
        typed: str,
        history: Sequence[Turn],
        answerer: Answerer,
        calls: ModelCalls | None,
        stopwatch: Stopwatch,
    ) -> Generator[Step, None, tuple[str, ModelError | None]]:
        """The question without the conversation, and the model's failure if it was asked for that and failed.

        A model's wording counts only where it says no more, and no less, than was asked, and something new:
        the rules may know better.
        """
        with stopwatch.step("follow up"):
            asked = standalone(typed, history)
        if calls is None or not isinstance(answerer, Generative) or not history:
            return asked, None
        try:
            yield from calls.steps("follow up", "is reading the conversation")
            with stopwatch.step("follow up"):
                rewritten = answerer.rewritten(typed, history)
        except ModelError as exc:
            return asked, exc
        if rewritten is None or words(rewritten) == words(typed) or not faithful(rewritten, typed, history):
            return asked, None
        return rewritten, None

    def _in_rounds(
        self,
        model: Generative,
        gathered: Gathering,
        asked: str,
        typed: str,
        filters: Filters,
        asked_on: date | None,
        stopwatch: Stopwatch,
        calls: ModelCalls,
    ) -> Generator[Step | Sentence, None, Answer | str | None]:
        """A question that gathers, answered by the language model in rounds. In place of an answer it returns
        what to tell of a model that failed, and `None` where the question is to be answered as any other is:
        too few calls are allowed, or the articles hardly speak of it.
        """
        # One may have been for the follow-up.
        max_calls = self.config.model.max_calls - (calls.usage.calls if calls.usage else 0)
        if max_calls < 2:
            return None
        with stopwatch.step("retrieve"):
            retrieved = self._retrieve_many(asked, gathered, filters, asked_on)
        rounds = Rounds(model, asked, gathered, retrieved.evidence, asked_on, max_calls)
        yield Step("read", f"reading {_counted(len(rounds.evidence), 'passage')}")
        self.collection.check_open()
        with stopwatch.step("read"):
            # Of the reader an account is asked: a short answer, which would be judged, tells no story.
            parts = [Part(asked, Kind.ACCOUNT)]
            study = self._extractive.study(parts, replace(retrieved, evidence=rounds.evidence))
        if abstain.before(rounds.evidence, study.confidence):
            return None
        reply = Reply(rounds.evidence, stopwatch, self.collection.check_open, self._judge)
        try:
            yield from calls.steps("note", "is reading")
        except ModelError as exc:
            return _failed(exc)
        yield from rounds.read(reply)
        if not rounds.notes:
            return _failed(rounds.failure) if rounds.failure else _NOTHING_NOTED
        with stopwatch.step("compare"):
            reply.compare([conflict.find(asked, claims(study.parts[0]))])
        yield from reply.release_conflicts(0)
        quoted = yield from rounds.release(reply)
        abstained = reply.declined or abstain.after(reply.sentences, reply.claimed)
        if abstained is Abstention.UNSUPPORTED_DRAFT:
            return _failed(rounds.failure) if rounds.failure else _NOTHING_HOLDS.format("language model")
        trace = self._trace(rounds, study, stopwatch, typed, asked_on, calls.usage)
        return reply.answer(asked, filters, trace, abstained=abstained, notice=_of_rounds(rounds, quoted))

    def _retrieve(
        self, asked: str, parts: Sequence[Part], k: int | None, filters: Filters, asked_on: date | None
    ) -> Retrieved:
        """The passages nearest to a question; for one that names nothing to be near to, how the latest
        articles begin.
        """
        retriever = self.collection.retriever
        if parts and all(part.bare for part in parts):
            return Retrieved(asked, retriever.openings(k=k, filters=filters, asked_on=asked_on))
        return retriever.retrieve(asked, k=k, filters=filters, asked_on=asked_on, parts=max(1, len(parts)))

    def _retrieve_many(
        self, asked: str, gathered: Gathering, filters: Filters, asked_on: date | None
    ) -> Retrieved:
        """The passages to be gathered from, of as many articles as there are; for a question that names
        nothing, how the latest ones begin."""
        k, retriever = self.config.retrieval.gather_top_k, self.collection.retriever
        parts = parts_of(asked)
        if parts and all(part.bare for part in parts):
            return Retrieved(asked, retriever.openings(k=k, filters=filters, asked_on=asked_on))
        return retriever.retrieve(
            gathered.topic, k=k, filters=filters, asked_on=asked_on, per_article=_PER_ARTICLE
        )

    def _draft(
        self,
        reply: Reply,
        study: Study,
        answerer: Answerer,
        calls: ModelCalls | None,
        failed: str | None,
        asked_on: date | None,
    ) -> Generator[Sentence | Step, None, tuple[Answerer, str | None]]:
        """Release what the answerer says if anything of it holds, and otherwise what the articles say by
        themselves. Returns who answered, and the notice. A model that is known to have `failed` this question
        is not waited for again.
        """
        if failed or answerer is self._extractive:
            return (yield from self._fall_back(reply, study, failed))
        name = "language model" if calls else "answerer"
        notice, ended = None, "gave no answer that holds"
        # What the sources disagree on comes first, whoever words the rest.
        for number in range(len(study.parts)):
            yield from reply.release_conflicts(number)
        before = len(reply.sentences)
        try:
            if calls:
                yield from calls.steps()
            yield from reply.release(self._drafts(answerer, reply, study.question, asked_on), ours=False)
        except ModelError as exc:
            notice = _failed(exc) if calls else f"The answerer failed ({exc})."
            ended = exc.trouble.words if calls else "failed"
        if len(reply.sentences) > before or reply.declined:
            return answerer, f"{notice} What stands here was checked before that." if notice else None
        yield Step("read", f"the {name} {ended}; reading the articles instead")
        return (yield from self._fall_back(reply, study, notice or _NOTHING_HOLDS.format(name)))

    def _drafts(
        self, answerer: Answerer, reply: Reply, question: str, asked_on: date | None
    ) -> Iterator[DraftSentence | Abstention]:
        """What the answerer says. A language model is told the day, and what the passages disagree on."""
        if not isinstance(answerer, Generative):
            return answerer.draft(question, reply.evidence, asked_on=asked_on)
        return answerer.draft(
            question,
            reply.evidence,
            asked_on=asked_on or date.today(),
            disagreements=reply.disagreements,
        )

    def _fall_back(
        self, reply: Reply, study: Study, why: str | None
    ) -> Generator[Sentence, None, tuple[Answerer, str | None]]:
        """Release what the articles say by themselves, part by part. Returns as `_draft` does."""
        drafter = self._extractive.drafter(reply.evidence)
        for number, reading in enumerate(study.parts):
            yield from reply.release_conflicts(number)
            if number not in reply.settled:
                yield from reply.release(drafter.draft(reading, brief=len(study.parts) > 1))
        return self._extractive, f"{why} The articles answer by themselves." if why else None

    def _trace(
        self,
        answerer: Answerer | Rounds,
        study: Study,
        stopwatch: Stopwatch,
        typed: str,
        asked_on: date | None,
        usage: Usage | None,
    ) -> Trace:
        return Trace(
            self._fingerprint,
            self.collection.retriever.generation,
            answerer.name,
            stopwatch.milliseconds,
            round(study.confidence, 6),
            version=_version(),
            reader=_weights(self._reader),
            typed=typed,
            asked_on=asked_on,
            usage=usage,
        )


def _failed(error: ModelError) -> str:
    """What a reader is told of a language model. The log has the error, which is for who runs the model."""
    return f"The language model {error.trouble.words}."


def _of_rounds(rounds: Rounds, quoted: bool) -> str | None:
    """What to tell of rounds that did not go as they should; `quoted`: the notes are the answer."""
    failed = _failed(rounds.failure) if rounds.failure else None
    if quoted:
        why = failed or "Nothing the language model wrote from its notes is in the articles."
        return f"{why} These are the sentences that it had noted, in the articles' words."
    if failed and rounds.unread:
        return f"{failed} It had read {rounds.passages_read} of {len(rounds.evidence)} passages."
    return f"{failed} What stands here was checked before that." if failed else None


def _unanswered(study: Study) -> tuple[str, ...]:
    """The parts of the question that the articles do not answer."""
    least = abstain.MIN_CONFIDENCE
    return tuple(reading.part.question for reading in study.parts if reading.confidence < least)


def _weights(reader: Reader) -> str:
    """The SHA-256 of a reader's weights; of one of somebody else's making, its name."""
    sha256: str | None = getattr(reader, "weights_sha256", None)
    return sha256 or reader.name


@cache
def _version() -> str | None:
    """The version of Clippings that is installed; `None` where it runs uninstalled."""
    try:
        return version("clippings")
    except PackageNotFoundError:
        return None


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
