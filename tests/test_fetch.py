"""Fetching pages: what a server may send and where it may lead. The servers are real ones on this machine;
where an address has to look public, the system's resolver and its connections are faked, never our own
functions."""

from __future__ import annotations

import gzip
import ipaddress
import os
import re
import socket
import ssl
import struct
import threading
import time
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpcore
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.web.door import is_public
from ingest.web.fetch import AGENT, Fetched, Fetcher, Gone, Limits
from rag.errors import SourceError

pytestmark = pytest.mark.server

QUICK = Limits(pause=0.0, seconds=5.0, silence=2.0)
PAGE = b"<p>Grain ships leave.</p>"

Reply = tuple[int, dict[str, str], bytes]


class Site:
    """A web server: what it answers by path (404 for the rest), and what it was asked, with the time of each."""

    def __init__(self) -> None:
        self.pages: dict[str, Reply | Callable[[Any], Reply]] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.times: list[float] = []
        site = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                site.times.append(time.monotonic())
                site.asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
                page = site.pages.get(self.path.partition("?")[0], (404, {}, b"nothing here"))
                status, headers, body = page(self) if callable(page) else page
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                if "Content-Length" not in headers and "Transfer-Encoding" not in headers:
                    self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                try:
                    self.wfile.write(body)
                except OSError:  # the client has heard enough
                    self.close_connection = True

            def log_message(self, *told: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *told: Any) -> None:
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_port
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def paths(self) -> list[str]:
        return [path for path, _ in self.asked]

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def site() -> Iterator[Site]:
    with closing(Site()) as made:
        yield made


@pytest.fixture
def other() -> Iterator[Site]:
    with closing(Site()) as made:
        yield made


