"""What a token, a key or an address must look like. No complaint ever repeats a secret."""

from ipaddress import ip_address
from urllib.parse import urlsplit

from pydantic import SecretStr


def one_line(value: str) -> str:
    """A secret travels in an HTTP header, which takes printable ASCII only."""
    if not value.isascii() or any(not character.isprintable() or character == " " for character in value):
        raise ValueError("has a space, a line break or a character that no key has. Copy it again, alone on its line.")
    return value


def port(value: str | int) -> int:
    if not str(value).isdecimal() or int(value) > 65535:
        raise ValueError(f"{value!r} is not a port. Write a number from 0 to 65535.")
    return int(value)


def project_id(value: str | int) -> int:
    if not str(value).isdecimal():
        raise ValueError(f"{value!r} is not a number. Write the one in PostHog's address, /project/12345.")
    return int(value)


def bot_token(token: SecretStr) -> SecretStr:
    # A rotated token is xoxe.xoxb-...: https://docs.slack.dev/authentication/using-token-rotation
    if not token.get_secret_value().startswith(("xoxb-", "xoxe.xoxb-")):
        raise ValueError("is not a bot token, which begins with xoxb-: api.slack.com/apps, OAuth & Permissions.")
    return token


def app_token(token: SecretStr) -> SecretStr:
    if not token.get_secret_value().startswith("xapp-"):
        raise ValueError("is not an app-level token, which begins with xapp-: api.slack.com/apps, Basic Information.")
    return token


def signing_secret(secret: SecretStr) -> SecretStr:
    if secret.get_secret_value().startswith(("xox", "xapp-")):
        raise ValueError("holds a token. The signing secret stands at api.slack.com/apps, Basic Information.")
    return secret


def api_key(key: SecretStr) -> SecretStr:
    if key.get_secret_value().startswith("phc_"):
        raise ValueError("holds the project's own token (phc_), which can only write. Make a personal API key (phx_).")
    return key


def vendor_url(url: str) -> str:
    """`https`, or `http` to this machine alone; without a slash at the end."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        _ = parts.port  # raises where it is no number
    except ValueError:
        raise ValueError("is not an address. Write it as https://host.") from None
    if "@" in parts.netloc:
        raise ValueError("has a user name or password in it. Keys have settings of their own.")
    if parts.scheme not in ("http", "https") or not host or any(character.isspace() for character in url):
        raise ValueError(f"{url!r} is not an address. Write it as https://host.")
    if parts.query or parts.fragment:
        raise ValueError(f"{url!r} has a ? or # in it. Write it as https://host.")
    if parts.scheme == "http" and not _loopback(host):
        raise ValueError(f"{url!r} would send the key unencrypted. Write https://; http is for this machine alone.")
    if host.endswith(".i.posthog.com"):
        raise ValueError(f"{url!r} only takes events in. Write https://{host.replace('.i.', '.')}.")
    if _link_local(host):
        raise ValueError(f"{url!r} is a link-local address, where no vendor is.")
    return url.rstrip("/")


def _loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _link_local(host: str) -> bool:
    """Where cloud machines keep their credentials: 169.254.169.254 and its like."""
    try:
        return ip_address(host).is_link_local
    except ValueError:
        return False


def database(url: SecretStr) -> SecretStr:
    """SQLite, or PostgreSQL in any of its usual spellings."""
    address = url.get_secret_value()
    scheme, separator, rest = address.partition("://")
    if not separator:
        raise ValueError(
            "is not an address. Write sqlite:///headroom.db or postgresql+psycopg://user:password@host/name."
        )
    if scheme == "sqlite":
        return url
    if scheme in ("postgres", "postgresql", "postgresql+psycopg"):
        return SecretStr(f"postgresql+psycopg://{rest}")
    raise ValueError(f"{scheme}:// is not supported. Write sqlite:/// or postgresql+psycopg://.")
