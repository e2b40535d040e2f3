"""A running cluster → the files that describe it.

``found.py``: what was found, as values; ``kafka.py``: what Kafka told → these; ``document.py``:
these → documents. ``spec/writing.py``, for ``spec/`` alone knows YAML, makes text of a document.
All of it is pure: who looks is ``site/importing.py``, who writes files is the verb.
"""
