"""Who a Slack user is: the e-mail address finds them in the CRM."""

from collections.abc import Callable

from slack_sdk import WebClient

from bot.model import Clock
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
