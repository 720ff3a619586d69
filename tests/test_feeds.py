"""Feeds as publishers write them: which date is whose, what is a whole text, and what a hostile one must not
do.
"""

from __future__ import annotations

import sys
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.formats.extracted import Fact
from ingest.formats.feeds import MOST_ENTRIES, FeedEntry, entries, is_feed
from ingest.formats.parsing import Parsers
from rag.errors import SourceError

HOME = "https://paper.example/feeds/world.xml"


def rss(
    *items: str, channel: str = "<title>The Paper</title><language>en-GB</language>", encoding: str = "utf-8"
) -> bytes:
    listed = "".join(f"<item>{item}</item>" for item in items)
    return (
        f'<?xml version="1.0" encoding="{encoding}"?><rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/"'
        f' xmlns:dc="http://purl.org/dc/elements/1.1/"><channel>{channel}{listed}</channel></rss>'
    ).encode(encoding)


def atom(*listed: str, feed: str = "<title>The Paper</title>") -> bytes:
    inside = "".join(f"<entry>{entry}</entry>" for entry in listed)
    return f'<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="sv">{feed}{inside}</feed>'.encode()


def one(body: bytes, **options: str) -> FeedEntry:
    (entry,) = entries(body, HOME, **options)
    return entry


def plain(entry: FeedEntry) -> tuple[str, str | None, dict[str, Fact], str | None]:
    return entry.id, entry.url, dict(entry.facts), entry.html


def test_an_rss_entry_whole():
    body = rss(
        "<title>Grain ships leave &amp; prices "
        "fall</title><link>https://paper.example/grain</link><guid>tag:1</guid>"
        "<dc:creator>Ana Torell</dc:creator><pubDate>Sat, 20 Jan 2024 23:30:00 -0500</pubDate>"
        "<description>Short.</description><content:encoded><![CDATA[<p>All of it.</p>]]></content:encoded>"
    )
    assert plain(one(body)) == (
        "tag:1",
        "https://paper.example/grain",
        {
            "title": Fact("Grain ships leave & prices fall", "feed entry title"),
            "author": Fact("Ana Torell", "feed entry author"),
            "published": Fact(date(2024, 1, 20), "feed pubDate"),  # 21 January in Greenwich
            "source": Fact("The Paper", "feed title"),
            "language": Fact("en-GB", "feed language"),
        },
        "<p>All of it.</p>",
    )


def test_an_atom_entry_whole():
    body = atom(
        '<id>urn:7</id><title type="html">&lt;b&gt;Talks&lt;/b&gt; end</title><link href="/talks"/>'
        "<author><name>Bo Lind</name></author><author><name>Eva Ek</name></author>"
        "<published>2024-01-20T23:30:00-05:00</published><updated>2024-02-01T00:00:00Z</updated>"
        '<content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><p>All of it.</p></div></content>'
    )
    assert plain(one(body)) == (
        "urn:7",
        "https://paper.example/talks",
        {
            "title": Fact("Talks end", "feed entry title"),
            "author": Fact("Bo Lind, Eva Ek", "feed entry author"),
            "published": Fact(date(2024, 1, 20), "feed published"),
            "source": Fact("The Paper", "feed title"),
            "language": Fact("sv", "feed language"),
        },
        "<p>All of it.</p>",
    )


def test_an_rdf_entry_has_its_date_from_dublin_core():
    body = (
        b'<?xml version="1.0"?><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/"'
        b' xmlns:dc="http://purl.org/dc/elements/1.1/"><channel rdf:about="https://paper.example/"><title>The Paper</title></channel>'
        b'<item rdf:about="https://paper.example/a"><title>A</title><link>https://paper.example/a</link>'
        b"<dc:date>2024-01-20T23:30:00-05:00</dc:date></item></rdf:RDF>"
    )
    assert plain(one(body)) == (
        "https://paper.example/a",
        "https://paper.example/a",
        {
            "title": Fact("A", "feed entry title"),
            "published": Fact(date(2024, 1, 20), "feed dc:date"),
            "source": Fact("The Paper", "feed title"),
        },
        None,
    )


def test_links_start_from_where_the_feed_says():
    body = atom('<id>1</id><link href="a"/>').replace(b"<feed ", b'<feed xml:base="/world/" ')
    assert one(body).url == "https://paper.example/world/a"


