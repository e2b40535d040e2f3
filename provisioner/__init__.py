"""Provisioner: Apache Kafka clusters brought into the state a file describes, over plain SSH."""

__version__ = "0.1.0"
