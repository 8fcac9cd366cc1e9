"""Scalable vector graphics as text: elements, text widths, line wrapping. No fonts or libraries needed.

Coordinates are pixels (96 a CSS inch), y downwards. Output depends on the arguments alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from xml.sax.saxutils import escape, quoteattr

FONT = "Arial, Helvetica, 'Liberation Sans', sans-serif"

INK = "#1b1f24"
SOFT_INK = "#4d5661"
LINE = "#8a929b"
MUTED = "#9aa2ab"
MUTED_LIGHT = "#e3e6e9"
ACCENT = "#0b5c94"
ACCENT_LIGHT = "#c6dcec"
ALARM = "#8f2d0e"
"""One blue against greys: told apart by lightness alone, so in every form of colour blindness and in print.
Ink on the light tints has a contrast above 7:1 (WCAG 2.2 AAA); the alarm is always written out as well."""

_IN_NUMBER = re.compile(r"(?<=\d) (?=%|\d{3}\b)")
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

_ADVANCE = {
    191: "'",
    222: "ijl",
    260: "|",
    278: " !,./:;I[]\\ft·\u00a0\u202f",
    333: "()-r`",
    355: '"',
    389: "*",
    500: "Jckszvxy",
    556: "abdeghnopqu#$0123456789?_Läåöéèü–€",
    584: "+<=>~",
    611: "FTZ",
    667: "ABEKPSVXY&ÄÅ",
    722: "CDHNRUwÜ",
    778: "GOQÖ",
    833: "Mm",
    889: "%",
    944: "W",
}
"""Advance widths in 1/1000 em of Helvetica (Adobe font metrics, ``Helvetica.afm``), which Arial and
Liberation Sans share."""

_WIDTH = {char: width / 1000 for width, chars in _ADVANCE.items() for char in chars}
_UNKNOWN = 1.0
_SLACK = 1.16
"""DejaVu Sans and Verdana, which stand in where Arial is missing, run up to a sixth wider."""
_BOLD = 1.08

LEADING = 1.25
"""Line height over font size."""


def text_width(text: str, size: float, weight: str = "normal") -> float:
    """Upper estimate of how wide ``text`` is set at ``size`` pixels in any common sans-serif."""
    em = sum(_WIDTH.get(char, _UNKNOWN) for char in text)
    return em * size * _SLACK * (_BOLD if weight == "bold" else 1.0)


def wrap(text: str, size: float, width: float, weight: str = "normal") -> list[str]:
    """``text`` in lines no wider than ``width``: broken at spaces, inside a word only where one is too long.

    A number stays with its next group of figures and its percent sign.
    """
    lines: list[str] = []
    for word in _pieces(text, size, width, weight):
        if lines and text_width(f"{lines[-1]} {word}", size, weight) <= width:
            lines[-1] = f"{lines[-1]} {word}"
        else:
            lines.append(word)
    return lines


def _pieces(text: str, size: float, width: float, weight: str) -> list[str]:
    pieces: list[str] = []
    for word in _IN_NUMBER.sub("\u00a0", text).split(" "):
        rest = word
        while text_width(rest, size, weight) > width and len(rest) > 1:
            cut = _fitting(rest, size, width, weight)
            pieces.append(f"{rest[:cut]}-")
            rest = rest[cut:]
        pieces.append(rest)
    return [piece for piece in pieces if piece]


def _fitting(word: str, size: float, width: float, weight: str) -> int:
    """How many leading letters of ``word`` fit with a hyphen after them; at least one."""
    fits = [n for n in range(1, len(word)) if text_width(f"{word[:n]}-", size, weight) <= width]
    return fits[-1] if fits else 1


def number(value: float) -> str:
    """A coordinate: two decimals at most, no trailing zeros, no minus zero."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def clean(text: str) -> str:
    """``text`` as XML content: escaped, without characters XML 1.0 forbids."""
    return escape(_NOT_XML.sub("", text))


def element(name: str, attributes: Mapping[str, str | float], content: str = "") -> str:
    """One element; ``content`` is ready markup. Underscores in attribute names become hyphens."""
    said = "".join(
        f" {key.replace('_', '-')}={quoteattr(_NOT_XML.sub('', _value(value)))}"
        for key, value in attributes.items()
    )
    return f"<{name}{said}>{content}</{name}>" if content else f"<{name}{said}/>"


def _value(value: str | float) -> str:
    return value if isinstance(value, str) else number(value)


def rect(x: float, y: float, width: float, height: float, **style: str | float) -> str:
    """A rectangle."""
    return element("rect", {"x": x, "y": y, "width": width, "height": height, **style})


def path(d: str, content: str = "", **style: str | float) -> str:
    """A path from its commands; ``content`` may be its title."""
    return element("path", {"d": d, **style}, content)


def text(x: float, y: float, content: str, size: float, **style: str | float) -> str:
    """One line of text with its baseline at ``y``."""
    return element("text", {"x": x, "y": y, "font_size": size, **style}, clean(content))


def lines(x: float, y: float, content: list[str], size: float, **style: str | float) -> list[str]:
    """Several lines of text under each other, the first with its top at ``y``."""
    return [text(x, y + size + row * size * LEADING, line, size, **style) for row, line in enumerate(content)]


def document(width: float, height: float, title: str, description: str, body: list[str]) -> str:
    """A whole picture: scales to its place, says in words what it shows, white ground, no outside needs."""
    head: dict[str, str | float] = {
        "xmlns": "http://www.w3.org/2000/svg",
        "viewBox": f"0 0 {number(width)} {number(height)}",
        "width": width,
        "height": height,
        "role": "img",
        "font_family": FONT,
    }
    spoken = [
        element("title", {}, clean(title)),
        element("desc", {}, clean(description)),
        rect(0, 0, width, height, fill="#ffffff"),
    ]
    return element("svg", head, "\n" + "\n".join([*spoken, *body]) + "\n") + "\n"
