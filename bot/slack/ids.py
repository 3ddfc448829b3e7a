"""Ids that travel to Slack and back: each is written once, here, for cards and listeners alike."""

CLAIM = "opportunity.claim"
PUSH = "opportunity.push"
SNOOZE = "opportunity.snooze"
DISMISS = "opportunity.dismiss"
DETAILS = "opportunity.details"
SHOW_ACCOUNT = "account.show"
ACTIONS = (CLAIM, PUSH, SNOOZE, DISMISS, DETAILS, SHOW_ACCOUNT)

SNOOZE_VIEW = "snooze"
DISMISS_VIEW = "dismiss"
THRESHOLDS_VIEW = "thresholds"
DETAILS_VIEW = "details"
SUBMISSIONS = (SNOOZE_VIEW, DISMISS_VIEW, THRESHOLDS_VIEW)

ACCOUNT_COMMAND = "/account"
UPSELL_COMMAND = "/upsell"
COMMANDS = (ACCOUNT_COMMAND, UPSELL_COMMAND)

UNTIL_BLOCK = "until"
DATE_BLOCK = "date"
REASON_BLOCK = "reason"
NOTE_BLOCK = "note"
APPROACHING_BLOCK = "approaching"
GROWTH_BLOCK = "growth_probability"
VALUE = "value"  # the action id of the one element in each input block

# Metadata by which a message of ours is found again.
CARD_EVENT = "headroom_card"
THREAD_EVENT = "headroom_thread"
NOTICE_EVENT = "headroom_notice"
