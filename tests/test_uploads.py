"""Uploads over HTTP, into a real server: every limit, and nothing left on the disk of what is refused, breaks
off or waits too long.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import stat
import subprocess
import threading
import time
import tracemalloc
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from conftest import WordEncoder, WordReader
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ingest import edit, remove, sync
from rag import Config, open_assistant
from rag.config import ServeSettings
from rag.errors import CollectionError, UploadError
from rag.opening import collection_exists
from rag.surfaces import uploads as receiving
from rag.surfaces.api.uploads import upload_router
from rag.surfaces.file_names import numbered, safe_name
from rag.surfaces.library import OWN, Library
from rag.surfaces.upload_form import Upload, UploadForm
from rag.surfaces.uploads import Uploads

pytestmark = [pytest.mark.server, pytest.mark.slow]

SMALL = ServeSettings(upload_max_file_bytes=10_000, upload_max_files=3, upload_max_total_bytes=50_000)
PLAIN = {"Content-Type": "multipart/form-data; boundary=edge"}


@dataclass
class Server:
    """One server for all tests; each puts its own application behind it."""

    url: str
    port: int
    app: Any = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.app(scope, receive, send)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        served = Server(f"http://127.0.0.1:{port}", port)
        running = uvicorn.Server(uvicorn.Config(served, log_level="error", lifespan="off"))
        thread = threading.Thread(target=running.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        wait_for(lambda: running.started)
        yield served
        running.should_exit = True
        thread.join(10)


class Site:
    """A collection of one's own, its uploads, and the way to them over HTTP."""

    def __init__(self, home: Path, server: Server, limits: ServeSettings = SMALL, **times: float) -> None:
        encoder = WordEncoder()
        self.folder, self.server = home / "upload", server
        self.library = Library(
            Config(home=home, serve=limits),
            Config(home=home.with_name("demo")),
            open=lambda config: open_assistant(config, encoder=encoder, reader=WordReader()),
            exists=collection_exists,
            make_demo=lambda: None,
            sync=lambda places, config, **options: sync(places, config, encoder=encoder, **options),
            edit=lambda *given, **options: edit(*given, encoder=encoder, **options),
            remove=lambda ids, config: remove(ids, config, encoder=encoder),
            add_to_gold=lambda *given: "",
        )
        self.uploads = Uploads(home, limits, **times)
        self.app = FastAPI()

        @self.app.exception_handler(UploadError)
        async def told(request: Request, exc: UploadError) -> JSONResponse:
            return JSONResponse({"error": str(exc)}, exc.status)

        @self.app.exception_handler(CollectionError)
        async def busy(request: Request, exc: CollectionError) -> JSONResponse:
            return JSONResponse({"error": str(exc)}, 503)

        self.app.include_router(
            upload_router(
                self.library, self.uploads, owner_of=lambda request: request.headers.get("x-owner", "ann")
            )
        )
        server.app = self.app
        self.http = httpx.Client(base_url=server.url, timeout=20)

    def close(self) -> None:
        self.http.close()
        self.uploads.close()
        self.library.close()

    def send(self, *files: tuple[str, bytes], to: str = "/api/uploads", **more: Any) -> httpx.Response:
        return self.http.post(to, files=[("files", file) for file in files], **more)

    @property
    def left(self) -> list[str]:
        """Everything that lies among the uploads, but for the folder they wait in."""
        places = [
            os.path.join(at, name)
            for at, folders, names in os.walk(self.folder)
            for name in (*folders, *names)
        ]
        return sorted({os.path.relpath(place, self.folder) for place in places} - {"incoming"})

    @property
    def bytes(self) -> int:
        return sum(size(self.folder / place) for place in self.left)


def size(path: Path) -> int:
    try:
        return path.stat().st_size if path.is_file() else 0
    except FileNotFoundError:  # removed in between
        return 0


@pytest.fixture
def site(tmp_path: Path, server: Server) -> Iterator[Site]:
    site = Site(tmp_path / "home", server)
    yield site
    site.close()


