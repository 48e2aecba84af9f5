"""Consent: signed, versioned artefacts that a subject grants, lists and withdraws."""
