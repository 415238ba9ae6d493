"""What tests ask the app with."""

from typing import Any

import httpx


class GraphQL:
    """Calling it gives the data of an answer without errors; `refused` gives the one error."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http

    async def __call__(self, document: str, **variables: Any) -> dict[str, Any]:
        answer = await self._ask(document, variables)
        assert "errors" not in answer, answer["errors"]
        data: dict[str, Any] = answer["data"]
        return data

    async def refused(self, document: str, **variables: Any) -> dict[str, Any]:
        """The extensions of the answer's only error, its message among them."""
        answer = await self._ask(document, variables)
        [error] = answer["errors"]
        return {**error["extensions"], "message": error["message"]}

    async def _ask(self, document: str, variables: dict[str, Any]) -> dict[str, Any]:
        reply = await self.http.post("/graphql", json={"query": document, "variables": variables})
        answer: dict[str, Any] = reply.json()
        return answer
