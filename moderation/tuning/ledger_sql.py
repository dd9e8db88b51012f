"""The rule for the final verdict of an upload with several decisions, as set-based SQL.

The first screening of an upload under the policy in the epoch fixes its score, its rate class, its day (in UTC) and
whether the coin drew it. For a drawn upload, verdicts count if they are on sample tasks of any of its screenings in
the epoch, are blind, and came before the deadline. A later verdict that is not blind changes what stands, never the
label, and neither does an undo alone once the score can have been seen:

* a verdict that was undone within its grace period or overruled does not count;
* a verdict that was undone later counts until another blind verdict on the same task replaces it.

Of those that count:

* review band and untrusted scores: the last conclusive verdict is final;
* audits: the majority is final. An alarming majority (violating on an approved upload, benign on a rejected one) needs
  at least two such verdicts. A tie or an unconfirmed alarm is not final;
* a picture with an earlier confirmed verdict: the verdict that was reused is final while it stands, if no person
  reviewed this upload;
* missing: three live verdicts "cannot tell", or no final verdict by the deadline.

Quarantine, reports, appeals and gold items never count. Names in %(...)s are parameters; everything else is text of
this module.
"""
# ruff: noqa: S608

from typing import Any

from moderation.models.ledgers import DEADLINE
from moderation.models.threshold_grid import GRID
from moderation.review.standing import MAX_REVIEWERS

# A chunk of the pre-screen that began before midnight can commit shortly after it.
SETTLED_AFTER = "1 hour"

CONSTANTS: dict[str, Any] = {
    "grid": GRID,
    "max_reviewers": MAX_REVIEWERS,
    "deadline": DEADLINE,
    "settled": SETTLED_AFTER,
}

# Days are in UTC, whatever the time zone of the settings.
_DAY = "(s.created_at AT TIME ZONE 'UTC')::date"
_BIN = "width_bucket(s.score, %(grid)s::float8[]) - 1"
_DEADLINE = "(day.day + 1)::timestamp AT TIME ZONE 'UTC' + %(deadline)s::interval"

# The first screening of each upload under a policy in an epoch; the coin is not drawn for later ones.
_FIRST = """
    SELECT s.* FROM moderation_screening s
    WHERE s.id > %(from_screening)s AND s.id <= %(to_screening)s AND NOT EXISTS (
        SELECT FROM moderation_screening e WHERE e.upload_id = s.upload_id AND e.policy_id = s.policy_id
        AND e.epoch_id = s.epoch_id AND e.id < s.id
    )
"""

OPEN_DAYS = f"""
    INSERT INTO moderation_ledgerday (epoch_id, day)
    SELECT DISTINCT s.epoch_id, {_DAY} FROM ({_FIRST}) s ORDER BY 1, 2
    ON CONFLICT DO NOTHING
"""

COUNT_UPLOADS = f"""
    INSERT INTO moderation_ledgerrow AS kept
        (day_id, bin, region, rate_class, pi, "group", uploads, labelled, violating, missing)
    SELECT day.id, {_BIN}, split_part(s.rate_class, ':', 1), s.rate_class, s.pi, s."group", count(*), 0, 0, 0
    FROM ({_FIRST}) s JOIN moderation_ledgerday day ON day.epoch_id = s.epoch_id AND day.day = {_DAY}
    GROUP BY 1, 2, 3, 4, 5, 6
    ON CONFLICT (day_id, bin, rate_class, pi, "group") DO UPDATE SET uploads = kept.uploads + excluded.uploads
"""

NOTE_DRAWN = f"""
    INSERT INTO moderation_drawnupload (screening_id, day_id, outcome)
    SELECT s.id, day.id, 'open'
    FROM ({_FIRST}) s JOIN moderation_ledgerday day ON day.epoch_id = s.epoch_id AND day.day = {_DAY}
    WHERE s.sampling_reason <> 'none' ORDER BY s.id
"""


