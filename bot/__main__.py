"""The command line: `headroom`, the same as `python -m bot`."""

import json
import sys
import threading
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from bot import doctor, lookup, report
from bot.app import Headroom, stop_on_signals, utc_now
from bot.config import startup
from bot.config.mistakes import ConfigError
from bot.doctor import probes
from bot.evaluation import PastError, current_thresholds
from bot.posthog.errors import PostHogError
from bot.progress import bars
from bot.redaction import configure_logging, redact
from bot.replay import MOST_DAYS, NothingStoredError, replay
from bot.replay import report as replayed
from bot.replay.proposal import proposed
from bot.slack.text import clean
from bot.store import StoreTrouble, holds, jobs
from bot.why import why as explain
from crm.base import CrmError

FAILED, WRONG_USE = 1, 2
YEARS = (2000, 2100)
TOMORROW = timedelta(days=1)  # clocks differ a little, and time zones a lot
JOB_STATES = ("ready", "running", "done", "failed", "dead")
cli = typer.Typer(help="Sees which customers run out of plan, and turns a click into a deal.", no_args_is_help=True)
queue = typer.Typer(help="The outbox: what waits, what failed, and why.", no_args_is_help=True)
cli.add_typer(queue, name="jobs")
out, err = Console(), Console(stderr=True)

JobNumber = Annotated[int, typer.Argument(help="From `headroom jobs list`.", min=1, max=2**62)]
As_json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def compose(*needs: str) -> Headroom:
    """Every mistake in settings and configuration at once, before anything is started."""
    return Headroom(*startup.read(*needs))


@cli.command()
def init() -> None:
    """Begin here: an example headroom.toml and .env in this folder, for you to adapt."""
    written = startup.begin(Path())
    for file in written:
        out.print(f"{file} is written: adapt it to your product and accounts.", highlight=False)
    if not written:
        out.print("headroom.toml and .env are there already; nothing was changed.")
    out.print("Then run `headroom doctor`.")


@cli.command()
def run() -> None:
    """Slack, scheduler and worker in one process."""
    stopping = threading.Event()
    stop_on_signals(stopping)
    configure_logging("INFO", json=not sys.stderr.isatty())
    compose("slack", "slack_events", "posthog", "crm").run(stopping)


@cli.command()
def evaluate(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Write and post nothing.")] = False,
    as_json: As_json = False,
    at: Annotated[str | None, typer.Option(help="Evaluate as of this ISO time, such as 2026-11-22T00:00:00Z.")] = None,
) -> None:
    """One evaluation of all accounts, now. The cards that are due wait for `headroom run` or `headroom work`."""
    moment = _moment(at) if at else utc_now()
    if moment > utc_now() + TOMORROW and not dry_run:
        raise typer.BadParameter("That day is still to come: only a dry run can look ahead. Add --dry-run.")
    headroom = compose("posthog")
    with bars(err) as progress:
        found = headroom.evaluate(moment, dry_run=dry_run, progress=progress)
    if as_json:
        typer.echo(json.dumps(report.as_json(found, headroom.labels())))
    else:
        report.show(found, out)


@cli.command()
def follow(
    deleted: Annotated[
        bool, typer.Option("--deleted", help="Most of our deals were really deleted in the CRM: let go of them.")
    ] = False,
) -> None:
    """One look at the CRM, now: which deals were won, lost, reopened or deleted, and which are open."""
    following = compose("crm").following
    if following is None:
        raise ConfigError(["crm.kind: is missing in headroom.toml, so there is no CRM to look at."])
    try:
        found = following.follow.poll(deleted=deleted)
    except CrmError as error:
        err.print(escape(f"The CRM could not be read: {error}"), highlight=False, soft_wrap=True)
        raise typer.Exit(FAILED) from error
    out.print(escape(found.summary()), highlight=False, soft_wrap=True)
    for trouble in found.troubles:
        err.print(escape(clean(trouble.detail)), highlight=False, soft_wrap=True)
    if found.troubles:
        raise typer.Exit(FAILED)


@cli.command()
def work(
    until_idle: Annotated[bool, typer.Option("--until-idle", help="End when nothing is due any more.")] = False,
) -> None:
    """Do the jobs that are due: cards, answers, deals."""
    stopping = threading.Event()
    headroom = compose("slack", "crm")
    headroom.refuse_what_blocks()
    worker = headroom.worker()
    if until_idle:
        worker.run_until_idle()
        return
    stop_on_signals(stopping)
    worker.start()
    stopping.wait()
    worker.stop()


@cli.command()
def account(
    name: Annotated[str, typer.Argument(help="A name, a domain or a key.")],
    why: Annotated[
        bool, typer.Option("--why", help="Rule by rule: the value, what it needs, what came of it.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the rules as JSON.")] = False,
) -> None:
    """What is known of an account, and why it has no card."""
    headroom = compose()
    with headroom.db.read() as tx:
        found = lookup.find(tx, headroom.config, name)
        explained = [explain(tx, headroom.config, one.account) for one in found] if why or as_json else []
    if not found:
        err.print(f"No account matches {escape(repr(name))}. Only what an evaluation has read is known.")
        raise typer.Exit(FAILED)
    if as_json:
        typer.echo(json.dumps([one.to_json() for one in explained]))
        return
    for told in found if not why else ():
        report.show_account(told, out)
    for one in explained:
        report.show_why(one, out)


