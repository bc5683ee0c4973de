"""Draw the folders of the packages and what they import: docs/pictures/structure.svg.

Run from the root of a clone, with the tests' requirements installed:

    python -m docs.pictures.structure

The rows come from the tables of docs/architecture.md, the arrows from the real imports. A folder
imports only what stands below it, so an arrow always points down.
"""

from collections import Counter
from pathlib import Path
from xml.sax.saxutils import escape

from tests.docs.test_layers import PAGE, imports, tables

FILE = Path(__file__).with_name("structure.svg")

WIDTH, LEFT, TOP_MARGIN = 470, 24, 64
"""Pixels: of a package, to the left of its boxes, above the first box."""

BOX_WIDTH, BOX_HEIGHT, STEP = 190, 30, 50
"""Pixels: of a box, and from one box to the next."""


STYLE = """
  svg { font: 14px system-ui, sans-serif; background: #ffffff }
  rect { fill: #eef3fb; stroke: #3b6cb7 } text { fill: #1c2733 }
  .title { font-weight: 600; font-size: 17px } .count { fill: #5a6775; font-size: 12px }
  path { fill: none; stroke: #7a8da8; stroke-opacity: .65 }
"""


def weights(package: str) -> Counter[tuple[str, str]]:
    """Count the imports from one folder of a package to another."""
    table = tables(PAGE)[package]
    found: Counter[tuple[str, str]] = Counter()
    for module, named in imports().items():
        if module.partition(".")[0] != package:
            continue
        for other in named.ours:
            if other.partition(".")[0] == package and other != package:
                found[table.of(module), table.of(other)] += 1
    return found


def files(package: str, folder: str) -> int:
    """Count the modules in a folder."""
    table = tables(PAGE)[package]
    return sum(
        module.partition(".")[0] == package and table.of(module) == folder for module in imports()
    )


def column(package: str, offset: int) -> list[str]:
    """Draw one package, `offset` pixels from the left."""
    rows = list(tables(PAGE)[package].may_import)
    x = offset + LEFT
    parts = [f'<text class="title" x="{x}" y="36">{package}</text>']
    for (source, target), count in sorted(weights(package).items()):
        if source == target:
            continue
        begin, end = (TOP_MARGIN + rows.index(each) * STEP for each in (source, target))
        middle_begin, middle_end = begin + BOX_HEIGHT / 2, end + BOX_HEIGHT / 2
        right = x + BOX_WIDTH
        bulge = right + 16 + (end - begin) / STEP * 16
        parts.append(
            f'<path d="M{right},{middle_begin} C{bulge},{middle_begin} {bulge},{middle_end} '
            f'{right},{middle_end}" stroke-width="{min(1 + count / 6, 5):.1f}">'
            f"<title>{escape(source)} imports {escape(target)}: {count}</title></path>"
        )
    for number, folder in enumerate(rows):
        y = TOP_MARGIN + number * STEP
        count = files(package, folder)
        parts += [
            f'<rect x="{x}" y="{y}" width="{BOX_WIDTH}" height="{BOX_HEIGHT}" rx="5"/>',
            f'<text x="{x + 10}" y="{y + 20}">{escape(folder)}</text>',
            f'<text class="count" x="{x + BOX_WIDTH - 10}" y="{y + 20}" text-anchor="end">'
            f"{count} file{'s' * (count != 1)}</text>",
        ]
    return parts


def picture() -> str:
    """Return the SVG."""
    packages = ["chat_server", "chat_client"]
    height = TOP_MARGIN + STEP * max(len(tables(PAGE)[each].may_import) for each in packages)
    body = [line for n, each in enumerate(packages) for line in column(each, n * WIDTH)]
    width = WIDTH * len(packages)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
            f'width="{width}" height="{height}" role="img" '
            'aria-label="The folders of each package and what they import">',
            f"<style>{STYLE}</style>",
            *body,
            "</svg>\n",
        ]
    )


if __name__ == "__main__":
    FILE.write_text(picture(), encoding="utf-8")
