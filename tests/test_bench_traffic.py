"""A page under traffic: what counts as a wrong citation and as no sentence, and a whole run over a dozen
small articles.
"""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from conftest import write_jsonl

from eval.bench.traffic.__main__ import main
from eval.bench.traffic.asking import put_questions
from eval.bench.traffic.judging import Change, Cited, Reply, fault, histories, is_sentence, judged
from eval.bench.traffic.page import grown, slope
from eval.bench.traffic.writing import revised
from rag.errors import CollectionError, QuestionError

RAIN = Cited("a", "v1", 0, 4, "Rain")
# Put in at 10 to 12, changed at 20 to 22, taken out at 30 to 32, and back as it was at first at 40 to 42.
CHANGES = [
    Change("a", "v1", "Rain fell.", 10, 12),
    Change("a", "v2", "Snow fell.", 20, 22),
    Change("a", None, "", 30, 32),
    Change("a", "v1", "Rain fell.", 40, 42),
]


@pytest.mark.parametrize(
    ("asked", "came", "why"),
    [
        (5, 9, "the version came after the answer"),
        (5, 11, None),  # it may have been there since 10
        (15, 16, None),
        (21.5, 25, None),  # and until 22
        (22.5, 25, "the version had gone 0.50 s before the question"),
        (33, 39, "the version had gone 11.00 s before the question"),
        (33, 41, None),
        (99, 100, None),
    ],
)
def test_a_citation_is_judged_by_the_catalog_of_its_moment(
    asked: float, came: float, why: str | None
) -> None:
    assert fault(RAIN, histories(CHANGES)["a"], asked, came) == why


def test_what_is_cited_after_its_removal_is_wrong() -> None:
    snow = Cited("a", "v2", 0, 4, "Snow")
    assert fault(snow, histories(CHANGES)["a"], 31, 35) is None
    assert (
        fault(snow, histories(CHANGES)["a"], 32.25, 35) == "the version had gone 0.25 s before the question"
    )


def test_the_words_have_to_stand_in_the_very_version() -> None:
    theirs = histories(CHANGES)["a"]
    assert (
        fault(Cited("a", "v1", 0, 4, "Snow"), theirs, 15, 16) == "other words stand there"
    )  # they stand in v2
    assert fault(Cited("a", "v1", 1, 5, "Rain"), theirs, 15, 16) == "other words stand there"
    assert fault(Cited("a", "v3", 0, 4, "Rain"), theirs, 15, 16) == "no such version was ever there"
    assert fault(RAIN, [], 15, 16) == "no such version was ever there"


def test_a_change_that_failed_may_have_happened_or_not_until_the_next_that_did() -> None:
    failed = [
        CHANGES[0],
        Change("a", "v2", "Snow fell.", 20, math.inf),
        Change("a", "v3", "Hail fell.", 50, 52),
    ]
    theirs = histories(failed)["a"]
    for cited in (RAIN, Cited("a", "v2", 0, 4, "Snow")):
        assert fault(cited, theirs, 30, 31) is None
        assert fault(cited, theirs, 53, 54) == "the version had gone 1.00 s before the question"


@pytest.mark.parametrize(
    "error",
    [
        QuestionError("the question is empty. Ask something about the articles"),
        CollectionError("/x/catalog.sqlite is being written by another process. Try again in a moment"),
        "20 people are asking just now. Try again in a moment",
    ],
)
def test_our_errors_are_sentences(error: object) -> None:
    assert is_sentence(str(error))


@pytest.mark.parametrize(
    "said",
    [
        "",
        "404: Not Found",
        "Server stopped unexpectedly.",
        'Traceback (most recent call last):\n  File "a.py", line 3, in ask',
        "chromadb.errors.InternalError: Error finding id in the index",
        "<Article object at 0x7f00> is not one of these",
    ],
)
def test_what_a_program_says_of_itself_is_no_sentence(said: str) -> None:
    assert not is_sentence(said)


def test_memory_that_is_flat_has_no_slope_and_one_moment_has_none_at_all() -> None:
    assert slope([(0, 500), (30, 500), (60, 500)]) == 0
    assert slope([(0, 100), (60, 100), (120, 103)]) == 1.5  # least squares: half of what the ends are apart
    assert slope([(0, 500)]) is None
    assert slope([]) is None


def test_memory_is_measured_from_the_second_minute_on() -> None:
    held = [
        (at, {"resident": mb})
        for at, mb in ((0.0, 300.0), (5.0, 400.0), (70.0, 500.0), (100.0, 501.0), (130.0, 502.0))
    ]
    figures = {"start": 300.0, "by_minute": [500.0, 502.0], "end": 502.0, "slope_mb_per_minute": 2.0}
    assert grown(held, 10.0) == {"resident": figures}
    assert grown(held, 100.0) == {"resident": {**figures, "by_minute": [], "slope_mb_per_minute": None}}
    assert grown([], 0.0) is None


def test_every_edition_is_another_text_and_the_fourth_the_first_one_again() -> None:
    text = "Rain killed 9 in Oslo."
    editions = [revised(text, edition) for edition in range(1, 9)]
    assert [edition == text for edition in editions] == [False, False, False, True] * 2
    assert len(set(editions)) == 7
    assert editions[0].endswith(text)
    assert editions[2].startswith(text)
    assert revised("No figure.", 2) == "No figure. This is edition 2 of the report."


