"""feedparser's answers, in the shape that the test compares.

A line of JSON on stdin for each document, `{"path", "content_type", "base"}`; a line of JSON on
stdout for each, in order. Titles are what people would read. A date is in seconds since 1970,
without its zone: the first that feedparser gives of publication, update and creation.
"""

import calendar
import html.parser
import json
import sys

import feedparser


class Text(html.parser.HTMLParser):
    """HTML in, its words out."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.words = []

    def handle_data(self, data):
        self.words.append(data)


def words(detail):
    text = detail.get("value") or ""
    if detail.get("type") != "text/plain":
        reader = Text()
        reader.feed(text)
        reader.close()
        text = "".join(reader.words)
    return text


def date(entry):
    for name in ("published", "updated", "created"):
        # Not by `get`: feedparser gives the update for a publication that isn't there.
        parsed = dict.get(entry, name + "_parsed")
        if parsed:
            try:
                return calendar.timegm(parsed)
            except (ValueError, OverflowError):
                pass
    return None


def answer(asked):
    with open(asked["path"], "rb") as file:
        document = file.read()
    headers = {"content-location": asked["base"]}
    if asked["content_type"]:
        headers["content-type"] = asked["content_type"]
    found = feedparser.parse(document, response_headers=headers)
    # An id is a name, and no address: it's compared as it is written.
    named = feedparser.parse(document, response_headers={k: v for k, v in headers.items() if k != "content-location"})
    ids = [entry.get("id") for entry in named.entries]
    return {
        "version": found.get("version") or None,
        "entries": [
            {
                "title": words(entry.get("title_detail") or {}),
                "link": entry.get("link"),
                "id": id,
                "date": date(entry),
            }
            for entry, id in zip(found.entries, ids)
        ],
    }


for line in sys.stdin:
    try:
        print(json.dumps(answer(json.loads(line))), flush=True)
    except Exception as problem:  # feedparser fails where it fails
        print(json.dumps({"version": None, "entries": [], "problem": repr(problem)}), flush=True)
