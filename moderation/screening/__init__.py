"""The pre-screen: what is pending is claimed, scored, routed and committed, chunk by chunk, by many processes.

``supervisor`` is the command's half: it starts workers and watches them. A ``worker`` does one ``chunk`` after the
other with an ``engine``; ``records`` turns scores into rows; ``attempts`` remembers what a worker died with.
"""
