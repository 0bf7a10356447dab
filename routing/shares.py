"""The shares of a step's traffic: what the route gives each account, less what its health has cost it. Pure."""

from __future__ import annotations

from collections.abc import Sequence

FLOOR = 5.0
"""Points of 100 that an account keeps: without traffic nobody would see it recover."""


def effective(weights: Sequence[int], lost: Sequence[int]) -> list[float]:
    """Each account's points of 100, from the weights of the step and the points that each has lost. What they lose goes to those that have
    lost nothing, by their weights; if there are none, to all in proportion. Reserves (weight 0) keep 0."""
    total = sum(weights)
    if not total:
        return [0.0] * len(weights)
    resting = [100 * weight / total for weight in weights]
    left = [max(min(FLOOR, share), share - points) for share, points in zip(resting, lost, strict=True)]
    takers = [share if not points else 0.0 for share, points in zip(resting, lost, strict=True)]
    if not sum(takers):
        return [100 * share / sum(left) for share in left]
    freed = 100 - sum(left)
    return [share + freed * takes / sum(takers) for share, takes in zip(left, takers, strict=True)]
