"""Bytes to text: every encoding that files come in, and what is no text at all."""

from __future__ import annotations

import struct
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.formats.clean import decode, without_surrogates
from rag.errors import SourceError

ENGLISH = "Iran’s Guards struck first – “precisely”, they said.\r\nThen Pakistan replied.\n"
FRENCH = (
    "L'Iran a frappé le premier, selon l'armée. Où et quand, personne ne l'a précisé à la presse hier soir."
)
RUSSIAN = "Иран нанёс удар первым, сообщили в среду власти Пакистана.\n"
JAPANESE = "イランが最初に攻撃したと、パキスタン当局が水曜日に発表した。\n"
CHINESE = "巴基斯坦当局周三表示，伊朗首先发动袭击。\n"


@pytest.mark.parametrize(
    ("data", "text", "encoding"),
    [
        pytest.param(b"Iran struck first.", "Iran struck first.", "utf-8", id="ASCII"),
        pytest.param(ENGLISH.encode(), ENGLISH, "utf-8", id="UTF-8, line ends kept"),
        pytest.param(RUSSIAN.encode(), RUSSIAN, "utf-8", id="UTF-8, hardly any ASCII"),
        pytest.param(
            b"\xef\xbb\xbf" + ENGLISH.encode(), ENGLISH, "utf-8-sig", id="UTF-8 with a mark, which is no text"
        ),
        pytest.param(
            b"\xff\xfe" + ENGLISH.encode("utf-16-le"), ENGLISH, "utf-16", id="UTF-16 LE with a mark"
        ),
        pytest.param(
            b"\xfe\xff" + ENGLISH.encode("utf-16-be"), ENGLISH, "utf-16", id="UTF-16 BE with a mark"
        ),
        pytest.param(
            b"\xff\xfe\x00\x00" + ENGLISH.encode("utf-32-le"),
            ENGLISH,
            "utf-32",
            id="UTF-32 LE: begins as UTF-16",
        ),
        pytest.param(b"\x00\x00\xfe\xff" + ENGLISH.encode("utf-32-be"), ENGLISH, "utf-32", id="UTF-32 BE"),
        pytest.param(ENGLISH.encode("utf-16-le"), ENGLISH, "utf-16-le", id="UTF-16 LE without a mark"),
        pytest.param(ENGLISH.encode("utf-16-be"), ENGLISH, "utf-16-be", id="UTF-16 BE without a mark"),
        pytest.param(FRENCH.encode("latin-1"), FRENCH, "cp1252", id="Latin-1"),
        pytest.param(
            ENGLISH.encode("cp1252"), ENGLISH, "cp1252", id="Windows-1252, which has the quotation marks"
        ),
        pytest.param(
            b"plain words with one \x81 in them",
            "plain words with one \x81 in them",
            "latin-1",
            id="not in cp1252",
        ),
        pytest.param(RUSSIAN.encode("cp1251"), RUSSIAN, "cp1251", id="Windows-1251"),
        pytest.param((RUSSIAN * 4).encode("koi8-r"), RUSSIAN * 4, "koi8_r", id="KOI8-R"),
        pytest.param(b"", "", "utf-8", id="nothing"),
    ],
)
def test_a_text_is_read_as_it_was_written(data: bytes, text: str, encoding: str) -> None:
    assert decode(data) == (text, encoding)


@pytest.mark.parametrize(("line", "encoding"), [(CHINESE, "gb18030"), (JAPANESE, "shift_jis")])
def test_the_sample_of_a_long_file_does_not_cut_a_character(line: str, encoding: str) -> None:
    # One byte in front, so that the 100,000th byte is the first half of a character: the whole would look
    # like Thai.
    for shift in (b"", b"a", b"ab"):
        text = shift.decode() + line * 4_000
        assert decode(text.encode(encoding))[0] == text


def test_a_letter_of_another_encoding_late_in_a_long_ascii_file_is_read() -> None:
    text = "Nothing but ASCII here. " * 6_000 + "Then a café."
    assert decode(text.encode("cp1252")) == (text, "cp1252")