def test_what_is_counted() -> None:
    replies = [
        Reply(15, 16, "plain", False, (RAIN, Cited("b", "v1", 0, 4, "Hail"))),
        Reply(20.5, 21, "sources", False, (RAIN,)),  # within the change
        Reply(23, 24, "plain", abstained=True),
        Reply(23, 24, "plain", error="the page is busy. Ask again", said=True),
        Reply(23, 24, "plain", error="ReadError: ", said=False),
    ]
    figures = judged(replies, [Change("b", "v0", "Hail fell.", 0, 0)], CHANGES)
    assert figures["questions"] == {"plain": 4, "sources": 1}
    assert (figures["answers"], figures["abstained"]) == (3, 1)
    cited = figures["citations"]
    assert (
        cited["checked"],
        cited["of_articles_that_changed"],
        cited["while_it_changed"],
        cited["wrong"],
    ) == (3, 2, 1, 1)
    assert [(wrong["why"], wrong["article_id"]) for wrong in cited["examples"]] == [
        ("no such version was ever there", "b")
    ]
    assert figures["errors"]["sentences"] == {"the page is busy. Ask again": 1}
    assert (figures["errors"]["no_sentences"], figures["errors"]["examples"]) == (1, {"ReadError: ": 1})


CITED = {"article": {"id": "a", "version": "v1"}, "start": 0, "end": 4, "quote": "Rain"}
SAID = {  # what a page tells of a question
    "answers": (200, json.dumps({"abstained": None, "citations": [CITED]})),
    "refuses": (
        422,
        '{"error": {"kind": "question", "message": "the question holds no word to look for. Ask it in words"}}',
    ),
    "is full": (503, '{"detail": "Queue is full. Max size is 4 and size is 4."}'),
    "fails": (500, '{"error": null}'),
    "breaks off": (502, ""),
    "breaks": (500, "Internal Server Error"),
}


class Door(BaseHTTPRequestHandler):
    """Stands for the page: a question is the name of what becomes of it."""

    def do_POST(self) -> None:
        question = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["question"]
        if question in SAID and self.path == "/api/ask":
            self._reply(*SAID[question])
        # else the connection is cut

    def _reply(self, status: int, body: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def door() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_what_comes_in_place_of_an_answer_is_told_apart(door: str) -> None:
    kinds = ["answers", "refuses", "is full", "fails", "breaks off", "breaks", "cuts"]
    answer, *errors = put_questions(door, [("plain", {"question": kind}) for kind in kinds], 60)
    assert answer.citations == (RAIN,)
    assert (answer.error, answer.abstained) == (None, False)
    assert answer.asked <= answer.came
    assert [reply.error for reply in errors if reply.said] == [
        "the question holds no word to look for. Ask it in words",
        "Queue is full. Max size is 4 and size is 4.",
    ]
    unsaid = [reply.error or "" for reply in errors if not reply.said]
    assert unsaid[:3] == ["nothing was said", "nothing was said", "Internal Server Error"]
    assert unsaid[3].startswith("RemoteProtocolError: ")


TOWNS = (
    "Skellow",
    "Arnside",
    "Dunmoor",
    "Karvel",
    "Ostby",
    "Tarn",
    "Wexcombe",
    "Holm",
    "Brinley",
    "Corrie",
    "Lunde",
    "Vessel",
)


def test_a_page_under_traffic(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    records = [
        {
            "id": town.lower(),
            "title": f"Flood at {town} bridge",
            "published": f"2023-04-{day:02}",
            "source": "The Marsh Post" if day % 2 else "The Fen Courier",
            "text": f"The river at {town} rose by {day + 20} centimetres on Monday. {day + 30} people left their homes near the "
            f"bridge. The mayor of {town} said the bridge would stay closed until Friday.",
        }
        for day, town in enumerate(TOWNS, 1)
    ]
    path = write_jsonl(tmp_path / "articles.jsonl", *records)
    status = main(
        [str(path), "--people", "2", "--minutes", "0.05", "--base", "8", "--home", str(tmp_path / "home")]
    )
    found = json.loads(capsys.readouterr().out)
    assert found["faults"] == []
    assert status == 0
    assert found["articles_before"] == 8
    assert found["citations"]["checked"] > 0
    assert found["citations"]["wrong"] == 0
    assert found["changes"]["added"] > 0
    assert found["changes"]["replaced"] > 0
    assert found["changes"]["removed"] > 0
    assert found["changes"]["failed"] == {}
    assert found["generation"][0] < found["generation"][1]
    assert found["waits"]["alone"]["questions"] + found["waits"]["at_once"]["questions"] == found["answers"]
    held = found["memory_mb"]
    assert held["resident"]["start"] > held["anonymous"]["start"] > held["mapped"]["start"] > 0
    assert held["resident"]["by_minute"] == []
    assert held["resident"]["slope_mb_per_minute"] is None


def test_what_cannot_be_begun_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bare = write_jsonl(tmp_path / "bare.jsonl", {"id": "a"})
    assert main([str(bare), "--home", str(tmp_path / "home")]) == 2
    assert "holds no article with a title" in capsys.readouterr().err
    assert main([str(bare), "--questions", str(bare), "--home", str(tmp_path / "home")]) == 2
    assert "Each line is an object with a question" in capsys.readouterr().err
