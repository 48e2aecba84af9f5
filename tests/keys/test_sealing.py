"""Properties 2, 3, 7 and 10 of the threat model: a sealed value opens in one place, under one key, whole."""

from __future__ import annotations

import base64
import itertools
import os
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.errors import KeyRingError, SealError
from hub.keys.ring import KeyRing
from hub.keys.sealing import MOST_SEALS, DataKey, aad, aad_prefix, subject_aad
from hub.keys.suites import Suite, aead, derive, key_bytes

SUBJECT, OTHER = bytes(range(16)), bytes(range(1, 17))
RECORD = bytes(range(100, 116))
VALUE = b'"469999199001010000"'
HEADER, NONCE, TAG = 26, 12, 16


@pytest.fixture(scope="module", params=list(Suite), ids=lambda suite: suite.name)
def key(request: pytest.FixtureRequest) -> DataKey:
    return DataKey(os.urandom(32), request.param)


PLACES = {
    "the value's own place": aad(SUBJECT, "financial.loan", RECORD, 1, "principal"),
    "another subject": aad(OTHER, "financial.loan", RECORD, 1, "principal"),
    "another dataset": aad(SUBJECT, "financial.guarantee", RECORD, 1, "principal"),
    "another record": aad(SUBJECT, "financial.loan", OTHER, 1, "principal"),
    "an older version": aad(SUBJECT, "financial.loan", RECORD, 0, "principal"),
    "a newer version": aad(SUBJECT, "financial.loan", RECORD, 2, "principal"),
    "another column": aad(SUBJECT, "financial.loan", RECORD, 1, "balance"),
    "a column with a longer name": aad(SUBJECT, "financial.loan", RECORD, 1, "principals"),
    "the subject's identifier": subject_aad(SUBJECT, "principal"),
    "no place": b"",
}


def test_a_value_opens_in_its_own_place_and_in_no_other_for_every_pair(key: DataKey) -> None:
    for (here, sealed_at), (there, opened_at) in itertools.product(PLACES.items(), repeat=2):
        token = key.seal(sealed_at, VALUE)
        if here == there:
            assert key.unseal(opened_at, token) == VALUE
        else:
            with pytest.raises(SealError):
                key.unseal(opened_at, token)


