"""The chat page as a reader meets it: a real server, a real Chromium, real articles, one of them hostile."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import SEEDS
from playwright.sync_api import Browser, Page, expect, sync_playwright

from ingest import remove, sync
from rag import Config, open_assistant

ROOT = Path(__file__).parent.parent
QUESTION = "Who struck first, and whom did they target?"
HOSTILE = (
    "The Karvel dam <script>window.struck = 1</script> burst <img src=x onerror='window.struck = 2'> on Sunday "
    "${window.struck = 3} {{constructor.constructor('window.struck = 4')()}} [more](javascript:window.struck=5) "
    "\u202eסכר\u202c 🌊 **bold** and forty houses were lost."
)
pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    base = tmp_path_factory.mktemp("page")
    config = Config(home=base / "home")
    (base / "desk").mkdir()
    (base / "desk" / "dam.md").write_text(f"# {'<b>Dam</b> ' * 500}\n\n{HOSTILE}\n", encoding="utf-8")
    sync([SEEDS, base / "desk"], config)
    return config


@pytest.fixture(scope="module")
def address(config: Config) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environ = {**os.environ, "CLIPPINGS_HOME": str(config.home), "PYTHONUNBUFFERED": "1"}
    server = subprocess.Popen(
        [sys.executable, "app.py", "serve", "--port", str(port)],
        cwd=ROOT,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(240):
            if server.poll() is not None:
                raise AssertionError(f"the page did not start: {server.stdout.read().decode() if server.stdout else ''}")
            try:
                urllib.request.urlopen(url, timeout=1).close()
                break
            except OSError:
                time.sleep(0.5)
        yield url
    finally:
        server.terminate()
        server.wait(20)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    found = next((p for name in ("chromium", "chromium-browser", "google-chrome") if (p := shutil.which(name))), None)
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
        chromium = playwright.chromium.launch(executable_path=found, args=flags)
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.requests_made = []  # type: ignore[attr-defined]
    page.on("request", lambda request: page.requests_made.append(request.url))  # type: ignore[attr-defined]
    page.on("dialog", lambda dialog: pytest.fail(f"a dialog opened: {dialog.message}"))
    page.goto(address)
    expect(page.locator("#question textarea")).to_be_visible(timeout=20_000)
    yield page
    page.close()


def put(page: Page, question: str, done: str = ".notes", count: int = 1) -> None:
    page.locator("#question textarea").fill(question)
    page.locator("#question textarea").press("Enter")
    expect(page.locator(f"#conversation {done}")).to_have_count(count, timeout=60_000)


def test_a_number_opens_the_article_at_exactly_the_quoted_words(page: Page, config: Config) -> None:
    with open_assistant(config) as assistant:
        answer = assistant.ask(QUESTION)
    put(page, QUESTION)
    markers = page.locator("#conversation .answer button.cite")
    expect(markers).to_have_text([f"[{c.number}]" for s in answer.sentences for c in s.citations])
    for at, citation in enumerate(c for s in answer.sentences for c in s.citations):
        markers.nth(at).click()
        expect(page.locator("#reading mark")).to_have_text(citation.quote)
        expect(page.locator("#reading .byline")).to_contain_text(citation.article.label)
        assert page.evaluate(_IN_VIEW), "the quoted words are not in view"
    page.locator("#reading").screenshot(path=_artefact("article.png"))
    page.screenshot(path=_artefact("page.png"))


_IN_VIEW = """() => {
  const quote = document.querySelector('#reading mark').getBoundingClientRect();
  const box = document.querySelector('#reading .article').getBoundingClientRect();
  return quote.top >= box.top && quote.top < box.bottom && window.scrollY === 0;
}"""


def test_an_abstention_does_not_look_like_an_answer(page: Page) -> None:
    put(page, "What is the best recipe for biryani?", ".abstained")
    expect(page.locator("#conversation .abstained")).to_have_text("The articles do not answer this.")
    expect(page.locator("#conversation .answer")).to_have_count(0)
    expect(page.locator("#conversation .closest")).to_have_text("Closest, but not an answer:")
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
    questions = [QUESTION, "What did Ali Vaez say about the strike?", "Where does he work?", "WHO STRUCK FIRST?"]
    box = page.locator("#question textarea")
    for question in questions:  # Gradio itself keeps only the last of those that wait
        box.fill(question)
        box.press("Enter")
        expect(box).to_have_value("")
    expect(page.locator("#conversation .notes")).to_have_count(4, timeout=60_000)
    expect(page.locator("#conversation .asked")).to_have_text(questions)
    expect(page.locator("#conversation .understood")).to_have_text("Understood as: Where does Ali Vaez work?")


def test_what_is_stopped_says_so_and_is_not_taken_up_again(page: Page) -> None:
    questions = [QUESTION, "What did Ali Vaez say about the strike?", "Where does he work?"]
    box = page.locator("#question textarea")
    for question in questions:
        box.fill(question)
        box.press("Enter")
        expect(box).to_have_value("")
    page.locator("#stop").click()
    expect(page.locator("#conversation .asked")).to_have_text(questions, timeout=60_000)
    expect(page.locator("#conversation .step")).to_have_count(0)
    expect(page.locator("#conversation .notice").last).to_have_text("Stopped.")
    given = page.locator("#conversation .notes").count()
    put(page, "WHO STRUCK FIRST?", ".notes", given + 1)
    page.wait_for_timeout(1_000)  # a question taken up again would come now
    expect(page.locator("#conversation .asked")).to_have_text([*questions, "WHO STRUCK FIRST?"])


def test_clearing_while_an_answer_is_made_forgets_it_too(page: Page) -> None:
    put(page, QUESTION)
    box = page.locator("#question textarea")
    box.fill("What did Ali Vaez say about the strike?")
    box.press("Enter")
    expect(page.locator("#conversation .asked")).to_have_count(2)
    page.locator("#conversation button[aria-label='Clear'], #conversation button[title='Clear']").first.click()
    page.wait_for_timeout(3_000)  # what would come back would have come by then
    expect(page.locator("#conversation .asked")).to_have_count(0)
    put(page, "Where does he work?", ".asked")
    expect(page.locator("#conversation .asked")).to_have_text(["Where does he work?"])
    expect(page.locator("#conversation .understood")).to_have_count(0)  # whoever "he" was is forgotten


def test_a_question_too_long_is_told_so_and_not_cut(page: Page) -> None:
    page.locator("#question textarea").focus()
    page.keyboard.insert_text("Who struck? " * 1_667)
    page.keyboard.press("Enter")
    expect(page.locator("#conversation .abstained")).to_contain_text("the question has 20,003 characters", timeout=60_000)


def test_clearing_the_conversation_forgets_it(page: Page) -> None:
    put(page, "What did Ali Vaez say about the strike?")
    page.locator("#conversation button[aria-label='Clear'], #conversation button[title='Clear']").first.click()
    expect(page.locator("#conversation .notes")).to_have_count(0)
    put(page, QUESTION)
    expect(page.locator("#conversation .asked")).to_have_text([QUESTION])


def test_a_question_that_cannot_be_asked_is_answered_with_the_reason(page: Page) -> None:
    put(page, "?!…", ".abstained")
    expect(page.locator("#conversation .abstained")).to_have_text("the question holds no word to look for. Ask it in words")


def test_nothing_in_an_article_or_a_question_is_executed(page: Page) -> None:
    put(page, "How many houses were lost when the Karvel dam burst? <img src=x onerror='window.struck=6'> ${window.struck=7}")
    page.locator("#conversation .answer button.cite").first.click()
    expect(page.locator("#reading mark")).to_contain_text("<script>window.struck = 1</script>")
    assert page.evaluate("window.struck") is None
    assert page.locator("#reading .article img, #conversation img, #reading .article script").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), "a long title widens the page"


def test_no_request_leaves_the_machine(page: Page, address: str) -> None:
    put(page, QUESTION)
    page.locator("#conversation .answer button.cite").first.click()
    expect(page.locator("#reading mark")).to_be_visible()
    elsewhere = [u for u in page.requests_made if not u.startswith((address, "data:", "blob:"))]  # type: ignore[attr-defined]
    assert elsewhere == []


def test_an_open_page_answers_from_what_another_process_has_just_written(page: Page, config: Config, tmp_path: Path) -> None:
    question = "What did the mayor of Quillon plant in the harbour?"
    put(page, question, ".abstained")
    (tmp_path / "late").mkdir()
    (tmp_path / "late" / "one.txt").write_text("The mayor of Quillon planted nine lemon trees in the harbour on Monday.\n")
    program = "import sys; from ingest import sync; from rag import Config; sync(sys.argv[1], Config(home=sys.argv[2]))"
    subprocess.run([sys.executable, "-c", program, str(tmp_path / "late"), str(config.home)], check=True, cwd=ROOT)
    put(page, question)
    expect(page.locator("#conversation .answer").last).to_contain_text("nine lemon trees")
    remove("late/one.txt", config)
    page.locator("#conversation .answer button.cite").first.click()
    expect(page.locator("#reading .hint")).to_have_text(
        "This article has been changed or removed since the answer was given. Ask again."
    )


def _artefact(name: str) -> str:
    folder = ROOT / "tests" / "artefacts"
    folder.mkdir(exist_ok=True)
    return str(folder / name)
