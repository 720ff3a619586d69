"""Draws the public gold questions, and the one collection that all of them are asked of, from three published
datasets.

    python -m eval.gold.build_public DATA

DATA holds the datasets' own files. Nothing is chosen by chance: where only some are taken, a SHA-256 of the
id decides, so the same files always give the same bytes.

| file in DATA                       | dataset, licence                                 | kinds of cases drawn
|
|------------------------------------|--------------------------------------------------|-----------------------------------|
| citation/clapnq_answerable.jsonl   | CLAPnq (Rosenthal et al., TACL 2025), Apache-2.0 | clapnq
| | citation/clapnq_unanswerable.jsonl | the same                                         |
clapnq-unanswerable               | | citation/quotesum.jsonl            | QuoteSum (Schuster et al., 2023),
CC BY-SA 4.0   | quotesum                          | | conflict/ramdocs.jsonl             | RAMDocs (Wang et
al., 2025), MIT                 | ramdocs, ramdocs-ambiguous,       | |                                    |
| ramdocs-conflict and ramdocs-twin |

Written beside this file: `public_articles.jsonl`, articles as `ingest` reads them, and `public.jsonl`, one
case a line. NOTICE-public.md says whose words they are. An unknown title is null, and no article has a date:
the datasets give none.

A case's `facts` are what a full answer says. The `spans` of a fact are alternatives, offsets in code points
of the article's text; its `answers` are ways of writing one value, and are empty where the dataset gives no
short answer: then only what was found and cited can be scored. What each kind means:

- `clapnq`: one fact, whose spans are the sentences that an annotator chose, less half sentences and lead-ins;
  any one of them counts, though the best answers draw on several. CLAPnq is made of the Natural Questions
  that have no short answer, so `answers` is empty. A question for which an annotator found nothing is left
  out.
- `clapnq-unanswerable`: the passage is in the collection and does not answer; `declined` is true.
- `quotesum`: one case for each question, not for each annotator; one fact for each short answer that more
  than half of the annotators quoted, with the sentence they quoted it from. Several right answers are not a
  contradiction.
- `ramdocs`: one reading of the question, and no document disputes it.
- `ramdocs-ambiguous`: a name that several things share; one fact for each thing, and no conflict.
- `ramdocs-conflict`: documents give different values for the same thing, because some were altered
  (`misinfo`). Where the name is ambiguous as well, only the documents of one disputed reading are in the
  collection, so that the facts are rivals and nothing else. `conflict` is true here and nowhere else.
- `ramdocs-twin`: a fixed third of RAMDocs' questions, asked of a collection from which every document with
  any of their answers, right or wrong, was left out; `declined` is true.

RAMDocs labels documents, not sentences. The sentence with the label's words is the span if the document also
names the thing in question; a document that was labelled with a value and fails this is left out, so that no
one is marked down for citing it. REJECTED lists what reading by eye turned up beyond that. DISTRACTORS
documents of questions that became no case lie in the collection as well.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from rag.english.lexicon import MONTHS

HERE = Path(__file__).parent

# Documents of RAMDocs questions that became no case, to be searched past.
DISTRACTORS = 220

# A sentence longer than this (web pages without full stops) is cut to whole words around the value.
LONGEST = 300

# Read by eye and left out: cases by id, and single documents by the case's id and their number.
_READ = (
    (
        "too vague to be marked right or wrong",
        "ramdocs-015 ramdocs-026 ramdocs-031 ramdocs-048 ramdocs-076 ramdocs-138 quotesum-PAQ_val_1005 "
        "quotesum-PAQ_val_1127 quotesum-PAQ_val_1393 quotesum-PAQ_val_1576 quotesum-PAQ_val_1577 "
        "quotesum-PAQ_val_1930",
    ),
    (
        "the dataset's value is wrong, or its words do not say it",
        "ramdocs-013 ramdocs-030 ramdocs-081 ramdocs-107 ramdocs-166 ramdocs-193 ramdocs-203 "
        "quotesum-AMBIG_val_1167 "
        "quotesum-AMBIG_val_1170 quotesum-AMBIG_val_1173",
    ),
    (
        "documents give yet another value",
        "ramdocs-014 ramdocs-198 ramdocs-246 quotesum-AMBIG_val_1222 quotesum-PAQ_val_1164",
    ),
    ("both values hold, of two things", "ramdocs-008 ramdocs-028 ramdocs-085"),
    (
        "a value no answer would repeat word for word, or any answer would",
        "ramdocs-093 ramdocs-116 ramdocs-135",
    ),
    (
        "answered after all, by noise or by a passage said not to answer, or near enough to argue about",
        "ramdocs-022 ramdocs-083 ramdocs-088 ramdocs-112 ramdocs-113 ramdocs-179 clapnq-3266237706199525070 "
        "clapnq--7972870381434317648 clapnq-8301108654819879623 clapnq-772512647534026193 "
        "clapnq-7121299760909158279 "
        "clapnq-2018400616094279189 clapnq--6987439426084349656 clapnq-876619900426357295 "
        "clapnq--6304166444188887432 "
        "clapnq-6669778795402108948 clapnq-485709787967879677 clapnq-3582106290480878099 "
        "clapnq--2672473581577927756 "
        "clapnq--5502907616280767819",
    ),
    (
        "not a question",
        "clapnq-3580898920021122041 clapnq--8956250272716759808 clapnq-3901638560184669356 "
        "clapnq-2220697306443143650 "
        "clapnq--1776463086929020924",
    ),
    (
        "a document with the value's words but not the fact",
        "ramdocs-007-2 ramdocs-010-2 ramdocs-010-3 ramdocs-020-2 ramdocs-069-3 ramdocs-119-2 ramdocs-119-5 "
        "ramdocs-139-5 ramdocs-157-2 ramdocs-157-7 ramdocs-158-2 ramdocs-158-3 ramdocs-178-6 ramdocs-235-2 "
        "ramdocs-235-4",
    ),
    ("a document without a readable sentence", "ramdocs-144-5 ramdocs-167-4 ramdocs-228-9 ramdocs-228-10"),
)
REJECTED = {id: reason for reason, ids in _READ for id in ids.split()}

Row = dict[str, Any]
Span = tuple[int, int]


class BuildError(Exception):
    """The data is not as expected; the message says which file and what to do."""


# ---------------------------------------------------------------------------------------------------- text

# Zero-width and direction marks: invisible, and a reader's copy of a sentence would lack them.
_INVISIBLE = re.compile("[\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2064\ufeff]")
_SPACE = re.compile(r"\s+")
_WORD = re.compile(r"[^\W_]+")
_END = re.compile(r"[.!?]+[\"'”’)\]]*(?=\s+[\"'“‘(\[]?[A-Z0-9])|\n")
_ABBREVIATED = re.compile(
    r"(?:\b(?:[A-Z]|Mr|Mrs|Ms|Dr|St|Jr|Sr|vs|No|Vol|Gen|Lt|Col|Capt|Rev|Hon|Prof|Gov|Sen|Inc|Ltd|Co|Mt|Ft|ca?|Est)|\W[A-Z]\.[A-Z])\Z"
)
# Control characters and the replacement character: a PDF or an image read as text.
_GARBLED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ufffd]")
# What a language model said about its own alteration of a document.
_CONFESSION = re.compile(r"[\n(]\s*Note:|modified context|new answer")


def plain(text: str) -> str:
    r"""The text with plain white space, composed accents and no invisible marks, so that offsets survive
    ingesting.

    >>> plain("14\xa0 restaurants \n in\ufeff Wisconsin ")
    '14 restaurants\nin Wisconsin'
    """
    visible = _INVISIBLE.sub("", unicodedata.normalize("NFC", text))
    return _SPACE.sub(lambda m: "\n" if "\n" in m.group() else " ", visible).strip()


def words(text: str) -> list[str]:
    """The lower-cased words of a text.

    >>> words("4–2, at Wembley")
    ['4', '2', 'at', 'wembley']
    """
    return _WORD.findall(text.casefold())


def sentences(text: str) -> list[Span]:
    """The sentences of a text as [start, end), without the white space between them.

    Not `rag.english.sentences`: a gold span must not move when the program it judges is changed.

    >>> t = "He met J. Smith. They left."
    >>> [t[a:b] for a, b in sentences(t)]
    ['He met J. Smith.', 'They left.']
    """
    found, start = [], 0
    for match in _END.finditer(text):
        if match.group() == "." and _ABBREVIATED.search(text, max(0, start), match.start()):
            continue
        found.append((start, match.end()))
        start = match.end()
    found.append((start, len(text)))
    return [trimmed for span in found if (trimmed := _trim(text, span))[0] < trimmed[1]]


def _trim(text: str, span: Span) -> Span:
    start, end = span
    while start < end and text[start].isspace():
        start += 1
    while start < end and text[end - 1].isspace():
        end -= 1
    return start, end


def find(value: str, text: str) -> list[Span]:
    """Every place where the words of the value stand in a row, whatever their case and the punctuation
    between them.

    >>> find("May 28, 2013", "on May 28 , 2013.")
    [(3, 16)]
    >>> find("324", "1,324 people")
    []
    """
    # A comma or a point between digits is inside a number: 324 is not in 1,324 nor in 324.5.
    pattern = r"(?<!\w)(?<!\d[.,])" + r"[\W_]+".join(map(re.escape, words(value))) + r"(?!\w)(?![.,]\d)"
    return [m.span() for m in re.finditer(pattern, text, re.IGNORECASE)] if words(value) else []


# Words of questions that say nothing about their subject.
_EMPTY = frozenset(
    words(
        "a an and are as at be by did do does for from had has he her his how in is it its of on or she that "
        "the their they "
        "this to was were what when where which who whom why with"
    )
)


def stems(text: str) -> set[str]:
    """The first five letters of each word that means something: enough for "director" and "directed" to meet.

    >>> sorted(stems("Who is the director?"))
    ['direc']
    """
    return {word[:5] for word in words(text) if word not in _EMPTY}


def telling(text: str, places: Iterable[Span], about: set[str]) -> list[Span]:
    """Of the sentences around some places, those that share most stems with what is asked about, or one
    fewer.

    A year stands in a book's imprint as well as in "Built in 1905"; only the second tells when something was
    built.
    """
    shared = {s: len(stems(text[slice(*s)]) & about) for s in (around(text, place) for place in places)}
    return sorted(s for s, number in shared.items() if number >= max(shared.values()) - 1)


def around(text: str, place: Span) -> Span:
    """The sentence that holds a place, or LONGEST characters of whole words around it where that is shorter.

    >>> t = "It rained. Limerick won in 1987. They sang."
    >>> t[slice(*around(t, (27, 31)))]
    'Limerick won in 1987.'
    """
    touched = [s for s in sentences(text) if s[0] < place[1] and place[0] < s[1]]
    start, end = touched[0][0], touched[-1][1]
    if end - start <= LONGEST:
        return start, end
    room = max(0, LONGEST - (place[1] - place[0])) // 2
    if place[0] - room > start:
        start = min(text.find(" ", place[0] - room) + 1 or place[0], place[0])
    if place[1] + room < end:
        end = max(text.rfind(" ", 0, place[1] + room), place[1])
    return _trim(text, (start, end))


_MONTHS = "|".join(month.capitalize() for month in MONTHS)
_DAY_FIRST = re.compile(rf"(\d{{1,2}}) ({_MONTHS}),? (\d{{3,4}})")
_MONTH_FIRST = re.compile(rf"({_MONTHS}) (\d{{1,2}}),? (\d{{3,4}})")


def spellings(value: str) -> list[str]:
    """How a text may write a value, the dataset's way first: dates either way round, counts without noun or
    "about".

    >>> spellings("15 May 1885")
    ['15 May 1885', 'May 15, 1885']
    >>> spellings("About 3,559 people")
    ['About 3,559 people', '3,559 people', '3,559']
    """
    bare = re.sub(r"^(?:about|around|approximately|between|the|an?) ", "", value, flags=re.IGNORECASE)
    found = [value, bare, re.sub(r"^([\d,.]*\d) (?:people|inhabitants|residents|persons)$", r"\1", bare)]
    if match := _DAY_FIRST.fullmatch(value):
        found.append(f"{match[2]} {match[1]}, {match[3]}")
    if match := _MONTH_FIRST.fullmatch(value):
        found.append(f"{match[2]} {match[1]} {match[3]}")
    return list(dict.fromkeys(found))


_PLACE = re.compile(r"([A-Z][\w.' -]+)(?:, [A-Z][\w.' -]+)+")


def acceptable(value: str) -> list[str]:
    """What counts as saying a value: its spellings, and a town without its state or a tongue without
    "-language".

    >>> acceptable("Fulton, Illinois, USA")
    ['Fulton, Illinois, USA', 'Fulton']
    """
    found = [*spellings(value), value.removesuffix("-language")]
    if not any(c.isdigit() for c in value) and (match := _PLACE.fullmatch(value)):
        found.append(match[1])
    return list(dict.fromkeys(found))


def compatible(one: str, other: str) -> bool:
    """Whether two values may be the same one, written more and less fully.

    >>> compatible("Republic of Honduras", "Honduras"), compatible("May 1885", "1886")
    (True, False)
    """
    a, b = set(words(one)), set(words(other))
    return a <= b or b <= a


def by_hash(rows: Iterable[Row]) -> list[Row]:
    """Cases in an order that looks like chance and is always the same."""
    return sorted(rows, key=lambda row: hashlib.sha256(row["id"].encode()).hexdigest())


# ---------------------------------------------------------------------------------------------- collection


class Collection:
    """The articles, each text once, in the order in which they were first needed."""

    def __init__(self) -> None:
        self.articles: dict[str, Row] = {}
        self._by_text: dict[str, str] = {}

    def add(self, id: str, title: str | None, text: str, source: str) -> str:
        """The id of the article with this text, which is another's if the text was there before."""
        clean = plain(text)
        if clean not in self._by_text:
            if id in self.articles:
                raise BuildError(
                    f"two articles would be called {id}: are the files of DATA mixed from different releases?"
                )
            self._by_text[clean] = id
            self.articles[id] = {"id": id, "title": title and plain(title), "text": clean, "source": source}
        return self._by_text[clean]

    def text(self, id: str) -> str:
        return str(self.articles[id]["text"])