@contextmanager
def raw(answer: Callable[[socket.socket], None], *, robots: bool = True) -> Iterator[str]:
    """A server that answers as no server should; it has no robots.txt, unless that is asked of `answer` too."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve(connection: socket.socket) -> None:
        with connection:
            try:
                connection.settimeout(5)
                head = b""
                while b"\r\n\r\n" not in head:
                    if not (part := connection.recv(4_096)):
                        return
                    head += part
                if robots and head.startswith(b"GET /robots.txt"):
                    connection.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
                else:
                    answer(connection)
            except OSError:
                pass

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def fetch(url: str, limits: Limits = QUICK, **options: Any) -> Fetched | None:
    with Fetcher(private=True, limits=limits) as fetcher:
        return fetcher.get(url, **options)


def refusal(url: str, limits: Limits = QUICK, **options: Any) -> str:
    with pytest.raises(SourceError) as raised:
        fetch(url, limits, **options)
    return str(raised.value)


# What comes back


def test_a_page_whole(site: Site):
    headers = {
        "Content-Type": 'Text/HTML; charset="ISO-8859-1"',
        "ETag": 'W/"7"',
        "Last-Modified": "Sat, 20 Jan 2024 10:00:00 GMT",
    }
    site.pages["/a"] = (200, headers, PAGE)
    url = f"{site.url}/a?b=ä c#part"
    assert fetch(url) == Fetched(
        f"{site.url}/a?b=%C3%A4%20c",
        PAGE,
        "text/html",
        "ISO-8859-1",
        'W/"7"',
        "Sat, 20 Jan 2024 10:00:00 GMT",
    )
    _, sent = site.asked[-1]
    assert sent["host"] == f"127.0.0.1:{site.port}"
    assert sent["user-agent"] == AGENT
    assert sent["accept-encoding"] == "gzip, deflate"
    assert sent["connection"] == "close"
    assert not {"if-none-match", "if-modified-since", "cookie", "authorization"} & set(sent)


def test_a_page_that_says_nothing_of_itself(site: Site):
    site.pages["/"] = (200, {}, PAGE)
    assert fetch(f" {site.url} ") == Fetched(site.url, PAGE, "")


def test_what_has_not_changed_is_not_sent_again(site: Site):
    def page(request: Any) -> Reply:
        unchanged = (
            request.headers["If-None-Match"] == '"7"' or request.headers["If-Modified-Since"] == "yesterday"
        )
        return (304, {}, b"") if unchanged else (200, {}, PAGE)

    site.pages["/"] = page
    assert fetch(site.url, etag='"7"') is None
    assert fetch(site.url, modified="yesterday") is None
    assert fetch(site.url, etag='"6"', modified="today").body == PAGE


def test_not_modified_is_no_answer_to_one_who_has_nothing(site: Site):
    site.pages["/"] = (304, {}, b"")
    assert refusal(site.url) == "its server says 304 (not modified). Check the address"


@pytest.mark.parametrize(
    ("coding", "packed"),
    [
        ("gzip", gzip.compress(PAGE, mtime=0)),
        ("X-GZip", gzip.compress(PAGE, mtime=0)),
        ("gzip", gzip.compress(PAGE[:9], mtime=0) + gzip.compress(PAGE[9:], mtime=0)),
        ("gzip", gzip.compress(PAGE, mtime=0) + b"\0" * 100),
        ("deflate", zlib.compress(PAGE)),
        ("deflate", zlib.compress(PAGE)[2:-4]),  # the bare stream, as some servers have it
        ("identity", PAGE),
    ],
)
def test_a_packed_page_is_unpacked(site: Site, coding: str, packed: bytes):
    site.pages["/"] = (200, {"Content-Encoding": coding}, packed)
    assert fetch(site.url).body == PAGE


def test_a_packed_page_may_come_byte_by_byte():
    packed = zlib.compress(PAGE)
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in packed) + b"0\r\n\r\n"
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: deflate\r\nTransfer-Encoding: chunked\r\n\r\n"
    with raw(lambda connection: connection.sendall(head + chunks)) as url:
        assert fetch(url).body == PAGE


@pytest.mark.parametrize(
    ("coding", "packed", "said"),
    [
        ("gzip", PAGE, "it arrived damaged: it cannot be decompressed. Try later"),
        (
            "gzip",
            gzip.compress(PAGE, mtime=0)[:-12],
            "it arrived incomplete: its compressed data ends too early. Try later",
        ),
        ("deflate", b"x", "it arrived incomplete: its compressed data ends too early. Try later"),
        ("br", PAGE, "its server compresses it in a way that was not requested ('br'). Try later"),
        (
            "gzip, gzip",
            gzip.compress(gzip.compress(PAGE, mtime=0), mtime=0),
            "its server compresses it in a way that was not requested ('gzip, gzip'). Try later",
        ),
    ],
)
def test_a_page_that_cannot_be_unpacked_is_not_a_page(site: Site, coding: str, packed: bytes, said: str):
    site.pages["/"] = (200, {"Content-Encoding": coding}, packed)
    assert refusal(site.url) == said


@pytest.mark.parametrize("status", [404, 410])
def test_what_is_gone_is_told_from_what_is_out_of_reach(site: Site, status: int):
    site.pages["/gone"] = (status, {}, b"")
    site.pages["/moved"] = (301, {"Location": "/gone"}, b"")
    for path in ("/gone", "/moved"):
        with pytest.raises(
            Gone, match=rf"its server says {status} \((not found|gone)\)\. Check the address$"
        ):
            fetch(site.url + path)


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (202, "its server says 202 (accepted). Check the address"),  # a wall against programs
        (206, "its server says 206 (partial content). Check the address"),
        (300, "its server says 300 (multiple choices). Check the address"),
        (
            403,
            "its server says 403 (forbidden): it does not let programs read this. Save the page as a file "
            "instead",
        ),
        (418, "its server says 418 (i'm a teapot). Check the address"),
        (500, "its server says 500 (internal server error). Try later"),
        (599, "its server says 599. Try later"),
    ],
)
def test_a_page_that_is_refused_says_so(site: Site, status: int, said: str):
    site.pages["/"] = (status, {}, PAGE)
    with pytest.raises(SourceError) as raised:
        fetch(site.url)
    assert (str(raised.value), type(raised.value)) == (said, SourceError)


def test_an_empty_page_is_not_an_article(site: Site):
    site.pages["/empty"] = (200, {"Content-Type": "text/html"}, b"")
    site.pages["/none"] = (204, {}, b"")
    assert refusal(site.url + "/empty") == "its server sent an empty page. Try later, or remove the address"
    assert refusal(site.url + "/none") == "its server says 204 (no content). Check the address"


def test_cookies_are_not_kept_and_proxies_and_passwords_of_the_environment_not_used(
    site: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login ana password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    site.pages["/"] = (200, {"Set-Cookie": "reader=7"}, PAGE)
    with Fetcher(private=True, limits=QUICK) as fetcher:
        fetcher.get(site.url)
        fetcher.get(site.url)
    assert site.paths == ["/robots.txt", "/", "/"]
    assert not any({"cookie", "authorization"} & set(sent) for _, sent in site.asked)


def test_a_cookie_lasts_for_the_redirects_of_one_page_and_goes_to_its_own_host(site: Site, other: Site):
    """A page behind a question of consent sets a cookie and leads back to itself."""
    there = f"http://localhost:{other.port}"
    site.pages["/page"] = lambda request: (
        (302, {"Location": f"{there}/counter"}, b"")
        if request.headers["Cookie"]
        else (302, {"Location": "/consent"}, b"")
    )
    site.pages["/consent"] = (302, {"Location": "/page", "Set-Cookie": "consent=yes; Path=/"}, b"")
    other.pages["/counter"] = (200, {}, PAGE)
    with Fetcher(private=True, limits=QUICK) as fetcher:
        for _ in range(2):
            assert fetcher.get(f"{site.url}/page").body == PAGE
    sent = [(path, headers.get("cookie")) for path, headers in site.asked if path != "/robots.txt"]
    assert sent == [("/page", None), ("/consent", None), ("/page", "consent=yes")] * 2
    assert not any("cookie" in headers for _, headers in other.asked)


# Limits


def test_a_page_at_the_limit_passes_and_one_byte_more_does_not(site: Site):
    limits = Limits(body=len(PAGE), pause=0)
    said = "it is larger than 2.5e-05 MB. Save the article's text as a file instead"
    site.pages["/"] = (200, {}, PAGE)
    site.pages["/more"] = (200, {}, PAGE + b".")
    site.pages["/packed"] = (200, {"Content-Encoding": "gzip"}, gzip.compress(PAGE * 9, mtime=0))
    assert fetch(site.url, Limits(body=len(PAGE), pause=0)).body == PAGE
    assert refusal(site.url + "/more", limits) == said
    assert refusal(site.url + "/packed", Limits(body=len(PAGE) * 9 - 1, pause=0)).startswith(
        "it is larger than"
    )


def test_a_length_over_the_limit_is_refused_before_a_byte_of_it_comes():
    def stall(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 20000001\r\n\r\n")
        connection.recv(1)  # until the client goes

    with raw(stall) as url:
        assert refusal(url) == "it is larger than 20 MB. Save the article's text as a file instead"


def test_a_body_without_a_length_and_without_an_end_stops_at_the_limit():
    def endless(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            connection.sendall(b"x" * 10_000)

    with raw(endless) as url:
        assert (
            refusal(url, Limits(body=100_000, pause=0))
            == "it is larger than 0.1 MB. Save the article's text as a file instead"
        )


def test_a_bomb_is_not_unfolded_past_the_limit(site: Site):
    site.pages["/"] = (200, {"Content-Encoding": "gzip"}, gzip.compress(bytes(100_000_000), 1))
    fetch_limits = Limits(body=1_000_000, pause=0)
    with Fetcher(private=True, limits=fetch_limits) as fetcher:
        tracemalloc.start()
        with pytest.raises(SourceError, match=r"^it is larger than 1 MB"):
            fetcher.get(site.url)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 5_000_000


def test_packed_bytes_that_unfold_to_nothing_have_an_end_too():
    nothing = b"\x00\x00\x00\xff\xff" * 10_000  # empty stored blocks of deflate (RFC 1951, 3.2.4)

    def endless(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Encoding: deflate\r\n\r\n" + zlib.compress(b"")[:2])
        while True:
            connection.sendall(nothing)

    with raw(endless) as url:
        assert refusal(url, Limits(body=200_000, pause=0)).startswith("it is larger than 0.2 MB")


def drip(head: bytes) -> Callable[[socket.socket], None]:
    def answer(connection: socket.socket) -> None:
        connection.sendall(head)
        while True:
            time.sleep(0.03)
            connection.sendall(b"x")

    return answer


@pytest.mark.parametrize("head", [b"", b"HTTP/1.1 200 OK\r\nX-Slow: ", b"HTTP/1.1 200 OK\r\n\r\n"])
def test_a_drip_is_never_silent_and_ends_with_the_deadline_all_the_same(head: bytes):
    with raw(drip(head)) as url:
        began = time.monotonic()
        assert (
            refusal(url, Limits(seconds=0.3, silence=0.2, pause=0))
            == "its server took longer than 0.3 s. Try later"
        )
        assert 0.25 < time.monotonic() - began < 0.9


def test_the_deadline_is_for_all_redirects_together(site: Site):
    def slowly(request: Any) -> Reply:
        time.sleep(0.15)
        return (302, {"Location": f"/{int(request.path[1:] or 0) + 1}"}, b"")

    site.pages.update({f"/{n or ''}": slowly for n in range(6)})
    assert "its server took longer than 0.4 s" in refusal(site.url, Limits(seconds=0.4, pause=0))


def test_silence_ends_before_the_deadline():
    with raw(lambda connection: connection.recv(1)) as url:
        began = time.monotonic()
        assert refusal(url, Limits(silence=0.2, pause=0)) == "its server was silent for 0.2 s. Try later"
        assert time.monotonic() - began < 0.9


def test_silence_does_not_outlast_the_deadline():
    with raw(lambda connection: connection.recv(1)) as url:
        began = time.monotonic()
        assert refusal(url, Limits(seconds=0.2, pause=0)) == "its server took longer than 0.2 s. Try later"
        assert time.monotonic() - began < 0.9


@pytest.mark.parametrize("broken", [{"body": 0}, {"robots": 0}, {"seconds": 0}, {"silence": -1}, {"redirects": -1}, {"pause": -1},
                                    {"longest_pause": -1}, {"patience": -1}])  # fmt: skip
def test_limits_under_which_nothing_could_be_fetched_are_none(broken: dict[str, Any]):
    with pytest.raises(ValueError, match=next(iter(broken))):
        Limits(**broken)


# Redirects


def test_redirects_are_followed_and_the_last_address_is_kept(site: Site, other: Site):
    site.pages["/a"] = (301, {"Location": "b?x=" + "ä".encode().decode("latin-1")}, b"")
    site.pages["/b"] = (302, {"Location": f"//127.0.0.1:{other.port}/c"}, b"")
    other.pages["/c"] = (303, {"Location": "/d#there"}, b"")
    other.pages["/d"] = (307, {"Location": f"http://127.0.0.1:{other.port}/e?y=ä"}, b"")  # Latin-1
    other.pages["/e"] = (308, {"Location": "/f"}, b"")
    other.pages["/f"] = (200, {}, PAGE)
    assert fetch(site.url + "/a") == Fetched(other.url + "/f", PAGE, "")
    assert site.paths == ["/robots.txt", "/a", "/b?x=%C3%A4"]
    assert other.paths == ["/robots.txt", "/c", "/d", "/e?y=%C3%A4", "/f"]


def test_a_chain_has_an_end(site: Site):
    site.pages["/"] = (302, {"Location": "/"}, b"")
    said = "it redirects more than 5 times. Give the address of the page itself"
    assert refusal(site.url) == said
    assert site.paths == ["/robots.txt", *["/"] * 6]
    assert refusal(site.url, Limits(redirects=0, pause=0)) == said.replace("5", "0")


@pytest.mark.parametrize(
    ("location", "said"),
    [
        ("file:///etc/passwd", "only addresses that begin with http:// or https:// can be read"),
        ("javascript:alert(1)", "For absolute URLs, path must be empty or begin with '/'"),
        (
            "http://ana:secret@127.0.0.1/",
            "its address contains a user name or password, which would be stored with the article. Remove it",
        ),
        ("http://1.2.3.999/", "Invalid IPv4 address: '1.2.3.999'"),
        ("http://127.0.0.1:99999/", "there is no port 99999. Check the spelling of the address"),
        ("http://*/", "'*' cannot be the name of a host. Check the spelling of the address"),
    ],
)
def test_a_redirect_that_cannot_be_followed_says_why(site: Site, location: str, said: str):
    site.pages["/"] = (302, {"Location": location}, b"")
    assert refusal(site.url) == f"it redirects to what cannot be followed: {said}"


def test_a_redirect_to_nowhere_says_so(site: Site):
    site.pages["/"] = (302, {}, b"")
    assert refusal(site.url) == "its server redirects without saying where to. Try later"


def test_a_trouble_behind_a_redirect_names_where_it_is_but_no_secrets(site: Site, other: Site):
    site.pages["/"] = (302, {"Location": f"{other.url}/door?token=secret"}, b"")
    other.pages["/door"] = (403, {}, b"")
    assert refusal(site.url) == (
        f"it redirects to {other.url}/door: its server says 403 (forbidden): it does not let programs read "
        f"this. "
        "Save the page as a file instead"
    )


# Addresses


@pytest.mark.parametrize(
    "url",
    [
        "", "   ", "paper.example", "ftp://paper.example/", "file:///etc/passwd", "//paper.example/", "http:", "http://", "http://:80/",
        "http:///a", "https://ana:secret@paper.example/", "http://ana@paper.example/", "http://paper.example:0/", "http://paper.example:65536/",
        "http://paper.example:-1/", "http://paper.example:a/", "http://pa per.example/", "http://paper.example\n/", "http://paper\0.example/",
        "http://paper.example/\x7f", "http://[::1", "http://[paper]/", "http://1.2.3.999/", "http://paper%2eexample/", "http://good.example\\@evil.example/",
        "http://" + "ä" * 64 + ".example/", "http://xn--\u00e9.example/", "http://\ud800.example/", "http://paper.example/\ud800", "http://-.example/",
        "http://*/", "http://paper.example/" + "a" * 70_000,
    ],
)  # fmt: skip
def test_what_is_no_web_address_is_told_before_anyone_is_asked(url: str, monkeypatch: pytest.MonkeyPatch):
    def resolve(*_: Any, **__: Any) -> Any:
        pytest.fail("a name was looked up")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    assert "secret" not in refusal(url)


@pytest.mark.parametrize("url", ["http://ana:s3cr3t@paper.example/", "http://ana:s3cr3t/x@paper.example/", "http://ana:s3cr3t@[::1/",
                                 "http://ana:s3cr3t@paper.example:port/"])  # fmt: skip
def test_no_password_is_told_of_an_address_that_is_refused(url: str):
    with Fetcher(limits=QUICK) as fetcher, pytest.raises(SourceError) as refused:
        fetcher.get(url)
    assert "s3cr3t" not in str(refused.value)


@pytest.mark.parametrize(
    "host", ["a" * 64 + ".example", "paper..example", ".".join(["a" * 60] * 5), "xn--zzzzzzz99999"]
)
def test_a_name_that_no_resolver_takes_is_no_host(host: str, monkeypatch: pytest.MonkeyPatch):
    real = socket.getaddrinfo

    def resolve(name: str, *rest: Any, **named: Any) -> Any:
        name.encode("idna")  # as the real one does first
        if name.startswith("xn--"):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return real(name, *rest, **named)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    said = refusal(f"http://{host}/")
    assert said == "there is no host of this name. Check the address, and the connection to the Internet"


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=20) | st.text("ab.:/[]@?#%\\ \u00e9\u3002-_0", max_size=20))
def test_of_any_address_only_a_sentence_escapes(rest: str):
    with Fetcher(limits=QUICK) as fetcher, pytest.MonkeyPatch.context() as patch:

        def resolve(host: str, *_: Any, **__: Any) -> Any:
            host.encode("idna")
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

        patch.setattr(socket, "getaddrinfo", resolve)
        with pytest.raises(SourceError):
            fetcher.get("http://" + rest)


class Net:
    """An Internet of a few names and addresses, each public one being in truth a server on this machine."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.names: dict[str, list[list[str]]] = {}  # the answers, one after the other; the last stays
        self.servers: dict[str, int] = {}
        self.connected: list[tuple[str, int]] = []
        resolve, connect = socket.getaddrinfo, socket.create_connection

        def getaddrinfo(host: str, port: int, *rest: Any, **named: Any) -> Any:
            if host in self.names:
                answers = self.names[host]
                answer = answers.pop(0) if len(answers) > 1 else answers[0]
                return [found for address in answer for found in resolve(address, port, *rest, **named)]
            if re.fullmatch(r"[0-9a-fx.]+|[0-9a-f:.]+", host):  # a number, however it is spelt
                return resolve(host, port, *rest, **named)
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

        def create_connection(address: tuple[str, int], *rest: Any, **named: Any) -> socket.socket:
            self.connected.append(address)
            if address[0] not in self.servers:
                raise ConnectionRefusedError(111, "Connection refused")
            return connect(("127.0.0.1", self.servers[address[0]]), *rest, **named)

        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
        monkeypatch.setattr(socket, "create_connection", create_connection)


