"""One statement per function: movements, runs, differences, sums, and the comparisons."""
