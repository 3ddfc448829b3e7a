"""No secret and no e-mail address in any log line, whoever wrote it: our code, a library or an exception."""

import json
import logging
import re
import sys
from datetime import UTC, datetime
from typing import Literal

_MASK = "***"
_NAMES = (
    "api[_-]?token|api[_-]?key|access_token|refresh_token|client_secret|signing_secret|password|"
    "authorization|x-slack-signature"
)
_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), replacement)
    for pattern, replacement in (
        # Vendors' keys by their own prefix: Slack (xoxb-, xoxe.xoxb-, xapp-), PostHog (phx_, phs_, phc_), Zoho (1000.).
        (r"(?<![a-z0-9])(xox[a-z][.-]|xapp-|ph[xsc]_)[\w.%-]{4,}", rf"\1{_MASK}"),
        (r"\b1000(?:\.[0-9a-f]{20,}){1,2}\b", _MASK),
        # hooks.slack.com/actions/... and /commands/...: whoever holds a response_url may post with it.
        (r"(https://hooks\.slack(?:-gov)?\.com/)[^\s\"'<>]+", rf"\1{_MASK}"),
        (r"(wss?://[^\s\"'<>?]+)\?[^\s\"'<>]+", rf"\1?{_MASK}"),
        (r"\b(bearer|zoho-oauthtoken)(\s+|%20)[\w.~+/=%-]+", rf"\1\2{_MASK}"),
        (r"\b(basic)(\s+)[\w+/=]{12,}", rf"\1\2{_MASK}"),  # a plan may be called Basic
        (
            rf"((?:{_NAMES})[\"']?\s*[:=,]\s*[\"']?)(?!(?:bearer|basic|zoho-oauthtoken|is)\b)[^\s\"'&,;)}}\]]+",
            rf"\1{_MASK}",
        ),
        (r"(://[^\s/:@\"']*):[^\s/@\"']+@", rf"\1:{_MASK}@"),
        (r"(?<![\w.+%-])[\w.+%-]{1,64}(?:@|%40)(?=(?:[\w-]{1,63}\.)+[a-z]{2,})", f"{_MASK}@"),
    )
)


def redact(text: str) -> str:
    """The text with every secret, and the person's part of every e-mail address, masked."""
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text


class PlainFormatter(logging.Formatter):
    """One line for a person, redacted as a whole: message, arguments and traceback."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


class JsonFormatter(logging.Formatter):
    """One JSON object a line for a log collector, redacted field by field so that it stays JSON."""

    def format(self, record: logging.LogRecord) -> str:
        fields = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": redact(record.getMessage()),
        }
        if record.exc_info:
            fields["exception"] = redact(self.formatException(record.exc_info))
        if record.stack_info:
            fields["stack"] = redact(record.stack_info)
        return json.dumps(fields, ensure_ascii=False)


Level = Literal["DEBUG", "INFO", "WARNING", "ERROR"]


def configure_logging(level: Level = "INFO", json: bool = False) -> None:
    """Send all logs to standard error, redacted; libraries that log every request are kept to warnings."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if json else PlainFormatter())
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level)
    for chatty in ("httpx", "httpcore", "slack_sdk", "slack_bolt", "apscheduler", "alembic", "sqlalchemy"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, root.level))
    logging.captureWarnings(capture=True)
