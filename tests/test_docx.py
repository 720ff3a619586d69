"""Word documents: what a reader of the printed page sees, in its order, with all changes accepted."""

from __future__ import annotations

import re
import sys
import zipfile
from collections.abc import Callable
from io import BytesIO

import docx
import pytest
from docx.document import Document
from docx.enum.style import WD_STYLE_TYPE
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.formats.docx import extract
from ingest.formats.extracted import Extracted, Fact
from rag.errors import SourceError

LANGUAGE = {"language": Fact("en-US", "document language")}  # of the template that python-docx begins with


def saved(document: Document) -> bytes:
    out = BytesIO()
    document.save(out)
    return out.getvalue()


def written(write: Callable[[Document], object]) -> Extracted:
    document = docx.Document()
    write(document)
    return extract(saved(document))


def paragraph(inner: str) -> Callable[[Document], object]:
    """One paragraph made of this XML."""

    def write(document: Document) -> None:
        document.add_paragraph()._p.addnext(parse_xml(f"<w:p {nsdecls('w')}>{inner}</w:p>"))

    return write


def with_part(data: bytes, name: str, change: Callable[[str], str]) -> bytes:
    """The document with the XML of one part changed."""
    out = BytesIO()
    with zipfile.ZipFile(BytesIO(data)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for info in old.infolist():
            content = old.read(info)
            new.writestr(
                info.filename, change(content.decode()).encode() if info.filename == name else content
            )
    return out.getvalue()


def test_headings_lists_and_tables_stand_where_they_are_written() -> None:
    document = docx.Document()
    document.core_properties.title, document.core_properties.author = "Geese allowed", "Prudence Akeley"
    document.core_properties.language = "en-GB"
    document.add_heading("Allotments win right to keep geese", 0)
    document.add_paragraph("Plot holders may keep four geese.")
    document.add_heading("The conditions", 1)
    document.add_paragraph("Geese are indoors by eight.", style="List Bullet")
    document.add_paragraph("Eggs are not sold.", style="List Bullet")
    table = document.add_table(0, 3)
    for cells in (("Bank", "Plots", "Geese"), ("Gasworks", "41", ""), ("Upper", "12", "9")):
        for cell, text in zip(table.add_row().cells, cells, strict=True):
            cell.text = text
    document.add_paragraph("Ask first.", style="List Number")
    document.add_paragraph("Then buy.", style="List Number")
    document.add_paragraph("It ends here.")
    assert extract(saved(document)) == Extracted(
        "Allotments win right to keep geese\n\nPlot holders may keep four geese.\n\nThe conditions\n\n"
        "- Geese are indoors by eight.\n- Eggs are not sold.\n\n"
        "Bank | Plots | Geese\nGasworks | 41 |\nUpper | 12 | 9\n\n1. Ask first.\n2. Then buy.\n\nIt ends "
        "here.",
        {
            "title": Fact("Geese allowed", "document properties"),
            "author": Fact("Prudence Akeley", "document properties"),
            "language": Fact("en-GB", "document properties"),
        },
    )


RUN = "<w:r><w:t xml:space='preserve'>{}</w:t></w:r>"


@pytest.mark.parametrize(
    ("inner", "text"),
    [
        pytest.param(RUN.format("It is ") + "<w:del w:id='1' w:author='a'><w:r><w:delText>not </w:delText></w:r></w:del>" + RUN.format("true."), "It is true.", id="a deletion"),
        pytest.param(RUN.format("It is ") + "<w:ins w:id='1' w:author='a'>" + RUN.format("not ") + "</w:ins>" + RUN.format("true."), "It is not true.", id="an insertion"),
        pytest.param("<w:moveFrom w:id='1' w:author='a'>" + RUN.format("Gone. ") + "</w:moveFrom><w:moveTo w:id='2' w:author='a'>" + RUN.format("Here.") + "</w:moveTo>", "Here.", id="moved"),
        pytest.param(RUN.format("See ") + "<w:hyperlink w:anchor='x'>" + RUN.format("the survey") + "</w:hyperlink>" + RUN.format("."), "See the survey.", id="a link"),
        pytest.param("<w:r><w:rPr><w:vanish/></w:rPr><w:t>Hidden</w:t></w:r>" + RUN.format("Shown"), "Shown", id="hidden"),
        pytest.param("<w:r><w:rPr><w:vanish w:val='0'/></w:rPr><w:t>Shown</w:t></w:r>", "Shown", id="hidden no more"),
        pytest.param("<w:smartTag><w:sdt><w:sdtContent>" + RUN.format("In a control") + "</w:sdtContent></w:sdt></w:smartTag>", "In a control", id="a control"),
        pytest.param("<w:r><w:t>gov</w:t><w:softHyphen/><w:t>ern\u00adment</w:t></w:r>", "government", id="soft hyphens"),
        pytest.param("<w:r><w:t>a</w:t><w:tab/><w:t>b</w:t><w:br/><w:t>c\u00a0d</w:t></w:r>", "a b\nc d", id="tab, line break, no-break space"),
        pytest.param("<w:fldSimple w:instr='DATE'>" + RUN.format("4 May") + "</w:fldSimple>", "4 May", id="a field"),
        pytest.param("<w:r><w:instrText>HYPERLINK x</w:instrText></w:r>" + RUN.format("Shown"), "Shown", id="the code of a field"),
    ],
)  # fmt: skip
def test_a_paragraph_reads_as_it_is_printed(inner: str, text: str) -> None:
    assert written(paragraph(inner)) == Extracted(text, LANGUAGE)


def test_footnotes_are_left_out_with_a_warning() -> None:
    inner = RUN.format("Eggs") + "<w:r><w:footnoteReference w:id='2'/></w:r>" + RUN.format(" are not sold.")
    assert written(paragraph(inner)) == Extracted(
        "Eggs are not sold.", LANGUAGE, warnings=("1 footnote was left out",)
    )


def test_a_paragraph_whose_end_is_deleted_goes_on_in_the_next_one() -> None:
    def write(document: Document) -> None:
        first = document.add_paragraph("The boiler ")
        first._p.get_or_add_pPr().append(
            parse_xml(f"<w:rPr {nsdecls('w')}><w:del w:id='1' w:author='a'/></w:rPr>")
        )
        document.add_paragraph("cracked.")

    assert written(write).text == "The boiler cracked."


def test_a_deleted_row_and_a_table_of_contents_are_not_read() -> None:
    def write(document: Document) -> None:
        document.add_paragraph(
            "Contents ... 4", style=document.styles.add_style("toc 1", WD_STYLE_TYPE.PARAGRAPH)
        )
        table = document.add_table(3, 2)
        for row, text in zip(table.rows, ("kept", "gone", "last"), strict=True):
            row.cells[0].text, row.cells[1].text = text, "1"
        table.rows[1]._tr.get_or_add_trPr().append(
            parse_xml(f"<w:del {nsdecls('w')} w:id='1' w:author='a'/>")
        )

    assert written(write).text == "kept | 1\nlast | 1"


def test_a_table_that_only_places_paragraphs_is_read_as_paragraphs() -> None:
    def write(document: Document) -> None:
        cells = document.add_table(1, 2).rows[0].cells
        cells[0].text, cells[1].text = (
            "The first column has a long story to tell. " * 6,
            "The second is short.",
        )

    story = " ".join(["The first column has a long story to tell."] * 6)
    assert written(write).text == f"{story}\n\nThe second is short."


@pytest.mark.parametrize(("characters", "table"), [(200, True), (201, False)])
def test_a_cell_of_more_than_200_characters_is_no_data(characters: int, table: bool) -> None:
    story = ("The first column has a long story to tell. " * 6)[: characters - 1] + "."

    def write(document: Document) -> None:
        cells = document.add_table(1, 2).rows[0].cells
        cells[0].text, cells[1].text = story, "Short."

    assert written(write).text == (f"{story} | Short." if table else f"{story}\n\nShort.")


def test_hidden_text_of_a_style_and_paragraphs_within_a_control() -> None:
    def write(document: Document) -> None:
        style = document.styles.add_style("Secret", WD_STYLE_TYPE.CHARACTER)
        style.font.hidden = True
        document.add_paragraph("Shown").add_run(" hidden", style="Secret")
        last = document.paragraphs[-1]._p
        last.addnext(
            parse_xml(
                f"<w:sdt {nsdecls('w')}><w:sdtContent><w:p>{RUN.format('Boxed')}</w:p></w:sdtContent></w:sdt>"
            )
        )

    assert written(write).text == "Shown\n\nBoxed"


def test_the_levels_of_a_list_are_counted_each_for_itself() -> None:
    def write(document: Document) -> None:
        for level, text in ((0, "a"), (1, "b"), (1, "c"), (0, "d"), (1, "e")):
            item = document.add_paragraph(text)._p
            item.get_or_add_pPr().append(
                parse_xml(f"<w:numPr {nsdecls('w')}><w:ilvl w:val='{level}'/><w:numId w:val='77'/></w:numPr>")
            )
        levels = "".join(
            f"<w:lvl w:ilvl='{n}'><w:start w:val='{start}'/><w:numFmt w:val='decimal'/></w:lvl>"
            for n, start in ((0, 4), (1, 1))
        )
        numbering = document.part.numbering_part.element
        numbering.insert(
            0, parse_xml(f"<w:abstractNum {nsdecls('w')} w:abstractNumId='77'>{levels}</w:abstractNum>")
        )
        numbering.append(
            parse_xml(f"<w:num {nsdecls('w')} w:numId='77'><w:abstractNumId w:val='77'/></w:num>")
        )

    assert written(write).text == "4. a\n  1. b\n  2. c\n5. d\n  1. e"


@pytest.mark.parametrize(
    ("title", "author", "facts"),
    [
        ("", "python-docx", {"title": Fact("Geese", "title paragraph")}),
        ("Word Document", "Microsoft Office User", {"title": Fact("Geese", "title paragraph")}),
        ("final-2.docx", "Admin", {"title": Fact("Geese", "title paragraph")}),
        ("Of geese", "Jo Ng", {"title": Fact("Of geese", "document properties"), "author": Fact("Jo Ng", "document properties")}),
    ],
)  # fmt: skip
def test_properties_count_where_a_person_wrote_them(title: str, author: str, facts: dict[str, Fact]) -> None:
    def write(document: Document) -> None:
        document.core_properties.title, document.core_properties.author = title, author
        document.add_heading("Geese", 1)
        document.add_paragraph("They may stay.")

    assert written(write).facts == facts | LANGUAGE


def test_the_language_is_the_one_that_most_of_the_text_is_marked_with() -> None:
    german = "<w:r><w:rPr><w:lang w:val='de-CH'/></w:rPr><w:t>Der Nachtzug hält wieder.</w:t></w:r>"
    assert written(paragraph(german + RUN.format("OK"))).facts == {
        "language": Fact("de-CH", "document language")
    }


def small() -> bytes:
    document = docx.Document()
    document.add_heading("Geese", 1)
    document.add_paragraph("They may stay.", style="List Number")
    document.add_table(2, 2).cell(0, 0).text = "cell"
    return saved(document)


def test_no_entity_is_expanded() -> None:
    bomb = "<!DOCTYPE d [<!ENTITY a 'ha'><!ENTITY b '&a;&a;&a;'>]>"
    data = with_part(
        small(),
        "word/document.xml",
        lambda xml: re.sub(r"(\?>\s*)", rf"\1{bomb}", xml, count=1).replace("stay.", "&b;stay."),
    )
    assert "ha" not in extract(data).text


def zipped(members: dict[str, bytes]) -> bytes:
    out = BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, content in members.items():
            opened.writestr(name, content)
    return out.getvalue()


def lying(size: int) -> bytes:
    """A document of which one part unpacks to more than the directory of the zip file says."""
    data = zipped({"[Content_Types].xml": b"<Types/>", "word/document.xml": b" " * size})
    said = size.to_bytes(4, "little")
    assert data.count(said) == 2
    return data.replace(said, (500).to_bytes(4, "little"))


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        pytest.param(b"", "it is not a whole zip file", id="nothing"),
        pytest.param(b"\xd0\xcf\x11\xe0" + bytes(600), "Word's old format (.doc), or has a password", id="the old format"),
        pytest.param(zipped({"a.txt": b"Words."}), "not a Word document", id="another zip file"),
        pytest.param(zipped({"[Content_Types].xml": b"<Types/>"}), "it is not a Word document", id="no parts"),
        pytest.param(zipped({"[Content_Types].xml": b"<Types/>", "word/../../a": b"a"}), "whose place is outside the archive", id="a path outside"),
        pytest.param(zipped({"[Content_Types].xml": b"<Types/>", "word/document.xml": bytes(30_000_000)}), "which suggests a file made to do harm", id="a bomb"),
        pytest.param(lying(3_000_000), "is damaged", id="a bomb that says it is none"),
        pytest.param(small()[:-100], "it is not a whole zip file", id="cut off"),
        pytest.param(with_part(small(), "word/document.xml", lambda xml: xml[:900]), "or a damaged one", id="half a part"),
        pytest.param(saved(docx.Document()), "it contains no words", id="an empty page"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_in_a_sentence(data: bytes, complaint: str) -> None:
    with pytest.raises(SourceError) as refused:
        extract(data)
    assert complaint in str(refused.value)


def test_without_python_docx_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    data = small()
    monkeypatch.setitem(sys.modules, "docx", None)
    with pytest.raises(SourceError) as refused:
        extract(data)
    assert ".venv/bin/python -m pip install -c constraints.txt -e '.[docx]'" in str(refused.value)


VALID = small()
PARTS = (
    "word/document.xml",
    "word/numbering.xml",
    "word/styles.xml",
    "[Content_Types].xml",
    "word/_rels/document.xml.rels",
)


@given(
    st.floats(0, 1),
    st.sampled_from(["", *PARTS]),
    st.sampled_from(["flip", "cut", "insert"]),
    st.text(st.characters(max_codepoint=126, min_codepoint=33), min_size=1, max_size=12),
)
@settings(derandomize=True, deadline=None, database=None, max_examples=40)
def test_a_damaged_file_is_read_or_refused(where: float, part: str, how: str, noise: str) -> None:
    def damage(text: str) -> str:
        at = int(where * len(text))
        return (
            text[:at] + ("" if how == "cut" else noise) + text[at + (0 if how == "insert" else len(noise)) :]
        )

    try:
        found = extract(
            with_part(VALID, part, damage) if part else damage(VALID.decode("latin-1")).encode("latin-1")
        )
    except SourceError:
        return
    assert found.text == found.text.strip() != ""
