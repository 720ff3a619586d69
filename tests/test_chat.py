"""The chat page as a reader meets it: a real server, a real Chromium, real articles, one of them hostile."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import date, datetime, timedelta
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from answers import earlier_record
from axe_playwright_python.sync_playwright import Axe
from conftest import SEEDS
from mcp import ClientSession
from mcp.client.streamable_http import streamablehttp_client
from playwright.sync_api import Browser, BrowserContext, Error, Page, Route, expect, sync_playwright
from proxy import proxied
from test_backends import ollama
from test_serve import QUESTION as SHORT
from test_serve import served as kept_waiting
from test_serve import slow_model
from test_serve import until as wait_until

from eval.cases import load
from ingest import remove, sync
from rag import Config, open_assistant
from rag.people.accounts import add_account
from rag.people.store import People
from rag.surfaces.render import answer_json
from rag.surfaces.states import support_text

ROOT = Path(__file__).parent.parent
QUESTION = "Who struck first, and whom did they target?"
PRINTED = "What has a spring tide uncovered on Skellow marsh?"  # in a PDF of the corpus
HOSTILE = (
    "The Karvel dam <script>window.struck = 1</script> burst <img src=x onerror='window.struck = 2'> on "
    "Sunday "
    "${window.struck = 3} {{constructor.constructor('window.struck = 4')()}} "
    "[more](javascript:window.struck=5) "
    "\u202eסכר\u202c 🌊 **bold** and forty houses were lost."
)
UNANSWERED = "Not answered: it was stopped, or the page was closed, before the answer was complete."
pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("loaded_once")]


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    base = tmp_path_factory.mktemp("page")
    config = Config(home=base / "home")
    (base / "desk").mkdir()
    (base / "desk" / "dam.md").write_text(f"# {'<b>Dam</b> ' * 500}\n\n{HOSTILE}\n", encoding="utf-8")
    sync([SEEDS, base / "desk"], config)
    return config


LOGS: list[str] = []  # what each server printed, once it has stopped


@contextmanager
def served(config: Config, *options: str, port: int = 0, **settings: str) -> Iterator[str]:
    """The page of a collection, in a process of its own, as a reader starts it."""
    with socket.socket() as free:
        free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        free.bind(("127.0.0.1", port))
        port = free.getsockname()[1]
    environ = {**os.environ, "CLIPPINGS_HOME": str(config.home), "PYTHONUNBUFFERED": "1", **settings}
    server = subprocess.Popen(
        [sys.executable, "app.py", "serve", "--port", str(port), *options],
        cwd=ROOT,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(6_000):
            if server.poll() is not None:
                raise AssertionError(
                    f"the page did not start: {server.stdout.read().decode() if server.stdout else ''}"
                )
            try:
                urllib.request.urlopen(f"{url}/healthz", timeout=5).close()
                break
            except OSError:
                time.sleep(0.02)
        yield url
    finally:
        server.terminate()
        LOGS.append(server.communicate(timeout=20)[0].decode())


@pytest.fixture(scope="module")
def address(config: Config) -> Iterator[str]:
    with served(config) as url:
        yield url


@pytest.fixture(scope="module")
def profile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrowserContext]:
    """The profile of one reader, whose browser has the page's scripts already, as after a first visit."""
    found = next(
        (p for name in ("chromium", "chromium-browser", "google-chrome") if (p := shutil.which(name))), None
    )
    if found is None:
        pytest.fail("there is no Chromium to drive the page with. Install the package chromium")
    flags = [
        "--disable-gpu",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--no-first-run",
    ]
    if os.geteuid() == 0:
        flags.append("--no-sandbox")  # Chromium refuses to run as root without it
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            tmp_path_factory.mktemp("profile"),
            executable_path=found,
            args=flags,
            viewport={"width": 1280, "height": 900},
        )
        yield context
        context.close()


@pytest.fixture(scope="module")
def browser(profile: BrowserContext) -> Browser:
    """Each of its contexts is a browser that has never been here."""
    assert profile.browser is not None
    return profile.browser


@pytest.fixture
def page(profile: BrowserContext, address: str) -> Iterator[Page]:
    page = profile.new_page()
    page.requests_made = []  # type: ignore[attr-defined]
    page.on("request", lambda request: page.requests_made.append(request.url))  # type: ignore[attr-defined]
    page.on("dialog", lambda dialog: pytest.fail(f"a dialog opened: {dialog.message}"))
    page.add_init_script("window.found ??= [localStorage.length, document.cookie]")
    page.goto(address)
    expect(page.locator("#question textarea")).to_be_visible(timeout=20_000)
    assert page.evaluate("window.found") == [0, ""], "an earlier test has left something in the browser"
    yield page
    # All that the page keeps. The scripts stay: to load and compile them is half of what a test costs.
    cleaner = profile.new_cdp_session(page)
    page.goto("about:blank")  # or the page may write after it
    cleaner.send("Storage.clearDataForOrigin", {"origin": address, "storageTypes": "all"})
    page.close()
    profile.clear_cookies()
    profile.clear_permissions()


def put(page: Page, question: str, done: str = ".notes", count: int = 1) -> None:
    page.locator("#question textarea").fill(question)
    page.locator("#question textarea").press("Enter")
    expect(page.locator(f"#conversation {done}")).to_have_count(count, timeout=60_000)


def shelf(page: Page) -> Any:
    """The list of conversations, opened."""
    nav = page.locator("#conversations")
    expect(nav).to_be_attached(timeout=20_000)
    if "open" not in (page.locator(".sidebar").get_attribute("class") or "").split():
        page.locator(".sidebar .toggle-button").click()
    expect(page.locator(".sidebar.open")).to_be_attached()
    return nav


def test_a_number_opens_the_article_at_exactly_the_quoted_words(page: Page, config: Config) -> None:
    with open_assistant(config) as assistant:
        answer = assistant.ask(QUESTION)
    put(page, QUESTION)
    markers = page.locator("#conversation .answer button.cite")
    expect(markers).to_have_text([f"[{c.number}]" for s in answer.sentences for c in s.citations])
    for at, citation in enumerate(c for s in answer.sentences for c in s.citations):
        markers.nth(at).click()
        expect(page.locator("#reading mark")).to_have_text(citation.quote)
        expect(page.locator("#reading .title")).to_have_text(citation.article.label)
        assert page.evaluate(_IN_VIEW), "the quoted words are not in view"
    page.locator("#reading").screenshot(path=_artefact("article.png"))
    page.screenshot(path=_artefact("page.png"))


_IN_VIEW = """() => {
  const quote = document.querySelector('#reading mark').getBoundingClientRect();
  const box = document.querySelector('#reading .article').getBoundingClientRect();
  return quote.top >= box.top && quote.top < box.bottom && window.scrollY === 0;
}"""


def test_an_answer_is_in_view_from_its_first_word(page: Page) -> None:
    put(page, "How many people did Pakistan's strikes on Iran kill?")
    put(page, QUESTION, count=2)
    page.wait_for_timeout(300)
    assert page.evaluate(
        "() => { const box = document.querySelector('#conversation .panel-wrap').getBoundingClientRect();"
        " const answers = document.querySelectorAll('#conversation .answer');"
        " const top = answers[answers.length - 1].getBoundingClientRect().top; return top >= box.top && top "
        "< box.bottom - 40 }"
    )


def test_an_abstention_does_not_look_like_an_answer(page: Page) -> None:
    put(page, "What is the best recipe for biryani?", ".abstained")
    expect(page.locator("#conversation .abstained")).to_have_text("The articles do not answer this.")
    expect(page.locator("#conversation .answer")).to_have_count(0)
    expect(page.locator("#conversation .closest")).to_have_text(
        "The closest passages (they do not answer it):"
    )
    page.locator("#conversation button.nearest").first.click()
    expect(page.locator("#reading mark")).to_be_visible()


def test_a_follow_up_shows_the_question_as_understood(page: Page) -> None:
    put(page, "What did Ali Vaez say about the strike?")
    put(page, "Where does he work?", ".notes", 2)
    expect(page.locator("#conversation .understood")).to_have_text("Understood as: Where does Ali Vaez work?")


