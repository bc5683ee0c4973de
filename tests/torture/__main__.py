"""`python -m tests.torture`."""

import sys

from tests.torture.cli import main

sys.exit(main())
