"""The page of a session, on this machine and for this person only.

Who may speak to it: a program that knows the token of the address, over the loopback. A browser knows it for one page
only, and other pages that it shows cannot use it: a request whose `Host` is a name (DNS rebinding) or whose `Origin` is
another page is refused, and no answer allows another origin to read it. All answers are JSON but the page itself, which
holds no data; its policy lets nothing run but its own script.
"""

import hmac
import json
import secrets
import sys
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from urllib.parse import urlsplit

from pydantic import ValidationError

from evals.annotating.page import POLICY, page
from evals.annotating.session import PostedGold, PostedLabel, Session, UnknownPairError
from summarizer.extension import Frozen, InputError, OutputError, SettingsError, first_problem

_LOOPBACK = "127.0.0.1"
#: Bytes of a request: gold with many results is a tenth of that.
_LONGEST = 256 * 1024
#: Seconds that a connection may say nothing; browsers open some on speculation.
_PATIENCE = 30


class _RefusedError(Exception):
    """A request that is not answered."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        self.status, self.message = status, message
        super().__init__(message)


class AnnotationServer(ThreadingHTTPServer):
    """Answers until it is closed; `handle_request` returns after a fifth of a second at the latest."""

    daemon_threads = True  # what a kill may interrupt, a connection that waits must not keep from ending
    timeout = 0.2

    def __init__(self, session: Session, port: int) -> None:
        """Port 0 takes a free one. `SettingsError` when the port cannot be had."""
        self.session = session
        self.token = secrets.token_urlsafe(24)
        self.page = page(session.annotator)
        try:
            super().__init__((_LOOPBACK, port), _Handler)
        except (OSError, OverflowError) as error:
            raise SettingsError(f"port {port} cannot be had: {error}; choose another with --port") from error
        self.hosts = frozenset(f"{name}:{self.server_port}" for name in (_LOOPBACK, "localhost"))

    @property
    def address(self) -> str:
        """Where the page is."""
        return f"http://{_LOOPBACK}:{self.server_port}/{self.token}/"

    def server_bind(self) -> None:
        """As `HTTPServer`, which besides looks up the name of the machine, and may ask the network for it."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = _LOOPBACK, int(self.server_address[1])

    def handle_error(self, request: object, client_address: object) -> None:
        """A browser that has gone is no error."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class _Handler(BaseHTTPRequestHandler):
    server: AnnotationServer
    timeout = _PATIENCE

    def do_GET(self) -> None:
        """Read something."""
        self._respond()

    def do_POST(self) -> None:
        """Store something."""
        self._respond()

    def _respond(self) -> None:
        try:
            path = self._admitted()
            if self.command == "GET" and path == "":
                self._send(HTTPStatus.OK, self.server.page, "text/html; charset=utf-8")
                return
            found = self._read(path) if self.command == "GET" else self._store(path, self._body())
            status, answer = HTTPStatus.OK, found.model_dump_json()
        except _RefusedError as error:
            status, answer = error.status, _complaint(error.message)
        except UnknownPairError:
            status, answer = HTTPStatus.NOT_FOUND, _complaint("there is no such pair; load the page again")
        except (InputError, OutputError) as error:
            status, answer = HTTPStatus.INSUFFICIENT_STORAGE, _complaint(str(error))
        self._send(status, answer, "application/json")

    def _admitted(self) -> str:
        """What is asked for, of somebody who may ask."""
        host = self.headers.get("Host", "")
        if host not in self.server.hosts:
            raise _RefusedError(HTTPStatus.FORBIDDEN, "the address in the browser has to be the one that was printed")
        _, token, *rest = [*urlsplit(self.path).path.split("/", 2), ""]
        # Without the slash behind the token the page would ask for its parts at the wrong place.
        if not hmac.compare_digest(token.encode(), self.server.token.encode()) or len(rest) < 2:
            raise _RefusedError(HTTPStatus.NOT_FOUND, "the address has to be the one that was printed")
        if self.command == "POST" and self.headers.get("Origin") != f"http://{host}":
            raise _RefusedError(HTTPStatus.FORBIDDEN, "only the page itself may store something")
        return rest[0]

    def _body(self) -> bytes:
        if self.headers.get_content_type() != "application/json":
            raise _RefusedError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "it has to be JSON")
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdecimal()):
            raise _RefusedError(HTTPStatus.LENGTH_REQUIRED, "its length has to be said")
        if len(length) > 9 or int(length) > _LONGEST:
            raise _RefusedError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"it is longer than {_LONGEST} bytes")
        return self.rfile.read(int(length))

    def _read(self, path: str) -> Frozen:
        session = self.server.session
        match path.split("/"):
            case ["progress"]:
                return session.progress()
            case ["standing"]:
                return session.told()
            case ["pairs", place] if place.isascii() and place.isdecimal() and len(place) < 9:
                return session.show(int(place))
        raise _RefusedError(HTTPStatus.NOT_FOUND, "there is no such thing")

    def _store(self, path: str, body: bytes) -> Frozen:
        session = self.server.session
        try:
            match path:
                case "labels":
                    return session.label(PostedLabel.model_validate_json(body))
                case "gold":
                    return session.gold(PostedGold.model_validate_json(body))
                case "undo":
                    if (undone := session.undo()) is None:
                        raise _RefusedError(HTTPStatus.CONFLICT, "there is nothing to take back")
                    return undone
        except ValidationError as error:
            raise _RefusedError(HTTPStatus.UNPROCESSABLE_ENTITY, first_problem(error, "request")) from error
        raise _RefusedError(HTTPStatus.NOT_FOUND, "there is no such thing")

    def _send(self, status: HTTPStatus, text: str, kind: str) -> None:
        content = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def end_headers(self) -> None:
        """What holds for every answer, those of the base class included."""
        self.send_header("Content-Security-Policy", POLICY)
        self.send_header("Cache-Control", "no-store")
        self.send_header("Cross-Origin-Opener-Policy", "same-origin")
        self.send_header("Cross-Origin-Resource-Policy", "same-origin")
        # Not `no-referrer`, with which some browsers send no origin either.
        self.send_header("Referrer-Policy", "same-origin")
        self.send_header("X-Content-Type-Options", "nosniff")
        super().end_headers()

    def version_string(self) -> str:
        """Nothing that a stranger could use."""
        return "summarizer"

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the name of the base class
        """Nothing: the address holds the token."""


def _complaint(message: str) -> str:
    return json.dumps({"error": message})
