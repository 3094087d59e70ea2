"""A forecast adds up, keeps the law, is no worse for more calls a second, and comes true."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from builders import NOON, add_attempt, add_campaign, add_lead, rows_of, settings
from calling import ENDINGS, TIME, Line, clocked
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine

from engine.campaign import forecasting
from engine.campaign.errand import Closing, Errand
from engine.campaign.forecast import Forecast, forecast
from engine.campaign.forecasting import Ask, predict
from engine.campaign.plan import Fate, Group, Plan, limits_of
from engine.contact.law import Law, Terms
from engine.contact.packs import law_of
from engine.contact.terms import ANNOUNCED
from engine.errors import NotFound
from storage import calls, hours
from storage.contact import zone_set
from storage.db import new_id, writing
from storage.vocab import LeadState, Outcome

MOSCOW, VLADIVOSTOK = ZoneInfo("Europe/Moscow"), ZoneInfo("Asia/Vladivostok")
ZONES = {1: (MOSCOW,), 2: (VLADIVOSTOK,), 3: (MOSCOW, VLADIVOSTOK), 4: ()}
FATES = (
    Fate(Outcome.ANSWERED_HEARD, 0.5, 4, 10, reached=True),
    Fate(Outcome.NO_ANSWER, 0.3, 5),
    Fate(Outcome.BUSY, 0.2, 5),
)
DELAYS = {Outcome.NO_ANSWER: timedelta(hours=2), Outcome.BUSY: timedelta(minutes=20)}
TERMS = Terms(announced=ANNOUNCED)


def law(name: str = "ru-230fz-talk", **contact: Any) -> Law:
    return law_of(settings(Path("/nowhere"), contact=contact), [name])


LAW = law()


def plan(**changes: Any) -> Plan:
    usual = Plan(
        law=LAW,
        terms=TERMS,
        zones=ZONES,
        cps=1.0,
        channels=1000,
        attempts=2,
        fates=FATES,
        retry=lambda outcome, _made: DELAYS.get(outcome),
        start=NOON,
        days=14,
    )
    return replace(usual, **changes)


def group(leads: int, **changes: Any) -> Group:
    return replace(Group(zone=1, priority=0, made=0, due=NOON, leads=leads), **changes)


groups = st.lists(
    st.builds(
        lambda zone, priority, made, wait, leads: Group(
            zone, priority, made, NOON + timedelta(minutes=wait), leads
        ),
        st.sampled_from(sorted(ZONES)),
        st.integers(-1, 1),
        st.integers(0, 2),
        st.integers(-600, 3000),
        st.integers(1, 3000),
    ),
    max_size=6,
)


@given(groups, st.floats(0.02, 30), st.integers(1, 50), st.integers(1, 4), st.integers(1, 6))
def test_every_lead_is_reached_called_in_vain_or_left_and_the_law_is_kept(
    given_: list[Group], cps: float, channels: int, attempts: int, days: int
) -> None:
    asked = plan(cps=cps, channels=channels, attempts=attempts, days=days)
    found = forecast(given_, asked)
    assert found.reached + found.in_vain + found.left.total() == sum(one.leads for one in given_)
    assert found.calls == sum(found.hours.values()) == found.outcomes.total()
    assert found.left["zone-unknown"] == sum(one.leads for one in given_ if one.zone == 4)
    for (zone, hour), made in found.hours.items():
        minutes = [hour + timedelta(minutes=n) for n in range(60)]
        assert any(LAW.open(ZONES[zone], minute) for minute in minutes)
        assert 0 < made <= asked.rate * 3600 + 1
    spent = (found.finish or NOON) - NOON
    assert timedelta(0) <= spent <= timedelta(days=days, minutes=2)


@given(st.integers(1, 20_000), st.floats(0.1, 5), st.floats(1, 4), st.integers(1, 3))
def test_more_calls_a_second_are_never_worse(leads: int, cps: float, times: float, attempts: int) -> None:
    slow, fast = (forecast([group(leads)], plan(cps=rate, attempts=attempts)) for rate in (cps, cps * times))
    assert fast.calls >= slow.calls
    assert fast.left.total() <= slow.left.total()
    if slow.finish:
        assert fast.finish is not None
        assert fast.finish <= slow.finish + timedelta(minutes=2)


def finished(found: Forecast) -> datetime:
    assert found.finish is not None
    return found.finish


def test_the_rate_is_what_the_tighter_of_cps_and_channels_allows() -> None:
    once = {"attempts": 1, "law": law("none")}
    found = forecast([group(3600)], plan(cps=2.0, **once))
    assert finished(found) - NOON == pytest.approx(timedelta(minutes=30), abs=timedelta(seconds=40))
    # A call holds its channel for 0.5 x 14 + 0.5 x 5 = 9.5 seconds: ten channels make 1.05 calls a second.
    tight = forecast([group(3600)], plan(cps=2.0, channels=10, **once))
    assert finished(tight) - NOON == pytest.approx(timedelta(minutes=57), abs=timedelta(seconds=90))
    assert (found.calls, found.reached, found.in_vain, found.connected_s) == (3600, 1800, 1800, 18000)


def test_calls_wait_for_the_morning_of_each_zone() -> None:
    found = forecast([group(60), group(60, zone=2), group(60, zone=3)], plan(attempts=1))
    assert found.hours == {
        (1, NOON): 60,
        (2, datetime(2026, 1, 21, 22, tzinfo=UTC)): 60,  # eight o'clock in Vladivostok
        (3, datetime(2026, 1, 22, 5, tzinfo=UTC)): 60,  # and where it must suit both
    }


def test_a_higher_priority_and_a_better_hour_go_first() -> None:
    given_ = [group(3600, priority=0), group(3600, priority=1, zone=5), group(3600, zone=6)]
    zones = ZONES | {5: (MOSCOW,), 6: (MOSCOW,)}
    found = forecast(given_, plan(attempts=1, zones=zones, score=lambda zone, _at: 110 if zone == 6 else 95))
    assert [key[0] for key in sorted(found.hours, key=lambda key: key[1])] == [5, 6, 1]


def test_limits_of_the_law_and_of_the_operator_keep_people() -> None:
    never_reached = (Fate(Outcome.NO_ANSWER, 1.0, 30),)
    asked = plan(law=law(attempts_day=2), fates=never_reached, attempts=5, retry=lambda *_: timedelta(0))
    found = forecast([group(10)], asked)
    assert [hour.date().day for _zone, hour in sorted(found.hours)] == [21, 22, 23]
    assert [found.hours[key] for key in sorted(found.hours)] == [20, 20, 10]
    assert found.in_vain == 10
    used = tuple(
        (NOON,) if (limit.name, limit.counts) == ("week", "connected") else () for limit in limits_of(LAW)
    )
    talked = forecast([group(7, used=tuple(times * 2 for times in used))], plan())
    assert min(hour for _zone, hour in talked.hours) == datetime(2026, 1, 26, 5, tzinfo=UTC)  # Monday
    short = forecast([group(7, used=tuple(times * 2 for times in used))], plan(days=3))
    assert (short.left, short.finish, short.calls) == (Counter({"limit": 7}), None, 0)


def test_a_minimum_gap_and_a_law_that_ends_attempts() -> None:
    nobody = {"fates": (Fate(Outcome.BUSY, 1.0, 5),), "attempts": 3}
    found = forecast([group(60)], plan(law=law("none", gap_s=5 * 3600, attempts_day=0), **nobody))
    assert sorted(hour - NOON for _zone, hour in found.hours) == [timedelta(hours=n) for n in (0, 5, 10)]
    one_call = replace(LAW, packs=tuple(replace(pack, max_attempts=1) for pack in LAW.packs))
    assert forecast([group(60)], plan(law=one_call, **nobody)).left == {"attempts-over": 60}


def test_what_there_is_no_time_for_is_left() -> None:
    found = forecast([group(1_000_000)], plan(days=2, attempts=1))
    assert found.finish is None
    assert found.left == {"time": 1_000_000 - found.calls}


def test_a_campaign_that_may_not_call_calls_nobody() -> None:
    found = forecast([group(5)], plan(terms=Terms()))
    assert (found.calls, found.left) == (0, {"not-announced": 5})


# With what is stored.


@pytest.fixture(autouse=True)
def noon() -> Iterator[None]:
    TIME.at = NOON
    yield
    TIME.at = NOON


def played(engine: Engine, folder: Path, campaign: Any, cps: float) -> tuple[Counter[Any], datetime]:
    """The campaign called through by the books on a clock of the test's own: calls by zone set and hour."""
    line, chance = Line(engine, clocked(folder)), Random(3)
    kinds, budget, over = ("heard", "no-answer", "busy"), 0.0, NOON + timedelta(days=3)
    while TIME.at < over:
        budget = min(budget + cps * 60, cps * 60 + 1)
        orders = line.take([campaign.id], int(budget))
        budget -= len(orders)
        closings = []
        for order in orders:
            seen = ENDINGS[chance.choices(kinds, (0.5, 0.3, 0.2))[0]](TIME.at)
            closings.append(Closing(order, seen, seen.hangup_at or TIME.at))
        TIME.pass_(minutes=1)
        if closings:
            line.books.beat(Errand(closings=closings))
        elif all(row.state == LeadState.DONE for row in rows_of(engine, calls.lead)):
            break
        else:
            TIME.pass_(minutes=4)
    made = rows_of(engine, calls.attempt)
    zone_of = {row.id: row.zone_id for row in rows_of(engine, calls.lead)}
    hour = {"minute": 0, "second": 0, "microsecond": 0}
    return (
        Counter((zone_of[row.lead_id], row.prepared_at.replace(**hour)) for row in made),
        max(row.ended_at for row in made),
    )


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_what_is_forecast_comes_true(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls of each zone and hour agree within 12 or a tenth, all together within 5 %, the end within 20
    minutes: chance deals the outcomes, and the forecast's minutes have no seconds.
    """
    campaign = add_campaign(engine, law=["ru-230fz-talk"], cps=0.05, attempts=2)
    for n in range(240):
        add_lead(engine, campaign, zones=("Europe/Moscow", "Asia/Vladivostok")[n % 3 == 0])
    monkeypatch.setattr(forecasting, "ASSUMED", FATES)
    told = predict(engine, clocked(tmp_path), "autumn", Ask())
    assert (told["calls"], told["leads"]["left"], told["assumptions"]["source"]) == (360, 0, "assumed")
    found, ended = played(engine, tmp_path, campaign, 0.05)
    names = {"Europe/Moscow": 0, "Asia/Vladivostok": 0}
    for row in rows_of(engine, zone_set):
        names[row.zones] = row.id
    wanted = Counter({(names[row["zones"]], row["hour"]): row["calls"] for row in told["hours"]})
    assert found.total() == pytest.approx(wanted.total(), rel=0.05)
    for key in {*found, *wanted}:
        assert found[key] == pytest.approx(wanted[key], rel=0.1, abs=12), key
    assert told["finish"] == pytest.approx(ended, abs=timedelta(minutes=20))


def test_every_stored_lead_is_told_of_once(engine: Engine, tmp_path: Path) -> None:
    campaign = add_campaign(engine, law=["ru-230fz-talk"], attempts=3)
    for state in (LeadState.NEW, LeadState.IN_FLIGHT, LeadState.DONE, LeadState.DONE):
        add_lead(engine, campaign, state=state)
    add_lead(engine, campaign, state=LeadState.BLOCKED, why=f"blacklisted:{new_id()}")
    add_lead(engine, campaign, zones="")
    add_lead(engine, campaign, due_at=NOON + timedelta(hours=3), attempts=1, priority=5)
    add_lead(engine, campaign, due_at=NOON + timedelta(days=60))
    talked = add_lead(engine, campaign)
    past = {"prepared_at": NOON - timedelta(hours=1), "answered_at": NOON - timedelta(hours=1)}
    over = {"ended_at": NOON - timedelta(minutes=59), "outcome": "answered-heard", "state": "ended"}
    add_attempt(engine, talked, id=new_id(NOON - timedelta(hours=1)), **past, **over)
    told = predict(engine, clocked(tmp_path), "autumn", Ask(answer_rate=1.0))
    left = {row["reason"]: row["leads"] for row in told["left"]}
    assert left == {"zone-unknown": 1, "blacklisted": 1, "time": 1}
    assert told["leads"] == {"total": 9, "done": 2, "reached": 4, "in_vain": 0, "left": 3}
    moments = [(row["hour"], row["calls"]) for row in told["hours"]]
    tomorrow = datetime(2026, 1, 22, 5, tzinfo=UTC)  # he was talked to today
    assert moments == [(NOON, 2), (NOON + timedelta(hours=3), 1), (tomorrow, 1)]
    assert told["finish"] is None


def test_what_became_of_calls_is_taken_from_the_campaigns_own(engine: Engine, tmp_path: Path) -> None:
    campaign, other = add_campaign(engine), add_campaign(engine, "other")
    for n in range(110):
        lead = add_lead(engine, other, state="done")
        ends = {"sent_at": NOON, "ended_at": NOON + timedelta(seconds=30)}
        if n < 22:
            ends |= {"answered_at": NOON + timedelta(seconds=10), "outcome": "answered-heard"}
        add_attempt(engine, lead, **{"outcome": "no-answer"} | ends)
    add_lead(engine, campaign)
    shown = predict(engine, clocked(tmp_path), "autumn", Ask())["assumptions"]
    assert (shown["source"], shown["answer_rate"], shown["talk_s"]) == ("all calls", 0.2, 20)
    assert shown["ring_s"] == pytest.approx(0.2 * 10 + 0.8 * 30)
    assert predict(engine, clocked(tmp_path), "other", Ask())["assumptions"]["source"] == "campaign"
    asked = predict(engine, clocked(tmp_path), "autumn", Ask(answer_rate=0.9, ring_s=7, talk_s=60, cps=2))
    shown = asked["assumptions"]
    assert [shown[key] for key in ("answer_rate", "ring_s", "talk_s", "cps")] == [0.9, 7, 60, 2]


def test_consents_that_the_law_asks_for_keep_people(engine: Engine, tmp_path: Path) -> None:
    add_lead(engine, add_campaign(engine, law=["ru-38fz", "ru-230fz-talk"]))
    told = predict(engine, clocked(tmp_path), "autumn", Ask())
    assert (told["calls"], told["left"]) == (0, [{"reason": "no-consent", "leads": 1}])


def test_learned_hours_order_the_zones(engine: Engine, tmp_path: Path) -> None:
    campaign = add_campaign(engine, law=["none"], cps=0.01)
    near, far = (
        {add_lead(engine, campaign, zones=zone)["zone_id"] for _ in range(30)}.pop()
        for zone in ("Europe/Moscow", "Asia/Vladivostok")
    )
    with writing(engine) as connection:
        for zone, best in ((near, 80), (far, 70)):
            hours.count(connection, {(zone, n): (1000, 800 if n == best else 300) for n in range(168)})
    told = predict(engine, clocked(tmp_path), "autumn", Ask())
    assert told["hours"][0]["zones"] == "Asia/Vladivostok"
    with pytest.raises(NotFound):
        predict(engine, clocked(tmp_path), "winter", Ask())
