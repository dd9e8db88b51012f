"""Certificates over time: one candidate after the other, renewed from later uploads only, withdrawn by the alarm."""

import json
from collections.abc import Iterable
from datetime import date, timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from moderation.models import Certificate, LedgerDay, LedgerRow, OpinionCount
from moderation.tuning import alarms, certificate_file, certificates, threshold_report
from moderation.tuning.rollup import roll_up
from moderation.tuning.versions import put_in_force
from moderation.verification import verify
from tests.factories import default_policy, version_in_force

pytestmark = pytest.mark.django_db
TODAY = timezone.now().date()


def days_of(*, ago: int, leaks: Iterable[int], low_leaks: int = 0, checks: int = 200, missing: int = 0) -> None:
    """Make a closed day for each of ``leaks``, the first ``ago`` days ago; ``low_leaks`` violate from 0.20 to 0.21."""
    for number, bad in enumerate(leaks):
        day = LedgerDay.objects.create(
            epoch=version_in_force().epoch,
            day=TODAY - timedelta(days=ago - number),
            closed_at=timezone.now(),
            decisions_until=0,
        )
        rows = [
            (5, "approve", 0.02, 9000, checks - missing, bad, missing),
            (20, "review", 1.0, 100, 100, low_leaks, 0),
            (50, "review", 1.0, 500, 500, 150, 0),
            (95, "reject", 0.1, 400, 40, 39, 0),
        ]
        LedgerRow.objects.bulk_create(
            LedgerRow(
                day=day, bin=bin_, region=region, pi=pi, rate_class=f"{region}:{pi:g}", uploads=uploads,
                labelled=labelled, violating=violating, missing=lost,
            )
            for bin_, region, pi, uploads, labelled, violating, lost in rows
        )  # fmt: skip


def ask_for(**content: object) -> None:
    put_in_force(
        version_in_force().copy_as_draft(by=None, **{"targets": {"leak": 0.005}, **content}), by=None, why="test"
    )


def issue(**pair: float) -> list[Certificate]:
    return certificates.issue(threshold_report.report_for(default_policy(), **pair))


def covered(certificate: Certificate) -> tuple[int, int]:
    """Return the first and the last day, in days before today."""
    return (TODAY - certificate.first_day).days, (TODAY - certificate.last_day).days


@pytest.fixture(autouse=True)
def leaks_alone() -> None:
    ask_for()


def test_a_renewal_rests_on_later_uploads_only() -> None:
    days_of(ago=30, leaks=[0] * 7)
    assert [covered(each) for each in issue()] == [(30, 27)]
    with pytest.raises(certificates.NothingToCertify):
        issue()  # three further days are 600 checks, and 785 are needed
    days_of(ago=23, leaks=[0])
    assert [covered(each) for each in issue()] == [(26, 23)]
    assert Certificate.objects.valid().count() == 2


def test_the_alarm_withdraws_at_the_nightly_roll_up_and_says_when_it_rang() -> None:
    days_of(ago=30, leaks=[0] * 4)
    (made,) = issue()
    days_of(ago=26, leaks=[1] * 5)
    assert roll_up().withdrawn == 0  # 0.5 % is the target itself
    days_of(ago=21, leaks=[6] * 4)
    assert (roll_up().withdrawn, roll_up().withdrawn) == (1, 0)
    made.refresh_from_db()
    assert f"rang on {TODAY - timedelta(days=20)}" in made.why_invalid
    assert not Certificate.objects.valid().exists()


def test_the_alarm_is_checked_before_certificates_are_listed(capsys) -> None:
    days_of(ago=30, leaks=[0] * 4)
    issue()
    days_of(ago=26, leaks=[9] * 3)
    call_command("certificate", "list")
    assert "withdrawn on" in capsys.readouterr().out


def test_after_a_withdrawal_only_later_days_certify_again() -> None:
    days_of(ago=80, leaks=[0] * 4)
    issue()
    days_of(ago=76, leaks=[9] * 2)
    assert len(alarms.watch()) == 1
    days_of(ago=74, leaks=[0] * 50)
    (again,) = issue()
    assert covered(again)[0] == 76
    assert covered(again)[1] < 50


def test_one_for_which_the_alarm_rings_since_is_issued_and_withdrawn_at_once(capsys) -> None:
    days_of(ago=30, leaks=[0, 0, 0, 0, 9, 9, 9])
    call_command("certificate", "issue")
    assert "withdrawn on" in capsys.readouterr().err


def test_the_alarm_starts_afresh_every_14_days_of_the_calendar() -> None:
    """A late change is found even if the days before it were better than the target."""
    days_of(ago=80, leaks=[0] * 46)
    (made,) = issue()
    days_of(ago=20, leaks=[4] * 6)  # and 14 days without any upload
    (withdrawn,) = alarms.watch()
    assert withdrawn == made


def test_a_certificate_ends_after_90_days_and_with_its_epoch() -> None:
    days_of(ago=95, leaks=[0] * 4)
    (made,) = issue()
    assert "ended 90 days" in made.why_invalid
    days_of(ago=10, leaks=[0] * 4)
    (fresh,) = issue()
    assert fresh.why_invalid == ""
    ask_for(text="Another text.")
    fresh = Certificate.objects.get(pk=fresh.pk)
    assert "The policy's text changed" in fresh.why_invalid
    assert not Certificate.objects.valid().exists()


def test_a_pair_beyond_the_start_is_certified_only_in_turn() -> None:
    days_of(ago=30, leaks=[0] * 5, low_leaks=1)
    (at_start,) = issue()
    (beyond,) = issue(low=0.21)
    assert (at_start.low, at_start.content["before"]) == (0.2, [])
    assert [each["threshold"] for each in beyond.content["before"]] == [0.2]
    with pytest.raises(CommandError, match="No claim has enough evidence"):
        call_command("certificate", "issue", "--low", "0.15")  # before the start


