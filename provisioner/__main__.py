"""``python -m provisioner`` is the same as the command ``provision``."""

import sys

from provisioner.cli import main

if __name__ == "__main__":
    sys.exit(main())
