"""The exact words that a model's reply quotes: in whatever form they are written they become claims, and never
a sentence; a sentence that merely has a quotation in it keeps that.
"""

from __future__ import annotations

import time

import pytest
from conftest import ScriptedModel, article, evidence
from hypothesis import given, settings
from hypothesis import strategies as st
from judging import WordJudge

from rag.answer.drafts import ReplyReader, drafts_of
from rag.answer.generate import Generative
from rag.answer.reply import Reply, Stopwatch
from rag.types import Abstention, DraftSentence, Sentence, Support

FELL = "Profit at Norvik fell by three per cent in May. Costs rose by a third in the same month."
WAR = "The minister said: “We will not go to war,” and left. It was a long day in Oslo."
TEXTS = [FELL, WAR]

Claims = list[tuple[int, str | None]]


def read(reply: str, texts: list[str] = TEXTS) -> list[tuple[str, Claims]]:
    drafts = drafts_of(reply, texts, quoting=True)
    return [(draft.text, [(claim.number, claim.quote) for claim in draft.claims]) for draft in drafts]


def streamed(reply: str, cuts: list[int], texts: list[str] = TEXTS) -> list[DraftSentence]:
    reader = ReplyReader(texts, quoting=True)
    pieces = [reply[a:b] for a, b in zip([0, *cuts], [*cuts, len(reply)], strict=True)]
    return [*(draft for piece in pieces for draft in reader.feed(piece)), *reader.close()]


QUOTED: Claims = [(1, "fell by three per cent")]

BESIDE = [
    'Sales shrank by 3 %. [1: "fell by three per cent"]',
    "Sales shrank by 3 %. [1: “fell by three per cent”]",
    "Sales shrank by 3 %. [1: „fell by three per cent“]",
    "Sales shrank by 3 %. [1: 'fell by three per cent']",
    "Sales shrank by 3 %. [1: fell by three per cent]",
    'Sales shrank by 3 %. [1, "fell by three per cent"]',
    'Sales shrank by 3 %. [1 "fell by three per cent"]',
    'Sales shrank by 3 %. [passage 1: "fell by three per cent."]',
    'Sales shrank by 3 % [1: "fell by three per cent"].',
    'Sales shrank by 3 %. 【1: "fell by three per cent"】',
    'Sales shrank by 3 %. (1: "fell by three per cent")',
    'Sales shrank by 3 % (passage 1: "fell by three per cent").',
    'Sales shrank by 3 % ("fell by three per cent", passage 1).',
    'Sales shrank by 3 %. ["fell by three per cent" 1]',
    'Sales shrank by 3 %. [1] "fell by three per cent"',
    'Sales shrank by 3 %. [1]: "fell by three per cent"',
    'Sales shrank by 3 %. [1] "fell by three per cent".',
    'Sales shrank by 3 % [1] "fell by three per cent".',
    'Sales shrank by 3 %. "fell by three per cent" [1]',
    'Sales shrank by 3 %. [1] ("fell by three per cent")',
    'Sales shrank by 3 %. ("fell by three per cent") [1]',
    'Sales shrank by 3 %. [1] Quote: "fell by three per cent"',
]
BENEATH = [
    'Sales shrank by 3 %. [1]\n"fell by three per cent"',
    'Sales shrank by 3 %.\n"fell by three per cent" [1]',
    "Sales shrank by 3 %. [1]\nExact words: “fell by three per cent.”",
    'Sales shrank by 3 %. [1]\n\n"fell by three per cent"',
    "Sales shrank by 3 %. [1]\n\n> fell by three per cent",
    'Sales shrank by 3 %. [1]\n\n> "fell by three per cent"',
    "Sales shrank by 3 %.\n\n> fell by three per cent [1]",
    'Sales shrank by 3 %. [1]\n\n- "fell by three per cent"',
]


