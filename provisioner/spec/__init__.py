"""YAML and inventory in, a checked Spec out. What a host looks like is not known here."""

import os

# Looking for pydantic's plugins reads the metadata of every installed package: a tenth of a second
# in a rich environment, for plugins that nobody here uses.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
