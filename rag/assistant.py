"""The trip of a question, on one screen: follow-up, retrieval, abstention, draft, check, answer."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from rag.answer import abstain, conflict
from rag.answer.check import Checker, cited_text
from rag.answer.extract import Extractive, Found, StudiedPart, Study
from rag.answer.generate import Generative
from rag.config import Config, demo, load
from rag.english.normalise import words
from rag.english.numbers import numbers
from rag.english.times import day_of
from rag.errors import CollectionError, ModelError
from rag.models.encoder import SentenceEncoder
from rag.models.engine import resident
from rag.models.language import LlamaIndexModel, configured_model
from rag.models.reader import SpanReader
from rag.question.followup import faithful, standalone
from rag.question.parts import Kind, parts_of
from rag.retrieval.search import Retriever
from rag.store.catalog import Listing
from rag.types import (
    Abstention,
    Answer,
    Article,
    Claim,
    Conflict,
    DraftSentence,
    Encoder,
    Evidence,
    Filters,
    Headline,
    LanguageModel,
    Reader,
    Rival,
    Sentence,
    Step,
    Trace,
    Turn,
)
from rag.validation import (
    askable,
    closed,
    configuration,
    day,
    has_collection,
    how_many,
    interrupted,
    known_sources,
    limits,
    turns,
)

__all__ = [
    "Assistant",
    "Listing",
    "ask",
    "collection_exists",
    "config_or_demo",
    "make_demo",
    "open_assistant",
]

_SEEN = (
    "seeds"  # in the demo collection's home: what the demo articles' files were like when they were taken in
)


@dataclass(slots=True)
class _Clock:
    """Milliseconds by step."""

    steps: list[tuple[str, float]] = field(default_factory=list)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        began = time.perf_counter()
        try:
            yield
        finally:
            self.steps.append((name, round(1000 * (time.perf_counter() - began), 3)))


class Assistant:
    """An open collection that answers questions. It keeps no conversation; safe to share between threads."""

    def __init__(self, config: Config, encoder: Encoder, reader: Reader, model: LanguageModel | None) -> None:
        self.config = config
        self._encoder = encoder
        self._reader = reader
        self._retriever = Retriever(config.home, config, encoder, reader)
        self._closed = False
        self._sources: tuple[int, tuple[str, ...]] | None = None  # of a generation
        self._extractive = Extractive(
            encoder.passages,
            reader,
            standalone,
            abstain.confidence,
            day_of,
            least=abstain.LEAST_CONFIDENCE,
            sure=abstain.LEAST_BELIEF,
        )
        self._generative = (
            Generative(model, window=config.model.window, max_tokens=config.model.max_tokens)
            if model
            else None
        )

    def __enter__(self) -> Assistant:
        self._check_open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the collection; a second time does nothing. Every other method raises `CollectionError`
        from then on, and so does a stream that is under way, at its next step."""
        self._closed = True
        self._retriever.close()

    def _check_open(self) -> None:
        if self._closed:
            raise closed()

    @property
    def _collection(self) -> Retriever:
        """The collection, to be asked. Raises `CollectionError` once it is closed."""
        self._check_open()
        return self._retriever

    @property
    def model(self) -> str | None:
        """The name of the language model that words the answers, if there is one."""
        return self._generative.model if self._generative else None

    @property
    def answerer(self) -> str:
        """Who answers first: `extract`, or `generate:` with the model's name and the version of the prompt."""
        return (self._generative or self._extractive).name

    def warm(self) -> None:
        """Load what the first question would otherwise wait for."""
        self._check_open()
        self._encoder.question("warm")
        self._reader.read("warm", ["warm"])

    def memory(self) -> dict[str, float]:
        """Megabytes by part: `resident` in all, `encoder` and `reader` as far as the process grew when each
        was loaded (the first of them brings the library that both run on), and what the indexes map. What is
        not known is left out."""
        indexes = self._collection.memory()
        parts = {"resident": resident(), "encoder": _size(self._encoder), "reader": _size(self._reader)}
        return {name: size for name, size in parts.items() if size is not None} | indexes

    def holds(self) -> tuple[int, int, int]:
        """How many articles and passages there are, and how many times the collection was written.

        Raises `CollectionError` when it cannot be read. Waits for no question.
        """
        collection = self._collection
        catalog = collection.catalog
        collection.check()
        return *catalog.count(), catalog.generation()

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
        articles answer by themselves even where there is a language model.

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
        question, history = askable(question), turns(history)
        filters, asked_on = self._limits(filters), day("asked_on", asked_on)
        clock = _Clock()
        model = self._generative if use_model else None
        failed: ModelError | None = None
        with clock.step("follow up"):
            asked = standalone(question, history)
            if model and history:
                try:
                    asked = self._understood(model, question, history) or asked
                except ModelError as exc:
                    failed = exc
        yield Step("search", f"searching {_counted(self._collection.articles, 'article')}")
        with clock.step("retrieve"):
            evidence = self._evidence(asked, None, filters, asked_on)
        yield Step("read", f"reading {_counted(len(evidence), 'passage')}")
        self._check_open()
        with clock.step("read"):
            study = self._extractive.study(asked, evidence)
        with clock.step("compare"):
            disagreements = [conflict.find(part.part.question, said_of(part)) for part in study.parts]
        trip = _Trip(self, asked, evidence, filters, clock, study, disagreements)
        if reason := abstain.before(evidence, study.confidence):
            yield trip.answer((model or self._extractive).name, reason, None)
            return
        yield from self._answered(trip, model, failed, asked_on)

    def _understood(self, model: Generative, question: str, history: Sequence[Turn]) -> str | None:
        """A follow-up as the model makes it stand alone; `None` where that says more, or less, than was
        asked, or nothing new: the rules may know better."""
        rewritten = model.rewritten(question, history)
        if rewritten is None or words(rewritten) == words(question):
            return None
        return rewritten if faithful(rewritten, question, history) else None

    def _answered(
        self, trip: _Trip, model: Generative | None, failed: ModelError | None, asked_on: date | None
    ) -> Iterator[Sentence | Step | Answer]:
        """The model's answer if there is a model and anything of what it says holds; otherwise the articles'
        own. One that has `failed` already, at the follow-up, is not waited for again."""
        notice = (
            f"The language model failed ({failed}). The articles answer by themselves." if failed else None
        )
        if model and not failed:
            # What the sources disagree on comes first, whoever words the rest.
            for number in range(len(trip.study.parts)):
                yield from trip.lay_side_by_side(number)
            before = len(trip.sentences)
            try:
                yield from trip.release(model.draft(trip.asked, trip.evidence, asked_on=asked_on))
            except ModelError as exc:
                notice = f"The language model failed ({exc})."
            if len(trip.sentences) > before or trip.declined:
                if notice:
                    notice += " What stands here was checked before that."
                yield trip.answer(model.name, trip.declined, notice)
                return
            notice = (
                notice or "Nothing the language model said is in the articles."
            ) + " The articles answer by themselves."
            yield Step("read", "the language model gave no answer that holds; reading the articles instead")
        several = len(trip.study.parts) > 1
        for number, studied in enumerate(trip.study.parts):
            yield from trip.lay_side_by_side(number)
            if number not in trip.settled:
                yield from trip.release(self._extractive.told(studied, trip.evidence, several=several))
        reason = trip.declined or abstain.after(trip.sentences, trip.claimed)
        yield trip.answer(self._extractive.name, reason, notice)

    def search(
        self,
        question: str,
        k: int | None = None,
        filters: Filters = Filters(),
        *,
        asked_on: date | None = None,
    ) -> Evidence:
        """The k passages nearest to a question (by default `retrieval.keep`), ranked from 1. Raises as `ask`
        does.
        """
        asked, k, asked_on = askable(question), how_many(k), day("asked_on", asked_on)
        return self._evidence(asked, k, self._limits(filters), asked_on)

    def _limits(self, filters: Filters) -> Filters:
        """The filters with their sources spelled as the collection has them. Raises `QuestionError` for one
        it has not.
        """
        if not limits(filters).sources:
            return filters
        generation = self._collection.catalog.generation()
        if self._sources is None or self._sources[0] != generation:
            self._sources = generation, tuple(self._collection.catalog.sources())
        return replace(filters, sources=known_sources(filters.sources, self._sources[1]))

    def _evidence(self, asked: str, k: int | None, filters: Filters, asked_on: date | None) -> Evidence:
        """The passages nearest to a question; for one that names nothing to be near to, how the latest
        articles begin.
        """
        parts = parts_of(asked)
        if parts and all(part.bare for part in parts):
            return self._collection.openings(k=k, filters=filters, asked_on=asked_on)
        return self._collection.find(asked, k=k, filters=filters, asked_on=asked_on, parts=max(1, len(parts)))

    def article(self, article_id: str) -> Article:
        """A whole article, for showing a citation in place; of a fact that was corrected its provenance says
        so.

        Raises `CollectionError` when there is none of that id.
        """
        article = self._collection.catalog.article(_id(article_id))
        if article is None:
            raise self._unknown(article_id)
        corrected = self._collection.catalog.corrections().get(article_id)
        if corrected is None:
            return article
        read = {name: place for name, place in article.provenance if name not in corrected.facts}
        return replace(
            article, provenance=(*read.items(), *((name, "corrected") for name in corrected.facts))
        )

    def _unknown(self, article_id: str) -> CollectionError:
        return CollectionError(
            f"there is no article {article_id} in this collection. `clippings articles` lists those there "
            f"are",
            missing=True,
        )

    def earlier(self, article_id: str, version: str) -> Article | None:
        """An article as it was before its text changed; `None` where that version is not kept."""
        return self._collection.catalog.earlier(_id(article_id), version)

    def versions(self, article_id: str) -> list[tuple[str, datetime]]:
        """An article's earlier versions, the latest first, each with the time (UTC) until which it was the
        present one.
        """
        return self._collection.catalog.versions(_id(article_id))

    def headline(self, article_id: str) -> Headline:
        """An article's facts without its text. Raises `CollectionError` when there is none of that id."""
        facts = self._collection.catalog.headline(_id(article_id))
        if facts is None:
            raise self._unknown(article_id)
        return facts

    def sources(self) -> list[str]:
        """Every source there is, in alphabetical order."""
        return self._collection.catalog.sources()

    def read_from(self, file: Path) -> list[str]:
        """The ids of the articles that were read from a file, or from within it where it is an archive."""
        return self._collection.catalog.read_from(file.resolve().as_posix())

    def articles(self) -> list[Listing]:
        """Every article with its facts and counts, by id."""
        return self._collection.catalog.listings()


