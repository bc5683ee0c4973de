"""`python -m tests.attacks`."""

import sys

from tests.attacks.cli import main

if __name__ == "__main__":  # the attackers' process, which is spawned, imports this too
    sys.exit(main())
