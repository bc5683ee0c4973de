"""Tests of the page in the browser, in a real Chromium."""
