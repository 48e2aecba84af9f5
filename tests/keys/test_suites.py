"""Property 8 of the threat model: primitives give what their standards publish, and open nothing else."""

from __future__ import annotations

import pytest
from cryptography.exceptions import InvalidTag

from hub.keys.suites import Suite, aead, derive, require

GCM_KEY = "feffe9928665731c6d6a8f9467308308" * 2
GCM_PLAIN = (
    "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
    "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"
)
VECTORS = {
    "AES-256-GCM, GCM specification case 13": (
        Suite.AES_256_GCM,
        "00" * 32,
        "00" * 12,
        "",
        "",
        "",
        "530f8afbc74536b9a963b4f1c4cb738b",
    ),
    "AES-256-GCM, GCM specification case 14": (
        Suite.AES_256_GCM,
        "00" * 32,
        "00" * 12,
        "",
        "00" * 16,
        "cea7403d4d606b6e074ec5d3baf39d18",
        "d0d1c8a799996bf0265b98b5d48ab919",
    ),
    "AES-256-GCM, GCM specification case 16": (
        Suite.AES_256_GCM,
        GCM_KEY,
        "cafebabefacedbaddecaf888",
        "feedfacedeadbeeffeedfacedeadbeefabaddad2",
        GCM_PLAIN,
        "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
        "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662",
        "76fc6ece0f4e1768cddf8853bb2d551b",
    ),
    "SM4-GCM, RFC 8998 appendix A.1": (
        Suite.SM4_GCM,
        "0123456789abcdeffedcba9876543210",
        "00001234567800000000abcd",
        "feedfacedeadbeeffeedfacedeadbeefabaddad2",
        "aa" * 8 + "bb" * 8 + "cc" * 8 + "dd" * 8 + "ee" * 8 + "ff" * 8 + "ee" * 8 + "aa" * 8,
        "17f399f08c67d5ee19d0dc9969c4bb7d5fd46fd3756489069157b282bb200735"
        "d82710ca5c22f0ccfa7cbf93d496ac15a56834cbcf98c397b4024a2691233b8d",
        "83de3541e4c2b58177e065a9bf7b62ec",
    ),
}


@pytest.mark.parametrize("name", VECTORS)
def test_a_published_vector_of_the_cipher_holds_and_no_altered_one_opens(name: str) -> None:
    suite, *texts = VECTORS[name]
    key, nonce, aad, plain, cipher, tag = (bytes.fromhex(text) for text in texts)
    box = aead(suite, key)
    sealed = cipher + tag
    assert box.encrypt(nonce, plain, aad) == sealed
    assert box.decrypt(nonce, sealed, aad) == plain
    flipped = [bytes(b ^ (i == j) for j, b in enumerate(sealed)) for i in range(len(sealed))]
    for bad_nonce, bad_sealed, bad_aad in [
        *((nonce, bad, aad) for bad in flipped),
        (bytes(11) + b"\1", sealed, aad),
        (nonce, sealed, aad + b"\0"),
        (nonce, sealed[:-1], aad),
    ]:
        with pytest.raises((InvalidTag, ValueError)):
            box.decrypt(bad_nonce, bad_sealed, bad_aad)


def test_key_derivation_gives_rfc_5869_test_case_3() -> None:
    expected = "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"
    assert derive(Suite.AES_256_GCM, b"\x0b" * 22, b"", 42).hex() == expected


def test_the_info_parameter_enters_the_derivation_as_rfc_5869_says() -> None:
    """HKDF-Expand step by step with the standard library, over both suites' hashes."""
    import hashlib
    import hmac

    for suite, name in ((Suite.AES_256_GCM, "sha256"), (Suite.SM4_GCM, "sm3")):
        if name not in hashlib.algorithms_available:
            continue
        prk = hmac.digest(bytes(32), b"secret", name)
        first = hmac.digest(prk, b"info\x01", name)
        second = hmac.digest(prk, first + b"info\x02", name)
        assert derive(suite, b"secret", b"info", 56) == (first + second)[:56]


def test_both_suites_work_on_this_machine() -> None:
    for suite in Suite:
        require(suite)


def test_one_secret_gives_unrelated_keys_in_the_two_suites() -> None:
    one, other = (derive(suite, bytes(32), b"x", 32) for suite in Suite)
    assert one[:16] != other[:16]
