"""What a run is told as: text, JSON, CSV, a page."""
