"""Mail: the newest text of a message, and what its headers say of it."""

from __future__ import annotations

import base64
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.formats.extracted import Extracted, Fact
from ingest.formats.mail import extract
from rag.errors import SourceError

TITLE = {"title": Fact("News", "mail Subject")}


def mail(
    body: str | bytes, headers: str = "", kind: str = "text/plain; charset=utf-8", subject: str = "News"
) -> bytes:
    body = body.encode() if isinstance(body, str) else body
    return f"Subject: {subject}\n{headers}MIME-Version: 1.0\nContent-Type: {kind}\n\n".encode() + body


def multipart(kind: str, *parts: str) -> tuple[str, str]:
    """A body of parts, each with its headers, and its type."""
    body = "".join(f"--=B{kind}\n{part}\n" for part in parts) + f"--=B{kind}--\n"
    return body, f'multipart/{kind}; boundary="=B{kind}"'


def part(kind: str, text: str, headers: str = "") -> str:
    return f"Content-Type: {kind}; charset=utf-8\n{headers}\n{text}"


def test_a_newsletter_is_its_text_and_its_headers() -> None:
    headers = (
        "From: =?utf-8?q?J=C3=B6rg_H=C3=A4n=C3=9Fler?= <tide@courier.example>\n"
        "Date: Tue, 10 Apr 2019 00:30:00 +0200\nContent-Language: en-GB\n"
        'List-Id: "The Morning Tide" <tide.courier.example>\nList-Archive: <https://courier.example/all>\n'
        "Archived-At: <https://courier.example/2019/anchor>\n"
    )
    assert extract(mail("A dredger has lifted an anchor.\r\n\r\n\r\n\r\nIt weighs eleven tonnes. \r\n", headers, subject="=?utf-8?b?w4Ru?=\n =?utf-8?q?ker?=")) == Extracted(
        "A dredger has lifted an anchor.\n\nIt weighs eleven tonnes.",
        {
            "title": Fact("Änker", "mail Subject"),
            "author": Fact("Jörg Hänßler", "mail From"),
            "published": Fact(date(2019, 4, 10), "mail Date"),  # the ninth in UTC
            "source": Fact("The Morning Tide", "mail List-Id"),
            "language": Fact("en-GB", "mail Content-Language"),
            "url": Fact("https://courier.example/2019/anchor", "mail Archived-At"),
        },
    )  # fmt: skip


@pytest.mark.parametrize(
    ("headers", "facts"),
    [
        ("From: press@tresk.example\n", {}),
        ('From: "press@tresk.example" <press@tresk.example>\n', {}),
        ("Date: yesterday\n", {}),
        ("Date: Thu, 1 Jan 1970 00:00:00 +0000\n", {}),
        ("List-Id: <tide.courier.example>\n", {}),
        ("List-Archive: <https://courier.example/all>\n", {}),
        ("Archived-At: <mailto:x@courier.example>\n", {}),
        (
            "From: Ida Morell <i@x.example>, Jo Ng <j@x.example>\n",
            {"author": Fact("Ida Morell; Jo Ng", "mail From")},
        ),
        ("From: =?no-such?q?Ida?= <i@x.example\n", {"author": Fact("Ida", "mail From")}),
    ],
)
def test_only_a_header_that_says_something_is_a_fact(headers: str, facts: dict[str, Fact]) -> None:
    assert extract(mail("Words.", headers)).facts == TITLE | facts


PLAIN, PAGE = (
    part("text/plain", "The ovens are lit at three."),
    part("text/html", "<h1>Ovens</h1><p>The ovens are lit <b>at three</b>.</p>"),
)


def test_of_alternatives_the_plain_one_is_read_once() -> None:
    assert (
        extract(mail(*_swapped(multipart("alternative", PLAIN, PAGE)))).text == "The ovens are lit at three."
    )


def test_the_page_is_read_where_the_plain_text_only_says_that_there_is_one() -> None:
    stub = part("text/plain", "Your program cannot show this message.")
    page = part(
        "text/html",
        "<style>p {}</style>" + "<p>The ovens are lit at three in all seven bakeries of the town.</p>" * 3,
    )
    text = "\n\n".join(["The ovens are lit at three in all seven bakeries of the town."] * 3)
    assert extract(mail(*_swapped(multipart("alternative", stub, page)))).text == text


def _swapped(made: tuple[str, str]) -> tuple[str, str, str]:
    return made[0], "", made[1]


def test_a_page_is_read_without_its_layout_and_what_it_says_of_itself() -> None:
    page = (
        "<div style='display:none'>Preview</div><table><tr><td>View in browser</td></tr><tr><td><h1>Anchor "
        "found</h1>"
        "<p>See <a href='x'>the museum</a>.</p><ol><li>One</li><li>Two</li></ol>"
        "<table><tr><td>Herrings</td><td>3</td></tr><tr><td>Tonnes</td><td>11</td></tr></table></td></tr>"
        "<tr><td>You are receiving this email because you signed up.<br>Unsubscribe<img "
        "src='t.gif'></td></tr></table>"
    )
    assert extract(mail(page, kind="text/html; charset=utf-8")).text == (
        "Anchor found\n\nSee the museum.\n\n1. One\n2. Two\n\nHerrings | 3\nTonnes | 11"
    )


