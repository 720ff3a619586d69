"""Which articles are near-copies of one another: wire copy, updated versions, one page in another dress.

An article is signed once, when it is added. Groups are made of the signatures; texts are fetched only for
the pairs whose signatures are alike. Nothing is dropped: readers ask "who reported it", so a copy stays an
article and is only known to be one.
"""

from __future__ import annotations

import re
import struct
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
from rensa import RMinHash

from rag.english.lexicon import STOPWORDS

__all__ = ["Likeness", "around", "candidates", "current", "groups", "likeness", "signature"]

# Two reports of one event share quotations and names, but hardly any five words in a row beside them.
_RUN = 5
_LONGEST = (
    400_000  # characters of a text that are compared: a book's beginning says whose copy it is, in 20 MB
)
# A MinHash of 256 places estimates a Jaccard index to within .03 (one standard deviation). Compared two
# places at a time, pairs of index .15 are found in 94 cases of 100, of .2 in 99: a text in one four times as
# long has about .2.
_PLACES = 256
_SEED = 1
_HEAD = struct.Struct(
    "<HHII"
)  # our version, that of rensa's algorithm, distinct runs, distinct names and numbers
_VERSION = (1, RMinHash.ALGORITHM_VERSION)
_LENGTH = _HEAD.size + 4 * _PLACES

# A page of which only a notice was extracted is no copy of another such page. Notices are short or name
# little: the form to register that 109 pages of the development news consist of has 178 words, and 7 names
# and numbers.
_LEAST_RUNS = 45  # about fifty words
_LEAST_NAMED = 8
# Articles that agree in two places are compared with so many others, those that agree in the next places
# first. It keeps a series of thousands on one template from making millions of pairs; a story in more copies
# holds together from one to the next.
_REACH = 32
# What signatures must promise before texts are fetched: far below what makes a copy, for single words that
# were changed take five runs each, and the estimate errs.
_PROMISING = 0.45

# What makes a copy: chosen on one half of 11,685 articles of the development news. In the other half 48 of
# its 50 groups are copies, and 9 of the 27 nearest pairs that are not grouped are too: rewritten by more than
# a fifth.
_CONTAINED = 0.8
_OWN = (
    90  # words: most versions of one report stay below; a yearly series begins at 94, shared galleries at 230
)
_NAMED = (
    0.7  # a menu's names are a quarter of a short report's; in daily and yearly series it is mostly lower
)
_SIZE = 0.25

# Not `rag.english.normalise.words`, which also folds possessives: at 0.5 ms in 600 words it would take longer
# than all the rest. Apostrophes and hyphens, which differ from outlet to outlet, part words here.
_WORD = re.compile(r"\w+")

_Numbers = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True, slots=True)
class Likeness:
    """How alike two texts are; the same whichever comes first.

    `jaccard`: of all runs of five words in either, the share that is in both, 0 to 1. `contained`: the share
    of a text's words that stand in such common runs, 0 to 1, for the text in which it is higher. `own`: the
    most words in a row that stand in none, for the text in which they are fewer. `named`: of the distinct
    names and numbers in the text that has fewer, the share that is in both, None where there are none.
    `size`: the shorter's words per word of the longer.
    """

    jaccard: float
    contained: float
    own: int
    named: float | None
    size: float

    @property
    def copy(self) -> bool:
        """Whether one is a near-copy of the other, or of a part of it that is at least a quarter.

        A shorter part is an item in a roundup, which is a source of its own. A gallery or a menu under two
        different stories can be nine tenths of both: then both have a long stretch that the other lacks
        (`own`), where an added paragraph or an end cut off is a stretch in one. In a series on a template
        what differs is short, but it is the names and numbers (`named`).

        >>> Likeness(jaccard=0.3, contained=0.98, own=2, named=0.97, size=0.31).copy
        True
        >>> Likeness(jaccard=0.76, contained=0.92, own=239, named=0.96, size=0.89).copy
        False
        """
        alike = self.contained >= _CONTAINED and self.own <= _OWN and self.size >= _SIZE
        return alike and self.named is not None and self.named >= _NAMED


@dataclass(frozen=True, slots=True)
class _Text:
    words: int
    runs: tuple[str, ...]  # in order
    distinct: frozenset[str]
    named: frozenset[str]


