"""Pages and feeds of a real server, taken into a collection: who they are, what has changed, and what is
refused.
"""

from __future__ import annotations

import gzip
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from conftest import WordEncoder

from ingest import preview, remove, sync
from rag.config import Config, FetchSettings
from rag.store.catalog import Catalog
from rag.types import Article, Failure, IngestReport

pytestmark = [pytest.mark.server, pytest.mark.slow]

STORM = "The storm reached the coast on Monday and felled nine trees, the harbour master said."


def page(title: str, text: str = STORM, head: str = "") -> bytes:
    return f"<html lang='en'><head><title>{title}</title>{head}</head><body><h1>{title}</h1><p>{text}</p></body></html>".encode()


def rss(*items: str) -> bytes:
    return f"<rss version='2.0'><channel><title>Coast News</title>{''.join(items)}</channel></rss>".encode()


def item(
    root: str, name: str, title: str, *, text: str = "", day: str = "Mon, 15 Jan 2024 23:30:00 -0500"
) -> str:
    content = f"<content:encoded xmlns:content='http://purl.org/rss/1.0/modules/content/'><![CDATA[{text}]]></content:encoded>"
    return (
        f"<item><title>{title}</title><link>{root}/{name}</link><guid>{root}/{name}</guid><pubDate>{day}</pubDate>"
        f"{content if text else ''}<description>In short.</description></item>"
    )


@dataclass
class Site:
    """A server on loopback: what it answers by path, and what it was asked."""

    root: str = ""
    pages: dict[str, tuple[int, dict[str, str], bytes]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def put(self, path: str, body: bytes, status: int = 200, **headers: str) -> str:
        kind = {"Content-Type": "text/html; charset=utf-8"}
        self.pages[f"/{path}"] = (
            status,
            kind | {name.replace("_", "-"): value for name, value in headers.items()},
            body,
        )
        return f"{self.root}/{path}"


@pytest.fixture
def site() -> Iterator[Site]:
    served = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path != "/robots.txt":
                served.asked.append(self.path.removeprefix("/"))
            status, headers, body = served.pages.get(self.path, (404, {}, b""))
            if status == 200 and headers.get("ETag") and self.headers.get("If-None-Match") == headers["ETag"]:
                status, body = 304, b""
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value.replace("{root}", served.root))
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        served.root = f"http://127.0.0.1:{server.server_port}"
        yield served
        server.shutdown()


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """The guard is opened for the loopback server, by the setting for it, and nobody is polite to it."""
    return Config(
        home=tmp_path / "home", encoder=WordEncoder.name, fetch=FetchSettings(allow_private=True, delay=0)
    )


@pytest.fixture
def take(config: Config) -> Callable[..., IngestReport]:
    return lambda *places, **options: sync(places, config, encoder=WordEncoder(), **options)


def stored(config: Config, article_id: str) -> Article:
    catalog = Catalog(config.home, config)
    article = catalog.article(article_id)
    catalog.close()
    assert article is not None
    return article


def test_a_page_is_an_article_under_its_address(
    site: Site, config: Config, take: Callable[..., IngestReport]
) -> None:
    address = site.put(
        "storm",
        page("Storm fells trees", head="<meta property='article:published_time' content='2024-01-15'>"),
    )
    report = take(address)
    assert (report.added, report.failed, report.warnings) == ((address,), (), ())
    found = stored(config, address)
    assert (found.url, found.title, found.published, found.text) == (
        address,
        "Storm fells trees",
        date(2024, 1, 15),
        STORM,
    )
    assert dict(found.provenance) == {
        "url": "its address", "title": "heading", "source": "its address", "published": "meta article:published_time",
        "language": "html lang",
    }  # fmt: skip