def test_a_step_with_too_much_risk_ends_the_sequence() -> None:
    days_of(ago=30, leaks=[0] * 5, low_leaks=100)
    with pytest.raises(certificates.NothingToCertify):
        issue(low=0.3)
    leak = threshold_report.report_for(default_policy(), low=0.3).evidence[0]
    assert leak.refused == "Certify low 0.21 first: the sequence goes step by step from 0.20."


def test_what_is_missed_below_one_low_is_missed_below_no_smaller_one() -> None:
    ask_for(targets={"miss": 0.3})
    days_of(ago=30, leaks=[0] * 9)
    (miss,) = issue(low=0.1)
    assert miss.low == 0.2
    assert threshold_report.report_for(default_policy(), low=0.1).certificate("miss") == miss


def test_wrongful_steps_go_downwards() -> None:
    ask_for(targets={"wrongful": 0.2})
    days_of(ago=30, leaks=[0] * 20)
    assert issue(high=0.79)[0].content["before"][0]["threshold"] == 0.8
    with pytest.raises(certificates.NothingToCertify):
        issue(high=0.81)


def test_what_reviewers_miss_is_added_and_tested_for() -> None:
    days_of(ago=30, leaks=[1] + [0] * 3)
    before = threshold_report.report_for(default_policy())
    ask_for(miss_share=0.15)
    after = threshold_report.report_for(default_policy())
    share = 0.85**2 * 1.15
    assert after.estimates.leak_rate.value == pytest.approx(before.estimates.leak_rate.value / share)
    assert after.evidence[0].bound == pytest.approx(before.evidence[0].bound / share)
    assert after.evidence[0].log_e < before.evidence[0].log_e
    assert after.estimates.wrongful_rate == before.estimates.wrongful_rate


def test_a_declared_miss_share_asks_for_more_checks_and_stands_in_the_certificate() -> None:
    ask_for(miss_share=0.15)
    days_of(ago=30, leaks=[0] * 10)
    (made,) = issue()
    assert covered(made) == (30, 26)  # instead of four days: the target is 0.5 % times 0.83
    assert made.content["miss_share"] == 0.15
    assert certificate_file.verify(made.content) >= 20


def agree(*, both: int, split: int) -> None:
    epoch = version_in_force().epoch
    patterns = [(2, 0, both // 2), (0, 2, both - both // 2), (1, 1, split)]
    for violating, benign, files in patterns:
        OpinionCount.objects.create(epoch=epoch, violating=violating, benign=benign, files=files)


def test_moderators_who_agree_too_little_certify_nothing(capsys) -> None:
    days_of(ago=30, leaks=[0] * 10)
    agree(both=80, split=20)  # alpha about 0.6
    with pytest.raises(certificates.NothingToCertify):
        issue()
    call_command("tune")
    assert "agree too little" in " ".join(capsys.readouterr().out.split())


def test_moderators_who_agree_little_are_warned_of(capsys) -> None:
    days_of(ago=30, leaks=[0] * 10)
    agree(both=88, split=12)  # alpha about 0.76
    assert issue()[0].content["agreement"] == pytest.approx(0.76, abs=0.01)
    call_command("tune")
    assert "agree little" in capsys.readouterr().out


def test_of_few_comparisons_nothing_is_concluded() -> None:
    days_of(ago=30, leaks=[0] * 4)
    agree(both=10, split=19)
    assert issue()[0].content["agreement"] is None


def test_missing_verdicts_count_at_their_worst_until_too_many_are_missing() -> None:
    ask_for(targets={"leak": 0.02})
    days_of(ago=30, leaks=[0] * 10, missing=1)
    assert issue()[0].content["bad"][0] > 0
    LedgerRow.objects.filter(bin=5).update(missing=2, labelled=198)
    with pytest.raises(certificates.NothingToCertify):
        issue(low=0.2, high=0.9)


@pytest.mark.parametrize("field", ["before", "start", "miss_share", "agreement"])
def test_a_changed_step_of_the_sequence_is_refused(field: str) -> None:
    days_of(ago=30, leaks=[0] * 10)
    issue()
    content = issue(low=0.21)[0].content
    other = {"before": [], "start": 0.19, "miss_share": 0.4, "agreement": 0.5}
    with pytest.raises(certificates.NotACertificate, match="does not match"):
        certificate_file.verify({**content, field: other[field], "sha256": ""})


def test_verify_compares_certificates_with_the_days_that_they_rest_on() -> None:
    days_of(ago=30, leaks=[0] * 4)
    (made,) = issue()
    days_of(ago=10, leaks=[0])
    assert not list(certificates.unsound())
    LedgerRow.objects.filter(bin=5, day__day=made.last_day).update(violating=2)
    rule = "each certificate follows from its own figures and from its days"
    assert [problem.what for problem in verify().problems if problem.rule == rule] == [f"certificate {made.pk}"] * 2


def test_a_file_of_an_issued_certificate_holds_all_that_it_needs(tmp_path, capsys) -> None:
    days_of(ago=30, leaks=[0] * 5)
    call_command("certificate", "issue", "--low", "0.21")
    path = tmp_path / "leak.json"
    path.write_text(capsys.readouterr().out)
    assert json.loads(path.read_text())["last_day"] == (TODAY - timedelta(days=27)).isoformat()
    call_command("certificate", "verify", str(path))
    assert date.fromisoformat(json.loads(path.read_text())["first_day"]) == TODAY - timedelta(days=30)
