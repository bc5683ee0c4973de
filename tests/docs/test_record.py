"""What a terminal shows must stand in its picture: the text, where, and what it looks like."""

import xml.etree.ElementTree as ET
from typing import Any

import pyte
import pytest

from docs.pictures.record import CELL, COLOURS, INK, PADDING, PAPER, picture

SVG = "{http://www.w3.org/2000/svg}"


def screen(text: str) -> Any:
    shown = pyte.Screen(20, 3)
    pyte.Stream(shown).feed(text)
    return shown


def drawn(text: str, title: str = "a title") -> ET.Element:
    return ET.fromstring(picture({title: screen(text)}))


def texts(svg: ET.Element) -> dict[str, ET.Element]:
    """The runs of text, by what they say."""
    return {element.text or "": element for element in svg.iter(f"{SVG}text")}


def column(element: ET.Element) -> float:
    return (float(element.attrib["x"]) - PADDING) / CELL


def cells(element: ET.Element) -> float:
    return float(element.attrib["textLength"]) / CELL


def test_text_that_looks_like_markup() -> None:
    """It is text, in the title too."""
    svg = drawn("<&> \"'", title="<&>")
    assert list(texts(svg)) == ["<&>", "<&> \"'"]
    assert svg.findtext(f"{SVG}title") == "<&>"


def test_colours_and_bold() -> None:
    """Each run has its own, and stands in its own column."""
    found = texts(drawn("me \x1b[36myou\x1b[0m \x1b[1mthem\x1b[0m\x1b[38;5;196m!\x1b[0m"))
    assert list(found) == ["a title", "me", "you", "them", "!"]
    assert [found[text].get("fill") for text in ("me", "you", "them", "!")] == [
        INK,
        COLOURS["cyan"],
        INK,
        "#ff0000",
    ]
    assert [text for text in found if found[text].get("font-weight") == "bold"] == ["them"]
    assert [column(found[text]) for text in ("me", "you", "them", "!")] == pytest.approx(
        [0, 3, 7, 11]
    )


def test_reversed_text_has_a_background() -> None:
    """The two colours change places, and the blanks have it, too."""
    svg = drawn("\x1b[7m ab \x1b[0m")
    assert texts(svg)["ab"].get("fill") == PAPER
    paper = next(each for each in svg.iter(f"{SVG}rect") if each.get("fill") == INK)
    assert float(paper.attrib["width"]) / CELL == pytest.approx(4)


def test_wide_characters_take_two_columns() -> None:
    """Whatever stands behind one is where the terminal has it; an accent takes none."""
    found = texts(drawn("e\u0301\u8336 x"))
    assert [(column(found[text]), cells(found[text])) for text in ("\xe9", "\u8336", "x")] == [
        pytest.approx((0, 1)),
        pytest.approx((1, 2)),
        pytest.approx((4, 1)),
    ]


def test_windows_stand_side_by_side() -> None:
    """And all of both is within the picture."""
    svg = ET.fromstring(picture({"ana": screen("hi"), "ben": screen("ho")}))
    assert list(texts(svg)) == ["ana", "hi", "ben", "ho"]
    first, second = (each.attrib["transform"] for each in svg.iter(f"{SVG}g"))
    left = float(second.removeprefix("translate(").split()[0])
    width = float(next(svg.iter(f"{SVG}rect")).attrib["width"])
    assert first != second
    assert left > width
    assert svg.attrib["viewBox"].split()[2:] == [svg.attrib["width"], svg.attrib["height"]]
    assert float(svg.attrib["width"]) > left + width
