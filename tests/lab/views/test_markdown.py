"""The Markdown of the lessons as HTML."""

import pytest

from lab.views.markdown import html_of


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("## Why\n\nTwo\nlines.", "<h2>Why</h2>\n<p>Two lines.</p>"),
        ("`a < b` and **much** & more", "<p><code>a &lt; b</code> and <b>much</b> &amp; more</p>"),
        ("1. one\n2. two\n   more", "<ol><li>one</li><li>two more</li></ol>"),
        (
            "Before:\n\n```python\n    x = '<'\n\n    y\n```\n\nAfter.",
            "<p>Before:</p>\n"
            "<pre><code>    x = &#x27;&lt;&#x27;\n\n    y</code></pre>\n"
            "<p>After.</p>",
        ),
        ("<script>", "<p>&lt;script&gt;</p>"),
    ],
)
def test_markdown(text: str, html: str) -> None:
    """What the lessons use, and nothing else is markup."""
    assert html_of(text) == html