def test_an_update_is_told_from_a_publication():
    updated = "<id>1</id><title>A</title><updated>2024-02-01T00:00:00Z</updated>"
    assert "published" not in one(atom(updated)).facts, "it moves with each correction"
    both = updated + "<published>2024-01-20T10:00:00Z</published>"
    assert one(atom(both)).facts["published"] == Fact(date(2024, 1, 20), "feed published")


@pytest.mark.parametrize(
    ("stated", "day"),
    [
        ("Sun, 21 Jan 2024 00:10:00 +0900", date(2024, 1, 21)),  # the 20th in Greenwich
        ("20 Jan 24 10:00 GMT", date(2024, 1, 20)),
        ("2024-01-20T23:30:00-05:00", date(2024, 1, 20)),
        ("2024-01-20", date(2024, 1, 20)),
    ],
)
def test_the_day_is_the_one_the_publisher_wrote(stated: str, day: date):
    assert one(rss(f"<guid>1</guid><pubDate>{stated}</pubDate>")).facts["published"] == Fact(
        day, "feed pubDate"
    )


@pytest.mark.parametrize("stated", ["", "yesterday", "Sat, 32 Jan 2024 10:00:00 GMT", "1" * 5_000])
def test_a_date_that_is_none_stays_unknown(stated: str):
    assert "published" not in one(rss(f"<guid>1</guid><title>A</title><pubDate>{stated}</pubDate>")).facts


def test_a_summary_is_not_the_article():
    assert one(rss("<guid>1</guid><description>&lt;p&gt;A teaser.&lt;/p&gt;</description>")).html is None
    assert one(atom("<id>1</id><summary>A teaser.</summary>")).html is None
    assert one(atom('<id>1</id><content type="text/html" src="https://paper.example/a"/>')).html is None
    assert one(rss("<guid>1</guid><content:encoded> </content:encoded>")).html is None


def test_a_full_text_without_markup_becomes_paragraphs():
    entry = one(atom('<id>1</id><content type="text">Rates &lt; 3%.\n\nPrices fell.</content>'))
    assert entry.html == "<p>Rates &lt; 3%.</p>\n<p>Prices fell.</p>"


def test_a_picture_is_not_the_article():
    assert one(atom('<id>1</id><content type="image/png">aGk=</content>')).html is None


@pytest.mark.parametrize(
    ("author", "name"),
    [
        ("jane@paper.example (Jane Doe)", "Jane Doe"),
        ("Jane Doe &lt;jane@paper.example&gt;", "Jane Doe"),
        ("Jane Doe", "Jane Doe"),
        ("jane@paper.example", None),  # a mail address is no name
        ("J" * 200, "J" * 200),
        ("J" * 201, "J" * 200),  # nor is what is longer
    ],
)
def test_an_author_is_a_name(author: str, name: str | None):
    fact = one(rss(f"<guid>1</guid><title>A</title><author>{author}</author>")).facts.get("author")
    assert fact == (Fact(name, "feed entry author") if name else None)


def test_the_author_of_an_atom_feed_is_that_of_its_entries_without_one_and_the_editor_of_rss_is_not():
    feed = "<title>T</title><author><name>Ana Torell</name></author>"
    assert one(atom("<id>1</id>", feed=feed)).facts["author"] == Fact("Ana Torell", "feed author")
    own = "<id>1</id><author><name>Bo Lind</name></author>"
    assert one(atom(own, feed=feed)).facts["author"] == Fact("Bo Lind", "feed entry author")
    editor = "<title>T</title><managingEditor>ed@paper.example (Ed Itor)</managingEditor>"
    assert "author" not in one(rss("<guid>1</guid>", channel=editor)).facts


def test_an_aggregator_is_not_the_source():
    entry = one(rss('<guid>1</guid><source url="https://gazette.example/rss">The Gazette</source>'))
    assert entry.facts["source"] == Fact("The Gazette", "feed entry source")


@pytest.mark.parametrize(
    ("title", "text"),
    [
        ("Profit &lt; 3%", "Profit < 3%"),
        ("AT&amp;amp;T &amp;#8211; a history", "AT&T – a history"),
        ("&lt;em&gt;Who&lt;/em&gt; pays?", "Who pays?"),
        ("<![CDATA[Q&A:  <b>who</b>\n pays]]>", "Q&A: who pays"),
    ],
)
def test_a_title_is_words(title: str, text: str):
    assert one(rss(f"<guid>1</guid><title>{title}</title>")).facts["title"] == Fact(text, "feed entry title")


