"""The API calls that the simulator knows."""
