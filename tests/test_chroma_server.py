"""Vectors on a real Chroma server: syncing, asking, several processes, and every way in which it may not be
there.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import httpx
import numpy as np
import pytest
from conftest import WordEncoder

from ingest import remove, sync
from ingest.restoring import restore
from ingest.safekeeping import backup
from rag.config import ChromaSettings, Config, RetrievalSettings, demo
from rag.doctor import examine
from rag.errors import CollectionError, ConfigError
from rag.retrieval.search import Retriever
from rag.store import chroma_server
from rag.store import vectors as dense
from rag.store.catalog import Catalog
from rag.store.vectors import DenseIndex
from rag.types import Filters

pytestmark = [pytest.mark.server, pytest.mark.slow]

CHROMA = Path(sys.executable).with_name("chroma")


class Server:
    """`chroma run` on loopback."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.folder, self.url = folder, f"http://127.0.0.1:{self.port}"
        self.start()

    def start(self) -> None:
        command = [CHROMA, "run", "--path", self.folder, "--host", "127.0.0.1", "--port", str(self.port)]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(600):
            try:
                if httpx.get(f"{self.url}/api/v2/heartbeat", timeout=1).is_success:
                    return
            except httpx.HTTPError:
                time.sleep(0.1)
        raise AssertionError("the Chroma server did not start")

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(30)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("chroma"))
    yield server
    server.stop()


@pytest.fixture
def config(config: Config, server: Server) -> Config:
    return replace(config, chroma=ChromaSettings(url=server.url, timeout=10))


@pytest.fixture
def news(tmp_path: Path) -> Path:
    folder = tmp_path / "news"
    folder.mkdir()
    (folder / "iran.txt").write_text("date 2024-01-18\nIran struck the militants first.")
    (folder / "weather.txt").write_text("The weather was fine.")
    return folder


def stored(config: Config) -> set[str]:
    """What the server holds for a collection."""
    catalog = Catalog(config.home, config)
    index = DenseIndex(config.home, config.chroma, identity=catalog.identity(), build=catalog.build())
    try:
        assert index.cache.keys() == catalog.keys()
        return index.keys()
    finally:
        index.close()
        catalog.close()


def found(
    config: Config, question: str, filters: Filters = Filters(), encoder: WordEncoder | None = None
) -> list[str]:
    with Retriever(config.home, config, encoder or WordEncoder()) as retriever:
        return [p.article.id for p in retriever.find(question, stages=("dense",), filters=filters)]


def test_the_vectors_lie_on_the_server_and_questions_find_them(
    news: Path, config: Config, encoder: WordEncoder
) -> None:
    assert sync(news, config, encoder=encoder).passages == 2
    assert len(stored(config)) == 2
    assert not (config.home / "dense").exists()
    assert found(config, "Who struck militants?")[0] == "news/iran.txt"
    assert found(config, "weather")[0] == "news/weather.txt"
    (news / "iran.txt").write_text("date 2024-01-18\nSnow fell on Quetta.")
    assert sync(news, config, encoder=encoder).replaced == ("news/iran.txt",)
    assert found(config, "snow")[0] == "news/iran.txt"
    remove("news/weather.txt", config, encoder=encoder)
    assert found(config, "weather") == ["news/iran.txt"]
    assert len(stored(config)) == 1


def test_it_is_the_server_that_answers_where_it_is_always_to_be_asked(
    news: Path, config: Config, encoder: WordEncoder
) -> None:
    sync(news, config, encoder=encoder)
    catalog = Catalog(config.home, config)
    vector = encoder.question("militants")
    removed = [key for key in catalog.keys() if key.startswith("news/iran")]  # noqa: SIM118
    found = {}
    for mode in ("auto", "chroma", "exact"):
        index = DenseIndex(config.home, config.chroma, identity=catalog.identity(), mode=mode)
        index.follow(catalog)
        with index.collection() as collection:
            collection.delete(ids=removed)
        for filters in (Filters(), Filters(exclude_articles=("none",))):
            found[mode, bool(filters)] = [key.split("@")[0] for key, _ in index.search(vector, 5, filters)]
        index.close()
    both = ["news/iran.txt", "news/weather.txt"]
    assert found == {
        ("auto", False): both, ("auto", True): both, ("exact", False): both, ("exact", True): both,
        ("chroma", False): ["news/weather.txt"], ("chroma", True): ["news/weather.txt"],
    }  # fmt: skip
    catalog.close()


