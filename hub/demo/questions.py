"""The GraphQL documents of the story."""

from __future__ import annotations

from typing import Final

LOAN_FILE: Final = """\
query LoanFile($uscc: USCC!) {
  organization(uscc: $uscc) {
    name operatingStatus legalRepresentative { name idNumber phone }
    government {
      penalties(first: 20) {
        nodes {
          documentNo decisionDate severity fineAmount { amount currency } publicationEndDate
        }
      }
      taxGrades { nodes { year grade } }
      taxPayments(first: 3) {
        nodes { period amount { amount currency } refundAmount { amount currency } }
      }
      socialInsurance(first: 3) { nodes { period insuredCount } }
    }
    judicial { dishonestJudgmentDebts { nodes { caseNo court performance } } }
    market { commitments { nodes { kind status } } }
    financial {
      loans { nodes { lender contractNo balance { amount currency } overdueDays } }
      guarantees { nodes { creditor balance { amount currency } } }
    }
  }
}
"""
"""What a bank asks for a loan; the department of the story asks the very same."""

SHORT: Final = "query LoanFile($uscc: USCC!) { organization(uscc: $uscc) { … } }   # 同第 3 步 as in step 3"
"""How `LOAN_FILE` is shown where its fields do not matter."""

NOTICE: Final = """\
query Notice {
  purposes { code consentTemplates { kind items separateItems notice { zh en } } }
}
"""

GRANT: Final = """\
mutation Grant($input: GrantConsentInput!) {
  grantConsent(input: $input) {
    id status rangeFrom validTo maxUses dataLifeDays items { dataset separate }
  }
}
"""

WITHDRAW: Final = """\
mutation Withdraw($id: ID!) {
  withdrawConsent(id: $id, reason: "不再申请贷款") {
    id status revokedAt
  }
}
"""

ENTRIES: Final = """\
query WhoSawWhat($uscc: String!) {
  auditEntries(first: 6, filter: { subject: $uscc }) {
    nodes { index at caller purpose outcome reason operation }
  }
}
"""

LEDGER: Final = """\
query MyLedger {
  accessLedger(first: 6) {
    nodes { index at institution caller purpose outcome reason sentence { zh en } items { dataset outcome } }
  }
}
"""
