"""The suite measures what it says: a small collection whose every number can be worked out by hand."""

from __future__ import annotations

import errno
import json
import signal
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conftest import SEEDS, ScriptedModel, WordEncoder, WordReader, write_jsonl

import app
import eval.run
from eval.cases import GOLD, Case, Fact, Span, faults, gold_file, load, save
from eval.command import gold_case, keep, run
from eval.compare import compare, text
from eval.reading import RememberingReader
from eval.report import page, table
from eval.run import Report, collection_for, evaluate, read_report
from ingest import sync
from ingest.formats.dates import leading_date
from rag import Assistant, Config, open_assistant
from rag.errors import ClippingsError, CollectionError, ConfigError, QuestionError
from rag.models.reader import SpanReader
from rag.types import Turn

STRIKE = "Iran struck first on Tuesday. Pakistan replied on Thursday."
ALLY = "Pakistan is a major ally of the United States, Miller said."
CASES = [
    Case("who", "Who struck first on Tuesday?", "who", (Fact(("Iran",), (Span("strike", 0, 29),)),)),
    Case("cup", "Who won the tennis cup in Wimbledon?", "unanswerable-far", declined=True),
    Case("more", "And when did it reply?", "follow-up", (Fact(("Thursday",), (Span("strike", 30, 59),)),),
         (Turn("What is Pakistan?", "A country."),), "When did Pakistan reply?"),
]  # fmt: skip


@pytest.fixture
def assistant(tmp_path: Path, config: Config, encoder: WordEncoder) -> Iterator[Assistant]:
    news = write_jsonl(
        tmp_path / "news.jsonl", {"id": "strike", "text": STRIKE}, {"id": "ally", "text": ALLY}
    )
    sync(news, config, encoder=encoder)
    with open_assistant(config, encoder=encoder, reader=WordReader()) as opened:
        yield opened


@pytest.fixture
def report(assistant: Assistant) -> Report:
    return evaluate(CASES, assistant, gold="small")


def test_every_case_is_a_row_and_every_number_is_right(report: Report) -> None:
    who, cup, more = report.rows
    assert (who.text, who.declined, who.error) == ("Iran struck first on Tuesday. [1]", None, None)
    assert {name: who.measures[name] for name in ("hit@1", "fact_recall", "fact_coverage", "citation_precision", "citations_exact")} == {
        "hit@1": 1.0, "fact_recall": 1.0, "fact_coverage": 1.0, "citation_precision": 1.0, "citations_exact": 1.0,
    }  # fmt: skip
    assert (cup.must_decline, cup.declined, cup.measures) == (True, "WEAK_EVIDENCE", {})
    assert more.understood == "And when did Pakistan reply?"
    assert report.metrics["false_answer_rate"][0] == 0.0
    assert report.metrics["errors"] == (0.0, None, None, 3)
    assert report.metrics["follow_up_hit@3_rewritten"][:1] == (1.0,)


def test_a_case_that_raises_counts_as_wrong_and_not_as_absent(assistant: Assistant) -> None:
    asked_nothing = replace(CASES[0], id="nothing", question="?!")
    report = evaluate([CASES[0], asked_nothing], assistant, gold="small")
    assert report.rows[1].error == "QuestionError: the question has no word to search for. Ask it in words"
    assert report.metrics["hit@1"][0] == 0.5
    assert report.metrics["fact_coverage"][0] == 0.5
    assert report.metrics["errors"][0] == 1.0


def test_only_the_split_that_was_asked_for_is_run(assistant: Assistant) -> None:
    halves = {
        split: [row.id for row in evaluate(CASES, assistant, gold="small", split=split).rows]
        for split in ("dev", "test")
    }
    assert sorted(halves["dev"] + halves["test"]) == ["cup", "more", "who"]
    assert {split: [c.id for c in CASES if c.split == split] for split in halves} == halves