def wait_for(come: Callable[[], bool], seconds: float = 10.0) -> None:
    until = time.monotonic() + seconds
    while not come():
        assert time.monotonic() < until, "it did not come"
        time.sleep(0.01)


def part(name: str, content: bytes, field: str = "files") -> bytes:
    head = f'--edge\r\nContent-Disposition: form-data; name="{field}"; filename="{name}"\r\n\r\n'
    return head.encode() + content + b"\r\n"


END = b"--edge--\r\n"


def asked(body: Iterable[bytes], headers: dict[str, str] = PLAIN) -> Any:
    """A request whose body comes in these pieces, without a server's checks between."""
    from starlette.requests import Request

    pieces = iter(body)

    async def receive() -> dict[str, Any]:
        piece = next(pieces, None)
        return {"type": "http.request", "body": piece or b"", "more_body": piece is not None}

    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "method": "POST", "headers": raw}, receive)


def received(uploads: Uploads, body: Iterable[bytes], **headers: str) -> Upload:
    return asyncio.run(uploads.receive(asked(body, {**PLAIN, **headers}), "ann"))


def test_files_wait_for_their_owner_alone_and_are_gone_when_discarded(site: Site) -> None:
    answer = site.send(("a.txt", b"Ann swam."), ("b.txt", b""))
    upload_id = answer.json()["id"]
    assert (answer.status_code, answer.json()) == (
        201,
        {
            "id": upload_id,
            "files": [{"name": "a.txt", "bytes": 9}, {"name": "b.txt", "bytes": 0}],
            "taken": [],
        },
    )
    (waiting,) = site.uploads.pending("ann")
    paths = site.uploads.paths("ann", upload_id)
    assert (waiting.id, [p.read_bytes() for p in paths]) == (upload_id, [b"Ann swam.", b""])
    folders = [paths[0].parent, site.folder / "incoming", site.folder]
    assert [stat.S_IMODE(p.stat().st_mode) for p in folders] == [0o700] * 3
    assert [stat.S_IMODE(p.stat().st_mode) for p in paths] == [0o600] * 2

    other = {"x-owner": "bob"}
    assert site.uploads.pending("bob") == []
    with pytest.raises(UploadError, match="this upload no longer exists"):
        site.uploads.paths("bob", upload_id)
    refused = [
        site.http.delete(f"/api/uploads/{upload_id}", headers=other),
        site.http.post(f"/api/uploads/{upload_id}/articles", headers=other),
        site.http.delete("/api/uploads/no-such-id"),
    ]
    assert [r.status_code for r in refused] == [404] * 3
    assert len({r.text for r in refused}) == 1, "another's upload is as one that never was"
    assert site.uploads.pending("ann") == [waiting]

    assert site.http.delete(f"/api/uploads/{upload_id}").status_code == 204
    assert (site.left, site.uploads.pending("ann")) == ([], [])
    assert site.http.delete(f"/api/uploads/{upload_id}").status_code == 404


