"""Where the page listens: real sockets of this machine."""

from __future__ import annotations

import errno
import socket
from typing import Any

import pytest

from rag.errors import ClippingsError
from rag.surfaces.listening import listen

pytestmark = pytest.mark.server


def refused(host: Any, port: Any) -> str:
    with pytest.raises(ClippingsError) as error:
        listen(host, port).close()
    return f"{type(error.value).__name__}: {error.value}"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0.0.0.0"])
def test_who_connects_is_heard(host: str) -> None:
    with listen(host, 0) as listening:
        port = listening.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port), timeout=10) as caller:
            heard, _ = listening.accept()
            with heard:
                caller.sendall(b"hello")
                assert heard.recv(5) == b"hello"


def test_a_port_that_is_taken_is_said_to_be_so_and_free_again_at_once() -> None:
    with listen("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        assert refused("127.0.0.1", port) == (
            f"ClippingsError: port {port} on 127.0.0.1 is in use by another program. Choose another with --port"
        )
        with socket.create_connection(("127.0.0.1", port), timeout=10):
            first.accept()[0].close()  # who closes first has to wait, by the protocol
    listen("127.0.0.1", port).close()


@pytest.mark.parametrize(
    "host", ["no-such-host.invalid", "a b", "x" * 70 + ".example", "300.1.1.1", "http://127.0.0.1"]
)
def test_a_host_that_is_none_is_said_to_be_so(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    known = socket.getaddrinfo

    def offline(name: Any, *given: Any, **named: Any) -> Any:  # no resolver is asked by a test
        if name == host and len(host) < 64:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return known(name, *given, **named)

    monkeypatch.setattr("socket.getaddrinfo", offline)
    assert refused(host, 7860) == (
        f"ConfigError: the host {host!r} is not known. Name an address of this machine with --host, such as "
        f"127.0.0.1"
    )


def test_an_address_of_another_machine_is_said_to_be_so() -> None:
    assert refused("192.0.2.1", 7860) == (
        "ConfigError: 192.0.2.1 is not an address of this machine. Choose one with --host, such as 127.0.0.1"
    )


@pytest.mark.parametrize(
    ("number", "says"),
    [
        (
            errno.EACCES,
            "you are not allowed to open port 80 on 127.0.0.1. Choose one from 1024 up with --port",
        ),
        (
            errno.EMFILE,
            "cannot listen on port 80 of 127.0.0.1: no more. Choose others with --host and --port",
        ),
    ],
)
def test_what_the_system_refuses_is_a_sentence(
    number: int, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def bind(self: socket.socket, address: object) -> None:  # root may open every port
        raise OSError(number, "no more")

    monkeypatch.setattr("socket.socket.bind", bind)
    assert refused("127.0.0.1", 80) == f"ClippingsError: {says}"


@pytest.mark.parametrize("port", [-1, 65_536, "80", None, True, 1.5])
def test_a_port_that_is_none_is_refused(port: Any) -> None:
    says = f"the port must be a whole number from 1 to 65535, not {port!r}. Choose one with --port"
    assert refused("127.0.0.1", port) == f"ConfigError: {says}"


@pytest.mark.parametrize("host", ["", " ", None])
def test_no_host_is_refused(host: Any) -> None:
    assert refused(host, 7860).startswith(
        "ConfigError: the host is empty. Name an address of this machine with --host"
    )
