"""The page for browsers in a real one, with the real MQTT.js and mosquitto's WebSockets."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import gzip
import http.server
import re
import shutil
import threading
from pathlib import Path

import aiohttp
import pytest

from tests.examples.test_consumers import HERE, publishing
from tests.interfaces.test_consumer import sending
from tests.published import CONFIG, SENDER, Phase, danger, everything, gone, profile, road, said, stamp, state
from tests.real_broker import free_port

MQTT_JS = Path(__file__).parents[1] / "vectors" / "mqttjs" / "mqtt-5.16.0.min.js.gz"
PATIENCE_S = 25
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

pytestmark = [
    pytest.mark.real_broker,
    pytest.mark.skipif(BROWSER is None, reason="needs chromium, chromium-browser or google-chrome on PATH"),
]


@pytest.fixture
def pages(tmp_path):
    """A web server with the page and MQTT.js beside it."""
    (tmp_path / "web").mkdir()
    shutil.copy(HERE / "browser.html", tmp_path / "web")
    (tmp_path / "web" / "mqtt.min.js").write_bytes(gzip.decompress(MQTT_JS.read_bytes()))
    handler = functools.partial(QuietHandler, directory=str(tmp_path / "web"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture
def websockets(mosquitto, tmp_path):
    """The port of a WebSocket listener of the same mosquitto."""
    port = free_port()
    mosquitto.stop()
    with (tmp_path / "mosquitto.conf").open("a") as conf:
        conf.write(f"listener {port} 127.0.0.1\nprotocol websockets\n")
    mosquitto.start()
    return port


class Tab:
    """One page in a headless browser, asked in JavaScript."""

    def __init__(self, connection):
        self._connection, self._number = connection, 0

    async def evaluate(self, expression):
        self._number += 1
        question = {"expression": expression, "returnByValue": True}
        await self._connection.send_json({"id": self._number, "method": "Runtime.evaluate", "params": question})
        while True:
            answer = await self._connection.receive_json()
            if answer.get("id") == self._number:
                return answer["result"]["result"].get("value")

    async def until(self, expression, words):
        text = ""
        try:
            async with asyncio.timeout(PATIENCE_S):
                while words not in (text := str(await self.evaluate(expression))):  # noqa: ASYNC110 -- it is asked over a wire
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise AssertionError(f"{words!r} not in {text!r}") from None


@contextlib.asynccontextmanager
async def opened(url, folder):
    process = await asyncio.create_subprocess_exec(
        BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0",
        f"--user-data-dir={folder}", url, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        async with asyncio.timeout(PATIENCE_S), aiohttp.ClientSession() as session:
            while not (found := re.search(rb"ws://(127\.0\.0\.1:\d+)/", await process.stderr.readline())):
                pass
            async with session.get(f"http://{found[1].decode()}/json") as answer:
                (page,) = [one for one in await answer.json() if one["type"] == "page"]
            async with session.ws_connect(page["webSocketDebuggerUrl"]) as connection:
                yield Tab(connection)
    finally:
        process.kill()
        await process.communicate()


TEXT = "document.querySelector('aside').innerText"


async def test_a_browser_draws_objects_hazards_and_poles(mosquitto, websockets, pages, tmp_path):
    def batches(sequence):
        yield road((30.0, 40.0), (-30.0, 10.0), sequence=sequence)
        if sequence > 10:
            return
        yield everything()["nearmiss"]
        yield everything()["nearmiss"]  # a repeat

    tile = "/".join(danger()[0].topic.split("/")[3:5])
    address = f"{pages}/browser.html?broker=ws://127.0.0.1:{websockets}&area={tile}"
    async with opened(address, tmp_path / "profile") as tab:
        await tab.until(TEXT, "connected")
        async with publishing(mosquitto.url, batches), sending(mosquitto.url) as send:
            await tab.until("document.body.dataset.drawn", "2")
            await send(said(profile(CONFIG, SENDER), SENDER, stamp()))
            await send(state())
            await tab.until(TEXT, "見本: degraded required slot cam is LOST")
            await send(danger(sequence=5))
            await tab.until(TEXT, "wrong_way 25/")
            await tab.until(TEXT, "crossing, severity 3, TTC NaN s")
            assert await tab.evaluate("misses.length") == 1
            assert await tab.evaluate(red()) is True
            await send(danger(Phase.CANCEL, sequence=6))
            await tab.until("hazards.size", "0")
            await send(danger(sequence=7, validity_s=1.0))
            await tab.until("hazards.size", "1")
            await tab.until("hazards.size", "0")  # by itself
            await send([gone(), *twin_of_gone()])
            await tab.until(TEXT, "見本: gone")
        await tab.until("document.body.dataset.drawn", "0")  # stale


def twin_of_gone():
    """As the pole's own farewell; a will has no twin."""
    return state(99, alive=False, availability=2)[1:]


def red():
    """Whether the hazard's colour is on the canvas."""
    return """(() => {
      const canvas = document.getElementById("road"), pen = canvas.getContext("2d");
      const data = pen.getImageData(0, 0, canvas.width, canvas.height).data;
      for (let i = 0; i < data.length; i += 4)
        if (data[i] === 255 && data[i + 1] === 51 && data[i + 2] === 51) return true;
      return false;
    })()"""
