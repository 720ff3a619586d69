"""Runs a command where there is no network but one name server, which notes every name that it is asked for,
and knows none.

    unshare --net --mount python -I apart.py NAMES COMMAND …

NAMES is the file that the names are put in, a line each. For root alone.
"""

from __future__ import annotations

import fcntl
import socket
import struct
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

_SET_FLAGS = 0x8914  # SIOCSIFFLAGS
_UP = 0x1 | 0x40  # IFF_UP, IFF_RUNNING


def name_asked(question: bytes) -> str:
    """The name in a question to a name server (RFC 1035, 4.1).

    >>> name_asked(bytes(12) + b"\\x04leak\\x07invalid\\x00\\x00\\x01\\x00\\x01")
    'leak.invalid'
    """
    labels, at = [], 12
    while at < len(question) and (length := question[at]):
        labels.append(question[at + 1 : at + 1 + length].decode("ascii", "replace"))
        at += 1 + length
    return ".".join(labels)


def main(names: Path, command: list[str]) -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SET_FLAGS, struct.pack("16sH14x", b"lo", _UP))
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 53))

    def answer() -> None:
        while True:
            question, asker = server.recvfrom(4096)
            with names.open("a", encoding="utf-8") as file:
                file.write(name_asked(question) + "\n")
            server.sendto(question[:2] + b"\x81\x83" + question[4:], asker)  # there is no such name

    threading.Thread(target=answer, daemon=True).start()
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as resolver:
        resolver.write("nameserver 127.0.0.1\n")
        resolver.flush()
        subprocess.run(["mount", "--bind", resolver.name, "/etc/resolv.conf"], check=True)
        return subprocess.call(command)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
