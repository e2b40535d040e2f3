"""The fault-tolerance exercise."""
