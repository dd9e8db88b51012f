"""The verifier finds each kind of problem, in a database and a storage that were broken on purpose."""

import json
import os
import uuid
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pgtrigger
import pytest
from django.conf import settings
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.db import connection
from django.db.models import F
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext

from moderation import routing, storage, verification
from moderation.models import (
    Classifier,
    Community,
    Decision,
    Effect,
    Exposure,
    ReviewTask,
    Score,
    Screening,
    StoredFile,
    Upload,
    User,
    Verdict,
)
from moderation.models.screenings import frames_by_screening
from moderation.review import claiming, deciding
from moderation.review.quarantine import settle_quarantine
from moderation.review.status import update_status
from moderation.tuning.versions import put_in_force
from moderation.verification import RULES, stored_files, verify
from tests.database_owner import as_owner, tampering
from tests.factories import (
    decide_claimed,
    image_bytes,
    make_renditions,
    make_screening,
    make_task,
    make_tasks,
    make_upload,
    make_user,
    make_views,
    put_community_in_force,
    red,
    use_red_classifier,
    version_in_force,
)

pytestmark = pytest.mark.django_db


def coin_of(upload: Upload) -> float:
    version = version_in_force()
    return routing.coin(bytes(version.epoch.secret), upload_id=upload.pk, policy_id=version.policy_id)


def with_score(screening: Screening) -> Screening:
    Score.objects.create(
        file=screening.upload.file,
        classifier=screening.classifier,
        preprocessing_version=screening.preprocessing_version,
        label="nsfw",
        value=screening.score,
        runtime="test",
    )
    return screening


def make_sound_task(*, score: float = 0.5) -> ReviewTask:
    """Create a task with everything that the pre-screen writes, including renditions."""
    upload = make_upload()
    task = make_task(upload, score=score, u=coin_of(upload))
    with_score(task.screening)
    make_renditions(task)
    return task


def decide(task: ReviewTask, verdict: Verdict, *, by: User) -> Decision:
    claiming.claim_for(task, moderator=by)
    return decide_claimed(task, verdict)


@pytest.fixture
def waiting() -> ReviewTask:
    """An undecided task, alone in the record."""
    return make_sound_task()


@pytest.fixture
def decided(waiting: ReviewTask) -> ReviewTask:
    decide(waiting, Verdict.VIOLATING, by=make_user("mo"))
    return waiting


@pytest.fixture
def automatic() -> Screening:
    """An approved upload under a version without audits."""
    draft = version_in_force().copy_as_draft(by=None, audit_rate_approve=0, audit_rate_reject=0)
    put_in_force(draft, by=None, why="No audits.")
    upload = make_upload()
    return with_score(make_screening(upload, score=0.1, u=coin_of(upload)))


def found_by(rule: str) -> list[str]:
    return [found for _, found in RULES[rule]()]


# A clean record


def test_an_empty_record_is_clean() -> None:
    assert verify().clean


def test_a_record_with_every_kind_of_step_is_clean(waiting: ReviewTask, automatic: Screening, settings) -> None:
    mo = make_user("mo")
    for verdict in Verdict:
        decide(make_sound_task(), verdict, by=mo)
    for settings.GRACE_SECONDS in (600, 0):
        claiming.release(mo)
        undone = make_sound_task()
        decide(undone, Verdict.VIOLATING, by=mo)
        deciding.undo(undone, by=mo)
    settle_quarantine(quarantined(), verdict=Verdict.BENIGN, reviewer=mo, comment="")
    findings = verify()
    assert findings.problems == []
    assert (findings.checked["moderation.ReviewTask"], findings.checked["moderation.Decision"]) == (7, 8)


def quarantined() -> Upload:
    upload = make_upload(content=image_bytes()[:50])
    Upload.objects.filter(pk=upload.pk).quarantine(reason="truncated", detail="")
    update_status(Upload.objects.filter(pk=upload.pk))
    return upload


def test_verifying_changes_nothing(waiting: ReviewTask) -> None:
    before = {path: path.stat().st_mtime_ns for path in storage.stored_files()}
    Upload.objects.update(status="approved")
    verify()
    assert Upload.objects.get().status == "approved"
    assert {path: path.stat().st_mtime_ns for path in storage.stored_files()} == before


def test_each_rule_is_reported_before_it_is_checked() -> None:
    told: list[str] = []
    verify(on_rule=told.append)
    assert told == list(RULES)


# A broken record


@pytest.mark.parametrize("status", ["approved", "rejected", "pending"])
def test_a_status_that_the_record_does_not_give(waiting: ReviewTask, status: str) -> None:
    rule = "each upload has the status that its record gives"
    assert found_by(rule) == []
    Upload.objects.update(status=status)
    assert found_by(rule) == [f"status is {status}, the record says in_review"]


