"""What a script prints: still printed, and kept with its run, each line once and in order."""

import itertools
import json
import logging
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies as st

import trackql
from scripts.process import Server
from tests.sdk.conftest import Script
from trackql import Client, _console
from trackql._lines import Lines
from trackql._memory import MemoryServer

CONSOLE = """query($id: ID!, $from: Int64 = 0) { run(id: $id) { problems { message } console(
  from: $from, first: 5000) { total next texts streams writers open { text stream } } } }"""


def console(url: str, run: str) -> dict[str, Any]:
    """All lines of a run."""
    found: dict[str, Any] = {"texts": [], "streams": [], "writers": []}
    start: int | None = 0
    while start is not None:
        page = ask(url, CONSOLE, {"id": run, "from": start})["run"]["console"]
        for name in ("texts", "streams", "writers"):
            found[name] += page[name]
        found["open"], start = page["open"], page["next"]
    return found


def ask(url: str, document: str, variables: dict[str, Any]) -> dict[str, Any]:
    import httpx

    reply = httpx.post(f"{url}/graphql", json={"query": document, "variables": variables}).json()
    assert "errors" not in reply, reply["errors"]
    data: dict[str, Any] = reply["data"]
    return data


@pytest.fixture
def on(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is printed is kept."""
    monkeypatch.setenv("TRACKQL_CONSOLE", "1")


def lines_of(run: trackql.Run, app: MemoryServer) -> list[str]:
    """What the app in memory has of a run that has ended."""
    body = json.dumps({"query": CONSOLE, "variables": {"id": run.id}}).encode()
    _, reply = app.post("/graphql", body, {"content-type": "application/json"})
    texts: list[str] = json.loads(reply)["data"]["run"]["console"]["texts"]
    return texts


# -- what becomes of writes


def shown(*writes: str) -> tuple[list[str], str]:
    lines = Lines()
    ended = [line for text in writes for line in lines.feed(text, 1)]
    return ended, lines.open()


def test_writes_become_lines() -> None:
    assert shown("a\n") == (["a"], "")
    assert shown("a", "b", "\n", "c") == (["ab"], "c")
    assert shown("a\n\nb\n") == (["a", "", "b"], "")
    assert shown("\n") == ([""], "")
    assert shown("a\r\n") == (["a"], "")
    assert shown("\x1b[31mred", "\x1b[0m\n") == (["\x1b[31mred\x1b[0m"], "")


def test_a_bar_keeps_its_last_state() -> None:
    assert shown("\r 10%", "\r 20%") == ([], " 20%")
    assert shown("\r 10%", "\r100%", "\n") == (["100%"], "")
    assert shown("0%\r50%\r100%\n") == (["100%"], "")
    assert shown("\r 10%", "\r     \r", "done\n") == (["done"], "")
    assert shown("\r 10%", "\r\x1b[K", "done\n") == (["done"], "")
    assert shown("\r 10%", "note\n", "\r 20%", "\n") == (["note", " 20%"], "")
    assert shown("epoch: ", "\repoch: 1", "\n") == (["epoch: 1"], "")


def test_several_bars_are_followed_on_a_screen() -> None:
    def turn(number: int) -> list[str]:
        return [f"\router {number}", "\n", f"\rinner {number}", "\x1b[A"]

    lines = Lines()
    ended = [
        line
        for text in itertools.chain(*map(turn, range(50)), ["\n\n", "done\n"])
        for line in lines.feed(text, 1)
    ]
    assert ended[-3:] == ["outer 49", "inner 49", "done"]
    assert len(ended) <= 5


def test_threads_do_not_break_into_each_others_lines() -> None:
    lines = Lines()
    assert lines.feed("one", 1) == []
    assert lines.feed("two", 2) == []
    assert lines.feed("\n", 1) == ["one"]
    assert lines.feed("\n", 2) == ["two"]


@hypothesis.given(
    st.lists(st.text(st.sampled_from("ab \n\r\x1b[AK2m"), max_size=12), max_size=12),
    st.integers(0, 2),
)
def test_any_writes_end_in_lines(writes: list[str], threads: int) -> None:
    lines = Lines()
    for place, text in enumerate(writes):
        for line in lines.feed(text, place % (threads + 1)):
            assert "\n" not in line
        assert "\n" not in lines.open()
    assert all("\n" not in line for line in lines.drain())
    assert lines.open() == ""


@hypothesis.given(st.lists(st.text(st.characters(exclude_characters="\r\x1b"), max_size=9)))
def test_plain_writes_lose_nothing(writes: list[str]) -> None:
    lines = Lines()
    ended = [line for text in writes for line in lines.feed(text, 1)] + lines.drain()
    whole = "".join(writes).split("\n")
    assert ended == (whole if whole[-1] else whole[:-1])


@hypothesis.given(st.text())
def test_any_line_can_be_kept(line: str) -> None:
    kept = _console.encoded(line).decode()
    assert "\0" not in kept
    if "\0" not in line and not any("\ud800" <= each <= "\udfff" for each in line):
        assert kept == line


def test_what_is_too_long_is_cut() -> None:
    assert _console.encoded("\0a\ud800").decode() == "\ufffda\ufffd"
    assert _console.encoded("é" * 32_768) == ("é" * 32_768).encode()
    kept = _console.encoded("é" * 100_000)
    assert len(kept) <= 65_536
    assert kept.decode().endswith("… (200,000 bytes; the rest is cut off)")


# -- from a run


def test_what_is_printed_is_printed_and_kept(
    app: MemoryServer, memory: Client, on: None, capsys: pytest.CaptureFixture[str]
) -> None:
    with trackql.start_run() as run:
        print("hello", 1, 2)
        print("to error", file=sys.stderr)
        sys.stdout.writelines(["a\n", "b\n"])
        print("no end", end="")
    assert capsys.readouterr() == ("hello 1 2\na\nb\nno end", "to error\n")
    assert lines_of(run, app) == ["hello 1 2", "to error", "a", "b", "no end"]
    assert run.problems == []


def test_streams_are_put_back(app: MemoryServer, memory: Client, on: None) -> None:
    before = (sys.stdout, sys.stderr)
    with trackql.start_run():
        assert isinstance(sys.stdout, _console.Tee)
        assert sys.stdout.encoding == before[0].encoding
        assert sys.stdout.isatty() == before[0].isatty()
        with trackql.start_run(nested=True):
            pass
        assert isinstance(sys.stdout, _console.Tee)
    assert (sys.stdout, sys.stderr) == before


def test_it_can_be_turned_off(app: MemoryServer, memory: Client, on: None) -> None:
    before = sys.stdout
    with trackql.start_run(console=False) as run:
        assert sys.stdout is before
        print("not kept")
    assert lines_of(run, app) == []


def test_a_line_is_its_innermost_runs(app: MemoryServer, memory: Client, on: None) -> None:
    with trackql.start_run() as outer:
        print("outer 1")
        with trackql.start_run(nested=True) as inner:
            print("inner")
        print("outer 2")
    assert lines_of(outer, app) == ["outer 1", "outer 2"]
    assert lines_of(inner, app) == ["inner"]


def test_logging_and_what_it_holds(app: MemoryServer, memory: Client, on: None) -> None:
    handler = logging.StreamHandler(sys.stderr)
    held = handler.stream
    logger = logging.getLogger("a test's")
    logger.propagate = False
    logger.addHandler(handler)
    try:
        with trackql.start_run() as run:
            logger.warning("careful")
        assert handler.stream is held
        logger.warning("after the run")
    finally:
        logger.removeHandler(handler)
    assert lines_of(run, app) == ["careful"]


def test_a_stream_within_ours_is_taken_in_once(app: MemoryServer, memory: Client, on: None) -> None:
    class Shouting:
        def __init__(self, inner: Any) -> None:
            self.inner = inner

        def write(self, text: str) -> int:
            return int(self.inner.write(text.upper()))

        def flush(self) -> None:
            self.inner.flush()

    with trackql.start_run() as run:
        inner = sys.stdout
        sys.stdout = Shouting(inner)
        try:
            print("once")
            with trackql.start_run(nested=True) as nested:
                print("twice?")
        finally:
            sys.stdout = inner
    assert lines_of(run, app) == ["ONCE"]
    assert lines_of(nested, app) == ["twice?"]


STREAMS = """
import sys
class Odd:
    def write(self, text): sys.__stdout__.write("odd " + text)
    def flush(self): pass
    def __getattribute__(self, name):
        if name not in ("write", "flush", "__class__"): raise RuntimeError(name)
        return object.__getattribute__(self, name)
sys.stdout = {stdout}
import logging, trackql
with trackql.start_run():
    print("hello")
    logging.warning("careful")
print("done", file=sys.__stdout__)
"""


@pytest.mark.parametrize("stdout", ["sys.stderr", "Odd()", "None"])
def test_a_run_begins_whatever_the_streams_are(server: Server, script: Script, stdout: str) -> None:
    source = STREAMS.format(stdout=stdout)
    done = script.run(source, TRACKQL_URL=server.url, TRACKQL_CONSOLE="1")
    assert done.stdout.endswith("done\n")
    assert "careful" in done.stderr


def test_no_server_keeps_a_script_from_printing(script: Script) -> None:
    source = """
import trackql
trackql.start_run()
for number in range(2000):
    print(number)
"""
    done = script.run(source, TRACKQL_URL="http://127.0.0.1:9", TRACKQL_CONSOLE="1")
    assert done.stdout.split() == [str(number) for number in range(2000)]


def test_offline_lines_are_delivered_later(server: Server, script: Script) -> None:
    source = """
import sys, trackql
run = trackql.start_run()
print(run.id)
for number in range(3000):
    print(number, file=sys.stderr if number % 2 else sys.stdout)
"""
    done = script.run(source, TRACKQL_URL="http://127.0.0.1:9", TRACKQL_CONSOLE="1")
    run = done.stdout.split()[0]
    script.trackql("sync", "--all", "--to", server.url)
    found = console(server.url, run)
    assert found["texts"] == [run, *map(str, range(3000))]
    assert found["streams"][1:] == ["STDOUT", "STDERR"] * 1500
    assert list((script.folder.parent / "spool").glob("*")) == []


def test_where_there_is_no_room_lines_are_counted(server: Server, script: Script) -> None:
    source = """
import trackql
run = trackql.start_run()
print(run.id)
for number in range(20_000):
    print(number, "x" * 80)
"""
    script.env["TRACKQL_SPOOL_LIMIT"] = "300000"
    done = script.run(source, TRACKQL_CONSOLE="1", TRACKQL_URL="http://127.0.0.1:9")
    run, *printed = done.stdout.splitlines()
    assert len(printed) == 20_000
    script.trackql("sync", "--all", "--to", server.url)
    texts = console(server.url, run)["texts"]
    assert 1_000 < len(texts) < 20_000
    assert texts == [run, *printed[: len(texts) - 1]]
    problems = ask(server.url, CONSOLE, {"id": run})["run"]["problems"]
    lost = f"{20_001 - len(texts):,} printed lines are lost"
    assert [each["message"][: len(lost)] for each in problems] == [lost]
    assert trackql.Client(server.url).run(run).dropped_points == 0


def test_a_childs_lines_tell_who_printed_them(server: Server, script: Script) -> None:
    source = """
import multiprocessing, os, sys
import trackql

def work(run_id):
    trackql.log_metric("x", 1.0, run_id=run_id)
    print("from a worker")
    sys.stdout.write("not ended")

if __name__ == "__main__":
    with trackql.start_run() as run:
        print("before")
        for method in ("fork", "spawn"):
            process = multiprocessing.get_context(method).Process(target=work, args=(run.id,))
            process.start()
            process.join()
        print("after")
    print(run.id)
"""
    done = script.run(source, TRACKQL_URL=server.url, TRACKQL_CONSOLE="1")
    found = console(server.url, done.stdout.split()[-1])
    own = [
        text for text, writer in zip(found["texts"], found["writers"], strict=True) if not writer
    ]
    assert own == ["before", "after"]
    others: dict[str, list[str]] = {}
    for text, writer in zip(found["texts"], found["writers"], strict=True):
        if writer:
            others.setdefault(writer, []).append(text)
    assert len(others) == 2
    assert all(writer.startswith("pid ") for writer in others)
    assert list(others.values()) == [["from a worker", "not ended"]] * 2


def test_open_lines_are_seen_while_they_are_open(server: Server, script: Script) -> None:
    source = """
import sys
import trackql
run = trackql.start_run()
print(run.id, file=sys.__stdout__, flush=True)
sys.stdout.write("\\r 10%")
sys.stdout.write("\\r 20%")
sys.stdin.readline()
sys.stdout.write("\\r100%\\n")
"""
    file = script.folder / "bar.py"
    file.write_text(source)
    process = subprocess.Popen(
        [sys.executable, "-u", str(file)],
        env={**script.env, "TRACKQL_URL": server.url, "TRACKQL_CONSOLE": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    run = process.stdout.readline().strip()
    deadline = time.monotonic() + 30
    while not (opened := _opened(server.url, run)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert opened == [{"text": " 20%", "stream": "STDOUT"}]
    process.communicate("\n", timeout=60)
    found = console(server.url, run)
    assert (found["texts"], found["open"]) == (["100%"], [])


def _opened(url: str, run: str) -> list[dict[str, str]]:
    found = ask(url, CONSOLE, {"id": run})["run"]
    opened: list[dict[str, str]] = found["console"]["open"] if found else []
    return opened


def test_descriptors_keep_what_other_processes_print(server: Server, script: Script) -> None:
    source = """
import ctypes, os, subprocess, sys
import trackql
with trackql.start_run() as run:
    print("python", flush=True)
    subprocess.run(["sh", "-c", "echo a child; echo its error >&2"])
    os.write(1, b"the descriptor\\n")
    os.write(2, b"x" * 300_000 + b"\\n")
    ctypes.pythonapi.PySys_WriteStdout(b"an extension\\n")
print("after", run.id)
"""
    done = script.run(source, TRACKQL_URL=server.url, TRACKQL_CONSOLE="fd")
    *printed, last = done.stdout.splitlines()
    assert sorted(printed) == ["a child", "an extension", "python", "the descriptor"]
    found = console(server.url, last.split()[1])
    by_stream = {
        stream: sorted(
            text
            for text, each in zip(found["texts"], found["streams"], strict=True)
            if each == stream
        )
        for stream in ("STDOUT", "STDERR")
    }
    assert by_stream["STDOUT"] == sorted(printed)
    its, long = by_stream["STDERR"]
    assert its == "its error"
    assert long.endswith("… (300,000 bytes; the rest is cut off)")
    assert "x" * 300_000 in done.stderr


def test_a_workers_output_is_kept_once_where_descriptors_are_kept(
    server: Server, script: Script
) -> None:
    source = """
import os
import trackql
with trackql.start_run() as run:
    child = os.fork()
    if not child:
        run.log_metric("x", 1.0)
        run.flush()
        print("once", flush=True)
        os._exit(0)
    os.waitpid(child, 0)
print(run.id)
"""
    done = script.run(source, TRACKQL_URL=server.url, TRACKQL_CONSOLE="fd")
    assert console(server.url, done.stdout.split()[-1])["texts"] == ["once"]


def test_what_was_printed_before_a_crash_is_printed(script: Script) -> None:
    source = """
import os, signal, trackql
trackql.start_run()
os.write(1, b"last words\\n")
os.kill(os.getpid(), signal.SIGKILL)
"""
    done = script.run(source, code=-9, TRACKQL_URL="http://127.0.0.1:9", TRACKQL_CONSOLE="fd")
    assert done.stdout == "last words\n"


# A line of the script is on its standard output before it is in the journal.
PRINTER = """
import sys, threading
import trackql
run = trackql.start_run()
sys.__stdout__.write(run.id + "\\n")
sys.__stdout__.flush()
number = 0
while True:
    print(number, "x" * (number % 50))
    if number % 100 == 0:
        run.log_metric("n", number, step=number)
    number += 1
"""


@pytest.mark.slow
def test_kill_the_printing_script(server: Server, script: Script, tmp_path: Path) -> None:
    chance = random.Random(22)
    file = script.folder / "printer.py"
    file.write_text(PRINTER)
    runs = {}
    for number in range(8):
        url = server.url if number % 2 else "http://127.0.0.1:9"
        output = tmp_path / f"output{number}"
        with output.open("w") as target:
            process = subprocess.Popen(
                [sys.executable, "-u", str(file)],
                env={**script.env, "TRACKQL_URL": url, "TRACKQL_CONSOLE": "1"},
                stdout=target,
                stderr=subprocess.DEVNULL,
            )
            while not output.stat().st_size:
                time.sleep(0.01)
            time.sleep(chance.uniform(0, 1.5))
            process.kill()
            process.wait()
        run, *printed = output.read_text().split("\n")
        runs[run] = printed[:-1]  # the last may be cut off, or empty
    assert "no answer" not in script.trackql("sync", "--all", "--to", server.url)
    for run, printed in runs.items():
        texts = console(server.url, run)["texts"]
        # At most the line that was being taken in is missing.
        assert len(printed) - 1 <= len(texts) <= len(printed) + 1
        assert texts == [f"{n} {'x' * (n % 50)}" for n in range(len(texts))]
    assert list((tmp_path / "spool").iterdir()) == []
