"""Starts the server, trains a real model that streams live, and proves what was stored."""

import base64
import json
import os
import signal
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer
from rich.console import Console

from scripts.process import Server, answers, trackql_server

ROOT = Path(__file__).parents[1]
TRAINER = ROOT / "sdk" / "examples" / "digits.py"

HISTORY = """
query Stored($run: ID!, $key: String!, $offset: Int64!) {
  metricHistories(runIds: [$run], keys: [$key], offset: $offset, limit: 100000) {
    nextOffset
    total
    steps(encoding: BASE64)
    values(encoding: BASE64)
  }
}
"""

# A series: each point's step and the bits of its value.
Points = list[tuple[int, bytes]]

console = Console(highlight=False, soft_wrap=True)


def quickstart(
    port: Annotated[
        int | None, typer.Option(help="Port of the dashboard; a free one if not given.")
    ] = None,
    wait: Annotated[bool, typer.Option(help="Stay up after training, until Ctrl-C.")] = True,
    seconds: Annotated[float, typer.Option(help="About how long to train.", min=1)] = 60,
) -> None:
    """Watch a model learn: server, dashboard and three training runs."""
    home = Path(os.environ.get("TRACKQL_HOME", ROOT / "trackql-data"))
    server = trackql_server(home, port=port)
    equal, code = False, 1
    # Also when a shell started this in the background, with interrupts ignored.
    for ending in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ending, signal.default_int_handler)
    try:
        server.start()
        console.print(f"\n[bold]Dashboard  {server.url}[/]\n")
        if wait:
            console.print(f"Nothing gets lost:  kill -9 {server.pid}  and start the server again:")
            console.print(f"{again(server, home)}\n", style="dim")
        console.print(f"Training three classifiers of handwritten digits for {seconds:.0f} s …")
        with tempfile.TemporaryDirectory(prefix="trackql-quickstart-") as folder:
            train(server, Path(folder), seconds)
            deliver(server, home, wait)
            equal = compare(server, Path(folder))
        if wait and server.running:
            console.print("The server stays up; end it with Ctrl-C.")
            server.wait()
            console.print("The server has ended.")
    except KeyboardInterrupt:
        console.print("\nLeaving.")
        code = 128 + signal.SIGINT
    finally:
        server.stop()
    raise typer.Exit(0 if equal else code)


def again(server: Server, home: Path) -> str:
    """The command that starts the server again, on the same port and data."""
    command = Path(sys.executable).with_name("trackql")
    return f"TRACKQL_HOME={home} {command} server --port {server.port}"


def deliver(server: Server, home: Path, wait: bool) -> None:
    """See that a server answers, and that it has what was logged while none did."""
    if not answers(f"{server.url}/health"):
        if not wait:
            console.print("[red]The server does not answer any more.[/]")
            raise typer.Exit(1)
        console.print("\nThe server does not answer. Waiting for you to start it again:")
        console.print(again(server, home), style="dim")
        while not answers(f"{server.url}/health"):
            time.sleep(0.5)
    command = Path(sys.executable).with_name("trackql")
    subprocess.run(
        [command, "sync"],
        env={**os.environ, "TRACKQL_URL": server.url},
        check=True,
        stdout=subprocess.DEVNULL,
    )


def train(server: Server, folder: Path, seconds: float) -> None:
    """Run the example; its own files of what it logged go into `folder`."""
    trainer = subprocess.Popen(
        [sys.executable, str(TRAINER), "--seconds", str(seconds), "--record", str(folder)],
        env={**os.environ, "TRACKQL_URL": server.url},
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        code = trainer.wait()
    except KeyboardInterrupt:
        trainer.terminate()
        trainer.wait()
        raise
    if code != 0:
        console.print(f"[red]The training script ended with {code}.[/]")
        raise typer.Exit(1)


def compare(server: Server, folder: Path) -> bool:
    """Whether the server stored exactly what the trainer's own files hold; says so."""
    sent = stored = differing = 0
    files = sorted(folder.glob("*.jsonl"))
    with httpx.Client(base_url=server.url, timeout=60) as client:
        for file in files:
            for key, points in recorded(file).items():
                found = history(client, file.stem, key)
                sent += len(points)
                stored += len(found)
                differing += points != found
    verdict = "[red]they differ[/]" if differing or not sent else "[green]equal, value for value[/]"
    console.print(
        f"\nRuns           {len(files)}\n"
        f"Points sent    {sent:,}\n"
        f"Points stored  {stored:,}, {verdict}\n"
        f"Dashboard      {server.url}\n"
    )
    return sent > 0 and not differing


def recorded(file: Path) -> dict[str, Points]:
    """What the trainer wrote down itself, by key."""
    series: dict[str, Points] = {}
    with file.open() as lines:
        for line in lines:
            key, step, value = json.loads(line)
            series.setdefault(key, []).append((step, struct.pack("<d", float.fromhex(value))))
    return series


def history(client: httpx.Client, run: str, key: str) -> Points:
    """What the server stored, asked over GraphQL."""
    points: Points = []
    offset, total = 0, 1
    while offset < total:
        variables = {"run": run, "key": key, "offset": offset}
        answer = client.post("/graphql", json={"query": HISTORY, "variables": variables}).json()
        if answer.get("errors"):
            raise RuntimeError(f"the server answered {answer['errors']}")
        pages: list[dict[str, Any]] = answer["data"]["metricHistories"]
        if not pages:
            break
        steps = base64.b64decode(pages[0]["steps"])
        values = base64.b64decode(pages[0]["values"])
        count = len(steps) // 8
        points += [
            (step, values[8 * place : 8 * place + 8])
            for place, step in enumerate(struct.unpack(f"<{count}q", steps))
        ]
        offset, total = int(pages[0]["nextOffset"]), int(pages[0]["total"])
    return points


if __name__ == "__main__":
    typer.run(quickstart)
