"""The error tree. Each error has a stable `code`, one sentence, and says what a person should do next.

```
HubError
├── ConfigurationError          CONFIGURATION           the process must not start like this
│   ├── KeyRingError            KEY_RING
│   ├── CatalogError            CATALOGUE
│   ├── PolicyError             POLICY
│   └── DocumentsError          DOCUMENTS
├── InputError                  BAD_INPUT               the caller can mend it
│   ├── IdentifierError         BAD_IDENTIFIER
│   ├── ValueFormatError        BAD_VALUE
│   └── IntakeError             INTAKE
├── AuthenticationError         UNAUTHENTICATED         no valid token
├── DisclosureRefusedError      NOT_DISCLOSED           the gate said no; `reason` is a stable reason code
├── IntegrityError              INTEGRITY               stored or signed data do not verify
│   ├── SealError               SEAL
│   └── VerificationError       VERIFICATION
└── UnavailableError            UNAVAILABLE             the database, the log or the queue cannot take it now
```

Messages never hold field values, SQL, paths or class names: they travel to callers.
"""

from __future__ import annotations

from typing import ClassVar


class HubError(Exception):
    """Base of everything this package raises on purpose."""

    code: ClassVar[str] = "ERROR"

    def __init__(self, message: str, *, hint: str = "", message_zh: str = "") -> None:
        super().__init__(message)
        self.message = message
        """One English sentence saying what is wrong."""
        self.hint = hint
        """What to do next, in English; may be empty."""
        self.message_zh = message_zh or message
        """The same sentence in Chinese."""

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class ConfigurationError(HubError):
    """The process is set up wrongly and refuses to start."""

    code = "CONFIGURATION"


class KeyRingError(ConfigurationError):
    """A key ring is missing, unreadable or incomplete."""

    code = "KEY_RING"


class CatalogError(ConfigurationError):
    """A catalogue file does not hold to the catalogue's rules."""

    code = "CATALOGUE"


class PolicyError(ConfigurationError):
    """A policy, purpose or case file does not hold to its rules."""

    code = "POLICY"


class DocumentsError(ConfigurationError):
    """A trusted document, its manifest or its certificate does not hold to its rules."""

    code = "DOCUMENTS"


class InputError(HubError):
    """The input is wrong and the caller can mend it."""

    code = "BAD_INPUT"


class IdentifierError(InputError):
    """An identifier of a subject is not well formed; `detail` is a stable code such as CHECKSUM_MISMATCH."""

    code = "BAD_IDENTIFIER"

    def __init__(self, message: str, *, detail: str, hint: str = "", message_zh: str = "") -> None:
        super().__init__(message, hint=hint, message_zh=message_zh)
        self.detail = detail


class ValueFormatError(InputError):
    """A field value cannot be read as its declared type; `detail` is a stable code such as BAD_DATE."""

    code = "BAD_VALUE"

    def __init__(self, message: str, *, detail: str, hint: str = "", message_zh: str = "") -> None:
        super().__init__(message, hint=hint, message_zh=message_zh)
        self.detail = detail


class IntakeError(InputError):
    """A file cannot be taken in as a whole (unknown dataset, unknown column, unreadable file)."""

    code = "INTAKE"


class AuthenticationError(HubError):
    """There is no valid access token."""

    code = "UNAUTHENTICATED"


class DisclosureRefusedError(HubError):
    """The disclosure gate refused; `reason` is a stable code from `hub.model.outcome.Reason`."""

    code = "NOT_DISCLOSED"

    def __init__(self, message: str, *, reason: str, hint: str = "", message_zh: str = "") -> None:
        super().__init__(message, hint=hint, message_zh=message_zh)
        self.reason = reason


class IntegrityError(HubError):
    """Something stored or signed does not verify."""

    code = "INTEGRITY"


class SealError(IntegrityError):
    """A sealed value cannot be opened: wrong key, wrong place, or altered."""

    code = "SEAL"


class VerificationError(IntegrityError):
    """A receipt, proof, checkpoint or signature does not verify."""

    code = "VERIFICATION"


class UnavailableError(HubError):
    """The hub cannot answer now and has disclosed nothing; try again later."""

    code = "UNAVAILABLE"
