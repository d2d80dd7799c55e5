"""`python -m loadtests.bench`: what passing through the hub costs, as ratios against baselines of the same run."""
