"""Records of answers that an earlier version stored, in the form of today."""

from __future__ import annotations

from typing import Any

from rag.types import Support

__all__ = ["upgraded"]


def upgraded(record: dict[str, Any]) -> dict[str, Any]:
    """A stored record in the form that this version writes. One in that form, or of something else than an
    answer, is returned as it is.

    Earlier versions stored the states "verbatim" and "consistent", gave no state to a sentence, and listed
    sentences that Clippings had worded by itself as said by a model. Where no model took part, so that the
    articles answered and there was no reason to say why, that list is emptied. They did not store
    what a model cost, so that is unknown.
    """
    if not record.keys() >= {"citations", "sentences", "withheld", "answerer", "notice"}:
        return record
    states = {c["number"]: Support(c["support"]) for c in record["citations"]}
    no_model = record["answerer"] == "extract" and not record["notice"]
    return {
        **record,
        "citations": [{**c, "support": str(states[c["number"]])} for c in record["citations"]],
        "sentences": [
            {**s, "support": s.get("support") or str(Support.weakest(states[n] for n in s["citations"]))}
            for s in record["sentences"]
        ],
        "withheld": [] if no_model else record["withheld"],
        "usage": record.get("usage"),
    }