def test_a_title_said_to_be_text_keeps_its_brackets():
    entry = one(atom('<id>1</id><title type="text">Why &lt;br&gt; matters</title>'))
    assert entry.facts["title"] == Fact("Why <br> matters", "feed entry title")


@pytest.mark.parametrize(
    ("link", "url"),
    [
        ("../a?x=1&amp;y=2", "https://paper.example/a?x=1&y=2"),
        ("//gazette.example/a", "https://gazette.example/a"),
        ("javascript:alert(1)", None),
        ("file:///etc/passwd", None),
        ("mailto:jane@paper.example", None),
        ("http://[", None),
    ],
)
def test_a_link_is_absolute_and_leads_to_the_web(link: str, url: str | None):
    assert one(rss(f'<guid isPermaLink="false">1</guid><link>{link}</link>')).url == url


def test_a_guid_stands_for_the_link_unless_it_says_otherwise():
    assert one(rss("<guid>https://paper.example/a</guid>")).url == "https://paper.example/a"
    entry = one(rss('<guid isPermaLink="false">77</guid>'))
    assert (entry.id, entry.url) == ("77", None)  # and not https://paper.example/feeds/77


def test_an_entry_without_an_id_is_called_by_its_link_and_without_either_by_what_it_says():
    assert one(rss("<link>/a</link>")).id == "https://paper.example/a"
    first, second = entries(rss("<title>A</title>", "<title>B</title>"), HOME)
    assert (first.id, second.id) == (first.digest, second.digest)
    assert first.id != second.id


def test_one_id_for_two_articles_does_not_lose_one_and_a_repeat_is_dropped():
    body = rss(
        '<guid isPermaLink="false">1</guid><link>/a</link><title>A</title>',
        '<guid isPermaLink="false">1</guid><link>/b</link><title>B</title>',
        '<guid isPermaLink="false">1</guid><link>/a</link><title>A again</title>',
    )
    assert [(e.id, e.facts["title"].value) for e in entries(body, HOME)] == [
        ("1", "A"),
        ("https://paper.example/b", "B"),
    ]


def test_the_digest_changes_with_anything_an_entry_says_and_with_nothing_else():
    item = "<guid>1</guid><title>A</title><description>S</description><content:encoded>C</content:encoded>"
    digest = one(rss(item)).digest
    assert (
        digest
        == one(rss(item)).digest
        == one(rss(item, channel="<title>The Paper</title><language>en-GB</language><ttl>9</ttl>")).digest
    )
    assert len(digest) == 64
    others = [
        rss(item.replace(">S<", ">S!<")),  # the page may have changed with its summary
        rss(item.replace(">C<", ">C!<")),
        rss(item.replace(">A<", ">A!<")),
        rss(item + "<link>/a</link>"),
        rss(item + "<pubDate>Sat, 20 Jan 2024 10:00:00 GMT</pubDate>"),
        rss(item, channel="<title>The Other Paper</title>"),
    ]
    assert len({digest, *(one(body).digest for body in others)}) == 7
    early, late = (atom(f"<id>1</id><updated>2024-02-01T0{hour}:00:00Z</updated>") for hour in (1, 2))
    assert one(early).digest != one(late).digest  # corrected within the day


def test_the_language_of_an_entry_goes_before_that_of_its_feed():
    entry = one(rss("<guid>1</guid><dc:language>sv</dc:language>"))
    assert entry.facts["language"] == Fact("sv", "feed entry language")


@pytest.mark.parametrize("close", ["", "</b>"], ids=["well-formed", "ill-formed"])
@pytest.mark.parametrize(
    "element",
    [
        "<authors>x</authors>", '<authors a="b"/>', "<title_detail>x</title_detail>", "<links>x</links>", '<content_detail a="b"/>', "<source>x</source>",
        '<published_parsed a="b"/>',
        '<enclosure/>', '<dc_date a="b"/>', '<updated_parsed>x</updated_parsed>', '<language a="b"/>', "<publishers>x</publishers>",
    ],
)  # fmt: skip
def test_an_odd_element_costs_neither_its_article_nor_the_next(element: str, close: str):
    """Elements may be called as feedparser's own notes are."""
    body = rss(f"<guid>1</guid><title>A</title>{element}{close}", "<guid>2</guid><title>B</title>")
    assert [entry.facts["title"].value for entry in entries(body, HOME)] == ["A", "B"]