@cli.command("replay")
def replay_days(
    days: Annotated[
        int, typer.Option(help="So many stored days, until the last evaluation.", min=1, max=MOST_DAYS)
    ] = 90,
    given: Annotated[
        list[str] | None, typer.Option("--set", help="A threshold to try, such as approaching=75,90. May be repeated.")
    ] = None,
    sample: Annotated[int | None, typer.Option(help="Look at so many accounts only.", min=1)] = None,
    as_json: As_json = False,
) -> None:
    """What the rules would have done on the stored days, with today's thresholds and with others."""
    headroom = compose()
    with headroom.db.read() as tx:
        current = current_thresholds(tx, headroom.config)
    values = proposed(current, given) if given else None
    try:
        with bars(err) as progress:
            found = replay(headroom.db, headroom.config, days, values, sample, progress)
    except NothingStoredError:
        err.print("There is no history yet. Run `headroom evaluate` first: it reads the days that are over, too.")
        raise typer.Exit(FAILED) from None
    if as_json:
        typer.echo(json.dumps(replayed.as_json(found)))
    else:
        replayed.show(found, headroom.config, out)


@cli.command("doctor")
def examine(
    as_json: As_json = False,
    fix: Annotated[bool, typer.Option("--fix", help="Make what the CRM lacks: key field, pipeline, stage.")] = False,
    test_push: Annotated[
        bool, typer.Option("--test-push", help="Make a deal in the CRM for trial; remove it.")
    ] = False,
) -> None:
    """Look at everything a run depends on; name the fix of each fault."""
    with err.status("Looking"):
        checks = list(doctor.examine(probes.all_probes(fix=fix, test_push=test_push)))
    if as_json:
        typer.echo(doctor.as_json(checks, utc_now()))
    else:
        doctor.show(checks, out)
    if doctor.failed(checks):
        raise typer.Exit(FAILED)


@cli.command()
def demo(
    serve: Annotated[bool, typer.Option("--serve", help="Play it yourself, in a browser.")] = False,
    port: Annotated[int, typer.Option(help="Where on this machine the browser's page is.", min=1, max=65535)] = 8790,
) -> None:
    """Play the story in the sandbox: no account anywhere is needed."""
    name, extra = ("sandbox.play.serve", "play") if serve else ("sandbox.demo", "sandbox")
    try:
        sandbox = import_module(name)
    except ModuleNotFoundError as error:
        err.print(f"The sandbox needs more packages ({error.name} is missing): pip install '.\\[{extra}]'")
        raise typer.Exit(WRONG_USE) from error
    if serve:
        sandbox.serve(out, port)
    elif not sandbox.play(out):
        raise typer.Exit(FAILED)


@queue.command("list")
def list_jobs(state: Annotated[list[str] | None, typer.Option(help="Only jobs in this state.")] = None) -> None:
    """The latest jobs, and how the queue stands."""
    if unknown := set(state or ()) - set(JOB_STATES):
        raise typer.BadParameter(f"{', '.join(sorted(unknown))}: no such state. There are {', '.join(JOB_STATES)}.")
    with compose().db.read() as tx:
        for job in jobs.list_jobs(tx, states=tuple(state or ())):
            why = f": {job.last_error}" if job.last_error else ""
            out.print(
                escape(f"{job.id:>6} {job.state:<9} {job.kind:<10} {job.ukey}{why}"), highlight=False, soft_wrap=True
            )
        counts = jobs.counts(tx)
    out.print(", ".join(f"{number} {state}" for state, number in sorted(counts.by_state.items())) or "no jobs")
    for hold in counts.paused:
        out.print(escape(f"{hold.scope} is paused: {hold.detail}"))


@queue.command("retry")
def retry_job(
    job: JobNumber,
) -> None:
    """Run a job again, with all its attempts before it."""
    with compose().db.transaction() as tx:
        again = jobs.retry(tx, job)
        now = jobs.get(tx, job)
        if again and now and now.scope:
            holds.resume(tx, now.scope)  # whoever asks has mended what held it back
    if not again:
        err.print(f"Job {job} is {now.state}, and cannot be retried." if now else f"There is no job {job}.")
        raise typer.Exit(FAILED)


@queue.command("explain")
def explain_job(
    job: JobNumber,
) -> None:
    """Everything that is known of a job."""
    with compose().db.read() as tx:
        found = jobs.get(tx, job)
    if found is None:
        err.print(f"There is no job {job}.")
        raise typer.Exit(FAILED)
    for name in found.__slots__:
        out.print(escape(f"{name:>14}  {getattr(found, name)}"), highlight=False, soft_wrap=True)


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is no ISO time. Write it as 2026-11-22T00:00:00Z.") from error
    if not YEARS[0] <= moment.year < YEARS[1]:
        raise typer.BadParameter(f"{text!r} lies outside the years {YEARS[0]} to {YEARS[1]}.")
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def main() -> None:
    """Exit codes: 0 fine, 1 failed, 2 wrong use or configuration."""
    configure_logging("WARNING")
    try:
        cli()
    except ConfigError as error:
        number = len(error.mistakes)
        err.print(f"Nothing was started: {number} {'mistake' if number == 1 else 'mistakes'}.", highlight=False)
        for mistake in error.mistakes:
            err.print(escape(mistake), highlight=False, soft_wrap=True)
        sys.exit(WRONG_USE)
    except PastError as error:
        err.print(f"{error}. Only a dry run can look back: add --dry-run.", highlight=False, soft_wrap=True)
        sys.exit(WRONG_USE)
    except StoreTrouble as error:
        why = redact(str(error)).splitlines()[0]
        err.print(escape(f"The database does not answer. Check DATABASE_URL. {why}"), highlight=False, soft_wrap=True)
        sys.exit(FAILED)
    except PostHogError as error:
        err.print(escape(f"PostHog could not be read: {error}"), highlight=False, soft_wrap=True)
        sys.exit(FAILED)


if __name__ == "__main__":
    main()
