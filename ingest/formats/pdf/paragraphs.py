"""Lines to paragraphs, across columns and pages, with the words that were broken at line ends joined."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ingest.formats.pdf.columns import Region, regions_of
from ingest.formats.pdf.letters import Sheet
from ingest.formats.pdf.lines import Line, body_size, lift_dropped_capitals

__all__ = ["join_lines", "text_of"]


_ENDED = re.compile(r"[.!?…:;。！？][\"'”’»)\]]*$|[”»]$")
_ITEM = re.compile(r"(?:[•*-]|\(?(?:\d{1,3}|[a-z])[.)]) +\S")
_BULLET = re.compile(r"[•*-] +")
_WIDE = re.compile(
    r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)  # written without spaces


@dataclass(slots=True)
class _Block:
    lines: list[Line]
    kind: str  # text, heading, item, table
    right: float  # how far the lines beside these reach
    indented: bool = False  # its first line
    only: bool = False  # its column is too short to tell how far its lines reach


def text_of(sheets: Sequence[Sheet]) -> tuple[str, tuple[int, ...]]:
    """All pages' text, and the code point that each page begins at."""
    regions: list[Region] = []
    for sheet in sheets:
        lift_dropped_capitals(sheet.words)
        regions.extend(regions_of(sheet.words, sheet, body_size(sheet.words)))
    body = body_size(word for sheet in sheets for word in sheet.words)
    bold = sum(len(w.text) for s in sheets for w in s.words if w.bold) * 2 > sum(
        len(w.text) for s in sheets for w in s.words
    )
    pitch = _pitches(regions)
    blocks: list[_Block] = []
    for region in regions:
        found = _blocks(region, body, pitch, bold)
        if found and (before := _unfinished(blocks, found[0])):
            before.lines += found[0].lines
            before.right, before.only = found[0].right, found[0].only
            del found[0]
        blocks += found
    return _written(blocks, _vocabulary(regions), len(sheets))


def _pitches(regions: Iterable[Region]) -> dict[float, float]:
    """The usual distance of lines, in em, by the size of the type."""
    seen: dict[float, Counter[float]] = defaultdict(Counter)
    for region in regions:
        for upper, lower in zip(region.lines, region.lines[1:], strict=False):
            if (
                abs(upper.size - lower.size) < 0.05 * upper.size
                and (by := upper.base - lower.base) < 2.2 * upper.size
            ):
                seen[upper.size][round(by / upper.size, 1)] += 1
    return {size: max(counts, key=lambda by: (counts[by], -by)) for size, counts in seen.items()}


def _blocks(region: Region, body: float, pitch: Mapping[float, float], bold: bool) -> list[_Block]:
    lines = [line for line in region.lines if line.text]
    if region.is_table:
        return [_Block(lines, "table", 0.0)] if lines else []
    blocks: list[_Block] = []
    left = min((line.x0 for line in lines), default=0.0)
    for at, line in enumerate(lines):
        # Beside a picture lines are shorter than elsewhere in their column: only those around count.
        right = max(
            one.x1 for one in lines[max(0, at - 3) : at + 4] if abs(one.size - line.size) < 0.08 * line.size
        )
        is_heading = line.size > 1.12 * body or (line.bold and not bold and len(line.text) < 150)
        before = blocks[-1] if blocks else None
        starts_item = bool(_ITEM.match(line.text)) and _may_be_item(before, line)
        if before is not None and not starts_item:
            step = _step(before, line, is_heading, right, pitch.get(line.size, 1.2))
            if step != "new":
                line.fresh = step == "line"
                before.lines.append(line)
                before.right = right
                continue
        kind = "item" if starts_item else "heading" if is_heading else "text"
        blocks.append(_Block([line], kind, right, line.x0 > left + 0.8 * line.size, len(lines) < 3))
    return blocks


def _may_be_item(before: _Block | None, line: Line) -> bool:
    """A bullet begins an item wherever it stands; a number only where no sentence goes on: "on page\\n12.
    Then".
    """
    if before is None or before.kind in ("item", "heading") or _BULLET.match(line.text):
        return True
    last = before.lines[-1]
    return bool(_ENDED.search(last.text)) or last.base - line.base > 1.5 * line.size or last.page != line.page


def _step(block: _Block, line: Line, is_heading: bool, right: float, pitch: float) -> str:
    """How a line follows a paragraph: "new" paragraph, new "line" in it, or "on" in the same line."""
    last = block.lines[-1]
    em = line.size
    ended = bool(_ENDED.search(last.text))
    fits = _would_fit(last, line, max(right, block.right))
    lower = line.text[0].islower()
    if abs(last.size - em) > 0.08 * max(last.size, em) or not 0 < last.base - line.base < (pitch + 0.3) * em:
        return "new"
    if last.bold != line.bold and (fits or not lower) and (is_heading or block.kind == "heading"):
        return "new"
    if block.kind == "heading" and is_heading:  # its lines are balanced or centred, and tell nothing
        return "on"
    if block.kind == "item":
        first = block.lines[0]
        if line.x0 < first.x0 - 0.5 * em or (fits and ended and line.x0 < first.x0 + 0.5 * em):
            return "new"
        return "on" if line.x0 > first.x0 + 0.5 * em or not fits or lower else "new"
    if line.x0 > last.x0 + 0.8 * em and not lower:
        return "new"
    if last.x0 > line.x0 + 0.8 * em and len(block.lines) > 1 and not lower:
        return "new"
    if not fits:
        return "on"
    return "new" if ended else "on" if lower else "line"


