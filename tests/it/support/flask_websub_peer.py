"""Flask-WebSub as a subscriber, and as a publisher with its hub, on a port of loopback.

Its only argument is a folder for what it keeps. A line of JSON on stdin for each command, one on
stdout for what came of it; the first line tells where it is. What its hub leaves to celery is done
at once, before the request that asked for it is answered.
"""

import json
import logging
import sys
import threading
from pathlib import Path

import celery
import flask
from flask_websub import hub as hubs
from flask_websub import publisher as publishers
from flask_websub import subscriber as subscribers
from flask_websub.errors import FlaskWebSubError
from werkzeug.serving import make_server

logging.disable(logging.CRITICAL)
folder = Path(sys.argv[1])
app = flask.Flask(__name__)
heard, titles = [], []

subscriber = subscribers.Subscriber(
    subscribers.SQLite3SubscriberStorage(folder / "subscriber.db"),
    subscribers.SQLite3TempSubscriberStorage(folder / "asked.db"),
)
app.register_blueprint(subscriber.build_blueprint(url_prefix="/callbacks"))


@subscriber.add_listener
def pushed(topic_url, callback_id, body):
    body = body.decode()
    heard.append({"what": "pushed", "topic": topic_url, "id": callback_id, "body": body})


@subscriber.add_success_handler
def agreed(topic_url, callback_id, mode):
    heard.append({"what": mode, "topic": topic_url, "id": callback_id})


@subscriber.add_error_handler
def denied(topic_url, callback_id, reason):
    heard.append({"what": "denied", "topic": topic_url, "id": callback_id, "reason": reason})


hub = hubs.Hub(hubs.SQLite3HubStorage(folder / "hub.db"))
tasks = celery.Celery("hub", broker="memory://")
tasks.conf.update(task_always_eager=True, task_eager_propagates=True)
hub.init_celery(tasks)
app.register_blueprint(hub.build_blueprint(url_prefix="/hub"))
publishers.init_publisher(app)


@app.route("/feed")
@publishers.publisher()
def feed():
    items = "".join(
        f"<item><guid isPermaLink='false'>{title}</guid><title>{title}</title></item>"
        for title in reversed(titles)
    )
    rss = f"<rss version='2.0'><channel><title>t</title>{items}</channel></rss>"
    return flask.Response(rss, mimetype="application/rss+xml")


server = make_server("127.0.0.1", 0, app, threaded=True)
own = f"http://127.0.0.1:{server.server_port}"
threading.Thread(target=server.serve_forever, daemon=True).start()


def discover(url):
    return subscribers.discover(url)


def subscribe(**wish):
    return subscriber.subscribe(**wish)


def renew(callback_id):
    return subscriber.renew(callback_id)


def unsubscribe(callback_id):
    return subscriber.unsubscribe(callback_id)


def events():
    """What its subscriber heard since the last time."""
    now, heard[:] = list(heard), []
    return now


def publish(title, signed_with):
    """Adds an article to the feed, and has the hub push what it finds there."""
    titles.append(title)
    hub.config["SIGNATURE_ALGORITHM"] = signed_with
    hub.send_change_notification.delay(f"{own}/feed")


def subscriptions():
    """Whom its hub pushes to, and with which secret."""
    return [list(row) for row in hub.storage.get_callbacks(f"{own}/feed")]


commands = [discover, subscribe, renew, unsubscribe, events, publish, subscriptions]
commands = {command.__name__: command for command in commands}


def answer(line):
    asked = json.loads(line)
    try:
        with app.test_request_context(base_url=own):
            return {"done": commands[asked.pop("do")](**asked)}
    except FlaskWebSubError as problem:
        return {"problem": str(problem)}


print(json.dumps({"done": own}), flush=True)
for line in sys.stdin:
    print(json.dumps(answer(line)), flush=True)
