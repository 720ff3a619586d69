"""Who does something and who has it done to them, on every desk."""

from __future__ import annotations

import pytest

from rag.english.participants import participants


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Iran's strikes on Syria killed two.", [("iran", "AGENT", True), ("syria", "TARGET", False)]),
        ("Iran's border is long.", [("iran", "NONE", False)]),
        ("It was a raid by Iran.", [("iran", "AGENT", True)]),
        ("Iranian missiles hit Iraq.", [("iran", "NONE", False), ("iraq", "TARGET", False)]),
        ("Ajax's win over Porto was narrow.", [("ajax", "AGENT", True), ("porto", "NONE", False)]),
        ("Trefoil, which bought Ona, sold Kestrel.", [("trefoil", "AGENT", False), ("ona", "TARGET", False), ("kestrel", "TARGET", False)]),
        ("Ona was bought by Trefoil.", [("ona", "TARGET", False), ("trefoil", "AGENT", True)]),
        ("Pakistani strikes on Iran killed two.", [("pakistan", "AGENT", True), ("iran", "TARGET", False)]),
        ("Snow fell in the Alps.", [("alps", "TARGET", False)]),
        ("Snow fell in Oulu.", [("oulu", "TARGET", False)]),
        ("Kirby said it rained.", [("kirby", "SPEAKER", False)]),
        ("Kirby is a fan of Porto.", [("kirby", "NONE", False), ("porto", "NONE", False)]),
    ],
)  # fmt: skip
def test_roles(text: str, expected: list[tuple[str, str, bool]]) -> None:
    assert [(*p.words, p.role.name, p.deed) for p in participants(text)] == expected


def test_a_text_in_small_letters_needs_the_names_to_be_known() -> None:
    text = "how many did pakistans strikes kill in iran"
    assert participants(text) == ()
    known = participants(text, frozenset({"pakistan", "iran"}))
    assert [p.role.name for p in known] == ["AGENT", "TARGET"]
    assert participants("They saw the Iran file.", frozenset({"file"}))[0].words == {"iran"}
