"""Everything that Slack can ask of the bot, on one screen."""

import re

from slack_bolt import App

from bot.slack import ids
from bot.slack.clicks import Clicks
from bot.slack.guard import Guard
from bot.slack.room import Room
from bot.slack.slash import SlashCommands
from bot.slack.submissions import Submissions

ANYTHING = re.compile(r".*", re.DOTALL)


def register(app: App, room: Room, guard: Guard) -> None:
    clicks, submissions, commands = Clicks(room), Submissions(room), SlashCommands(room)

    app.use(guard.check)
    app.error(guard.failed)

    app.action(ids.CLAIM)(clicks.claim)
    app.action(ids.PUSH)(clicks.push)
    app.action(ids.SNOOZE)(clicks.snooze)
    app.action(ids.DISMISS)(clicks.dismiss)
    app.action(ids.DETAILS)(clicks.details)
    app.action(ids.SHOW_ACCOUNT)(clicks.show_account)

    app.action(ids.USE_DEAL)(clicks.use_deal)
    app.action(ids.NEW_DEAL)(clicks.new_deal)
    app.action(ids.CHOOSE_OWNER)(clicks.choose_owner)

    app.options(ids.VALUE)(submissions.owners)

    app.view(ids.SNOOZE_VIEW)(submissions.snooze)
    app.view(ids.DISMISS_VIEW)(submissions.dismiss)
    app.view(ids.THRESHOLDS_VIEW)(submissions.thresholds)
    app.view(ids.OWNER_VIEW)(submissions.owner)

    app.command(ids.ACCOUNT_COMMAND)(commands.account)
    app.command(ids.UPSELL_COMMAND)(commands.upsell)

    # What cards and modals of other releases may still send.
    app.action(ANYTHING)(clicks.unknown)
    app.view(ANYTHING)(submissions.unknown)
    app.options(ANYTHING)(submissions.no_options)
    app.command(ANYTHING)(commands.unknown)