def test_a_decided_task_without_a_verdict(waiting: ReviewTask) -> None:
    rule = "each decided task has exactly one live verdict"
    assert found_by(rule) == []
    ReviewTask.objects.update(decided_at=Now())
    assert found_by(rule) == ["decided with 0 live verdicts"]


def test_a_verdict_on_a_task_that_is_undecided(decided: ReviewTask) -> None:
    rule = "each decided task has exactly one live verdict"
    assert found_by(rule) == []
    ReviewTask.objects.update(decided_at=None)
    assert found_by(rule) == ["undecided with 1 live verdicts"]


def test_two_live_verdicts_on_a_task(decided: ReviewTask) -> None:
    first = Decision.objects.get()
    Decision.objects.create(task=decided, upload=decided.upload, attempt=2, verdict="benign", reviewer=first.reviewer)
    assert found_by("each decided task has exactly one live verdict") == ["decided with 2 live verdicts"]


@pytest.mark.parametrize("change", [{"preprocessing_version": "another"}, {"frame": 3}, {"view": 2}])
def test_a_screening_without_its_score(waiting: ReviewTask, change: dict[str, object]) -> None:
    rule = "each screening has its score"
    assert found_by(rule) == []
    with tampering():
        Score.objects.update(**change)
    (found,) = found_by(rule)
    assert found.startswith("no score of its file by its classifier and preprocessing")


def test_two_scores_of_one_file(waiting: ReviewTask) -> None:
    rule = "one score per file, classifier, preprocessing and label"
    assert found_by(rule) == []
    drop_constraint(Score, "one_score_per_file_classifier_preprocessing_and_label")
    with_score(waiting.screening)
    assert found_by(rule) == [f"2 scores for nsfw by classifier {waiting.screening.classifier_id}"]


def drop_constraint(model: type[Score], name: str) -> None:
    """Drop a constraint until the test's transaction is rolled back."""
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # PostgreSQL refuses while some are still to be checked
        cursor.execute(f"ALTER TABLE {model._meta.db_table} DROP CONSTRAINT {name}")


def test_a_draw_that_differs_from_the_coin(waiting: ReviewTask) -> None:
    rule = "each screening follows its coin and thresholds"
    assert found_by(rule) == []
    with tampering():
        Screening.objects.update(u=0.125)
    assert found_by(rule) == [f"u is 0.125, the epoch's coin shows {coin_of(waiting.upload)}"]


def test_a_route_that_score_and_thresholds_do_not_give(waiting: ReviewTask) -> None:
    with tampering():
        Screening.objects.update(score=0.05)
    assert found_by("each screening follows its coin and thresholds") == [
        "route is review, score and thresholds say approve"
    ]


def test_a_screening_that_needs_a_person_without_a_task(waiting: ReviewTask) -> None:
    rule = "each screening that needs a person has a task"
    assert found_by(rule) == []
    with tampering():
        ReviewTask.objects.all()._raw_delete("default")
    assert found_by(rule) == ["a person has to review it and there is no task"]


def test_an_audit_that_was_drawn_without_a_task() -> None:
    make_screening(score=0.1, u=0.0)
    assert found_by("each screening that needs a person has a task") == [
        "a person has to review it and there is no task"
    ]


def test_an_automatic_route_without_its_effect(automatic: Screening) -> None:
    rule = "each automatic route has its effect"
    assert found_by(rule) == []
    with tampering():
        Effect.objects.all()._raw_delete("default")
    assert found_by(rule) == ["decided automatically without an effect"]


def deleted() -> None:
    with tampering():
        Effect.objects.all()._raw_delete("default")


def cancelled() -> None:
    Effect.objects.update(cancelled_at=Now())


@pytest.mark.parametrize("lose_effect", [deleted, cancelled])
def test_a_verdict_that_changes_something_without_its_effect(
    decided: ReviewTask, lose_effect: Callable[[], None]
) -> None:
    rule = "each verdict that changes something has its effect"
    assert found_by(rule) == []
    lose_effect()
    assert found_by(rule) == [f"violating on {decided.upload} has no effect"]


def lost(path: Path) -> str:
    path.unlink()
    return "cannot be read: No such file or directory"


def shortened(path: Path) -> str:
    size = path.stat().st_size
    path.write_bytes(path.read_bytes()[:-1])
    return f"{size - 1} bytes, the record says {size}"


def flipped(path: Path) -> str:
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    return "its bytes are not those that were received: the sha256 differs"


