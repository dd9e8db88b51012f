import pytest

from moderation.models import PolicyVersion
from tests.factories import use_red_classifier


@pytest.fixture
def red_policy(transactional_db: None) -> PolicyVersion:
    """Low 0.2, high 0.8, no audits: a test chooses the score by choosing a colour."""
    return use_red_classifier(audit_rate_approve=0.0, audit_rate_reject=0.0)