@pytest.mark.parametrize("whole", [True, False], ids=["its length stated", "in pieces"])
@pytest.mark.parametrize(
    ("body", "status", "sentence"),
    [
        (part("a.txt", b"x" * 10) + part("b.txt", b"x" * 10_001) + END, 413,
         "b.txt is larger than 10,000 bytes, the limit for one file (serve.upload_max_file_bytes). Split it, or add it with `clippings sync`"),
        (b"".join(part(f"{n}.txt", b"x") for n in range(4)) + END, 413,
         "more than 3 files were sent, the limit for one upload (serve.upload_max_files). Send them in several uploads, or as a .zip file"),
        (part("a.txt", b"x" * 9000) + b"--edge", 400, "the upload was interrupted before its end. Send it again"),
        (part("a.txt", b"x")[:-2], 400, "the upload was interrupted before its end. Send it again"),
        (b"", 400, "the upload was interrupted before its end. Send it again"),
        (END, 400, "no file was sent. Choose at least one"),
        (part("", b"") + END, 400, "no file was sent. Choose at least one"),
        (part("a.txt", b"x") + b"--edge\r\n\r\nnobody's\r\n" + END, 400,
         "the upload is not valid multipart/form-data: one of its parts has no name. Send it again"),
        (part("a.txt", b"x") + b'--edge\r\nContent-Disposition: form-data; name="n"\r\n\r\n' + b"x" * 1001 + b"\r\n" + END, 400,
         "the upload is not valid multipart/form-data: one of its fields is longer than 1000 bytes. "
         "Send it again"),
        (part("a.txt", b"x") + END + b"x" * 100_000, 400,
         "the upload is not valid multipart/form-data: its fields and headers are too long. Send it again"),
        (part("a.txt", b"x") + 14 * b'--edge\r\nContent-Disposition: form-data; name="n"\r\n\r\n\r\n' + END, 413,
         "more than 3 files were sent, the limit for one upload (serve.upload_max_files). Send them in several uploads, or as a .zip file"),
    ],
)  # fmt: skip
def test_what_is_refused_leaves_nothing(
    site: Site, whole: bool, body: bytes, status: int, sentence: str
) -> None:
    pieces = (body[at : at + 700] for at in range(0, len(body), 700))
    answer = site.http.post("/api/uploads", content=body if whole else pieces, headers=PLAIN)
    assert ("content-length" in answer.request.headers) == whole
    assert (answer.status_code, answer.json()["error"], site.left) == (status, sentence, [])
    assert site.send(("a.txt", b"Ann swam.")).status_code == 201, "what was counted for it is free again"


@pytest.mark.parametrize(
    ("headers", "status", "says"),
    [
        ({"Content-Type": "application/json"}, 415, "multipart/form-data"),
        ({}, 415, "multipart/form-data"),
        ({**PLAIN, "Content-Encoding": "gzip"}, 415, "without compression"),
        ({"Content-Type": "multipart/form-data"}, 400, "it has no boundary"),
        ({"Content-Type": f"multipart/form-data; boundary={'e' * 300}"}, 400, "Boundary length 300"),
        (
            {**PLAIN, "Content-Length": "200000"},
            413,
            "the upload has 200,000 bytes; the limit is 50,000 bytes",
        ),
        ({**PLAIN, "Content-Length": "1e3"}, 400, "Content-Length of the upload is not a number"),
        ({**PLAIN, "Content-Length": "-1"}, 400, "Content-Length of the upload is not a number"),
    ],
)
def test_what_its_head_says_enough_of_is_refused_before_a_byte_is_read(
    site: Site, headers: dict[str, str], status: int, says: str
) -> None:
    def body() -> Iterator[bytes]:
        raise AssertionError("it was read")
        yield b""

    with pytest.raises(UploadError, match=says) as refused:
        asyncio.run(site.uploads.receive(asked(body(), headers), "ann"))
    assert (refused.value.status, site.folder.exists()) == (status, False)


def test_a_stated_length_is_not_believed(site: Site) -> None:
    with pytest.raises(UploadError, match="larger than 10,000 bytes"):
        received(
            site.uploads,
            [part("a.txt", b"x" * 6000)[:-2], b"x" * 6000, b"\r\n" + END],
            **{"Content-Length": "10"},
        )
    assert site.left == []
    # And to the server: less than it takes, then more.
    head = f"POST /api/uploads HTTP/1.1\r\nHost: h\r\nContent-Type: {PLAIN['Content-Type']}\r\n"
    whole = part("a.txt", b"x" * 500) + END
    with socket.create_connection(("127.0.0.1", site.server.port), timeout=10) as line:
        line.sendall(f"{head}Content-Length: 300\r\n\r\n".encode() + whole)
        assert b" 400 " in line.recv(4096).split(b"\r\n")[0]
    wait_for(lambda: site.left == [])
    with socket.create_connection(("127.0.0.1", site.server.port), timeout=10) as line:
        line.sendall(f"{head}Content-Length: 9000\r\n\r\n".encode() + part("a.txt", b"x" * 500))
        wait_for(lambda: site.bytes == 500 or len(site.left) == 2)
    wait_for(lambda: site.left == [])


