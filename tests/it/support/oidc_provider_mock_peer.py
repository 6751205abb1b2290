"""oidc-provider-mock on a port of loopback, with a client that is registered, and its people's browser.

Its only argument is where people are sent back to. The first line on stdout tells where it is and
what the client is called. Then a line of JSON on stdin for each who is asked: the address that they
were sent to, and who they are, or null for somebody who says no; one on stdout for where they go.
"""

import json
import logging
import os
import sys
import urllib.error
import urllib.parse
import urllib.request

os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"  # on loopback

from oidc_provider_mock import User, run_server_in_thread

logging.disable(logging.CRITICAL)
people = [
    User(sub="owner", claims={"email": "owner@example.org", "email_verified": True}),
    User(sub="unverified", claims={"email": "owner@example.org", "email_verified": False}),
    User(sub="nobody", claims={"email": "nobody@example.org", "email_verified": True}),
]


class Stays(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


browser = urllib.request.build_opener(urllib.request.ProxyHandler({}), Stays)


def post(url, body, kind):
    request = urllib.request.Request(url, body.encode(), {"Content-Type": kind})
    try:
        return browser.open(request)
    except urllib.error.HTTPError as answer:
        return answer


def say(what):
    print(json.dumps(what), flush=True)


with run_server_in_thread(
    require_client_registration=True, require_nonce=True, user_claims=people
) as server:
    issuer = f"http://localhost:{server.server_port}"
    wish = json.dumps({"redirect_uris": [sys.argv[1]]})
    client = json.load(post(f"{issuer}/oauth2/clients", wish, "application/json"))
    say({"issuer": issuer, "id": client["client_id"], "secret": client["client_secret"]})
    for line in sys.stdin:
        asked = json.loads(line)
        wish = {"sub": asked["who"]} if asked["who"] else {"action": "deny"}
        form = urllib.parse.urlencode(wish)
        answer = post(asked["there"], form, "application/x-www-form-urlencoded")
        say(answer.headers.get("Location") or f"{answer.status}: {answer.read().decode()}")