def span(article: str | int, place: Span) -> Row:
    """A span of an article; of a document by its number, until `settle` knows what article it became."""
    return {"article": article, "start": place[0], "end": place[1]}


def fact(answers: Sequence[str], spans: Iterable[Row]) -> Row:
    unique = {(s["article"], s["start"], s["end"]): s for s in spans}
    return {"answers": list(answers), "spans": [unique[key] for key in sorted(unique)]}


def case(id: str, question: str, kind: str, facts: Sequence[Row] = (), *, conflict: bool = False) -> Row:
    return {
        "id": id,
        "question": plain(question),
        "history": [],
        "rewritten": None,
        "kind": kind,
        "facts": list(facts),
        "declined": not facts,
        "conflict": conflict,
    }


# -------------------------------------------------------------------------------------------------- CLAPnq


def answering(row: Row, text: str) -> list[Span]:
    """The sentences that annotators chose, but for those that carry less than half as much of their answers
    as the best.

    CLAPnq cuts sentences at every point ("Wellington ( Maori :"), and a lead-in is chosen along with what it
    leads to.
    """
    answers = stems(" ".join(output["answer"] for output in row["output"]))
    carried = {}
    for sentence in {plain(s) for output in row["output"] for s in output["selected_sentences"]}:
        if text.count(sentence) != 1:
            raise BuildError(
                f"clapnq {row['id']}: a chosen sentence does not stand exactly once in its passage: "
                f"{sentence!r}"
            )
        start = text.index(sentence)
        carried[start, start + len(sentence)] = len(stems(sentence) & answers)
    return sorted(place for place, number in carried.items() if number * 2 >= max(carried.values()))


