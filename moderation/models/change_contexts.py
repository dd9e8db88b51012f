"""Who changed something, and from where: pghistory's contexts, which the events of one request share."""

import pgtrigger
from pghistory.models import Context

from moderation.models.tracking import never_deleted

# pghistory writes a context at the first change of a request and updates it when the request adds a fact, such as a
# reason. Until the transaction that inserted the row ends, it may still change: created_at is that transaction's time.
ONLY_GAINS_FACTS = """
IF (NEW.id, NEW.created_at) = (OLD.id, OLD.created_at) AND (
    OLD.created_at = transaction_timestamp() OR NEW.metadata @> jsonb_strip_nulls(OLD.metadata)
) THEN
    RETURN NEW;
END IF;
RAISE EXCEPTION 'Cannot change a recorded fact in table %', TG_TABLE_NAME;
"""


class ChangeContext(Context):  # type: ignore[misc]
    """The context of one request or command. Its facts are never changed and never removed."""

    class Meta:
        proxy = True
        triggers = [
            pgtrigger.Trigger(
                name="only_gains_facts", when=pgtrigger.Before, operation=pgtrigger.Update, func=ONLY_GAINS_FACTS
            ),
            never_deleted(),
        ]