def test_a_question_typed_while_another_is_answered_is_neither_lost_nor_cut(page: Page) -> None:
    box = page.locator("#question textarea")
    box.fill("What did Ali Vaez say about the strike?")
    box.press("Enter")
    expect(box).to_have_value("")
    box.fill("Where does he work?")
    expect(page.locator("#conversation .notes")).to_have_count(1, timeout=60_000)
    page.wait_for_timeout(500)  # whatever the page still does after an answer
    expect(box).to_have_value("Where does he work?")


def test_questions_put_while_another_is_answered_are_answered_in_turn(page: Page) -> None:
    questions = [
        QUESTION,
        "What did Ali Vaez say about the strike?",
        "Where does he work?",
        "WHO STRUCK FIRST?",
    ]
    box = page.locator("#question textarea")
    for question in questions:  # Gradio itself keeps only the last of those that wait
        box.fill(question)
        box.press("Enter")
        expect(box).to_have_value("")
    expect(page.locator("#conversation .notes")).to_have_count(4, timeout=60_000)
    expect(page.locator("#conversation .asked")).to_have_text(questions)
    expect(page.locator("#conversation .understood")).to_have_text("Understood as: Where does Ali Vaez work?")


def test_what_is_stopped_says_so_and_is_not_taken_up_again(page: Page) -> None:
    # Not asked elsewhere, and of four parts: what was read lately, or is read once, is answered before it can
    # be stopped.
    questions = [
        f"What did the {who} think of the {what}, why did the {who} meet, where did the {what} end, and how "
        f"did it begin?"
        for who in ("army", "president", "police")
        for what in ("raid", "war", "talks")
    ]
    box = page.locator("#question textarea")
    for question in questions:
        box.fill(question)
        box.press("Enter")
        expect(box).to_have_value("")
    page.locator("#stop").click()
    expect(page.locator("#conversation .asked")).to_have_text(questions, timeout=60_000)
    expect(page.locator("#conversation .step")).to_have_count(0)
    expect(page.locator("#conversation .notice").last).to_have_text(UNANSWERED)
    page.locator("#question textarea").fill("WHO STRUCK FIRST?")
    page.locator("#question textarea").press("Enter")
    expect(page.locator("#conversation .exchange").last).to_contain_text("Iran", timeout=60_000)
    page.wait_for_timeout(1_000)  # a question taken up again would come now
    expect(page.locator("#conversation .asked")).to_have_text([*questions, "WHO STRUCK FIRST?"])


def test_a_new_conversation_begun_while_an_answer_is_made_knows_nothing_of_it(page: Page) -> None:
    put(page, QUESTION)
    held: list[Route] = []  # or the answer may be there before the new conversation is begun
    page.route("**/api/exchanges/*/answer", lambda route: held.append(route))
    box = page.locator("#question textarea")
    box.fill("What did Ali Vaez say about the strike?")
    box.press("Enter")
    expect(page.locator("#conversation .asked")).to_have_count(2)
    shelf(page).locator("#fresh").click()
    expect(page.locator("#conversation .asked")).to_have_count(0)
    page.wait_for_timeout(1_000)  # what would come back would have come by then
    expect(page.locator("#conversation .asked")).to_have_count(0)
    page.unroute("**/api/exchanges/*/answer")
    put(page, "Where does he work?", ".asked")
    expect(page.locator("#conversation .asked")).to_have_text(["Where does he work?"])
    expect(page.locator("#conversation .understood")).to_have_count(0)  # whoever "he" was is forgotten
    shelf(page).locator(".list button").nth(1).click()
    expect(page.locator("#conversation .asked")).to_have_count(2)  # and the question that was left is kept
    expect(page.locator("#conversation .notice")).to_have_text(UNANSWERED)


def test_a_question_too_long_is_told_so_and_not_cut(page: Page) -> None:
    page.locator("#question textarea").focus()
    page.keyboard.insert_text("Who struck? " * 1_667)
    page.keyboard.press("Enter")
    expect(page.locator("#conversation .abstained")).to_contain_text(
        "the question has 20,003 characters", timeout=60_000
    )


# Evidence


def test_a_marker_previews_its_words_under_the_mouse_and_under_the_keyboard(
    page: Page, config: Config
) -> None:
    with open_assistant(config) as assistant:
        citation = assistant.ask(QUESTION).citations[0]
    put(page, QUESTION)
    marker = page.locator("#conversation .answer button.cite").first
    marker.hover()
    expect(page.locator("#peek .quote")).to_have_text(f"“{' '.join(citation.quote.split())}”")
    expect(page.locator("#peek .support")).to_have_text(support_text(citation.support))
    page.mouse.move(5, 5)
    expect(page.locator("#peek")).to_be_hidden()
    marker.focus()
    expect(page.locator("#peek .from")).to_contain_text(citation.article.label)
    page.keyboard.press("Escape")
    expect(page.locator("#peek")).to_be_hidden()


def test_keys_walk_from_citation_to_citation_and_back_to_the_answer(page: Page, config: Config) -> None:
    with open_assistant(config) as assistant:
        quotes = [c.quote for c in assistant.ask(QUESTION).citations]
    assert len(quotes) > 1
    put(page, QUESTION)
    page.locator("#conversation .answer button.cite").first.press("Enter")
    expect(page.locator("#reading mark")).to_have_text(quotes[0])
    page.keyboard.press("n")
    expect(page.locator("#reading mark")).to_have_text(quotes[1])
    page.keyboard.press("p")
    expect(page.locator("#reading mark")).to_have_text(quotes[0])
    page.keyboard.press("p")
    expect(page.locator("#reading mark")).to_have_text(quotes[-1])
    page.keyboard.press("Escape")
    expect(page.locator("button.cite.open")).to_be_focused()


def test_a_link_opens_the_same_words_after_a_restart_and_another_sync(
    page: Page, browser: Browser, config: Config, tmp_path: Path
) -> None:
    put(page, QUESTION)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.locator("#conversation .answer button.cite").nth(1).click()
    words = page.locator("#reading mark").inner_text()
    page.locator("#reading .link").click()
    expect(page.locator("#reading .link")).to_have_text("Copied")
    copied = page.evaluate("navigator.clipboard.readText()")
    page.locator("#conversation a.permalink").first.click()
    assert page.evaluate("navigator.clipboard.readText()").startswith(
        copied.split("?")[0] + "?collection=own&article="
    )
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "rain.txt").write_text("Rain fell on Quetta for nine days.\n", encoding="utf-8")
    sync(tmp_path / "more", config)
    with served(config) as url:
        later = browser.new_page()
        later.goto(f"{url}/?{copied.split('?')[1]}")
        expect(later.locator("#reading mark")).to_have_text(words, timeout=20_000)
        # Another version in which the words stand where they stood, as after a correction of the title, opens
        # at them.
        another = copied.split("?")[1].replace("version=", "version=0")
        later.goto(f"{url}/?{another}")
        expect(later.locator("#reading mark")).to_have_text(words, timeout=20_000)
        later.goto(f"{url}/?{another.replace('words=', 'words=0')}")
        expect(later.locator("#reading .hint")).to_contain_text("was changed or removed", timeout=20_000)
        later.close()
    remove("more/rain.txt", config)


def test_what_disagrees_is_a_table_and_the_evidence_a_timeline(page: Page) -> None:
    put(page, "How many people did Pakistan's strikes on Iran kill?")
    rows = page.locator("#conversation .conflict tbody tr")
    expect(rows.locator("th")).to_have_text(["at least nine", "10", "at least seven"])
    rows.nth(1).locator("button.cite").click()
    expect(page.locator("#reading mark")).to_contain_text("10 people were killed")
    page.locator("#conversation .conflict").scroll_into_view_if_needed()
    page.screenshot(path=_artefact("conflict.png"))
    page.locator("#conversation .timeline summary").click()
    points = page.locator("#conversation .timeline li time")
    days = [point.get_attribute("datetime") for point in points.all()]
    assert days == sorted(days, key=str)
    assert len(days) > 2
    page.locator("#conversation .timeline li button").last.click()
    expect(page.locator("#reading mark")).to_be_visible()
    page.locator("#conversation .timeline").screenshot(path=_artefact("timeline.png"))


