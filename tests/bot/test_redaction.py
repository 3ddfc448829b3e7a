"""No log line carries a secret, in whatever shape it got there."""

import json
import logging
import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.redaction import JsonFormatter, PlainFormatter, configure_logging, redact

SECRETS = [
    "xoxb-1234-5678-AbCdEf",
    "xoxe.xoxb-1-Mi0yLTEyMw",
    "xapp-1-A0-77-deadbeef",
    "phx_abcDEF123456",
    "phs_abcDEF123456",
    "phc_abcDEF123456",
    "1000.0123456789abcdef0123456789abcdef.0123456789abcdef0123456789abcdef",
]


@pytest.mark.parametrize("secret", SECRETS)
def test_a_key_is_known_by_its_prefix(secret: str) -> None:
    line = redact(f"calling with {secret}, then 'again:{secret}'")
    assert secret[8:] not in line
    assert line.startswith("calling with ")


@pytest.mark.parametrize(
    "line",
    [
        "Authorization: Bearer s3cr3t.value/x==",
        "{'authorization': 'Zoho-oauthtoken s3cr3t'}",
        "GET /v1/deals?api_token=s3cr3t&limit=5",
        "('x-api-token', 's3cr3t')",
        '{"refresh_token": "s3cr3t"}',
        "client_secret=s3cr3t",
        "ZOHO_CLIENT_SECRET=s3cr3t",
        "grant_type=refresh_token&client_id=1000.X&client_secret=s3cr3t&refresh_token=s3cr3t",
        "{'Authorization': 'Zoho-oauthtoken s3cr3t', 'If-Unmodified-Since': '2026-11-23T09:00:00+00:00'}",
        "postgresql+psycopg://headroom:s3cr3t@db.internal/headroom",
        "Basic s3cr3ts3cr3t",
        "POST https://hooks.slack.com/actions/T0/1/s3cr3t",
        "wss://wss-primary.slack.com/link/?ticket=s3cr3t&app_id=1",
    ],
)
def test_a_secret_is_known_by_what_stands_before_it(line: str) -> None:
    assert "s3cr3t" not in redact(line)


def test_what_helps_to_find_the_fault_stays() -> None:
    assert redact("GET /v1/deals?api_token=abc&limit=5 from rep.one@acme.example") == (
        "GET /v1/deals?api_token=***&limit=5 from ***@acme.example"
    )
    plain = "account acct_7: 92,100 of 100,000 calls on 2026-11-21, https://us.posthog.com/project/1?x=2"
    assert redact(plain) == plain
    assert redact("Basic plan, alpha_tests") == "Basic plan, alpha_tests"
    assert redact("POSTHOG_API_KEY: is missing") == "POSTHOG_API_KEY: is missing"


@given(st.sampled_from(SECRETS), st.text(max_size=40), st.text(max_size=40))
def test_no_surrounding_text_brings_a_secret_through(secret: str, before: str, after: str) -> None:
    assert secret not in redact(f"{before} {secret} {after}")


def test_long_lines_cost_little() -> None:
    began = time.process_time()
    redact("aA0_" * 100_000 + " " + "a." * 100_000 + "://" * 50_000)
    assert time.process_time() - began < 5  # each pattern is linear: a quadratic one would take hours


@pytest.fixture
def logs() -> Iterator[logging.Logger]:
    root, logger = logging.getLogger(), logging.getLogger("headroom.test")
    handlers, level = root.handlers[:], root.level
    yield logger
    root.handlers[:], root.level = handlers, level
    logging.captureWarnings(capture=False)


def test_arguments_and_tracebacks_are_redacted(logs: logging.Logger, capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging()
    try:
        raise RuntimeError("refused: Bearer s3cr3t")
    except RuntimeError:
        logs.exception("token %s of %s", "xoxb-12345678", "rep.one@acme.example")
    written = capsys.readouterr().err
    assert "RuntimeError: refused: Bearer ***" in written
    assert "token xoxb-*** of ***@acme.example" in written


def test_json_lines_stay_json(logs: logging.Logger, capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(json=True)
    try:
        raise RuntimeError('{"api_token": "s3cr3t"}')
    except RuntimeError:
        logs.warning('said "%s"', "phx_12345678", exc_info=True)
    line = json.loads(capsys.readouterr().err)
    assert line["message"] == 'said "phx_***"'
    assert line["level"] == "warning"
    assert "s3cr3t" not in line["exception"]


def test_chatty_libraries_are_kept_to_warnings(logs: logging.Logger, capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("DEBUG")
    logs.debug("ours")
    logging.getLogger("httpx").info("HTTP Request: POST https://example.com/path")
    assert "ours" in (written := capsys.readouterr().err)
    assert "HTTP Request" not in written


@pytest.mark.parametrize("formatter", [PlainFormatter(), JsonFormatter()])
def test_a_broken_log_call_still_hides_the_secret(formatter: logging.Formatter) -> None:
    record = logging.LogRecord("x", logging.INFO, __file__, 1, {"token": "xoxb-12345678"}, None, None)
    assert "12345678" not in formatter.format(record)
