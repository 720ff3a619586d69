"""The chat page: ask, read, press a number, see the exact words in the exact article.

Gradio's Chatbot shows the conversation and an HTML component the article. Answers are HTML that we escape
(`markup.escape`); articles cross to the browser as plain strings and are set as text, never as markup.
Everything is served from this process: no font, script or statistic from elsewhere. This file lays the page out;
`conversations` and `articles` say what happens on it, `look` how it looks.
"""

from __future__ import annotations

import functools
import logging
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rag.errors import ClippingsError
from rag.quiet import quiet
from rag.surfaces.page.calls import Calls
from rag.surfaces.gate import Gate
from rag.surfaces.health import Door, Health
from rag.surfaces.library import DEMO, OWN, Library
from rag.surfaces.programs import Program, programs

__all__ = ["build", "serve"]

quiet()

_HERE = Path(__file__).parent
# What Gradio remembers of who was here last: every tab, and every client that a program opens, takes .13 MB or more, and its
# 10,000 would be more than all else together. A tab older than so many others keeps its conversations, which the browser has.
_SESSIONS = 1_000
_LARGEST = "200mb"  # of an uploaded file; Gradio keeps all of it on the disk before anybody looks
_BESIDES = 40  # what Gradio may have under way besides questions: articles looked at, added and removed
_QUIET = 0.5  # seconds without a request after which every answer has arrived, and is kept by its browser
_TICK = 0.05
_LINGER = 3.0  # seconds that are waited for this at most


def serve(
    library: Library, *, host: str, port: int, auth: Callable[[str, str], bool] | None = None, root_path: str | None = None
) -> None:
    """Open the page and block until SIGTERM or Ctrl-C stops it: new questions are refused then, those that are worked on have
    `serve.grace` seconds to finish, and a second signal ends the process at once. Raises `ClippingsError` when the port is
    taken.

    `auth` says whether a name and a password belong together; without it everybody may ask. `root_path` is where a proxy
    that stands before the page has put it. The gate is that of `library.own`'s settings.
    """
    # Gradio imports it at each call where it is installed, and it keeps a list of the machine's fonts in the reader's home.
    sys.modules.setdefault("matplotlib", None)  # type: ignore[arg-type]
    from starlette.middleware import Middleware

    limits = library.own.serve
    gate = Gate(limits)
    health = Health(library, gate)
    page, theme = build(library, gate)
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
            state_session_capacity=_SESSIONS,
            max_threads=limits.at_once + limits.waiting + _BESIDES,
            app_kwargs={"middleware": [Middleware(Door, health), Middleware(Calls, page)]},
        )
    except OSError as exc:
        raise ClippingsError(f"port {port} of {host} is taken, or not open to you. Choose another with --port") from exc
    signals = _signals()
    print(f"Clippings is open at http://{host}:{port} (Ctrl-C stops it)", flush=True)
    while not signals:
        time.sleep(_TICK)  # a signal that another thread caught wakes nobody, but is heard at the next tick
    gate.stop()
    if running := gate.counts.running:
        print(f"Finishing {running} question{'' if running == 1 else 's'} first (Ctrl-C stops at once)", flush=True)
    _wait_for_answers(gate, health, limits.grace)
    page.close(verbose=False)


def _signals() -> list[int]:
    """Where the first signal to stop arrives. The second ends the process as if nobody listened."""
    arrived: list[int] = []
    both = (signal.SIGINT, signal.SIGTERM)

    def heard(number: int, _: object) -> None:
        for each in both:
            signal.signal(each, signal.SIG_DFL)
        arrived.append(number)

    for each in both:
        signal.signal(each, heard)
    return arrived


def _wait_for_answers(gate: Gate, health: Health, grace: float) -> None:
    """Wait until no question is worked on and every answer has reached its asker, at most so many seconds."""
    until = time.monotonic() + grace
    while gate.counts.running and time.monotonic() < until:
        time.sleep(_TICK)
    until = time.monotonic() + _LINGER  # what was finished in the last moment arrives as well
    while (health.requests or time.monotonic() < health.latest + _QUIET) and time.monotonic() < until:
        time.sleep(_TICK)


def build(library: Library, gate: Gate) -> tuple[Any, Any]:
    """The page and its theme, not yet launched. All questions go through the gate."""
    import gradio as gr

    from rag.surfaces.page.articles import Articles
    from rag.surfaces.page.conversations import Conversations
    from rag.surfaces.page.look import READING, theme

    conversations, articles = Conversations(library, gate), Articles(library)

    def open_article(place: dict[str, Any]) -> dict[str, str]:
        return articles.open(place)  # Gradio marks what the browser may call, which a method cannot be

    @contextmanager
    def told() -> Iterator[None]:
        try:
            yield
        except ClippingsError as exc:
            raise gr.Error(str(exc), print_exception=False) from exc
        except Exception as exc:
            logging.getLogger("clippings").exception("a program's call failed")
            said = "this failed for a reason that was not foreseen; the page's log has it. Ask again, or in other words"
            raise gr.Error(said, print_exception=False) from exc

    def in_turn(program: Program) -> Callable[..., Any]:
        @functools.wraps(program)
        async def called(*given: Any, **named: Any) -> dict[str, Any]:
            with told():
                return await gate.result(functools.partial(program, *given, **named))

        return called

    def at_once(program: Program) -> Program:
        @functools.wraps(program)
        def called(*given: Any, **named: Any) -> dict[str, Any]:
            with told():
                return program(*given, **named)

        return called

    ask, search, article = programs(library.chosen)

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
        for program in (in_turn(ask), in_turn(search), at_once(article)):
            gr.api(program, api_name=program.__name__, concurrency_limit=None)  # the gate limits them
    return page, theme()
