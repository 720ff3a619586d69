"""A conversation as the page shows it: each exchange as HTML, an answer while it grows, and what leaves the
page as a file.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from rag.assistant import Assistant
from rag.errors import ClippingsError
from rag.people.conversations import Conversation, Exchange
from rag.surfaces.asking import filters
from rag.surfaces.markup import answer_html, asked_html, escape, sentence_html
from rag.surfaces.record import Record, citation_record, conversation_json, markdown, record
from rag.types import Answer, Evidence, Filters, Sentence, Step, Turn

__all__ = [
    "Growth",
    "Limits",
    "exchange_html",
    "exported",
    "growing",
    "growth_html",
    "reply_html",
    "turns_of",
]

_NOT_ANSWERED = "Not answered: it was stopped, or the page was closed, before the answer was there."


@dataclass(frozen=True, slots=True)
class Limits:
    """What a question is limited to, as typed: names of sources, days such as 2024-01-20, and whether a model
    may word it.
    """

    sources: tuple[str, ...] = ()
    after: str = ""
    before: str = ""
    use_model: bool = True

    def filters(self) -> Filters:
        """Raises `QuestionError` for what is not a day."""
        return filters(list(self.sources), self.after, self.before)


@dataclass(frozen=True, slots=True)
class Growth:
    """As much of an answer as there is: the sentences released so far (HTML) and what is being done; at last
    the record of the whole answer, or the sentence why there is none."""

    so_far: str = ""
    step: str = ""
    record: Record | None = None
    why: str = ""


def growing(
    opened: Callable[[str], Assistant], exchange: Exchange, turns: Sequence[Turn], limits: Limits
) -> Iterator[Growth]:
    """The answer to a question as it grows; the last one has `record` or `why`."""
    released: list[str] = []
    step = ""
    try:
        filters = limits.filters()
        assistant = opened(exchange.collection)
        for event in assistant.stream(exchange.question, turns, filters=filters, use_model=limits.use_model):
            if isinstance(event, Answer):
                yield Growth(record=record(event, exchange.collection))
                return
            if isinstance(event, Sentence):
                said = {
                    "text": event.text,
                    "lead": event.lead,
                    "citations": [c.number for c in event.citations],
                }
                released.append(
                    sentence_html(said, {c.number: citation_record(c, Evidence()) for c in event.citations})
                )
            elif isinstance(event, Step):
                step = event.detail
            yield Growth(f'<p class="answer">{" ".join(released)}</p>' if released else "", step)
    except ClippingsError as exc:
        yield Growth(why=str(exc))
    except Exception:
        logging.getLogger("clippings").exception("a question could not be answered")
        yield Growth(why="Something went wrong while answering; the details are in the log. Ask again.")


def turns_of(earlier: Iterable[Exchange], collection: str) -> list[Turn]:
    """What was asked and answered of the same articles: "he" is somebody else in another collection."""
    return [
        Turn(e.record["question"], e.record["text"])
        for e in earlier
        if e.record and e.collection == collection
    ]


def growth_html(growth: Growth) -> str:
    """What stands under a question while it is being answered."""
    return growth.so_far + (
        f'<p class="step" role="status">{escape(growth.step)}…</p>' if growth.step else ""
    )


def reply_html(exchange: Exchange, *, running: bool = False) -> str:
    """What stands under a question: the answer, why there is none, or that it is being answered."""
    if exchange.record:
        return answer_html(
            exchange.record,
            exchange.question,
            exchange.id,
            exchange.verdict or "",
            given_here=not exchange.imported,
        )
    if running:
        return growth_html(Growth(step="being answered"))
    if exchange.state == "failed":
        return f'<p class="abstained">{escape(exchange.why or "")}</p>'
    return f'<p class="notice">{_NOT_ANSWERED}</p>'


def exchange_html(exchange: Exchange, *, running: bool = False) -> str:
    """A question with its answer, and the other versions that there are of it."""
    versions = exchange.versions
    at = versions.index(exchange.id)
    earlier = versions[at - 1] if at else ""
    later = versions[at + 1] if at + 1 < len(versions) else ""
    return (
        f'<article class="exchange" data-exchange="{escape(exchange.id)}" data-collection="{escape(exchange.collection)}">'
        f"{asked_html(exchange.question, exchange.id, (at + 1, len(versions)), earlier, later)}"
        f'<div class="reply">{reply_html(exchange, running=running)}</div></article>'
    )


def exported(conversation: Conversation, form: str) -> tuple[str, str, str]:
    """The conversation as shown, as a file: its name, its kind and its text. `form` is markdown or json."""
    said = [(e.question, e.record) for e in conversation.exchanges if e.record]
    if form == "json":
        return "conversation.json", "application/json", conversation_json(conversation.title, said)
    return "conversation.md", "text/markdown", markdown(said, conversation.title)