def test_a_report_is_kept_by_commit_and_read_again(report: Report, tmp_path: Path) -> None:
    shown = keep(report, tmp_path)
    again = read_report(shown.with_suffix(".json"))
    assert again.metrics == report.metrics
    assert [row.measures for row in again.rows] == [row.measures for row in report.rows]
    with pytest.raises(ConfigError, match="not a report"):
        read_report(write_jsonl(tmp_path / "other.json", {"a": 1}))


def test_the_page_opens_every_case_and_loads_nothing(report: Report) -> None:
    shown = page(report)
    assert [f"id='{row.id}'" in shown for row in report.rows] == [True] * 3
    assert "<mark>Iran struck first on Tuesday.</mark>" in shown
    assert "http" not in shown
    assert "<script" not in shown
    hostile = replace(report, rows=(replace(report.rows[0], question="<script>alert(1)</script>"),))
    assert "<script>" not in page(hostile)


def test_the_table_gives_every_metric_with_its_count(report: Report) -> None:
    lines = table(report).splitlines()
    assert lines[0].startswith("small, all: 3 cases")
    assert [line.split()[0] for line in lines[2:]] == list(report.metrics)


def test_two_reports_are_paired_by_case(report: Report) -> None:
    lost = replace(report.rows[0], measures={**report.rows[0].measures, "fact_coverage": 0.0})
    worse = replace(report, rows=(lost, *report.rows[1:]))
    found = compare(report, worse)
    assert (found.won["fact_coverage"], found.lost["fact_coverage"]) == ((), ("who",))
    change = next(c for c in found.changes if c.metric == "fact_coverage")
    assert (change.before, change.after, change.cases) == (1.0, 0.5, 2)
    assert not next(c for c in found.changes if c.metric == "hit@5").beyond_noise
    assert "  - who" in text(found)
    with pytest.raises(ConfigError, match="no case in common"):
        compare(report, replace(report, rows=()))


@pytest.mark.parametrize(
    ("verdict", "facts", "declined"),
    [
        ("right", (Fact((), (Span("strike", 0, 29),)),), False),
        ("decline", (), True),
        ("wrong", (Fact((), (Span("ally", 0, 8),)),), False),
    ],
)
def test_a_verdict_on_an_answer_becomes_a_gold_case(
    assistant: Assistant, verdict: str, facts: tuple[Fact, ...], declined: bool, tmp_path: Path
) -> None:
    answer = assistant.ask("Who struck first on Tuesday?")
    case = gold_case(answer, verdict, (Span("ally", 0, 8),))
    assert (case.facts, case.declined, case.question) == (facts, declined, "Who struck first on Tuesday?")
    save(tmp_path / "mine.jsonl", case)
    assert load(tmp_path / "mine.jsonl") == [case]
    with pytest.raises(ConfigError, match="already has"):
        save(tmp_path / "mine.jsonl", case)


def test_a_wrong_answer_needs_the_words_that_would_have_been_right(assistant: Assistant) -> None:
    with pytest.raises(QuestionError, match="--quote"):
        gold_case(assistant.ask("Who struck first on Tuesday?"), "wrong")


def test_a_verdict_that_is_none_makes_no_case(assistant: Assistant) -> None:
    with pytest.raises(QuestionError, match="a verdict is one of right, wrong, missing, decline, not ''"):
        gold_case(assistant.ask("Who struck first on Tuesday?"), "")


