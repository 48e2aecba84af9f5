"""The tree: published vectors, a naive reference, and proofs that must fail."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.audit.merkle import (
    EMPTY_ROOT,
    Frontier,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_hash,
    root,
    verify_consistency,
    verify_inclusion,
)
from hub.errors import VerificationError

# The reference inputs and roots of Certificate Transparency (RFC 6962 tree, SHA-256).
INPUTS = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
LEAVES = [leaf_hash(n.to_bytes(2, "big")) for n in range(200)]


def naive(leaves: list[bytes]) -> bytes:
    """The definition of RFC 6962 section 2.1, word by word."""
    if not leaves:
        return EMPTY_ROOT
    if len(leaves) == 1:
        return leaves[0]
    middle = 1
    while middle * 2 < len(leaves):
        middle *= 2
    return node_hash(naive(leaves[:middle]), naive(leaves[middle:]))


def fetch(start: int, stop: int) -> list[bytes]:
    return LEAVES[start:stop]


def test_the_empty_tree_has_the_published_root() -> None:
    assert root([]).hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert Frontier.empty().root() == EMPTY_ROOT


@pytest.mark.parametrize("count", range(1, 9))
def test_the_reference_leaves_have_the_published_roots(count: int) -> None:
    assert root([leaf_hash(bytes.fromhex(i)) for i in INPUTS[:count]]).hex() == ROOTS[count - 1]


def test_reference_proofs_are_the_published_ones() -> None:
    leaves = [leaf_hash(bytes.fromhex(i)) for i in INPUTS]
    inclusion = inclusion_proof(5, 8, lambda a, b: leaves[a:b])
    assert [h.hex() for h in inclusion] == [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ]
    consistency = consistency_proof(6, 8, lambda a, b: leaves[a:b])
    assert [h.hex() for h in consistency] == [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ]


@given(st.integers(0, 200), st.integers(0, 200))
def test_extending_gives_the_naive_tree_and_proofs_without_old_leaves(one: int, other: int) -> None:
    old, new = sorted((one, other))
    before = Frontier.empty().extend(LEAVES[:old]).frontier
    extension = Frontier.decode(old, before.encode()).extend(LEAVES[old:new])
    assert extension.root == extension.frontier.root() == naive(LEAVES[:new])
    for index in range(old, new):
        assert extension.proof(index) == inclusion_proof(index, new, fetch)
        verify_inclusion(LEAVES[index], index, new, extension.proof(index), extension.root)


@given(st.integers(0, 200), st.integers(0, 200))
def test_every_older_tree_is_the_beginning_of_every_newer_one(one: int, other: int) -> None:
    old, new = sorted((one, other))
    proof = consistency_proof(old, new, fetch)
    verify_consistency(old, new, naive(LEAVES[:old]), naive(LEAVES[:new]), proof)


@given(st.integers(0, 200))
def test_the_prefixes_of_a_right_edge_are_smaller_trees(size: int) -> None:
    for prefix in Frontier.empty().extend(LEAVES[:size]).frontier.prefixes():
        assert prefix.root() == naive(LEAVES[: prefix.size])


@given(st.integers(1, 200), st.data())
def test_an_altered_inclusion_proof_is_refused(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    tree, proof = naive(LEAVES[:size]), inclusion_proof(index, size, fetch)
    wrong = [
        (leaf_hash(b"other"), index, size, proof),
        (LEAVES[index], index + 1, size, proof),
        (LEAVES[index], index, size, (*proof, LEAVES[0])),
        (LEAVES[index], -1, size, proof),
    ]
    if proof:
        flipped = bytes([proof[0][0] ^ 1]) + proof[0][1:]
        wrong += [
            (LEAVES[index], index, size, (flipped, *proof[1:])),
            (LEAVES[index], index, size, proof[:-1]),
        ]
    for leaf, at, of, hashes in wrong:
        with pytest.raises(VerificationError):
            verify_inclusion(leaf, at, of, hashes, tree)


@given(st.integers(1, 199), st.data())
def test_a_rewritten_history_has_no_consistency_proof(old: int, data: st.DataObject) -> None:
    new = data.draw(st.integers(old + 1, 200))
    forged = list(LEAVES[:new])
    forged[data.draw(st.integers(0, old - 1))] = leaf_hash(b"forged")
    proof = consistency_proof(old, new, lambda a, b: forged[a:b])
    with pytest.raises(VerificationError):
        verify_consistency(old, new, naive(LEAVES[:old]), naive(forged), proof)
    genuine = consistency_proof(old, new, fetch)
    for hashes in ((*genuine, LEAVES[0]), genuine[:-1], ()):
        with pytest.raises(VerificationError):
            verify_consistency(old, new, naive(LEAVES[:old]), naive(LEAVES[:new]), hashes)


def test_there_is_no_proof_for_what_is_not_there() -> None:
    extension = Frontier.empty().extend(LEAVES[:4])
    for refused in (
        lambda: inclusion_proof(4, 4, fetch),
        lambda: consistency_proof(5, 4, fetch),
        lambda: extension.proof(4),
        lambda: extension.frontier.extend(LEAVES[4:6]).proof(3),
        lambda: Frontier.decode(3, LEAVES[0]),
        lambda: verify_consistency(0, 4, LEAVES[0], extension.root, ()),
        lambda: verify_consistency(4, 4, LEAVES[0], extension.root, ()),
        lambda: verify_consistency(5, 4, LEAVES[0], extension.root, ()),
    ):
        with pytest.raises(VerificationError):
            refused()


def test_a_large_batch_on_a_large_tree_proves_every_leaf() -> None:
    leaves = [leaf_hash(str(n).encode()) for n in range(70_000)]
    before = Frontier.empty().extend(leaves[:65_003]).frontier
    extension = before.extend(leaves[65_003:])
    for index in random.Random(1).sample(range(65_003, 70_000), 300):
        verify_inclusion(leaves[index], index, 70_000, extension.proof(index), extension.root)
