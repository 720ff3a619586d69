"""Families of sentences that say the same in other words, or differ by little and mean something else.

`contrasts.jsonl` has one object a line: `kind`, `texts`, and statements that are `true`, `false` and
`partly` true of every text. Slots in braces stand for names, numbers and days, which are drawn anew each time
a family is told.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from rag.english.lexicon import DIGIT_WORDS, MONTHS, TEENS, WEEKDAYS
from rag.errors import SourceError

__all__ = ["FAMILIES", "Family", "filled", "read_families", "told"]

FAMILIES = Path(__file__).with_name("contrasts.jsonl")

_FIRST = (
    "Ana Amina Björn Carlos Chidi Daniela Dmitri Elif Emeka Esther Farid Fatou Giulia Hana Hiroshi "
    "Ines Ivan Jonas José Karim Katarzyna Keiko Kwame Lars Leila Lucía Luka Magnus Marta Mateo Mehmet "
    "Min-jun Miriam Nadia Ngozi Nikolai Oksana Olu Paolo Priya Rania Ravi Ruth Sanjay Sofia Soo-jin "
    "Tariq Thandi Tomás Valentina Viktor Wei Yusuf Zainab Zofia Margaret Peter Susan David Helen "
    "Robert Claire Thomas"
).split()
_LAST = (
    "Abara Achterberg Almeida Andersen Bakker Banerjee Baptiste Bergström Castellano Chaudhry Dahl "
    "Delacroix Diallo Dubois Eriksen Fischer Fofana Gallagher García Haddad Halvorsen Hoang Ibarra "
    "Iwasaki Jansen Kaminski Keita Khalil Kimura Kovács Lindqvist Lopes Marchetti Mbeki McAllister "
    "Mensah Moreau Mwangi Nakamura Ndiaye Novak Obi Okafor Olsen Papadakis Park Pereira Petrov Quispe "
    "Rahman Rossi Sato Schneider Silva Solberg Tanaka Tkachenko Torres Vargas Weber Yamada Yilmaz "
    "Zhang Żuraw Bell Carter Doyle Fletcher Grant Hughes Marsh Reed"
).split()
_CITIES = (
    "Aarhus|Accra|Almaty|Antwerp|Arequipa|Bergen|Bilbao|Bristol|Bursa|Cardiff|Cork|Da Nang|Dakar|"
    "Denver|Durban|Fukuoka|Galway|Gdańsk|Genoa|Ghent|Graz|Halifax|Izmir|Jaipur|Kano|Kraków|Kumasi|"
    "Leeds|Lille|Lima|Lviv|Malmö|Medellín|Mombasa|Montreal|Nantes|Oaxaca|Oulu|Perth|Porto|Quito|Recife|"
    "Riga|Rosario|Sapporo|Sarajevo|Surat|Tampere|Tbilisi|Trieste|Tunis|Utrecht|Valencia|Varna|"
    "Wellington|Zagreb"
).split("|")
_COUNTRIES = (
    "Argentina|Austria|Bolivia|Bulgaria|Cambodia|Canada|Chile|Croatia|Denmark|Ecuador|Egypt|Estonia|"
    "Finland|Georgia|Ghana|Hungary|Iceland|India|Indonesia|Ireland|Italy|Japan|Jordan|Kenya|Latvia|"
    "Malaysia|Mexico|Morocco|Nepal|Nigeria|Norway|Peru|Poland|Portugal|Romania|Senegal|Serbia|Spain|"
    "Sweden|Tanzania|Thailand|Turkey|Uganda|Uruguay|Vietnam|Zambia"
).split("|")
_TEAM_ENDS = "United|Rovers|City|Athletic|Rangers|Wanderers|Stars|Lions|Falcons|Dynamo".split("|")
_ORG_STARTS = (
    "Alder|Arcline|Baltica|Bluewater|Brandt|Calder|Cobalt|Corvane|Delmar|Eastfield|Fenwick|Granite|"
    "Halden|Helix|Ironbridge|Kestrel|Lakeshore|Meridian|Nordlys|Northgate|Orbis|Pallas|Quayside|"
    "Redwood|Solstice|Tamarind|Trefoil|Umbra|Vantage|Westbrook|Zenith"
).split("|")
_ORG_ENDS = (
    "Group|Holdings|Energy|Foods|Motors|Pharma|Airlines|Bank|Logistics|Media|Labs|Steel|Foundation".split("|")
)
_PLACES = (
    "the old harbour|the town hall|the central station|the north bridge|the river park|the new stadium|"
    "the university hospital|the fish market|the airport road|the botanical garden|the west pier|"
    "the main square"
).split("|")
_CURRENCIES = ("$", "€", "£")
_SLOT = re.compile(r"\{([A-Z]+\d?)(\.[a-z]+)?\}")


@dataclass(frozen=True, slots=True)
class Family:
    """Texts, and statements about each of them."""

    kind: str
    texts: tuple[str, ...]
    true: tuple[str, ...]
    false: tuple[str, ...]
    partly: tuple[str, ...] = ()


def read_families(path: Path = FAMILIES) -> list[Family]:
    """The families of a file. Raises `SourceError` for another format, or a slot that is not known."""
    found = []
    try:
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            row = json.loads(line)
            texts, true, false, partly = (
                tuple(map(str, row.get(part, ()))) for part in ("texts", "true", "false", "partly")
            )
            if not (texts and true and false):
                raise ValueError(f"line {number} lacks texts or statements")
            family = Family(str(row["kind"]), texts, true, false, partly)
            for said in (*family.texts, *family.true, *family.false, *family.partly):
                filled(said, values(random.Random(number)))
            found.append(family)
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise SourceError(f"{path} does not hold families of sentences: {exc!r}") from exc
    return found


def told(family: Family, rng: random.Random) -> Iterator[tuple[str, str, str]]:
    """One text of the family with each of its statements: statement, text, and `supported`, `unsupported` or
    `partial`. The names and numbers are the same in all."""
    said = values(rng)
    text = filled(rng.choice(family.texts), said)
    for statements, label in (
        (family.true, "supported"), (family.false, "unsupported"), (family.partly, "partial"),
    ):  # fmt: skip
        for statement in statements:
            yield filled(statement, said), text, label


def values(rng: random.Random) -> dict[str, str]:
    """What the slots stand for, drawn at random.

    >>> sorted(values(random.Random(1)))[:4]
    ['BIG', 'CITY', 'CITY2', 'COUNTRY']
    """
    persons = [
        f"{first} {last}" for first, last in zip(rng.sample(_FIRST, 3), rng.sample(_LAST, 3), strict=True)
    ]
    cities, countries, places = rng.sample(_CITIES, 4), rng.sample(_COUNTRIES, 2), rng.sample(_PLACES, 2)
    numbers = rng.sample(range(12, 980), 3)
    small, big = sorted(rng.sample(range(3, 900), 2))
    first, second = sorted(rng.sample(range(1968, 2027), 2))
    day, other_day = sorted(rng.sample(range(7), 2))
    month, other_month = sorted(rng.sample(range(12), 2))
    sums = rng.sample(range(2, 99), 2)
    shares = rng.sample(range(2, 97), 2)
    sign, scale = rng.choice(_CURRENCIES), rng.choice(("million", "billion", "million"))
    starts, ends = rng.sample(_ORG_STARTS, 2), rng.sample(_ORG_ENDS, 2)
    return {
        **{f"P{at}": name for at, name in enumerate(persons, 1)},
        "CITY": cities[0], "CITY2": cities[1], "COUNTRY": countries[0], "COUNTRY2": countries[1],
        "TEAM": f"{cities[2]} {rng.choice(_TEAM_ENDS)}", "TEAM2": f"{cities[3]} {rng.choice(_TEAM_ENDS)}",
        "ORG": f"{starts[0]} {ends[0]}", "ORG2": f"{starts[1]} {ends[1]}",
        **{f"N{at}": str(number) for at, number in enumerate(numbers, 1)},
        "SMALL": str(small), "BIG": str(big), "YEAR": str(first), "YEAR2": str(second),
        "MONEY": f"{sign}{sums[0]} {scale}", "MONEY2": f"{sign}{sums[1]} {scale}",
        "DAY": WEEKDAYS[day].capitalize(), "DAY2": WEEKDAYS[other_day].capitalize(),
        "MONTH": MONTHS[month].capitalize(), "MONTH2": MONTHS[other_month].capitalize(),
        "PLACE": places[0], "PLACE2": places[1], "PCT": f"{shares[0]} percent",
        "PCT2": f"{shares[1]} percent",
    }  # fmt: skip


def filled(said: str, slots: Mapping[str, str]) -> str:
    """A sentence with its slots filled; `.last` is a person's last name, `.words` a number in words. Raises
    `ValueError` for a slot that is not known.

    >>> filled("{P1.last} sold {N1.words} cars.", {"P1": "Ana Ruiz", "N1": "42"})
    'Ruiz sold forty-two cars.'
    """

    def value(match: re.Match[str]) -> str:
        found = slots.get(match.group(1))
        if found is None or match.group(2) not in (None, ".last", ".words"):
            raise ValueError(f"there is no slot {match.group()}")
        if match.group(2) == ".last":
            return found.rsplit(" ", 1)[-1]
        return in_words(int(found)) if match.group(2) else found

    text = _SLOT.sub(value, said)
    if "{" in text or "}" in text:
        raise ValueError(f"a brace is left over in {text!r}")
    return text[:1].upper() + text[1:]


_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()


def in_words(number: int) -> str:
    """A number up to 999 in words.

    >>> in_words(7), in_words(40), in_words(318)
    ('seven', 'forty', 'three hundred and eighteen')
    """
    if number >= 100:
        rest = number % 100
        return f"{DIGIT_WORDS[number // 100]} hundred" + (f" and {in_words(rest)}" if rest else "")
    if number < 10:
        return DIGIT_WORDS[number]
    if number < 20:
        return TEENS[number - 10]
    ten, one = divmod(number, 10)
    return _TENS[ten - 2] + (f"-{DIGIT_WORDS[one]}" if one else "")
