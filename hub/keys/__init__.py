"""Keys: the ring, the provider that wraps data keys, sealing, keyed indexes and signatures.

The only room that imports `cryptography`. It knows nothing of datasets, subjects or requests: identifiers
come in as bytes and text, and what goes out is ciphertext, keyed hashes and signatures.
"""