@pytest.fixture
def net(monkeypatch: pytest.MonkeyPatch, site: Site) -> Net:
    made = Net(monkeypatch)
    made.names["public.example"] = [["93.184.216.34"]]
    made.servers["93.184.216.34"] = site.port
    return made


INSIDE = [
    "127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "100.100.100.200", "0.0.0.0", "224.0.0.1", "239.1.1.1",
    "240.0.0.1", "255.255.255.255", "192.0.0.192", "168.63.129.16", "198.18.0.1", "192.0.2.1", "::1", "::", "fe80::1", "fe80::1%lo", "fc00::1",
    "fd00:ec2::254", "fec0::1", "ff02::1", "ff0e::1", "2001:db8::1", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1",
    "64:ff9b::127.0.0.1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::a00:1", "2002:7f00:1::", "2002:a00:1::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2",
]  # fmt: skip


@pytest.mark.parametrize("address", INSIDE)
def test_a_name_that_leads_inside_is_refused_and_nothing_is_connected(
    address: str, monkeypatch: pytest.MonkeyPatch, net: Net
):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda host, port, **_: [(family, socket.SOCK_STREAM, 6, "", (address, port))]
    )
    with Fetcher(limits=QUICK) as fetcher, pytest.raises(SourceError) as raised:
        fetcher.get("http://inside.example/")
    assert str(raised.value) == (
        f"inside.example is at {address}, which is not on the public Internet but in this machine or a "
        f"private network. "
        "Addresses there are read only with fetch.allow_private = true in the settings"
    )
    assert net.connected == []


