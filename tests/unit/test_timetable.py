"""When something is due, over changes of the clock, and what is made up for."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from node_sdk.errors import InvalidPipeline
from node_sdk.resources.timetable import Cron, Interval, Misfire, Timetable, due

BERLIN = ZoneInfo("Europe/Berlin")
DAY = 86_400.0


def at(text: str) -> float:
    """Seconds since the epoch of an ISO time; without an offset, in Berlin."""
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=BERLIN)).timestamp()


def listed(expression: str, since: str, until: str) -> list[str]:
    """The due times in between, as a clock in Berlin shows them."""
    found = due(Cron(expression, "Europe/Berlin"), at(since), at(until), "all", 0.0)
    return [datetime.fromtimestamp(each, BERLIN).strftime("%d. %H:%M %z") for each in found]


def test_what_falls_into_the_hour_that_is_left_out_is_due_right_after_it() -> None:
    found = listed("30 2 * * *", "2026-03-28T12:00", "2026-03-30T12:00")
    assert found == ["29. 03:00 +0200", "30. 02:30 +0200"]


def test_what_falls_into_the_hour_that_comes_twice_is_due_once() -> None:
    found = listed("30 2 * * *", "2026-10-24T12:00", "2026-10-26T12:00")
    assert found == ["25. 02:30 +0200", "26. 02:30 +0100"]


def test_what_is_due_every_half_hour_is_so_through_both_changes() -> None:
    spring = listed("*/30 * * * *", "2026-03-29T01:20", "2026-03-29T03:40")
    assert spring == ["29. 01:30 +0100", "29. 03:00 +0200", "29. 03:30 +0200"]
    autumn = listed("*/30 * * * *", "2026-10-25T01:40", "2026-10-25T03:10")
    assert autumn == ["25. 02:00 +0200", "25. 02:30 +0200", "25. 02:00 +0100", "25. 02:30 +0100", "25. 03:00 +0100"]


@pytest.mark.parametrize("expression", ["30 2 * * *", "*/30 * * * *", "*/20 2 * * *", "0 0 1 * *", "*/7 */3 * * mon"])
@pytest.mark.parametrize("day", ["2026-03-28T23:50", "2026-10-24T23:50"])
def test_both_directions_agree_around_a_change_of_the_clock(expression: str, day: str) -> None:
    cron = Cron(expression, "Europe/Berlin")
    for step in range(0, 6 * 3600, 1201):
        now = at(day) + step
        assert cron.before(now) <= now < cron.after(now)
        assert cron.after(cron.before(now) - 0.5) == cron.before(now)
        assert cron.before(cron.after(now)) == cron.after(now)


def test_the_millionth_interval_is_where_it_should_be() -> None:
    tenth = Interval(0.1)
    moment = 1_795_000_000.0
    for _ in range(1000):
        following = tenth.after(moment)
        assert following == pytest.approx(moment + 0.1, abs=1e-6)
        assert tenth.before(following) == following
        moment = following
    assert moment == 1_795_000_100.0
    assert Interval(3600).after(at("2026-11-23T16:20:00Z")) == at("2026-11-23T17:00:00Z")


@pytest.mark.parametrize(("misfire", "missed"), [("skip", []), ("once", [3]), ("all", [1, 2, 3])])
def test_what_was_missed_is_made_up_for_as_the_policy_says(misfire: Misfire, missed: list[int]) -> None:
    hour = Interval(3600)
    begun = at("2026-11-23T00:00:00Z")
    now = begun + 4 * 3600 + 5
    assert [(each - begun) / 3600 for each in due(hour, begun, now, misfire, grace=10)] == [*missed, 4]
    assert [(each - begun) / 3600 for each in due(hour, begun, now, misfire, grace=1)] == {
        "skip": [],
        "once": [4],
        "all": [1, 2, 3, 4],
    }[misfire]


def test_a_year_that_was_missed_every_second_is_not_counted_through() -> None:
    class Counted(Interval):
        asked = 0

        def after(self, moment: float) -> float:
            self.asked += 1
            return super().after(moment)

    second: Timetable = Counted(1.0)
    now = at("2026-11-23T00:00:00Z")
    assert len(list(due(second, now - 365 * DAY, now, "once", grace=10))) == 11
    assert second.asked < 20  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda: Cron("61 * * * *"), "cannot use cron='61"),
        (lambda: Cron("every day"), "cannot use cron='every day'"),
        (lambda: Cron("0 0 30 2 *"), "cannot use cron='0 0 30 2"),
        (lambda: Cron(5), "cannot use cron=5"),  # type: ignore[arg-type]
        (lambda: Cron("0 3 * * *", "Europe/Berln"), "cannot use timezone='Europe/Berln'.*no such time zone"),
        (lambda: Interval(0), "cannot use every=0"),
        (lambda: Interval(float("nan")), "cannot use every=nan"),
        (lambda: Interval(True), "cannot use every=True"),
    ],
)
def test_what_is_no_timetable_is_refused(wrong: object, words: str) -> None:
    with pytest.raises(InvalidPipeline, match=words):
        wrong()  # type: ignore[operator]
