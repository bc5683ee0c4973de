"""Wrong: it reports the mean as if it were the median."""

import statistics

import load_tester

percentile = load_tester.percentile
load_tester.percentile = lambda took, share: (
    statistics.mean(took) if share == 0.5 else percentile(took, share)
)
load_tester.main()
