"""The whole page as HTML, for one person's view of the play."""

from collections.abc import Callable, Mapping
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from sandbox.play import journal, mrkdwn, rich_text
from sandbox.play.deeds import READ_ONLY, TROUBLES
from sandbox.play.passing import Passing
from sandbox.play.play import Play
from sandbox.play.slack_pane import slack_pane
from sandbox.play.usage import Usage
from sandbox.play.view import HOME, TABS, View

Pane = Callable[[View], Mapping[str, Any]]


def environment() -> Environment:
    """The templates; what is put into them is escaped."""
    pages = Environment(
        loader=PackageLoader("sandbox.play", "pages"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pages.globals |= {"TABS": TABS, "HOME": HOME, "TROUBLES": TROUBLES, "READ_ONLY": READ_ONLY}
    pages.filters |= {"mrkdwn": mrkdwn.html, "plain_text": mrkdwn.plain, "rich_text": rich_text.html}
    return pages


class Page:
    def __init__(self, play: Play, passing: Passing) -> None:
        self._play, self._passing, self._usage = play, passing, Usage(play)
        self._pages = environment()
        self._panes: Mapping[str, Pane] = {
            "slack": self._crm,  # beside Slack, where there is room
            "crm": self._crm,
            "posthog": self._posthog,
            "faults": lambda _: {},
            "log": self._log,
        }

    def html(self, view: View) -> str:
        play = self._play
        play.catch_up()
        return self._pages.get_template("page.html.j2").render(
            view=view,
            now=play.clock(),
            play=play,
            passing=self._passing,
            slack=slack_pane(play, view),
            counts=journal.counts(play),
            **self._panes[view.tab](view),
        )

    def fingerprint(self) -> str:
        """Differs whenever the page would."""
        play, passing = self._play, self._passing
        calls = [server.number_of_calls for server in play.vendors.values()]
        told = [len(play.world.slack.people.sent), play.actions, play.bot.is_alive, passing.done, passing.is_running]
        return " ".join(map(str, [*calls, *told, f"{play.clock():%Y-%m-%dT%H:%M}"]))

    def _crm(self, _: View) -> Mapping[str, Any]:
        board = self._play.board
        return {"stages": board.stages(), "deals": board.deals()}

    def _posthog(self, view: View) -> Mapping[str, Any]:
        accounts = self._usage.accounts()
        chosen = next((one for one in accounts if one.key == view.account), accounts[0])
        return {"accounts": accounts, "chosen": chosen, "charts": self._usage.charts(chosen)}

    def _log(self, view: View) -> Mapping[str, Any]:
        known = journal.cases(self._play)
        case = next((one for one in known if one.key == view.case), None)
        return {"cases": known, "entries": journal.entries(self._play, journal.words_of(case) if case else None)}
