"""Frequent words of news in pairs that mean the same; where only one direction is safe, only that one."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

__all__ = ["PHRASES", "VERBS"]


def _pairs(said: str) -> list[tuple[str, str]]:
    rows = [" ".join(row.split()).split("/") for row in said.replace("\n", " ").split("|")]
    return [(row[0], row[1]) for row in rows]


def _directions(both: str, forward: str) -> Mapping[str, tuple[str, ...]]:
    """What may stand for each word: pairs that go both ways, and pairs whose second word has other senses.

    >>> dict(_directions("buy/purchase", "slay/kill"))
    {'buy': ('purchase',), 'slay': ('kill',), 'purchase': ('buy',)}
    """
    found: dict[str, tuple[str, ...]] = {}
    for word, other in (*_pairs(both), *_pairs(forward), *((b, a) for a, b in _pairs(both))):
        found[word] = (*found.get(word, ()), other)
    return MappingProxyType(found)


# Lemmas of verbs that take the same objects and complements; of a verb with a particle the first word is
# inflected. Verbs of speech are hardly here: which of them may stand for another depends on what is said.
VERBS = _directions(
    """begin/start|construct/build|injure/hurt|reveal/disclose|postpone/delay|assist/help|
    demolish/tear down""",
    """slay/kill|murder/kill|commence/begin|halt/stop|depart/leave|donate/give|possess/own|
    retain/keep|investigate/look into|cancel/call off|reject/turn down|await/wait for|resemble/look
    like|tackle/deal with|abandon/give up|perish/die|slash/cut|oust/remove|denounce/condemn|
    flee/escape from|hire/employ|sack/dismiss|plummet/fall sharply|soar/rise sharply|utilise/use|
    utilize/use|reside/live|vanish/disappear|prohibit/ban|bolster/strengthen|rescue/save|
    attempt/try|endeavour/try|unveil/present|relocate/move|terminate/end|enlarge/expand|
    purchase/buy|acquire/buy|elect/choose|permit/allow|apprehend/arrest|obtain/get|resign/step
    down|establish/set up|collaborate/work together|complete/finish|mandate/require|
    assassinate/murder|erect/build|choose/select|author/write""",
)

# Words and phrases that have one form, used as one part of speech.
PHRASES = _directions(
    """children/kids|doctors/physicians|per cent/percent|film/movie|films/movies|in order to/so as to|
    approximately/roughly|often/frequently|quickly/rapidly|lawyer/attorney|lawyers/attorneys|
    although/even though""",
    """prior to/before|owing to/because of|as a result of/because of|approximately/about|roughly/about|
    more than/over|automobile/car|automobiles/cars|aeroplane/plane|airplane/plane|airplanes/planes|
    physician/doctor|initially/at first|eventually/in the end|presently/at the moment|currently/at
    present|usually/normally|annually/every year|monthly/every month|additional/further|
    sufficient/enough|crucial/vital|enormous/huge|incorrect/wrong|errors/mistakes|error/mistake|
    assistance/help|salaries/pay|outcome/result|outcomes/results|infant/baby|infants/babies|
    teenager/teen|teenagers/teens|vessel/ship|vessels/ships|blaze/fire|blazes/fires|
    accord/agreement|pact/agreement|fatalities/deaths|whereas/while|despite/in spite of|
    regarding/about|concerning/about|residence/home|residences/homes|numerous/many|a number
    of/several|lawmakers/legislators|cops/police|merchandise/goods|a majority of/most|nearby/close
    by|funds/money|rivals/competitors|opponents/adversaries|in addition/besides|
    furthermore/moreover|meanwhile/in the meantime|subsequently/later|immediately/at once|
    toward/towards|among/amongst|persons/people|totaling/adding up to|totalling/adding up to|
    nearly/almost|primarily/mainly|especially/particularly|largest/biggest|entire/whole|in
    total/altogether|at least/no fewer than""",
)
