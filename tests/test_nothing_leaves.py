"""Nothing leaves the machine unasked, and nothing is written where nobody looks: each command as a real
process under watch.

Two watch at once. Python's audit events (`watch/sitecustomize.py`) tell what our code and the libraries'
Python do, also in child processes. What libraries do in C++ and Rust no event tells: `strace` sees their
system calls too. Where there is no strace, a network namespace without any network is used, in which a
resolver of ours hears every name that is asked for; where that is not permitted either, that half is skipped.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from conftest import SEEDS
from playwright.sync_api import Browser, Page, expect, sync_playwright

from rag.config import models_folder

pytestmark = [pytest.mark.server, pytest.mark.slow]

ROOT = Path(__file__).parent.parent
MODELS = str(
    models_folder().parents[1]
)  # the data folder of whoever runs the tests, where `make test` put the model
WATCH = Path(__file__).parent / "watch"
CORPUS = Path(__file__).parent / "corpus"
QUESTION = "Who struck first?"
SOME = ("pdf/water-board-bulletin-table.pdf", "docx/cave-lake-links.docx", "html/valley-echo-school-bus.html",
        "eml/reply-quoted-steamer.eml", "md/footbridge-reopens.md", "csv/courier-export-2024.csv")  # fmt: skip
EDITED = "desk/footbridge-reopens.md"
CALLS = (
    "%network,open,openat,creat,mkdir,mkdirat,rename,renameat,renameat2,unlink,unlinkat,rmdir,link,linkat,symlink,symlinkat,"
    "truncate,chmod,fchmodat,execve"
)


@dataclass(frozen=True)
class Command:
    """One command of `clippings`. In `arguments`, `settings` and `writes` (where it may write besides its
    temporary folder) stand {home} for the collection, {desk} for a folder of articles, {base} for a folder of
    the tests' own, {web} and {model} for the addresses of servers on this machine. `says` is a part of what
    it prints. `reaches` are the servers it was asked to connect to, `starts` the programs that it may start,
    by their first words; `hears` is its standard input."""

    name: str
    arguments: tuple[str, ...]
    says: str
    writes: tuple[str, ...] = ("{home}",)
    settings: Mapping[str, str] = field(default_factory=dict)
    reaches: tuple[str, ...] = ()
    starts: tuple[tuple[str, ...], ...] = ()
    hears: str = ""


HOME = ("--home", "{home}")
MCP = (
    {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "tests", "version": "1"}}},
    {"jsonrpc": "2.0", "method": "notifications/initialized"},
    {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": "ask", "arguments": {"question": QUESTION}}},
)  # fmt: skip
READER = (sys.executable, "-m", "ingest.formats.worker")  # reads documents, in a process of its own
FIRST = Command(
    "sync", ("sync", "{desk}", "{web}/rain", *HOME), "13 added, 0 replaced, 0 removed, 0 unchanged, 0 failed",
    settings={"CLIPPINGS_FETCH_ALLOW_PRIVATE": "1"}, reaches=("{web}",), starts=(READER,),
)  # fmt: skip
READING = (
    Command("ask", ("ask", QUESTION, *HOME), "Iran"),
    Command(
        "ask a model", ("ask", QUESTION, *HOME), "Pakistan was struck first by Iran",
        # A proxy out of the environment would be told the question and the articles.
        settings={"CLIPPINGS_MODEL_URL": "{model}/v1", "CLIPPINGS_MODEL_NAME": "m", "HTTP_PROXY": "http://192.0.2.7:3128",
                  "ALL_PROXY": "http://192.0.2.7:3128"},
        reaches=("{model}",),
        # the library would tell the server what processor this is; `rag.system.connection` does not let it
        starts=(("uname", "-p"),),
    ),
    # Nothing is connected to or listened on to run it. The engine opens the file for writing, and writes nothing:
    # `test_local_model.py` has that.
    Command(
        "ask a local model", ("ask", QUESTION, *HOME), "Iran",
        settings={"CLIPPINGS_MODEL_PROVIDER": "local", "CLIPPINGS_MODEL_MAX_TOKENS": "32", "XDG_DATA_HOME": "{models}"},
        writes=("{home}", "{models}/clippings/models/prepared"),
    ),
    Command("doctor", ("doctor", *HOME), "ok     indexes: dense and lexical have"),
    Command("articles", ("articles", *HOME), EDITED),
    Command("mcp", ("mcp", *HOME), "Iran", hears="".join(f"{json.dumps(said)}\n" for said in MCP)),
    Command("show", ("show", EDITED, *HOME), "footbridge"),
    Command(
        "eval", ("eval", "--gold", "{base}/gold.jsonl", "--out", "{base}/reports", *HOME), "1 questions",
        writes=("{home}", "{base}/reports"),
        starts=(("git", "rev-parse"), ("git", "status")),  # a report names the version of the code
    ),
    Command("backup", ("backup", "{base}/kept/all.zip", *HOME), "backed up", writes=("{home}", "{base}/kept")),
)  # fmt: skip
WRITING = (
    Command("edit", ("edit", EDITED, "--title", "The footbridge is open", *HOME), "The footbridge is open"),
    Command("remove", ("remove", EDITED, *HOME), "1 removed"),
)
ELSEWHERE = (
    Command(
        "restore",
        ("restore", "{base}/kept/all.zip", "--home", "{base}/back/again"),
        "again",
        writes=("{base}/back",),
    ),
    # Makes the demo collection, where collections lie when nothing is said.
    Command("ask the demo articles", ("ask", QUESTION), "Iran", writes=("{data}",)),
)
SERVE = Command(
    "serve", ("serve", *HOME, "--port", "{port}"), "is running at", reaches=("http://127.0.0.1:{port}",)
)
COMMANDS = (FIRST, *READING, *WRITING, *ELSEWHERE, SERVE)


def ask_page(url: str) -> str:
    """The answer of the page at this address to `QUESTION`, asked as a program asks."""
    with straight(f"{url}/api/ask", json.dumps({"question": QUESTION}).encode()) as answer:
        return str(json.load(answer)["text"])


def straight(url: str, data: bytes | None = None) -> Any:
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    return urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=60)


# Watching.


@dataclass(frozen=True)
class Run:
    """What a command printed, its exit status, what it did besides what it was asked for, and what it left
    behind.
    """

    said: str
    status: int
    beyond: tuple[str, ...]
    left: tuple[str, ...]


@cache
def native_watch() -> str | None:
    """What watches native code here: `strace`, or a `namespace` without a network; `None` where neither is
    permitted.
    """
    tries = {
        "strace": ["strace", "-f", "--seccomp-bpf", "-o", os.devnull, "true"],
        "namespace": ["unshare", "--net", "--mount", "mount", "--bind", "/etc/hostname", "/etc/resolv.conf"],
    }
    for name, command in tries.items():
        chosen = os.environ.get("WATCH_WITH", name) == name
        if (
            chosen
            and shutil.which(command[0])
            and subprocess.run(command, capture_output=True).returncode == 0
        ):
            return name
    return None


class Watched:
    """A process under watch, in folders of its own."""

    def __init__(
        self, base: Path, command: Sequence[str], writes: Sequence[str], ports: Sequence[int],
        starts: Sequence[Sequence[str]], **settings: str,
    ) -> None:  # fmt: skip
        self._base = base
        self._starts = [list(command), *map(list, starts)]
        base.mkdir()
        for name in ("home", "tmp", "work", "calls"):
            (base / name).mkdir()
        named = {
            f"XDG_{kind}_HOME": str(base / "home" / f".{kind.lower()}")
            for kind in ("DATA", "CACHE", "CONFIG", "STATE")
        }
        environ = {
            "PATH": os.environ["PATH"], "HOME": str(base / "home"), "TMPDIR": str(base / "tmp"), **named,
            "PYTHONPATH": f"{WATCH}{os.pathsep}{ROOT}", "PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1",
            "WATCH_LOG": str(base / "events"), **settings,
        }  # fmt: skip
        self._writes = [str(base / "tmp"), str(base / "events"), *writes]
        self._ports = ports
        trace = ["strace", "-ff", "--seccomp-bpf", "-qq", "-y", "-s", "4096", "-e", f"trace={CALLS}", "-e", "signal=none",
                 "-o", str(base / "calls" / "of")]  # fmt: skip
        # In a namespace no server on this machine can be reached, and nobody reaches into it.
        apart = [
            "unshare",
            "--net",
            "--mount",
            sys.executable,
            "-I",
            str(WATCH / "apart.py"),
            str(base / "names"),
        ]
        self._traced = native_watch() == "strace"
        around = trace if self._traced else apart if native_watch() == "namespace" and not ports else []
        self.process = subprocess.Popen(
            [*around, *command], cwd=base / "work", env=environ, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def stop(self) -> None:
        """Ask the process itself to end, and not who traces it."""
        own = self.process.pid
        if self._traced:
            own = int(Path(f"/proc/{own}/task/{own}/children").read_text().split()[0])
        os.kill(own, signal.SIGTERM)

    def finished(self, hears: str = "", before: str = "") -> Run:
        said, _ = self.process.communicate(hears, timeout=120)
        beyond = [*self._events(), *self._calls()]
        left = [
            str(path.relative_to(self._base))
            for folder in ("home", "tmp", "work")
            for path in (self._base / folder).rglob("*")
        ]
        left = [path for path in left if not self._may_write(str(self._base / path))]
        return Run(before + said, self.process.returncode, tuple(dict.fromkeys(beyond)), tuple(sorted(left)))

    def _may_write(self, path: str) -> bool:
        if path == os.devnull or path.startswith(
            "/dev/shm/sem."
        ):  # a lock between processes, without a word in it
            return True
        return any(path == place or path.startswith(f"{place}/") for place in self._writes)

    def _may_start(self, command: list[str]) -> bool:
        return any(command[: len(known)] == known for known in self._starts)

    def _may_reach(self, host: str, port: int) -> bool:
        return is_here(host) and port in self._ports

    def _events(self) -> Iterator[str]:
        for line in (self._base / "events").read_text(encoding="utf-8").splitlines():
            event, told = json.loads(line)
            if event in (
                "subprocess.Popen",
                "os.posix_spawn",
                "os.exec",
                "os.system",
                "os.spawn",
                "pty.spawn",
            ):
                well = self._may_start(told)
            elif event == "socket.bind":
                well = is_here(told[-1][0])
            elif event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
                well = isinstance(told[-1], list) and self._may_reach(*told[-1][:2])
            elif event == "http.client.connect":
                well = self._may_reach(told[0], told[1])
            elif event == "urllib.Request":
                parts = urlsplit(told[0])
                well = self._may_reach(parts.hostname or "", parts.port or 80)
            elif event.startswith(
                ("socket.", "ftplib", "smtplib", "poplib", "imaplib", "telnetlib", "webbrowser")
            ):
                well = event == "socket.getaddrinfo" and is_here(str(told[0]))
            else:
                well = all(self._may_write(path) for path in told)
            if not well:
                yield f"{event} {told}"

    def _calls(self) -> Iterator[str]:
        names = self._base / "names"
        for name in names.read_text(encoding="utf-8").splitlines() if names.exists() else ():
            yield f"the name server was asked for {name}"
        for file in sorted((self._base / "calls").iterdir()):
            for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
                if not self._is_well(line):
                    yield line

    def _is_well(self, line: str) -> bool:
        name = line.partition("(")[0]
        if name in ("connect", "bind", "sendto", "sendmsg", "sendmmsg"):
            if not (family := re.search(r"sa_family=(\w+)", line)) or family.group(1) == "AF_NETLINK":
                return True  # a connection that is open already, or a talk with the kernel
            found = re.search(r'inet_addr\("([^"]+)"\)|inet_pton\(AF_INET6, "([^"]+)"', line)
            port = re.search(r"_port=htons\((\d+)\)", line)
            if not found or not port:
                return False
            host = found.group(1) or found.group(2)
            return is_here(host) if name == "bind" else self._may_reach(host, int(port.group(1)))
        if name == "execve":
            found = re.search(r", (\[.*\]), 0x", line)
            return found is not None and self._may_start(json.loads(found.group(1)))
        if name in ("open", "openat") and not re.search(r"O_WRONLY|O_RDWR|O_CREAT|O_TRUNC", line):
            return True
        if name in ("socket", "socketpair", "getsockname", "getsockopt", "setsockopt", "listen", "accept", "accept4", "shutdown",
                    "recvfrom", "recvmsg", "recvmmsg", "getpeername"):  # fmt: skip
            return True
        return all(self._may_write(path) for path in paths_in(line))


def paths_in(call: str) -> list[str]:
    """The paths that a system call names, each with the folder that it is relative to; of a link to be made,
    only the new.

    >>> paths_in('openat(AT_FDCWD</desk>, "a.txt", O_WRONLY|O_CREAT, 0666) = 3</desk/a.txt>')
    ['/desk/a.txt']
    """
    named = re.findall(r'(?:(?:AT_FDCWD|\d+)<([^>]*)>, )?"((?:[^"\\]|\\.)*)"', call.rpartition(" = ")[0])
    paths = [os.path.normpath(os.path.join(folder or "/an unknown folder", path)) for folder, path in named]
    return paths[1:] if call.startswith(("link", "symlink")) else paths


def is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


# The servers that are asked for: a newspaper's, and a language model's.


class Answering(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        page = b"<html><head><title>Rain</title></head><body><article><p>It rained on the fair in Lower Ardle.</p></article></body></html>"
        self._answer(200 if self.path == "/rain" else 404, "text/html", page)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        choice = {
            "index": 0,
            "delta": {"content": "Pakistan was struck first by Iran [1]."},
            "finish_reason": None,
        }
        event = {
            "id": "c",
            "object": "chat.completion.chunk",
            "created": 1,
            "model": "m",
            "choices": [choice],
        }
        self._answer(200, "text/event-stream", f"data: {json.dumps(event)}\n\ndata: [DONE]\n\n".encode())

    def _answer(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serving() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


# The run.


class Desk:
    """One collection, which all commands are run on."""

    def __init__(self, base: Path, server: str) -> None:
        self._base = base
        self._named = {
            "base": str(base),
            "home": str(base / "collection"),
            "desk": str(base / "desk"),
            "web": server,
            "model": server,
            "models": MODELS,
        }
        self.runs: dict[str, Run] = {}
        for name in ("desk", "kept", "back", "reports"):
            (base / name).mkdir()
        for file in (*(CORPUS / name for name in SOME), *SEEDS.glob("*.txt")):
            shutil.copy(file, base / "desk")
        gold = json.loads((ROOT / "eval/gold/seeds.jsonl").read_text(encoding="utf-8").splitlines()[2])
        for span in (span for fact in gold["facts"] for span in fact["spans"]):
            span["article"] = span["article"].replace("seeds/", "desk/")
        (base / "gold.jsonl").write_text(json.dumps(gold) + "\n", encoding="utf-8")

    def start(self, command: Command, **named: str) -> Watched:
        folder = self._base / f"run {command.name}"
        named = self._named | named | {"data": str(folder / "home" / ".data")}
        return Watched(
            folder,
            [sys.executable, str(ROOT / "app.py"), *(part.format(**named) for part in command.arguments)],
            [place.format(**named) for place in command.writes],
            [urlsplit(place.format(**named)).port or 80 for place in command.reaches],
            command.starts,
            **{name: value.format(**named) for name, value in command.settings.items()},
        )

    def run(self, command: Command) -> None:
        self.runs[command.name] = self.start(command).finished(command.hears)

    def run_all(self, commands: Sequence[Command]) -> None:
        for command in commands:
            self.run(command)

    @contextmanager
    def served(self) -> Iterator[str]:
        port = str(free_port())
        server = self.start(SERVE, port=port)
        begun = ""
        for line in server.process.stdout or ():
            begun += line
            if "is running at" in line:
                break
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            if server.process.poll() is None:
                server.stop()
            self.runs["serve"] = server.finished(before=begun)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with serving() as server, ThreadPoolExecutor(2) as two:
        desk = Desk(tmp_path_factory.mktemp("leaves"), server)
        desk.run(FIRST)
        list(two.map(desk.run, READING))
        list(two.map(desk.run_all, (WRITING, ELSEWHERE)))
        yield desk


@pytest.mark.parametrize("name", [command.name for command in (FIRST, *READING, *WRITING, *ELSEWHERE)])
def test_a_command_reaches_and_writes_what_it_was_asked_to_and_nothing_else(desk: Desk, name: str) -> None:
    command = next(command for command in COMMANDS if command.name == name)
    run = desk.runs[name]
    assert command.says in run.said
    assert "The language model failed" not in run.said
    assert (run.status, run.beyond, run.left) == (0, (), ())


@contextmanager
def chromium() -> Iterator[Browser]:
    found = next(
        (p for name in ("chromium", "chromium-browser", "google-chrome") if (p := shutil.which(name))), None
    )
    if found is None:
        pytest.fail("there is no Chromium to drive the page with. Install the package chromium")
    flags = ["--disable-gpu", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=flags)
        yield browser
        browser.close()


def asked_by_page(browser: Browser, url: str, use: Callable[[Page], None] = lambda _: None) -> list[str]:
    """Every address that the page at `url` asks for while it loads and is used. What lies in the browser
    itself (`data:`, `blob:`) is not asked for."""
    asked: list[str] = []
    page = browser.new_page()
    page.on("request", lambda request: asked.append(request.url))
    page.on("websocket", lambda opened: asked.append(opened.url))
    page.goto(url)
    use(page)
    page.close()
    return [address for address in asked if not address.startswith(("data:", "blob:"))]


def ask_on_page(page: Page) -> None:
    box = page.locator("#question textarea")
    box.fill(QUESTION)
    box.press("Enter")
    expect(page.locator("#conversation .answer")).to_contain_text("Iran", timeout=60_000)


@dataclass(frozen=True)
class Visit:
    """The page at `url` as a program and a reader met it: its answer, its pages for programmers, and what it
    asked for.
    """

    url: str
    answer: str
    docs: tuple[str, ...]
    asked: tuple[str, ...]
    run: Run


@pytest.fixture(scope="module")
def visit(desk: Desk) -> Visit:
    with desk.served() as url:
        answer = ask_page(url)
        docs = tuple(text_of(f"{url}/{path}") for path in ("docs", "redoc"))
        with chromium() as browser:
            asked = asked_by_page(browser, url, ask_on_page)
    return Visit(url, answer, docs, tuple(asked), desk.runs["serve"])


def text_of(url: str) -> str:
    try:
        with straight(url) as answer:
            return str(answer.read().decode())
    except urllib.error.HTTPError as refused:
        return refused.read().decode()


@pytest.mark.browser
def test_the_page_is_served_and_answers_and_reaches_nobody(visit: Visit) -> None:
    assert "Iran" in visit.answer
    assert (visit.run.status, visit.run.beyond, visit.run.left) == (0, (), ())


@pytest.mark.browser
def test_the_page_in_a_browser_asks_no_host_but_its_own(visit: Visit) -> None:
    assert len(visit.asked) > 5
    assert [address for address in visit.asked if not address.startswith(f"{visit.url}/")] == []


@pytest.mark.browser
def test_pages_for_programmers_load_nothing_from_elsewhere(visit: Visit) -> None:
    for page in visit.docs:  # FastAPI's own would
        assert "https://" not in page


# The watch itself.

PRYING = """
import os, pathlib, socket, sqlite3, subprocess, sys
if sys.argv[1:]:
    pathlib.Path(os.environ["HOME"], "child").write_text("")
    sys.exit()