_PUT_AS_QUESTION = re.compile(
    r"(?:who|whom|whose|what|when|where|which|why|how|is|are|was|were|do|does|did|can|could|has|have|will)\b"
)


def clapnq(answerable: Sequence[Row], unanswerable: Sequence[Row], collection: Collection) -> Iterator[Row]:
    known_titles, known_questions = set(), set()
    for row in answerable:
        passage = row["passages"][0]
        id = collection.add(f"clapnq/{row['id']}", passage["title"], passage["text"], "Wikipedia")
        known_titles.add(passage["title"])
        known_questions.add(row["input"])
        if all(output["selected_sentences"] for output in row["output"]):
            places = answering(row, collection.text(id))
            yield case(
                f"clapnq-{row['id']}",
                row["input"],
                "clapnq",
                [fact([], (span(id, place) for place in places))],
            )
    for row in unanswerable:
        passage = row["passages"][0]
        collection.add(f"clapnq/{row['id']}", passage["title"], passage["text"], "Wikipedia")
        # A passage of the same page might answer what this one does not. Many of these are search terms ("tom
        # petty i won't back down official video"): there is nothing to decline, so only those put as
        # questions are taken.
        known = passage["title"] in known_titles or row["input"] in known_questions
        if not known and _PUT_AS_QUESTION.match(row["input"]) and f"clapnq-{row['id']}" not in REJECTED:
            yield case(f"clapnq-{row['id']}", row["input"], "clapnq-unanswerable")


