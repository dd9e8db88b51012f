"""The security border: uploads are decoded in a child process with limits, never in the calling process."""