class _Trip:
    """One question under way: what has been found, released and withheld so far."""

    def __init__(
        self,
        assistant: Assistant,
        asked: str,
        evidence: Evidence,
        filters: Filters,
        clock: _Clock,
        study: Study,
        disagreements: list[list[conflict.Disagreement]],
    ) -> None:
        self._assistant, self._filters, self._clock = assistant, filters, clock
        self._disagreements = disagreements  # part by part
        self.asked, self.evidence, self.study = asked, evidence, study
        self._checker = Checker(evidence)
        self.sentences: list[Sentence] = []
        self.conflicts: list[Conflict] = []
        self.settled: set[int] = set()  # the parts that are answered by what disagrees
        self.declined: Abstention | None = None
        self.claimed = 0

    def lay_side_by_side(self, part: int) -> Iterator[Sentence]:
        """The sentence of each value, and the conflict they make; or, where a report updates another, the
        newest last.
        """
        disagreements, self._disagreements[part] = self._disagreements[part], []
        for found in disagreements:
            groups = sorted(found.groups, key=lambda group: group is found.later)
            rivals: list[Rival] = []
            for group in groups:
                shown = {rival.citation.article.id for rival in rivals}
                # One article may hold two of the values; another that says one of them too shows that they
                # disagree.
                said = next((c for c in group.claims if c.source.article.id not in shown), group.claims[0])
                lead = "Later:" if group is found.later else ""
                draft = DraftSentence(
                    said.sentence, (Claim(said.source.rank, said.sentence),), said.shown, lead
                )
                for sentence in self.release(iter([draft])):
                    yield sentence
                    rivals.append(Rival(said.shown, sentence.citations[0], said.source.article.published))
            two = len({r.value for r in rivals}) > 1 and len({r.citation.article.id for r in rivals}) > 1
            if two and not found.later:
                self.conflicts.append(Conflict(found.about, tuple(rivals)))
            if rivals:
                self.settled.add(part)

    def release(self, drafts: Iterator[DraftSentence | Abstention]) -> Iterator[Sentence]:
        """An answerer's sentences, each as soon as it is checked; what cannot be checked is withheld, and
        what has been said already is not said again."""
        try:
            while True:
                self._assistant._check_open()
                with self._clock.step("draft"):
                    draft = next(drafts, None)
                if draft is None:
                    return
                if isinstance(draft, Abstention):
                    self.declined = draft if not self.sentences else None
                    return
                if any(draft.text == known.text for known in self.sentences):
                    continue
                self.claimed += 1
                with self._clock.step("check"):
                    sentence = self._checker.check(draft)
                if sentence:
                    self.sentences.append(sentence)
                    yield sentence
        finally:
            _close(drafts)

    def answer(self, answerer: str, reason: Abstention | None, notice: str | None) -> Answer:
        assistant = self._assistant
        trace = Trace(
            assistant.config.fingerprint(),
            assistant._collection.generation,
            answerer,
            _summed(self._clock.steps),
            round(self.study.confidence, 6),
        )
        return Answer(
            question=self.asked,
            text="The articles do not answer this." if reason else cited_text(self.sentences),
            sentences=tuple(self.sentences),
            citations=self._checker.citations,
            evidence=self.evidence,
            filters=self._filters,
            conflicts=tuple(self.conflicts),
            abstained=reason,
            withheld=tuple(self._checker.withheld),
            notice=notice,
            trace=trace,
            unanswered=() if reason or answerer != Extractive.name else self._unanswered(),
        )

    def _unanswered(self) -> tuple[str, ...]:
        least = abstain.LEAST_CONFIDENCE
        return tuple(studied.part.question for studied in self.study.parts if studied.confidence < least)


