"""What a night did and how things stand: for the pages, the morning's e-mail and Prometheus.

Nothing here reads the whole record: runs, ledger days and certificates are few, pending uploads are found by partial
indexes, and what is many is estimated and called so.
"""
