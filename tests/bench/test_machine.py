"""What is said about the machine tells nobody which machine it is."""

import os
import platform

from hub.bench.machine import Placement, cpu_seconds, facts, memory_bytes, pin, place


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


def test_memory_of_this_process_is_known_where_the_system_tells_and_its_peak_is_not_below_it():
    if os.path.exists("/proc/self/status"):
        now, peak = memory_bytes(os.getpid())
        assert 0 < now <= peak
    assert memory_bytes(2**22 + 1) is None


def test_every_server_has_a_core_of_its_own_and_so_have_generator_and_database(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: set(range(6)), raising=False)
    assert place(own_database=True, servers=2) == Placement((0, 1), (2,), (3, 4, 5))
    assert place(own_database=False, servers=2) == Placement((0, 1), (2,), ())
    assert "cores 0, 1" in place(own_database=True, servers=2).text()


def test_nothing_is_pinned_when_the_servers_would_leave_no_core_to_generator_and_database(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: set(range(5)), raising=False)
    assert place(own_database=True, servers=3).pinned
    assert not place(own_database=True, servers=4).pinned
