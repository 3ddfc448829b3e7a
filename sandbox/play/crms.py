"""The CRMs of the sandbox, each with its board and with what a deployment would have in its environment for it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sandbox.play.boards import Board, PipedriveBoard
from sandbox.server import Server
from sandbox.world import World

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
    return {"pipedrive": _pipedrive(world)}


def _pipedrive(world: World) -> SandboxCrm:
    server = world.pipedrive
    server.limits.burst = server.limits.budget = MUCH
    return SandboxCrm("Pipedrive", server, PipedriveBoard(server))
