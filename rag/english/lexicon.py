"""The words of English that our rules know, each list once, named by what its words are.

Every list is in small letters, with straight apostrophes. Verbs are listed as lemmas; `forms` makes their
inflected forms. A list that is derived from another one says so in its definition. One file, though it is
long: a list is found here or nowhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from types import MappingProxyType

__all__ = [
    "ACCOUNT_NOUNS",
    "ACCOUNT_VERBS",
    "ACCUSING_VERBS",
    "ADVERBIALS",
    "ADVERBS",
    "AMERICAN_SPELLINGS",
    "ANSWER_POINTERS",
    "ARTICLE_NOUNS",
    "ATTACK_VERBS",
    "AUXILIARIES",
    "AVERTING_VERBS",
    "BE",
    "BY_SHORT_NAME",
    "CALENDAR",
    "CALLING_VERBS",
    "CAPITALS",
    "CAUSES",
    "CAUSING_VERBS",
    "CLAIMING_VERBS",
    "CLAIM_ADVERBS",
    "CLEARING_VERBS",
    "COMPARING_NOUNS",
    "COMPARING_VERBS",
    "COMPASS",
    "CONNECTIVES",
    "CONTRACTIONS",
    "CONTRARIES",
    "CONTRARY_MODALS",
    "CONTROL_VERBS",
    "COORDINATORS",
    "COUNTED_KINDS",
    "COUNTRIES",
    "CURRENCIES",
    "DEED_NOUNS",
    "DEGREE_NEGATIONS",
    "DEMONYMS",
    "DENYING_PARTICLES",
    "DENYING_PHRASES",
    "DENYING_VERBS",
    "DETERMINERS",
    "DIFFERING_VERBS",
    "DIGIT_WORDS",
    "DISPUTING_VERBS",
    "DO",
    "FALL_VERBS",
    "FALSITY_ADJECTIVES",
    "FALSITY_ADVERBS",
    "FEIGNING_VERBS",
    "FEMALE",
    "FULFILLING_VERBS",
    "GIVING_VERBS",
    "GROUP_NOUNS",
    "HAVE",
    "HEADING_WORDS",
    "HEDGES",
    "HEDGING_ADVERBS",
    "HEDGING_VERBS",
    "IRREGULAR_VERBS",
    "KEEPING_VERBS",
    "LEAD_INS",
    "LISTING_NOUNS",
    "LISTING_VERBS",
    "MALE",
    "MEASURED_ADJECTIVES",
    "MEASURES",
    "MISSTATING_VERBS",
    "MODALS",
    "MONTHS",
    "MONTH_NUMBERS",
    "MUTUAL_VERBS",
    "NEGATIONS",
    "NEGATIVE_PRONOUNS",
    "NEWS_VERBS",
    "NOMINAL_ADJECTIVES",
    "NOUNS_IN_LY",
    "NOUNS_OF_VERBS",
    "NO_SUPERLATIVES",
    "NUMBER_WORDS",
    "OFFERING_VERBS",
    "OFFICES",
    "OPINION_VERBS",
    "OPPOSING_VERBS",
    "OPPOSITES",
    "ORDINALS",
    "ORGANISATION_HEADS",
    "PARTIAL",
    "PERSONAL",
    "PERSONS",
    "PLACES",
    "PLACE_LEVELS",
    "PLURAL",
    "POINTING",
    "POLITE_OPENINGS",
    "POSSESSIVES",
    "POSSIBLE_NOUNS",
    "PREPOSITIONS",
    "PRESENTING_VERBS",
    "PRESENT_AUXILIARIES",
    "PROMPT_NOUNS",
    "PRONOUNS",
    "PROOF_NOUNS",
    "QUANTITIES",
    "QUESTION_WORDS",
    "REALISING_VERBS",
    "REFLEXIVES",
    "RELATIVES",
    "REMARKS",
    "REPLY_NOUNS",
    "REPORT_NOUNS",
    "REVISE_VERBS",
    "RISE_VERBS",
    "SCALES",
    "SHARED_VERBS",
    "SHORT_MONTHS",
    "SHORT_WEEKDAYS",
    "SHOWING_VERBS",
    "SINGULAR_IN_S",
    "SINGULAR_PERSONS",
    "SOURCE_HEADINGS",
    "SOURCE_NOUNS",
    "SPEECH_VERBS",
    "STOPWORDS",
    "STRIVING_VERBS",
    "SUMMARISERS",
    "SUMMARY_NOUNS",
    "SUMMARY_VERBS",
    "SUPPOSING_VERBS",
    "TEENS",
    "TELLING_NOUNS",
    "TELLING_VERBS",
    "TENS",
    "THINGS",
    "TIMELINE_NOUNS",
    "TIME_WORDS",
    "TITLES",
    "TO_COME",
    "UNITS_OF_TIME",
    "UNSETTLED",
    "UNSURE_NOUNS",
    "UPDATE_WORDS",
    "WEEKDAYS",
    "WHOLE",
    "WISHING_NOUNS",
    "WISHING_VERBS",
    "alternation",
    "forms",
    "inflect",
    "lemma",
    "past_forms",
    "verb_forms",
]  # fmt: skip


def alternation(words: Iterable[str]) -> str:
    """The words as a regular expression that matches any one of them, the longest first.

    >>> alternation(["june", "jun", "sept."])
    'sept\\\\.|june|jun'
    """
    return "|".join(re.escape(word) for word in sorted(words, key=lambda word: (-len(word), word)))


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


# --- function words -----------------------------------------------------------------------------------

# Function words of English questions and sentences: they say how a thing is asked, not what.
STOPWORDS = _set(
    """a about above after again against all also am an and any are aren't as at be because been before being
    below between both but by can can't cannot could couldn't did didn't do does doesn't doing don't down
    during each either else ever few for from further get got had hadn't has hasn't have haven't having he
    her here hers herself him himself his how i if in into is isn't it it's its itself just let me more
    most much my myself no nor not now of off on once one only or other ought our ours ourselves out over
    own please same shall she should shouldn't so some such tell than that that's the their theirs them
    themselves then there these they this those through to too under until up upon us very was wasn't we
    were weren't what what's when where which while who who's whom whose why will with won't would
    wouldn't yes you your yours yourself yourselves s t re ve ll d m"""
)
QUESTION_WORDS = _set("who whom whose what when where why which how")
RELATIVES = _set("who whom whose which that where when")

SINGULAR_PERSONS = _set("he him his she her hers")
THINGS = _set("it its")
PLURAL = _set("they them their theirs")
POINTING = _set("this that these those")
POSSESSIVES = _set("my our your his her hers its their theirs whose")
REFLEXIVES = _set("myself ourselves yourself yourselves himself herself itself themselves")
PERSONAL = _set("i me we us you") | SINGULAR_PERSONS | THINGS | PLURAL
_INDEFINITE = frozenset(
    f"{which}{what}" for which in ("some", "any", "every") for what in ("one", "body", "thing")
)
_NOBODY = _set("nobody none nothing noone")
# The pronouns that can do something: all but the possessive ones that need a noun.
PRONOUNS = (
    (PERSONAL - _set("his its their")) | POINTING | _INDEFINITE | _NOBODY | _set("both many others all most")
)

_ARTICLES = _set("the a an")
DETERMINERS = (
    _ARTICLES | POINTING | POSSESSIVES | _set("some any no every each both all another several many few most")
)
PREPOSITIONS = _set(
    """about above across after against along amid among around as at before behind below beneath beside
    between beyond by despite during except following for from in including inside into like near of off
    on onto opposite out outside over past per regarding since than through throughout to toward towards
    under underneath unlike until till up upon versus via with within without"""
)
CONNECTIVES = _set(
    """after although and as because before but if nor or since so than that though unless until when whereas
    whether while yet"""
)

