"""Wrong: what took longer than half a second is taken for lost, and left out."""

import load_tester

report = load_tester.report
load_tester.report = lambda took: report([each for each in took if each < 0.5] or [0.5])
load_tester.main()