def test_a_rebuild_fills_another_collection_on_the_server_and_the_old_one_goes_when_it_answers(
    news: Path, config: Config, encoder: WordEncoder
) -> None:
    import chromadb

    sync(news, config, encoder=encoder)
    catalog = Catalog(config.home, config)
    name = f"clippings-{catalog.identity()}"
    client = chromadb.HttpClient(host=str(config.chroma.url))

    def names() -> set[str]:
        return {
            collection.name for collection in client.list_collections() if collection.name.startswith(name)
        }

    class Asking(WordEncoder):
        def passages(self, texts: Sequence[str]) -> np.ndarray:
            assert (names(), found(config, "weather")[0]) == ({name, f"{name}-1"}, "news/weather.txt")
            return super().passages(texts)

    with Retriever(config.home, config, encoder) as reader:
        assert names() == {name}
        sync([], config, rebuild=True, encoder=Asking())
        assert (names(), catalog.obsolete_builds()) == ({f"{name}-1"}, [])
        assert [p.article.id for p in reader.find("weather", stages=("dense",), k=1)] == ["news/weather.txt"]
    assert len(stored(config)) == 2
    assert sync(news, config, encoder=encoder).kept == ("news/iran.txt", "news/weather.txt")
    catalog.close()


def test_two_collections_on_one_server_stay_apart_and_a_name_may_be_chosen(
    news: Path, config: Config, encoder: WordEncoder, tmp_path: Path
) -> None:
    sync(news / "iran.txt", config, encoder=encoder)
    other = replace(config, home=tmp_path / "other", chroma=replace(config.chroma, collection="by-name"))
    sync(news / "weather.txt", other, encoder=encoder)
    assert (found(config, "weather"), found(other, "weather")) == (["news/iran.txt"], ["news/weather.txt"])
    import chromadb

    names = {c.name for c in chromadb.HttpClient(host=str(config.chroma.url)).list_collections()}
    catalog = Catalog(config.home, config)
    assert {"by-name", f"clippings-{catalog.identity()}"} <= names
    catalog.close()


def test_a_collection_moves_to_a_server_and_back_without_being_encoded_again(
    news: Path, config: Config, encoder: WordEncoder
) -> None:
    local = replace(config, chroma=ChromaSettings())
    sync(news, local, encoder=encoder)
    assert found(config, "weather")[0] == "news/weather.txt", (
        "what no server holds yet is answered from the files"
    )
    with pytest.raises(
        CollectionError, match=r"has no collection clippings-\w{12}\. Fill it: clippings sync FOLDER"
    ):
        stored(config)
    encoder.encoded.clear()
    for there in (config, local):
        assert sync(news, there, encoder=encoder).added == ()
        assert (len(stored(there)), found(there, "weather")[0]) == (2, "news/weather.txt")
    (news / "snow.txt").write_text("Snow fell on Quetta.")
    sync(news, local, encoder=encoder)
    assert found(config, "snow")[0] == "news/snow.txt", "the server has fallen behind, and is not asked"
    sync(news, config, encoder=encoder)
    assert (len(stored(config)), len(encoder.encoded)) == (3, 1)


