"""Reports and metrics for operators: the nightly report, the backlog, disk use, score drift and Prometheus' metrics.

Every figure comes from runs, ledger days or the end of an index, so that its cost does not grow with the record.
"""
