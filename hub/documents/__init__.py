"""Trusted documents: the GraphQL texts that clients may name by id, and what each of them can ever show."""