def test_a_filter_changes_the_evidence_and_stands_on_the_answer(page: Page, config: Config) -> None:
    put(page, QUESTION)
    page.locator("#filters button").first.click()
    page.locator("#after textarea, #after input").fill("2024-01-19")
    put(page, QUESTION, ".filtered")
    expect(page.locator("#conversation .filtered")).to_have_text(
        "Filters: published on or after 19 January 2024"
    )
    used = [
        {
            b.get_attribute("data-article")
            for b in page.locator("#conversation .exchange").nth(at).locator("button.cite").all()
        }
        for at in (0, 1)
    ]
    with open_assistant(config) as assistant:
        early = {
            item.headline.id
            for item in assistant.collection.articles()
            if (item.headline.published or date.min) < date(2024, 1, 19)
        }
    assert used[0] & early
    assert used[1]
    assert not used[1] & early
    page.locator("#after textarea, #after input").fill("yesterday")
    page.locator("#question textarea").fill("Why?")
    page.locator("#question textarea").press("Enter")
    expect(page.locator("#conversation .told")).to_contain_text("“yesterday” is not a date like 2024-01-20")
    expect(page.locator("#question textarea")).to_have_value("Why?")  # and nothing has been asked
    expect(page.locator("#conversation .asked")).to_have_count(2)
    page.reload()
    expect(page.locator("#question textarea")).to_have_value(
        "Why?", timeout=20_000
    )  # what is typed stays through a reload


# Conversations


def test_a_question_is_edited_or_asked_again_and_nothing_that_this_replaces_is_lost(page: Page) -> None:
    put(page, QUESTION)
    put(page, "What did Ali Vaez say about the strike?", count=2)
    asked, box = page.locator("#conversation .asked"), page.locator("#question textarea")
    page.get_by_role("button", name="Edit").last.click()
    expect(box).to_have_value("What did Ali Vaez say about the strike?")
    expect(asked).to_have_count(2)  # nothing is gone before something else is sent
    page.locator("#conversation .editing").get_by_role("button", name="Cancel").click()
    expect(box).to_have_value("")
    page.get_by_role("button", name="Edit").last.click()
    put(page, "Who won the 2022 World Cup?", ".abstained")
    expect(asked).to_have_text([QUESTION, "Who won the 2022 World Cup?"])
    expect(page.locator("#conversation .versions")).to_contain_text("2 of 2")
    page.get_by_role("button", name="Ask again").first.click()
    expect(asked).to_have_text([QUESTION])
    expect(page.locator("#conversation .notes")).to_have_count(1, timeout=60_000)
    page.locator("#conversation .told").get_by_role("button", name="Undo").click()
    expect(asked).to_have_text([QUESTION, "Who won the 2022 World Cup?"])
    page.get_by_role("button", name="Earlier version").last.click()
    expect(asked).to_have_text([QUESTION, "What did Ali Vaez say about the strike?"])
    page.reload()
    expect(asked).to_have_text([QUESTION, "What did Ali Vaez say about the strike?"], timeout=20_000)
    page.get_by_role("button", name="Later version").first.click()
    expect(asked).to_have_text([QUESTION])


def test_conversations_are_kept_renamed_taken_up_deleted_and_taken_back(
    page: Page, browser: Browser, address: str
) -> None:
    put(page, QUESTION)
    page.reload()
    expect(page.locator("#conversation .asked")).to_have_text([QUESTION], timeout=20_000)
    page.locator("#conversation .answer button.cite").first.click()
    expect(page.locator("#reading mark")).to_be_visible()
    titles = shelf(page).locator(".list button")
    page.locator("#title").fill("The strikes")
    page.locator("#rename").click()
    expect(titles.first).to_have_text("The strikes")
    page.locator("#fresh").click()
    expect(page.locator("#conversation .asked")).to_have_count(0)
    put(page, "What did Ali Vaez say about the strike?")
    expect(titles.first).to_have_text("What did Ali Vaez say about the strike?")
    expect(titles.nth(1)).to_have_text("The strikes")
    titles.nth(1).click()
    expect(page.locator("#conversation .asked")).to_have_text([QUESTION])
    put(page, "Where does he work?", ".asked", 2)
    expect(page.locator("#conversation .understood")).to_have_count(0)  # "he" was of the other conversation
    other = browser.new_page()  # of another browser, which has nothing of its own
    other.goto(address)
    expect(shelf(other).locator(".list button").first).to_have_text("The strikes", timeout=20_000)
    other.close()
    page.locator("#delete").click()
    expect(titles.first).to_have_text("The strikes")
    page.get_by_role("button", name="Cancel").click()
    page.locator("#delete").click()
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(titles.first).to_have_text("What did Ali Vaez say about the strike?")
    expect(page.locator("#conversation .asked")).to_have_count(0)
    page.locator("#conversation .told").get_by_role("button", name="Undo").click()
    expect(titles.first).to_have_text("The strikes")
    expect(page.locator("#conversation .asked")).to_have_text([QUESTION, "Where does he work?"])


def test_two_tabs_of_one_conversation_lose_nothing_of_each_other(page: Page, browser: Browser) -> None:
    put(page, QUESTION)
    title = f"Two tabs {time.time()}"
    shelf(page).locator("#title").fill(title)
    page.locator("#rename").click()
    second = browser.new_page(viewport={"width": 1280, "height": 900})
    second.goto(page.url)
    shelf(second).locator(".list button", has_text=title).click()
    expect(second.locator("#conversation .asked")).to_have_text([QUESTION])
    put(page, "What did Ali Vaez say about the strike?", count=2)
    put(second, "Where is Jaish al-Adl based?", ".abstained")
    expect(second.locator("#conversation .versions")).to_contain_text("2 of 2")
    expect(second.locator("#conversation .told")).to_contain_text(
        "Another tab asked a question here in the meantime"
    )
    second.get_by_role("button", name="Earlier version").click()
    expect(second.locator("#conversation .asked")).to_have_text(
        [QUESTION, "What did Ali Vaez say about the strike?"]
    )
    second.close()


def test_a_reload_in_the_middle_of_an_answer_keeps_the_question(browser: Browser, config: Config) -> None:
    with slow_model() as (speaker, goes_on, settings), kept_waiting(config, **settings) as server:
        page = browser.new_page()
        page.goto(server.url)
        expect(page.locator("#question textarea")).to_be_visible(timeout=20_000)
        page.locator("#question textarea").fill(SHORT)
        page.locator("#question textarea").press("Enter")
        expect(page.locator("#question textarea")).to_have_value("")
        page.locator("#question textarea").fill("And why?")
        page.locator("#question textarea").press("Enter")
        wait_until(lambda: bool(speaker.requests))
        page.reload()
        expect(page.locator("#conversation .asked")).to_have_text([SHORT, "And why?"], timeout=20_000)
        goes_on.set()
        expect(page.locator("#conversation .notice")).to_have_text([UNANSWERED, UNANSWERED], timeout=30_000)
        page.get_by_role("button", name="Ask again").first.click()
        expect(page.locator("#conversation .answer")).to_contain_text(
            "Pakistan was struck first by Iran", timeout=60_000
        )
        page.close()


def test_nothing_changes_on_the_page_while_the_server_does_not_answer(page: Page) -> None:
    put(page, QUESTION)
    page.route("**/api/**", lambda route: route.abort())
    page.get_by_role("radio", name="Demo articles").check()
    expect(page.locator("#conversation .told")).to_contain_text("The server does not respond")
    expect(page.locator("#conversation .asked")).to_have_text([QUESTION])
    page.locator("#question textarea").fill("Why?")
    page.locator("#question textarea").press("Enter")
    expect(page.locator("#question textarea")).to_have_value("Why?")  # what could not be kept is put back
    page.unroute("**/api/**")
    page.get_by_role("radio", name="My articles").check()


OLD_SHELF = """
import json
import sys

import gradio as gr

port, key, secret, held = int(sys.argv[1]), sys.argv[2], sys.argv[3], json.loads(sys.argv[4])
with gr.Blocks() as page:
    shelf = gr.BrowserState({"current": "", "conversations": []}, storage_key=key, secret=secret)
    page.load(lambda: held, None, shelf)
page.launch(server_name="127.0.0.1", server_port=port, quiet=True)
"""