# IANA's registries of special-purpose addresses, as of 2025-10, with multicast and what 2000::/3 leaves out.
SPECIAL = [
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
    "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
    "168.63.129.16/32", "::/8", "::/96", "64:ff9b:1::/48", "100::/64", "100:0:0:1::/64", "2001::/32", "2001:1::/32", "2001:2::/48",
    "2001:3::/32", "2001:4:112::/48", "2001:10::/28", "2001:20::/28", "2001:30::/28", "2001::/23", "2001:db8::/32", "3fff::/20",
    "5f00::/16", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8",
    # Private IPv4 addresses inside IPv6: as they are mapped, behind NAT64, and behind 6to4.
    "::ffff:10.0.0.0/104", "::ffff:127.0.0.0/104", "64:ff9b::10.0.0.0/104", "64:ff9b::a9fe:0/112", "2002:a00::/24", "2002:7f00::/24",
    "2002:c058:6300::/40",
]  # fmt: skip
MAPPED = ipaddress.ip_network("::ffff:0:0/96")


@pytest.mark.parametrize("special", SPECIAL)
def test_no_special_range_is_public_from_its_first_address_to_its_last(special: str):
    network = ipaddress.ip_network(special)
    first, last = int(network[0]), int(network[-1])
    within = {first, first + 1, (first + last) // 2, last - 1, last}
    kind = type(network[0])
    within = {
        number
        for number in within
        if (first <= number <= last and kind(number) not in MAPPED) or special.startswith("::ffff")
    }
    assert [str(kind(number)) for number in sorted(within) if is_public(str(kind(number)))] == []


@pytest.mark.parametrize(
    "address",
    ["1.0.0.0", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0", "169.253.255.255",
     "169.255.0.0", "172.15.255.255", "172.32.0.0", "192.0.1.0", "192.0.3.0", "192.88.98.255", "192.88.100.0", "192.167.255.255",
     "192.169.0.0", "198.17.255.255", "198.20.0.0", "198.51.99.255", "198.51.101.0", "203.0.112.255", "203.0.114.0",
     "223.255.255.255", "168.63.129.15", "168.63.129.17", "2001:200::", "2001:db7:ffff::1", "2001:db9::", "2a00:1450::1", "2606:4700::1111",
     "3ffe:ffff::1", "2003::1", "::ffff:9.255.255.255", "64:ff9b::100.128.0.0", "2002:b00::1"],
)  # fmt: skip
def test_what_lies_beside_a_special_range_is_public(address: str):
    assert is_public(address)


@settings(max_examples=500)
@given(st.one_of(
    st.ip_addresses(v=4), st.ip_addresses(v=6), st.ip_addresses(v=6, network="2000::/3"), st.ip_addresses(v=6, network="2001::/16"),
    st.ip_addresses(v=6, network="2002::/16"), st.ip_addresses(v=6, network="64:ff9b::/32"), st.ip_addresses(v=6, network="::/80"),
))  # fmt: skip
def test_nothing_is_public_that_python_does_not_call_global(
    ip: ipaddress.IPv4Address | ipaddress.IPv6Address,
):
    inner: ipaddress.IPv4Address | ipaddress.IPv6Address | None = None
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour
        if ip in ipaddress.ip_network("64:ff9b::/96"):
            inner = ipaddress.IPv4Address(ip.packed[-4:])
    reached = inner or ip
    special = any(reached in ipaddress.ip_network(network) for network in SPECIAL)
    assert is_public(str(ip)) <= (reached.is_global and not reached.is_multicast)
    assert is_public(str(ip)) == (
        reached.is_global
        and not special
        and (reached.version == 4 or reached in ipaddress.ip_network("2000::/3"))
    )


@pytest.mark.parametrize(
    "address",
    [
        "93.184.216.34",
        "2606:2800:220:1::1",
        "64:ff9b::5db8:d822",
        "2002:5db8:d822::1",
        "::ffff:93.184.216.34",
    ],
)
def test_a_public_address_is_connected_as_it_was_judged(address: str, net: Net, site: Site):
    address = str(ipaddress.ip_address(address))
    net.names["paper.example"] = [[address]]
    shown = socket.getaddrinfo(address, 80, type=socket.SOCK_STREAM)[0][4][0]
    net.servers[str(shown)] = site.port
    site.pages["/"] = (200, {}, PAGE)
    with Fetcher(limits=QUICK) as fetcher:
        assert fetcher.get("http://paper.example/") == Fetched("http://paper.example/", PAGE, "")
    assert net.connected == [(shown, 80), (shown, 80)]
    assert site.asked[-1][1]["host"] == "paper.example"


def test_an_address_may_be_an_ipv6_number(net: Net, site: Site):
    net.servers["2606:2800:220:1::1"] = site.port
    site.pages["/"] = (200, {}, PAGE)
    url = "http://[2606:2800:220:1::1]:8080/"
    with Fetcher(limits=QUICK) as fetcher:
        assert fetcher.get(url) == Fetched(url, PAGE, "")
    assert site.asked[-1][1]["host"] == "[2606:2800:220:1::1]:8080"


def test_one_inside_address_among_public_ones_refuses_the_name(net: Net):
    net.names["both.example"] = [["93.184.216.34", "10.0.0.1"]]
    with (
        Fetcher(limits=QUICK) as fetcher,
        pytest.raises(SourceError, match=r"^both\.example is at 10\.0\.0\.1, which is not"),
    ):
        fetcher.get("http://both.example/")
    assert net.connected == []


def test_a_second_address_is_tried_where_the_first_is_dead(net: Net, site: Site):
    net.names["paper.example"] = [["93.184.216.35", "93.184.216.34"]]
    site.pages["/"] = (200, {}, PAGE)
    with Fetcher(limits=QUICK) as fetcher:
        assert fetcher.get("http://paper.example/").body == PAGE
    assert net.connected[:2] == [("93.184.216.35", 80), ("93.184.216.34", 80)]


@pytest.mark.parametrize("inside", ["127.0.0.1", "169.254.169.254", "[::1]", "2130706433", "0x7f.1", "017700000001", "127.1", "0", "[::ffff:127.0.0.1]",
                                    "[::ffff:7f00:1]", "rebound.example"])  # fmt: skip
@pytest.mark.parametrize("door", ["given", "redirect", "robots"])
def test_no_spelling_and_no_redirect_leads_inside(inside: str, door: str, net: Net, site: Site, other: Site):
    net.names["rebound.example"] = [["127.0.0.1"]]
    net.servers["127.0.0.1"] = net.servers["::1"] = other.port
    place = f"http://{inside}/secret"
    site.pages["/robots.txt" if door == "robots" else "/"] = (302, {"Location": place}, b"")
    with Fetcher(limits=QUICK) as fetcher, pytest.raises(SourceError, match="is not on the public Internet"):
        fetcher.get(place if door == "given" else "http://public.example/")
    assert {address for address, _ in net.connected} <= {"93.184.216.34"}
    assert other.asked == []


def test_a_name_that_answers_otherwise_a_moment_later_is_connected_where_it_was_judged(
    net: Net, site: Site, other: Site
):
    site.pages["/robots.txt"] = (404, {}, b"")
    net.names["rebinding.example"] = [["93.184.216.34"], ["127.0.0.1"]]
    net.servers["127.0.0.1"] = other.port
    with (
        Fetcher(limits=QUICK) as fetcher,
        pytest.raises(SourceError, match=r"^rebinding\.example is at 127\.0\.0\.1"),
    ):
        fetcher.get("http://rebinding.example/")  # robots.txt had the first answer, the page the second
    assert net.connected == [("93.184.216.34", 80)]
    assert (site.paths, other.paths) == (["/robots.txt"], [])


def test_only_an_express_setting_opens_this_machine(site: Site):
    site.pages["/"] = (200, {}, PAGE)
    with (
        Fetcher(limits=QUICK) as fetcher,
        pytest.raises(SourceError, match=r"^127\.0\.0\.1 is at 127\.0\.0\.1, which is not"),
    ):
        fetcher.get(site.url)
    assert site.asked == []
    assert fetch(site.url).body == PAGE


# robots.txt


def test_robots_txt_is_read_once_for_a_site_and_kept_to(site: Site):
    site.pages["/robots.txt"] = (
        200,
        {},
        b"\xef\xbb\xbfUser-agent: *\nDisallow: /private/*/draft$\nDisallow: /drafts\nAllow: /drafts/open\n",
    )
    site.pages.update(
        {
            path: (200, {}, PAGE)
            for path in ("/a", "/drafts", "/drafts/open", "/private/1/draft", "/private/1/draft2")
        }
    )
    said = "its site's robots.txt does not let programs read it. Save the page as a file instead"
    with Fetcher(private=True, limits=QUICK) as fetcher:
        for path in ("/a", "/drafts/open", "/private/1/draft2"):
            assert fetcher.get(site.url + path).body == PAGE
        for path in ("/drafts", "/private/1/draft"):
            with pytest.raises(SourceError, match=f"^{re.escape(said)}$"):
                fetcher.get(site.url + path)
    assert site.paths == ["/robots.txt", "/a", "/drafts/open", "/private/1/draft2"]


def test_the_next_sync_asks_robots_txt_anew(site: Site):
    site.pages["/"] = (200, {}, PAGE)
    fetcher = Fetcher(private=True, limits=QUICK)
    for _ in range(2):
        with fetcher:
            fetcher.get(site.url)
    assert site.paths == ["/robots.txt", "/", "/robots.txt", "/"]


@pytest.mark.parametrize(
    ("agent", "allowed"),
    [("Clippings (a reader)", False), ("Clippings/2.0", False), ("Other/1.0 (not Clippings)", True)],
)
def test_robots_txt_is_searched_for_the_agents_first_word(site: Site, agent: str, allowed: bool):
    site.pages["/robots.txt"] = (200, {}, b"User-agent: clippings\nDisallow: /\n\nUser-agent: *\nDisallow:\n")
    site.pages["/"] = (200, {}, PAGE)
    with Fetcher(private=True, limits=QUICK, agent=agent) as fetcher:
        if allowed:
            assert fetcher.get(site.url).body == PAGE
        else:
            with pytest.raises(SourceError, match="robots"):
                fetcher.get(site.url)
    assert {sent["user-agent"] for _, sent in site.asked} == {agent}


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
def test_a_site_without_robots_txt_allows_everything(site: Site, status: int):
    site.pages["/robots.txt"] = (status, {}, b"User-agent: *\nDisallow: /\n")
    site.pages["/"] = (200, {}, PAGE)
    assert fetch(site.url).body == PAGE


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        ((500, {}, b""), "its server says 500 (internal server error). Try later"),
        ((503, {}, b""), "its server says 503 (service unavailable): it asks for fewer requests. Try later"),
        ((429, {}, b""), "its server says 429 (too many requests): it asks for fewer requests. Try later"),
        (
            (200, {"Content-Encoding": "gzip"}, b"plain"),
            "it arrived damaged: it cannot be decompressed. Try later",
        ),
        (
            (302, {"Location": "/robots.txt"}, b""),
            "it redirects more than 5 times. Give the address of the page itself",
        ),
    ],
)
def test_a_robots_txt_that_cannot_be_had_allows_nothing_and_is_not_asked_for_again(
    site: Site, reply: Reply, why: str
):
    site.pages.update({"/robots.txt": reply, "/": (200, {}, PAGE)})
    said = f"its site's robots.txt, which says what programs may read, cannot be fetched: {why}"
    with Fetcher(private=True, limits=QUICK) as fetcher:
        for _ in range(2):
            asked = len(site.asked)
            with pytest.raises(SourceError, match=f"^{re.escape(said)}$"):
                fetcher.get(site.url)
    assert "/" not in site.paths
    assert len(site.asked) == asked


