"""Tables by the page, as the query of an address asks for them."""

from trackql_server.domain import previews
from trackql_server.domain.context import Context
from trackql_server.errors import InvalidInput


async def table(
    ctx: Context, run_id: str, path: str, offset: str | None, limit: str | None
) -> dict[str, object]:
    """A page of a table artifact, as JSON has it. Raises InvalidInput."""
    found = await previews.table(
        ctx, run_id, path, _number(offset, "offset", 0), _number(limit, "limit", 100)
    )
    return {
        "columns": found.columns,
        "rows": found.rows,
        "totalRows": found.total,
        "truncated": found.truncated,
    }


def _number(given: str | None, argument: str, default: int) -> int:
    if given is None:
        return default
    if not (given.isascii() and given.isdecimal()) or len(given) > 15:
        raise InvalidInput(f"{argument} has to be a whole number", argument=argument)
    return int(given)
