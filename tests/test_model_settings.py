"""The language model as it is set on the page: by whom, from where, with what becomes of its key, and from which
question on. The model's server is a scripted one on loopback.
"""

from __future__ import annotations

import json
import logging
import os
import threading
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from conftest import WordEncoder, WordReader, write_jsonl
from test_api_conversations import Page
from test_language import HELLO, refusing, saying
from test_language import Server as ModelServer
from test_language import server as server  # a fixture

from app import LocalServices, _model_choice, _model_to_check
from ingest import backup, sync
from rag.config import Config, ModelSettings, ServeSettings, models_folder
from rag.errors import ConfigError
from rag.models import language
from rag.models.probe import probe
from rag.people.accounts import Accounts, add_account
from rag.people.saved_model import FILE, SavedModel, read_model, save_model
from rag.surfaces.api.access import AccessRules, AdminRights
from rag.surfaces.api.application import api_app
from rag.surfaces.api.middleware import AccessMiddleware
from rag.surfaces.api.model import model_router
from rag.surfaces.api.server import Server
from rag.surfaces.gate import Gate
from rag.surfaces.library import Library
from rag.surfaces.services import Engines
from rag.types import Answer

pytestmark = [pytest.mark.server, pytest.mark.slow]

KEY = "sk-1f9c-not-to-be-seen"
QUESTION = "What does the demo tell of?"
ROUTES = (("GET", ""), ("PUT", ""), ("DELETE", ""), ("POST", "/test"))
NOT_ADMIN = "you may not set the language model. Whoever runs the server can allow your account to, with `clippings serve --admin NAME`"
OPEN = (
    "this server can be reached by others and has no accounts, so nobody may set the language model here. Set it in "
    "clippings.toml, or start the server with --auth-file and --admin"
)
READ_ONLY = "this server is read-only, so its language model cannot be set here. Set it in clippings.toml"


@pytest.fixture
def library(library: Library) -> Library:
    library.model_choice = _model_choice(library.own)
    return library


def over(library: Library) -> Page:
    """A browser at a server that has the routes without the page, which takes a second to build."""
    made = api_app(
        library,
        Gate(ServeSettings()),
        timeout=20,
        routers=[model_router(library, AdminRights(AccessRules()))],
    )
    return Page(None, AccessMiddleware(made, AccessRules()))  # type: ignore[arg-type]


@pytest.fixture
def page(library: Library) -> Page:
    return over(library)


def wanted(server: ModelServer, **more: Any) -> dict[str, Any]:
    return {"provider": "openai-like", "url": server.url, "name": "m", **more}


def asked(library: Library) -> Answer:
    return library.assistant("demo").ask(QUESTION)


def state(source: str = "none", **facts: Any) -> dict[str, Any]:
    """What the routes say; as it is without a model, where nothing else is given."""
    return {
        "source": source, "provider": "none", "url": None, "name": None, "file": None, "has_key": False, "timeout": 30.0,
        "context_window": 8192, "fixed": [], "fault": None, "files": [], "folder": str(models_folder()), **facts,
    }  # fmt: skip


# Who may


@pytest.mark.parametrize(
    ("rights", "owner", "forwarded", "why"),
    [
        (AdminRights(AccessRules()), "", False, None),
        (AdminRights(AccessRules("::1")), "", False, None),
        (AdminRights(AccessRules()), "", True, OPEN),
        (AdminRights(AccessRules()), "token:desk", False, NOT_ADMIN),
        (AdminRights(AccessRules(), read_only=True), "", False, READ_ONLY),
        (AdminRights(AccessRules("0.0.0.0", ("news.example.org",))), "", False, OPEN),
        (AdminRights(AccessRules(host_names=("news.example.org",))), "", False, OPEN),
        (AdminRights(AccessRules(proxies=("127.0.0.1",))), "", False, OPEN),
        (AdminRights(AccessRules(root_path="/clippings")), "", False, OPEN),
        (AdminRights(AccessRules(origins=("https://desk.example.org",))), "", False, OPEN),
        (AdminRights(AccessRules("0.0.0.0", ("a",)), True, frozenset({"ann"})), "ann", True, None),
        (AdminRights(AccessRules(), True, frozenset({"ann"})), "bob", False, NOT_ADMIN),
        (AdminRights(AccessRules(), True, frozenset({"ann"})), "token:ann", False, NOT_ADMIN),
        (AdminRights(AccessRules(), True), "ann", False, NOT_ADMIN),
        (AdminRights(AccessRules(), True, frozenset({"ann"}), read_only=True), "ann", False, READ_ONLY),
    ],
)
def test_the_model_is_set_by_whoever_runs_the_server(
    rights: AdminRights, owner: str, forwarded: bool, why: str | None
) -> None:
    assert rights.objection(owner, forwarded=forwarded) == why


