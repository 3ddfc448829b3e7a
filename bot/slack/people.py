"""What the CRM needs to know of Slack: who a user is, by e-mail address, and where a card stands."""

from collections.abc import Callable

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot.model import Card, Clock
from bot.slack.failures import calling
from bot.store.reps import Rep


def asker(client: WebClient, clock: Clock) -> Callable[[str], Rep]:
    """Look a user up by id; raises the outbox's endings."""

    def ask(user: str) -> Rep:
        told = calling("users.info", None, lambda: client.users_info(user=user))["user"]
        profile = told.get("profile") or {}
        name = profile.get("display_name") or told.get("real_name") or told.get("name")
        return Rep(user, profile.get("email"), name, told.get("tz"), clock())

    return ask


def card_link(client: WebClient) -> Callable[[Card], str | None]:
    """Look a card's address up; None where Slack does not tell it: a note does without."""

    def link(card: Card) -> str | None:
        try:
            return str(client.chat_getPermalink(channel=card.channel, message_ts=card.ts)["permalink"])
        except (SlackApiError, OSError):
            return None

    return link
