"""What a process does that reaches beyond itself, as Python's audit events tell it: a line of JSON each, in
the file that WATCH_LOG names.

Python imports a module of this name at its start, wherever PYTHONPATH leads to it: so child processes are
watched as well, however they are started.
"""

from __future__ import annotations

import fcntl
import json
import os
import sys
from typing import Any

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
# Which of an event's arguments are paths, each with which says the folder that it is relative to.
_PATHS = {
    "os.mkdir": ((0, 2),),
    "os.remove": ((0, 1),),
    "os.rmdir": ((0, 1),),
    "os.rename": ((0, 2), (1, 3)),
    "os.link": ((0, 2), (1, 3)),
    "os.symlink": ((1, 2),),
    "os.truncate": ((0, None),),
    "os.chmod": ((0, 2),),
    "os.chown": ((0, 3),),
    "os.utime": ((0, 3),),
    "os.setxattr": ((0, None),),
}
_PROGRAMS = {
    "subprocess.Popen": 1,
    "os.exec": 1,
    "os.posix_spawn": 1,
    "os.spawn": 2,
    "os.system": 0,
    "pty.spawn": 0,
}
_REACHING = frozenset(
    "socket.connect socket.bind socket.sendto socket.sendmsg socket.getaddrinfo socket.gethostbyname "
    "socket.gethostbyaddr "
    "socket.getnameinfo urllib.Request http.client.connect ftplib.connect smtplib.connect poplib.connect "
    "imaplib.open "
    "telnetlib.Telnet.open webbrowser.open".split()
)


def _path(given: Any, folder: Any) -> str | None:
    if given is None or isinstance(given, int):  # a file that is open already
        return None
    stated = os.fsdecode(given)
    if isinstance(folder, int) and folder >= 0:
        stated = os.path.join(os.readlink(f"/proc/self/fd/{folder}"), stated)
    return os.path.abspath(stated)


def _told(event: str, args: tuple[Any, ...]) -> list[Any]:
    if event == "open":
        path, _, flags = args
        return [_path(path, None)] if isinstance(flags, int) and flags & _WRITING else []
    if event in _PATHS:
        return [_path(args[at], None if base is None else args[base]) for at, base in _PATHS[event]]
    if event in _PROGRAMS:
        command = args[_PROGRAMS[event]]
        return [os.fsdecode(part) for part in (command if isinstance(command, (list, tuple)) else [command])]
    if event in _REACHING:
        return [
            part.decode("utf-8", "replace") if isinstance(part, bytes) else part
            for part in args
            if _is_plain(part)
        ]
    return []


def _is_plain(part: Any) -> bool:
    return isinstance(part, (str, bytes, int, tuple)) and not isinstance(part, bool)


def _watch(log: str) -> None:
    opened = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    to = fcntl.fcntl(
        opened, fcntl.F_DUPFD_CLOEXEC, 200
    )  # out of the way of who moves standard input and output
    os.close(opened)

    def heard(event: str, args: tuple[Any, ...]) -> None:
        if told := [part for part in _told(event, args) if part is not None]:
            os.write(to, json.dumps([event, told], default=str).encode() + b"\n")

    sys.addaudithook(heard)


if "WATCH_LOG" in os.environ:
    _watch(os.environ["WATCH_LOG"])