def test_no_password_of_an_address_is_kept_or_told(
    site: Site, config: Config, take: Callable[..., IngestReport], tmp_path: Path
) -> None:
    login = site.root.replace("http://", "http://ana:s3cr3t@")
    own = site.put("storm", page("Storm", head=f"<link rel='canonical' href='{login}/storm'>"))
    listed = site.put("tide", page("Tide", "The tide came in at noon."))
    feed = site.put("feed", rss(item(login, "tide", "Tide")), Content_Type="application/rss+xml")
    lines = tmp_path / "lines.jsonl"
    lines.write_text(
        '{"url": "https://ana:s3cr3t@paper.example/gale", "text": "A gale blew."}\n', encoding="utf-8"
    )
    report = take(own, feed, lines, f"{login}/storm")
    assert set(report.added) == {own, listed, "https://paper.example/gale"}
    assert report.failed == (
        Failure(
            f"{site.root.replace('http://', 'http://…@')}/storm",
            "its address contains a user name or password, which would be stored with the article. Remove it",
        ),
    )
    assert stored(config, "https://paper.example/gale").url == "https://paper.example/gale"
    assert [
        path.name for path in config.home.rglob("*") if path.is_file() and b"s3cr3t" in path.read_bytes()
    ] == []


def test_the_address_guard_is_closed_unless_it_is_opened(site: Site, config: Config) -> None:
    address = site.put("storm", page("Storm"))
    closed = replace(config, fetch=FetchSettings(delay=0))
    report = sync(address, closed, encoder=WordEncoder())
    assert report.added == ()
    assert [failure.item for failure in report.failed] == [address]
    assert site.asked == []


def test_a_page_goes_by_its_canonical_address_on_its_own_site_only(
    site: Site, config: Config, take: Callable[..., IngestReport]
) -> None:
    own = site.put("storm?from=mail", page("Storm", head=f"<link rel='canonical' href='{site.root}/storm'>"))
    assert take(own).added == (f"{site.root}/storm",)
    theirs = site.put("copy", page("Storm", head="<link rel='canonical' href='https://other.example/storm'>"))
    assert take(theirs).added == (theirs,), "a page could pass for an article of another site, and replace it"
    assert stored(config, theirs).url == theirs


def test_where_a_redirect_leads_is_the_address(site: Site, take: Callable[..., IngestReport]) -> None:
    moved = site.put("old", b"", 301, Location="{root}/new")
    site.put("new", page("Storm"))
    assert take(moved).added == (f"{site.root}/new",)
    assert take(moved).kept == (f"{site.root}/new",)


def test_what_is_unchanged_is_not_sent_again_and_what_has_changed_replaces(
    site: Site, config: Config, take: Callable[..., IngestReport]
) -> None:
    address = site.put("storm", page("Storm"), ETag='"1"')
    take(address)
    before = stored(config, address).version
    assert take(address).kept == (address,)
    assert site.asked == ["storm", "storm"]
    site.put("storm", page("Storm", STORM.replace("nine", "ten")), ETag='"2"')
    assert take(address).replaced == (address,)
    assert "ten trees" in stored(config, address).text
    catalog = Catalog(config.home, config)
    earlier = catalog.earlier(address, before)
    catalog.close()
    assert earlier is not None
    assert earlier.text == STORM


def test_a_page_whose_furniture_alone_has_changed_is_kept(
    site: Site, take: Callable[..., IngestReport]
) -> None:
    address = site.put("storm", page("Storm"))
    take(address)
    site.put("storm", page("Storm").replace(b"</body>", b"<footer>11:45</footer></body>"))
    report = take(address)
    assert (report.kept, report.replaced, report.passages) == ((address,), (), 0)


