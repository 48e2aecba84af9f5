"""What is said about the machine tells nobody which machine it is."""

import os
import platform

from hub.bench.machine import Placement, cpu_seconds, facts, pin


def test_facts_do_not_name_the_machine():
    assert platform.node() not in str(facts())
    assert set(facts()) == {"cores", "architecture", "system", "python"}


def test_cpu_time_of_a_process_that_is_gone_is_not_known():
    assert cpu_seconds(2**22 + 1) is None


def test_cpu_time_of_this_process_is_known_where_the_system_tells():
    if os.path.exists("/proc/self/stat"):
        assert cpu_seconds(os.getpid()) >= 0


def test_nothing_is_pinned_without_cores():
    pin([2**22 + 1], ())
    assert "not pinned" in Placement().text()
