"""The port to one Kafka cluster."""
