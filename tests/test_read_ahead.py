"""The next gene is read in one thread, at most one ahead, and errors come at their turn."""

from __future__ import annotations

import threading

import pytest

from decima_core.read_ahead import ReadAhead


class Reader:
    """Reads names, and knows in which threads; one name fails."""

    def __init__(self) -> None:
        self.read: list[str] = []
        self.threads: set[int] = set()
        self.at_once = 0
        self._lock = threading.Lock()

    def __call__(self, name: str) -> str:
        assert self._lock.acquire(blocking=False), "two threads read at once"
        try:
            self.read.append(name)
            self.threads.add(threading.get_ident())
            if name == "bad":
                raise ValueError(name)
            return name.upper()
        finally:
            self._lock.release()


def test_each_is_read_once_and_one_ahead():
    reader = Reader()
    names = ["a", "b", "c"]
    with ReadAhead(reader) as ahead:
        assert [ahead.get(n, f) for n, f in zip(names, [*names[1:], None], strict=True)] == ["A", "B", "C"]
    assert reader.read == names
    assert len(reader.threads) == 2


def test_an_error_comes_at_its_turn_and_the_others_go_on():
    reader = Reader()
    with ReadAhead(reader) as ahead:
        assert ahead.get("a", "bad") == "A"
        with pytest.raises(ValueError, match="bad"):
            ahead.get("bad", "c")
        assert ahead.get("c") == "C"
    # What follows a name that failed is not read ahead.
    assert reader.read == ["a", "bad", "c"]


def test_another_name_than_announced_is_read_at_once():
    reader = Reader()
    with ReadAhead(reader) as ahead:
        ahead.get("a", "bad")
        assert ahead.get("c") == "C"
    assert reader.read == ["a", "bad", "c"]


def test_on_leaving_the_thread_has_ended():
    reader = Reader()
    before = threading.active_count()

    def interrupted() -> None:
        with ReadAhead(reader) as ahead:
            ahead.get("a", "b")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert threading.active_count() == before
    assert reader.read == ["a", "b"]
