"""What the contract of missions needs."""

import pytest

pytest.register_assert_rewrite("hstlc.testing.contract_mission")
