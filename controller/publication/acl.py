"""Rights on a broker in mosquitto's ACL form, from the topic table: a pole writes only below its own ids."""

from __future__ import annotations

from typing import Final

from interfaces.topics import ROOT, TOPICS

USER: Final = "%u"  # mosquitto.conf(5): the user name in a pattern; one that is "SL/RSU" fills two levels
_POLES: Final = """\
# What poles may do, whoever they are: the user name is "SERVICE_LOCATION_ID/ROADSIDE_UNIT_ID", which %u stands for.
# With certificates it is the common name, with passwords the name in the password file. Nothing is ever added here.
"""


def own_filters(root: str, own: str) -> tuple[str, ...]:
    """Filters of everything below a pole's ids; `own` is what stands for the two levels of its ids."""
    heads = [row.template.partition("/{sl}/{rsu}")[0].replace("{tile}", "+/+/+/+") for row in TOPICS]
    return tuple(f"{root}/{head}/{own}/#" for head in dict.fromkeys(heads))


def of_poles(root: str = ROOT) -> str:
    """An acl_file for a listener of poles alone whose user names are their ids."""
    return _POLES + "".join(f"pattern write {one}\n" for one in own_filters(root, USER))


def of_consumers(root: str = ROOT) -> str:
    """An acl_file for a listener of consumers alone: everything below the root, reading only."""
    return f"# What consumers may do, whoever they are: read what poles say, write nothing.\npattern read {root}/#\n"


def of_pole(root: str, service_location_id: int, roadside_unit_id: int, user: str) -> str:
    """The lines for one pole under any user name; a block of an acl_file."""
    lines = own_filters(root, f"{service_location_id}/{roadside_unit_id}")
    return "".join([f"user {user}\n", *(f"topic write {one}\n" for one in lines)])
