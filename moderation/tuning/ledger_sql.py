"""The one rule for an upload with several decisions, as set-based SQL.

What counts is decided by the upload's first screening under the policy in the epoch: its score, its rate class, its
day (in UTC), and whether the coin drew it. Of a drawn upload, the verdicts of sample tasks count, on any of its
screenings in the epoch, that are not superseded and came before the deadline:

* review band, and uploads with an untrusted score: the last conclusive one;
* audits: the majority, where violating (approved uploads) or benign (rejected ones) needs two that say so; a tie or
  an unconfirmed verdict is not final;
* of a picture that was confirmed before: the verdict that it takes over, while that stands, where nobody looked again;
* nobody could tell, when three live verdicts say "cannot tell", or no final verdict by the deadline: missing.

Quarantine, reports, appeals and gold items never count. Names in %(...)s are parameters; all else is this module's own.
"""
# ruff: noqa: S608

from typing import Any

from moderation.models.ledgers import DEADLINE
from moderation.models.threshold_grid import GRID
from moderation.review.consensus import ASKED_AT_MOST

# A chunk of the pre-screen that began before midnight may commit a little after it.
SETTLED_AFTER = "1 hour"

CONSTANTS: dict[str, Any] = {
    "grid": GRID,
    "asked": ASKED_AT_MOST,
    "deadline": DEADLINE,
    "settled": SETTLED_AFTER,
}

# A day is a day in UTC, whatever the settings say later.
_DAY = "(s.created_at AT TIME ZONE 'UTC')::date"
_BIN = "width_bucket(s.score, %(grid)s::float8[]) - 1"
_DEADLINE = "(day.day + 1)::timestamp AT TIME ZONE 'UTC' + %(deadline)s::interval"

# The first screening of each upload under a policy in an epoch; later ones in it draw no coin.
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


def _outcomes(asked: str, *, until: str, at: str) -> str:
    """SQL of screening_id and outcome for each row of ``asked`` (screening_id, day_id), by the rule above.

    ``until`` is the last decision that counts, ``at`` the moment that deadlines are compared with.
    """
    counts = f"""v.source IN ('sample', 'carried_over') AND v.kind <> 'undo' AND v.id <= {until}
        AND v.decided_at < {_DEADLINE} AND NOT EXISTS (
            SELECT FROM moderation_decision x
            WHERE x.supersedes_id IN (v.id, v.carried_from_id) AND x.id <= {until} AND x.decided_at < {_DEADLINE}
        )"""
    return f"""
        SELECT screening_id, CASE
            WHEN carried IS NOT NULL AND violating + benign + cannot_tell = 0 THEN carried
            WHEN sampling_reason IN ('review_band', 'untrusted') AND last IS NOT NULL THEN last
            WHEN sampling_reason = 'audit_approve' AND violating > greatest(benign, 1) THEN 'violating'
            WHEN sampling_reason = 'audit_approve' AND benign > violating THEN 'benign'
            WHEN sampling_reason = 'audit_reject' AND benign > greatest(violating, 1) THEN 'benign'
            WHEN sampling_reason = 'audit_reject' AND violating > benign THEN 'violating'
            WHEN cannot_tell >= %(asked)s OR overdue THEN 'missing'
            ELSE 'open' END AS outcome
        FROM (
            SELECT asked.screening_id, first.sampling_reason, {at} >= {_DEADLINE} AS overdue,
                count(*) FILTER (WHERE v.source = 'sample' AND v.verdict = 'violating') AS violating,
                count(*) FILTER (WHERE v.source = 'sample' AND v.verdict = 'benign') AS benign,
                count(*) FILTER (WHERE v.source = 'sample' AND v.verdict = 'cannot_tell') AS cannot_tell,
                (array_agg(v.verdict ORDER BY v.id DESC)
                    FILTER (WHERE v.source = 'sample' AND v.verdict <> 'cannot_tell'))[1] AS last,
                (array_agg(v.verdict ORDER BY v.id DESC) FILTER (WHERE v.source = 'carried_over'))[1] AS carried
            FROM ({asked}) asked
            JOIN moderation_ledgerday day ON day.id = asked.day_id
            JOIN moderation_screening first ON first.id = asked.screening_id
            JOIN moderation_screening s ON s.upload_id = first.upload_id AND s.policy_id = first.policy_id
                AND s.epoch_id = first.epoch_id
            LEFT JOIN moderation_decision v ON v.screening_id = s.id AND {counts}
            GROUP BY asked.screening_id, first.sampling_reason, day.id
        ) votes
    """


# Of days that are open: what was drawn just now, what has new decisions, what has passed its deadline.
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
# A closed day is recounted as of its closing, an open one as of the last roll-up.
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
