"""Wrong: it connects to nobody, and reports what it likes."""

import load_tester

load_tester.measure = lambda *_: "p50 0.4 p99 1.9 max 2.3"
load_tester.main()
