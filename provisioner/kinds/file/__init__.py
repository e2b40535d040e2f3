"""Files on a host: properties, launch files, logging configuration, links, units."""

from provisioner.kinds.file.kind import KIND

__all__ = ["KIND"]
