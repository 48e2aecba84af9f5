"""HTTP in front of the gate: GraphQL over HTTP, health and metrics."""
