"""Builders: plain functions that create real rows with small real images."""

import hashlib
import io
import json
from collections.abc import Callable, Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.contrib.auth.models import Group
from django.db.models.functions import Now
from PIL import Image

from moderation import routing, storage
from moderation.inference.manifest import Manifest
from moderation.intake.digests import Digests
from moderation.models import (
    Classifier,
    Community,
    Decision,
    Effect,
    HashEntry,
    HashList,
    HashMatch,
    Policy,
    PolicyVersion,
    ReviewTask,
    Score,
    Screening,
    ScreeningRun,
    Shadow,
    StoredFile,
    Upload,
    User,
    Verdict,
)
from moderation.review import deciding
from moderation.review.claims import Claim
from moderation.review.status import update_status
from moderation.screening.records import save_matches
from moderation.tuning.versions import put_in_force
from tests.moderation.inference.patch_onnx import write_patch_classifier
from tests.moderation.inference.tiny_onnx import write_red_classifier

PASSWORD = "a long enough password"


def make_user(name: str = "mo", *, group: str = "moderator") -> User:
    user = User.objects.create_user(name, password=PASSWORD)
    user.groups.add(Group.objects.get(name=group))
    return user


def image_bytes(
    colour: tuple[int, int, int] = (120, 130, 140), *, size: tuple[int, int] = (96, 72), fmt: str = "PNG"
) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, colour).save(out, fmt)
    return out.getvalue()


_made = iter(range(1, 10**9))


