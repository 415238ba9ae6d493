"""Pages as faces ask for them: bounded, and checked before anything is read."""

from trackql_server.errors import InvalidInput
from trackql_server.store.paging import Page, Paged

LARGEST_PAGE = 1000


def page(first: int, after: str | None) -> Page:
    """A page of `first` rows behind cursor `after`; raises InvalidInput."""
    if not 0 <= first <= LARGEST_PAGE:
        raise InvalidInput(f"first must lie between 0 and {LARGEST_PAGE}", argument="first")
    return Page(first, after)


__all__ = ["LARGEST_PAGE", "Page", "Paged", "page"]
