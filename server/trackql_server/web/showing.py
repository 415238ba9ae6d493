"""How an artifact is sent so that nothing in it can run as if it were this server's own.

By default it is a download. Asked for `inline`, text comes as plain text, pictures, sound, film and
PDF as what they are, and what can run (HTML, SVG) in a sandbox: an origin of its own that reaches
no network.
"""

from urllib.parse import quote

Headers = list[tuple[bytes, bytes]]

# Of an opaque origin; scripts neither ask the network nor leave the frame.
SANDBOX_HTML = (
    "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; "
    "style-src 'unsafe-inline'; img-src data: blob:; font-src data:; media-src data: blob:; "
    "form-action 'none'; frame-ancestors 'self'"
)
SANDBOX_SVG = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"
)
SANDBOX = "sandbox; default-src 'none'; frame-ancestors 'self'"
# The viewer of a browser does not start in a sandbox; a PDF reaches nothing of this origin.
PDF = "default-src 'none'; style-src 'unsafe-inline'; object-src 'self'; frame-ancestors 'self'"

_SHOWN = frozenset(
    {
        "image/apng", "image/avif", "image/bmp", "image/gif", "image/jpeg", "image/png",
        "image/webp", "audio/aac", "audio/flac", "audio/mpeg", "audio/mp4", "audio/ogg",
        "audio/wav", "audio/webm", "audio/x-wav", "video/mp4", "video/ogg", "video/webm",
    }
)  # fmt: skip
_TEXTS = frozenset(
    {
        "application/json", "application/jsonl", "application/toml", "application/x-ipynb+json",
        "application/x-sh", "application/x-yaml", "application/xml", "application/yaml",
        "application/javascript", "application/sql", "application/ecmascript",
    }
)  # fmt: skip
_HTML = frozenset({"text/html", "application/xhtml+xml"})


def headers(name: str, media_type: str, *, inline: bool) -> Headers:
    """Content type, disposition and policy of an artifact."""
    kind = media_type.partition(";")[0].strip()
    policy, shown = SANDBOX, "application/octet-stream"
    if inline:
        policy, shown = _inline(kind)
    elif kind in _SHOWN or kind == "application/pdf":
        shown = kind
    disposition = "inline" if inline and shown != "application/octet-stream" else "attachment"
    return [
        (b"content-type", shown.encode()),
        (b"content-disposition", f"{disposition}; {_filename(name)}".encode()),
        (b"content-security-policy", policy.encode()),
        (b"x-content-type-options", b"nosniff"),
        (b"cross-origin-resource-policy", b"same-origin"),
        (b"referrer-policy", b"no-referrer"),
        (b"x-frame-options", b"SAMEORIGIN"),
    ]


def _inline(kind: str) -> tuple[str, str]:
    if kind in _HTML:
        return SANDBOX_HTML, "text/html; charset=utf-8"
    if kind == "image/svg+xml":
        return SANDBOX_SVG, kind
    if kind == "application/pdf":
        return PDF, kind
    if kind in _SHOWN:
        return SANDBOX, kind
    if kind.startswith("text/") or kind in _TEXTS or kind.endswith(("+json", "+xml")):
        return SANDBOX, "text/plain; charset=utf-8"
    return SANDBOX, "application/octet-stream"


def _filename(name: str) -> str:
    """RFC 6266: a plain name for old clients, and the true one."""
    plain = "".join(
        each if each.isascii() and each.isprintable() and each not in '"\\' else "_"
        for each in name
    )
    return f"filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
