"""What a sync would do: a pure comparison of what was found with what the catalog knows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from ingest.scan import Scan, ScannedArticle
from ingest.scan.walk import is_address
from rag.types import Failure, Plan

__all__ = ["plan"]


def plan(
    scanned: Scan, known: Mapping[str, tuple[str, str]], *, prune: bool, exists: Callable[[str], bool]
) -> tuple[Plan, dict[str, ScannedArticle]]:
    """The plan, and for each id to be added or replaced where to read it.

    `known` gives each stored article's mark and origin; `exists` says whether an origin is still there.
    An id that two places claim belongs to the first; the second is a failure, and nothing is overwritten.
    A file that has vanished and one of equal content that has appeared are one article renamed. Only what
    came from the places being synced is ever removed, and nothing of a file that could not be read in full.
    """
    by_origin: dict[str, list[str]] = {}
    by_mark: dict[str, list[str]] = {}
    for article_id, (mark, origin) in sorted(known.items()):
        by_origin.setdefault(origin, []).append(article_id)
        by_mark.setdefault(mark, []).append(article_id)
    added: list[str] = []
    replaced: list[str] = []
    kept: list[str] = []
    failed = list(scanned.failed)
    for origin, reason in scanned.gone.items():
        if origin not in by_origin:
            failed.append(Failure(origin, reason))
        elif not prune:
            failed.append(Failure(origin, f"{reason}. What was added from there stays; --prune removes it"))
    renamed: dict[str, str] = {}  # id to where it lies now
    reading: dict[str, ScannedArticle] = {}
    seen: dict[str, ScannedArticle] = {}
    claims = {(item.id, item.origin) for item in scanned.found}

    def identified(item: ScannedArticle) -> ScannedArticle:
        """The item under the id it already has, if its file was renamed in an earlier run or just now."""
        if not item.named_by_place:
            return item
        if item.id not in known or known[item.id][1] != item.origin:
            earlier = by_origin.get(item.origin, [])
            if len(earlier) == 1:
                return replace(item, id=earlier[0])
        if item.id in known:
            return item
        for candidate in by_mark.get(item.content_hash, ()):
            origin = known[candidate][1]
            if candidate not in seen and origin not in scanned.origins and not exists(origin):
                renamed[candidate] = item.origin
                return replace(item, id=candidate)
        return item

    def holds(origin: str, article_id: str, claimant: str) -> bool:
        """Whether the place an article was read from still holds it: a feed that was just read in full may
        have lost it. A page has one address, and may be reached by others."""
        if is_address(origin):
            return not is_address(claimant) and origin not in scanned.gone
        if origin in scanned.many and origin not in scanned.unsure:
            return (article_id, origin) in claims
        return exists(origin)

    for found in scanned.found:
        item = identified(found)
        if item.id in seen:
            failed.append(
                Failure(
                    item.name,
                    f"its id {item.id} is already in use by {seen[item.id].name}. Give it an id of its own",
                )
            )
            continue
        if item.id not in known:
            added.append(item.id)
            reading[item.id] = item
        else:
            mark, origin = known[item.id]
            moved = renamed.get(item.id) == item.origin
            if origin != item.origin and not moved and holds(origin, item.id, item.origin):
                failed.append(
                    Failure(
                        item.name,
                        f"its id {item.id} is already in use by {origin}. Rename the file or its folder, or "
                        f"remove the other",
                    )
                )
                continue
            if mark != item.content_hash:
                replaced.append(item.id)
                reading[item.id] = item
            else:
                kept.append(item.id)
                if origin != item.origin:
                    renamed[item.id] = item.origin
        seen[item.id] = item
    removed = [
        article_id
        for article_id, (_, origin) in sorted(known.items())
        if prune
        and article_id not in seen
        and _within(origin, scanned)
        and not _under(origin, scanned.unsure)
    ]
    lists = (
        tuple(added),
        tuple(replaced),
        tuple(removed),
        tuple(kept),
        tuple(failed),
        tuple(renamed.items()),
    )
    return Plan(*lists, scanned.warnings), reading


def _within(origin: str, scanned: Scan) -> bool:
    """Whether a place was looked at for articles that are gone: a file or a folder, or an address with
    nothing left. A feed lists its latest articles only, so those it no longer lists stay."""
    return origin in scanned.gone or _under(origin, scanned.scopes)


def _under(origin: str, places: Iterable[str]) -> bool:
    return any(origin == place or origin.startswith(place.rstrip("/") + "/") for place in places)
