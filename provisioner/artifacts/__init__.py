"""Kafka and Java: resolved, verified by digest, cached, packed for a host."""
