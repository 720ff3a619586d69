"""Near-copies in a file of articles: how many groups, how long they take, and both sides of the line to look
at.

    python -m eval.bench.copies FILE.jsonl[.gz] [--half 0|1] [--show N] [--seed N]

FILE is in the ingest format. The figures are of all its articles. Shown are random groups, each article
compared with the longest, and random pairs that came near to being copies, with the longest stretch of each
text that the other lacks. With `--half`, what is shown comes from one half of the groups and pairs, told by
the SHA-256 of their smallest id: the thresholds of `ingest.duplicates` were chosen on half 0, so half 1 says
how good they are.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import random
import re
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from ingest.duplicates import candidates, groups, likeness, signature

__all__ = ["half", "main", "own", "summary"]

_NEAR = 0.65  # contained: a pair that is no copy is a near miss from here
_WORDS = 15  # of an article's beginning, and of what is its own
_RUN = 5  # words in common that end a stretch of one's own, as in `ingest.duplicates`


def half(name: str) -> int:
    """0 or 1, the same for an id wherever it is asked.

    >>> [half(name) for name in "abcdef"]
    [0, 0, 0, 0, 1, 1]
    """
    return hashlib.sha256(name.encode()).digest()[0] % 2


def summary(group_of: Mapping[str, str]) -> dict[str, Any]:
    """The number of groups and of the articles in them, and the five largest with their sizes.

    >>> summary({"a": "a", "b": "a", "c": "c", "d": "c", "e": "c"})
    {'groups': 2, 'articles in groups': 5, 'largest': {'c': 3, 'a': 2}}
    """
    sizes = sorted(Counter(group_of.values()).items(), key=lambda group: (-group[1], group[0]))
    return {"groups": len(sizes), "articles in groups": len(group_of), "largest": dict(sizes[:5])}


def own(one: str, other: str) -> str:
    """The longest stretch of a text that the other lacks: how many words, and the first of them.

    >>> own("Rain fell on Bergen on Friday, and snow fell on Oslo.", "Rain fell on Bergen on Friday.")
    '5 words: and snow fell on Oslo'
    """
    spans = [match.span() for match in re.finditer(r"\w+", one)]
    here, there = (re.findall(r"\w+", text.casefold()) for text in (one, other))
    common = {tuple(there[at : at + _RUN]) for at in range(len(there) - _RUN + 1)}
    places = [at for at in range(len(here) - _RUN + 1) if tuple(here[at : at + _RUN]) in common]
    start, end = max(
        ((a + _RUN, b) for a, b in pairwise([-_RUN, *places, len(here)])), key=lambda gap: gap[1] - gap[0]
    )
    if start >= end:
        return "0 words"
    shown = one[spans[start][0] : spans[min(end, start + _WORDS) - 1][1]]
    return f"{end - start} words: {' '.join(shown.split())}"


def _lines(articles: Mapping[str, Mapping[str, Any]], name: str, other: str) -> Iterator[str]:
    """An article beside another: what it is called and how it begins, how alike they are, what each has of
    its own.
    """
    one = articles[name]
    found = likeness(articles[other]["text"], one["text"])
    yield f"  {name}  {one.get('source')}  {one.get('published')}  {one.get('title')}"
    yield f"      begins: {' '.join(one['text'].split()[:_WORDS])}"
    if name != other:
        named = "–" if found.named is None else f"{found.named:.2f}"
        yield (
            f"      jaccard {found.jaccard:.2f}, contained {found.contained:.2f}, own {found.own}, named "
            f"{named}, "
            f"size {found.size:.2f}"
        )
        yield f"      lacks {own(articles[other]['text'], one['text'])}"
        yield f"      has   {own(one['text'], articles[other]['text'])}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Sign, group, print the figures, and show what was drawn."""
    parser = argparse.ArgumentParser(
        prog="python -m eval.bench.copies", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("file", type=Path, help="articles as JSON lines, plain or gzipped")
    parser.add_argument(
        "--half", type=int, choices=(0, 1), help="show only what falls in this half (default: both)"
    )
    parser.add_argument(
        "--show", type=int, default=50, help="how many groups and how many near misses (default 50)"
    )
    parser.add_argument("--seed", type=int, default=1, help="of the draw (default 1)")
    options = parser.parse_args(arguments)
    opened = gzip.open if options.file.suffix == ".gz" else open
    with opened(options.file, "rt", encoding="utf-8") as lines:
        articles = {str(article["id"]): article for article in map(json.loads, lines)}

    started = time.perf_counter()
    signatures = {name: signature(article["text"]) for name, article in articles.items()}
    signed = time.perf_counter()
    pairs = candidates(signatures)
    paired = time.perf_counter()
    group_of = groups(signatures, lambda name: str(articles[name]["text"]))
    grouped = time.perf_counter()
    # Grouping finds the candidates once more.
    seconds = {
        "signing": signed - started,
        "candidates": paired - signed,
        "candidates and groups": grouped - paired,
    }
    figures = {"articles": len(articles), "candidate pairs": len(pairs), **summary(group_of)}
    print(
        json.dumps(figures | {"seconds": {what: round(took, 2) for what, took in seconds.items()}}, indent=2)
    )

    def drawn(names: Sequence[Any]) -> list[Any]:
        return random.Random(options.seed).sample(names, min(options.show, len(names)))

    members: defaultdict[str, list[str]] = defaultdict(list)
    for name, group in group_of.items():
        if options.half in (None, half(group)):
            members[group].append(name)
    for group in drawn(sorted(members)):
        print(f"\ngroup {group}")
        first, *rest = sorted(members[group], key=lambda name: (-len(articles[name]["text"]), name))
        for name in (first, *rest):
            print(*_lines(articles, name, first), sep="\n")
    apart = [
        (one, other)
        for one, other in pairs
        if options.half in (None, half(one))
        and (one not in group_of or group_of[one] != group_of.get(other))
        and likeness(articles[one]["text"], articles[other]["text"]).contained >= _NEAR
    ]
    for one, other in drawn(apart):
        print("\nno copies")
        print(*_lines(articles, one, one), *_lines(articles, other, one), sep="\n")


if __name__ == "__main__":
    main()
