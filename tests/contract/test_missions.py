"""Every registered mission passes the contract of missions."""

from hstlc.missions.registry import missions
from hstlc.testing.contract_mission import MissionContract
from hstlc.testing.examples import EXAMPLES

for _name in EXAMPLES:
    globals()[f"Test{_name.title()}"] = type(
        f"Test{_name.title()}", (MissionContract,), {"name": _name, "examples": EXAMPLES[_name]}
    )


def test_every_registered_mission_has_examples() -> None:
    assert EXAMPLES.keys() == missions().keys()
