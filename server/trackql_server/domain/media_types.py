"""What kind of file a name or a client says that bytes are."""

import mimetypes
import re

from trackql_server.errors import InvalidInput

UNKNOWN = "application/octet-stream"

_FORM = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]*/[a-z0-9][a-z0-9!#$&^_.+-]*(;[\x20-\x7e]*)?")

# What the machine's own table may lack or call otherwise.
_KNOWN = {
    ".csv": "text/csv",
    ".gz": "application/gzip",
    ".ipynb": "application/x-ipynb+json",
    ".jsonl": "application/jsonl",
    ".log": "text/plain",
    ".md": "text/markdown",
    ".npy": "application/x-npy",
    ".onnx": "application/onnx",
    ".parquet": "application/vnd.apache.parquet",
    ".patch": "text/x-diff",
    ".diff": "text/x-diff",
    ".py": "text/x-python",
    ".safetensors": "application/x-safetensors",
    ".toml": "application/toml",
    ".tsv": "text/tab-separated-values",
    ".txt": "text/plain",
    ".wav": "audio/wav",
    ".webp": "image/webp",
    ".yaml": "application/yaml",
    ".yml": "application/yaml",
}


def media_type(name: str, given: str | None = None, argument: str = "mediaType") -> str:
    """What was given, if it was, else what the name tells. Raises InvalidInput."""
    if given:
        plain = given.strip().lower()
        if len(plain) > 200 or not _FORM.fullmatch(plain):
            raise InvalidInput(
                f"{argument} {given[:100]!r} is no media type: write it like text/csv",
                argument=argument,
            )
        return plain
    dot = name.rfind(".")
    known = _KNOWN.get(name[dot:].lower()) if dot >= 0 else None
    return known or mimetypes.guess_type(name, strict=False)[0] or UNKNOWN
