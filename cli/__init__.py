"""The `zvonar` command."""
