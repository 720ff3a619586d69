"""A question asked in a conversation, made to stand alone, by rules; a question that stands alone is left
alone. And whether somebody else, such as a language model, has made it so without saying more.

What is left out is taken from the newest turns, and put in one of three ways: into the earlier question ("and
in May?"), in place of the word that stands for it ("when did he speak?"), or behind the question, in
brackets, where no single word stands for it ("who explained the decision?"). Earlier questions are made to
stand alone first, so a conversation can carry what it is about through any number of pronouns.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag.english.lexicon import CALENDAR, STOPWORDS
from rag.english.normalise import content_stems, words
from rag.english.numbers import numbers
from rag.english.sentences import sentences
from rag.types import Turn

__all__ = ["faithful", "standalone"]

_REACH = 8  # turns that are understood anew; what is still spoken of has been said again by then
_NEAR = 2  # turns that a reference can point to; further back, no guess was right (eval.bench.followups, dev)
_FRAGMENT = 6  # words; a longer piece after "and" says what it asks by itself
_TOPIC = 12  # words; a longer topic would drown the question it is added to

_PERSON = frozenset("he him his she her hers".split())
_THING = frozenset("it its".split())
_PLURAL = frozenset("they them their theirs".split())
_POINTING = frozenset("this that these those".split())
_PRONOUNS = _PERSON | _THING | _PLURAL | _POINTING
_POSSESSIVE = frozenset("his hers its their theirs".split())
_FEMALE = frozenset(
    "she her hers herself ms mrs miss madam queen princess woman mother wife daughter spokeswoman".split()
)
_MALE = frozenset("he him his himself mr sir king prince man father husband son spokesman".split())
_TITLES = frozenset(
    "mr mrs ms dr gen sen rep president minister secretary spokesman spokesperson spokeswoman".split()
)
_OFFICES = _TITLES | frozenset(
    "leader chief general king queen ambassador governor mayor senator judge chairman commander official "
    "premier "
    "chancellor pope director coach captain doctor".split()
)
# Names that are no person's, by the word they hold.
_BODIES = frozenset(
    "house bank ministry council court party university street department nations states union army force "
    "forces navy "
    "sea agency group company committee congress parliament senate church act office ocean river city league "
    "cup jaish "
    "front".split()
)
_PLACES = frozenset(
    "afghanistan africa america asia australia baghdad balochistan beijing britain canada china davos egypt "
    "england "
    "europe france gaza germany india iran iraq islamabad israel italy japan kabul kyiv lebanon london "
    "mexico moscow "
    "nato pakistan palestine russia saudi arabia spain sudan syria taiwan tehran turkey uk ukraine un us usa "
    "vietnam "
    "washington yemen".split()
)
_TIME = CALENDAR | frozenset(
    "yesterday today tonight tomorrow spring summer autumn fall winter morning evening night week weekend "
    "month year "
    "decade century weeks months years days".split()
)
_PREPOSITIONS = frozenset(
    "in on at by from to for with against after before during under near inside between about since until "
    "into over "
    "through within without around across of".split()
)
_WHO = frozenset("who whom whose what when where why which how".split())
_BE = frozenset("is are was were isn't aren't wasn't weren't".split())
_HAVE = frozenset("has have had hasn't haven't hadn't".split())
_DO = frozenset("do does did can could will would should don't doesn't didn't can't won't".split())
_AUXILIARIES = _BE | _HAVE | _DO
_WH = _WHO | _AUXILIARIES
_ADVERBS = frozenset("also still ever already often always never".split())
_BREAKS = (STOPWORDS | _PREPOSITIONS | _WH | _ADVERBS) - frozenset(
    "of all more most other own same such get tell let".split()
)
_DETERMINERS = frozenset("the a an".split())
# Plain forms of verbs that follow "did X" in questions about news: "did iran target …" ends the subject
# there.
_VERBS = frozenset(
    "accuse affect agree announce apologise apologize appear ask attack be become begin blame call cause "
    "come deny do "
    "fall fire get give go happen have help hit include invade kill launch leave lose make mean meet move "
    "need offer "
    "play promise raise reach react reject resign respond retaliate rise sanction say see seize send show "
    "sign start "
    "strike support take talk target tell think try use vote want win work".split()
)
_PARTICIPLES = frozenset(
    "built bought born become begun broken brought caught chosen cut done drawn driven fallen fought found "
    "given gone "
    "held hit hurt kept known led left lost made meant met paid put run said seen sent shot shown shut sold "
    "spent "
    "struck taken told thought won worn written".split()
)
_PREDICATES = frozenset(
    "similar popular common important available possible safe legal dead alive ready responsible likely due able true".split()
)
_IRREGULAR_PLURALS = frozenset("people police children men women media data civilians".split())
# What news calls a thing that was told before: alone, such a noun says nothing.
_TOLD = frozenset(
    "agreement announcement arrest attack attacks ban bill blast bombing campaign case ceasefire clash "
    "clashes conflict "
    "crash crisis deal decision disaster dispute election event events explosion fighting fire incident "
    "incidents "
    "investigation killing killings law march meeting move negotiations operation operations order plan plot "
    "proposal "
    "protest protests raid report result results ruling sanctions shooting show siege statement strike "
    "strikes summit "
    "suspect suspects talks treaty trial victim victims visit vote war word".split()
)
_HAPPENING = frozenset(
    "happen happened happening occur occurred start started begin began end ended last".split()
)

_SLIPS = {
    "waht": "what", "wat": "what", "whta": "what", "hwo": "how", "adn": "and", "nad": "and", "abt": "about", "abuot": "about",
    "aobut": "about", "thier": "their", "tehy": "they", "thye": "they", "whre": "where", "wher": "where", "wen": "when",
    "hsi": "his", "teh": "the", "wy": "why",
}  # fmt: skip
_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_NAME = re.compile(
    r"\b(?:[A-Z][\w’'-]*(?:\s+(?:(?:of|the|bin|van|de)\s+|(?:al|ul|el)[\s-])?[A-Z][\w’'-]*)*"
    rf"|(?:{'|'.join(sorted(_PLACES - {'us', 'un'}))})\b(?:['’]s)?)"
)
_PAIR = re.compile(rf"(?:{_NAME.pattern})(?:,\s+(?:{_NAME.pattern}))*,?\s+and\s+(?:{_NAME.pattern})")
_ADJECTIVE = re.compile(r"(?:ian|can|ean|ish|ese|ani|aeli|aqi|eni)$")
_PLACE = re.compile(r"\b(?:in|at|to|near)\s+(?:the\s+)?(?=[A-Z])")
_KIND = re.compile(
    r"\b(?:the|a|an|your|our|this|that|these|those|which|what)\s+(?!(?:is|are|was|were|do|does|did|has|have|of)\b)[\w’'-]+",
    re.IGNORECASE,
)
_CLAUSE = re.compile(r"[.,;:!?]|\b(?:and|but|or|if|when|that|because|while|who|which)\b", re.IGNORECASE)
_LEADING = re.compile(
    r"\W*(?:in|on|at|for|after|following|during|with|despite|since|as|while|when|if)\b[^,]*$", re.IGNORECASE
)
_WHO_IS = re.compile(r"\W*who(?:['’]s| is| was)\b", re.IGNORECASE)
_ORDINALS = ["first", "second", "third", "fourth", "fifth"]
_PICK = re.compile(
    r"\bthe (?:(?P<nth>first|second|third|fourth|fifth|last|other) one|(?P<of_two>former|latter)|"
    r"(?P<bare>first|second|third|fourth|fifth|last)(?=\s*\??$))\b",
    re.IGNORECASE,
)
_OPENING = re.compile(
    r"^\s*(?:(?:no|yes|ok|okay|so|well|and|or|but|then)\b[,.!]?\s+)*"
    r"(?:(?:what|how)\s+(?:about|of)|i\s+meant?|and|or|but|no,|so)\s+(?P<rest>\S.*?)\s*[?.!]*\s*$",
    re.IGNORECASE | re.DOTALL,
)
_MORE = re.compile(
    r"^\W*(?:(?:please|can you|could you|ok|and)\W+)*(?:(?:tell|give) (?:me|us) (?:more|details)|(?:any "
    r"|some )?more"
    r"(?: details| information)?|explain|elaborate|go on|continue|(?:anything|who|what|where) else|(?:any "
    r")?others|details|"
    r"which ones?|the same)\b(?: about (?:it|this|that))?\W*(?:please)?\W*$",
    re.IGNORECASE,
)
_BARE_COUNT = re.compile(
    r"\W*(?:and )?(?:how (?:many|much) (?:of them )?(?:is|are|was|were|did|do|have|has|had)(?: [\w’'-]+){1,2}"
    r"|what happen(?:ed|s)(?: next| after(?:wards)?| in the end)?)\W*$",
    re.IGNORECASE,
)
# After these a pronoun stands for something in the same sentence, or for nothing at all.
_EMPTY_IT = re.compile(
    r"\bit(?:['’]s| is| was| be)?(?: not)? "
    r"(?:(?:time|took|emerged|true|likely|possible|clear|mean|take|rain|snow|dark|seems|"
    r"appears|get (?:dark|cold|hot))\b"
    r"|(?:legal|illegal|difficult|hard|easy|important|necessary|official|safe|cost)(?::| "
    r"(?:to|that|for)\b)|(?:that|to)\b)"
    r"|\bwhat (?:time|day) is it\b",
    re.IGNORECASE,
)


def standalone(question: str, history: Sequence[Turn]) -> str:
    """The question with what it leaves out taken from the newest turns.

    >>> standalone("And in May?", [Turn("What did inflation do in April?", "It rose.")])
    'What did inflation do in May?'
    >>> standalone("When did he speak?", [Turn("Who is John Kirby?", "A spokesman.")])
    'When did John Kirby speak?'
    >>> standalone("Who explained the decision?", [Turn("How many firms did the US sanction?", "Three.")])
    'Who explained the decision (firms the US sanction)?'
    """
    understood: list[Turn] = []
    for turn in history[-_REACH:]:
        if words(turn.question) or words(turn.answer):
            understood.append(Turn(_whole(_plain(turn.question), understood), turn.answer))
    plain = _plain(question)
    whole = _whole(plain, understood)
    return question if whole == plain else whole


def faithful(rewritten: str, question: str, history: Sequence[Turn]) -> bool:
    """Whether a question that somebody else made stand alone asks what was asked: it adds words, and numbers,
    only from the conversation; it keeps the question's own words, but for those that point ("he", "the second
    one"), what it asks for ("when", "how many"), its numbers, its denial, and the order of its names.

    >>> turns = [Turn("Who is John Kirby?", "A spokesman of the White House.")]
    >>> [faithful(q, "When did he speak?", turns) for q in ("When did John Kirby speak?", "When did John Kirby resign?")]
    [True, False]
    """
    said = " ".join([question, *(part for turn in history for part in (turn.question, turn.answer))])
    new, old = content_stems(rewritten), [s for s in content_stems(question) if s not in _POINTERS]
    if not new or not set(new) <= set(content_stems(said)) or not set(old) <= set(new):
        return False
    counted = set(numbers(question, ordinals=True)) - ({"1"} if "one" in words(question) else set())
    if not counted <= set(numbers(rewritten, ordinals=True)) <= set(numbers(said, ordinals=True)):
        return False
    for kept in (_ASKING, _RELATING):
        if not {w for w in words(question) if w in kept} <= set(words(rewritten)):
            return False
    if any(w in _DENIALS or w.endswith("n't") for w in words(rewritten)) != any(
        w in _DENIALS or w.endswith("n't") for w in words(question)
    ):
        return False
    named = [s for m in _NAMED.finditer(question) for s in content_stems(m.group())[:1]]
    return named == [s for s in new if s in set(named)][: len(named)]


_DENIALS = frozenset("no not never none nobody nothing neither nor without cannot".split())
_ASKING = frozenset("who whom whose what when where why which how many much".split())
_RELATING = frozenset("before after more less most least until since over under above below".split())
_POINTERS = frozenset(
    content_stems("one ones second third first last other latter former same two both them thing mean about")
)
_NAMED = re.compile(r"(?<=\w )[A-Z][\w’'-]*")  # the first word has its capital anyway


def _whole(question: str, turns: Sequence[Turn]) -> str:
    """The question by the first rule that has something to say about it; unchanged where none has."""
    if not turns:
        return question
    for rule in (_completed, _picked, _filled, _pointed, _reminded):
        if (whole := rule(question, turns[-_NEAR:])) is not None:
            return whole
    return question


def _plain(question: str) -> str:
    """The question without slips in the words that rules look for, and not in capitals throughout.

    >>> _plain("waht abt pakistan"), _plain("AND IN MAY?")
    ('what about pakistan', 'and in may?')
    """
    if question.isupper() and len(words(question)) > 2:
        question = question.lower()
    return _WORD.sub(lambda match: _SLIPS.get(match.group().casefold(), match.group()), question)


# A piece of a question, put into the question before it.


def _completed(question: str, turns: Sequence[Turn]) -> str | None:
    """A fragment put into the last question; `None` where the question is whole.

    >>> _completed("and how many police?", [Turn("How many civilians died in May?", "Nine.")])
    'How many police died in May?'
    """
    earlier = _bare(turns[-1].question)
    if not words(earlier):
        return None
    if _MORE.match(question):
        return _headed(_bare(question), earlier)
    opening = _OPENING.match(question)
    rest = _bare(opening["rest"] if opening else question)
    tokens = words(rest)
    if set(tokens) & (_AUXILIARIES | _PRONOUNS):
        return None
    if set(tokens) & _WHO:
        return _asked(rest, earlier) if len(tokens) <= 4 and not _names(rest) else None
    if len(tokens) > _FRAGMENT or not (content_stems(rest) or _names(f"x {rest}")):
        return None
    if tokens[0] in _PREPOSITIONS:
        return _moved(_lowered(rest), earlier)
    if opening or (question.rstrip().endswith("?") and _run(rest, 0) == rest):
        if rest.casefold() in turns[-1].answer.casefold():
            return _noted(rest[:1].upper() + rest[1:] + "?", turns[-1])
        known = opening or _names(rest)  # a fragment's first capital says nothing
        return _exchanged(rest if known else rest[:1].lower() + rest[1:], earlier)
    return None


def _asked(rest: str, earlier: str) -> str | None:
    """A bare question word, and what it counts or asks for, with the last question.

    >>> _asked("why", "Who left"), _asked("how many women", "How many people left"), _asked("what causes wildfires", "Who left")
    ('Why: who left?', 'How many women left?', None)
    """
    if len([stem for stem in content_stems(rest) if stem != "mani"]) > 1:
        return None
    if re.match(r"how (?:many|much)\s+\w", rest, re.IGNORECASE) and (counted := _counted(rest, earlier)):
        return counted
    return f"{earlier}?" if words(earlier)[: len(words(rest))] == words(rest) else _headed(rest, earlier)


def _headed(fragment: str, earlier: str) -> str:
    """The fragment before the earlier question.

    >>> _headed("why", "Who left")
    'Why: who left?'
    """
    return f"{fragment[:1].upper()}{fragment[1:]}: {_lowered(earlier)}?"


def _counted(rest: str, earlier: str) -> str | None:
    """Another thing counted in the same way; `None` where the last question counts nothing so.

    >>> _counted("how many police", "How many civilians died in May")
    'How many police died in May?'
    """
    much = words(rest)[1] if words(rest)[0] == "how" else "many"
    match = re.search(rf"\bhow {much}\s+", earlier, re.IGNORECASE)
    if not match or not (noun := _run(earlier, match.end())):
        return None
    pieces = list(_WORD.finditer(noun))
    noun = noun[: pieces[max(1, _verb(pieces, plain=False)) - 1].end()]
    thing = re.sub(r"^how \w+\s+", "", rest, flags=re.IGNORECASE)
    return f"{earlier[: match.end()]}{thing}{earlier[match.end() + len(noun) :]}?"


def _moved(rest: str, earlier: str) -> str:
    """Another time or place, in the stead of the one that the earlier question gives with the same
    preposition.

    >>> _moved("in May", "Who met in Oslo in April")
    'Who met in Oslo in May?'
    """
    preposition, *named = words(rest)
    last = None
    for match in re.finditer(rf"\b{preposition}\s+", earlier, re.IGNORECASE):
        phrase = _run(earlier, match.end())
        if phrase and _is_time(words(phrase)) == _is_time(named):
            last = match.start(), match.end() + len(phrase)
    if last is None:
        return f"{earlier} {rest}?"
    return f"{earlier[: last[0]]}{rest}{earlier[last[1] :]}?"


def _exchanged(rest: str, earlier: str) -> str | None:
    """One thing asked about in the stead of another: a name for a name, a time for a time, a subject for a
    subject.

    >>> _exchanged("Iraq", "Why did Iran strike Pakistan"), _exchanged("wages", "Why did prices rise")
    ('Why did Iraq strike Pakistan?', 'Why did wages rise?')
    """
    if (_names(rest) and set(words(rest)) & _PREPOSITIONS) or not set(words(earlier)) & _WH:
        return None  # "the war in Ukraine" says what it asks about
    people = [name for name in _names(earlier) if name.casefold() not in CALENDAR]
    if rest.casefold() in {
        name.casefold() for name in people
    }:  # "and Pakistan?" after "why did Iran strike Pakistan?"
        same = next(name for name in people if name.casefold() == rest.casefold())
        others = [name for name in people if name != same]
        return f"{_crossed(earlier, same, others[0])}?" if others else f"{earlier}, and {rest}?"
    if _is_time(words(rest)):
        return _timed(rest, earlier)
    proper = bool(_names(f"x {rest}"))
    subject = _subject(earlier)
    if proper and people:
        named = subject if subject and _names(f"x {subject}") else people[0]
        return f"{_with(earlier, named, rest)}?"
    if not proper and (counted := _counted(rest, earlier)):
        return counted
    if subject and not _names(f"x {subject}"):  # nothing common stands in a name's stead: "and oil?"
        return f"{_with(earlier, subject, rest)}?"
    return None if set(words(rest)) & (_PREPOSITIONS - {"of"}) else f"{earlier}, and {rest}?"


def _with(text: str, old: str, new: str) -> str:
    """The text with its first `old` made `new`, where that is no part of a longer word.

    >>> _with("Did Iranian ships leave Iran", "Iran", "Oman")
    'Did Iranian ships leave Oman'
    """
    return re.sub(rf"(?<!\w){re.escape(old)}(?!\w)", lambda _: new, text, count=1)


def _timed(rest: str, earlier: str) -> str:
    """Another time than the last one named.

    >>> _timed("may", "what fell in april"), _timed("last year", "What fell in April")
    ('what fell in may?', 'What fell last year?')
    """
    spots = list(
        re.finditer(
            rf"\b(?:in|on|since|until|during|before|after)\s+(?P<time>{'|'.join(CALENDAR)})\b", earlier, re.I
        )
    )
    if not spots:
        return f"{earlier}, {rest}?"
    start, end = spots[-1].span("time" if rest.casefold() in CALENDAR else 0)
    return f"{earlier[:start]}{rest}{earlier[end:]}?"


def _crossed(text: str, one: str, other: str) -> str:
    """Both names, each in the place of the other."""
    swap = {one: other, other: one}
    return re.sub(rf"(?<!\w)(?:{re.escape(one)}|{re.escape(other)})(?!\w)", lambda m: swap[m.group()], text)


# A word that stands for something, replaced by what it stands for.


def _picked(question: str, turns: Sequence[Turn]) -> str | None:
    """A member of the newest list, by its place in it.

    >>> _picked("Where is the second one?", [Turn("Which ports are shut?", "Gwadar, Ormara and Karachi.")])
    'Where is Ormara?'
    """
    match = _PICK.search(question)
    if not match or len(words(question)) > _TOPIC:
        return None
    for turn in reversed(turns):
        for text in (turn.answer, turn.question):
            members = _members(text)
            place = _place(match, len(members))
            if place is not None:
                return f"{question[: match.start()]}{members[place]}{question[match.end() :]}"
    return None


def _place(match: re.Match[str], size: int) -> int | None:
    """Which of so many members is meant, from 0; `None` if there is no such member."""
    said = (match["nth"] or match["of_two"] or match["bare"]).casefold()
    if size < 2 or (said in {"former", "latter", "other"} and size != 2):
        return None
    place = {"former": 0, "latter": 1, "other": 1, "last": size - 1}.get(said)
    if place is None:
        place = _ORDINALS.index(said)
    return place if place < size else None


def _members(text: str) -> list[str]:
    """The members of the first list in a text: names, or else single things.

    >>> _members("They met in Oslo, Bern and New York."), _members("It sells oil, gas and scrap metal.")
    (['Oslo', 'Bern', 'New York'], ['oil', 'gas', 'scrap metal'])
    """
    if len(lines := re.findall(r"^\s*(?:[-*•]|\d+[.)])\s+(.+?)\s*$", text, re.MULTILINE)) > 1:
        return [line.rstrip(".;,") for line in lines]
    for start, end in sentences(text):
        *parts, last = re.split(r",\s*(?:(?:and|or)\s+)?", _bare(text[start:end]))
        parts += re.split(r"\s+(?:and|or)\s+", last, maxsplit=1)
        if any(len(part.split()) > _FRAGMENT for part in parts[1:-1]):
            continue
        others = [found.group() for part in parts[1:] if (found := _NAME.match(part.removeprefix("the ")))]
        if len(others) == len(parts) - 1:
            # "sanctioned Akhtar and Sons, …": the first member is the name that its part ends with, if any.
            named = re.search(rf"(?:{_NAME.pattern})(?:\s+and\s+(?:{_NAME.pattern}))*$", parts[0])
            return [named.group(), *others] if named else others
        if not _names(" ".join(parts)) and (tail := _run(parts[-1], 0)):
            return [parts[0].split()[-1], *parts[1:-1], tail]
    return []


def _filled(question: str, turns: Sequence[Turn]) -> str | None:
    """A pronoun replaced, then "there"."""
    replaced = _replaced(question, turns)
    return _placed(replaced or question, turns) or replaced


def _replaced(question: str, turns: Sequence[Turn]) -> str | None:
    """The first pronoun that nothing in the question itself explains, by what it stands for.

    >>> _replaced("What is its capital?", [Turn("why did the byzantine empire fall", "")])
    'What is the byzantine empire’s capital?'
    """
    for match in _WORD.finditer(question):
        pronoun = re.sub(r"['’].*", "", match.group()).casefold()
        if pronoun not in _PERSON | _THING | _PLURAL or (pronoun in _THING and _EMPTY_IT.search(question)):
            continue
        before, after = question[: match.start()], question[match.start() + len(pronoun) :]
        if _explained(before, after):
            # "What did Iran say about it?": what is spoken of can't be who speaks.
            if not _is_object(before, after):
                return None
            if pronoun not in _PERSON:
                return _noted(question, turns[-1])
        if pronoun in _THING and (before.rstrip().endswith("about") or _HAPPENING & set(words(after)[:1])):
            return _noted(question, turns[-1])
        for turn in reversed(turns):
            if pronoun in _PLURAL and _counts(turn):
                return _noted(question, turn)
            if name := _antecedent(pronoun, turn):
                whole = _put(before, name, after, possessive=_is_possessive(pronoun, after))
                return whole if _names(f"x {whole}") else _located(whole, turn.question)
    return None


def _located(question: str, earlier: str) -> str:
    """A question that names nothing, in the place that the earlier one names.

    >>> _located("When did prices fall?", "Why did prices rise in turkey in May?")
    'When did prices fall in turkey?'
    """
    for match in re.finditer(r"\bin\s+(?:the\s+)?", earlier):
        phrase = _run(earlier, match.end())
        if phrase in _names(f"x {phrase}") and phrase.casefold() not in CALENDAR:
            body = _bare(question)
            return f"{body} {match.group()}{phrase}{question[len(body) :]}"
    return question


def _explained(before: str, after: str) -> bool:
    """Whether a pronoun between these words has something there to stand for.

    >>> _explained("Why did Iran say ", " struck?"), _explained("Which firm recalled ", " cars?")
    (True, True)
    >>> _explained("Which war did ", " win?")
    False
    """
    if any(name.casefold() not in CALENDAR for name in _names(before, first=True)):
        return True
    if _LEADING.match(before) and "," in after:
        return True  # "In his new book, what does Ann Lee say?"
    if set(words(before)[-1:]) & _AUXILIARIES and _is_one_clause(before):
        return False  # "which war did it win?": the pronoun is who did it
    joined = re.search(r"\w\s+and\b", before)  # "What is rye and how is it baked?"
    return len(content_stems(before)) > 2 or bool(joined or _KIND.search(before))


def _is_one_clause(before: str) -> bool:
    return not _CLAUSE.search(re.sub(r"^\W*\w+", "", before))


def _is_object(before: str, after: str) -> bool:
    """Whether a pronoun between these words is what a short clause is about, and not who acts in it.

    >>> _is_object("What did Iran say about ", "?"), _is_object("Why did Iran say ", " struck?")
    (True, False)
    """
    follows = words(after)[:1]
    ends = not re.match(r"\s*[^\s?.,;:!)]", after) or set(follows) <= _PREPOSITIONS
    return ends and _is_one_clause(before) and len(content_stems(before)) <= 3


def _is_possessive(pronoun: str, after: str) -> bool:
    if pronoun == "her":
        return bool(re.match(r"\s+\w", after)) and words(after)[0] not in STOPWORDS
    return pronoun in _POSSESSIVE


def _put(before: str, name: str, after: str, *, possessive: bool) -> str:
    name = f"{name}’s" if possessive and not name.endswith("s") else f"{name}’" if possessive else name
    return f"{before}{name if before.strip() else name[:1].upper() + name[1:]}{after}"


def _antecedent(pronoun: str, turn: Turn) -> str | None:
    """What a pronoun stands for, if this turn has it."""
    if pronoun in _PERSON:
        return _person(pronoun, turn)
    subject = _subject(_bare(turn.question))
    if pronoun in _THING and _WHO_IS.match(turn.question):
        return None
    if pronoun in _PLURAL and (pair := _PAIR.search(turn.question)):
        return pair.group()
    names = _names(turn.question) + _names(_opening_sentence(turn.answer), first=_asks_who(turn))
    things = [n for n in names if n.casefold() not in CALENDAR]
    whole, spare = subject, None  # "they" can be one government
    if subject and subject.removeprefix("the ") not in things and _is_plural(subject) != (pronoun in _PLURAL):
        subject = None
        spare = None if pronoun in _THING else whole
    return subject or (things[0] if things else spare)


def _person(pronoun: str, turn: Turn) -> str | None:
    """The person of a turn: whoever answers a "who", then full names and offices, then what else can be a
    person.
    """
    said = set(words(f"{turn.question} {turn.answer}"))
    male, female = bool(said & _MALE), bool(said & _FEMALE)
    if male != female and male == (pronoun in _FEMALE):
        return None
    texts = [turn.question, _opening_sentence(turn.answer)]
    if _asks_who(turn):
        texts.reverse()
    names = [
        n
        for text in texts
        for n in _names(text, first=_asks_who(turn))
        if not set(words(n)) & (CALENDAR | _BODIES) and n.casefold() not in _PLACES
    ]
    if full := [name for name in names if " " in name]:
        return full[0]
    subject = _subject(_bare(turn.question))
    if subject and set(words(subject)) & _OFFICES:
        return subject
    if names:
        return names[0]
    who = _WHO_IS.match(turn.question)
    return subject if subject and not _is_plural(subject) and (who or male or female) else None


def _asks_who(turn: Turn) -> bool:
    return words(turn.question)[:1] in (["who"], ["whom"], ["whose"])


def _counts(turn: Turn) -> bool:
    """Whether the turn asks for several of a kind: "they" are those, with all that was said of them."""
    match = re.match(r"\W*(?:how many|which|what)\s+", turn.question, re.IGNORECASE)
    return bool(match and (noun := _run(turn.question, match.end())) and _is_plural(noun))


# A reference that no single word carries: what was spoken of goes behind the question, in brackets.


def _pointed(question: str, turns: Sequence[Turn]) -> str | None:
    """A question with "that", "this strike" or "those firms" in it, with what that points to.

    >>> _pointed("What did that strike hit?", [Turn("Why did Iran strike Pakistan?", "")])
    'What did that strike hit (Iran strike Pakistan)?'
    """
    if len(words(question)) > _TOPIC:
        return None
    for match in re.finditer(r"\b(?:this|that|these|those)\b", question, re.IGNORECASE):
        before, after = question[: match.start()], question[match.end() :]
        follows = words(after)[:1]
        if match.group().casefold() == "that" and not _points(before, follows):
            continue
        if set(follows) & (_TIME | {"who", "that"}) or _names(f"x{after}"):
            continue
        if len(_run(after, 0).split()) > 2:  # "this deep impact program" says which
            continue
        return _reminded(question, turns) or _noted(question, turns[-1])
    return None


def _points(before: str, follows: Sequence[str]) -> bool:
    """Whether "that" points, rather than opening a clause.

    >>> _points("Who said ", []), _points("Who said ", ["iran"]), _points("What did ", ["strike"])
    (True, False, True)
    """
    previous = words(before)[-1:]
    return not follows or set(previous) <= STOPWORDS - {"so"}


def _placed(question: str, turns: Sequence[Turn]) -> str | None:
    """The word "there", by the newest place.

    >>> _placed("Who was there?", [Turn("Where did they meet?", "They met in Davos.")])
    'Who was in Davos?'
    """
    if len(words(question)) > _TOPIC or _BARE_COUNT.match(question):
        return None
    for match in re.finditer(r"\bthere\b", question, re.IGNORECASE):
        before, after = question[: match.start()], question[match.end() :]
        previous, follows = words(before)[-1:], words(after)[:1]
        existential = not previous or (previous[0] in _AUXILIARIES and content_stems(after))
        if existential or set(follows) & (_BE | _HAVE) or _PLACE.search(before):
            continue
        for turn in reversed(turns):
            for text in (_opening_sentence(turn.answer), turn.question):
                for found in _PLACE.finditer(text):
                    name = _names(text[found.end() :], first=True)[0]
                    if name.casefold() not in CALENDAR:
                        return f"{before}in {name}{after}"
    return None


def _reminded(question: str, turns: Sequence[Turn]) -> str | None:
    """A question that names nothing, with what was spoken of.

    >>> _reminded("how many were killed?", [Turn("when did pakistan strike", "")])
    'how many were killed (pakistan strike)?'
    >>> _reminded("What does the group want?", [Turn("Who struck?", "The militant group Jaish al-Adl.")])
    'What does the group want (militant group Jaish al-Adl)?'
    """
    if _names(question) or len(words(question)) > _TOPIC:
        return None
    for noun, qualities in _definite(question):
        for turn in reversed(turns):
            mention = _mention(noun, turn)
            if mention and set(qualities) <= set(words(mention)):
                return _added(question, mention)
        if noun in _TOLD:
            return _noted(question, turns[-1])
    return _noted(question, turns[-1]) if _BARE_COUNT.match(question) or _is_bare_event(question) else None


def _definite(question: str) -> list[tuple[str, list[str]]]:
    """What may be a noun after "the", "that" or "these", with what stands before it; none where the question
    says which.

    >>> _definite("Who paid for the last attack?"), _definite("Who paid for the attack on Iran?")
    ([('attack', ['last']), ('last', [])], [])
    """
    found: list[tuple[str, list[str]]] = []
    for match in re.finditer(r"\b(?:the|this|that|these|those)\s+", question, re.IGNORECASE):
        run = _run(question, match.end())
        said = words(run)
        after = words(question[match.end() + len(run) :])[:1]
        if (
            not 1 <= len(said) <= 3
            or set(said) & _TIME
            or (after and after[0] in _PREPOSITIONS | _WHO | _DETERMINERS)
        ):
            continue
        found += [
            (said[i], said[:i]) for i in (len(said) - 1, len(said) - 2) if i >= 0
        ]  # the last may be a verb
    return found


def _mention(noun: str, turn: Turn) -> str | None:
    """The noun with the name it was given, if it was.

    >>> _mention("group", Turn("Who struck?", "Iran hit the militant group Jaish al-Adl in May."))
    'militant group Jaish al-Adl'
    """
    for text in (turn.answer, turn.question):
        for match in re.finditer(rf"\b{re.escape(noun)}\b", text, re.IGNORECASE):
            start = match.start()
            for word in reversed(list(_WORD.finditer(text, 0, start))[-3:]):
                if word.group().casefold() in _BREAKS | _VERBS or text[word.end() : start].strip():
                    break
                start = word.start()
            run = _run(text, start)
            if len(run.split()) <= _FRAGMENT and _names(f"x {run}"):
                return run
    return None


def _is_bare_event(question: str) -> bool:
    """Whether it only says that something was done: "who was killed?", "was anyone hurt?"."""
    stems = content_stems(re.sub(r"\b(?:any|some)(?:one|body|thing)\b", "", question, flags=re.IGNORECASE))
    said = words(question)
    return len(stems) == 1 and len(said) <= 4 and (said[-1].endswith("ed") or said[-1] in _PARTICIPLES)


def _noted(question: str, turn: Turn) -> str:
    topic = _topic(turn)
    return _added(question, topic) if topic else question


def _added(question: str, topic: str) -> str:
    if set(content_stems(topic)) <= set(content_stems(question)):
        return question
    body = question.rstrip()
    end = body[len(body.rstrip("?!. ")) :].strip()
    return f"{body.rstrip('?!. ')} ({topic}){end}"


def _topic(turn: Turn) -> str | None:
    """What a turn is about: its question without the words of asking, and the first name that answers it.

    >>> _topic(Turn("Who struck first?", "Iran did.")), _topic(Turn("How long is the border of Iran?", ""))
    ('Iran struck first', 'the border of Iran')
    """
    asked = _last_sentence(turn.question)
    if inner := re.search(r"\(([^()]+)\)\W*$", asked):
        return inner[1]
    asked = _bare(asked)
    told = _bare(_opening_sentence(turn.answer))
    if _repeats(told, _unasked(asked)):
        return _lowered(told)  # it says what the question says, and more
    names = [
        n
        for n in _names(_opening_sentence(turn.answer), first=_asks_who(turn))
        if n.casefold() not in CALENDAR | set(words(asked))
    ]
    rest = _unasked(asked)
    if re.match(r"\W*who(?:m)?\b", asked, re.IGNORECASE) and names:
        topic = f"{names[0]} {rest}"
    elif (
        re.match(r"\W*(?:what|which|where)\b", asked, re.IGNORECASE)
        and names
        and names[0].casefold() not in asked.casefold()
    ):
        topic = f"{rest}, {names[0]}"
    else:
        topic = rest
    return topic if topic and len(topic.split()) <= _TOPIC else None


def _repeats(told: str, asked: str) -> bool:
    """Whether an answer has the question's names and half of its words, is short, and needs nothing explained
    itself.

    >>> _repeats("The US sanctioned three firms", "firms the US sanction"), _repeats("Nine were killed", "killed in Iran")
    (True, False)
    """
    wanted, had = set(content_stems(asked)), set(content_stems(told))
    if not wanted or len(told.split()) > _TOPIC or set(words(told)) & (_PRONOUNS - _POSSESSIVE):
        return False
    if not set(_names(f"x {asked}")) <= set(_names(f"x {told}")):
        return False
    return 2 * len(wanted & had) >= len(wanted)


def _unasked(asked: str) -> str:
    """A question less the words that only ask.

    >>> _unasked("How many firms did the US sanction"), _unasked("Can you tell me when the song was released")
    ('firms the US sanction', 'the song was released')
    """
    asked = re.sub(
        r"^\W*(?:(?:can|could) you |please |do you know )*(?:tell me |know |name |list |describe )?(?:more "
        r")?(?:about )?",
        "",
        asked,
        flags=re.IGNORECASE,
    )
    asked = re.sub(
        r"^\W*(?:how (?:many|much|long|old|often|far|big)|what|which|who|whom|when|where|why|how)\b\s*(?:about\s+)?",
        "",
        asked,
        flags=re.IGNORECASE,
    )
    auxiliary = "|".join(sorted(_AUXILIARIES))
    asked = re.sub(rf"^(?:{auxiliary})\s+", "", asked, flags=re.IGNORECASE)
    asked = re.sub(r"^you (?:describe|explain|say)\s+", "", asked, flags=re.IGNORECASE)
    return re.sub(r"^((?:[\w’'-]+\s+){1,3}?)(?:do|does|did)\s+", r"\1", asked, flags=re.IGNORECASE)


# Grammar, as far as rules can see it.


def _subject(question: str) -> str | None:
    """Who or what a question is about: what stands between its auxiliary and its verb.

    >>> _subject("how does the mls all star game work"), _subject("why was the empire called holy"), _subject("Who is Ann Lee")
    ('the mls all star game', 'the empire', 'Ann Lee')
    """
    tokens = list(_WORD.finditer(question))
    heads = [i for i, token in enumerate(tokens[:6]) if token.group().casefold() in _AUXILIARIES]
    if not heads or heads[0] + 1 == len(tokens):
        return None
    plain = tokens[heads[0]].group().casefold() in _DO
    subject = _before_verb(question, tokens[heads[0] + 1].start(), plain)
    if not (content_stems(subject) or _names(f"x {subject}")):
        return None
    # "the invention of the gin" is about the gin; "the Bank of England" is one name.
    return re.sub(r"^(?:the\s+)?[a-z’'-]+\s+of\s+(?=\S)", "", subject)


def _before_verb(question: str, start: int, plain: bool) -> str:
    """The words from there to the verb; `plain` after "did", a participle after "was".

    >>> _before_verb("did prices in Turkey rise", 4, True), _before_verb("is bone marrow found", 3, False)
    ('prices in Turkey', 'bone marrow')
    """
    run = _run(question, start)
    pieces = list(_WORD.finditer(run))
    if not pieces:
        return ""
    after = list(_WORD.finditer(question, start + len(run)))[:2]
    following = after[0].group().casefold() if after else ""
    if len(after) == 2 and following in _PREPOSITIONS and not _has_verb(pieces, plain):
        place = list(_WORD.finditer(_run(question, after[1].start())))
        if len(place) > 1 and _has_verb(place, plain):
            return question[start : after[1].start() + place[_verb(place, plain) - 1].end()]
    # "did doctor strange always have", "did the firm have": the verb stands behind the run.
    behind = following in _ADVERBS | _HAVE | {"have", "be", "not"}
    end = _verb(pieces, plain and not behind)
    return run[: pieces[end - 1].end()] if end else ""


def _has_verb(pieces: Sequence[re.Match[str]], plain: bool) -> bool:
    last = pieces[-1].group()
    return last in _VERBS if plain else _verb(pieces, plain) < len(pieces)


def _verb(pieces: Sequence[re.Match[str]], plain: bool) -> int:
    """Where the verb begins in a run of words after an auxiliary; `plain` after "did", a participle after
    "was".
    """
    said = [piece.group() for piece in pieces]
    first = 1 + (said[0].casefold() in _DETERMINERS)
    if plain:
        for i in range(first, len(said)):
            if said[i] in _VERBS or (
                said[i].islower() and said[i] != "of" and said[i + 1 :] and said[i + 1][0].isupper()
            ):
                return i  # "did Congress rebuke Iran"
        return len(said) - 1 if len(said) > 1 else 1
    for i in range(2 if first == 2 else 0, len(said)):  # "the meaning" is no verb
        word = said[i]
        if word.islower() and (word.endswith(("ed", "ing", "ly")) or word in _PARTICIPLES | _PREDICATES):
            return i
    return len(said)


def _run(text: str, start: int) -> str:
    """Words from there up to one that ends a noun phrase: a preposition, an auxiliary, a comma.

    >>> _run("How many firms of the US did it", 9)
    'firms of the US'
    """
    end = start
    after_of = True
    for token in _WORD.finditer(text, start):
        word = token.group().casefold()
        breaks = (
            word in _BREAKS and not _is_shouted(token.group()) and not (word in _DETERMINERS and after_of)
        )
        if breaks or text[end : token.start()].strip():
            break
        after_of = word == "of"
        end = token.end()
    return re.sub(r"\s+of$", "", text[start:end].strip())


def _is_time(tokens: Sequence[str]) -> bool:
    return any(token in _TIME or re.fullmatch(r"(?:19|20)\d\d", token) for token in tokens)


def _is_plural(phrase: str) -> bool:
    head = words(re.split(r"\s+(?:of|in|for)\s+", phrase)[0])[-1:]
    return bool(head) and (head[0] in _IRREGULAR_PLURALS or bool(re.search(r"[^siu]s$", head[0])))


def _opening_sentence(text: str) -> str:
    spans = sentences(text)
    return text[spans[0][0] : spans[0][1]] if spans else ""


def _last_sentence(text: str) -> str:
    spans = sentences(text)
    return text[spans[-1][0] : spans[-1][1]] if spans else ""


def _bare(question: str) -> str:
    return question.strip().rstrip("?!. ").strip()


def _lowered(text: str) -> str:
    first = words(text)[0]
    return text[:1].lower() + text[1:] if first in STOPWORDS | _BREAKS or numbers(first) else text


def _names(text: str, *, first: bool = False) -> list[str]:
    """Runs of capitalised words, less the question word or the title they begin with, and known places in any
    case.

    One capitalised word at the start of a sentence is a name only if it is known as a place, or if `first`
    says so.

    >>> _names("Soccer is loved. Did President Joe Biden see American football in iran?")
    ['Joe Biden', 'American football', 'iran']
    """
    found: list[str] = []
    for match in _NAME.finditer(text):
        parts = match.group().split()
        while parts and parts[0].casefold() in _WH | STOPWORDS | _TITLES and not _is_shouted(parts[0]):
            parts = parts[1:]
        opens = not text[: match.start()].strip() or text[: match.start()].rstrip()[-1] in ".!?"
        alone = len(match.group().split()) == 1 and not match.group().endswith(("'s", "’s"))
        if not parts or (opens and alone and not first and parts[0].casefold() not in _PLACES):
            continue
        name = re.sub(r"['’]s$", "", " ".join(parts))
        noun = _WORD.match(text, match.end() + 1)  # "American football" is one name
        belongs = (
            noun and len(parts) == 1 and _ADJECTIVE.search(name) and noun.group().casefold() not in _BREAKS
        )
        found.append(f"{name} {noun.group()}" if noun and belongs else name)
    return found


def _is_shouted(word: str) -> bool:
    """Whether it is written as "US" is, which is no pronoun then."""
    return word.isupper() and len(word) > 1
