"""What browser tests log to a run without a script: files, values, printed lines."""

import io
import math
import struct
import wave
import zlib
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import httpx

from scripts.process import Server

from .conftest import Ask


def new_run(ask: Ask, name: str = "calm-otter") -> str:
    """A run that is under way."""
    made = ask("mutation ($name: String!) { createRun(input: {name: $name}) { id } }", name=name)[
        "createRun"
    ]["id"]
    assert isinstance(made, str)
    return made


def put(server: Server, run: str, files: dict[str, str | bytes]) -> None:
    """Files of a run, by path."""
    with httpx.Client(base_url=server.url, trust_env=False, timeout=60) as http:
        for path, content in files.items():
            reply = http.put(f"/artifacts/runs/{run}/{quote(path)}", content=content)
            assert reply.status_code in (200, 201), reply.text


def log_values(ask: Ask, run: str, values: list[dict[str, Any]]) -> None:
    """Rich values of a run."""
    ask(
        "mutation ($input: LogValuesInput!) { logValues(input: $input) { count } }",
        input={"runId": run, "values": values},
    )


def print_lines(
    ask: Ask,
    run: str,
    lines: Sequence[str],
    stream: str = "STDOUT",
    opened: str | None = None,
) -> None:
    """Lines as a script printed them, and one that is not ended."""
    open_lines = [] if opened is None else [{"text": opened, "time": 1_000, "stream": "STDERR"}]
    ask(
        "mutation ($input: AppendConsoleInput!) { appendConsole(input: $input) { nextRecord } }",
        input={
            "runId": run,
            "times": [1_700_000_000_000] * len(lines),
            "streams": [stream] * len(lines),
            "texts": list(lines),
            "open": open_lines,
        },
    )


def png(red: int, green: int, blue: int, side: int = 8) -> bytes:
    """A picture of one colour."""
    rows = (b"\0" + bytes((red, green, blue)) * side) * side

    def chunk(kind: bytes, body: bytes) -> bytes:
        check = zlib.crc32(kind + body)
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", check)

    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def wav() -> bytes:
    """A tenth of a second of sound."""
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8_000)
        samples = (round(9_000 * math.sin(at / 5)) for at in range(800))
        sound.writeframes(b"".join(struct.pack("<h", each) for each in samples))
    return file.getvalue()
