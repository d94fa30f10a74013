"""Reads the page of `postlink scan --html` and checks it; prints what it says as JSON.

Python's own parser of HTML, so that it is not postlink that says that a name from a file stayed a text. Checked are:
the elements are closed, no attribute runs or loads anything, the policy has the hashes of the style and the script
and allows nothing else, every reference inside the page leads somewhere, every control has a name, headings follow
each other, and text has a contrast of 4.5 (WCAG 2.2, 1.4.3) in both colour schemes.
"""

import base64
import hashlib
import json
import re
import sys
from html.parser import HTMLParser

VOID = {"meta", "input", "link", "br", "hr", "img"}
# All elements and attributes that the template has. One from a scanned file would be another one, or unbalanced.
ELEMENTS = set(
    "html head meta title style body a header p h1 h2 h3 span code b nav ul li main section article div pre button svg"
    " defs pattern rect circle table thead tbody tr th td dl dt dd form label input select option details summary i"
    " mark noscript footer script kbd del ins".split()
)
REFERENCES = ("for", "aria-labelledby", "aria-describedby", "data-copy")


class Page(HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.elements, self.ids, self.wanted = [], [], set(), set()

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        assert tag in ELEMENTS, f"<{tag}>"
        for name, value in attributes.items():
            assert not name.startswith("on") and name not in ("src", "style", "srcdoc"), (tag, name)
            assert name != "href" or value.startswith("#"), (tag, value)
            assert name != "fill" or value.startswith("url(#"), (tag, value)
        if "id" in attributes:
            assert attributes["id"] not in self.ids, attributes["id"]
            self.ids.add(attributes["id"])
        self.wanted.update(attributes[name] for name in REFERENCES if name in attributes)
        if "href" in attributes:
            self.wanted.add(attributes["href"][1:])
        element = {"tag": tag, "text": "", "elements": [], **attributes}
        for outer in self.open:
            outer["elements"].append(element)
        self.elements.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open and self.open[-1]["tag"] == tag, f"</{tag}> closes {self.open[-1:]}"
        self.open.pop()

    def handle_data(self, text):
        # The text of the whole page, and of the list, is never asked for, and is long.
        for element in self.open:
            if element["tag"] not in ("html", "body", "main", "section", "div", "details", "ul"):
                element["text"] += text

    def handle_comment(self, text):
        raise AssertionError(f"a comment: {text}")

    def all(self, tag, within=None):
        elements = self.elements if within is None else within["elements"]
        return [one for one in elements if one["tag"] == tag]

    def one(self, tag, within=None):
        [element] = self.all(tag, within)
        return element


def luminance(colour):
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    parts = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def contrasts(style):
    schemes = [dict(re.findall(r"--([a-z]+): (#[0-9a-f]{6})", block)) for block in re.findall(r":root \{([^}]*)\}", style)]
    light, dark, printed = schemes
    for scheme in (light, {**light, **dark}, {**light, **printed}):
        pairs = [(text, ground) for text in ("text", "dim", "link", "left", "done") for ground in ("ground", "raised")]
        for text, ground in pairs + [("text", "mark"), ("possible", "ground")]:
            dimmer, brighter = sorted((luminance(scheme[text]), luminance(scheme[ground])))
            contrast = (brighter + 0.05) / (dimmer + 0.05)
            assert contrast >= 4.5, f"{text} on {ground}: {contrast:.2f}"


text = open(sys.argv[1], encoding="utf-8", newline="").read()
page = Page()
page.feed(text)
page.close()
assert not page.open, page.open
assert page.wanted <= page.ids, page.wanted - page.ids

style, script = page.one("style")["text"], page.one("script")["text"]
hashed = [base64.b64encode(hashlib.sha256(one.encode()).digest()).decode() for one in (style, script)]
[policy] = [one["content"] for one in page.all("meta") if one.get("http-equiv") == "Content-Security-Policy"]
assert policy == (
    f"default-src 'none'; style-src 'sha256-{hashed[0]}'; script-src 'sha256-{hashed[1]}'; base-uri 'none'; form-action 'none'"
), policy
assert "http:" not in text and "https:" not in text and "@import" not in style and "url(" not in re.sub(r'fill="url\(#\w+\)"', "", style)
contrasts(style)

assert page.one("html")["lang"] == "en" and page.one("title")["text"]
for landmark in ("header", "main", "nav", "footer"):
    page.one(landmark)
levels = [int(one["tag"][1]) for one in page.elements if re.fullmatch("h[1-6]", one["tag"])]
assert levels[0] == 1 and levels.count(1) == 1 and all(next - last <= 1 for last, next in zip(levels, levels[1:])), levels
labelled = {one["for"] for one in page.all("label")}
for control in page.all("input") + page.all("select"):
    assert control["id"] in labelled, control["id"]
for picture in page.all("svg"):
    assert "aria-hidden" in picture or picture["aria-label"], picture


def rows():
    for file in [one for one in page.all("details") if one.get("class") == "file"]:
        path = page.all("code", page.one("summary", file))[0]["text"]
        for row in page.all("li", file):
            if "data-kind" in row:
                found = [path, row["data-kind"], row["data-action"], "data-possible" in row]
                yield from [[*found, page.one("code", row)["text"]]] * int(row.get("data-times", 1))


def numbers(row):
    cells = page.all("td", row)
    assert page.one("svg", row)["aria-label"] == f"{cells[1]['text']} handled, {cells[2]['text']} need a hand, {cells[3]['text']} possible"
    return [int(cell["text"]) for cell in cells[1:]]


tasks = [one for one in page.all("article") if one.get("id", "").startswith("t")]
body = [page.one("tbody")] if page.all("tbody") else []
print(json.dumps({
    "heading": page.one("h1")["text"].strip(),
    "intro": page.one("header")["text"],
    "rows": list(rows()),
    "tasks": [
        {
            "title": page.one("h3", task)["text"],
            "advice": page.all("p", task)[0]["text"],
            "remedies": [one["text"] for one in page.all("pre", task)],
        }
        for task in tasks
    ],
    "totals": [numbers(row) for table in body for row in page.all("tr", table)],
    "trees": [one["text"] for one in page.all("dd")],
    "differences": [one["text"] for one in page.all("article") if one.get("class") == "difference"],
    "command": next(one["text"] for one in page.all("pre") if one.get("id") == "command"),
    "cut": [one["text"] for one in page.all("p") if one.get("class") == "cut"],
}))
