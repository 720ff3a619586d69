"""The chat page: ask a question, press a citation number, see the exact words in the article.

Gradio provides the layout and the table of articles. The page's own scripts draw conversations and uploads
from the server's data (`rag.surfaces.api`). The server makes and escapes all HTML (`markup.escape`), and
articles reach the browser as plain strings that are set as text. Everything comes from this process: no
fonts, scripts or statistics from elsewhere. This file has the layout; `articles` has the Articles tab, and
`look` the appearance.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from rag.people.store import People
from rag.surfaces.library import DEMO, OWN, Library
from rag.surfaces.page.articles import QUIETLY, Articles
from rag.surfaces.page.gradio_import import gr
from rag.surfaces.page.look import CONVERSATION, CONVERSATIONS, MODEL, READING, theme
from rag.surfaces.page.model import ModelPanel, wording_options

if TYPE_CHECKING:
    from fastapi import FastAPI

    from rag.surfaces.api.access import AdminRights

__all__ = ["EXAMPLES", "build", "mount"]

_FOLDER = Path(__file__).parent
EXAMPLES = (
    "Who struck first, and whom did they target?",
    "How many people did Pakistan's strikes on Iran kill?",
    "Is Pakistan an ally of the United States?",
)
# A user may be faster than the page's script, which is loaded with one of its components.
_WAIT_FOR_SCRIPT = "while (!window.clippings) await new Promise((done) => setTimeout(done, 20));"


def mount(
    app: FastAPI, library: Library, people: People, rights: AdminRights, *, root_path: str = ""
) -> FastAPI:
    """Mount the page at the root of a FastAPI application. The application's own routes come first."""
    mounted: FastAPI = gr.mount_gradio_app(
        app,
        build(library, people, rights),
        path="/",
        # The access middleware has set the owner. An empty name is the one local user, not a stranger.
        auth_dependency=lambda request: request.state.owner,
        root_path=root_path or None,
        theme=theme(),
        css_paths=_FOLDER / "page.css",
        footer_links=[],
        run_history=False,
        ssr_mode=False,
        enable_monitoring=False,
        pwa=False,
        mcp_server=False,
        max_file_size=1,  # files are uploaded to our own routes
        show_error=True,
    )
    return mounted


def build(library: Library, people: People, rights: AdminRights) -> gr.Blocks:
    """The page, not yet mounted. With accounts it has a button to log out; those whom `rights` allows see the
    settings of the language model."""
    articles, model = Articles(library), ModelPanel(library, rights)

    def load_preferences(request: gr.Request) -> tuple[str, gr.Radio, gr.HTML]:
        """The choices of this user's last visit, and what this user may see."""
        owner = request.username or ""
        saved = people.settings.get(owner)
        collection = saved.get("collection", "")
        known = collection == DEMO or (collection == OWN and library.first == OWN)
        wording = gr.Radio(value=saved.get("wording", "model"), **wording_options(library.model))
        return collection if known else library.first, wording, model.shown_to(owner)

    with gr.Blocks(title="Clippings", analytics_enabled=False, fill_width=False) as page:
        # Conversations that an earlier version stored in the browser. The secret only scrambles them.
        own = hashlib.sha256(str(library.own.home.resolve()).encode()).hexdigest()
        shelf = gr.BrowserState(
            {"current": "", "conversations": []}, storage_key=f"clippings-{own[:12]}", secret=own[12:28]
        )
        with gr.Sidebar(label="Conversations", open=False, elem_id="shelf"):
            gr.HTML(
                html_template=CONVERSATIONS.replace("LOGOUT", "" if rights.accounts else "hidden"),
                elem_id="conversations-panel",
            )
            model.draw()
        with gr.Row():
            articles.draw_head()
            collection = gr.Radio(
                [("My articles", OWN), ("Demo articles", DEMO)], value=library.first, label="Collection",
                elem_id="collection", scale=0, min_width=280, container=False,
                # Until the preferences are loaded and their collection is shown: either would replace an
                # earlier choice.
                interactive=False,
            )  # fmt: skip
        articles.draw_notice()
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
                        (_FOLDER / name).read_text(encoding="utf-8")
                        for name in ("server.js", "reading.js", "asking.js", "adding.js", "model.js")
                    ),
                    elem_id="reading",
                )
        sources, wording = asking
        articles.wire(collection, sources)
        model.wire(wording)
        collection.input(
            None,
            collection,
            None,
            js=f"async (name) => {{ {_WAIT_FOR_SCRIPT} clippings.chooseCollection(name); }}",
        )
        wording.input(None, wording, None, js="(value) => clippings.saveSetting('wording', value)")
        page.load(load_preferences, None, [collection, wording, model.panel], **QUIETLY).then(
            *articles.arrange, **QUIETLY
        ).then(
            lambda: (gr.Radio(interactive=True), gr.Radio(interactive=True)),
            None,
            [collection, wording],
            **QUIETLY,
        )
        page.load(
            None,
            shelf,
            shelf,
            js=f"async (shelf) => {{ {_WAIT_FOR_SCRIPT} return clippings.importConversations(shelf); }}",
        )
    return page


def _ask_tab(library: Library, collection: gr.Radio) -> tuple[gr.Dropdown, gr.Radio]:
    gr.HTML(html_template=CONVERSATION, elem_id="conversation", elem_classes="plain")
    with gr.Row():
        question = gr.Textbox(
            placeholder="Ask a question…", label="Question", show_label=False, scale=8, elem_id="question",
            autofocus=True,
        )  # fmt: skip
        go = gr.Button("Ask", variant="primary", scale=1, min_width=80, elem_id="ask")
        stop = gr.Button("Stop", scale=1, min_width=80, elem_id="stop")
    gr.HTML(html_template=MODEL, elem_id="model", elem_classes="plain")
    wording = gr.Radio(
        value="model",
        label="Answer with",
        elem_id="wording",
        interactive=False,
        **wording_options(library.model),
    )
    with gr.Accordion("Filters", open=False, elem_id="filters"), gr.Row():
        sources = gr.Dropdown(
            [], label="Sources", multiselect=True, info="None selected: all sources", elem_id="sources"
        )
        after = gr.Textbox(label="From", placeholder="YYYY-MM-DD", max_lines=1, elem_id="after")
        before = gr.Textbox(label="To", placeholder="YYYY-MM-DD", max_lines=1, elem_id="before")
    gr.Examples([[text] for text in EXAMPLES], inputs=[question], label="Examples for the demo articles")
    # The box is emptied when the question is sent. If the server cannot store it, the text comes back.
    gr.on(
        [go.click, question.submit], None, [question, collection, wording, sources, after, before], question,
        js=f"async (...given) => {{ {_WAIT_FOR_SCRIPT} return clippings.submit(...given); }}",
    )  # fmt: skip
    stop.click(None, None, None, js="() => clippings.stop()")
    return sources, wording
