"""Agreement of moderators as set-based SQL: the first opinions on each file, and the number of files by pattern.

A person's opinion of a file in an epoch is their last conclusive blind verdict on a first task or a gold item with
its bytes. An opinion that was undone within its grace period or overruled does not count. Files with at least two
opinions are counted by the number of violating and benign ones, so that `tune` reads a few rows. Names in %(...)s are
parameters; everything else is text of this module.
"""
# ruff: noqa: S608


def _opinions(least: str, most: str) -> str:
    """Return SQL for the last opinion of each person on each file in an epoch, from the decisions in (least, most]."""
    return f"""
        SELECT DISTINCT ON (s.epoch_id, u.file_id, d.reviewer_id)
            s.epoch_id, u.file_id, d.reviewer_id, d.id AS decision_id, d.verdict,
            EXISTS (
                SELECT FROM moderation_decision x
                WHERE x.supersedes_id = d.id AND x.blind AND x.id <= %(to_decision)s
            ) AS undone
        FROM moderation_decision d
        JOIN moderation_screening s ON s.id = d.screening_id JOIN moderation_upload u ON u.id = d.upload_id
        WHERE d.id > {least} AND d.id <= {most} AND d.verdict IN ('violating', 'benign') AND d.blind
            AND (d.source = 'sample' AND d.round = 1 OR d.source = 'gold')
        ORDER BY s.epoch_id, u.file_id, d.reviewer_id, d.id DESC
    """


def _patterns(opinions: str) -> str:
    """Return SQL for the number of files by pattern, from ``opinions`` that are not undone."""
    return f"""
        SELECT epoch_id, violating, benign, count(*) AS files FROM (
            SELECT epoch_id, count(*) FILTER (WHERE verdict = 'violating') AS violating,
                count(*) FILTER (WHERE verdict = 'benign') AS benign
            FROM ({opinions}) opinion GROUP BY epoch_id, file_id HAVING count(*) > 1
        ) compared GROUP BY 1, 2, 3
    """


# Files whose opinions change through the new decisions.
_TOUCHED = """
    SELECT DISTINCT s.epoch_id, u.file_id FROM moderation_decision d
    JOIN moderation_screening s ON s.id = d.screening_id JOIN moderation_upload u ON u.id = d.upload_id
    WHERE d.id > %(from_decision)s AND d.id <= %(to_decision)s
"""
_KEPT = f"""
    SELECT kept.epoch_id, kept.file_id, kept.verdict FROM moderation_firstopinion kept
    JOIN ({_TOUCHED}) touched ON touched.epoch_id = kept.epoch_id AND touched.file_id = kept.file_id
    WHERE NOT kept.undone
"""

SUBTRACT = f"""
    UPDATE moderation_opinioncount counted SET files = counted.files - before.files
    FROM ({_patterns(_KEPT)}) before
    WHERE counted.epoch_id = before.epoch_id AND counted.violating = before.violating
        AND counted.benign = before.benign
"""
UPSERT_OPINIONS = f"""
    INSERT INTO moderation_firstopinion AS kept (epoch_id, file_id, reviewer_id, decision_id, verdict, undone)
    SELECT epoch_id, file_id, reviewer_id, decision_id, verdict, undone
    FROM ({_opinions("%(from_decision)s", "%(to_decision)s")}) new
    ON CONFLICT (epoch_id, file_id, reviewer_id) DO UPDATE
    SET decision_id = excluded.decision_id, verdict = excluded.verdict, undone = excluded.undone
"""
MARK_UNDONE = """
    UPDATE moderation_firstopinion kept SET undone = true FROM moderation_decision d
    WHERE d.id > %(from_decision)s AND d.id <= %(to_decision)s AND d.supersedes_id = kept.decision_id
        AND d.blind
"""
ADD = f"""
    INSERT INTO moderation_opinioncount AS counted (epoch_id, violating, benign, files)
    SELECT epoch_id, violating, benign, files FROM ({_patterns(_KEPT)}) after
    ON CONFLICT (epoch_id, violating, benign) DO UPDATE SET files = counted.files + excluded.files
"""
# Subtract the touched files from the counts, change their opinions, and add the files again.
STEPS = (SUBTRACT, UPSERT_OPINIONS, MARK_UNDONE, ADD)

_RECOUNTED = f"SELECT epoch_id, file_id, verdict FROM ({_opinions('0', '%(to_decision)s')}) opinion WHERE NOT undone"
RECOUNT = f"""
    SELECT coalesce(kept.epoch_id, again.epoch_id), coalesce(kept.violating, again.violating),
        coalesce(kept.benign, again.benign), coalesce(kept.files, 0), coalesce(again.files, 0)
    FROM moderation_opinioncount kept
    FULL JOIN ({_patterns(_RECOUNTED)}) again ON again.epoch_id = kept.epoch_id
        AND again.violating = kept.violating AND again.benign = kept.benign
    WHERE coalesce(kept.files, 0) <> coalesce(again.files, 0)
"""
