"""What PostHog answers when it refuses: {"type", "code", "detail", "attr"} with a status."""

from sandbox.server import Refusal


def refuse(status: int, kind: str, code: str, detail: str, headers: dict[str, str] | None = None) -> Refusal:
    return Refusal(status, error_body(kind, code, detail), headers)


def error_body(kind: str, code: str, detail: str) -> dict[str, str | None]:
    return {"type": kind, "code": code, "detail": detail, "attr": None}


def invalid(detail: str, code: str = "hogql_query_error") -> Refusal:
    """The query is wrong: it will be wrong again."""
    return refuse(400, "validation_error", code, detail)


FAULTS: dict[int, tuple[str, str, str]] = {
    401: (
        "authentication_error",
        "authentication_failed",
        "Personal API key found in request Authorization header is invalid.",
    ),
    402: ("quota_limit_exceeded", "payment_required", "You have reached your API query limit for this billing period."),
    403: ("authentication_error", "permission_denied", "API key missing required scope 'query:read'"),
    429: ("throttled_error", "throttled", "Request was throttled."),
    500: ("server_error", "error", "ClickHouse error while executing query."),
    503: ("server_error", "error", "Queries are a little too busy right now. We're working to free up resources."),
    504: ("server_error", "error", "Query has hit the max execution time before completing."),
    512: ("server_error", "error", "Estimated query execution time is too long."),
}


def fault_body(status: int) -> dict[str, str | None]:
    kind, code, detail = FAULTS.get(status, ("server_error", "error", f"A server error occurred: {status}."))
    return error_body(kind, code, detail)
