"""Reading of HTML as a browser reads it."""

import base64
import io
from html.parser import HTMLParser

import PIL.Image


class Reader(HTMLParser):
    """Collects tags, texts by tag, and images of a page; refuses unclosed tags."""

    VOID = ('img', 'meta')

    def __init__(self, html):
        super().__init__()
        self.open, self.tags, self.texts, self.images = [], [], [], []
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag == 'img':
            data = dict(attributes)['src'].partition('base64,')[2]
            image = PIL.Image.open(io.BytesIO(base64.b64decode(data)))
            self.images.append((dict(attributes)['alt'], image))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if data.strip() and self.open[-1] not in ('style', 'script'):
            self.texts.append(' '.join(data.split()))

    def attributes(self, tag, name):
        return [of[name] for found, of in self.tags if found == tag and name in of]
