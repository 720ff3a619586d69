"""The chat page: ask, read, press a number, see the exact words in the exact article.

Gradio's Chatbot shows the conversation and an HTML component the article. Answers are HTML that we escape
(`markup.escape`); articles cross to the browser as plain strings and are set as text, never as markup.
Everything is served from this process: no font, script or statistic from elsewhere.
"""

from __future__ import annotations

import hashlib
import logging
import os
import secrets
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from rag.assistant import Assistant
from rag.errors import ClippingsError, QuestionError
from rag.surfaces import conversation as talk
from rag.surfaces.conversation import Asked, Exchange, Shelf
from rag.surfaces.markup import article_parts, escape, sentence_html
from rag.surfaces.record import citation_record, conversation_json, markdown, record
from rag.types import Answer, Evidence, Filters, Sentence, Step, Turn

__all__ = ["build", "serve"]

EXAMPLES = (
    "Who struck first, and whom did they target?",
    "How many people did Pakistan's strikes on Iran kill?",
    "Is Pakistan an ally of the United States?",
)
# How many questions are worked on at once; more wait in the queue. Two cores encode two at a time.
_AT_ONCE = 4

_HERE = Path(__file__).parent

_READING = """
<section aria-label="Article" aria-live="polite">
  <p class="hint">Press a number in an answer: the article opens here, at the words it rests on.</p>
  <h2 class="title"></h2><p class="facts"></p><p class="from"></p>
  <div class="tools" hidden>
    <button type="button" data-act="previous" aria-keyshortcuts="p">Previous citation</button>
    <button type="button" data-act="next" aria-keyshortcuts="n">Next citation</button>
    <button type="button" class="link" data-act="link">Copy a link to these words</button>
  </div>
  <div class="article" tabindex="0" role="region" aria-label="Text of the article" hidden></div>
</section>
"""


def serve(assistant: Assistant, *, host: str, port: int) -> None:
    """Open the page and block until interrupted. Raises `ClippingsError` when the port is taken."""
    page, theme = build(assistant)
    # Loading takes seconds; better before the page says it is ready than at the first question.
    assistant.warm()
    try:
        page.launch(
            server_name=host,
            server_port=port,
            theme=theme,
            css_paths=_HERE / "page.css",
            share=False,
            ssr_mode=False,
            quiet=True,
            footer_links=["api"],
            prevent_thread_lock=True,
        )
    except OSError as exc:
        raise ClippingsError(f"port {port} of {host} is taken, or not open to you. Choose another with --port") from exc
    print(f"Clippings is open at http://{host}:{port} (Ctrl-C stops it)", flush=True)
    page.block_thread()


