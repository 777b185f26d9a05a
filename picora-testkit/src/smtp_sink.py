"""An SMTP server for tests: keeps what it accepts, and misbehaves when told.

Usage: smtp_sink.py PORT, in a folder that may hold `setup.json` (TLS, sign-in) and `orders.json` (how to misbehave, read at each command).
Every accepted mail is two files: `mails/N.eml` as it came, and `mails/N.json` as Python's own parser reads it; the second is written last.
"""

import asyncio
import email
import email.policy
import json
import os
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult


def read(name):
    try:
        with open(name, encoding="utf-8") as file:
            return json.load(file)
    except FileNotFoundError:
        return {}


def write(name, content):
    """Whole or not at all: a reader may look at any moment."""
    with open(name + ".part", "wb") as file:
        file.write(content)
    os.rename(name + ".part", name)


def parsed(envelope):
    message = email.message_from_bytes(envelope.content, policy=email.policy.default)
    bodies = {part.get_content_type(): part.get_content() for part in message.walk() if not part.is_multipart()}
    return {
        "sender": envelope.mail_from,
        "recipients": envelope.rcpt_tos,
        "headers": [[name, str(value)] for name, value in message.items()],
        "content_types": [part.get_content_type() for part in message.walk()],
        "text": bodies.get("text/plain", ""),
        "html": bodies.get("text/html", ""),
        "defects": [repr(defect) for part in message.walk() for defect in part.defects],
    }


class Sink:
    def __init__(self):
        self.kept = 0

    async def handle_RCPT(self, server, session, envelope, address, options):
        orders = read("orders.json")
        if address in orders.get("refuse", []):
            return f"550 5.1.1 <{address}>: no such mailbox"
        if address in orders.get("defer", []):
            return f"451 4.7.1 <{address}>: try again later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        orders = read("orders.json")
        answer = orders.get("answer", "")
        if answer:
            return answer
        self.keep(envelope)
        await asyncio.sleep(orders.get("delay_ms", 0) / 1000)
        if orders.get("hang_up", False):
            server.transport.abort()
            await asyncio.sleep(3600)  # until the connection's own end takes this along: no answer is written
        return "250 OK"

    def keep(self, envelope):
        self.kept += 1
        name = f"mails/{self.kept}"
        write(name + ".eml", envelope.content)
        write(name + ".json", json.dumps(parsed(envelope)).encode())


def authenticator(setup):
    expected = (setup.get("user", "").encode(), setup.get("password", "").encode())

    def check(server, session, envelope, mechanism, data):
        return AuthResult(success=(data.login, data.password) == expected, handled=False)

    return check


def context(setup):
    made = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    made.load_cert_chain("certificate.pem", "key.pem")
    return made


async def main(port):
    setup = read("setup.json")
    tls = setup.get("tls", "none")
    starttls = context(setup) if tls == "starttls" else None
    implicit = context(setup) if tls == "implicit" else None
    sign_in = {}
    if "user" in setup:
        sign_in = {"authenticator": authenticator(setup), "auth_required": True, "auth_require_tls": False}
    sink = Sink()
    os.makedirs("mails", exist_ok=True)

    def connection():
        return SMTP(sink, hostname="sink.test", tls_context=starttls, enable_SMTPUTF8=False, **sign_in)

    loop = asyncio.get_running_loop()
    server = await loop.create_server(connection, "127.0.0.1", port, ssl=implicit)
    print(f"ready {os.getpid()}", flush=True)
    async with server:
        await server.serve_forever()


asyncio.run(main(int(sys.argv[1])))
