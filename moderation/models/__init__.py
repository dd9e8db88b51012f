"""The record: every table, one module a step."""

from moderation.models.certificates import Certificate
from moderation.models.classifiers import Classifier, Score
from moderation.models.cluster_reviews import ClusterReview
from moderation.models.decisions import Decision, UndoRefused, Verdict
from moderation.models.effects import Effect
from moderation.models.epochs import Epoch
from moderation.models.exposures import Exposure
from moderation.models.fingerprints import Fingerprint
from moderation.models.gold_items import GoldItem
from moderation.models.hash_lists import HashEntry, HashList
from moderation.models.hash_matches import HashMatch
from moderation.models.hash_opinions import HashOpinion, OpinionRefused
from moderation.models.ledgers import (
    DrawnUpload,
    FirstOpinion,
    LedgerDay,
    LedgerRow,
    OpinionCount,
    RollUp,
)
from moderation.models.objections import Objection, ObjectionRefused
from moderation.models.people import ApiToken, IdempotentAnswer, User
from moderation.models.policies import Community, Policy
from moderation.models.queue import Skip
from moderation.models.review_tasks import ReviewTask
from moderation.models.screenings import Screening, ScreeningAttempt, ScreeningRun
from moderation.models.shadows import Shadow
from moderation.models.uploads import StoredFile, Upload
from moderation.models.versions import PolicyVersion
from moderation.review.claims import Claim, ClaimLost
from moderation.review.status import update_status

__all__ = [
    "ApiToken",
    "Certificate",
    "Claim",
    "ClaimLost",
    "Classifier",
    "ClusterReview",
    "Community",
    "Decision",
    "DrawnUpload",
    "Effect",
    "Epoch",
    "Exposure",
    "Fingerprint",
    "FirstOpinion",
    "GoldItem",
    "HashEntry",
    "HashList",
    "HashMatch",
    "HashOpinion",
    "IdempotentAnswer",
    "LedgerDay",
    "LedgerRow",
    "Objection",
    "ObjectionRefused",
    "OpinionCount",
    "OpinionRefused",
    "Policy",
    "PolicyVersion",
    "ReviewTask",
    "RollUp",
    "Score",
    "Screening",
    "ScreeningAttempt",
    "ScreeningRun",
    "Shadow",
    "Skip",
    "StoredFile",
    "UndoRefused",
    "Upload",
    "User",
    "Verdict",
    "update_status",
]