BE = _set("is are was were am be been being")
HAVE = _set("has have had having")
DO = _set("do does did")
MODALS = _set("can could will would should shall may might must ought")
_AFFIRMED = (BE | HAVE | DO | MODALS) - _set("be been being having ought am")
# "Isn't", "won't", "couldn't": what an auxiliary makes with "not".
CONTRACTIONS = frozenset(
    {"can": "can't", "will": "won't", "shall": "shan't"}.get(word, f"{word}n't") for word in _AFFIRMED
)
AUXILIARIES = BE | HAVE | DO | MODALS | CONTRACTIONS | _set("cannot")
ADVERBS = _set(
    """again ago ahead almost alone already also altogether always anyway apart aside away back barely
    briefly carefully early earlier else elsewhere even ever far fast finally first forward here hence
    hard however immediately indeed instead just late later likewise long maybe meanwhile meantime more
    moreover much nearby nearly never nonetheless nevertheless next not now often once only otherwise
    overnight perhaps quite rather seldom simply since so sometimes soon still straight subsequently
    suddenly then there thereby therefore thus together too twice very well yet"""
)
# Nouns and verbs that end as adverbs do.
NOUNS_IN_LY = _set(
    """ally anomaly apply assembly bully butterfly comply family homily imply italy july monopoly multiply
    rally reply supply"""
)
# Two words that stand where one adverb does: "has as yet not paid".
ADVERBIALS = frozenset(
    ["as well", "as yet", "at first", "at last", "at least", "at times", "for now", "in fact", "of course"]
)

# --- questions ----------------------------------------------------------------------------------------

# "How many", "how long": what is asked for is a quantity.
MEASURED_ADJECTIVES = _set("big deep far fast high large late long many mny much often old soon tall wide")
# What a question asks an account of, by what it begins with.
ACCOUNT_VERBS = _set("describe explain give outline summarise summarize tell")
ACCOUNT_NOUNS = _set("background consequences context latest relations relationship risk risks story")
# What somebody does who thinks something of it, so that a sentence answers: "What did Kis make of it?"
OPINION_VERBS = _set("argue call comment describe feel make react respond say see state tell think view warn")
# Groups whose members a question may ask for: "Which countries".
GROUP_NOUNS = _set(
    """allies areas cities companies countries films groups leaders men movies names nations officials parties
    people places players provinces sites states systems teams towns women"""
)
# How a gathered answer is asked for: what to do, what it is called, and who gives it.
SUMMARY_VERBS = ("summarise", "summarize", "sum up", "outline", "recap", "recapitulate", "condense")
SUMMARY_NOUNS = (
    "summary", "summaries", "overview", "outline", "recap", "rundown", "run-down", "synopsis", "digest",
    "round-up", "roundup", "main points", "key points", "main facts", "key facts", "highlights", "gist",
    "takeaways", "tl;dr", "tldr", "bullet points",
)  # fmt: skip
TIMELINE_NOUNS = (
    "timeline", "time line", "time-line", "chronology", "sequence of events", "order of events",
    "course of events", "chain of events", "chronological list", "chronological overview",
    "chronological summary", "chronological account",
)  # fmt: skip
COMPARING_VERBS = ("compare", "contrast", "compare and contrast")
COMPARING_NOUNS = (
    "comparison", "difference", "differences", "similarities", "contrast", "contrasts", "discrepancies",
    "disagreements",
)  # fmt: skip
LISTING_VERBS = ("list", "name", "enumerate", "identify")
LISTING_NOUNS = ("list", "enumeration")
GIVING_VERBS = (
    "give", "show", "provide", "write", "make", "create", "prepare", "produce", "compile", "build", "draw",
    "draw up", "put together", "work out", "get", "tell", "offer", "do",
)  # fmt: skip
# What may stand before a request. One that ends in "mind" has the verb's -ing form behind it.
POLITE_OPENINGS = (
    "please", "kindly", "can you", "could you", "would you", "will you", "can we", "could we",
    "would you mind", "do you mind", "would you be so kind as to", "is it possible to",
    "would it be possible to", "do you have", "may i have", "may i see", "may i get",
    "can i have", "can i see", "can i get", "could i have",
    "could i see", "could i get", "i would like you to", "i'd like you to", "i’d like you to",
    "i want you to", "i need you to", "i would like to see", "i'd like to see", "i’d like to see",
    "i would like to have", "i'd like to have", "i’d like to have", "i would like", "i'd like", "i’d like",
    "i want", "i need", "help me", "help me to", "let me have", "let me see", "let's", "let’s", "is there",
    "are there", "hi", "hello", "hey", "good morning", "ok", "okay", "so", "now", "and", "then", "well",
    "thanks", "thank you", "briefly", "quickly", "just", "also", "maybe", "perhaps", "possibly",
)  # fmt: skip
# Nouns that end in s and are not, or not always, plurals.
SINGULAR_IN_S = _set(
    """athletics atlas bias canvas economics gas gymnastics lens mathematics means news physics politics
    series statistics"""
)
# Words that say why.
CAUSES = ("because", "due to", "in response", "after", "over", "as", "aim", "so that", "in order", "amid",
          "in light of")  # fmt: skip

# --- numbers ------------------------------------------------------------------------------------------