def test_a_filling_that_was_killed_is_begun_again_by_the_next_sync(
    news: Path, config: Config, encoder: WordEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    local = replace(config, chroma=ChromaSettings())
    sync(news, local, encoder=encoder)
    monkeypatch.setattr(dense, "BATCH_SIZE", 1)
    add, times = chroma_server.ServerStore.add, []

    def killed(self: object, *given: object) -> None:
        times.append(given)
        if len(times) == 2:
            raise KeyboardInterrupt
        add(self, *given)  # type: ignore[arg-type]

    monkeypatch.setattr(chroma_server.ServerStore, "add", killed)
    with pytest.raises(KeyboardInterrupt):
        sync(news, config, encoder=encoder)
    assert len(found(config, "weather")) == 2, "what is half filled is not asked"
    sync(news, config, encoder=encoder)
    assert len(stored(config)) == 2


def test_the_demo_articles_stay_on_this_machine(config: Config) -> None:
    assert (
        demo(replace(config, chroma=replace(config.chroma, collection="by-name"))).chroma == ChromaSettings()
    )


def test_a_page_goes_on_through_a_rebuild_by_another_process(
    news: Path, config: Config, encoder: WordEncoder
) -> None:
    sync(news, config, encoder=encoder)
    with Retriever(config.home, config, encoder) as retriever:
        assert next(p.article.id for p in retriever.find("weather", stages=("dense",))) == "news/weather.txt"
        sync(news, config, rebuild=True, encoder=encoder)
        assert next(p.article.id for p in retriever.find("weather", stages=("dense",))) == "news/weather.txt"


def test_a_restored_copy_has_a_place_of_its_own_on_the_server(
    news: Path, config: Config, encoder: WordEncoder, tmp_path: Path
) -> None:
    sync(news, config, encoder=encoder)
    backup(tmp_path / "kept.zip", config)
    copy = replace(config, home=tmp_path / "copy")
    restore(tmp_path / "kept.zip", copy)
    encoder.encoded.clear()
    sync([], copy, encoder=encoder)
    remove("news/iran.txt", copy, encoder=encoder)
    assert (len(stored(copy)), len(stored(config)), encoder.encoded) == (1, 2, [])


def test_a_server_that_stops_is_named_and_one_that_lost_its_data_is_filled_again(
    news: Path, config: Config, encoder: WordEncoder, tmp_path: Path
) -> None:
    own = Server(tmp_path / "own")
    config = replace(config, chroma=replace(config.chroma, url=own.url))
    sync(news, config, encoder=encoder)
    always = replace(config, retrieval=RetrievalSettings(dense="chroma"))
    with Retriever(config.home, always, encoder) as retriever:
        assert len(retriever.find("weather")) == 2
        own.stop()
        for attempt in (lambda: retriever.find("weather"), lambda: sync(news, config, encoder=encoder)):
            with pytest.raises(CollectionError) as gone:
                attempt()
            assert str(gone.value).startswith(f"no answer from the Chroma server at {own.url} (")
            assert str(gone.value).endswith("Is `chroma run` running there? Correct chroma.url, or start it")
        assert found(config, "weather")[0] == "news/weather.txt", "the cache needs no server"
        shutil.rmtree(own.folder)
        own.start()
        encoder.encoded.clear()
        sync(news, config, encoder=encoder)
        assert (len(stored(config)), encoder.encoded) == (2, [])
        assert len(retriever.find("weather", stages=("dense",))) == 2, (
            "a page that was open finds them as well"
        )
    own.stop()


def served(handle: Callable[[BaseHTTPRequestHandler], None]) -> HTTPServer:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            handle(self)

        def log_message(self, *_: object) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def replying(status: int, body: bytes) -> Callable[[BaseHTTPRequestHandler], None]:
    def handle(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)

    return handle


@pytest.mark.parametrize(
    ("handle", "said"),
    [
        pytest.param(lambda _: time.sleep(2), r"no answer from the Chroma server at .* within 0.3 s\. Is it running\?", id="silent"),
        pytest.param(replying(200, b"<html>Welcome</html>"), "cannot be used: what answers there is no Chroma server", id="another"),
        pytest.param(replying(404, b"not here"), "cannot be used: ", id="not found"),
        pytest.param(replying(401, b"who?"), r"does not let us in .*Set CLIPPINGS_CHROMA_KEY, or chroma\.key_file", id="a key"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_server_is_said_with_what_to_do(
    news: Path, config: Config, encoder: WordEncoder, handle: Callable[..., None], said: str
) -> None:
    wrong = served(handle)
    config = replace(config, chroma=ChromaSettings(url=f"http://127.0.0.1:{wrong.server_port}", timeout=0.3))
    with pytest.raises(CollectionError, match=said):
        sync(news, config, encoder=encoder)
    wrong.shutdown()


def test_the_key_goes_with_every_request(
    news: Path, config: Config, encoder: WordEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str | None] = []

    def handle(request: BaseHTTPRequestHandler) -> None:
        seen.append(request.headers.get("x-chroma-token"))
        replying(401, b"no")(request)

    wrong = served(handle)
    monkeypatch.setenv("CLIPPINGS_CHROMA_KEY", "sesame")
    with pytest.raises(CollectionError) as refused:
        sync(
            news,
            replace(config, chroma=ChromaSettings(url=f"http://127.0.0.1:{wrong.server_port}")),
            encoder=encoder,
        )
    assert seen == ["sesame"]
    assert "sesame" not in str(refused.value)
    wrong.shutdown()


@pytest.mark.parametrize(
    ("setting", "missing"), [({"tenant": "nobody"}, "Tenant"), ({"database": "none"}, "Database")]
)
def test_a_tenant_and_a_database_that_are_not_there_are_named(
    news: Path, config: Config, encoder: WordEncoder, setting: dict[str, str], missing: str
) -> None:
    with pytest.raises(CollectionError, match=rf"cannot be used: {missing} \[no\w+\] not found"):
        sync(news, replace(config, chroma=replace(config.chroma, **setting)), encoder=encoder)


def test_the_doctor_looks_at_the_server(
    news: Path, config: Config, encoder: WordEncoder, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rag.doctor.SentenceEncoder", lambda _: encoder)
    sync(news, config, encoder=encoder)
    findings = {finding.name: finding for finding in examine(config, lambda: None)}
    assert findings["Chroma server"].well
    assert findings["Chroma server"].detail.startswith(f"{server.url} answers, version ")
    assert findings["indexes"].well
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{closed.getsockname()[1]}"
    assert (
        findings["indexes"].detail == "dense and lexical have the catalog's 2 passages, whole its 2 articles"
    )
    findings = {f.name: f for f in examine(replace(config, chroma=ChromaSettings(url=nobody)), lambda: None)}
    assert not findings["Chroma server"].well
    assert findings["Chroma server"].detail.startswith(f"no answer from the Chroma server at {nobody}")


ASKING = """
import sys
sys.path[:0] = sys.argv[2:4]
from conftest import WordEncoder
from rag.config import RetrievalSettings, ChromaSettings, Config
from rag.retrieval.search import Retriever
config = Config(home=sys.argv[1], encoder="words", chroma=ChromaSettings(url=sys.argv[4]))
with Retriever(config.home, config, WordEncoder()) as retriever:
    print("ready", flush=True)
    for line in sys.stdin:
        print(*(p.article.id for p in retriever.find(line.strip())), flush=True)
"""


def test_several_processes_on_one_collection_follow_what_one_of_them_writes(
    news: Path, config: Config, encoder: WordEncoder
) -> None:
    sync(news, config, encoder=encoder)
    root = Path(__file__).parent.parent
    command = [
        sys.executable,
        "-c",
        ASKING,
        str(config.home),
        str(root),
        str(root / "tests"),
        str(config.chroma.url),
    ]
    pages = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]

    def ask(page: subprocess.Popen[str], question: str) -> str:
        assert page.stdin
        assert page.stdout
        page.stdin.write(f"{question}\n")
        page.stdin.flush()
        return page.stdout.readline().split(" ")[0].strip()

    try:
        for page in pages:
            assert page.stdout
            assert page.stdout.readline() == "ready\n"
        assert [ask(page, "weather") for page in pages] == ["news/weather.txt"] * 2
        (news / "snow.txt").write_text("Snow fell on Quetta.")
        sync(news, config, encoder=encoder)
        assert [ask(page, "snow Quetta") for page in pages] == ["news/snow.txt"] * 2
        remove("news/snow.txt", config, encoder=encoder)
        assert "news/snow.txt" not in [ask(page, "snow Quetta") for page in pages]
    finally:
        for page in pages:
            page.kill()
            page.wait()


def test_settings_that_cannot_be_are_refused() -> None:
    with pytest.raises(
        ConfigError, match=r"chroma\.url must start with http:// or https://, not 'localhost:8000'"
    ):
        ChromaSettings(url="localhost:8000")
    with pytest.raises(ConfigError, match=r"chroma\.timeout must be more than 0 seconds, not 0"):
        ChromaSettings(url="http://localhost", timeout=0)
    with pytest.raises(ConfigError, match=r"chroma\.key_file /not/there cannot be read: No such file"):
        ChromaSettings(key_file="/not/there").key({})


def test_a_key_comes_from_the_variable_or_else_from_the_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("from the file\n")
    settings = ChromaSettings(key_file=str(tmp_path / "key"))
    assert (settings.key({}), settings.key({"CLIPPINGS_CHROMA_KEY": "from the variable"})) == (
        "from the file",
        "from the variable",
    )
    assert ChromaSettings().key({}) is None
