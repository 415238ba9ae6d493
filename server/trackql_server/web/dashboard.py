"""Serves the built dashboard: its files by name, and its page for every address of its own."""

import asyncio
import gzip
import mimetypes
import os
from pathlib import Path
from urllib.parse import unquote

from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send

from trackql_server.errors import InvalidInput, NotFound
from trackql_server.web.replies import refuse, reply

# Nothing is loaded from elsewhere. Styles may be inline: charts, menus and GraphiQL's editor
# write <style> elements; images may be data and workers blobs for the same reason.
CONTENT_SECURITY_POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; "
    "worker-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'self'"
)
PAGE_HEADERS = (
    (b"content-security-policy", CONTENT_SECURITY_POLICY.encode()),
    (b"x-frame-options", b"SAMEORIGIN"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"x-content-type-options", b"nosniff"),
)

# First parts of paths that are never addresses of the page.
RESERVED = frozenset(
    {"api", "artifacts", "assets", "graphql", "health", "metrics", "ready", "version"}
)

_TYPES = {".js": "text/javascript", ".mjs": "text/javascript", ".woff2": "font/woff2"}
_COMPRESSED = {".css", ".html", ".js", ".json", ".map", ".mjs", ".svg", ".txt"}
_SMALLEST = 1_024
_MISSING = (
    b"The dashboard is not built here.\n\nIn a clone of the repository run scripts/build, then "
    b"reload this page; an installed trackql[server] brings it along.\nThe server itself works: "
    b"GraphQL answers at /graphql.\n"
)


def find() -> Path | None:
    """The folder of the built dashboard: in the package, or in the repository around it."""
    package = Path(__file__).parents[1]
    for folder in (package / "_dashboard", package.parents[1] / "dashboard" / "dist"):
        if (folder / "index.html").is_file():
            return folder
    return None


class Dashboard:
    """An ASGI endpoint for every path that nothing else answers."""

    def __init__(self, root: Path | None) -> None:
        self._root = root and root.resolve()
        self._packed: dict[str, tuple[bytes, bytes]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] not in ("GET", "HEAD"):
            error = InvalidInput("This address is read by GET.")
            await refuse(send, error, status=405, headers=[(b"allow", b"GET, HEAD")])
            return
        path = unquote(scope["path"]).lstrip("/")
        headers = Headers(scope=scope)
        file = self._file(path)
        if file is None and not self._is_page(path, headers):
            await refuse(send, NotFound(f"Nothing is at /{path}."))
        elif file is None and self._root is None:
            await reply(send, _MISSING, status=404, media_type=b"text/plain; charset=utf-8")
        else:
            await self._send_file(file or Path("index.html"), headers, scope, send)

    def _file(self, path: str) -> Path | None:
        if self._root is None or not path or "\0" in path:
            return None
        try:
            file = (self._root / path).resolve()
            if not file.is_relative_to(self._root) or not file.is_file():
                return None
        except OSError:  # no file system has such a name
            return None
        return file.relative_to(self._root)

    def _is_page(self, path: str, headers: Headers) -> bool:
        accept = headers.get("accept", "*/*")
        wants_page = "text/html" in accept or (not path and "*/*" in accept)
        return wants_page and path.partition("/")[0] not in RESERVED

    async def _send_file(self, file: Path, headers: Headers, scope: Scope, send: Send) -> None:
        assert self._root is not None
        found = await asyncio.to_thread(self._read, self._root / file, headers)
        if found is None:
            await refuse(send, NotFound(f"Nothing is at /{file}."))
            return
        body, tag, packed = found
        hashed = file.parts[0] == "assets"
        kept = b"public, max-age=31536000, immutable" if hashed else b"no-cache"
        extra = [*PAGE_HEADERS[:-1], (b"cache-control", kept), (b"etag", tag)]
        if file.suffix in _COMPRESSED:
            extra.append((b"vary", b"accept-encoding"))
        if packed:
            extra.append((b"content-encoding", b"gzip"))
        if tag.decode() in headers.get("if-none-match", ""):
            await send({"type": "http.response.start", "status": 304, "headers": extra})
            await send({"type": "http.response.body", "body": b""})
            return
        await reply(send, body, media_type=_media_type(file), headers=extra)

    def _read(self, file: Path, headers: Headers) -> tuple[bytes, bytes, bool] | None:
        """The bytes to send, their tag, and whether they are packed; None when just deleted."""
        try:
            status = os.stat(file)
            body = file.read_bytes()
        except FileNotFoundError:
            return None
        tag = f"{status.st_mtime_ns:x}-{status.st_size:x}".encode()
        small = file.suffix not in _COMPRESSED or len(body) < _SMALLEST
        if small or "gzip" not in headers.get("accept-encoding", ""):
            return body, b'"%b"' % tag, False
        known = self._packed.get(str(file))
        if known is None or known[0] != tag:
            known = self._packed[str(file)] = (tag, gzip.compress(body, mtime=0))
        return known[1], b'"%b-gzip"' % tag, True


def _media_type(file: Path) -> bytes:
    guessed = _TYPES.get(file.suffix) or mimetypes.guess_type(file.name)[0]
    media_type = guessed or "application/octet-stream"
    if media_type.startswith("text/") or media_type == "application/json":
        media_type += "; charset=utf-8"
    return media_type.encode()
