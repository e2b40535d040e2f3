"""YAML and inventory in, a checked Spec out. What a host looks like is not known here."""
