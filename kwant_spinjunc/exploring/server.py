"""The page on this machine: the standard library's server on 127.0.0.1, a free port, and an address nobody can guess.

Nothing but the files of the page and its questions is served, and only to requests that name 127.0.0.1 or localhost as
host and carry the secret of this run in their path: another page that is open in the same browser cannot ask.
"""

from __future__ import annotations

import json
import secrets
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from typing import Any

from kwant_spinjunc.exploring.explorer import QUESTIONS, Explorer

HOST = "127.0.0.1"
#: The front end, for the page and for the widget alike.
FRONT = ("explore.js", "explore.css")
TYPES = {"html": "text/html", "js": "text/javascript", "css": "text/css"}
#: Seconds between two looks whether it is to stop.
POLL = 0.05
#: Bytes of a question; the longest is a few hundred.
LONGEST = 100_000
PAGE = """<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>kwant_spinjunc explorer</title><link rel="icon" href="data:,"><link rel="stylesheet" href="explore.css"></head>
<body><main id="explorer"></main><script type="module">
import { mount } from "./explore.js";
const ask = async (what, state) => (await fetch(what, { method: "POST", body: JSON.stringify(state) })).json();
mount(document.getElementById("explorer"), ask);
</script></body></html>
"""


def asset(name: str) -> str:
    """Return the text of a file of the front end."""
    return files("kwant_spinjunc.exploring").joinpath(name).read_text(encoding="utf-8")


class _Handler(BaseHTTPRequestHandler):
    server: _Listener

    def do_GET(self) -> None:
        """Serve the page and its front end."""
        name = self._name()
        if name == "":
            self._send(200, "html", PAGE)
        elif name in FRONT:
            self._send(200, name.rsplit(".", 1)[1], asset(name))
        else:
            self._send(404, "html", "not here")

    def do_POST(self) -> None:
        """Answer a question of the page."""
        name, explorer = self._name(), self.server.explorer
        if name not in QUESTIONS:
            self._send(404, "html", "not here")
            return
        try:
            length = int(self.headers.get("Content-Length", 0))
            state = json.loads(self.rfile.read(min(length, LONGEST)) or b"{}")
            if not isinstance(state, dict):
                raise TypeError
        except (ValueError, TypeError):
            self._send(400, "html", "no JSON object")
            return
        self._send(200, "json", json.dumps(explorer.ask(name, state), allow_nan=False))

    def _name(self) -> str | None:
        """Return what is asked for behind the secret, None where the secret or the host is wrong."""
        host = self.headers.get("Host", "").rsplit(":", 1)[0]
        prefix = f"/{self.server.secret}/"
        known = host in (HOST, "localhost") and secrets.compare_digest(
            self.path[: len(prefix)].encode(), prefix.encode()
        )
        return self.path[len(prefix) :].partition("?")[0] if known else None

    def _send(self, status: int, kind: str, text: str) -> None:
        data = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", f"{TYPES.get(kind, 'application/json')}; charset=utf-8")
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the terminal is the user's."""


class _Listener(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, explorer: Explorer) -> None:
        self.explorer, self.secret = explorer, secrets.token_urlsafe(16)
        super().__init__((HOST, 0), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a browser that went away in the middle of an answer."""


class Server:
    """Serves one explorer from a thread until it is closed."""

    def __init__(self, explorer: Explorer) -> None:
        self._listener = _Listener(explorer)
        self._thread = threading.Thread(target=self._listener.serve_forever, args=(POLL,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Address of the page."""
        return f"http://{HOST}:{self._listener.server_address[1]}/{self._listener.secret}/"

    def close(self) -> None:
        """Stop and free the port."""
        self._listener.shutdown()
        self._listener.server_close()
        self._thread.join()