@pytest.mark.parametrize("form", BESIDE + BENEATH)
def test_the_words_a_sentence_rests_on_are_its_claim_and_not_its_text(form: str) -> None:
    expected = [("Sales shrank by 3 %.", QUOTED)]
    assert read(form) == expected
    between = " " if form in BESIDE else "\n\n"
    then = read(f"{form}{between}The day was long there. [2]")
    assert then == [*expected, ("The day was long there.", [(2, None)])]
    before = read(f"The day was long there. [2]\n\n{form}")
    assert before == [("The day was long there.", [(2, None)]), *expected]


@pytest.mark.parametrize("size", [1, 3, 11])
def test_quotes_in_pieces_make_the_same_drafts(size: int) -> None:
    for reply in [*BESIDE, *BENEATH, *LONG, *LISTS, *PLAIN]:
        whole = drafts_of(reply, TEXTS, quoting=True)
        assert streamed(reply, list(range(size, len(reply), size))) == whole, reply


def test_several_quotes_of_one_sentence() -> None:
    two = [(1, "fell by three per cent"), (2, "We will not go to war")]
    for reply in (
        'It shrank. [1: "fell by three per cent"; 2: "We will not go to war"]',
        'It shrank. [1: "fell by three per cent"] [2: "We will not go to war"]',
        "It shrank. [1, 2]\n\n> fell by three per cent\n>\n> We will not go to war",
    ):
        assert read(reply) == [("It shrank.", two)], reply


def test_a_quote_of_a_page_is_none() -> None:
    for size, found in ((90, True), (110, False)):
        long = "It rained on. " * size
        reply = f'It rained. [1: "{long.strip()[: 10 * size]}"]'
        assert (len(read(reply, [long])) == 1) is found


TWO = "three per cent in May. Costs rose by a third"
LINES = TWO.replace(". ", ".\n")
LONG = [
    *(
        f"It shrank. [1: {quote}] The day was long there. [2]"
        for quote in (f'"{TWO}"', f"“{TWO}.”", TWO, f'"{LINES}"', LINES)
    ),
    *(f'It shrank. [1] "{quote}." The day was long there. [2]' for quote in (TWO, LINES)),
]


@pytest.mark.parametrize("reply", LONG)
def test_a_quote_of_two_sentences_is_one(reply: str) -> None:
    assert read(reply) == [("It shrank.", [(1, TWO)]), ("The day was long there.", [(2, None)])]


def test_a_quote_with_a_bracket_in_it() -> None:
    text = "Norvik said [on Monday] that profit fell."
    quote = "said [on Monday] that profit fell"
    assert read(f"It shrank. [1: {quote}]", [text]) == [("It shrank.", [(1, quote)])]


def test_a_quote_with_a_quotation_in_it_and_one_that_leaves_words_out() -> None:
    assert read('He wants no war. [2: "said: "We will not go to war," and left"]') == [
        ("He wants no war.", [(2, "said: “We will not go to war,” and left")])
    ]
    assert read('It shrank. [1: "Profit … fell by three per cent"]') == [
        ("It shrank.", [(1, "Profit at Norvik fell by three per cent")])
    ]


@pytest.mark.parametrize(
    ("reply", "claims"),
    [
        ('It shrank. [1: "fell by four per cent"]', [(1, None)]),
        ('It shrank. [1: "rose by three per cent"]', [(1, None)]),
        ("It shrank. [1]\n\n> Profit fell sharply.", [(1, None)]),
        ('It shrank. [1: "fell by"]', [(1, None)]),
        ('It shrank. [1: "fell by three"]', [(1, "fell by three")]),
        ('It shrank. [2: "fell by three per cent"]', [(1, "fell by three per cent"), (2, None)]),
        ('It shrank. [9: "fell by three per cent"]', [(1, "fell by three per cent"), (9, None)]),
        ('It shrank. "fell by three per cent"', [(1, "fell by three per cent")]),
    ],
)
def test_a_quote_that_no_passage_has_is_dropped_and_one_of_another_passage_is_corrected(
    reply: str, claims: Claims
) -> None:
    assert read(reply) == [("It shrank.", claims)]


