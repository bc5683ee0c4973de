"""A lesson is found by its name and by its number."""

import pytest

from lab.lessons.catalogue import NAMES, lesson
from lab.stage.errors import LabError


def test_a_number_stands_for_a_name() -> None:
    """The first is 1."""
    assert [lesson(str(number)).name for number in range(1, 15)] == list(NAMES)


@pytest.mark.parametrize("name", ["0", "15", "-1", "", "frozen_reader", "..", "６x"])
def test_another_name_is_refused(name: str) -> None:
    """With a sentence."""
    with pytest.raises(LabError, match="There is no lesson"):
        lesson(name)
