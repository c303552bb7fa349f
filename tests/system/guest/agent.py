"""Runs commands of the tests as root, over a virtio-serial port. One JSON object a line in each direction.

{"id": 1, "run": "ls /", "input": "", "timeout_s": 60}  is answered by  {"id": 1, "code": 0, "out": "…", "err": "…"}
"""

import json
import os
import subprocess
import threading
import time

PORT = "/dev/virtio-ports/guest.agent"
ENVIRONMENT = {"PATH": "/opt/pole/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LANG": "C.UTF-8"}


def serve(port):
    """Answer for ever; each command has its thread, so that a long one holds nobody up."""
    turn = threading.Lock()

    def say(answer):
        line = json.dumps(answer).encode() + b"\n"
        with turn:
            while line:
                line = line[os.write(port, line) :]

    say({"ready": os.uname().release})
    waiting = b""
    while True:
        piece = os.read(port, 1 << 16)
        if not piece:  # nobody is connected on the host's side
            time.sleep(0.05)
        *lines, waiting = (waiting + piece).split(b"\n")
        for line in lines:
            threading.Thread(target=lambda asked: say(answer_to(asked)), args=(json.loads(line),), daemon=True).start()


def answer_to(asked):
    """The outcome of one command; code 124 when it took too long."""
    try:
        done = subprocess.run(
            ["bash", "-c", asked["run"]],
            input=asked["input"].encode(),
            capture_output=True,
            timeout=asked["timeout_s"],
            cwd="/root",
            check=False,
            env=ENVIRONMENT,
        )
        code, out, err = done.returncode, done.stdout, done.stderr
    except subprocess.TimeoutExpired as late:
        code, out, err = 124, late.stdout or b"", b"took too long"
    return {"id": asked["id"], "code": code, "out": out.decode(errors="replace"), "err": err.decode(errors="replace")}


if __name__ == "__main__":
    while not os.path.exists(PORT):
        time.sleep(0.05)
    serve(os.open(PORT, os.O_RDWR))
