"""The runbook's prose and the alert rules speak of the same numbers."""

import re

import pytest

from tests.deploy.test_rules import ALERTS, RECORDED, RUNBOOK

WORDS = {"a": 1, "an": 1, "half a": 0.5, "half an": 0.5, "a quarter of an": 0.25, "two": 2, "five": 5, "ten": 10}
NUMBER = r"(\d+(?:\.\d+)?|half an?|a quarter of an|two|five|ten|an?)"
UNITS = {"%": 0.01, "second": 1, "minute": 60, "hour": 3600}
AMOUNT = re.compile(NUMBER + r" (%|second|minute|hour)")
NUMBER_OF = re.compile(r"[Mm]ore than (\d+|two|five|ten) (?!%|second|minute|hour)")
OF_A_HUNDRED = re.compile(r"(\d+) of 100")
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
# Whether there is anything at all; how little is nothing is no number for prose.
NOTHING = {0.0, 0.1, 1.0}


def value(text: str) -> float:
    return float(WORDS.get(text, 0) or text)


def said(text: str) -> set[float]:
    """Return the numbers of a sentence: seconds, shares of one, and how many of something."""
    amounts = {value(number) * UNITS[unit] for number, unit in AMOUNT.findall(text)}
    amounts |= {value(number) for number in NUMBER_OF.findall(text)}
    return {round(one, 4) for one in amounts | {int(number) / 100 for number in OF_A_HUNDRED.findall(text)}}


def durations(text: str) -> set[float]:
    return {float(number) * SECONDS[unit] for number, unit in re.findall(r"\b(\d+)([smhd])\b", text)}


def thresholds(expression: str) -> set[float]:
    return {float(number) for number in re.findall(r"[<>=] (\d+(?:\.\d+)?)\b", expression)}


def meant(name: str) -> set[float]:
    """Return the numbers of a rule: its thresholds, its times, and how long they last together until it fires."""
    rule = ALERTS[name]
    expression = rule["expr"]
    quantiles = [
        RECORDED[used]["expr"] for used in RECORDED if used in expression and "quantile" in RECORDED[used]["expr"]
    ]
    shares = {1 - float(number) for text in quantiles for number in re.findall(r"quantile\(([\d.]+)", text)}
    times = durations(expression)
    lasting = sum(durations(rule.get("for", "")))
    together = {time + lasting for time in times}
    return {round(one, 4) for one in thresholds(expression) | shares | times | {lasting} | together}


def meaning(name: str) -> str:
    text = RUNBOOK.read_text(encoding="utf-8")
    (entry,) = re.findall(rf"^## {name}\n+\*\*Means\.\*\* (.*?)\n\n", text, re.MULTILINE | re.DOTALL)
    return " ".join(entry.split())


@pytest.mark.parametrize("name", ALERTS)
def test_the_runbook_says_the_numbers_of_the_rule(name: str) -> None:
    assert said(meaning(name)) <= meant(name)


@pytest.mark.parametrize("name", ALERTS)
def test_each_threshold_of_a_rule_is_in_the_runbook(name: str) -> None:
    assert thresholds(ALERTS[name]["expr"]) - NOTHING <= said(meaning(name))


def test_another_number_would_be_noticed() -> None:
    assert said("More than 200 faces wait, for half a minute or a quarter of an hour.") == {200, 30, 900}
    assert said("More than two of them, 5 % of all, for 5 of 100 faces, in ten minutes.") == {2, 0.05, 600}
    assert 250 not in meant("MoodlineQueueGrowing")
    assert 200 in meant("MoodlineQueueGrowing")
