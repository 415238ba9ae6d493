"""Build hook: puts the built dashboard and the GraphQL schema into the wheel."""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class WheelHook(BuildHookInterface[Any]):
    """Leaves editable installs alone: there the server reads both from the repository."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":
            return
        dashboard = Path(self.root, "dashboard", "dist")
        if not dashboard.joinpath("index.html").is_file():
            raise FileNotFoundError(f"{dashboard} is not built: run scripts/build")
        build_data["force_include"] |= {
            "dashboard/dist": "trackql_server/_dashboard",
            "schema.graphql": "trackql_server/schema.graphql",
        }
