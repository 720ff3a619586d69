"""E-books: the chapters in the order they are read in, and what the package says of the book."""

from __future__ import annotations

import zipfile
from datetime import date
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.formats.epub import extract
from ingest.formats.extracted import Extracted, Fact
from ingest.formats.packed import member_named, members, open_zip, read_member
from rag.errors import SourceError

CONTAINER = (
    "<container xmlns='urn:oasis:names:tc:opendocument:xmlns:container'><rootfiles>"
    "<rootfile full-path='OEBPS/book.opf' "
    "media-type='application/oebps-package+xml'/></rootfiles></container>"
)


def package(metadata: str, chapters: str, spine: str, more: str = "") -> str:
    return (
        "<package xmlns='http://www.idpf.org/2007/opf' xmlns:opf='http://www.idpf.org/2007/opf' "
        "version='3.0'>"
        f"<metadata xmlns:dc='http://purl.org/dc/elements/1.1/'>{metadata}</metadata>"
        f"<manifest>{chapters}</manifest><spine>{spine}</spine>{more}</package>"
    )


def item(name: str, properties: str = "") -> str:
    return f"<item id='{name}' href='text/{name}.xhtml' media-type='application/xhtml+xml' properties='{properties}'/>"


def page(body: str) -> str:
    return f"<?xml version='1.0'?><html xmlns='http://www.w3.org/1999/xhtml' xmlns:epub='http://www.idpf.org/2007/ops'><head><title>T</title><style>p {{}}</style></head><body>{body}</body></html>"


def zipped(members: dict[str, str | bytes]) -> bytes:
    out = BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, content in members.items():
            opened.writestr(name, content)
    return out.getvalue()


def book(
    body: str = "<p>Words.</p>", metadata: str = "", more: dict[str, str | bytes] | None = None
) -> bytes:
    """A book of one chapter."""
    opf = package(metadata, item("a"), "<itemref idref='a'/>")
    return zipped(
        {
            "META-INF/container.xml": CONTAINER,
            "OEBPS/book.opf": opf,
            "OEBPS/text/a.xhtml": page(body),
            **(more or {}),
        }
    )


def test_chapters_follow_the_spine_and_contents_lists_are_left_out() -> None:
    opf = package(
        "<dc:title>The drying river</dc:title><dc:creator>Ines Sorley</dc:creator><dc:creator>Pim "
        "Soulsby</dc:creator>"
        "<dc:date>2013-09-14</dc:date><dc:language>en-GB</dc:language><dc:publisher>Meridian "
        "Review</dc:publisher>",
        "".join((item("nav", "nav"), item("toc"), item("z"), item("a"), item("side"))),
        "".join(f"<itemref idref='{name}'/>" for name in ("nav", "toc", "z", "a", "missing"))
        + "<itemref idref='side' linear='no'/>",
        "<guide><reference type='toc' href='text/toc.xhtml'/></guide>",
    )
    chapters = {
        name: page(f"<h1>Chapter {name}</h1><p>It says {name}.</p>")
        for name in ("nav", "toc", "z", "a", "side")
    }
    members = {f"OEBPS/text/{name}.xhtml": content for name, content in chapters.items()}
    assert extract(
        zipped({"META-INF/container.xml": CONTAINER, "OEBPS/book.opf": opf, **members})
    ) == Extracted(
        "Chapter z\n\nIt says z.\n\nChapter a\n\nIt says a.",
        {
            "title": Fact("The drying river", "EPUB title"),
            "author": Fact("Ines Sorley, Pim Soulsby", "EPUB author"),
            "language": Fact("en-GB", "EPUB language"),
            "source": Fact("Meridian Review", "EPUB publisher"),
            "published": Fact(date(2013, 9, 14), "EPUB date"),
        },
    )


