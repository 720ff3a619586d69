"""Where nothing can be written, people can ask and log in all the same, and are told that it is not kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from rag.errors import CollectionError
from rag.people.conversations import Quota
from rag.people.store import People
from rag.surfaces.people_store import NOT_SAVED, PeopleStore

MARK = "the line of now"


def mark(_: str) -> str | None:
    return MARK


@pytest.fixture
def nowhere() -> Path:
    """A home in which there is nothing to read and nothing can be written, as on a read-only disk."""
    if not Path("/proc/self").exists():
        pytest.skip("there is no file system here that even root cannot write to")
    return Path("/proc/clippings/home")


@pytest.fixture(autouse=True)
def _temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))


def temporary(tmp_path: Path) -> list[str]:
    return [f.name for f in (tmp_path / "temporary").rglob("*") if f.is_file()]


def test_a_conversation_goes_with_the_server_where_it_cannot_be_kept(nowhere: Path, tmp_path: Path) -> None:
    keeping = PeopleStore(People(nowhere))
    first, notice = keeping.add_question(
        "ann", "Who struck?", "own", conversation=None, after=None, limits={"after": "2024-01-01"}
    )
    assert notice.startswith(
        f"{NOT_SAVED}conversations cannot be stored in /proc/clippings/home/people.sqlite"
    )
    keeping.conversations(first.id).answer("ann", first.id, {"text": "Iran."})
    second, notice = keeping.add_question(
        "ann", "Why?", "own", conversation=first.conversation, after=first.id
    )
    assert notice == "", "it has been said"
    shown = keeping.conversations(first.conversation).shown("ann", first.conversation)
    assert [(e.question, e.record, e.limits) for e in shown.exchanges] == [
        ("Who struck?", {"text": "Iran."}, {"after": "2024-01-01"}), ("Why?", None, {}),
    ]  # fmt: skip
    assert [c.id for c in keeping.all("ann")] == [first.conversation]
    assert keeping.all("bob") == []
    with pytest.raises(CollectionError, match="this conversation does not exist"):
        keeping.conversations(second.id).exchange("bob", second.id)
    assert "people.sqlite" in temporary(tmp_path)
    keeping.close()
    assert temporary(tmp_path) == []


def test_one_can_log_in_where_a_session_cannot_be_kept(nowhere: Path) -> None:
    keeping = PeopleStore(People(nowhere))
    secret = keeping.start_session("ann", MARK)
    assert (keeping.account_of(secret, mark), keeping.account_of("guess", mark)) == ("ann", None)
    keeping.end_session(secret)
    assert keeping.account_of(secret, mark) is None
    keeping.close()


def test_one_can_ask_where_there_is_no_more_room_and_what_is_not_kept_has_a_limit_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "rag.surfaces.people_store._TEMPORARY_QUOTA", Quota(owner_bytes=1_000, reserve_bytes=0)
    )
    keeping = PeopleStore(People(tmp_path / "home", quota=Quota(owner_bytes=1_000)))
    told = "your conversations have reached the limit of 0 MB"
    notices = [keeping.add_question("ann", "Who?", "own", conversation=None, after=None)[1] for _ in range(2)]
    assert notices[0] == ""
    assert notices[1].startswith(NOT_SAVED + told)
    with pytest.raises(CollectionError, match=told):
        keeping.add_question("ann", "Who?", "own", conversation=None, after=None)
    keeping.close()


def test_what_can_be_kept_is_and_what_is_wrong_is_refused(tmp_path: Path) -> None:
    keeping = PeopleStore(People(tmp_path / "home"))
    put, notice = keeping.add_question("ann", "Who?", "own", conversation=None, after=None)
    assert notice == ""
    with pytest.raises(CollectionError, match="this conversation does not exist"):
        keeping.add_question("bob", "Why?", "own", conversation=put.conversation, after=put.id)
    secret = keeping.start_session("ann", MARK)
    keeping.close()
    assert temporary(tmp_path) == []
    again = PeopleStore(People(tmp_path / "home"))
    assert [c.id for c in again.all("ann")] == [put.conversation]
    assert again.account_of(secret, mark) == "ann"
    again.close()
