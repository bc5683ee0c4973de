"""`python -m tests.stress_tls`."""

import sys

from tests.stress_tls.cli import main

sys.exit(main())
