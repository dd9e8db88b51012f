"""What makes a rename outlast a power cut. Knows no Django: the settings import the cluster, which imports this."""

import os
from pathlib import Path


def sync_folder(folder: Path) -> None:
    """Bring the names that ``folder`` holds to the disk: a file's own fsync does not do that."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