def _read(text: str) -> _Text:
    found = _WORD.findall(text[:_LONGEST])
    words = [word.casefold() for word in found]
    runs = tuple(map(" ".join, zip(*(words[start:] for start in range(_RUN)), strict=False)))
    # Capitals and digits; and every word of a script without case, where names cannot be told.
    named = {folded for word, folded in zip(found, words, strict=True) if not word.islower()}
    return _Text(len(words), runs, frozenset(runs), frozenset(named - STOPWORDS))


def signature(text: str) -> bytes:
    """What of an article is kept to find its copies: a MinHash of its runs of five words, 1,036 bytes for any
    text.

    The same on every machine and in every run, until rensa changes its algorithm or we ours: see `current`.

    >>> len(signature("")), signature("Iran struck first.") == signature("IRAN struck – first")
    (1036, True)
    """
    read = _read(text)
    sketch = RMinHash(num_perm=_PLACES, seed=_SEED)
    sketch.update(list(read.distinct))  # in any order
    return (
        _HEAD.pack(*_VERSION, len(read.distinct), len(read.named))
        + np.array(sketch.digest(), dtype="<u4").tobytes()
    )


def current(signed: bytes) -> bool:
    """Whether a signature was made as they are made now. One that was not has to be made again from the text.

    >>> current(signature("Iran struck first.")), current(b"")
    (True, False)
    """
    return len(signed) == _LENGTH and _HEAD.unpack_from(signed)[:2] == _VERSION


def likeness(one: str, other: str) -> Likeness:
    """Compare two texts word by word, in about a millisecond for every 600 words.

    >>> story = "Rain fell on Bergen for the ninetieth day in a row on Friday"
    >>> likeness(story, story + ", said Anna Dahl, who counts.")
    Likeness(jaccard=0.6428571428571429, contained=1.0, own=0, named=1.0, size=0.7222222222222222)
    """
    return _compared(_read(one), _read(other))


def _compared(one: _Text, other: _Text) -> Likeness:
    common = one.distinct & other.distinct
    shares, stretches = zip(*(_common(text, common) for text in (one, other)), strict=True)
    fewer = min(len(one.named), len(other.named))
    return Likeness(
        jaccard=len(common) / len(one.distinct | other.distinct) if common else 0.0,
        contained=max(shares),
        own=min(stretches),
        named=len(one.named & other.named) / fewer if fewer else None,
        size=min(one.words, other.words) / max(one.words, other.words, 1),
    )


def _common(text: _Text, common: frozenset[str]) -> tuple[float, int]:
    """The share of a text's words that stand in common runs, and the most words in a row that do not."""
    at = [place for place, run in enumerate(text.runs) if run in common]
    gaps = [
        after - before - _RUN for before, after in pairwise([-_RUN, *at, text.words]) if after - before > _RUN
    ]
    return (text.words - sum(gaps)) / max(text.words, 1), max(gaps, default=0)


