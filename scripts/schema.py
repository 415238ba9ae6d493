"""Prints the GraphQL schema of the code into schema.graphql, or says that the file is stale."""

import sys
from pathlib import Path

from trackql_server.graphql.schema import build_schema

CONTRACT = Path(__file__).parents[1] / "schema.graphql"


def main() -> int:
    printed = build_schema().as_str().rstrip() + "\n"
    if sys.argv[1:] == ["--check"]:
        if CONTRACT.read_text() == printed:
            return 0
        print("schema.graphql is stale: run scripts/schema", file=sys.stderr)
        return 1
    if sys.argv[1:]:
        print("usage: scripts/schema [--check]", file=sys.stderr)
        return 2
    CONTRACT.write_text(printed)
    return 0


if __name__ == "__main__":
    sys.exit(main())