def test_others_are_refused_on_every_route_and_nothing_is_stored_or_contacted(
    library: Library, server: ModelServer
) -> None:
    people = library.own.home.parent / "people.txt"
    for name in ("ann", "bob"):
        add_account(people, name, f"{name}'s password")
    accounts = Accounts.read(people)
    guarded = Server(library, accounts=accounts, admins=("ann",))
    token = {"Authorization": f"Bearer {guarded.people.people.tokens.add('desk', False)}"}
    ann, bob = (guarded.people.start_session(n, accounts.fingerprint(n) or "") for n in ("ann", "bob"))
    alone, public = Server(library), Server(library, AccessRules(host_names=("news.example.org",)))
    read_only = Server(replace(library, read_only=True))
    applications = {id(made): made.application() for made in (guarded, alone, public, read_only)}
    try:
        for made, cookies, headers, said in (
            (guarded, {}, {}, (401, "log in first, or send a token: Authorization: Bearer …")),
            (guarded, {"clippings_session": bob}, {}, (403, NOT_ADMIN)),
            (guarded, {}, token, (403, NOT_ADMIN)),
            (alone, {}, token, (403, NOT_ADMIN)),
            (alone, {}, {"X-Forwarded-For": "192.0.2.1"}, (403, OPEN)),
            (public, {}, {}, (403, OPEN)),
            (read_only, {}, {}, (403, READ_ONLY)),
        ):
            page = Page(made, applications[id(made)], **cookies)
            for method, path in ROUTES:
                body = {} if method in ("GET", "DELETE") else {"json": wanted(server, key=KEY)}
                assert page.refused(method, f"/api/model{path}", headers=headers, **body) == said
        stranger = {"Origin": "https://evil.example"}
        page = Page(guarded, applications[id(guarded)], clippings_session=ann)
        for method, path in ROUTES:
            answer = page.ask(method, f"/api/model{path}", headers=stranger)
            assert (answer.status_code, answer.json()["error"]["kind"]) == (403, "foreign_origin")
        assert ((library.own.home / FILE).exists(), server.requests) == (False, [])
        saved = page.json("PUT", "/api/model", json=wanted(server, key=KEY))
        assert saved == state("page", provider="openai-like", url=server.url, name="m", has_key=True)
    finally:
        for made in (guarded, alone, public, read_only):
            made.close()


@pytest.mark.parametrize(
    ("admins", "accounts", "said"),
    [
        (("ann",), False, "--admin ann names an account, so the server needs accounts. Add --auth-file"),
        (("bob",), True, "--admin bob: there is no such account. Add it first: clippings account add bob --auth-file FILE"),
    ],
)  # fmt: skip
def test_an_admin_is_an_account(
    library: Library, tmp_path: Path, admins: tuple[str, ...], accounts: bool, said: str
) -> None:
    add_account(tmp_path / "who", "ann", "ann's password")
    with pytest.raises(ConfigError) as error:
        Server(library, accounts=Accounts.read(tmp_path / "who") if accounts else None, admins=admins)
    assert str(error.value) == said


# What is set


