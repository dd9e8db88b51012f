"""The decode process: the only code that touches hostile bytes. Started with ``-m``, imported by nothing else."""
