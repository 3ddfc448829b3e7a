"""Asks the sandbox's PostHog over HTTP, as any client would."""

from typing import Any, Self

import httpx

from sandbox.posthog import PostHog


class Asking:
    def __init__(self, posthog: PostHog) -> None:
        self.http = httpx.Client(base_url=posthog.url, timeout=30)
        self.use("phx_sandbox")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def use(self, key: str) -> None:
        self.http.headers["Authorization"] = f"Bearer {key}"

    def ask(self, hogql: str, refresh: str = "force_blocking", **values: Any) -> httpx.Response:
        query = {"kind": "HogQLQuery", "query": hogql, "values": values}
        return self.http.post("/api/projects/1/query/", json={"query": query, "refresh": refresh})

    def answer(self, hogql: str, refresh: str = "force_blocking", **values: Any) -> Any:
        response = self.ask(hogql, refresh, **values)
        assert response.status_code == 200, response.text
        return response.json()

    def rows(self, hogql: str, **values: Any) -> Any:
        return self.answer(hogql, **values)["results"]

    def one(self, hogql: str, **values: Any) -> Any:
        ((value,),) = self.rows(hogql, **values)
        return value

    def refusal(self, hogql: str, **values: Any) -> tuple[int, str, str]:
        response = self.ask(hogql, **values)
        return response.status_code, response.json()["code"], response.json()["detail"]