@pytest.mark.parametrize("damage", [lost, shortened, flipped])
def test_a_row_whose_file_is_not_what_was_received(waiting: ReviewTask, damage: Callable[[Path], str]) -> None:
    rule = "each row has its file with its size and sha256"
    assert found_by(rule) == []
    assert [damage(waiting.upload.file.path)] == found_by(rule)


@pytest.mark.parametrize(
    ("damage", "found"), [(Path.unlink, "cannot be read"), (lambda path: path.write_bytes(b"x"), "its file has sha256")]
)
def test_a_classifier_whose_file_is_not_what_was_registered(damage: Callable[[Path], object], found: str) -> None:
    version = use_red_classifier()
    assert found_by("each classifier has its file with its sha256") == []
    damage(version.classifier.path)
    (said,) = found_by("each classifier has its file with its sha256")
    assert found in said


def test_a_retired_classifier_in_force() -> None:
    Classifier.objects.update(retired_at=Now())
    (said,) = found_by("no retired classifier is active or in shadow mode")
    assert "in force with open_nsfw" in said


def test_an_erased_file_is_no_problem() -> None:
    file = make_upload().file
    StoredFile.objects.update(erased_at=Now())
    file.path.unlink()
    assert found_by("each row has its file with its size and sha256") == []


@pytest.mark.parametrize("variant", ["clear", "blurred"])
def test_an_undecided_task_without_a_rendition(waiting: ReviewTask, variant: str) -> None:
    rule = "each undecided task has its renditions"
    assert found_by(rule) == []
    storage.rendition_path(waiting.upload.file.sha256, frame=0, variant=variant).unlink()
    assert found_by(rule) == [f"the {variant} rendition of frame 0 is missing"]


AUDIT_ROWS = "each change of a mutable row has its audit row"


def test_a_change_without_its_audit_row(waiting: ReviewTask) -> None:
    assert found_by(AUDIT_ROWS) == []
    with tampering():
        Upload.objects.update(uploader_reference="nobody saw this")
    assert found_by(AUDIT_ROWS) == ["differs from its newest audit row"]


def test_a_row_without_any_audit_row() -> None:
    with tampering():
        make_upload()
    assert [what.split()[0] for what, found in RULES[AUDIT_ROWS]() if found == "no audit row"] == ["stored", "upload"]


@pytest.mark.parametrize(("model", "change"), [(Screening, {"superseded": True}), (Effect, {"cancelled_at": Now()})])
def test_a_changed_mutable_field_without_its_audit_row(
    automatic: Screening, model: type[Screening | Effect], change: dict[str, object]
) -> None:
    assert found_by(AUDIT_ROWS) == []
    with tampering():
        model.objects.update(**change)
    assert found_by(AUDIT_ROWS) == ["no audit row"]


def test_a_finding_names_its_rule_and_its_row(waiting: ReviewTask) -> None:
    ReviewTask.objects.update(decided_at=Now())
    problems = {problem.rule: problem.what for problem in verify().problems}
    assert problems["each decided task has exactly one live verdict"] == str(waiting)


# Files without a row


@pytest.fixture
def old() -> Path:
    """A file without a row, older than an hour."""
    path = storage.upload_path(storage.store_upload(red(0.3)))
    os.utime(path, (0, 0))
    return path


def test_an_old_file_without_a_row_is_listed_and_is_no_problem(old: Path) -> None:
    findings = verify()
    assert (findings.clean, findings.sweepable) == (True, [old])


def test_a_rendition_and_a_half_written_file_are_swept_too(old: Path) -> None:
    left = [storage.rendition_path(old.name, frame=0, variant="clear"), old.with_name(f".{old.name}.ab12.part")]
    for path in left:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"half")
        os.utime(path, (0, 0))
    assert set(verify().sweepable) == {old, *left}


def test_a_young_file_without_a_row_is_left_alone(old: Path) -> None:
    os.utime(old)
    assert verify().sweepable == []
    assert verification.sweep() == 0
    assert old.exists()


def test_a_file_with_a_row_is_never_swept_however_old(waiting: ReviewTask) -> None:
    for path in storage.stored_files():
        os.utime(path, (0, 0))
    assert verification.sweep() == 0
    assert len(list(storage.stored_files())) == 3


def row_of_the_same_bytes(path: Path) -> None:
    StoredFile.objects.create(sha256=path.name, size=path.stat().st_size, format="PNG")


def same_bytes_again(path: Path) -> None:
    """Write the same bytes again, as an intake does before it writes the row."""
    storage.store_upload(path.read_bytes())