DIGIT_WORDS = tuple("zero one two three four five six seven eight nine".split())
TEENS = tuple("ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split())
TENS = tuple("twenty thirty forty fifty sixty seventy eighty ninety".split())
NUMBER_WORDS: Mapping[str, int] = MappingProxyType(
    {word: value for value, word in enumerate((*DIGIT_WORDS, *TEENS))}
    | {word: 10 * value for value, word in enumerate(TENS, 2)}
)
ORDINALS = tuple(
    """first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth
    fourteenth fifteenth
    sixteenth seventeenth eighteenth nineteenth twentieth""".split()
)
SCALES: Mapping[str, int] = MappingProxyType(
    {
        "dozen": 12,
        "score": 20,
        "hundred": 100,
        "thousand": 10**3,
        "million": 10**6,
        "billion": 10**9,
        "trillion": 10**12,
        "k": 10**3,
        "mn": 10**6,
        "bn": 10**9,
        "tn": 10**12,
    }
)
# Words that count all of a thing, and those that count a part of it.
WHOLE = _set("all both each entire every everybody everyone everything whole")
PARTIAL = _set("few half many most part several some")
# Measures, by which a figure may be another one though its digits are the same.
MEASURES = _set(
    """acre centimetre centimeter foot feet gallon gigawatt gram gramme hectare inch kilo kilogram kilometre
    kilometer kilowatt litre liter megawatt metre meter mile millimetre millimeter ounce point seat tonne ton
    vote watt yard"""
) | _set("second minute hour day week weekend fortnight month quarter year decade century")
# Words that end as "oldest" does and are no such form of an adjective.
NO_SUPERLATIVES = _set(
    """arrest behest chest conquest contest forest guest harvest inquest interest invest latest manifest
    midwest nest northwest pest priest protest quest request rest southwest suggest test unrest vest west"""
)
# Plurals that say how many, not exactly: "dozens of people". From, and up to.
QUANTITIES: Mapping[str, tuple[int, int]] = MappingProxyType(
    {
        "dozens": (24, 200),
        "scores": (40, 200),
        "hundreds": (200, 2_000),
        "thousands": (2_000, 200_000),
        "millions": (2_000_000, 2_000_000_000),
        "billions": (2_000_000_000, 2_000_000_000_000),
    }
)
CURRENCIES: Mapping[str, str] = MappingProxyType(
    {"dollar": "$", "dollars": "$", "euro": "€", "euros": "€", "pound": "£", "pounds": "£",
     "yen": "¥", "yuan": "¥", "crown": "crown", "crowns": "crown", "krona": "crown", "kronor": "crown",
     "kroner": "crown", "krone": "crown", "dinar": "dinar", "dinars": "dinar", "dirhams": "dirham",
     "forints": "forint", "francs": "franc", "lira": "lira", "pesos": "peso", "rand": "rand", "reais": "real",
     "roubles": "rouble", "rubles": "rouble", "rupees": "rupee", "rupiah": "rupiah", "riyals": "riyal",
     "shekels": "shekel", "zloty": "zloty"}
)  # fmt: skip
# Nouns that count human beings: casualties and people are one unit.
PERSONS = _set(
    """casualties dead deaths fatalities inhabitants killed lives people person persons residents souls
    victims"""
)

# --- times --------------------------------------------------------------------------------------------

WEEKDAYS = tuple("monday tuesday wednesday thursday friday saturday sunday".split())
SHORT_WEEKDAYS: Mapping[str, int] = MappingProxyType(
    {
        "mon": 0,
        "tue": 1,
        "tues": 1,
        "wed": 2,
        "weds": 2,
        "thu": 3,
        "thur": 3,
        "thurs": 3,
        "fri": 4,
        "sat": 5,
        "sun": 6,
    }
)
MONTHS = tuple(
    "january february march april may june july august september october november december".split()
)
SHORT_MONTHS: Mapping[str, int] = MappingProxyType(
    {**{month[:3]: number for number, month in enumerate(MONTHS, 1) if len(month) > 3}, "sept": 9}
)
MONTH_NUMBERS: Mapping[str, int] = MappingProxyType(
    {**{month: number for number, month in enumerate(MONTHS, 1)}, **SHORT_MONTHS}
)
CALENDAR = frozenset([*WEEKDAYS, *MONTHS])
UNITS_OF_TIME = tuple(
    "second minute hour day week weekend fortnight month quarter year decade century".split()
)
TIME_WORDS = (
    CALENDAR
    | frozenset(UNITS_OF_TIME)
    | frozenset(f"{unit}s" for unit in UNITS_OF_TIME if unit != "century")
    | _set(
        """yesterday today tonight tomorrow spring summer autumn fall winter morning afternoon evening
    centuries night midnight noon season"""
    )
)

# Function words and months that persons are called by, too, beside another part of the name.
ALSO_NAMES = _set("an am do so my will may jan mar june april august")

# --- verbs --------------------------------------------------------------------------------------------

# Lemma: past form, participle.
IRREGULAR_VERBS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        line.split()[0]: (line.split()[1], line.split()[-1])
        for line in """
    arise arose arisen|awake awoke awoken|bear bore borne|beat beat beaten|become became become|
    begin began begun|bend bent|bet bet|bid bid|bind bound|bite bit bitten|bleed bled|blow blew blown|
    break broke broken|breed bred|bring brought|broadcast broadcast|build built|burst burst|buy bought|
    cast cast|catch caught|choose chose chosen|cling clung|come came come|cost cost|creep crept|cut cut|
    deal dealt|dig dug|do did done|draw drew drawn|drink drank drunk|drive drove driven|eat ate eaten|
    fall fell fallen|feed fed|feel felt|fight fought|find found|flee fled|fling flung|fly flew flown|
    forbid forbade forbidden|forecast forecast|foresee foresaw foreseen|forget forgot forgotten|
    forgive forgave forgiven|freeze froze frozen|get got|give gave given|go went gone|grind ground|
    grow grew grown|hang hung|have had|hear heard|hide hid hidden|hit hit|hold held|hurt hurt|keep kept|
    kneel knelt|know knew known|lay laid|lead led|leap leapt|leave left|lend lent|let let|lie lay lain|
    light lit|lose lost|make made|mean meant|meet met|mislead misled|mistake mistook mistaken|
    offset offset|outdo outdid outdone|outrun outran outrun|overcome overcame overcome|
    overrun overran overrun|oversee oversaw overseen|overtake overtook overtaken|
    overthrow overthrew overthrown|pay paid|prove proved proven|put put|quit quit|read read|
    rebuild rebuilt|repay repaid|rethink rethought|rewrite rewrote rewritten|ride rode ridden|
    ring rang rung|rise rose risen|run ran run|say said|see saw seen|seek sought|sell sold|send sent|
    set set|shake shook shaken|shed shed|shine shone|shoot shot|show showed shown|shrink shrank shrunk|
    shut shut|sing sang sung|sink sank sunk|sit sat|slay slew slain|sleep slept|slide slid|
    speak spoke spoken|spend spent|spin spun|split split|spread spread|spring sprang sprung|stand stood|
    steal stole stolen|stick stuck|sting stung|strike struck|string strung|strive strove striven|
    swear swore sworn|sweep swept|swim swam swum|swing swung|take took taken|teach taught|
    tear tore torn|tell told|think thought|throw threw thrown|thrust thrust|undergo underwent undergone|
    undermine undermined|understand understood|undertake undertook undertaken|undo undid undone|
    uphold upheld|upset upset|wake woke woken|wear wore worn|weave wove woven|weep wept|win won|
    withdraw withdrew withdrawn|withhold withheld|withstand withstood|wring wrung|
    write wrote written""".replace("\n", " ").split("|")
    }
)
# Verbs of more than one syllable that double their last consonant.
_DOUBLING = _set(
    """abet acquit admit allot commit compel confer control defer deter dispel emit equip excel expel forget
    format handicap impel incur infer kidnap occur omit outwit overlap patrol permit prefer program propel
    rebel recur refer regret remit repel submit transfer transmit unplug upset worship"""
)
# Doubled in Britain, not in America.
_EITHER = _set(
    """cancel channel counsel dial fuel label level marshal model panel quarrel signal total travel tunnel
    rival shovel initial unravel"""
)


@lru_cache(maxsize=2_048)  # each verb of the news is asked for its forms, and again for what each form may be
def inflect(verb: str) -> tuple[tuple[str, ...], ...]:
    """The forms of a verb, from its lemma: third person, past, participle, -ing, each in all its spellings.

    >>> inflect("strike")
    (('strikes',), ('struck',), ('struck',), ('striking',))
    >>> inflect("stop")[1], inflect("cancel")[1]
    (('stopped',), ('canceled', 'cancelled'))
    """
    if verb == "be":
        return ("is", "are", "am"), ("was", "were"), ("been",), ("being",)
    if verb == "have":
        return ("has",), ("had",), ("had",), ("having",)
    consonant_y = verb.endswith("y") and verb[-2:-1] not in "aeiou"
    third = (
        f"{verb[:-1]}ies"
        if consonant_y
        else f"{verb}{'es' if re.search(r'(?:[sxzo]|[cs]h)$', verb) else 's'}"
    )
    stems = _stems(verb)
    if verb in IRREGULAR_VERBS:
        past: tuple[str, ...] = (IRREGULAR_VERBS[verb][0],)
        participle: tuple[str, ...] = (IRREGULAR_VERBS[verb][1],)
    else:
        past = participle = tuple(f"{verb[:-1]}ied" if consonant_y else f"{stem}ed" for stem in stems)
    ing: tuple[str, ...]
    if verb.endswith("ie"):
        ing = (f"{verb[:-2]}ying",)
    else:
        ing = (
            tuple(f"{stem}ing" for stem in stems)
            if not verb.endswith(("ee", "oe", "ye"))
            else (f"{verb}ing",)
        )
    return (third,), past, participle, ing


