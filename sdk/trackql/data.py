"""Datasets as inputs of runs: what they are called, what they hold, where they come from.

`from_pandas`, `from_polars`, `from_numpy`, `from_arrow`, `from_file` and `from_uri` make one;
`log_input` of a run notes that the run used it. The data itself stays where it is.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

from . import _digest, _schema, values
from ._origin import Origin, clean, origin
from .errors import InvalidInput, NotAvailable

__all__ = [
    "Dataset",
    "from_arrow",
    "from_file",
    "from_numpy",
    "from_pandas",
    "from_polars",
    "from_uri",
]

# Characters that the server keeps.
DIGEST = 64
SOURCE = 65_535
SCHEMA = 1_048_575
PROFILE = 16_777_215

NAME = "dataset"


class Dataset:
    """A dataset: its name, its digest, where it comes from, its schema and its size.

    `data`, `targets` and `predictions` are what it was made of, and stay in this process.
    """

    def __init__(
        self,
        name: str | None,
        digest: str,
        origin: Origin,
        schema: dict[str, Any] | None = None,
        profile: dict[str, Any] | None = None,
        data: Any = None,
        targets: Any = None,
        predictions: str | None = None,
    ) -> None:
        self.name = values.name(NAME if name is None else name, "name")
        self.digest = _fitting(digest, "digest", DIGEST)
        if not self.digest:
            raise InvalidInput("digest must not be empty", argument="digest")
        self.source_type = origin.kind
        self.source = origin.facts
        self.schema = schema
        self.profile = profile
        self.data = data
        self.targets = targets
        self.predictions = predictions

    @property
    def df(self) -> Any:
        """The data frame that it was made of."""
        return self.data

    @property
    def features(self) -> Any:
        """The array that it was made of."""
        return self.data

    def to_dict(self) -> dict[str, str | None]:
        """Its facts as texts, in the words that MLflow's clients read."""
        return {
            "name": self.name,
            "digest": self.digest,
            "source_type": self.source_type,
            "source": _fitting(json.dumps(self.source), "source", SOURCE),
            "schema": None if self.schema is None else json.dumps(self.schema),
            "profile": None if self.profile is None else json.dumps(self.profile),
        }

    def __repr__(self) -> str:
        return f"<Dataset {self.name!r} {self.digest} from {self.source_type}>"


def from_pandas(
    df: Any,
    source: Any = None,
    targets: str | None = None,
    name: str | None = None,
    digest: str | None = None,
    predictions: str | None = None,
) -> Dataset:
    """The dataset that a pandas frame or series holds."""
    return _of_frame(df, source, targets, name, digest, predictions)


def from_polars(
    df: Any,
    source: Any = None,
    targets: str | None = None,
    name: str | None = None,
    digest: str | None = None,
    predictions: str | None = None,
) -> Dataset:
    """The dataset that a polars frame or series holds."""
    return _of_frame(df, source, targets, name, digest, predictions)


def from_arrow(
    table: Any,
    source: Any = None,
    targets: str | None = None,
    name: str | None = None,
    digest: str | None = None,
) -> Dataset:
    """The dataset that a table of pyarrow holds."""
    return _of_frame(table, source, targets, name, digest, None)


def from_numpy(
    features: Any,
    source: Any = None,
    targets: Any = None,
    name: str | None = None,
    digest: str | None = None,
) -> Dataset:
    """The dataset that arrays hold: features, and targets if there are any."""
    if digest is None:
        digest = _digest.arrays(features, targets)
    return Dataset(
        name,
        digest,
        origin(source),
        _schema.of_arrays(features, targets),
        _schema.profile_of_arrays(features, targets),
        features,
        targets,
    )


def from_file(
    path: str | os.PathLike[str], name: str | None = None, digest: str | None = None
) -> Dataset:
    """A file, or a folder with all that is in it; the digest is that of the bytes."""
    place = os.path.abspath(os.fspath(path))
    if not os.path.exists(place):
        raise InvalidInput(f"there is no file or folder {place}", argument="path")
    found = _digest.files(place)
    profile = {"num_files": found.number, "num_bytes": found.size}
    if name is None:
        name = os.path.basename(place) or NAME
    return Dataset(name, digest or found.digest, origin(place), None, profile)


