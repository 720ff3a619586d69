"""How long people wait who ask at once: each puts a few questions to an open page, over REST, as fast as
answers come.

    clippings serve & python -m eval.bench.crowd [--url http://127.0.0.1:7860] [--people 20] [--questions 3]

Every citation of every answer is compared with the article as the page gives it. Printed as JSON: how many
answers, the errors, the citations that were not exact, the seconds that a question took (median, 95th
percentile, longest), and what one person alone waits, asked first in the same run.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote

import httpx

from eval.cases import GOLD, load

__all__ = ["ask_in_turn", "main", "summary"]

_PATIENCE = 120.0  # seconds without an answer after which a question has failed


def ask_in_turn(page: httpx.Client, questions: Sequence[str]) -> list[dict[str, Any]]:
    """One person's questions, one after the other: seconds, an error if there was one, and the citations not
    exact.
    """
    rows: list[dict[str, Any]] = []
    for question in questions:
        began = time.perf_counter()
        row: dict[str, Any] = {"question": question, "error": None, "wrong": 0}
        try:
            told = page.post("/api/ask", json={"question": question})
            answer = told.raise_for_status().json()
        except httpx.HTTPStatusError as exc:
            answer, row["error"] = {"citations": []}, exc.response.text
        except httpx.HTTPError as exc:
            answer, row["error"] = {"citations": []}, str(exc)
        row["seconds"] = time.perf_counter() - began
        for citation in answer["citations"]:
            text = (
                page.get(f"/api/articles/{quote(citation['article']['id'])}")
                .raise_for_status()
                .json()["text"]
            )
            row["wrong"] += text[citation["start"] : citation["end"]] != citation["quote"]
        rows.append(row)
    return rows


def summary(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What the rows come to.

    >>> summary([{"seconds": s, "error": None, "wrong": 0} for s in (1.0, 2.0, 3.0)])
    {'answers': 3, 'errors': 0, 'citations_not_exact': 0, 'median_s': 2.0, 'p95_s': 3.0, 'longest_s': 3.0}
    """
    took = sorted(row["seconds"] for row in rows)
    return {
        "answers": len(rows),
        "errors": sum(row["error"] is not None for row in rows),
        "citations_not_exact": sum(row["wrong"] for row in rows),
        "median_s": round(took[len(took) // 2], 3),
        "p95_s": round(took[min(len(took) - 1, int(0.95 * len(took)))], 3),
        "longest_s": round(took[-1], 3),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Ask, and print."""
    parser = argparse.ArgumentParser(
        prog="python -m eval.bench.crowd", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--url", default="http://127.0.0.1:7860", help="an open page over the demo articles")
    parser.add_argument("--people", type=int, default=20)
    parser.add_argument("--questions", type=int, default=3, help="of each (default: 3)")
    options = parser.parse_args(arguments)
    dice = random.Random(1)
    pool = [case.question for case in load(GOLD / "seeds.jsonl") if not case.history]
    with httpx.Client(base_url=options.url, timeout=_PATIENCE, trust_env=False) as page:
        alone = ask_in_turn(page, dice.sample(pool, 10))
    people = [
        httpx.Client(base_url=options.url, timeout=_PATIENCE, trust_env=False) for _ in range(options.people)
    ]
    theirs = [dice.sample(pool, options.questions) for _ in people]
    with ThreadPoolExecutor(options.people) as crowd:
        rows = [row for found in crowd.map(ask_in_turn, people, theirs) for row in found]
    print(json.dumps({"alone": summary(alone), "at_once": summary(rows)}, indent=2))


if __name__ == "__main__":
    main()