# ------------------------------------------------------------------------------------------------ QuoteSum

_QUOTE = re.compile(r"\[ (\d) (.*?) \]")


def quotesum(rows: Sequence[Row], collection: Collection) -> Iterator[Row]:
    questions: dict[str, list[Row]] = {}
    for row in rows:
        questions.setdefault(row["qid"], []).append(row)
    for qid, annotated in questions.items():
        first = annotated[0]
        ids = {
            n: collection.add(f"quotesum/{qid}-{n}", first[f"title{n}"], first[f"source{n}"], "Wikipedia")
            for n in map(str, range(1, 9))
            if first[f"source{n}"]
        }
        facts = quoted_facts(annotated, {n: collection.text(id) for n, id in ids.items()}, ids)
        if facts and f"quotesum-{qid}" not in REJECTED:
            yield case(f"quotesum-{qid}", first["question"], "quotesum", facts)


def quoted_facts(annotated: Sequence[Row], texts: dict[str, str], ids: dict[str, str]) -> list[Row]:
    """What most annotators quoted, or nothing if a quote of theirs, or the answer in it, is not in its
    source.
    """
    covered = [{(n, plain(a)) for n, a in _QUOTE.findall(row["covered_short_answers"])} for row in annotated]
    quotes = [(n, plain(q)) for row in annotated for n, q in _QUOTE.findall(row["summary"])]
    # Titles are quoted too ("[ 3 Monk ] says ..."); they name a source and support nothing.
    titles = {plain(annotated[0][f"title{n}"]).casefold() for n in texts}
    if any(q not in texts[n] and not any(q.casefold() in title for title in titles) for n, q in quotes):
        return []
    values: dict[str, list[Row]] = {}
    for n, answer in sorted(set().union(*covered)):
        if sum((n, answer) in one for one in covered) * 2 <= len(covered):
            continue
        quoted = [
            (m.start(), m.end()) for i, q in quotes if i == n for m in re.finditer(re.escape(q), texts[n])
        ]
        sentence_of = [around(texts[n], place) for place in find(answer, texts[n])]
        supporting = [s for s in sentence_of if any(s[0] < q[1] and q[0] < s[1] for q in quoted)]
        if not supporting:
            return []
        values.setdefault(answer, []).extend(span(ids[n], s) for s in supporting)
    return [fact(acceptable(answer), spans) for answer, spans in values.items()]


