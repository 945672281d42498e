"""The command line room: one file a command."""
