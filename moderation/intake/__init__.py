"""Intake: one image at a time (``receive``), or a whole folder (``ingest``)."""

from moderation.intake.folders import IngestedFile as IngestedFile
from moderation.intake.folders import IngestResult as IngestResult
from moderation.intake.folders import ingest as ingest
from moderation.intake.folders import printable as printable
from moderation.intake.folders import walk as walk
from moderation.intake.receiving import Received as Received
from moderation.intake.receiving import receive as receive
from moderation.intake.refusals import ConflictingBytes as ConflictingBytes
from moderation.intake.refusals import Empty as Empty
from moderation.intake.refusals import FieldNotAllowed as FieldNotAllowed
from moderation.intake.refusals import FormatNotAllowed as FormatNotAllowed
from moderation.intake.refusals import TooLarge as TooLarge
from moderation.intake.refusals import TooManyFrames as TooManyFrames
from moderation.intake.refusals import TooManyPixels as TooManyPixels
from moderation.intake.refusals import Unreadable as Unreadable
from moderation.intake.refusals import UploadRefused as UploadRefused