@contextmanager
def half_sent(site: Site) -> Iterator[socket.socket]:
    """An upload that has begun."""
    there = len(site.left)
    with socket.create_connection(("127.0.0.1", site.server.port), timeout=10) as line:
        head = f"POST /api/uploads HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nContent-Type: {PLAIN['Content-Type']}\r\n\r\n"
        line.sendall(head.encode())
        piece = part("a.txt", b"x" * 5000)
        line.sendall(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
        wait_for(lambda: len(site.left) == there + 2)
        yield line


def test_a_sender_that_goes_away_leaves_nothing_and_no_more_than_four_send_at_once(site: Site) -> None:
    with half_sent(site), half_sent(site), half_sent(site), half_sent(site):
        refused = site.send(("a.txt", b"Ann swam."))
        assert (refused.status_code, refused.json()["error"]) == (
            503, "4 other uploads are being received. Try again in a minute",
        )  # fmt: skip
        assert len(site.left) == 8
    wait_for(lambda: site.left == [])
    wait_for(lambda: site.send(("a.txt", b"Ann swam.")).status_code == 201)


def test_a_sender_that_is_slow_is_given_up(tmp_path: Path, server: Server) -> None:
    site = Site(tmp_path / "home", server, idle=0.2, longest=0.6)
    try:
        with half_sent(site) as line:
            answer = line.recv(4096)
            assert b" 408 " in answer.split(b"\r\n")[0]
            assert b"no data arrived for 0.2 seconds" in answer
        wait_for(lambda: site.left == [])
        with half_sent(site) as line:
            for _ in range(6):  # never silent for long, and never done
                line.sendall(b"1\r\nx\r\n")
                time.sleep(0.1)
            answer = line.recv(4096)
            assert b" 408 " in answer.split(b"\r\n")[0]
            assert b"was not complete after 0.6 seconds" in answer
        wait_for(lambda: site.left == [])
        assert site.send(("a.txt", b"Ann swam.")).status_code == 201
    finally:
        site.close()


def test_what_arrives_while_the_page_is_stopped_leaves_nothing(site: Site) -> None:
    with half_sent(site) as line:
        site.uploads.close()
        assert site.left == []
        line.sendall(b"1\r\nx\r\n")
        answer = line.recv(4096)
    assert b" 503 " in answer.split(b"\r\n")[0]
    assert b"the server is stopping. Upload the files again after its restart" in answer
    assert site.left == []


def test_one_that_is_cancelled_leaves_nothing(site: Site) -> None:
    async def cancelled() -> None:
        come = asyncio.Event()

        async def receive() -> dict[str, Any]:
            if come.is_set():
                await asyncio.sleep(60)
            come.set()
            return {"type": "http.request", "body": part("a.txt", b"x" * 5000), "more_body": True}

        request = asked([])
        request._receive = receive
        task = asyncio.create_task(site.uploads.receive(request, "ann"))
        await come.wait()
        async with asyncio.timeout(10):
            while len(site.left) < 2:
                await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())
    wait_for(lambda: site.left == [])
    assert site.send(("a.txt", b"Ann swam.")).status_code == 201


def test_a_thread_that_comes_too_late_begins_nothing(tmp_path: Path) -> None:
    uploads = Uploads(tmp_path / "home", SMALL)
    late = UploadForm("ann", uploads._folder, b"edge", SMALL, uploads._reserve)
    uploads._admit(late, 0)
    uploads._abandon(late)
    for step in (
        lambda: uploads._open(late),
        lambda: late.feed(part("a.txt", b"x") + END),
        lambda: uploads._finish(late),
    ):
        with pytest.raises(UploadError, match="was interrupted"):
            step()
    assert ((tmp_path / "home").exists(), uploads.pending("ann")) == (False, [])
    uploads.close()