PLAIN = {
    "The minister said “we will not go to war” in Oslo. [2]": ["The minister said “we will not go to war” in Oslo."],
    'The minister said: "We will not go to war." [2]': ['The minister said: "We will not go to war."'],
    'The minister said [2] "we will not go to war".': ['The minister said "we will not go to war".'],
    "The minister was clear. “We will not go to war,” he said. [2]": [
        "The minister was clear.",
        "“We will not go to war,” he said.",
    ],
    'The speech ("We will not go to war") began at noon [2].': [
        'The speech ("We will not go to war") began at noon.'
    ],
    "It was clear. [2] “We will not go to war” Kirby said in Oslo.": [
        "It was clear.",
        "“We will not go to war” Kirby said in Oslo.",
    ],
    "“We will not go to war.” [2]": ["“We will not go to war.”"],
    "It was (in 2: all there was) a long day [2].": ["It was (in 2: all there was) a long day."],
    "It grew (12: a dozen) [2].": ["It grew (12: a dozen)."],
}  # fmt: skip


@pytest.mark.parametrize("reply", [reply for reply in PLAIN if not reply.startswith("“")])
def test_a_sentence_that_merely_has_a_quotation_keeps_it(reply: str) -> None:
    assert [text for text, _ in read(reply)] == PLAIN[reply]
    assert all(quote is None for _, claims in read(reply) for _, quote in claims)


def test_quotations_that_a_lead_in_announces_are_the_answer() -> None:
    expected = ["“We will not go to war,”", "“It was a long day.”"]
    for form in ("- {}\n- {}", "{} [2]\n{} [2]", "1. {}\n2. {}"):
        reply = "The minister said two things:\n\n" + form.format(*expected)
        assert [text for text, _ in read(reply)][1:] == expected


def test_a_quotation_that_stands_alone_and_is_in_no_passage_is_not_said() -> None:
    reply = 'Here is what they say:\n\n[2] "a sentence of passage 2"\n\n[2] "We will not go to war"'
    assert read(reply) == [('"We will not go to war"', [(2, "We will not go to war")])]
    assert [text for text, _ in read('He said one word:\n\n"Never." [2]')][1:] == ['"Never."']


# Quotes first.

NORVIK = "Profit at Norvik fell by three per cent"
BOTH = [("It shrank.", [(1, NORVIK)]), ("No war is planned.", [(2, "We will not go to war")])]
ANSWER = "It shrank. [1] No war is planned. [2]"
LISTS = [
    f'Quotes:\n[1] "{NORVIK}"\n[2] "We will not go to war"\n\nAnswer:\n{ANSWER}',
    f'Quotes:\n1. [1] "{NORVIK}"\n2. [2] "We will not go to war"\n\nAnswer: {ANSWER}',
    f"**Quotes:**\n\n- “{NORVIK}” [1]\n- “We will not go to war” [2]\n\n**Answer:**\n\n{ANSWER}",
    f"## Quotes\n> Passage 1: {NORVIK}\n> Passage 2: We will not go to war\n## Answer\n{ANSWER}",
    f'Here are the exact quotes that answer the question:\n[1] "{NORVIK}"\n[2] "We will not\ngo to war"\n---\n{ANSWER}',
    f'[1] "{NORVIK}"\n[2] "We will not go to war"\n\n{ANSWER}',
    f'Quotes: [1] "{NORVIK}"\n[2] "We will not go to war"\nFinal answer: {ANSWER}',
    f"Quotes:\n[1] {NORVIK}\n[2] We will not go to war\n\nAnswer:\n{ANSWER}",
    f'Quotes:\n[1] "{NORVIK}"\n[2] "We will not go to war"\n\n- It shrank. [1]\n- No war is planned. [2]',
    f'Quotes:\n[1] "{NORVIK}", so it shrank\n[2] "We will not go to war"\nAnswer:\n{ANSWER}',
]


@pytest.mark.parametrize("reply", LISTS)
def test_quotes_before_the_answer_are_what_its_numbers_mean_and_are_not_shown(reply: str) -> None:
    assert read(reply) == BOTH


