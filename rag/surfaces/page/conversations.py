"""What is asked and answered on the page, how it is judged, and the conversations that a browser keeps."""

from __future__ import annotations

import functools
import hashlib
import logging
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import gradio as gr

from rag.assistant import Assistant
from rag.errors import BusyError, ClippingsError, CollectionError
from rag.surfaces import conversation as talk
from rag.surfaces.page.articles import QUIETLY
from rag.surfaces.conversation import Asked, Exchange, Shelf, judged
from rag.surfaces.gate import Gate, Waiting
from rag.surfaces.library import Library
from rag.surfaces.markup import VERDICTS, escape, sentence_html
from rag.surfaces.asking import filters
from rag.surfaces.record import citation_record, conversation_json, markdown, record
from rag.types import Answer, Evidence, Sentence, Step, Turn

__all__ = ["EXAMPLES", "Conversations", "exchanges", "overtaken", "settled", "stopped"]

EXAMPLES = (
    "Who struck first, and whom did they target?",
    "How many people did Pakistan's strikes on Iran kill?",
    "Is Pakistan an ally of the United States?",
)
# Somebody may be quicker than the page's own script, which comes with the component that shows the article.
_PUT = """async (typed, asked) => {
  while (!window.clippings) await new Promise((done) => setTimeout(done, 20));
  return clippings.put(typed, asked);
}"""