@pytest.mark.parametrize(
    "element",
    [
        '<gml:pos xmlns:gml="http://www.opengis.net/gml">x</gml:pos>',
        '<psc:chapters xmlns:psc="http://podlove.org/simple-chapters" version="1"><psc:chapter/></psc:chapters>',
        "<title>A &#xD800; B</title>",
    ],
)
def test_what_feedparser_cannot_get_past_is_a_sentence(element: str):
    with pytest.raises(SourceError, match=r"^the feed is damaged and cannot be parsed \(\w+\)\."):
        entries(rss(f"<guid>1</guid>{element}"), HOME)


def test_an_empty_feed_lists_nothing():
    assert entries(rss(), HOME) == ()
    assert entries(atom(), HOME) == ()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no markup at all",
        b"<!DOCTYPE html><html><body><p>A page about rss.</p></body></html>",
        b"<!doctype html><title>A page</title>",
        b'<?xml version="1.0"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"></urlset>',
        b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description/></rdf:RDF>',
        b'{"version": "https://jsonfeed.org/version/1.1", "items": []}',
        bytes(range(256)),
    ],
)
def test_what_is_no_feed_is_refused_and_not_an_empty_one(body: bytes):
    with pytest.raises(SourceError, match=r"^it is not a feed.* Give the address of an RSS or Atom feed$"):
        entries(body, HOME)


@pytest.mark.parametrize(
    ("damage", "titles"),
    [
        (rss("<guid>1</guid><title>Bread & butter</title>"), ["Bread & butter"]),
        (rss("<guid>1</guid><title>Caf&eacute;&nbsp;life</title>"), ["Café life"]),
        (rss("<guid>1</guid><title>A</title>")[: -len("</channel></rss>")], ["A"]),
        (b"\n\n" + rss("<guid>1</guid><title>A</title>"), ["A"]),
        (b"<br />\n<b>Warning</b>: in feed.php on line 1\n" + rss("<guid>1</guid><title>A</title>"), ["A"]),
        (rss("<guid>1</guid><title>A\x0bB</title>"), ["AB"]),
        (rss("<guid>1</guid><title>A</b></title>", "<guid>2</guid><title>B</title>"), ["A", "B"]),
    ],
)
def test_an_ill_formed_feed_is_read_as_far_as_it_goes(damage: bytes, titles: list[str]):
    assert [entry.facts["title"].value for entry in entries(damage, HOME)] == titles


TITLE = "<guid>1</guid><title>Café “Zoë’s</title>"


@pytest.mark.parametrize(
    ("body", "charset"),
    [
        (rss(TITLE, encoding="windows-1252"), None),
        (rss(TITLE, encoding="windows-1252").replace(b"windows-1252", b"iso-8859-1"), None),
        (rss(TITLE, encoding="windows-1252").replace(b' encoding="windows-1252"', b""), None),
        (rss(TITLE), "windows-1252"),  # what servers say of everything
        (rss(TITLE).replace(b' encoding="utf-8"', b""), None),
        (rss(TITLE, encoding="utf-16"), None),
        (rss(TITLE, encoding="utf-16-le"), None),
        (b"\xef\xbb\xbf" + rss(TITLE), None),
        (rss(TITLE).replace(b'"utf-8"', b'"no-such"'), "none-such"),
    ],
)
def test_letters_survive_their_encoding(body: bytes, charset: str | None):
    assert one(body, **({"charset": charset} if charset else {})).facts["title"].value == "Café “Zoë’s"


def test_the_servers_word_on_the_encoding_counts_where_the_feed_has_none():
    body = rss("<guid>1</guid><title>Вести</title>", encoding="koi8-r").replace(b' encoding="koi8-r"', b"")
    assert one(body, charset="KOI8-R").facts["title"].value == "Вести"


def test_an_encoding_written_in_ascii_is_not_taken_for_ascii():
    body = rss("<guid>1</guid><title>新聞</title>", encoding="iso-2022-jp")
    assert one(body).facts["title"].value == "新聞"