def test_the_shelf_that_an_earlier_version_left_in_a_browser_is_found_and_emptied(
    browser: Browser, config: Config
) -> None:
    """As it lies there: Gradio keeps it under a key made of the home, scrambled."""
    with open_assistant(config) as assistant:
        found = earlier_record(assistant.ask(QUESTION), "own")
    kept = {
        "key": "1",
        "asked": "Who was first to strike?",
        "collection": "own",
        "found": found,
        "verdict": "",
    }
    held = {"current": "", "conversations": [{"id": "shelf", "title": "On the shelf", "exchanges": [kept]}]}
    own = hashlib.sha256(str(config.home.resolve()).encode()).hexdigest()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    context = browser.new_context()
    arguments = [str(port), f"clippings-{own[:12]}", own[12:28], json.dumps(held)]
    environ = {**os.environ, "GRADIO_ANALYTICS_ENABLED": "False", "NO_PROXY": "127.0.0.1"}
    before = subprocess.Popen([sys.executable, "-c", OLD_SHELF, *arguments], env=environ)
    try:
        page = context.new_page()
        for _ in range(200):
            try:
                page.goto(f"http://127.0.0.1:{port}/")
                break
            except Error:
                time.sleep(0.2)
        page.wait_for_function(
            f"(localStorage.getItem('clippings-{own[:12]}') || '').length > 1000", timeout=20_000
        )
        page.close()
    finally:
        before.kill()
        before.wait(20)
    with served(config, port=port) as url:
        page = context.new_page()
        calls: list[str] = []
        page.on("request", lambda request: calls.append(request.url) if "taken-over" in request.url else None)
        page.goto(url)
        expect(shelf(page).locator(".list button", has_text="On the shelf")).to_have_count(1, timeout=20_000)
        page.reload()
        expect(shelf(page).locator(".list button", has_text="On the shelf")).to_have_count(1, timeout=20_000)
        page.wait_for_timeout(1_000)
        assert len(calls) == 1, "what was taken over is not sent again"
        context.close()


def test_what_a_browser_kept_before_the_server_did_is_taken_over_once(
    browser: Browser, address: str, config: Config
) -> None:
    with open_assistant(config) as assistant:
        found = earlier_record(assistant.ask(QUESTION), "own")
    kept = {
        "key": "1",
        "asked": "Who was it that struck first?",
        "collection": "own",
        "found": found,
        "verdict": "",
    }
    held = {"current": "", "conversations": [{"id": "old", "title": "From before", "exchanges": [kept]}]}
    page = browser.new_page()
    calls: list[Any] = []
    page.on(
        "request", lambda request: calls.append(request.post_data) if "taken-over" in request.url else None
    )
    page.goto(address)
    expect(page.locator("#question textarea")).to_be_visible(timeout=20_000)
    expect(page.locator("#masthead")).to_contain_text("articles.")
    page.evaluate("async (shelf) => { window.kept = await clippings.importConversations(shelf) }", held)
    assert page.evaluate("window.kept") == {"current": "", "conversations": []}
    shelf(page).locator(".list button", has_text="From before").click()
    expect(page.locator("#conversation .asked")).to_have_text(["Who was it that struck first?"])
    expect(page.locator("#conversation .notes")).to_have_count(1)
    expect(page.get_by_role("button", name="Right", exact=True)).to_have_count(
        0
    )  # this server did not give it
    page.evaluate("async (shelf) => { await clippings.importConversations(shelf) }", held)
    expect(shelf(page).locator(".list button", has_text="From before")).to_have_count(1)
    assert len(calls) == 2
    page.close()


def test_a_conversation_leaves_the_page_with_its_footnotes(page: Page) -> None:
    put(page, QUESTION)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy with citations").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith(f"**{QUESTION}**\n\nIran struck first.[^1]")
    shelf(page)
    with page.expect_download() as saved:
        page.locator("#export-markdown").click()
    assert (saved.value.suggested_filename, Path(saved.value.path()).read_text(encoding="utf-8")) == (
        "conversation.md",
        f"# {QUESTION}\n\n{copied}",
    )
    with page.expect_download() as saved:
        page.locator("#export-json").click()
    whole = json.loads(Path(saved.value.path()).read_text(encoding="utf-8"))
    assert [e["asked"] for e in whole["exchanges"]] == [QUESTION]
    assert all(c["quote"] for c in whole["exchanges"][0]["citations"])


# Articles


def test_a_newcomer_adds_articles_reads_them_and_takes_one_out_again(
    browser: Browser, tmp_path: Path
) -> None:
    (tmp_path / "dam.txt").write_text(
        "The Karvel dam burst on Sunday and forty houses were lost.\n", encoding="utf-8"
    )
    (tmp_path / "rain.jsonl").write_text(
        '{"id": "r1", "title": "Rain", "source": "AP", "published": "2024-05-01", "text": "Rain fell on Quetta for nine days."}\n'
        '{"id": "r2", "text": ""}\n',
        encoding="utf-8",
    )
    with served(Config(home=tmp_path / "home")) as url:
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        late: list[Route] = []
        holding = True
        # What is quick does not go through the queue.
        page.route(
            re.compile(r"/gradio_api/(queue/join|run/)"),
            lambda route: late.append(route) if holding else route.continue_(),
        )
        page.goto(url)
        expect(page.get_by_role("radio", name="Demo articles")).to_be_checked(timeout=20_000)
        mine = page.get_by_role("radio", name="My articles")
        for _ in range(200):
            if late:
                break
            page.wait_for_timeout(50)
        assert late
        expect(mine).to_be_disabled()  # the last choice is still to come, and would undo one made now
        for route in late:
            route.continue_()
        loaded = len(late)
        for _ in range(200):
            if len(late) > loaded:
                break
            page.wait_for_timeout(50)
        # The collection of that choice is still being shown, and would be shown over another one.
        assert len(late) > loaded
        expect(mine).to_be_disabled()
        holding = False
        for route in late[loaded:]:
            route.continue_()
        mine.check()
        expect(page.locator("#begin")).to_contain_text("you have no articles yet. Add some under “Articles”")
        page.locator("#question textarea").focus()  # the mouse is still over the choice
        chosen, other = (
            page.get_by_role("radio", name=name).evaluate("(e) => getComputedStyle(e).backgroundColor")
            for name in ("My articles", "Demo articles")
        )
        assert chosen != other
        put(page, QUESTION, ".abstained")
        expect(page.locator("#conversation .abstained")).to_contain_text("you have no articles yet")
        page.get_by_role("tab", name="Articles").click()
        page.locator("#upload input[type=file]").set_input_files(
            [tmp_path / "dam.txt", tmp_path / "rain.jsonl"]
        )
        expect(page.locator("#report")).to_contain_text(
            "2 added, 0 replaced, 0 removed, 0 unchanged, 1 failed", timeout=60_000
        )
        expect(page.locator("#report")).to_contain_text("upload/rain.jsonl line 2")
        expect(page.locator("#masthead")).to_contain_text("2 articles.")
        expect(page.locator("#begin")).to_be_hidden()
        page.screenshot(path=_artefact("articles.png"))
        page.locator("#articles").get_by_text("Rain", exact=True).first.click()
        expect(page.locator("#reading .facts")).to_have_text("AP, 1 May 2024")
        expect(page.locator("#reading .article")).to_have_text("Rain fell on Quetta for nine days.")
        page.locator("#fact-title input, #fact-title textarea").first.fill("Nine days of rain")
        page.locator("#fact-source input, #fact-source textarea").first.fill("")
        page.locator("#fact-published input, #fact-published textarea").first.fill("soon")
        page.locator("#correct").click()
        expect(page.locator("#picked")).to_contain_text("'soon' is not a day like 2024-01-20", timeout=30_000)
        page.locator("#fact-published input, #fact-published textarea").first.fill("2024-05-09")
        page.locator("#correct").click()
        expect(page.locator("#picked")).to_have_text(
            "Saved. Later syncs keep the correction.", timeout=30_000
        )
        expect(page.locator("#reading .title")).to_have_text("Nine days of rain")
        expect(page.locator("#reading .facts")).to_have_text("9 May 2024")
        expect(page.locator("#articles")).to_contain_text("Nine days of rain")
        page.locator("#undo").click()
        expect(page.locator("#picked")).to_have_text("Corrections undone.", timeout=30_000)
        expect(page.locator("#reading .facts")).to_have_text("AP, 1 May 2024")
        expect(page.locator("#fact-title input, #fact-title textarea").first).to_have_value("Rain")
        page.locator("#remove").click()
        page.locator("#no").click()
        expect(page.locator("#yes")).to_be_hidden()
        page.locator("#remove").click()
        page.locator("#yes").click()
        expect(page.locator("#picked")).to_have_text("Article removed.", timeout=30_000)
        expect(page.locator("#masthead")).to_contain_text("1 article.")
        page.get_by_role("tab", name="Ask").click()
        put(page, "How many houses were lost when the Karvel dam burst?")
        expect(page.locator("#conversation .answer").last).to_contain_text("forty houses")
        page.get_by_role("radio", name="Demo articles").check()
        expect(page.locator("#masthead")).to_contain_text("5 articles.")
        expect(page.locator("#conversation .asked")).to_have_count(0)
        page.get_by_role("tab", name="Articles").click()
        page.locator("#articles [role=gridcell] span.text:visible").first.click()
        expect(page.locator("#reading .article")).to_be_visible()
        expect(
            page.locator("#facts")
        ).to_be_hidden()  # the demo articles cannot be changed. Add articles of your own
        expect(page.locator("#remove")).to_be_disabled()
        page.get_by_role("tab", name="Ask").click()
        put(page, QUESTION)
        page.locator("#conversation .answer button.cite").first.click()
        expect(page.locator("#reading mark")).to_be_visible()
        page.close()