class Conversations:
    """The shelf of conversations and the tab where questions are put, with what happens there."""

    def __init__(self, library: Library, gate: Gate) -> None:
        self.library, self.first, self.gate = library, library.first, gate

    def draw_shelf(self) -> None:
        own = hashlib.sha256(str(self.library.own.home.resolve()).encode()).hexdigest()
        # What a browser keeps is its user's own; that Gradio scrambles it protects nothing, and the key may be known.
        empty = {"current": "", "conversations": []}
        self.shelf = gr.BrowserState(empty, storage_key=f"clippings-{own[:12]}", secret=own[12:28])
        self.asked, self.answered, self.verdicts = gr.JSON([], visible=False), gr.State({}), gr.State({})
        self.outgoing, self.halted = gr.JSON(visible=False), gr.Number(0, visible=False)
        with gr.Sidebar(label="Conversations", open=False, elem_id="shelf"):
            self.fresh = gr.Button("New conversation", elem_id="fresh")
            self.choice = gr.Radio([], label="Conversations in this browser", elem_id="conversations")
            self.title = gr.Textbox(label="Title of this conversation", elem_id="title", max_lines=1)
            with gr.Row():
                self.rename = gr.Button("Rename", min_width=60, elem_id="rename")
                self.delete = gr.Button("Delete", min_width=60, variant="stop", elem_id="delete")
            with gr.Row():
                self.export_markdown = gr.Button("Export as Markdown", min_width=60, elem_id="export-markdown")
                self.export_json = gr.Button("Export as JSON", min_width=60, elem_id="export-json")

    def draw(self) -> None:
        self.conversation = gr.Chatbot(
            elem_id="conversation", label="Conversation", show_label=False, height="58vh", layout="panel",
            buttons=[], feedback_options=None, autoscroll=False, placeholder="Ask the articles something.",
        )  # fmt: skip
        with gr.Row():
            self.question = gr.Textbox(
                placeholder="Ask the articles…", label="Question", show_label=False, scale=8, elem_id="question",
                autofocus=True,
            )  # fmt: skip
            self.go = gr.Button("Ask", variant="primary", scale=1, min_width=80, elem_id="ask")
            self.stop = gr.Button("Stop", scale=1, min_width=80, elem_id="stop")
        model = self.library.own.model
        self.wording = gr.Radio(
            [(f"{model.name}, checked", "model"), ("The articles' own words", "articles")], value="model",
            label="Who words the answer", visible=model.configured, elem_id="wording",
        )  # fmt: skip
        with gr.Accordion("Limit the evidence", open=False, elem_id="filters"), gr.Row():
            self.sources = gr.Dropdown(
                [], label="Sources", multiselect=True, info="None chosen: all of them", elem_id="sources"
            )
            self.after = gr.Textbox(label="Published from", placeholder="YYYY-MM-DD", max_lines=1, elem_id="after")
            self.before = gr.Textbox(label="Published up to", placeholder="YYYY-MM-DD", max_lines=1, elem_id="before")
        gr.Examples([[text] for text in EXAMPLES], inputs=[self.question], label="For the demo articles, for example")

    def wire(self, page: gr.Blocks, collection: gr.Radio, reading: gr.HTML, *, then: tuple[Any, ...]) -> None:
        """`then` lists the articles, once it is known of which collection."""
        shelf, asked, answered, verdicts, conversation = (
            self.shelf, self.asked, self.answered, self.verdicts, self.conversation
        )  # fmt: skip
        # The box is emptied in the browser as the question leaves it: emptied after the answer, it would take the
        # next question with it. `always_last`: what is put while an answer is made waits for its turn.
        put = gr.on(
            [self.go.click, self.question.submit], None, [self.question, asked], [self.question, asked],
            js=_PUT,
        )  # fmt: skip
        asking = put.then(
            self.respond,
            [collection, self.wording, self.halted, asked, answered, self.sources, self.after, self.before],
            [conversation, answered],
            trigger_mode="always_last",
            concurrency_limit=None,  # the gate's
            api_visibility="private",
        )
        keeping = (keep, [shelf, asked, answered, verdicts], [shelf, self.choice, self.title])
        asking.success(*keeping, **QUIETLY).then(settled, [asked, answered, verdicts], [conversation, answered], **QUIETLY)
        # Gradio says "failure" for what is cancelled, once the server has let go of it: nothing is shown after this.
        asking.failure(stopped, [asked, answered], [conversation, answered], **QUIETLY).then(*keeping, **QUIETLY)
        self.stop.click(None, None, self.halted, js="() => clippings.now()", cancels=[asking])
        conversation.clear(None, None, asked, js="() => [[]]", cancels=[asking]).then(
            lambda shelf: {**shelf, "current": ""}, shelf, shelf, **QUIETLY
        )
        whole = [shelf, asked, answered, conversation, self.choice, self.title, collection]
        self.fresh.click(lambda shelf: take_up(shelf, None), shelf, whole, cancels=[asking], **QUIETLY)
        self.choice.input(take_up, [shelf, self.choice], whole, cancels=[asking], **QUIETLY)
        self.rename.click(rename, [shelf, self.title], [shelf, self.choice, self.title], **QUIETLY)
        self.delete.click(
            lambda shelf: take_up(talk.deleted(shelf, shelf["current"]), None), shelf, whole, cancels=[asking], **QUIETLY
        )
        for button, kind in ((self.export_markdown, "markdown"), (self.export_json, "json")):
            button.click(
                lambda *held, kind=kind: exported(kind, *held), [shelf, asked, answered], self.outgoing, **QUIETLY
            ).then(None, self.outgoing, None, js="(file) => clippings.save(file)")
        # Another collection, another conversation: what "he" was there means nothing here.
        collection.input(lambda shelf: take_up(shelf, None), shelf, [*whole[:-1], gr.State()], cancels=[asking], **QUIETLY)
        page.load(self.restore, shelf, whole, **QUIETLY).then(*then, **QUIETLY)
        reading.verdict(self.judge, [answered, verdicts], verdicts, **QUIETLY).then(*keeping, **QUIETLY)
        reading.gold(self.make_gold, [answered, verdicts], None, api_visibility="private")

    async def respond(
        self, collection: str, wording: str, halted: float, asked: Asked, answered: dict[str, Exchange], *limits: Any
    ) -> AsyncIterator[tuple[Any, dict[str, Exchange]]]:
        """Answer every question that has been put and not been answered yet, oldest first.

        A key is the moment it was put, in the browser's milliseconds: what was put before the page was `halted` last is
        not taken up, though Gradio starts the run that waited behind the one that was stopped.
        """
        answered = {key: answered[key] for key, _ in asked if key in answered}  # less what was cleared
        late = {key: Exchange(key, q, step="waiting") for key, q in asked if key not in answered and float(key) <= halted}
        answered = {key: found for key, _ in asked if (found := answered.get(key) or late.get(key))}
        waiting = [(key, question) for key, question in asked if key not in answered]
        if not waiting:  # Gradio empties the outputs of a generator that yields nothing
            yield _messages(answered.values(), at_work=False), answered
        for key, question in waiting:
            turns = [e.turn for e in answered.values() if e.turn and e.collection == collection]
            put = Exchange(key, question, collection)
            async with aclosing(self._in_turn(put, turns, limits, use_model=wording == "model")) as growing:
                async for exchange in growing:
                    answered = {**answered, key: exchange}
                    yield _messages(answered.values()), answered

    async def _in_turn(
        self, put: Exchange, turns: list[Turn], limits: Sequence[Any], *, use_model: bool
    ) -> AsyncGenerator[Exchange, None]:
        """The exchange while it waits for its turn, and then as its answer grows."""
        working = functools.partial(exchanges, self.library.chosen, put, turns, limits, use_model=use_model)
        try:
            async with aclosing(self.gate.answered(working)) as made:
                async for step in made:
                    yield replace(put, step=_waits(step)) if isinstance(step, Waiting) else step
        except BusyError as exc:
            yield replace(put, so_far=f'<p class="abstained">{escape(str(exc))}</p>')

    def restore(self, shelf: Shelf) -> tuple[Any, ...]:
        """The conversation that was open last. Where there is none, somebody may be typing or choosing already: nothing is
        touched but the collection, and that only where another comes first than when the page was made."""
        if shelf["current"]:
            return take_up(shelf, shelf["current"])
        first = self.library.first
        return *(gr.skip(),) * 6, gr.skip() if first == self.first else first

    def judge(self, event: gr.EventData, answered: dict[str, Exchange], verdicts: dict[str, str]) -> dict[str, str]:
        """The reader's verdict on an answer is kept. It has a place of its own: an answer that is being made writes over
        the others with what it knew of them when it began."""
        exchange = answered.get(str(event.key))
        if exchange is None or exchange.found is None or event.verdict not in VERDICTS:
            return verdicts
        try:
            self.library.judged(exchange.collection, event.verdict, exchange.question, exchange.found)
        except ClippingsError as exc:
            raise gr.Error(str(exc), print_exception=False) from exc
        return {**verdicts, exchange.key: event.verdict}

    def make_gold(self, event: gr.EventData, answered: dict[str, Exchange], verdicts: dict[str, str]) -> None:
        """A judged answer becomes a gold case; where it was not right, with the words selected in the article."""
        exchange = judged(answered, verdicts).get(str(event.key))
        if exchange is None or exchange.found is None:
            return
        words = event.words
        try:
            if words and words["collection"] != exchange.collection:
                raise CollectionError("the words selected are not of the articles that were asked")
            places = [(str(words["article"]), int(words["start"]), int(words["end"]))] if words else []
            gr.Info(self.library.gold(exchange.collection, exchange.verdict, exchange.found, places))
        except ClippingsError as exc:
            raise gr.Error(str(exc), print_exception=False) from exc