def test_every_site_on_the_way_is_asked(site: Site, other: Site):
    site.pages["/"] = (302, {"Location": other.url + "/private"}, b"")
    other.pages.update(
        {"/robots.txt": (200, {}, b"User-agent: *\nDisallow: /private\n"), "/private": (200, {}, PAGE)}
    )
    said = "its site's robots.txt does not let programs read it. Save the page as a file instead"
    assert refusal(site.url) == f"it redirects to {other.url}/private: {said}"
    assert other.paths == ["/robots.txt"]


def test_robots_txt_may_redirect(site: Site, other: Site):
    site.pages.update(
        {"/robots.txt": (301, {"Location": other.url + "/robots.txt"}, b""), "/": (200, {}, PAGE)}
    )
    other.pages["/robots.txt"] = (200, {}, b"User-agent: *\nDisallow: /\n")
    assert "does not let programs" in refusal(site.url)


def test_a_long_robots_txt_is_read_up_to_the_limit(site: Site):
    rules = b"User-agent: *\nDisallow: /a\n"
    site.pages["/robots.txt"] = (200, {}, rules + b"Disallow: /b\n" + b"# \n" * 1_000)
    site.pages.update({"/a": (200, {}, PAGE), "/b": (200, {}, PAGE)})
    limits = Limits(robots=len(rules), pause=0)
    assert "does not let programs" in refusal(site.url + "/a", limits)
    assert fetch(site.url + "/b", limits).body == PAGE
    assert "does not let programs" in refusal(site.url + "/b")
    site.pages["/robots.txt"] = (
        200,
        {"Content-Encoding": "gzip"},
        gzip.compress(rules + b"Disallow: /b\n", mtime=0),
    )
    assert fetch(site.url + "/b", limits).body == PAGE


