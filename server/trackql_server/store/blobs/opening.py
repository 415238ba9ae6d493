"""An artifact root becomes an artifact store, by its scheme."""

from importlib.metadata import entry_points
from pathlib import Path

from trackql_server.store.blobs.local import LocalBlobs
from trackql_server.store.blobs.protocol import Blobs

GROUP = "trackql.artifact_stores"


def opened(root: str) -> Blobs:
    """The store of a folder, or of a URL. Raises InvalidInput naming the setting."""
    scheme, mark, _ = root.partition("://")
    if not mark:
        return LocalBlobs(Path(root))
    for entry in entry_points(group=GROUP, name=scheme):
        made: Blobs = entry.load()(root)
        return made
    from trackql_server.store.blobs import bucket  # which is for those who have one

    return bucket.opened(root)