def test_a_model_that_is_set_words_the_next_answer_until_it_is_removed(
    page: Page, library: Library, server: ModelServer
) -> None:
    server.behaviour = saying("The demo tells ", "of Iran [1].")
    assert page.json("GET", "/api/model") == state()
    before = asked(library)
    set_to = {"timeout": 12.5, "context_window": 4096}
    saved = page.json("PUT", "/api/model", json=wanted(server, key=KEY, **set_to))
    assert saved == state("page", provider="openai-like", url=server.url, name="m", has_key=True, **set_to)
    assert server.requests == []  # nothing is contacted before a question
    answer = asked(library)
    assert (answer.text, answer.notice) == ("The demo tells of Iran. [1]", None)
    assert answer.trace.answerer.startswith("generate:m, ")
    ((path, authorization, body),) = server.requests
    assert (path, authorization, body["model"]) == ("/v1/chat/completions", f"Bearer {KEY}", "m")
    settings = ModelSettings(server.url, "m", timeout=12.5, context_window=4096)
    assert library.model == settings
    assert answer.trace.config == replace(library.demo, model=settings).fingerprint() != before.trace.config
    assert page.json("DELETE", "/api/model") == state()
    assert not (library.own.home / FILE).exists()
    assert (asked(library).trace.answerer, asked(library).trace.config) == ("extract", before.trace.config)
    page.json("PUT", "/api/model", json=wanted(server))
    assert page.json("PUT", "/api/model", json={"provider": "none"}) == state()  # the same as to remove it
    assert not (library.own.home / FILE).exists()


def test_a_question_that_is_being_answered_ends_as_it_began(
    page: Page, library: Library, server: ModelServer
) -> None:
    begun = threading.Event()

    def held(reply: Any) -> None:
        reply.begin()
        reply.say("The demo tells ")
        begun.set()
        assert server.go_on.wait(20)
        reply.say("of Iran [1].")
        reply.end()

    server.behaviour = held
    page.json("PUT", "/api/model", json=wanted(server, name="first"))
    first = library.model
    searching = library.assistant("demo").stream(QUESTION)
    next(searching)
    running: list[Answer] = []
    asking = threading.Thread(target=lambda: running.append(asked(library)))
    asking.start()
    assert begun.wait(20)
    page.json("PUT", "/api/model", json=wanted(server, name="second"))
    server.go_on.set()
    asking.join(20)
    (old,), new = running, asked(library)
    *_, before = searching
    assert [old.text, new.text] == ["The demo tells of Iran. [1]"] * 2
    assert [answer.trace.answerer.split(",")[0] for answer in (before, old, new)] == [
        "generate:first",
        "generate:first",
        "generate:second",
    ]
    assert [answer.trace.config for answer in (old, new)] == [
        replace(library.demo, model=model).fingerprint() for model in (first, library.model)
    ]


def test_the_next_process_has_the_model_that_was_saved(
    page: Page, library: Library, server: ModelServer, tmp_path: Path, encoder: WordEncoder
) -> None:
    sync(
        write_jsonl(tmp_path / "own.jsonl", {"id": "one", "text": "Iran struck first."}),
        library.own,
        encoder=encoder,
    )
    page.json("PUT", "/api/model", json=wanted(server, key=KEY))
    with LocalServices().open(library.own, Engines(encoder, WordReader())) as assistant:
        assert assistant.model == "m"
    again = replace(library, model_choice=_model_choice(library.own), _opened={}, _lock=threading.RLock())
    assert again.assistant("demo").model == "m"
    again.close()


