"""Speed as ratios to a limit that is measured in the same run: `make bench`."""
