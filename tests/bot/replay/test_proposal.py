"""Thresholds from the command line: taken over what holds, or refused with every mistake and its fix."""

import pytest

from bot.config import Thresholds
from bot.config.mistakes import ConfigError
from bot.replay.proposal import proposed

NOW = Thresholds(approaching=(80.0, 100.0), growth_probability=0.9)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["approaching=75,90"], {"approaching": (75.0, 90.0)}),
        (["approaching = 75, 90, "], {"approaching": (75.0, 90.0)}),
        (["approaching=85"], {"approaching": (85.0,)}),
        (["growth_probability=0.7"], {"growth_probability": 0.7}),
        (["growth_probability=.7", "approaching=60"], {"growth_probability": 0.7, "approaching": (60.0,)}),
    ],
)
def test_what_is_given_stands_for_what_holds(given: list[str], expected: dict[str, object]) -> None:
    assert proposed(NOW, given) == NOW.model_copy(update=expected)


@pytest.mark.parametrize(
    ("given", "complaints"),
    [
        (["aproaching=75"], ['--set aproaching=75: is no threshold. Did you mean "approaching"?']),
        (["x=1"], ["--set x=1: is no threshold. Write approaching=75,90 or growth_probability=0.7."]),
        (["approaching"], ["--set approaching: has no value. Write approaching=75,90."]),
        (["approaching=80,lots"], ['--set approaching=80,lots: "lots" is not a number. Write approaching=75,90.']),
        (["growth_probability="], ['--set growth_probability=: "" is not a number. Write growth_probability=0.7.']),
        (
            ["growth_probability=nan"],
            ['--set growth_probability=nan: "nan" is not a number. Write growth_probability=0.7.'],
        ),
        (["growth_probability=7"], ["--set growth_probability: 7 is not between 0 and 1, such as 0.8."]),
        (["approaching=90,75"], ["--set approaching: must rise, each level once. Write [75, 90]."]),
        (["approaching="], ["--set approaching: is empty. Name at least one level in percent: [80, 90, 100, 120]."]),
        (["approaching=0"], ["--set approaching[0]: 0 is not within 1 to 1000."]),
        (["approaching=80", "approaching=90"], ["--set approaching=90: approaching is set twice. Keep one."]),
        (["x=1", "growth_probability=a"], ["--set x=1: is no threshold.", "--set growth_probability=a:"]),
    ],
)
def test_mistakes(given: list[str], complaints: list[str]) -> None:
    with pytest.raises(ConfigError) as refused:
        proposed(NOW, given)

    assert len(refused.value.mistakes) == len(complaints)
    for told, expected in zip(refused.value.mistakes, complaints, strict=True):
        assert told.startswith(expected)
