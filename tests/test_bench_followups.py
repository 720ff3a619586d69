"""The measuring of follow-ups: what is read, what is compared with what, and what is printed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from eval.bench.followups import FollowUp, conversations, from_gold, main, one_after_another, summary
from eval.cases import split_of
from rag.errors import ConfigError
from rag.types import Turn

DEV = next(name for name in "abcdefgh" if split_of(name) == "dev")
TEST = next(name for name in "abcdefgh" if split_of(name) == "test")


def write(path: Path, texts: dict[str, str]) -> None:
    path.write_text(
        "".join(json.dumps({"_id": key, "text": text}) + "\n" for key, text in texts.items()),
        encoding="utf-8",
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three questions of one conversation, and two of another, which is in the other half."""
    first, second, third = "Who is John Kirby?", "When did he\nspeak?", "who is Ann Lee"
    write(
        tmp_path / "talk_questions.jsonl",
        {
            f"{DEV}<::>1": f"|user|: {first}",
            f"{DEV}<::>2": f"|user|: {first}\n|user|: {second}",
            f"{DEV}<::>3": f"|user|: {first}\n|user|: {second}\n|user|: {third}",
            f"{TEST}<::>2": f"|user|: {first}\n|user|: Why?",
        },
    )
    last = {f"{DEV}<::>1": first, f"{DEV}<::>2": second, f"{DEV}<::>3": third, f"{TEST}<::>2": "Why?"}
    write(tmp_path / "talk_lastturn.jsonl", {key: f"|user|: {text}" for key, text in last.items()})
    meant = {**last, f"{DEV}<::>2": "When did John Kirby give a talk?", f"{DEV}<::>3": "Who is Ann Lee?"}
    write(tmp_path / "talk_rewrite.jsonl", {key: f"|user|: {text}" for key, text in meant.items()})
    return tmp_path


def test_a_conversation_is_read_with_its_history_and_its_first_question_left_out(folder: Path) -> None:
    kirby, spoke = Turn("Who is John Kirby?", ""), Turn("When did he\nspeak?", "")
    assert conversations(folder, "talk", "dev") == [
        FollowUp(f"{DEV}<::>2", (kirby,), "When did he\nspeak?", "When did John Kirby give a talk?"),
        FollowUp(f"{DEV}<::>3", (kirby, spoke), "who is Ann Lee", "Who is Ann Lee?"),
    ]
    assert conversations(folder, "talk", "test") == [FollowUp(f"{TEST}<::>2", (kirby,), "Why?", "Why?")]


def test_each_form_is_measured_against_the_rewrite(folder: Path) -> None:
    """The rewrite's stems are john kirby give talk; alone has speak, resolved has john kirby speak; the other
    is whole.
    """
    measured = summary(conversations(folder, "talk", "dev"))
    assert measured["recall"] == (0.5, 0.75, 1.0)
    assert measured["precision"] == pytest.approx((0.5, 5 / 6, 1.0))
    assert measured["f1"] == pytest.approx((0.5, 11 / 14, 1.0))
    assert measured["f1 where changed"] == pytest.approx((0.0, 4 / 7, 1.0))
    assert measured["found"] == (0.0, 1.0, 1.0), "john and kirby are in the history, give and talk are not"
    assert measured["apt"] == (None, 1.0, 1.0)
    assert measured["left alone"] == (1.0, 1.0, 0.0), "the person put a capital and a question mark"


def test_what_is_altered_without_need_is_counted() -> None:
    altered = FollowUp("a", (Turn("Who is John Kirby?", ""),), "When did he speak?", "when did he speak")
    assert summary([altered])["left alone"] == (1.0, 0.0, 0.0)
    assert summary([altered])["f1 where changed"] == (None, None, None)
    assert summary([altered])["apt"] == (None, 0.0, None)
    assert summary([])["f1"] == (None, None, None)


def test_a_gold_file_gives_its_follow_ups_of_one_half(tmp_path: Path) -> None:
    plain = {"question": "Why?", "kind": "why", "facts": [], "declined": True}
    follow_up = {
        **plain,
        "history": [{"question": "Who left?", "answer": "Nobody."}],
        "rewritten": "Why did nobody leave?",
    }
    records = [{"id": DEV, **follow_up}, {"id": TEST, **follow_up}, {"id": f"{DEV}-alone", **plain}]
    gold = tmp_path / "gold.jsonl"
    gold.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    assert from_gold(gold, "dev") == [
        FollowUp(DEV, (Turn("Who left?", "Nobody."),), "Why?", "Why did nobody leave?")
    ]


def test_questions_that_stand_alone_are_asked_one_after_another(tmp_path: Path) -> None:
    records = [
        {"id": TEST, "question": "Who struck?", "answers": ["Iran", "Tehran"]},
        {"id": f"{DEV}-follow-up", "question": "Why?", "history": [{"question": "Who left?", "answer": ""}]},
        {"id": DEV, "question": "Who is Ann Lee?"},
        {"id": TEST, "question": "Who paid?"},
    ]
    questions = tmp_path / "questions.jsonl"
    questions.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    assert one_after_another(questions, "dev") == [
        FollowUp(DEV, (Turn("Who struck?", "Iran"),), "Who is Ann Lee?", "Who is Ann Lee?")
    ]
    assert one_after_another(questions, "test") == [
        FollowUp(TEST, (Turn("Who is Ann Lee?", ""),), "Who paid?", "Who paid?")
    ]


def test_a_table_is_printed_for_each_set_and_the_questions_if_asked_for(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    alone = folder / "quiz.jsonl"
    alone.write_text(json.dumps({"id": TEST, "question": "Who paid?"}) + "\n", encoding="utf-8")
    main(["--data", str(folder), "--split", "test", "--show", "--alone", str(alone)])
    printed, empty = capsys.readouterr().out.split("quiz in turn test: 0, 0 alone")
    assert empty.count(" - ") > 0, "one question follows none"
    assert printed == (
        "talk test: 1, 1 alone                alone  resolved rewritten\n"
        "  recall                             1.000     1.000     1.000\n"
        "  precision                          1.000     0.000     1.000\n"
        "  f1                                 1.000     0.000     1.000\n"
        "  f1 where changed                       -         -         -\n"
        "  found                                  -         -         -\n"
        "  apt                                    -     0.000         -\n"
        "  left alone                         1.000     0.000     1.000\n"
        "\n"
        f"{TEST}<::>2\n  Why?\n  Why: who is John Kirby?\n  Why?\n"
    )


def test_a_folder_without_conversations_and_a_broken_file_are_named(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError, match=r"empty has no \*_questions\.jsonl"):
        main(["--data", str(tmp_path / "empty")])
    with pytest.raises(ConfigError, match=r"quiz\.jsonl cannot be read as JSON lines"):
        main(["--data", str(folder), "--alone", str(folder / "quiz.jsonl")])
    (folder / "talk_rewrite.jsonl").write_text('{"_id": 1}\n', encoding="utf-8")
    with pytest.raises(ConfigError, match=r"talk_rewrite\.jsonl is not a file of questions"):
        main(["--data", str(folder)])
