"""What stands in the way on this machine."""

from __future__ import annotations


class Obstacle(Exception):
    """Something on this machine has to change first. The text is one or two lines: what is wrong, and what to do."""