def make_file(content: bytes | None = None) -> StoredFile:
    number = next(_made)
    content = content or image_bytes((number % 256, number // 256 % 256, 77))
    digests = Digests.of(content)
    file, _ = StoredFile.objects.get_or_create(
        sha256=storage.store_upload(content),
        defaults={
            "md5": digests.md5, "sha1": digests.sha1, "size": len(content), "format": "PNG",
            "width": 96, "height": 72, "frames": 1,
        },
    )  # fmt: skip
    return file


def make_upload(*, content: bytes | None = None, source: str = "test", external_id: str = "", **fields: Any) -> Upload:
    return Upload.objects.create(
        source=source, external_id=external_id or f"picture-{next(_made)}", file=make_file(content), **fields
    )


def make_uploads(contents: Iterable[bytes], *, source: str = "many", start: int = 0) -> list[Upload]:
    """Create many uploads in two statements."""
    made = [(storage.store_upload(content), len(content)) for content in contents]
    stored = StoredFile.objects.bulk_create(StoredFile(sha256=sha, size=size, format="PNG") for sha, size in made)
    return Upload.objects.bulk_create(
        Upload(source=source, external_id=str(number), file=file) for number, file in enumerate(stored, start)
    )


def default_policy() -> Policy:
    return Policy.objects.get(slug="adult-content")


def version_in_force(policy: Policy | None = None) -> PolicyVersion:
    return PolicyVersion.objects.in_force().root().get(policy=policy or default_policy())


def put_community_in_force(community: Community, *, low: float, high: float, **rates: float) -> PolicyVersion:
    """Put a first version of ``community`` in force under the default policy."""
    version = PolicyVersion.objects.create(
        policy=default_policy(), community=community, number=1, low=low, high=high, **rates
    )
    put_in_force(version, by=None, why="Thresholds of its own.")
    return version


def make_screening(
    upload: Upload | None = None, *, score: float = 0.5, u: float = 0.999, untrusted: str = ""
) -> Screening:
    """Create a screening as the pre-screen does, under the policy in force, with the random number ``u``."""
    upload = upload or make_upload()
    version = version_in_force()
    within = routing.region(score, low=version.low, high=version.high)
    draw = routing.draw(u, within=within, rates=version.rates, untrusted=bool(untrusted))
    screening = Screening.objects.create(
        upload=upload,
        policy=version.policy,
        policy_version=version,
        epoch=version.epoch,
        run=ScreeningRun.objects.get_or_create(pk=1, defaults={"options": {}})[0],
        classifier=version.classifier,
        preprocessing_version=version.classifier.score_version,
        score=score,
        untrusted=untrusted,
        low=version.low,
        high=version.high,
        route=routing.route(within, draw=draw, fallback=version.rates.fallback),
        u=draw.u,
        pi=draw.pi,
        sampling_reason=draw.reason,
        rate_class=draw.rate_class,
    )
    if screening.automatic_outcome != "hold":
        Effect.objects.create(
            upload=upload,
            policy=version.policy,
            screening=screening,
            outcome=screening.automatic_outcome,
            due_at=Now(),
        )
    update_status(Upload.objects.filter(pk=upload.pk))
    return screening


def make_task(upload: Upload | None = None, *, score: float = 0.5, u: float = 0.0, **fields: Any) -> ReviewTask:
    """Create an undecided task on a new screening; a score below low, or from high on, makes it an audit."""
    screening = make_screening(upload, score=score, u=u)
    task = ReviewTask.objects.create(screening=screening, upload=screening.upload, policy=screening.policy, **fields)
    update_status(Upload.objects.filter(pk=screening.upload_id))
    task.refresh_from_db()
    return task


def decide_claimed(task: ReviewTask, verdict: str, **content: Any) -> Decision:
    """Decide a task with its own claim."""
    claim = Claim.from_task(task)
    assert claim is not None
    reason = "nudity" if verdict == Verdict.VIOLATING else ""
    return deciding.decide(task, Verdict(verdict), claim=claim, reason=reason, **content)


def make_tasks(count: int, *, salt: int = 0) -> list[ReviewTask]:
    """Create many undecided tasks on uploads in the band, in a few statements. Different ``salt``, different files."""
    uploads = make_uploads((red(0.5, salt=salt + number) for number in range(count)), start=salt)
    version, run = version_in_force(), ScreeningRun.objects.create()
    screenings = Screening.objects.bulk_create(
        Screening(
            upload=upload, policy=version.policy, policy_version=version, epoch=version.epoch, run=run,
            classifier=version.classifier, preprocessing_version=version.classifier.score_version,
            score=0.5, low=version.low, high=version.high, route="review",
            u=0.5, pi=1.0, sampling_reason="review_band", rate_class="review:1",
        )
        for upload in uploads
    )  # fmt: skip
    tasks = ReviewTask.objects.open_for(screenings)
    update_status(Upload.objects.filter(source="many"))
    return tasks


def claim_earlier(task: ReviewTask, *, seconds: float) -> None:
    """Move the claim into the past, as if the person had looked for so long."""
    ReviewTask.objects.filter(pk=task.pk).update(claimed_at=Now() - timedelta(seconds=seconds))


def expire_claim(task: ReviewTask) -> None:
    """Move the end of the claim into the past."""
    ReviewTask.objects.filter(pk=task.pk).update(claim_expires_at=Now() - timedelta(seconds=1))


def use_red_classifier(**content: Any) -> PolicyVersion:
    """Put a version in force whose classifier scores the mean of the red channel."""
    return use_classifier(write_red_classifier, **content)


def use_classifier(write: Callable[[Path], tuple[Manifest, Path]], **content: Any) -> PolicyVersion:
    """Register the classifier that ``write`` creates, and put a version in force that uses its positive label."""
    storage.classifiers_folder().mkdir(parents=True, exist_ok=True)
    manifest, path = write(storage.classifiers_folder())
    classifier = Classifier.objects.create(
        name=manifest.name,
        sha256=manifest.sha256,
        preprocessing_version=manifest.preprocessing_version,
        manifest=json.loads(manifest.to_json()),
        positive_label=manifest.positive_label,
        licence=manifest.licence,
        file_name=path.name,
    )
    labels = [manifest.positive_label]
    version = version_in_force().copy_as_draft(by=None, classifier=classifier, labels=labels, **content)
    put_in_force(version, by=None, why="A classifier whose scores the tests choose.")
    return version


def use_patch_classifier(**content: Any) -> PolicyVersion:
    """Put a version in force whose classifier reacts to a red patch (``patch_onnx``)."""
    return use_classifier(write_patch_classifier, **content)


def red(value: float, *, size: tuple[int, int] = (64, 64), salt: int = 0) -> bytes:
    """Return a PNG with the score ``value``. Different ``salt``, different bytes with the same score."""
    return image_bytes((round(value * 255), salt % 256, salt // 256), size=size)


def make_renditions(task: ReviewTask) -> None:
    """Write both renditions of each picture shown to people: a red image as clear, a grey one as blurred."""
    for number, shot in enumerate(task.ranked_frames):
        for variant, colour in (("clear", (200, 30, 30 + 20 * number)), ("blurred", (90, 90, 90 + 20 * number))):
            path = shot.rendition(task.upload.file.sha256, variant=variant)
            storage.write(path, [image_bytes(colour, fmt="JPEG")])


def make_views(task: ReviewTask, *views: dict[str, Any], **changes: Any) -> None:
    """Create the score of the task's screening with these ``views``, highest first: frame, view, box, near."""
    screening, whole = task.screening, {"frame": 0, "view": 0, "size": [640, 480], "box": [0, 0, 1, 1], "near": False}
    values = (screening.score / (number + 1) for number in range(len(views)))
    Score.objects.create(
        file=task.upload.file, classifier=screening.classifier, label=screening.policy_version.labels[0],
        preprocessing_version=screening.preprocessing_version, value=screening.score, runtime="test",
        views_scored=max(1, len(views)),
        views=[{**whole, **view, "value": value} for view, value in zip(views, values, strict=True)], **changes,
    )  # fmt: skip


def make_shadow(name: str = "green") -> Shadow:
    """Create a classifier without a file in shadow mode for the default policy; the test writes its scores."""
    classifier = Classifier.objects.create(
        name=name, sha256=name.ljust(64, "0"), preprocessing_version="tiny-1", manifest={"labels": ["other", name]},
        positive_label=name, licence="Apache-2.0", file_name=f"{name}.onnx",
    )  # fmt: skip
    return Shadow.objects.create(policy=default_policy(), classifier=classifier, labels=[name])


def make_shadow_score(screening: Screening, shadow: Shadow, value: float) -> None:
    Score.objects.create(
        file=screening.upload.file, classifier=shadow.classifier, label=shadow.labels[0], value=value, runtime="test",
        preprocessing_version=shadow.classifier.score_version,
    )  # fmt: skip


def make_hash_list(kind: str = "known_bad", *, name: str = "", **fields: Any) -> HashList:
    name = name or f"list {next(_made)}"
    return HashList.objects.create(
        **{"policy": default_policy(), "kind": kind, "name": name, "done": "created", "why": "For a test.", **fields}
    )


def make_entry(
    hash_list: HashList, known: bytes, *, is_picture: bool = False, algorithm: str = "sha256", **fields: Any
) -> HashEntry:
    """Create an entry for a file's bytes, or for a PDQ hash if ``is_picture``."""
    entry = HashEntry(hash_list=hash_list, algorithm="pdq" if is_picture else algorithm, **fields)
    entry.set_hash(known.hex() if is_picture else hashlib.new(algorithm, known).hexdigest())
    entry.set_keys()
    entry.save()
    return entry


def make_match(entry: HashEntry, upload: Upload | None = None) -> HashMatch:
    """Create a match as the pre-screen does, with its effect."""
    upload = upload or make_upload()
    run = ScreeningRun.objects.get_or_create(pk=1, defaults={"options": {}})[0]
    route = entry.hash_list.route
    match = HashMatch(upload=upload, policy=entry.hash_list.policy, entry=entry, run=run, distance=0, route=route)
    save_matches([match])
    update_status(Upload.objects.filter(pk=upload.pk))
    upload.refresh_from_db()
    return match
