"""A signed-in REST client: apiKey and Bearer token, X-Tracking, at most 5 requests a second. No key is ever told."""

from __future__ import annotations

import asyncio
import base64
import json
import math
import re
import ssl
from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, Protocol, Self
from uuid import uuid4

from controller import credential
from controller.publication.cavc.pace import Pace
from interfaces.errors import ConfigError, DeliveryError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from controller.publication.cavc.settings import Upload

MAX_ANSWER: Final = 65_536
EARLY_S: Final = 60.0  # a token is renewed this long before it ends, a short one at half its life
_PASSING: Final = frozenset({401, 403, 408, 425, 429})  # what may be otherwise next time, and every 5xx
_HEADER: Final = re.compile(r"[!-~]{1,16384}")  # what may stand in a header
_MISSING: Final = "cavc.upload needs aiohttp, which is not installed: pip install 'smartpole[cavc]'"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said; the names of `headers` are in small letters."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""


class Http(Protocol):
    """Moves one request; DeliveryError when there is no answer."""

    async def request(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """The server's answer, whatever its status."""
        ...


class Outcome(StrEnum):
    """What became of a document."""

    TAKEN = "taken"
    REFUSED = "refused"  # as it is it will never be taken
    FAILED = "failed"  # may be taken later
    IDLE = "idle"  # there was none


@dataclass(frozen=True, slots=True)
class Result:
    """`reason` is for people; `wait_s` is what the server asked for."""

    outcome: Outcome
    reason: str = ""
    wait_s: float = 0.0
    status: int = 0


class Client:
    """Puts documents. Signs in when it must: at first, before the token ends and when the server says 401."""

    def __init__(self, http: Http, upload: Upload) -> None:
        self.counts: Counter[str] = Counter()  # taken, refused, failed, logins, refreshes
        self._http, self._upload = http, upload
        self._pace, self._signing = Pace(), asyncio.Lock()
        self._token = self._refresh = ""
        self._renew_at = 0.0

    async def put(self, url: str, document: Any) -> Result:
        """One document; never raises for what a server or a network does."""
        body = json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
        try:
            result = await self._put(url, body)
        except DeliveryError as error:
            result = Result(Outcome.FAILED, str(error))
        self.counts[result.outcome] += 1
        return result

    async def _put(self, url: str, body: bytes) -> Result:
        token = await self._bearer()
        answer = await self._request("PUT", url, body, token)
        if answer.status == 401:
            token = await self._bearer(instead_of=token)
            answer = await self._request("PUT", url, body, token)
        return _judge(url, answer)

    async def _bearer(self, instead_of: str = "") -> str:
        """A token that should hold, other than `instead_of`; two who ask at once sign in once."""
        async with self._signing:
            holds = self._token not in {"", instead_of} and asyncio.get_running_loop().time() < self._renew_at
            if not holds and not (self._refresh and await self._renew(instead_of)):
                await self._login()
            return self._token

    async def _renew(self, instead_of: str) -> bool:
        url, refresh, self._refresh = self._upload.login_url.rsplit("/", 1)[0] + "/refresh", self._refresh, ""
        answer = await self._request("POST", url, json.dumps({"refreshToken": refresh}).encode())
        if answer.status not in {200, 201} or not self._keep(answer) or self._token == instead_of:
            return False
        self._refresh = self._refresh or refresh
        self.counts["refreshes"] += 1
        return True

    async def _login(self) -> None:
        self._token = ""
        account = {
            "operatorAccountId": _secret("account_id_file", self._upload.account_id_file),
            "accountPassword": _secret("password_file", self._upload.password_file),
        }
        answer = await self._request("POST", self._upload.login_url, json.dumps(account).encode())
        if answer.status not in {200, 201}:
            raise DeliveryError(f"sign-in at {self._upload.login_url} answered {answer.status}")
        if not self._keep(answer):
            raise DeliveryError(f"sign-in at {self._upload.login_url} answered without an accessToken")
        self.counts["logins"] += 1

    def _keep(self, answer: Answer) -> bool:
        try:
            told = json.loads(answer.body)
            token, refresh = told["accessToken"], told.get("refreshToken")
        except (ValueError, TypeError, KeyError, AttributeError):
            return False
        if not isinstance(token, str) or not _HEADER.fullmatch(token):
            return False
        self._token, self._refresh = token, refresh if isinstance(refresh, str) else ""
        life_s = _life_of(self._token)
        self._renew_at = asyncio.get_running_loop().time() + max(life_s - EARLY_S, life_s / 2)
        return True

    async def _request(self, method: str, url: str, body: bytes, token: str = "") -> Answer:
        await asyncio.sleep(self._pace.reserve(asyncio.get_running_loop().time()))
        headers = {
            "apiKey": _secret("api_key_file", self._upload.api_key_file),
            "Content-Type": "application/json; charset=utf-8",
            "X-Tracking": str(uuid4()),
        }
        if token:
            headers["Authorization"] = f"Bearer {token}"
        return await self._http.request(method, url, headers, body)


class AioHttp:
    """Http over aiohttp: TLS checked against the machine's authorities or `ca_file`, no redirects, small answers."""

    def __init__(self, upload: Upload) -> None:
        try:
            import aiohttp
        except ImportError:
            raise ConfigError(_MISSING) from None
        try:
            trusted = credential.path_of("cavc.upload.ca_file", upload.ca_file) if upload.ca_file else None
            self._trust = ssl.create_default_context(cafile=trusted)
        except (OSError, ssl.SSLError) as error:
            raise ConfigError(f"cavc.upload.ca_file: {upload.ca_file} holds no certificates: {error}") from None
        self._aiohttp: Any = aiohttp
        self._upload = upload
        self._session: Any = None

    async def __aenter__(self) -> Self:
        aiohttp = self._aiohttp
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=self._trust, limit=4),
            timeout=aiohttp.ClientTimeout(total=self._upload.timeout_s),
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def request(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """The server's answer; DeliveryError says what kept it away."""
        try:
            async with self._session.request(method, url, headers=headers, data=body, allow_redirects=False) as answer:
                told = b""
                async for part in answer.content.iter_chunked(MAX_ANSWER):
                    told += part
                    if len(told) > MAX_ANSWER:
                        break
                return Answer(answer.status, {name.lower(): value for name, value in answer.headers.items()}, told)
        except TimeoutError:
            raise DeliveryError(f"{url}: no answer within {self._upload.timeout_s:g} s") from None
        except (self._aiohttp.ClientError, OSError, ValueError) as error:
            raise DeliveryError(f"{url}: {error}") from None


def _judge(url: str, answer: Answer) -> Result:
    if 200 <= answer.status < 300:
        return Result(Outcome.TAKEN)
    reason = f"{url} answered {answer.status}"
    if answer.status in _PASSING or answer.status >= 500:
        asked = answer.headers.get("retry-after", "")
        return Result(Outcome.FAILED, reason, float(asked) if asked.isascii() and asked.isdigit() else 0.0)
    return Result(Outcome.REFUSED, reason, status=answer.status)


def _secret(key: str, path: str) -> str:
    """The only line of a file, read anew each time so that keys can be changed while the pole runs."""
    try:
        text = credential.content(f"cavc.upload.{key}", path).decode("utf-8").strip()
    except ConfigError as error:
        raise DeliveryError(str(error)) from None
    except UnicodeDecodeError:
        raise DeliveryError(f"cavc.upload.{key}: {path} is not UTF-8") from None
    if not text or not text.isprintable() or not text.isascii():
        raise DeliveryError(f"cavc.upload.{key}: {path} must hold one line of plain text")
    return text


def _life_of(token: str) -> float:
    """Seconds from issue to end of a JWT, whatever the clocks here and there say; for ever when it does not tell."""
    try:
        claims = token.split(".")[1]
        told = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
        life_s = float(told["exp"]) - float(told["iat"])
    except (IndexError, ValueError, TypeError, KeyError):
        return math.inf
    return life_s if life_s > 0 else math.inf
