"""What is measured: the options, the schedule, histograms, results, the verdict."""
