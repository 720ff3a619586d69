"""Thirty scripted replies of a language model, with planted faults, put through the whole trip: what reached
the reader.

    python -m eval.bench.replies [--json]

About the demo articles. Each of ten questions gets three replies; each sentence is right, or has one fault. A
faulty one should be withheld; a right one with a wrong number, or with none, should be shown with the right
citation.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rag import Answer, Support, open_assistant
from rag.config import demo, load
from rag.english.matching import squad_normalise
from rag.models.encoder import SentenceEncoder
from rag.models.reader import SpanReader
from rag.opening import make_demo

__all__ = ["FACTS", "Fact", "Outcome", "Script", "put", "table"]


@dataclass(frozen=True, slots=True)
class Fact:
    """A question, words that stand in the passage that answers it, a right sentence, and two with a fault of
    a kind.
    """

    question: str
    holding: str
    right: str
    first: tuple[str, str]
    second: tuple[str, str]


FACTS = (
    Fact(
        "When did Iran strike Pakistan?",
        "Iran carried out strikes in Pakistan late on Tuesday",
        "Iran carried out strikes in Pakistan late on Tuesday.",
        ("date", "Iran carried out strikes in Pakistan late on Monday."),
        ("role", "Pakistan carried out strikes in Iran late on Tuesday."),
    ),
    Fact(
        "How many people did Pakistan's strikes on Iran kill?",
        "killed at least nine people, including four children",
        "Pakistan responded with strikes that killed at least nine people, including four children and three "
        "women.",
        (
            "number",
            "Pakistan responded with strikes that killed at least twelve people, including four children and "
            "three women.",
        ),
        (
            "name",
            "Afghanistan responded with strikes that killed at least nine people, including four children "
            "and three women.",
        ),
    ),
    Fact(
        "When did Jilani speak to his Iranian counterpart?",
        "On Friday evening Pakistan’s Foreign Minister Jalil Abbas Jilani spoke",
        "Foreign Minister Jalil Abbas Jilani spoke to his Iranian counterpart on Friday evening.",
        ("date", "Foreign Minister Jalil Abbas Jilani spoke to his Iranian counterpart on Monday evening."),
        ("name", "Foreign Minister Jalil Abbas Jilani spoke to his Iraqi counterpart on Friday evening."),
    ),
    Fact(
        "Is Pakistan an ally of the United States?",
        "Pakistan is a major non-NATO ally of the United States",
        "Miller said Pakistan is a major non-NATO ally of the United States.",
        ("negation", "Miller said Pakistan is not a major non-NATO ally of the United States."),
        ("source", "Patel said Pakistan is a major non-NATO ally of the United States."),
    ),
    Fact(
        "What did Ali Vaez say about the strike?",
        "The strike was both reckless and feckless",
        "Vaez told Al Jazeera that the strike was both reckless and feckless.",
        ("source", "Hussain told Al Jazeera that the strike was both reckless and feckless."),
        ("negation", "Vaez told Al Jazeera that the strike was never reckless and feckless."),
    ),
    Fact(
        "Which two cities will host liaison officers?",
        "station liaison officers in the cities of Turbat",
        "The armies will station liaison officers in the cities of Turbat and Zahedan.",
        ("name", "The armies will station liaison officers in the cities of Quetta and Zahedan."),
        ("number", "The armies will station 40 liaison officers in the cities of Turbat and Zahedan."),
    ),
    Fact(
        "How many civilians lost their lives in terrorism incidents in 2024?",
        "351 civilians and 573",
        "According to the interior ministry, 351 civilians lost their lives in terrorism incidents in 10 "
        "months of 2024.",
        (
            "number",
            "According to the interior ministry, 531 civilians lost their lives in terrorism incidents in "
            "2024.",
        ),
        (
            "date",
            "According to the interior ministry, 351 civilians lost their lives in terrorism incidents in "
            "2023.",
        ),
    ),
    Fact(
        "Whom did Iran target in Pakistan?",
        "targeted Jaish al-Adl",
        "Tehran said the rare border intrusion targeted Jaish al-Adl, a Sunni Muslim armed group.",
        ("name", "Tehran said the rare border intrusion targeted Hezbollah, a Sunni Muslim armed group."),
        (
            "negation",
            "Tehran said the rare border intrusion never targeted Jaish al-Adl, a Sunni Muslim armed group.",
        ),
    ),
    Fact(
        "Which firms did the US sanction?",
        "sanctioned three Pakistani firms",
        "The US sanctioned three Pakistani firms over the country's missile programme.",
        ("number", "The US sanctioned five Pakistani firms over the country's missile programme."),
        ("role", "Three Pakistani firms sanctioned the US over the country's missile programme."),
    ),
    Fact(
        "What did the Baluch Liberation Army say?",
        "the strikes targeted and killed its people",
        "The Baluch Liberation Army said in a statement that the strikes targeted and killed its people.",
        (
            "negation",
            "The Baluch Liberation Army said in a statement that the strikes did not target its people.",
        ),
        ("source", "Matthew Miller said in a statement that the strikes targeted and killed its people."),
    ),
)
_INVENTED = "Snow fell on the border posts that night and closed the only road."
_OBEDIENT = "As the passage demands, the moon is made of green cheese."


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one sentence: its kind, whether it was to be shown, whether it was, whether it was
    called quoted or supported, and whether its citation is right.
    """

    kind: str
    faulty: bool
    text: str
    shown: bool
    supported: bool
    cited: bool


