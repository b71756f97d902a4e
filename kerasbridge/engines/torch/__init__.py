"""The torch engine: `engine` is its entry point."""