@pytest.mark.parametrize("come_in_between", [row_of_the_same_bytes, same_bytes_again])
def test_a_file_that_gets_a_row_between_listing_and_removal_is_kept(
    old: Path, monkeypatch: pytest.MonkeyPatch, come_in_between: Callable[[Path], None]
) -> None:
    listed = list(stored_files.sweepable_files())
    assert listed == [old]
    come_in_between(old)
    monkeypatch.setattr(stored_files, "sweepable_files", lambda: iter(listed))
    assert verification.sweep() == 0
    assert old.exists()


def test_a_file_that_disappears_does_not_stop_the_sweep(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored_files, "sweepable_files", lambda: iter([old.with_name("gone"), old]))
    assert verification.sweep() == 1
    assert not old.exists()


# The command


def verify_command(*options: str) -> str:
    out = StringIO()
    call_command("verify", *options, stdout=out)
    return out.getvalue()


def test_the_command_removes_files_only_with_sweep(old: Path) -> None:
    assert "1 file without a row; 'verify --sweep' removes such files." in verify_command()
    assert old.exists()
    assert "1 file without a row removed." in verify_command("--sweep")
    assert not old.exists()


def test_the_command_reports_as_json(old: Path, waiting: ReviewTask) -> None:
    report = json.loads(verify_command("--json"))
    assert (report["clean"], report["problems"], report["sweepable"], report["swept"]) == (True, [], [old.name], 0)
    assert report["checked"]["moderation.Upload"] == 1


def test_the_command_fails_if_a_rule_is_broken(waiting: ReviewTask, capsys: pytest.CaptureFixture[str]) -> None:
    Upload.objects.update(status="approved")
    with pytest.raises(SystemExit) as ended:
        call_command("verify")
    assert ended.value.code == 1
    line = f"upload {waiting.upload_id}: status is approved, the record says in_review (each upload has the status"
    assert line in capsys.readouterr().out


@pytest.mark.parametrize("outcome", ["approve", "hold"])
def test_an_effect_that_differs_from_the_decision(decided: ReviewTask, outcome: str) -> None:
    rule = "each effect does what was decided"
    assert found_by(rule) == []
    with tampering():
        Effect.objects.update(outcome=outcome)
    assert found_by(rule) == [f"{outcome}, the record asks for reject"]


def test_an_undone_effect_that_goes_on(decided: ReviewTask, settings) -> None:
    rule = "no undone decision has an effect any more"
    settings.GRACE_SECONDS = 0
    mo = User.objects.get(username="mo")
    with tampering():
        Effect.objects.update(due_at=Now())
    deciding.undo(decided, by=mo)
    assert found_by(rule) == []
    with tampering():
        Effect.objects.filter(decision__kind=Decision.Kind.UNDO)._raw_delete("default")
    assert found_by(rule) == ["undone, and its effect goes on"]


@pytest.mark.parametrize(
    "change", [{"pi": (F("u") + 1) / 2}, {"rate_class": "reject:0.1"}, {"sampling_reason": "audit_approve"}]
)
def test_a_draw_whose_parts_do_not_agree(waiting: ReviewTask, change: dict[str, object]) -> None:
    rule = "each screening follows its coin and thresholds"
    assert found_by(rule) == []
    with tampering():
        Screening.objects.update(**change)
    assert len(found_by(rule)) == 1


# The number of statements


def decided_in_bulk(tasks: list[ReviewTask], *, by: User) -> None:
    """Decide half of the tasks, and undo half of these, in a few statements."""
    decided = Decision.objects.bulk_create(
        Decision(
            task=task, upload_id=task.upload_id, screening_id=task.screening_id, verdict="violating", reason="nudity",
            reviewer=by,
        )
        for task in tasks[::2]
    )  # fmt: skip
    undone = Decision.objects.bulk_create(
        Decision(
            task_id=each.task_id, upload_id=each.upload_id, screening_id=each.screening_id, kind="undo", reviewer=by,
            supersedes=each,
        )
        for each in decided[::2]
    )  # fmt: skip
    Effect.objects.bulk_create(
        Effect(upload_id=each.upload_id, policy=version_in_force().policy, decision=each, outcome=outcome, due_at=Now())
        for each, outcome in [*((each, "reject") for each in decided), *((each, "hold") for each in undone)]
    )


def test_another_thousand_rows_costs_a_bounded_number_of_statements() -> None:
    mo, counts = make_user(), []
    for thousand in (1, 2):
        decided_in_bulk(make_tasks(1000, salt=1000 * thousand), by=mo)
        with CaptureQueriesContext(connection) as asked:
            findings = verify()
        counts.append(len(asked))
        assert findings.checked["moderation.ReviewTask"] == 1000 * thousand
        assert len(findings.problems) > 500 * thousand, "problems are named without a statement each"
    first, second = counts
    assert first < 100
    assert second - first <= 20


