"""Ids that travel to Slack and back: each is written once, here, for cards and listeners alike."""

CLAIM = "opportunity.claim"
PUSH = "opportunity.push"
SNOOZE = "opportunity.snooze"
DISMISS = "opportunity.dismiss"
DETAILS = "opportunity.details"
SHOW_ACCOUNT = "account.show"
USE_DEAL = "question.use_deal"
NEW_DEAL = "question.new_deal"
CHOOSE_OWNER = "question.choose_owner"
ACTIONS = (CLAIM, PUSH, SNOOZE, DISMISS, DETAILS, SHOW_ACCOUNT, USE_DEAL, NEW_DEAL, CHOOSE_OWNER)

SNOOZE_VIEW = "snooze"
DISMISS_VIEW = "dismiss"
THRESHOLDS_VIEW = "thresholds"
DETAILS_VIEW = "details"
OWNER_VIEW = "owner"
SUBMISSIONS = (SNOOZE_VIEW, DISMISS_VIEW, THRESHOLDS_VIEW, OWNER_VIEW)

ACCOUNT_COMMAND = "/account"
UPSELL_COMMAND = "/upsell"
COMMANDS = (ACCOUNT_COMMAND, UPSELL_COMMAND)

UNTIL_BLOCK = "until"
DATE_BLOCK = "date"
REASON_BLOCK = "reason"
NOTE_BLOCK = "note"
APPROACHING_BLOCK = "approaching"
GROWTH_BLOCK = "growth_probability"
OWNER_BLOCK = "owner"
VALUE = "value"  # the action id of the one element in each input block
LISTS = (VALUE,)  # those whose options are asked for while somebody types

# Metadata by which a message of ours is found again.
CARD_EVENT = "headroom_card"
THREAD_EVENT = "headroom_thread"
NOTICE_EVENT = "headroom_notice"