def _outcomes(drawn: str, *, until: str, at: str) -> str:
    """Return SQL for screening_id and outcome of each row of ``drawn`` (screening_id, day_id), by the rule above.

    ``until`` is the last decision that counts, ``at`` the moment that deadlines are compared with.
    """

    def in_time(decision: str) -> str:
        return f"{decision}.id <= {until} AND {decision}.decided_at < {_DEADLINE}"

    # An undo within the grace period is blind, and so is an overruling.
    counts = f"""v.source IN ('sample', 'carried_over') AND v.kind <> 'undo' AND v.blind AND {in_time("v")}
        AND NOT EXISTS (
            SELECT FROM moderation_decision x
            WHERE x.supersedes_id IN (v.id, v.carried_from_id) AND x.blind AND {in_time("x")}
        )
        AND NOT EXISTS (
            SELECT FROM moderation_decision late JOIN moderation_decision w ON w.id > late.id
            WHERE late.supersedes_id = v.id AND NOT late.blind AND {in_time("late")}
                AND w.task_id = v.task_id AND w.kind <> 'undo' AND w.blind AND {in_time("w")}
                AND NOT EXISTS (
                    SELECT FROM moderation_decision y WHERE y.supersedes_id = w.id AND y.blind AND {in_time("y")}
                )
        )"""
    return f"""
        SELECT screening_id, CASE
            WHEN carried IS NOT NULL AND violating + benign + cannot_tell = 0 THEN carried
            WHEN sampling_reason IN ('review_band', 'untrusted') AND last IS NOT NULL THEN last
            WHEN sampling_reason = 'audit_approve' AND violating > greatest(benign, 1) THEN 'violating'
            WHEN sampling_reason = 'audit_approve' AND benign > violating THEN 'benign'
            WHEN sampling_reason = 'audit_reject' AND benign > greatest(violating, 1) THEN 'benign'
            WHEN sampling_reason = 'audit_reject' AND violating > benign THEN 'violating'
            WHEN cannot_tell >= %(max_reviewers)s OR overdue THEN 'missing'
            ELSE 'open' END AS outcome
        FROM (
            SELECT drawn.screening_id, first.sampling_reason, {at} >= {_DEADLINE} AS overdue,
                count(*) FILTER (WHERE v.source = 'sample' AND v.verdict = 'violating') AS violating,
                count(*) FILTER (WHERE v.source = 'sample' AND v.verdict = 'benign') AS benign,
                count(*) FILTER (WHERE v.source = 'sample' AND v.verdict = 'cannot_tell') AS cannot_tell,
                (array_agg(v.verdict ORDER BY v.id DESC)
                    FILTER (WHERE v.source = 'sample' AND v.verdict <> 'cannot_tell'))[1] AS last,
                (array_agg(v.verdict ORDER BY v.id DESC) FILTER (WHERE v.source = 'carried_over'))[1] AS carried
            FROM ({drawn}) drawn
            JOIN moderation_ledgerday day ON day.id = drawn.day_id
            JOIN moderation_screening first ON first.id = drawn.screening_id
            JOIN moderation_screening s ON s.upload_id = first.upload_id AND s.policy_id = first.policy_id
                AND s.epoch_id = first.epoch_id
            LEFT JOIN moderation_decision v ON v.screening_id = s.id AND {counts}
            GROUP BY drawn.screening_id, first.sampling_reason, day.id
        ) votes
    """


# Drawn uploads of open days that are new, are past their deadline, or have new decisions (also on the origin of a
# reused verdict).
_TOUCHED = f"""
    SELECT drawn.screening_id, drawn.day_id FROM moderation_drawnupload drawn
    JOIN moderation_ledgerday day ON day.id = drawn.day_id
    WHERE day.closed_at IS NULL AND drawn.screening_id > %(from_screening)s
    UNION
    SELECT drawn.screening_id, drawn.day_id FROM moderation_drawnupload drawn
    JOIN moderation_ledgerday day ON day.id = drawn.day_id
    WHERE day.closed_at IS NULL AND drawn.outcome = 'open' AND now() >= {_DEADLINE}
    UNION
    SELECT drawn.screening_id, drawn.day_id FROM moderation_decision d
    JOIN moderation_screening s ON s.id = d.screening_id
    JOIN moderation_screening first ON first.upload_id = s.upload_id AND first.policy_id = s.policy_id
        AND first.epoch_id = s.epoch_id
    JOIN moderation_drawnupload drawn ON drawn.screening_id = first.id
    JOIN moderation_ledgerday day ON day.id = drawn.day_id
    WHERE day.closed_at IS NULL AND d.id > %(from_decision)s AND d.id <= %(to_decision)s
    UNION
    SELECT drawn.screening_id, drawn.day_id FROM moderation_decision d
    JOIN moderation_decision linked ON linked.carried_from_id = d.supersedes_id
    JOIN moderation_drawnupload drawn ON drawn.screening_id = linked.screening_id
    JOIN moderation_ledgerday day ON day.id = drawn.day_id
    WHERE day.closed_at IS NULL AND d.id > %(from_decision)s AND d.id <= %(to_decision)s
"""

