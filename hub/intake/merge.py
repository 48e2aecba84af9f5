"""The one way records get into the database: one chunk of valid rows, one transaction.

What happens to a row
- The subject is found by its identifier, or made with a fresh data key; an existing subject keeps its key.
- No record under its key yet: version 1. Same content: nothing at all. Other content: the old version goes to
  `record_history`, the new one takes its place with the next number, and every sealed field is sealed anew.
- A record's state (revoked, repaired, shielded) is never changed from here, so a late correction of a repaired
  record does not bring it back to light. An archived one is valid again, and its new dates decide.
- Refused, and reported as a fault of the row: a key that stood in the same file before with other content
  (DUPLICATE_KEY: which of the two is right is the source's to say, not ours), a record of another source unit
  (OTHER_SOURCE, though it say the same), a subject whose key was destroyed (SUBJECT_ERASED), a new adverse record of
  a person that a purge would delete (NOT_KEPT_SO_LONG), legacy codes that nobody has or a name alone, see
  `hub.intake.resolve`; what has a name goes to the review of names as well.
- Where a subject was found in another way than by its own valid code, lineage is marked with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice

from msgspec.structs import replace
from orjson import dumps

from hub.catalog.types import SubjectKind
from hub.errors import IntakeError
from hub.intake import lineage, name_index, review, standing, store
from hub.intake.faults import Fault, fault
from hub.intake.kept import Kept
from hub.intake.keyed import Keyed, Keyer
from hub.intake.record_copy import FIRST_STATE, RecordEncoder, copy_records
from hub.intake.resolve import REVIEWED, resolve
from hub.intake.rows import Columns, ValidRow
from hub.intake.rows import Origin as Origin
from hub.keys.cache import DataKeyCache
from hub.keys.index import Indexer
from hub.keys.sealing import DataKey, Sealer, aad_head, subject_aad
from hub.model.identifiers import LegacyKind
from hub.policies.clocks import Clocks
from hub.store.database import Database

CHUNK_ROWS = 2_000
"""Rows of one transaction."""
IDENTIFIER_FIELD = "identifier"
"""Name under which a subject's own identifier is sealed, see `hub.keys.sealing.subject_aad`."""
_SCHEME = LegacyKind.ORGANIZATION_CODE.value


@dataclass(slots=True)
class Merged:
    """What became of a number of rows."""

    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    faults: list[tuple[ValidRow, Fault]] = field(default_factory=list)
    fresh: list[ValidRow] = field(default_factory=list)
    """The rows counted as inserted."""