@pytest.mark.slow
def test_the_command_adds_and_runs_a_user_s_own_gold(
    config: Config,
    assistant: Assistant,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("rag.opening.SentenceEncoder", lambda _: WordEncoder())
    monkeypatch.setenv("CLIPPINGS_ENCODER", WordEncoder.name)
    own, home = str(tmp_path / "own.jsonl"), ["--home", str(config.home)]
    question = "Who struck first on Tuesday?"
    assert app.main(["eval", "--add", question, *home]) == 2
    assert (
        app.main(
            ["eval", "--add", question, "--gold", own, "--verdict", "wrong", "--quote", "struck FIRST", *home]
        )
        == 0
    )
    assert load(Path(own))[0].facts == (Fact((), (Span("strike", 5, 17),)),)
    assert (
        app.main(
            [
                "eval",
                "--add",
                "Who replied?",
                "--gold",
                own,
                "--verdict",
                "wrong",
                "--quote",
                "nowhere",
                *home,
            ]
        )
        == 2
    )
    assert "these words stand in none of the passages" in capsys.readouterr().err
    assert app.main(["eval", "--gold", own, "--out", str(tmp_path / "out"), *home]) == 0
    assert "Every case, with its evidence and what was wrong:" in capsys.readouterr().out
    assert len(list((tmp_path / "out").iterdir())) == 2
    assert app.main(["eval", "--gold", own, "--out", str(tmp_path / "out"), "--json", *home]) == 0
    assert json.loads(capsys.readouterr().out)["gold"] == "own"
    other = next(s for s in ("dev", "test") if s != load(Path(own))[0].split)
    assert app.main(["eval", "--gold", own, "--out", str(tmp_path / "out"), "--split", other, *home]) == 0
    assert "0 cases" in capsys.readouterr().out


def test_a_report_goes_into_the_collection_unless_another_place_is_named(
    config: Config, assistant: Assistant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rag.opening.SentenceEncoder", lambda _: WordEncoder())
    monkeypatch.setattr("eval.run._revision", lambda: "v9")
    gold = write_jsonl(tmp_path / "gold.jsonl")
    run(gold, config, "all", None, as_json=False)
    kept = config.home / "evaluations"
    assert sorted(path.name for path in kept.iterdir()) == ["gold-all-v9.html", "gold-all-v9.json"]
    assert kept.stat().st_mode & 0o777 == 0o700  # it holds words of the articles
    run(gold, config, "all", tmp_path / "mine", as_json=False)
    assert len(list((tmp_path / "mine").iterdir())) == 2
    with open_assistant(config, encoder=WordEncoder(), reader=WordReader()) as opened:
        assert len(opened.collection.articles()) == 2  # a collection that holds reports is a collection still


def test_the_same_passages_are_read_once_for_a_question(
    config: Config, assistant: Assistant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rag.opening.SentenceEncoder", lambda _: WordEncoder())
    reads: list[tuple[str, tuple[str, ...], int]] = []
    read = SpanReader._read

    def counted(self: SpanReader, graph: Any, question: str, texts: Sequence[str], spans: int) -> Any:
        reads.append((question, tuple(texts), spans))
        return read(self, graph, question, texts, spans)

    monkeypatch.setattr(SpanReader, "_read", counted)
    case = {"id": "a", "question": "Who struck first?", "kind": "who", "facts": [], "declined": True}
    run(write_jsonl(tmp_path / "gold.jsonl", case), config, "all", None, as_json=False)
    assert [question for question, _, _ in reads] == ["Who struck first?"]
    # Other words, another order or another number of spans are other readings, and they are the bundled reader's.
    remembering, plain = RememberingReader(), SpanReader()
    for texts, spans in (((STRIKE, ALLY), 5), ((ALLY, STRIKE), 5), ((STRIKE, ALLY), 1)):
        for _ in range(2):
            found = remembering.read("Who struck first?", texts, spans=spans)
            assert found == plain.read("Who struck first?", list(texts), spans=spans)
    assert len(reads) == 1 + 3 + 6


def test_a_collection_that_is_not_there_is_not_made_by_its_report(tmp_path: Path) -> None:
    with pytest.raises(CollectionError, match="there is no collection in"):
        run(write_jsonl(tmp_path / "gold.jsonl"), Config(home=tmp_path / "none"), "all", None, as_json=False)
    assert not (tmp_path / "none").exists()


def test_a_gold_file_of_ours_is_found_by_its_name_and_one_s_own_comes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert gold_file() == gold_file(Path("seeds")) == GOLD / "seeds.jsonl"
    assert gold_file(Path("public")) == GOLD / "public.jsonl"
    for other in (Path("mine"), Path("seeds.jsonl"), Path("folder/seeds")):
        assert gold_file(other) == other
    (tmp_path / "public").write_text("")
    assert gold_file(Path("public")) == Path("public")


def test_only_a_checkout_has_a_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installed copy inside of somebody's repository is not of that repository's commit."""
    monkeypatch.setattr("eval.run.version", lambda: "9.1")
    monkeypatch.setattr("eval.run.checkout", lambda: None)
    assert eval.run._revision() == "v9.1"
    monkeypatch.setattr("eval.run.checkout", lambda: tmp_path)  # sources without git's folder
    assert eval.run._revision() == "v9.1"
    (tmp_path / ".git").mkdir()  # one that git cannot read
    assert eval.run._revision() == "v9.1"


def test_gold_without_articles_says_how_to_name_a_collection(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--home"):
        collection_for(tmp_path / "own.jsonl", tmp_path / "home")


WHOLE = '"question": "?", "kind": "k", "facts": [], "declined": true'


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("{", "it is not valid JSON (Expecting property name enclosed in double quotes at character 2)"),
        ('{"id": "a"}', "it has no 'question'"),
        ('{"id": "a", "odd": 1}', "unknown keys ['odd']"),
        ("[]", "it is not an object with keys and values"),
        ("5", "it is not an object with keys and values"),
        ("[" * 100_000, "it is nested too deeply"),
        (f'{{"id": "a", {WHOLE}, "asked_on": "2024-02-30"}}', "day is out of range for month"),
        (f'{{"id": "a", {WHOLE}, "asked_on": "soon"}}', "Invalid isoformat string: 'soon'"),
    ],
)
def test_a_line_that_is_no_case_is_named(line: str, says: str, tmp_path: Path) -> None:
    path = tmp_path / "gold.jsonl"
    path.write_text(f'{{"id": "first", {WHOLE}}}\n\n{line}\n')
    with pytest.raises(ConfigError) as error:
        load(path)
    assert str(error.value) == f"{path} line 3 is not a gold question: {says}. See {GOLD / 'README.md'}"


def test_a_file_of_gold_questions_that_cannot_be_read_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "latin").write_bytes(b"\xe9")
    for name, says in (
        ("", "is a folder. Name a file in it"),
        ("none", "cannot be read: No such file or directory"),
        ("latin", "is not UTF-8 text. Save it as UTF-8"),
    ):
        path = tmp_path / name
        with pytest.raises(ConfigError) as error:
            load(path)
        assert str(error.value) == f"the file of gold questions {path} {says}"


def test_a_question_may_hold_what_ends_lines_elsewhere(tmp_path: Path) -> None:
    for name in ("a", "b"):
        save(tmp_path / "gold.jsonl", Case(name, "Who\u2028struck\x85first?", "own", declined=True))
    assert [case.question for case in load(tmp_path / "gold.jsonl")] == ["Who\u2028struck\x85first?"] * 2


def test_a_case_is_added_below_a_line_that_is_not_ended(tmp_path: Path) -> None:
    path = tmp_path / "gold.jsonl"
    path.write_text(f'{{"id": "first", {WHOLE}}}')
    save(path, Case("second", "?", "own", declined=True))
    assert [case.id for case in load(path)] == ["first", "second"]


def test_a_full_disk_leaves_the_gold_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "gold.jsonl"
    save(path, Case("first", "?", "own", declined=True))
    before = path.read_bytes()
    resource = pytest.importorskip("resource")
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    heard = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(
        resource.RLIMIT_FSIZE, (len(before) + 20, usual[1])
    )  # as a disk with twenty bytes left
    try:
        with pytest.raises(
            ConfigError, match=r"gold\.jsonl cannot be written: File too large\. Name another place"
        ):
            save(path, Case("second", "?", "own", declined=True))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)
        signal.signal(signal.SIGXFSZ, heard)
    assert path.read_bytes() == before


@pytest.mark.parametrize("out", ["file", "file/inner", "/proc/reports", "x" * 300])
def test_a_place_for_reports_that_cannot_be_written_is_said_before_the_run(
    tmp_path: Path, out: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("x")
    monkeypatch.setattr("eval.command.evaluate", lambda *_, **__: pytest.fail("it has run"))
    gold = write_jsonl(tmp_path / "gold.jsonl")
    with pytest.raises(ConfigError, match=r" cannot be written: .*\. Name another place$"):
        run(gold, Config(home=tmp_path / "none"), "all", tmp_path / out, as_json=False)


def test_a_disk_that_is_full_at_the_end_of_a_run_is_a_sentence(
    report: Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ClippingsError) as error:
        keep(report, Path("/dev/full"))
    assert "cannot be written" in str(error.value)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("eval.command.write_report", full)
    with pytest.raises(
        ClippingsError, match=r"^out cannot be written: the disk is full\. Free some space and run again$"
    ):
        keep(report, Path("out"))


def test_the_validator_finds_every_kind_of_fault() -> None:
    texts = {"a": "Iran struck first.", "b": "Pakistan replied."}
    span, other = Span("a", 0, 4), Span("b", 0, 8)
    wrong = [
        Case("1", "?", "k"),
        Case("2", "?", "k", (Fact((" ",), (span,)),)),
        Case("3", "?", "k", (Fact(("x",), ()),)),
        Case("4", "?", "k", (Fact(("x",), (Span("a", 10, 99),)),)),
        Case("5", "?", "k", (Fact(("x",), (Span("c", 0, 1),)),)),
        Case("6", "?", "k", (Fact(("x",), (span,)),), conflict=True),
        Case("7", "?", "k", (Fact(("x",), (span,)),), declined=True),
    ]
    assert [fault.split(":")[0] for fault in faults(wrong, texts.get)] == ["1", "2", "3", "4", "5", "6", "7"]
    right = [
        Case("8", "?", "k", (Fact(("x",), (span,)), Fact(("y",), (other,))), conflict=True),
        Case("9", "?", "k", declined=True),
    ]
    assert faults(right, texts.get) == []


def test_the_gold_of_the_seeds_is_whole() -> None:
    texts = {f"seeds/{p.name}": leading_date(p.read_bytes().decode())[1] for p in SEEDS.iterdir()}
    cases = load(GOLD / "seeds.jsonl")
    assert faults(cases, texts.get) == []
    assert len(cases) >= 150
    assert sum(case.declined for case in cases) >= 40
    halves = [sum(case.split == split for case in cases) for split in ("dev", "test")]
    assert abs(halves[0] - halves[1]) <= 5


def test_the_public_gold_is_whole() -> None:
    lines = (GOLD / "public_articles.jsonl").read_text(encoding="utf-8").splitlines()
    texts = {record["id"]: record["text"] for record in map(json.loads, lines)}
    cases = load(GOLD / "public.jsonl")
    assert faults(cases, texts.get) == []
    assert 900 <= len(texts) <= 1_100
    assert sum(case.declined for case in cases) > 50
    assert sum(case.conflict for case in cases) > 20


def test_the_suite_measures_a_language_model_as_well(
    config: Config, assistant: Assistant, encoder: WordEncoder
) -> None:
    model = ScriptedModel("Pakistan replied on Thursday [1].")
    with open_assistant(config, encoder=encoder, reader=WordReader(), model=model) as with_model:
        report = evaluate(CASES[:1], with_model, gold="small")
    assert report.answerer == "generate:scripted, prompt numbers 2, follow-ups 1"
    assert report.rows[0].measures["fact_coverage"] == 0.0