def test_a_number_is_given_to_a_name_that_nobody_has(tmp_path: Path) -> None:
    uploads = Uploads(tmp_path / "home", SMALL)
    incoming = tmp_path / "home" / "upload" / "incoming"
    incoming.mkdir(parents=True, mode=0o755)
    names = ("a (2).txt", "a.txt", "a.txt")
    upload = received(uploads, [b"".join(part(name, name.encode()) for name in names) + END])
    assert [(file.name, file.path.read_text()) for file in upload.files] == [
        ("a (2).txt", "a (2).txt"), ("a.txt", "a.txt"), ("a (3).txt", "a.txt"),
    ]  # fmt: skip
    assert stat.S_IMODE(incoming.stat().st_mode) == 0o700, "also where the folder was there already"
    (quoted,) = received(uploads, [part("say %22hi%22; 5%.txt", b"x") + END]).files
    assert quoted.name == 'say "hi"; 5%.txt'
    uploads.close()


def test_what_waits_never_takes_more_of_the_disk_than_all_may(site: Site) -> None:
    most = 0

    def send(number: int) -> int:
        nonlocal most
        status = site.send((f"{number}.txt", b"x" * 9000), headers={"x-owner": str(number % 3)}).status_code
        most = max(most, site.bytes)
        return status

    with ThreadPoolExecutor(3) as senders:
        statuses = list(senders.map(send, range(12)))
    assert sorted(statuses) == [201] * 5 + [507] * 7
    assert (most <= SMALL.upload_max_total_bytes, site.bytes, len(site.left)) == (True, 45_000, 10)
    refused = site.send(("a.txt", b"x" * 9000))
    assert refused.json()["error"] == (
        "too many uploads wait to be added: the limit is 50,000 bytes for all users (serve.upload_max_total_bytes). Add or discard earlier uploads, or try again later"
    )
    (first, *_) = site.uploads.pending("1")
    site.uploads.discard("1", first.id)
    assert site.send(("a.txt", b"x" * 9000)).status_code == 201
    # Files without a byte take room too.
    assert site.send(("a.txt", b""), ("b.txt", b"")).status_code == 507


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 20 MB of our own."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=20m", "tmpfs", str(place)], capture_output=True, text=True
    )
    if mounted.returncode:
        pytest.skip(f"no right to mount a small disk to fill: {mounted.stderr.strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def test_a_disk_that_fills_up_keeps_its_reserve(
    disk: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = Site(
        disk / "home", server, ServeSettings(upload_max_file_bytes=6_000_000, upload_max_total_bytes=10**9)
    )
    try:
        total, statuses = shutil.disk_usage(disk).total, []
        for number in range(5):
            answer = site.send((f"{number}.txt", b"x" * 5_000_000))
            statuses.append(answer.status_code)
            assert shutil.disk_usage(disk).free >= total // 20
        assert statuses == [201, 201, 201, 507, 507]
        assert (
            answer.json()["error"]
            == "the disk is nearly full: 1 MB must stay free. Free some space, or send less"
        )
        assert len(site.left) == 6
        # Where others fill it meanwhile, the system says so.
        monkeypatch.setattr(receiving, "RESERVE", -(10**9))
        answer = site.send(("a.txt", b"x" * 6_000_000))
        assert (answer.status_code, answer.json()["error"]) == (
            507, "the disk is full. Free some space and send the files again",
        )  # fmt: skip
        assert len(site.left) == 6
    finally:
        site.close()
    assert site.left == []


def test_a_large_file_takes_little_memory(tmp_path: Path, server: Server) -> None:
    uploads = Uploads(tmp_path / "home", ServeSettings())
    piece = b"x" * 65_536

    def body() -> Iterator[bytes]:
        yield part("a.txt", b"")[:-2]
        for _ in range(480):
            yield piece
        yield b"\r\n" + END

    tracemalloc.start()
    try:
        upload = received(uploads, body())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert upload.files[0].bytes == upload.files[0].path.stat().st_size == 480 * 65_536
    assert peak < 3_000_000
    uploads.close()


def test_uploads_that_nobody_takes_in_are_given_up(tmp_path: Path) -> None:
    uploads = Uploads(tmp_path / "home", SMALL, kept=0.3)
    folder = tmp_path / "home" / "upload" / "incoming"
    first = received(uploads, [part("a.txt", b"x"), END])
    second = received(uploads, [part("b.txt", b"x"), END])
    with uploads.claim("ann", first.id):
        wait_for(lambda: len(list(folder.iterdir())) == 1)  # without anybody asking
        assert [p.name for p in folder.iterdir()] == [first.files[0].path.parent.name], (
            "what is being taken in is not"
        )
        assert uploads.pending("ann") == []
        for refused in (uploads.discard, uploads.paths, lambda *given: uploads.claim(*given).__enter__()):
            with pytest.raises(UploadError, match="being added already"):
                refused("ann", first.id)
    assert list(folder.iterdir()) == []
    with pytest.raises(UploadError, match="this upload no longer exists"):
        uploads.discard("ann", second.id)
    third = received(uploads, [part("c.txt", b"x"), END])
    with pytest.raises(ZeroDivisionError), uploads.claim("ann", third.id):
        raise ZeroDivisionError
    assert uploads.pending("ann") == [third], "it waits again"
    wait_for(lambda: list(folder.iterdir()) == [])
    uploads.close()


def test_what_a_process_leaves_behind_goes_when_the_next_starts_unless_it_lives(tmp_path: Path) -> None:
    home, folder = tmp_path / "home", tmp_path / "home" / "upload" / "incoming"
    first = Uploads(home, SMALL)
    assert not home.exists(), "nothing is made before anything is uploaded"
    received(first, [part("a.txt", b"x"), END])
    (folder / ".left").mkdir()
    (folder / ".left" / "a.txt").write_text("left by a process that was killed")
    second = Uploads(home, SMALL)
    assert len(list(folder.iterdir())) == 2, "the first process may still want them"
    received(second, [part("b.txt", b"x"), END])
    second.close()
    first.close()
    assert [p.name for p in folder.iterdir()] == [".left"]
    (folder / "file").write_text("of whatever kind")
    Uploads(home, SMALL).close()
    assert list(folder.iterdir()) == []
    with pytest.raises(UploadError, match="the server is stopping"):
        received(first, [part("a.txt", b"x"), END])


CHARS = st.one_of(
    st.text(min_size=1, max_size=250),
    st.text("./\\ \0\x1f\u202ea\u0301é😀;\"'%:con", min_size=1, max_size=40),
)


@settings(max_examples=100, deadline=None)
@given(CHARS | st.text(st.characters(), min_size=0, max_size=300))
@example("\ud800.txt")
@example("INCOMING")
@example("a" * 190 + "é" * 20 + ".jsonl.gz")
@example("." * 300 + "a")
@example("Con.tar.gz")
def test_whatever_a_file_is_called_its_name_is_safe(stated: str) -> None:
    name = safe_name(stated)
    assert safe_name(name) == name
    assert (name == os.path.basename(name), "\\" in name, name.startswith("."), name == "") == (
        True,
        False,
        False,
        False,
    )
    assert unicodedata.is_normalized("NFC", name)
    assert not [c for c in name if unicodedata.category(c) in ("Cc", "Cs")]
    assert name.casefold() not in ("incoming", "con", "nul")
    for number in (1, 2, 500):
        assert len(numbered(name, number).encode()) <= 200
    assert len({numbered(name, number) for number in range(1, 6)}) == 5


@pytest.mark.parametrize(
    ("stated", "name"),
    [
        ("../../etc/passwd", "passwd"),
        ("..\\..\\boot.ini", "boot.ini"),
        ("C:\\news\\May 2024.PDF", "May 2024.PDF"),
        ("/absolute/a.txt", "a.txt"),
        (".htaccess", "htaccess"),
        ("a/", "file"),
        ("...", "file"),
        ("a\x00b\nc.txt", "abc.txt"),
        ("exe\u202etxt.pdf", "exetxt.pdf"),
        ("cafe\u0301.txt", "café.txt"),
        (" a .txt. ", "a .txt"),
        ("Incoming", "_Incoming"),
        ("NUL.txt", "_NUL.txt"),
        ("ü" * 150 + ".jsonl.gz", "ü" * 95 + ".jsonl.gz"),
        ("a." + "b" * 300, "a." + "b" * 198),
        ("Überblick – 😀 (1).html", "Überblick – 😀 (1).html"),
    ],
)
def test_names(stated: str, name: str) -> None:
    assert safe_name(stated) == name


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(min_size=1, max_size=250) | CHARS)
@example("../../../../tmp/a.txt")
@example('say "hi"; filename=b.txt')
@example("\\")
@example("C:\\")
def test_whatever_they_are_called_two_files_of_one_name_lie_in_the_folder(
    tmp_path_factory: Any, stated: str
) -> None:
    home = tmp_path_factory.mktemp("home")
    uploads = Uploads(home, SMALL)
    # As a browser writes it.
    sent = (
        stated.encode(errors="replace").decode().replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
    )
    upload = received(uploads, [part(sent, b"one") + part(sent, b"two") + END])
    one, two = (file.path for file in upload.files)
    assert one.parent == two.parent == home / "upload" / "incoming" / f".{upload.id}"
    assert sorted(
        p.relative_to(home).as_posix() for p in home.rglob("*") if p.is_file() and p.name != "incoming.lock"
    ) == sorted(p.relative_to(home).as_posix() for p in (one, two))
    assert (one.read_bytes(), two.read_bytes(), two.name) == (b"one", b"two", numbered(one.name, 2))
    assert (safe_name(one.name), [file.name for file in upload.files]) == (one.name, [one.name, two.name])
    uploads.close()
    assert not one.parent.exists()