def test_one_bad_byte_costs_one_letter():
    body = rss("<guid>1</guid><title>Café Zoë Ångström</title>").replace("Å".encode(), b"\xff")
    assert one(body).facts["title"].value == "Café Zoë �ngström"


BOMB = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))


@pytest.mark.parametrize(
    "declared",
    [f'<!ENTITY l0 "lol">{BOMB}]><rss version="2.0"><channel><title>&l11;</title>', f'<!ENTITY a "{"a" * 50_000}">]><rss version="2.0"><channel>{"&a;" * 50_000}'],
    ids=["nested", "repeated"],
)  # fmt: skip
def test_entities_that_unfold_without_end_are_refused(declared: str):
    body = f'<?xml version="1.0"?><!DOCTYPE rss [{declared}</channel></rss>'.encode()
    assert is_feed(body, "application/rss+xml")
    with pytest.raises(SourceError, match=r"^its entities expand to more than a feed may contain"):
        entries(body, HOME)


def test_a_character_that_a_feed_names_is_read_and_a_file_that_it_names_is_not():
    named = b'<!DOCTYPE rss [<!ENTITY euro "&#8364;"><!ENTITY key SYSTEM "file:///etc/passwd">]><rss version="2.0"><channel>'
    body = named + b"<item><title>100 &euro; &key;</title></item></channel></rss>"
    assert one(body).facts["title"].value == "100 € &key;"


def test_a_declaration_in_an_article_is_words():
    entry = one(
        rss(
            "<guid>1</guid><content:encoded><![CDATA[<!DOCTYPE x [<!ENTITY a 'b'>]> is "
            "XML]]></content:encoded>"
        )
    )
    assert entry.html == "<!DOCTYPE x [<!ENTITY a 'b'>]> is XML"


def test_a_doctype_without_entities_is_none_of_our_business():
    doctype = b'<!DOCTYPE rss PUBLIC "-//Netscape Communications//DTD RSS 0.91//EN" "http://my.netscape.com/publish/formats/rss-0.91.dtd">'
    body = (
        b'<?xml version="1.0"?>'
        + doctype
        + b'<rss version="0.91"><channel><item><title>A</title></item></channel></rss>'
    )
    assert one(body).facts == {"title": Fact("A", "feed entry title")}


def test_nothing_is_opened_on_behalf_of_a_feed():
    """feedparser opens what it takes for a path, and fetches what it takes for an address."""
    opened: list[str] = []
    watching = True
    sys.addaudithook(
        lambda event, told: (
            opened.append(event)
            if watching and event in ("open", "socket.connect", "urllib.Request")
            else None
        )
    )
    try:
        for body in (b"https://paper.example/feed", b"/etc/passwd"):
            with pytest.raises(SourceError):
                entries(body, HOME)
    finally:
        watching = False
    assert opened == []


@pytest.mark.parametrize(
    "body",
    [
        rss(*(f"<guid>{n}</guid><title>Title {n}</title>" for n in range(5_000))),
        atom(*(f"<id>{n}</id><title>Title {n}</title>" for n in range(5_000))),
        rss(*(f"<guid>{n}</guid><title>Title {n}</title>" for n in range(5_000))).replace(
            b"</title></item>", b"</b></title></item>", 1
        ),
    ],
    ids=["rss", "atom", "ill-formed"],
)
def test_a_feed_of_five_thousand_is_read_from_the_top(body: bytes):
    assert MOST_ENTRIES == 1_000
    assert [entry.facts["title"].value for entry in entries(body, HOME)] == [
        f"Title {n}" for n in range(1_000)
    ]


@pytest.mark.slow  # parsed in processes of their own
@pytest.mark.parametrize(
    ("body", "options"),
    [
        (rss(f"<guid>1</guid><author>{'a' * 200_000}</author>"), {"seconds": 3}),  # quadratic in feedparser: an hour
        (rss(*(f"<guid>{n}</guid><title>T{n}</title>" for n in range(50_000))), {"memory": 90_000_000}),
    ],
    ids=["endless", "large"],
)  # fmt: skip
def test_a_bomb_of_a_feed_costs_its_own_process_and_the_next_feed_is_read(body: bytes, options: dict):
    with Parsers(1, **options) as parsers:
        with pytest.raises(
            SourceError,
            match=r"^(it took longer than 3 seconds|the process that read it crashed|it needs more memory)",
        ):
            parsers.entries(body, HOME)
        parsers._seconds = 60
        assert parsers.entries(rss("<guid>1</guid><title>A</title>"), HOME) == entries(
            rss("<guid>1</guid><title>A</title>"), HOME
        )


