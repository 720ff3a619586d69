"""What a reader goes through with a language model: the real SmolLM2 behind the real page, in Chromium.

The model is small and weak, so what it says is not tested. What is: that it is written, judged, shown and
counted as it should be, that nothing of it is cited but what stands in an article, and that its reader can
see and stop it. All share one server, which has the model loaded from the first question on.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from conftest import write_jsonl
from playwright.sync_api import Browser, Locator, Page, expect
from test_chat import browser, profile, put, served  # noqa: F401  the last but one are fixtures
from test_local_model import FETCHED
from test_nothing_leaves import free_port

from ingest import sync
from rag import Config

pytestmark = pytest.mark.browser
NAME = "SmolLM2-135M-Instruct"
ARTICLES = (
    {
        "id": "dam", "title": "The dam at Karvel", "published": "2024-01-18", "source": "Dawn",
        "text": "The dam at Karvel broke on Tuesday. The flood killed nine people and damaged forty houses. Mayor Ida "
        "Brandt said the dam had been inspected in May.",
    },
    {
        "id": "toll", "title": "Toll of the Karvel flood", "published": "2024-01-18", "source": "AP",
        "text": "The flood at Karvel killed eleven people on Tuesday. Rescue teams found the last of them near the mill.",
    },
    {
        "id": "mayor", "title": "Mayor resigns", "published": "2024-01-22", "source": "VOA",
        "text": "Mayor Ida Brandt of Karvel resigned on Sunday. She said that the town had not repaired the dam. The "
        "council will elect a new mayor in March.",
    },
    {
        "id": "rules", "title": "Rules of the mill museum", "published": "2024-03-09", "source": "Dawn",
        "text": "The mill museum of Karvel has new rules:\n\n- Dogs stay outside.\n- Children pay nothing.\n- The museum "
        "closes at five.\n",
    },
    {
        "id": "league", "title": "League table", "published": "2024-03-04", "source": "Sports Wire",
        "text": "Points in the Karvel league after Sunday:\n\n| Club | Points |\n| --- | --- |\n| Norvik | 41 |\n"
        "| Aldersund | 38 |\n| Karvel | 35 |\n",
    },
)  # fmt: skip
TEXTS = {article["id"]: article["text"] for article in ARTICLES}
TITLES = {article["id"]: article["title"] for article in ARTICLES}


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if not FETCHED.is_file():
        pytest.fail(f"{FETCHED} is missing. Fetch it: make model")
    base = tmp_path_factory.mktemp("journeys")
    config = Config(home=base / "home")
    sync(write_jsonl(base / "news.jsonl", *ARTICLES), config)
    (base / "data" / "clippings").mkdir(parents=True)
    (base / "data" / "clippings" / "models").symlink_to(FETCHED.parent)
    settings = {"XDG_DATA_HOME": str(base / "data"), "CLIPPINGS_MODEL_MAX_TOKENS": "80"}
    with served(config, **settings) as url:
        yield url


def opened(browser: Browser, address: str) -> Page:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(address)
    expect(page.locator("#question textarea")).to_be_visible(timeout=20_000)
    return page


def chosen(page: Page, provider: str, **fields: str) -> None:
    """The model that is set on the page. In a server without one this is also how a reader gets it."""
    answer = page.request.put(
        page.url.rstrip("/") + "/api/model",
        data={"provider": provider, **fields},
        headers={"Origin": page.url.rstrip("/")},
    )
    assert answer.ok, answer.text()


@pytest.fixture(scope="module")
def page(browser: Browser, address: str) -> Iterator[Page]:
    page = opened(browser, address)
    chosen(page, "smollm2")
    page.reload()
    expect(page.locator("#wording")).to_be_visible(timeout=20_000)
    yield page
    page.close()


@pytest.fixture(autouse=True)
def new_conversation(page: Page) -> None:
    page.locator(".sidebar .toggle-button").click() if not page.locator(".sidebar.open").count() else None
    page.get_by_role("button", name="New conversation").click()
    expect(page.locator("#conversation .exchange")).to_have_count(0)


def send(page: Page, question: str) -> None:
    page.locator("#question textarea").fill(question)
    page.locator("#question textarea").press("Enter")


def last(page: Page, part: str) -> Locator:
    return page.locator("#conversation .exchange").last.locator(part)


def cites_its_articles(page: Page) -> None:
    """Every citation opens an article at words that it has."""
    markers = last(page, ".answer button.cite, .conflict button.cite")
    assert markers.count()
    for at in range(markers.count()):
        markers.nth(at).click()
        article = markers.nth(at).get_attribute("data-article")
        assert article is not None
        # The one that was open before is there until this one has come.
        expect(page.locator("#reading .title")).to_have_text(TITLES[article])
        marked = page.locator("#reading mark")
        expect(marked.first).to_be_visible()
        words = "".join(marked.all_inner_texts()).split()
        assert " ".join(words) in " ".join(TEXTS[article].split())


def test_slow_the_page_says_that_it_is_loaded_and_then_how_long_it_has_been_writing(page: Page) -> None:
    told: list[str] = []
    page.expose_function("heard", lambda text: told.append(text))
    page.evaluate(
        "new MutationObserver(() => heard(document.querySelector('#model .working').textContent))"
        ".observe(document.querySelector('#model .working'), {childList: true, characterData: true, subtree: true})"
    )
    put(page, "When did the dam at Karvel break?")
    said = list(dict.fromkeys(re.sub(r"\d+ s$", "N s", line) for line in told if NAME in line))
    assert said == [f"loading {NAME} … N s", f"{NAME} is writing … N s"]
    assert any(re.search(r"[1-9] s$", line) for line in told), "the seconds are counted"
    expect(page.locator("#model .working")).to_be_hidden()


def test_an_answer_cites_words_of_its_articles_and_says_what_it_cost(page: Page) -> None:
    put(page, "Who resigned in Karvel?")
    cites_its_articles(page)
    expect(last(page, ".cost")).to_have_text(
        re.compile(rf"^Worded by {NAME}: 1 call, [\d,]+ tokens read, \d+ written, [\d.]+ s$", re.IGNORECASE)
    )


def test_a_sentence_is_shown_while_the_rest_is_written(page: Page) -> None:
    send(page, "How many people did the flood at Karvel kill?")
    expect(last(page, ".answer")).to_contain_text("eleven", timeout=20_000)
    assert last(page, ".cost").count() == 0, "the answer is not complete"
    expect(page.locator("#model .working")).to_have_text(re.compile(f"^{NAME} is writing … "))
    expect(last(page, ".cost")).to_have_count(1, timeout=60_000)


def test_what_is_stopped_is_not_written_on_and_the_next_is_answered(page: Page) -> None:
    send(page, "What are the new rules of the mill museum?")
    expect(page.locator("#model .working")).to_have_text(re.compile("is writing"), timeout=20_000)
    page.locator("#stop").click()
    expect(last(page, ".notice")).to_contain_text("it was stopped", timeout=10_000)
    send(page, "Who resigned in Karvel?")  # would wait for its turn behind a reply that goes on
    expect(last(page, ".cost")).to_contain_text("1 call", timeout=60_000)


def test_a_follow_up_is_understood_and_counts_two_calls(page: Page) -> None:
    put(page, "What did Mayor Ida Brandt say?")
    put(page, "When did she resign?", count=2)
    expect(last(page, ".understood")).to_have_text("Understood as: When did Ida Brandt resign?")
    expect(last(page, ".cost")).to_contain_text("2 calls")


def test_what_the_sources_disagree_on_stands_before_what_it_words(page: Page) -> None:
    put(page, "How many people did the flood at Karvel kill?")
    expect(last(page, ".conflict tbody th")).to_have_text(["eleven", "nine"])
    cites_its_articles(page)


def test_a_list_that_it_writes_is_a_list_on_the_page(page: Page) -> None:
    put(page, "What are the new rules of the mill museum?")
    expect(last(page, ".answer li").first).to_contain_text("Dogs stay outside.")
    expect(last(page, ".answer li").nth(1)).to_contain_text("Children pay nothing.")
    cites_its_articles(page)


def test_a_table_that_it_writes_is_a_table_on_the_page(page: Page) -> None:
    page.locator("#filters button").first.click()
    page.get_by_label("Sources").click()
    page.get_by_role("option", name="Sports Wire").click()
    try:
        put(page, "How many points does Norvik have in the Karvel league?")
        table = last(page, ".answer table")
        expect(table.locator("th").first).to_have_text("Club")
        expect(table.locator("tr", has_text="Norvik")).to_contain_text("41")
        cites_its_articles(page)
    finally:
        page.reload()  # without the filter
        expect(page.locator("#question textarea")).to_be_visible(timeout=20_000)


def test_two_people_at_once_both_get_their_answer(page: Page, browser: Browser, address: str) -> None:
    other = opened(browser, address)
    send(page, "Who resigned in Karvel?")
    send(other, "When did the dam at Karvel break?")
    for each in (page, other):
        expect(last(each, ".cost")).to_contain_text("1 call", timeout=60_000)
        cites_its_articles(each)
    expect(last(other, ".asked")).to_have_text("When did the dam at Karvel break?")
    other.close()


def test_one_that_cannot_be_reached_is_told_of_before_the_next_question(page: Page) -> None:
    who_words = page.locator("#model .wording")
    expect(who_words).to_have_text(f"Answers are worded by {NAME}.")
    chosen(page, "openai-like", url=f"http://127.0.0.1:{free_port()}/v1", name="gone")
    try:
        put(page, "Who resigned in Karvel?")
        expect(last(page, ".answer")).to_contain_text("Ida Brandt")
        expect(last(page, ".notice")).to_have_text(
            "The language model cannot be reached. The articles answer by themselves."
        )
        expect(who_words).to_contain_text(
            "Answers come straight from the articles just now: the language model cannot be reached."
        )
    finally:
        chosen(page, "smollm2")
    put(page, "When did the dam at Karvel break?", count=2)
    expect(last(page, ".cost")).to_contain_text(NAME, ignore_case=True)
    expect(who_words).to_have_text(f"Answers are worded by {NAME}.")