def open_assistant(
    config: Config | None = None,
    *,
    model: Any | None = None,
    encoder: Encoder | None = None,
    reader: Reader | None = None,
) -> Assistant:
    """Open the collection in `config.home` (by default as `load()` finds it).

    `model` is a `LanguageModel`, or any LLM object of llama-index; without one the configured model is used,
    if any. Raises `CollectionError` when there is no collection, or it was made with other settings, and
    `ConfigError` for what is no `Config`.
    """
    config = configuration(config, load)
    if callable(getattr(model, "stream_chat", None)):
        model = LlamaIndexModel.of(model)
    chosen = model if model is not None else configured_model(config.model)
    return Assistant(config, encoder or SentenceEncoder(config.encoder), reader or SpanReader(), chosen)


def ask(question: str, config: Config | None = None, **options: Any) -> Answer:
    """One question, one answer; `options` as for `Assistant.ask`.

    With no `config` and no collection yet, the five demo articles answer, from a home of their own.
    """
    question = askable(question)
    with open_assistant(configuration(config, lambda: config_or_demo(load()))) as assistant:
        return assistant.ask(question, **options)


def config_or_demo(config: Config) -> Config:
    """The configuration if its collection exists; otherwise that of the demo collection, which is made at the
    first call.

    Raises `CollectionError` while the collection is being restored: the demo articles' answers might pass for
    its own."""
    if unfinished := interrupted(config.home):
        raise CollectionError(unfinished)
    return config if collection_exists(config) else make_demo(config)


