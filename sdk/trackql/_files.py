"""The verbs of files, for a run and for a client."""

from __future__ import annotations

import os
import posixpath
import uuid
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from . import _outgoing, _paths, _render, _session
from .errors import InvalidInput, NotFound, TrackqlError

if TYPE_CHECKING:
    from ._outgoing import Outgoing
    from .entities import FileInfo
    from .runs import Run


class Files:
    """What a run does with files; logging them returns as soon as they may be changed."""

    id: str
    _server: str
    _mine: bool
    _fresh = False  # begun by this process: nobody else has logged to it before

    @property
    def _outbox(self) -> Outgoing:
        return _session.session.outbox(self._server)

    def log_artifact(
        self, local_path: str | os.PathLike[str], artifact_path: str | None = None
    ) -> None:
        """Log a file, or a folder under its name, as it is now."""
        source = _outgoing.local(local_path, "local_path")
        name = os.path.basename(os.path.normpath(os.path.abspath(source)))
        if source.is_dir():
            self._outbox.add_folder(self.id, source, _paths.join(artifact_path, name))
            return
        if not source.is_file():  # a pipe would be waited for
            raise InvalidInput(
                f"local_path {str(local_path)!r} is no file and no folder", argument="local_path"
            )
        path = _paths.join(artifact_path, name)
        self._outbox.add_file(self.id, source, path)

    def log_artifacts(
        self, local_dir: str | os.PathLike[str], artifact_path: str | None = None
    ) -> None:
        """Log every file below a folder as it is now."""
        source = _outgoing.local(local_dir, "local_dir")
        if not source.is_dir():
            raise InvalidInput(
                f"local_dir {str(local_dir)!r} is no folder: log a file with log_artifact",
                argument="local_dir",
            )
        self._outbox.add_folder(self.id, source, _paths.folder(artifact_path) or None)

    def log_dict(self, dictionary: Any, artifact_file: str) -> None:
        """Log a dictionary as YAML or JSON, as the file's name ends."""
        path = _paths.file(artifact_file)
        self._outbox.add_bytes(self.id, path, _render.dictionary(dictionary, path))

    def log_text(self, text: str, artifact_file: str) -> None:
        """Log a text as a file."""
        self._outbox.add_bytes(self.id, _paths.file(artifact_file), _render.text(text))

    def log_stream(self, stream: Any, artifact_file: str) -> None:
        """Log what a binary stream gives until its end."""
        path = _paths.file(artifact_file)
        read = getattr(stream, "read", None)
        data = read() if callable(read) else None
        if not isinstance(data, bytes | bytearray):
            raise InvalidInput("stream must be open for reading bytes", argument="stream")
        self._outbox.add_bytes(self.id, path, data)

    def log_figure(
        self, figure: Any, artifact_file: str, *, save_kwargs: Mapping[str, Any] | None = None
    ) -> None:
        """Log a figure of matplotlib or plotly in the format that the file's name says."""
        path = _paths.file(artifact_file)
        self._outbox.add_bytes(self.id, path, _render.figure(figure, path, save_kwargs))

    def log_image(
        self,
        image: Any,
        artifact_file: str | None = None,
        key: str | None = None,
        step: int | None = None,
        timestamp: int | None = None,
        synchronous: bool | None = False,
    ) -> None:
        """Log an image as a file, or by `key` as the value of a step."""
        if artifact_file is not None and any(each is not None for each in (key, step, timestamp)):
            raise InvalidInput(
                "artifact_file is for a file, key with step and timestamp for a value of a step: "
                "give one of the two",
                argument="artifact_file",
            )
        if artifact_file is not None:
            path = _paths.file(artifact_file)
            self._outbox.add_bytes(self.id, path, _render.image(image, path))
        elif key is None:
            raise InvalidInput("give artifact_file or key", argument="artifact_file")
        else:
            self._log_image(image, *_outgoing.key_and_time(key, step, timestamp))
        if synchronous:
            self._outbox.wait(self.id)

    def _log_image(self, image: Any, key: str, step: int, timestamp: int) -> None:
        from . import media

        given = image if isinstance(image, media.Image) else media.Image(image)
        media.log(self, {key: given}, step, timestamp)  # type: ignore[arg-type]

    def log_table(self, data: Any, artifact_file: str) -> None:
        """Log a table as JSON or Parquet; logged again, its rows come below those before."""
        path = _paths.file(artifact_file)
        if _render.suffix(path) not in (".json", ".parquet"):
            raise InvalidInput(
                f"artifact_file {path!r} must end in .json or .parquet", argument="artifact_file"
            )
        found = self._pictures(_render.columns(data), path)
        tables = _session.session.tables
        place = (self._server, self.id, path)
        before = tables.get(place)
        if before is None and not self._fresh:
            before = self._read_table(path)
        whole = found if before is None else _render.joined(before, found)
        self._outbox.add_bytes(self.id, path, _render.table(whole, path))
        tables[place] = whole

    def _read_table(self, path: str) -> _render.Columns | None:
        """What another process logged to a table, if the server can be asked."""
        from ._download import read

        try:
            return _render.read_table(read(self._server, self.id, path), path)
        except NotFound:
            return None
        except (TrackqlError, ValueError, LookupError, TypeError) as error:
            _session.log.warning(
                "run %s: rows logged to %s before are not kept: %s", self.id, path, error
            )
            return None

    def _pictures(self, found: _render.Columns, path: str) -> _render.Columns:
        """Images in a table become files beside it."""
        made: _render.Columns = {}
        stem = os.path.splitext(path)[0]
        for name, cells in found.items():
            images = [callable(getattr(cell, "save", None)) for cell in cells]
            if any(images) and not all(images):
                raise InvalidInput(
                    f"column {name!r} has images and other things; give it one of the two",
                    argument="data",
                )
            made[name] = cells
            if images and all(images):
                made[name] = []
                for cell in cells:
                    place = posixpath.join("table_images", stem, f"{uuid.uuid4()}.png")
                    self._outbox.add_bytes(self.id, place, _render.image(cell, place))
                    words = {"type": "image", "filepath": place, "compressed_filepath": place}
                    made[name].append(words)
        return made

    def log_artifact_reference(
        self,
        uri: str,
        artifact_path: str | None = None,
        size: int | None = None,
        sha256: str | None = None,
    ) -> None:
        """Log the address of something that stays where it is, under its name or a path."""
        address = _outgoing.reference(uri)
        if size is not None and not (type(size) is int and size >= 0):
            raise InvalidInput("size must be a number of bytes", argument="size")
        path = artifact_path
        if path is None:
            path = address.split("?")[0].split("#")[0].rstrip("/").rpartition("/")[2]
        self._outbox.add_reference(
            self.id,
            _paths.check(path, "artifact_path"),
            address,
            size,
            _outgoing.digest(sha256),
        )

    def get_artifact_uri(self, artifact_path: str | None = None) -> str:
        """The address of the run's artifacts, or of one, as download_artifacts takes it."""
        return _paths.uri(self.id, _paths.folder(artifact_path))

    def list_artifacts(self, path: str | None = None) -> list[FileInfo]:
        """Files and folders in a folder of the run, or in its root."""
        from ._download import listing

        return listing(self._server, self.id, _paths.folder(path, "path"))

    def download_artifacts(
        self, artifact_path: str = "", dst_path: str | os.PathLike[str] | None = None
    ) -> str:
        """Fetch a file or a folder into `dst_path`, or a new temporary folder; where it lies."""
        from ._download import download

        return download(self._server, self.id, _paths.folder(artifact_path), dst_path)