def test_any_flipped_bit_of_header_nonce_body_or_tag_is_refused_with_the_same_words(key: DataKey) -> None:
    place = PLACES["the value's own place"]
    blob = base64.b64decode(key.seal(place, VALUE))
    assert len(blob) == HEADER + NONCE + len(VALUE) + TAG
    said = set()
    for bit in range(len(blob) * 8):
        altered = bytearray(blob)
        altered[bit // 8] ^= 1 << bit % 8
        with pytest.raises(SealError) as caught:
            key.unseal(place, base64.b64encode(altered).decode())
        assert caught.value.__cause__ is None
        assert caught.value.__context__ is None
        said.add((str(caught.value), caught.value.message_zh))
    assert len(said) == 1
    assert VALUE.decode() not in str(said)


def test_a_sealed_value_that_was_cut_or_lengthened_anywhere_is_refused(key: DataKey) -> None:
    place = PLACES["the value's own place"]
    blob = base64.b64decode(key.seal(place, VALUE))
    for altered in [*(blob[:n] for n in range(len(blob))), blob + b"\0", blob[:26] + b"\0" + blob[26:]]:
        with pytest.raises(SealError):
            key.unseal(place, base64.b64encode(altered).decode())


@pytest.mark.parametrize("length", range(3))
def test_any_other_spelling_of_the_same_base64_is_refused(key: DataKey, length: int) -> None:
    token = key.seal(b"", b"x" * length)
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=\n -"
    spellings = {token[:i] + c + token[i + 1 :] for i in range(len(token)) for c in alphabet} - {token}
    spellings |= {
        token + "\n",
        " " + token,
        token + "=",
        token + "====",
        token.rstrip("=") + "=" * 3,
        token[:-1],
        token * 2,
    }
    for spelling in sorted(spellings - {token}):
        with pytest.raises(SealError):
            key.unseal(b"", spelling)


@pytest.mark.parametrize("junk", ["", "=", "====", "密文", "A", "AAAA", None, 7, [], {}, "\x00" * 80])
def test_anything_a_database_may_hold_instead_of_a_sealed_value_is_refused(
    key: DataKey, junk: object
) -> None:
    with pytest.raises(SealError):
        key.unseal(b"", junk)  # type: ignore[arg-type]


def test_a_value_sealed_under_one_key_is_refused_under_every_other(key: DataKey) -> None:
    token = key.seal(b"place", VALUE)
    for suite in Suite:
        with pytest.raises(SealError):
            DataKey(os.urandom(32), suite).unseal(b"place", token)


def test_a_ciphertext_that_opens_under_two_keys_is_refused_by_at_least_one() -> None:
    """GCM alone lets one body open under two keys (invisible salamanders); the header tells them apart."""
    secrets = [os.urandom(32), os.urandom(32)]
    keys = [DataKey(secret, Suite.AES_256_GCM) for secret in secrets]
    ciphers = []
    for secret in secrets:
        info = b"credit-hub/seal/v1/1"
        material = derive(Suite.AES_256_GCM, secret, info, 24 + key_bytes(Suite.AES_256_GCM))
        ciphers.append(aead(Suite.AES_256_GCM, material[24:]))
    nonce, body = _salamander(secrets)
    assert all(cipher.decrypt(nonce, body, b"") is not None for cipher in ciphers)  # the attack works on GCM
    for header in (base64.b64decode(key.seal(b"", b""))[:HEADER] for key in keys):
        token = base64.b64encode(header + nonce + body).decode()
        opened = []
        for candidate in keys:
            try:
                opened.append(candidate.unseal(b"", token))
            except SealError:
                continue
        assert len(opened) == 1


def _salamander(secrets: list[bytes]) -> tuple[bytes, bytes]:
    """A nonce and a two-block GCM body whose tag holds under both keys, with no additional data.

    With hash keys H and tag masks S, the tag is C1*H^3 + C2*H^2 + L*H + S: C1 is free, C2 makes both equal.
    """
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    nonce = os.urandom(12)
    info, first = b"credit-hub/seal/v1/1", int.from_bytes(os.urandom(16), "big")
    hs, masks = [], []
    for secret in secrets:
        cipher_key = derive(Suite.AES_256_GCM, secret, info, 56)[24:]
        block = Cipher(algorithms.AES(cipher_key), modes.ECB()).encryptor()
        hs.append(int.from_bytes(block.update(bytes(16)), "big"))
        masks.append(int.from_bytes(block.update(nonce + b"\0\0\0\1"), "big"))
    lengths = 256

    def rest(h: int, mask: int) -> int:
        return _times(first, _times(h, _times(h, h))) ^ _times(lengths, h) ^ mask

    squares = [_times(h, h) for h in hs]
    difference = rest(hs[0], masks[0]) ^ rest(hs[1], masks[1])
    second = _times(difference, _inverse(squares[0] ^ squares[1]))
    tag = _times(second, squares[0]) ^ rest(hs[0], masks[0])
    return nonce, b"".join(part.to_bytes(16, "big") for part in (first, second, tag))


def _times(x: int, y: int) -> int:
    """Multiplication in GCM's field (NIST SP 800-38D, 6.3)."""
    z = 0
    for i in range(127, -1, -1):
        if x >> i & 1:
            z ^= y
        y = y >> 1 ^ (0xE1 << 120 if y & 1 else 0)
    return z


def _inverse(x: int) -> int:
    result, power = 1 << 127, x
    for _ in range(127):
        power = _times(power, power)
        result = _times(result, power)
    return result


def test_a_hundred_thousand_sealings_repeat_no_nonce(key: DataKey) -> None:
    blobs = (base64.b64decode(key.seal(b"", b"")) for _ in range(100_000))
    assert len({blob[HEADER : HEADER + NONCE] for blob in blobs}) == 100_000


def test_a_key_seals_two_to_the_thirty_second_values_and_not_one_more() -> None:
    key = DataKey(os.urandom(32), Suite.AES_256_GCM, sealed_before=MOST_SEALS - 2)
    assert MOST_SEALS == 2**32
    tokens = [key.seal(b"", VALUE) for _ in range(2)]
    for _ in range(3):
        with pytest.raises(KeyRingError):
            key.seal(b"", VALUE)
    assert [key.unseal(b"", token) for token in tokens] == [VALUE, VALUE]


def test_the_same_value_sealed_twice_looks_different(key: DataKey) -> None:
    assert key.seal(b"", VALUE) != key.seal(b"", VALUE)


def test_a_data_key_neither_shows_its_secret_nor_leaves_the_process() -> None:
    secret = os.urandom(32)
    key = DataKey(secret, Suite.AES_256_GCM)
    assert repr(key) == f"<DataKey {key.id.hex()}>"
    assert secret.hex() not in repr(key)
    with pytest.raises(TypeError):
        pickle.dumps(key)


def test_a_data_key_opens_only_for_its_subject_and_key_encryption_key(suite_ring: KeyRing) -> None:
    sealer = suite_ring.sealer()
    kek_id, wrapped = sealer.new_data_key(SUBJECT)
    token = sealer.seal(sealer.open_data_key(SUBJECT, kek_id, wrapped), b"place", VALUE)
    assert sealer.unseal(sealer.open_data_key(SUBJECT, kek_id, wrapped), b"place", token) == VALUE
    with pytest.raises(SealError):
        sealer.open_data_key(OTHER, kek_id, wrapped)
    with pytest.raises(SealError):
        sealer.open_data_key(SUBJECT, "kek_0000000000000000", wrapped)


def test_any_flipped_bit_or_missing_byte_of_a_wrapped_key_is_refused(suite_ring: KeyRing) -> None:
    sealer = suite_ring.sealer()
    kek_id, wrapped = sealer.new_data_key(SUBJECT)
    altered = [
        bytes(b ^ (1 << bit % 8 if i == bit // 8 else 0) for i, b in enumerate(wrapped)) for bit in range(496)
    ]
    assert len(wrapped) * 8 == len(altered)
    for bad in [*altered, *(wrapped[:n] for n in range(len(wrapped))), wrapped + b"\0"]:
        with pytest.raises(SealError):
            sealer.open_data_key(SUBJECT, kek_id, bad)


def test_a_ring_does_not_open_what_another_ring_wrapped(ring: KeyRing, suite_ring: KeyRing) -> None:
    kek_id, wrapped = suite_ring.sealer().new_data_key(SUBJECT)
    with pytest.raises(SealError):
        ring.sealer().open_data_key(SUBJECT, kek_id, wrapped)


ids = st.binary(max_size=20)
places = st.tuples(ids, st.text(max_size=12), ids, st.integers(0, 2**63), st.text(max_size=12))


@given(places, places)
def test_additional_data_are_equal_only_for_equal_places(one: tuple, other: tuple) -> None:
    assert (aad(*one) == aad(*other)) == (one == other)


@given(places, ids, st.text(max_size=12))
def test_additional_data_of_a_record_never_equal_those_of_a_subject(
    place: tuple, subject: bytes, field: str
) -> None:
    assert aad(*place) != subject_aad(subject, field)


@given(places)
def test_additional_data_are_the_prefix_and_the_name_of_the_field(place: tuple) -> None:
    assert aad(*place) == aad_prefix(*place[:4]) + place[4].encode()


def test_parts_that_run_together_are_still_told_apart() -> None:
    assert aad(b"ab", "c", b"", 1, "") != aad(b"a", "bc", b"", 1, "")
    assert aad(b"", "ab", b"c", 1, "d") != aad(b"", "a", b"bc", 1, "d")
    assert aad(b"", "a", b"b", 1, "cd") != aad(b"", "a", b"bc", 1, "d")


def test_fields_sealed_together_open_one_by_one_and_share_no_nonce() -> None:
    key = DataKey(b"k" * 32, Suite.AES_256_GCM)
    values = {f"field{n}": str(n).encode() for n in range(30)}
    sealed = key.seal_fields(b"place:", values)
    assert {name: key.unseal(b"place:" + name.encode(), cell) for name, cell in sealed.items()} == values
    nonces = {base64.b64decode(cell)[HEADER : HEADER + NONCE] for cell in sealed.values()}
    assert len(nonces) == len(values)
    assert key.seal_fields(b"place:", {}) == {}


def test_fields_sealed_together_count_against_the_most_that_one_key_may_seal() -> None:
    key = DataKey(b"k" * 32, Suite.AES_256_GCM, sealed_before=MOST_SEALS - 2)
    with pytest.raises(KeyRingError):
        key.seal_fields(b"place:", {"a": b"1", "b": b"2", "c": b"3"})