def test_articles_in_one_request_and_names_that_are_taken(site: Site) -> None:
    def add(text: str, **more: Any) -> httpx.Response:
        return site.send(("a.txt", text.encode()), to="/api/articles", **more)

    first = site.send(("a.txt", b"Ann swam."), ("b.png", b"no"), to="/api/articles")
    assert (first.status_code, first.json()) == (
        200,
        {
            "added": ["upload/a.txt"], "replaced": [], "kept": [],
            "failed": [{"item": "upload/b.png", "reason": first.json()["failed"][0]["reason"]}], "warnings": [], "passages": 1,
        },
    )  # fmt: skip
    assert str(site.folder) not in first.text, "where it lies on the machine is nobody's business"
    assert site.left == ["a.txt"]
    assert stat.S_IMODE((site.folder / "a.txt").stat().st_mode) == 0o600

    taken = add("Ann ran.")
    assert (taken.status_code, taken.json()["error"]) == (
        409, "the file a.txt exists with other content. Choose whether to replace or to keep both",
    )  # fmt: skip
    assert (site.left, site.uploads.pending("ann"), (site.folder / "a.txt").read_text()) == (
        ["a.txt"],
        [],
        "Ann swam.",
    )
    assert add("Ann swam.").json()["kept"] == ["upload/a.txt"]
    assert add("Ann ran.", data={"replace": "replace"}).json()["replaced"] == ["upload/a.txt"]
    assert add("Ann sang.", params={"replace": "keep"}).json()["added"] == ["upload/a (2).txt"]
    assert [site.folder.joinpath(name).read_text() for name in site.left] == ["Ann sang.", "Ann ran."]
    for wrong in ({"data": {"replace": "no"}}, {"params": {"replace": "no"}}):
        answer = add("Ann slept.", **wrong)
        assert (answer.status_code, answer.json()["error"]) == (
            400,
            "replace must be one of ask, replace, keep, not 'no'",
        )
    assert (site.left, site.uploads.pending("ann")) == (["a (2).txt", "a.txt"], [])


