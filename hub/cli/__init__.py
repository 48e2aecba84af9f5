"""The command line: one module per command family, over the same services that the server uses."""
