"""The chat page: ask, read, press a number, see the exact words in the exact article.

Gradio lays the page out, and lists and corrects the articles. Conversations and uploads are drawn by the
page's own scripts from what the server keeps (`rag.surfaces.api`): the server makes all HTML and escapes it
(`markup.escape`), and articles cross to the browser as plain strings that are set as text. Everything is
served from this process: no font, script or statistic from elsewhere. This file lays the page out; `articles`
says what happens to articles, `look` how the page looks.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import gradio as gr

from rag.people.store import People
from rag.surfaces.library import DEMO, OWN, Library
from rag.surfaces.page.articles import QUIETLY, Articles
from rag.surfaces.page.look import CONVERSATION, CONVERSATIONS, READING, theme

__all__ = ["EXAMPLES", "build", "mount"]

_HERE = Path(__file__).parent
EXAMPLES = (
    "Who struck first, and whom did they target?",
    "How many people did Pakistan's strikes on Iran kill?",
    "Is Pakistan an ally of the United States?",
)
# Somebody may be quicker than the page's own script, which comes with one of its components.
_READY = "while (!window.clippings) await new Promise((done) => setTimeout(done, 20));"


def mount(app: Any, library: Library, people: People, *, root_path: str = "", accounts: bool = False) -> Any:
    """Mount the page at the root of a FastAPI application, whose other routes come first."""
    return gr.mount_gradio_app(
        app,
        build(library, people, accounts=accounts),
        path="/",
        # For whom a request is, the door has said. An empty name is the one local person, and not a stranger.
        auth_dependency=lambda request: request.state.owner,
        root_path=root_path or None,
        theme=theme(),
        css_paths=_HERE / "page.css",
        footer_links=[],
        run_history=False,
        ssr_mode=False,
        enable_monitoring=False,
        pwa=False,
        mcp_server=False,
        max_file_size=1,  # files come in by another door
        show_error=True,
    )


def build(library: Library, people: People, *, accounts: bool = False) -> gr.Blocks:
    """The page, not yet mounted. With `accounts` one can log out."""
    articles = Articles(library)

    def chosen(request: gr.Request) -> tuple[gr.Radio, gr.Radio]:
        """What this person chose when they were here last; from now on they may choose again."""
        kept = people.settings.get(request.username or "")
        collection = kept.get("collection", "")
        known = collection == DEMO or (collection == OWN and library.first == OWN)
        return (
            gr.Radio(value=collection if known else library.first, interactive=True),
            gr.Radio(value=kept.get("wording", "model"), interactive=True),
        )

    with gr.Blocks(title="Clippings", analytics_enabled=False, fill_width=False) as page:
        # Conversations of a browser from before the server kept them. That Gradio scrambled them protected
        # nothing.
        own = hashlib.sha256(str(library.own.home.resolve()).encode()).hexdigest()
        shelf = gr.BrowserState(
            {"current": "", "conversations": []}, storage_key=f"clippings-{own[:12]}", secret=own[12:28]
        )
        with gr.Sidebar(label="Conversations", open=False, elem_id="shelf"):
            gr.HTML(
                html_template=CONVERSATIONS.replace("LOGOUT", "" if accounts else "hidden"),
                elem_id="conversations-panel",
            )
        with gr.Row():
            articles.draw_head()
            collection = gr.Radio(
                [("My articles", OWN), ("Demo articles", DEMO)], value=library.first, label="Which articles",
                elem_id="collection", scale=0, min_width=280, container=False,
                interactive=False,  # until `chosen` has come, which would undo what is chosen before it
            )  # fmt: skip
        articles.draw_beginning()
        with gr.Row():
            with gr.Column(scale=6), gr.Tabs():
                with gr.Tab("Ask", id="ask"):
                    asking = _ask_tab(library, collection)
                with gr.Tab("Articles", id="articles"):
                    articles.draw()
            with gr.Column(scale=5):
                gr.HTML(
                    html_template=READING,
                    js_on_load="\n".join(
                        (_HERE / name).read_text(encoding="utf-8")
                        for name in ("server.js", "reading.js", "asking.js", "adding.js")
                    ),
                    elem_id="reading",
                )
        sources, wording = asking
        articles.wire(collection, sources)
        collection.input(None, collection, None, js=f"async (name) => {{ {_READY} clippings.choose(name); }}")
        wording.input(None, wording, None, js="(value) => clippings.keep('wording', value)")
        page.load(chosen, None, [collection, wording], **QUIETLY).then(*articles.arrange, **QUIETLY)
        page.load(None, shelf, shelf, js=f"async (shelf) => {{ {_READY} return clippings.takeOver(shelf); }}")
    return page


def _ask_tab(library: Library, collection: gr.Radio) -> tuple[gr.Dropdown, gr.Radio]:
    gr.HTML(html_template=CONVERSATION, elem_id="conversation", elem_classes="plain")
    with gr.Row():
        question = gr.Textbox(
            placeholder="Ask the articles…", label="Question", show_label=False, scale=8, elem_id="question", autofocus=True,
        )  # fmt: skip
        go = gr.Button("Ask", variant="primary", scale=1, min_width=80, elem_id="ask")
        stop = gr.Button("Stop", scale=1, min_width=80, elem_id="stop")
    model = library.own.model
    wording = gr.Radio(
        [(f"{model.name}, checked", "model"), ("The articles' own words", "articles")], value="model",
        label="Who words the answer", visible=model.configured, elem_id="wording", interactive=False,
    )  # fmt: skip
    with gr.Accordion("Limit the evidence", open=False, elem_id="filters"), gr.Row():
        sources = gr.Dropdown(
            [], label="Sources", multiselect=True, info="None chosen: all of them", elem_id="sources"
        )
        after = gr.Textbox(label="Published from", placeholder="YYYY-MM-DD", max_lines=1, elem_id="after")
        before = gr.Textbox(label="Published up to", placeholder="YYYY-MM-DD", max_lines=1, elem_id="before")
    gr.Examples([[text] for text in EXAMPLES], inputs=[question], label="For the demo articles, for example")
    # The box is emptied as the question leaves it; where it cannot be kept, it is put back.
    gr.on(
        [go.click, question.submit], None, [question, collection, wording, sources, after, before], question,
        js=f"async (...given) => {{ {_READY} return clippings.put(...given); }}",
    )  # fmt: skip
    stop.click(None, None, None, js="() => clippings.stop()")
    return sources, wording