def candidates(signatures: Mapping[str, bytes]) -> list[tuple[str, str]]:
    """The pairs of ids that may be near-copies, judged by their signatures alone: in order, the smaller id
    first.

    Near linear in the number of articles; articles too short to tell a copy from a notice are left out.
    Raises `ValueError` for a signature that is not `current`.
    """
    ids, places, runs = _table(signatures)
    if not ids:
        return []
    codes = _agreeing(places)
    portions = np.array_split(codes, len(codes) // 8192 + 1)  # a pair's comparison takes 2 KB
    return [pair for some in portions for pair in _promising(some, ids, places, runs)]


def around(
    signatures: Mapping[str, bytes], changed: Collection[str], *, most: int = 1_000
) -> set[str] | None:
    """The articles whose groups may change when these did: themselves, what may be a copy of one of them, of
    that again, and so on; `None` where more than `most` would have to be looked at. Each takes time linear in
    the number of articles.

    The groups of all others are as they were. Raises `ValueError` for a signature that is not `current`.
    """
    ids, places, runs = _table(signatures)
    at = {name: row for row, name in enumerate(ids)}
    two = places.view("<u8")
    found = set(changed)
    ahead = [name for name in changed if name in at]
    visited = 0
    while ahead:
        if (visited := visited + 1) > most:
            return None
        row = at[ahead.pop()]
        others = np.flatnonzero((two == two[row]).any(axis=1))
        others = others[others != row]
        codes = np.minimum(others, row) * len(ids) + np.maximum(others, row)
        met = {name for pair in _promising(codes, ids, places, runs) for name in pair} - found
        found |= met
        ahead += sorted(met)
    return found


def _table(signatures: Mapping[str, bytes]) -> tuple[list[str], _Numbers, _Numbers]:
    """The ids, in order, of the articles that are long enough, their signatures' places, shape (ids, 256),
    and runs.
    """
    if stale := sorted(name for name, signed in signatures.items() if not current(signed)):
        raise ValueError(
            f"{len(stale)} signatures were made by another version, the first that of {stale[0]}: sign again"
        )
    heads = {name: _HEAD.unpack_from(signed) for name, signed in signatures.items()}
    ids = sorted(
        name for name, (*_, runs, named) in heads.items() if runs >= _LEAST_RUNS and named >= _LEAST_NAMED
    )
    places = np.frombuffer(b"".join(signatures[name][_HEAD.size :] for name in ids), dtype="<u4").reshape(
        len(ids), _PLACES
    )
    return ids, places, np.array([heads[name][2] for name in ids])


def _agreeing(places: _Numbers) -> _Numbers:
    """The pairs of rows that agree in two neighbouring places, each as one number: the first row times the
    count of rows, plus the second; ascending."""
    two = places.view("<u8")
    rows, bands = two.shape
    found = np.empty(0, dtype=np.int64)
    for band in range(bands):
        _, which, times = np.unique(two[:, band], return_inverse=True, return_counts=True)
        shared = np.flatnonzero(times[which] > 1)
        # Sorted by this band and, within it, by the next two: those most alike lie side by side.
        order = shared[np.lexsort([two[shared, (band + after) % bands] for after in (2, 1, 0)])]
        values = two[order, band]
        here = np.arange(len(order))
        for step in range(1, _REACH + 1):
            here = here[here < len(order) - step]
            here = here[values[here] == values[here + step]]
            if not here.size:
                break
            one, other = order[here], order[here + step]
            found = np.union1d(found, np.minimum(one, other) * rows + np.maximum(one, other))
    return found


def _promising(
    codes: _Numbers, ids: Sequence[str], places: _Numbers, runs: _Numbers
) -> list[tuple[str, str]]:
    """Those pairs of which the shorter may be contained in the longer."""
    one, other = np.divmod(codes, len(ids))
    jaccard = (places[one] == places[other]).mean(axis=1)
    fewer, more = np.minimum(runs[one], runs[other]), np.maximum(runs[one], runs[other])
    contained = jaccard * (fewer + more) / (1 + jaccard) / fewer  # |A ∩ B| = J (|A| + |B|) / (1 + J)
    # Sizes are of distinct runs here, not of words: a fifth may be a quarter.
    kept = (contained >= _PROMISING) & (fewer >= 0.8 * _SIZE * more)
    return [(ids[a], ids[b]) for a, b in zip(one[kept].tolist(), other[kept].tolist(), strict=True)]


def groups(signatures: Mapping[str, bytes], text_of: Callable[[str], str]) -> dict[str, str]:
    """For each article that has a near-copy, by id and in their order, the name of its group: the smallest id
    in it.

    A group is its fullest article and those that are copies of it. Copies of copies do not count, or a series
    in which each day is like the day before would be one group from end to end; what they cost is an early
    version that only a middle one still resembles. `text_of` gives the text that was signed, and is asked
    only for those of `candidates`. Raises what `candidates` raises.

    >>> groups({"a": signature("Iran struck first.")}, {"a": "Iran struck first."}.__getitem__)
    {}
    """
    beside: defaultdict[str, list[str]] = defaultdict(list)
    for one, other in candidates(signatures):
        beside[one].append(other)
        beside[other].append(one)
    read = lru_cache(maxsize=1024)(lambda name: _read(text_of(name)))

    def fullest(name: str) -> tuple[int, str]:
        return -_HEAD.unpack_from(signatures[name])[2], name

    heads: dict[str, str] = {}
    for name in sorted(beside, key=fullest):
        near: Sequence[str] = sorted({heads[other] for other in beside[name] if other in heads}, key=fullest)
        heads[name] = next((head for head in near if _compared(read(head), read(name)).copy), name)
    members: defaultdict[str, list[str]] = defaultdict(list)
    for name, head in sorted(heads.items()):
        members[head].append(name)
    return {name: members[head][0] for name, head in sorted(heads.items()) if len(members[head]) > 1}
