"""The catalogue: which datasets and fields exist, and how their values are read."""
