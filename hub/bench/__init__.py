"""The benchmark: what the hub costs beside the least an endpoint can do, and beside stock Strawberry."""