JUDGE = f"""
    WITH judged AS MATERIALIZED (
        SELECT found.screening_id, found.outcome, drawn.outcome AS before, drawn.day_id
        FROM ({_outcomes(_TOUCHED, until="%(to_decision)s", at="now()")}) found
        JOIN moderation_drawnupload drawn ON drawn.screening_id = found.screening_id
        WHERE found.outcome <> drawn.outcome
    ), changes AS (
        SELECT judged.day_id, {_BIN} AS bin, s.rate_class, s.pi, s."group",
            sum((outcome IN ('violating', 'benign'))::int - (before IN ('violating', 'benign'))::int) AS labelled,
            sum((outcome = 'violating')::int - (before = 'violating')::int) AS violating,
            sum((outcome = 'missing')::int - (before = 'missing')::int) AS missing
        FROM judged JOIN moderation_screening s ON s.id = judged.screening_id GROUP BY 1, 2, 3, 4, 5
    ), counted AS (
        UPDATE moderation_ledgerrow kept SET labelled = kept.labelled + changes.labelled,
            violating = kept.violating + changes.violating, missing = kept.missing + changes.missing
        FROM changes WHERE kept.day_id = changes.day_id AND kept.bin = changes.bin
            AND kept.rate_class = changes.rate_class AND kept.pi = changes.pi AND kept."group" = changes."group"
    )
    UPDATE moderation_drawnupload drawn SET outcome = judged.outcome FROM judged
    WHERE drawn.screening_id = judged.screening_id
"""

CLOSE_DAYS = """
    UPDATE moderation_ledgerday day SET closed_at = now(), decisions_until = %(to_decision)s
    WHERE day.closed_at IS NULL
        AND now() >= (day.day + 1)::timestamp AT TIME ZONE 'UTC' + %(settled)s::interval
        AND NOT EXISTS (
            SELECT FROM moderation_drawnupload drawn WHERE drawn.day_id = day.id AND drawn.outcome = 'open'
        )
"""

_ALL_DRAWN = f"""
    SELECT s.id AS screening_id, day.id AS day_id
    FROM ({_FIRST}) s JOIN moderation_ledgerday day ON day.epoch_id = s.epoch_id AND day.day = {_DAY}
    WHERE s.sampling_reason <> 'none'
"""
# A closed day is recounted as of its closing, an open day as of the last roll-up.
_JUDGED_THEN = _outcomes(
    _ALL_DRAWN,
    until="coalesce(day.decisions_until, %(to_decision)s)",
    at="coalesce(day.closed_at, %(at)s)",
)

RECOUNT = f"""
    WITH recount AS (
        SELECT day.id AS day_id, {_BIN} AS bin, s.rate_class, s.pi, s."group", count(*) AS uploads,
            count(*) FILTER (WHERE judged.outcome IN ('violating', 'benign')) AS labelled,
            count(*) FILTER (WHERE judged.outcome = 'violating') AS violating,
            count(*) FILTER (WHERE judged.outcome = 'missing') AS missing
        FROM ({_FIRST}) s JOIN moderation_ledgerday day ON day.epoch_id = s.epoch_id AND day.day = {_DAY}
        LEFT JOIN ({_JUDGED_THEN}) judged ON judged.screening_id = s.id
        GROUP BY 1, 2, 3, 4, 5
    )
    SELECT day.day, coalesce(kept.bin, recount.bin), coalesce(kept.rate_class, recount.rate_class),
        concat_ws(' ', kept.uploads, kept.labelled, kept.violating, kept.missing),
        concat_ws(' ', recount.uploads, recount.labelled, recount.violating, recount.missing)
    FROM moderation_ledgerrow kept
    FULL JOIN recount ON recount.day_id = kept.day_id AND recount.bin = kept.bin AND recount.pi = kept.pi
        AND recount.rate_class = kept.rate_class AND recount."group" = kept."group"
    LEFT JOIN moderation_ledgerday day ON day.id = coalesce(kept.day_id, recount.day_id)
    WHERE (kept.uploads, kept.labelled, kept.violating, kept.missing)
        IS DISTINCT FROM (recount.uploads, recount.labelled, recount.violating, recount.missing)
"""
