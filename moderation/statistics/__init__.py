"""Right error rates from partly labelled uploads: numpy and scipy, nothing of Django.

`ledger` holds counts and estimates, `guarantee` the anytime-valid certificates and their
alarm, `choice` the recommendation. docs/statistics.md explains the method and its sources.

Modules here `import scipy` alone: its parts load when they are first used, so that a command that counts
nothing starts a second sooner.
"""
