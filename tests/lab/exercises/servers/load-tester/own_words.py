"""Wrong: its report has another form."""

import load_tester

load_tester.report = lambda took: f"median {load_tester.percentile(took, 0.5)} ms"
load_tester.main()
