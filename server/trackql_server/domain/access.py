"""Every rule of who may do what.

A verb of the domain asks here before it does anything. Until there are accounts, whoever reaches
the server is the local viewer, who may do all; the guard at the edge keeps strangers away.
"""

from dataclasses import dataclass

from trackql_server.errors import Forbidden


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who asks."""

    name: str
    may_read: bool
    may_write: bool


LOCAL = Viewer("local", may_read=True, may_write=True)


def require_read(viewer: Viewer) -> None:
    """Raise Forbidden unless the viewer may look at experiments and runs."""
    if not viewer.may_read:
        raise Forbidden(f"{viewer.name} may not read here; ask for a viewer's role")


def require_write(viewer: Viewer) -> None:
    """Raise Forbidden unless the viewer may log and change experiments and runs."""
    if not viewer.may_write:
        raise Forbidden(f"{viewer.name} may not write here; ask for an editor's role")
