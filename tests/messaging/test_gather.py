from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from messaging.gather import Gather


class Paper:
    """Something to write on that waits to be told, and remembers who was written with whom."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self.is_writing = threading.Event()
        self.may_write = threading.Event()

    def write(self, items: list[int]) -> list[int]:
        self.groups.append(items)
        self.is_writing.set()
        assert self.may_write.wait(10)
        if any(item < 0 for item in items):
            raise ValueError("a poisoned item")
        return [item * 10 for item in items]


@pytest.fixture
def paper() -> Paper:
    return Paper()


def put_while_one_is_written(gather: Gather[int, int], paper: Paper, items: list[int]) -> list[Future[int]]:
    """The first item is being written when the others come, in their order."""
    with ThreadPoolExecutor(len(items)) as pool:
        futures = []
        for number, item in enumerate(items):
            futures.append(pool.submit(gather.put, item))
            while number and len(gather._waiting) < number:
                threading.Event().wait(0.001)
            assert paper.is_writing.wait(10)
        paper.may_write.set()
    return futures


def test_who_comes_alone_is_written_alone(paper: Paper) -> None:
    paper.may_write.set()
    gather = Gather(paper.write)

    assert [gather.put(1), gather.put(2)] == [10, 20]
    assert paper.groups == [[1], [2]]


def test_those_who_come_meanwhile_are_written_together(paper: Paper) -> None:
    answers = put_while_one_is_written(Gather(paper.write), paper, [1, 2, 3, 4])

    assert [answer.result() for answer in answers] == [10, 20, 30, 40]
    assert paper.groups == [[1], [2, 3, 4]]


def test_a_group_has_its_limit_and_nobody_is_left_behind(paper: Paper) -> None:
    answers = put_while_one_is_written(Gather(paper.write, at_most=2), paper, [1, 2, 3, 4, 5, 6])

    assert [answer.result() for answer in answers] == [10, 20, 30, 40, 50, 60]
    assert paper.groups == [[1], [2, 3], [4, 5], [6]]


def test_a_poisoned_item_fails_alone(paper: Paper) -> None:
    answers = put_while_one_is_written(Gather(paper.write), paper, [1, 2, -3, 4])

    assert [answer.result() for answer in (answers[0], answers[1], answers[3])] == [10, 20, 40]
    assert isinstance(answers[2].exception(), ValueError)


def test_after_a_failure_it_goes_on(paper: Paper) -> None:
    paper.may_write.set()
    gather = Gather(paper.write)
    with pytest.raises(ValueError, match="poisoned"):
        gather.put(-1)

    assert gather.put(2) == 20


def test_a_crowd_gets_each_its_own_answer(paper: Paper) -> None:
    paper.may_write.set()
    gather = Gather(paper.write, at_most=7)
    with ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(gather.put, range(2_000)))

    assert answers == [item * 10 for item in range(2_000)]
    assert sorted(item for group in paper.groups for item in group) == list(range(2_000))


class TestServed:
    """By a thread of its own."""

    def test_it_writes_for_all_and_goes_on_after_a_failure(self, paper: Paper) -> None:
        paper.may_write.set()
        gather = Gather(paper.write)
        gather.serve()
        with pytest.raises(ValueError, match="poisoned"):
            gather.put(-1)

        assert [gather.put(1), gather.put(2)] == [10, 20]

    def test_those_who_come_meanwhile_are_written_together(self, paper: Paper) -> None:
        gather = Gather(paper.write)
        gather.serve()

        answers = put_while_one_is_written(gather, paper, [1, 2, -3, 4])

        assert [answer.result() for answer in (answers[0], answers[1], answers[3])] == [10, 20, 40]
        assert paper.groups[:2] == [[1], [2, -3, 4]]

    def test_one_thread_writes_for_a_crowd(self) -> None:
        writers: set[str] = set()

        def write(items: list[int]) -> list[int]:
            writers.add(threading.current_thread().name)
            return [item * 10 for item in items]

        gather = Gather(write, at_most=7)
        gather.serve()
        with ThreadPoolExecutor(32) as pool:
            answers = list(pool.map(gather.put, range(2_000)))

        assert answers == [item * 10 for item in range(2_000)]
        assert writers == {"gather"}