def test_an_upload_is_looked_at_and_then_taken_in(site: Site) -> None:
    site.send(("a.txt", b"Ann swam."), to="/api/articles")
    told = site.send(("a.txt", b"Ann ran."), ("b.txt", b"Bob sang.")).json()
    assert told["taken"] == ["a.txt"]
    route = f"/api/uploads/{told['id']}/articles"
    assert site.http.post(route).status_code == 409
    assert [file.name for file in site.uploads.pending("ann")[0].files] == ["a.txt", "b.txt"], (
        "nothing is taken in yet"
    )
    assert site.http.post(route, content=b"x" * 20_000).status_code == 413
    for wrong in (b"{", b"[]", b'{"replace": 3}', b'{"replace": "no"}'):
        assert site.http.post(route, content=wrong).status_code == 400
    report = site.http.post(route, json={"replace": "keep"}).json()
    assert report["added"] == ["upload/a (2).txt", "upload/b.txt"]
    assert (site.left, site.uploads.pending("ann")) == (["a (2).txt", "a.txt", "b.txt"], [])
    assert site.http.post(route).status_code == 404


def test_whoever_may_only_read_sends_in_vain(site: Site) -> None:
    waiting = site.send(("a.txt", b"Ann swam.")).json()["id"]
    read: list[str] = []

    async def sent(path: str, method: str = "POST", state: dict[str, Any] | None = None) -> int:
        async def receive() -> dict[str, Any]:
            read.append(path)
            return {"type": "http.request", "body": b"", "more_body": False}

        statuses: list[int] = []

        async def send(message: Any) -> None:
            statuses.append(message.get("status", 0))

        scope = {
            "type": "http", "method": method, "path": path, "raw_path": path.encode(), "query_string": b"", "root_path": "",
            "scheme": "http", "server": ("h", 80), "headers": [(b"content-type", PLAIN["Content-Type"].encode())],
            "state": state or {}, "http_version": "1.1",
        }  # fmt: skip
        await site.app(scope, receive, send)
        return statuses[0]

    routes = [("/api/uploads", "POST"), ("/api/articles", "POST"), (f"/api/uploads/{waiting}/articles", "POST"),
              (f"/api/uploads/{waiting}", "DELETE")]  # fmt: skip
    for route in routes:
        assert asyncio.run(sent(*route, state={"read_only": True})) == 403
    site.library.read_only = True
    for route in routes:
        assert asyncio.run(sent(*route)) == 403
    assert read == []
    assert len(site.uploads.pending("ann")) == 1