def test_a_number_may_be_that_of_an_item_of_the_list() -> None:
    reply = f'Quotes:\n1. [2] "We will not go to war"\n2. [1] "{NORVIK}"\n\nAnswer:\nNo war is planned. [1]'
    assert read(reply) == [("No war is planned.", [(1, NORVIK), (2, "We will not go to war")])]


def test_a_listed_quote_that_no_passage_has_is_dropped() -> None:
    reply = "Quotes:\n[1] Profit fell by a half.\n[2] We will go to war.\n\nAnswer:\n" + ANSWER
    assert read(reply) == [("It shrank.", [(1, None)]), ("No war is planned.", [(2, None)])]
    reader = ReplyReader(TEXTS, quoting=True)
    assert len([*reader.feed(reply), *reader.close()]) == 2
    assert reader.quoted == (2, 0)


def test_a_reply_without_any_quote_is_the_answer() -> None:
    for reply in (
        ANSWER,
        f"Answer: {ANSWER}",
        f"**Answer:** {ANSWER}",
        f"Quotes: \n\nNone.\n\nAnswer: {ANSWER}",
    ):
        assert [text for text, _ in read(reply)] == ["It shrank.", "No war is planned."], reply


def test_words_of_an_article_without_quotation_marks_are_the_answer_where_there_is_no_other() -> None:
    first = FELL.partition(". ")[0] + "."
    assert [text for text, _ in read(f"Quotes:\n{first} [1]")] == [first]
    assert read(f'Quotes:\n[1] "{first}"') == []
    assert read(f"Quotes:\n{first} [1]\nAnswer:\nIt shrank. [1]") == [("It shrank.", [(1, first[:-1])])]


def test_quotes_behind_the_answer_are_not_shown_either() -> None:
    assert [text for text, _ in read(f"{ANSWER}\n\nQuotes:\n\n- {NORVIK}\n- We will not go to war")] == [
        "It shrank.",
        "No war is planned.",
    ]


# While it streams.


@pytest.mark.parametrize(
    ("so_far", "finished"),
    [
        ('It shrank a lot. [1: "fell by three per cent"] No war is pl', ["It shrank a lot."]),
        ('It shrank a lot. [1: "fell by three per ce', []),
        ('It shrank a lot. [1: "It fell by three per cent. It rose after that by far more than tha', []),
        ("It shrank a lot. [1] No war is p", []),  # not begun in earnest
        ("It shrank a lot. [1] No war is planned the", ["It shrank a lot."]),
        ('It shrank a lot. [1]\n\n"fell by three per cent', []),
        ("It shrank a lot. [1]\n\n> fell by three per cent", []),
        ("It shrank a lot. [1]\n\nNo war is planned there", ["It shrank a lot."]),
        ("12 people died. [1] No war is planned ther", ["12 people died."]),
        ("**Norvik** shrank. [1] No war is planned", ["Norvik shrank."]),
        ("“Norvik” shrank. [1] No war is planned ther", []),  # which may be a list of quotes
        ("1. Norvik shrank. [1] No war is planned there", []),
        ('Quotes:\n[1] "fell by three per cent"\n\nAnswer:\nIt shrank a lot. [1] No war is planned ', ["It shrank a lot."]),
        ('Quotes:\n[1] "fell by three per cent"\n', []),
    ],
)  # fmt: skip
def test_a_sentence_is_finished_when_no_quote_can_follow(so_far: str, finished: list[str]) -> None:
    given = ReplyReader(TEXTS, quoting=True).feed(so_far)
    assert [draft.text for draft in given] == finished


@settings(derandomize=True, deadline=None, database=None, max_examples=60)
@given(
    st.lists(st.sampled_from([*BESIDE, *BENEATH, *LONG, *LISTS, *PLAIN]), min_size=1, max_size=3),
    st.sampled_from(["\n", "\n\n", " "]),
    st.lists(st.integers(0, 600), max_size=12),
)
def test_wherever_quotes_are_cut_the_drafts_are_the_same(
    replies: list[str], between: str, places: list[int]
) -> None:
    reply = between.join(replies)
    cuts = sorted({place % (len(reply) + 1) for place in places})
    assert streamed(reply, cuts) == drafts_of(reply, TEXTS, quoting=True)