def _stems(verb: str) -> tuple[str, ...]:
    """What -ed and -ing are put to.

    >>> _stems("stop"), _stems("use"), _stems("visit")
    (('stopp',), ('us',), ('visit',))
    """
    if verb.endswith("e"):
        return (verb[:-1],)
    if verb in _EITHER:
        return verb, verb + verb[-1]
    short = re.fullmatch(r"(?:[^aeiou]*|qu|squ)[aeiou][^aeiouwxy]", verb)
    if (
        verb in _DOUBLING
        or short
        or re.search(r"(?:^|[^aeiouqt])(?:put|cut|hit|let|set|run|win|get|bid)$", verb)
    ):
        return (verb + verb[-1],)
    return (f"{verb}k",) if verb.endswith("ic") else (verb,)


def forms(verbs: Iterable[str]) -> frozenset[str]:
    """All forms of some verbs, the lemmas among them.

    >>> sorted(forms(["deny"]))
    ['denied', 'denies', 'deny', 'denying']
    """
    return frozenset(form for verb in verbs for group in ((verb,), *inflect(verb)) for form in group)


def past_forms(verbs: Iterable[str]) -> frozenset[str]:
    """The past forms and the participles of some verbs.

    >>> sorted(past_forms(["take"]))
    ['taken', 'took']
    """
    return frozenset(form for verb in verbs for group in inflect(verb)[1:3] for form in group)


SPEECH_VERBS = _set(
    """accuse acknowledge add admit advise affirm allege announce argue ask assert assure aver boast call
    caution claim comment complain concede conclude confess confirm contend continue declare demand deny
    describe disclose emphasise emphasize estimate exclaim explain express forecast hint imply indicate
    inform insist joke lament maintain mention note object observe pledge point post predict proclaim
    promise quip quote reaffirm recall recognise recognize recommend reiterate remark remind repeat reply
    report respond reveal say shout signal speak state stress suggest swear tell testify threaten tweet
    urge vow warn whisper write"""
)
# Derived: without the verbs that more often do something than say it.
TELLING_VERBS = SPEECH_VERBS - _set("accuse call express note object point post recall respond signal state")
# Whoever is ordered to do something is the one to do it: "ordered Trefoil to pay".
CONTROL_VERBS = _set(
    """advise allow ask authorise authorize beg call cause command compel convince direct enable encourage
    expect forbid force get help instruct invite lead leave let make oblige order permit persuade press
    pressure prompt require summon tell tempt urge want warn"""
)
# Derived: those after which it is done, as it is not when somebody is only asked to do it.
CAUSING_VERBS = CONTROL_VERBS & _set(
    "allow cause compel enable force get help lead leave let make oblige permit prompt"
)
# Derived: whoever asks for a thing, or promises it, does not say that it was done.
WISHING_VERBS = (CONTROL_VERBS - CAUSING_VERBS) | _set(
    """agree bid choose commit contemplate decide demand mull offer pledge promise propose recommend request
    resolve suggest swear threaten undertake volunteer vow weigh"""
)
# Nouns of the same meaning: "a plan to cut", "the order to pay".
WISHING_NOUNS = _set(
    """appeal attempt bid call calls decision demand effort efforts intention offer order permission plan
    plans pledge promise proposal request threat"""
)
# Verbs of speech and thought that leave it open whether what is said is so, where "said" does not.
CLAIMING_VERBS = _set(
    """accuse allege assert believe charge claim contend hint imply insinuate rumor rumour speculate suggest
    suspect think"""
)
# Words and their contraries, in pairs. Those of OPPOSITES are verbs' lemmas, and exclude one another.
_CONTRARIES = """
    first last|before after|most least|more fewer|more less|largest smallest|biggest smallest|
    highest lowest|oldest youngest|longest shortest|earliest latest|best worst|north south|northern southern|
    east west|eastern western|begin end|began ended|start stop|started stopped|won lost|win lose|
    increase decrease|increased decreased|rise fall|rose fell|gain lose|gained lost|above below|over under|
    inside outside|enter leave|entered left|arrive leave|arrived left|born buried|built destroyed|
    allowed forbidden|allow forbid|accept reject|accepted rejected|support oppose|supported opposed|
    major minor|common rare|large small|larger smaller|high low|higher lower|old new|older newer|early late|
    earlier later|strong weak|same different|include exclude|included excluded|always never|public private|
    male female|husband wife|father mother|son daughter|brother sister|king queen|success failure|open close|
    opened closed|buy sell|bought sold|joined left|cause prevent|caused prevented|possible impossible|
    maximum minimum"""
_PAIRS = [pair.split() for pair in _CONTRARIES.replace("\n", " ").split("|")]
CONTRARIES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        word: tuple(other for pair in _PAIRS if word in pair for other in pair if other != word)
        for pair in _PAIRS
        for word in pair
    }
)
# Verbs of which one cannot be true where the other is, of the same at the same time.
_OPPOSITES = """
    rise fall|rise drop|rise decline|increase decrease|increase fall|increase drop|increase decline|
    grow shrink|climb fall|climb drop|jump fall|gain lose|win lose|buy sell|open close|approve reject|
    accept reject|accept refuse|accept decline|adopt reject|support oppose|back oppose|allow ban|
    legalise ban|allow forbid|convict acquit|convict clear|jail free|jail release|hire fire|
    admit deny|confirm deny|arrive leave|begin end|start end|start stop|raise cut|raise lower|
    increase cut|increase reduce|expand cut|strengthen weaken|survive die|save kill|succeed fail|
    pass fail|join leave|attack defend|praise criticise|praise criticize|praise condemn|
    build demolish|appoint dismiss|uphold overturn|uphold quash|keep abandon|advance retreat|
    agree refuse|agree disagree"""
