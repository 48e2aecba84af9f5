"""Fixed facts of the story: the company, who represents it, and the institutions behind the demo clients.

All codes are synthetic (`DEM`, region 469999, telephone 100) and stay the same for every seed, size and day.
"""

from __future__ import annotations

from typing import Final

COMPANY_USCC: Final = "91460100DEM000014C"
COMPANY_NAME: Final = "海南椰澜供应链有限公司（演示）"
COMPANY_DIVISION: Final = "460100"
PERSON_NAME: Final = "符海澜"
PERSON_ID: Final = "469999198506159993"
"""Sequence 999 is given to nobody else, see `hub.demo.codes.resident_id`."""
PERSON_BORN: Final = "1985-06-15"
PERSON_PHONE: Final = "10055550139"

BANK_HKB: Final = "91460100DEM820012A"
"""海口示范银行（演示）, behind client `bank-hkb`; has lent to the company."""
BANK_QZB: Final = "91460100DEM8200205"
"""琼州示范银行（演示）, behind client `bank-qzb`; has lent to the company too."""
DEPT_AMR: Final = "11460000DEM800011T"
"""海南省市场监督管理局, behind client `dept-amr`."""
DEPT_TAX: Final = "11460000DEM800089T"
"""国家税务总局海南省税务局, behind client `dept-tax`."""
OFFICER: Final = "11460000DEM800222A"
"""海南省营商环境建设厅, behind client `officer-privacy`."""
OPERATOR: Final = "11460000DEM8002492"
"""海南省大数据管理局, behind client `operator-main`."""
