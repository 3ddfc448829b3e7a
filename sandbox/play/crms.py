"""The CRMs of the sandbox, each with its board and with what a deployment would have in its environment for it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sandbox.play.boards import Board, PipedriveBoard, ZohoBoard
from sandbox.server import Server
from sandbox.world import World
from sandbox.zoho import CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN, ZohoServer
from sandbox.zoho.records import user

MUCH = 10**9  # the vendor's rolling two seconds never pass while the sandbox's clock stands


@dataclass(frozen=True, slots=True)
class SandboxCrm:
    """`settings` come on top of the world's environment."""

    name: str
    server: Server
    board: Board
    settings: Mapping[str, str] = field(default_factory=dict)


def crms(world: World) -> dict[str, SandboxCrm]:
    """By the kind that headroom.toml names."""
    return {"pipedrive": _pipedrive(world), "zoho": _zoho(world)}


def _pipedrive(world: World) -> SandboxCrm:
    server = world.pipedrive
    server.limits.burst = server.limits.budget = MUCH
    return SandboxCrm("Pipedrive", server, PipedriveBoard(server))


def _zoho(world: World) -> SandboxCrm:
    """With the unique field that Zoho's own settings need once: Headroom cannot make it there."""
    server = ZohoServer(world.clock)
    server.records.users = [user(row["id"], row["name"], row["email"]) for row in world.pipedrive.records.users]
    server.records.definitions.add("Deals", "Headroom key", unique={"casesensitive": "true"})
    settings = {
        "ZOHO_CLIENT_ID": CLIENT_ID,
        "ZOHO_CLIENT_SECRET": CLIENT_SECRET,
        "ZOHO_REFRESH_TOKEN": REFRESH_TOKEN,
        "ZOHO_ACCOUNTS_URL": server.url,
    }
    return SandboxCrm("Zoho", server, ZohoBoard(server), settings)