# ------------------------------------------------------------------------------------------------- RAMDocs


def half_in(name: Sequence[str], text: str) -> bool:
    present = set(words(text))
    return sum(word in present for word in name) * 2 >= len(name)


def asked_about(question: str) -> list[str]:
    """The words of the question that name something: those with a capital or a digit, but for the first.

    >>> asked_about("When was Flight 63 lost?")
    ['flight', '63']
    """
    return [word.casefold() for word in _WORD.findall(question)[1:] if word[0].isupper() or word[0].isdigit()]


class Reading:
    """One thing that the question may be about: its name, its value, and the documents on it."""

    def __init__(self, entity: str, gold: str) -> None:
        self.entity, self.gold = entity, gold
        self.documents: list[tuple[int, Row]] = []

    @property
    def disputed(self) -> bool:
        return any(document["type"] == "misinfo" for _, document in self.documents)

    def names(self, text: str) -> bool:
        """Whether the text holds at least half of the entity's name, which stands before any bracket or
        comma.
        """
        name = [w for w in words(re.split(r" \(|, ", self.entity)[0]) if len(w) > 2] or words(self.entity)
        return half_in(name, text)

    def told_apart(self, value: str, text: str) -> bool:
        """Whether an altered text calls itself another thing of that name: "Both Sides Now (Elton John
        album)".
        """
        name = re.escape(self.entity.split(" (")[0].split(", ")[0])
        brackets = re.findall(rf"{name}\s*\(([^)]*)\)", text, re.IGNORECASE)
        return any(set(words(value)) & set(words(inside)) for inside in brackets)


