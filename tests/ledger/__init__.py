"""A ledger of what clients were told, kept while a cluster is changed (in the style of Jepsen).

``history`` has what is recorded, ``checker`` judges it, ``book.ledger`` runs the clients::

    with ledger(["host:9092"]) as book:
        ...  # change the cluster
        verdict = book.verdict("roll")
    assert verdict.clean, verdict
"""
