"""The chat page: ask, read, press a number, see the exact words in the exact article.

Gradio's Chatbot shows the conversation and an HTML component the article. Answers are HTML that we escape
(`markup.escape`); articles cross to the browser as plain strings and are set as text, never as markup.
Everything is served from this process: no font, script or statistic from elsewhere. This file lays the page out;
`conversations` and `articles` say what happens on it, `look` how it looks.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rag.errors import ClippingsError
from rag.surfaces.library import DEMO, OWN, Library
from rag.surfaces.programs import programs

__all__ = ["build", "serve"]

_HERE = Path(__file__).parent
_LARGEST = "200mb"  # of an uploaded file; Gradio keeps all of it on the disk before anybody looks


def serve(
    library: Library, *, host: str, port: int, auth: Callable[[str, str], bool] | None = None, root_path: str | None = None
) -> None:
    """Open the page and block until interrupted. Raises `ClippingsError` when the port is taken.

    `auth` says whether a name and a password belong together; without it everybody may ask. `root_path` is where a proxy
    that stands before the page has put it.
    """
    page, theme = build(library)
    # Loading takes seconds; better before the page says it is ready than at the first question.
    library.assistant(library.first).warm()
    try:
        page.launch(
            server_name=host,
            server_port=port,
            auth=auth,
            root_path=root_path,
            theme=theme,
            css_paths=_HERE / "page.css",
            share=False,
            ssr_mode=False,
            quiet=True,
            footer_links=["api"],
            # Gradio's tools call back without a name or a password, and list themselves to everybody.
            mcp_server=auth is None,
            max_file_size="1kb" if library.read_only else _LARGEST,
            prevent_thread_lock=True,
        )
    except OSError as exc:
        raise ClippingsError(f"port {port} of {host} is taken, or not open to you. Choose another with --port") from exc
    print(f"Clippings is open at http://{host}:{port} (Ctrl-C stops it)", flush=True)
    page.block_thread()


def build(library: Library) -> tuple[Any, Any]:
    """The page and its theme, not yet launched."""
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    import gradio as gr

    from rag.surfaces.chat.articles import Articles
    from rag.surfaces.chat.conversations import AT_ONCE, Conversations
    from rag.surfaces.chat.look import READING, theme

    conversations, articles = Conversations(library), Articles(library)

    def open_article(place: dict[str, Any]) -> dict[str, str]:
        return articles.open(place)  # Gradio marks what the browser may call, which a method cannot be

    def translated(program: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
        @functools.wraps(program)
        def called(*given: Any, **named: Any) -> dict[str, Any]:
            try:
                return program(*given, **named)
            except ClippingsError as exc:
                raise gr.Error(str(exc), print_exception=False) from exc

        return called

    with gr.Blocks(title="Clippings", analytics_enabled=False, fill_width=False) as page:
        conversations.draw_shelf()
        with gr.Row():
            articles.draw_head()
            collection = gr.Radio(
                [("My articles", OWN), ("Demo articles", DEMO)], value=library.first, label="Which articles",
                elem_id="collection", scale=0, min_width=280, container=False,
            )  # fmt: skip
        articles.draw_beginning()
        with gr.Row():
            with gr.Column(scale=6), gr.Tabs():
                with gr.Tab("Ask", id="ask"):
                    conversations.draw()
                with gr.Tab("Articles", id="articles"):
                    articles.draw()
            with gr.Column(scale=5):
                reading = gr.HTML(
                    html_template=READING,
                    js_on_load="\n".join((_HERE / name).read_text(encoding="utf-8") for name in ("reading.js", "asking.js")),
                    server_functions=[open_article],
                    elem_id="reading",
                )
        articles.wire(collection, conversations.sources)
        conversations.wire(page, collection, reading, then=articles.arrange)
        for program in programs(library.chosen):
            gr.api(translated(program), api_name=program.__name__, concurrency_limit=AT_ONCE)
    return page, theme()
