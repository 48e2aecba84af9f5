"""Countries and regions by their code, for the register of clients and for what the log says of callers.

- The list is `countries.csv`: code, Chinese name, English name, 249 codes of two letters (ISO 3166-1 alpha-2, in China
  GB/T 2659.1-2022). Hong Kong, Macao and Taiwan have codes of their own there; `CN` stands for the mainland.
- To take up an amendment of the standard, change the list; a code that is in an entry of the log stays there.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import NamedTuple

MAINLAND = "CN"
"""What lies outside of it is abroad in the sense of the rules on cross-border provision, 境外."""
_FILE = "countries.csv"


class Country(NamedTuple):
    """A country or region."""

    code: str
    zh: str
    en: str


@cache
def countries() -> Mapping[str, Country]:
    """All of the list, by code."""
    text = files("hub.model").joinpath(_FILE).read_text("utf-8")
    return {row[0]: Country(*row) for row in csv.reader(text.splitlines())}


def country_named(code: str) -> Country:
    """The country of a code; one that the list no longer has is named by the code."""
    return countries().get(code) or Country(code, code, code)
