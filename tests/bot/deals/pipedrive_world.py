"""The world of a push over Pipedrive, for tests of what people do there."""

from dataclasses import dataclass

from sandbox.pipedrive import PipedriveServer
from tests.bot.deals.world import World


@dataclass
class PipedriveWorld(World):
    @property
    def pipedrive(self) -> PipedriveServer:
        server = self.vendor.server
        assert isinstance(server, PipedriveServer)
        return server