def test_the_key_comes_out_nowhere(
    page: Page, library: Library, server: ModelServer, tmp_path: Path, caplog: pytest.LogCaptureFixture, encoder: WordEncoder
) -> None:  # fmt: skip
    sync(
        write_jsonl(tmp_path / "own.jsonl", {"id": "one", "text": "Iran struck first."}),
        library.own,
        encoder=encoder,
    )
    caplog.set_level(logging.DEBUG)
    server.behaviour = refusing(401)
    came = [
        page.ask("PUT", "/api/model", json=wanted(server, key=KEY)),
        page.ask("GET", "/api/model"),
        page.ask("POST", "/api/model/test", json=wanted(server)),
        page.ask("POST", "/api/model/test", json=wanted(server, key=f"{KEY}\n{KEY}")),
        page.ask("PUT", "/api/model", json=wanted(server, key=[KEY])),
        page.ask("PUT", "/api/model", json=wanted(server, key=f"{KEY}\0")),
        page.ask("PUT", "/api/model", json=wanted(server, key=KEY * 1000)),
        page.ask("POST", "/api/ask", json={"question": QUESTION, "collection": "demo"}),
        page.ask("GET", "/api/openapi.json"),
    ]
    assert [answer.status_code for answer in came] == [200, 200, 200, 422, 422, 422, 422, 200, 200]
    assert server.requests[0][1] == f"Bearer {KEY}"
    file = library.own.home / FILE
    assert (oct(file.stat().st_mode & 0o777), json.loads(file.read_text())["key"]) == ("0o600", KEY)
    kept = backup(tmp_path / "kept.zip", library.own, conversations=True).file
    with zipfile.ZipFile(kept) as archive:
        held = [archive.read(name).decode("latin-1") for name in archive.namelist()]
        assert FILE not in archive.namelist()
    saved = read_model(library.own.home)
    for text in (*(answer.text for answer in came), caplog.text, *held, repr(saved), repr(library.own)):
        assert KEY not in text


