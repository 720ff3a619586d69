"""Passwords in web addresses: used to connect, and never shown or kept."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.formats.articles import article
from ingest.formats.extracted import Extracted, Fact
from ingest.formats.feeds import entries
from rag.config import ChromaSettings, Config, ModelSettings, load
from rag.errors import (
    BusyError,
    ClippingsError,
    CollectionError,
    ConfigError,
    ModelError,
    QuestionError,
    SourceError,
)
from rag.system.address import hidden, login, shown, without_login
from rag.types import Failure

SECRET = "s3cr3t-of-ana"

names = st.text(st.characters(exclude_categories=("Z", "C"), exclude_characters="/?#@:[]\\"), max_size=8)
wild = st.text(
    st.characters(exclude_categories=("Z", "C"), exclude_characters="@[]\\"), max_size=8
)  # as it must not be written


@given(name=names, password=names, after=st.sampled_from(["", "/", "/v1", ":8000/v1?a=b", "/@ana"]))
def test_no_login_is_left_in_a_sentence(name: str, password: str, after: str) -> None:
    said = hidden(f"no answer from http://{name}:{SECRET}{password}@host{after}. Is it on?")
    assert said == f"no answer from http://…@host{after}. Is it on?"


@given(name=names, password=wild, after=st.sampled_from(["", "/", "/v1", ":8000/v1?a=b"]))
def test_nor_one_whose_password_holds_what_it_must_not(name: str, password: str, after: str) -> None:
    said = hidden(f"no answer from http://{name}:{SECRET}{password}@host{after}. Is it on?")
    assert said == f"no answer from http://…@host{after}. Is it on?"


@given(st.text(max_size=40))
def test_a_text_without_a_login_stays_as_it_is(text: str) -> None:
    plain = text.replace("@", "")
    assert hidden(plain) == plain
    assert (
        hidden(f"https://paper.example/{plain.replace('//', '')}")
        == f"https://paper.example/{plain.replace('//', '')}"
    )


def test_a_login_is_read_and_taken_off() -> None:
    assert login("http://ana:a%40b%2Fc@[::1]:8000/v1") == ("ana", "a@b/c")
    assert without_login("http://ana:a%40b%2Fc@[::1]:8000/v1") == "http://[::1]:8000/v1"
    assert login("http://[::1]:8000/@ana") is None
    with pytest.raises(ValueError):
        login("http://[::1/")


@pytest.mark.parametrize(
    "kind", [ClippingsError, ConfigError, CollectionError, ModelError, QuestionError, BusyError, SourceError]
)
def test_no_error_of_ours_shows_a_password(kind: type[ClippingsError]) -> None:
    assert str(kind(f"no answer from https://ana:{SECRET}@host/v1")) == "no answer from https://…@host/v1"


@pytest.mark.parametrize(
    "url",
    [f"ana:{SECRET}@host/v1", f"ftp://ana:{SECRET}@host", f"http:/ana:{SECRET}@host", f"http://ana:{SECRET}/more@host/v1",
     f"http://ana:{SECRET}@host:port/v1", f"http://ana:{SECRET}@/v1", f"http://ana:{SECRET}@[::1/v1", f"HTTP://ana:{SECRET}@host"],
)  # fmt: skip
@pytest.mark.parametrize("setting", ["CLIPPINGS_MODEL_URL", "CLIPPINGS_CHROMA_URL"])
def test_a_misspelt_setting_is_told_without_its_password(url: str, setting: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load({setting: url, "CLIPPINGS_MODEL_NAME": "m"})
    assert SECRET not in str(refused.value)
    assert setting.removeprefix("CLIPPINGS_").lower().replace("_", ".") in str(refused.value)


def test_settings_do_not_show_a_password_in_any_way() -> None:
    url = f"http://ana:{SECRET}@host/v1"
    config = Config(home="h", model=ModelSettings(url, "m"), chroma=ChromaSettings(url))
    assert (config.model.url, config.chroma.url) == (url, url)
    assert SECRET not in repr(config)
    with pytest.raises(ConfigError, match=r"model\.url is set \(http://…@host/v1\) but model\.name is not"):
        ModelSettings(url)
    with pytest.raises(ConfigError) as refused:
        load({"CLIPPINGS_MODEL": url})
    assert SECRET not in str(refused.value)


def test_no_failure_of_a_sync_shows_a_password() -> None:
    failure = Failure(
        f"https://ana:{SECRET}@paper.example/a", f"it redirects to http://ana:{SECRET}@other.example/b: gone"
    )
    assert failure == Failure("https://…@paper.example/a", "it redirects to http://…@other.example/b: gone")


def test_an_article_keeps_its_address_without_a_login() -> None:
    facts = {
        "url": Fact(f"https://ana:{SECRET}@paper.example/a?b=c", "meta"),
        "published": Fact(date(2024, 1, 2), "meta"),
    }
    made = article("a", Extracted("Grain ships leave.", facts))
    assert (made.url, made.published) == ("https://paper.example/a?b=c", date(2024, 1, 2))


def test_a_feeds_links_are_followed_without_a_login() -> None:
    feed = f"<rss version='2.0'><channel><item><link>https://ana:{SECRET}@paper.example/a</link></item></channel></rss>"
    (entry,) = entries(feed.encode(), "https://paper.example/feed")
    assert (entry.url, entry.id) == ("https://paper.example/a", "https://paper.example/a")


def test_an_address_is_shown_whole_but_for_its_login() -> None:
    assert shown("https://host:8000/v1?tier=2") == "https://host:8000/v1?tier=2"
    assert shown(f"https://ana:{SECRET}@host:8000/v1?tier=2") == "https://…@host:8000/v1?tier=2"
