"""What is written to the descriptors of standard output and error, by whatever part of a process.

This keeps the output of libraries in C and of other processes too. Each descriptor is led through
the command `tee`, which prints on and writes into a file that a thread here reads. `tee` needs
nothing of this process: who prints never waits for Python, and what was printed before a crash is
printed.
"""

from __future__ import annotations

import codecs
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from . import _console, _session

if TYPE_CHECKING:
    from .runs import Run

# How often the file is looked at, and how much of it is read at once.
PACE = 0.05
PIECE = 256 * 1024
# How long the end of a run waits for `tee` to have written everything.
WAIT = 2.0


class Branch:
    """One descriptor that is led through `tee`."""

    def __init__(self, stream: int) -> None:
        self.stream = stream
        self.descriptor = stream + 1
        handle, path = tempfile.mkstemp(prefix="trackql-console-")
        self.file = open(handle, "rb", buffering=0)  # noqa: SIM115  (until `end`)
        # Named by its descriptor: `tee` opens it whenever it gets to it. The file lives as long as
        # it is open, and leaves nothing behind after a crash.
        target = os.open(path, os.O_WRONLY | os.O_APPEND)
        os.unlink(path)
        self.original = os.dup(self.descriptor)
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        source, sink = os.pipe()
        try:
            self.process = subprocess.Popen(
                ["tee", "-a", "--", f"/dev/fd/{target}"],
                stdin=source,
                stdout=self.original,
                stderr=subprocess.DEVNULL,
                pass_fds=(target,),
                start_new_session=True,  # an interrupt is for the script
            )
            self._flush()
            os.dup2(sink, self.descriptor)
        except BaseException:
            os.close(self.original)
            self.file.close()
            raise
        finally:
            for descriptor in (source, sink, target):
                os.close(descriptor)

    def _flush(self) -> None:
        with suppress(Exception):
            getattr(sys, _console.STREAMS[self.stream]).flush()

    def read(self) -> None:
        """Take in what was written since."""
        while data := self.file.read(PIECE):
            if text := self._decode(data):
                _console.take(self.stream, text)

    def restore(self) -> None:
        """Print directly again, and wait until everything is printed."""
        self._flush()
        os.dup2(self.original, self.descriptor)
        with suppress(subprocess.TimeoutExpired):  # another process still prints into it
            self.process.wait(WAIT)

    def close(self) -> None:
        os.close(self.original)
        self.file.close()


class Branches:
    """Both descriptors, and the thread that reads what is written to them."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.branches: list[Branch] = []
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._work, name="trackql-console", daemon=True)

    def begin(self) -> bool:
        if shutil.which("tee") is None:
            return False
        try:
            for stream in (0, 1):
                self.branches.append(Branch(stream))
            self.thread.start()
        except (OSError, RuntimeError):
            self.end()
            return False
        return True

    def _work(self) -> None:
        try:
            while not self.stop.wait(PACE):
                for branch in self.branches:
                    branch.read()
        except Exception as error:
            _session.log.warning("trackql can't keep what is printed: %r", error)

    def end(self) -> None:
        """Put the descriptors back and take in the rest."""
        for branch in self.branches:
            branch.restore()
        self.stop.set()
        if self.thread.is_alive():
            self.thread.join()
        for branch in self.branches:
            with suppress(Exception):
                branch.read()
            branch.close()
        self.branches.clear()


_branches: Branches | None = None


def begin(run: Run) -> None:
    """Keep what is written to the descriptors with a run; its streams where that can't be."""
    global _branches
    if _branches is None or _branches.pid != os.getpid():
        fresh = Branches()
        if not fresh.begin():
            _session.session._once(
                "TRACKQL_CONSOLE=fd needs the command tee; only what Python prints is kept"
            )
            _console.begin(run)
            return
        _branches = fresh
    _console.begin(run, wrap=False)
    _console.unhook = end


def end() -> None:
    """The last run ends."""
    global _branches
    branches, _branches = _branches, None
    if branches is not None and branches.pid == os.getpid():
        branches.end()
