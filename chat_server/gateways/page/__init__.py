"""The chat as a page in the browser: HTML, CSS and JavaScript modules, served as they are.

It is package data. `index.html` is `/`, `wall.html` is `/wall`, and every other file is `/assets/`
and its path in this folder. There is no build step.
It may import: nothing, as it holds no Python code.
Never in it: inline scripts or styles, anything from another host, user text as markup.
"""