def readings(row: Row) -> list[Reading]:
    """The question's readings, or none if the documents do not follow the order of its answers.

    RAMDocs lists the documents of one reading together, the altered after the right ones, and noise last.
    Where a reading lost its right documents, one cannot tell what an altered document was altered from.
    """
    found: list[Reading] = []
    golds = list(zip(row["disambig_entity"], row["gold_answers"], strict=True))
    for number, document in enumerate(row["documents"], 1):
        if document["type"] == "correct" and (not found or found[-1].gold != document["answer"]):
            if len(found) == len(golds) or golds[len(found)][1] != document["answer"]:
                return []
            found.append(Reading(*golds[len(found)]))
        if document["type"] != "noise":
            if not found:
                return []
            found[-1].documents.append((number, document))
    return found if len(found) == len(golds) else []


def usable(text: str) -> bool:
    return not _GARBLED.search(text.replace("\n", " ")) and not _CONFESSION.search(text)


def stands_in(values: Iterable[str], text: str) -> bool:
    return any(find(v, text) for value in values for v in spellings(value))


def ramdocs(rows: Sequence[Row], collection: Collection) -> Iterator[Row]:
    numbered = {f"ramdocs-{number:03}": row for number, row in enumerate(rows, 1)}
    cases, twins = [], []
    for id, row in numbered.items():
        if id in REJECTED:
            continue
        if int(hashlib.sha256(id.encode()).hexdigest()[:8], 16) % 3 == 0:
            twins.append(twin(id, row))
        elif found := answered(id, row):
            cases.append(found)
    for found in cases:
        settle(found, collection)
    twins = without_leaks(twins, collection)
    for found in twins:
        settle(found, collection)
    distract(numbered, {found["id"] for found in cases + twins}, {found["id"] for found in twins}, collection)
    yield from ({key: value for key, value in found.items() if key != "row"} for found in cases + twins)


def distract(rows: dict[str, Row], used: set[str], twins: set[str], collection: Collection) -> None:
    """Adds documents of unused questions, none of which bears on a question that is used."""
    unused = [
        {"id": f"{id}-{n}", "text": plain(document["text"])}
        for id, row in rows.items()
        if id not in used
        for n, document in enumerate(row["documents"], 1)
        if usable(document["text"])
    ]
    added = 0
    for document in by_hash(unused):
        if added == DISTRACTORS:
            return
        if not any(leaks(rows[id], document["text"], strict=id in twins) for id in used):
            collection.add(document["id"].replace("-", "/", 1), None, document["text"], "RAMDocs")
            added += 1


def settle(found: Row, collection: Collection) -> None:
    """Puts the case's documents into the collection, and points its spans there."""
    ids = {
        number: collection.add(f"{found['id'].replace('-', '/', 1)}-{number}", None, text, "RAMDocs")
        for number, text in found.pop("documents").items()
    }
    for one in found["facts"]:
        one["spans"] = fact([], [s | {"article": ids[s["article"]]} for s in one["spans"]])["spans"]


def answered(id: str, row: Row) -> Row | None:
    """The case of a question whose documents stay, with the documents by number; None if it cannot be scored
    fairly.
    """
    every = readings(row)
    disputed = [reading for reading in every if reading.disputed]
    for kept in [[reading] for reading in disputed] or [every]:
        documents, facts = supported(id, row, kept)
        unsupported = any(plain(reading.gold) not in facts for reading in kept)
        if not facts or unsupported or (disputed and len(facts) < 2):
            continue
        if clash(list(facts), {plain(reading.gold) for reading in every}):
            continue
        documents |= noise(id, row, {*row["gold_answers"], *row["wrong_answers"]})
        kind = "ramdocs-conflict" if disputed else "ramdocs-ambiguous" if len(facts) > 1 else "ramdocs"
        values = [fact(acceptable(value), spans) for value, spans in facts.items()]
        found = case(id, row["question"], kind, values, conflict=bool(disputed))
        return found | {"documents": dict(sorted(documents.items())), "row": row}
    return None


def supported(id: str, row: Row, kept: Sequence[Reading]) -> tuple[dict[int, str], dict[str, list[Row]]]:
    """The documents on some readings that give the value they are labelled with, and where they give it."""
    documents: dict[int, str] = {}
    facts: dict[str, list[Row]] = {}
    for reading in kept:
        for number, document in reading.documents:
            if f"{id}-{number}" in REJECTED:
                continue
            text = plain(document["text"])
            if spans := supports(row, reading, document, text):
                documents[number] = text
                facts.setdefault(plain(document["answer"]), []).extend(span(number, s) for s in spans)
    return documents, facts