@pytest.mark.parametrize(
    ("change", "sent"),
    [
        ({}, f"Bearer {KEY}"),
        ({"name": "another"}, f"Bearer {KEY}"),
        ({"key": ""}, "Bearer none"),
        ({"key": "sk-2"}, "Bearer sk-2"),
        ({"url": "{url}/"}, "Bearer none"),
        ({"provider": "openai"}, None),
    ],
)
def test_a_stored_key_goes_to_the_address_it_was_stored_for_alone(
    page: Page, library: Library, server: ModelServer, change: dict[str, Any], sent: str | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setenv("CLIPPINGS_MODEL_KEY", "sk-of-the-configuration")  # for a model that is named there
    page.json("PUT", "/api/model", json=wanted(server, key=KEY))
    change = {name: value.format(url=server.url) for name, value in change.items()}
    body = wanted(server) | change
    if sent is None:
        body["url"] = "http://127.0.0.1:9"
    for method, path in (("POST", "/test"), ("PUT", "")):
        page.json(method, f"/api/model{path}", json=body)
    asked(library)
    assert {authorization for _, authorization, _ in server.requests} == ({sent} if sent else set())
    assert page.json("GET", "/api/model")["has_key"] == (sent not in (None, "Bearer none"))


# What the configuration says comes first


def test_what_the_configuration_names_cannot_be_set(library: Library, server: ModelServer) -> None:
    save_model(library.own.home, SavedModel(ModelSettings(name="saved", provider="ollama"), KEY))
    configured = ModelSettings(server.url.replace("//", "//ann:secret@"), "named")
    library.own = replace(library.own, model=configured)
    library.model_choice = _model_choice(library.own)
    page = over(library)
    facts = {"provider": "openai-like", "url": server.url.replace("//", "//…@"), "name": "named"}
    assert page.json("GET", "/api/model") == state("configuration", fixed=["model"], **facts)
    fixed = "the language model is set by the server's configuration, so it cannot be changed here. Change it in clippings.toml or the CLIPPINGS_MODEL_… variables, and restart the server"
    assert page.refused("PUT", "/api/model", json=wanted(server)) == (403, fixed)
    assert page.refused("DELETE", "/api/model") == (403, fixed)
    assert page.refused("POST", "/api/model/test", json=wanted(server)) == (
        403, "the model is set by the server's configuration. Test it with `clippings doctor`",
    )  # fmt: skip
    assert (library.model, server.requests) == (configured, [])
    assert read_model(library.own.home) == SavedModel(ModelSettings(name="saved", provider="ollama"), KEY)


def test_a_limit_of_the_configuration_stays_as_it_is(library: Library, server: ModelServer) -> None:
    library.own = replace(library.own, model=ModelSettings(timeout=90.0, max_tokens=64))
    library.model_choice = _model_choice(library.own)
    page = over(library)
    saved = page.json("PUT", "/api/model", json=wanted(server, timeout=5.0, context_window=2048))
    facts = {"provider": "openai-like", "url": server.url, "name": "m", "context_window": 2048}
    assert saved == state("page", timeout=90.0, fixed=["max_tokens", "timeout"], **facts)
    asked(library)
    assert server.requests[0][2]["max_tokens"] == 64


# What cannot be set


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"provider": "huggingface", "name": "/etc"}, "provider must be 'none', 'smollm2', 'file', 'ollama', 'openai', 'anthropic' or 'openai-like', not \"huggingface\""),
        ({"provider": "openai-like", "name": "m"}, "the address of the server is missing. Enter it, such as http://localhost:8000/v1"),
        ({"provider": "ollama"}, "the name of the model is missing. Enter it as the server calls it"),
        ({"provider": "ollama", "name": "m", "url": "file:///etc/passwd"}, "the address must start with http:// or https://, not 'file:///etc/passwd'"),
        ({"provider": "ollama", "name": "m", "url": "http://"}, "the address is not a valid URL: 'http://'. Check the spelling"),
        ({"provider": "ollama", "name": "m", "url": "http://ann:pw@host"}, "the address has a user name or a password, which would be shown with it. Leave them out: a key has its own field, and an address with a password can be set in clippings.toml"),
        ({"provider": "ollama", "name": "m", "key": "é"}, "this is not a valid key. A key is one line of printable ASCII characters, and nothing else"),
        ({"provider": "ollama", "name": "m", "timeout": 0.5}, "timeout must be at least 1.0, not 0.5"),
        ({"provider": "ollama", "name": "m", "context_window": 1023}, "context_window must be at least 1,024, not 1023"),
        ({"provider": "ollama", "name": "m", "path": "/etc/x.gguf"}, 'there is no parameter "path". The parameters are: provider, url, name, file, key, timeout, context_window'),
        ({"provider": "file"}, "no model file is chosen. Put a .gguf file into {folder}, and choose it"),
        ({"provider": "file", "file": "../secret.gguf"}, "a model file is chosen by its name alone, from the folder {folder}"),
        ({"provider": "file", "file": "{outside}"}, "a model file is chosen by its name alone, from the folder {folder}"),
        ({"provider": "file", "file": "gone.gguf"}, "there is no model file 'gone.gguf' in {folder}. Put it there, and choose it again"),
        ({"provider": "file", "file": "notes.txt"}, "the model file must be the path of a .gguf file, not '{folder}/notes.txt'"),
    ],
)  # fmt: skip
def test_what_cannot_be_a_model_is_refused_and_nothing_changes(
    page: Page, library: Library, body: dict[str, Any], said: str
) -> None:
    folder = models_folder()
    folder.mkdir(parents=True)
    outside = folder.parent / "secret.gguf"
    outside.touch()
    (folder / "secret.gguf").touch()
    (folder / "notes.txt").touch()
    names = {"folder": str(folder), "outside": str(outside)}
    body = {name: value.format(**names) if isinstance(value, str) else value for name, value in body.items()}
    for method, path in (("PUT", ""), ("POST", "/test")):
        answer = page.ask(method, f"/api/model{path}", json=body)
        assert (answer.status_code, answer.json()["error"]) == (
            422, {"kind": "argument", "message": said.format(**names)},
        )  # fmt: skip
    assert not (library.own.home / FILE).exists()
    assert not library.model.configured


def test_a_file_of_the_models_folder_is_chosen_by_its_name(page: Page, library: Library) -> None:
    models_folder().mkdir(parents=True)
    for name in ("b.gguf", "a.GGUF", "notes.txt"):
        (models_folder() / name).touch()
    saved = page.json("PUT", "/api/model", json={"provider": "file", "file": "b.gguf", "key": KEY})
    assert saved == state("page", provider="file", file="b.gguf", files=["a.GGUF", "b.gguf"])
    assert library.model == ModelSettings(provider="local", path=str(models_folder() / "b.gguf"))
    assert KEY not in (library.own.home / FILE).read_text()  # nobody is sent it
    saved = page.json("PUT", "/api/model", json={"provider": "smollm2"})
    assert saved == state("page", provider="smollm2", files=["a.GGUF", "b.gguf"])


