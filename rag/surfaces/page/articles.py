"""The Articles tab: list, open, add, correct and remove articles."""

from __future__ import annotations

from collections import Counter
from typing import Any

from rag.collection import Listing
from rag.errors import ClippingsError, CollectionError
from rag.surfaces.library import DEMO, OWN, Library
from rag.surfaces.markup import escape
from rag.surfaces.page.gradio_import import gr
from rag.surfaces.page.look import UPLOAD, masthead
from rag.types import Article

__all__ = ["QUIETLY", "Articles"]

_COLUMNS = ("Title", "Source", "Date", "Words", "Passages", "Copies", "Added", "Id")
# For quick events: no progress display, and no waiting in Gradio's queue.
QUIETLY: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private", "queue": False}


class Articles:
    """The page's header and the Articles tab, with their events."""

    def __init__(self, library: Library) -> None:
        self.library = library

    def draw_head(self) -> None:
        self.head = gr.HTML(elem_id="masthead")

    def draw_notice(self) -> None:
        self.notice = gr.HTML(elem_id="begin")

    def draw(self) -> None:
        writable = not self.library.read_only
        self.picked = gr.JSON(visible=False)
        kinds = escape(",".join(self.library.kinds))
        self.adding = gr.HTML(
            html_template=UPLOAD.replace("KINDS", kinds),
            js_on_load="window.clippingsAdded = () => trigger('added');",
            elem_id="upload", visible=writable,
        )  # fmt: skip
        self.table = gr.Dataframe(
            headers=list(_COLUMNS),
            datatype=["str", "str", "str", "number", "number", "number", "str", "str"],
            interactive=False, show_search="search", label="Articles", wrap=True, max_height=420,
            elem_id="articles",
            column_widths=["260px", "130px", "110px", "80px", "90px", "80px", "150px", "200px"],
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
        self.remove = gr.Button("Remove article…", interactive=False, elem_id="remove", visible=writable)
        with gr.Row(visible=False, elem_id="sure") as self.confirm:
            self.yes = gr.Button("Remove", variant="stop", elem_id="yes")
            self.no = gr.Button("Cancel", elem_id="no")

    def wire(self, collection: gr.Radio, sources: gr.Dropdown) -> None:
        """`sources` offers those of the collection."""
        self.arrange = (self.arranged, collection, [self.head, sources, self.table, self.notice])
        collection.change(*self.arrange, **QUIETLY)
        # The page's script triggers this when articles were added to the user's own collection.
        self.adding.added(lambda: OWN, None, collection, **QUIETLY).then(*self.arrange, **QUIETLY)
        given = [self.title, self.source, self.published]
        choosing = [self.picked, self.which, self.remove, self.confirm, self.facts]
        self.table.select(self.pick, collection, [*choosing, *given], **QUIETLY).then(
            None, self.picked, None, js="(place) => place && clippings.show(place)"
        )
        for button, inputs, done in (
            (self.save, given, self.correct),
            (self.undo, [], self.undo_corrections),
        ):
            button.click(
                done, [self.picked, *inputs], [self.picked, self.which, *given], api_visibility="private"
            ).then(*self.arrange, **QUIETLY).then(
                None, self.picked, None, js="(place) => place && clippings.show(place)"
            )
        self.remove.click(lambda picked: gr.Row(visible=bool(picked)), self.picked, self.confirm, **QUIETLY)
        self.no.click(lambda: gr.Row(visible=False), None, self.confirm, **QUIETLY)
        collection.change(_no_selection, None, choosing, **QUIETLY)
        self.yes.click(self.delete, self.picked, choosing, api_visibility="private").then(
            *self.arrange, **QUIETLY
        )

    def arranged(self, collection: str) -> tuple[str, Any, Any, str]:
        """What the page shows of a collection: header, sources, table, and a notice where there are no
        articles."""
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
        # Near-copies are listed together, under the first of them.
        rows.sort(key=lambda item: (item.headline.voice, item.headline.id))
        table = [_row(item, copies[item.headline.group] - 1 if item.headline.group else 0) for item in rows]
        return masthead(len(rows)), gr.Dropdown(choices=assistant.collection.sources(), value=[]), table, ""

    def pick(self, collection: str, event: gr.SelectData) -> tuple[Any, ...]:
        """Select the article of a row. Its facts can be edited if it is the user's own."""
        article_id = str(event.row_value[-1])
        try:
            article = self.library.chosen(collection).article(article_id)
        except ClippingsError as exc:  # it was removed in the meantime
            return *_no_selection(f'<p class="abstained">{escape(str(exc))}</p>'), "", "", ""
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
        # Facts that were not changed are not corrections.
        return self._corrected(
            picked, {name: value for name, value in given.items() if value != shown[name]}, undo=False
        )

    def undo_corrections(self, picked: dict[str, Any] | None) -> tuple[Any, ...]:
        return self._corrected(picked, {}, undo=True)

    def _corrected(
        self, picked: dict[str, Any] | None, facts: dict[str, str], *, undo: bool
    ) -> tuple[Any, ...]:
        try:
            article = self.library.correct(_chosen(picked), facts, undo=undo)
        except ClippingsError as exc:
            return gr.skip(), f'<p class="abstained">{escape(str(exc))}</p>', gr.skip(), gr.skip(), gr.skip()
        message = "Corrections undone." if undo else "Saved. Later syncs keep the correction."
        now = _facts(article)
        return {**(picked or {}), "facts": now}, f'<p class="step" role="status">{message}</p>', *now

    def delete(self, picked: dict[str, Any] | None) -> tuple[Any, ...]:
        try:
            self.library.delete(_chosen(picked))
            message = '<p class="step" role="status">Article removed.</p>'
        except ClippingsError as exc:
            message = f'<p class="abstained">{escape(str(exc))}</p>'
        return _no_selection(message)


def _no_selection(message: str = "") -> tuple[Any, ...]:
    """The state without a selected article."""
    return None, message, gr.Button(interactive=False), gr.Row(visible=False), gr.Column(visible=False)


def _chosen(picked: dict[str, Any] | None) -> str:
    """The id of the selected article. Raises `CollectionError` where none is, or it cannot be changed."""
    if not isinstance(picked, dict) or "article" not in picked:
        raise CollectionError("select an article in the table first")
    if picked.get("collection") == DEMO:
        raise CollectionError("the demo articles cannot be changed. Add articles of your own")
    return str(picked["article"])


def _facts(article: Article) -> tuple[str, str, str]:
    return (
        article.title or "",
        article.source or "",
        article.published.isoformat() if article.published else "",
    )


def _row(item: Listing, copies: int) -> list[Any]:
    """An article's row in the table. `copies` counts its near-copies."""
    facts = item.headline
    when = facts.published.isoformat() if facts.published else "unknown"
    added = f"{item.added:%Y-%m-%d %H:%M}"
    return [facts.label, facts.source or "unknown", when, item.words, item.passages, copies, added, facts.id]