def supports(row: Row, reading: Reading, document: Row, text: str) -> list[Span]:
    """The sentences in which a document gives the value it is labelled with, if it is about that reading at
    all.
    """
    altered = document["type"] == "misinfo"
    named = reading.names(text) and half_in(asked_about(row["question"]), text)
    if (
        not named
        or not usable(document["text"])
        or (altered and reading.told_apart(document["answer"], text))
    ):
        return []
    # Altered in one place and not in another: it says both.
    if stands_in([reading.gold] if altered else row["wrong_answers"], text):
        return []
    value = plain(document["answer"])
    about = stems(f"{row['question']} {reading.entity}") - stems(value)
    return telling(text, [place for one in spellings(value) for place in find(one, text)], about)


def clash(values: Sequence[str], golds: set[str]) -> bool:
    """Whether an answer cannot tell two values apart, or an altered one is right for another reading."""
    pairs = [(a, b) for i, a in enumerate(values) for b in values[i + 1 :]]
    return any(compatible(a, b) for a, b in pairs) or any(
        compatible(v, g) for v in values for g in golds if v != g and v not in golds
    )


def noise(id: str, row: Row, answers: Iterable[str]) -> dict[int, str]:
    """The documents on nothing in question, less those that hold an answer's words."""
    numbered = {
        n: d
        for n, d in enumerate(row["documents"], 1)
        if d["type"] == "noise" and f"{id}-{n}" not in REJECTED
    }
    texts = {n: plain(d["text"]) for n, d in numbered.items() if usable(d["text"])}
    return {n: text for n, text in texts.items() if not stands_in(answers, text)}


def twin(id: str, row: Row) -> Row:
    """The question with nothing left but noise, if there was any."""
    left = noise(id, row, {*row["gold_answers"], *row["wrong_answers"]})
    return case(id, row["question"], "ramdocs-twin") | {"documents": left, "row": row}


def without_leaks(twins: Sequence[Row], collection: Collection) -> list[Row]:
    """The twins with no right answer's words anywhere in the collection, nor among the documents of any twin.

    An altered answer's words are a leak only where the thing asked about is named too: Quentin Tarantino,
    said to have directed one film, may stand in an article about another.
    """
    texts = [str(a["text"]) for a in collection.articles.values()]
    texts += [text for one in twins for text in one["documents"].values()]
    return [one for one in twins if not any(leaks(one["row"], text) for text in texts)]


def leaks(row: Row, text: str, *, strict: bool = True) -> bool:
    """Whether a text might answer: it names the thing and holds a value of it; if `strict`, a right value is
    enough.
    """
    if strict and stands_in(row["gold_answers"], text):
        return True
    about = any(Reading(entity, "").names(text) for entity in row["disambig_entity"])
    return about and stands_in([*row["gold_answers"], *row["wrong_answers"]], text)


# ------------------------------------------------------------------------------------------------- command


def read(folder: Path, name: str) -> list[Row]:
    path = folder / name
    if not path.is_file():
        raise BuildError(
            f"{path} is missing: DATA must hold the datasets' files as the table of `--help` names them"
        )
    rows = []
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            try:
                rows.append(json.loads(line))
            except ValueError as error:
                raise BuildError(f"line {number} of {path} is not JSON: is the file whole?") from error
    return rows


def build(folder: Path) -> tuple[list[Row], list[Row]]:
    """The articles and the cases, in the order in which they are written."""
    collection = Collection()
    answerable, unanswerable, quoted, conflicting = (
        read(folder, name)
        for name in (
            "citation/clapnq_answerable.jsonl",
            "citation/clapnq_unanswerable.jsonl",
            "citation/quotesum.jsonl",
            "conflict/ramdocs.jsonl",
        )
    )
    cases = [
        *clapnq(answerable, unanswerable, collection),
        *quotesum(quoted, collection),
        *ramdocs(conflicting, collection),
    ]
    return list(collection.articles.values()), cases


def write(path: Path, rows: Iterable[Row]) -> None:
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    path.write_text(lines, encoding="utf-8", newline="\n")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m eval.gold.build_public",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "data", metavar="DATA", type=Path, help="the folder that holds citation/ and conflict/"
    )
    try:
        articles, cases = build(parser.parse_args(arguments).data)
    except BuildError as error:
        print(f"build_public: {error}", file=sys.stderr)
        return 1
    write(HERE / "public_articles.jsonl", articles)
    write(HERE / "public.jsonl", cases)
    print(f"{len(articles)} articles, {len(cases)} cases")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
