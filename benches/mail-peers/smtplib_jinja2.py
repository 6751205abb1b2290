"""The digest of a letter's file, rendered for each reader by jinja2 and sent by smtplib in 16
threads: smtplib_jinja2.py PORT LETTERS FILE"""
import email
import email.message
import email.policy
import re
import smtplib
import sys
import threading

import jinja2

port, letters, file = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
with open(file, "rb") as opened:
    letter = email.message_from_binary_file(opened, policy=email.policy.default)
subject = letter["Subject"]


def own(kind):
    part = letter.get_body((kind,)).get_content()
    part = re.sub(r'https?://[^\s"<>]*/leave/[^\s"<>]*', "{{ leave }}", part)
    return jinja2.Environment(autoescape=True).from_string(part)


text, html = own("plain"), own("html")


def send(numbers):
    with smtplib.SMTP("127.0.0.1", port) as server:
        for number in numbers:
            leave = f"https://news.example.org/leave/{number}.0.AAAAAAAAAAAAAAAAAAAAAA"
            message = email.message.EmailMessage()
            message["From"] = "news@example.org"
            message["To"] = f"reader{number}@example.org"
            message["Subject"] = subject
            message["List-Unsubscribe"] = f"<{leave}>"
            message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
            message.set_content(text.render(leave=leave), cte="base64")
            message.add_alternative(html.render(leave=leave), subtype="html", cte="base64")
            server.send_message(message)


threads = [threading.Thread(target=send, args=(range(first, letters, 16),)) for first in range(16)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
