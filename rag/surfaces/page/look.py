"""The HTML templates and the Gradio theme of the page. The rest of the styling is in page.css."""

from __future__ import annotations

from typing import Any

from rag.surfaces.page.gradio_import import gr

__all__ = ["CONVERSATION", "CONVERSATIONS", "MODEL", "READING", "UPLOAD", "masthead", "theme"]

# From the lightest to the darkest.
_RUST = (
    "#fbf1ed", "#f6ddd4", "#eebfae", "#e39a80", "#d37353", "#b4482a", "#8a2b12", "#6f220e", "#571b0b",
    "#3f1408", "#2a0d05",
)  # fmt: skip

READING = """
<section aria-label="Article" aria-live="polite">
  <p class="hint">Press a number in an answer to open the article here, at the cited words.</p>
  <h2 class="title" tabindex="0"></h2><p class="facts"></p><p class="from"></p>
  <p class="note" hidden></p>
  <details class="read" hidden><summary>Sources of these facts</summary><p></p></details>
  <div class="tools" hidden>
    <button type="button" data-act="previous" aria-keyshortcuts="p">Previous citation</button>
    <button type="button" data-act="next" aria-keyshortcuts="n">Next citation</button>
    <button type="button" class="link" data-act="link">Copy link</button>
  </div>
  <div class="article" tabindex="0" role="region" aria-label="Text of the article" hidden></div>
</section>
"""

CONVERSATION = """
<div class="panel-wrap" tabindex="0" role="log" aria-label="Conversation">
  <p class="hint">Ask a question about the articles.</p>
  <div class="exchanges"></div>
</div>
<p class="editing" role="status" hidden></p>
<div class="told" role="status" hidden></div>
"""

CONVERSATIONS = """
<nav id="conversations" aria-label="Conversations">
  <button type="button" id="fresh" data-act="fresh">New conversation</button>
  <ul class="list"></ul>
  <div class="one" hidden>
    <label for="title">Title</label><input id="title" maxlength="200">
    <div class="row"><button type="button" id="rename" data-act="rename">Rename</button>
    <button type="button" id="delete" data-act="delete">Delete…</button></div>
    <div class="row sure" hidden><button type="button" data-act="delete-sure">Delete</button>
    <button type="button" data-act="delete-not">Cancel</button></div>
    <div class="row">
    <button type="button" id="export-markdown" data-act="export" data-form="markdown">
      Export as Markdown</button>
    <button type="button" id="export-json" data-act="export" data-form="json">Export as JSON</button></div>
  </div>
  <form method="post" action="logout" LOGOUT><button id="log-out">Log out</button></form>
</nav>
"""

# What is done for the current question, with the seconds, which a screen reader is not told: it reads the
# step in the conversation. Then who words the answers.
MODEL = """
<p class="working" aria-hidden="true" hidden></p>
<p class="wording" role="status" hidden></p>
"""

UPLOAD = """
<section id="adding" aria-label="Add articles">
  <label class="drop" for="files">Add articles: web pages, PDF, Word, e-books, email, text, tables
    <strong>Choose files or drop them here</strong>
    <input type="file" id="files" multiple accept="KINDS"></label>
  <div class="row"><label for="address">Address of a web page or feed</label>
    <input id="address" type="url" placeholder="https://…">
    <button type="button" id="fetch" data-act="fetch">Add</button></div>
  <div class="taken" role="group" aria-label="Files that already exist" hidden><p></p>
    <button type="button" data-act="taken" data-replace="replace">Replace</button>
    <button type="button" data-act="taken" data-replace="keep">Keep both</button>
    <button type="button" data-act="taken" data-replace="">Cancel</button></div>
  <div id="report" role="status"></div>
</section>
"""


def theme() -> Any:
    """Gradio's base theme in our colours, with system fonts."""
    rust = gr.themes.Color(*_RUST, name="rust")
    return gr.themes.Base(
        primary_hue=rust,
        secondary_hue=rust,
        neutral_hue="stone",
        radius_size="sm",
        font=["system-ui", "sans-serif"],
        font_mono=["ui-monospace", "monospace"],
    ).set(
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


def masthead(articles: int) -> str:
    """The header of the page, with the number of articles."""
    count = f"{articles:,} article{'' if articles == 1 else 's'}"
    return f"<h1>Clippings</h1><p>{count}. Every sentence of an answer cites the exact words it rests on.</p>"