@pytest.mark.parametrize(
    ("body", "text"),
    [
        pytest.param("<p>One\n  line</p><div>Another<br/>line</div>", "One line\n\nAnother\nline", id="paragraphs"),
        pytest.param("<p>Iran&nbsp;&ndash; &amp; the &lsquo;rest&rsquo;</p>", "Iran – & the ‘rest’", id="characters with names"),
        pytest.param("<ul><li>a</li><li><p>b</p><p>c</p></li></ul><p>d</p>", "- a\n- b\n  c\n\nd", id="a list"),
        pytest.param("<ol start='3'><li>a<ul><li>b</li></ul></li><li>c</li></ol>", "3. a\n  - b\n4. c", id="lists in lists"),
        pytest.param("<table><caption>Ships</caption><tr><th>Port</th><th>No.</th></tr><tr><td>Tresk</td><td/></tr></table>", "Ships\n\nPort | No.\nTresk |", id="a table"),
        pytest.param("<table><tr><td><p>One.</p><ul><li>Two.</li></ul></td><td>Three.</td></tr></table>", "One.\n\n- Two.\n\nThree.", id="a table for layout"),
        pytest.param("<nav>Menu</nav><script>no()</script><p>Yes<!-- no -->, sir.</p><p hidden='hidden'>No</p>", "Yes, sir.", id="what is no text"),
        pytest.param("<p>war<a epub:type='noteref' href='#n'>3</a>.</p><aside epub:type='footnote'>Note</aside>", "war.", id="a footnote"),
        pytest.param("<p>gov&shy;ernment <ruby>漢<rt>kan</rt></ruby></p>", "government 漢", id="soft hyphens and ruby"),
        pytest.param("<pre>one\n  two</pre>", "one\n  two", id="kept lines"),
        pytest.param("<p>An <b>unclosed<p>tag", "An unclosed\n\ntag", id="not well formed"),
        pytest.param("<p>" + "<i>" * 120 + "deep" + "</i>" * 120 + "</p>", "deep", id="nested deeply"),
    ],
)  # fmt: skip
def test_a_chapter_reads_as_it_looks(body: str, text: str) -> None:
    assert extract(book(body)) == Extracted(text)


OPF_EVENT = "<dc:date opf:event='{}'>{}</dc:date>"


@pytest.mark.parametrize(
    ("metadata", "facts"),
    [
        (OPF_EVENT.format("modification", "2020-01-01") + OPF_EVENT.format("publication", "2013-09-14"), {"published": Fact(date(2013, 9, 14), "EPUB date")}),
        (OPF_EVENT.format("modification", "2020-01-01"), {}),
        ("<meta property='dcterms:modified'>2020-01-01T00:00:00Z</meta>", {}),
        ("<dc:date>2013</dc:date>", {}),
        ("<dc:date>2013-09</dc:date>", {}),
        ("<dc:date>0101-01-01T00:00:00+00:00</dc:date>", {}),
        ("<dc:date>2013-09-14T23:30:00-05:00</dc:date>", {"published": Fact(date(2013, 9, 14), "EPUB date")}),
        ("<dc:creator opf:role='ill'>B</dc:creator><dc:creator opf:role='aut'>A</dc:creator>", {"author": Fact("A", "EPUB author")}),
        ("<dc:creator id='c'>B</dc:creator><meta refines='#c' property='role'>trl</meta><dc:creator>A</dc:creator>", {"author": Fact("A", "EPUB author")}),
        ("<dc:language>und</dc:language><dc:title> </dc:title>", {}),
        ("<dc:title>A\n  &amp; B</dc:title><dc:title>C</dc:title>", {"title": Fact("A & B", "EPUB title")}),
    ],
)  # fmt: skip
def test_the_package_says_who_and_when(metadata: str, facts: dict[str, Fact]) -> None:
    assert extract(book(metadata=metadata)).facts == facts


def test_a_missing_chapter_is_a_warning() -> None:
    opf = package("", item("a") + item("b"), "<itemref idref='a'/><itemref idref='b'/>")
    members = {
        "META-INF/container.xml": CONTAINER,
        "OEBPS/book.opf": opf,
        "OEBPS/text/a.xhtml": page("<p>Words.</p>"),
    }
    assert extract(zipped(members)) == Extracted(
        "Words.", warnings=("the chapter 'OEBPS/text/b.xhtml' is missing",)
    )


ENCRYPTION = (
    "<encryption xmlns='urn:oasis:names:tc:opendocument:xmlns:container' "
    "xmlns:e='http://www.w3.org/2001/04/xmlenc#'>"
    "<e:EncryptedData><e:EncryptionMethod Algorithm='{}'/></e:EncryptedData></encryption>"
)


def test_fonts_may_be_hidden_but_chapters_may_not() -> None:
    fonts = ENCRYPTION.format("http://www.idpf.org/2008/embedding")
    assert extract(book(more={"META-INF/encryption.xml": fonts})).text == "Words."
    locked = ENCRYPTION.format("http://www.w3.org/2001/04/xmlenc#aes128-cbc")
    with pytest.raises(SourceError, match="it is protected against copying"):
        extract(book(more={"META-INF/encryption.xml": locked}))


