"""The words everything else is built from: identifiers, values, outcomes, subjects."""
