"""What the pole keeps of the seconds around an event, and how that runs again."""
