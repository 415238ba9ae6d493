"""Artifacts: type, the fields of a run, query, mutations."""

from datetime import datetime
from typing import Annotated

import strawberry

from trackql_server import models
from trackql_server.domain import artifacts as domain
from trackql_server.domain import listing, trash, uploads
from trackql_server.domain.artifacts import Reference
from trackql_server.domain.files import File
from trackql_server.domain.listing import Entry
from trackql_server.graphql.context import Info
from trackql_server.graphql.listing import ExperimentIds
from trackql_server.graphql.paging import (
    After,
    Connection,
    First,
    Given,
    PageInfo,
    Search,
    connection,
    page,
)
from trackql_server.graphql.scalars import Int64

RunRow = strawberry.Parent[models.Run]
EntryRow = strawberry.Parent[Entry]


@strawberry.type(description="A file or folder of a run, or a reference to one elsewhere.")
class Artifact:
    id: strawberry.ID = strawberry.field(description="Its own; a file keeps it in the trash.")
    run_id: strawberry.ID = strawberry.field(description="The run that has it.")
    path: str = strawberry.field(description="From the root of the run.")
    name: str = strawberry.field(description="The last part of the path.")
    folder: str = strawberry.field(description="The folder that it lies in; empty for the root.")
    is_folder: bool = strawberry.field(description="Whether it is a folder.")
    sha256: str | None = strawberry.field(
        description="SHA-256 of its bytes in hex digits; null for a folder."
    )
    media_type: str | None = strawberry.field(
        description="What kind of file it is, like text/csv; null for a folder."
    )
    uri: str | None = strawberry.field(
        description="Where it lies, for a reference; null when its bytes are here."
    )
    created_at: datetime | None = strawberry.field(
        description="When it was logged; null for a folder."
    )
    trashed_at: datetime | None = strawberry.field(
        description="When it went into the trash; null when it is in use."
    )
    url: str | None = strawberry.field(
        description="Where its bytes are, relative to the server; a folder's as a ZIP archive. "
        "Null for a reference and in the trash."
    )

    @strawberry.field(description="Files within a folder, at any depth; 1 for a file.")
    @staticmethod
    def files(root: EntryRow) -> Int64:
        return Int64(root.files)

    @strawberry.field(
        description="Bytes, a folder's of all within it; null for a reference of unknown size."
    )
    @staticmethod
    def size(root: EntryRow) -> Int64 | None:
        return None if root.size is None else Int64(root.size)


Inside = Annotated[
    str, strawberry.argument(description="The folder that is listed; empty for the root.")
]


@strawberry.type
class RunArtifacts:
    @strawberry.field(
        graphql_type=Connection[Artifact],
        description="What lies in a folder: folders first, then files, by name. With `search`, "
        "files at any depth below it.",
    )
    @staticmethod
    async def artifacts(
        root: RunRow,
        info: Info,
        folder: Inside = "",
        search: Annotated[
            str | None, strawberry.argument(description="Only paths that contain this text.")
        ] = None,
        first: First = 100,
        after: After = None,
    ) -> Connection[Entry]:
        ctx, asked = info.context.ctx, page(first, after)
        if search:
            text = search
            found = await listing.searched(ctx, root, folder, text, asked)
            return connection(found, lambda: listing.count_searched(ctx, root, folder, text))
        paged = await listing.within(ctx, root, folder, asked)
        return connection(paged, lambda: listing.count_within(ctx, root, folder))

    @strawberry.field(
        graphql_type=Artifact | None,
        description="The file or folder at a path; null when there is none.",
    )
    @staticmethod
    async def artifact(
        root: RunRow,
        info: Info,
        path: Annotated[str, strawberry.argument(description="From the root of the run.")],
    ) -> Entry | None:
        return await listing.entry(info.context.ctx, root, path)

    @strawberry.field(description="How many artifacts it has, at any depth.")
    @staticmethod
    async def artifact_files(root: RunRow, info: Info) -> Int64:
        return Int64((await info.context.own(listing.totals).load(root.number))[0])

    @strawberry.field(description="Bytes of all its artifacts.")
    @staticmethod
    async def artifact_size(root: RunRow, info: Info) -> Int64:
        return Int64((await info.context.own(listing.totals).load(root.number))[1])

    @strawberry.field(
        graphql_type=Connection[Artifact],
        description="Its artifacts in the trash; those that were made last come first.",
    )
    @staticmethod
    async def trashed_artifacts(
        root: RunRow, info: Info, first: First = 100, after: After = None
    ) -> Connection[Entry]:
        ctx = info.context.ctx
        paged = await listing.trashed(ctx, root, page(first, after))
        return connection(paged, lambda: listing.count_trashed(ctx, root))


