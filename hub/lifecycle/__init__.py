"""The life of a record after it came in: repair and objection, as cases with roles, due dates and audit."""
