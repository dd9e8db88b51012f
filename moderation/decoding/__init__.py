"""The security border: hostile bytes are decoded in a child process with limits, never in this one."""