def from_uri(uri: str, name: str | None = None, digest: str | None = None) -> Dataset:
    """Something elsewhere by its address, which is not read: give a digest of its content.

    Without one the digest is that of the address.
    """
    where = origin(uri)
    if digest is None:
        digest = _digest.text(json.dumps(where.facts))
    if name is None:
        name = where.name or NAME
    return Dataset(name, digest, where)


def _of_frame(
    frame: Any,
    source: Any,
    targets: str | None,
    name: str | None,
    digest: str | None,
    predictions: str | None,
) -> Dataset:
    table = _schema.table(frame)
    if table is None:
        raise InvalidInput(
            f"{type(frame).__name__} is no frame of pandas, polars or pyarrow", argument="df"
        )
    for role, column in (("targets", targets), ("predictions", predictions)):
        if column is not None and column not in table.names:
            raise InvalidInput(f"{role}: there is no column {column!r}", argument=role)
    return Dataset(
        name,
        digest or _digest.table(table),
        origin(source),
        table.schema(SCHEMA),
        {"num_rows": table.rows, "num_elements": table.rows * len(table.names)},
        frame,
        targets,
        predictions,
    )


def made(thing: Any, name: str | None = None) -> dict[str, Any]:
    """What logInputs takes, of a dataset of ours or of MLflow's, or of data or a place itself."""
    facts = _facts(thing, name)
    return {
        "name": values.name(facts["name"], "name"),
        "digest": _fitting(str(facts["digest"]), "digest", DIGEST),
        "sourceType": _fitting(str(facts.get("source_type") or ""), "source_type", 500),
        "source": _fitting(_safe(facts.get("source")), "source", SOURCE),
        "schema": _whole(_text(facts.get("schema")), SCHEMA),
        "profile": _whole(_text(facts.get("profile")), PROFILE),
    }


def _facts(thing: Any, name: str | None) -> Mapping[str, Any]:
    if isinstance(thing, str | os.PathLike):
        place = os.fspath(thing)
        if "://" in place or not os.path.exists(place):
            if "://" not in place:
                raise InvalidInput(
                    f"{place!r} is no file, no folder and no address", argument="dataset"
                )
            return from_uri(place, name).to_dict()
        return from_file(place, name).to_dict()
    if _schema.table(thing) is not None:
        return _of_frame(thing, None, None, name, None, None).to_dict()
    if _schema.is_array(thing):
        return from_numpy(thing, name=name).to_dict()
    # A dataset of ours, or one that MLflow made: both tell their facts alike.
    tell = getattr(thing, "to_dict", None)
    facts = tell() if callable(tell) and hasattr(thing, "digest") else None
    if not isinstance(facts, Mapping) or not facts.get("name") or not facts.get("digest"):
        raise InvalidInput(
            f"dataset: {type(thing).__name__} is no dataset; give one of trackql.data, a frame, an"
            " array, a path or an address",
            argument="dataset",
        )
    return facts if name is None else {**facts, "name": name}


def _text(fact: Any) -> str | None:
    return fact if fact is None or isinstance(fact, str) else json.dumps(fact)


def _safe(source: Any) -> str:
    """Where a dataset comes from as text, without credentials."""
    try:
        facts = json.loads(source) if isinstance(source, str) else source
    except ValueError:
        facts = source
    if isinstance(facts, dict):
        return json.dumps({key: clean(value) for key, value in facts.items()})
    return clean(source) if isinstance(source, str) else json.dumps(source) if source else ""


def _whole(text: str | None, longest: int) -> str | None:
    """A text that fits; cut short it would not be JSON any more."""
    return None if text is None or len(text) > longest or "\0" in text else text


def _fitting(text: str, argument: str, longest: int) -> str:
    if len(text) > longest or "\0" in text:
        raise InvalidInput(
            f"{argument} has {len(text)} characters or holds NUL; at most {longest} are kept",
            argument=argument,
        )
    return text


_ELSEWHERE = frozenset(
    ("from_huggingface", "from_spark", "from_tensorflow", "load_delta", "get_source")
)


def __getattr__(name: str) -> Any:
    if name in _ELSEWHERE:
        raise NotAvailable(
            f"trackql.data.{name}: give log_input the dataset that mlflow.data.{name} makes, or"
            " describe it with from_uri(…, digest=…)"
        )
    raise AttributeError(f"module 'trackql.data' has no attribute {name!r}")
