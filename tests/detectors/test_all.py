"""What every detector promises: quiet on nothing, the same answer twice, blind to order and batch size."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import detectors
from bot.evaluation.cases import plain
from detectors import load, scan
from detectors.base import Findings, Rules, Sightings, Snapshot, Usage
from tests.detectors.snapshots import DAYS, gauge, quota, sightings, snapshot

TESTS = Path(__file__).parent
SEEDS = st.integers(0, 2**32 - 1)


@pytest.mark.parametrize("kind", load())
def test_every_detector_has_its_name_its_purpose_its_weight_and_its_test(kind: str) -> None:
    module: Any = load()[kind]
    assert module.__name__ == f"detectors.{kind}"
    assert len(module.__doc__) > 60
    assert module.WEIGHT > 0
    assert (TESTS / f"test_{kind}.py").exists()


def test_all_detectors_are_found() -> None:
    files = {path.stem for path in Path(detectors.__path__[0]).glob("*.py") if "\ndef detect(" in path.read_text()}
    assert set(load()) == files
    assert len(files) >= 5


@pytest.mark.parametrize("count", [0, 1, 3])
def test_quiet_on_empty_accounts(count: int) -> None:
    nothing: dict[str, Any] = {"count": count, "used": 0.0, "observed_days": 0, "age_hours": np.nan}
    seen = snapshot(
        quota(0.0, **nothing),
        gauge(np.nan, **nothing),
        count=count,
        requests=np.zeros((count, DAYS + 1)),
        active_people=np.zeros(count),
    )
    result = scan(seen, Rules())
    assert result.findings == []
    assert {metric: len(codes) for metric, codes in result.gates.items()} == {"api_calls": count, "seats": count}


def test_quiet_where_nothing_is_configured() -> None:
    assert scan(snapshot(), Rules()).findings == []


def fleet(seed: int, count: int) -> Snapshot:
    """Accounts of every kind of trouble: gaps, zeros, absurd limits, infinite values, sightings of all sorts."""
    rng = np.random.default_rng(seed)
    usages = [_troubled(make, rng, count) for make in (quota, gauge)]
    return snapshot(
        *usages,
        count=count,
        rejections=_some(rng, rng.poisson(3, (count, DAYS + 1)) * rng.integers(0, 2, (count, 1)), 0.01),
        requests=_some(rng, rng.poisson(500, (count, DAYS + 1)), 0.01),
        active_people=_some(rng, rng.integers(0, 50, count), 0.1),
        lockouts=_seen(rng, count),
        billing_visits=_seen(rng, count),
        save_visits=_seen(rng, count),
        invited_people=_some(rng, rng.integers(0, 9, count), 0.1),
    )


def _troubled(make: Callable[..., Usage], rng: np.random.Generator, count: int) -> Usage:
    level = np.exp(rng.uniform(-3, 12, (count, 1)))
    daily = level * np.exp(rng.normal(0, 0.3, (count, DAYS)) + rng.normal(0, 0.03, (count, 1)) * np.arange(DAYS))
    daily[np.arange(DAYS) < rng.integers(0, DAYS, (count, 1)) * rng.integers(0, 2, (count, 1))] = np.nan
    elapsed, limit = rng.integers(0, 31, count), level[:, 0] * rng.uniform(0, 60, count)
    return make(
        _some(rng, daily, 0.003),
        count,
        elapsed=elapsed,
        used=_some(rng, limit * rng.uniform(0, 1.5, count), 0.05),
        limit=_some(rng, limit, 0.1),
        period_days=rng.integers(28, 32, count),
        observed_days=rng.integers(0, DAYS + 1, count),
        age_hours=_some(rng, rng.uniform(0, 60, count), 0.1),
        unlimited=rng.random(count) < 0.1,
        bad=rng.random(count) < 0.1,
        bad_limit=rng.random(count) < 0.05,
        previous_periods=_some(rng, limit[:, None] * rng.uniform(0.5, 1.5, (count, 2)), 0.1),
    )


def _some(rng: np.random.Generator, values: Any, share: float) -> Any:
    """The values, some of them replaced by what no sensible source would send."""
    odd = rng.choice([np.nan, np.inf, -np.inf, 0.0, -1.0, 1e300], np.shape(values))
    return np.where(rng.random(np.shape(values)) < share, odd, values)


def _seen(rng: np.random.Generator, count: int) -> Sightings:
    rows = [
        (f"f{rng.integers(2)}", f"p{rng.integers(4)}", f"s{rng.integers(9)}", int(rng.integers(25))) for _ in "x" * 40
    ]
    return sightings(*rows, account=rng.integers(0, count, len(rows)).tolist())


def as_values(found: Findings, names: Any) -> dict[Any, Any]:
    """Findings by account (as named) and subject, comparable."""
    columns = {"fires": found.fires, "strength": found.strength, **found.evidence}
    columns |= {
        name: getattr(found, name) for name in ("level", "held_level", "saves") if getattr(found, name) is not None
    }
    subjects = found.subject if found.subject is not None else [None] * len(found.rows)
    return {
        (found.kind, found.metric, names[row], subject): {name: values[at] for name, values in columns.items()}
        for at, (row, subject) in enumerate(zip(found.rows.tolist(), subjects, strict=True))
    }


def said(seen: Snapshot, names: Any, batch: int = 8192) -> dict[Any, Any]:
    return {key: value for one in scan(seen, Rules(), batch).findings for key, value in as_values(one, names).items()}


def same(left: dict[Any, Any], right: dict[Any, Any]) -> None:
    assert left.keys() == right.keys()
    for key, values in left.items():
        for name, value in values.items():
            if isinstance(value, str | np.datetime64):
                np.testing.assert_equal(value, right[key][name])
            else:
                np.testing.assert_allclose(value, right[key][name], rtol=1e-9, err_msg=f"{key} {name}")


@settings(max_examples=25, deadline=None)
@given(seed=SEEDS, batch=st.integers(1, 30))
def test_the_batch_size_changes_nothing(seed: int, batch: int) -> None:
    seen, names = fleet(seed, 20), range(20)
    same(said(seen, names), said(seen, names, batch))


@settings(max_examples=25, deadline=None)
@given(seed=SEEDS)
def test_the_order_of_accounts_changes_nothing(seed: int) -> None:
    seen = fleet(seed, 20)
    order = np.random.default_rng(seed).permutation(20)
    same(said(seen, range(20)), said(reordered(seen, order), order.tolist()))


def reordered(seen: Snapshot, order: Any) -> Snapshot:
    place = np.argsort(order)

    def rows(value: Any) -> Any:
        return value[order] if isinstance(value, np.ndarray) else value

    def moved(one: Sightings) -> Sightings:
        return Sightings(place[one.account], one.subject, one.person, one.session, one.days_ago)

    def usage(one: Usage) -> Usage:
        return Usage(**{name: rows(getattr(one, name)) for name in one.__slots__})

    return Snapshot(
        today=seen.today,
        usages={metric: usage(one) for metric, one in seen.usages.items()},
        rejections=rows(seen.rejections),
        requests=rows(seen.requests),
        active_people=rows(seen.active_people),
        lockouts=moved(seen.lockouts),
        billing_visits=moved(seen.billing_visits),
        save_visits=moved(seen.save_visits),
        invited_people=rows(seen.invited_people),
    )


def test_a_ratio_beyond_all_numbers_is_unknown() -> None:
    [found] = scan(snapshot(quota(used=1e300, limit=1e-300)), Rules()).findings
    assert np.isnan(found.evidence["ratio"]).tolist() == [True]


@settings(max_examples=25, deadline=None)
@given(seed=SEEDS)
def test_numbers_are_numbers(seed: int) -> None:
    result = scan(fleet(seed, 20), Rules())
    for found in result.findings:
        assert np.isfinite(found.strength).all()
        assert ((found.strength >= 0) & (found.strength <= 1)).all()
        assert np.isin(found.rows, np.arange(20)).all()
        assert {len(column) for column in found.evidence.values()} == {len(found.rows)}
        for name, column in found.evidence.items():
            assert column.dtype.kind != "f" or not np.isinf(column.astype(np.float64)).any(), name
            json.dumps({name: [plain(value) for value in column]}, allow_nan=False)
        if found.level is not None and found.held_level is not None:
            assert (np.isnan(found.level) | (found.held_level >= found.level)).all()
    for forecast in result.forecasts.values():
        for column in (forecast.probability, forecast.projected, forecast.projected_next):
            assert np.isfinite(column).all()
        assert ((forecast.probability >= 0) & (forecast.probability <= 1)).all()
        order = np.column_stack([forecast.earliest, forecast.day, forecast.latest])
        assert (np.isnan(order) == np.isnan(order[:, :1])).all()
        assert (np.isnan(order[:, 0]) | (np.diff(order, axis=1) >= 0).all(1)).all()