def test_a_feed_gives_the_article_of_each_entry(
    site: Site, config: Config, take: Callable[..., IngestReport]
) -> None:
    site.put("flood", page("Flood reaches the town", STORM.replace("storm", "flood")))
    whole = f"<p>{STORM}</p><p>Nobody was hurt.</p>"
    feed = site.put(
        "feed", rss(item(site.root, "storm", "Storm", text=whole), item(site.root, "flood", "Flood"))
    )
    report = take(feed)
    assert (report.added, report.failed) == ((f"{site.root}/storm", f"{site.root}/flood"), ())
    assert site.asked == ["feed", "flood"], "an entry that carries its text is not fetched"
    storm, flood = (stored(config, f"{site.root}/{name}") for name in ("storm", "flood"))
    assert (storm.text, storm.title, storm.source) == (f"{STORM}\n\nNobody was hurt.", "Storm", "Coast News")
    assert storm.published == date(2024, 1, 15), (
        "the day as the publisher wrote it, though it is the 16th in London"
    )
    assert (flood.title, flood.source, flood.published) == (
        "Flood reaches the town",
        "Coast News",
        date(2024, 1, 15),
    )
    assert dict(flood.provenance)["published"] == "feed pubDate"


def test_only_new_and_changed_entries_are_fetched(site: Site, take: Callable[..., IngestReport]) -> None:
    for name in ("a", "b", "c"):
        site.put(name, page(f"Storm {name}", STORM.replace("nine", f"nine {name}")))
    feed = site.put("feed", rss(item(site.root, "a", "A"), item(site.root, "b", "B")), ETag='"1"')
    take(feed)
    site.asked.clear()
    report = take(feed)
    assert (report.kept, report.items) == ((f"{site.root}/a", f"{site.root}/b"), 2)
    assert site.asked == ["feed"], "its server said that nothing had changed"
    site.put(
        "feed",
        rss(item(site.root, "a", "A"), item(site.root, "b", "B, corrected"), item(site.root, "c", "C")),
        ETag='"2"',
    )
    site.put("b", page("Storm b", STORM.replace("nine", "eleven")))
    report = take(feed)
    assert (report.added, report.replaced, report.kept) == (
        (f"{site.root}/c",),
        (f"{site.root}/b",),
        (f"{site.root}/a",),
    )
    assert site.asked == ["feed", "feed", "b", "c"]


def test_an_entry_that_could_not_be_fetched_is_tried_again_though_the_feed_is_unchanged(
    site: Site, take: Callable[..., IngestReport]
) -> None:
    feed = site.put("feed", rss(item(site.root, "a", "A"), item(site.root, "b", "B")), ETag='"1"')
    site.put("a", page("Storm"))
    site.put("b", b"", 500)
    first = take(feed)
    assert (first.added, [failure.item for failure in first.failed]) == (
        (f"{site.root}/a",),
        [f"{site.root}/b"],
    )
    site.put("b", page("Flood", STORM.replace("storm", "flood")))
    second = take(feed)
    assert (second.added, second.failed) == ((f"{site.root}/b",), ())


def test_articles_that_a_feed_no_longer_lists_stay_also_when_pruning(
    site: Site, take: Callable[..., IngestReport]
) -> None:
    whole = f"<p>{STORM}</p>"
    feed = site.put("feed", rss(item(site.root, "a", "A", text=whole), item(site.root, "b", "B", text=whole)))
    take(feed)
    site.put("feed", rss(item(site.root, "b", "B", text=whole)))
    report = take(feed, prune=True)
    assert (report.kept, report.removed) == ((f"{site.root}/b",), ())


def test_a_page_that_is_gone_is_removed_only_when_asked(
    site: Site, config: Config, take: Callable[..., IngestReport]
) -> None:
    address = site.put("storm", page("Storm"))
    take(address)
    site.put("storm", b"", 410)
    report = take(address)
    (failure,) = report.failed
    assert failure.item == address
    assert failure.reason.endswith("What was added from there stays; --prune removes it")
    assert stored(config, address).title == "Storm"
    report = take(address, prune=True)
    assert (report.removed, report.failed) == ((address,), ())


def test_a_page_that_never_was_there_is_a_failure_also_when_pruning(
    site: Site, take: Callable[..., IngestReport]
) -> None:
    report = take(f"{site.root}/nowhere", prune=True)
    assert ([failure.item for failure in report.failed], report.removed) == ([f"{site.root}/nowhere"], ())


