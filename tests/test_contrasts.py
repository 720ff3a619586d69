"""Families of contrasting sentences: every slot is filled, alike in all sentences of one telling, and a file
that has another slot is refused."""

from __future__ import annotations

import json
import random
from collections import Counter
from pathlib import Path

import pytest

from rag.errors import SourceError
from rag.training.contrasts import Family, filled, read_families, told, values


def test_every_family_can_be_told_and_differs_from_telling_to_telling() -> None:
    families = read_families()
    assert len(families) > 150
    for family in families:
        first, second = (list(told(family, random.Random(seed))) for seed in (1, 2))
        labels = Counter(label for _, _, label in first)
        assert labels["supported"] == len(family.true)
        assert labels["unsupported"] == len(family.false)
        assert labels["partial"] == len(family.partly)
        assert not any("{" in said or "{" in text for said, text, _ in first)
        assert first != second


def test_names_and_numbers_are_the_same_in_a_text_and_its_statements() -> None:
    family = Family(
        "sale",
        ("{P1} of {ORG} sold {N1} cars to {ORG2}.",),
        ("{ORG2} bought {N1.words} cars from {P1.last}.",),
        ("{ORG} bought {N1} cars.",),
    )
    found = list(told(family, random.Random(4)))
    said = values(random.Random(4))
    text = f"{said['P1']} of {said['ORG']} sold {said['N1']} cars to {said['ORG2']}."
    assert found[1] == (f"{said['ORG']} bought {said['N1']} cars.", text, "unsupported")
    assert found[0][0].endswith(f" cars from {said['P1'].rsplit(' ', 1)[-1]}.")


def test_numbers_that_say_their_order_keep_it_and_others_differ() -> None:
    for seed in range(50):
        said = values(random.Random(seed))
        assert int(said["SMALL"]) < int(said["BIG"])
        assert int(said["YEAR"]) < int(said["YEAR2"])
        assert len({said["N1"], said["N2"], said["N3"]}) == 3
        assert len({said["P1"], said["P2"], said["P3"]}) == 3


@pytest.mark.parametrize("said", ["{P4} left.", "{P1.first} left.", "{p1} left.", "{P1 left."])
def test_a_slot_that_is_not_known_is_refused(tmp_path: Path, said: str) -> None:
    with pytest.raises(ValueError, match=r"there is no slot|a brace is left over"):
        filled(said, values(random.Random(1)))
    path = tmp_path / "f.jsonl"
    path.write_text(json.dumps({"kind": "x", "texts": [said], "true": ["A."], "false": ["B."]}) + "\n")
    with pytest.raises(SourceError, match=r"f\.jsonl does not hold families of sentences"):
        read_families(path)


def test_a_family_without_statements_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "f.jsonl"
    path.write_text('{"kind": "x", "texts": ["A."], "true": [], "false": ["B."]}\n')
    with pytest.raises(SourceError, match="line 1 lacks texts or statements"):
        read_families(path)