def test_no_entity_is_expanded_and_no_file_is_read() -> None:
    bomb = "<!DOCTYPE html [<!ENTITY a 'ha'><!ENTITY b '&a;&a;&a;'><!ENTITY f SYSTEM 'file:///etc/passwd'>]>"
    chapter = page("<p>x&b;&f;y</p>").replace("<html", bomb + "<html", 1)
    assert extract(book(more={"OEBPS/text/a.xhtml": chapter})).text == "xy"


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        pytest.param(b"", "it is not a whole zip file", id="nothing"),
        pytest.param(zipped({"a.txt": "Words."}), "it is not an e-book (EPUB)", id="another zip file"),
        pytest.param(zipped({"META-INF/container.xml": "<container/>"}), "where its contents are listed", id="an empty container"),
        pytest.param(zipped({"META-INF/container.xml": CONTAINER}), "it has no 'OEBPS/book.opf'", id="no package"),
        pytest.param(zipped({"META-INF/container.xml": CONTAINER, "OEBPS/book.opf": "<package>"}), "'OEBPS/book.opf' in it cannot be read", id="half a package"),
        pytest.param(book("<p> <img src='scan.png'/></p>"), "it contains no words", id="pictures"),
        pytest.param(book(more={"../../etc/a": "a"}), "whose place is outside the archive", id="a path outside"),
        pytest.param(book(more={"OEBPS/text/a.xhtml": bytes(30_000_000)}), "which suggests a file made to do harm", id="a bomb"),
        pytest.param(book()[:-80], "it is not a whole zip file", id="cut off"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_in_a_sentence(data: bytes, complaint: str) -> None:
    with pytest.raises(SourceError) as refused:
        extract(data)
    assert complaint in str(refused.value)


def test_members_are_read_within_bounds_by_name_and_only_if_they_can_be_counted() -> None:
    data = zipped({"b.txt": "Words.", "a/": "", "a/c.txt": "More.", "../d.txt": "Out."})
    with pytest.raises(SourceError, match="whose place is outside the archive"), open_zip(data):
        pass
    with open_zip(data, inside_only=False) as opened:
        assert [info.filename for info in members(opened)] == ["../d.txt", "a/c.txt", "b.txt"]
        assert read_member(opened, member_named(opened, "b.txt"), 6) == b"Words."
        with pytest.raises(SourceError, match="unpacks to more than 5 bytes"):
            read_member(opened, member_named(opened, "b.txt"), 5)
        with pytest.raises(SourceError, match="contains no file named 'e'"):
            member_named(opened, "e")


def test_members_with_a_password_or_in_another_packing_are_refused() -> None:
    out = BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_BZIP2) as written:
        written.writestr("a.txt", "Words.")
    with open_zip(out.getvalue()) as opened:
        info = member_named(opened, "a.txt")
        with pytest.raises(SourceError, match="packed in an unusual way"):
            read_member(opened, info, 100)
        info.flag_bits |= 1
        with pytest.raises(SourceError, match="has a password"):
            read_member(opened, info, 100)


CHAPTER = "<h1>One</h1><p>It &amp; that.</p><ul><li>a</li></ul><table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>"
MEMBERS = {
    "META-INF/container.xml": CONTAINER,
    "OEBPS/book.opf": package(
        "<dc:title>T</dc:title><dc:date>2013-09-14</dc:date>", item("a"), "<itemref idref='a'/>"
    ),
    "OEBPS/text/a.xhtml": page(CHAPTER),
}
VALID = zipped({**MEMBERS})


@given(
    st.floats(0, 1),
    st.sampled_from(["", *MEMBERS]),
    st.sampled_from(["flip", "cut", "insert"]),
    st.binary(min_size=1, max_size=12),
)
@settings(derandomize=True, deadline=None, database=None, max_examples=40)
def test_a_damaged_file_is_read_or_refused(where: float, member: str, how: str, noise: bytes) -> None:
    whole = MEMBERS[member].encode() if member else VALID
    at = int(where * len(whole))
    damaged = (
        whole[:at] + (b"" if how == "cut" else noise) + whole[at + (0 if how == "insert" else len(noise)) :]
    )
    try:
        found = extract(zipped({**MEMBERS, member: damaged}) if member else damaged)
    except SourceError:
        return
    assert found.text == found.text.strip() != ""