@pytest.mark.slow
def test_entries_come_back_whole_from_their_process():
    body = rss(
        "<guid>1</guid><link>/a</link><pubDate>20 Jan 24 10:00 GMT</pubDate>",
        "<guid>2</guid><title>“B”</title>",
    )
    with Parsers(1) as parsers:
        assert parsers.entries(body, HOME, "utf-8") == entries(body, HOME, charset="utf-8")


@pytest.mark.parametrize(
    ("head", "kind", "told"),
    [
        (
            b'<?xml version="1.0"?>\n<!-- a <html> --><?xml-stylesheet href="x"?><rss version="2.0">',
            "text/html",
            True,
        ),
        (b'\xef\xbb\xbf<feed xmlns="http://www.w3.org/2005/Atom">', "", True),
        (b'<atom:feed xmlns:atom="http://www.w3.org/2005/Atom">', "text/plain", True),
        (b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">', "text/xml", True),
        (b'<!DOCTYPE rss PUBLIC "x" "y"><rss version="0.91">', "", True),
        ('<?xml version="1.0"?><rss>'.encode("utf-16"), "", True),
        (b"<html><body>&lt;rss&gt; <rss></body></html>", "application/rss+xml", False),
        (b"<!doctype html><title>rss</title>", "application/rss+xml", False),
        (b'<?xml version="1.0"?><urlset></urlset>', "application/rss+xml", False),
        (
            b"<!--" + b" " * 5_000 + b"--><rss>",
            "application/rss+xml",
            True,
        ),  # out of sight: the media type decides
        (b"<!--" + b" " * 5_000 + b"--><rss>", "application/xml", False),
        (b" " * (4_096 - 4) + b"<rss>", "", True),
        (b" " * (4_097 - 4) + b"<rss>", "", False),
        (b"", "application/atom+xml", True),
        (b"", "", False),
    ],
)
def test_a_feed_is_told_by_what_it_is(head: bytes, kind: str, told: bool):
    assert is_feed(head, kind) is told


SEEDS = [
    rss(
        "<title>A &amp; B</title><link>/a</link><guid>1</guid><author>a@b.example (C)</author>"
        "<pubDate>Sat, 20 Jan 2024 10:00:00 "
        "GMT</pubDate><content:encoded><![CDATA[<p>x</p>]]></content:encoded>"
    ),
    atom(
        '<id>1</id><title type="html">A</title><link href="/a"/><author><name>B</name></author>'
        "<updated>2024-01-20T10:00:00Z</updated><content type='xhtml'><div "
        "xmlns='http://www.w3.org/1999/xhtml'>x</div></content>"
    ),
]
SCRAPS = [
    b"<", b">", b"&", b"&#", b"&#x110000;", b"]]>", b"<![CDATA[", b"<!--", b"<item>", b"</item>", b"</entry>", b"<authors>", b"</authors>",
    b'<authors a="b"/>', b"<title_detail>x</title_detail>", b"<links>x</links>", b'<content a="b">', b"<source>", b'<link href="http://[">',
    b"<dc:date>", b"\x00", b"\xff", b'<!DOCTYPE a [<!ENTITY b "c">]>', b"<svg>", b"<tags>", b"</tags>", b"<category>", b'xml:base="http://["',
]  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(SEEDS),
    st.lists(
        st.tuples(st.integers(0, 600), st.integers(0, 8), st.sampled_from(SCRAPS) | st.binary(max_size=4)),
        max_size=6,
    ),
)
def test_of_a_damaged_feed_only_a_sentence_escapes(seed: bytes, damage: list[tuple[int, int, bytes]]):
    body = seed
    for place, length, scrap in damage:
        body = body[:place] + scrap + body[place + length :]
    try:
        found = entries(body, HOME)
    except SourceError:
        return
    assert len({entry.id for entry in found}) == len(found)
    assert all(entry.url is None or entry.url.startswith(("http://", "https://")) for entry in found)
