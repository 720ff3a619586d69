"""A proxy that puts a page under a path of its own, as a web server in front of it does."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

_OF_THE_HOP = {"connection", "keep-alive", "transfer-encoding", "host"}


@contextmanager
def proxied(url: str, path: str) -> Iterator[str]:
    """Serve `url` under `path` of another port; what lies elsewhere is not found."""
    behind = urlsplit(url)

    class Proxy(BaseHTTPRequestHandler):
        def pass_on(self) -> None:
            if not self.path.startswith(path + "/") and self.path != path:
                self.send_error(404, "outside the path of the page")
                return
            sent = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {k: v for k, v in self.headers.items() if k.lower() not in _OF_THE_HOP}
            headers |= {"X-Forwarded-Host": self.headers["Host"], "X-Forwarded-Proto": "http"}
            upstream = http.client.HTTPConnection(behind.hostname or "", behind.port, timeout=60)
            try:
                upstream.request(self.command, self.path.removeprefix(path) or "/", sent or None, headers)
                answer = upstream.getresponse()
                self.send_response(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in _OF_THE_HOP:
                        self.send_header(name, value)
                self.end_headers()
                while part := answer.read1(65_536):  # events as they come
                    self.wfile.write(part)
                    self.wfile.flush()
            except (ConnectionError, BrokenPipeError):
                pass  # the browser has left
            finally:
                upstream.close()

        do_GET = do_POST = do_HEAD = pass_on

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  a browser that leaves in the middle is no fault
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}{path}"
    finally:
        server.shutdown()
        server.server_close()