def test_what_cannot_be_written_changes_nothing(
    page: Page, library: Library, server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    page.json("PUT", "/api/model", json=wanted(server, name="first"))
    before, listed = (library.own.home / FILE).read_text(), sorted(os.listdir(library.own.home))

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as failing:
        failing.setattr(os, "replace", full)
        assert page.refused("PUT", "/api/model", json=wanted(server, name="second")) == (
            503,
            "the language model cannot be saved in the collection's folder: No space left on device. Nothing was changed",
        )
    assert ((library.own.home / FILE).read_text(), sorted(os.listdir(library.own.home))) == (before, listed)
    assert library.model.name == "first"


WHOLE = {
    "provider": "ollama",
    "url": None,
    "name": "m",
    "file": None,
    "timeout": 30.0,
    "context_window": 8192,
    "key": KEY,
}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (f'{{"key": "{KEY}"', ""),
        (f'["{KEY}"]', ""),
        (json.dumps(WHOLE | {"key": [KEY]}), ""),
        (json.dumps({"provider": "ollama"}), ""),
        (json.dumps(WHOLE | {"file": 5}), ""),
        (json.dumps(WHOLE | {"key_file": "/etc/passwd"}), ": a key file cannot be named on the page. Enter the key itself"),
        (json.dumps(WHOLE | {"key": "é"}), ": this is not a valid key. A key is one line of printable ASCII characters, and nothing else"),
        (json.dumps(WHOLE | {"provider": "huggingface"}), ": a model of huggingface cannot be chosen on the page. Set it in clippings.toml"),
        (json.dumps(WHOLE | {"timeout": "30"}), ": model.timeout must be a number, not '30'"),
        (json.dumps(WHOLE | {"provider": "local", "name": None, "file": "gone.gguf"}), ": there is no model file 'gone.gguf' in {folder}. Put it there, and choose it again"),
    ],
)  # fmt: skip
def test_a_damaged_file_is_told_of_and_the_articles_answer(
    library: Library, text: str, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    library.own.home.mkdir(mode=0o700)
    (library.own.home / FILE).write_text(text)
    said = (
        f"the saved language model in {library.own.home / FILE} cannot be used"
        f"{why.format(folder=models_folder())}. Save it again on the page, or remove the file"
    )
    library.model_choice = _model_choice(library.own)
    assert [record.getMessage() for record in caplog.records] == [
        f"{said}. The articles answer by themselves"
    ]
    page = over(library)
    assert page.json("GET", "/api/model") == state(fault=said)
    assert (asked(library).trace.answerer, KEY in said) == ("extract", False)
    assert page.json("DELETE", "/api/model") == state()
    assert not (library.own.home / FILE).exists()


# What a test says


def told(server: ModelServer, key: str | None = KEY, **more: Any) -> str:
    return probe(replace(ModelSettings(server.url, "m"), **more), key).message


def test_a_test_asks_one_short_thing_and_says_what_came(page: Page, server: ModelServer) -> None:
    server.behaviour = saying("Yes", ", of course.\n\n", "And ", "more")
    came = page.json("POST", "/api/model/test", json=wanted(server, key=KEY))
    assert came["works"] is True
    assert 0 < came["seconds"] < 20
    assert came["message"] == (
        f"m answers: “Yes, of course. And more”. Its first words came after {came['seconds']:.1f} s."
    )
    ((_, authorization, body),) = server.requests
    assert (authorization, body["messages"]) == (
        f"Bearer {KEY}", [{"role": "user", "content": "Reply with the word yes."}],
    )  # fmt: skip
    assert page.json("GET", "/api/model") == state()  # nothing is stored
    assert page.json("POST", "/api/model/test", json={"provider": "none"}) == {
        "works": True, "message": "The articles answer by themselves.", "seconds": None,
    }  # fmt: skip


def test_a_test_reads_no_more_than_it_shows(server: ModelServer) -> None:
    def talking(reply: Any) -> None:
        reply.begin()
        for _ in range(30):
            reply.say("word ")
        assert server.go_on.wait(20)
        reply.say("and more")

    server.behaviour = talking
    assert told(server).startswith(f"m answers: “{('word ' * 16)[:80]}…”. ")


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (401, "{url} refuses the key. Enter another one."),
        (403, "{url} refuses the key. Enter another one."),
        (404, "{url} answers, but does not know the model m, or the address has another path. Check the name and the address."),
        (307, "{url} sends on to another address, which is not followed. Enter that one."),
        (429, "{url} takes no more requests just now. Try again in a while, or check what your key allows."),
        (500, "{url} answers with error 500. Check the name of the model, or look at the server's log."),
    ],
)  # fmt: skip
def test_a_test_says_what_a_refusal_means(
    server: ModelServer, status: int, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(language, "_WAITS", ())
    server.behaviour = refusing(status)
    assert told(server) == said.format(url=server.url)


def test_a_test_says_what_is_wrong_where_nothing_is_refused(server: ModelServer) -> None:
    def silent(reply: Any) -> None:
        reply.begin()
        assert server.go_on.wait(20)

    def drivel(reply: Any) -> None:
        reply.begin()
        reply.raw("data: <html>\n\n")
        reply.end()

    server.behaviour = refusing(401)
    assert told(server, key=None) == f"{server.url} wants a key. Enter one."
    assert told(server, key=None, url=None, provider="openai") == "OpenAI wants a key. Enter one."
    server.behaviour = saying("", " \n")
    assert told(server) == (
        "m sent an empty reply. Check that it is loaded, that it is a model for chats, and that the provider is right."
    )
    server.behaviour = drivel
    assert told(server) == (
        f"{server.url} answers, but not as a language model's server does. Check the address: it often ends in /v1."
    )
    server.behaviour = silent
    assert told(server, timeout=1.0) == (
        f"{server.url} did not answer within 1 s. It may be loading the model: try again in a minute. If that does not "
        "help, check the address."
    )
    assert told(server, url="http://127.0.0.1:9/v1") == (
        "No server answers at http://127.0.0.1:9/v1. Check the address, and whether the server is running."
    )
    said = told(server, provider="local", url=None, name=None)
    assert said.startswith("SmolLM2-135M-Instruct is not here yet. Fetch it: ")


def test_one_test_runs_at_a_time(page: Page, server: ModelServer) -> None:
    begun = threading.Event()

    def held(reply: Any) -> None:
        begun.set()
        assert server.go_on.wait(20)
        saying("Yes.")(reply)

    server.behaviour = held
    came: list[httpx.Response] = []
    testing = threading.Thread(
        target=lambda: came.append(page.ask("POST", "/api/model/test", json=wanted(server)))
    )
    testing.start()
    assert begun.wait(20)
    assert page.refused("POST", "/api/model/test", json=wanted(server)) == (
        503,
        "another test is running. Try again when it is over",
    )
    server.go_on.set()
    testing.join(20)
    assert came[0].json()["works"] is True
    assert page.json("POST", "/api/model/test", json=wanted(server))["works"] is True


# The doctor


def test_the_doctor_checks_the_model_in_force_and_says_where_it_comes_from(
    tmp_path: Path, server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLIPPINGS_MODEL_KEY", "sk-of-the-configuration")
    config, settings = Config(home=tmp_path / "home"), ModelSettings(server.url, "m")
    assert _model_to_check(config)[::2] == (config, "")
    assert _model_to_check(config)[1]() is None
    save_model(config.home, SavedModel(settings, KEY))
    checked, model, source = _model_to_check(config)
    assert (checked, source) == (
        replace(config, model=settings),
        f"it was saved on the page, in {config.home / FILE}",
    )
    assert "".join(model().stream(HELLO)) == "Hello there."
    configured = replace(config, model=settings)
    checked, model, source = _model_to_check(configured)
    assert (checked, source) == (configured, "it is set in the configuration")
    assert "".join(model().stream(HELLO)) == "Hello there."
    assert [key for _, key, _ in server.requests] == [f"Bearer {KEY}", "Bearer sk-of-the-configuration"]
    (config.home / FILE).write_text("{")
    checked, model, source = _model_to_check(config)
    assert (checked, source) == (config, "")
    with pytest.raises(ConfigError, match=r"cannot be used\. Save it again on the page, or remove the file$"):
        model()
