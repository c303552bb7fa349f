"""pole.toml as frozen models: units in the key names, bounds checked once, unknown keys refused."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from controller.publication.cavc.settings import Cavc


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SlotClass(StrEnum):
    """Classes of module a slot may ask for (PMI §2)."""

    SENSOR = "sensor"
    CAMERA = "camera"
    LIDAR = "lidar"
    RADAR = "radar"
    COMMS = "comms"
    POWER = "power"
    ENVIRONMENT = "environment"
    SIGNAL = "signal"


class Pole(_Section):
    """Who this pole is (identifiers of the 環境情報連携システム)."""

    name: Annotated[str, Field(min_length=1, max_length=64)] = "pole"
    service_location_id: Annotated[int, Field(ge=0, lt=2**32)]
    roadside_unit_id: Annotated[int, Field(ge=0, lt=2**32)]
    state_dir: str = "/var/lib/pole"
    site: str = ""  # GeoJSON of lanes and areas, relative to pole.toml; empty: no lane-based hazards


class Origin(_Section):
    """Where local ENU (0, 0, 0) lies. altitude_m is orthometric (標高); plus geoid_height_m it is ellipsoidal."""

    latitude_deg: Annotated[float, Field(ge=-85.0511287798, le=85.0511287798)]
    longitude_deg: Annotated[float, Field(ge=-180, le=180)]
    altitude_m: Annotated[float, Field(ge=-500, le=9000)] = 0.0
    geoid_height_m: Annotated[float, Field(ge=-120, le=120)] = 0.0
    vertical_datum: Literal["JGD2024", "JGD2011", "WGS84", "other"] = "JGD2024"


class Mqtt(_Section):
    """The broker. Files: relative to pole.toml, absolute, or credential:NAME; read anew at each connection."""

    url: str = "mqtt://127.0.0.1:1883"
    plaintext: bool = False  # mqtt:// to another machine too: who is on the way can read and forge
    ca_file: str = ""  # PEM; empty: the authorities of this machine
    cert_file: str = ""  # PEM: what the pole shows the broker (mutual TLS)
    key_file: str = ""  # PEM; empty: in cert_file
    crl_file: str = ""  # PEM; empty: revoked certificates are not looked for
    certificate_warning_days: Annotated[int, Field(ge=0, le=3650)] = 30
    username: str = ""
    password_file: str = ""
    client_id: str = ""  # empty: pole-<service location>-<roadside unit>
    keepalive_s: Annotated[int, Field(ge=2, le=600)] = 10


class Publish(_Section):
    """What leaves the pole and how often."""

    root: Annotated[str, Field(min_length=1, pattern=r"^[^#+$][^#+]*$")] = "smartpole/v1"
    objects_rate_hz: Annotated[float, Field(ge=1, le=20)] = 10.0
    json_twins: bool = True
    profiles: tuple[Literal["its-client", "home-assistant", "geojson"], ...] = ()  # for other systems, derived


class ItsClient(_Section):
    """Topics and pace of the profile "its-client"."""

    root: Annotated[str, Field(min_length=1, pattern=r"^[^#+$][^#+]*$")] = "smartpole"
    queue: Literal["outQueue", "inQueue"] = "outQueue"  # inQueue: a service of the operator's copies to outQueue
    source_uuid: Annotated[str, Field(pattern=r"^[^#+/]*$")] = ""  # empty: pole-<service location>-<roadside unit>
    cpm_rate_hz: Annotated[float, Field(ge=0.1, le=20)] = 2.0


class HomeAssistant(_Section):
    """Where the profile "home-assistant" is told."""

    prefix: Annotated[str, Field(min_length=1, pattern=r"^[^#+$][^#+]*$")] = "homeassistant"


class Foxglove(_Section):
    """The live picture for Foxglove, on a port of this machine; empty: off. It asks nobody who they are."""

    listen: str = ""  # "127.0.0.1:8765"


class Uplink(_Section):
    """How much may leave the pole: all of it, or what a narrow uplink carries by priority."""

    mode: Literal["auto", "full", "narrow"] = "auto"  # auto: narrow below 1 Mbit/s, configured or reported
    bytes_per_s: Annotated[float, Field(ge=0, le=1e9)] = 0.0  # with every header down to IP; 0: no bound


class Commands(_Section):
    """Who may ask the pole for what over MQTT."""

    on: bool = False
    allow: tuple[Literal["status", "identify", "self_test", "reload", "log_level", "uplink"], ...] = ("status",)
    key_file: str = ""  # one line of 16 characters or more; needed for all but "status"


class Mount(_Section):
    """Where a module stands and looks: local ENU metres; yaw 0 looks east, counter-clockwise; pitch positive down."""

    east_m: Annotated[float, Field(ge=-5000, le=5000)] = 0.0
    north_m: Annotated[float, Field(ge=-5000, le=5000)] = 0.0
    height_m: Annotated[float, Field(ge=-100, le=200)] = 0.0
    yaw_deg: Annotated[float, Field(ge=-360, le=360)] = 0.0
    pitch_deg: Annotated[float, Field(ge=-90, le=90)] = 0.0
    roll_deg: Annotated[float, Field(ge=-180, le=180)] = 0.0


class Slot(_Section):
    """A place for a module and the role it is there for."""

    port: str = ""  # serial:///dev/serial/by-path/…?baud=115200 ; empty only for replayed slots
    module_class: Annotated[SlotClass, Field(alias="class")]
    role: str = ""  # what people call it; empty: the class
    required: bool = False
    level: Literal["L0", "L1", "L2", "L3"] = "L1"
    min_rate_hz: Annotated[float, Field(ge=0, le=100)] = 0.0
    max_latency_ms: Annotated[float, Field(gt=0, le=10000)] = 1000.0
    probation_s: Annotated[float, Field(ge=0, le=3600)] = 5.0
    mount: Mount = Mount()


class Fusion(_Section):
    """Tracking. The rest of its constants stand in controller/fusion."""

    history_s: Annotated[float, Field(ge=0.2, le=3)] = 1.0
    coast_s: Annotated[float, Field(ge=0.2, le=10)] = 1.5
    correct_registration: bool = False  # take a module's small error of place, turn or clock out instead of doubting it


class Hazards(_Section):
    """Which hazard rules run and the thresholds a road operator sets."""

    off: tuple[str, ...] = ()
    wrong_way_mps: Annotated[float, Field(gt=0)] = 2.0
    stationary_s: Annotated[float, Field(gt=0)] = 5.0
    person_s: Annotated[float, Field(gt=0)] = 0.5
    collision_lead_s: Annotated[float, Field(gt=0)] = 1.5
    merge_gap_s: Annotated[float, Field(gt=0, le=10)] = 2.0
    visibility_m: Annotated[float, Field(gt=0)] = 200.0
    precipitation_mmph: Annotated[float, Field(gt=0)] = 20.0
    flood_m: Annotated[float, Field(gt=0)] = 0.1
    wind_mps: Annotated[float, Field(gt=0)] = 15.0


class NearMisses(_Section):
    """Thresholds of severity 1, 2 and 3 (注意, ヒヤリ, ハット)."""

    ttc_s: tuple[float, float, float] = (3.0, 1.5, 1.0)
    pet_s: tuple[float, float, float] = (2.0, 1.5, 0.7)
    drac_mps2: tuple[float, float, float] = (3.0, 3.4, 6.0)


class Trust(_Section):
    """Firmware of modules that authenticate: told, or refused when it is not in the list. Keys: `pole trust`."""

    firmware: Literal["log", "enforce"] = "log"
    firmware_allowed: tuple[Annotated[str, Field(pattern=r"^[0-9a-fA-F]{16}$")], ...] = ()  # fw_hash, hex


class Recorder(_Section):
    """What is kept of the seconds around near misses and new hazards, in state_dir/recordings."""

    on: bool = True
    before_s: Annotated[float, Field(ge=1, le=30)] = 10.0
    after_s: Annotated[float, Field(ge=0, le=30)] = 5.0
    memory_mb: Annotated[float, Field(ge=4, le=1024)] = 48.0
    max_mb: Annotated[float, Field(ge=1)] = 1000.0
    max_age_days: Annotated[float, Field(gt=0)] = 30.0
    min_free_mb: Annotated[float, Field(ge=0)] = 500.0  # of the disk, for everything else


class Radio(_Section):
    """What goes out on the radio of a comms module, and whether what vehicles say of themselves is fused."""

    send: tuple[Literal["cpm", "denm", "rc016", "rc016_csma"], ...] = ()
    cpm_rate_hz: Annotated[float, Field(ge=1, le=10)] = 2.0
    payload_max_b: Annotated[int, Field(ge=200, le=1400)] = 1100
    rc016_service_id: Annotated[int, Field(ge=0, le=7)] = 0  # an experiment chooses its numbers
    rc016_message_id: Annotated[int, Field(ge=0, lt=2**16)] = 0
    intersection_id: Annotated[int, Field(ge=0, lt=2**32)] = 0
    cooperative: bool = False
    cooperative_range_m: Annotated[float, Field(ge=10, le=2000)] = 300.0


class Config(_Section):
    """A whole pole.toml."""

    pole: Pole
    origin: Origin
    mqtt: Mqtt = Mqtt()
    publish: Publish = Publish()
    its_client: ItsClient = ItsClient()
    home_assistant: HomeAssistant = HomeAssistant()
    foxglove: Foxglove = Foxglove()
    uplink: Uplink = Uplink()
    commands: Commands = Commands()
    fusion: Fusion = Fusion()
    hazards: Hazards = Hazards()
    near_misses: NearMisses = NearMisses()
    trust: Trust = Trust()
    radio: Radio = Radio()
    recorder: Recorder = Recorder()
    cavc: Cavc = Cavc()
    slot: dict[str, Slot]