class Merger:
    """Merges chunks of rows of one run, on one connection."""

    def __init__(
        self,
        origin: Origin,
        *,
        indexer: Indexer,
        sealer: Sealer,
        track_duplicates: bool = False,
        resumed: bool = False,
        clocks: Clocks | None = None,
    ) -> None:
        """Prepare a run.

        Args:
            origin: where the rows come from.
            indexer: the ring's keyed hashes.
            sealer: the ring's sealer.
            track_duplicates: refuse a key that an earlier chunk of the run has brought with other content.
            resumed: count what an earlier, cut off run of the same batch has put in place as done by this one.
            clocks: how long records are kept; None: for good.
        """
        self._origin = origin
        self._dataset = origin.dataset
        self._indexer = indexer
        self._sealer = sealer
        self._opened = DataKeyCache(sealer)
        self._keyer = Keyer(origin.dataset, indexer)
        self._encoder = RecordEncoder(origin)
        self._track = track_duplicates
        self._resumed = resumed
        self._kept = Kept(clocks or Clocks(), origin.dataset, origin.received_at)
        self._searchable = tuple(f for f in self._dataset.fields if f.searchable)
        self._registers = self._dataset.profile and SubjectKind.ORG in self._dataset.subjects

    def prepare(self, rows: Sequence[ValidRow], columns: Columns | None = None) -> list[Keyed]:
        """Compute what needs no database; may be done while another chunk is merged. Arguments as of `Keyer.all`."""
        return self._keyer.all(rows, columns)

    async def merge(self, connection: store.Connection, rows: Sequence[ValidRow]) -> Merged:
        """Merge one chunk inside the caller's transaction.

        Args:
            connection: in a transaction; it holds the dataset's lock until that ends.
            rows: valid rows of the dataset, in file order.
        """
        return await self.merge_prepared(connection, self.prepare(rows))

    async def merge_prepared(self, connection: store.Connection, rows: Sequence[Keyed]) -> Merged:
        """As `merge`, with rows from `prepare`."""
        result = Merged()
        await store.lock_dataset(connection, self._dataset.id)
        found = await self._identify(connection, rows, result)
        if not found:
            return result
        stored = await store.read_subjects(connection, {k.subject_id for k in found})
        ids = [k.subject_id + k.record_id for k in found if k.subject_id in stored]
        existing = await store.read_records(connection, self._dataset.id, ids)
        found = [k for k in found if k.record_id in existing or self._may_keep(k.row, result)]
        keys = await self._ensure_subjects(connection, found, stored)
        keyed = [k for k in found if self._alive(k, keys, result)] if None in keys.values() else found
        if not keyed:
            return result
        unseen = await self._mark(connection, keyed, existing)
        added, replaced = self._sort(keyed, existing, unseen, result)
        await copy_records(connection, (self._new_record(k, keys[k.subject_id]) for k in added))
        await self._replace(connection, replaced, existing, keys)
        changed = (*added, *replaced)
        await store.add_tokens(connection, [t for k in changed for t in self._tokens(k)])
        await lineage.add_marks(connection, self._lineage(changed, existing))
        if self._dataset.profile:
            await self._register(connection, changed)
        return result

    async def _replace(
        self,
        connection: store.Connection,
        replaced: Sequence[Keyed],
        existing: dict[bytes, store.Existing],
        keys: dict[bytes, DataKey | None],
    ) -> None:
        """Put corrections in place of what they correct; what stands on the records stays."""
        dataset = self._dataset.id
        rows = [self._record(k, existing[k.record_id].version + 1, keys[k.subject_id]) for k in replaced]
        rows = await standing.keep_clocks(connection, dataset, rows)
        await store.replace_records(connection, dataset, rows, self._origin.received_at)
        corrected = {
            k.record_id: standing.Corrected(k.row.values, self._keyer.sealed(k.row.subject.kind), key)
            for k in replaced
            if (key := keys[k.subject_id]) is not None
        }
        await standing.keep_statements(connection, dataset, rows, corrected)

    def _lineage(self, changed: Sequence[Keyed], existing: dict[bytes, store.Existing]) -> list[lineage.Mark]:
        """How the subjects of changed records were found, where not by their own valid code."""
        found = []
        for k in changed:
            ref = k.row.subject
            if ref.mark:
                old = existing.get(k.record_id)
                version = old.version + 1 if old else 1
                place = (k.subject_id, self._dataset.id, k.record_id, version)
                found.append(lineage.Mark(*place, ref.mark, ref.reference))
        return found

    async def _identify(
        self, connection: store.Connection, rows: Sequence[Keyed], result: Merged
    ) -> list[Keyed]:
        """Every row with its ids; rows that know an organisation code only are looked up."""
        nameless = [k.row for k in rows if not k.subject_id]
        if not nameless:
            return list(rows)
        origin = self._origin
        known = iter(await resolve(connection, self._indexer, origin.source_unit, nameless))
        found: list[Keyed] = []
        unmatched: list[ValidRow] = []
        for k in rows:
            if k.subject_id:
                found.append(k)
                continue
            whose = next(known)
            if whose.fault is None:
                ref = replace(k.row.subject, mark=whose.mark, reference=whose.reference)
                found.append(self._keyer.one(replace(k.row, subject=ref), whose.subject_id))
                continue
            self._refuse(whose.fault, k.row, result)
            if whose.fault in REVIEWED:
                unmatched.append(k.row)
        await review.enqueue(connection, self._indexer, self._sealer, origin, unmatched)
        return found

    async def _ensure_subjects(
        self, connection: store.Connection, found: Sequence[Keyed], stored: dict[bytes, store.StoredKey]
    ) -> dict[bytes, DataKey | None]:
        """An opened data key for every subject, made where it is not among the stored; None where it was destroyed."""
        rows = {k.subject_id: k.row for k in found}
        fresh = [self._new_subject(i, row) for i, row in rows.items() if i not in stored]
        if fresh:
            added = await store.add_subjects(connection, fresh, self._origin.received_at)
            stored |= {s.subject_id: (s.kek_id, s.wrapped_key) for s in fresh}
            others = [s.subject_id for s in fresh if s.subject_id not in added]
            stored |= await store.read_subjects(connection, others)
        made = {s.subject_id for s in fresh}
        await self._add_codes(connection, [k for k in found if k.subject_id in made])
        return {
            i: self._opened.open(i, kek_id, wrapped) if wrapped is not None else None
            for i, (kek_id, wrapped) in stored.items()
            if i in rows
        }

    def _new_subject(self, subject_id: bytes, row: ValidRow) -> store.SubjectRow:
        kek_id, wrapped, key = self._opened.make(subject_id)
        ref = row.subject
        sealed = key.seal(subject_aad(subject_id, IDENTIFIER_FIELD), dumps(ref.identifier))
        division = ref.division_code or (ref.identifier[2:8] if ref.kind is SubjectKind.ORG else None)
        return store.SubjectRow(subject_id, ref.kind, sealed, kek_id, wrapped, division)

    async def _add_codes(self, connection: store.Connection, fresh: Sequence[Keyed]) -> None:
        """Store the organisation codes of new subjects, which are a part of their USCC; all others have theirs."""
        codes = {(k.row.subject.identifier[8:17], k.subject_id) for k in fresh if k.row.subject.aliases}
        await store.add_aliases(
            connection, [(self._indexer.alias_hash(_SCHEME, code), _SCHEME, i) for code, i in codes]
        )

    async def _register(self, connection: store.Connection, changed: Sequence[Keyed]) -> None:
        """Keep what a registration says of the subject itself; one that was refused says nothing.

        Nobody else binds a legacy code or says where a subject belongs: see `hub.intake.resolve`.
        """
        divisions = {k.subject_id: k.row.subject.division_code for k in changed}
        await store.move_subjects(connection, {i: d for i, d in divisions.items() if d})
        if not self._registers:
            return
        hashed = [
            (self._indexer.alias_hash(scheme, code), scheme, k.subject_id)
            for k in changed
            for scheme, code in k.row.subject.aliases
        ]
        await store.add_aliases(connection, hashed)
        named = [(k.subject_id, k.row.values["name"]) for k in changed]
        await name_index.keep(connection, named, self._origin.received_at)

    def _may_keep(self, row: ValidRow, result: Merged) -> bool:
        if not self._kept.allows(row):
            self._refuse("NOT_KEPT_SO_LONG", row, result)
            return False
        return True

    def _alive(self, k: Keyed, keys: dict[bytes, DataKey | None], result: Merged) -> bool:
        if keys[k.subject_id] is None:
            self._refuse("SUBJECT_ERASED", k.row, result)
            return False
        return True

    async def _mark(
        self, connection: store.Connection, keyed: Sequence[Keyed], existing: dict[bytes, store.Existing]
    ) -> set[bytes]:
        """Ids of the records that no earlier chunk of this run has brought.

        What an earlier chunk has put in place says so by its batch, in the history where another file has corrected it
        since; what it left as it was has to be noted. The batch says nothing where an earlier run of it was cut off:
        then all are noted.
        """
        ids = {k.record_id for k in keyed}
        if not self._track:
            return ids
        if self._resumed:
            return await store.mark_seen(connection, ids)
        batch = self._origin.batch_id
        others = {i for i in ids & existing.keys() if existing[i].batch_id != batch}
        keys = [k.subject_id + k.record_id for k in keyed if k.record_id in others]
        return ids - existing.keys() | await store.mark_others(connection, self._dataset.id, keys, batch)

    def _sort(
        self,
        keyed: list[Keyed],
        existing: dict[bytes, store.Existing],
        unseen: set[bytes],
        result: Merged,
    ) -> tuple[list[Keyed], list[Keyed]]:
        """Which rows are new and which replace a version; the rest is counted or refused."""
        if not existing and len(unseen) == len(keyed):
            return self._count_new(keyed, result), []
        added: list[Keyed] = []
        replaced: list[Keyed] = []
        first: dict[bytes, bytes] = {}
        for k in keyed:
            old = existing.get(k.record_id)
            if old is not None and old.source_unit != self._origin.source_unit:
                self._refuse(
                    "OTHER_SOURCE", k.row, result
                )  # same content or not: "unchanged" would confirm it
                continue
            repeated = k.record_id in first or k.record_id not in unseen
            current = first.get(k.record_id) or (old.content_hash if old else None)
            if current == k.content_hash:
                self._count_same(k.row, old, repeated, result)
            elif repeated:
                self._refuse("DUPLICATE_KEY", k.row, result)
                continue
            elif old is None:
                added.append(k)
            else:
                replaced.append(k)
            first.setdefault(k.record_id, k.content_hash)
        result.updated += len(replaced)
        return self._count_new(added, result), replaced

    @staticmethod
    def _count_new(added: list[Keyed], result: Merged) -> list[Keyed]:
        result.inserted += len(added)
        result.fresh += [k.row for k in added]
        return added

    def _count_same(self, row: ValidRow, old: store.Existing | None, repeated: bool, result: Merged) -> None:
        """Count a row that changes nothing; one that this very batch put there before it was cut off counts as done."""
        if old is None or repeated or not self._resumed or old.batch_id != self._origin.batch_id:
            result.unchanged += 1
        elif old.version == 1:
            result.inserted += 1
            result.fresh.append(row)
        else:
            result.updated += 1

    def _refuse(self, code: str, row: ValidRow, result: Merged) -> None:
        result.faults.append((row, fault(code, row.number, "")))

    def _new_record(self, k: Keyed, key: DataKey | None) -> bytes:
        clear, sealed = self._bodies(k, 1, key)
        return self._encoder.record(k.row, (k.subject_id, k.record_id), k.content_hash, clear, sealed)

    def _record(self, k: Keyed, version: int, key: DataKey | None) -> store.RecordRow:
        row, origin, dataset = k.row, self._origin, self._dataset
        clear, sealed = self._bodies(k, version, key)
        return store.RecordRow(
            k.subject_id, dataset.id, k.record_id, version, dataset.edition, row.event_date, row.severity,
            row.severity_source, FIRST_STATE, row.visible_from, row.visible_until, origin.source_unit,
            origin.batch_id, row.number, origin.received_at, k.content_hash, clear.decode(), sealed.decode(),
        )  # fmt: skip

    def _bodies(self, k: Keyed, version: int, key: DataKey | None) -> tuple[bytes, bytes]:
        """Open and sealed values by field name, in JSON."""
        if not k.hidden:
            return k.clear, b"{}"
        assert key is not None
        head, name = aad_head(self._dataset.id, version)
        return k.clear, dumps(key.seal_fields(head + k.subject_id + name + k.record_id, k.hidden))

    def _tokens(self, k: Keyed) -> Iterable[store.Token]:
        for searched in self._searchable:
            value = k.row.values.get(searched.name)
            if value is not None:
                token = self._indexer.blind_token(searched.id, dumps(value))
                yield store.Token(k.subject_id, searched.id, token, k.record_id)


async def load_rows(
    rows: Iterable[ValidRow],
    origin: Origin,
    *,
    database: Database,
    indexer: Indexer,
    sealer: Sealer,
    chunk_rows: int = CHUNK_ROWS,
) -> Merged:
    """Merge rows that were made by a program, chunk by chunk, each chunk in a transaction of its own.

    Args:
        rows: valid rows of `origin.dataset`; read lazily.
        origin: dataset, source unit, batch id and time of receipt to be stored with them.
        database: where to.
        indexer: the ring's keyed hashes.
        sealer: the ring's sealer.
        chunk_rows: rows of one transaction.

    Raises:
        IntakeError: when a row is refused; chunks before it have landed.
        UnavailableError: when the database is away.
    """
    merger = Merger(origin, indexer=indexer, sealer=sealer)
    total = Merged()
    source = iter(rows)
    async with database.connection() as connection:
        while chunk := list(islice(source, chunk_rows)):
            async with connection.transaction():
                part = await merger.merge(connection, chunk)
                if part.faults:
                    row, found = part.faults[0]
                    raise IntakeError(f"Row {row.number} is refused: {found.code}.", hint=found.hint)
            total.inserted += part.inserted
            total.updated += part.updated
            total.unchanged += part.unchanged
    return total
