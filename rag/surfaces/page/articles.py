"""The articles on the page: listed, opened, added, corrected and removed."""

from __future__ import annotations

from collections import Counter
from typing import Any

import gradio as gr

from rag.collection import Listing
from rag.errors import ClippingsError, CollectionError
from rag.surfaces.library import DEMO, OWN, Library
from rag.surfaces.markup import escape
from rag.surfaces.page.look import UPLOAD, masthead

__all__ = ["QUIETLY", "Articles"]

_COLUMNS = ("Title", "Source", "Date", "Words", "Passages", "Copies", "Added", "Id")
# Quick, so they wait for no place among the questions.
QUIETLY: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private", "queue": False}


class Articles:
    """The head of the page and the tab of articles, with what happens there."""

    def __init__(self, library: Library) -> None:
        self.library = library

    def draw_head(self) -> None:
        self.head = gr.HTML(elem_id="masthead")

    def draw_beginning(self) -> None:
        self.begin = gr.HTML(elem_id="begin")

    def draw(self) -> None:
        writable = not self.library.read_only
        self.picked = gr.JSON(visible=False)
        kinds = escape(",".join(self.library.kinds))
        self.adding = gr.HTML(
            html_template=UPLOAD.replace("KINDS", kinds), js_on_load="window.clippingsAdded = () => trigger('added');",
            elem_id="upload", visible=writable,
        )  # fmt: skip
        self.table = gr.Dataframe(
            headers=list(_COLUMNS), datatype=["str", "str", "str", "number", "number", "number", "str", "str"],
            interactive=False, show_search="search", label="Articles", wrap=True, max_height=420,
            elem_id="articles", column_widths=["260px", "130px", "110px", "80px", "90px", "80px", "150px", "200px"],
        )  # fmt: skip
        self.which = gr.HTML(elem_id="picked")
        with gr.Column(visible=False, elem_id="facts") as self.facts:
            with gr.Row():
                self.title = gr.Textbox(label="Title", max_lines=1, scale=3, elem_id="fact-title")
                self.source = gr.Textbox(label="Source", max_lines=1, elem_id="fact-source")
                self.published = gr.Textbox(
                    label="Date", placeholder="YYYY-MM-DD", max_lines=1, elem_id="fact-published"
                )
            with gr.Row():
                self.save = gr.Button("Save", elem_id="correct")
                self.undo = gr.Button("Undo corrections", elem_id="undo")
        self.remove = gr.Button(
            "Remove this article …", interactive=False, elem_id="remove", visible=writable
        )
        with gr.Row(visible=False, elem_id="sure") as self.confirm:
            self.yes = gr.Button("Yes, remove it", variant="stop", elem_id="yes")
            self.no = gr.Button("No, keep it", elem_id="no")

    def wire(self, collection: gr.Radio, sources: gr.Dropdown) -> None:
        """`sources` offers those of the collection."""
        self.arrange = (self.arranged, collection, [self.head, sources, self.table, self.begin])
        collection.change(*self.arrange, **QUIETLY)
        # The page's script says when articles have been added; they are one's own.
        self.adding.added(lambda: OWN, None, collection, **QUIETLY).then(*self.arrange, **QUIETLY)
        given = [self.title, self.source, self.published]
        choosing = [self.picked, self.which, self.remove, self.confirm, self.facts]
        self.table.select(self.pick, collection, [*choosing, *given], **QUIETLY).then(
            None, self.picked, None, js="(place) => place && clippings.show(place)"
        )
        for button, inputs, done in ((self.save, given, self.correct), (self.undo, [], self.take_back)):
            button.click(
                done, [self.picked, *inputs], [self.picked, self.which, *given], api_visibility="private"
            ).then(*self.arrange, **QUIETLY).then(
                None, self.picked, None, js="(place) => place && clippings.show(place)"
            )
        self.remove.click(lambda picked: gr.Row(visible=bool(picked)), self.picked, self.confirm, **QUIETLY)
        self.no.click(lambda: gr.Row(visible=False), None, self.confirm, **QUIETLY)
        collection.change(_nothing, None, choosing, **QUIETLY)
        self.yes.click(self.take_out, self.picked, choosing, api_visibility="private").then(
            *self.arrange, **QUIETLY
        )

    def arranged(self, collection: str) -> tuple[str, Any, Any, str]:
        """What the page says of a collection: its head, its sources, its articles, and how to begin where
        there are none.
        """
        try:
            assistant = self.library.chosen(collection)
        except CollectionError as exc:
            return (
                masthead(0),
                gr.Dropdown(choices=[], value=[]),
                [],
                f'<p class="begin">{escape(str(exc))}.</p>',
            )
        rows = assistant.collection.articles()
        copies = Counter(item.headline.group for item in rows)
        # Near-copies stand together, under the first of them.
        rows.sort(key=lambda item: (item.headline.voice, item.headline.id))
        table = [_row(item, copies[item.headline.group] - 1 if item.headline.group else 0) for item in rows]
        return masthead(len(rows)), gr.Dropdown(choices=assistant.collection.sources(), value=[]), table, ""

    def pick(self, collection: str, event: gr.SelectData) -> tuple[Any, ...]:
        """The article of the row that was pressed, with its facts to be corrected where it is the reader's
        own.
        """
        article_id = str(event.row_value[-1])
        try:
            article = self.library.chosen(collection).article(article_id)
        except ClippingsError as exc:  # removed since, on another page or by command
            return *_nothing(f'<p class="abstained">{escape(str(exc))}</p>'), "", "", ""
        own = collection != DEMO
        return (
            {"collection": collection, "article": article_id, "facts": _facts(article)},
            f'<p class="picked">{escape(str(event.row_value[0]))}</p>',
            gr.Button(interactive=own),
            gr.Row(visible=False),
            gr.Column(visible=own and not self.library.read_only),
            *_facts(article),
        )

    def correct(
        self, picked: dict[str, Any] | None, title: str, source: str, published: str
    ) -> tuple[Any, ...]:
        given = {"title": title, "source": source, "published": published.strip()}
        shown = dict(zip(given, (picked or {}).get("facts", ("", "", "")), strict=True))
        # What was left as it was shown is not said to be right.
        return self._corrected(
            picked, {name: value for name, value in given.items() if value != shown[name]}, undo=False
        )

    def take_back(self, picked: dict[str, Any] | None) -> tuple[Any, ...]:
        return self._corrected(picked, {}, undo=True)

    def _corrected(
        self, picked: dict[str, Any] | None, facts: dict[str, str], *, undo: bool
    ) -> tuple[Any, ...]:
        try:
            article = self.library.correct(_chosen(picked), facts, undo=undo)
        except ClippingsError as exc:
            return gr.skip(), f'<p class="abstained">{escape(str(exc))}</p>', gr.skip(), gr.skip(), gr.skip()
        told = "The facts are as they were read." if undo else "The facts are corrected, and stay so."
        now = _facts(article)
        return {**(picked or {}), "facts": now}, f'<p class="step" role="status">{told}</p>', *now

    def take_out(self, picked: dict[str, Any] | None) -> tuple[Any, ...]:
        try:
            self.library.take_out(_chosen(picked))
            told = '<p class="step" role="status">The article is removed.</p>'
        except ClippingsError as exc:
            told = f'<p class="abstained">{escape(str(exc))}</p>'
        return _nothing(told)


def _nothing(told: str = "") -> tuple[Any, ...]:
    """No article is chosen, and nothing can be done to one."""
    return None, told, gr.Button(interactive=False), gr.Row(visible=False), gr.Column(visible=False)


def _chosen(picked: dict[str, Any] | None) -> str:
    """The id of the article that was chosen to be changed. Raises `CollectionError` where it cannot be."""
    if not isinstance(picked, dict) or "article" not in picked:
        raise CollectionError("choose the article in the table first")
    if picked.get("collection") == DEMO:
        raise CollectionError("the demo articles stay as they are")
    return str(picked["article"])


def _facts(article: Any) -> tuple[str, str, str]:
    return (
        article.title or "",
        article.source or "",
        article.published.isoformat() if article.published else "",
    )


def _row(item: Listing, copies: int) -> list[Any]:
    """An article's row in the table; `copies` are the others of its group."""
    facts = item.headline
    when = facts.published.isoformat() if facts.published else "unknown"
    added = f"{item.added:%Y-%m-%d %H:%M}"
    return [facts.label, facts.source or "unknown", when, item.words, item.passages, copies, added, facts.id]