def _would_fit(last: Line, line: Line, right: float) -> bool:
    """Whether the first word of a line would have found room on the line before: then it was not full, but
    ended.
    """
    first = line.words[0]
    width = line.size if _WIDE.match(first.text) else first.x1 - first.x0
    return last.x1 + 0.3 * line.size + width < right - 0.3 * line.size


_ASIDE = 8  # paragraphs of a box beside the text


def _unfinished(blocks: Sequence[_Block], after: _Block) -> _Block | None:
    """The paragraph that goes on with this one: the last, or the one before a box on the same page that
    stands beside it.
    """
    if not blocks:
        return None
    if _goes_on(blocks[-1], after):
        return blocks[-1]
    page = after.lines[0].page
    if not after.lines[0].text[0].islower():
        return None
    for block in blocks[-2 : -_ASIDE - 2 : -1]:
        if block.lines[-1].page != page:
            return None
        if _goes_on(block, after):
            return block
    return None


def _goes_on(block: _Block, after: _Block) -> bool:
    """Whether a paragraph goes on at the head of the next column or page."""
    last, first = block.lines[-1], after.lines[0]
    if (
        block.kind not in ("text", "item")
        or after.kind != "text"
        or abs(last.size - first.size) > 0.08 * last.size
    ):
        return False
    if re.search(r"\w-$", last.text):
        return True
    if _ENDED.search(last.text):
        return False
    if first.text[0].islower():
        return True
    # A name may follow: if the line before is full, and the one after is not set in, they are of one
    # sentence.
    full = not block.only and last.x1 > block.right - 3 * last.size
    return full and not after.indented and last.bold == first.bold and not after.only


# Words broken at line ends

_BROKEN = re.compile(r"(\w+(?:-\w+)*)-$")
_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
# Of these nearly every word is a compound; "ex-", "co-" and "re-" also begin words that are merely broken.
_COMPOUND = frozenset("half self twenty thirty forty fifty sixty seventy eighty ninety vice well".split())
_ENDINGS = ("ish", "less", "ness", "hood")
_SUSPENDED = re.compile(r"(?:and|or|to|und|oder|bis|et|ou|y|o|e)\b")  # "two- and three-year plans"


def _vocabulary(regions: Iterable[Region]) -> set[str]:
    """The words of the document that stand whole on a line, in lower case, those with hyphens as they are."""
    words: set[str] = set()
    broken = False
    for region in regions:
        for line in region.lines:
            found = [word.lower() for word in _WORD.findall(line.text)]
            words.update(found[1 if broken else 0 :])
            broken = line.text.endswith("-")
            if broken and found:
                words.discard(found[-1])
    return words


def join_lines(before: str, after: str, vocabulary: set[str]) -> str:
    """Two lines of a paragraph as one. Whether a hyphen at the line end is the word's own is told, in this
    order, by what follows it, by how the document writes the word elsewhere, and by the first part; else it
    is the printer's.

    >>> join_lines("the govern-", "ment said", set()), join_lines("a well-", "known name", set())
    ('the government said', 'a well-known name')
    >>> join_lines("the Anglo-", "American war", set()), join_lines("a cease-", "fire", {"cease-fire"})
    ('the Anglo-American war', 'a cease-fire')
    >>> join_lines("two-", "and three-year plans", set()), join_lines("state-", "of-the-art", set())
    ('two- and three-year plans', 'state-of-the-art')
    """
    if _WIDE.match(before[-1]) and _WIDE.match(after[0]):
        return before + after
    if before[-1] == "—" and before[-2:-1] != " ":
        return before + after
    broken, rest = _BROKEN.search(before), _WORD.match(after)
    if broken is None or rest is None:
        return f"{before} {after}"
    if _SUSPENDED.match(after):
        return f"{before} {after}"
    first, second = broken.group(1).lower(), rest.group().lower()
    tail = first.rpartition("-")[2]
    if not after[0].islower() or before[-2].isdigit() or "-" in second or "-" in first:
        return before + after
    whole, hyphenated = first + second in vocabulary, f"{first}-{second}" in vocabulary
    if hyphenated != whole:
        return before + after if hyphenated else before[:-1] + after
    if tail in _COMPOUND and not second.startswith(_ENDINGS):
        return before + after
    return before[:-1] + after


def _written(blocks: Sequence[_Block], vocabulary: set[str], pages: int) -> tuple[str, tuple[int, ...]]:
    begins: dict[int, int] = {}
    pieces: list[str] = []
    done = 0
    for number, block in enumerate(blocks):
        if number:
            listed = block.kind == "item" and blocks[number - 1].kind == "item"
            pieces.append("\n" if listed else "\n\n")
            done += len(pieces[-1])
        text = ""
        for line in block.lines:
            said = (
                _BULLET.sub("- ", line.text, count=1)
                if block.kind == "item" and line is block.lines[0]
                else line.text
            )
            whole = (
                said if not text else f"{text}\n{said}" if line.fresh else join_lines(text, said, vocabulary)
            )
            begins.setdefault(line.page, done + len(whole) - len(said))
            text = whole
        pieces.append(text)
        done += len(text)
    places, place = [], done
    for page in reversed(range(pages)):  # an empty page begins where the next one does
        place = min(begins.get(page, place), place)
        places.append(place)
    places[-1] = 0
    return "".join(pieces), tuple(reversed(places))
