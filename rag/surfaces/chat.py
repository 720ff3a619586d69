"""The chat page: ask, read, press a number, see the exact words in the exact article.

Gradio's Chatbot shows the conversation and an HTML component the article. Answers are HTML that we escape
(`render.escape`); articles cross to the browser as plain strings and are set as text, never as markup.
Everything is served from this process: no font, script or statistic from elsewhere.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rag.assistant import Assistant
from rag.errors import ClippingsError
from rag.surfaces.render import answer_html, article_parts, escape, sentence_html
from rag.types import Answer, Sentence, Step, Turn

__all__ = ["build", "serve"]

EXAMPLES = (
    "Who struck first, and whom did they target?",
    "How many people did Pakistan's strikes kill?",
    "Is Pakistan an ally of the United States?",
)
# How many questions are worked on at once; more wait in the queue. Two cores encode two at a time.
_AT_ONCE = 4

_HERE = Path(__file__).parent

_READING = """
<section aria-label="Article" aria-live="polite">
  <p class="hint">Press a number in an answer: the article opens here, at the words it rests on.</p>
  <div class="byline"></div><div class="from"></div><div class="article" tabindex="0" hidden></div>
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
        raise ClippingsError(f"the page cannot be opened on {host}:{port}: {exc}. Choose another port with --port") from exc
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

    Shown = list[tuple[str, str]]

    def messages(shown: Shown) -> list[dict[str, Any]]:
        return [
            {"role": role, "content": gr.HTML(part)}
            for pair in shown
            for role, part in zip(("user", "assistant"), pair, strict=True)
        ]

    def respond(question: str, shown: Shown, turns: list[Turn]) -> Iterator[tuple[Any, Shown, list[Turn]]]:
        asked = f'<p class="asked">{escape(question)}</p>'
        for part, answer in _events(assistant, question, turns):
            if answer is not None:
                turns = [*turns, Turn(answer.question, answer.text)]
            yield messages([*shown, (asked, part)]), [*shown, (asked, part)], turns

    theme = gr.themes.Base(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"])
    with gr.Blocks(title="Clippings", analytics_enabled=False, fill_width=False) as page:
        gr.HTML(lambda: _masthead(len(assistant.articles())), elem_id="masthead")
        shown, turns = gr.State([]), gr.State([])
        with gr.Row():
            with gr.Column(scale=6):
                conversation = gr.Chatbot(
                    elem_id="conversation", label="Conversation", show_label=False, height="62vh", layout="panel", buttons=[],
                    feedback_options=None, placeholder="Ask the articles something.",
                )  # fmt: skip
                with gr.Row():
                    put = gr.Textbox(visible=False)
                    question = gr.Textbox(
                        placeholder="Ask the articles…", label="Question", show_label=False, scale=8, elem_id="question",
                        autofocus=True, max_length=2_000,
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
        # next question with it. `always_last`: a question put while another is worked on waits for its turn.
        taken = gr.on([go.click, question.submit], None, question, [question, put], js="(typed) => ['', typed]")
        asking = taken.then(
            respond,
            [put, shown, turns],
            [conversation, shown, turns],
            trigger_mode="always_last",
            concurrency_limit=_AT_ONCE,
            api_visibility="private",
        )
        stop.click(None, cancels=[asking])
        conversation.clear(lambda: ([], []), outputs=[shown, turns], api_visibility="private")
    return page, theme


def _masthead(articles: int) -> str:
    count = f"{articles:,} article{'' if articles == 1 else 's'}"
    return f"<h1>Clippings</h1><p>{count}. Every sentence of an answer shows the exact words it rests on.</p>"


def _events(assistant: Assistant, question: str, turns: list[Turn]) -> Iterator[tuple[str, Answer | None]]:
    """The answer as HTML while it grows, and at the end the answer itself."""
    released: list[str] = []
    step = ""
    try:
        for event in assistant.stream(question, turns):
            if isinstance(event, Answer):
                yield answer_html(event, question), event
                return
            if isinstance(event, Sentence):
                released.append(sentence_html(event))
            elif isinstance(event, Step):
                step = f'<p class="step">{escape(event.detail)}…</p>'
            yield f'<p class="answer">{" ".join(released)}</p>{step}', None
    except ClippingsError as exc:
        yield f'<p class="abstained">{escape(str(exc))}</p>', None
    except Exception:
        logging.getLogger("clippings").exception("a question could not be answered")
        yield '<p class="abstained">Something went wrong while answering; the details are in the log. Ask again.</p>', None
