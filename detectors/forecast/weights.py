"""What each piece of evidence weighs in the log-odds. Fitted by `make fit`; edit that, not this."""

GAUGE: dict[str, float] = {
    "even": -1.832,
    "drifting": 0.267,
    "median_distance": 0.6315,
    "level_distance": -1.153,
    "past_rises": 0.2246,
    "days_over": 1.787,
    "last_days_over": 0.6384,
    "liveliness": -0.4694,
    "change_1_week": -0.1695,
    "change_4_weeks": 0.4547,
}

QUOTA: dict[str, float] = {
    "even": -0.207,
    "pace_of_the_week": 0.05398,
    "pace_of_large_days": 0.1815,
    "trend": 0.2704,
    "doubtful_growth": -0.8805,
    "past_totals": 0.2553,
    "past_rises": 0.2008,
    "length": -0.09761,
}
