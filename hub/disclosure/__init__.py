"""The gate: what a caller may see of a subject, for the purpose stated, now.

`gate.DisclosureGate` is the main flow; every exit of the hub passes it (invariant 1).
"""
