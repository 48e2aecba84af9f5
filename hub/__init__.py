"""credit-hub: a GraphQL credit data-sharing hub with access-controlled disclosure."""

__version__ = "0.1.0"
