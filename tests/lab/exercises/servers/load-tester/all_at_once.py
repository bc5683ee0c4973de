"""Wrong: it sends all lines at once, and measures how they wait for one another."""

import load_tester

at_a_rate = load_tester.seconds_of_each
load_tester.seconds_of_each = lambda connection, _rate, count: at_a_rate(connection, 1e9, count)
load_tester.main()