def tried(deed, *given):
    try:
        deed(*given)
    except OSError:
        pass
tried(socket.getaddrinfo, "leak.invalid", 443)
with socket.socket() as out:
    out.settimeout(0.1)
    tried(out.connect, ("192.0.2.1", 443))
base = sqlite3.connect(":memory:")
base.execute("ATTACH ? AS kept", (os.environ["HOME"] + "/native",))  # no event tells of it
base.execute("CREATE TABLE kept.t (a)")
subprocess.run([sys.executable, "-B", __file__, "child"])
subprocess.run(["true"])
"""


def test_the_watch_sees_who_reaches_out_and_who_writes(tmp_path: Path) -> None:
    (tmp_path / "prying.py").write_text(PRYING, encoding="utf-8")
    base = tmp_path / "run"
    run = Watched(base, [sys.executable, str(tmp_path / "prying.py")], [], [], []).finished()
    home = base / "home"

    def is_told_by_python(event: str) -> bool:
        return "(" not in event.partition(" ")[0] and not event.startswith("the name server")

    assert [event for event in run.beyond if is_told_by_python(event)] == [
        "socket.getaddrinfo ['leak.invalid', 443, 0, 0, 0]",
        "socket.connect [['192.0.2.1', 443]]",
        f"subprocess.Popen {[sys.executable, '-B', str(tmp_path / 'prying.py'), 'child']}",
        f"open {[str(home / 'child')]}",
        "subprocess.Popen ['true']",
    ]
    assert run.left == ("home/child", "home/native")
    if native_watch() == "namespace":
        assert "the name server was asked for leak.invalid" in run.beyond
    if native_watch() == "strace":
        calls = "\n".join(event for event in run.beyond if not is_told_by_python(event))
        assert f'"{home / "native"}"' in calls
        assert 'inet_addr("192.0.2.1")' in calls
        assert re.search(r"sin_port=htons\(53\)", calls), "a question to a name server"
        assert '/true"' in calls


def test_native_code_is_watched_too() -> None:
    if native_watch() is None:
        pytest.skip(
            "neither strace nor a network namespace is permitted here: what native code does was not watched"
        )
    if native_watch() == "namespace":
        pytest.skip(
            "there is no strace here: of native code only the names it asked for were heard, where no server "
            "was needed"
        )