def stopped(asked: Asked, answered: dict[str, Exchange]) -> tuple[Any, dict[str, Exchange]]:
    """What was being answered, and what waited for its turn, will not be."""
    if overtaken(asked, answered):
        return gr.skip(), gr.skip()
    answered = {key: answered.get(key) or Exchange(key, question, "", step="waiting") for key, question in asked}
    return _messages(answered.values(), at_work=False), answered


def overtaken(asked: Asked, answered: dict[str, Exchange]) -> bool:
    """Whether a later question is under way already: `asked` is what the page knew when it called, `answered` what holds
    now. Nothing asked is a conversation that was cleared, and nothing overtakes that."""
    return bool(asked) and not answered.keys() <= {key for key, _ in asked}


def settled(asked: Asked, answered: dict[str, Exchange], verdicts: dict[str, str]) -> tuple[Any, dict[str, Exchange]]:
    """The conversation at rest, with every verdict on it; untouched where it shows them all."""
    shown, answered = answered, judged(answered, verdicts)
    if answered == shown or overtaken(asked, answered):
        return gr.skip(), gr.skip()
    return _messages((answered[key] for key, _ in asked if key in answered), at_work=False), answered


def keep(shelf: Shelf, asked: Asked, answered: dict[str, Exchange], verdicts: dict[str, str]) -> tuple[Shelf, Any, str]:
    current = shelf["current"] or secrets.token_hex(6)
    shelf = talk.kept(shelf, current, asked, judged(answered, verdicts))
    return shelf, _listed(shelf, current), _title(shelf, current)


