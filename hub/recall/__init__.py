"""Recall with closure: whoever got a record is told when it may not be used as it was, and must say so was done."""
