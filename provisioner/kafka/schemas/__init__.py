"""Layouts of requests that the Kafka library does not have, in the form it reads: Kafka's own."""
