"""Where a supply belongs: its dataset and its source unit, found by what they are called."""

from __future__ import annotations

import difflib

from hub.catalog.types import Catalog, Dataset
from hub.errors import IdentifierError, IntakeError
from hub.intake import store
from hub.model.identifiers import parse_uscc


def find_dataset(catalog: Catalog, dataset_id: str) -> Dataset:
    """The dataset with this id.

    Raises:
        IntakeError: when the catalogue has none, naming the nearest ids.
    """
    dataset = catalog.datasets.get(dataset_id)
    if dataset is None:
        near = difflib.get_close_matches(dataset_id, catalog.datasets, n=3, cutoff=0.4) or sorted(
            catalog.datasets
        )
        raise IntakeError(
            "The catalogue has no such dataset.",
            hint=f"Did you mean {', '.join(near)}?",
            message_zh="目录中没有该数据集。",
        )
    return dataset


async def find_source_unit(connection: store.Connection, text: str, *, demo: bool) -> str:
    """USCC of a source unit, given as such or by the id of an active client that acts for it.

    Raises:
        IntakeError: when it is neither, naming the nearest clients.
    """
    institution = await store.client_institution(connection, text)
    if institution is not None:
        return institution
    try:
        return parse_uscc(text, demo=demo).text
    except IdentifierError as error:
        near = difflib.get_close_matches(text, await store.client_ids(connection), n=3, cutoff=0.4)
        hint = f"Did you mean {', '.join(near)}?" if near else error.hint
        raise IntakeError(
            "The source unit is neither a known client nor a unified social credit code.",
            hint=hint,
            message_zh="信源单位既不是已登记的客户端，也不是有效的统一社会信用代码。",
        ) from None
