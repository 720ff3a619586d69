"""The words that a question in a conversation turns on, beside those of `lexicon`: each list once, named by
what its words are.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from rag.english.lexicon import ORGANISATION_HEADS

__all__ = [
    "AREAS",
    "BODIES",
    "COMPARING",
    "EMPTY_AFTER_IT",
    "EVENT_NOUNS",
    "EVENT_VERBS",
    "HEADING_VERBS",
    "HOLIDAYS",
    "IRREGULAR_PLURALS",
    "MOTION_VERBS",
    "OPPOSITES",
    "PERSONAL_ADJECTIVES",
    "PLACE_PREPOSITIONS",
    "PREDICATES",
    "RELATIONAL_ADJECTIVES",
    "SITES",
    "SLIPS",
    "TIME_PREPOSITIONS",
    "WEATHER",
    "WORKS",
]


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


# Adjectives and adverbs that end what a question says: "is football similar to rugby".
PREDICATES = _set(
    """able absent afraid alive asleep available aware bad big cheap clear closed cold common dangerous dead
    different difficult due easy empty exempt expensive famous free full good guilty happy hard healthy hot
    ill important innocent large late legal liable likely missing necessary new old open poor popular
    possible proud ready responsible rich safe born short sick similar small sorry strong sure tall true
    unable unsafe useful weak well wet worth wrong young"""
)
IRREGULAR_PLURALS = _set(
    "cattle children clergy data feet fish media men mice people police sheep teeth troops women"
)
# What news calls a thing that was told before: alone, such a noun says nothing.
EVENT_NOUNS = _set(
    """accident agreement announcement arrest attack auction award ban bill blast blaze bombing campaign case
    ceasefire clash closure collapse conflict crash crisis deal decision defeat delay derailment disaster
    discovery dispute drought earthquake election eruption event experiment explosion festival fight
    fighting final fine fire flight flood game hack hearing heatwave incident injury inquiry inquest
    investigation killing launch law lawsuit leak march match meeting merger mission move murder
    negotiations operation order outage outbreak plan plot project proposal protest quake race raid recall
    report rescue result robbery ruling sale sanctions scandal sentence shooting show siege sinking
    statement storm strike study suit summit suspect takeover talks theft transfer treaty trial verdict
    victim victory visit vote war win word"""
)
# Modifiers of which one is put for another: "male referees", "female referees".
OPPOSITES: tuple[frozenset[str], ...] = tuple(
    frozenset(row.split())
    for row in """male female | adult young old elderly teenage | public private | rural urban
    | foreign domestic local | new used | electric diesel | northern southern eastern western
    | red green blue white black yellow | rich poor | large small big medium | professional amateur
    | junior senior | full-time part-time | most fewest least | first last | highest lowest
    | largest smallest biggest | oldest youngest | best worst | fastest slowest | cheapest dearest
    | longest shortest""".split("|")
)
# Slips of the fingers in the words that questions turn on.
SLIPS: Mapping[str, str] = MappingProxyType(
    {
        slip: right
        for row in """what: waht wat whta hwat | how: hwo ohw | and: adn nad annd | about: abt abuot aobut
        | their: thier | they: tehy thye | where: whre wher hwere | when: wen whne hwen whn | his: hsi
        | the: teh | why: wy whi hwy wjy | who: woh | whose: hwos | more: mroe | before: brfore befor
        | after: aftr | had: ahd | has: hsa | did: ddi | was: wsa | her: ehr hre | in: ni""".split("|")
        for right, slips in [" ".join(row.split()).split(": ")]
        for slip in slips.split()
    }
)
# Words that turn a question round when one is put for another: "before" and "after", "more" and "less".
COMPARING = _set("before after more less most least until since over under above below")
# Common nouns of places: in the first one is "in" them, at the others "at" them.
AREAS = _set(
    """area archipelago borough capital city coast continent country county desert district forest island
    islands kingdom lake mountain mountains municipality nation neighbourhood park parish peninsula place
    port province quarter region state street suburb territory town valley village villages towns cities
    countries"""
)
SITES = _set(
    """airport beach bridge café camp castle cathedral cave church cinema clinic court embassy factory farm
    gallery garage hall harbour hospital hotel jail laboratory library market mill mine monastery mosque
    museum office palace plant prison pub refinery restaurant school site stadium station temple theatre
    theater tunnel university venue zoo"""
)
PLACE_PREPOSITIONS = _set(
    """aboard across around at beneath by in inside near off on onto outside over through under within"""
)
TIME_PREPOSITIONS = _set("after around before by during from in on since until till")
# Adjectives with "to" or "that" behind them that say something of somebody: "is it able to swim". Others
# leave "it" empty.
PERSONAL_ADJECTIVES = _set(
    """able about afraid bound certain due eager free going keen liable likely prepared ready set sure unable
    unlikely willing"""
)
WEATHER = _set(
    """rain rained raining rains snow snowed snowing snows hail hailed hailing thaw freeze freezing cold hot
    warm cool dark light windy sunny foggy cloudy stormy wet dry icy late early"""
)
# The last words of firms' names, as far as they are no `ORGANISATION_HEADS`.
BODIES = ORGANISATION_HEADS | _set(
    """aerospace automotive biotech breweries brewery brothers cars cement chemicals cosmetics dairies
    electric electronics energy engineering entertainment fashion films foods freight gas games gold health
    insurance investments logistics media metals mining minerals motor motors oil outfitters partners
    petroleum pharma pharmaceuticals pictures power properties publishing rail records resources retail
    rovers semiconductors shipping shipyard shipyards soft software solar solutions sons steel stores studios
    supermarkets systems telecom technologies technology textiles timber tools toys utilities water wind
    wines
    """
)
# Verbs whose object is a place where something then happens: "When did the storm reach Oslo?"
MOTION_VERBS = _set(
    """reach visit enter leave hit flood cross tour batter devastate approach capture besiege evacuate"""
)
# Adjectives whose "to" is followed by a thing: "is it similar to rugby".
RELATIONAL_ADJECTIVES = _set(
    """akin allergic available close closer comparable equal equivalent harmful identical inferior linked new
    next open opposed related relevant similar specific subject superior unique"""
)
HEADING_VERBS = _set("go travel move fly return come get drive sail walk send bring take")
HOLIDAYS = _set("""christmas diwali easter eid halloween hanukkah midsummer passover ramadan thanksgiving""")
# What happens, and does not do: "when did it happen".
EVENT_VERBS = _set("happen occur start begin end last")
# After "it" they leave it empty: "does it matter", "is it true that".
EMPTY_AFTER_IT = _set(
    """appear appears clear emerge emerged emerges likely matter mattered matters mean meant possible seem
    seemed seems that time to true who
    """
)
# Works, whose titles keep their "The" inside a sentence.
WORKS = _set(
    """album book comedy drama exhibition film movie musical novel opera painting play poem series show
    song story"""
)
