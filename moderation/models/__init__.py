"""The record: every table, with its querysets and constraints."""

from moderation.models.certificates import Certificate
from moderation.models.change_contexts import ChangeContext
from moderation.models.classifiers import Classifier, Score
from moderation.models.cluster_reviews import ClusterReview
from moderation.models.decisions import Decision, Verdict
from moderation.models.effects import Effect
from moderation.models.entry_reviews import EntryReview
from moderation.models.epochs import Epoch
from moderation.models.exposures import Exposure
from moderation.models.fingerprints import Fingerprint
from moderation.models.gold_items import GoldItem
from moderation.models.hash_lists import HashEntry, HashList
from moderation.models.hash_matches import HashMatch
from moderation.models.ledgers import DrawnUpload, FirstOpinion, LedgerDay, LedgerRow, OpinionCount, RollUp
from moderation.models.memberships import GroupPermission, UserGroup, UserPermission
from moderation.models.objections import Objection
from moderation.models.people import ApiToken, IdempotentAnswer, User
from moderation.models.picture_hashes import PictureHash
from moderation.models.policies import Community, Policy
from moderation.models.review_tasks import ReviewTask, Skip
from moderation.models.screening_runs import ScreeningAttempt, ScreeningRun
from moderation.models.screenings import Screening
from moderation.models.shadows import Shadow
from moderation.models.uploads import StoredFile, Upload
from moderation.models.versions import PolicyVersion

__all__ = [
    "ApiToken",
    "Certificate",
    "ChangeContext",
    "Classifier",
    "ClusterReview",
    "Community",
    "Decision",
    "DrawnUpload",
    "Effect",
    "EntryReview",
    "Epoch",
    "Exposure",
    "Fingerprint",
    "FirstOpinion",
    "GoldItem",
    "GroupPermission",
    "HashEntry",
    "HashList",
    "HashMatch",
    "IdempotentAnswer",
    "LedgerDay",
    "LedgerRow",
    "Objection",
    "OpinionCount",
    "PictureHash",
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
    "Upload",
    "User",
    "UserGroup",
    "UserPermission",
    "Verdict",
]
