"""What changes in detection rules and in the terms of review cases from one policy to another.

They show nobody more or less, so each change is NEITHER. That a rule is gone, or a case needs one person less, is
told all the same: `hub policy diff` is where somebody would notice it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from hub.policies.detections import Detection
from hub.policies.diff_clocks import Difference
from hub.policies.review import ReviewTerms

_NEITHER = "NEITHER"


def detection_differences(old: Mapping[str, Detection], new: Mapping[str, Detection]) -> Iterator[Difference]:
    """What differs in the rules, parameter by parameter."""
    yield from _differ("detection", _rules(old), _rules(new))


def review_differences(old: ReviewTerms, new: ReviewTerms) -> Iterator[Difference]:
    """What differs in the terms of cases."""
    yield from _differ("review", _terms(old), _terms(new))


def _differ(
    what: str, old: Mapping[str, Mapping[str, str]], new: Mapping[str, Mapping[str, str]]
) -> Iterator[Difference]:
    for name in sorted({*old, *new}):
        place = f"{what} {name}"
        if name not in old or name not in new:
            before, after = ("", "added") if name in new else ("", "removed")
            yield Difference(place, "", before, after, _NEITHER)
            continue
        for attribute in sorted({*old[name], *new[name]}):
            before, after = old[name].get(attribute, ""), new[name].get(attribute, "")
            if before != after:
                yield Difference(place, attribute, before, after, _NEITHER)


def _rules(rules: Mapping[str, Detection]) -> dict[str, dict[str, str]]:
    return {
        rule.id: {
            "method": rule.method.value,
            "severity": rule.severity.value,
            "text": f"{rule.text.zh} {rule.text.en}",
            **{name: str(number) for name, number in rule.numbers.items()},
            **{name: ", ".join(sorted(words)) for name, words in rule.words.items()},
        }
        for rule in rules.values()
    }


def _terms(terms: ReviewTerms) -> dict[str, dict[str, str]]:
    found = {
        f"severity {severity}": {
            "working_days": str(term.working_days),
            "persons": "two" if term.four_eyes else "one",
        }
        for severity, term in terms.severities.items()
    }
    return found | {
        f"outcome {code}": {"label": f"{label.zh} {label.en}"} for code, label in terms.outcomes.items()
    }
