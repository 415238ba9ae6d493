"""Reading rich values back."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from io import BytesIO
from typing import TYPE_CHECKING, Any

from trackql import _optional, values
from trackql.entities import milliseconds
from trackql.errors import InvalidInput, NotFound

from .histograms import Histogram
from .tables import Table

if TYPE_CHECKING:
    from trackql.runs import Run

SERIES = 500
VALUES = 200

Steps = int | range | Iterable[int] | None


@dataclass(frozen=True, slots=True)
class ValueSeries:
    """All rich values of a run with one key."""

    key: str
    kind: str
    count: int
    first_step: int
    last_step: int


@dataclass(frozen=True, slots=True)
class LoggedValue:
    """A rich value as the server has it; its bytes are fetched when they are asked for."""

    key: str
    step: int
    place: int
    kind: str
    time: int
    caption: str
    path: str | None
    body: Any
    _url: str = field(repr=False)
    _run_id: str = field(repr=False)
    _sha256: str | None = field(repr=False)

    def bytes(self) -> bytes:
        """The file that was stored; a text that is none in UTF-8, else what is kept as JSON."""
        if self.path is None:
            if isinstance(self.body, str):
                return self.body.encode()
            return json.dumps(self.body, ensure_ascii=False).encode()
        from trackql._download import Artifacts, _damaged

        if self._sha256 is None:
            raise NotFound(f"the file {self.path!r} of the value was deleted")
        with Artifacts(self._url, self._run_id) as artifacts:
            data = b"".join(map(bytes, artifacts.content(self.path)))
        if hashlib.sha256(data).hexdigest() != self._sha256:
            raise _damaged(self.path)
        return data

    def image(self) -> Any:
        """A picture as an image of Pillow."""
        pillow = _optional.load("PIL.Image", "image()", "use bytes()")
        if self.kind not in ("IMAGE", "FIGURE"):
            raise self._not("a picture")
        return pillow.open(BytesIO(self.bytes()))

    def table(self) -> Table:
        """A table with its `columns` and `rows`."""
        if self.kind != "TABLE":
            raise self._not("a table")
        if self.path is not None and self.path.endswith(".parquet"):
            pandas = _optional.load("pandas", "a table as Parquet", "use bytes()")
            return Table(pandas.read_parquet(BytesIO(self.bytes())), caption=self.caption)
        found = json.loads(self.bytes()) if self.path is not None else self.body
        return Table(found["columns"], found["data"], caption=self.caption)

    def text(self) -> str:
        """A text, or the source of a page."""
        if self.kind not in ("TEXT", "HTML"):
            raise self._not("a text")
        return self.bytes().decode()

    def histogram(self) -> Histogram:
        """A histogram with its `counts` and `edges`."""
        if self.kind != "HISTOGRAM":
            raise self._not("a histogram")
        found = Histogram(counts=[0], edges=[0, 1], caption=self.caption)
        found._counted = self.body
        return found

    def _not(self, what: str) -> InvalidInput:
        return InvalidInput(f"{self.key!r} holds values of the kind {self.kind}: it is not {what}")


class Values:
    """What a run can be asked for of its rich values."""

    id: str
    _server: str

    def value_series(
        self, search: str | None = None, kinds: Iterable[str] | None = None
    ) -> list[ValueSeries]:
        """The keys with rich values, what they are and at which steps."""
        wanted = None if kinds is None else [str(kind).upper() for kind in kinds]
        found: list[ValueSeries] = []
        with _settled(self._server, self.id) as artifacts:
            after: str | None = None
            while True:
                run = artifacts._ask(
                    "value_series",
                    id=self.id,
                    search=search,
                    kinds=wanted,
                    first=SERIES,
                    after=after,
                )
                page = _known(run, self.id)["values"]
                found += [
                    ValueSeries(
                        each["key"],
                        each["kind"],
                        int(each["count"]),
                        int(each["firstStep"]),
                        int(each["lastStep"]),
                    )
                    for each in page["nodes"]
                ]
                if not page["pageInfo"]["hasNextPage"]:
                    return found
                after = page["pageInfo"]["endCursor"]

    def values(self, key: str, steps: Steps = None) -> Iterator[LoggedValue]:
        """The rich values of a key by step, of all steps or of some; raises NotFound."""
        values.key(key)
        some: set[int] | range | None
        if isinstance(steps, range):
            some = steps
        elif steps is None or hasattr(steps, "__index__"):
            some = None if steps is None else {values.step(steps)}
        else:
            some = {values.step(each) for each in steps}
        return self._values(key, some)

    def _values(self, key: str, steps: set[int] | range | None) -> Iterator[LoggedValue]:
        if steps is not None and not steps:
            return
        ends = (None, None) if steps is None else (min(steps), max(steps))
        with _settled(self._server, self.id) as artifacts:
            after: str | None = None
            while True:
                asked = {"id": self.id, "keys": [key], "first": VALUES, "after": after}
                found = artifacts._read("values", {**asked, "from": ends[0], "to": ends[1]})
                series = _known(found["run"], self.id)["values"]["nodes"]
                if not series:
                    raise NotFound(
                        f"run {self.id} has no rich values of the key {key!r}; value_series() "
                        "tells which it has"
                    )
                page = series[0]["values"]
                for each in page["nodes"]:
                    if steps is None or int(each["step"]) in steps:
                        yield self._value(key, each)
                if not page["pageInfo"]["hasNextPage"]:
                    return
                after = page["pageInfo"]["endCursor"]

    def _value(self, key: str, found: dict[str, Any]) -> LoggedValue:
        return LoggedValue(
            key=key,
            step=int(found["step"]),
            place=found["place"],
            kind=found["kind"],
            time=milliseconds(found["time"]) or 0,
            caption=found["caption"],
            path=found["path"],
            body=found["body"],
            _url=self._server,
            _run_id=self.id,
            _sha256=found["artifact"] and found["artifact"]["sha256"],
        )


class ClientValues:
    """The same for any run, by its id."""

    def _to(self, run_id: str) -> Run:
        raise NotImplementedError

    def value_series(
        self, run_id: str, search: str | None = None, kinds: Iterable[str] | None = None
    ) -> list[ValueSeries]:
        """The keys of a run with rich values, what they are and at which steps."""
        return self._to(run_id).value_series(search, kinds)

    def values(self, run_id: str, key: str, steps: Steps = None) -> Iterator[LoggedValue]:
        """The rich values of a run and a key by step, of all steps or of some."""
        return self._to(run_id).values(key, steps)


def _settled(url: str, run_id: str) -> Any:
    from trackql._download import Artifacts

    artifacts = Artifacts(url, run_id)
    artifacts.settle()
    return artifacts


def _known(run: dict[str, Any] | None, run_id: str) -> dict[str, Any]:
    if run is None:
        raise NotFound(f"there is no run {run_id}")
    return run
