"""A model hub on the loopback, as far as fetching a model needs one."""

import hashlib
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

COMMIT = "89abcdef0123456789abcdef0123456789abcdef"


class HubServer:
    """Serves the files of one folder as one model. Use it as a context manager; `fetched` lists what was asked for.

    A file that is taken out of the folder stays in the listing: a download breaks off there.
    """

    def __init__(self, model: str, folder: Path) -> None:
        fetched: list[str] = []
        names = sorted(path.name for path in folder.iterdir())
        # No large files here: those come with another protocol.
        tree = [
            {"type": "file", "path": name, "size": (folder / name).stat().st_size, "oid": f"{number:040x}"}
            for number, name in enumerate(names)
        ]
        info = {"id": model, "modelId": model, "sha": COMMIT, "siblings": [{"rfilename": name} for name in names]}

        class Handler(BaseHTTPRequestHandler):
            def do_HEAD(self) -> None:
                self._answer(body=False)

            def do_GET(self) -> None:
                self._answer(body=True)

            def _answer(self, *, body: bool) -> None:
                path = urlsplit(self.path).path
                content, kind = b"", "application/json"
                about = f"/api/models/{model}"
                if path in (about, f"{about}/revision/main", f"{about}/revision/{COMMIT}"):
                    content = json.dumps(info).encode()
                elif path == f"{about}/tree/{COMMIT}":
                    content = json.dumps(tree).encode()
                elif path.startswith(f"/{model}/resolve/") and (folder / path.rpartition("/")[2]).is_file():
                    content, kind = (folder / path.rpartition("/")[2]).read_bytes(), "application/octet-stream"
                    if body:
                        fetched.append(path.rpartition("/")[2])
                else:
                    self.send_error(404)
                    return
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(content)))
                self.send_header("X-Repo-Commit", COMMIT)
                self.send_header("ETag", f'"{hashlib.sha1(content).hexdigest()}"')  # noqa: S324 - what git uses
                self.end_headers()
                if body:
                    self.wfile.write(content)

            def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
                pass

        self.fetched = fetched
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
