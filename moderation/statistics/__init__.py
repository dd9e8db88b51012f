"""Correct error rates from uploads of which people label only a part. Uses numpy and scipy, not Django.

`ledger` holds counts and estimates, `guarantee` the certificates that stay valid at any time and their alarm,
`recommendation` the choice of thresholds. docs/statistics.md explains the methods and names their sources.

Modules here use `import scipy`, never `from scipy import ...`: scipy loads its parts on first use, so a command that
computes nothing starts a second sooner.
"""
