"""Rights on a broker in mosquitto's ACL form, from the topic table: a pole writes only below its own ids."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from controller.publication.profiles import home_assistant, its_client
from interfaces.topics import ROOT, TOPICS

if TYPE_CHECKING:
    from controller.config import Config

USER: Final = "%u"  # mosquitto.conf(5): the user name in a pattern; one that is "SL/RSU" fills two levels
ANY: Final = "+/+"
_POLES: Final = """\
# What poles may do, whoever they are: the user name is "SERVICE_LOCATION_ID/ROADSIDE_UNIT_ID", which %u stands for.
# With certificates it is the common name, with passwords the name in the password file. Nothing is ever added here.
"""
_ALL: Final = "# mosquitto warns of patterns without %u: here everybody who comes in is meant.\n"
_CONSUMERS: Final = "# What consumers may do, whoever they are: read what poles say, write nothing.\n" + _ALL
_OPERATORS: Final = "# What operators may do, whoever they are: read everything, send requests to poles.\n" + _ALL


def own_filters(root: str, own: str) -> tuple[str, ...]:
    """Filters of everything below a pole's ids; `own` is what stands for the two levels of its ids."""
    heads = [row.template.partition("/{sl}/{rsu}")[0].replace("{tile}", "+/+/+/+") for row in TOPICS]
    return tuple(f"{root}/{head}/{own}/#" for head in dict.fromkeys(heads))


def of_poles(root: str = ROOT) -> str:
    """An acl_file for a listener of poles alone whose user names are their ids."""
    return _POLES + "".join(f"pattern {one}\n" for one in _of_one(root, USER))


def of_consumers(root: str = ROOT) -> str:
    """An acl_file for a listener of consumers alone: every topic of the table with its twin, reading only."""
    rows = ["/".join("+" if level.startswith("{") else level for level in row.levels.split("/")) for row in TOPICS]
    return _CONSUMERS + "".join(f"pattern read {root}/{one}/#\n" for one in rows)


def of_operators(root: str = ROOT) -> str:
    """An acl_file for a listener of operators alone."""
    return f"{_OPERATORS}pattern read {root}/#\npattern write {_requests(root, ANY)}\n"


def of_pole(config: Config, user: str) -> str:
    """The lines for one pole under any user name, its profiles' topics among them; a block of an acl_file."""
    own = f"{config.pole.service_location_id}/{config.pole.roadside_unit_id}"
    lines = _of_one(config.publish.root, own)
    lines += [f"write {one}" for one in _of_profiles(config)]
    return "".join([f"user {user}\n", *(f"topic {one}\n" for one in lines)])


def _of_profiles(config: Config) -> list[str]:
    """What profiles write outside the root. Home Assistant's topics by name: beside them are other poles' devices."""
    named = config.publish.profiles
    its = [its_client.Source.of(config).filter] if "its-client" in named else []
    return its + [*home_assistant.topics_of(config)] * ("home-assistant" in named)


def _of_one(root: str, own: str) -> list[str]:
    return [*(f"write {one}" for one in own_filters(root, own)), f"read {_requests(root, own)}"]


def _requests(root: str, own: str) -> str:
    return f"{root}/pole/{own}/request/+"
