"""The chat page: ask, read, press a number, see the exact words in the exact article.

Gradio's Chatbot shows the conversation and an HTML component the article. Answers are HTML that we escape
(`render.escape`); articles cross to the browser as plain strings and are set as text, never as markup.
Everything is served from this process: no font, script or statistic from elsewhere.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rag.assistant import Assistant
from rag.errors import ClippingsError
from rag.surfaces.render import answer_html, article_parts, escape, sentence_html
from rag.types import Answer, Sentence, Step, Turn

__all__ = ["build", "serve"]

EXAMPLES = (
    "Who struck first, and whom did they target?",
    "How many people did Pakistan's strikes on Iran kill?",
    "Is Pakistan an ally of the United States?",
)
# How many questions are worked on at once; more wait in the queue. Two cores encode two at a time.
_AT_ONCE = 4

_HERE = Path(__file__).parent

# A question joins those put before it as it leaves its box. Each has a key, so that every run of `respond` can tell
# which have been answered: Gradio keeps at most one run waiting, for however many questions were put meanwhile.
_PUT = "(typed, asked) => ['', [...asked, [String(performance.now()), typed]]]"

_READING = """
<section aria-label="Article" aria-live="polite">
  <p class="hint">Press a number in an answer: the article opens here, at the words it rests on.</p>
  <div class="byline"></div><div class="from"></div><div class="article" tabindex="0" hidden></div>
</section>
"""


@dataclass(frozen=True, slots=True)
class _Exchange:
    """A question and as much of its answer as there is, as HTML; `step` says what is done for it now, if anything is."""

    question: str
    answer: str
    step: str = ""
    turn: Turn | None = None

    def asked(self) -> str:
        return f'<p class="asked">{escape(self.question)}</p>'

    def so_far(self, at_work: bool) -> str:
        if self.step and not at_work:
            return f'{self.answer}<p class="notice">Stopped.</p>'
        return self.answer + self.step


Exchanges = dict[str, _Exchange]


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
            words = article.passage(int(place["start"]), int(place["end"]))
            facts = assistant.headline(article.id)
        except (ClippingsError, ValueError, KeyError, TypeError):
            return {"error": "This article has been changed or removed since the answer was given. Ask again."}
        return article_parts(article, facts, words.start, words.end)

    def messages(exchanges: Iterable[_Exchange], at_work: bool = True) -> list[dict[str, Any]]:
        shown = list(exchanges)
        return [
            {"role": role, "content": gr.HTML(part)}
            for number, exchange in enumerate(shown, 1)
            for role, part in (
                ("user", exchange.asked()),
                ("assistant", exchange.so_far(at_work and number == len(shown))),
            )
        ]

    def respond(asked: list[list[str]], answered: Exchanges) -> Iterator[tuple[Any, Exchanges]]:
        """Answer every question that has been put and not been answered yet, oldest first."""
        answered = {key: answered[key] for key, _ in asked if key in answered}  # less what was cleared
        waiting = [(key, question) for key, question in asked if key not in answered]
        if not waiting:  # Gradio empties the outputs of a generator that yields nothing
            yield messages(answered.values(), at_work=False), answered
        for key, question in waiting:
            turns = [exchange.turn for exchange in answered.values() if exchange.turn]
            for exchange in _exchanges(assistant, question, turns):
                answered = {**answered, key: exchange}
                yield messages(answered.values()), answered

    def stopped(asked: list[list[str]], answered: Exchanges) -> tuple[Any, Exchanges]:
        """What was being answered, and what waited for its turn, will not be."""
        answered = {key: answered.get(key) or _Exchange(question, "", _step("waiting")) for key, question in asked}
        return messages(answered.values(), at_work=False), answered

    theme = gr.themes.Base(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"])
    with gr.Blocks(title="Clippings", analytics_enabled=False, fill_width=False) as page:
        gr.HTML(lambda: _masthead(len(assistant.articles())), elem_id="masthead")
        asked, answered = gr.JSON([], visible=False), gr.State({})
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
        put = gr.on([go.click, question.submit], None, [question, asked], [question, asked], js=_PUT)
        asking = put.then(
            respond,
            [asked, answered],
            [conversation, answered],
            trigger_mode="always_last",
            concurrency_limit=_AT_ONCE,
            api_visibility="private",
        )
        # Gradio says "failure" for what is cancelled, once the server has let go of it: nothing is shown after this.
        asking.failure(stopped, [asked, answered], [conversation, answered], show_progress="hidden", api_visibility="private")
        stop.click(None, cancels=[asking])
        conversation.clear(None, None, asked, js="() => [[]]", cancels=[asking])
    return page, theme


def _masthead(articles: int) -> str:
    count = f"{articles:,} article{'' if articles == 1 else 's'}"
    return f"<h1>Clippings</h1><p>{count}. Every sentence of an answer shows the exact words it rests on.</p>"


def _step(what: str) -> str:
    return f'<p class="step">{escape(what)}…</p>'


def _exchanges(assistant: Assistant, question: str, turns: list[Turn]) -> Iterator[_Exchange]:
    """The exchange as its answer grows; the last has the whole answer, or says why there is none."""
    released: list[str] = []
    step = ""
    try:
        for event in assistant.stream(question, turns):
            if isinstance(event, Answer):
                yield _Exchange(question, answer_html(event, question), turn=Turn(event.question, event.text))
                return
            if isinstance(event, Sentence):
                released.append(sentence_html(event))
            elif isinstance(event, Step):
                step = _step(event.detail)
            yield _Exchange(question, f'<p class="answer">{" ".join(released)}</p>', step)
    except ClippingsError as exc:
        yield _Exchange(question, f'<p class="abstained">{escape(str(exc))}</p>')
    except Exception:
        logging.getLogger("clippings").exception("a question could not be answered")
        sorry = "Something went wrong while answering; the details are in the log. Ask again."
        yield _Exchange(question, f'<p class="abstained">{sorry}</p>')
