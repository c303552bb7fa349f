"""The requirements of the serial binding that have cases, in both languages. Ids are never used again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Requirement:
    """One sentence of the interface. `must`: FAIL when broken; otherwise WARN."""

    id: str
    must: bool
    en: str
    ja: str


REQUIREMENTS: Final = tuple(
    Requirement(id_, must, en, ja)
    for id_, must, en, ja in (
        ("PMI-SER-001", True, "Every frame a module sends has valid COBS, CRC-16 and CRC-32.",
         "モジュールが送る全フレームは COBS、CRC-16、CRC-32 が正しい。"),
        ("PMI-SER-002", True, "A module ignores a frame whose CRC-32 is wrong.",
         "CRC-32 が誤ったフレームを無視する。"),
        ("PMI-SER-003", True, "After 4 kB of noise the next valid request is answered.",
         "4 kB の雑音の後、次の正しい要求に応答する。"),
        ("PMI-SER-004", True, "A truncated frame is dropped and the next valid request is answered.",
         "途中で切れたフレームを捨て、次の正しい要求に応答する。"),
        ("PMI-SER-005", True, "A request that arrives byte by byte is answered.",
         "1 バイトずつ届く要求に応答する。"),
        ("PMI-SER-006", True, "A run of 64 kB without delimiter is survived.",
         "区切りのない 64 kB の連続に耐える。"),
        ("PMI-SES-001", True, "An unaddressed module says HELLO within 2 s.",
         "アドレス未割当のモジュールは 2 s 以内に HELLO を送る。"),
        ("PMI-SES-002", True, "HELLO repeats every 1 s ± 20 % until the module is addressed.",
         "アドレス割当まで HELLO を 1 s ± 20 % で繰り返す。"),
        ("PMI-SES-003", True, "HELLO carries a 16-B uid, an 8-B sheet hash, the sheet size, a level and a spec range.",
         "HELLO は uid 16 B、シートハッシュ 8 B、シート長、レベル、版範囲を持つ。"),
        ("PMI-SES-004", True, "An addressed module is silent until it is asked; it says HELLO no more.",
         "アドレス割当後は問われるまで黙り、HELLO を送らない。"),
        ("PMI-SES-005", True, "GET_SHEET is answered within 100 ms with the offset asked for and the total.",
         "GET_SHEET に 100 ms 以内に、要求した位置と全長で応答する。"),
        ("PMI-SES-006", True, "The data sheet has the size and the hash that HELLO announced.",
         "データシートは HELLO の長さとハッシュに一致する。"),
        ("PMI-SES-007", True, "The data sheet keeps the bounds of PMI 1.0.",
         "データシートは PMI 1.0 の範囲を守る。"),
        ("PMI-SES-008", True, "ACTIVATE is answered by ACTIVATED that repeats the granted plans.",
         "ACTIVATE に、許可された計画を繰り返す ACTIVATED で応答する。"),
        ("PMI-SES-009", True, "Data stay inside the granted plan: channel, rate, objects, record format.",
         "データは許可された計画(チャネル、頻度、物標数、形式)を超えない。"),
        ("PMI-SES-010", True, "A running module sends a heartbeat every second.",
         "動作中は 1 s ごとに HEARTBEAT を送る。"),
        ("PMI-SES-011", True, "PING is answered within 100 ms by PONG with its token.",
         "PING に 100 ms 以内に同じトークンの PONG で応答する。"),
        ("PMI-SES-012", True, "TIME_REQUEST is answered with its token and send time, and receive before send time.",
         "TIME_REQUEST にトークンと送信時刻を返し、受信時刻は送信時刻以前である。"),
        ("PMI-SES-013", True, "A request of unknown type is answered by UNSUPPORTED, never by silence.",
         "未知の種別には沈黙せず UNSUPPORTED で応答する。"),
        ("PMI-SES-014", True, "A frame of another session is not answered.",
         "他セッションのフレームには応答しない。"),
    )
)  # fmt: skip
BY_ID: Final = {one.id: one for one in REQUIREMENTS}