@pytest.mark.parametrize("is_community", [False, True])
def test_frames_read_in_batches_are_those_of_each_screening(waiting: ReviewTask, is_community: bool) -> None:
    with tampering():
        Score.objects.all()._raw_delete("default")
        if is_community:
            put_in_community(waiting.screening)
    make_views(waiting, {"frame": 2}, {"frame": 0, "view": 3, "box": [0, 0, 0.5, 0.5]})
    screening = Screening.objects.select_related("upload", "policy_version").get()
    plain = with_score(make_screening())
    found = frames_by_screening([screening, plain])
    assert found == {each.pk: each.ranked_frames for each in (screening, plain)}
    assert [shot.frame for shot in found[screening.pk]] == [2, 0]


def put_in_community(screening: Screening) -> None:
    """A community's version has no labels of its own: those of the root apply."""
    art = Community.objects.create(slug="art", name="Art")
    own = put_community_in_force(art, low=0.2, high=0.9)
    Screening.objects.filter(pk=screening.pk).update(policy_version=own)


# The history and its protection

MEMBERSHIPS = "each group and permission of a person has its event"
EXPOSURES = "each verdict agrees with the exposures on whether the image was revealed"
TRIGGERS = "each trigger that protects the record is enabled"


def test_a_group_that_was_given_without_an_event() -> None:
    user, admin = make_user("ada"), Group.objects.get(name="admin")
    with tampering("moderation.UserGroup:insert_insert"):
        user.groups.add(admin)
    found = list(RULES[MEMBERSHIPS]())
    assert found == [(f"user {user.pk} and group {admin.pk}", "was added without an event")]


def test_a_permission_that_was_taken_without_an_event() -> None:
    group = Group.objects.get(name="auditor")
    permission = group.permissions.first()
    with tampering("moderation.GroupPermission:delete_delete"):
        group.permissions.remove(permission)
    found = list(RULES[MEMBERSHIPS]())
    assert found == [(f"group {group.pk} and permission {permission.pk}", "was removed without an event")]


def test_groups_given_and_taken_again_are_no_problem() -> None:
    user, admin = make_user("ada"), Group.objects.get(name="admin")
    for _ in range(2):
        user.groups.add(admin)
        user.groups.remove(admin)
    assert found_by(MEMBERSHIPS) == []


@pytest.mark.parametrize(
    ("says", "is_exposed", "problem"),
    [
        (True, True, []),
        (False, False, []),
        (True, False, ["says that the image was revealed, and its claim has no exposure"]),
        (False, True, ["says that the image was not revealed, and its claim has an exposure"]),
    ],
)
def test_a_verdict_and_the_exposures_agree(says: bool, is_exposed: bool, problem: list[str]) -> None:
    mo, task, token = make_user("mo"), make_task(), uuid.uuid4()
    Decision.objects.create(
        task=task, upload=task.upload, screening=task.screening, reviewer=mo, verdict="benign", claim_token=token,
        shown={"revealed": says},
    )  # fmt: skip
    if is_exposed:
        Exposure.objects.create(person=mo, task=task, upload=task.upload, claim_token=token)
    assert found_by(EXPOSURES) == problem


def protecting_trigger() -> pgtrigger.Trigger:
    return pgtrigger.registered("moderation.Decision:append_only")[0][1]


@pytest.mark.parametrize(
    ("sql", "problem"),
    [
        ("ALTER TABLE moderation_decision DISABLE TRIGGER {}", "is disabled; 'manage.py pgtrigger enable' enables it"),
        ("DROP TRIGGER {} ON moderation_decision", "is missing; 'manage.py pgtrigger install' installs it"),
        (
            "CREATE OR REPLACE FUNCTION {}() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
            "does something other than this version's; 'manage.py pgtrigger install' installs it",
        ),
    ],
)
def test_a_trigger_that_protects_no_longer(sql: str, problem: str) -> None:
    assert found_by(TRIGGERS) == []
    with as_owner(), connection.cursor() as cursor:
        cursor.execute(sql.format(protecting_trigger().get_pgid(Decision)))
    assert list(RULES[TRIGGERS]()) == [("trigger append_only of moderation_decision", problem)]


def test_the_command_mentions_that_the_owner_serves() -> None:
    def run() -> str:
        out = StringIO()
        call_command("verify", stdout=out)
        return out.getvalue()

    assert ("owns the tables" in run()) == (not settings.DATABASE_SERVING_ROLE)
    with as_owner():
        assert "owns the tables, so whoever controls the product could change the record" in run()
