"""The toy mission passes the contract of missions."""

from hstlc_toy.simulated import ToyExamples

from hstlc.testing.contract_mission import MissionContract


class TestToy(MissionContract):
    name = "toy"
    examples = ToyExamples()