@pytest.mark.parametrize(
    ("characters", "text"), [(200, "{} | 3\nTonnes | 11"), (201, "{}\n\n3\n\nTonnes\n\n11")]
)
def test_a_cell_of_more_than_200_characters_is_a_column_of_the_layout(characters: int, text: str) -> None:
    cell = ("Herrings were sold. " * 20)[: characters - 1] + "."
    rows = f"<tr><td>{cell}</td><td>3</td></tr><tr><td>Tonnes</td><td>11</td></tr>"
    page = f"<p>The catch.</p><table>{rows}</table>"
    assert extract(mail(page, kind="text/html; charset=utf-8")).text == f"The catch.\n\n{text.format(cell)}"


def test_attachments_are_named_and_pictures_of_the_page_are_not() -> None:
    picture = "Content-Type: image/png\nContent-ID: <a>\n\nx"
    body, kind = multipart("related", PAGE, picture)
    attached = part("text/plain", "Not read.", 'Content-Disposition: attachment; filename="notes.txt"\n')
    calendar = "Content-Type: text/calendar\n\nBEGIN:VCALENDAR"
    body, kind = multipart("mixed", f"Content-Type: {kind}\n\n{body}", attached, calendar)
    found = extract(mail(body, kind=kind))
    assert found.text == "Ovens\n\nThe ovens are lit at three."
    assert found.warnings == ("attachments were left out: notes.txt, text/calendar",)


@pytest.mark.parametrize(
    ("headers", "body", "text"),
    [
        pytest.param("In-Reply-To: <a@x>\n", "It sails.\n\nOn Wed, 4 May 2016, Ida\n<i@x.example> wrote:\n> It does not sail.\n>> Why?\n", "It sails.", id="quoted below"),
        pytest.param("In-Reply-To: <a@x>\n", "> Does it?\nIt does.\n> When?\nOn Sunday.", "It does.\nOn Sunday.", id="answered between"),
        pytest.param("In-Reply-To: <a@x>\n", "It sails.\n\n-----Original Message-----\nFrom: Ida\nSent: Wed\n\nIt does not.", "It sails.", id="Outlook"),
        pytest.param("In-Reply-To: <a@x>\n", "Er fährt.\n\nAm 4. Mai 2016 schrieb Ida Morell:\nEr fährt nicht.", "Er fährt.", id="not marked"),
        pytest.param("", "> Read on\n\nThe anchor is old.", "> Read on\n\nThe anchor is old.", id="an arrow in a newsletter"),
        pytest.param("", "It sails.\n\n-- \nThe press office\nTo leave write to x@y.example", "It sails.", id="a signature"),
        pytest.param("", "It sails.\n--\n" + "Line of the text.\n" * 20, "It sails.\n--\n" + "\n".join(["Line of the text."] * 20), id="a rule"),
        pytest.param("", "It sails.\n--\n" + "A line.\n" * 11 + "The last.", "It sails.", id="a signature of twelve lines"),
        pytest.param("", "It sails.\n--\n" + "A line.\n" * 12 + "The last.", "It sails.\n--\n" + "A line.\n" * 12 + "The last.", id="a rule above thirteen lines"),
        pytest.param("", "View this email in your browser\n\nIt sails.\n\nYou are receiving this newsletter because you asked.\n\nUnsubscribe", "It sails.", id="notices"),
        pytest.param("", "The members may unsubscribe from the list, the mayor said, but not from the town.", "The members may unsubscribe from the list, the mayor said, but not from the town.", id="no notice"),
    ],
)  # fmt: skip
def test_the_newest_text_is_kept(headers: str, body: str, text: str) -> None:
    assert extract(mail(body, headers)) == Extracted(text, TITLE)


def test_quotations_that_a_page_marks_are_left_out_of_a_reply() -> None:
    page = "<p>It sails.</p><div class='gmail_quote'><p>It does not.</p></div>Soon.<blockquote type='cite'>No.</blockquote>"
    assert extract(mail(page, "In-Reply-To: <a@x>\n", "text/html")).text == "It sails.\n\nSoon."


def test_a_message_that_is_passed_on_is_what_it_passes_on_and_not_from_its_sender() -> None:
    body = (
        "See below.\n\n---------- Forwarded message ---------\nFrom: The Courier <c@x.example>\nDate: Mon, 1 "
        "Jan 2024\n"
        "Subject: Anchor\nTo: <me@x.example>\n\nA dredger has lifted an anchor."
    )
    headers = "From: Jo Ng <j@x.example>\nDate: Fri, 5 Jan 2024 10:00:00 +0000\n"
    assert extract(mail(body, headers, subject="Fwd: Anchor found")) == Extracted(
        "See below.\n\nA dredger has lifted an anchor.",
        {"title": Fact("Anchor found", "mail Subject")},
        warnings=("it was forwarded: its author and its date are not taken from the headers",),
    )


