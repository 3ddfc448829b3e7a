"""What each piece of evidence weighs in the log-odds. Fitted by `make fit`; edit that, not this."""

GAUGE: dict[str, float] = {
    "even": -1.775,
    "drifting": 0.293,
    "median_distance": 0.626,
    "level_distance": -1.241,
    "past_rises": 0.2195,
    "days_over": 1.733,
    "last_days_over": 0.8053,
    "distance": 0.1565,
    "liveliness": -0.627,
    "change_1_week": -0.1746,
    "change_4_weeks": 0.4444,
}

QUOTA: dict[str, float] = {
    "even": -0.08658,
    "pace_week": 1.073,
    "pace_quarter": -0.4551,
    "pace_three_weeks": 0.3616,
    "pace_large_days": 0.9523,
    "certainty": 0.199,
    "growth": -0.5526,
    "past_totals": 0.2121,
    "past_rises": 0.1642,
    "length": -0.1941,
}
