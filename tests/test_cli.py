"""The commands, as a person types them: real processes' output, exit statuses and refusals."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from conftest import WordEncoder, WordReader, write_jsonl

import app
from ingest.apply import Progress
from rag.config import Config
from rag.surfaces.cli import _progress, run
from rag.surfaces.services import ServeOptions

STORY = {
    "id": "strike",
    "title": "Strikes",
    "text": "Iran struck first on Tuesday.",
    "published": "2024-01-18",
    "source": "Dawn",
}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Commands over a collection encoded by the fake encoder, which stands in for sentence-transformers."""
    monkeypatch.setenv("CLIPPINGS_ENCODER", WordEncoder.name)
    monkeypatch.setattr("ingest.collection.SentenceEncoder", lambda _: WordEncoder())
    monkeypatch.setattr("rag.opening.SentenceEncoder", lambda _: WordEncoder())
    monkeypatch.setattr("rag.doctor.SentenceEncoder", lambda _: WordEncoder())
    monkeypatch.setattr("rag.models.encoder.SentenceEncoder", lambda _: WordEncoder())
    monkeypatch.setattr("rag.opening.SpanReader", WordReader)
    monkeypatch.setattr("rag.models.reader.SpanReader", WordReader)
    monkeypatch.setenv("CLIPPINGS_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def ready(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    assert app.main(["sync", str(write_jsonl(tmp_path / "news.jsonl", STORY))]) == 0
    capsys.readouterr()
    return home


def test_sync_reports_and_its_status_says_whether_all_went_well(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "desk"
    folder.mkdir()
    write_jsonl(folder / "a.jsonl", STORY)
    assert app.main(["sync", "--dry-run", str(folder)]) == 0
    assert capsys.readouterr().out == "Dry run: 1 added, 0 replaced, 0 removed, 0 unchanged, 0 failed\n"
    assert not home.exists()
    assert app.main(["sync", str(folder)]) == 0
    printed = capsys.readouterr()
    assert printed.out == "1 added, 0 replaced, 0 removed, 0 unchanged, 0 failed; 1 passages written\n"
    assert printed.err == "1 of 1 articles, 1 passages\n"
    (folder / "b.txt").write_text("")
    assert app.main(["sync", str(folder), str(tmp_path / "no-such")]) == 1
    assert capsys.readouterr().out.splitlines()[1:] == [
        "failed: desk/b.txt: it is empty. Remove it, or put the article's text into it",
        f"failed: {tmp_path / 'no-such'}: there is no such file or folder. Check the spelling, or give the "
        f"whole path",
    ]
    (folder / "a.jsonl").unlink()
    assert app.main(["sync", "--prune", str(folder)]) == 1
    assert capsys.readouterr().out.startswith("0 added, 0 replaced, 1 removed, 0 unchanged, 1 failed")


def test_edit_corrects_what_was_read_and_takes_it_back(
    ready: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (
        app.main(["edit", "strike", "--title", "Two strikes", "--published", "2024-01-17", "--source", ""])
        == 0
    )
    assert app.main(["edit", "strike", "--published", ""]) == 0
    assert app.main(["edit", "strike", "--undo"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "strike: Two strikes, source unknown, 2024-01-17",
        "strike: Two strikes, source unknown, date unknown",
        "strike: Strikes, Dawn, 2024-01-18",
    ]
    assert app.main(["edit", "strike"]) == 2
    assert app.main(["edit", "strike", "--published", "soon"]) == 1
    assert capsys.readouterr().err.splitlines() == [
        "clippings: give a correction: --title, --source or --published; or --undo",
        "clippings: 'soon' is not a day like 2024-01-20. Leave it empty if it is not known",
    ]


def test_sync_needs_something_to_take_in(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert app.main(["sync"]) == 2
    assert capsys.readouterr().err == "clippings: name the files, folders or web addresses to add\n"
    assert not home.exists()


@pytest.mark.slow
def test_rebuild_takes_the_settings_in_force(
    ready: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CLIPPINGS_PASSAGES_WORDS", "80")
    assert app.main(["ask", "Who struck first?"]) == 1
    assert "clippings sync --rebuild" in capsys.readouterr().err
    assert app.main(["sync", "--rebuild"]) == 0
    assert app.main(["ask", "Who struck first?"]) == 0


@pytest.mark.slow
def test_ask_prints_the_answer_or_all_of_it_as_json(ready: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert app.main(["ask", "Who", "struck", "first?"]) == 0
    assert capsys.readouterr().out.startswith(
        "Iran struck first on Tuesday. [1]\n\n[1] Strikes — Dawn, 18 January 2024\n"
    )
    assert app.main(["ask", "--json", "Who struck first?"]) == 0
    whole = json.loads(capsys.readouterr().out)
    assert (whole["text"], whole["abstained"]) == ("Iran struck first on Tuesday. [1]", None)


@pytest.mark.slow
def test_ask_shows_which_day_is_meant_and_leaves_the_words_alone(
    ready: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert app.main(["ask", "Who struck first?"]) == 0
    assert capsys.readouterr().out.splitlines()[3:5] == [
        "    “Iran struck first on Tuesday.”",
        "    on Tuesday = 16 January 2024",
    ]
    assert app.main(["ask", "--json", "Who struck first?"]) == 0
    assert json.loads(capsys.readouterr().out)["citations"][0]["dates"] == [
        {"start": 18, "end": 28, "words": "on Tuesday", "first": "2024-01-16", "last": "2024-01-16"}
    ]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "passages"),
    [
        ([], 1), (["--after", "2024-01-18"], 1), (["--after", "2024-01-19"], 0), (["--before", "2024-01-18"], 1),
        (["--before", "2024-01-17"], 0), (["--source", "Dawn"], 1), (["--source", "dawn"], 1), (["--source", "Dawn", "--before", "2024-01-17"], 0),
        (["--asked-on", "2024-01-20"], 1),
    ],
)  # fmt: skip
def test_the_filters_of_ask_have_their_effect(
    ready: Path, options: list[str], passages: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert app.main(["ask", "--json", "Who struck first?", *options]) == 0
    assert len(json.loads(capsys.readouterr().out)["evidence"]["passages"]) == passages


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (["ask", "?!"], 2, "the question has no word to search for"),
        (
            ["ask", "who?", "--after", "2024-02-01", "--before", "2024-01-01"],
            2,
            "no article can be published after 2024-02-01",
        ),
        (["show", "nothing"], 1, "there is no article nothing"),
        (["remove", "nothing"], 1, "there is no article nothing"),
        (["ask", "who?", "--home", "/nowhere/at/all"], 1, "there is no collection in /nowhere/at/all"),
    ],
)
def test_what_cannot_be_done_is_one_sentence_and_a_status(
    ready: Path, arguments: list[str], status: int, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert app.main(arguments) == status
    printed = capsys.readouterr()
    assert printed.err.startswith(f"clippings: {says}")
    assert printed.err.count("\n") == 1
    assert printed.out == ""


def test_a_day_that_is_none_is_refused(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        app.main(["ask", "who?", "--after", "yesterday"])
    assert stopped.value.code == 2
    assert "'yesterday' is not a date like 2024-01-20" in capsys.readouterr().err


def test_a_wrong_setting_is_named(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CLIPPINGS_RETRIEVAL_TOPK", "3")
    assert app.main(["articles"]) == 2
    assert (
        capsys.readouterr().err
        == "clippings: unknown setting retrieval.topk. Did you mean retrieval.top_k?\n"
    )


def test_articles_show_and_remove(ready: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert app.main(["articles"]) == 0
    assert capsys.readouterr().out == (
        "ID      PUBLISHED   SOURCE  WORDS  PASSAGES  TITLE\nstrike  2024-01-18  Dawn    5      1         "
        "Strikes\n"
    )
    assert app.main(["articles", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["id"], row["title"], row["words"], row["passages"]) == ("strike", "Strikes", 5, 1)
    assert app.main(["show", "strike"]) == 0
    assert capsys.readouterr().out == (
        "id: strike\ntitle: Strikes (key title)\nsource: Dawn (key source)\npublished: 2024-01-18 (key "
        "published)\n\n"
        "Iran struck first on Tuesday.\n"
    )
    assert app.main(["remove", "strike"]) == 0
    assert capsys.readouterr().out == "1 removed\n"
    assert app.main(["articles"]) == 0
    assert capsys.readouterr().out == "ID  PUBLISHED  SOURCE  WORDS  PASSAGES  TITLE\n"


@pytest.mark.slow
def test_doctor_says_what_is_well_and_fails_when_something_is_not(
    ready: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert app.main(["doctor"]) == 0
    assert [line[:5] for line in capsys.readouterr().out.splitlines()] == ["ok   "] * 9
    monkeypatch.setenv("CLIPPINGS_MODEL_URL", "http://127.0.0.1:9/v1")
    monkeypatch.setenv("CLIPPINGS_MODEL_NAME", "m")
    assert app.main(["doctor"]) == 1
    assert "FAULT  language model: no answer from http://127.0.0.1:9/v1" in capsys.readouterr().out


def test_without_a_collection_the_demo_stands_in_and_says_so(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert app.main(["articles"]) == 0
    printed = capsys.readouterr()
    assert len(printed.out.splitlines()) == 6
    assert printed.err.startswith("(You have no collection yet, so these are the demo articles.")
    assert not home.exists()


def test_serve_is_what_no_command_means() -> None:
    class Serving:
        """Only serves: every other method is missing."""

        def __init__(self) -> None:
            self.options: list[ServeOptions] = []

        def serve(self, config: Config, options: ServeOptions) -> None:
            self.options.append(options)

    services = Serving()
    for arguments, options in (
        ([], ServeOptions("127.0.0.1", 7860, (), (), (), "", None, False)),
        (["serve", "--host", "0.0.0.0", "--port", "8080"], ServeOptions(host="0.0.0.0", port=8080)),
        (
            ["serve", "--auth-file", "who.txt", "--read-only", "--root-path", "/clippings", "--admin", "ann", "--admin", "bob"],
            ServeOptions(auth_file=Path("who.txt"), read_only=True, root_path="/clippings", admins=("ann", "bob")),
        ),
        (
            ["serve", "--host-name", "a.example", "--host-name", "b.example:8443", "--proxy", "10.0.0.5",
             "--origin", "https://c.example"],
            ServeOptions(
                host_names=("a.example", "b.example:8443"),
                proxies=("10.0.0.5",),
                origins=("https://c.example",),
            ),
        ),
    ):  # fmt: skip
        assert run(arguments, services) == 0  # type: ignore[arg-type]
        assert services.options[-1] == options


@pytest.mark.parametrize(("error", "status"), [(KeyboardInterrupt(), 130), (BrokenPipeError(), 0)])
def test_an_interruption_is_not_a_traceback(
    error: BaseException, status: int, ready: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    class Interrupted:
        def config_or_demo(self, config: Config) -> Config:
            return config

        def open(self, config: Config) -> Any:
            raise error

    assert run(["articles"], Interrupted()) == status  # type: ignore[arg-type]
    assert "Traceback" not in capsys.readouterr().err


def test_a_terminal_gets_a_bar_and_a_pipe_gets_lines() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    shown = {}
    for kind in (Terminal, io.StringIO):
        stream = kind()
        with _progress(stream) as progress:
            progress(Progress(3, 10, 12))
            progress(Progress(10, 10, 40))
        shown[kind] = stream.getvalue()
    first, last = shown[io.StringIO].splitlines()
    assert re.fullmatch(r"3 of 10 articles, 12 passages, \d+ per second, about 1 seconds left", first)
    assert last == "10 of 10 articles, 40 passages"
    assert "3/10" in shown[Terminal]
    assert "10/10" in shown[Terminal]
    assert "40 passages" in shown[Terminal]


@pytest.mark.parametrize("port", ["0", "65536", "99999", "-1", "http", "8o80"])
def test_a_port_that_is_none_is_refused(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        app.main(["serve", f"--port={port}"])
    assert stopped.value.code == 2
    assert f"'{port}' is not a port: use a whole number from 1 to 65535" in capsys.readouterr().err


def test_a_column_of_another_name_is_mapped(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "export.csv"
    table.write_text("Nr;Inhalt\n7;Rain fell on Monday.\n")
    assert app.main(["sync", str(table)]) == 1
    assert "say so with --column url=NAME" in capsys.readouterr().out
    assert app.main(["sync", str(table), "--column", "id=Nr", "--column", "text=Inhalt", "--dry-run"]) == 0
    assert capsys.readouterr().out.startswith("Dry run: 1 added")
    assert app.main(["sync", str(table), "--column", "id=Nr", "--column", "text=Inhalt"]) == 0
    assert app.main(["show", "7"]) == 0
    assert "Rain fell on Monday." in capsys.readouterr().out
    with pytest.raises(SystemExit) as stopped:
        app.main(["sync", str(table), "--column", "text"])
    assert stopped.value.code == 2
    assert "'text' is not a pair like text=Body" in capsys.readouterr().err
    assert app.main(["sync", str(table), "--column", "body=Inhalt"]) == 1
    assert "there is no column 'body'; the columns are" in capsys.readouterr().err


def test_an_earlier_version_is_printed(
    ready: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "rain.txt").write_text("Rain fell on Monday.")
    app.main(["sync", str(tmp_path / "rain.txt")])
    (tmp_path / "rain.txt").write_text("Snow fell on Monday.")
    app.main(["sync", str(tmp_path / "rain.txt")])
    capsys.readouterr()
    rain = f"{tmp_path.name}/rain.txt"
    assert app.main(["show", rain]) == 0
    shown = capsys.readouterr().out
    assert shown.endswith("Snow fell on Monday.\n")
    (version,) = re.findall(r"earlier version: (\w{16}), until \d{4}-\d{2}-\d{2} \d{2}:\d{2}\n", shown)
    assert app.main(["show", rain, "--version", version]) == 0
    assert capsys.readouterr().out.endswith("Rain fell on Monday.\n")
    assert app.main(["show", rain, "--version", "none"]) == 1
    assert (
        capsys.readouterr().err
        == f"clippings: {rain} has no version none. `clippings show {rain}` lists its versions\n"
    )


@pytest.mark.slow
def test_a_collection_is_kept_in_a_file_and_made_again(
    ready: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = tmp_path / "kept.zip"
    assert app.main(["backup", str(kept)]) == 0
    assert re.match(
        r"backed up 1 articles and 1 passages \(with 1 vector\) to .*kept\.zip \(\d+\.\d MB\)",
        capsys.readouterr().out,
    )
    assert app.main(["restore", str(kept)]) == 1
    assert capsys.readouterr().err.startswith("clippings: ")
    assert app.main(["restore", str(kept), "--home", str(tmp_path / "again")]) == 0
    restored = f"restored 1 articles and 1 passages (with 1 vector) to {tmp_path / 'again'}\n"
    assert capsys.readouterr().out == restored
    assert app.main(["doctor", "--deep", "--home", str(tmp_path / "again")]) == 0
    assert "ok     Chroma's vectors: the same 1 as are mapped" in capsys.readouterr().out
    (exact,) = (tmp_path / "again").glob("indexes/*/vectors/*/exact")
    exact.write_bytes(bytes([1]) + exact.read_bytes()[1:])
    assert app.main(["doctor", "--home", str(tmp_path / "again")]) == 1
    said = capsys.readouterr().out
    assert "FAULT  indexes: the cache of vectors is not whole: questions are answered from Chroma" in said
    assert "FAULT  vectors" not in said, "only --deep compares every row"
    assert app.main(["doctor", "--deep", "--home", str(tmp_path / "again")]) == 1
    said = capsys.readouterr().out
    assert "FAULT  vectors: 1 of 1 in the cache are not as they were written. The next sync makes" in said
    assert app.main(["backup", ""]) == 2
    assert "clippings: the file is empty. Write it out" in capsys.readouterr().err
    assert app.main(["show", "strike", "--home", str(tmp_path / "again")]) == 0


@pytest.mark.parametrize(
    ("arguments", "called"),
    [
        (["sync", ""], "a place"), (["sync", " "], "a place"), (["sync", "news", ""], "a place"), (["backup", ""], "the file"),
        (["restore", " "], "the file"), (["articles", "--home", ""], "--home"), (["show", ""], "the id"), (["remove", "a", ""], "an id"),
        (["edit", "", "--title", "x"], "the id"), (["show", "a", "--version", ""], "--version"), (["eval", "--gold", ""], "--gold"),
        (["eval", "--output", " "], "--output"), (["serve", "--auth-file", ""], "--auth-file"), (["serve", "--host", ""], "--host"),
    ],
)  # fmt: skip
def test_an_empty_name_never_means_the_current_folder(
    home: Path,
    tmp_path: Path,
    arguments: list[str],
    called: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert app.main(arguments) == 2
    said = f"clippings: {called} is empty. Write it out; the current folder is a single dot\n"
    assert capsys.readouterr() == ("", said)
    assert (list((tmp_path / "here").iterdir()), home.exists()) == ([], False)


def test_an_empty_setting_of_the_home_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CLIPPINGS_HOME", " ")
    assert app.main(["articles"]) == 2
    assert capsys.readouterr().err == "clippings: home must be the path of a folder, not ' '\n"


@pytest.mark.parametrize(
    "stated", ["", "clippings", "/a b", "/a/../b", "/..", "/./a", "http://x/a", "/a?b", "/a#b", "/é", "/a\nb"]
)
def test_a_root_path_that_is_none_is_refused(stated: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        app.main(["serve", f"--root-path={stated}"])
    assert stopped.value.code == 2
    assert (
        f"{stated!r} is not a URL path such as /clippings: no spaces, and no .. are allowed"
        in capsys.readouterr().err
    )


RAW = "[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]"
HOSTILE = "\x1b[2J\x9b31m\u202etxt"


@pytest.mark.slow
def test_no_argument_reaches_the_terminal_raw(
    ready: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for arguments in (
        ["show", HOSTILE], ["remove", HOSTILE], ["edit", HOSTILE, "--title", "x"], ["ask", "who?", "--source", HOSTILE],
        ["articles", "--home", HOSTILE], ["sync", HOSTILE], ["sync", f"a\n{HOSTILE}"], ["backup", f"/proc/{HOSTILE}"],
        ["restore", HOSTILE, "--home", str(tmp_path / "new")], ["eval", "--gold", HOSTILE], ["serve", "--auth-file", HOSTILE],
        ["show", "a", HOSTILE], ["serve", "--port", HOSTILE], [HOSTILE], ["ask", "who?", "--after", HOSTILE],
        ["sync", "x", "--column", HOSTILE], ["show", "strike", "--version", HOSTILE],
    ):  # fmt: skip
        try:
            status = app.main(arguments)
        except SystemExit as stopped:
            status = int(stopped.code or 0)
        assert status in (1, 2), arguments
        said = "".join(capsys.readouterr())
        assert (re.findall(RAW, said), "txt" in said) == ([], True), arguments


@pytest.mark.slow
def test_what_articles_hold_reaches_the_terminal_escaped_or_not_at_all(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    story = {
        **STORY,
        "title": f"Strikes{HOSTILE}\nand more",
        "source": f"Dawn{HOSTILE}\tNews",
        "author": HOSTILE,
    }
    (tmp_path / f"bad{HOSTILE}.txt").write_text("Rain fell.")
    assert (
        app.main(["sync", str(write_jsonl(tmp_path / "a.jsonl", story)), str(tmp_path / f"bad{HOSTILE}.txt")])
        == 1
    )
    for arguments in (
        ["articles"], ["articles", "--json"], ["show", "strike"], ["ask", "Who struck first?"], ["ask", "--json", "Who struck first?"],
        ["edit", "strike", "--title", f"New{HOSTILE}"], ["articles"],
    ):  # fmt: skip
        assert app.main(arguments) == 0
    printed = capsys.readouterr()
    assert re.findall(RAW, printed.out + printed.err) == []
    assert app.main(["articles", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row["title"] == f"New{HOSTILE}", "as JSON it stays what it is"


def test_a_question_without_days_in_order_is_refused_before_anything_is_loaded(
    ready: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("rag.models.engine.prepare", lambda: pytest.fail("it has begun to load"))
    for arguments, status in (
        (["?!"], 2), (["who?", "--home", "/nowhere"], 1), (["x" * 2_001], 2), (["who?", "--after", "2024-02-01", "--before", "2024-01-01"], 2),
    ):  # fmt: skip
        assert app.main(["ask", *arguments]) == status
    assert capsys.readouterr().err.count("\n") == 4
