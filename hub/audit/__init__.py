"""The log of every operation: a Merkle tree of typed entries, signed checkpoints, receipts, and its views."""
