"""The decode process: the only code that opens uploads. It is started with ``-m`` and imported by no other module."""