def build(assistant: Assistant) -> tuple[Any, Any]:
    """The page and its theme, not yet launched."""
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    import gradio as gr

    def open_article(place: dict[str, Any]) -> dict[str, str]:
        """An article cut at the words to be highlighted."""
        try:
            article = assistant.article(str(place["article"]))
            if place.get("version", article.version) != article.version:
                raise ValueError("the words may stand elsewhere now")
            words = article.passage(int(place["start"]), int(place["end"]))
            facts = assistant.headline(article.id)
        except (ClippingsError, ValueError, KeyError, TypeError):
            return {"error": "This article has been changed or removed since the answer was given. Ask again."}
        return article_parts(article, facts, words.start, words.end)

    def messages(exchanges: Iterable[Exchange], at_work: bool = True) -> list[dict[str, Any]]:
        shown = list(exchanges)
        return [
            {"role": role, "content": gr.HTML(f'<div class="exchange">{part}</div>')}
            for number, exchange in enumerate(shown, 1)
            for role, part in (
                ("user", exchange.asked()),
                ("assistant", exchange.answer(at_work=at_work and number == len(shown))),
            )
        ]

    def respond(
        asked: Asked, answered: dict[str, Exchange], sources: list[str], after: str | None, before: str | None
    ) -> Iterator[tuple[Any, dict[str, Exchange]]]:
        """Answer every question that has been put and not been answered yet, oldest first."""
        answered = {key: answered[key] for key, _ in asked if key in answered}  # less what was cleared
        waiting = [(key, question) for key, question in asked if key not in answered]
        if not waiting:  # Gradio empties the outputs of a generator that yields nothing
            yield messages(answered.values(), at_work=False), answered
        for key, question in waiting:
            turns = [exchange.turn for exchange in answered.values() if exchange.turn]
            for exchange in _exchanges(assistant, Exchange(key, question), turns, (sources, after, before)):
                answered = {**answered, key: exchange}
                yield messages(answered.values()), answered

    def stopped(asked: Asked, answered: dict[str, Exchange]) -> tuple[Any, dict[str, Exchange]]:
        """What was being answered, and what waited for its turn, will not be."""
        answered = {key: answered.get(key) or Exchange(key, question, step="waiting") for key, question in asked}
        return messages(answered.values(), at_work=False), answered

    def listed(shelf: Shelf, current: str) -> Any:
        choices = [(c["title"], c["id"]) for c in shelf["conversations"]]
        return gr.Radio(choices=choices, value=current if any(i == current for _, i in choices) else None)

    def title_in(shelf: Shelf, current: str) -> str:
        return next((c["title"] for c in shelf["conversations"] if c["id"] == current), "")

    def keep(shelf: Shelf, asked: Asked, answered: dict[str, Exchange]) -> tuple[Shelf, Any, str]:
        current = shelf["current"] or secrets.token_hex(6)
        shelf = talk.kept(shelf, current, asked, answered)
        return shelf, listed(shelf, current), title_in(shelf, current)

    def take_up(shelf: Shelf, wanted: str | None) -> tuple[Shelf, Asked, dict[str, Exchange], Any, Any, str]:
        """A conversation of the shelf, or a new one."""
        shelf = {**shelf, "current": wanted or ""}
        asked, answered = talk.taken_up(shelf, shelf["current"])
        shown = messages(answered.values(), at_work=False)
        return shelf, asked, answered, shown, listed(shelf, shelf["current"]), title_in(shelf, shelf["current"])

    def restore(shelf: Shelf) -> tuple[Any, ...]:
        """The conversation that was open last. Where there is none nothing is touched: somebody may be typing already."""
        return take_up(shelf, shelf["current"]) if shelf["current"] else (gr.skip(),) * 6

    def rename(shelf: Shelf, title: str) -> tuple[Shelf, Any, str]:
        shelf = talk.renamed(shelf, shelf["current"], title)
        return shelf, listed(shelf, shelf["current"]), title_in(shelf, shelf["current"])

    def exported(kind: str, shelf: Shelf, asked: Asked, answered: dict[str, Exchange]) -> dict[str, str]:
        """The conversation as a file for the browser to save."""
        said = [(answered[key].question, found) for key, _ in asked if key in answered and (found := answered[key].found)]
        title = title_in(shelf, shelf["current"]) or "Conversation"
        if kind == "json":
            return {"name": "conversation.json", "kind": "application/json", "text": conversation_json(title, said)}
        return {"name": "conversation.md", "kind": "text/markdown", "text": markdown(said, title)}

    def sources() -> Any:
        return gr.Dropdown(choices=assistant.sources())

    own = hashlib.sha256(str(assistant.config.home.resolve()).encode()).hexdigest()
    theme = gr.themes.Base(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"], radius_size="sm").set(
        button_primary_background_fill="#8a2b12",
        button_primary_background_fill_hover="#6f220e",
        button_primary_background_fill_dark="#b4482a",
        button_primary_text_color="white",
        background_fill_primary_dark="#201f1c",
        background_fill_secondary_dark="#171614",
        body_background_fill="#fbfaf7",
        body_background_fill_dark="#171614",
        block_background_fill_dark="#201f1c",
        border_color_primary_dark="#3a3731",
    )
    with gr.Blocks(title="Clippings", analytics_enabled=False, fill_width=False) as page:
        gr.HTML(lambda: _masthead(len(assistant.articles())), elem_id="masthead")
        asked, answered = gr.JSON([], visible=False), gr.State({})
        # What a browser keeps is its user's own; that Gradio scrambles it protects nothing, and the key may be known.
        shelf = gr.BrowserState({"current": "", "conversations": []}, storage_key=f"clippings-{own[:12]}", secret=own[12:28])
        outgoing = gr.JSON(visible=False)
        with gr.Sidebar(label="Conversations", open=False, elem_id="shelf"):
            fresh = gr.Button("New conversation", elem_id="fresh")
            choice = gr.Radio([], label="Conversations in this browser", elem_id="conversations")
            title = gr.Textbox(label="Title of this conversation", elem_id="title", max_lines=1)
            with gr.Row():
                rename_it = gr.Button("Rename", min_width=60, elem_id="rename")
                delete_it = gr.Button("Delete", min_width=60, variant="stop", elem_id="delete")
            with gr.Row():
                export_markdown = gr.Button("Export as Markdown", min_width=60, elem_id="export-markdown")
                export_json = gr.Button("Export as JSON", min_width=60, elem_id="export-json")
        with gr.Row():
            with gr.Column(scale=6):
                conversation = gr.Chatbot(
                    elem_id="conversation", label="Conversation", show_label=False, height="62vh", layout="panel", buttons=[],
                    feedback_options=None, placeholder="Ask the articles something.",
                )  # fmt: skip
                with gr.Row():
                    question = gr.Textbox(
                        placeholder="Ask the articles…", label="Question", show_label=False, scale=8, elem_id="question",
                        autofocus=True,
                    )  # fmt: skip
                    go = gr.Button("Ask", variant="primary", scale=1, min_width=80, elem_id="ask")
                    stop = gr.Button("Stop", scale=1, min_width=80, elem_id="stop")
                with gr.Accordion("Limit the evidence", open=False, elem_id="filters"), gr.Row():
                    only = gr.Dropdown(
                        [], label="Sources", multiselect=True, info="None chosen: all of them", elem_id="sources"
                    )
                    after = gr.Textbox(label="Published from", placeholder="YYYY-MM-DD", max_lines=1, elem_id="after")
                    before = gr.Textbox(label="Published up to", placeholder="YYYY-MM-DD", max_lines=1, elem_id="before")
                gr.Examples([[text] for text in EXAMPLES], inputs=[question], label="For example")
            with gr.Column(scale=5):
                gr.HTML(
                    html_template=_READING,
                    js_on_load=(_HERE / "page.js").read_text(encoding="utf-8"),
                    server_functions=[open_article],
                    elem_id="reading",
                )
        # The box is emptied in the browser as the question leaves it: emptied after the answer, it would take the
        # next question with it. `always_last`: what is put while an answer is made waits for its turn.
        put = gr.on(
            [go.click, question.submit], None, [question, asked], [question, asked],
            js="(typed, asked) => clippings.put(typed, asked)",
        )  # fmt: skip
        asking = put.then(
            respond,
            [asked, answered, only, after, before],
            [conversation, answered],
            trigger_mode="always_last",
            concurrency_limit=_AT_ONCE,
            api_visibility="private",
        )
        # Quick, so they wait for no place among the questions.
        quietly: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private", "queue": False}
        keeping = ([shelf, asked, answered], [shelf, choice, title])
        asking.success(keep, *keeping, **quietly)
        # Gradio says "failure" for what is cancelled, once the server has let go of it: nothing is shown after this.
        asking.failure(stopped, [asked, answered], [conversation, answered], **quietly).then(keep, *keeping, **quietly)
        stop.click(None, cancels=[asking])
        conversation.clear(None, None, asked, js="() => [[]]", cancels=[asking]).then(
            lambda shelf: {**shelf, "current": ""}, shelf, shelf, **quietly
        )
        whole = [shelf, asked, answered, conversation, choice, title]
        fresh.click(lambda shelf: take_up(shelf, None), shelf, whole, cancels=[asking], **quietly)
        choice.input(take_up, [shelf, choice], whole, cancels=[asking], **quietly)
        rename_it.click(rename, [shelf, title], [shelf, choice, title], **quietly)
        delete_it.click(
            lambda shelf: take_up(talk.deleted(shelf, shelf["current"]), None), shelf, whole, cancels=[asking], **quietly
        )
        for button, kind in ((export_markdown, "markdown"), (export_json, "json")):
            button.click(lambda *held, kind=kind: exported(kind, *held), [shelf, asked, answered], outgoing, **quietly).then(
                None, outgoing, None, js="(file) => clippings.save(file)"
            )
        page.load(restore, shelf, whole, **quietly)
        page.load(sources, None, only, **quietly)
    return page, theme