def collection_exists(config: Config) -> bool:
    """Whether there is a collection in `config.home`, with articles or without."""
    return has_collection(config.home)


def make_demo(config: Config) -> Config:
    """Make the demo collection that lies beside `config.home`, or bring it up to date; its configuration."""
    config = demo(config)
    seeds, noted = _seeds(), config.home / _SEEN
    stamp = "".join(
        f"{f.name} {f.stat().st_size} {f.stat().st_mtime_ns}\n" for f in sorted(seeds.glob("*.txt"))
    )
    if not (noted.is_file() and noted.read_text(encoding="utf-8") == stamp and _is_current(config)):
        from ingest import sync  # the one place where reading needs writing; it takes a moment to import

        sync(seeds, config, renew=True)
        noted.write_text(stamp, encoding="utf-8")
    return config


def _is_current(config: Config) -> bool:
    """Whether a collection can be opened as it is."""
    try:
        Retriever(config.home, config, SentenceEncoder(config.encoder)).close()
    except CollectionError:
        return False
    return True


def _seeds() -> Path:
    import importlib.util

    spec = importlib.util.find_spec("seeds")
    if spec is None or not spec.submodule_search_locations:
        raise CollectionError("the demo articles are not installed. Add your own: clippings sync FOLDER")
    return Path(next(iter(spec.submodule_search_locations)))


def said_of(studied: StudiedPart) -> list[conflict.ClaimedValue]:
    """What the articles say to a part of the question: the best words of each passage, where the reader
    believes in them and not very much less than in the best of all."""
    surest = studied.found[0].score if studied.found else 0.0

    def counts(f: Found) -> bool:
        checked = (
            numbers(f.words) or studied.part.kind is Kind.DECIDE
        )  # two statements that exclude each other, likewise
        least = abstain.LEAST_RIVAL_FIGURE if checked else abstain.LEAST_RIVAL
        return f.is_best and f.score >= least * surest and f.margin >= abstain.LEAST_MARGIN

    return [
        conflict.ClaimedValue(f.words, f.quote, f.source, f.start, f.end, f.score) for f in studied.found if counts(f)
    ]


def _id(stated: object) -> str:
    if isinstance(stated, str):
        return stated
    raise CollectionError(f"the id of an article is a text, not {stated!r}. `clippings articles` lists them")


def _summed(steps: Iterable[tuple[str, float]]) -> tuple[tuple[str, float], ...]:
    total: dict[str, float] = {}
    for name, milliseconds in steps:
        total[name] = round(total.get(name, 0.0) + milliseconds, 3)
    return tuple(total.items())


def _size(engine: object) -> float | None:
    """What an encoder or a reader says of its memory; one of somebody else's making need not."""
    found: float | None = getattr(engine, "memory", None)
    return found


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _close(iterator: Iterator[Any]) -> None:
    """A generator that is not run to its end still holds its connection."""
    if close := getattr(iterator, "close", None):
        close()