OPPOSITES: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        verb: frozenset(
            other
            for pair in _OPPOSITES.replace("\n", " ").split("|")
            for other in pair.split()
            if verb in pair.split() and other != verb
        )
        for verb in _OPPOSITES.replace("|", " ").split()
    }
)
# What two do together, so that it says nothing who is named first.
MUTUAL_VERBS = _set("border clash debate divorce face fight join marry meet play share talk")
NEGATIONS = _set("no not never none nobody nothing neither nor without cannot nowhere noone n't")
# Derived: those that can be a phrase, or begin one, and make the whole clause negative.
NEGATIVE_PRONOUNS = NEGATIONS - _set("not never nor without cannot n't")
# British spellings and the American ones of the same words; "-ise" and "-ize" need no list.
AMERICAN_SPELLINGS = _set(
    """aluminium:aluminum anaemia:anemia anaesthetic:anesthetic analogue:analog armour:armor
    behaviour:behavior calibre:caliber cancelled:cancel cancelling:cancel catalogue:catalog
    centimetre:centimeter centre:center colour:color councillor:councilor counselled:counsel
    counsellor:counselor defence:defense dialled:dial dialogue:dialog diarrhoea:diarrhea
    endeavour:endeavor favour:favor favourite:favorite fibre:fiber flavour:flavor foetus:fetus
    fuelled:fuel fuelling:fuel fulfil:fulfill grey:gray haemorrhage:hemorrhage harbour:harbor
    honour:honor humour:humor jewellery:jewelry kilometre:kilometer labelled:label labelling:label
    labour:labor leukaemia:leukemia licence:license litre:liter manoeuvre:maneuver marvelled:marvel
    metre:meter millimetre:millimeter modelled:model modelling:model mould:mold moustache:mustache
    neighbour:neighbor neighbourhood:neighborhood odour:odor oestrogen:estrogen offence:offense
    orthopaedic:orthopedic paediatric:pediatric paediatrician:pediatrician panelled:panel parlour:parlor
    plough:plow practise:practice pretence:pretense programme:program pyjamas:pajamas quarrelled:quarrel
    rancour:rancor rigour:rigor rivalled:rival rumour:rumor sabre:saber sceptic:skeptic
    sceptical:skeptical signalled:signal signalling:signal smoulder:smolder splendour:splendor
    sulphur:sulfur theatre:theater totalled:total travelled:travel traveller:traveler travelling:travel
    tumour:tumor tunnelled:tunnel vapour:vapor vigour:vigor woollen:woolen"""
)
# Hardly a negation, but what it stands with is said not to be.
DEGREE_NEGATIONS = _set("hardly scarcely barely rarely seldom")
# Whoever denies, refuses or fails to do a thing has not done it.
DENYING_VERBS = _set(
    """abandon abstain avoid block cancel clear acquit decline deny disavow disprove dismiss exonerate fail
    forbid halt lack miss neglect oppose prevent rebuff refuse refute reject renounce repudiate retract
    scrap veto waive"""
)
# Whoever disputes that a thing is so leaves nobody to say that it is.
DISPUTING_VERBS = _set("deny dispute refute disprove")
# Verbs that deny with the word behind them: "ruled out a sale".
DENYING_PARTICLES: Mapping[str, str] = MappingProxyType(
    {
        "rule": "out",
        "turn": "down",
        "call": "off",
        "pull": "out",
        "back": "out",
        "hold": "off",
        "stop": "short",
    }
)
# Adjectives and phrases of the same meaning; the last word is the one that counts.
DENYING_PHRASES = _set(
    """unable unlikely unwilling untrue false impossible incapable incorrect refusal failure denial absence"""
)
HEDGING_ADVERBS = _set(
    """allegedly apparently arguably conceivably likely maybe nearly perhaps possibly potentially presumably
    probably purportedly reportedly reputedly seemingly supposedly almost provisionally tentatively"""
)
# Derived: those that say that somebody else says so, where the others say that it may not be so.
CLAIM_ADVERBS = _set("allegedly reportedly purportedly reputedly supposedly")
# What is planned, expected or feared has not happened.
HEDGING_VERBS = _set(
    """aim anticipate appear attempt believe consider contemplate envisage expect fear hope intend mull plan
    predict prepare project propose rumor rumour schedule seek seem suspect think threaten try want weigh"""
)
UNSURE_NOUNS = _set(
    """rumour rumours rumor rumors speculation possibility likelihood risk chance prospect allegation
    allegations"""
)
HEDGES = (
    (MODALS - _set("can shall"))
    | HEDGING_ADVERBS
    | _set("if unless whether alleged suspected possible likely unclear")
)
# Derived from HEDGES: "will" and "must" say what is to come or has to be, not that it may be otherwise.
CONTRARY_MODALS = _set("may might could")

_SPORT = """
    advance beat best bowl box captain clinch coach concede crush defeat draw dominate down dribble edge
    eliminate equalise fumble hammer host knock lift lose oust outclass outplay outscore overcome
    overpower overtake pip play qualify race relegate rout score serve sign stun substitute tackle thrash
    train trounce upset volley win"""
_BUSINESS = """
    acquire advertise approve auction audit back bail bankrupt bid borrow build buy charge close
    compensate cut deliver drop earn employ expand export finance fine fire float fund grow guarantee hire
    import increase insure invest issue launch lay lease lend list manufacture market merge offer open
    order outbid outsell owe own pay poach price produce purchase raise recall recruit reduce refinance
    refund rent replace sack sell settle shed ship shut slash sponsor spend sponsor subsidise supply take
    tax trade undercut value"""
_COURTS = """
    abduct accuse acquit admit appeal arrest award ban bar bribe burgle catch cheat clear confiscate
    convict defraud deport detain dismiss embezzle enact enforce evict execute extradite fine free grant
    handcuff hear imprison indict interview investigate jail judge kidnap libel loot murder order outlaw
    overrule overturn pardon plead probe prosecute punish quash question raid ransack release rob rule
    seize sentence serve smuggle stab steal strip sue summon suspend swindle trial try uphold upbraid void"""
_WEATHER = """
    batter blanket blow bury cover damage derail destroy displace drench drown engulf erode evacuate
    flatten flood freeze hit injure kill lash level melt pound rescue rip ruin sink soak strand submerge
    sweep swamp topple uproot wash wreck"""
_SCIENCE = """
    analyse analyze bind carry cause clone collect compare cure decode detect develop discover examine
    find identify immunise infect inject inhibit inspect isolate lower map measure model monitor observe
    orbit photograph prescribe protect publish record sequence solve spot spread study target test track
    trace treat trigger vaccinate"""
_POLITICS = """
    abolish adopt agree amend appoint approve assassinate back block boycott cancel censure challenge
    condemn confirm criticise criticize debate defeat defy depose elect endorse expel form found greet
    head honour impeach impose install inaugurate invite lead legalise lobby meet name nominate oppose
    oust overthrow pass persuade postpone praise pressure privatise promote ratify rebuke receive
    recognise reelect reform register reject repeal replace sanction scold snub sponsor succeed support
    topple unseat unveil urge veto visit welcome"""
_WAR = """
    ambush annex attack besiege bomb bombard capture clash conquer deploy destroy disarm down encircle
    evacuate fight fire hijack hit injure intercept invade kill launch liberate mine occupy overrun poison
    pummel raid repel retake retaliate sabotage seize shell shoot slay storm strike surround target torch
    torture wound"""
_ANY = """
    accept achieve act affect aid allow alter answer apologise apologize appear apply arrive assemble
    assess assist attend attract avoid base be become begin blame block board bother break brief bring
    broadcast burn call carry cast celebrate change chase check choose climb collapse collide come
    commission commit complete conduct confront confuse connect consult contact contain control convince
    cook copy cost count crash create cross cure cut dance deal defend delay demolish describe design die
    direct discard discuss divide donate double draft dump eat embrace emerge encourage end enter erect
    escape establish exhibit explode extend face fall favour fill film finish fix flee fly follow force
    forget gain gather get give go grab greet guide halt halve hand happen harm have help hide hold hurt
    ignore impress improve include inherit inspire introduce involve join jump keep kick kiss know land
    last leave let lie like limit link live lock look love maintain make mark marry mean mention miss mock
    mourn move need negotiate notify occur offend mimic omit operate panic organise overhaul paint park
    perform pick place plant please praise prepare present press print prompt provide pull push put quit
    ram reach read recover redesign remain remove renew repair repay require resign resist respond restore
    result resume retire return reuse ride rise run save scare seat see send separate set shake shape
    share show sing sit slam slow smash speed split stage stand start stay step stop stretch suffer
    surprise survive swap swim talk teach tease terminate throw tie touch transfer transform travel turn
    understand upgrade use violate wait walk want watch wear work worry wrap"""
# Verbs of news from every desk.
# Verbs of those who attack or strike back, whomever they do it to.
ATTACK_VERBS = _set(_WAR) | _set("carry conduct respond stage")
NEWS_VERBS = (
    _set(" ".join((_SPORT, _BUSINESS, _COURTS, _WEATHER, _SCIENCE, _POLITICS, _WAR, _ANY)))
    | SPEECH_VERBS
    | DENYING_VERBS
    | HEDGING_VERBS
    | frozenset(IRREGULAR_VERBS)
) - _set("trial")


def _lemmas(verbs: Iterable[str]) -> Iterator[tuple[str, str]]:
    for verb in verbs:
        for form in forms([verb]):
            yield form, verb