def take_up(shelf: Shelf, wanted: str | None) -> tuple[Any, ...]:
    """A conversation of the shelf, with the collection it is about; or a new one."""
    shelf = {**shelf, "current": wanted or ""}
    asked, answered = talk.taken_up(shelf, shelf["current"])
    shown = _messages(answered.values(), at_work=False)
    about = next((e.collection for e in answered.values()), None)
    return (
        shelf, asked, answered, shown, _listed(shelf, shelf["current"]), _title(shelf, shelf["current"]),
        about if about else gr.skip(),
    )  # fmt: skip


def rename(shelf: Shelf, title: str) -> tuple[Shelf, Any, str]:
    shelf = talk.renamed(shelf, shelf["current"], title)
    return shelf, _listed(shelf, shelf["current"]), _title(shelf, shelf["current"])


def exported(kind: str, shelf: Shelf, asked: Asked, answered: dict[str, Exchange]) -> dict[str, str]:
    """The conversation as a file for the browser to save."""
    said = [(answered[key].question, found) for key, _ in asked if key in answered and (found := answered[key].found)]
    title = _title(shelf, shelf["current"]) or "Conversation"
    if kind == "json":
        return {"name": "conversation.json", "kind": "application/json", "text": conversation_json(title, said)}
    return {"name": "conversation.md", "kind": "text/markdown", "text": markdown(said, title)}


def _messages(exchanges: Iterable[Exchange], at_work: bool = True) -> list[dict[str, Any]]:
    shown = list(exchanges)
    return [
        {
            "role": role,
            "content": gr.HTML(f'<div class="exchange" data-collection="{escape(exchange.collection)}">{part}</div>'),
        }
        for number, exchange in enumerate(shown, 1)
        for role, part in (
            ("user", exchange.asked()),
            ("assistant", exchange.answer(at_work=at_work and number == len(shown))),
        )
    ]


def _listed(shelf: Shelf, current: str) -> Any:
    choices = [(c["title"], c["id"]) for c in shelf["conversations"]]
    return gr.Radio(choices=choices, value=current if any(i == current for _, i in choices) else None)


def _title(shelf: Shelf, current: str) -> str:
    return next((c["title"] for c in shelf["conversations"] if c["id"] == current), "")


def _waits(waiting: Waiting) -> str:
    others = f"{waiting.before} question{'' if waiting.before == 1 else 's'} before it" if waiting.before else "it is the next"
    return f"waiting for its turn: {others}"


def exchanges(
    opened: Callable[[str], Assistant],
    asked: Exchange,
    turns: list[Turn],
    limits: Sequence[Any] = ((), None, None),
    *,
    use_model: bool = True,
) -> Iterator[Exchange]:
    """The exchange as its answer grows; the last has the whole answer, or says why there is none."""
    released: list[str] = []
    step = ""
    try:
        limited = filters(*limits)
        for event in opened(asked.collection).stream(asked.question, turns, filters=limited, use_model=use_model):
            if isinstance(event, Answer):
                yield replace(asked, found=record(event, asked.collection))
                return
            if isinstance(event, Sentence):
                said = {"text": event.text, "lead": event.lead, "citations": [c.number for c in event.citations]}
                released.append(sentence_html(said, {c.number: citation_record(c, Evidence()) for c in event.citations}))
            elif isinstance(event, Step):
                step = event.detail
            yield replace(asked, so_far=f'<p class="answer">{" ".join(released)}</p>', step=step)
    except ClippingsError as exc:
        yield replace(asked, so_far=f'<p class="abstained">{escape(str(exc))}</p>')
    except Exception:
        logging.getLogger("clippings").exception("a question could not be answered")
        sorry = "Something went wrong while answering; the details are in the log. Ask again."
        yield replace(asked, so_far=f'<p class="abstained">{sorry}</p>')