@strawberry.type(description="A page of artifacts of many runs.")
class ArtifactScan:
    nodes: list[Artifact] = strawberry.field(description="The artifacts.")
    page_info: PageInfo = strawberry.field(
        description="What lies around the page. It may be short, or empty, while more follow."
    )


@strawberry.type
class ArtifactQuery:
    @strawberry.field(
        graphql_type=ArtifactScan,
        description="Artifacts of all runs in use, or of those of some experiments, the newest "
        "first. A page looks at a bounded number of them: go on while hasNextPage is true.",
    )
    async def artifacts(
        self,
        info: Info,
        experiment_ids: ExperimentIds = None,
        search: Search = None,
        media_types: Annotated[
            list[str] | None, strawberry.argument(description="Only of these media types.")
        ] = None,
        first: First = 100,
        after: After = None,
    ) -> ArtifactScan:
        ctx = info.context.ctx
        found = await listing.everywhere(
            ctx, experiment_ids, search, media_types, page(first, after)
        )
        return ArtifactScan(
            nodes=found.entries,  # type: ignore[arg-type]  # read by its attributes
            page_info=PageInfo(
                has_next_page=found.has_next,
                has_previous_page=after is not None,
                start_cursor=None,
                end_cursor=found.end,
            ),
        )


@strawberry.input(description="A file, told by its bytes.")
class ArtifactInput:
    path: str = strawberry.field(description="From the root of the run.")
    size: Int64 = strawberry.field(description="Its bytes.")
    sha256: str = strawberry.field(description="SHA-256 of its bytes in hex digits.")
    media_type: str | None = strawberry.field(
        default=None, description="Like text/csv; told by the name when left out."
    )

    def file(self) -> File:
        return File(self.path, int(self.size), self.sha256, self.media_type)


@strawberry.input(description="Files to log whose bytes the server may have already.")
class LogArtifactsInput:
    run_id: strawberry.ID = strawberry.field(description="The run.")
    files: list[ArtifactInput] = strawberry.field(description="At most 10,000.")


@strawberry.type(description="What became of files to log.")
class LoggedArtifacts:
    artifacts: list[Artifact] = strawberry.field(description="Those that are logged now.")
    missing: list[str] = strawberry.field(
        description="Paths of those whose bytes the server lacks: send them over HTTP."
    )


@strawberry.input(description="Something that lies elsewhere.")
class ArtifactReferenceInput:
    path: str = strawberry.field(description="From the root of the run.")
    uri: str = strawberry.field(description="Where it lies, like s3://bucket/key.")
    size: Int64 | None = strawberry.field(default=None, description="Its bytes, where known.")
    sha256: str | None = strawberry.field(
        default=None, description="SHA-256 of its bytes in hex digits, where known."
    )
    media_type: str | None = strawberry.field(
        default=None, description="Like text/csv; told by the name when left out."
    )


@strawberry.input(description="References to log.")
class LogArtifactReferencesInput:
    run_id: strawberry.ID = strawberry.field(description="The run.")
    references: list[ArtifactReferenceInput] = strawberry.field(description="At most 10,000.")


@strawberry.input(description="A large file to send in parts.")
class BeginUploadInput(ArtifactInput):
    run_id: strawberry.ID = strawberry.field(description="The run.")


@strawberry.type(description="A header of an HTTP request.")
class HttpHeader:
    name: str = strawberry.field(description="Its name.")
    value: str = strawberry.field(description="Its value.")


@strawberry.type(description="A large file on its way, or logged already.")
class Upload:
    id: strawberry.ID | None = strawberry.field(
        description="For PUT /artifacts/uploads/{id}/{part}; null when it is logged already."
    )
    part_size: Int64 | None = strawberry.field(
        description="Bytes of every part but the last, which may be shorter."
    )
    parts: int = strawberry.field(description="How many parts there are, counted from 0.")
    received_parts: list[int] = strawberry.field(description="Those that are there already.")
    artifact: Artifact | None = strawberry.field(
        description="What it became, where the server had the bytes; then nothing is to be sent."
    )
    direct_url: str | None = strawberry.field(
        description="An address of the artifact store that takes the whole file by one PUT."
    )
    direct_headers: list[HttpHeader] = strawberry.field(description="What that PUT has to send.")


@strawberry.input(description="An upload.")
class UploadIdInput:
    id: strawberry.ID = strawberry.field(description="Which.")


@strawberry.input(description="An upload whose parts are all there.")
class CompleteUploadInput(UploadIdInput):
    pass


@strawberry.input(description="An upload to forget.")
class AbortUploadInput(UploadIdInput):
    pass


