"""slack_sdk's clients, which here follow no redirect: urllib would hand the bot token to wherever a 302 points.

slack_sdk has no setting for it; each client has one method that sends, and that one is replaced.
"""

import urllib.request as web
from functools import cache
from ssl import SSLContext
from typing import Any

from slack_sdk import WebClient
from slack_sdk.webhook import WebhookClient, WebhookResponse


class UnmovedWebClient(WebClient):
    def _perform_urllib_http_request_internal(self, url: str, req: web.Request) -> dict[str, Any]:  # noqa: ARG002 - slack_sdk's
        return _sent(req, self.proxy, self.ssl, self.timeout)


class UnmovedWebhookClient(WebhookClient):
    def _perform_http_request_internal(self, url: str, req: web.Request) -> WebhookResponse:
        answer = _sent(req, self.proxy, self.ssl, self.timeout)
        return WebhookResponse(url=url, status_code=answer["status"], body=answer["body"], headers=answer["headers"])


def _sent(request: web.Request, proxy: str | None, ssl: SSLContext | None, seconds: float) -> dict[str, Any]:
    with _opener(proxy, ssl).open(request, timeout=seconds) as answer:
        charset = answer.headers.get_content_charset() or "utf-8"
        return {"status": answer.status, "headers": answer.headers, "body": answer.read().decode(charset)}


@cache
def _opener(proxy: str | None, ssl: SSLContext | None) -> web.OpenerDirector:
    """All that urlopen has for HTTP, except for redirects: a 3xx is an HTTPError, as any other refusal."""
    opener = web.OpenerDirector()
    opener.add_handler(web.ProxyHandler({"http": proxy, "https": proxy} if proxy else None))
    opener.add_handler(web.HTTPHandler())
    opener.add_handler(web.HTTPSHandler(context=ssl))
    opener.add_handler(web.HTTPErrorProcessor())
    opener.add_handler(web.HTTPDefaultErrorHandler())
    opener.add_handler(web.UnknownHandler())
    return opener