def test_a_name_that_is_taken_is_asked_about_and_adding_is_stopped_after_a_reload(
    browser: Browser, tmp_path: Path
) -> None:
    dam = tmp_path / "dam.txt"
    dam.write_text("The Karvel dam burst on Sunday and forty houses were lost.\n", encoding="utf-8")
    many = "".join(
        f'{{"id": "n{n}", "text": "Council {n} met. {"It spoke of the harbour. " * 60}"}}\n'
        for n in range(1_500)
    )
    (tmp_path / "many.jsonl").write_text(many, encoding="utf-8")
    config = Config(home=tmp_path / "home")
    with served(config) as url:
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(url)
        page.get_by_role("tab", name="Articles").click()
        files, report = page.locator("#files"), page.locator("#report")
        files.set_input_files(dam)
        expect(report).to_contain_text("1 added, 0 replaced", timeout=60_000)
        dam.write_text("The Karvel dam burst on Monday and fifty houses were lost.\n", encoding="utf-8")
        taken = page.locator("#adding .taken")
        files.set_input_files(dam)
        expect(taken).to_contain_text("Already exists with different content: dam.txt.")
        taken.get_by_role("button", name="Cancel").click()
        expect(report).to_have_text("Nothing was added.")
        files.set_input_files(dam)
        taken.get_by_role("button", name="Keep both").click()
        expect(report).to_contain_text("1 added, 0 replaced", timeout=60_000)
        files.set_input_files(tmp_path / "many.jsonl")
        expect(report.get_by_role("button", name="Stop")).to_be_visible(timeout=30_000)
        page.reload()
        page.get_by_role("tab", name="Articles").click()
        report.get_by_role("button", name="Stop").click(timeout=30_000)
        expect(report).to_contain_text("Add the same files or address again to continue", timeout=60_000)
        page.reload()
        page.get_by_role("tab", name="Articles").click()
        expect(report).to_contain_text(
            "Add the same files or address again to continue", timeout=20_000
        )  # what came of it outlives a reload
        page.close()
    with open_assistant(config) as assistant:
        texts = {i: assistant.article(i).text for i in ("upload/dam.txt", "upload/dam (2).txt")}
        assert ["Sunday" in texts["upload/dam.txt"], "Monday" in texts["upload/dam (2).txt"]] == [True, True]
        assert len(assistant.collection.articles()) < 1_502


