"""A private PostgreSQL server for one data folder. Knows no Django: the settings import it.

``Cluster(data_dir)`` starts, stops and describes the server; ``ClusterError`` is what can go wrong.
"""

from moderation.cluster.cluster import Cluster as Cluster
from moderation.cluster.cluster import Status as Status
from moderation.cluster.errors import AccountNotFoundError as AccountNotFoundError
from moderation.cluster.errors import ClusterBusyError as ClusterBusyError
from moderation.cluster.errors import ClusterError as ClusterError
from moderation.cluster.errors import DataVersionError as DataVersionError
from moderation.cluster.errors import DiskFullError as DiskFullError
from moderation.cluster.errors import FolderNotWritableError as FolderNotWritableError
from moderation.cluster.errors import FolderTakenError as FolderTakenError
from moderation.cluster.errors import ProgramsNotFoundError as ProgramsNotFoundError
from moderation.cluster.errors import ProgramsTooOldError as ProgramsTooOldError
from moderation.cluster.errors import StartFailedError as StartFailedError
from moderation.cluster.errors import StartTimedOutError as StartTimedOutError
from moderation.cluster.errors import StopTimedOutError as StopTimedOutError