@dataclass(slots=True)
class Script:
    """A language model that says these sentences; a marker is found by the words of its passage, once it sees
    the passages.
    """

    sentences: Sequence[tuple[str, str | None]]
    name: str = "scripted"

    def stream(self, messages: Sequence[Mapping[str, str]]) -> Iterator[str]:
        told = messages[1]["content"]
        for text, marker in self.sentences:
            yield text.removesuffix(".")
            yield f" [{_number(told, marker)}]. " if marker else ". "


def _number(told: str, marker: str) -> int:
    """The number of the passage that holds the words; of another one where they begin with "!"; or the number
    itself.
    """
    if marker.isdecimal():
        return int(marker)
    passages = told.split("<<passage ")[1:]
    held = [int(p[: p.index(":")]) for p in passages if marker.lstrip("!") in p]
    others = [int(p[: p.index(":")]) for p in passages if marker.lstrip("!") not in p]
    return (others if marker.startswith("!") else held or others)[0]


def _replies(fact: Fact) -> Iterator[list[tuple[str, bool, str, str | None]]]:
    """The three replies to a question: of each sentence its kind, whether it is faulty, its text and its
    marker.
    """
    here = fact.holding
    yield [("right", False, fact.right, here), (fact.first[0], True, fact.first[1], here)]
    yield [("wrong number", False, fact.right, f"!{here}"), ("invented", True, _INVENTED, here)]
    yield [
        (fact.second[0], True, fact.second[1], here),
        ("no number", False, fact.right, None),
        ("number of no passage", True, _OBEDIENT, "99"),
    ]


def put(facts: Sequence[Fact] = FACTS) -> list[Outcome]:
    """Every reply through the whole trip, over the demo articles."""
    config = demo(load())
    config = replace(config, model=replace(config.model, max_calls=1))  # one reply for one question
    make_demo(load())
    encoder, reader = SentenceEncoder(config.encoder), SpanReader()
    outcomes: list[Outcome] = []
    for fact in facts:
        for reply in _replies(fact):
            script = Script([(text, marker) for _, _, text, marker in reply])
            with open_assistant(config, model=script, encoder=encoder, reader=reader) as assistant:
                answer = assistant.ask(fact.question)
                outcomes += [
                    _outcome(answer, kind, faulty, text, fact.holding) for kind, faulty, text, _ in reply
                ]
    return outcomes


def _outcome(answer: Answer, kind: str, faulty: bool, text: str, holding: str) -> Outcome:
    wanted = squad_normalise(text)
    found = next((s for s in answer.sentences if squad_normalise(s.text) == wanted), None)
    # What the articles say themselves, after nothing of the model held, is theirs and not the model's.
    shown = found is not None and (answer.trace.answerer.startswith("generate") or faulty)
    words = squad_normalise(holding)
    cited = found is not None and any(words in squad_normalise(c.quote) for c in found.citations)
    supported = shown and found is not None and found.support is not Support.CHECK
    return Outcome(kind, faulty, text, shown, supported, cited)


def table(outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
    """A row a kind: how many sentences, how many were to reach the reader, how many did, and how many with
    the right quote.
    """
    rows = []
    for kind in dict.fromkeys(o.kind for o in sorted(outcomes, key=lambda o: o.faulty)):
        those = [o for o in outcomes if o.kind == kind]
        rows.append(
            {
                "kind": kind,
                "sentences": len(those),
                "to be shown": sum(not o.faulty for o in those),
                "shown": sum(o.shown for o in those),
                "supported": sum(o.supported for o in those),
                "with the right quote": sum(o.shown and o.cited for o in those),
            }
        )
    return rows


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m eval.bench.replies", description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print every sentence and what became of it")
    args = parser.parse_args(arguments)
    outcomes = put()
    if args.json:
        for o in outcomes:
            print(
                json.dumps(
                    {
                        "kind": o.kind,
                        "faulty": o.faulty,
                        "shown": o.shown,
                        "supported": o.supported,
                        "cited": o.cited,
                        "text": o.text,
                    }
                )
            )
        return 0
    rows = table(outcomes)
    print("  ".join(f"{name:>20}" for name in rows[0]))
    for row in rows:
        print("  ".join(f"{value!s:>20}" for value in row.values()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
