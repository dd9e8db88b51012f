"""Views that the pre-screen records for a file, end to end with a classifier that reacts to a red patch."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from moderation import initial_data
from moderation.decoding import plan
from moderation.models import Epoch, PolicyVersion, ReviewTask, Score, Screening, ScreeningRun, Upload
from moderation.verification import verify
from tests.database_owner import tampering
from tests.factories import make_upload, use_patch_classifier
from tests.moderation.decoding import attacks
from tests.moderation.decoding.pictures import write

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def patch_policy(transactional_db: None) -> PolicyVersion:
    return use_patch_classifier(audit_rate_approve=0.0, audit_rate_reject=0.0)


def sent(make: Callable[[Path], Path], folder: Path) -> Upload:
    return make_upload(content=make(folder).read_bytes())


def test_the_worst_part_counts_and_its_place_is_remembered(
    patch_policy: PolicyVersion, prescreen: Any, tmp_path: Path
) -> None:
    upload = sent(attacks.tall_end, tmp_path)
    report = prescreen()
    screening, score = Screening.objects.get(upload=upload), Score.objects.get()
    assert (screening.route, screening.frame, screening.view % 100) == ("reject", 0, score.views_scored - 1)
    left, top, right, bottom = screening.box
    assert (left, right, bottom) == (0, 1, 1)
    assert top > 0.8
    assert score.value == screening.score > 0.8
    assert score.whole < 0.5
    assert [view["value"] for view in score.views] == sorted((view["value"] for view in score.views), reverse=True)
    assert len(score.views) == score.views_scored == report["views"] > 8
    assert verify().clean


def test_an_ordinary_picture_costs_one_view(patch_policy: PolicyVersion, prescreen: Any, tmp_path: Path) -> None:
    make_upload(content=write(tmp_path / "a.jpg", attacks.ground((640, 480))).read_bytes())
    report = prescreen()
    score, screening = Score.objects.get(), Screening.objects.get()
    assert (score.views, score.views_scored, score.untrusted, screening.box) == ([], 1, "", None)
    assert report["views"] == ScreeningRun.objects.get().counts["views"] == 1


@pytest.mark.parametrize("attack", [attacks.tiny, attacks.very_long, attacks.slides])
def test_what_is_not_trusted_goes_to_a_person_with_its_reason(
    attack: Callable[[Path], Path], patch_policy: PolicyVersion, prescreen: Any, tmp_path: Path
) -> None:
    upload = sent(attack, tmp_path)
    expected = next(each.untrusted for each in attacks.ATTACKS if each.make is attack)
    report = prescreen()
    screening = Screening.objects.get()
    assert (screening.route, screening.untrusted, screening.sampling_reason) == ("review", expected, "untrusted")
    assert ReviewTask.objects.get().upload == upload
    assert (report["review"], report["untrusted"], report["audits"]) == (1, 1, 0)
    assert verify().clean


def test_a_score_that_is_no_longer_untrusted_is_found(
    patch_policy: PolicyVersion, prescreen: Any, tmp_path: Path
) -> None:
    sent(attacks.tiny, tmp_path)
    prescreen()
    with tampering():
        Score.objects.update(untrusted="")
    (problem,) = verify().problems
    assert problem.rule == "each untrusted score goes to a person"


def test_another_plan_ends_the_epoch_at_the_next_migrate(patch_policy: PolicyVersion) -> None:
    before = Epoch.objects.get(closed_at=None)
    assert before.preprocessing_version == f"patch-1+{plan.IN_FORCE.version}"
    initial_data.ensure_defaults()
    assert Epoch.objects.get(closed_at=None) == before
    Epoch.objects.filter(pk=before.pk).update(preprocessing_version="patch-1")
    initial_data.ensure_defaults()
    after = Epoch.objects.get(closed_at=None)
    assert after.preprocessing_version == before.preprocessing_version
    assert after.why_opened == "The classifier or its preprocessing changed."
    version = PolicyVersion.objects.in_force().get()
    assert (version.epoch, version.low, version.high) == (after, patch_policy.low, patch_policy.high)


def test_no_score_of_another_plan_becomes_evidence_of_an_epoch(patch_policy: PolicyVersion, tmp_path: Path) -> None:
    sent(attacks.tiny, tmp_path)
    Epoch.objects.filter(closed_at=None).update(preprocessing_version="patch-1")
    with pytest.raises(CommandError, match=r"opened for scores by preprocessing patch-1.*manage.py migrate"):
        call_command("prescreen", "--processes", "1")
    assert not Score.objects.exists()