class ClientFiles:
    """The same for any run, by its id."""

    def _to(self, run_id: str) -> Run:
        raise NotImplementedError

    def log_artifact(
        self, run_id: str, local_path: str | os.PathLike[str], artifact_path: str | None = None
    ) -> None:
        self._to(run_id).log_artifact(local_path, artifact_path)

    def log_artifacts(
        self, run_id: str, local_dir: str | os.PathLike[str], artifact_path: str | None = None
    ) -> None:
        self._to(run_id).log_artifacts(local_dir, artifact_path)

    def log_dict(self, run_id: str, dictionary: Any, artifact_file: str) -> None:
        self._to(run_id).log_dict(dictionary, artifact_file)

    def log_text(self, run_id: str, text: str, artifact_file: str) -> None:
        self._to(run_id).log_text(text, artifact_file)

    def log_stream(self, run_id: str, stream: Any, artifact_file: str) -> None:
        self._to(run_id).log_stream(stream, artifact_file)

    def log_figure(
        self,
        run_id: str,
        figure: Any,
        artifact_file: str,
        *,
        save_kwargs: Mapping[str, Any] | None = None,
    ) -> None:
        self._to(run_id).log_figure(figure, artifact_file, save_kwargs=save_kwargs)

    def log_image(
        self,
        run_id: str,
        image: Any,
        artifact_file: str | None = None,
        key: str | None = None,
        step: int | None = None,
        timestamp: int | None = None,
        synchronous: bool | None = None,
    ) -> None:
        self._to(run_id).log_image(image, artifact_file, key, step, timestamp, synchronous)

    def log_table(self, run_id: str, data: Any, artifact_file: str) -> None:
        self._to(run_id).log_table(data, artifact_file)

    def log_artifact_reference(
        self,
        run_id: str,
        uri: str,
        artifact_path: str | None = None,
        size: int | None = None,
        sha256: str | None = None,
    ) -> None:
        self._to(run_id).log_artifact_reference(uri, artifact_path, size, sha256)

    def list_artifacts(self, run_id: str, path: str | None = None) -> list[FileInfo]:
        """Files and folders in a folder of a run, or in its root."""
        return self._to(run_id).list_artifacts(path)

    def download_artifacts(
        self, run_id: str, path: str, dst_path: str | os.PathLike[str] | None = None
    ) -> str:
        """Fetch a file or a folder, under its whole path, into `dst_path`; where it lies."""
        from ._download import download

        run = self._to(run_id)
        return download(run._server, run.id, _paths.folder(path, "path"), dst_path, whole=True)

    def load_table(
        self,
        experiment_id: str,
        artifact_file: str,
        run_ids: list[str] | None = None,
        extra_columns: list[str] | None = None,
    ) -> Any:
        """The rows that runs logged to a table, one below the other, as a data frame."""
        from ._optional import load

        pandas = load("pandas", "load_table", "download the file with download_artifacts")
        path = _paths.file(artifact_file)
        frames = []
        for run in self._tabled(experiment_id, run_ids):
            with suppress(NotFound):
                from ._download import read

                raw = read(run._server, run.id, path)
                frame = pandas.DataFrame(_render.read_table(raw, path))
                for name in extra_columns or ():
                    frame[f"{name}_" if name in frame else name] = _field(run, name)
                frames.append(frame)
        if not frames:
            raise NotFound(f"no run has the table {artifact_file!r}")
        return pandas.concat(frames, ignore_index=True)

    def _tabled(self, experiment_id: str, run_ids: list[str] | None) -> Any:
        if run_ids:
            return [self.run(each) for each in run_ids]  # type: ignore[attr-defined]
        return self.runs([experiment_id])  # type: ignore[attr-defined]


def _field(run: Run, name: str) -> Any:
    """A column of search_runs, of one run."""
    kind, _, key = name.partition(".")
    if key and kind in ("params", "metrics", "tags"):
        return getattr(run.data, kind).get(key)
    return getattr(run.info, name, None)
