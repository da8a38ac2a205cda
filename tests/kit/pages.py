"""A page, read as a browser's parser reads it."""

from __future__ import annotations

import html.parser

EVIL = "<script>alert('x')</script>\"&"


class Reader(html.parser.HTMLParser):
    """Elements, attributes and text, and whether all that was opened was closed in order."""

    def __init__(self, text):
        super().__init__()
        self.open, self.elements, self.texts = [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, name, attributes):
        self.elements.append((name, dict(attributes)))
        assert len(dict(attributes)) == len(attributes), f"an attribute twice in {name}"
        if name not in ("meta", "link", "br"):
            self.open.append(name)

    def handle_endtag(self, name):
        assert self.open.pop() == name

    def handle_data(self, text):
        self.texts.append((self.open[-1] if self.open else None, text))

    def named(self, name):
        return [attributes for one, attributes in self.elements if one == name]

    def said(self, *inside):
        return [text for name, text in self.texts if name != "style" and (not inside or name in inside)]
