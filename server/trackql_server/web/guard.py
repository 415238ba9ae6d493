"""Refuses what foreign pages and rebound host names ask through a visitor's browser."""

from collections.abc import Iterable
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Receive, Scope, Send

from trackql_server.errors import Forbidden
from trackql_server.web.replies import refusal, refuse

_DEFAULT_PORTS = {"http": 80, "https": 443}


class Guard:
    """Checks Host, Origin and Sec-Fetch-Site of each request and each WebSocket handshake.

    On loopback the Host has to name this machine or an allowed host, so that a foreign name
    that was made to resolve to 127.0.0.1 gets nothing. Its port is free: a forwarded one differs.
    """

    def __init__(
        self, app: ASGIApp, *, any_host: bool = False, allowed_hosts: Iterable[str] = ()
    ) -> None:
        self.app = app
        self.any_host = any_host
        self.allowed_hosts = frozenset(host.lower() for host in allowed_hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        error = self.objection(scope)
        if error is None:
            await self.app(scope, receive, send)
        elif scope["type"] == "http":
            await refuse(send, error)
        else:
            await _refuse_handshake(scope, send, error)

    def objection(self, scope: Scope) -> Forbidden | None:
        host = origin = site = mode = None
        for name, value in scope["headers"]:
            if name == b"host":
                if host is not None:
                    return Forbidden("The request has more than one Host header; send one.")
                host = value
            elif name == b"origin":
                origin = value
            elif name == b"sec-fetch-site":
                site = value
            elif name == b"sec-fetch-mode":
                mode = value
        target = _authority(host.decode("latin-1")) if host is not None else None
        if target is None:
            return Forbidden("The request has no valid Host header; name this server in it.")
        if not self.any_host and not self._known(target[0]):
            return Forbidden(
                f"The Host {target[0]!r} is not this server's; use its loopback address, or name "
                "the host in TRACKQL_ALLOWED_HOSTS."
            )
        if origin is not None and not _same_origin(origin.decode("latin-1"), target):
            return Forbidden(
                f"Pages of the origin {origin.decode('latin-1')!r} may not use this server; "
                "open its own dashboard."
            )
        # Browsers leave Origin out of a cross-site GET; a link to the dashboard may be followed.
        if site in (b"cross-site", b"same-site") and mode != b"navigate" and origin is None:
            return Forbidden("Other sites may not load from this server; open its own dashboard.")
        return None

    def _known(self, name: str) -> bool:
        return name in self.allowed_hosts or is_loopback(name)


def is_loopback(host: str) -> bool:
    """Whether a host name or address can only mean this machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _authority(text: str) -> tuple[str, int | None] | None:
    """The lower-case host name, without brackets or a final dot, and the port if one is given."""
    if not text or not text.isascii() or any(mark in text for mark in "/\\?#@ ,\t"):
        return None
    try:
        parts = urlsplit(f"//{text}")
        name, port = parts.hostname, parts.port
    except ValueError:
        return None
    if not name or name == ".":
        return None
    return name.removesuffix("."), port


def _same_origin(origin: str, target: tuple[str, int | None]) -> bool:
    scheme, separator, rest = origin.partition("://")
    default = _DEFAULT_PORTS.get(scheme)
    source = _authority(rest)
    if not separator or default is None or source is None:
        return False
    # Behind a proxy that ends TLS only the origin knows the scheme, so it fills both ports in.
    return source[0] == target[0] and (source[1] or default) == (target[1] or default)


async def _refuse_handshake(scope: Scope, send: Send, error: Forbidden) -> None:
    if "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close", "code": 1008, "reason": error.message})
        return
    body = refusal(error)
    await send(
        {
            "type": "websocket.http.response.start",
            "status": error.status,
            "headers": [
                (b"content-type", b"application/json"),
                (b"content-length", str(len(body)).encode()),
            ],
        }
    )
    await send({"type": "websocket.http.response.body", "body": body})
