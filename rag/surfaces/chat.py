"""The chat page: ask, read, press a number, see the exact words in the exact article.

Gradio's Chatbot shows the conversation and an HTML component the article. Answers are HTML that we escape
(`markup.escape`); articles cross to the browser as plain strings and are set as text, never as markup.
Everything is served from this process: no font, script or statistic from elsewhere.
"""

from __future__ import annotations

import functools
import hashlib
import logging
import os
import secrets
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from rag.assistant import Assistant, Listing
from rag.errors import ClippingsError, CollectionError
from rag.surfaces import conversation as talk
from rag.surfaces.conversation import Asked, Exchange, Shelf, judged
from rag.surfaces.library import DEMO, OWN, Library
from rag.surfaces.markup import VERDICTS, article_parts, escape, sentence_html
from rag.surfaces.programs import filters, programs
from rag.surfaces.record import citation_record, conversation_json, markdown, record
from rag.surfaces.render import report_text
from rag.types import Answer, Evidence, IngestReport, Sentence, Step, Turn

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

    def chosen(collection: str) -> Assistant:
        return library.assistant(collection or library.first)

    def open_article(place: dict[str, Any]) -> dict[str, str]:
        """An article cut at the words to be highlighted; where none are named, the whole of it."""
        try:
            assistant = chosen(str(place.get("collection") or ""))
            article = assistant.article(str(place["article"]))
            if place.get("version", article.version) != article.version:
                raise ValueError("the words may stand elsewhere now")
            start, end = int(place.get("start") or 0), int(place.get("end") or 0)
            if end:
                article.passage(start, end)
            facts = assistant.headline(article.id)
        except (ClippingsError, ValueError, KeyError, TypeError):
            return {"error": "This article has been changed or removed since the answer was given. Ask again."}
        return article_parts(article, facts, start, end)

    def messages(exchanges: Iterable[Exchange], at_work: bool = True) -> list[dict[str, Any]]:
        shown = list(exchanges)
        return [
            {
                "role": role,
                "content": gr.HTML(f'<div class="exchange" data-collection="{escape(exchange.collection)}">{part}</div>'),
            }
            for number, exchange in enumerate(shown, 1)
            for role, part in (
                ("user", exchange.asked()),
                ("assistant", exchange.answer(at_work=at_work and number == len(shown))),
            )
        ]

    def respond(
        collection: str, halted: float, asked: Asked, answered: dict[str, Exchange], *limits: Any
    ) -> Iterator[tuple[Any, dict[str, Exchange]]]:
        """Answer every question that has been put and not been answered yet, oldest first.

        A key is the moment it was put, in the browser's milliseconds: what was put before the page was `halted` last is
        not taken up, though Gradio starts the run that waited behind the one that was stopped.
        """
        answered = {key: answered[key] for key, _ in asked if key in answered}  # less what was cleared
        late = {key: Exchange(key, q, step="waiting") for key, q in asked if key not in answered and float(key) <= halted}
        answered = {key: found for key, _ in asked if (found := answered.get(key) or late.get(key))}
        waiting = [(key, question) for key, question in asked if key not in answered]
        if not waiting:  # Gradio empties the outputs of a generator that yields nothing
            yield messages(answered.values(), at_work=False), answered
        for key, question in waiting:
            turns = [e.turn for e in answered.values() if e.turn and e.collection == collection]
            for exchange in _exchanges(chosen, Exchange(key, question, collection), turns, limits):
                answered = {**answered, key: exchange}
                yield messages(answered.values()), answered

    def overtaken(asked: Asked, answered: dict[str, Exchange]) -> bool:
        """Whether a later question is under way already: `asked` is what the page knew when it called, `answered` what holds
        now. Nothing asked is a conversation that was cleared, and nothing overtakes that."""
        return bool(asked) and not answered.keys() <= {key for key, _ in asked}

    def stopped(asked: Asked, answered: dict[str, Exchange]) -> tuple[Any, dict[str, Exchange]]:
        """What was being answered, and what waited for its turn, will not be."""
        if overtaken(asked, answered):
            return gr.skip(), gr.skip()
        answered = {key: answered.get(key) or Exchange(key, question, "", step="waiting") for key, question in asked}
        return messages(answered.values(), at_work=False), answered

    def listed(shelf: Shelf, current: str) -> Any:
        choices = [(c["title"], c["id"]) for c in shelf["conversations"]]
        return gr.Radio(choices=choices, value=current if any(i == current for _, i in choices) else None)

    def title_in(shelf: Shelf, current: str) -> str:
        return next((c["title"] for c in shelf["conversations"] if c["id"] == current), "")

    def keep(shelf: Shelf, asked: Asked, answered: dict[str, Exchange], verdicts: dict[str, str]) -> tuple[Shelf, Any, str]:
        current = shelf["current"] or secrets.token_hex(6)
        shelf = talk.kept(shelf, current, asked, judged(answered, verdicts))
        return shelf, listed(shelf, current), title_in(shelf, current)

    def take_up(shelf: Shelf, wanted: str | None) -> tuple[Any, ...]:
        """A conversation of the shelf, with the collection it is about; or a new one."""
        shelf = {**shelf, "current": wanted or ""}
        asked, answered = talk.taken_up(shelf, shelf["current"])
        shown = messages(answered.values(), at_work=False)
        about = next((e.collection for e in answered.values()), None)
        return (
            shelf, asked, answered, shown, listed(shelf, shelf["current"]), title_in(shelf, shelf["current"]),
            about if about else gr.skip(),
        )  # fmt: skip

    def restore(shelf: Shelf) -> tuple[Any, ...]:
        """The conversation that was open last. Where there is none only the collection is chosen: somebody may be typing."""
        return take_up(shelf, shelf["current"]) if shelf["current"] else (*(gr.skip(),) * 6, library.first)

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

    def arranged(collection: str) -> tuple[str, Any, Any, str]:
        """What the page says of a collection: its head, its sources, its articles, and how to begin where there are none."""
        try:
            assistant = chosen(collection)
        except CollectionError as exc:
            return _masthead(0), gr.Dropdown(choices=[], value=[]), [], f'<p class="begin">{escape(str(exc))}.</p>'
        rows = assistant.articles()
        return _masthead(len(rows)), gr.Dropdown(choices=assistant.sources(), value=[]), [_row(item) for item in rows], ""

    def add(files: list[str]) -> Iterator[tuple[str, Any]]:
        """Take uploaded files in, and say how far it is and what came of it."""
        said: SimpleQueue[Any] = SimpleQueue()

        def work() -> None:
            try:
                said.put(library.add(map(Path, files), said.put))
            except ClippingsError as exc:
                said.put(exc)
            except Exception as exc:
                logging.getLogger("clippings").exception("an upload could not be taken in")
                said.put(exc)

        yield '<p class="step" role="status">reading what was uploaded…</p>', gr.skip()
        threading.Thread(target=work, daemon=True).start()
        while True:
            news = said.get()
            if isinstance(news, IngestReport):
                yield f'<pre class="report">{escape(report_text(news))}</pre>', OWN
                return
            if isinstance(news, Exception):
                told = str(news) if isinstance(news, ClippingsError) else "Something went wrong; the details are in the log."
                yield f'<p class="abstained">{escape(told)}</p>', gr.skip()
                return
            share = news.done / max(1, news.total)
            yield (
                f'<p class="step" role="status"><progress value="{share:.3f}"></progress> '
                f"{news.done} of {news.total} articles, {news.passages} passages</p>",
                gr.skip(),
            )

    def pick(collection: str, event: gr.SelectData) -> tuple[dict[str, Any], str, Any, Any]:
        """The article of the row that was pressed."""
        label, article_id = str(event.row_value[0]), str(event.row_value[-1])
        return (
            {"collection": collection, "article": article_id},
            f'<p class="picked">{escape(label)}</p>',
            gr.Button(interactive=True),
            gr.Row(visible=False),
        )

    pick.__annotations__["event"] = gr.SelectData  # as Gradio asks for it; written above it is a name it cannot resolve

    def sure(picked: dict[str, Any] | None) -> Any:
        return gr.Row(visible=bool(picked))

    def take_out(collection: str, picked: dict[str, Any] | None) -> tuple[Any, ...]:
        try:
            if collection == DEMO:
                raise CollectionError("the demo articles stay as they are")
            if picked is None or picked["collection"] != collection:
                raise CollectionError("choose the article to be removed in the table first")
            library.take_out(str(picked["article"]))
            told = '<p class="step" role="status">The article is removed.</p>'
        except ClippingsError as exc:
            told = f'<p class="abstained">{escape(str(exc))}</p>'
        return None, told, gr.Button(interactive=False), gr.Row(visible=False)

    def judge(event: gr.EventData, answered: dict[str, Exchange], verdicts: dict[str, str]) -> dict[str, str]:
        """The reader's verdict on an answer is kept. It has a place of its own: an answer that is being made writes over
        the others with what it knew of them when it began."""
        exchange = answered.get(str(event.key))
        if exchange is None or exchange.found is None or event.verdict not in VERDICTS:
            return verdicts
        try:
            library.judged(exchange.collection, event.verdict, exchange.question, exchange.found)
        except ClippingsError as exc:
            raise gr.Error(str(exc), print_exception=False) from exc
        return {**verdicts, exchange.key: event.verdict}

    def settled(asked: Asked, answered: dict[str, Exchange], verdicts: dict[str, str]) -> tuple[Any, dict[str, Exchange]]:
        """The conversation at rest, with every verdict on it; untouched where it shows them all."""
        shown, answered = answered, judged(answered, verdicts)
        if answered == shown or overtaken(asked, answered):
            return gr.skip(), gr.skip()
        return messages((answered[key] for key, _ in asked if key in answered), at_work=False), answered

    def make_gold(event: gr.EventData, answered: dict[str, Exchange], verdicts: dict[str, str]) -> None:
        """A judged answer becomes a gold case; where it was not right, with the words selected in the article."""
        exchange = judged(answered, verdicts).get(str(event.key))
        if exchange is None or exchange.found is None:
            return
        words = event.words
        try:
            if words and words["collection"] != exchange.collection:
                raise CollectionError("the words selected are not of the articles that were asked")
            places = [(str(words["article"]), int(words["start"]), int(words["end"]))] if words else []
            gr.Info(library.gold(exchange.collection, exchange.verdict, exchange.found, places))
        except ClippingsError as exc:
            raise gr.Error(str(exc), print_exception=False) from exc

    for listener in (judge, make_gold):
        listener.__annotations__["event"] = gr.EventData

    def translated(program: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
        @functools.wraps(program)
        def called(*given: Any, **named: Any) -> dict[str, Any]:
            try:
                return program(*given, **named)
            except ClippingsError as exc:
                raise gr.Error(str(exc), print_exception=False) from exc

        return called

    own = hashlib.sha256(str(library.own.home.resolve()).encode()).hexdigest()
    rust = gr.themes.Color(*_RUST, name="rust")
    theme = gr.themes.Base(
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
    with gr.Blocks(title="Clippings", analytics_enabled=False, fill_width=False) as page:
        asked, answered, verdicts = gr.JSON([], visible=False), gr.State({}), gr.State({})
        # What a browser keeps is its user's own; that Gradio scrambles it protects nothing, and the key may be known.
        shelf = gr.BrowserState({"current": "", "conversations": []}, storage_key=f"clippings-{own[:12]}", secret=own[12:28])
        outgoing, picked, halted = gr.JSON(visible=False), gr.JSON(visible=False), gr.Number(0, visible=False)
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
            masthead = gr.HTML(elem_id="masthead")
            collection = gr.Radio(
                [("My articles", OWN), ("Demo articles", DEMO)], value=library.first, label="Which articles",
                elem_id="collection", scale=0, min_width=280, container=False,
            )  # fmt: skip
        begin = gr.HTML(elem_id="begin")
        with gr.Row():
            with gr.Column(scale=6), gr.Tabs():
                with gr.Tab("Ask", id="ask"):
                    conversation = gr.Chatbot(
                        elem_id="conversation", label="Conversation", show_label=False, height="58vh", layout="panel",
                        buttons=[], feedback_options=None, autoscroll=False, placeholder="Ask the articles something.",
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
                    gr.Examples([[text] for text in EXAMPLES], inputs=[question], label="For the demo articles, for example")
                with gr.Tab("Articles", id="articles"):
                    upload = gr.File(
                        label="Add articles to your own: .txt, .md or .jsonl", file_count="multiple", file_types=list(_KINDS),
                        height=130, elem_id="upload", visible=not library.read_only,
                    )  # fmt: skip
                    report = gr.HTML(elem_id="report")
                    table = gr.Dataframe(
                        headers=list(_COLUMNS), datatype=["str", "str", "str", "number", "number", "str", "str"],
                        interactive=False, show_search="search", label="Articles", wrap=True, max_height=420,
                        elem_id="articles", column_widths=["260px", "130px", "110px", "80px", "90px", "150px", "200px"],
                    )  # fmt: skip
                    which = gr.HTML(elem_id="picked")
                    remove_it = gr.Button(
                        "Remove this article …", interactive=False, elem_id="remove", visible=not library.read_only
                    )
                    with gr.Row(visible=False, elem_id="sure") as confirm:
                        yes = gr.Button("Yes, remove it", variant="stop", elem_id="yes")
                        no = gr.Button("No, keep it", elem_id="no")
            with gr.Column(scale=5):
                reading = gr.HTML(
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
            [collection, halted, asked, answered, only, after, before],
            [conversation, answered],
            trigger_mode="always_last",
            concurrency_limit=_AT_ONCE,
            api_visibility="private",
        )
        # Quick, so they wait for no place among the questions.
        quietly: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private", "queue": False}
        keeping = ([shelf, asked, answered, verdicts], [shelf, choice, title])
        resting = ([asked, answered, verdicts], [conversation, answered])
        asking.success(keep, *keeping, **quietly).then(settled, *resting, **quietly)
        # Gradio says "failure" for what is cancelled, once the server has let go of it: nothing is shown after this.
        asking.failure(stopped, [asked, answered], [conversation, answered], **quietly).then(keep, *keeping, **quietly)
        stop.click(None, None, halted, js="() => clippings.now()", cancels=[asking])
        conversation.clear(None, None, asked, js="() => [[]]", cancels=[asking]).then(
            lambda shelf: {**shelf, "current": ""}, shelf, shelf, **quietly
        )
        whole = [shelf, asked, answered, conversation, choice, title, collection]
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
        arranging = (arranged, collection, [masthead, only, table, begin])
        # Another collection, another conversation: what "he" was there means nothing here.
        collection.input(lambda shelf: take_up(shelf, None), shelf, [*whole[:-1], gr.State()], cancels=[asking], **quietly)
        collection.change(*arranging, **quietly)
        page.load(restore, shelf, whole, **quietly).then(*arranging, **quietly)
        adding = upload.upload(add, upload, [report, collection], show_progress="hidden", api_visibility="private")
        adding.then(*arranging, **quietly).then(lambda: None, None, upload, **quietly)
        picking = table.select(pick, collection, [picked, which, remove_it, confirm], **quietly)
        picking.then(None, [picked, collection], None, js="(place, collection) => clippings.show({ ...place, collection })")
        remove_it.click(sure, picked, confirm, **quietly)
        no.click(lambda: gr.Row(visible=False), None, confirm, **quietly)
        yes.click(take_out, [collection, picked], [picked, which, remove_it, confirm], api_visibility="private").then(
            *arranging, **quietly
        )
        judging = reading.verdict(judge, [answered, verdicts], verdicts, **quietly)
        judging.then(keep, *keeping, **quietly)
        reading.gold(make_gold, [answered, verdicts], None, api_visibility="private")
        for program in programs(chosen):
            gr.api(translated(program), api_name=program.__name__, concurrency_limit=_AT_ONCE)
    return page, theme


# From the palest to the darkest, for Gradio's own controls; page.css has the same accent.
_RUST = (
    "#fbf1ed", "#f6ddd4", "#eebfae", "#e39a80", "#d37353", "#b4482a", "#8a2b12", "#6f220e", "#571b0b", "#3f1408", "#2a0d05",
)  # fmt: skip
_LARGEST = "200mb"  # of an uploaded file; Gradio keeps all of it on the disk before anybody looks
_KINDS = (".txt", ".md", ".jsonl")
_COLUMNS = ("Title", "Source", "Date", "Words", "Passages", "Added", "Id")


def _row(item: Listing) -> list[Any]:
    """An article's row in the table."""
    facts = item.headline
    when = facts.published.isoformat() if facts.published else "unknown"
    return [facts.label, facts.source or "unknown", when, item.words, item.passages, f"{item.added:%Y-%m-%d %H:%M}", facts.id]


def _masthead(articles: int) -> str:
    count = f"{articles:,} article{'' if articles == 1 else 's'}"
    return f"<h1>Clippings</h1><p>{count}. Every sentence of an answer shows the exact words it rests on.</p>"


def _exchanges(
    opened: Callable[[str], Assistant],
    asked: Exchange,
    turns: list[Turn],
    limits: Sequence[Any] = ((), None, None),
) -> Iterator[Exchange]:
    """The exchange as its answer grows; the last has the whole answer, or says why there is none."""
    released: list[str] = []
    step = ""
    try:
        for event in opened(asked.collection).stream(asked.question, turns, filters=filters(*limits)):
            if isinstance(event, Answer):
                yield replace(asked, found=record(event, asked.collection))
                return
            if isinstance(event, Sentence):
                said = {"text": event.text, "lead": event.lead, "citations": [c.number for c in event.citations]}
                released.append(sentence_html(said, {c.number: citation_record(c, Evidence()) for c in event.citations}))
            elif isinstance(event, Step):
                step = event.detail
            yield replace(asked, so_far=f'<p class="answer">{" ".join(released)}</p>', step=step)
    except ClippingsError as exc:
        yield replace(asked, so_far=f'<p class="abstained">{escape(str(exc))}</p>')
    except Exception:
        logging.getLogger("clippings").exception("a question could not be answered")
        sorry = "Something went wrong while answering; the details are in the log. Ask again."
        yield replace(asked, so_far=f'<p class="abstained">{sorry}</p>')
