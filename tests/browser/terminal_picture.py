"""A terminal's screen as a picture: the bytes of the program through a terminal emulator, drawn by the browser."""

import html

import pyte

COLUMNS, ROWS = 108, 34
EMULATED = {"TERM": "linux"}  # what the emulator knows all the escapes of
COLOURS = {
    "default": "#d8dee4", "black": "#6e7781", "red": "#ff8a80", "green": "#7ee2a8", "brown": "#f2cc60",
    "blue": "#79b8ff", "magenta": "#d2a8ff", "cyan": "#76e3ea", "white": "#f6f8fa",
}  # fmt: skip
STYLE = "display:inline-block;margin:0;padding:16px 20px;background:#0f1720;font:14px/19px 'DejaVu Sans Mono',monospace"


def span(cell):
    style = f"color:{COLOURS.get(cell.fg, COLOURS['default'])}"
    if cell.bold:
        style += ";font-weight:bold"
    if cell.reverse:
        style += ";background:#2d3b4a"
    return f'<span style="{style}">{html.escape(cell.data)}</span>'


def take_terminal(browser, raw, path, rows=ROWS, columns=COLUMNS):
    """`raw`: all that the program wrote. Empty lines at the end are left out."""
    screen = pyte.Screen(columns, rows)
    screen.set_mode(pyte.modes.LNM)
    pyte.ByteStream(screen).feed(raw)
    used = max((number for number, text in enumerate(screen.display) if text.strip()), default=0) + 1
    lines = ["".join(span(screen.buffer[row][column]) for column in range(columns)) for row in range(used)]
    page = browser.new_page()
    page.set_content(f'<body style="margin:0"><pre id="screen" style="{STYLE}">' + "\n".join(lines) + "</pre></body>")
    page.locator("#screen").screenshot(path=path)
    page.close()
