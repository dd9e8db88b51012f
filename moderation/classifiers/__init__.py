"""Adopting a classifier: score files with it, import it, check it, activate it, run it in shadow mode, retire it.

This package imports nothing: `measuring` starts child processes, which must not load Django's models.
"""