def test_a_robots_txt_made_to_fill_the_memory_is_not_read(site: Site):
    """Each program named has a copy of each rule: 250 kB of names and 250 kB of rules are 300 million."""
    site.pages["/robots.txt"] = (
        200,
        {},
        b"".join(b"User-agent: a%d\n" % n for n in range(15_000)) + b"Disallow: /a\n" * 18_000,
    )
    assert (
        refusal(site.url) == "its site's robots.txt names 15000 programs in 33000 lines, too many to be read"
    )


# Turns


def gaps(site: Site) -> list[float]:
    return [later - earlier for earlier, later in zip(site.times, site.times[1:], strict=False)]


def test_a_host_is_left_alone_between_two_requests(site: Site):
    site.pages.update({"/": (302, {"Location": "/a"}, b""), "/a": (200, {}, PAGE)})
    fetch(site.url, Limits(pause=0.15))
    assert len(gaps(site)) == 2
    assert all(gap >= 0.14 for gap in gaps(site))


def test_waiting_for_a_turn_is_not_the_servers_time(site: Site):
    site.pages["/"] = (200, {}, PAGE)
    assert fetch(site.url, Limits(pause=0.4, seconds=0.3)).body == PAGE


@pytest.mark.parametrize(("asked", "gap"), [(0.2, 0.2), (99, 0.3), (0.01, 0.1)])
def test_a_site_may_ask_for_longer_pauses_up_to_a_limit(site: Site, asked: float, gap: float):
    site.pages.update(
        {"/robots.txt": (200, {}, f"User-agent: *\nCrawl-delay: {asked}\n".encode()), "/": (200, {}, PAGE)}
    )
    with Fetcher(private=True, limits=Limits(pause=0.1, longest_pause=0.3)) as fetcher:
        fetcher.get(site.url)
        fetcher.get(site.url)
    assert gap - 0.01 <= gaps(site)[1] < gap + 0.25


