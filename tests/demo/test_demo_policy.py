from __future__ import annotations

from pathlib import Path

from world import World, run

from hub.demo.policy import put_folder_in_force
from hub.disclosure.rules import Rules
from hub.policies.files import build_policy


def test_a_database_of_an_earlier_demo_gets_the_folders_policy_once(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        hub, shipped = world.hub, world.hub.rules
        files = {**shipped.policy.files, "rules.csv": shipped.policy.files["rules.csv"] + "# newer\n"}
        newer = Rules(shipped.catalog, build_policy(files, shipped.catalog))
        arguments = (database_url, hub.ring)
        assert not await put_folder_in_force(*arguments, shipped, world.clock)
        assert await put_folder_in_force(*arguments, newer, world.clock)
        assert not await put_folder_in_force(*arguments, newer, world.clock)
        await hub.live.refresh()
        assert hub.rules.policy.revision == newer.policy.revision

    run(database_url, tmp_path, scene)