PNG = (
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
    + struct.pack(">IIBBBBB", 64, 64, 8, 2, 0, 0, 0)
    + b"\x00\x00\x00\x00\x00\x00\x1f\x08IDAT"
    + zlib.compress(bytes(range(256)) * 48)
)


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        pytest.param(PNG, "it contains zero bytes", id="a picture named .txt"),
        pytest.param(bytes(200), "full of control characters", id="nothing but zero bytes"),
        pytest.param(
            bytes(range(1, 32)) * 20, "full of control characters", id="control characters, all ASCII"
        ),
        pytest.param(
            bytes(range(1, 31)) * 9 + b"\xe9 caf",
            "full of control characters",
            id="control characters and cp1252",
        ),
        pytest.param(b"\xef\xbb\xbf" + bytes(50), "full of control characters", id="a mark before no text"),
        pytest.param(
            "wide but no mark".encode("utf-32-le"), "full of control characters", id="UTF-32 without a mark"
        ),
        pytest.param(
            b"\xff\xfeI\x00r\x00a",
            "it looks like utf-16 but is damaged at byte 6",
            id="half a character at the end",
        ),
        pytest.param(
            "Iran struck. Pakistan replied.".encode("utf-16-le") + b"\x00\xd8",
            "it looks like utf-16-le but is damaged at byte 60",
            id="half a pair",
        ),
        pytest.param(
            RUSSIAN.encode()[:-3], "it is UTF-8 but damaged at byte 103", id="UTF-8 cut inside a letter"
        ),
        pytest.param(
            RUSSIAN.encode() * 40 + b"\xff",
            "it is UTF-8 but damaged at byte",
            id="a wrong byte after much right UTF-8",
        ),
        pytest.param(
            zlib.compress(bytes(i * i % 251 for i in range(9_000)), 9).replace(b"\x00", b"\x01"),
            "",
            id="compressed, without zeros",
        ),
    ],
)
def test_what_is_not_text_is_refused_and_not_stored_as_noise(data: bytes, complaint: str) -> None:
    with pytest.raises(SourceError) as refused:
        decode(data)
    assert complaint in str(refused.value)
    assert any(advice in str(refused.value) for advice in ("as UTF-8", "Export it as text first"))


def test_two_stray_control_characters_do_not_condemn_a_text() -> None:
    assert (
        decode(b"Iran struck\x00 first.\x0c Then\x07 Pakistan.")[0]
        == "Iran struck\x00 first.\x0c Then\x07 Pakistan."
    )
    with pytest.raises(SourceError):
        decode(b"Iran\x00 struck\x07 first\x07.")


@given(
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1).filter(
        lambda text: text[0] != "\ufeff"
    )
)
@settings(derandomize=True, deadline=None, database=None)
def test_whatever_utf8_says_comes_back_unchanged(text: str) -> None:
    assert decode(text.encode()) == (text, "utf-8")


@given(st.binary(max_size=400))
@settings(derandomize=True, deadline=None, database=None)
def test_no_bytes_raise_anything_but_a_source_error(data: bytes) -> None:
    try:
        text, _ = decode(data)
    except SourceError:
        return
    assert without_surrogates(text) == text, "half a surrogate pair cannot be stored"


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("a\ud800b", "a\ufffdb"),
        ("\udc00a", "\ufffda"),
        ("a\ud800", "a\ufffd"),
        ("\ud800\ud800x", "\ufffd\ufffdx"),
        ("a\ud83d\ude00b", "a😀b"),  # two halves that JSON spelled one by one
        ("\ufeffa", "\ufeffa"),
        ("Iran’s 😀", "Iran’s 😀"),
        ("", ""),
    ],
)
def test_half_a_surrogate_pair_is_replaced_and_a_whole_one_joined(text: str, whole: str) -> None:
    assert without_surrogates(text) == whole
