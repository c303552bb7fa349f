"""The other side in memory: signs in, checks every request against the field tables, answers as it is told to."""

from __future__ import annotations

import asyncio
import base64
import json
from collections import deque
from urllib.parse import urlsplit
from uuid import UUID

from controller.cavc_client import Answer
from controller.publication.cavc.document import DOCUMENTS
from controller.publication.cavc.validation import problems
from interfaces.errors import DeliveryError

KEY, ACCOUNT, PASSWORD = "key-7f3a", "operator-1", "pass-91bc"
SECRETS = (KEY, ACCOUNT, PASSWORD)
NEAR_MISS_PATH = "/v1/nearmissinfolist"
PATHS = {one.path: one for one in DOCUMENTS.values() if one.path} | {NEAR_MISS_PATH: DOCUMENTS["nearMissInfoList"]}


class Server:
    """`faults` is what was wrong with requests; `next` what PUTs are answered before all is well again, an Answer, a
    status, an exception or a function of (path, document); `taken` the (time, path, document) that were accepted."""

    def __init__(self, lives_s=3600):
        self.faults, self.taken, self.asked_at, self.next = [], [], [], deque()
        self.signed_in, self.renewed, self.delay_s = 0, 0, 0.0
        self.refresh_works, self.lives_s = True, lives_s
        self._tracking, self._token = set(), "never"

    def documents(self, name):
        return [document for _, path, document in self.taken if PATHS[path].name == name]

    def forget_token(self):
        self._token = "never"

    async def request(self, method, url, headers, body):
        self.asked_at.append(asyncio.get_running_loop().time())
        await asyncio.sleep(self.delay_s)
        return self.answer(method, urlsplit(url).path, {key.lower(): value for key, value in headers.items()}, body)

    def answer(self, method, path, headers, body):
        self._check_headers(path, headers)
        if path.startswith("/auth/"):
            return self._sign_in(method, path, json.loads(body))
        if headers.get("authorization") != f"Bearer {self._token}":
            return Answer(401, {})
        document = json.loads(body)
        script = self.next.popleft() if self.next else 201
        if callable(script) and not isinstance(script, type):
            script = script(path, document)
        if isinstance(script, type):
            raise script("the line is cut")
        if isinstance(script, Answer):
            return script
        if script < 300:
            self._check_document(method, path, document)
            self.taken.append((self.asked_at[-1] if self.asked_at else 0.0, path, document))
        return Answer(script, {})

    def _check_headers(self, path, headers):
        if headers.get("apikey") != KEY:
            self.faults.append(f"{path}: apiKey")
        if not headers.get("content-type", "").startswith("application/json"):
            self.faults.append(f"{path}: Content-Type")
        tracking = headers.get("x-tracking", "")
        if str(UUID(tracking)) != tracking or tracking in self._tracking:
            self.faults.append(f"{path}: X-Tracking {tracking}")
        self._tracking.add(tracking)

    def _check_document(self, method, path, document):
        if method != "PUT" or path not in PATHS:
            self.faults.append(f"{method} {path}")
            return
        self.faults.extend(f"{path}: {one}" for one in problems(PATHS[path], document))
        for device in document["attribute"]["deviceIndividualInfo"] if path == "/targetInfo" else ():
            if device["targetNum"] > 100:
                self.faults.append(f"{path}: {device['targetNum']} targets")

    def _sign_in(self, method, path, body):
        if method != "POST":
            self.faults.append(f"{method} {path}")
        if path == "/auth/refresh":
            if not self.refresh_works or body != {"refreshToken": f"refresh-{self.signed_in}"}:
                return Answer(401, {})
            self.renewed += 1
        elif path == "/auth/login":
            if body != {"operatorAccountId": ACCOUNT, "accountPassword": PASSWORD}:
                return Answer(401, {})
            self.signed_in += 1
        else:
            self.faults.append(f"{method} {path}")
        issued = 1_500_000_000  # a clock far behind ours
        claims = json.dumps(
            {"iat": issued, "exp": issued + self.lives_s, "n": self.signed_in * 1000 + self.renewed}
        ).encode()
        self._token = f"e30.{base64.urlsafe_b64encode(claims).decode().rstrip('=')}.x"
        told = {"accessToken": self._token}
        if path == "/auth/login":
            told["refreshToken"] = f"refresh-{self.signed_in}"
        return Answer(201, {}, json.dumps(told).encode())


def cut(*_):
    """A request that never arrives."""
    raise DeliveryError("the line is cut")


def upload(folder, **more):
    """[cavc.upload] with the keys in files of `folder`."""
    named = {"api_key_file": KEY, "account_id_file": ACCOUNT, "password_file": PASSWORD}
    for key, text in named.items():
        (folder / key).write_text(text + "\n")
    return {
        "url": "https://cavc.test",
        "login_url": "https://cavc.test/auth/login",
        "near_miss_url": f"https://cavc.test{NEAR_MISS_PATH}",
        **{key: str(folder / key) for key in named},
        **more,
    }