@pytest.fixture
def publisher() -> Iterator[str]:
    """A publisher's pages, served on loopback."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(
        ("127.0.0.1", 0), partial(Quiet, directory=str(ROOT / "tests" / "corpus" / "html"))
    ) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_page_is_taken_in_by_its_address_and_says_where_its_facts_were_read(
    browser: Browser, publisher: str, tmp_path: Path
) -> None:
    settings = {"CLIPPINGS_FETCH_ALLOW_PRIVATE": "true", "CLIPPINGS_FETCH_DELAY": "0"}
    with served(Config(home=tmp_path / "home"), **settings) as url:
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(url)
        page.get_by_role("radio", name="My articles").check()
        page.get_by_role("tab", name="Articles").click()
        given = page.locator("#address")
        given.fill("harbor-courier-ferry-inquiry.html")
        page.locator("#fetch").click()
        expect(page.locator("#report")).to_contain_text("is not a web address. Copy it from your browser")
        given.fill(f"{publisher}/nowhere.html")
        page.locator("#fetch").click()
        expect(page.locator("#report")).to_contain_text(
            "0 added, 0 replaced, 0 removed, 0 unchanged, 1 failed", timeout=30_000
        )
        given.fill(f"{publisher}/harbor-courier-ferry-inquiry.html")
        given.press("Enter")
        expect(page.locator("#report")).to_contain_text(
            "1 added, 0 replaced, 0 removed, 0 unchanged, 0 failed", timeout=60_000
        )
        printed = ROOT / "tests" / "corpus" / "pdf" / "harbor-courier-roman-road-print.pdf"
        page.locator("#upload input[type=file]").set_input_files(printed)
        expect(page.locator("#masthead")).to_contain_text("2 articles.", timeout=60_000)
        page.locator(
            "#articles [role=gridcell] span.text:visible", has_text="Inquiry finds ferry"
        ).first.click()
        expect(page.locator("#reading .facts")).to_have_text("The Harbor Courier, 11 May 2023")
        expect(page.locator("#reading .note")).to_be_hidden()
        page.locator("#reading .read summary").click()
        expect(page.locator("#reading .read p")).to_contain_text("published: meta article:published_time")
        page.screenshot(path=_artefact("address.png"))
        page.get_by_role("tab", name="Ask").click()
        put(page, PRINTED)
        expect(page.locator("#conversation .notes .page").first).to_have_text(re.compile(r"page [1-3]"))
        page.close()


def test_an_article_that_has_changed_opens_as_it_was_cited(
    page: Page, config: Config, tmp_path: Path
) -> None:
    desk = tmp_path / "changing"
    desk.mkdir()
    (desk / "one.txt").write_text("The mayor of Trill planted seven plum trees in the harbour on Monday.\n")
    sync(desk, config)
    put(page, "What did the mayor of Trill plant in the harbour?")
    expect(page.locator("#conversation .answer").last).to_contain_text("seven plum trees")
    page.locator("#conversation .answer button.cite").last.click()
    expect(page.locator("#reading mark")).to_contain_text("seven plum trees")
    expect(page.locator("#reading .note")).to_be_hidden()
    (desk / "one.txt").write_text(
        "Correction: it was in the park that the mayor of Trill planted six plum trees.\n"
    )
    sync(desk, config)
    page.locator("#conversation .answer button.cite").last.click()
    expect(page.locator("#reading .note")).to_contain_text(
        "This is an earlier version of the article, which was replaced on"
    )
    expect(page.locator("#reading mark")).to_contain_text("seven plum trees")
    remove("changing/one.txt", config)
    page.locator("#conversation .answer button.cite").last.click()
    expect(page.locator("#reading .hint")).to_contain_text("was changed or removed")
    expect(page.locator("#reading .note")).to_be_hidden()


def log_in(page: Page, name: str, password: str) -> None:
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()


def test_a_page_that_is_read_only_behind_a_password_shows_neither_upload_nor_removal(
    browser: Browser, config: Config, tmp_path: Path
) -> None:
    add_account(tmp_path / "who", "ann", "open sesame")
    with served(config, "--read-only", "--auth-file", str(tmp_path / "who")) as url:
        page = browser.new_page()
        page.goto(url)
        log_in(page, "ann", "wrong")
        expect(page.get_by_role("alert")).to_have_text("The name or password is wrong.")
        log_in(page, "ann", "open sesame")
        expect(page.locator("#question textarea")).to_be_visible(timeout=20_000)
        page.get_by_role("tab", name="Articles").click()
        page.locator("#articles [role=gridcell] span.text:visible").first.click()
        expect(page.locator("#reading .article")).to_be_visible()
        expect(page.locator("#facts")).to_be_hidden()
        expect(page.locator("#upload")).to_have_count(0)
        expect(page.locator("#remove")).to_have_count(0)
        page.close()
        assert httpx.get(f"{url}/api/articles", trust_env=False).status_code == 401
    assert "sesame" not in LOGS[-1]


def test_one_logs_out_and_another_who_logs_in_sees_nothing_of_it(
    browser: Browser, config: Config, tmp_path: Path
) -> None:
    for name in ("ann", "bob"):
        add_account(tmp_path / "who", name, f"the password of {name}")
    with served(config, "--auth-file", str(tmp_path / "who"), "--admin", "bob") as url:
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(url)
        log_in(page, "ann", "the password of ann")
        expect(page.locator("#question textarea")).to_be_visible(timeout=20_000)
        put(page, QUESTION)
        expect(page.locator("#model-settings")).to_have_count(0)  # for --admin alone
        (cookie,) = page.context.cookies()
        assert (cookie["name"], cookie["httpOnly"], cookie["sameSite"]) == ("clippings_session", True, "Lax")
        shelf(page).get_by_role("button", name="Log out").click()
        expect(page.get_by_label("Name")).to_be_visible()
        assert page.context.cookies() == []
        log_in(page, "bob", "the password of bob")
        expect(page.locator("#question textarea")).to_be_visible(timeout=20_000)
        page.wait_for_timeout(500)
        expect(page.locator("#conversation .asked")).to_have_count(0)
        expect(shelf(page).locator(".list button")).to_have_count(0)
        expect(page.locator("#model-settings summary").first).to_be_visible()
        shelf(page).get_by_role("button", name="Log out").click()
        log_in(page, "ann", "the password of ann")
        expect(shelf(page).locator(".list button")).to_have_text([QUESTION], timeout=20_000)
        page.close()


def test_a_page_behind_a_proxy_keeps_to_its_path(browser: Browser, config: Config) -> None:
    with (
        served(config, "--root-path", "/clippings", "--proxy", "127.0.0.1") as behind,
        proxied(behind, "/clippings") as url,
    ):
        page = browser.new_page()
        asked_for: list[str] = []
        page.on("request", lambda request: asked_for.append(request.url))
        page.goto(f"{url}/")
        expect(page.locator("#question textarea")).to_be_visible(timeout=20_000)
        put(page, QUESTION)
        page.locator("#conversation .answer button.cite").first.click()
        expect(page.locator("#reading mark")).to_contain_text("struck first by Iran", timeout=20_000)
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        page.locator("#reading .link").click()
        assert page.evaluate("navigator.clipboard.readText()").startswith(f"{url}/?collection=own&article=")
        page.close()
        origin = url.removesuffix("/clippings")
        outside = [
            a for a in asked_for if not a.startswith(f"{url}/") and not a.startswith(("data:", "blob:"))
        ]
        assert [a.removeprefix(origin) for a in outside] == []
        assert httpx.post(f"{url}/api/ask", json={"question": QUESTION}, timeout=60, trust_env=False).json()[
            "citations"
        ]


# A language model


def test_a_model_words_the_answer_until_it_is_left_out_and_what_it_invents_is_set_apart(
    browser: Browser, config: Config
) -> None:
    said = ("Pakistan was hit ", "first by its neighbour [1]. ", "Snow fell on Karvel that night [1].")
    with ollama(*said) as (speaker, settings):
        environ = {
            "CLIPPINGS_MODEL_PROVIDER": "ollama",
            "CLIPPINGS_MODEL_NAME": "m",
            "CLIPPINGS_MODEL_URL": str(settings.url),
        }
        with served(config, **environ, no_proxy="127.0.0.1") as url:
            page = browser.new_page(
                viewport={"width": 1280, "height": 900}, locale="en-GB", timezone_id="Asia/Kolkata"
            )
            page.goto(url)
            expect(page.locator("#wording")).to_be_visible(timeout=20_000)
            who_words = page.locator("#model .wording")
            expect(who_words).to_have_text("Answers are worded by m.")
            assert speaker.requests == [], "nothing is contacted before a question"
            put(page, "Who struck first?")
            expect(page.locator("#model .working")).to_be_hidden()
            expect(page.locator("#conversation .cost")).to_have_text(
                re.compile(r"^Worded by m: 1 call, 1,840 tokens read, 96 written, \d+\.\d s$")
            )
            expect(page.locator("#conversation .answer")).to_contain_text(
                "Pakistan was hit first by its neighbour"
            )
            sign = page.get_by_role("img", name="in other words: please check")
            expect(sign).to_have_count(1)
            shown = sign.evaluate("(sign) => getComputedStyle(sign, '::before').content")
            assert (shown, sign.get_attribute("title")) == ('"≈"', "in other words: please check")
            expect(page.locator("#conversation .notes .support")).to_have_text(
                ["in other words: please check"]
            )
            expect(page.locator("#conversation .counts")).to_have_text(
                "Sentences: 1 in other words: please check; 1 withheld"
            )
            _fits_and_has_no_fault(page)
            apart = page.locator(
                "#conversation details", has_text="Claimed by the model, but not found in the articles (1)"
            )
            expect(apart.locator("li")).to_have_text("Snow fell on Karvel that night.")
            expect(page.locator("#conversation .answer")).not_to_contain_text("Snow")
            asked = len(speaker.requests)
            page.get_by_role("radio", name="Quotes from the articles").check()
            put(page, "Who struck first?", count=2)
            expect(page.locator("#conversation .answer").last).to_contain_text("Iran struck first.")
            assert len(speaker.requests) == asked
            expect(page.locator("#conversation .cost")).to_have_count(1)
            expect(who_words).to_be_hidden()
            page.reload()  # the choice is kept
            expect(page.get_by_role("radio", name="Quotes from the articles")).to_be_checked(timeout=20_000)
            page.get_by_role("radio", name="m (checked)").check()
            page.wait_for_timeout(300)
            _fails_and_is_left_alone(page, speaker)
            shelf(page)
            page.locator("#model-settings > details > summary").click()
            expect(page.locator("#model-settings .fixed")).to_have_text(
                f"Set by the server’s configuration: m at {settings.url}. To set it here, remove it there and "
                "restart the server."
            )
            expect(page.locator("#model-settings form")).to_be_hidden()
            page.close()


def _fails_and_is_left_alone(page: Page, speaker: type[Any]) -> None:
    """A model that is gone: the next answer says so, and the page before the one after that, which does not
    wait for it."""
    speaker.pieces, asked = [404], len(speaker.requests)
    who_words = page.locator("#model .wording")
    expect(who_words).to_have_text("Answers are worded by m.")
    for count in (3, 4):
        put(page, "Who struck first?", count=count)
        expect(page.locator("#conversation .notice").last).to_have_text(
            "The language model is not available. The articles answer by themselves."
        )
        assert len(speaker.requests) == asked + 1
        expect(who_words).to_contain_text(
            "Answers come straight from the articles just now: the language model is not available. It is "
            "tried again with the first question after "
        )
    now = datetime.now(ZoneInfo("Asia/Kolkata"))
    times = [(now + timedelta(minutes=minutes)).strftime("%H:%M") for minutes in (0, 1, 2)]
    assert who_words.inner_text().endswith(tuple(f" after {time}." for time in times)), (
        "the reader's own time"
    )
    _fits_and_has_no_fault(page)
    # It is read again by whoever is about to ask, and when the pause is over.
    states = [{"text": "Not just now.", "retry_in": 0.5}, {"text": "Answers are worded by m.", "retry_in": 0}]
    page.route("**/api/status", lambda route: route.fulfill(json={"model": states.pop(0)}))
    page.locator("#question textarea").blur()
    page.locator("#question textarea").focus()
    expect(who_words).to_contain_text("Not just now. It is tried again")
    expect(who_words).to_have_text("Answers are worded by m.")
    assert states == []
    page.unroute("**/api/status")


def test_without_a_model_nothing_is_to_be_chosen(page: Page) -> None:
    expect(page.locator("#wording")).to_have_count(0)


def test_a_model_is_set_tested_used_and_removed_by_keyboard_alone(page: Page, address: str) -> None:
    def tab_to(selector: str, *, back: bool = False) -> None:
        for _ in range(60):
            page.keyboard.press("Shift+Tab" if back else "Tab")
            if page.evaluate("(wanted) => document.activeElement.matches(wanted)", selector):
                return
        pytest.fail(f"the keyboard does not reach {selector}")

    status, received = page.locator("#model-status"), []
    page.on("response", lambda r: received.append(r.text()) if "/api/model" in r.url else None)
    try:
        with ollama("Pakistan was hit ", "first by its neighbour [1].") as (speaker, settings):
            page.locator(".sidebar .toggle-button").focus()
            page.keyboard.press("Enter")
            tab_to("#model-settings summary")
            page.keyboard.press("Enter")
            tab_to("#model-provider")
            page.keyboard.type("OpenAI")
            expect(page.get_by_label("Address", exact=True)).to_be_visible()
            expect(page.get_by_label("Model file", exact=True)).to_be_hidden()
            page.keyboard.press("ArrowUp")  # to Ollama
            tab_to("#model-url")
            page.keyboard.type("http://127.0.0.1:9")
            tab_to("#model-name")
            page.keyboard.type("m")
            tab_to("#model-key")
            page.keyboard.type("sk-not-to-be-seen")
            _fits_and_has_no_fault(page)
            tab_to("#model-test")
            page.keyboard.press("Enter")
            expect(status).to_have_text(
                "No server answers at http://127.0.0.1:9. Check the address, and whether the server is running."
            )
            tab_to("#model-url", back=True)
            page.keyboard.press("Control+A")
            page.keyboard.type(str(settings.url))
            tab_to("#model-test")
            page.keyboard.press("Enter")
            expect(status).to_contain_text(
                "m answers: “Pakistan was hit first by its neighbour [1].”. Its first words came after "
            )
            assert page.evaluate("document.activeElement.id") == "model-test"
            (asked,) = speaker.requests
            assert [m["content"] for m in asked["messages"]] == ["Reply with the word yes."]
            expect(page.locator("#wording")).to_have_count(0)  # nothing is set yet
            tab_to("#model-save", back=True)
            page.keyboard.press("Enter")
            expect(status).to_have_text("Saved. Answers are worded by m from now on.")
            expect(page.get_by_role("radio", name="m (checked)")).to_be_checked()
            put(page, "Who struck first?")
            expect(page.locator("#conversation .answer")).to_contain_text("hit first by its neighbour")
            page.reload()
            summary = page.locator("#model-settings > details > summary")
            expect(summary).to_be_attached(timeout=20_000)
            summary.press("Enter")
            shown = {
                name: page.locator(f"#model-{name}").input_value()
                for name in ("provider", "url", "name", "key")
            }
            assert shown == {"provider": "ollama", "url": settings.url, "name": "m", "key": ""}
            expect(page.locator("#model-stored")).to_be_visible()
            tab_to("#model-remove")
            page.keyboard.press("Enter")
            expect(status).to_have_text("Removed, with its key. The articles answer by themselves.")
            assert page.evaluate("document.activeElement.id") == "model-provider"
            expect(page.locator("#wording")).to_have_count(0)
            assert received
            assert "sk-not" not in "".join(received)
    finally:
        httpx.delete(f"{address}/api/model", trust_env=False)


# Many at once


def test_who_waits_is_told_so_who_comes_too_late_as_well_and_who_stops_makes_room(
    browser: Browser, config: Config
) -> None:
    limits = {"CLIPPINGS_SERVE_MAX_CONCURRENCY": "1", "CLIPPINGS_SERVE_QUEUE_SIZE": "1"}
    with slow_model() as (speaker, goes_on, settings), kept_waiting(config, **limits, **settings) as server:

        def opened() -> Page:
            page = browser.new_page()
            page.goto(server.url)
            expect(page.locator("#question textarea")).to_be_visible(timeout=20_000)
            return page

        def ask(page: Page) -> None:
            page.locator("#question textarea").fill(SHORT)
            page.locator("#question textarea").press("Enter")

        first, second, third = opened(), opened(), opened()
        ask(first)
        wait_until(lambda: bool(speaker.requests))
        working = first.locator("#model .working")
        expect(working).to_have_text(re.compile(r"^m is writing … [1-9]\d* s$"), timeout=20_000)
        assert working.get_attribute("aria-hidden") == "true", "a screen reader is not told each second"
        expect(first.locator("#conversation .step")).to_have_text("m is writing…")
        ask(second)
        expect(second.locator("#conversation .step")).to_have_text(
            "waiting: next in the queue…", timeout=20_000
        )
        ask(third)
        expect(third.locator("#conversation .abstained")).to_have_text(
            "the server is busy (1 running, 1 waiting). Ask again in a minute", timeout=20_000
        )
        second.locator("#stop").click()
        expect(second.locator("#model .working")).to_be_hidden()
        expect(second.locator("#conversation .notice")).to_have_text(UNANSWERED, timeout=20_000)
        wait_until(lambda: server.health()[1]["waiting"] == 0)
        third.get_by_role("button", name="Ask again").click()
        expect(third.locator("#conversation .step")).to_have_text(
            "waiting: next in the queue…", timeout=20_000
        )
        first.close()  # in the middle of its answer
        goes_on.set()
        expect(third.locator("#conversation .answer")).to_contain_text(
            "Pakistan was struck first by Iran", timeout=60_000
        )
        wait_until(lambda: server.health()[1]["running"] == 0)
        for page in (second, third):
            page.close()


# Verdicts


def test_a_verdict_given_while_another_answer_is_made_stands_when_that_is_there(
    page: Page, config: Config
) -> None:
    put(page, QUESTION)
    longer = "Who struck first, and where is Jaish al-Adl based, and why did Pakistan strike Iran, and what did Ali Vaez say?"
    page.locator("#question textarea").fill(longer)
    page.locator("#question textarea").press("Enter")
    expect(page.locator("#conversation .asked")).to_have_count(2)
    page.get_by_role("button", name="Right", exact=True).first.click()
    expect(page.locator("#conversation .notes")).to_have_count(2, timeout=60_000)
    pressed = page.get_by_role("button", name="Right", exact=True)
    expect(pressed.first).to_have_attribute("aria-pressed", "true")
    expect(pressed.last).to_have_attribute("aria-pressed", "false")
    page.wait_for_timeout(1_000)  # whatever comes late would have come by then
    expect(pressed.first).to_have_attribute("aria-pressed", "true")
    page.reload()
    expect(pressed.first).to_have_attribute("aria-pressed", "true", timeout=20_000)


def test_a_verdict_stands_on_its_answer_and_makes_a_gold_case(page: Page, config: Config) -> None:
    put(page, QUESTION)
    page.get_by_role("button", name="Wrong", exact=True).click()
    expect(page.get_by_role("button", name="Wrong", exact=True)).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="Add to gold questions").click()
    expect(page.locator("#conversation .told")).to_contain_text("select them in the article")
    page.locator("#conversation .answer button.cite").last.click()
    expect(page.locator("#reading mark")).to_be_visible()
    words = page.evaluate(
        "() => { const range = document.createRange(); "
        "range.selectNodeContents(document.querySelector('#reading mark'));"
        " getSelection().removeAllRanges(); getSelection().addRange(range); return getSelection().toString() "
        "}"
    )
    page.get_by_role("button", name="Add to gold questions").click()
    expect(page.locator("#conversation .told")).to_contain_text("gold.jsonl")
    (case,) = load(config.home / "gold.jsonl")
    ((span,),) = (fact.spans for fact in case.facts)
    with open_assistant(config) as assistant:
        assert assistant.article(span.article).text[span.start : span.end] == words
    with closing(People(config.home)) as people:
        *_, last = people.conversations.verdicts()
    assert (last.verdict, last.question) == ("wrong", QUESTION)
    page.reload()
    expect(page.get_by_role("button", name="Wrong", exact=True)).to_have_attribute(
        "aria-pressed", "true", timeout=20_000
    )


# Programs


def test_programs_get_the_answer_a_person_gets(address: str, config: Config) -> None:
    with open_assistant(config) as assistant:
        expected = json.loads(answer_json(assistant.ask(QUESTION)))
    with httpx.Client(base_url=address, timeout=60, trust_env=False) as client:
        found = client.post("/api/ask", json={"question": QUESTION}).json()
        assert (found["text"], found["citations"]) == (expected["text"], expected["citations"])
        passages = client.post("/api/search", json={"question": "struck first", "k": 2}).json()["passages"]
        whole = client.get(f"/api/articles/{passages[0]['article']['id']}").json()
        place = passages[0]["passage"]
        assert whole["text"][place["start"] : place["end"]] == place["text"]
        refused = client.post("/api/ask", json={"question": QUESTION, "published_from": "soon"})
        assert refused.status_code == 422
        assert (
            refused.json()["error"]["message"] == 'published_from must be a date like 2024-01-20, not "soon"'
        )


def test_a_model_finds_the_tools_described_and_gets_the_same_answer(address: str, config: Config) -> None:
    async def asked() -> tuple[Any, Any]:
        async with (
            streamablehttp_client(f"{address}/mcp") as (receive, send, _),
            ClientSession(receive, send) as session,
        ):
            await session.initialize()
            return await session.list_tools(), await session.call_tool("ask", {"question": QUESTION})

    with ThreadPoolExecutor() as elsewhere:  # playwright has a loop of its own in this thread
        listed, result = elsewhere.submit(asyncio.run, asked()).result(60)
    assert sorted(tool.name for tool in listed.tools) == ["article", "ask", "fetch", "search", "status"]
    assert all(tool.outputSchema for tool in listed.tools)
    with open_assistant(config) as assistant:
        assert result.structuredContent["text"] == assistant.ask(QUESTION).text


# Fit and finish


def test_the_whole_of_a_question_by_keyboard_alone(page: Page) -> None:
    page.locator("#question textarea").focus()
    page.keyboard.type("Who struck first?")
    page.keyboard.press("Enter")
    expect(page.locator("#conversation .notes")).to_have_count(1, timeout=60_000)
    for _ in range(60):
        page.keyboard.press("Shift+Tab")
        if page.evaluate("document.activeElement.matches('#conversation .answer button.cite')"):
            break
    page.keyboard.press("Enter")
    expect(page.locator("#reading mark")).to_be_visible()
    assert page.evaluate("document.activeElement.matches('#reading .article')"), (
        "the article can be scrolled by key at once"
    )


def test_a_complete_answer_drawn_again_keeps_the_focus_and_the_open_citation(page: Page) -> None:
    held: list[Route] = []  # what draws the answer again, once it is stored
    talk = re.compile(r"/api/conversations/[^/]+$")
    page.route(talk, lambda route: held.append(route))
    put(page, QUESTION)
    cite = page.locator("#conversation .answer button.cite").first
    cite.evaluate("cite => { cite.drawnFirst = true; }")
    cite.press("Enter")
    expect(page.locator("#reading mark")).to_be_visible()
    page.locator("#conversation .answer button.cite").nth(1).focus()
    page.unroute(talk)
    page.wait_for_function("!document.querySelector('#conversation .answer button.cite').drawnFirst")
    second = "document.querySelectorAll('#conversation .answer button.cite')[1]"
    assert page.evaluate(f"document.activeElement === {second}")
    expect(cite).to_have_class(re.compile(r"\bopen\b"))
    page.keyboard.press("n")  # goes on from the open one, in the answer as it stands now
    expect(page.locator("#conversation button.cite.open")).to_have_count(1)


def test_the_list_of_conversations_drawn_again_keeps_the_focus(page: Page) -> None:
    put(page, QUESTION)
    button = shelf(page).locator(".list button").first
    button.evaluate("button => { button.drawnFirst = true; }")
    button.focus()
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    page.wait_for_function(
        "document.activeElement.matches('#conversations .list button') && !document.activeElement.drawnFirst"
    )


@pytest.mark.parametrize(
    ("name", "width", "scheme"), [("light", 1280, "light"), ("dark", 1280, "dark"), ("phone", 390, "light")]
)
def test_light_dark_and_phone_have_no_fault_that_axe_finds_and_nothing_overflows(
    browser: Browser, address: str, name: str, width: int, scheme: Any
) -> None:
    page = browser.new_page(viewport={"width": width, "height": 860}, color_scheme=scheme)
    page.goto(f"{address}/?__theme={scheme}")
    expect(page.locator("#question textarea")).to_be_visible(timeout=20_000)
    put(page, "How many people did Pakistan's strikes on Iran kill?")
    page.locator("#conversation .answer button.cite").first.click()
    expect(page.locator("#reading mark")).to_be_visible()
    page.screenshot(path=_artefact(f"{name}.png"), full_page=width < 500)
    _fits_and_has_no_fault(page)
    page.get_by_role("tab", name="Articles").click()
    page.locator("#articles [role=gridcell] span.text:visible").first.click()
    expect(page.locator("#correct")).to_be_visible()
    _fits_and_has_no_fault(page)
    page.close()


def _fits_and_has_no_fault(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), (
        "the page is wider than the screen"
    )
    # A button that has just been enabled fades in, and is too faint until it has.
    page.wait_for_function("document.getAnimations().every((each) => each.playState !== 'running')")
    faults = Axe().run(page).response["violations"]
    # Gradio's table is a grid whose rows axe does not see as its children.
    found = [
        v for v in faults if v["impact"] in ("serious", "critical") and v["id"] != "aria-required-children"
    ]
    assert [(v["id"], [node["html"][:200] for node in v["nodes"]]) for v in found] == []


def test_the_first_answer_is_there_within_a_second(page: Page) -> None:
    put(page, "Who struck first?")
    took = []
    for count, question in enumerate(
        ["Why did Pakistan strike Iran?", "Where is Jaish al-Adl based?", QUESTION], 2
    ):
        page.locator("#question textarea").fill(question)
        began = time.perf_counter()
        page.locator("#question textarea").press("Enter")
        page.locator(f"#conversation .exchange >> nth={count - 1}").locator(
            ".answer .sentence, .abstained"
        ).first.wait_for()
        took.append(time.perf_counter() - began)
    assert sorted(took)[1] < 1, took


# Hostile and odd


def test_a_question_that_cannot_be_asked_is_answered_with_the_reason(page: Page) -> None:
    put(page, "?!…", ".abstained")
    expect(page.locator("#conversation .abstained")).to_have_text(
        "the question has no word to search for. Ask it in words"
    )


def test_nothing_in_an_article_or_a_question_is_executed(page: Page) -> None:
    put(
        page,
        "How many houses were lost when the Karvel dam burst? <img src=x onerror='window.struck=6'> "
        "${window.struck=7}",
    )
    page.locator("#conversation .answer button.cite").first.click()
    expect(page.locator("#reading mark")).to_contain_text("<script>window.struck = 1</script>")
    assert page.evaluate("window.struck") is None
    assert page.locator("#reading .article img, #conversation img, #reading .article script").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), (
        "a long title widens the page"
    )


def test_no_request_leaves_the_machine(page: Page, address: str) -> None:
    put(page, QUESTION)
    page.locator("#conversation .answer button.cite").first.click()
    expect(page.locator("#reading mark")).to_be_visible()
    elsewhere = [u for u in page.requests_made if not u.startswith((address, "data:", "blob:"))]  # type: ignore[attr-defined]
    assert elsewhere == []


def test_an_open_page_answers_from_what_another_process_has_just_written(
    page: Page, config: Config, tmp_path: Path
) -> None:
    question = "What did the mayor of Quillon plant in the harbour?"
    put(page, question, ".abstained")
    (tmp_path / "late").mkdir()
    (tmp_path / "late" / "one.txt").write_text(
        "The mayor of Quillon planted nine lemon trees in the harbour on Monday.\n"
    )
    program = "import sys; from ingest import sync; from rag import Config; sync(sys.argv[1], Config(home=sys.argv[2]))"
    subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "late"), str(config.home)], check=True, cwd=ROOT
    )
    put(page, question)
    expect(page.locator("#conversation .answer").last).to_contain_text("nine lemon trees")
    remove("late/one.txt", config)
    page.locator("#conversation .answer button.cite").first.click()
    expect(page.locator("#reading .hint")).to_have_text(
        "This article was changed or removed after the answer was given. Ask again."
    )


def _artefact(name: str) -> str:
    folder = ROOT / "tests" / "artefacts"
    folder.mkdir(exist_ok=True)
    return str(folder / name)
