"""A nick has one colour, which can be read on any background."""

import pytest

from chat_client.display.nick_colours import HUES, hue_of


def test_hues_can_be_read_on_black_and_on_white() -> None:
    """A contrast of 3.5 to 1 with either, by the rule of the WCAG."""

    def linear(value: int) -> float:
        share = value / 255
        return share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4

    for hue in HUES:
        steps = [(hue - 16) // 36, (hue - 16) // 6 % 6, (hue - 16) % 6]
        red, green, blue = (linear(55 + 40 * step if step else 0) for step in steps)
        light = 0.2126 * red + 0.7152 * green + 0.0722 * blue
        assert min(1.05 / (light + 0.05), (light + 0.05) / 0.05) >= 3.5, hue


@pytest.mark.parametrize("colours", [16, 256])
def test_a_nick_keeps_its_colour(colours: int) -> None:
    """In any case; and not all nicks have the same one."""
    assert hue_of("Ana", colours) == hue_of("ana", colours)
    assert len({hue_of(f"ana{number}", colours) for number in range(100)}) > 3
