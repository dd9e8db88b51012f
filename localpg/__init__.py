"""A private PostgreSQL server for one data folder. Imports neither Django nor the product: the settings import it.

`Cluster(data_dir)` starts, stops and describes the server. Every failure is a `ClusterError`. The role `OWNER` owns the
tables and migrates them; `SERVING` has the rights that `OWNER` grants to it.
"""

from localpg.cluster import Cluster as Cluster
from localpg.cluster import ClusterStatus as ClusterStatus
from localpg.errors import AccountNotFoundError as AccountNotFoundError
from localpg.errors import ClusterBusyError as ClusterBusyError
from localpg.errors import ClusterError as ClusterError
from localpg.errors import DataVersionError as DataVersionError
from localpg.errors import DiskFullError as DiskFullError
from localpg.errors import FolderNotWritableError as FolderNotWritableError
from localpg.errors import FolderTakenError as FolderTakenError
from localpg.errors import ProgramsNotFoundError as ProgramsNotFoundError
from localpg.errors import ProgramsTooOldError as ProgramsTooOldError
from localpg.errors import StartFailedError as StartFailedError
from localpg.errors import StartTimedOutError as StartTimedOutError
from localpg.errors import StopTimedOutError as StopTimedOutError
from localpg.initdb import OWNER as OWNER
from localpg.initdb import SERVING as SERVING
