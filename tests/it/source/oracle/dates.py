"""dateparser's answers: a date's text on each line of stdin, RFC 3339 or nothing on each of stdout.

The only argument is what both count from, as clocks in Kyiv show it. A text without a zone is
read on that wall and put into the zone afterwards: dateparser's own way loses an hour where
«3 тижні тому» crosses the night in which clocks move. A date that lacks a part is none, in news.
"""

import datetime
import sys
import zoneinfo

import dateparser

KYIV = zoneinfo.ZoneInfo("Europe/Kyiv")
SETTINGS = {
    "DATE_ORDER": "DMY",
    "REQUIRE_PARTS": ["day", "month", "year"],
    "RELATIVE_BASE": datetime.datetime.fromisoformat(sys.argv[1]),
}

for line in sys.stdin:
    found = dateparser.parse(line.strip(), languages=["uk", "ru"], settings=SETTINGS)
    if found and not found.tzinfo:
        found = found.replace(tzinfo=KYIV)
    print(found.isoformat() if found else "", flush=True)
