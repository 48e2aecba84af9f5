"""Who is calling, and for what: clients, client assertions, access tokens and what they are bound to.

Authlib and joserfc are imported in this room only.
"""
