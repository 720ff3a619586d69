"""The settings: where each comes from, what is refused and in which words, and what changes the fingerprint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from rag.config import (
    RENAMED,
    ChromaSettings,
    Config,
    FetchSettings,
    ModelSettings,
    PassageSettings,
    RetrievalSettings,
    ServeSettings,
    default_home,
    demo,
    load,
)
from rag.errors import ConfigError

SECRET = "sk-7f3a-not-to-be-seen"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder without a configuration file."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def refused(environ: Mapping[str, str] | None = None, **overrides: Any) -> str:
    with pytest.raises(ConfigError) as error:
        load(environ or {}, **overrides)
    return str(error.value)


# Where a value comes from: a later source wins over an earlier one.


def test_with_nothing_said_every_setting_has_its_default() -> None:
    assert load({}) == Config()
    assert (Config().encoder, Config().passages, Config().retrieval, Config().model) == (
        "all-MiniLM-L6-v2",
        PassageSettings(words=150, overlap=1, title=True),
        RetrievalSettings(candidates=50, top_k=8, rrf_k=10, rerank_top_n=14, gather_top_k=24),
        ModelSettings(
            url=None, name=None, key_file=None, timeout=30.0, context_window=8192, max_tokens=700, max_calls=6
        ),
    )


def test_the_file_wins_over_defaults_variables_over_the_file_and_overrides_over_all(folder: Path) -> None:
    write(
        folder / "clippings.toml",
        'encoder = "of the file"\nhome = "h-file"\n[retrieval]\ntop_k = 5\nrrf_k = 33\n',
    )
    environ = {"CLIPPINGS_ENCODER": "of a variable", "CLIPPINGS_RETRIEVAL_TOP_K": "6"}
    by_file = load({})
    assert (by_file.encoder, by_file.retrieval) == ("of the file", RetrievalSettings(top_k=5, rrf_k=33))
    by_variable = load(environ)
    assert (by_variable.encoder, by_variable.retrieval) == (
        "of a variable",
        RetrievalSettings(top_k=6, rrf_k=33),
    )
    by_call = load(environ, encoder="of the call", retrieval={"top_k": 7})
    assert (by_call.encoder, by_call.retrieval, by_call.home) == (
        "of the call",
        RetrievalSettings(top_k=7),
        Path("h-file"),
    )


def test_an_override_that_is_none_was_not_given() -> None:
    assert load({"CLIPPINGS_HOME": "elsewhere"}, home=None).home == Path("elsewhere")


def test_the_file_may_be_named_and_then_the_one_in_the_working_folder_is_not_read(folder: Path) -> None:
    write(folder / "clippings.toml", 'encoder = "lies here"')
    named = write(folder / "mine.toml", 'encoder = "was named"')
    assert load({"CLIPPINGS_CONFIG": str(named)}).encoder == "was named"


def test_every_setting_can_be_given_by_a_variable() -> None:
    environ = {
        "CLIPPINGS_HOME": "h",
        "CLIPPINGS_ENCODER": "e",
        "CLIPPINGS_PASSAGES_WORDS": "99",
        "CLIPPINGS_PASSAGES_OVERLAP": "0",
        "CLIPPINGS_PASSAGES_TITLE": "false",
        "CLIPPINGS_RETRIEVAL_CANDIDATES": "9",
        "CLIPPINGS_RETRIEVAL_TOP_K": "3",
        "CLIPPINGS_RETRIEVAL_RRF_K": "1",
        "CLIPPINGS_RETRIEVAL_RERANK_TOP_N": "5",
        "CLIPPINGS_RETRIEVAL_DENSE": "exact",
        "CLIPPINGS_RETRIEVAL_GATHER_TOP_K": "12",
        "CLIPPINGS_MODEL_URL": "https://host/v1",
        "CLIPPINGS_MODEL_NAME": "m",
        "CLIPPINGS_MODEL_KEY_FILE": "k",
        "CLIPPINGS_MODEL_TIMEOUT": "2.5",
        "CLIPPINGS_MODEL_CONTEXT_WINDOW": "2048",
        "CLIPPINGS_MODEL_MAX_TOKENS": "64",
        "CLIPPINGS_MODEL_PROVIDER": "openai",
        "CLIPPINGS_MODEL_PROMPT": "quotes",
        "CLIPPINGS_MODEL_PASSAGES": "12",
        "CLIPPINGS_MODEL_MAX_CALLS": "4",
        "CLIPPINGS_FETCH_ALLOW_PRIVATE": "true",
        "CLIPPINGS_FETCH_DELAY": "0.5",
        "CLIPPINGS_SERVE_MAX_CONCURRENCY": "2",
        "CLIPPINGS_SERVE_QUEUE_SIZE": "0",
        "CLIPPINGS_SERVE_QUEUE_TIMEOUT": "7.5",
        "CLIPPINGS_SERVE_SHUTDOWN_TIMEOUT": "0",
        "CLIPPINGS_SERVE_UPLOAD_MAX_FILE_BYTES": "10",
        "CLIPPINGS_SERVE_UPLOAD_MAX_FILES": "3",
        "CLIPPINGS_SERVE_UPLOAD_MAX_TOTAL_BYTES": "20",
        "CLIPPINGS_SERVE_REQUEST_TIMEOUT": "9",
        "CLIPPINGS_CHROMA_URL": "https://chroma",
        "CLIPPINGS_CHROMA_TENANT": "t",
        "CLIPPINGS_CHROMA_DATABASE": "d",
        "CLIPPINGS_CHROMA_COLLECTION": "c",
        "CLIPPINGS_CHROMA_KEY_FILE": "f",
        "CLIPPINGS_CHROMA_TIMEOUT": "5",
        "CLIPPINGS_CHROMA_TEXTS": "false",
    }
    assert load(environ) == Config(
        Path("h"),
        "e",
        PassageSettings(99, 0, False),
        RetrievalSettings(9, 3, 1, 5, "exact", 12),
        ModelSettings(
            "https://host/v1", "m", "k", 2.5, 2048, 64, "openai", prompt="quotes", passages=12, max_calls=4
        ),
        FetchSettings(True, 0.5),
        ServeSettings(2, 0, 7.5, 0.0, 10, 3, 20, 9.0),
        ChromaSettings("https://chroma", "t", "d", "c", "f", 5.0, False),
    )
    sections = [f.name for f in fields(Config) if is_dataclass(getattr(Config(), f.name))]
    inner = sum(len(fields(getattr(Config(), section))) for section in sections)
    local = {
        "CLIPPINGS_MODEL_PATH": "m.gguf",
        "CLIPPINGS_MODEL_PROVIDER": "local",
    }  # which has neither url nor name
    assert load(local) == Config(model=ModelSettings(provider="local", path="m.gguf"))
    assert len(environ | local) == inner + len(fields(Config)) - len(sections), (
        "a new setting is missing from this list"
    )


def test_what_belongs_to_other_programs_is_left_alone() -> None:
    assert load({"PATH": "/bin", "clippings_home": "x", "MYCLIPPINGS_HOME": "x"}) == Config()


def test_a_switch_understands_the_usual_words() -> None:
    for words, value in ((["true", "1", "YES", "on"], True), (["False", "0", "no", "off"], False)):
        assert [load({"CLIPPINGS_PASSAGES_TITLE": word}).passages.title for word in words] == [value] * 4


def test_an_empty_address_is_no_address() -> None:
    assert load({"CLIPPINGS_MODEL_URL": "", "CLIPPINGS_MODEL_NAME": ""}).model == ModelSettings()


# What is refused. The whole sentence, since the reader has nothing else to act on.


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        ({"CLIPPINGS_ENCODR": "x"}, "unknown setting encodr. Did you mean encoder?"),
        ({"CLIPPINGS_RETRIEVAL_TOPK": "3"}, "unknown setting retrieval.topk. Did you mean retrieval.top_k?"),
        (
            {"CLIPPINGS_ZZZ": "x"},
            "unknown setting zzz. The settings are: home, encoder, passages, retrieval, model, fetch, serve, chroma",
        ),
        (
            {"CLIPPINGS_PASSAGES_QQQ": "x"},
            "unknown setting passages.qqq. The settings are: words, overlap, title",
        ),
        ({"CLIPPINGS_MODEL": "gpt"}, "model must be a section of settings, not 'gpt'"),
        ({"CLIPPINGS_HOME": ""}, "home must be the path of a folder, not ''"),
        ({"CLIPPINGS_PASSAGES_TITLE": "maybe"}, "passages.title must be true or false, not 'maybe'"),
        ({"CLIPPINGS_PASSAGES_WORDS": "many"}, "passages.words must be a whole number, not 'many'"),
        ({"CLIPPINGS_PASSAGES_WORDS": "3.5"}, "passages.words must be a whole number, not '3.5'"),
        ({"CLIPPINGS_MODEL_TIMEOUT": "soon"}, "model.timeout must be a number, not 'soon'"),
        ({"CLIPPINGS_PASSAGES_WORDS": "19"}, "passages.words must be at least 20, not 19"),
        ({"CLIPPINGS_PASSAGES_OVERLAP": "-1"}, "passages.overlap must be at least 0, not -1"),
        ({"CLIPPINGS_RETRIEVAL_CANDIDATES": "0"}, "retrieval.candidates must be at least 1, not 0"),
        ({"CLIPPINGS_RETRIEVAL_TOP_K": "0"}, "retrieval.top_k must be at least 1, not 0"),
        ({"CLIPPINGS_RETRIEVAL_RRF_K": "0"}, "retrieval.rrf_k must be at least 1, not 0"),
        ({"CLIPPINGS_RETRIEVAL_RERANK_TOP_N": "0"}, "retrieval.rerank_top_n must be at least 1, not 0"),
        ({"CLIPPINGS_RETRIEVAL_GATHER_TOP_K": "0"}, "retrieval.gather_top_k must be at least 1, not 0"),
        (
            {"CLIPPINGS_RETRIEVAL_TOP_K": "8", "CLIPPINGS_RETRIEVAL_CANDIDATES": "5"},
            "retrieval.top_k (8) must not exceed retrieval.candidates (5): the evidence is chosen from the "
            "candidates",
        ),
        (
            {"CLIPPINGS_MODEL_URL": "localhost:11434"},
            "model.url must start with http:// or https://, not 'localhost:11434'",
        ),
        (
            {"CLIPPINGS_MODEL_URL": "http://localhost:11434/v1"},
            "model.url is set (http://localhost:11434/v1) but model.name is not. Set it to a model of that "
            "server",
        ),
        ({"CLIPPINGS_MODEL_TIMEOUT": "0"}, "model.timeout must be more than 0 seconds, not 0.0"),
        ({"CLIPPINGS_MODEL_TIMEOUT": "nan"}, "model.timeout must be more than 0 seconds, not nan"),
        ({"CLIPPINGS_MODEL_CONTEXT_WINDOW": "1023"}, "model.context_window must be at least 1024, not 1023"),
        ({"CLIPPINGS_MODEL_MAX_TOKENS": "15"}, "model.max_tokens must be at least 16, not 15"),
        ({"CLIPPINGS_MODEL_PASSAGES": "0"}, "model.passages must be at least 1, not 0"),
        ({"CLIPPINGS_MODEL_PROMPT": "quote"}, "unknown model.prompt 'quote'. Did you mean quotes?"),
        (
            {"CLIPPINGS_MODEL_PROMPT": "essay"},
            "unknown model.prompt 'essay'. Choose one of: numbers, quotes, quotes-first",
        ),
        ({"CLIPPINGS_MODEL_MAX_CALLS": "0"}, "model.max_calls must be at least 1, not 0"),
        ({"CLIPPINGS_SERVE_MAX_CONCURRENCY": "0"}, "serve.max_concurrency must be at least 1, not 0"),
        ({"CLIPPINGS_SERVE_QUEUE_SIZE": "-1"}, "serve.queue_size must be at least 0, not -1"),
        (
            {"CLIPPINGS_SERVE_QUEUE_TIMEOUT": "0"},
            "serve.queue_timeout must be more than 0 and at most 3600 seconds, not 0.0",
        ),
        (
            {"CLIPPINGS_SERVE_QUEUE_TIMEOUT": "nan"},
            "serve.queue_timeout must be more than 0 and at most 3600 seconds, not nan",
        ),
        (
            {"CLIPPINGS_SERVE_QUEUE_TIMEOUT": "3601"},
            "serve.queue_timeout must be more than 0 and at most 3600 seconds, not 3601.0",
        ),
        (
            {"CLIPPINGS_SERVE_REQUEST_TIMEOUT": "0"},
            "serve.request_timeout must be more than 0 and at most 3600 seconds, not 0.0",
        ),
        (
            {"CLIPPINGS_SERVE_REQUEST_TIMEOUT": "3601"},
            "serve.request_timeout must be more than 0 and at most 3600 seconds, not 3601.0",
        ),
        (
            {"CLIPPINGS_SERVE_SHUTDOWN_TIMEOUT": "-1"},
            "serve.shutdown_timeout must be from 0 to 3600 seconds, not -1.0",
        ),
        (
            {"CLIPPINGS_SERVE_SHUTDOWN_TIMEOUT": "inf"},
            "serve.shutdown_timeout must be from 0 to 3600 seconds, not inf",
        ),
        (
            {"CLIPPINGS_SERVE_UPLOAD_MAX_FILE_BYTES": "0"},
            "serve.upload_max_file_bytes must be at least 1, not 0",
        ),
        ({"CLIPPINGS_SERVE_UPLOAD_MAX_FILES": "0"}, "serve.upload_max_files must be at least 1, not 0"),
        (
            {"CLIPPINGS_SERVE_UPLOAD_MAX_TOTAL_BYTES": "9", "CLIPPINGS_SERVE_UPLOAD_MAX_FILE_BYTES": "10"},
            "serve.upload_max_total_bytes (9) must not be less than serve.upload_max_file_bytes (10): "
            "a file of that size could not be uploaded",
        ),
    ],
)
def test_a_wrong_variable_is_refused_with_what_to_do(environ: dict[str, str], message: str) -> None:
    assert refused(environ) == message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("retrieval = 8", "retrieval must be a section of settings, not 8"),
        ("encoder = 8", "encoder must be text, not 8"),
        ("home = 8", "home must be the path of a folder, not 8"),
        ("[passages]\nwords = 99.5", "passages.words must be a whole number, not 99.5"),
        ("[passages]\nwords = true", "passages.words must be a whole number, not True"),
        ("[passages]\nwords = [99]", "passages.words must be a whole number, not [99]"),
        ("[passages]\ntitle = 2", "passages.title must be true or false, not 2"),
        ("[model]\ntimeout = false", "model.timeout must be a number, not False"),
        (
            "[model]\nkey = 'sk'",
            "unknown setting model.key. The settings are: url, name, key_file, timeout, context_window, max_tokens, provider, path, prompt, passages, "
            "max_calls",
        ),
        (
            "colour = 'red'",
            "unknown setting colour. The settings are: home, encoder, passages, retrieval, model, fetch, serve, "
            "chroma",
        ),
    ],
)
def test_a_wrong_line_in_the_file_is_refused_with_what_to_do(folder: Path, text: str, message: str) -> None:
    write(folder / "clippings.toml", text)
    assert refused() == message


def test_a_section_that_the_file_has_as_a_value_cannot_be_completed_by_a_variable(folder: Path) -> None:
    write(folder / "clippings.toml", "model = 'gpt'")
    assert refused({"CLIPPINGS_MODEL_NAME": "m"}) == "model must be a section of settings, not 'gpt'"


def test_numbers_of_the_file_are_taken_as_they_stand(folder: Path) -> None:
    write(folder / "clippings.toml", "[passages]\nwords = 99\ntitle = false\n[model]\ntimeout = 3")
    config = load({})
    assert (config.passages, config.model.timeout) == (PassageSettings(words=99, title=False), 3.0)


def test_a_file_that_was_named_must_be_there(folder: Path) -> None:
    assert (
        refused({"CLIPPINGS_CONFIG": "no"})
        == "the configuration file no cannot be read: No such file or directory"
    )
    assert (
        refused({"CLIPPINGS_CONFIG": str(folder)})
        == f"the configuration file {folder} is a folder. Name a file in it"
    )


@pytest.mark.parametrize("text", ["home = ", "passages.words = " + 5_000 * "9", "a = " + 5_000 * "["])
def test_a_file_that_is_not_toml_is_said_to_be_so(folder: Path, text: str) -> None:
    (folder / "clippings.toml").write_text(text)
    assert refused().startswith("the configuration file clippings.toml is not valid TOML: ")


# Settings that were renamed.


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """The log, as a process has it that has not warned yet."""
    monkeypatch.setattr("rag.config._warned", set())
    return caplog


def value_of(config: Config, name: str) -> Any:
    section, _, setting = name.partition(".")
    return getattr(getattr(config, section), setting)


OLD = [
    ("retrieval.keep", "retrieval.top_k", 7),
    ("retrieval.read", "retrieval.rerank_top_n", 17),
    ("retrieval.fuse_k", "retrieval.rrf_k", 61),
    ("model.window", "model.context_window", 8193),
    ("fetch.private", "fetch.allow_private", True),
    ("fetch.pause", "fetch.delay", 2.5),
    ("serve.at_once", "serve.max_concurrency", 3),
    ("serve.waiting", "serve.queue_size", 5),
    ("serve.patience", "serve.queue_timeout", 6.5),
    ("serve.timeout", "serve.request_timeout", 7.5),
    ("serve.grace", "serve.shutdown_timeout", 8.5),
    ("serve.upload_bytes", "serve.upload_max_file_bytes", 9),
    ("serve.upload_files", "serve.upload_max_files", 10),
    ("serve.upload_disk", "serve.upload_max_total_bytes", 3_000_000_000),
]


def test_every_renamed_setting_is_in_the_list_and_its_new_name_is_a_setting() -> None:
    assert {old: new for old, new, _ in OLD} == RENAMED
    for old, new, value in OLD:
        assert value_of(Config(), new) != value, f"{new} has this value by default, so no test would notice"
        assert not hasattr(getattr(Config(), old.partition(".")[0]), old.partition(".")[2])


@pytest.mark.parametrize(("old", "new", "value"), OLD)
def test_an_old_name_in_the_file_still_works_and_is_warned_about_once(
    folder: Path, told: pytest.LogCaptureFixture, old: str, new: str, value: object
) -> None:
    section, _, name = old.partition(".")
    write(folder / "clippings.toml", f"[{section}]\n{name} = {str(value).lower()}\n")
    assert value_of(load({}), new) == value
    assert value_of(load({}), new) == value
    assert told.messages == [
        f"{old} (clippings.toml) is now called {new}. The old name stops working in release 0.3"
    ]


@pytest.mark.parametrize(("old", "new", "value"), OLD)
def test_an_old_variable_still_works_and_is_warned_about_once(
    told: pytest.LogCaptureFixture, old: str, new: str, value: object
) -> None:
    before, now = (f"CLIPPINGS_{name.replace('.', '_').upper()}" for name in (old, new))
    assert value_of(load({before: str(value)}), new) == value
    assert value_of(load({before: str(value)}), new) == value
    assert told.messages == [f"{before} is now called {now}. The old name stops working in release 0.3"]


def test_a_program_may_pass_an_old_name_to_load(told: pytest.LogCaptureFixture) -> None:
    assert load({}, retrieval={"keep": 7}).retrieval == RetrievalSettings(top_k=7)
    assert told.messages == [
        "retrieval.keep (load()) is now called retrieval.top_k. The old name stops working in release 0.3"
    ]


def test_a_variable_wins_over_the_file_whichever_of_the_two_has_the_old_name(
    folder: Path, told: pytest.LogCaptureFixture
) -> None:
    write(folder / "clippings.toml", "[retrieval]\nkeep = 5\nrrf_k = 33\n")
    config = load({"CLIPPINGS_RETRIEVAL_TOP_K": "6", "CLIPPINGS_RETRIEVAL_FUSE_K": "34"})
    assert config.retrieval == RetrievalSettings(top_k=6, rrf_k=34)


def test_an_old_and_a_new_name_in_one_place_are_refused(folder: Path, told: pytest.LogCaptureFixture) -> None:
    assert refused({"CLIPPINGS_RETRIEVAL_KEEP": "5", "CLIPPINGS_RETRIEVAL_TOP_K": "5"}) == (
        "CLIPPINGS_RETRIEVAL_KEEP is the old name of CLIPPINGS_RETRIEVAL_TOP_K, and both are set. "
        "Remove CLIPPINGS_RETRIEVAL_KEEP"
    )
    write(folder / "clippings.toml", "[retrieval]\nkeep = 5\ntop_k = 5\n")
    assert refused() == (
        "retrieval.keep is the old name of retrieval.top_k, and clippings.toml sets both. Remove retrieval.keep"
    )
    assert told.messages == []


def test_new_names_are_not_warned_about(told: pytest.LogCaptureFixture) -> None:
    load({"CLIPPINGS_RETRIEVAL_TOP_K": "6", "CLIPPINGS_SERVE_QUEUE_TIMEOUT": "5"})
    assert told.messages == []


# The fingerprint.

CHANGES: list[tuple[str, Any]] = [
    ("encoder", "another"),
    ("passages.words", 149),
    ("passages.overlap", 0),
    ("passages.title", False),
    ("retrieval.candidates", 51),
    ("retrieval.top_k", 7),
    ("retrieval.rrf_k", 61),
    ("retrieval.rerank_top_n", 17),
    ("retrieval.dense", "chroma"),
    ("retrieval.gather_top_k", 23),
    ("model.url", "http://other/v1"),
    ("model.name", "other"),
    ("model.key_file", "k"),
    ("model.timeout", 31.0),
    ("model.context_window", 8193),
    ("model.max_tokens", 701),
    ("model.provider", "ollama"),
    ("model.prompt", "quotes-first"),
    ("model.passages", 9),
    ("model.max_calls", 5),
]


def changed(config: Config, name: str, value: Any) -> Config:
    section, _, setting = name.rpartition(".")
    if not section:
        return replace(config, **{setting: value})
    return replace(config, **{section: replace(getattr(config, section), **{setting: value})})


def test_two_configurations_that_answer_alike_have_one_fingerprint() -> None:
    one = Config(home=Path("a"))
    assert one.fingerprint() == replace(one, home=Path("b")).fingerprint()
    assert one.fingerprint() == replace(one, serve=ServeSettings(1, 2, 3, 4)).fingerprint()
    assert len(one.fingerprint()) == 12
    assert int(one.fingerprint(), 16) >= 0


def test_no_two_settings_change_the_fingerprint_alike() -> None:
    config = Config(model=ModelSettings("http://host/v1", "m"))
    prints = {name: changed(config, name, value).fingerprint() for name, value in CHANGES}
    # A path belongs to a local model, which has neither url nor name.
    local = Config(model=ModelSettings(provider="local"))
    prints["model.path"] = changed(local, "model.path", "m.gguf").fingerprint()
    assert len({config.fingerprint(), local.fingerprint(), *prints.values()}) == 2 + len(prints)
    settings = {f.name for f in fields(Config) if not is_dataclass(getattr(config, f.name))}
    settings |= {
        f"{s}.{f.name}" for s in ("passages", "retrieval", "model") for f in fields(getattr(config, s))
    }
    assert set(prints) == settings - {"home"}, "a new setting is missing from this list"


# Homes.


def test_a_collection_lies_in_the_data_folder_of_its_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/people/ann")
    assert default_home({}) == Path("/people/ann/.local/share/clippings/collection")
    assert default_home({"XDG_DATA_HOME": ""}) == default_home({})
    assert default_home({"XDG_DATA_HOME": "~/data"}) == Path("/people/ann/data/clippings/collection")
    assert Config(home="~/news").home == Path("/people/ann/news")  # type: ignore[arg-type]  # text is taken as well


def test_the_demo_lies_beside_the_collection_and_changes_nothing_else() -> None:
    config = Config(home=Path("some/news"), encoder="e")
    assert demo(config) == Config(home=Path("some/news-demo"), encoder="e")


# The key.


def test_the_key_comes_from_the_variable_or_else_the_file(folder: Path) -> None:
    settings = ModelSettings(key_file=str(write(folder / "key", f"  {SECRET}\n")))
    assert settings.key({"CLIPPINGS_MODEL_KEY": "of a variable"}) == "of a variable"
    assert settings.key({"CLIPPINGS_MODEL_KEY": ""}) == SECRET
    assert settings.key({}) == SECRET
    assert ModelSettings().key({}) is None


def test_a_key_file_lies_where_its_user_says(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(folder))
    write(folder / "key", SECRET)
    assert ModelSettings(key_file="~/key").key({}) == SECRET


def test_a_key_file_that_cannot_be_read_is_named_and_what_it_holds_is_not(folder: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"^model\.key_file no/key cannot be read: No such file or directory$"
    ):
        ModelSettings(key_file="no/key").key({})
    (folder / "binary").write_bytes(SECRET.encode() + b"\xff")
    with pytest.raises(ConfigError) as error:
        ModelSettings(key_file="binary").key({})
    assert str(error.value) == "model.key_file binary is not UTF-8 text. Save it as UTF-8"


@pytest.mark.parametrize("held", ["", "  \n", f"{SECRET}\n{SECRET}", f"{SECRET}\x07", f"{SECRET}…"])
def test_what_is_no_key_is_refused_and_not_quoted(folder: Path, held: str) -> None:
    path = write(folder / "key", held)
    for kind, name, variable in (
        (ModelSettings, "model", "CLIPPINGS_MODEL_KEY"), (ChromaSettings, "chroma", "CLIPPINGS_CHROMA_KEY"),
    ):  # fmt: skip
        says = "does not hold a valid key. A key is one line of printable ASCII characters, and nothing else"
        with pytest.raises(ConfigError) as error:
            kind(key_file=str(path)).key({})
        assert str(error.value) == f"{name}.key_file {path} {says}"
        if held:
            with pytest.raises(ConfigError) as error:
                kind().key({variable: held})
            assert str(error.value) == f"{variable} {says}"


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: RetrievalSettings(top_k="8"), "retrieval.top_k must be a whole number, not '8'"),  # type: ignore[arg-type]
        (lambda: RetrievalSettings(top_k=True), "retrieval.top_k must be a whole number, not True"),
        (lambda: PassageSettings(words=150.0), "passages.words must be a whole number, not 150.0"),  # type: ignore[arg-type]
        (lambda: PassageSettings(title="yes"), "passages.title must be true or false, not 'yes'"),  # type: ignore[arg-type]
        (lambda: ModelSettings(timeout="5"), "model.timeout must be a number, not '5'"),  # type: ignore[arg-type]
        (lambda: ModelSettings(url=5), "model.url must be text, not 5"),  # type: ignore[arg-type]
        (lambda: ChromaSettings(tenant=None), "chroma.tenant must be text, not None"),  # type: ignore[arg-type]
        (lambda: Config(encoder=None), "encoder must be text, not None"),  # type: ignore[arg-type]
        (
            lambda: Config(retrieval={"top_k": 8}),
            "retrieval must be a rag.config.RetrievalSettings, not {'top_k': 8}",
        ),  # type: ignore[arg-type]
        (lambda: Config(home=5), "home must be the path of a folder, not 5"),  # type: ignore[arg-type]
    ],
)
def test_a_setting_of_another_kind_is_refused_where_it_is_built(make: Any, says: str) -> None:
    with pytest.raises(ConfigError) as error:
        make()
    assert str(error.value) == says


@pytest.mark.parametrize("home", ["", "  ", "a\0b", "caf\udce9", "~nobody-is-called-so/x"])
def test_a_home_that_is_no_folders_name_is_refused(home: str) -> None:
    with pytest.raises(ConfigError, match=r"^home .*(must be|cannot be found)"):
        Config(home=home)  # type: ignore[arg-type]


def test_the_key_is_never_a_setting_nor_shown(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLIPPINGS_MODEL_KEY", SECRET)
    path = write(folder / "key", SECRET)
    config = load({"CLIPPINGS_MODEL_KEY": SECRET, "CLIPPINGS_MODEL_KEY_FILE": str(path)})
    assert config == Config(model=ModelSettings(key_file=str(path)))
    assert config.model.key() == SECRET
    assert SECRET not in f"{config!r}{config.model}"
