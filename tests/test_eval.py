"""The suite measures what it says: a small collection whose every number can be worked out by hand."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import SEEDS, ScriptedModel, WordEncoder, WordReader, write_jsonl

import app
from eval.cases import GOLD, Case, Fact, Span, faults, load, save
from eval.command import gold_case, keep
from eval.compare import compare, text
from eval.report import page, table
from eval.run import Report, collection_for, evaluate, read_report
from ingest import sync
from ingest.dates import leading_date
from rag import Assistant, Config, open_assistant
from rag.errors import ConfigError, QuestionError
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
    news = write_jsonl(tmp_path / "news.jsonl", {"id": "strike", "text": STRIKE}, {"id": "ally", "text": ALLY})
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
    assert report.rows[1].error == "QuestionError: the question holds no word to look for. Ask it in words"
    assert report.metrics["hit@1"][0] == 0.5
    assert report.metrics["fact_coverage"][0] == 0.5
    assert report.metrics["errors"][0] == 1.0


def test_only_the_split_that_was_asked_for_is_run(assistant: Assistant) -> None:
    halves = {
        split: [row.id for row in evaluate(CASES, assistant, gold="small", split=split).rows] for split in ("dev", "test")
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


def test_the_command_adds_and_runs_a_user_s_own_gold(
    config: Config, assistant: Assistant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("rag.assistant.SentenceEncoder", lambda _: WordEncoder())
    monkeypatch.setenv("CLIPPINGS_ENCODER", WordEncoder.name)
    own, home = str(tmp_path / "own.jsonl"), ["--home", str(config.home)]
    question = "Who struck first on Tuesday?"
    assert app.main(["eval", "--add", question, *home]) == 2
    assert app.main(["eval", "--add", question, "--gold", own, "--verdict", "wrong", "--quote", "struck FIRST", *home]) == 0
    assert load(Path(own))[0].facts == (Fact((), (Span("strike", 5, 17),)),)
    assert app.main(["eval", "--add", "Who replied?", "--gold", own, "--verdict", "wrong", "--quote", "nowhere", *home]) == 2
    assert "these words stand in none of the passages" in capsys.readouterr().err
    assert app.main(["eval", "--gold", own, "--out", str(tmp_path / "out"), *home]) == 0
    assert "Every case, with its evidence and what was wrong:" in capsys.readouterr().out
    assert len(list((tmp_path / "out").iterdir())) == 2
    assert app.main(["eval", "--gold", own, "--out", str(tmp_path / "out"), "--json", *home]) == 0
    assert json.loads(capsys.readouterr().out)["gold"] == "own"
    other = next(s for s in ("dev", "test") if s != load(Path(own))[0].split)
    assert app.main(["eval", "--gold", own, "--out", str(tmp_path / "out"), "--split", other, *home]) == 0
    assert "0 cases" in capsys.readouterr().out


def test_gold_without_articles_says_how_to_name_a_collection(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--home"):
        collection_for(tmp_path / "own.jsonl", tmp_path / "home")


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("{", "line 1 is not a gold question"),
        ('{"id": "a"}', "KeyError"),
        ('{"id": "a", "odd": 1}', "unknown keys"),
        ("[]", "line 1"),
    ],
)
def test_a_line_that_is_no_case_is_named(line: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "gold.jsonl").write_text(line + "\n")
    with pytest.raises(ConfigError, match=says):
        load(tmp_path / "gold.jsonl")


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


def test_the_suite_measures_a_language_model_as_well(config: Config, assistant: Assistant, encoder: WordEncoder) -> None:
    model = ScriptedModel("Pakistan replied on Thursday [1].")
    with open_assistant(config, encoder=encoder, reader=WordReader(), model=model) as with_model:
        report = evaluate(CASES[:1], with_model, gold="small")
    assert report.answerer == "generate:scripted, prompt 1, follow-ups 1"
    assert report.rows[0].measures["fact_coverage"] == 0.0
