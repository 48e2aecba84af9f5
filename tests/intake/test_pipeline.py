from __future__ import annotations
from .intake_world import *

def test_smoke(world, tmp_path):
    p = write_csv(tmp_path/"a.csv", [penalty(1), penalty(2), person_penalty(3)])
    r = world.ingest(p)
    print(r)
    if r.quarantine_file: print(read_table(r.quarantine_file))
    print(world.rows("select * from record")[0])
    assert r.inserted==3

def test_speed(world, tmp_path):
    import time, cProfile, pstats
    n=40000
    p = write_csv(tmp_path/"a.csv", [penalty(1+i%20000) | {DOCUMENT: f"x{i}"} if i%4 else person_penalty(i%900)|{DOCUMENT:f"y{i}"} for i in range(n)])
    t=time.process_time(); r=world.ingest(p); d=time.process_time()-t
    print(r, n/d, "rows/s first")
    t=time.process_time(); r=world.ingest(p); d=time.process_time()-t
    print(r, n/d, "rows/s repeat")
    pr=cProfile.Profile(); 
    p = write_csv(tmp_path/"b.csv", [penalty(1+i%20000) | {DOCUMENT: f"z{i}"} for i in range(10000)])
    pr.enable(); world.ingest(p); pr.disable()
    pstats.Stats(pr).sort_stats("tottime").print_stats(25)
