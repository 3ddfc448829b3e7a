"""What each piece of evidence weighs in the log-odds. Fitted by `make fit`; edit that, not this."""

GAUGE: dict[str, float] = {
    "even": -1.786,
    "drifting": 0.2465,
    "distance": -0.5897,
    "above_median": 1.371,
    "past_rises": 0.2215,
    "days_over": 1.771,
    "last_days_over": 0.8085,
    "liveliness": -0.4614,
    "change_1_week": -0.1772,
    "change_4_weeks": 0.4096,
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
