"""A conversation as the page shows it: each exchange as HTML, an answer while it is written, and exports."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from rag.assistant import Assistant
from rag.errors import ClippingsError
from rag.people.conversations import Conversation, Exchange
from rag.surfaces.markup import answer_html, asked_html, escape, sentences_html
from rag.surfaces.parsing import parse_filters
from rag.surfaces.record import Record, citation_record, conversation_json, markdown, record, sentence_record
from rag.types import Answer, Evidence, Filters, Sentence, Step, Turn

__all__ = [
    "PartialAnswer",
    "QuestionOptions",
    "exchange_html",
    "exported",
    "partial_html",
    "reply_html",
    "stream_answer",
    "turns_of",
]

_NOT_ANSWERED = "Not answered: it was stopped, or the page was closed, before the answer was complete."


@dataclass(frozen=True, slots=True)
class QuestionOptions:
    """The options of a question as typed: sources, first and last day (2024-01-20), and whether to use the
    language model.
    """

    sources: tuple[str, ...] = ()
    after: str = ""
    before: str = ""
    use_model: bool = True

    def filters(self) -> Filters:
        """The filters. Raises `QuestionError` for an invalid date."""
        return parse_filters(self.sources, self.after, self.before)


@dataclass(frozen=True, slots=True)
class PartialAnswer:
    """An answer while it is written: the `sentences` so far (HTML) and the current `step`. The last one has
    the `record` of the whole answer, or the `error` that prevented it.
    """

    sentences: str = ""
    step: str = ""
    record: Record | None = None
    error: str = ""


def stream_answer(
    open_collection: Callable[[str], Assistant],
    exchange: Exchange,
    turns: Sequence[Turn],
    options: QuestionOptions,
) -> Iterator[PartialAnswer]:
    """The answer to a question, step by step. The last one has `record` or `error`."""
    released: list[Record] = []
    cited: dict[int, Record] = {}
    step = ""
    try:
        filters = options.filters()
        assistant = open_collection(exchange.collection)
        for event in assistant.stream(exchange.question, turns, filters=filters, use_model=options.use_model):
            if isinstance(event, Answer):
                yield PartialAnswer(record=record(event, exchange.collection))
                return
            if isinstance(event, Sentence):
                cited |= {c.number: citation_record(c, Evidence()) for c in event.citations}
                released.append(sentence_record(event))
            elif isinstance(event, Step):
                step = event.detail
            yield PartialAnswer(sentences_html(released, cited) if released else "", step)
    except ClippingsError as exc:
        yield PartialAnswer(error=str(exc))
    except Exception:
        logging.getLogger("clippings").exception("a question could not be answered")
        yield PartialAnswer(error="Something went wrong. The server's log has the details. Ask again.")


def turns_of(earlier: Iterable[Exchange], collection: str) -> list[Turn]:
    """The earlier turns about the same collection: in another one, "he" is somebody else."""
    return [
        Turn(e.record["question"], e.record["text"])
        for e in earlier
        if e.record and e.collection == collection
    ]


def partial_html(partial: PartialAnswer) -> str:
    """What the page shows under a question while it is answered."""
    step = f'<p class="step" role="status">{escape(partial.step)}…</p>' if partial.step else ""
    return partial.sentences + step


def reply_html(exchange: Exchange, *, running: bool = False) -> str:
    """What the page shows under a question: the answer, the reason why there is none, or its progress."""
    if exchange.record:
        return answer_html(
            exchange.record,
            exchange.question,
            exchange.id,
            exchange.verdict or "",
            given_here=not exchange.imported,
        )
    if running:
        return partial_html(PartialAnswer(step="answering"))
    if exchange.state == "failed":
        return f'<p class="abstained">{escape(exchange.why or "")}</p>'
    return f'<p class="notice">{_NOT_ANSWERED}</p>'


def exchange_html(exchange: Exchange, *, running: bool = False) -> str:
    """A question with its answer, and buttons for its other versions."""
    versions = exchange.versions
    at = versions.index(exchange.id)
    earlier = versions[at - 1] if at else ""
    later = versions[at + 1] if at + 1 < len(versions) else ""
    return (
        f'<article class="exchange" data-exchange="{escape(exchange.id)}" '
        f'data-collection="{escape(exchange.collection)}">'
        f"{asked_html(exchange.question, exchange.id, (at + 1, len(versions)), earlier, later)}"
        f'<div class="reply">{reply_html(exchange, running=running)}</div></article>'
    )


def exported(conversation: Conversation, form: str) -> tuple[str, str, str]:
    """The shown conversation as a file: its name, media type and text. `form` is markdown or json."""
    answers = [(e.question, e.record) for e in conversation.exchanges if e.record]
    if form == "json":
        return "conversation.json", "application/json", conversation_json(conversation.title, answers)
    return "conversation.md", "text/markdown", markdown(answers, conversation.title)