def test_a_server_that_is_down_removes_nothing(site: Site, take: Callable[..., IngestReport]) -> None:
    address = site.put("storm", page("Storm"))
    take(address)
    site.put("storm", b"", 502)
    report = take(address, prune=True)
    assert (report.removed, len(report.failed)) == ((), 1)


def test_the_encoding_that_a_server_says_is_believed(
    site: Site, config: Config, take: Callable[..., IngestReport]
) -> None:
    text = "Das Café in Zürich öffnet für Gäste, sagte der Bürgermeister am Montag."
    latin = page("Café", text).decode().encode("latin-1")
    address = site.put("cafe", latin, Content_Type="text/html; charset=iso-8859-1")
    take(address)
    assert stored(config, address).text == text


def test_a_packed_page_and_plain_text_and_a_pdf_by_its_kind(
    site: Site, config: Config, take: Callable[..., IngestReport]
) -> None:
    packed = site.put("packed", gzip.compress(page("Storm")), Content_Encoding="gzip")
    plain = site.put(
        "plain",
        f"Storm fells trees\n\nBy Ana Torell, 15 January 2024\n\n{STORM}".encode(),
        Content_Type="text/plain",
    )
    pdf = site.put(
        "pdf",
        (Path(__file__).parent / "corpus/pdf/water-board-bulletin-table.pdf").read_bytes(),
        Content_Type="application/pdf",
    )
    report = take(packed, plain, pdf)
    assert (report.added, report.failed) == ((packed, plain, pdf), ())
    assert stored(config, packed).text == STORM
    assert (stored(config, plain).author, stored(config, plain).published) == (
        "Ana Torell",
        date(2024, 1, 15),
    )
    assert stored(config, pdf).pages[0] == 0


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("image/png", "its server sends image/png, which cannot be read"),
        ("application/zip", "its server sends application/zip, which cannot be read"),
    ],
)
def test_what_is_no_article_is_a_reason(
    site: Site, take: Callable[..., IngestReport], kind: str, reason: str
) -> None:
    address = site.put("thing", b"\x89PNG....", Content_Type=kind)
    (failure,) = take(address).failed
    assert failure.reason.startswith(reason)


def test_a_file_of_many_articles_is_to_be_downloaded(site: Site, take: Callable[..., IngestReport]) -> None:
    address = site.put("feed.jsonl", b'{"id": "a", "text": "b"}', Content_Type="application/octet-stream")
    assert take(address).failed == (
        Failure(address, "it is a file of many articles. Download it, and name the file"),
    )


def test_one_article_under_two_addresses_is_taken_in_once(
    site: Site, take: Callable[..., IngestReport]
) -> None:
    head = f"<link rel='canonical' href='{site.root}/storm'>"
    desktop, mobile = (
        site.put("storm", page("Storm", head=head)),
        site.put("m/storm", page("Storm", head=head)),
    )
    report = take(desktop, mobile)
    assert (report.added, report.items) == ((f"{site.root}/storm",), 2)
    assert [failure.item for failure in report.failed] == [mobile]
    later = take(mobile)
    assert (later.kept, later.failed) == ((f"{site.root}/storm",), ())


def test_a_preview_fetches_and_writes_nothing(site: Site, config: Config) -> None:
    address = site.put("storm", page("Storm"))
    assert preview(address, config).added == (address,)
    assert not config.home.exists()


def test_pages_and_files_go_together(
    site: Site, config: Config, take: Callable[..., IngestReport], tmp_path: Path
) -> None:
    folder = tmp_path / "news"
    folder.mkdir()
    (folder / "a.txt").write_text("Snow fell on the hills.")
    address = site.put("storm", page("Storm"))
    report = take(folder, address, f"{site.root}/none")
    assert (report.added, report.items) == (("news/a.txt", address), 3)