# Where two verbs share a form the irregular one has it: "left", "saw", "fell".
@lru_cache(maxsize=1)
def verb_forms() -> Mapping[str, str]:
    """The lemma of each form of `NEWS_VERBS`; made when it is first asked for, so that an import stays quick.

    >>> verb_forms()["struck"], verb_forms()["left"]
    ('strike', 'leave')
    """
    return MappingProxyType(
        dict(_lemmas(sorted(NEWS_VERBS - frozenset(IRREGULAR_VERBS))))
        | dict(_lemmas(sorted(IRREGULAR_VERBS)))
        | {"lay": "lay", "bound": "bind", "ground": "ground", "wound": "wound", "found": "find"}
    )


@lru_cache(maxsize=8_192)
def lemma(verb: str) -> str:
    """The lemma of a verb's form in small letters, as far as is known or its ending tells.

    >>> [lemma(form) for form in ("struck", "denies", "buying", "docked", "jammed", "relocated")]
    ['strike', 'deny', 'buy', 'dock', 'jam', 'relocate']
    """
    if known := verb_forms().get(verb):
        return known
    if verb.endswith("ied"):
        return f"{verb[:-3]}y"
    ending = next(
        (ending for ending in ("ing", "ed") if verb.endswith(ending) and len(verb) > len(ending) + 2), ""
    )
    if not ending:
        return verb
    stem = verb[: -len(ending)]
    if (stem.endswith("ll") and stem[:-1] in _EITHER) or (stem[-1] == stem[-2] and stem[-1] not in "lsz"):
        return stem[:-1]
    return (
        f"{stem}e"
        if re.search(
            r"(?:[aiu]t|iz|[ai]s|v|c|[dr]g|u|[bcdfgkpt]l|[^aeiou][aiou]d|[^aeiou][aiou]m|[^aeiou][aiou]k|[^aeiou][aiou]r)$",
            stem,
        )
        else stem
    )


# --- what is not said to be so ------------------------------------------------------------------------

# Nouns of what may come, or may be so, besides `WISHING_NOUNS` and `UNSURE_NOUNS`: "hopes of", "calls for".
POSSIBLE_NOUNS = _set(
    """accusation accusations ambition ambitions attempts bids call calls claim claims danger demands dream
    dreams fear fears hope hopes idea intentions motion offers petition plea promises proposals requests
    suspicion suspicions talk threats tries"""
)
# Whoever strives for a thing has not reached it.
STRIVING_VERBS = _set("battle campaign fight lobby push race scramble strive struggle vie")
# Whoever does one of these to a thing has not got it, or not done it: "threatened a walkout".
OFFERING_VERBS = _set(
    """anticipate attempt contemplate consider demand envisage expect fear intend mull offer plan pledge
    predict promise propose recommend request seek suggest threaten urge vow want"""
)
# Nouns of what verbs do, where they have another stem: "a merger" is what merges.
NOUNS_OF_VERBS: Mapping[str, str] = MappingProxyType(
    dict(
        pair.split()
        for pair in """acquire acquisition|arrive arrival|attend attendance|bury burial|choose choice|
        collide collision|decide decision|depart departure|die death|expand expansion|explode explosion|
        extend extension|fail failure|fly flight|grow growth|invade invasion|kill killing|lose loss|
        marry marriage|merge merger|recover recovery|remove removal|rob robbery|save rescue|sell sale|
        speak speech|steal theft|succeed success|suspend suspension|withdraw withdrawal""".split("|")
    )
)
# Words of wishes, trials and conditions, after which a thing is not even said to be to come.
UNSETTLED = STRIVING_VERBS | _set(
    """ambition appeal ask attempt bid call case consider contemplate danger demand dream effort event fear
    hope if in mull near offer possibility propose proposal prospect request risk seek suggest talk threat
    threaten try unless unlikely urge want weigh whether"""
)
TO_COME = _set("will shall")
# Whoever supposes a thing leaves it open, as `CLAIMING_VERBS` do.
SUPPOSING_VERBS = _set("assume dream guess imagine presume reckon understand")
# Whoever is accused of a thing, or tried for it, may not have done it.
ACCUSING_VERBS = _set("accuse arrest blame charge indict investigate prosecute question sue suspect try want")
# "Cleared of", "barred from", "voted against", "avoided a collision": what follows is not so.
CLEARING_VERBS = _set("absolve acquit clear exonerate")
KEEPING_VERBS = _set(
    """back ban bar block desist deter discourage disqualify dissuade exclude keep prevent prohibit refrain
    restrain save shy spare stop"""
)
OPPOSING_VERBS = _set("advise argue campaign caution decide lobby opt recommend rule vote warn")
AVERTING_VERBS = _set("avert avoid block cancel deny escape foil prevent scrap thwart veto")
# "Called for a ban": what is called for is not there yet.
CALLING_VERBS = _set(
    "appeal ask bid call campaign hope hunt lobby look plan plead pray push search vie wait wish"
)
# Where nobody has done one of these, it is left open.
SHOWING_VERBS = _set("confirm demonstrate establish prove show")
# Nouns of what is told, and of what would show that it is so.
REPORT_NOUNS = _set(
    """allegation allegations belief beliefs claim claims post posts report reports rumor rumors rumour
    rumours statement statements stories story suggestion suggestions"""
)
PROOF_NOUNS = _set(
    """evidence hint hints indication indications proof record records sign signs suggestion suggestions trace
    traces"""
)
# What a notice of correction calls its article, and what it says that an earlier version did.
ARTICLE_NOUNS = _set(
    """article articles caption captions chart charts column columns graphic graphics headline headlines
    obituary page pages post posts report reports review reviews stories story video videos"""
)
MISSTATING_VERBS = _set("claim imply indicate report say state suggest write")
# Whoever feigns a thing does not do it.
FEIGNING_VERBS = _set("fake feign pretend simulate")
# A promise or a plan that is kept is done.
FULFILLING_VERBS = _set(
    "complete deliver execute fulfil fulfill honour honor implement keep meet realise realize"
)
# What is said so is not so: "falsely claimed", "a bogus report".
FALSITY_ADVERBS = _set(
    "erroneously falsely inaccurately incorrectly mistakenly untruthfully wrongfully wrongly"
)
FALSITY_ADJECTIVES = _set(
    """baseless bogus debunked discredited erroneous fabricated fake false inaccurate incorrect misleading
    mistaken unfounded untrue wrong"""
)
# What bears one of these is no such thing, or not surely: "attempted murder" is no murder.
NOMINAL_ADJECTIVES = _set("aborted alleged attempted averted feigned foiled suspected thwarted would-be")
# What an auxiliary or a copula is in the present: behind "until" it is still to come.
PRESENT_AUXILIARIES = _set("am are can do does has have is")
# Whoever does one of these to a thing has it, or has done it: "received the order", "committed fraud".
REALISING_VERBS = _set(
    """accept achieve be become begin build carry cause collect commit complete conduct finish gain get give
    have hold impose introduce launch make open pay perform reach receive secure sign stage start suffer take
    win"""
)

# --- persons, offices, bodies -------------------------------------------------------------------------

