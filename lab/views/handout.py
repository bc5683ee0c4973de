"""A lesson as a hand-out: one page that loads nothing, for screen and paper."""

from html import escape

from lab.stage.lesson import Lesson, Server
from lab.stage.stage import Table
from lab.views.charts import received_plot, strip_plot
from lab.views.markdown import html_of
from lab.views.recorder import Act, Recorder

STYLE = """
:root { color-scheme: light dark; --text: #1d2129; --soft: #5b6472; --page: #fff; --card: #f5f6f8;
  --line: #d9dde3; --good: #17753a; --bad: #b3261e; --mark: #ffe1dd; --new: #ddf3e4;
  --c0: #1f5fbf; --c1: #c2570c; --c2: #7a3fb0; --c3: #17753a; --c4: #b3261e; --c5: #5b6472; }
@media (prefers-color-scheme: dark) { :root { --text: #e7eaee; --soft: #a0a9b5; --page: #14171b;
  --card: #1d2127; --line: #353b44; --good: #57c785; --bad: #ff8a80; --mark: #5a2320;
  --new: #1c3f2a; --c0: #7fb0ff; --c1: #ffab6b; --c2: #c9a2f2; --c3: #57c785;
  --c4: #ff8a80; --c5: #a0a9b5; } }
@media print { :root { --text: #000; --page: #fff; } section, figure { break-inside: avoid; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.25rem 1rem 3rem; max-width: 76rem; color: var(--text);
  background: var(--page); font: 1rem/1.5 system-ui, sans-serif; }
h1 { font-size: 1.6rem; margin: 0; } h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; }
h3 { font-size: 1rem; margin: 0 0 .25rem; }
.soft { color: var(--soft); } .text { max-width: 46rem; }
p, li, h1, td { overflow-wrap: anywhere; }
.acts { display: grid; gap: 1rem; margin: 1rem 0;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 26rem), 1fr)); }
.act { background: var(--card); border-radius: .3rem; border-top: .3rem solid; padding: .75rem; }
.act.good { border-color: var(--good); } .act.bad { border-color: var(--bad); }
.act .word { font-weight: 700; } .good .word { color: var(--good); }
.bad .word { color: var(--bad); }
.act p { margin: .35rem 0; } .act ol { margin: .35rem 0; padding-left: 1.3rem; font-size: .9rem; }
dl { display: grid; grid-template-columns: minmax(0, 3fr) minmax(0, 2fr); gap: .1rem 1rem;
  margin: .5rem 0 0; font-size: .9rem; }
dt { color: var(--soft); } dd { margin: 0; }
svg { display: block; width: 100%; height: auto; } svg polyline { fill: none; }
svg text { fill: var(--soft); font: 12px system-ui, sans-serif; } svg .grid { stroke: var(--line); }
svg .c0 { stroke: var(--c0); } svg .c1 { stroke: var(--c1); } svg .c2 { stroke: var(--c2); }
svg .c3 { stroke: var(--c3); } svg .c4 { stroke: var(--c4); } svg .c5 { stroke: var(--c5); }
svg .fast { fill: var(--good); } svg .late { fill: var(--c1); } svg .slow { fill: var(--bad); }
.legend { display: flex; flex-wrap: wrap; gap: .1rem .9rem; font-size: .9rem; }
.key i { display: inline-block; width: .8rem; height: .8rem; margin-right: .35rem;
  border-radius: 50%; background: currentColor; vertical-align: -.06rem; }
.key .c0 { color: var(--c0); } .key .c1 { color: var(--c1); } .key .c2 { color: var(--c2); }
.key .c3 { color: var(--c3); } .key .c4 { color: var(--c4); } .key .c5 { color: var(--c5); }
.codes { display: grid; gap: 1rem;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 34rem), 1fr)); }
figure { margin: 0; min-width: 0; } figcaption { font-weight: 600; padding: .25rem 0; }
pre { background: var(--card); border-radius: .3rem; padding: .6rem; margin: .5rem 0;
  overflow-x: auto; font: .82rem/1.45 ui-monospace, monospace; }
pre .row { display: block; } pre .n { color: var(--soft); user-select: none; }
pre .guilty { background: var(--mark); border-left: .25rem solid var(--bad); margin-left: -.25rem; }
pre .new { background: var(--new); border-left: .25rem solid var(--good); margin-left: -.25rem; }
code { font: .9em/1.5 ui-monospace, monospace; } pre code { font: inherit; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .9rem; } th { color: var(--soft); }
th, td { text-align: left; padding: .2rem .9rem .2rem 0; border-bottom: 1px solid var(--line); }
"""


def handout_page(lesson: Lesson, record: Recorder) -> str:
    """Return the hand-out of a lesson that was played.

    Args:
        lesson: the lesson.
        record: what it showed.
    """
    acts = "".join(_act(act) for act in record.acts)
    codes = "".join(code_figure(lesson, server) for server in lesson.servers)
    body = lesson.text.partition("\n\n")[2].partition("\n\n")[2]
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(lesson.title)}</title><style>{STYLE}</style></head><body>",
            f'<p class="soft">Lesson {lesson.number}</p><h1>{escape(lesson.title)}</h1>',
            f"<p>{escape(lesson.summary)}</p>",
            f'<section class="acts">{acts}</section>',
            *map(_table, record.tables),
            f'<section class="text">{html_of(body)}</section>',
            "<h2>The servers</h2>",
            '<p class="soft">Red: the lines that cause it. Green: what differs from broken.py.</p>',
            f'<section class="codes">{codes}</section>',
            "</body></html>",
            "",
        ]
    )


def _act(act: Act) -> str:
    verdict = act.verdict
    if verdict is None:
        return ""
    word = "It holds." if verdict.passed else "It breaks."
    steps = "".join(f"<li>{at:.1f} s: {escape(step)}</li>" for at, step in act.steps)
    numbers = "".join(
        f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>"
        for name, value in verdict.numbers.items()
    )
    return (
        f'<div class="act {"good" if verdict.passed else "bad"}">'
        f"<h3>{escape(act.server.file)}: {escape(act.server.label)}</h3>"
        f'<p><span class="word">{word}</span> {escape(verdict.sentence)}</p>'
        f"{received_plot(act)}{strip_plot(act)}<dl>{numbers}</dl><ol>{steps}</ol></div>"
    )


def code_figure(lesson: Lesson, server: Server) -> str:
    """Return the source of a server, with the lines marked that matter."""
    lines = lesson.path(server).read_text(encoding="utf-8").splitlines()
    broken = lesson.path(lesson.servers[0]).read_text(encoding="utf-8").splitlines()
    rows = []
    for number, line in enumerate(lines, 1):
        kind = ""
        if server is lesson.servers[0] and line in lesson.guilty:
            kind = " guilty"
        elif line.strip() and line not in broken:
            kind = " new"
        rows.append(
            f'<span class="row{kind}"><span class="n">{number:>2} </span>{escape(line)}</span>'
        )
    code = "".join(rows)
    return (
        f"<figure><figcaption>{escape(server.file)}: {escape(server.label)}</figcaption>"
        f"<pre>{code}</pre></figure>"
    )


def _table(table: Table) -> str:
    head = "".join(f"<th>{escape(heading)}</th>" for heading in table.headings)
    rows = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in table.rows
    )
    return (
        f"<h2>{escape(table.title)}</h2>"
        f'<div class="scroll"><table><tr>{head}</tr>{rows}</table></div>'
    )
