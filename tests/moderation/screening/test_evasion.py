"""Every composed attack, sent in and pre-screened: found, or with a person; and what is shown is what was scored."""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from moderation.decoding.plan import IN_FORCE
from moderation.decoding.views import in_pixels
from moderation.inference.scorer import Scored, Scorer
from moderation.models import Classifier, Policy, PolicyVersion, ReviewTask, Score, Screening, Upload
from moderation.tuning.versions import put_in_force
from moderation.verification import verify
from tests.factories import make_upload, use_patch_classifier
from tests.moderation.decoding.attacks import ATTACKS, Attack
from tests.moderation.inference.patch_onnx import CENTRE_CROP, patch_classifier, write_patch_classifier

pytestmark = pytest.mark.django_db(transaction=True)

# Somebody looks at everything from 0.2 on, so all that is found has its renditions.
RULES = {"audit_rate_approve": 0.0, "audit_rate_reject": 1.0, "low": 0.2, "high": 0.8}


def use_cropping_classifier(beside: PolicyVersion) -> PolicyVersion:
    """A second policy, for what the same network sees in the centre alone."""
    manifest, path = write_patch_classifier(
        beside.classifier.path.parent, **CENTRE_CROP, name="crop", preprocessing_version="crop-1"
    )
    classifier = Classifier.objects.create(
        name="crop", sha256=manifest.sha256, preprocessing_version="crop-1", manifest=json.loads(manifest.to_json()),
        positive_label="patch", licence="Apache-2.0", file_name=path.name,
    )  # fmt: skip
    version = PolicyVersion.objects.create(
        policy=Policy.objects.create(slug="crop", name="Crop"), number=1, text="Of the centre.",
        reasons=beside.reasons, classifier=classifier, labels=["patch"], **RULES,
    )  # fmt: skip
    put_in_force(version, by=None, why="Two classifiers over one decode.")
    return version


@pytest.fixture
def night(transactional_db: None, prescreen: Any, tmp_path: Path) -> tuple[dict[Attack, Screening], dict[str, Any]]:
    """All attacks in one night: the screening of each under the policy that it is aimed at, and the run's report."""
    squeezing = use_patch_classifier(**RULES)
    cropping = use_cropping_classifier(squeezing)
    uploads = {attack: sent(attack, tmp_path / str(number)) for number, attack in enumerate(ATTACKS)}
    report = prescreen()
    policies = {False: squeezing.policy_id, True: cropping.policy_id}
    aimed = {
        attack: Screening.objects.get(upload=upload, policy=policies[attack.cropped])
        for attack, upload in uploads.items()
    }
    return aimed, report


def sent(attack: Attack, folder: Path) -> Upload:
    folder.mkdir()
    return make_upload(content=attack.make(folder).read_bytes(), external_id=attack.name)


@pytest.fixture
def patch(tmp_path: Path) -> Iterator[Scorer]:
    (tmp_path / "alone").mkdir()
    with Scorer([patch_classifier(tmp_path / "alone")], plan=IN_FORCE) as scorer:
        yield scorer


def test_a_night_of_attacks(
    night: tuple[dict[Attack, Screening], dict[str, Any]], patch: Scorer, tmp_path: Path
) -> None:
    aimed, report = night
    expected = {attack.name: (attack.found or bool(attack.untrusted), attack.untrusted) for attack in ATTACKS}
    assert {attack.name: (s.route != "approve", s.untrusted) for attack, s in aimed.items()} == expected
    assert report["quarantined"] == {}
    assert report["views"] == sum(Score.objects.values_list("views_scored", flat=True))
    assert report["untrusted"] == sum(bool(attack.untrusted) for attack in ATTACKS)
    assert verify().problems == []
    found = [screening for attack, screening in aimed.items() if attack.found]
    assert [str(each.upload.external_id) for each in found if not is_shown(each, patch=patch, folder=tmp_path)] == []


def is_shown(screening: Screening, *, patch: Scorer, folder: Path) -> bool:
    """Whether the first picture that a moderator sees, cut to the part that the record names, holds the patch."""
    task = ReviewTask.objects.get(screening=screening)
    shot = task.ranked_frames[0]
    clear = shot.rendition(task.upload.file.sha256, variant="clear").read_bytes()
    with Image.open(io.BytesIO(clear)) as rendition:
        part = rendition.crop(in_pixels(tuple(screening.box or (0, 0, 1, 1)), rendition.size))
        part.save(folder / "part.png")
    (outcome,) = patch.score([folder / "part.png"])
    assert isinstance(outcome, Scored)
    return next(iter(outcome.by_classifier.values())).labels["patch"].value > 0.5