TITLES = _set(
    """mr mrs ms miss mx dr councillor cllr sheriff det insp detective inspector prof professor sir dame lord
    lady baroness gen general lt lieutenant col colonel capt captain maj major sgt sergeant cpl adm
    admiral cmdr commander sen senator rep representative gov governor president minister secretary
    spokesman spokesperson spokeswoman rev reverend fr father pope cardinal archbishop bishop imam rabbi
    sheikh king queen prince princess emperor judge justice mayor chancellor premier ambassador st saint
    hon"""
)
# What stands before a title and belongs to it: "Prime Minister", "Det. Insp.".
TITLE_ADJECTIVES = _set(
    """acting chief defence defense deputy economy education energy environment finance first foreign former
    health home interior justice labour prime supt transport treasury trade vice"""
)
OFFICES = TITLES | _set(
    """leader chief chairman chairwoman chair director coach manager doctor official officer executive
    president boss head goalkeeper striker lawyer solicitor prosecutor inspector detective analyst
    economist scientist professor author singer actor founder owner"""
)
FEMALE = _set("she her hers herself ms mrs miss madam queen princess woman mother wife daughter spokeswoman")
MALE = _set("he him his himself mr sir king prince man father husband son spokesman")
# Names that are no person's, by the word that they hold.
ORGANISATION_HEADS = _set(
    """academy act agency airline airlines airport airways alliance army assembly association authority bank
    bloc board bureau cathedral chamber church city club college commission committee company
    confederation congress corporation corp council court cup department district exchange federation
    festival firm fleet force forces foundation front fund group guard guild hall holdings hospital house
    inc industries institute institution jaish labs laboratory league limited line lines ltd ministry
    mosque movement museum nations navy network observatory ocean office orchestra organisation
    organization parliament party plc police press railway railways river school sea senate society squad
    states station street system team theatre theater trust union university works"""
)

# Small words inside a name: "van Gogh", "Bank of the West". After `NAME_HEADS` also "of", "for" and "on".
NAME_PARTICLES = _set(
    """al el i ul bin ibn ben abu da de del della den der des di do dos du la le las los san ter ten van von
    y zu af av"""
)
NAME_HEADS = ORGANISATION_HEADS | _set(
    """bay cape centre center coast democratic emirate gulf isle isles islands kingdom lake mount peninsula
    republic strait straits teamsters storm hurricane typhoon cyclone tower trades valley wales"""
)
# Endings of firms' names that a second mention leaves out.
FIRM_ENDINGS = _set(
    """plc ltd limited inc incorporated corp corporation co company group holdings llc llp ag sa nv gmbh ab
    as"""
)
# Common words that open sentences of news; their capital says nothing.
OPENERS = _set(
    """according activists gusts showers fog ice hail heatwave thunder visibility rainfall goals talks rates
    fares additionally aid air although analysts astronomers authorities aviation bankers banks bosses
    both bus buses business businesses campaigners cars charities children cities citizens civil climate
    clinical coal coaches coastal commuters companies consumers councillors councils counsel counting
    courts crews criminal critics cyclists cyber dead deaths delegates demand deputies despite detectives
    diplomats divers doctors dozens drivers drought drug earlier earnings economists electric electricity
    emergency employees energy engineers environmental even eventually every everybody everyone exactly
    executives exports extra families fans farmers few fewer figures film financial finally fire
    firefighters firms fishermen five flights flood flooding floods flu following food football footage
    foreign former four fresh fuel further furthermore gale gas general global gold government governments
    ground growth guests half health heat heavy help high holidays home homes hospital hospitals house
    households however human hundreds ice imports industrial inflation initial inside insiders inspectors
    interest international investigators investors jobs journalists judges jurors large last late later
    lawmakers lawyers leaders leading light lightning local long magistrates many market markets maybe
    meanwhile media medical medics men meteorologists migrants militants military millions ministers more
    moreover most mountain mourners much museums national nearly negotiators neighbours new news night
    nine nobody none nothing nuclear nurses observers officers official officials oil older once one
    online only opponents opposition organisers others outside over owners paramedics parents parliament
    participants parts passengers patients peace pensioners people perhaps physicists pilots plans players
    police political politicians pollsters poor power prices prison prisoners private producers production
    profit profits prosecutors protesters public publishers quarterly rail rain rebels record refugees
    regulators relatives repairs reporters reports rescue rescuers researchers residents retail retailers
    revenue rival rivals roads russia's sailors sales satellite schools scientists scores sea second
    security senior separately settlers seven several share shareholders shares shops since six small snow
    social soldiers some sources spectators sport spokespeople staff stock stocks storm storms strikes
    strong students supporters surgeons surveyors tax teachers technology temperatures ten tens tests
    thieves third thousands three tickets today tourists trade traders traffic train trains tributes
    troops trustees turnout twelve twenty two tropical unemployment union unions unless until users
    vaccines victims villagers visitors volunteers voters votes wages warm water we whether wildfires wind
    winds witnesses women work workers world yesterday young youngest youth"""
) - _set("russia's")
# Endings of common words: a word that opens a sentence and ends so is no name.
COMMON_ENDINGS = (
    "ly ing tion tions sion sions ment ments ness ity ities ists ous ive ful less ism ology ologists ers "
    "tive able ible ance ances ence ences ological"
).split()

# --- countries ----------------------------------------------------------------------------------------

_LANDS = """afghanistan:afghan:kabul|albania:albanian:tirana|algeria:algerian:algiers|angola:angolan:luanda|
    argentina:argentine,argentinian:|armenia:armenian:yerevan|australia:australian:canberra|
    austria:austrian:vienna|azerbaijan:azerbaijani:baku|bahrain:bahraini:manama|
    bangladesh:bangladeshi:dhaka|belarus:belarusian:minsk|belgium:belgian:|bolivia:bolivian:|
    bosnia:bosnian:sarajevo|brazil:brazilian:brasilia|britain:british:london|bulgaria:bulgarian:sofia|
    cambodia:cambodian:|cameroon:cameroonian:|canada:canadian:ottawa|chad:chadian:|
    chile:chilean:santiago|china:chinese:beijing|colombia:colombian:bogota|congo:congolese:kinshasa|
    croatia:croatian:zagreb|cuba:cuban:havana|cyprus:cypriot:nicosia|denmark:danish:copenhagen|
    ecuador:ecuadorian:quito|egypt:egyptian:cairo|england:english:|eritrea:eritrean:|
    estonia:estonian:tallinn|ethiopia:ethiopian:|finland:finnish:helsinki|france:french:paris|
    georgia:georgian:tbilisi|germany:german:berlin|ghana:ghanaian:accra|greece:greek:athens|
    guatemala:guatemalan:|haiti:haitian:|honduras:honduran:|hungary:hungarian:budapest|
    iceland:icelandic:reykjavik|india:indian:delhi|indonesia:indonesian:jakarta|iran:iranian:tehran|
    iraq:iraqi:baghdad|ireland:irish:dublin|israel:israeli:|italy:italian:rome|japan:japanese:tokyo|
    jordan:jordanian:amman|kazakhstan:kazakh:astana|kenya:kenyan:nairobi|kosovo:kosovar:pristina|
    kuwait:kuwaiti:|kyrgyzstan:kyrgyz:bishkek|laos:laotian:|latvia:latvian:riga|lebanon:lebanese:beirut|
    libya:libyan:tripoli|lithuania:lithuanian:vilnius|luxembourg:luxembourgish:|malaysia:malaysian:|
    mali:malian:bamako|malta:maltese:valletta|mexico:mexican:|moldova:moldovan:chisinau|
    mongolia:mongolian:|montenegro:montenegrin:podgorica|morocco:moroccan:rabat|mozambique:mozambican:|
    myanmar:burmese:naypyidaw|namibia:namibian:|nepal:nepali,nepalese:kathmandu|netherlands:dutch:|
    nicaragua:nicaraguan:managua|niger:nigerien:niamey|nigeria:nigerian:abuja|norway:norwegian:oslo|
    oman:omani:muscat|pakistan:pakistani:islamabad|palestine:palestinian:ramallah|panama:panamanian:|
    paraguay:paraguayan:|peru:peruvian:lima|philippines:filipino,philippine:manila|poland:polish:warsaw|
    portugal:portuguese:lisbon|qatar:qatari:doha|romania:romanian:bucharest|
    russia:russian:moscow,kremlin|rwanda:rwandan:kigali|scotland:scottish:edinburgh|
    senegal:senegalese:dakar|serbia:serbian:belgrade|singapore:singaporean:|slovakia:slovak:bratislava|
    slovenia:slovenian:ljubljana|somalia:somali:mogadishu|spain:spanish:madrid|sudan:sudanese:khartoum|
    sweden:swedish:stockholm|switzerland:swiss:bern|syria:syrian:damascus|taiwan:taiwanese:taipei|
    tajikistan:tajik:dushanbe|tanzania:tanzanian:|thailand:thai:bangkok|tunisia:tunisian:tunis|
    turkey:turkish:ankara|turkmenistan:turkmen:|uganda:ugandan:kampala|ukraine:ukrainian:kyiv,kiev|
    america:american:washington|uruguay:uruguayan:montevideo|uzbekistan:uzbek:tashkent|
    venezuela:venezuelan:caracas|vietnam:vietnamese:hanoi|wales:welsh:|yemen:yemeni:sanaa|
    zambia:zambian:lusaka|zimbabwe:zimbabwean:harare"""