def test_threads_take_turns_with_a_host_and_not_with_each_other(site: Site, other: Site):
    busy, most = 0, 0

    def page(request: Any) -> Reply:
        nonlocal busy, most
        busy += 1
        most = max(most, busy)
        time.sleep(0.05)
        busy -= 1
        return (200, {}, PAGE)

    def slow(request: Any) -> Reply:
        time.sleep(0.4)
        return (200, {}, PAGE)

    site.pages["/"] = page
    other.pages["/"] = slow
    at = f"http://localhost:{other.port}"
    with Fetcher(private=True, limits=QUICK) as fetcher:
        got: list[Fetched | None] = []
        held = threading.Thread(target=lambda: got.append(fetcher.get(at)))
        held.start()
        threads = [threading.Thread(target=lambda: got.append(fetcher.get(site.url))) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert held.is_alive()  # the slow host kept nobody else waiting
        held.join()
    assert [page.body for page in got if page] == [PAGE] * 5
    assert most == 1
    assert site.paths.count("/robots.txt") == 1


def test_waiting_for_other_threads_is_not_the_servers_time_either(site: Site):
    def slow(request: Any) -> Reply:
        time.sleep(0.2)
        return (404, {}, b"") if request.path == "/robots.txt" else (200, {}, PAGE)

    site.pages.update({"/robots.txt": slow, "/": slow})
    got: list[Fetched | None] = []
    with Fetcher(private=True, limits=Limits(seconds=0.35, pause=0)) as fetcher:
        threads = [threading.Thread(target=lambda: got.append(fetcher.get(site.url))) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(got) == 2


def busy_once(status: int, headers: dict[str, str]) -> Callable[[Any], Reply]:
    asked: list[int] = []

    def page(request: Any) -> Reply:
        asked.append(1)
        return (status, headers, b"") if len(asked) == 1 else (200, {}, PAGE)

    return page


def test_a_busy_server_is_waited_for_once(site: Site):
    site.pages["/"] = busy_once(429, {"Retry-After": "1"})
    began = time.monotonic()
    assert fetch(site.url, Limits(pause=0, seconds=0.9)).body == PAGE
    assert time.monotonic() - began >= 1


def test_a_server_that_is_busy_again_is_not_asked_a_third_time(site: Site):
    site.pages["/"] = (503, {"Retry-After": "0"}, b"")
    assert (
        refusal(site.url)
        == "its server says 503 (service unavailable): it asks for fewer requests. Try later"
    )
    assert site.paths == ["/robots.txt", "/", "/"]


def test_a_busy_server_may_name_the_hour(site: Site):
    site.pages["/"] = busy_once(
        503, {"Retry-After": format_datetime(datetime.now(UTC) - timedelta(seconds=5), usegmt=True)}
    )
    assert fetch(site.url).body == PAGE


@pytest.mark.parametrize("headers", [{}, {"Retry-After": "soon"}])
def test_a_busy_server_that_names_no_time_is_left_alone(site: Site, headers: dict[str, str]):
    site.pages["/"] = (429, headers, b"")
    assert (
        refusal(site.url) == "its server says 429 (too many requests): it asks for fewer requests. Try later"
    )
    assert site.paths == ["/robots.txt", "/"]


def test_a_server_that_asks_for_an_hour_has_it(site: Site):
    site.pages.update({"/": (429, {"Retry-After": "3600"}, b""), "/b": (200, {}, PAGE)})
    with Fetcher(private=True, limits=QUICK) as fetcher:
        for path in ("/", "/b"):
            with pytest.raises(SourceError, match=r"^its server says 429 .* Try later$"):
                fetcher.get(site.url + path)
    assert site.paths == ["/robots.txt", "/"]


def test_patience_is_a_setting(site: Site):
    site.pages["/"] = busy_once(503, {"Retry-After": "1"})
    assert "503" in refusal(site.url, Limits(pause=0, patience=0.5))
    assert site.paths == ["/robots.txt", "/"]


# Connections


def test_a_refused_connection_says_so():
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(SourceError) as raised:
        fetch(f"http://127.0.0.1:{port}")
    assert (
        str(raised.value)
        == "its server cannot be reached (connection refused). Check the address, or try later"
    )
    assert isinstance(raised.value.__cause__, httpcore.ConnectError)


def test_a_dead_host_is_tried_once_in_a_sync(net: Net):
    net.names["dead.example"] = [["93.184.216.99"]]
    with Fetcher(limits=QUICK) as fetcher:
        for _ in range(3):
            with pytest.raises(SourceError, match="cannot be reached"):
                fetcher.get("http://dead.example/")
    assert net.connected == [("93.184.216.99", 80)]


@pytest.mark.parametrize(
    "reply",
    [
        b"",
        b"\r\n\r\n",
        b"220 mail.example ESMTP\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello",  # cut off: half an article is not the article
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    ],
)
def test_a_server_that_breaks_off_or_speaks_something_else(reply: bytes):
    with raw(lambda connection: connection.sendall(reply)) as url:
        said = refusal(url)
    assert said.startswith("its server closed the connection or does not speak HTTP (")
    assert said.endswith("). Check the address, or try later")


def test_a_connection_that_is_torn_down():
    def tear(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    with raw(tear) as url:
        assert refusal(url) == "the connection broke off. Try later"


@settings(max_examples=40, deadline=None)
@given(
    st.binary(max_size=60),
    st.sampled_from([b"", b"HTTP/1.1 ", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 302 Found\r\nLocation: "]),
)
def test_of_any_answer_only_a_sentence_escapes(noise: bytes, head: bytes):
    with (
        raw(lambda connection: connection.sendall(head + noise + b"\r\n\r\n")) as url,
        Fetcher(private=True, limits=QUICK) as fetcher,
        pytest.MonkeyPatch.context() as patch,
    ):
        resolve = socket.getaddrinfo

        def only_here(host: str, *rest: Any, **named: Any) -> Any:
            if host != "127.0.0.1":
                raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
            return resolve(host, *rest, **named)

        patch.setattr(socket, "getaddrinfo", only_here)
        try:
            fetcher.get(url)
        except SourceError:
            pass


@pytest.mark.parametrize(
    "options", [{"etag": '"a\r\nX-Evil: 1"'}, {"modified": "a\nb"}, {"etag": '"\u2603"'}]
)
def test_a_mark_that_http_cannot_say_is_not_said(site: Site, options: dict[str, str]):
    site.pages["/"] = (200, {}, PAGE)
    assert refusal(site.url, **options).startswith("it cannot be requested")
    assert "/" not in site.paths


# TLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for `localhost`, signed by itself, with its key."""
    x509 = pytest.importorskip("cryptography.x509")
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(7)
        .not_valid_before(datetime.now(UTC) - timedelta(days=1)).not_valid_after(datetime.now(UTC) + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    path = tmp_path_factory.mktemp("tls") / "localhost.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


@pytest.fixture
def secure(site: Site, certificate: Path) -> Site:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    site.server.socket = context.wrap_socket(site.server.socket, server_side=True)
    site.pages["/"] = (200, {}, PAGE)
    return site


def test_a_certificate_that_nobody_vouches_for_is_refused(secure: Site):
    assert refusal(f"https://localhost:{secure.port}/") == (
        "its server's certificate cannot be trusted (self-signed certificate). Check the address"
    )
    assert secure.asked == []


def test_a_certificate_is_for_the_name_and_not_for_whoever_has_one(
    secure: Site, certificate: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    assert fetch(f"https://localhost:{secure.port}/").body == PAGE
    assert re.match(
        r"its server's certificate cannot be trusted \(IP address mismatch",
        refusal(f"https://127.0.0.1:{secure.port}/"),
    )


def test_a_secure_page_may_drip_no_longer_either(certificate: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:

        def serve() -> None:
            try:
                connection, _ = listener.accept()
                drip(b"HTTP/1.1 200 OK\r\nX: ")(context.wrap_socket(connection, server_side=True))
            except OSError:
                pass

        threading.Thread(target=serve, daemon=True).start()
        url = f"https://localhost:{listener.getsockname()[1]}/"
        assert refusal(url, Limits(seconds=0.3, pause=0)) == "its server took longer than 0.3 s. Try later"


def test_https_to_a_plain_server_says_what_to_check(site: Site):
    assert re.fullmatch(
        r"its server makes no secure connection \(\w+\)\. Check whether it is http, not https",
        refusal(f"https://127.0.0.1:{site.port}/"),
    )


def test_a_handshake_that_never_comes_is_silence():
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        url = f"https://127.0.0.1:{listener.getsockname()[1]}/"
        assert refusal(url, Limits(silence=0.2, pause=0)) == "its server was silent for 0.2 s. Try later"


def test_certificates_that_cannot_be_read_are_a_matter_of_settings(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setenv("SSL_CERT_FILE", os.fspath(tmp_path / "none.pem"))
    assert refusal("https://127.0.0.1:1/").startswith(
        "the certificates that SSL_CERT_FILE or SSL_CERT_DIR names cannot be read ("
    )