def _masthead(articles: int) -> str:
    count = f"{articles:,} article{'' if articles == 1 else 's'}"
    return f"<h1>Clippings</h1><p>{count}. Every sentence of an answer shows the exact words it rests on.</p>"


def _filters(sources: Sequence[str], after: str | None, before: str | None) -> Filters:
    """What the form says. Raises `QuestionError` for a day that is none, or a time without days."""
    try:
        first, last = (date.fromisoformat(day.strip()) if day and day.strip() else None for day in (after, before))
    except ValueError:
        raise QuestionError(
            "the days that limit the evidence must be written as 2024-01-20. Correct them, or empty both"
        ) from None
    try:
        return Filters(first, last, tuple(sources or ()))
    except ValueError as exc:
        raise QuestionError(f"{exc}. Correct the days that limit the evidence") from exc


def _exchanges(
    assistant: Assistant,
    asked: Exchange,
    turns: list[Turn],
    limits: tuple[Sequence[str], str | None, str | None] = ((), None, None),
) -> Iterator[Exchange]:
    """The exchange as its answer grows; the last has the whole answer, or says why there is none."""
    key, question = asked.key, asked.question
    released: list[str] = []
    step = ""
    try:
        for event in assistant.stream(question, turns, filters=_filters(*limits)):
            if isinstance(event, Answer):
                yield Exchange(key, question, found=record(event))
                return
            if isinstance(event, Sentence):
                said = {"text": event.text, "lead": event.lead, "citations": [c.number for c in event.citations]}
                released.append(sentence_html(said, {c.number: citation_record(c, Evidence()) for c in event.citations}))
            elif isinstance(event, Step):
                step = event.detail
            yield Exchange(key, question, f'<p class="answer">{" ".join(released)}</p>', step)
    except ClippingsError as exc:
        yield Exchange(key, question, f'<p class="abstained">{escape(str(exc))}</p>')
    except Exception:
        logging.getLogger("clippings").exception("a question could not be answered")
        sorry = "Something went wrong while answering; the details are in the log. Ask again."
        yield Exchange(key, question, f'<p class="abstained">{sorry}</p>')