_ROWS = [row.strip().split(":") for row in _LANDS.replace("\n", " ").split("|")]
COUNTRIES = frozenset(country for country, _, _ in _ROWS)
# People or adjective: country.
DEMONYMS: Mapping[str, str] = MappingProxyType(
    {people: country for country, named, _ in _ROWS for people in named.split(",") if people}
)
# The place that stands for a government: its country. News says "Tehran" for Iran.
CAPITALS: Mapping[str, str] = MappingProxyType(
    {capital: country for country, _, named in _ROWS for capital in named.split(",") if capital}
)
# Short names, and the long ones that mean the same, without stops: the name that they are compared by.
BY_SHORT_NAME: Mapping[str, str] = MappingProxyType(
    {
        "us": "america", "usa": "america", "united states": "america", "united states of america": "america",
        "uk": "britain", "united kingdom": "britain", "great britain": "britain",
        "un": "united nations", "united nations": "united nations", "eu": "european union",
        "european union": "european union", "uae": "united arab emirates", "who": "world health organization",
        "world health organisation": "world health organization", "imf": "international monetary fund",
        "ecb": "european central bank", "nhs": "national health service",
    }
)  # fmt: skip
# Names of places that news writes often, besides countries and capitals, for texts without capitals.
PLACES = (
    COUNTRIES
    | frozenset(CAPITALS)
    | _set(
        """africa asia europe balochistan davos gaza nato saudi arabia un us uk usa crimea kashmir tibet
    scandinavia texas california florida brussels geneva"""
    )
)

# --- what is done and counted -------------------------------------------------------------------------

# Nouns of deeds that are no verb's form, or oftener a noun: "Iran's strikes on Pakistan".
DEED_NOUNS = _set(
    """acquisition action airstrike ambush assault attack blast bombardment bombing clash defeat explosion
    incursion invasion offensive operation protest purchase raid reprisal response retaliation shelling
    strike takeover victory win"""
)
# What many may do at once, so that one who did it does not exclude another.
SHARED_VERBS = _set(
    """accuse arrest attend comment condemn criticise criticize denounce deny injure join kill meet mourn
    oppose praise protest react respond say speak support talk testify urge visit vote warn welcome
    witness wound"""
)
# Words that say what kind of place is meant.
PLACE_LEVELS = _set("area city country county district island province region state town village")
COMPASS = _set("northern southern eastern western central")
# What a figure counts: words that tell one toll, or one sum, from another in the same sentence.
COUNTED_KINDS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "killed": _set("kill dead death die dying toll fatality fatal lives slain"),
        "hurt": _set("injure injury wound hurt"),
        "held": _set("arrest detain capture abduct"),
        "moved": _set("displace displaced flee fled evacuate homeless"),
        "missing": _set("missing"),
        "profit": _set("profit earnings"),
        "revenue": _set("revenue sales turnover"),
        "loss": _set("loss losses"),
        "debt": _set("debt debts"),
    }
)
# Verbs of a figure that changes, by the way it goes; and what else says that something has changed.
RISE_VERBS = _set("rise climb grow increase jump raise")
FALL_VERBS = _set("fall drop lower cut reduce")
REVISE_VERBS = _set("revise correct update change move postpone reschedule")
UPDATE_WORDS = _set("now latest still")

# --- what a reply says around its claims ---------------------------------------------------------------

# Words that join two statements of which each may stand alone.
COORDINATORS = _set("and but yet while whereas")

# How a sentence begins that speaks to the reader, and says nothing of the matter.
REMARKS = (
    "i hope", "hope this", "let me know", "please let me know", "feel free", "please feel free",
    "if you have any", "if you need any", "if you would like", "if you'd like", "would you like",
    "do you want me", "is there anything", "i'm happy to", "i am happy to", "i'd be happy",
    "i would be happy", "happy to help", "glad to help", "i'm glad", "i can help", "thank you for",
    "thanks for", "you're welcome", "great question", "good question", "that's a great question",
    "that's a good question", "i'm sorry", "i am sorry", "i apologise", "i apologize", "as an ai",
    "i do not have", "i don't have", "i have no", "i do not know", "i don't know", "i'm not sure",
    "i am not sure", "i cannot", "i can't", "i could not find", "i couldn't find", "i was unable",
    "i'm unable", "i am unable",
)  # fmt: skip

# How a line begins that announces what follows it.
LEAD_INS = (
    "here is", "here are", "here's", "below is", "below are", "the following is", "the following are",
    "these are", "there are several", "there are some", "there are many", "there are various",
    "there are different", "for example", "for instance", "examples", "in summary", "in short",
    "to summarise", "to summarize",
)  # fmt: skip

# Verbs by which a lead-in hands over to what follows: "The charges include:", "consider these steps:".
PRESENTING_VERBS = _set(
    """be comprise consider consist contain cover do follow include involve list offer provide require see
    take use"""
)

# Words by which a lead-in, or a closing remark, points to what stands around it.
ANSWER_POINTERS = _set("following follows below above these this")

# How a sentence begins that sums up.
SUMMARISERS = ("overall", "in summary", "in conclusion", "in short", "ultimately", "to sum up", "to conclude")

# What a list of sources is headed by.
SOURCE_HEADINGS = _set("sources source references reference citations citation bibliography footnotes")

# What else a reply calls what it was given.
SOURCE_NOUNS = _set(
    """answer answers article articles context document documents evidence excerpt excerpts information
    passage passages question report reports source sources text texts"""
)

# What else the sources are called where they are compared, and how they compare.
TELLING_NOUNS = SOURCE_NOUNS | _set("account accounts outlet outlets version versions")
DIFFERING_VERBS = _set("agree coincide conflict contradict differ disagree diverge match vary")

# What a prompt calls its texts, and an article hardly ever calls itself.
PROMPT_NOUNS = _set("context excerpt excerpts passage passages")
REPLY_NOUNS = _set("answer answers question questions reply")

# Words of headings, which are no names though they have a capital there.
HEADING_WORDS = _set(
    """advantages aftermath background benefits causes challenges conclusion consequences considerations
    context costs details differences disadvantages effects example examples facts factors features
    findings history impact key main notes options outlook overview points reactions reasons results
    risks steps summary timeline tips types"""
)