def test_a_feed_that_is_longer_than_is_read_says_so(site: Site, take: Callable[..., IngestReport]) -> None:
    whole = f"<p>{STORM}</p>"
    feed = site.put("feed", rss(*(item(site.root, f"a{n}", f"A{n}", text=whole) for n in range(1_002))))
    report = take(feed)
    assert len(report.added) == 1_000
    assert f"{feed}: only its first 1,000 entries were read" in report.warnings


def test_what_was_removed_is_fetched_anew_though_its_server_says_it_is_unchanged(
    site: Site, config: Config, take: Callable[..., IngestReport]
) -> None:
    alone = site.put("alone", page("Storm"), ETag='"1"')
    listed = site.put("listed", page("Flood", STORM.replace("storm", "flood")))
    feed = site.put("feed", rss(item(site.root, "listed", "Flood")), ETag='"1"')
    take(alone, feed)
    remove([alone, listed], config, encoder=WordEncoder())
    report = take(alone, feed)
    assert (report.added, report.failed) == ((alone, listed), ())
    assert take(alone, feed).kept == (alone, listed)


def test_a_page_that_a_feed_has_brought_up_to_date_is_not_set_back_by_what_was_noted_of_its_address(
    site: Site, config: Config, take: Callable[..., IngestReport]
) -> None:
    head = f"<link rel='canonical' href='{site.root}/storm'>"
    mobile = site.put("m/storm", page("Storm", head=head), ETag='"1"')
    take(mobile)
    site.put("storm", page("Storm", STORM.replace("nine", "ten"), head))
    feed = site.put("feed", rss(item(site.root, "storm", "Storm")))
    assert take(feed).replaced == (f"{site.root}/storm",)
    report = take(mobile)
    assert (report.failed, report.items) == ((), 1)


def test_a_feed_cannot_pass_its_text_for_another_site_s_article(
    site: Site, config: Config, take: Callable[..., IngestReport]
) -> None:
    whole = f"<p>{STORM}</p>"
    theirs = item("https://victim.example", "storm", "Storm", text=whole)
    nameless = item(site.root, "x", "Flood", text=whole.replace("storm", "flood"))
    nameless = nameless.replace(f"<link>{site.root}/x</link>", "").replace(
        f"<guid>{site.root}/x</guid>", "<guid isPermaLink='false'>news/a.txt</guid>"
    )
    feed = site.put("feed", rss(theirs, nameless))
    report = take(feed)
    assert report.added == (f"{feed}#https://victim.example/storm", f"{feed}#news/a.txt")
    assert take(feed).kept == report.added


def test_of_a_long_feed_so_many_pages_are_fetched_at_a_time(
    site: Site, take: Callable[..., IngestReport], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.web.pages._MOST_PAGES", 2)
    for n in range(5):
        site.put(f"a{n}", page(f"Storm {n}", STORM.replace("nine", f"nine and {n}")))
    feed = site.put("feed", rss(*(item(site.root, f"a{n}", f"A{n}") for n in range(5))), ETag='"1"')
    first = take(feed)
    assert (len(first.added), first.items) == (2, 2)
    assert first.warnings == (f"{feed}: 2 of its pages were fetched; the other 3 follow with the next syncs",)
    second = take(feed)
    assert (len(second.added), len(second.kept)) == (2, 2), "though the feed is unchanged"
    third = take(feed)
    assert (len(third.added), len(third.kept), third.warnings) == (1, 4, ())


def test_a_host_that_keeps_failing_is_left_alone(site: Site, take: Callable[..., IngestReport]) -> None:
    for n in range(6):
        site.put(f"a{n}", b"", 500)
    feed = site.put("feed", rss(*(item(site.root, f"a{n}", f"A{n}") for n in range(6))))
    reasons = [failure.reason for failure in take(feed).failed]
    assert len(reasons) == 6
    assert [reason.endswith("was not tried again. Sync later") for reason in reasons] == [False] * 3 + [
        True
    ] * 3
    assert site.asked == ["feed", "a0", "a1", "a2"]