def test_an_upload_that_cannot_be_taken_in_now_waits_and_one_sent_for_that_alone_goes(site: Site) -> None:
    from ingest.collection import writing

    waiting = site.send(("a.txt", b"Ann swam.")).json()["id"]
    with writing(site.library.own.home):
        refused = [
            site.http.post(f"/api/uploads/{waiting}/articles"),
            site.send(("b.txt", b"Bob sang."), to="/api/articles"),
        ]
    assert [(r.status_code, "another process is writing" in r.text) for r in refused] == [(503, True)] * 2
    (upload,) = site.uploads.pending("ann")
    assert (upload.id, upload.files[0].path.read_text(), len(site.left)) == (waiting, "Ann swam.", 2)
    assert site.http.post(f"/api/uploads/{waiting}/articles").json()["added"] == ["upload/a.txt"]
    assert site.left == ["a.txt"]
    assert [item.headline.id for item in site.library.assistant(OWN).collection.articles()] == [
        "upload/a.txt"
    ]


def test_what_cannot_be_compared_does_not_wait(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreadable(upload: Upload) -> Any:
        raise CollectionError("it is damaged")

    monkeypatch.setattr(Library, "name_conflicts", lambda self, upload: unreadable(upload))
    assert site.send(("a.txt", b"Ann swam.")).status_code == 503
    assert (site.left, site.uploads.pending("ann")) == ([], [])


def test_the_routes_are_described_for_programs(site: Site) -> None:
    paths = site.http.get("/openapi.json").json()["paths"]
    described = {
        (path, method, *route.get("requestBody", {}).get("content", {}))
        for path, of in paths.items()
        for method, route in of.items()
    }
    assert described == {
        ("/api/uploads", "post", "multipart/form-data"),
        ("/api/uploads/{upload_id}", "delete"),
        ("/api/uploads/{upload_id}/articles", "post", "application/json"),
        ("/api/articles", "post", "multipart/form-data"),
    }


def test_what_cannot_be_cleared_away_keeps_nobody_from_asking(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    left = tmp_path / "upload" / "incoming" / ".left"
    left.mkdir(parents=True)
    (tmp_path / "incoming.lock").mkdir()  # which can no more be locked than a file on a read-only disk
    uploads = Uploads(tmp_path, ServeSettings())
    uploads.close()
    assert left.exists()
    assert "cannot be deleted" in caplog.text
