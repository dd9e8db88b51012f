"""The pre-screen: many processes claim pending uploads, score and route them, and commit, chunk by chunk.

* ``supervisor`` runs in the command: it starts workers (``worker_pool``), hands out chunks and watches for deaths.
* ``worker_main`` is a worker process; its ``chunk_threads`` run one ``chunk`` after the other.
* A chunk is a ``walk`` (which files come next) and a strategy (``pending``, ``rescreening``, ``shadow_scoring``);
  ``modes`` puts them together.
* ``chunk_screening`` goes from files to screenings, with the ``engine``, the ``rulebook``, ``hash_list_lookup`` and the
  ``router``; ``records`` writes the rows that follow.
* ``attempts`` remembers which files a worker died with.
"""