@pytest.mark.parametrize(
    "hostile", ["[1: ", '[1: "', "“", '("a b c") ', '"a b c" ', "Quote: ", "> ", "1. [1] "]
)
@pytest.mark.slow
def test_a_hostile_reply_costs_no_minute(hostile: str) -> None:
    began = time.process_time()
    reply = hostile * (10_000 // len(hostile))
    streamed(reply, list(range(17, len(reply), 17)))
    assert time.process_time() - began < 30


# What becomes of them.


def released(reply: str, prompt: str, *texts: str) -> list[Sentence]:
    found = evidence(*(article(text, id=str(n)) for n, text in enumerate(texts)))
    drafts = Generative(ScriptedModel(reply), window=8_192, max_tokens=700, prompt=prompt).draft(
        "Why?", found
    )
    return list(Reply(found, Stopwatch(), lambda: None, WordJudge()).release(drafts, ours=False))


@pytest.mark.parametrize("prompt", ["quotes", "quotes-first"])
def test_the_quote_is_what_is_cited(prompt: str) -> None:
    reply = 'Norvik fell in profit by three per cent. [1: "Profit at Norvik fell by three per cent"]'
    (sentence,) = released(reply, prompt, FELL, WAR)
    (citation,) = sentence.citations
    assert (sentence.text, citation.quote) == (
        "Norvik fell in profit by three per cent.",
        "Profit at Norvik fell by three per cent",
    )


def test_a_quote_that_does_not_carry_its_sentence_is_as_none() -> None:
    said = "In May profit at Norvik fell by three per cent."
    whole = FELL.partition(". ")[0] + "."
    for quote in ("Profit at Norvik fell", "It was a long day"):
        (sentence,) = released(f'{said} [1: "{quote}"]', "quotes", whole, WAR)
        assert [(c.quote, c.support) for c in sentence.citations] == [(whole, Support.SUPPORTED)]
    assert released('The king sang. [1: "fell by three per cent"]', "quotes", FELL, WAR) == []


@pytest.mark.parametrize(
    "said",
    [
        "The storm killed 12 people there in Bergen, and the Glomma river rose by 3 metres.",  # two claims
        "In Bergen the storm killed 12 people, and by 3 metres the river Glomma rose.",  # judged as one
    ],
)
def test_a_sentence_may_rest_on_two_quotes(said: str) -> None:
    storm = "The storm killed 12 people in Bergen on Friday."
    river = "By night the river Glomma rose by 3 metres."
    quotes = '[1: "The storm killed 12 people in Bergen"; 2: "the river Glomma rose by 3 metres"]'
    (sentence,) = released(f"{said} {quotes}", "quotes", storm, river)
    assert [c.quote for c in sentence.citations] == [
        "The storm killed 12 people in Bergen",
        "the river Glomma rose by 3 metres",
    ]


def test_without_a_prompt_for_quotes_a_quotation_is_part_of_what_is_said() -> None:
    reply = "The profit fell by three per cent. [1]\n\n> We will not go to war"
    texts = [sentence.text for sentence in released(reply, "numbers", FELL, WAR)]
    assert "We will not go to war" in texts
    assert "We will not go to war" not in [s.text for s in released(reply, "quotes", FELL, WAR)]


def test_declining_behind_a_list_without_quotes_is_an_abstention() -> None:
    model = ScriptedModel("Quotes:\nNone.\n\nAnswer:\nTHE ARTICLES DO NOT SAY")
    found = evidence(article(FELL))
    drafts = Generative(model, window=8_192, max_tokens=700, prompt="quotes-first").draft("Why?", found)
    assert list(drafts) == [Abstention.WEAK_EVIDENCE]
