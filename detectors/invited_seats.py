"""People were invited who are not active yet: once they are, all seats are taken, or more than there are.

Quieter than a seat count: two at least are on their way, and the seats in use alone are still below the limit. Over
when the invitations are old or were taken back, or so few that two seats stay free.
"""

from collections.abc import Iterator

import numpy as np

from detectors.base import Bools, Context, Findings, Floats, Usage
from detectors.gates import OPEN

KIND = "invited_seats"
WEIGHT = 1.1
MIN_INVITED = 2.0  # with one, one seat is left, and that is a signal of its own
HOLD_FREE = 1.0  # once told it holds while so many seats would stay free


def detect(context: Context) -> Iterator[Findings]:
    """One Findings per metric that counts people; none where invitations are not read."""
    invited = context.snapshot.invited_people
    for metric, usage in context.snapshot.usages.items():
        if usage.people and invited is not None:
            yield _judge(usage, context.gates[metric] == OPEN, np.nan_to_num(invited, posinf=0.0, neginf=0.0))


def _judge(usage: Usage, is_open: Bools, invited: Floats) -> Findings:
    holds = is_open & (invited >= 1) & (usage.used < usage.limit) & (usage.used + invited >= usage.limit - HOLD_FREE)
    rows = np.flatnonzero(holds)
    used, limit, coming = usage.used[rows], usage.limit[rows], invited[rows]
    return Findings(
        KIND,
        usage.metric,
        WEIGHT,
        rows,
        fires=(coming >= MIN_INVITED) & (used + coming >= limit),
        strength=np.clip(
            (np.minimum(used + coming, 2 * limit) / limit - 0.6) / 0.6, 0.0, 1.0
        ),  # all at 120 % of the seats
        evidence={"invited": coming, "used": used, "limit": limit, "with_invited": used + coming},
    )
