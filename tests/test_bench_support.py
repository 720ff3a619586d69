"""Claims with labels beside their evidence: what the check sees of each, which numbers are made, what is printed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conftest import WordReader, write_jsonl
from judging import Judging, WordJudge

from eval.bench.support import (
    STATES,
    Label,
    LabelledClaim,
    Outcome,
    State,
    decide,
    evidence_of,
    main,
    measures,
    state_of,
)
from rag.answer.check import Checker
from rag.errors import ConfigError
from rag.types import Claim, DraftSentence, Support

COURT = "Judge Ilse Brandt fined the brewery 40,000 euros on Monday. The brewery will appeal."
MATCH = "Bergen beat Aarhus 3-1 in the final."


def claim(text: str, label: str, *evidence: str, source: str = "press", id: str = "p") -> dict[str, Any]:
    return {"id": id, "source": source, "claim": text, "evidence": list(evidence), "label": label}


CLAIMS = (
    claim("The brewery will appeal.", "supported", MATCH, COURT, id="p-1"),
    claim("On Monday the brewery was fined 40,000 euros by Judge Ilse Brandt.", "supported", COURT, id="p-2"),
    claim("Judge Ilse Brandt closed the dairy on Friday.", "supported", COURT, id="p-3"),
    claim("The brewery will close.", "contradicted", COURT, id="p-4"),
    claim("Bergen beat Aarhus 3-1 in the final.", "unsupported", MATCH, id="s-1", source="sport"),
    claim("Bergen beat Aarhus 3-1 and won two medals.", "partial", MATCH, id="s-2", source="sport"),
)


@pytest.fixture(autouse=True)
def judge(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rag.answer.check.bundled_judge", WordJudge)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write_jsonl(tmp_path / "claims.jsonl", *CLAIMS)


def outcome(label: Label, state: State, score: float) -> Outcome:
    return Outcome(LabelledClaim("a", "press", "It rained.", ("Rain.",), label), state, score, None, 1)


# --- evidence and states -------------------------------------------------------------------------------


def test_the_eight_passages_that_share_the_most_words_are_the_evidence_the_nearest_first() -> None:
    texts = [f"Rain fell on day {n}." for n in range(9)] + ["Snow closed the school in Tromsø."]
    found = evidence_of(texts, nearest_to="Snow closed a school.")
    assert [source.passage.text for source in found] == [texts[9], *texts[:7]]
    assert [source.rank for source in found] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert [source.article.id for source in found][:2] == ["text-10", "text-1"]


def test_a_long_text_is_cut_into_passages_and_all_of_them_are_kept_where_nothing_is_sought() -> None:
    long = " ".join(
        f"The river rose by {n} centimetres in the night and fell again by noon." for n in range(120)
    )
    kept = evidence_of([MATCH, long])
    assert len(kept) > 9
    assert next(iter(kept)).passage.text == MATCH
    starts = [source.passage.start for source in list(kept)[1:]]
    assert starts == sorted(starts)


def test_a_text_without_a_word_beside_others_is_no_passage() -> None:
    assert [source.passage.text for source in evidence_of([" ", MATCH], nearest_to="Bergen won.")] == [MATCH]


def test_every_support_of_a_citation_has_a_state_of_its_own() -> None:
    assert set(STATES) == set(Support)
    assert len(set(STATES.values())) == len(Support)
    assert State.WITHHELD not in STATES.values()


def test_a_sentence_is_in_the_state_of_its_weakest_citation() -> None:
    said = "On Monday Judge Ilse Brandt fined the brewery 40,000 euros."
    found = evidence_of([COURT, said])
    quoted = Checker(found).check(DraftSentence(said, (Claim(2),)))
    unsure = Checker(evidence_of([COURT]), Judging()).check(DraftSentence(said))
    assert quoted is not None
    assert unsure is not None
    both = replace(quoted, citations=(*quoted.citations, *unsure.citations))
    assert [c.support for c in both.citations] == [Support.QUOTED, Support.CHECK]
    assert (state_of(quoted), state_of(both), state_of(None)) == (State.QUOTED, State.CHECK, State.WITHHELD)


def test_what_is_decided_about_a_claim() -> None:
    made = LabelledClaim("a", "press", "The brewery will appeal.", (MATCH, COURT), Label.SUPPORTED)
    assert decide(made) == Outcome(made, State.QUOTED, 1.0, "The brewery will appeal.", 2)
    invented = LabelledClaim("a", "press", "Bergen closed its harbour.", (MATCH,), Label.UNSUPPORTED)
    found = decide(invented)
    assert (found.state, found.quote, found.passages) == (State.WITHHELD, None, 1)
    assert found.score < 0.02


def test_the_reader_is_asked_the_claim_over_the_same_passages() -> None:
    reader = WordReader()
    made = LabelledClaim("a", "press", "The brewery will appeal.", (MATCH, COURT), Label.SUPPORTED)
    timed = decide(made, reader)
    assert reader.asked == [("The brewery will appeal.", (COURT, MATCH))]
    assert timed.milliseconds is not None
    assert timed.reading is not None
    assert (timed.milliseconds > 0, timed.reading > 0) == (True, True)


# --- numbers -------------------------------------------------------------------------------------------


def test_one_function_makes_every_number() -> None:
    made = [
        outcome(Label.SUPPORTED, State.QUOTED, 0.9),
        outcome(Label.SUPPORTED, State.SUPPORTED, 0.5),
        outcome(Label.SUPPORTED, State.CHECK, 0.4),
        outcome(Label.SUPPORTED, State.WITHHELD, 0.1),
        outcome(Label.CONTRADICTED, State.WITHHELD, 0.4),
        outcome(Label.PARTIAL, State.SUPPORTED, 0.2),
    ]
    none = {"quoted": 0.0, "supported": 0.0, "please check": 0.0, "never shown": 0.0}
    assert measures(made) == {
        "claims": 6,
        "labels": {
            "supported": {
                "claims": 4, "quoted": 0.25, "supported": 0.25, "please check": 0.25, "never shown": 0.25,
            },
            "partial": {"claims": 1, **none, "supported": 1.0},
            "contradicted": {"claims": 1, **none, "never shown": 1.0},
        },
        "balanced accuracy": 0.5,  # 2 of 4 supported ones pass, and 1 of 2 others
        "auroc": 0.6875,  # of 8 pairs 5 are in order, and one ties
        "timed": 0,
        "passages": None,
        "milliseconds": None,
        "reader's milliseconds": None,
    }  # fmt: skip
    assert [o.right for o in made] == [True, True, False, False, True, False]


def test_with_one_kind_of_label_there_is_no_agreement_to_measure() -> None:
    found = measures([outcome(Label.SUPPORTED, State.QUOTED, 0.9)])
    assert (found["balanced accuracy"], found["auroc"]) == (None, None)


def test_the_times_are_means_over_the_claims_that_were_timed() -> None:
    made = LabelledClaim("a", "press", "It rained.", ("Rain.",), Label.SUPPORTED)
    timed = [Outcome(made, State.QUOTED, 1.0, None, n, 2.0 * n, 8.0 * n) for n in (1, 2)]
    found = measures([*timed, Outcome(made, State.QUOTED, 1.0, None, 8)])
    assert [found[name] for name in ("timed", "passages", "milliseconds", "reader's milliseconds")] == [
        2,
        1.5,
        3.0,
        12.0,
    ]


# --- the command ---------------------------------------------------------------------------------------


def test_the_tables_and_what_was_decided_wrongly(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(file), "--timed", "0", "--show", "1"]) == 0
    assert capsys.readouterr().out == (
        "source  label         claims  quoted %  supported %  please check %  never shown %\n"
        "press   supported          3      33.3         33.3             0.0           33.3\n"
        "press   contradicted       1       0.0          0.0             0.0          100.0\n"
        "sport   partial            1       0.0          0.0             0.0          100.0\n"
        "sport   unsupported        1     100.0          0.0             0.0            0.0\n"
        "all     supported          3      33.3         33.3             0.0           33.3\n"
        "all     partial            1       0.0          0.0             0.0          100.0\n"
        "all     unsupported        1     100.0          0.0             0.0            0.0\n"
        "all     contradicted       1       0.0          0.0             0.0          100.0\n"
        "\n"
        "source  claims  balanced %  AUROC  timed  passages  check ms  reader ms\n"
        "press        4        83.3  0.667      0         -         -          -\n"
        "sport        2           -      -      0         -         -          -\n"
        "all          6        66.7  0.500      0         -         -          -\n"
        "\n"
        "press p-3: supported, never shown, score 0.0\n"
        "  Judge Ilse Brandt closed the dairy on Friday.\n"
        "\n"
        "sport s-1: unsupported, quoted, score 1.0\n"
        "  Bergen beat Aarhus 3-1 in the final.\n"
        "  cited: Bergen beat Aarhus 3-1 in the final.\n"
    )


def test_one_source_as_json(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main([str(file), "--source", "sport", "--timed", "0", "--show", "5", "--json"])
    none = {"quoted": 0.0, "supported": 0.0, "please check": 0.0, "never shown": 0.0}
    assert json.loads(capsys.readouterr().out) == {
        "sources": {
            "sport": {
                "claims": 2,
                "labels": {
                    "partial": {"claims": 1, **none, "never shown": 1.0},
                    "unsupported": {"claims": 1, **none, "quoted": 1.0},
                },
                "balanced accuracy": None,
                "auroc": None,
                "timed": 0,
                "passages": None,
                "milliseconds": None,
                "reader's milliseconds": None,
            }
        },
        "wrong": [
            {
                "source": "sport", "id": "s-1", "label": "unsupported", "state": "quoted", "score": 1.0,
                "claim": "Bergen beat Aarhus 3-1 in the final.", "quote": "Bergen beat Aarhus 3-1 in the final.",
            }
        ],
    }  # fmt: skip


def test_the_limit_is_drawn_from_each_source_by_the_seed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [claim(f"Snow fell {n} times.", "supported", MATCH, id=f"p-{n}") for n in range(20)]
    rows += [claim("Snow fell once.", "supported", MATCH, id="s", source="sport")]
    path = write_jsonl(tmp_path / "many.jsonl", *rows)

    def drawn(seed: int) -> list[str]:
        main([str(path), "--limit", "3", "--seed", str(seed), "--timed", "0", "--show", "9", "--json"])
        return [row["id"] for row in json.loads(capsys.readouterr().out)["wrong"]]

    first, again, other = drawn(1), drawn(1), drawn(2)
    assert first == again != other
    assert len(first) == 4
    assert first[-1] == "s"
    assert first[:3] == sorted(first[:3], key=lambda id: int(id.removeprefix("p-"))), "the order of the file"


@pytest.mark.slow
def test_the_check_is_timed_beside_the_bundled_reader(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main([str(file), "--timed", "1", "--json"])
    found = json.loads(capsys.readouterr().out)["sources"]
    assert {source: row["timed"] for source, row in found.items()} == {"press": 1, "sport": 1, "all": 2}
    for row in found.values():
        assert 0 < row["milliseconds"] < 10_000
        assert 0 < row["reader's milliseconds"] < 10_000


# --- what cannot be read -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("{", "it is not valid JSON (Expecting property name enclosed in double quotes at character 2)"),
        ("[1]", "it is not a JSON object"),
        ("[" * 200_000, "it is nested too deeply"),
        ('{"id": "a"}', "it has no 'label'"),
        (json.dumps(claim(" ", "supported", MATCH)), "its 'claim' must be a text that is not blank, not ' '"),
        (json.dumps({**CLAIMS[0], "claim": 3}), "its 'claim' must be a text that is not blank, not 3"),
        (
            json.dumps(claim("Snow fell.", "true", MATCH)),
            "its 'label' must be one of supported, partial, unsupported, contradicted, not 'true'",
        ),
        (json.dumps(claim("Snow fell.", "supported")), "its 'evidence' is empty: none of its 0 texts has a word"),
        (
            json.dumps(claim("Snow fell.", "supported", " ", "…")),
            "its 'evidence' is empty: none of its 2 texts has a word",
        ),
        (
            json.dumps({**CLAIMS[0], "evidence": "Snow."}),
            "its 'evidence' must be a list of texts, not 'Snow.'",
        ),
        (json.dumps({**CLAIMS[0], "evidence": [1]}), "its 'evidence' must be a list of texts, not [1]"),
    ],
    ids=lambda value: str(value)[:30],
)  # fmt: skip
def test_a_line_that_is_no_claim_is_named_with_its_fault(tmp_path: Path, line: str, fault: str) -> None:
    path = tmp_path / "claims.jsonl"
    path.write_text(f"{json.dumps(CLAIMS[0])}\n\n{line}\n", encoding="utf-8")
    with pytest.raises(ConfigError) as raised:
        main([str(path), "--timed", "0"])
    assert str(raised.value) == f"{path} line 3 is not a claim: {fault}"


def test_a_missing_file_an_empty_one_and_an_unknown_source_are_named(file: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty.jsonl"
    empty.write_text("\n", encoding="utf-8")
    said = {
        (
            str(tmp_path / "none.jsonl"),
        ): f"the data file {tmp_path / 'none.jsonl'} cannot be read: No such file or directory",
        (str(empty),): f"{empty} is empty: each line should be a claim",
        (str(file), "--source", "law"): f"{file} has no source 'law': it has press, sport",
    }
    for arguments, fault in said.items():
        with pytest.raises(ConfigError) as raised:
            main(arguments)
        assert str(raised.value) == fault


@pytest.mark.parametrize("wrong", [["--limit", "0"], ["--timed", "-1"], ["--show", "-1"]])
def test_a_count_that_cannot_be_is_refused(
    file: Path, wrong: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main([str(file), *wrong])
    assert "--limit must be at least 1, and --timed and --show at least 0" in capsys.readouterr().err