@strawberry.type(description="An upload that is forgotten.")
class AbortedUpload:
    id: strawberry.ID = strawberry.field(description="Its id.")


@strawberry.input(description="Artifacts to put into the trash.")
class DeleteArtifactsInput:
    run_id: strawberry.ID = strawberry.field(description="The run.")
    paths: list[str] = strawberry.field(description="Files, and folders with all within.")


@strawberry.type(description="Artifacts that are in the trash now.")
class DeletedArtifacts:
    files: Int64 = strawberry.field(description="How many files these are.")


@strawberry.input(description="Artifacts of the trash.")
class TrashedArtifactsInput:
    run_id: strawberry.ID = strawberry.field(description="The run.")
    ids: list[strawberry.ID] = strawberry.field(description="Which; at most 1,000.")


@strawberry.type(description="Artifacts that are gone.")
class PurgedArtifacts:
    freed: Int64 = strawberry.field(description="Bytes that nobody else had, and that are free.")


@strawberry.type
class ArtifactMutation:
    @strawberry.mutation(
        description="Log files whose bytes the server has already, in one transaction."
    )
    async def log_artifacts(self, info: Info, input: Given[LogArtifactsInput]) -> LoggedArtifacts:
        files = [each.file() for each in input.files]
        made, missing = await domain.log_known(info.context.ctx, input.run_id, files)
        return LoggedArtifacts(artifacts=_entries(input.run_id, made), missing=missing)

    @strawberry.mutation(
        graphql_type=list[Artifact],
        description="Log what lies elsewhere and stays there; nothing of it is fetched.",
    )
    async def log_artifact_references(
        self, info: Info, input: Given[LogArtifactReferencesInput]
    ) -> list[Entry]:
        references = [
            Reference(
                each.path,
                each.uri,
                None if each.size is None else int(each.size),
                each.sha256,
                each.media_type,
            )
            for each in input.references
        ]
        made = await domain.log_references(info.context.ctx, input.run_id, references)
        return [listing.of_file(input.run_id, row) for row in made]

    @strawberry.mutation(
        description="Announce a large file; the same file again takes up the upload that was begun."
    )
    async def begin_upload(self, info: Info, input: Given[BeginUploadInput]) -> Upload:
        begun = await uploads.begin(info.context.ctx, input.run_id, input.file())
        row = begun.upload
        done = begun.artifact
        return Upload(
            id=None if row is None else strawberry.ID(row.id),
            part_size=None if row is None else Int64(row.part_size),
            parts=0 if row is None else uploads.count(row),
            received_parts=begun.received,
            artifact=None if done is None else _entries(input.run_id, [done])[0],
            direct_url=begun.url,
            direct_headers=[
                HttpHeader(name=name, value=value) for name, value in begun.headers.items()
            ],
        )

    @strawberry.mutation(
        graphql_type=Artifact,
        description="Publish an upload whose parts are all there, once its bytes are proved.",
    )
    async def complete_upload(self, info: Info, input: Given[CompleteUploadInput]) -> Entry:
        run_id, made = await uploads.complete(info.context.ctx, input.id)
        return listing.of_file(run_id, made)

    @strawberry.mutation(description="Forget an upload with all that arrived of it.")
    async def abort_upload(self, info: Info, input: Given[AbortUploadInput]) -> AbortedUpload:
        await uploads.abort(info.context.ctx, input.id)
        return AbortedUpload(id=input.id)

    @strawberry.mutation(description="Put artifacts into the trash; their paths are free at once.")
    async def delete_artifacts(
        self, info: Info, input: Given[DeleteArtifactsInput]
    ) -> DeletedArtifacts:
        return DeletedArtifacts(
            files=Int64(await trash.delete(info.context.ctx, input.run_id, input.paths))
        )

    @strawberry.mutation(
        graphql_type=list[Artifact], description="Take artifacts out of the trash."
    )
    async def restore_artifacts(
        self, info: Info, input: Given[TrashedArtifactsInput]
    ) -> list[Entry]:
        rows = await trash.restore(info.context.ctx, input.run_id, input.ids)
        return [listing.of_file(input.run_id, row) for row in rows]

    @strawberry.mutation(
        description="Remove artifacts of the trash for good, and their bytes with them."
    )
    async def purge_artifacts(
        self, info: Info, input: Given[TrashedArtifactsInput]
    ) -> PurgedArtifacts:
        freed = await trash.purge(info.context.ctx, input.run_id, input.ids)
        return PurgedArtifacts(freed=Int64(freed))


def _entries(run_id: str, rows: list[models.Artifact]) -> list[Artifact]:
    """Rows as they are listed; GraphQL reads them by their attributes."""
    return [listing.of_file(run_id, row) for row in rows]  # type: ignore[misc]
