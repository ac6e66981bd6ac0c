"""What the package tells its loggers reaches who asked for it, and nobody else."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from decima_core.outputs.own_logger import infos_to

OWN = logging.getLogger("decima_core")
DEEP = logging.getLogger("decima_core.compute.checkpoints")
OTHER = logging.getLogger("another_library")


class Heard(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(record.getMessage())


@pytest.fixture
def root() -> Iterator[Heard]:
    """A handler of the user's, on the root logger, which takes what comes."""
    heard = Heard()
    logging.getLogger().addHandler(heard)
    yield heard
    logging.getLogger().removeHandler(heard)


def test_infos_go_to_who_asked_and_warnings_where_they_went(root: Heard) -> None:
    mine = Heard()
    with infos_to(mine):
        DEEP.info("planned")
        DEEP.debug("details")
        OTHER.info("of another library")
        DEEP.warning("odd")
    DEEP.info("afterwards")
    assert mine.texts == ["planned"]
    assert root.texts == ["odd"]


@pytest.mark.parametrize(("level", "texts"), [(logging.DEBUG, ["details", "planned", "odd"]), (logging.ERROR, [])])
def test_a_level_of_the_users_own_holds(root: Heard, level: int, texts: list[str]) -> None:
    mine = Heard()
    OWN.setLevel(level)
    try:
        with infos_to(mine):
            DEEP.debug("details")
            DEEP.info("planned")
            DEEP.warning("odd")
        assert OWN.level == level
    finally:
        OWN.setLevel(logging.NOTSET)
    assert root.texts == texts
    assert mine.texts == ["planned"]


def test_all_is_as_it_was_also_after_an_exception() -> None:
    before = OWN.level, OWN.propagate, list(OWN.handlers)
    with pytest.raises(ZeroDivisionError), infos_to(Heard()):
        raise ZeroDivisionError
    assert (OWN.level, OWN.propagate, list(OWN.handlers)) == before
