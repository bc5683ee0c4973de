"""The class list as a page: one file that loads nothing from the network, for screen and paper."""

from collections.abc import Iterator
from html import escape

from lab.exercises.class_list import WORDS, ClassList

_STYLE = """
:root { color-scheme: light dark; --text: #1d2129; --soft: #5b6472; --page: #fff; --line: #d9dde3;
  --good: #17753a; --bad: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --text: #e7eaee; --soft: #a0a9b5; --page: #14171b;
  --line: #353b44; --good: #57c785; --bad: #ff8a80; } }
@media print { :root { --text: #000; --soft: #444; --page: #fff; --line: #bbb; --good: #17753a;
  --bad: #b3261e; } tr, section { break-inside: avoid; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.25rem 1rem 3rem; max-width: 75rem; color: var(--text);
  background: var(--page); font: 1rem/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; margin: 0 0 1rem; } h2 { font-size: 1.1rem; margin: 2rem 0 .25rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .6rem; border-bottom: 1px solid var(--line); text-align: center; }
th { color: var(--soft); font-weight: 600; vertical-align: bottom; }
tr > :first-child { text-align: left; overflow-wrap: anywhere; min-width: 8rem; }
.passed { color: var(--good); } .failed { color: var(--bad); }
dt { font-weight: 600; } dd { margin: 0 0 .6rem; overflow-wrap: anywhere; }
"""

_SIGNS = {"passed": "✓", "failed": "✗", "": ""}


def class_page(results: ClassList) -> str:
    """Return the page: the table, and below it what each student's servers did wrong."""
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en"><head><meta charset="utf-8"><title>Class list</title>',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<style>{_STYLE}</style></head><body><h1>Class list</h1>",
            '<div class="scroll" tabindex="0"><table>',
            *_rows(results),
            "</table></div>",
            *_sentences(results),
            "</body></html>\n",
        ]
    )


def _rows(results: ClassList) -> Iterator[str]:
    names = "".join(f'<th scope="col">{escape(each.label)}</th>' for each in results.exercises)
    yield f'<thead><tr><th scope="col">student</th>{names}<th scope="col">passed</th></tr></thead>'
    for student in results.outcomes:
        words = [WORDS[results.passed(student, each)] for each in results.exercises]
        cells = "".join(
            f'<td class="{word}" title="{word}">{_SIGNS[word]}</td>' if word else "<td></td>"
            for word in words
        )
        yield (
            f'<tr><th scope="row">{escape(student)}</th>{cells}'
            f"<td>{results.count(student)}</td></tr>"
        )


def _sentences(results: ClassList) -> Iterator[str]:
    for student, outcomes in results.outcomes.items():
        failed = [
            (each, outcomes[each.name])
            for each in results.exercises
            if results.passed(student, each) is False
        ]
        if failed:
            yield f"<section><h2>{escape(student)}</h2><dl>"
            for each, outcome in failed:
                yield f"<dt>{escape(each.label)}</dt><dd>{escape(outcome.sentence)}</dd>"
            yield "</dl></section>"
