"""Everything that can be done from the page, by the name that its forms post to."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta

from sandbox import faults
from sandbox.faults import Fault
from sandbox.play import slack_actions
from sandbox.play.passing import Passing
from sandbox.play.play import Play
from sandbox.play.reps import change_plan
from sandbox.play.view import HOME, View

Form = Mapping[str, list[str]]
SLOW_SECONDS = 3.0
WRITES = ("POST", "PUT", "PATCH", "DELETE")
TROUBLES: Mapping[str, tuple[str, Fault | None]] = {
    "none": ("works", None),
    "429": ("too many requests (429)", faults.status(429, retry_after=5)),
    "500": ("server error (500)", faults.status(500)),
    "slow": (f"slow ({SLOW_SECONDS:g} s a call)", faults.slow(SLOW_SECONDS)),
    "down": ("down", faults.drop()),
    "dropped": ("writes applied, answers lost", faults.apply_then_drop()),
}
READ_ONLY = ("PostHog",)  # nothing is written there


class Deeds:
    def __init__(self, play: Play, passing: Passing) -> None:
        self.play, self.passing = play, passing
        self._known: Mapping[str, Callable[[View, Form], View | None]] = {
            "slack/act": lambda view, form: slack_actions.act(play, view.me, form),
            "slack/submit": lambda view, form: slack_actions.submit(play, view.me, form),
            "slack/close": lambda view, form: slack_actions.close(play, view.me, form),
            "slack/home": self._home,
            "slack/command": self._command,
            "slack/me": lambda view, form: View(me=_one(form, "me"), tab=view.tab),
            "slack/dismiss": self._dismiss,
            "crm/choose": self._choose,
            "crm/move": lambda _, form: play.board.move(_one(form, "deal"), _one(form, "stage")),
            "crm/win": lambda _, form: play.board.win(_one(form, "deal")),
            "crm/lose": lambda _, form: play.board.lose(_one(form, "deal"), _one(form, "reason") or "No reason given"),
            "crm/reopen": lambda _, form: play.board.reopen(_one(form, "deal")),
            "crm/edit": lambda _, form: play.board.edit(_one(form, "deal"), _one(form, "title"), _amount(form)),
            "crm/delete": self._delete,
            "posthog/burst": lambda _, form: play.traffic.burst(
                _one(form, "account"), int(_one(form, "calls")), play.now()
            ),
            "posthog/seats": lambda _, form: play.traffic.add_people(_one(form, "account"), 2, play.now()),
            "posthog/quota": lambda _, form: play.traffic.hit_quota(_one(form, "account"), play.now()),
            "posthog/pricing": lambda _, form: play.traffic.open_page(_one(form, "account"), "pricing", play.now()),
            "posthog/cancel": lambda _, form: play.traffic.open_page(_one(form, "account"), "cancel", play.now()),
            "posthog/lock": lambda _, form: play.traffic.meet_lock(_one(form, "account"), play.now()),
            "posthog/tracking": self._tracking,
            "posthog/plan": lambda _, form: change_plan(play, _one(form, "account"), _one(form, "plan")),
            "faults/set": self._fault,
            "bot/kill": lambda *_: play.bot.kill(),
            "bot/start": lambda *_: play.start_bot(),
            "time/hours": lambda _, form: passing.skip(timedelta(hours=int(_one(form, "number")))),
            "time/days": lambda _, form: passing.begin(int(_one(form, "number"))),
            "time/stop": lambda *_: passing.stop(),
        }

    def do(self, name: str, view: View, form: Form) -> View:
        """What to show afterwards."""
        deed = self._known.get(name)
        after = deed(view, form) if deed else None
        self.play.actions += 1
        return after or view

    def _home(self, view: View, _: Form) -> View:
        slack_actions.open_home(self.play, view.me)
        return replace(view, at=HOME, thread="")

    def _command(self, view: View, form: Form) -> None:
        channel = "C0SALES" if view.at == HOME else view.at
        slack_actions.command(self.play, view.me, channel, _one(form, "text"))

    def _dismiss(self, view: View, _: Form) -> None:
        self.play.notices.pop(view.me, None)

    def _choose(self, view: View, form: Form) -> View:
        kind = _one(form, "crm")
        if kind != self.play.crm and kind in self.play.crms:
            self.play.choose_crm(kind)
        return replace(view, deal="")

    def _delete(self, view: View, form: Form) -> View:
        self.play.board.delete(_one(form, "deal"))
        return replace(view, deal="")

    def _tracking(self, _view: View, form: Form) -> None:
        silent, account = self.play.traffic.silent, _one(form, "account")
        if account in silent:
            silent.remove(account)
        else:
            silent.add(account)

    def _fault(self, _view: View, form: Form) -> None:
        vendor, trouble = _one(form, "vendor"), _one(form, "trouble")
        switchboard = self.play.vendors[vendor].faults
        switchboard.clear()
        self.play.troubles[vendor] = trouble
        _, fault = TROUBLES[trouble]
        if fault is None:
            return
        for match in [f"{method} *" for method in WRITES] if trouble == "dropped" else ["*"]:
            switchboard.add(match, fault, times=None)


def _one(form: Form, name: str) -> str:
    return form.get(name, [""])[0]


def _amount(form: Form) -> float:
    return float(_one(form, "value") or 0)
