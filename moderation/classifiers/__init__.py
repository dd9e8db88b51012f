"""Adopting a classifier: score files with it, import it, check it, activate it, run it in shadow mode, retire it."""