@pytest.mark.parametrize(
    ("charset", "data", "text"),
    [
        ("utf-8", "Störche".encode(), "Störche"),
        ("us-ascii", "Störche".encode(), "Störche"),
        ("iso-8859-1", "Störche".encode(), "Störche"),
        ("iso-8859-1", "“Störche”".encode("cp1252"), "“Störche”"),
        ("utf-8", "Störche sind da".encode("cp1252"), "Störche sind da"),
        ("no-such-charset", "Störche".encode(), "Störche"),
        ("iso-2022-jp", "イラン".encode("iso-2022-jp"), "イラン"),
        ("gb2312", "朱镕基说".encode("gb18030"), "朱镕基说"),
        ("koi8-r", "Иран".encode("koi8-r"), "Иран"),
    ],
)
@pytest.mark.parametrize("coding", ["8bit", "base64", "quoted-printable"])
def test_the_encoding_that_fits_is_used(charset: str, data: bytes, text: str, coding: str) -> None:
    if coding == "base64":
        data = base64.b64encode(data)
    elif coding == "quoted-printable":
        data = b"".join(b"=%02X" % byte for byte in data)
    found = extract(mail(data, f"Content-Transfer-Encoding: {coding}\n", f"text/plain; charset={charset}"))
    assert found.text == text


def test_japanese_without_a_stated_encoding_is_read() -> None:
    assert extract(b"Subject: x\n\n" + "イランが攻撃".encode("iso-2022-jp")).text == "イランが攻撃"


def test_flowed_lines_are_joined_again() -> None:
    flowed = "The box stands \nbeside the hut. \n\n From here it is far. \nAnd\nnot.\n> quoted \n> more\n"
    text = "The box stands beside the hut.\n\nFrom here it is far. And\nnot.\n> quoted more"
    assert extract(mail(flowed, kind="text/plain; charset=utf-8; format=flowed")).text == text
    broken = extract(mail("伊 \n朗", kind="text/plain; charset=utf-8; format=flowed; delsp=yes")).text
    assert broken == "伊朗"


def nested(depth: int) -> bytes:
    body, kind = "Words.", "text/plain"
    for level in range(depth):
        body, kind = (
            f"--={level}\nContent-Type: {kind}\n\n{body}\n--={level}--\n",
            f'multipart/mixed; boundary="={level}"',
        )
    return mail(body, kind=kind)


def test_twenty_parts_within_parts_are_read() -> None:
    assert extract(nested(20)).text == "Words."


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        pytest.param(b"", "it has no mail headers", id="nothing"),
        pytest.param(b"Only words.\n", "it has no mail headers", id="a text"),
        pytest.param(mail("  \n"), "it contains no words of its own", id="an empty message"),
        pytest.param(mail("", kind="text/html"), "it contains no words of its own", id="an empty page"),
        pytest.param(
            mail("> Why?\n", "In-Reply-To: <a@x>\n"),
            "it contains no words of its own",
            id="nothing but a quotation",
        ),
        pytest.param(mail("x", kind="application/pkcs7-mime"), "it is encrypted", id="S/MIME"),
        pytest.param(
            mail("x", kind='application/pdf; name="a.pdf"'),
            "only attachments (a.pdf)",
            id="an attachment alone",
        ),
        pytest.param(nested(21), "nested too deeply", id="nested"),
        pytest.param(nested(3_000), "", id="nested beyond the parser"),
    ],
)
def test_what_cannot_be_read_is_refused_in_a_sentence(data: bytes, complaint: str) -> None:
    with pytest.raises(SourceError) as refused:
        extract(data)
    assert complaint in str(refused.value)


VALID = mail(
    multipart("mixed", PLAIN, PAGE, part("text/plain", "T25l", "Content-Transfer-Encoding: base64\n"))[0],
    "From: =?utf-8?q?J=C3=B6rg?= <j@x.example>\nDate: Tue, 10 Apr 2019 00:30:00 +0200\nList-Id: Tide <t.x>\n",
    'multipart/mixed; boundary="=Bmixed"',
)


@given(
    st.integers(0, len(VALID) - 1),
    st.sampled_from(["flip", "cut", "insert", "end"]),
    st.binary(min_size=1, max_size=12),
)
@settings(derandomize=True, deadline=None, database=None, max_examples=40)
def test_a_damaged_file_is_read_or_refused(at: int, how: str, noise: bytes) -> None:
    damaged = {
        "flip": VALID[:at] + noise + VALID[at + len(noise) :],
        "cut": VALID[:at] + VALID[at + len(noise) :],
        "insert": VALID[:at] + noise + VALID[at:],
        "end": VALID[:at],
    }[how]
    try:
        found = extract(damaged)
    except SourceError:
        return
    assert found.text == found.text.strip() != ""
